//! A stored secret is used only for the destination that it was entered for.

use domain::secret::{Destination, SecretEdit, StoredSecret};
use domain::syntax::certificate::CertificateProblem;
use domain::{Draft, Field, Form, OauthFlow, Problem, Saved};

use crate::{OAUTH_FLOWS, OAUTH_TEXTS, edited, with_flow};

/// A changed value for each control that binds the Client Secret only with Client Credentials.
const BOUND_WITH_CLIENT_CREDENTIALS: [(Field, &str); 6] = [
    (Field::OauthServer, "smtp.example.org"),
    (Field::OauthPort, "465"),
    (Field::OauthUseTls, "off"),
    (Field::OauthTlsMode, "implicit"),
    (Field::OauthTrustedCa, "another"),
    (Field::Scope, "another"),
];

/// Returns the saved state after saving `draft` with untouched secrets over `before`.
fn saved_over(before: &Saved, draft: &Draft) -> Saved {
    assert!(draft.problems(&before.form).is_empty());
    let form = draft.map_secrets(|field, _| before.form.secret(field).cloned().unwrap_or_default());
    Saved { form, revision: before.revision + 1, ..Saved::default() }
}

/// A complete saved form with both secrets stored.
fn saved(flow: OauthFlow) -> Saved {
    let basic = [
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "Example PPM"),
        (Field::BasicServer, "smtp.example.com"),
        (Field::BasicPort, "587"),
        (Field::Username, "noreply"),
    ];
    let draft = with_flow(flow).with_texts(basic).with_texts(OAUTH_TEXTS);
    let form = draft.map_secrets(|field, _| match draft.destination(field) {
        Some(destination) => StoredSecret::For(destination),
        None => StoredSecret::Unset,
    });
    Saved { form, revision: 1, ..Saved::default() }
}

fn problem(saved: &Saved, draft: &Draft, field: Field) -> Option<Problem> {
    draft.problems(&saved.form).of(field)
}

#[test]
fn an_untouched_secret_is_kept() {
    let saved = saved(OauthFlow::AuthorizationCode);
    assert!(saved.draft().problems(&saved.form).is_empty());
}

#[test]
fn a_changed_server_or_trusted_certificate_requires_the_password_again() {
    let authority = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let saved = saved(OauthFlow::None);
    for (field, text, expected) in [
        (Field::BasicServer, "smtp.example.org", Some(Problem::EnterAgain)),
        (Field::BasicServer, "SMTP.example.com", None),
        (Field::BasicTrustedCa, authority, Some(Problem::EnterAgain)),
        (Field::OauthTrustedCa, authority, None),
    ] {
        let draft = edited(&saved, &[(field, text)]);
        assert_eq!(problem(&saved, &draft, Field::Password), expected, "{field:?} {text}");
    }
}

#[test]
fn a_changed_origin_or_path_of_the_token_endpoint_requires_the_client_secret_again() {
    for flow in OAUTH_FLOWS {
        let saved = saved(flow);
        for endpoint in ["https://evil.example/token", "https://login.example.com/v2/token"] {
            let draft = edited(&saved, &[(Field::TokenEndpoint, endpoint)]);
            let found = problem(&saved, &draft, Field::ClientSecret);
            assert_eq!(found, Some(Problem::EnterAgain), "{flow:?} {endpoint}");
        }
    }
}

#[test]
fn with_client_credentials_a_changed_scope_or_mail_server_requires_the_client_secret_again() {
    let saved = saved(OauthFlow::ClientCredentials);
    for edit in BOUND_WITH_CLIENT_CREDENTIALS {
        let draft = edited(&saved, &[edit]);
        assert_eq!(problem(&saved, &draft, Field::ClientSecret), Some(Problem::EnterAgain));
        assert_eq!(saved.fields_asked_again(Field::ClientSecret, &draft), [edit.0]);
    }
}

#[test]
fn with_an_authorization_code_flow_a_changed_scope_or_mail_server_keeps_the_client_secret() {
    for flow in [OauthFlow::AuthorizationCode, OauthFlow::AuthorizationCodePkce] {
        let saved = saved(flow);
        for edit in BOUND_WITH_CLIENT_CREDENTIALS {
            let draft = edited(&saved, &[edit]);
            assert_eq!(problem(&saved, &draft, Field::ClientSecret), None, "{edit:?}");
        }
    }
}

