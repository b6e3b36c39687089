//! The pace: how many connections, messages and recipients the mail server gets, from all nodes together
//! and counted at the mail server; and what holds messages or leads them elsewhere.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::application::ApplicationSettings;
use domain::delivery::{Diagnosis, Step};
use domain::health::{Evidence, Trouble};
use domain::outbox::Pace;
use lettre::Message;
use server::config::{Config, Staging};
use server::embed::Mailer;
use store::outbox as rows;
use store::queue_lock::try_lock;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use vault::clock::Clock;

use crate::outbox::{Fixture, SENDER, message_to};
use crate::support::harness::Harness;
use crate::support::test_doubles::FixedClock;
use crate::support::waiting::until;

/// What a mail server has counted.
#[derive(Default)]
struct Counts {
    open: AtomicUsize,
    most_open: AtomicUsize,
    /// Whether it answers MAIL with 451.
    is_busy: AtomicBool,
    /// When messages came, and to which recipients.
    arrived: Mutex<Vec<(DateTime<Utc>, Vec<String>)>>,
}

impl Counts {
    fn arrived(&self) -> Vec<(DateTime<Utc>, Vec<String>)> {
        self.arrived.lock().expect("no test panics while it holds the counts").clone()
    }

    fn recipients(&self) -> Vec<String> {
        self.arrived().into_iter().flat_map(|(_, recipients)| recipients).collect()
    }
}

