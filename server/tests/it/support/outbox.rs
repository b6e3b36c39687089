//! The two sides of the outbox, for tests that kill the program between them: products that hand
//! messages over, and a mail server that counts what it accepts.

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
use tokio::sync::{Notify, RwLock};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::harness::{Answer, Harness, ada, operator};
use super::program::{HttpBrowser, Serving};
use super::waiting::until;

/// The number of products that hand over messages to a program at once.
const CALLERS: usize = 4;
/// Short deadlines, so that the leases of killed attempts end sooner.
pub const SHORT_DEADLINES: [&str; 5] = [
    "--smtp-connect-seconds=1",
    "--smtp-reply-seconds=2",
    "--smtp-total-seconds=2",
    "--oauth-connect-seconds=1",
    "--oauth-total-seconds=2",
];

/// How a mail server treats the connections of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cuts {
    None,
    /// It cuts one connection in five around the final dot, at random.
    AroundFinalDot,
}

/// A mail server that accepts every message, and counts those of each recipient.
pub struct Sink {
    pub address: SocketAddr,
    accepted: Arc<Mutex<HashMap<String, usize>>>,
}

impl Sink {
    pub async fn start(cuts: Cuts, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let accepted = Arc::new(Mutex::new(HashMap::new()));
        let log = accepted.clone();
        tokio::spawn(async move {
            let mut moments = StdRng::seed_from_u64(seed);
            while let Ok((stream, _)) = listener.accept().await {
                let (log, moments) = (log.clone(), StdRng::seed_from_u64(moments.random()));
                tokio::spawn(async move {
                    // The client may be killed at any time.
                    let _ = serve(stream, &log, cuts, moments).await;
                });
            }
        });
        Self { address, accepted }
    }

    /// Returns the recipients that got more than one message, and how many.
    pub fn duplicates(&self) -> Vec<(String, usize)> {
        let log = self.accepted.lock().expect("the log");
        let twice = log.iter().filter(|(_, count)| **count > 1);
        twice.map(|(to, count)| (to.clone(), *count)).collect()
    }
}

