//! Limits for unauthenticated clients, over sockets: connections, size of bodies, and time.
//! Signed-in users are served meanwhile.

use std::{net::SocketAddr, process::Command, sync::Arc, time::Duration};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::{any, get};
use futures_util::stream;
use serde_json::json;
use server::Server;
use server::serve::{Limits, connections};
use server::web::body::{MAX_OCTETS, MAX_UNAUTHENTICATED_OCTETS};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::support::accounts::administrators;
use crate::support::databases::database_url;
use crate::support::harness::{FORM, Harness};
use crate::support::program::{HttpBrowser, Serving, program};
use testkit::sockets::{NEVER, beginning, connect_from};

/// The program with one administrator, signed in.
struct RunningServer {
    program: Serving,
    cookie: String,
    _folder: TempDir,
}

impl RunningServer {
    async fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let cookie = administrators(&folder, 1).await.remove(0);
        let program = Serving::on_database(folder.path(), flags).await;
        Self { program, cookie, _folder: folder }
    }

    fn address(&self) -> SocketAddr {
        self.program.address.parse().expect("an address")
    }

    /// Sends these octets over a new connection, and returns the beginning of the response.
    async fn answer(&self, octets: &str) -> String {
        beginning(&mut sent(self.address(), octets).await).await
    }

    async fn administrator(&self) -> HttpBrowser {
        HttpBrowser::with_cookie(&self.program.address, &self.cookie).await
    }

    /// Asserts that the administrator is served, several times on one connection.
    async fn expect_service(&self) {
        let mut browser = self.administrator().await;
        for _ in 0..3 {
            let answer = timeout(NEVER, browser.call("email/load", &json!({}))).await;
            let answer = answer.expect("there is an answer").expect("the connection stays");
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        }
    }
}

/// A new connection on which these octets were sent.
async fn sent(address: SocketAddr, octets: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(octets.as_bytes()).await.expect("the server reads");
    stream
}

#[tokio::test]
async fn unauthenticated_connections_beyond_the_limit_keep_no_administrator_out() {
    let flags = ["--max-connections", "40", "--max-connections-per-address", "8"];
    let running = RunningServer::start(&flags).await;
    let mut held = Vec::new();
    for host in 2..12 {
        for sent in ["", "GET / HT", "POST /sign-in HTTP/1.1\r\nHost: a\r\n"].repeat(5) {
            let mut stream = connect_from(&format!("127.0.0.{host}"), running.address()).await;
            // Fails for a connection that was evicted meanwhile.
            let _ = stream.write_all(sent.as_bytes()).await;
            held.push(stream);
        }
    }
    running.expect_service().await;
}

#[tokio::test]
async fn a_large_unauthenticated_body_is_refused_before_it_is_sent() {
    let running = RunningServer::start(&[]).await;
    for (path, kind, announced, expected) in [
        ("/sign-in", FORM, MAX_UNAUTHENTICATED_OCTETS + 1, "413"),
        ("/set-up", FORM, MAX_OCTETS, "413"),
        ("/preferences/time", FORM, MAX_OCTETS, "413"),
        // A user who is signed out during an edit gets 401 rather than 413.
        ("/api/email/save", "application/json", MAX_OCTETS, "401"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {announced}\r\n\r\n"
        );
        let answer = running.answer(&head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_unauthenticated_chunked_body_is_read_up_to_the_limit() {
    let running = RunningServer::start(&[]).await;
    let head = "POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 4 * 1024, "x".repeat(4 * 1024));
    let more_than_allowed = format!("{head}{}", chunk.repeat(5));
    let answer = running.answer(&more_than_allowed).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_large_body_of_an_administrator_is_read() {
    let running = RunningServer::start(&[]).await;
    let mut browser = running.administrator().await;
    let zone = "x".repeat(MAX_UNAUTHENTICATED_OCTETS * 2);
    let form = format!("pattern=YYYY-MM-DD&clock=24&zone={zone}");
    let answer = browser.ask("POST", "/preferences/time", FORM, form).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("No time zone matches."));
}

#[tokio::test]
async fn a_signed_out_user_gets_401_although_the_form_is_large() {
    let running = RunningServer::start(&[]).await;
    let mut browser = running.program.browser().await;
    let text = "x".repeat(MAX_OCTETS - 100);
    let answer = browser.call("email/save", &text).await.expect("the answer is not lost");
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
}

/// The soft and the hard limit of open files of a process.
#[cfg(target_os = "linux")]
fn open_files_limits(process: u32) -> Vec<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).expect("it runs");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let numbers = line.expect("the kernel names it").split_whitespace().take(2);
    numbers.map(|number| number.parse().expect("a number")).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_limit_of_open_files_is_raised_and_leaves_room_for_the_database() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cookie = administrators(&folder, 1).await.remove(0);
    let url = database_url(folder.path()).await;
    let (soft, hard) = (64, 200);
    let mut command = Command::new("prlimit");
    command.env_clear().current_dir(folder.path()).arg(format!("--nofile={soft}:{hard}"));
    command.arg(program(folder.path()).get_program());
    command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
    let running = RunningServer { program: Serving::by(command), cookie, _folder: folder };
    assert_eq!(open_files_limits(running.program.id()), [hard, hard]);

    let mut held = Vec::new();
    for _ in 0..2 * hard {
        held.push(connect_from("127.0.0.2", running.address()).await);
    }
    running.expect_service().await;
}

/// A stream that sends one chunk at once and another one per notification.
fn ticking(go: Arc<Notify>) -> Router<Server> {
    let stream = move || {
        let go = go.clone();
        async move {
            Body::from_stream(stream::unfold((go, 0_u8), |(go, count)| async move {
                if count > 0 {
                    go.notified().await;
                }
                let tick = Ok::<_, std::io::Error>(Bytes::from(format!("tick {count}")));
                Some((tick, (go, count + 1)))
            }))
        }
    };
    Router::new().route("/stream", get(stream))
}

#[tokio::test]
async fn a_handler_that_never_ends_gets_503_by_the_deadline_and_a_stream_goes_on() {
    let harness = Harness::with(|config| config.answer_within = Duration::from_secs(2)).await;
    let go = Arc::new(Notify::new());
    let pages = ticking(go.clone()).route("/never", any(std::future::pending::<()>));
    let router = server::guarded(harness.server.clone(), pages);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(connections(listener, router, Limits::default(), std::future::pending()));

    let mut reader = sent(address, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut text = String::new();
    while !text.contains("tick 0") {
        text += &beginning(&mut reader).await;
    }
    let answer =
        beginning(&mut sent(address, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("answer-too-slow"), "{answer}");
    go.notify_one();
    assert!(beginning(&mut reader).await.contains("tick 1"));
}
