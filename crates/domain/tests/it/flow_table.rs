//! The presence table of the contract, row by row.

use domain::Presence::{Disabled, Optional, Required};
use domain::{Field, OauthFlow, Section, presence};

use crate::with_flow;

/// The controls of a group whose presence is that of the group.
fn fields_without_exception(section: Section) -> Vec<Field> {
    let exceptions = [
        Field::BasicUseTls,
        Field::BasicTlsMode,
        Field::BasicTrustedCa,
        Field::Username,
        Field::Password,
        Field::PasswordExpiresOn,
        Field::OauthUseTls,
        Field::OauthTlsMode,
        Field::OauthTrustedCa,
        Field::ClientSecretExpiresOn,
        Field::AuthorizationEndpoint,
        Field::RedirectUri,
        Field::ClientAuthentication,
    ];
    Field::of(section).filter(|field| !exceptions.contains(field)).collect()
}

#[test]
fn the_flow_decides_the_presence_of_each_group() {
    for (flow, basic, oauth, consent) in [
        (OauthFlow::None, Required, Disabled, Disabled),
        (OauthFlow::AuthorizationCode, Optional, Required, Required),
        (OauthFlow::AuthorizationCodePkce, Optional, Required, Required),
        (OauthFlow::ClientCredentials, Optional, Required, Disabled),
    ] {
        let draft = with_flow(flow);
        for (section, expected) in [
            (Section::BasicSmtp, basic),
            (Section::OauthSmtp, oauth),
            (Section::Authentication, oauth),
        ] {
            assert_eq!(presence::section_presence(section, flow), expected, "{section:?}");
            for field in fields_without_exception(section) {
                assert_eq!(presence(field, &draft), expected, "{field:?} with {flow:?}");
            }
        }
        for field in [Field::AuthorizationEndpoint, Field::RedirectUri] {
            assert_eq!(presence(field, &draft), consent, "{field:?} with {flow:?}");
        }
        let expected = if oauth == Disabled { Disabled } else { Optional };
        for field in [
            Field::OauthUseTls,
            Field::OauthTlsMode,
            Field::OauthTrustedCa,
            Field::ClientSecretExpiresOn,
            Field::ClientAuthentication,
        ] {
            assert_eq!(presence(field, &draft), expected, "{field:?} with {flow:?}");
        }
    }
}

#[test]
fn a_username_makes_the_password_required_with_every_flow() {
    for flow in OauthFlow::ALL {
        let mut draft = with_flow(flow);
        assert_eq!(presence(Field::Password, &draft), Optional);
        draft.edit(Field::Username, "noreply");
        assert_eq!(presence(Field::Password, &draft), Required);
        assert_eq!(presence(Field::PasswordExpiresOn, &draft), Optional);
    }
}
