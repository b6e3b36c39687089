//! A flood of sign-ins, all from one address.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio::{net::TcpStream, sync::mpsc};

/// The client address of the flood (RFC 5737).
const ADDRESS: &str = "192.0.2.1";

/// Runs until it is killed; prints a line once the first sign-in is refused.
pub async fn flood(server: SocketAddr, connections: u32, per_second: u32) -> Result<()> {
    let (refused, mut is_refused) = mpsc::channel(1);
    let period = Duration::from_secs(1) / per_second;
    for client in 0..connections {
        let refused = refused.clone();
        // Staggered, so that they do not all send at the same moment.
        let begin = Instant::now() + period * client / connections;
        tokio::spawn(async move {
            if let Err(error) = guess(server, client, interval_at(begin, period), refused).await {
                eprintln!("a connection of the flood ended: {error:#}");
            }
        });
    }
    is_refused.recv().await;
    println!("flooding http://{server}");
    std::future::pending().await
}

/// Sends sign-ins over one connection. A late response delays the next ones; they do not catch up.
async fn guess(
    server: SocketAddr,
    client: u32,
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
        let form = format!("email={client}-{attempt}%40example.com&password=wrong");
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
            // One of them is enough.
            StatusCode::TOO_MANY_REQUESTS => drop(refused.try_send(())),
            _ => ensure!(
                matches!(
                    status,
                    StatusCode::UNPROCESSABLE_ENTITY | StatusCode::SERVICE_UNAVAILABLE
                ),
                "{status} is no answer to a sign-in"
            ),
        }
    }
    Ok(())
}
