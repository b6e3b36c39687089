//! Connections that want to be held open for nothing are closed, and a stop cuts off nobody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use server::serve::connections;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Long enough for a whole request on a busy machine.
const LIMIT: Duration = Duration::from_millis(500);
/// Far more than any of these tests takes.
const NEVER: Duration = Duration::from_mins(1);

/// A server that listens, and the word that stops it.
struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn listening(router: Router, headers_within: Duration) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(connections(listener, router, headers_within, async {
        stopped.await.unwrap_or_default();
    }));
    Listening { address, stop, ended }
}

fn greeting() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// Everything that comes until the other side closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    // A reset closes, too.
    let _ = tokio::time::timeout(NEVER, read).await.expect("the server closes the connection");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn half_a_request_is_closed_when_its_time_is_over() {
    let server = listening(greeting(), LIMIT).await;
    for said in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.write_all(said.as_bytes()).await.expect("it is heard");
        assert!(!rest(stream).await.contains("hello"), "{said:?}");
    }
}

#[tokio::test]
async fn headers_that_come_drop_by_drop_are_cut_off() {
    let server = listening(greeting(), LIMIT).await;
    let (mut from, mut to) =
        TcpStream::connect(server.address).await.expect("a connection").into_split();
    let dripping = async {
        // Slower than hyper's limits of size and number are reached, faster than any silence.
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
async fn a_connection_that_idles_after_an_answer_is_closed() {
    let server = listening(greeting(), LIMIT).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it is heard");
    assert!(rest(stream).await.ends_with("hello"));
}

#[tokio::test]
async fn a_handler_knows_who_connects() {
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let server = listening(Router::new().route("/", get(who)), NEVER).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let own = stream.local_addr().expect("an address").to_string();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("it is heard");
    assert!(rest(stream).await.ends_with(&own));
}

#[tokio::test]
async fn a_stop_waits_for_a_request_under_way_and_takes_no_other() {
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
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it is heard");
    begun.notified().await;
    server.stop.send(()).expect("the server runs");
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    assert!(rest(stream).await.ends_with("done"));
    server.ended.await.expect("the server ends");
}
