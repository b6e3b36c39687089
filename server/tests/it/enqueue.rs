//! A host in Rust hands messages over to the outbox: by the rules of the HTTP API, and on
//! `PostgreSQL` within its own transaction.

use chrono::TimeDelta;
use domain::application::{ApplicationSettings, Refusal};
use lettre::Message;
use outbox::{MessageRequest, Problem};
use server::Server;
use server::embed::{EnqueueError, Mailer, NotAccepted};
use sqlx::{Connection, Executor, PgConnection};
use store::database::Database;
use testkit::smtp_server::{SmtpScript, SmtpServer};
use vault::clock::Clock;

use crate::support::databases::{count_rows, database_url};
use crate::support::harness::{Harness, ada, operator};
use crate::support::waiting::until;

/// The configured sender.
const SENDER: &str = "noreply@example.com";
const PLANNER: &str = "PPM Planner";

/// A host whose mail goes to this mail server, and which is an application.
async fn host(mail_server: &SmtpServer) -> (Harness, Mailer) {
    host_with(mail_server, ApplicationSettings::default()).await
}

async fn host_with(mail_server: &SmtpServer, settings: ApplicationSettings) -> (Harness, Mailer) {
    let harness = Harness::start().await;
    harness.sends_through(&ada(), mail_server.address).await;
    let settings = ApplicationSettings { name: PLANNER.to_owned(), ..settings };
    harness.server.applications().add(&operator(), settings).await.expect("it is added");
    let mailer = Mailer::new(harness.server.outbox.clone());
    (harness, mailer)
}

fn request_to(recipient: &str) -> MessageRequest {
    MessageRequest {
        from: SENDER.to_owned(),
        to: vec![recipient.to_owned()],
        subject: Some("The week's report".to_owned()),
        text: Some("All is well.".to_owned()),
        ..MessageRequest::default()
    }
}

fn octets_to(recipient: &str) -> Vec<u8> {
    let from = SENDER.parse().expect("a mailbox");
    let message = Message::builder().from(from).to(recipient.parse().expect("a mailbox"));
    message.body("All is well.".to_owned()).expect("a message").formatted()
}

/// Sends what may be sent now, and returns the number of attempts.
async fn work(server: &Server) -> usize {
    let mut worker = server.worker();
    let mut attempts = 0;
    while worker.send_next().await.expect("the database answers") {
        attempts += 1;
    }
    attempts
}

/// The recipients that the mail server was given.
async fn recipients(server: SmtpServer) -> Vec<String> {
    let received = server.received().await;
    let lines = received.lines();
    let recipients = lines.iter().filter_map(|line| line.strip_prefix("RCPT TO:<"));
    recipients.map(|rest| rest.split('>').next().unwrap_or_default().to_owned()).collect()
}

/// A connection of the host itself.
async fn own_connection(harness: &Harness) -> PgConnection {
    let url = database_url(harness.folder.path()).await;
    PgConnection::connect(&url).await.expect("the server is there")
}

#[tokio::test]
async fn a_request_and_the_octets_of_lettre_arrive() {
    let server = SmtpScript::in_clear().play_to_all();
    let (harness, mailer) = host(&server).await;
    let request = request_to("bo@example.org");
    let one = mailer.enqueue("ppm planner", &request, None).await.expect("it is accepted");
    let octets = octets_to("di@example.org");
    let other = mailer.enqueue(PLANNER, &octets, None).await.expect("it is accepted");
    assert_ne!(one, other);
    assert_eq!(work(&harness.server).await, 2);
    let received = server.received().await;
    let text = String::from_utf8(received.message()).expect("text");
    assert!(text.starts_with("Received: by ppm.invalid with local id "), "{text}");
    let lines = received.lines();
    for recipient in ["bo", "di"] {
        let rcpt = format!("RCPT TO:<{recipient}@example.org>");
        assert_eq!(lines.iter().filter(|line| line.starts_with(&rcpt)).count(), 1, "{lines:?}");
    }
}