#[test]
fn only_another_kind_of_flow_requires_the_client_secret_again_even_by_way_of_none() {
    for from in OAUTH_FLOWS {
        let before = saved(from);
        let between = saved_over(&before, &edited(&before, &[(Field::Flow, "none")]));
        assert_eq!(between.fields_asked_again(Field::ClientSecret, &between.draft()), []);
        for to in OAUTH_FLOWS {
            let is_another =
                (from == OauthFlow::ClientCredentials) != (to == OauthFlow::ClientCredentials);
            let expected = is_another.then_some(Problem::EnterAgain);
            for saved in [&before, &between] {
                let draft = edited(saved, &[(Field::Flow, to.wire_name())]);
                let found = problem(saved, &draft, Field::ClientSecret);
                assert_eq!(found, expected, "{from:?} {to:?}");
            }
        }
    }
}

#[test]
fn a_client_secret_saved_with_the_flow_none_is_bound_to_the_authorization_code_flows() {
    let fresh = saved(OauthFlow::None);
    for (to, expected) in [
        (OauthFlow::AuthorizationCodePkce, None),
        (OauthFlow::ClientCredentials, Some(Problem::EnterAgain)),
    ] {
        let draft = edited(&fresh, &[(Field::Flow, to.wire_name())]);
        assert_eq!(problem(&fresh, &draft, Field::ClientSecret), expected, "{to:?}");
    }
}

#[test]
fn changed_controls_of_a_destination_are_listed_in_display_order() {
    let saved = saved(OauthFlow::ClientCredentials);
    let draft = edited(&saved, &BOUND_WITH_CLIENT_CREDENTIALS);
    let expected = BOUND_WITH_CLIENT_CREDENTIALS.map(|(field, _)| field);
    // With TLS off, TLS mode and trusted certificates do not count.
    let expected: Vec<_> = expected
        .into_iter()
        .filter(|field| !matches!(field, Field::OauthTlsMode | Field::OauthTrustedCa))
        .collect();
    assert_eq!(saved.fields_asked_again(Field::ClientSecret, &draft), expected);
}

#[test]
fn a_changed_control_of_the_passwords_destination_is_listed() {
    let saved = saved(OauthFlow::None);
    for edit in [
        (Field::BasicServer, "smtp.example.org"),
        (Field::BasicPort, "465"),
        (Field::BasicUseTls, "off"),
        (Field::BasicTlsMode, "implicit"),
        (Field::BasicTrustedCa, "another"),
        (Field::Username, "another"),
    ] {
        assert_eq!(saved.fields_asked_again(Field::Password, &edited(&saved, &[edit])), [edit.0]);
    }
}

#[test]
fn a_client_secret_bound_to_an_origin_by_an_earlier_version_must_be_entered_again() {
    let mut saved = saved(OauthFlow::AuthorizationCode);
    let origin = saved.form.token_endpoint_origin();
    saved.form.authentication.client_secret = StoredSecret::For(origin);
    assert_eq!(problem(&saved, &saved.draft(), Field::ClientSecret), Some(Problem::EnterAgain));
}

#[test]
fn a_change_lists_only_the_controls_that_it_changed() {
    let saved = saved(OauthFlow::ClientCredentials);
    let before = edited(&saved, &[(Field::Scope, "another")]);
    let mut after = before.clone();
    after.edit(Field::OauthPort, "465");
    assert_eq!(saved.moved_by(Field::ClientSecret, &before, &after), [Field::OauthPort]);
    assert_eq!(saved.moved_by(Field::ClientSecret, &after, &before), []);
    after.edit(Field::ClientSecret, "typed");
    assert_eq!(saved.moved_by(Field::ClientSecret, &before, &after), []);
}

#[test]
fn a_group_edited_while_disabled_requires_the_secret_again() {
    let before = saved(OauthFlow::ClientCredentials);
    // Saved with the group disabled and a changed endpoint: the secret keeps its destination.
    let away =
        edited(&before, &[(Field::Flow, "none"), (Field::TokenEndpoint, "https://evil.example/")]);
    let between = saved_over(&before, &away);
    let back = edited(&between, &[(Field::Flow, "client-credentials")]);
    assert_eq!(problem(&between, &back, Field::ClientSecret), Some(Problem::EnterAgain));
}

#[test]
fn a_secret_that_is_entered_again_is_accepted() {
    let saved = saved(OauthFlow::None);
    let draft =
        edited(&saved, &[(Field::BasicServer, "smtp.example.org"), (Field::Password, "new")]);
    assert_eq!(problem(&saved, &draft, Field::Password), None);
}

