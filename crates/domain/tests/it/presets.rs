//! Each preset fills in valid values.

use domain::preset::{Detail, DetailProblem, Provider};
use domain::{Draft, Field, OauthFlow, Saved};

fn detail(provider: Provider) -> &'static str {
    match provider.detail() {
        Some(Detail::Tenant) => "contoso.onmicrosoft.com",
        Some(Detail::Region) => "eu-central-1",
        None => "",
    }
}

/// A form with a provider's preset and the administrator's own values.
fn filled(provider: Provider, flow: OauthFlow) -> Draft {
    let own = [
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "Example PPM"),
        (Field::OauthSender, "noreply@example.com"),
        (Field::OauthDisplayName, "Example PPM"),
        (Field::ClientId, "client"),
        (Field::RedirectUri, "https://ppm.example/oauth/callback"),
        (Field::ClientSecret, "s"),
    ];
    let preset = provider.values(flow, detail(provider)).expect("values");
    let mut draft = Draft::default().with_texts(own).with_texts(preset);
    if !draft.sign_in.username.is_empty() {
        draft.edit(Field::Password, "s");
    }
    draft
}

#[test]
fn each_preset_is_valid_with_every_flow() {
    for provider in Provider::ALL {
        for flow in OauthFlow::ALL {
            let problems = filled(provider, flow).problems(&Saved::default().form);
            assert!(problems.is_empty(), "{provider:?} {flow:?}: {problems:?}");
        }
    }
}

#[test]
fn a_provider_has_oauth_if_its_preset_has() {
    for provider in Provider::ALL {
        assert_eq!(provider.has_oauth(), provider.preset().oauth.is_some(), "{provider:?}");
    }
}

#[test]
fn each_provider_is_recognised_by_its_own_server() {
    for provider in Provider::ALL {
        let server = filled(provider, OauthFlow::None).active_smtp().server.clone();
        assert_eq!(Provider::of_server(&server), Some(provider), "{server}");
    }
}

#[test]
fn a_provider_is_recognised_by_whole_labels_of_the_server() {
    for (server, expected) in [
        ("SMTP.Gmail.com.", Some(Provider::Google)),
        ("smtp-mail.outlook.com", Some(Provider::Microsoft365)),
        ("notgmail.com", None),
        ("smtp.gmail.com.example.org", None),
        ("", None),
    ] {
        assert_eq!(Provider::of_server(server), expected, "{server}");
    }
}

#[test]
fn client_credentials_are_kept_if_the_provider_supports_them() {
    let flow = |provider| filled(provider, OauthFlow::ClientCredentials).flow;
    assert_eq!(flow(Provider::Microsoft365), OauthFlow::ClientCredentials);
    assert_eq!(flow(Provider::Google), OauthFlow::AuthorizationCodePkce);
}

#[test]
fn high_volume_email_always_uses_client_credentials() {
    for flow in OauthFlow::ALL {
        let draft = filled(Provider::HighVolumeEmail, flow);
        assert_eq!(draft.flow, OauthFlow::ClientCredentials, "{flow:?}");
        assert_eq!(draft.authentication.scope, "https://outlook.office365.com/.default");
    }
}

#[test]
fn an_invalid_detail_is_rejected() {
    for (typed, expected) in [
        ("", DetailProblem::Missing),
        ("   ", DetailProblem::Missing),
        ("a/b", DetailProblem::Malformed),
        ("a?b", DetailProblem::Malformed),
        ("..", DetailProblem::Malformed),
        ("a..b", DetailProblem::Malformed),
        ("bücher", DetailProblem::Malformed),
        ("@evil.example", DetailProblem::Malformed),
    ] {
        let values = Provider::Microsoft365.values(OauthFlow::None, typed);
        assert_eq!(values, Err(expected), "{typed:?}");
    }
}

#[test]
fn every_documentation_link_is_https() {
    for provider in Provider::ALL {
        assert!(provider.preset().page.starts_with("https://"), "{provider:?}");
    }
}
