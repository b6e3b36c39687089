//! Presence and validation of Client authentication and Client Secret for each flow.

use domain::draft::ClientAuthentication;
use domain::secret::{SecretEdit, StoredSecret, TypedSecret};
use domain::settings::{OpenedSecrets, Settings};
use domain::{Draft, Field, Form, OauthFlow, Presence, Problem, Saved, presence};

use crate::{OAUTH_TEXTS, with_flow};

fn draft(flow: OauthFlow, method: ClientAuthentication) -> Draft {
    let texts = OAUTH_TEXTS.into_iter().chain([(Field::ClientAuthentication, method.wire_name())]);
    with_flow(flow).with_texts(texts)
}

#[test]
fn a_public_client_with_pkce_has_no_secret() {
    let mut draft = draft(OauthFlow::AuthorizationCodePkce, ClientAuthentication::None);
    assert_eq!(presence(Field::ClientSecret, &draft), Presence::Disabled);
    assert_eq!(presence(Field::ClientSecretExpiresOn, &draft), Presence::Disabled);
    assert!(draft.problems(&Saved::default().form).is_empty());
    draft.authentication.client_secret = SecretEdit::Replace(TypedSecret::new("s".to_owned()));
    let secrets = OpenedSecrets { client_secret: Some("s".into()), ..OpenedSecrets::default() };
    let Ok(Settings::Oauth { grant, .. }) = Settings::parse(&draft, &secrets) else { panic!() };
    assert!(grant.client_secret.is_none());
}

#[test]
fn a_public_client_without_pkce_is_rejected_and_needs_the_secret() {
    for flow in [OauthFlow::AuthorizationCode, OauthFlow::ClientCredentials] {
        let draft = draft(flow, ClientAuthentication::None);
        let problems = draft.problems(&Saved::default().form);
        assert_eq!(problems.of(Field::ClientAuthentication), Some(Problem::PkceNeeded), "{flow:?}");
        assert_eq!(problems.of(Field::ClientSecret), Some(Problem::Missing), "{flow:?}");
    }
}

#[test]
fn every_other_method_needs_the_secret() {
    for method in
        [ClientAuthentication::Automatic, ClientAuthentication::Body, ClientAuthentication::Basic]
    {
        let draft = draft(OauthFlow::AuthorizationCodePkce, method);
        let problems = draft.problems(&Saved::default().form);
        assert_eq!(problems.of(Field::ClientSecret), Some(Problem::Missing), "{method:?}");
        assert_eq!(problems.len(), 1);
    }
}

#[test]
fn client_authentication_is_disabled_with_the_flow_none() {
    let draft = draft(OauthFlow::None, ClientAuthentication::None);
    assert_eq!(presence(Field::ClientAuthentication, &draft), Presence::Disabled);
    assert_eq!(draft.problems(&Saved::default().form).of(Field::ClientAuthentication), None);
}

#[test]
fn a_form_saved_without_client_authentication_has_automatic() {
    let mut wire = serde_json::to_value(Form::<StoredSecret>::default()).expect("JSON");
    let fields = wire["authentication"].as_object_mut().expect("an object");
    assert_eq!(fields.remove("client_authentication"), Some("automatic".into()));
    let read: Form<StoredSecret> = serde_json::from_value(wire).expect("a form");
    assert_eq!(read.authentication.client_authentication, ClientAuthentication::Automatic);
}

#[test]
fn only_client_credentials_reject_microsofts_multi_tenant_aliases() {
    let problem = |flow, tenant: &str| {
        let mut draft = draft(flow, ClientAuthentication::Automatic);
        let endpoint = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        draft.edit(Field::TokenEndpoint, endpoint);
        draft.problems(&Saved::default().form).of(Field::TokenEndpoint)
    };
    for tenant in ["common", "consumers", "organizations", "Organizations"] {
        let expected = Some(Problem::TenantNeeded);
        assert_eq!(problem(OauthFlow::ClientCredentials, tenant), expected, "{tenant}");
        assert_eq!(problem(OauthFlow::AuthorizationCode, tenant), None, "{tenant}");
        assert_eq!(problem(OauthFlow::AuthorizationCodePkce, tenant), None, "{tenant}");
    }
    assert_eq!(problem(OauthFlow::ClientCredentials, "contoso.com"), None);
}
