//! Applications: the page and the command line that manage them, and their keys.

use axum::http::StatusCode;
use contract::ShellService;
use domain::Role;
use domain::application::Application;
use secrecy::SecretString;
use server::use_cases::Applications;
use store::applications as rows;
use store::audit::Action;
use url::form_urlencoded::Serializer;
use vault::application_key::{matches, prefix_of};

use crate::support::accounts::sign_in;
use crate::support::databases::database_url;
use crate::support::harness::{Answer, Harness, ada, principal};
use crate::support::pages::{page, submit};
use crate::support::program;

const PAGE: &str = "/settings/email/applications";
const EVIL: &str = "</textarea><b id=canary>";

/// A server, with Ada's session.
async fn with_ada() -> (Harness, String) {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    (harness, cookie)
}

async fn post(harness: &Harness, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let form = Serializer::new(String::new()).extend_pairs(fields).finish();
    submit(harness, PAGE, cookie, form).await
}

async fn add(harness: &Harness, cookie: &str, name: &str) -> SecretString {
    key_in(&post(harness, cookie, &[("action", "add"), ("name", name)]).await)
}

/// The key that an answer shows.
fn key_in(answer: &Answer) -> SecretString {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let start = answer.body.find("ppm_").expect("a key");
    let key: String = answer.body[start..].chars().take_while(|c| !"\"<".contains(*c)).collect();
    key.into()
}

async fn only(harness: &Harness) -> Application {
    let [application] = <[_; 1]>::try_from(applications(harness).list().await.expect("a list"))
        .expect("there is one");
    application
}

fn applications(harness: &Harness) -> Applications {
    harness.server.applications()
}

async fn is_valid(harness: &Harness, key: &SecretString) -> bool {
    let prefix = prefix_of(key).expect("it has the form of a key");
    let stored = rows::key(&harness.server.store, prefix).await.expect("an answer");
    stored.is_some_and(|stored| matches(key, &stored.hash))
}

#[tokio::test]
async fn the_key_of_a_new_application_is_shown_once_and_stored_hashed() {
    let (harness, cookie) = with_ada().await;
    let key = add(&harness, &cookie, "PPM Planner").await;
    assert!(is_valid(&harness, &key).await);
    let listed = page(&harness, PAGE, &cookie).await;
    assert!(listed.body.contains("PPM Planner"), "{}", listed.body);
    let prefix = prefix_of(&key).expect("a prefix");
    assert!(listed.body.contains(&format!("ppm_{prefix}…")), "the public beginning is listed");
    assert!(!listed.body.contains(secrecy::ExposeSecret::expose_secret(&key)));
}