#[test]
fn an_emptied_username_removes_the_stored_password() {
    let saved = saved(OauthFlow::None);
    let draft = edited(&saved, &[(Field::Username, "")]);
    assert!(draft.problems(&saved.form).is_empty());
    assert_eq!(*draft.secret_on_save(Field::Password), SecretEdit::Clear);
}

#[test]
fn a_cleared_password_is_missing_if_there_is_a_username() {
    let saved = saved(OauthFlow::None);
    let mut draft = saved.draft();
    draft.sign_in.password = SecretEdit::Clear;
    assert_eq!(problem(&saved, &draft, Field::Password), Some(Problem::Missing));
}

#[test]
fn a_password_without_a_username_is_a_problem_of_the_username() {
    let mut draft = Draft::default();
    draft.edit(Field::Password, "typed");
    let problems = draft.problems(&Form::default());
    assert_eq!(problems.of(Field::Username), Some(Problem::UsernameMissing));
}

#[test]
fn a_secret_over_4096_characters_is_rejected_without_printing_it() {
    let mut draft = saved(OauthFlow::None).draft();
    draft.edit(Field::Password, "ß".repeat(4097));
    let problems = draft.problems(&saved(OauthFlow::None).form);
    assert_eq!(problems.of(Field::Password), Some(Problem::TooLong(4096)));
    assert!(!serde_json::to_string(&problems).unwrap().contains('ß'));
}

#[test]
fn length_limits_count_characters() {
    for (count, expected) in [(500, None), (501, Some(Problem::TooLong(500)))] {
        let saved = saved(OauthFlow::AuthorizationCode);
        let draft = edited(&saved, &[(Field::RedirectUri, &"ü".repeat(count))]);
        assert_eq!(problem(&saved, &draft, Field::RedirectUri), expected, "{count}");
    }
}

#[test]
fn text_over_4096_characters_and_certificates_over_16384_are_oversized_even_if_disabled() {
    for (field, most) in [(Field::Scope, 4096), (Field::OauthTrustedCa, 16_384)] {
        let oversized = |length| {
            let text = "x".repeat(length);
            Draft::default().with_texts([(field, text)]).oversized()
        };
        assert_eq!((oversized(most), oversized(most + 1)), (None, Some(field)));
    }
}

#[test]
fn a_private_key_in_a_certificate_control_is_removed() {
    let key = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----";
    let mut draft = Draft::default();
    draft.edit(Field::BasicTrustedCa, key);
    draft.oauth.trusted_ca = key.to_owned();
    let draft = draft.strip_private_keys();
    assert!(!serde_json::to_string(&draft).unwrap().contains("canary"));
    let expected = Problem::Certificate(CertificateProblem::PrivateKey);
    assert_eq!(draft.problems(&Form::default()).of(Field::BasicTrustedCa), Some(expected));
}

#[test]
fn line_ends_are_normalized_to_lf() {
    let mut draft = Draft::default();
    draft.edit(Field::BasicTrustedCa, "\r\na\rb\nc\r\n");
    assert_eq!(draft.text(Field::BasicTrustedCa), "\na\nb\nc\n");
}

#[test]
fn a_trusted_certificate_is_part_of_a_destination_only_with_tls() {
    let security = |draft: &Draft| match draft.token_destination() {
        Destination::MailServer { security, .. } => security,
        other => panic!("{other:?}"),
    };
    let mut draft = Draft::default();
    assert_eq!(security(&draft), "automatic", "as before there were any");
    draft.edit(Field::OauthTrustedCa, " PEM\n");
    assert_eq!(security(&draft), "automatic PEM");
    draft.edit(Field::OauthUseTls, "false");
    assert_eq!(security(&draft), "clear");
}

#[test]
fn a_form_saved_without_trusted_certificates_still_loads() {
    let mut json = serde_json::to_value(Draft::default()).unwrap();
    for group in ["basic", "oauth"] {
        json[group].as_object_mut().unwrap().remove("trusted_ca");
    }
    assert_eq!(serde_json::from_value::<Draft>(json).unwrap(), Draft::default());
}

#[test]
fn debug_output_hides_a_typed_secret() {
    let mut draft = Draft::default();
    draft.edit(Field::Password, "canary");
    assert!(!format!("{draft:?}").contains("canary"));
}

#[test]
fn host_names_equal_only_by_unicode_case_folding_are_different_destinations() {
    let mut draft = Draft::default();
    draft.edit(Field::BasicServer, "οδος-a.gr");
    let first = draft.destination(Field::Password);
    draft.edit(Field::BasicServer, "ΟΔΟΣ-a.gr");
    assert_ne!(draft.destination(Field::Password), first);
}
