//! Property tests: invariants of every draft.

use domain::note::{follows, notes};
use domain::secret::{Destination, SecretEdit, StoredSecret};
use domain::settings::OpenedSecrets;
use domain::{Draft, Field, Form, OauthFlow, Presence, Saved, Settings, presence};
use proptest::{prelude::*, strategy::ValueTree};
use secrecy::SecretString;

use crate::with_flow;

/// A strategy for a control's text: usually valid, sometimes empty, sometimes arbitrary.
fn text(field: Field) -> BoxedStrategy<String> {
    let valid: &[&str] = match field {
        Field::Flow => {
            &["none", "authorization-code", "authorization-code-pkce", "client-credentials"]
        }
        Field::BasicSender | Field::OauthSender => {
            &["noreply@example.com", "\"a b\"@example.com", "jörg@exämple.com"]
        }
        Field::BasicServer | Field::OauthServer => {
            &["smtp.office365.com", "192.0.2.1", "2001:db8::1", "[::1]", "mail.example."]
        }
        Field::BasicPort | Field::OauthPort => &["0", "25", "465", "587", "65535"],
        Field::BasicUseTls | Field::OauthUseTls => &["on", "off"],
        Field::BasicTlsMode | Field::OauthTlsMode => &["automatic", "start-tls", "implicit"],
        Field::ClientAuthentication => &["automatic", "body", "basic", "none"],
        Field::BasicTrustedCa | Field::OauthTrustedCa => {
            &["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"]
        }
        Field::AuthorizationEndpoint | Field::TokenEndpoint => &[
            "https://login.example.com/token",
            "http://localhost:3000/t",
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "https://login.microsoftonline.com/contoso.com/oauth2/authorize",
            "https://accounts.google.com/o/oauth2/v2/auth",
        ],
        Field::RedirectUri => &["https://ppm.example.com/oauth/callback"],
        Field::Scope => &["https://mail.google.com/", "a b"],
        Field::PasswordExpiresOn | Field::ClientSecretExpiresOn => &["2027-01-31", "2000-02-29"],
        Field::BasicDisplayName
        | Field::OauthDisplayName
        | Field::Username
        | Field::Password
        | Field::ClientId
        | Field::ClientSecret => &["Example PPM", "ü"],
    };
    prop_oneof![
        6 => prop::sample::select(valid).prop_map(str::to_owned),
        1 => Just(String::new()),
        1 => any::<String>(),
    ]
    .boxed()
}

/// A strategy for drafts with every control filled by [`text`], and secrets in all states.
fn draft() -> impl Strategy<Value = Draft> {
    let texts: Vec<_> = Field::ALL.iter().map(|&field| text(field)).collect();
    (texts, any::<[bool; 2]>()).prop_map(|(texts, cleared)| {
        let mut draft = Draft::default().with_texts(Field::ALL.iter().copied().zip(texts));
        for (field, is_cleared) in [Field::Password, Field::ClientSecret].into_iter().zip(cleared) {
            if let (true, Some(secret)) = (is_cleared, draft.secret_mut(field)) {
                *secret = SecretEdit::Clear;
            }
        }
        draft
    })
}

/// The stored form: `draft` with both secrets stored, or with none.
fn stored_for(draft: &Draft, is_stored: bool) -> Form<StoredSecret> {
    draft.map_secrets(|field, _| match draft.destination(field) {
        Some(destination) if is_stored => StoredSecret::For(destination),
        _ => StoredSecret::Unset,
    })
}

fn opened(draft: &Draft, stored: &Form<StoredSecret>) -> OpenedSecrets {
    let open = |field| match (draft.secret(field), stored.secret(field)) {
        (Some(SecretEdit::Replace(typed)), _) => Some(typed.open()),
        (Some(SecretEdit::Untouched), Some(StoredSecret::For(_))) => {
            Some(SecretString::from("stored"))
        }
        _ => None,
    };
    OpenedSecrets { password: open(Field::Password), client_secret: open(Field::ClientSecret) }
}

