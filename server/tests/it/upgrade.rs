//! Upgrades from earlier versions. `fixtures/make.py` made databases with the program of the version
//! that bound the Client Secret only to an origin: the start binds it to its whole destination, once,
//! and stored data keeps working. `fixtures/make_outbox.py` made those with messages that wait.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use axum::Router;
use axum::http::{StatusCode, header};
use contract::{ApiCode, EmailService, Save, SaveAnswer, ShellService, TokenView};
use domain::application::ApplicationSettings;
use domain::outbox::MessageState;
use domain::secret::{Destination, StoredSecret};
use domain::token::{AttemptOutcome, Renewal};
use domain::{Draft, Field, Problem, Saved};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use server::identity::{Principal, SignInError, login_limits};
use server::use_cases::{Service, run_refresh_loop};
use store::hash::hashed;
use store::settings::{self, SealedSecret};
use store::{Store, health, outbox, runs};
use tempfile::TempDir;
use tokio::task::JoinSet;
use url::Url;
use vault::{Vault, clock::Clock, columns, key_file};

use crate::support::databases::{connection, count_rows, database, database_url, execute, migrate};
use crate::support::drafts::edited;
use crate::support::harness::{
    ADDRESS, EMAIL, Harness, NAME, PASSWORD, caller_of, operator, post, principal, seen_as, trail,
};
use crate::support::oauth_fixture::{CALLBACK, stored_ada};
use crate::support::openid_provider::{OpenidProvider, param};
use crate::support::pages::{call_in, submit};
use crate::support::program::{Serving, log, write_private};
use crate::support::test_doubles::{FixedClock, SeededRandomness};
use crate::support::waiting::{until, until_some};
use testkit::provider::{ScriptedProvider, Turn};
use testkit::smtp_server::{SmtpScript, SmtpServer};

/// A database that `fixtures/make.py` or `fixtures/make_outbox.py` made.
struct ReleaseFixture {
    sqlite: &'static [u8],
    /// Its tables and its rows.
    postgres: [&'static str; 2],
    /// Where its Token Endpoint listens.
    provider: &'static str,
}

/// Has Authorization Code with PKCE, and a token with a refresh token.
const CODE: ReleaseFixture = ReleaseFixture {
    sqlite: include_bytes!("fixtures/code.db"),
    postgres: [EARLIEST_SCHEMA, include_str!("fixtures/code.sql")],
    provider: "127.77.14.1:7714",
};
/// Has Client Credentials and a token.
const CLIENT_CREDENTIALS: ReleaseFixture = ReleaseFixture {
    sqlite: include_bytes!("fixtures/itself.db"),
    postgres: [EARLIEST_SCHEMA, include_str!("fixtures/itself.sql")],
    provider: "127.77.14.2:7714",
};
/// The tables of both.
const EARLIEST_SCHEMA: &str = include_str!("fixtures/schema.sql");
/// Has an application, and messages in several states.
const OUTBOX: ReleaseFixture = ReleaseFixture {
    sqlite: include_bytes!("fixtures/outbox.db"),
    postgres: [include_str!("fixtures/outbox-schema.sql"), include_str!("fixtures/outbox.sql")],
    provider: "",
};
/// The keys of its application, on `SQLite` and on `PostgreSQL`.
const OUTBOX_KEYS: &str = include_str!("fixtures/outbox-keys.txt");
/// The sealing key of all.
const KEY: &str = include_str!("fixtures/not-a-secret.key");
/// How many programs start at once.
const NODES: usize = 4;

impl ReleaseFixture {
    /// A folder with this database, rewritten by these statements, and its key.
    async fn folder(&self, statements: &str) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder for the test");
        write_private(&folder.path().join("ppm-email.key"), KEY);
        if database_url(folder.path()).await.starts_with("sqlite") {
            let file = folder.path().join("ppm-email.db");
            fs::write(&file, self.sqlite).expect("the folder is there");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is there");
        } else {
            let mut connection = connection(folder.path()).await;
            for statements in self.postgres {
                execute(&mut connection, statements).await;
            }
        }
        execute(&mut connection(folder.path()).await, statements).await;
        folder
    }

    /// Starts the current version on it.
    async fn upgraded(&self) -> Upgraded {
        Upgraded::start(self.folder("").await).await
    }

    fn token_endpoint(&self) -> String {
        format!("http://{}/token", self.provider)
    }