async fn serve(
    stream: TcpStream,
    log: &Mutex<HashMap<String, usize>>,
    cuts: Cuts,
    mut moments: StdRng,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 sink\r\n").await?;
    let (mut recipient, mut is_content) = (String::new(), false);
    while let Some(line) = lines.next_line().await? {
        let reply: &[u8] = match line.as_str() {
            "." if is_content => {
                is_content = false;
                let cut = match cuts {
                    Cuts::None => None,
                    Cuts::AroundFinalDot => Some(moments.random_range(0..10)),
                };
                if cut == Some(0) {
                    return Ok(());
                }
                *log.lock().expect("the log").entry(recipient.clone()).or_default() += 1;
                if cut == Some(1) {
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

/// A product that sends through the saved settings.
#[derive(Clone)]
pub struct Product {
    pub key: SecretString,
}

impl Product {
    /// Adds the product, and saves this mail server.
    pub async fn added_to(harness: &Harness, sink: &Sink) -> Self {
        harness.sends_through(&ada(), sink.address).await;
        let settings =
            ApplicationSettings { name: "Planner".to_owned(), ..ApplicationSettings::default() };
        let added = harness.server.applications().add(&operator(), settings).await;
        Self { key: added.expect("it is added").1 }
    }

    /// Sends a request; `None` if the program is gone.
    pub async fn ask(
        &self,
        browser: &mut HttpBrowser,
        method: Method,
        path: &str,
        body: String,
    ) -> Option<Answer> {
        let credentials = format!("Bearer {}", self.key.expose_secret());
        let headers = [
            (header::AUTHORIZATION, credentials.as_str()),
            (header::CONTENT_TYPE, "application/json"),
        ];
        browser.send(method, path, &headers, body).await.ok()
    }

    /// Hands a message to this recipient over; `None` if the program is gone.
    pub async fn hand_over(&self, browser: &mut HttpBrowser, to: &str) -> Option<Answer> {
        let message = json!({
            "from": "noreply@example.com", "to": [to], "subject": "Hello", "text": "Hello",
        });
        self.ask(browser, Method::POST, "/v1/messages", message.to_string()).await
    }

    /// Hands messages over until the program is gone, tells of each accepted one and returns their IDs.
    /// It may answer 503 while its database `may_fail`.
    async fn hand_over_until_gone(
        self,
        address: String,
        name: String,
        may_fail: bool,
        accepts: Arc<Notify>,
    ) -> Vec<String> {
        let mut accepted = Vec::new();
        let Ok(mut browser) = HttpBrowser::at(&address).await else { return accepted };
        for number in 0.. {
            let to = format!("{name}-{number}@example.org");
            let Some(answer) = self.hand_over(&mut browser, &to).await else { break };
            match answer.status {
                StatusCode::ACCEPTED => {
                    accepted.push(id_of(&answer));
                    accepts.notify_one();
                }
                StatusCode::SERVICE_UNAVAILABLE if may_fail => {}
                _ => panic!("{answer:?}"),
            }
        }
        accepted
    }

    /// Waits until each of these messages was sent, or may have been.
    pub async fn expect_all_sent(&self, browser: &mut HttpBrowser, ids: &[String]) {
        for id in ids {
            until(async || ["delivered", "unknown"].contains(&&*self.state(browser, id).await))
                .await;
        }
    }

    /// Returns the state of a message, which must be there.
    pub async fn state(&self, browser: &mut HttpBrowser, id: &str) -> String {
        let path = format!("/v1/messages/{id}");
        let answer = self.ask(browser, Method::GET, &path, String::new()).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, StatusCode::OK, "an accepted message is lost: {id}");
        let message: Value = serde_json::from_str(&answer.body).expect("JSON");
        message["state"].as_str().expect("a state").to_owned()
    }
}

/// The ID of an accepted message.
pub fn id_of(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    body["id"].as_str().expect("an ID").to_owned()
}

/// A program that is killed again and again while products hand messages over to it.
pub struct Node {
    /// Its name in the recipients' addresses.
    pub name: &'static str,
    pub product: Product,
    pub database_url: String,
    pub moments: StdRng,
    /// The longest that it lives after its start, or after it has accepted a message, in milliseconds.
    pub longest: u64,
    /// Held while it starts by something that may not happen then: a start of the database. `None`
    /// if the database never fails.
    pub starting: Option<Arc<RwLock<()>>>,
}

impl Node {
    /// Starts the program in this folder, lets products hand messages over, and kills it, so often:
    /// every second time, by chance, after it has accepted a message. Returns the IDs of the accepted
    /// messages.
    pub async fn killed(mut self, folder: &Path, kills: usize) -> Vec<String> {
        let mut accepted = Vec::new();
        for kill in 0..kills {
            let program = match &self.starting {
                Some(starting) => {
                    let _starting = starting.read().await;
                    serving(folder, &self.database_url)
                }
                None => serving(folder, &self.database_url),
            };
            let (mut callers, accepts) = (JoinSet::new(), Arc::new(Notify::new()));
            for caller in 0..CALLERS {
                let (address, product) = (program.address.clone(), self.product.clone());
                let name = format!("{}-{kill}-{caller}", self.name);
                let may_fail = self.starting.is_some();
                let accepts = accepts.clone();
                callers.spawn(product.hand_over_until_gone(address, name, may_fail, accepts));
            }
            if self.moments.random() {
                let accepted = timeout(Duration::from_mins(2), accepts.notified()).await;
                accepted.expect("it accepts a message");
            }
            // No condition to wait for: the kill is to hit an arbitrary instant.
            sleep(Duration::from_millis(self.moments.random_range(0..self.longest))).await;
            program.kill();
            let within = timeout(Duration::from_mins(1), callers.join_all()).await;
            accepted.extend(within.expect("the callers see that the program is gone").concat());
        }
        accepted
    }
}

/// Starts the program with short deadlines.
pub fn serving(folder: &Path, database_url: &str) -> Serving {
    Serving::logged(folder, database_url, |command| {
        command.args(SHORT_DEADLINES);
    })
}
