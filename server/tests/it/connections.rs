//! Connection limits: idle and stalled connections are closed, one client leaves room for others,
//! and a shutdown cuts off no request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::routing::{get, post};
use futures_util::stream;
use server::config::Room;
use server::serve::{Limits, connections};
use testkit::sockets::{NEVER, beginning, connect_from};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;

/// Long enough for a whole request on a busy machine.
const LIMIT: Duration = Duration::from_secs(2);

/// A running server and the signal that stops it.
struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn listening(router: Router, headers_within: Duration) -> Listening {
    limited(router, Limits { headers_within, ..patient(1_000, 1_000) }).await
}

/// Limits on the number of connections, in all and per address, practically without timeouts.
fn patient(connections: usize, per_address: usize) -> Limits {
    let room = Room { connections, per_address, unlimited: Vec::new() };
    Limits { headers_within: NEVER, taken_within: NEVER, room }
}

async fn limited(router: Router, limits: Limits) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(connections(listener, router, limits, async {
        stopped.await.unwrap_or_default();
    }));
    Listening { address, stop, ended }
}

fn greeting() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_AND_CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Sends the start of a request on a new connection.
async fn sending(server: &Listening, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    write(&mut stream, text).await;
    stream
}

async fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("the server reads the request");
}

/// Asserts that a connection that stays open is served.
async fn assert_served(stream: &mut TcpStream) {
    write(stream, GET).await;
    assert!(beginning(stream).await.ends_with("hello"));
}

/// Reads until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    // A reset closes the connection, too.
    let _ = tokio::time::timeout(NEVER, read).await.expect("the server closes the connection");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn an_incomplete_request_and_a_connection_that_idles_after_an_answer_are_closed() {
    let server = listening(greeting(), LIMIT).await;
    for (sent, is_answered) in
        [("", false), ("GET / HT", false), ("GET / HTTP/1.1\r\nHost: a\r\n", false), (GET, true)]
    {
        let answer = rest(sending(&server, sent).await).await;
        assert_eq!(answer.ends_with("hello"), is_answered, "{sent:?}: {answer}");
        assert_eq!(answer.contains("hello"), is_answered, "{sent:?}: {answer}");
    }
}

#[tokio::test]
async fn headers_that_drip_in_are_cut_off() {
    let server = listening(greeting(), LIMIT).await;
    let (mut from, mut to) =
        TcpStream::connect(server.address).await.expect("a connection").into_split();
    let dripping = async {
        // Too slow to reach hyper's limits of size and number, too fast to count as idle.
        let mut drops = tokio::time::interval(LIMIT / 10);
        let mut sent = to.write_all(b"GET / HTTP/1.1\r\n").await;
        while sent.is_ok() {
            drops.tick().await;
            sent = to.write_all(b"X: 1\r\n").await;
        }
    };
    let mut text = Vec::new();
    let closed = tokio::time::timeout(NEVER, async {
        tokio::select! {
            () = dripping => {}
            _ = from.read_to_end(&mut text) => {}
        }
    });
    closed.await.expect("the server closes the connection");
    let text = String::from_utf8_lossy(&text);
    assert!(!text.contains("hello") && !text.contains(" 431 "), "{text}");
}

#[tokio::test]
async fn a_handler_receives_the_peer_address() {
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let server = listening(Router::new().route("/", get(who)), NEVER).await;
    let stream = sending(&server, GET_AND_CLOSE).await;
    let own = stream.local_addr().expect("an address").to_string();
    assert!(rest(stream).await.ends_with(&own));
}

#[tokio::test]
async fn a_shutdown_waits_for_a_running_request_and_accepts_no_other() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, go) = (begun.clone(), go.clone());
        move || async move {
            begun.notify_one();
            go.notified().await;
            "done"
        }
    };
    let server = listening(Router::new().route("/", get(slow)), NEVER).await;
    let stream = sending(&server, GET).await;
    begun.notified().await;
    server.stop.send(()).expect("the server runs");
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    assert!(rest(stream).await.ends_with("done"));
    server.ended.await.expect("the server ends");
}

/// Answers `/` at once, and `/slow` once `go` has a permit; `begun` gets a permit per request.
struct GatedRouter {
    router: Router,
    begun: Arc<Semaphore>,
    go: Arc<Semaphore>,
}

impl GatedRouter {
    fn new() -> Self {
        let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let gated = (begun.clone(), go.clone());
        let slow = move || async move {
            gated.0.add_permits(1);
            gated.1.acquire().await.expect("it is never closed").forget();
            "done"
        };
        Self { router: greeting().route("/slow", get(slow)), begun, go }
    }