/// Starts a mail server that accepts every message and counts, by the clock of the test, and a server
/// that sends through it.
async fn sending_to_counter(configure: impl FnOnce(&mut Config)) -> (Arc<Counts>, Fixture) {
    let harness = Harness::with(configure).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let counts = Arc::new(Counts::default());
    let (clock, log) = (harness.clock.clone(), counts.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (clock, log) = (clock.clone(), log.clone());
            tokio::spawn(async move {
                let open = log.open.fetch_add(1, Ordering::SeqCst) + 1;
                log.most_open.fetch_max(open, Ordering::SeqCst);
                // The client may leave at any time.
                let _ = serve(stream, &log, &clock).await;
                log.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (counts, Fixture::on(harness, address, ApplicationSettings::default()).await)
}

async fn serve(stream: TcpStream, counts: &Counts, clock: &FixedClock) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 sink\r\n").await?;
    let (mut recipients, mut is_content) = (Vec::new(), false);
    while let Some(line) = lines.next_line().await? {
        let reply: &[u8] = match line.as_str() {
            "." if is_content => {
                is_content = false;
                let message = (clock.now(), std::mem::take(&mut recipients));
                counts.arrived.lock().expect("the counts").push(message);
                b"250 2.0.0 Accepted\r\n"
            }
            _ if is_content => continue,
            "DATA" => {
                is_content = true;
                b"354 Go on\r\n"
            }
            "QUIT" => return writer.write_all(b"221 Bye\r\n").await,
            line if line.starts_with("MAIL") && counts.is_busy.load(Ordering::SeqCst) => {
                b"451 4.7.500 Server busy\r\n"
            }
            line if line.starts_with("RCPT TO:<") => {
                let address = line.trim_start_matches("RCPT TO:<").trim_end_matches('>');
                recipients.push(address.to_owned());
                b"250 Fine\r\n"
            }
            _ => b"250 Fine\r\n",
        };
        writer.write_all(reply).await?;
    }
    Ok(())
}

/// Microsoft's pace.
const MICROSOFT: Pace =
    Pace { connections: 3, per_minute: Some(30), recipients_per_day: Some(10_000) };

#[tokio::test]
async fn all_nodes_together_open_3_connections_and_send_30_messages_a_minute() {
    let (counts, fixture) = sending_to_counter(|config| config.pace = Some(MICROSOFT)).await;
    for number in 0..70 {
        fixture.accepted(&message_to(&[&format!("to-{number}@example.org")])).await;
    }
    let (other, fixture) = (fixture.harness.another_node().await, Arc::new(fixture));
    let mut work = JoinSet::new();
    for server in [&fixture.harness.server, &other] {
        for _ in 0..3 {
            let (mut worker, counts) = (server.worker(), counts.clone());
            work.spawn(async move {
                while counts.arrived().len() < 80 {
                    worker.send_next().await.expect("the database answers");
                    tokio::task::yield_now().await;
                }
                worker.close().await;
            });
        }
    }
    let mailer = Mailer::new(fixture.harness.server.outbox.clone());
    for number in 0..10 {
        let message = Message::builder()
            .from(SENDER.parse().expect("a mailbox"))
            .to(format!("at-once-{number}@example.org").parse().expect("a mailbox"))
            .body(String::new())
            .expect("a message");
        mailer.send(&message).await.expect("a message that is sent at once is not held back");
        fixture.harness.clock.advance(TimeDelta::seconds(5));
    }
    until(async || {
        fixture.harness.clock.advance(TimeDelta::seconds(1));
        counts.arrived().len() == 80
    })
    .await;
    work.join_all().await;
    let most_open = counts.most_open.load(Ordering::SeqCst);
    assert!((2..=3).contains(&most_open), "{most_open} connections");
    let mut arrived = counts.arrived();
    arrived.retain(|(_, recipients)| recipients[0].starts_with("to-"));
    assert_eq!(arrived.len(), 70);
    for (first, (at, _)) in arrived.iter().enumerate() {
        let minute = *at..*at + TimeDelta::minutes(1);
        let number = arrived[first..].iter().filter(|(at, _)| minute.contains(at)).count();
        assert!(number <= 30, "{number} messages in a minute");
    }
}

#[tokio::test]
async fn a_minute_has_as_many_messages_as_the_pace_says_and_a_day_as_many_recipients() {
    let pace = Pace { connections: 3, per_minute: Some(3), recipients_per_day: Some(6) };
    let (counts, fixture) = sending_to_counter(|config| config.pace = Some(pace)).await;
    for _ in 0..6 {
        fixture.accepted(&message_to(&["bo@example.org"])).await;
    }
    fixture.accepted(&message_to(&["di@example.org", "ed@example.org"])).await;
    let mut sent = Vec::new();
    for _ in 0..8 {
        sent.push(fixture.work().await);
        fixture.harness.clock.advance(TimeDelta::seconds(20));
    }
    assert_eq!(sent, [3, 0, 0, 3, 0, 0, 0, 0], "the last one would be 8 recipients");
    fixture.harness.clock.advance(TimeDelta::days(1));
    assert_eq!(fixture.work().await, 1);
    assert_eq!(counts.recipients().len(), 8);
}

#[tokio::test]
async fn a_message_with_more_recipients_than_a_day_has_gets_a_day_of_its_own() {
    let pace = Pace { connections: 3, per_minute: None, recipients_per_day: Some(1) };
    let (_, fixture) = sending_to_counter(|config| config.pace = Some(pace)).await;
    fixture.accepted(&message_to(&["bo@example.org", "di@example.org"])).await;
    assert_eq!(fixture.work().await, 1);
    fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.work().await, 0);
}

/// What sends a message at once, and such a message.
fn at_once(fixture: &Fixture) -> (Mailer, Message) {
    let message = Message::builder()
        .from(SENDER.parse().expect("a mailbox"))
        .to("at-once@example.org".parse().expect("a mailbox"))
        .body(String::new())
        .expect("a message");
    (Mailer::new(fixture.harness.server.outbox.clone()), message)
}

#[tokio::test]
async fn messages_that_are_sent_at_once_count_against_the_pace() {
    let pace = Pace { connections: 3, per_minute: Some(2), recipients_per_day: None };
    let (_, fixture) = sending_to_counter(|config| config.pace = Some(pace)).await;
    let (mailer, message) = at_once(&fixture);
    for _ in 0..3 {
        mailer.send(&message).await.expect("it is never held back");
    }
    fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.work().await, 0);
    fixture.harness.clock.advance(TimeDelta::minutes(1));
    assert_eq!(fixture.work().await, 1);
}

#[tokio::test]
async fn after_ten_minutes_of_451_all_messages_arrive_oldest_first() {
    let (counts, fixture) = sending_to_counter(|_| {}).await;
    counts.is_busy.store(true, Ordering::SeqCst);
    let recipients: Vec<_> = (0..5).map(|number| format!("to-{number}@example.org")).collect();
    for recipient in &recipients {
        fixture.accepted(&message_to(&[recipient])).await;
        fixture.harness.clock.advance(TimeDelta::seconds(1));
    }
    for _ in 0..20 {
        fixture.work().await;
        fixture.harness.clock.advance(TimeDelta::seconds(30));
    }
    assert!(counts.arrived().is_empty());
    counts.is_busy.store(false, Ordering::SeqCst);
    for _ in 0..60 {
        fixture.work().await;
        fixture.harness.clock.advance(TimeDelta::minutes(1));
    }
    assert_eq!(counts.recipients(), recipients);
}

