//! Saving through the service: validation, stored secrets, conflicts and audit rows.

use contract::{ApiCode, Conflict, EmailService, Save, SaveAnswer};
use domain::delivery::{Diagnosis, Outcome};
use domain::secret::{SecretEdit, TypedSecret};
use domain::{Draft, Field, OauthFlow, Problem, Saved};
use store::audit::Action;
use tokio::{net::TcpListener, task::JoinSet};

use crate::support::databases::put_token;
use crate::support::drafts::{draft_of, edited};
use crate::support::harness::{Harness, ada, principal};
use crate::support::oauth_fixture::draft_with;
use crate::support::waiting::ended;

fn complete() -> Draft {
    draft_of(&[
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "Example PPM"),
        (Field::BasicServer, "smtp.example.com"),
        (Field::BasicPort, "587"),
        (Field::Username, "noreply"),
        (Field::Password, "canary-stored-password"),
        (Field::ClientId, "canary-client-id"),
    ])
}

/// Asserts that this save is refused with this problem of a field.
async fn expect_problem(
    harness: &Harness,
    draft: &Draft,
    revision: i64,
    expected: (Field, Problem),
) {
    match harness.save(draft, revision).await {
        SaveAnswer::Problems(problems) => {
            assert_eq!(problems.of(expected.0), Some(expected.1));
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// The settings that a save on an outdated revision finds instead.
async fn conflict(harness: &Harness, draft: &Draft, revision: i64) -> Conflict {
    match harness.save(draft, revision).await {
        SaveAnswer::Conflict(conflict) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

async fn loaded(harness: &Harness) -> Saved {
    let tab = harness.server.service().load(&ada(), "http://ppm.example/oauth/callback").await;
    tab.expect("an answer").saved
}

#[tokio::test]
async fn what_is_saved_is_what_is_loaded() {
    let harness = Harness::start().await;
    let saved = harness.saved(&complete(), 0).await;
    assert_eq!(saved.revision, 1);
    assert_eq!(saved.form.plain_text(Field::ClientId), "canary-client-id");
    assert_eq!(loaded(&harness).await, saved);
}

#[tokio::test]
async fn saving_on_an_outdated_copy_is_refused_and_names_the_other_administrator() {
    let harness = Harness::start().await;
    let service = harness.server.service();
    let theirs = Save { draft: complete(), revision: 0, deletes_grant: None };
    let grace = principal("grace", "grace@example.com", "grace");
    service.save(&grace, theirs).await.expect("an answer");
    let theirs = conflict(&harness, &complete(), 0).await;
    assert_eq!((theirs.saved.by.as_deref(), theirs.saved.revision), (Some("grace"), 1));
    assert!(!theirs.is_own);
}

#[tokio::test]
async fn a_conflict_with_the_users_own_save_is_marked_as_own() {
    let harness = Harness::start().await;
    harness.saved(&complete(), 0).await;
    assert!(conflict(&harness, &complete(), 0).await.is_own);
}

#[tokio::test]
async fn a_conflict_names_the_secrets_that_were_replaced_since_and_no_others() {
    let harness = Harness::start().await;
    let mine = harness.saved(&complete(), 0).await.draft();
    let theirs = edited(&mine, &[(Field::Password, "another")]);
    harness.saved(&theirs, 1).await;
    let late = edited(&mine, &[(Field::BasicDisplayName, "Late")]);
    assert_eq!(harness.saved(&late, 2).await.revision, 3);
    for (revision, replaced) in [(1, vec![Field::Password]), (2, vec![])] {
        let theirs = conflict(&harness, &mine, revision).await;
        assert_eq!(theirs.replaced, replaced, "{revision}");
    }
}

#[tokio::test]
async fn an_invalid_form_changes_nothing() {
    let harness = Harness::start().await;
    let bad = edited(&complete(), &[(Field::BasicPort, "+587")]);
    assert!(matches!(harness.save(&bad, 0).await, SaveAnswer::Problems(_)));
    assert_eq!(loaded(&harness).await, Saved::default());
}

#[tokio::test]
async fn saving_another_host_requires_the_password_again() {
    let harness = Harness::start().await;
    let before = harness.saved(&complete(), 0).await;
    let moved = edited(&before.draft(), &[(Field::BasicServer, "evil.example")]);
    expect_problem(&harness, &moved, 1, (Field::Password, Problem::EnterAgain)).await;
}

/// Saves a Client Secret with this form, and then another Token Endpoint.
async fn saved_with_moved_token_endpoint(harness: &Harness, draft: &Draft) -> Saved {
    let endpoint = (Field::TokenEndpoint, "https://login.example.com/t");
    let first = harness.saved(&edited(draft, &[endpoint, (Field::ClientSecret, "s")]), 0).await;
    let moved = edited(&first.draft(), &[(Field::TokenEndpoint, "https://evil.example/t")]);
    harness.saved(&moved, 1).await
}

#[tokio::test]
async fn a_client_secret_saved_in_a_disabled_group_stays_bound_to_its_endpoint() {
    let harness = Harness::start().await;
    let second = saved_with_moved_token_endpoint(&harness, &complete()).await;
    let enabled = edited(&second.draft(), &[(Field::Flow, "client-credentials")]);
    expect_problem(&harness, &enabled, 2, (Field::ClientSecret, Problem::EnterAgain)).await;
}

#[tokio::test]
async fn an_emptied_username_removes_the_stored_password_for_good() {
    let harness = Harness::start().await;
    let first = harness.saved(&complete(), 0).await;
    let second = harness.saved(&edited(&first.draft(), &[(Field::Username, "")]), 1).await;
    let back = edited(&second.draft(), &[(Field::Username, "noreply")]);
    expect_problem(&harness, &back, 2, (Field::Password, Problem::Missing)).await;
}

#[tokio::test]
async fn an_oversized_field_is_refused_even_when_disabled() {
    let harness = Harness::start().await;
    let draft = edited(&complete(), &[(Field::Scope, &"x".repeat(4097))]);
    let save = Save { draft, revision: 0, deletes_grant: None };
    let answer = harness.server.service().save(&ada(), save).await;
    assert_eq!(answer, Err(ApiCode::Oversized(Field::Scope)));
}

#[tokio::test]
async fn a_save_is_audited_by_the_names_of_its_fields_and_no_value() {
    let harness = Harness::start().await;
    let first = harness.saved(&complete(), 0).await;
    let mut draft = edited(&first.draft(), &[(Field::BasicDisplayName, "canary-name")]);
    draft.sign_in.password = SecretEdit::from_text("canary-new-password".to_owned());
    harness.saved(&draft, 1).await;
    let rows = harness.trail(1).await;
    assert_eq!(rows[0].action, Action::SettingsSaved);
    assert_eq!(rows[0].fields, ["basic-display-name", "password"]);
    assert!(!format!("{rows:?}").contains("canary"));
}

#[tokio::test]
async fn no_sealed_value_is_in_clear_in_the_database_files() {
    let harness = Harness::start().await;
    harness.saved(&complete(), 0).await;
    for entry in std::fs::read_dir(harness.folder.path()).expect("the folder") {
        let file = std::fs::read(entry.expect("an entry").path()).expect("a file");
        for canary in ["canary-stored-password", "canary-client-id"] {
            let found = file.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{canary}");
        }
    }
}

#[tokio::test]
async fn a_save_that_would_delete_a_token_names_it_first() {
    let harness = Harness::start().await;
    put_token(&harness.folder, "grant-1").await;
    let refused = harness.save(&complete(), 0).await;
    assert_eq!(refused, SaveAnswer::TokenWouldBeDeleted("grant-1".to_owned()));
    let named = Save { draft: complete(), revision: 0, deletes_grant: Some("grant-1".to_owned()) };
    let service = harness.server.service();
    let answer = service.save(&ada(), named).await.expect("an answer");
    assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
}

#[tokio::test]
async fn a_test_message_needs_complete_settings() {
    let harness = Harness::start().await;
    let answer = harness.server.service().send_test(&ada()).await;
    assert_eq!(answer, Err(ApiCode::Incomplete));
}

#[tokio::test]
async fn an_unknown_run_is_not_found() {
    let harness = Harness::start().await;
    let answer = harness.server.service().run(&ada(), "unknown").await;
    assert_eq!(answer, Err(ApiCode::NotFound));
}

#[tokio::test]
async fn a_test_message_with_an_oauth_flow_needs_a_token() {
    let harness = Harness::start().await;
    let oauth = draft_with(OauthFlow::ClientCredentials, "", "https://login.example.com/t", 587);
    harness.saved(&oauth, 0).await;
    let answer = harness.server.service().send_test(&ada()).await;
    assert_eq!(answer, Err(ApiCode::TokenNeeded));
}

/// Settings for a port of this machine on which nothing listens.
fn closed_port() -> Draft {
    edited(&complete(), &[(Field::BasicServer, "127.0.0.1"), (Field::BasicPort, "1")])
}

#[tokio::test]
async fn a_client_secret_bound_to_another_endpoint_does_not_block_a_basic_message() {
    let harness = Harness::start().await;
    saved_with_moved_token_endpoint(&harness, &closed_port()).await;
    let service = harness.server.service();
    let begun = service.send_test(&ada()).await.expect("a run");
    match ended(&service, &ada(), &begun.run.id).await.run.outcome {
        Some(Outcome::Failed { diagnosis, .. }) => assert_eq!(diagnosis, Diagnosis::NothingListens),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn of_concurrent_requests_one_sends() {
    let harness = Harness::start().await;
    // Accepts the connection and stays silent, so that the first message keeps running.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("it is bound").port().to_string();
    harness.saved(&edited(&closed_port(), &[(Field::BasicPort, &port)]), 0).await;
    let service = harness.server.service();
    let mut clicks = JoinSet::new();
    for _ in 0..4 {
        let service = service.clone();
        clicks.spawn(async move { service.send_test(&ada()).await });
    }
    let answers = clicks.join_all().await;
    let refused = answers.iter().filter(|answer| **answer == Err(ApiCode::Busy)).count();
    assert_eq!(refused, 3, "{answers:?}");
}

#[tokio::test]
async fn an_empty_secret_counts_as_missing() {
    let harness = Harness::start().await;
    let mut draft = complete();
    draft.sign_in.password = SecretEdit::Replace(TypedSecret::new(String::new()));
    expect_problem(&harness, &draft, 0, (Field::Password, Problem::Missing)).await;
}

#[tokio::test]
async fn a_password_that_is_removed_with_its_username_is_audited() {
    let harness = Harness::start().await;
    let first = harness.saved(&complete(), 0).await;
    harness.saved(&edited(&first.draft(), &[(Field::Username, "")]), 1).await;
    let rows = harness.trail(1).await;
    assert_eq!(rows[0].fields, ["username", "password"]);
}
