//! The table: which control must be filled in, which may be, and which takes no input. View,
//! browser check and server check all ask here; nothing else decides.

#![expect(clippy::match_same_arms, reason = "a table: a row a case")]

use crate::draft::{ClientAuthentication, Draft};
use crate::field::{Field, Section};
use crate::flow::OauthFlow;

/// Whether a control wants input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It must be filled in.
    Required,
    /// It may be; what is there must be right.
    Optional,
    /// It is shown, takes no input and is not checked; what stands in it is kept.
    Disabled,
}

/// Whether a control must be filled in, may be, or takes no input, for the flow chosen in `draft`.
#[must_use]
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
        Field::BasicUseTls | Field::BasicTlsMode | Field::BasicTrustedCa | Field::Username => {
            Presence::Optional
        }
        Field::Password if draft.sign_in.username.is_empty() => Presence::Optional,
        Field::Password => Presence::Required,
        Field::OauthUseTls
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
    /// Whether PPM asks for tokens without a secret, as a public client does (RFC 6749 2.1).
    #[must_use]
    pub fn is_public_client(&self) -> bool {
        let method = self.authentication.client_authentication;
        self.flow == OauthFlow::AuthorizationCodePkce && method == ClientAuthentication::None
    }
}

/// What a whole group is under a flow: its mark on the screen, and the rule for most of its controls.
#[must_use]
pub fn section_presence(section: Section, flow: OauthFlow) -> Presence {
    match (section, flow) {
        (Section::Flow, _) | (Section::BasicSmtp, OauthFlow::None) => Presence::Required,
        (
            Section::BasicSmtp,
            OauthFlow::AuthorizationCode
            | OauthFlow::AuthorizationCodePkce
            | OauthFlow::ClientCredentials,
        ) => Presence::Optional,
        (Section::OauthSmtp | Section::Authentication, OauthFlow::None) => Presence::Disabled,
        (
            Section::OauthSmtp | Section::Authentication,
            OauthFlow::AuthorizationCode
            | OauthFlow::AuthorizationCodePkce
            | OauthFlow::ClientCredentials,
        ) => Presence::Required,
    }
}