#[tokio::test]
async fn while_email_has_stopped_for_messages_one_of_them_probes_every_15_minutes() {
    let (counts, fixture) = sending_to_counter(|_| {}).await;
    counts.is_busy.store(true, Ordering::SeqCst);
    let (step, diagnosis) = (Step::Sender, Diagnosis::SenderRefused);
    let trouble = Trouble { step, diagnosis, peer_text: None, found: None, can_pass: false };
    fixture.record(Evidence::Fails(trouble)).await;
    for _ in 0..4 {
        fixture.accepted(&message_to(&["bo@example.org"])).await;
    }
    let fixture = Arc::new(fixture);
    let attempts = async || {
        let mut work = JoinSet::new();
        for _ in 0..3 {
            let fixture = fixture.clone();
            work.spawn(async move { fixture.work().await });
        }
        work.join_all().await.into_iter().sum::<usize>()
    };
    assert_eq!(attempts().await, 0);
    fixture.harness.clock.advance(TimeDelta::minutes(16));
    assert_eq!(attempts().await, 1);
    fixture.harness.clock.advance(TimeDelta::minutes(5));
    assert_eq!(attempts().await, 0);
    counts.is_busy.store(false, Ordering::SeqCst);
    fixture.harness.clock.advance(TimeDelta::minutes(16));
    assert_eq!(attempts().await, 4, "the probe arrives, and the others follow");
}

#[tokio::test]
async fn messages_are_held_while_an_operator_says_so_and_those_sent_at_once_are_not() {
    let held = Staging { is_held: true, redirect_to: None };
    let (counts, fixture) = sending_to_counter(|config| config.staging = held).await;
    let id = fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.work().await, 0);
    assert_eq!(fixture.status(&id).await["state"], "queued");
    let (mailer, message) = at_once(&fixture);
    mailer.send(&message).await.expect("it is never held back");
    assert_eq!(counts.recipients(), ["at-once@example.org"]);
}

#[tokio::test]
async fn a_staging_system_redirects_every_message_to_one_address() {
    let redirect_to = Some("staging@example.com".to_owned());
    let redirected = Staging { is_held: false, redirect_to };
    let (counts, fixture) = sending_to_counter(|config| config.staging = redirected).await;
    let id = fixture.accepted(&message_to(&["bo@example.org", "di@example.org"])).await;
    assert_eq!(fixture.work().await, 1);
    assert_eq!(counts.recipients(), ["staging@example.com"]);
    let status = fixture.status(&id).await;
    let ended: Vec<_> = (0..2).map(|at| status["recipients"][at]["state"].clone()).collect();
    assert_eq!(ended, ["delivered", "delivered"]);
}

#[tokio::test]
async fn one_process_works_the_queue_of_a_sqlite_database_and_takes_over_at_once() {
    let (counts, fixture) = sending_to_counter(|_| {}).await;
    let (server, database) = (&fixture.harness.server, &fixture.harness.server.config.database);
    if !matches!(database, server::config::Database::Sqlite(_)) {
        return;
    }
    fixture.accepted(&message_to(&["bo@example.org"])).await;
    let claim = rows::Claim {
        owner: "killed".to_owned(),
        now: fixture.harness.clock.now(),
        lease: Duration::from_hours(1),
        octets_per_milli: smtp::SLOWEST,
        which: rows::Which::Due(Pace::default()),
    };
    let claimed = server.outbox.writer.make(rows::Operation::Claim(claim)).await;
    assert!(matches!(claimed, Ok(rows::Done::Claimed(Some(_)))));
    let lock = try_lock(database).expect("the file can be locked").expect("no process has it");
    assert!(try_lock(database).expect("the file can be opened").is_none());
    drop(lock);
    server.start_workers();
    until(async || counts.recipients() == ["bo@example.org"]).await;
    server.stopping.cancel();
}
