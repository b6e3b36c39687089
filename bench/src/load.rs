//! Load generators: clients that send the next request when the last one is answered.

use std::{net::SocketAddr, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};
use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use contract::{EmailTab, RunView, Save, SaveAnswer};
use domain::Field;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const EVENTS: &str = "/api/email/events";

/// Requests a page over several connections at once, and returns the requests per second.
pub async fn get(
    server: SocketAddr,
    path: &str,
    requests: u32,
    connections: u32,
    account: Option<&str>,
) -> Result<f64> {
    let cookie = match account {
        Some(account) => LoadClient::signed_in(server, account).await?.cookie,
        None => String::new(),
    };
    let each = requests / connections;
    let mut browsers = Vec::new();
    for _ in 0..connections {
        browsers.push(LoadClient { cookie: cookie.clone(), ..LoadClient::at(server).await? });
    }
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for mut browser in browsers {
        let path = path.to_owned();
        asking.spawn(async move {
            for _ in 0..each {
                let (status, _, _) = browser.ask("GET", &path, FORM, Bytes::new()).await?;
                ensure!(status == StatusCode::OK, "{path} answers {status}");
            }
            Ok(())
        });
    }
    while let Some(done) = asking.join_next().await {
        done??;
    }
    Ok(f64::from(each * connections) / begun.elapsed().as_secs_f64())
}

/// Loads the form repeatedly, and returns the 99th percentile of the time it takes, in
/// milliseconds.
pub async fn call(server: SocketAddr, calls: u32, account: &str) -> Result<f64> {
    let mut browser = LoadClient::signed_in(server, account).await?;
    let mut took = Vec::new();
    for _ in 0..calls {
        let begun = Instant::now();
        let _: EmailTab = browser.call("email/load", &serde_json::json!({})).await?;
        took.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    took.sort_by(f64::total_cmp);
    took.get(took.len() * 99 / 100).copied().context("nothing was called")
}

/// Saves the form repeatedly, secret included, and returns the saves per second. With a port, the
/// mail server is the one there on this machine.
pub async fn save(server: SocketAddr, saves: u32, port: Option<u16>, account: &str) -> Result<f64> {
    let mut browser = LoadClient::signed_in(server, account).await?;
    let tab: EmailTab = browser.call("email/load", &serde_json::json!({})).await?;
    let mut revision = tab.saved.revision;
    let mut draft = tab.saved.draft().with_texts([
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicServer, "smtp.example.com"),
        (Field::BasicPort, "587"),
        (Field::Username, "noreply"),
    ]);
    if let Some(port) = port {
        draft.edit(Field::BasicServer, "127.0.0.1");
        draft.edit(Field::BasicPort, port.to_string());
        draft.edit(Field::BasicUseTls, "false");
        draft.edit(Field::Flow, "none");
    }
    let begun = Instant::now();
    for _ in 0..saves {
        draft.edit(Field::BasicDisplayName, format!("PPM {revision}"));
        draft.edit(Field::Password, format!("password {revision}"));
        let save = Save { draft: draft.clone(), revision, deletes_grant: None };
        let answer = browser.call("email/save", &serde_json::json!({ "save": save })).await?;
        let SaveAnswer::Saved(now) = answer else { bail!("nothing was saved: {answer:?}") };
        revision = now.revision;
    }
    Ok(f64::from(saves) / begun.elapsed().as_secs_f64())
}

/// Saves settings with an OAuth flow, for which there is no token: messages are accepted and held.
pub async fn hold(server: SocketAddr, account: &str) -> Result<f64> {
    let mut browser = LoadClient::signed_in(server, account).await?;
    let tab: EmailTab = browser.call("email/load", &serde_json::json!({})).await?;
    let (mut draft, revision) = (tab.saved.draft(), tab.saved.revision);
    for (field, text) in [
        (Field::Flow, "authorization-code"),
        (Field::OauthSender, "noreply@example.com"),
        (Field::OauthDisplayName, "PPM"),
        (Field::OauthServer, "smtp.example.com"),
        (Field::OauthPort, "587"),
        (Field::ClientId, "bench"),
        (Field::ClientSecret, "secret"),
        (Field::AuthorizationEndpoint, "https://login.example.com/authorize"),
        (Field::TokenEndpoint, "https://login.example.com/token"),
        (Field::RedirectUri, "https://ppm.example.com/oauth/callback"),
        (Field::Scope, "smtp"),
    ] {
        draft.edit(field, text);
    }
    let save = Save { draft, revision, deletes_grant: None };
    let answer = browser.call("email/save", &serde_json::json!({ "save": save })).await?;
    let SaveAnswer::Saved(_) = answer else { bail!("nothing was saved: {answer:?}") };
    Ok(1.0)
}