proptest! {
    #[test]
    fn presence_is_total(draft in draft()) {
        for &field in Field::ALL {
            let _decided: Presence = presence(field, &draft);
        }
    }

    #[test]
    fn a_disabled_field_has_no_problem(draft in draft(), is_stored: bool) {
        for (field, problem) in draft.problems(&stored_for(&draft, is_stored)).iter() {
            prop_assert_ne!(presence(field, &draft), Presence::Disabled, "{:?}: {:?}", field, problem);
        }
    }

    #[test]
    fn an_undone_edit_is_not_dirty(saved in draft(), other in draft()) {
        let saved = Saved { form: stored_for(&saved, true), ..Saved::default() };
        let edits = Field::ALL.iter().map(|&field| (field, other.text(field)));
        let undone = Field::ALL.iter().map(|&field| (field, saved.form.plain_text(field)));
        prop_assert_eq!(saved.draft().with_texts(edits).with_texts(undone), saved.draft());
    }

    #[test]
    fn the_edited_fields_are_the_differences_from_the_draft_of_the_saved_form(saved in draft(), draft in draft()) {
        let saved = Saved { form: stored_for(&saved, true), ..Saved::default() };
        let edited: Vec<_> = saved.edited(&draft).collect();
        prop_assert_eq!(edited, draft.differences(&saved.draft()).collect::<Vec<_>>());
    }

    #[test]
    fn a_note_depends_on_no_field_that_it_does_not_follow(draft in draft(), other in draft()) {
        for &field in Field::ALL {
            let followed = follows(field).iter().copied().chain([field]);
            let mixed = other.clone().with_texts(followed.map(|field| (field, draft.text(field))));
            prop_assert_eq!(notes(field, &mixed), notes(field, &draft), "{:?}", field);
        }
    }

    #[test]
    fn a_draft_without_problems_always_parses(draft in draft(), is_stored: bool) {
        let stored = stored_for(&draft, is_stored);
        if draft.problems(&stored).is_empty() {
            let parsed = Settings::parse(&draft, &opened(&draft, &stored));
            prop_assert!(parsed.is_ok(), "{:?}", parsed.err());
        }
    }

    #[test]
    fn a_draft_and_its_problems_round_trip_through_json(draft in draft()) {
        let problems = draft.problems(&Form::default());
        let wire = serde_json::to_string(&(&draft, &problems)).unwrap();
        prop_assert_eq!(serde_json::from_str::<(Draft, domain::Problems)>(&wire).unwrap(), (draft, problems));
    }

    #[test]
    fn differences_lists_every_changed_field(left in draft(), right in draft()) {
        let mut mended = left.clone();
        for field in left.differences(&right) {
            match (mended.secret_mut(field), right.secret(field)) {
                (Some(secret), Some(theirs)) => *secret = theirs.clone(),
                _ => mended.edit(field, right.text(field)),
            }
        }
        prop_assert_eq!(mended, right);
    }
}

#[test]
fn the_strategy_generates_enough_valid_drafts() {
    // Otherwise the property about parsing would hold vacuously.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let valid = (0..2_000)
        .filter(|_| {
            let draft = draft().new_tree(&mut runner).unwrap().current();
            draft.problems(&stored_for(&draft, true)).is_empty()
        })
        .count();
    assert!(valid > 100, "only {valid} of 2,000");
}

#[test]
fn a_refresh_token_is_bound_to_the_origin_of_the_token_endpoint() {
    let endpoint = [(Field::TokenEndpoint, "https://login.example.com/a?b")];
    let draft = Draft::default().with_texts(endpoint);
    let origin = Destination::Origin("https://login.example.com".to_owned());
    assert_eq!(draft.token_endpoint_origin(), origin);
}

#[test]
fn oauth_without_tls_is_rejected() {
    let draft = with_flow(OauthFlow::ClientCredentials).with_texts([(Field::OauthUseTls, "off")]);
    let problems = draft.problems(&Form::default());
    assert_eq!(problems.of(Field::OauthUseTls), Some(domain::Problem::TlsNeeded));
}
