//! The event stream (server-sent events): its events, its authentication, its limits
//! and its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, ORIGIN};
use axum::http::request::{Builder, Parts};
use axum::http::{HeaderMap, StatusCode};
use chrono::TimeDelta;
use contract::{EmailService, IncidentView, RunView, SaveAnswer, SettingsSaved};
use domain::Draft;
use domain::delivery::{Outcome, Step, StepReport, StepStatus};
use domain::health::{Evidence, Proof, Trouble};
use http_body_util::BodyExt;
use server::Server;
use server::config::{HostOrigin, StreamTiming};
use server::embed::{EmailSettings, Identity, IdentityError};
use server::identity::Principal;
use server::serve::{Limits, connections};
use store::{people, runs};
use testkit::smtp_server::{SmtpPeer, SmtpServer};
use testkit::sockets::NEVER;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use vault::clock::Clock;

use crate::support::harness::{
    ADDRESS, Answer, EMAIL, Harness, NAME, get, operator, post, principal, read,
};
use crate::support::host::{claims, good_token, now, with_key_file};
use crate::support::soak::times;

const EVENTS: &str = "/api/email/events";
/// Timing of a stream that polls nothing and never ends during a test.
const NO_LOOKS: StreamTiming = StreamTiming {
    poll_interval: Duration::from_hours(1),
    idle_poll_interval: Duration::from_hours(1),
    keep_alive: Duration::from_hours(1),
    session_check_interval: Duration::from_hours(1),
    lifetime: Duration::from_hours(1),
    max_streams: 300,
    max_streams_per_user: 300,
};

/// A host that identifies every caller as Grace.
struct AlwaysGrace;

#[async_trait]
impl Identity for AlwaysGrace {
    async fn principal(&self, _: &Parts) -> Result<Option<Principal>, IdentityError> {
        Ok(Some(principal("grace", "grace@example.com", "Grace Hopper")))
    }
}

/// A stream that is read event by event.
struct Reading {
    headers: HeaderMap,
    body: Body,
    text: String,
}

impl Reading {
    /// The next block of lines without its empty line; `None` once the stream has ended.
    async fn block(&mut self) -> Option<String> {
        let more = async {
            loop {
                if let Some(at) = self.text.find("\n\n") {
                    let rest = self.text.split_off(at + 2);
                    return Some(std::mem::replace(&mut self.text, rest).trim_end().to_owned());
                }
                let frame = self.body.frame().await?.expect("no stream breaks off");
                let octets = frame.into_data().expect("no trailers");
                self.text.push_str(std::str::from_utf8(&octets).expect("text"));
            }
        };
        tokio::time::timeout(NEVER, more).await.expect("the next event")
    }

    /// The next event's ID and run; `None` once the stream has ended.
    async fn event(&mut self) -> Option<(String, RunView)> {
        loop {
            let block = self.block().await?;
            let line = |name| block.lines().find_map(|line| line.strip_prefix(name));
            if line("event: ") != Some("run") {
                continue;
            }
            let json = line("data: ").expect("data");
            let now = serde_json::from_str(json).expect("a run");
            return Some((line("id: ").expect("an id").to_owned(), now));
        }
    }

    /// The revision of the next save.
    async fn saved(&mut self) -> i64 {
        loop {
            let block = self.block().await.expect("an event");
            if block.starts_with("event: saved\n") {
                let json = block.lines().find_map(|line| line.strip_prefix("data: "));
                let saved: SettingsSaved =
                    serde_json::from_str(json.expect("data")).expect("a save");
                return saved.revision;
            }
        }
    }

    /// The open incident of the next event about one.
    async fn incident(&mut self) -> Option<IncidentView> {
        loop {
            let block = self.block().await.expect("an event");
            if block.starts_with("event: incident\n") {
                let json = block.lines().find_map(|line| line.strip_prefix("data: "));
                return serde_json::from_str(json.expect("data")).expect("an incident, or none");
            }
        }
    }

    /// The run of the next event.
    async fn run(&mut self) -> RunView {
        self.event().await.expect("an event").1
    }

    /// Reads on until the stream ends.
    async fn end(mut self) {
        while self.block().await.is_some() {}
    }
}