    /// Its provider, which answers one request with a token.
    fn provider(&self, answer: &str) -> ScriptedProvider {
        ScriptedProvider::play_at(self.provider, [Turn::json("200 OK", answer)])
    }
}

struct Upgraded {
    harness: Harness,
    ada: Principal,
}

impl Upgraded {
    async fn start(folder: TempDir) -> Self {
        let harness = Harness::in_folder(folder, |_| {}).await;
        let ada = stored_ada(&harness).await;
        Self { harness, ada }
    }

    async fn token_view(&self) -> TokenView {
        self.service().token(&self.ada).await.expect("an answer")
    }

    fn service(&self) -> Service {
        self.harness.server.service()
    }

    async fn saved(&self) -> Saved {
        self.service().load(&self.ada, CALLBACK).await.expect("the tab").saved
    }

    /// Asserts which edits of the saved form ask for the Client Secret again.
    async fn expect_client_secret_problems(&self, edits: &[(Field, &str, Option<Problem>)]) {
        let saved = self.saved().await.draft();
        for (field, text, expected) in edits {
            let problem = self.client_secret_problem(edited(&saved, &[(*field, text)])).await;
            assert_eq!(problem, *expected, "{field:?}");
        }
    }

    /// The problem of the Client Secret that a save of this draft reports.
    async fn client_secret_problem(&self, draft: Draft) -> Option<Problem> {
        let save = Save { draft, revision: 1, deletes_grant: None };
        match self.service().save(&self.ada, save).await.expect("an answer") {
            SaveAnswer::Problems(problems) => problems.of(Field::ClientSecret),
            SaveAnswer::TokenWouldBeDeleted(_) => None,
            other => panic!("{other:?}"),
        }
    }

    /// A stored secret, decrypted for the destination of the saved form.
    async fn opened(&self, field: Field) -> String {
        let destination = self.saved().await.form.destination(field).expect("a destination");
        let sealed = stored(&self.harness.server.store, field).await.sealed;
        let opened = self.harness.server.vault.open(field.wire_name(), &destination, &sealed);
        opened.expect("it was sealed for this").expose_secret().to_owned()
    }
}

async fn stored(store: &Store, field: Field) -> SealedSecret {
    let stored = settings::load(store).await.expect("the settings are readable");
    let secret = stored.secrets.into_iter().find(|secret| secret.field == field.wire_name());
    secret.expect("it is stored")
}

/// The Client Secret's row in this folder's database.
async fn client_secret(folder: &TempDir) -> SealedSecret {
    let store = Store::open(&database(folder).await).await.expect("the database opens");
    let secret = stored(&store, Field::ClientSecret).await;
    store.close().await;
    secret
}

fn destination(secret: &SealedSecret) -> Destination {
    serde_json::from_str(&secret.destination_json).expect("a destination")
}

/// Starts the program on this folder's database, with its log in a file there.
async fn start(folder: &Path) -> Serving {
    let (folder, url) = (folder.to_owned(), database_url(folder).await);
    let starting = tokio::task::spawn_blocking(move || Serving::logged(&folder, &url, |_| {}));
    starting.await.expect("it starts")
}

#[tokio::test]
async fn all_data_of_the_earlier_version_is_kept() {
    for fixture in [CODE, CLIENT_CREDENTIALS] {
        let upgraded = fixture.upgraded().await;
        let saved = upgraded.saved().await;
        assert_eq!(saved.revision, 1);
        assert_eq!(saved.form.plain_text(Field::ClientId), "fixture-client");
        assert_eq!(saved.draft().problems(&saved.form).iter().count(), 0);
        assert_eq!(upgraded.opened(Field::Password).await, "fixture-password");
        assert_eq!(upgraded.opened(Field::ClientSecret).await, "fixture-client-secret");
        let Harness { server, .. } = &upgraded.harness;
        assert!(upgraded.harness.try_sign_in(EMAIL, PASSWORD).await.is_ok());
        assert!(trail(&server.store, 20).await.len() > 5);
        let runs = runs::history(&server.store, 1).await.expect("an answer");
        assert!(runs.first().expect("a message").1.run.outcome.is_some());
    }
}