#[tokio::test]
async fn a_host_has_the_rules_of_its_application() {
    let server = SmtpScript::in_clear().play_to_all();
    let settings = ApplicationSettings { per_minute: Some(1), ..ApplicationSettings::default() };
    let (harness, mailer) = host_with(&server, settings).await;
    let request = request_to("bo@example.org");
    let refused = mailer.enqueue("Billing", &request, None).await;
    assert!(matches!(refused, Err(EnqueueError::NoApplication)), "{refused:?}");

    let foreign = MessageRequest { from: "ceo@example.com".to_owned(), ..request.clone() };
    let refused = mailer.enqueue(PLANNER, &foreign, None).await.expect_err("a foreign sender");
    assert!(
        matches!(refused, EnqueueError::NotAccepted(NotAccepted::SenderNotAllowed)),
        "{refused}"
    );
    assert!(!refused.is_temporary());
    let listed = harness.server.applications().list().await.expect("a list");
    let refusal = listed[0].last_refusal.map(|refusal| refusal.reason);
    assert_eq!(refusal, Some(Refusal::SenderNotAllowed));

    let without = MessageRequest { to: Vec::new(), ..request.clone() };
    let refused = mailer.enqueue(PLANNER, &without, None).await.expect_err("no recipient");
    let EnqueueError::NotAccepted(NotAccepted::Request(invalid)) = refused else {
        panic!("{refused}");
    };
    assert_eq!(invalid.problem, Problem::NoRecipient);

    mailer.enqueue(PLANNER, &request, None).await.expect("it is accepted");
    let refused = mailer.enqueue(PLANNER, &request, None).await.expect_err("it is too fast");
    assert!(matches!(refused, EnqueueError::NotAccepted(NotAccepted::TooFast)), "{refused}");
    assert!(refused.is_temporary());

    let id = &listed[0].id;
    harness.server.applications().set_disabled(&operator(), id, true).await.expect("it is");
    let refused = mailer.enqueue(PLANNER, &request, None).await.expect_err("it is disabled");
    assert!(matches!(refused, EnqueueError::NotAccepted(NotAccepted::Disabled)), "{refused}");
    assert_eq!(work(&harness.server).await, 1);
}

#[tokio::test]
async fn a_host_needs_complete_settings() {
    let harness = Harness::start().await;
    let settings =
        ApplicationSettings { name: PLANNER.to_owned(), ..ApplicationSettings::default() };
    harness.server.applications().add(&operator(), settings).await.expect("it is added");
    let mailer = Mailer::new(harness.server.outbox.clone());
    let refused = mailer.enqueue(PLANNER, &request_to("bo@example.org"), None).await;
    let refused = refused.expect_err("there is no sender");
    assert!(matches!(refused, EnqueueError::NotAccepted(NotAccepted::Incomplete)), "{refused}");
    assert!(refused.is_temporary());
}

#[tokio::test]
async fn a_message_of_more_than_25_mib_is_refused() {
    let server = SmtpScript::in_clear().play_to_all();
    let (harness, mailer) = host(&server).await;
    let mut octets = octets_to("bo@example.org");
    octets.extend(b"All is well.\r\n".repeat(2 * 1024 * 1024));
    let refused = mailer.enqueue(PLANNER, &octets, None).await.expect_err("it is too large");
    assert!(matches!(refused, EnqueueError::NotAccepted(NotAccepted::TooLarge(_))), "{refused}");
    let listed = harness.server.applications().list().await.expect("a list");
    let refusal = listed[0].last_refusal.map(|refusal| refusal.reason);
    assert_eq!(refusal, Some(Refusal::TooLarge));
}