/// Sends a request; returns the stream, or the response where its status is not 200.
async fn open_at(router: Router, request: Builder) -> Result<Reading, Answer> {
    let mut request = request.body(Body::empty()).expect("a request");
    let peer = SocketAddr::new(ADDRESS.parse().expect("an address"), 1);
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await.expect("a router always answers");
    if response.status() != StatusCode::OK {
        return Err(read(response).await);
    }
    let (parts, body) = response.into_parts();
    Ok(Reading { headers: parts.headers, body, text: String::new() })
}

async fn open(server: &Server, cookie: &str) -> Reading {
    let request = get(EVENTS).header(COOKIE, cookie);
    open_at(server::router(server.clone()), request).await.expect("a stream")
}

/// Requests the stream; expects a refusal.
async fn refused(harness: &Harness, request: Builder) -> Answer {
    let opened = open_at(server::router(harness.server.clone()), request).await;
    opened.err().expect("no stream")
}

/// A server that does not poll its database for runs, unless `adjust` changes that.
async fn harness(adjust: impl FnOnce(&mut StreamTiming)) -> Harness {
    let mut pace = NO_LOOKS;
    adjust(&mut pace);
    Harness::with(|config| config.stream_timing = pace).await.with_ada().await
}

async fn ada(server: &Server) -> Principal {
    let person = people::by_email(&server.store, EMAIL).await.expect("an answer");
    principal(&person.expect("Ada is there").id, EMAIL, NAME)
}

fn report(step: Step) -> StepReport {
    StepReport {
        step,
        ended: StepStatus::Done,
        millis: 3,
        facts: Vec::new(),
        peer_text: None,
        found: None,
    }
}

async fn record(server: &Server, run: &str, ordinal: u32, step: Step) {
    runs::record(&server.store, run, ordinal, &report(step)).await.expect("it is recorded");
}

/// Begins a run of Ada's with a deadline of one minute.
async fn begin(harness: &Harness, id: &str) {
    begin_as(harness, id, &ada(&harness.server).await).await;
}

async fn begin_as(harness: &Harness, id: &str, who: &Principal) {
    assert!(harness.begin_run(id, who, harness.clock.now() + TimeDelta::minutes(1)).await);
}

/// A plaintext mail server that answers a command once the semaphore has a permit.
fn stepped_mail_server() -> (SmtpServer, Arc<Semaphore>) {
    let may = Arc::new(Semaphore::new(0));
    let answers = may.clone();
    let server = SmtpServer::play(move |mut peer: SmtpPeer| async move {
        let mut answer = "220 mail.example.com ESMTP";
        loop {
            answers.acquire().await.map_err(io::Error::other)?.forget();
            peer.say(answer).await?;
            if answer.starts_with("354") {
                peer.read_content().await?;
                answer = "250 2.0.0 Queued";
                continue;
            }
            let line = peer.read_line().await?;
            answer = match line.split(' ').next().unwrap_or_default() {
                "DATA" => "354 Go on",
                "QUIT" => return peer.say("221 2.0.0 Bye").await,
                _ => "250 Fine",
            };
        }
    });
    (server, may)
}

#[tokio::test]
async fn steps_arrive_in_order_as_they_happen_without_polling() {
    let (mail_server, may_answer) = stepped_mail_server();
    let harness = harness(|_| {}).await;
    harness.sends_through(&ada(&harness.server).await, mail_server.address).await;
    let mut reading = open(&harness.server, &harness.sign_in().await).await;
    let who = ada(&harness.server).await;
    let begun = harness.server.service().send_test(&who).await.expect("it begins");

    let mut seen = Vec::new();
    let end = loop {
        let (id, now) = reading.event().await.expect("an event");
        assert_eq!(id, format!("{}-{}", begun.run.id, now.run.steps.len()));
        let steps: Vec<_> = now.run.steps.iter().map(|report| report.step).collect();
        assert!(steps.starts_with(&seen), "{steps:?} after {seen:?}");
        if let Some(outcome) = now.run.outcome {
            assert!(now.transcript.is_some());
            break outcome;
        }
        // The mail server may answer only after the steps so far have been received.
        if steps.contains(&Step::Connection) {
            // Two permits, for DATA and for the final dot, because no step ends between them.
            may_answer.add_permits(if steps.contains(&Step::Recipient) { 2 } else { 1 });
        }
        seen = steps;
    };
    assert!(matches!(end, Outcome::Accepted { .. }), "{end:?}");
    assert!(seen.contains(&Step::Greeting) && seen.contains(&Step::Recipient), "{seen:?}");
}