#[tokio::test]
async fn a_session_of_the_earlier_version_stays_valid_with_an_unknown_address() {
    // 2027-03-01T08:00:00Z, when the clock of these tests begins.
    const SESSION: &str = "INSERT INTO session (token_hash, person, created_at, seen_at)
         SELECT 'a hash', id, 1803888000000, 1803888000000 FROM person";
    let harness = Harness::in_folder(CODE.folder(SESSION).await, |_| {}).await;
    let account = harness.server.service().account(&principal("x", "", "")).await;
    let others = account.expect("the page").others.expect("those of others");
    let shown: Vec<_> = others.iter().map(|row| (row.email.as_str(), &row.address)).collect();
    assert_eq!(shown, [(EMAIL, &None)]);
}

/// The schema of the fixtures, and the last one with two tables of sessions.
const EARLIER_SCHEMAS: [usize; 2] = [6, 10];
/// The schema of version 0.2.0.
const SCHEMA_OF_0_2_0: usize = 10;
const OPENID_NAME: &str = r#"Ada "A." O'Kafor"#;

fn cookie(token: &str) -> String {
    format!("ppm-email={token}")
}

/// Starts the current version on a database of the version with this schema, with sessions as it
/// stored them: of a local account, of a user of the provider, and two that were ended. Their tokens
/// are `local`, `openid`, `signed-out` and `removed`.
async fn with_sessions(schema: usize) -> (Harness, OpenidProvider) {
    let provider = OpenidProvider::start(FixedClock::new().now().timestamp()).await;
    let folder = CODE.folder("").await;
    migrate(folder.path(), 7..=schema).await;
    let mut connection = connection(folder.path()).await;
    let at = FixedClock::new().now().timestamp_millis();
    let [local, openid, signed_out, removed] =
        ["local", "openid", "signed-out", "removed"].map(hashed);
    let rows = format!(
        "INSERT INTO session (token_hash, person, created_at, seen_at)
         SELECT '{local}', id, {at}, {at} FROM person;
         INSERT INTO ended_session (token_hash, how, created_at)
         VALUES ('{signed_out}', 'sign-out', {at}), ('{removed}', 'removal', {at})"
    );
    execute(&mut connection, &rows).await;

    let (issuer, id) = (&provider.issuer, format!("{} 248289761001", provider.issuer));
    let principal = json!({
        "id": id, "issuer": issuer, "email": "ada@practice.example", "is_email_verified": true,
        "name": OPENID_NAME, "role": "administrator", "language": "de-DE", "times": null,
        "zone": "Europe/Berlin",
    });
    let ring = key_file::read(&folder.path().join("ppm-email.key")).expect("a key file");
    let randomness = Arc::new(SeededRandomness::new(7));
    let vault = Vault::over(ring.expect("it is there"), None, randomness);
    let destination = Destination::Origin(issuer.clone());
    let id_token = vault.seal(columns::ID_TOKEN, &destination, &provider.id_token().into());
    sqlx::query(
        "INSERT INTO foreign_session (token_hash, principal, id_token, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(openid)
    .bind(principal.to_string())
    .bind(id_token)
    .bind(at)
    .execute(&mut connection)
    .await
    .expect("the table is there");
    if schema == 10 {
        let added = format!(
            "UPDATE session SET address = '192.0.2.7';
             UPDATE foreign_session SET address = '192.0.2.8', person = '{id}'"
        );
        execute(&mut connection, &added).await;
    }
    (Harness::in_folder(folder, |config| config.oidc = Some(provider.client())).await, provider)
}

#[tokio::test]
async fn sessions_of_earlier_versions_stay_signed_in_and_ended_ones_stay_ended() {
    for schema in EARLIER_SCHEMAS {
        let (harness, _provider) = with_sessions(schema).await;
        assert_eq!(count_rows(harness.folder.path(), "session").await, 2);
        for (token, name, address) in
            [("local", NAME, "192.0.2.7"), ("openid", OPENID_NAME, "192.0.2.8")]
        {
            assert_eq!(seen_as(&harness, &cookie(token)).await, name, "{schema}");
            let caller = caller_of(&harness, &cookie(token)).await;
            let who = caller.principal.expect("a session has a user");
            let account = harness.server.service().account(&who).await;
            let mine = account.expect("the page").mine;
            let shown: Vec<_> = mine.iter().map(|row| row.address.as_deref()).collect();
            assert_eq!(shown, [(schema == 10).then_some(address)], "{schema} {token}");
        }
        for (token, code) in [("signed-out", "session-ended"), ("removed", "account-removed")] {
            let answer = call_in(&harness, &cookie(token), "load", "{}").await;
            assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, code.into()));
        }
    }
}