#[tokio::test]
async fn a_call_that_is_repeated_with_its_key_is_one_message() {
    let server = SmtpScript::in_clear().play_to_all();
    let (harness, mailer) = host(&server).await;
    let (request, key) = (request_to("bo@example.org"), Some("report-2026-49"));
    let one = mailer.enqueue(PLANNER, &request, key).await.expect("it is accepted");
    harness.clock.advance(TimeDelta::hours(1));
    let again = mailer.enqueue(PLANNER, &request, key).await.expect("it is accepted");
    assert_eq!(one, again);
    let other = request_to("di@example.org");
    let refused = mailer.enqueue(PLANNER, &other, key).await.expect_err("another message");
    assert!(matches!(refused, EnqueueError::NotAccepted(NotAccepted::KeyReused)), "{refused}");
    for key in [" ", "a b", "a\nb", "ä", &"k".repeat(256)] {
        let refused = mailer.enqueue(PLANNER, &request, Some(key)).await;
        assert!(matches!(refused, Err(EnqueueError::IdempotencyKey)), "{key} {refused:?}");
    }
    assert_eq!(work(&harness.server).await, 1);
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_message_within_a_transaction_arrives_from_another_node_after_the_commit_alone() {
    let server = SmtpScript::in_clear().play_to_all();
    let (harness, mailer) = host(&server).await;
    let node = harness.another_node().await;
    let mut own = own_connection(&harness).await;
    own.execute("CREATE TABLE plan (name TEXT)").await.expect("it is the superuser's");

    let mut transaction = own.begin().await.expect("a transaction");
    transaction.execute("INSERT INTO plan VALUES ('rolled back')").await.expect("a row");
    let request = request_to("bo@example.org");
    let within = mailer.enqueue_within(&mut transaction, PLANNER, &request, Some("plan")).await;
    let rolled_back = within.expect("it is accepted");
    assert_eq!(work(&node).await, 0, "it is not committed");
    transaction.rollback().await.expect("it ends");
    assert_eq!(work(&node).await + work(&harness.server).await, 0);
    for table in ["message", "message_body", "recipient", "idempotency", "plan"] {
        assert_eq!(count_rows(harness.folder.path(), table).await, 0, "{table}");
    }

    let mut transaction = own.begin().await.expect("a transaction");
    transaction.execute("INSERT INTO plan VALUES ('committed')").await.expect("a row");
    for recipient in ["di@example.org", "eve@example.org"] {
        let octets = octets_to(recipient);
        let within = mailer.enqueue_within(&mut transaction, PLANNER, &octets, None).await;
        assert_ne!(within.expect("it is accepted"), rolled_back);
    }
    transaction.commit().await.expect("it ends");
    assert_eq!(count_rows(harness.folder.path(), "plan").await, 1);
    let (one, other) = tokio::join!(work(&node), work(&harness.server));
    assert_eq!(one + other, 2);
    let mut recipients = recipients(server).await;
    recipients.sort_unstable();
    assert_eq!(recipients, ["di@example.org", "eve@example.org"]);
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_refused_message_leaves_the_transaction_of_the_host_as_it_was() {
    let server = SmtpScript::in_clear().play_to_all();
    let settings = ApplicationSettings { per_minute: Some(1), ..ApplicationSettings::default() };
    let (harness, mailer) = host_with(&server, settings).await;
    let mut own = own_connection(&harness).await;
    own.execute("CREATE TABLE plan (name TEXT)").await.expect("it is the superuser's");
    let mut transaction = own.begin().await.expect("a transaction");
    transaction.execute("INSERT INTO plan VALUES ('kept')").await.expect("a row");
    let foreign =
        MessageRequest { from: "ceo@example.com".to_owned(), ..request_to("bo@example.org") };
    let refused = mailer.enqueue_within(&mut transaction, PLANNER, &foreign, None).await;
    assert!(
        matches!(refused, Err(EnqueueError::NotAccepted(NotAccepted::SenderNotAllowed))),
        "{refused:?}"
    );
    let request = request_to("bo@example.org");
    let accepted = mailer.enqueue_within(&mut transaction, PLANNER, &request, None).await;
    accepted.expect("it is the first");
    let refused = mailer.enqueue_within(&mut transaction, PLANNER, &request, Some("later")).await;
    assert!(matches!(refused, Err(EnqueueError::NotAccepted(NotAccepted::TooFast))), "{refused:?}");
    // A failed statement of ours ends at its savepoint.
    let failing = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
                       AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
                   CREATE TRIGGER refusal BEFORE INSERT ON recipient
                       FOR EACH ROW EXECUTE FUNCTION refuse()";
    sqlx::raw_sql(failing).execute(&mut *transaction).await.expect("the table is there");
    harness.clock.advance(TimeDelta::minutes(1));
    let failed = mailer.enqueue_within(&mut transaction, PLANNER, &request, None).await;
    let failed = failed.expect_err("the database refuses it");
    assert!(matches!(failed, EnqueueError::NotAccepted(NotAccepted::Write(_))), "{failed}");
    transaction.execute("DROP TRIGGER refusal ON recipient").await.expect("it goes on");
    transaction.commit().await.expect("it ends");
    let folder = harness.folder.path();
    let rows = [count_rows(folder, "plan").await, count_rows(folder, "idempotency").await];
    assert_eq!(rows, [1, 0]);
    assert_eq!(work(&harness.server).await, 1);
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn of_two_transactions_with_one_key_the_second_gets_the_id_of_the_first() {
    let server = SmtpScript::in_clear().play_to_all();
    let (harness, mailer) = host(&server).await;
    let mut own = own_connection(&harness).await;
    let mut first = own.begin().await.expect("a transaction");
    let expires_at = Some(harness.clock.now() + TimeDelta::hours(1));
    let request = MessageRequest { expires_at, ..request_to("bo@example.org") };
    let within = mailer.enqueue_within(&mut first, PLANNER, &request, Some("plan")).await;
    let id = within.expect("it is accepted");
    let mut other = own_connection(&harness).await;
    let second = {
        let (mailer, request) = (mailer.clone(), request.clone());
        tokio::spawn(async move {
            let mut second = other.begin().await.expect("a transaction");
            let within = mailer.enqueue_within(&mut second, PLANNER, &request, Some("plan")).await;
            second.commit().await.expect("it ends");
            within.expect("it is accepted")
        })
    };
    let folder = harness.folder.path();
    let waits = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(async || second.is_finished() || count_rows(folder, waits).await > 0).await;
    assert!(!second.is_finished(), "it waits for the first");
    first.commit().await.expect("it ends");
    assert_eq!(second.await.expect("it ends"), id);
    assert_eq!(mailer.enqueue(PLANNER, &request, Some("plan")).await.expect("accepted"), id);
    assert_eq!(work(&harness.server).await, 1);

    harness.clock.advance(TimeDelta::hours(2));
    let mut third = own.begin().await.expect("a transaction");
    let again = mailer.enqueue_within(&mut third, PLANNER, &request, Some("plan")).await;
    assert_eq!(again.expect("it was accepted before it expired"), id);
    let other = request_to("di@example.org");
    let refused = mailer.enqueue_within(&mut third, PLANNER, &other, Some("plan")).await;
    assert!(
        matches!(refused, Err(EnqueueError::NotAccepted(NotAccepted::KeyReused))),
        "{refused:?}"
    );
    third.commit().await.expect("it ends");
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_transaction_that_does_not_lead_to_our_tables_is_refused() {
    let server = SmtpScript::in_clear().play_to_all();
    let (harness, mailer) = host(&server).await;
    let request = request_to("bo@example.org");
    let elsewhere = Harness::start().await;
    let mut own = own_connection(&elsewhere).await;
    let mut transaction = own.begin().await.expect("a transaction");
    let refused = mailer.enqueue_within(&mut transaction, PLANNER, &request, None).await;
    assert!(matches!(refused, Err(EnqueueError::OtherDatabase)), "{refused:?}");

    // The host has a table of the same name.
    let mut own = own_connection(&harness).await;
    let tables = "CREATE SCHEMA host; CREATE TABLE host.message (text TEXT);
                  SET search_path TO host, public";
    sqlx::raw_sql(tables).execute(&mut own).await.expect("it is the superuser's");
    let mut transaction = own.begin().await.expect("a transaction");
    let refused = mailer.enqueue_within(&mut transaction, PLANNER, &request, None).await;
    assert!(matches!(refused, Err(EnqueueError::OtherDatabase)), "{refused:?}");
    transaction.execute("SET LOCAL search_path TO public").await.expect("it is set");
    let accepted = mailer.enqueue_within(&mut transaction, PLANNER, &request, None).await;
    accepted.expect("it leads there");
    transaction.commit().await.expect("it ends");
    assert_eq!(work(&harness.server).await, 1);
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn settings_on_sqlite_take_no_message_within_a_transaction() {
    let on_sqlite = Harness::with(|config| {
        let file = config.site_root.join("ppm-email.db");
        let url = format!("sqlite://{}", file.display());
        config.database = Database::parse(&url).expect("the URL is understood");
    })
    .await;
    let mailer = Mailer::new(on_sqlite.server.outbox.clone());
    let mut own = own_connection(&on_sqlite).await;
    let mut transaction = own.begin().await.expect("a transaction");
    let request = request_to("bo@example.org");
    let refused = mailer.enqueue_within(&mut transaction, PLANNER, &request, None).await;
    assert!(matches!(refused, Err(EnqueueError::OtherDatabase)), "{refused:?}");
}