#[tokio::test]
async fn a_run_of_another_node_is_found_by_polling_the_database() {
    let looking = |pace: &mut StreamTiming| {
        pace.poll_interval = Duration::from_millis(10);
        pace.idle_poll_interval = Duration::from_millis(10);
    };
    let here = harness(looking).await;
    let there = here.another_node().await;
    let cookie = here.sign_in().await;
    let mut reading = open(&there, &cookie).await;
    assert!(reading.block().await.is_some(), "it is open");

    begin(&here, "run").await;
    assert_eq!(reading.run().await.run.steps, []);
    record(&here.server, "run", 0, Step::NameLookup).await;
    assert_eq!(reading.run().await.run.steps, [report(Step::NameLookup)]);
    runs::finish(&here.server.store, "run", &Outcome::Interrupted).await.expect("it ends");
    assert_eq!(reading.run().await.run.outcome, Some(Outcome::Interrupted));
}

#[tokio::test]
async fn a_stream_begins_with_the_revision_and_reports_each_save() {
    let harness = harness(|_| {}).await;
    let mut reading = open(&harness.server, &harness.sign_in().await).await;
    assert_eq!(reading.saved().await, 0);
    let grace = principal("grace", "grace@example.com", "Grace Hopper");
    harness.sends_through(&grace, SocketAddr::from(([127, 0, 0, 1], 25))).await;
    assert_eq!(reading.saved().await, 1);
}

#[tokio::test]
async fn a_stream_begins_with_the_open_incident_and_reports_when_one_opens_and_closes() {
    let harness = harness(|_| {}).await;
    let mut reading = open(&harness.server, &harness.sign_in().await).await;
    assert_eq!(reading.incident().await, None);
    let health = harness.server.checks.delivery.health.clone();
    health.record(0, Evidence::Fails(Trouble::without_token())).await;
    let opened = reading.incident().await.expect("an incident");
    assert_eq!((opened.diagnosis.as_str(), opened.occurrences), ("token-absent", 1));
    let mut second = open(&harness.server, &harness.sign_in().await).await;
    assert_eq!(second.incident().await.as_ref(), Some(&opened));
    health.record(0, Evidence::Works(Proof::TOKEN)).await;
    assert_eq!(reading.incident().await, None);
}

#[tokio::test]
async fn a_further_failure_on_another_node_is_found_by_polling_the_database() {
    let looking = |pace: &mut StreamTiming| pace.idle_poll_interval = Duration::from_millis(10);
    let here = harness(looking).await;
    let there = here.another_node().await;
    let mut reading = open(&there, &here.sign_in().await).await;
    assert_eq!(reading.incident().await, None);
    for occurrences in [1, 2] {
        let fails = Evidence::Fails(Trouble::without_token());
        here.server.checks.delivery.health.record(0, fails).await;
        let open = reading.incident().await.expect("an incident");
        assert_eq!(open.occurrences, occurrences);
    }
}

#[tokio::test]
async fn a_refused_save_is_not_reported() {
    let harness = harness(|_| {}).await;
    let mut reading = open(&harness.server, &harness.sign_in().await).await;
    assert_eq!(reading.saved().await, 0);
    let refused = harness.save(&Draft::default(), 7).await;
    assert!(matches!(refused, SaveAnswer::Conflict(_)), "{refused:?}");
    harness
        .sends_through(&ada(&harness.server).await, SocketAddr::from(([127, 0, 0, 1], 25)))
        .await;
    assert_eq!(reading.saved().await, 1);
}