/// Hands messages over by several connections at once, and returns the accepted ones per second.
pub async fn hand_over(
    server: SocketAddr,
    key: &str,
    messages: u32,
    connections: u32,
) -> Result<f64> {
    let each = messages / connections;
    let message = serde_json::json!({
        "from": "noreply@example.com", "to": ["ada@example.com"], "subject": "A benchmark",
        "text": "x".repeat(70).repeat(8),
    });
    let body = Bytes::from(message.to_string());
    let mut products = Vec::new();
    for _ in 0..connections {
        products.push(LoadClient { key: Some(key.to_owned()), ..LoadClient::at(server).await? });
    }
    let begun = Instant::now();
    let mut handing_over = JoinSet::new();
    for mut product in products {
        let body = body.clone();
        handing_over.spawn(async move {
            for _ in 0..each {
                let (status, _, answer) =
                    product.ask("POST", "/v1/messages", JSON, body.clone()).await?;
                ensure!(status == StatusCode::ACCEPTED, "{status}: {answer:?}");
            }
            Ok(())
        });
    }
    while let Some(done) = handing_over.join_next().await {
        done??;
    }
    Ok(f64::from(each * connections) / begun.elapsed().as_secs_f64())
}

/// Opens streams, each over a separate connection, sends a test message to `port`, reads each
/// stream to the message's end, closes all, and returns how many there were.
pub async fn watch(server: SocketAddr, port: u16, pages: u32, account: &str) -> Result<f64> {
    let mut browser = LoadClient::signed_in(server, account).await?;
    let tab: EmailTab = browser.call("email/load", &serde_json::json!({})).await?;
    let (saved, revision) = (tab.saved.draft(), tab.saved.revision);
    let draft = saved.with_texts([
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "PPM"),
        (Field::BasicServer, "127.0.0.1"),
        (Field::BasicPort, &port.to_string()),
        (Field::BasicUseTls, "false"),
        (Field::Username, ""),
        (Field::Password, ""),
    ]);
    let save = Save { draft, revision, deletes_grant: None };
    let answer = browser.call("email/save", &serde_json::json!({ "save": save })).await?;
    let SaveAnswer::Saved(_) = answer else { bail!("nothing was saved: {answer:?}") };

    let mut streams = Vec::new();
    for _ in 0..pages {
        let mut page =
            LoadClient { cookie: browser.cookie.clone(), ..LoadClient::at(server).await? };
        let request = page.request("GET", EVENTS, FORM, Bytes::new())?;
        page.connection.ready().await?;
        let answer = page.connection.send_request(request).await?;
        ensure!(answer.status() == StatusCode::OK, "{EVENTS} answers {}", answer.status());
        streams.push((page, answer.into_body()));
    }
    let begun: RunView = browser.call("email/send-test", &serde_json::json!({})).await?;
    for (_, stream) in &mut streams {
        let mut received = String::new();
        while !(received.contains(&begun.run.id) && received.contains("message_id")) {
            let frame = stream.frame().await.context("a stream has ended")??;
            received.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap_or_default()));
        }
    }
    Ok(f64::from(pages))
}

/// A keep-alive connection and a session cookie.
struct LoadClient {
    connection: SendRequest<Full<Bytes>>,
    server: SocketAddr,
    cookie: String,
    /// The key of an application.
    key: Option<String>,
}

impl LoadClient {
    async fn at(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(Self { connection, server, cookie: String::new(), key: None })
    }

    async fn signed_in(server: SocketAddr, account: &str) -> Result<Self> {
        let (email, password) = account.split_once(':').context("--as wants address:password")?;
        let mut browser = Self::at(server).await?;
        let form = format!("email={}&password={}", encoded(email), encoded(password));
        let (_, cookie, _) = browser.ask("POST", "/sign-in", FORM, form.into()).await?;
        browser.cookie = cookie.context("the sign-in set no cookie")?;
        Ok(browser)
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &mut self,
        function: &str,
        argument: &serde_json::Value,
    ) -> Result<T> {
        let body = serde_json::to_vec(argument)?;
        let path = format!("/api/{function}");
        let (status, _, body) = self.ask("POST", &path, JSON, body.into()).await?;
        ensure!(status == StatusCode::OK, "{path} answers {status}");
        Ok(serde_json::from_slice(&body)?)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        Ok(request
            .header(header::HOST, self.server.to_string())
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, kind)
            .header("sec-fetch-site", "same-origin")
            .body(Full::new(body))?)
    }

    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        kind: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Option<String>, Bytes)> {
        let request = self.request(method, path, kind, body)?;
        self.connection.ready().await?;
        let answer = self.connection.send_request(request).await?;
        let cookie = answer.headers().get(header::SET_COOKIE).and_then(|line| line.to_str().ok());
        let cookie = cookie.and_then(|line| line.split(';').next()).map(str::to_owned);
        let status = answer.status();
        Ok((status, cookie, answer.into_body().collect().await?.to_bytes()))
    }
}

fn encoded(text: &str) -> String {
    text.bytes().flat_map(|octet| format!("%{octet:02X}").into_bytes()).map(char::from).collect()
}
