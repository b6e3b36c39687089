//! Strangers who try to sign in, all from one address.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// The address that all of them come from (RFC 5737).
const ADDRESS: &str = "192.0.2.1";

/// Goes on until it is killed.
pub async fn flood(server: SocketAddr, connections: u32, per_second: u32) -> Result<()> {
    let (refused, mut is_refused) = mpsc::channel(1);
    let period = Duration::from_secs(1) / per_second;
    for stranger in 0..connections {
        let refused = refused.clone();
        // One after another, and not all at the same moment.
        let begin = Instant::now() + period * stranger / connections;
        tokio::spawn(async move {
            if let Err(error) = guess(server, stranger, interval_at(begin, period), refused).await {
                eprintln!("a stranger gave up: {error:#}");
            }
        });
    }
    is_refused.recv().await;
    println!("flooding http://{server}");
    std::future::pending().await
}

/// Guesses over one connection. A server that is late gets no more at once for that.
async fn guess(
    server: SocketAddr,
    stranger: u32,
    mut pace: Interval,
    refused: mpsc::Sender<()>,
) -> Result<()> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (mut connection, driver) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(driver);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for attempt in 0_u64.. {
        pace.tick().await;
        let form = format!("email={stranger}-{attempt}%40example.com&password=wrong");
        let request = Request::post("/sign-in")
            .header(header::HOST, server.to_string())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("x-forwarded-for", ADDRESS)
            .body(Full::new(Bytes::from(form)))?;
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        let status = answer.status();
        answer.into_body().collect().await?;
        match status {
            // It is enough that one of them says so.
            StatusCode::TOO_MANY_REQUESTS => drop(refused.try_send(())),
            _ => ensure!(
                matches!(status, StatusCode::SEE_OTHER | StatusCode::SERVICE_UNAVAILABLE),
                "{status} is no answer to a sign-in"
            ),
        }
    }
    Ok(())
}