#[tokio::test]
async fn a_save_on_another_node_is_found_by_polling_the_database() {
    let looking = |pace: &mut StreamTiming| pace.idle_poll_interval = Duration::from_millis(10);
    let here = harness(looking).await;
    let there = here.another_node().await;
    let mut reading = open(&there, &here.sign_in().await).await;
    assert_eq!(reading.saved().await, 0);
    here.sends_through(&ada(&here.server).await, SocketAddr::from(([127, 0, 0, 1], 25))).await;
    assert_eq!(reading.saved().await, 1);
}

#[tokio::test]
async fn a_user_receives_no_event_of_another_users_run() {
    let harness = harness(|_| {}).await;
    let mut reading = open(&harness.server, &harness.sign_in().await).await;
    let grace = principal("grace", "grace@example.com", "Grace Hopper");
    begin_as(&harness, "graces", &grace).await;
    harness.server.runs.updates.notify("grace");
    harness.clock.advance(TimeDelta::seconds(1));
    begin(&harness, "adas").await;
    harness.server.runs.updates.notify(&ada(&harness.server).await.id);
    assert_eq!(reading.run().await.run.id, "adas");
}

#[tokio::test]
async fn an_idle_stream_forbids_caching_and_buffering_and_sends_keep_alive_comments() {
    let harness = harness(|pace| pace.keep_alive = Duration::from_millis(5)).await;
    let mut reading = open(&harness.server, &harness.sign_in().await).await;
    assert_eq!(reading.headers[CONTENT_TYPE], "text/event-stream");
    assert_eq!(reading.headers[CACHE_CONTROL], "no-store, no-transform");
    assert_eq!(reading.headers["x-accel-buffering"], "no");
    assert_eq!(reading.block().await.as_deref(), Some(": here"));
    for _ in 0..3 {
        while reading.block().await.expect("an open stream") != ":" {}
    }
}

#[tokio::test]
async fn a_caller_who_is_not_signed_in_a_page_of_another_site_and_a_post_get_no_stream() {
    let harness = harness(|_| {}).await;
    let cookie = harness.sign_in().await;
    let open = || get(EVENTS).header(COOKIE, &cookie);
    let from = |site| open().header("sec-fetch-site", site);
    let post = post(EVENTS).header(COOKIE, &cookie).header(CONTENT_TYPE, "application/json");
    let own = open_at(server::router(harness.server.clone()), from("same-origin")).await;
    assert!(own.is_ok());
    drop(own);
    for (request, status, text) in [
        (get(EVENTS), StatusCode::UNAUTHORIZED, "\"signed-out\""),
        (from("cross-site"), StatusCode::FORBIDDEN, "cross-site"),
        (from("same-site"), StatusCode::FORBIDDEN, "cross-site"),
        (post, StatusCode::METHOD_NOT_ALLOWED, ""),
    ] {
        let answer = refused(&harness, request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(text), "{answer:?}");
    }
    harness.server.people.accounts.remove(EMAIL, operator()).await.expect("gone");
    let answer = refused(&harness, open()).await;
    let expected = (StatusCode::UNAUTHORIZED, "account-removed".to_owned());
    assert_eq!((answer.status, answer.code()), expected);
    assert!(harness.server.runs.updates.is_empty());
}