    /// Requests `/slow` and waits until its handler runs.
    async fn ask(&self, stream: &mut TcpStream) {
        write(stream, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
        self.begun.acquire().await.expect("it is never closed").forget();
    }
}

#[tokio::test]
async fn an_address_with_too_many_connections_loses_only_its_own() {
    let server = limited(greeting(), patient(100, 3)).await;
    let mut other = connect_from("127.0.0.3", server.address).await;
    assert_served(&mut other).await;
    let first = connect_from("127.0.0.2", server.address).await;
    let mut more = Vec::new();
    for _ in 0..3 {
        let mut stream = connect_from("127.0.0.2", server.address).await;
        assert_served(&mut stream).await;
        more.push(stream);
    }
    assert_eq!(rest(first).await, "");
    assert_served(&mut other).await;
}

#[tokio::test]
async fn an_address_with_only_running_requests_gets_503_and_another_is_served() {
    let gated = GatedRouter::new();
    let server = limited(gated.router.clone(), patient(100, 2)).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = connect_from("127.0.0.2", server.address).await;
        gated.ask(&mut stream).await;
        busy.push(stream);
    }
    let refused = rest(connect_from("127.0.0.2", server.address).await).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("Retry-After: 5") && refused.contains("too-many-connections"));
    let mut other = connect_from("127.0.0.3", server.address).await;
    assert_served(&mut other).await;
    gated.go.add_permits(2);
    for mut stream in busy {
        assert!(beginning(&mut stream).await.ends_with("done"), "what was under way goes on");
    }
}

#[tokio::test]
async fn stalled_connections_in_every_slot_keep_no_client_out() {
    let server = limited(
        greeting()
            .route("/body", post(async |body: Bytes| body))
            .route("/endless", get(async || Body::from_stream(endless(())))),
        patient(4, 2),
    )
    .await;
    let mut held = Vec::new();
    for (number, sent) in [
        "",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
        "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let mut stream = connect_from(&format!("127.0.0.{}", number + 2), server.address).await;
        write(&mut stream, sent).await;
        if sent.contains("endless") {
            assert!(beginning(&mut stream).await.contains("200 OK"));
        }
        held.push(stream);
    }
    for number in 6..10 {
        let mut stream = connect_from(&format!("127.0.0.{number}"), server.address).await;
        assert_served(&mut stream).await;
        held.push(stream);
    }
}

#[tokio::test]
async fn a_running_request_is_never_evicted() {
    let gated = GatedRouter::new();
    let server = limited(gated.router.clone(), patient(2, 2)).await;
    let mut busy = connect_from("127.0.0.2", server.address).await;
    gated.ask(&mut busy).await;
    for number in 3..8 {
        let mut stream = connect_from(&format!("127.0.0.{number}"), server.address).await;
        assert_served(&mut stream).await;
    }
    gated.go.add_permits(1);
    assert!(beginning(&mut busy).await.ends_with("done"));
}

#[tokio::test]
async fn a_trusted_proxy_has_no_limit_per_address() {
    let mut limits = patient(100, 1);
    limits.room.unlimited = vec!["127.0.0.2".parse().expect("an address")];
    let server = limited(greeting(), limits).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(connect_from("127.0.0.2", server.address).await);
    }
    for stream in &mut streams {
        assert_served(stream).await;
    }
}

/// An endless body that holds `guard` until it is dropped.
fn endless<T: Send + 'static>(
    guard: T,
) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::unfold(guard, |guard| async {
        Some((Ok(Bytes::from_static(&[b'x'; 16 * 1024])), guard))
    })
}

/// Notifies when it is dropped.
struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_disconnected() {
    let gone = Arc::new(Notify::new());
    let dropped = gone.clone();
    let body = move || {
        let guard = NotifyOnDrop(dropped.clone());
        async { Body::from_stream(endless(guard)) }
    };
    let limits = Limits { taken_within: LIMIT, ..patient(100, 100) };
    let server = limited(Router::new().route("/", get(body)), limits).await;
    let _stream = sending(&server, GET).await;
    tokio::time::timeout(NEVER, gone.notified()).await.expect("the server gives up");
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_disconnected() {
    const OCTETS: usize = 8 * 1024 * 1024;
    let limits = Limits { taken_within: LIMIT, ..patient(100, 100) };
    let body = async || Bytes::from(vec![b'x'; OCTETS]);
    let server = limited(Router::new().route("/", get(body)), limits).await;
    let mut stream = sending(&server, GET_AND_CLOSE).await;
    let (mut ticks, mut count) = (tokio::time::interval(LIMIT / 25), 0);
    let mut octets = vec![0; OCTETS / 32];
    loop {
        ticks.tick().await;
        match stream.read(&mut octets).await.expect("the server goes on") {
            0 => break,
            read => count += read,
        }
    }
    assert!(count > OCTETS, "{count}");
}

#[tokio::test]
async fn oversized_headers_are_refused() {
    let server = listening(greeting(), NEVER).await;
    let allowed = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(31 * 1024));
    assert!(beginning(&mut sending(&server, &allowed).await).await.ends_with("hello"));
    let long = format!("X: {}\r\n", "x".repeat(64 * 1024));
    let many = "X: 1\r\n".repeat(101);
    for headers in [long, many] {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let answer = beginning(&mut sending(&server, &request).await).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test]
async fn a_response_that_precedes_the_end_of_the_request_is_not_lost() {
    let refuse = async || StatusCode::UNAUTHORIZED;
    let server = listening(Router::new().route("/", post(refuse)), NEVER).await;
    let body = vec![b'x'; 700 * 1024];
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = sending(&server, &head).await;
    // The body is sent only after the whole response has arrived.
    while !stream.ready(Interest::READABLE).await.expect("it is watched").is_read_closed() {
        tokio::task::yield_now().await;
    }
    for part in body.chunks(64 * 1024) {
        stream.write_all(part).await.expect("the server listens to the end");
    }
    assert!(rest(stream).await.starts_with("HTTP/1.1 401 "));
}
