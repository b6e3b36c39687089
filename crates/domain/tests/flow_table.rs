//! The presence table of the contract, row by row.

use domain::Presence::{self, Disabled, Optional, Required};
use domain::{Draft, Field, OauthFlow, Section, presence};

/// The controls of a group whose presence is that of the group.
fn fields_without_exception(section: Section) -> Vec<Field> {
    let exceptions = [
        Field::BasicUseTls,
        Field::BasicTlsMode,
        Field::BasicTrustedCa,
        Field::Username,
        Field::Password,
        Field::OauthUseTls,
        Field::OauthTlsMode,
        Field::OauthTrustedCa,
        Field::AuthorizationEndpoint,
        Field::RedirectUri,
        Field::ClientAuthentication,
    ];
    Field::of(section).filter(|field| !exceptions.contains(field)).collect()
}

fn row(
    flow: OauthFlow,
    basic: Presence,
    oauth: Presence,
    authentication: Presence,
    consent: Presence,
) {
    let draft = Draft { flow, ..Draft::default() };
    let groups = [
        (Section::BasicSmtp, basic),
        (Section::OauthSmtp, oauth),
        (Section::Authentication, authentication),
    ];
    for (section, expected) in groups {
        assert_eq!(presence::section_presence(section, flow), expected, "{section:?}");
        for field in fields_without_exception(section) {
            assert_eq!(presence(field, &draft), expected, "{field:?} with {flow:?}");
        }
    }
    for field in [Field::AuthorizationEndpoint, Field::RedirectUri] {
        assert_eq!(presence(field, &draft), consent, "{field:?} with {flow:?}");
    }
    for field in [
        Field::OauthUseTls,
        Field::OauthTlsMode,
        Field::OauthTrustedCa,
        Field::ClientAuthentication,
    ] {
        let expected = if oauth == Disabled { Disabled } else { Optional };
        assert_eq!(presence(field, &draft), expected, "{field:?} with {flow:?}");
    }
}

#[test]
fn without_oauth_basic_smtp_is_required_and_the_rest_disabled() {
    row(OauthFlow::None, Required, Disabled, Disabled, Disabled);
}

#[test]
fn with_authorization_code_basic_smtp_is_optional_and_the_rest_required() {
    row(OauthFlow::AuthorizationCode, Optional, Required, Required, Required);
}

#[test]
fn with_pkce_presence_is_as_with_authorization_code() {
    row(OauthFlow::AuthorizationCodePkce, Optional, Required, Required, Required);
}

#[test]
fn with_client_credentials_authorization_endpoint_and_redirect_uri_are_disabled() {
    row(OauthFlow::ClientCredentials, Optional, Required, Required, Disabled);
}

#[test]
fn a_username_makes_the_password_required_with_every_flow() {
    for flow in OauthFlow::ALL {
        let mut draft = Draft { flow, ..Draft::default() };
        assert_eq!(presence(Field::Password, &draft), Optional);
        draft.edit(Field::Username, "noreply");
        assert_eq!(presence(Field::Password, &draft), Required);
    }
}