#[tokio::test]
async fn a_token_in_a_header_opens_a_stream_for_a_page_of_a_configured_origin() {
    const HOST_SITE: &str = "https://host.example";
    let harness = with_key_file(|config| {
        config.embedding_origins.embedding = vec![HostOrigin::parse(HOST_SITE).expect("an origin")];
    })
    .await;
    let path = format!("/bearer{EVENTS}");
    let token = format!("Bearer {}", good_token(&claims(now(&harness))));
    let request = get(&path).header(AUTHORIZATION, token).header(ORIGIN, HOST_SITE);
    let mut reading =
        open_at(server::router(harness.server.clone()), request).await.expect("a stream");
    assert_eq!(reading.headers["access-control-allow-origin"], HOST_SITE);
    assert!(reading.block().await.is_some());

    let request = get(&path).header(AUTHORIZATION, "Bearer x.y.z").header(ORIGIN, HOST_SITE);
    let answer = refused(&harness, request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("access-control-allow-origin"), HOST_SITE);
    assert_eq!(refused(&harness, get(&path)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_rust_host_serves_the_stream_and_can_end_it() {
    let harness = harness(|_| {}).await;
    let email = EmailSettings::with_server(harness.server.clone(), AlwaysGrace);
    let mut reading = open_at(email.router(), get(EVENTS)).await.expect("a stream");
    assert!(reading.block().await.is_some());
    email.close_streams();
    reading.end().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_keeps_no_session_alive() {
    // Minutes before the stream begins, and then until the session has ended.
    for (before, after) in [(0, 13 * 60), (59, 2)] {
        let harness = harness(|pace| pace.session_check_interval = Duration::from_millis(1)).await;
        let cookie = harness.sign_in().await;
        harness.clock.advance(TimeDelta::minutes(before));
        let mut reading = open(&harness.server, &cookie).await;
        assert!(reading.block().await.is_some(), "it is open");
        harness.clock.advance(TimeDelta::minutes(after));
        reading.end().await;
    }
}

#[tokio::test]
async fn an_ended_session_receives_no_event() {
    let harness = harness(|_| {}).await;
    let cookie = harness.sign_in().await;
    let mut reading = open(&harness.server, &cookie).await;
    assert!(reading.block().await.is_some(), "it is open");
    harness.clock.advance(TimeDelta::hours(13));
    begin(&harness, "run").await;
    harness.server.runs.updates.notify(&ada(&harness.server).await.id);
    assert_eq!(reading.event().await, None);
}

#[tokio::test]
async fn a_stream_ends_after_its_lifetime() {
    let harness = harness(|pace| pace.lifetime = Duration::from_millis(50)).await;
    open(&harness.server, &harness.sign_in().await).await.end().await;
}

#[tokio::test]
async fn streams_are_limited_and_one_that_ends_makes_room() {
    let harness = harness(|pace| pace.max_streams = 2).await;
    let cookie = harness.sign_in().await;
    let (first, _second) =
        (open(&harness.server, &cookie).await, open(&harness.server, &cookie).await);
    let answer = refused(&harness, get(EVENTS).header(COOKIE, &cookie)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.code(), "too-many-streams");
    drop(first);
    open(&harness.server, &cookie).await;
}

#[tokio::test]
async fn the_streams_of_one_user_are_limited() {
    let harness = harness(|pace| pace.max_streams_per_user = 1).await;
    let server = &harness.server;
    let subscribe = |user| server.runs.updates.subscribe(&server.store, &server.clock, user);
    let first = subscribe("ada").expect("room");
    assert!(subscribe("ada").is_none());
    assert!(subscribe("grace").is_some());
    drop(first);
    assert!(subscribe("ada").is_some());
}

#[tokio::test]
async fn each_of_many_streams_begins_with_the_current_run_and_leaves_nothing_behind() {
    let harness = harness(|_| {}).await;
    begin(&harness, "run").await;
    record(&harness.server, "run", 0, Step::NameLookup).await;
    let cookie = harness.sign_in().await;
    let mut readings = Vec::new();
    for _ in 0..times(20, 200) {
        readings.push(open(&harness.server, &cookie).await);
    }
    for reading in &mut readings {
        let now = reading.run().await.run;
        assert_eq!((now.id.as_str(), now.steps.len()), ("run", 1));
    }
    assert!(!harness.server.runs.updates.is_empty());
    drop(readings);
    assert!(harness.server.runs.updates.is_empty());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_streams() {
    let harness = harness(|_| {}).await;
    let cookie = harness.sign_in().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let stopping = harness.server.stopping.clone();
    let router = server::router(harness.server.clone());
    let ended = tokio::spawn(connections(listener, router, Limits::default(), {
        let stopping = stopping.clone();
        async move { stopping.cancelled().await }
    }));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {EVENTS} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads the request");
    let mut text = String::new();
    while !text.contains(": here") {
        let mut octets = [0; 1024];
        let read = stream.read(&mut octets).await.expect("it answers");
        assert_ne!(read, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&octets[..read]));
    }
    stopping.cancel();
    // Less than the ten seconds that a running request is given.
    let at_once = tokio::time::timeout(Duration::from_secs(5), ended).await;
    at_once.expect("it does not wait").expect("it ends");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("the stream ends well");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
}
