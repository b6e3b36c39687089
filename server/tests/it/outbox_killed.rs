//! Kills the program with -9 while products hand messages over and a mail server cuts connections:
//! no acknowledged message is lost, and none is sent twice.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use domain::application::ApplicationSettings;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::databases::database_url;
use crate::support::harness::{Harness, ada, operator};
use crate::support::program::{HttpBrowser, Serving};
use crate::support::soak::times;
use crate::support::waiting::until;

/// The number of products that hand over messages at once.
const CALLERS: usize = 4;

/// A mail server that accepts every message, cuts one connection in five around the final dot, and
/// counts the messages of each recipient.
struct Sink {
    address: SocketAddr,
    accepted: Arc<Mutex<HashMap<String, usize>>>,
}

impl Sink {
    async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let accepted = Arc::new(Mutex::new(HashMap::new()));
        let log = accepted.clone();
        tokio::spawn(async move {
            let mut cuts = StdRng::seed_from_u64(seed);
            while let Ok((stream, _)) = listener.accept().await {
                let (log, cuts) = (log.clone(), StdRng::seed_from_u64(cuts.random()));
                tokio::spawn(async move {
                    // The client may be killed at any time.
                    let _ = serve(stream, &log, cuts).await;
                });
            }
        });
        Self { address, accepted }
    }
}

async fn serve(
    stream: TcpStream,
    log: &Mutex<HashMap<String, usize>>,
    mut cuts: StdRng,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 sink\r\n").await?;
    let (mut recipient, mut is_content) = (String::new(), false);
    while let Some(line) = lines.next_line().await? {
        let reply: &[u8] = match line.as_str() {
            "." if is_content => {
                is_content = false;
                let cut = cuts.random_range(0..10);
                if cut == 0 {
                    return Ok(());
                }
                *log.lock().expect("the log").entry(recipient.clone()).or_default() += 1;
                if cut == 1 {
                    return Ok(());
                }
                b"250 2.0.0 Accepted\r\n"
            }
            _ if is_content => continue,
            "DATA" => {
                is_content = true;
                b"354 Go on\r\n"
            }
            "QUIT" => return writer.write_all(b"221 Bye\r\n").await,
            line if line.starts_with("RCPT") => {
                line.clone_into(&mut recipient);
                b"250 Fine\r\n"
            }
            line if line.starts_with("EHLO") => b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            _ => b"250 Fine\r\n",
        };
        writer.write_all(reply).await?;
    }
    Ok(())
}

async fn serving(folder: &Path) -> Serving {
    let database = database_url(folder).await;
    Serving::logged(folder, &database, |command| {
        // The leases of killed attempts end sooner.
        for (flag, seconds) in [
            ("--smtp-connect-seconds", "1"),
            ("--smtp-reply-seconds", "2"),
            ("--smtp-total-seconds", "2"),
            ("--oauth-connect-seconds", "1"),
            ("--oauth-total-seconds", "2"),
        ] {
            command.args([flag, seconds]);
        }
    })
}

async fn ask(
    browser: &mut HttpBrowser,
    method: Method,
    path: &str,
    key: &SecretString,
    body: String,
) -> Option<(StatusCode, String)> {
    let credentials = format!("Bearer {}", key.expose_secret());
    let headers =
        [(header::AUTHORIZATION, credentials.as_str()), (header::CONTENT_TYPE, "application/json")];
    let answer = browser.send(method, path, &headers, body).await.ok()?;
    Some((answer.status, answer.body))
}

/// Hands messages over until the program is gone, and returns the IDs of the accepted ones.
async fn hand_over(address: String, key: SecretString, name: String) -> Vec<String> {
    let mut accepted = Vec::new();
    let Ok(mut browser) = HttpBrowser::at(&address).await else { return accepted };
    for number in 0.. {
        let to = format!("{name}-{number}@example.org");
        let message = json!({
            "from": "noreply@example.com", "to": [to], "subject": "Hello", "text": "Hello",
        });
        let sent = ask(&mut browser, Method::POST, "/v1/messages", &key, message.to_string()).await;
        let Some((status, body)) = sent else { break };
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        accepted.push(body["id"].as_str().expect("an ID").to_owned());
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_again_and_again_the_outbox_loses_no_accepted_message_and_sends_none_twice() {
    const SEED: u64 = 20_261_201;
    let sink = Sink::start(SEED).await;
    let harness = Harness::start().await.with_ada().await;
    harness.sends_through(&ada(), sink.address).await;
    let settings =
        ApplicationSettings { name: "Planner".to_owned(), ..ApplicationSettings::default() };
    let added = harness.server.applications().add(&operator(), settings).await;
    let (_, key) = added.expect("it is added");
    let folder = harness.folder.path();
    let mut moments = StdRng::seed_from_u64(SEED);
    let mut accepted = Vec::new();
    for kill in 0..times(30, 1_000) {
        let program = serving(folder).await;
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let name = format!("{kill}-{caller}");
            callers.spawn(hand_over(program.address.clone(), key.clone(), name));
        }
        sleep(Duration::from_millis(moments.random_range(0..150))).await;
        program.kill();
        let within = timeout(Duration::from_mins(1), callers.join_all()).await;
        accepted.extend(within.expect("the callers see that the program is gone").concat());
    }
    assert!(accepted.len() > 30, "{}", accepted.len());
    let program = serving(folder).await;
    let mut browser = HttpBrowser::at(&program.address).await.expect("it listens");
    for id in &accepted {
        let path = format!("/v1/messages/{id}");
        until(async || {
            let answer = ask(&mut browser, Method::GET, &path, &key, String::new()).await;
            let (status, body) = answer.expect("an answer");
            assert_eq!(status, StatusCode::OK, "an accepted message is lost: {id}");
            let message: Value = serde_json::from_str(&body).expect("JSON");
            message["state"] == "delivered" || message["state"] == "unknown"
        })
        .await;
    }
    let twice: Vec<_> = {
        let log = sink.accepted.lock().expect("the log");
        log.iter().filter(|(_, count)| **count > 1).map(|(to, _)| to.clone()).collect()
    };
    assert_eq!(twice, Vec::<String>::new());
}