#[tokio::test]
async fn a_session_of_earlier_versions_is_signed_out_of_at_the_provider_too() {
    for schema in EARLIER_SCHEMAS {
        let (harness, provider) = with_sessions(schema).await;
        let answer = submit(&harness, "/sign-out", &cookie("openid"), "").await;
        let leads_to = answer.header("refresh").strip_prefix("0; url=").expect("a way on");
        let url = Url::parse(leads_to).expect("an address");
        assert_eq!(param(&url, "id_token_hint"), provider.id_token(), "{schema}");
        assert_eq!(seen_as(&harness, &cookie("openid")).await, "");
        assert_eq!(seen_as(&harness, &cookie("local")).await, NAME);
    }
}

#[tokio::test]
async fn a_failed_sign_in_of_the_earlier_version_still_counts() {
    let account = login_limits::account_key(EMAIL);
    let statement = format!(
        "INSERT INTO sign_in_attempt (account, address, at) VALUES ('{account}', '{ADDRESS}', 1803887999000)"
    );
    let folder = CODE.folder(&vec![statement; 5].join("; ")).await;
    let harness = Harness::in_folder(folder, |_| {}).await;
    let refused = harness.try_sign_in(EMAIL, PASSWORD).await;
    assert!(matches!(refused, Err(SignInError::TooMany { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_audit_row_of_the_earlier_version_names_no_session() {
    let upgraded = CODE.upgraded().await;
    let rows = trail(&upgraded.harness.server.store, 50).await;
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row.actor.session.is_none() && row.actor.subject.is_none()));
}

#[tokio::test]
async fn the_connection_of_the_earlier_version_is_checked_at_the_first_start() {
    let upgraded = CODE.upgraded().await;
    let server = &upgraded.harness.server;
    assert!(server.checks.check_if_due().await.expect("an answer"), "it is due");
    let known = health::load(&server.store).await.expect("an answer");
    assert_eq!(known.last_check.expect("a check").at, server.clock.now());
}

#[tokio::test]
async fn nothing_of_the_earlier_version_counts_as_settings_that_worked() {
    let upgraded = CODE.upgraded().await;
    let server = &upgraded.harness.server;
    let restored = server.service().last_worked(&stored_ada(&upgraded.harness).await).await;
    assert_eq!(restored, Err(ApiCode::NotFound));
}

#[tokio::test]
async fn a_token_of_the_earlier_version_is_still_refreshed() {
    let upgraded = CODE.upgraded().await;
    let before = upgraded.token_view().await.token.expect("a token");
    assert!(before.expires_at < upgraded.harness.server.clock.now(), "it is due");
    let provider =
        CODE.provider(r#"{"access_token":"new","token_type":"Bearer","expires_in":3600}"#);
    let renewing = tokio::spawn(run_refresh_loop(upgraded.harness.server.tokens.clone()));
    provider.wait_for(1).await;
    let renewed = until_some(async || {
        let token = upgraded.token_view().await.token.expect("a token");
        assert!(!matches!(token.renewal, Renewal::Gone(_)), "{token:?}");
        Some(token).filter(|token| token.expires_at > before.expires_at)
    })
    .await;
    renewing.abort();
    assert_eq!((renewed.grant, renewed.renewal), (before.grant, Renewal::ByItself));
    let asked = &provider.asked()[0];
    assert_eq!(asked.param("grant_type"), "refresh_token");
    assert_eq!(asked.param("refresh_token"), "fixture-refresh-token");
    assert_eq!(asked.param("client_secret"), "fixture-client-secret");
}

#[tokio::test]
async fn a_token_of_the_earlier_version_has_no_known_end_until_a_refresh_names_one() {
    let upgraded = CODE.upgraded().await;
    let sign_in_by = async || upgraded.token_view().await.token.expect("a token").sign_in_by;
    assert_eq!(sign_in_by().await, None);
    let provider = CODE
        .provider(r#"{"access_token":"new","expires_in":3600,"authorization_expires_in":90000}"#);
    let renewing = tokio::spawn(run_refresh_loop(upgraded.harness.server.tokens.clone()));
    provider.wait_for(1).await;
    until(async || sign_in_by().await.is_some()).await;
    renewing.abort();
}

#[tokio::test]
async fn a_client_secret_of_the_earlier_version_yields_a_token_for_what_is_saved() {
    let upgraded = CLIENT_CREDENTIALS.upgraded().await;
    let provider = CLIENT_CREDENTIALS
        .provider(r#"{"access_token":"new","token_type":"Bearer","expires_in":3600}"#);
    let begun = upgraded.service().get_token(&upgraded.ada, CALLBACK, true).await;
    let begun = begun.expect("an attempt");
    let end = until_some(async || {
        let attempt = upgraded.token_view().await.attempt.expect("the attempt");
        assert_eq!(attempt.id, begun.attempt.id);
        attempt.end
    })
    .await;
    assert_eq!(end, AttemptOutcome::Obtained);
    let asked = &provider.asked()[0];
    assert_eq!(asked.param("grant_type"), "client_credentials");
    assert_eq!(asked.param("client_secret"), "fixture-client-secret");
}

#[tokio::test]
async fn with_client_credentials_another_scope_asks_for_the_secret_of_the_earlier_version_again() {
    let upgraded = CLIENT_CREDENTIALS.upgraded().await;
    upgraded
        .expect_client_secret_problems(&[
            (Field::Scope, "mail.read", Some(Problem::EnterAgain)),
            (Field::OauthPort, "587", Some(Problem::EnterAgain)),
            (Field::TokenEndpoint, "http://127.77.14.2:7714/another", Some(Problem::EnterAgain)),
            (Field::Flow, "authorization-code", Some(Problem::EnterAgain)),
            (Field::OauthDisplayName, "Another name", None),
        ])
        .await;
}

#[tokio::test]
async fn with_authorization_code_only_the_token_endpoint_and_the_kind_of_flow_ask_again() {
    let upgraded = CODE.upgraded().await;
    upgraded
        .expect_client_secret_problems(&[
            (Field::Scope, "mail.read", None),
            (Field::OauthPort, "587", None),
            (Field::Flow, "authorization-code", None),
            (Field::TokenEndpoint, "http://127.77.14.1:7714/another", Some(Problem::EnterAgain)),
            (Field::Flow, "client-credentials", Some(Problem::EnterAgain)),
        ])
        .await;
}

#[tokio::test]
async fn a_client_secret_saved_with_the_flow_none_is_bound_to_the_authorization_code_flows() {
    for (fixture, flow) in
        [(CODE, "authorization-code-pkce"), (CLIENT_CREDENTIALS, "client-credentials")]
    {
        let statement =
            format!(r#"UPDATE settings SET form = replace(form, '"{flow}"', '"none"')"#);
        let harness = Harness::in_folder(fixture.folder(&statement).await, |_| {}).await;
        let secret = stored(&harness.server.store, Field::ClientSecret).await;
        let expected = Destination::CodeExchange { token_endpoint: fixture.token_endpoint() };
        assert_eq!(destination(&secret), expected, "{flow}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_start_at_once_bind_a_client_secret_once_and_a_later_start_changes_nothing() {
    for fixture in [CODE, CLIENT_CREDENTIALS] {
        let folder = fixture.folder("").await;
        let mut starting = JoinSet::new();
        for _ in 0..NODES {
            let path = folder.path().to_owned();
            starting.spawn(async move { start(&path).await });
        }
        let programs = starting.join_all().await;
        let bound = client_secret(&folder).await;
        assert!(!matches!(destination(&bound), Destination::Origin(_)), "{bound:?}");
        assert_eq!(bound.revision, 1);
        let later = start(folder.path()).await;
        assert_eq!(client_secret(&folder).await, bound);
        drop((programs, later));
        let log = log(folder.path());
        assert_eq!(log.matches("was bound to its whole destination").count(), 1, "{log}");
        assert!(!log.contains("fixture-client-secret"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_secret_that_cannot_be_bound_is_left_unchanged_and_logged() {
    for (statements, reason) in [
        (
            // Replaced by the sealed value of another secret.
            "UPDATE secret SET sealed = (SELECT other.sealed FROM secret other WHERE other.field = 'password')
             WHERE field = 'client-secret'",
            "it cannot be opened: the value was sealed for another field or destination",
        ),
        (
            "UPDATE secret SET destination = replace(destination, '127.77.14.2', '127.77.14.3')
             WHERE field = 'client-secret'",
            "entered for another Token Endpoint than the saved one",
        ),
    ] {
        let folder = CLIENT_CREDENTIALS.folder(statements).await;
        let before = client_secret(&folder).await;
        let program = start(folder.path()).await;
        assert_eq!(client_secret(&folder).await, before);
        drop(program);
        let log = log(folder.path());
        let lines = log.lines().filter(|line| line.contains("has to be entered again"));
        let [line] = lines.collect::<Vec<_>>()[..] else { panic!("{log}") };
        assert!(line.contains(reason), "{log}");

        let upgraded = Upgraded::start(folder).await;
        let saved = upgraded.saved().await;
        assert!(matches!(saved.form.authentication.client_secret, StoredSecret::For(_)));
        let problem = upgraded.client_secret_problem(saved.draft()).await;
        assert_eq!(problem, Some(Problem::EnterAgain));
    }
}

/// Hands a message over with this key, and returns its ID.
async fn hand_over(harness: &Harness, key: &str, to: &str) -> String {
    let message = json!({
        "from": "noreply@example.com", "to": [to], "subject": "Hello", "text": "Hello",
    });
    let request = post("/v1/messages")
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json");
    let answer = harness.ask_with(Router::new(), request, message.to_string().into()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    body["id"].as_str().expect("an ID").to_owned()
}

/// Sends what may be sent now.
async fn work(harness: &Harness) {
    let mut worker = harness.server.worker();
    while worker.send_next().await.expect("the database answers") {}
}

/// The recipients of a mail server's messages, in their order.
async fn recipients(mail_server: SmtpServer) -> Vec<String> {
    let received = mail_server.received().await;
    let lines = received.lines().into_iter();
    lines.filter_map(|line| Some(line.strip_prefix("RCPT TO:")?.to_owned())).collect()
}

#[tokio::test]
async fn messages_that_wait_arrive_after_an_upgrade_and_the_key_stays_valid() {
    let mail_server = SmtpScript::in_clear().play_to_all();
    let (port, now) = (mail_server.address.port(), FixedClock::new().now().timestamp_millis());
    // The fixture's own messages would have expired long ago.
    let statements = format!(
        r#"UPDATE settings SET form = replace(form, '"7725"', '"{port}"');
           UPDATE message SET expires_at = {now} + 3600000 WHERE ended_at IS NULL;
           UPDATE message SET lease_until = 1 WHERE lease_until IS NOT NULL"#
    );
    let folder = OUTBOX.folder(&statements).await;
    let is_sqlite = database_url(folder.path()).await.starts_with("sqlite");
    let key = OUTBOX_KEYS.lines().nth(usize::from(!is_sqlite)).expect("a key");
    let harness = Harness::in_folder(folder, |_| {}).await;
    let new = hand_over(&harness, key, "new@example.org").await;
    work(&harness).await;
    let listed = outbox::list(&harness.server.store, 10).await.expect("an answer");
    assert_eq!(listed[0].id, new);
    let states: Vec<_> = listed.iter().rev().flat_map(|message| message.states.clone()).collect();
    let mut expected = [MessageState::Delivered; 7];
    expected[1] = MessageState::Failed;
    assert_eq!(states, expected, "{listed:?}");
    let to = ["killed", "greylisted", "queued", "new"];
    let mut received = recipients(mail_server).await;
    received.sort_unstable();
    let mut to = to.map(|name| format!("<{name}@example.org>"));
    to.sort_unstable();
    assert_eq!(received, to);
}

#[tokio::test]
async fn the_version_before_the_outbox_upgrades_to_one_that_sends_for_a_product() {
    let mail_server = SmtpScript::in_clear().play_to_all();
    let folder = CODE.folder("").await;
    migrate(folder.path(), 7..=SCHEMA_OF_0_2_0).await;
    execute(&mut connection(folder.path()).await, "DELETE FROM token").await;
    let upgraded = Upgraded::start(folder).await;
    let port = mail_server.address.port().to_string();
    let draft = edited(
        &upgraded.saved().await.draft(),
        &[
            (Field::Flow, "none"),
            (Field::BasicServer, "127.0.0.1"),
            (Field::BasicPort, &port),
            (Field::BasicUseTls, "false"),
            (Field::Username, ""),
            (Field::Password, ""),
        ],
    );
    let harness = &upgraded.harness;
    harness.saved(&draft, 1).await;
    let settings =
        ApplicationSettings { name: "Planner".to_owned(), ..ApplicationSettings::default() };
    let added = harness.server.applications().add(&operator(), settings).await;
    let (_, key) = added.expect("it is added");
    hand_over(harness, key.expose_secret(), "bo@example.org").await;
    work(harness).await;
    assert_eq!(recipients(mail_server).await, ["<bo@example.org>"]);
}
