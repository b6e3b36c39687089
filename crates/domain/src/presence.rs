//! The presence table: which control is required, optional or disabled for each OAuth flow. It is the
//! only source of presence for the view and for validation in browser and server.

#![expect(clippy::match_same_arms, reason = "a table: a row a case")]

use crate::{Draft, Field, OauthFlow, Section, draft::ClientAuthentication};

/// Whether a control needs input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// The control must be filled in.
    Required,
    /// The control may be empty; a value must be valid.
    Optional,
    /// The control is shown, but takes no input and is not validated; its value is kept.
    Disabled,
}

/// Returns whether a control is required, optional or disabled for the flow chosen in `draft`.
pub fn presence(field: Field, draft: &Draft) -> Presence {
    match field {
        Field::Flow => Presence::Required,
        Field::BasicSender
        | Field::BasicDisplayName
        | Field::BasicServer
        | Field::BasicPort
        | Field::OauthSender
        | Field::OauthDisplayName
        | Field::OauthServer
        | Field::OauthPort
        | Field::ClientId
        | Field::TokenEndpoint
        | Field::Scope => section_presence(field.section(), draft.flow),
        Field::ClientSecret if draft.is_public_client() => Presence::Disabled,
        Field::ClientSecret => section_presence(field.section(), draft.flow),
        Field::BasicUseTls
        | Field::BasicTlsMode
        | Field::BasicTrustedCa
        | Field::Username
        | Field::PasswordExpiresOn => Presence::Optional,
        Field::Password if draft.sign_in.username.is_empty() => Presence::Optional,
        Field::Password => Presence::Required,
        Field::ClientSecretExpiresOn if draft.is_public_client() => Presence::Disabled,
        Field::ClientSecretExpiresOn
        | Field::OauthUseTls
        | Field::OauthTlsMode
        | Field::OauthTrustedCa
        | Field::ClientAuthentication => match draft.flow {
            OauthFlow::None => Presence::Disabled,
            OauthFlow::AuthorizationCode
            | OauthFlow::AuthorizationCodePkce
            | OauthFlow::ClientCredentials => Presence::Optional,
        },
        Field::AuthorizationEndpoint | Field::RedirectUri => match draft.flow {
            OauthFlow::None | OauthFlow::ClientCredentials => Presence::Disabled,
            OauthFlow::AuthorizationCode | OauthFlow::AuthorizationCodePkce => Presence::Required,
        },
    }
}

impl Draft {
    /// Whether PPM is a public client, which has no secret (RFC 6749 2.1).
    pub fn is_public_client(&self) -> bool {
        let method = self.authentication.client_authentication;
        self.flow == OauthFlow::AuthorizationCodePkce && method == ClientAuthentication::None
    }
}

/// Returns the presence of a group with a flow: its mark on the screen, and the presence of most of
/// its controls.
pub fn section_presence(section: Section, flow: OauthFlow) -> Presence {
    let (basic, oauth) = match flow {
        OauthFlow::None => (Presence::Required, Presence::Disabled),
        OauthFlow::AuthorizationCode
        | OauthFlow::AuthorizationCodePkce
        | OauthFlow::ClientCredentials => (Presence::Optional, Presence::Required),
    };
    match section {
        Section::Flow => Presence::Required,
        Section::BasicSmtp => basic,
        Section::OauthSmtp | Section::Authentication => oauth,
    }
}