#[tokio::test]
async fn a_name_is_unique_regardless_of_case_and_what_was_entered_stays() {
    let (harness, cookie) = with_ada().await;
    add(&harness, &cookie, "Planner").await;
    let fields = [("action", "add"), ("name", "PLANNER"), ("senders", "a@example.com")];
    let answer = post(&harness, &cookie, &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Another application has this name."));
    assert!(answer.body.contains("a@example.com"));
}

#[tokio::test]
async fn two_keys_are_valid_until_the_old_one_is_removed() {
    let (harness, cookie) = with_ada().await;
    let old = add(&harness, &cookie, "Planner").await;
    let id = only(&harness).await.id;
    let rotate = [("action", "rotate"), ("application", id.as_str())];
    let new = key_in(&post(&harness, &cookie, &rotate).await);
    assert!(is_valid(&harness, &old).await && is_valid(&harness, &new).await);
    assert_eq!(post(&harness, &cookie, &rotate).await.status, StatusCode::CONFLICT);
    let prefix = prefix_of(&old).expect("a prefix");
    let remove = [("action", "remove-key"), ("application", &id), ("key", prefix)];
    assert_eq!(post(&harness, &cookie, &remove).await.redirect(), (StatusCode::SEE_OTHER, PAGE));
    assert!(!is_valid(&harness, &old).await && is_valid(&harness, &new).await);
}

#[tokio::test]
async fn a_removed_application_has_no_key() {
    let (harness, cookie) = with_ada().await;
    let key = add(&harness, &cookie, "Planner").await;
    let id = only(&harness).await.id;
    post(&harness, &cookie, &[("action", "remove"), ("application", &id)]).await;
    assert!(!is_valid(&harness, &key).await);
    assert!(applications(&harness).list().await.expect("a list").is_empty());
}

#[tokio::test]
async fn an_application_is_disabled_and_enabled_again() {
    let (harness, cookie) = with_ada().await;
    add(&harness, &cookie, "Planner").await;
    let id = only(&harness).await.id;
    for (action, is_disabled) in [("disable", true), ("enable", false)] {
        post(&harness, &cookie, &[("action", action), ("application", &id)]).await;
        assert_eq!(only(&harness).await.is_disabled, is_disabled, "{action}");
    }
}

#[tokio::test]
async fn a_sender_beyond_the_default_one_is_audited_once() {
    let (harness, cookie) = with_ada().await;
    let add = [("action", "add"), ("name", "Planner"), ("senders", "a@example.com")];
    post(&harness, &cookie, &add).await;
    let id = only(&harness).await.id;
    let senders = "a@example.com\r\nb@example.com";
    let change = [("action", "change"), ("application", &id), ("senders", senders)];
    assert_eq!(post(&harness, &cookie, &change).await.status, StatusCode::SEE_OTHER);
    assert_eq!(only(&harness).await.settings.senders, ["a@example.com", "b@example.com"]);
    let trail = harness.trail(20).await;
    let allowed = trail.iter().filter(|entry| entry.action == Action::ApplicationSenderAllowed);
    let details: Vec<_> = allowed.filter_map(|entry| entry.detail.as_deref()).collect();
    assert_eq!(details, ["Planner: b@example.com", "Planner: a@example.com"]);
}

#[tokio::test]
async fn a_reader_neither_sees_nor_changes_applications() {
    let (harness, _) = with_ada().await;
    harness.add_as(Role::Reader, "rita@example.com", "Rita").await;
    let mut rita = principal("rita", "rita@example.com", "Rita");
    rita.role = Role::Reader;
    assert!(harness.server.service().applications(&rita).await.is_err());
    assert!(harness.server.service().applications(&ada()).await.is_ok());
    let cookie = sign_in(harness.accounts(), "rita@example.com").await;
    let answer = post(&harness, &cookie, &[("action", "add"), ("name", "Planner")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_entered_never_becomes_markup() {
    let (harness, cookie) = with_ada().await;
    let fields = [("action", "add"), ("name", EVIL), ("senders", EVIL), ("per_minute", EVIL)];
    let answer = post(&harness, &cookie, &fields).await;
    assert!(!answer.body.contains("<b id=canary>"), "{}", answer.body);
    add(&harness, &cookie, EVIL).await;
    assert!(!page(&harness, PAGE, &cookie).await.body.contains("<b id=canary>"));
}

#[tokio::test]
async fn the_command_prints_a_key_and_manages_the_application() {
    let harness = Harness::start().await;
    let folder = harness.folder.path();
    let database = database_url(folder).await;
    let run = |arguments: &[&str]| {
        let mut command = program::program(folder);
        command.arg("application").args(arguments).args(["--database-url", &database]);
        let output = program::run(command, "");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let key = SecretString::from(run(&["add", "Planner", "--sender", "a@example.com"]).trim());
    assert!(is_valid(&harness, &key).await);
    let new = SecretString::from(run(&["rotate", "planner"]).trim());
    run(&["remove-old-key", "Planner"]);
    assert!(!is_valid(&harness, &key).await && is_valid(&harness, &new).await);
    run(&["disable", "Planner"]);
    let listed = run(&["list"]);
    assert!(listed.contains("a@example.com\tdisabled\tnever used"), "{listed}");
    run(&["enable", "Planner"]);
    run(&["remove", "PLANNER"]);
    assert_eq!(run(&["list"]), "");
}
