//! Sends secrets of every kind through every request and failure of the real program at log level
//! TRACE. No secret may appear in a response, in the log or in the database files, in any encoding.

mod health;
mod openid;
mod tokens;

use std::fs;
use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::get as route;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use contract::{RunView, Save, SaveAnswer};
use domain::delivery::{Outcome, Run};
use domain::{Draft, Field};
use memchr::memmem::find;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::secret_encodings::spelled_in;
use testkit::smtp_server::{AUTHORITY, Received, SmtpScript};

use crate::support::drafts::edited;
use crate::support::harness::{Answer, FORM, Harness, get};
use crate::support::program::{
    HttpBrowser, Serving, add_administrator, encoded, log_file, program, run, write_private,
};
use crate::support::steps::basic_draft;

const EMAIL: &str = "ada@example.com";
/// A test secret. Every encoding keeps its alphanumeric middle; escaping changes the rest.
const OWN: &str = "the own \"Kanarienvogel7Zq&\" ä";
const WRONG: &str = "a wrong <Rotkehlchen8Xw+> ö";
const STORED: &str = "a stored 'Nachtigall9Kb%20 ü";
const CLIENT: &str = "a client \\Zaunkoenig4Vt=/ é";

/// The alphanumeric middles of the test secrets.
const CANARIES: [&str; 4] =
    ["Kanarienvogel7Zq", "Rotkehlchen8Xw", "Nachtigall9Kb", "Zaunkoenig4Vt"];

/// The running program and a record of its output: responses, files, log, standard output.
struct Witness {
    folder: TempDir,
    serving: Serving,
    browser: HttpBrowser,
    received: Vec<(String, Vec<u8>)>,
    /// Further values that may not appear in the output, beside [`CANARIES`].
    secrets: Vec<String>,
}

impl Witness {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts the program with a changed command line or environment.
    async fn with(configure: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        add_administrator(folder.path(), EMAIL, OWN);
        fs::write(folder.path().join("ca.pem"), AUTHORITY.pem()).expect("the folder is ours");
        let serving = serve_with_trace(folder.path(), configure);
        let browser = HttpBrowser::at(&serving.address).await.expect("it listens");
        Self { folder, serving, browser, received: Vec::new(), secrets: Vec::new() }
    }

    async fn signed_in() -> Self {
        Self::signed_in_with(|_| {}).await
    }

    /// Starts the program with a changed command line or environment, and signs in.
    async fn signed_in_with(configure: impl FnOnce(&mut Command)) -> Self {
        let mut witness = Self::with(configure).await;
        let mut answer = witness.browser.sign_in(EMAIL, OWN).await.expect("an answer");
        assert!(!witness.browser.cookie.is_empty(), "{answer:?}");
        // Set-Cookie is the one header that is meant to carry the session token.
        answer.headers.remove("set-cookie");
        witness.hears("signing in", &answer);
        witness
    }

    fn hears(&mut self, what: &str, answer: &Answer) {
        let text = format!("{}\n{:?}\n{}", answer.status, answer.headers, answer.body);
        self.received.push((what.to_owned(), text.into_bytes()));
    }

    async fn calls(&mut self, function: &str, argument: &Value) -> Answer {
        let answer = self.browser.call(function, argument).await.expect("an answer");
        self.hears(&format!("{function} {argument}"), &answer);
        answer
    }

    async fn posts(&mut self, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let what = format!("{path} with {}", String::from_utf8_lossy(&body));
        let answer = self.browser.ask("POST", path, kind, body).await.expect("an answer");
        self.hears(&what, &answer);
        answer
    }

    async fn reads(&mut self, path: &str) -> Answer {
        let answer = self.browser.get(path).await.expect("an answer");
        self.hears(path, &answer);
        answer
    }

    async fn saves(&mut self, draft: &Draft, revision: i64) -> SaveAnswer {
        let save = Save { draft: draft.clone(), revision, deletes_grant: None };
        let answer = self.calls("email/save", &json!({ "save": save })).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        serde_json::from_str(&answer.body).expect("an answer to a save")
    }

    /// Sends a test message and waits for its outcome.
    async fn sends(&mut self) -> Run {
        let begun = self.calls("email/send-test", &json!({})).await;
        let mut now: RunView = serde_json::from_str(&begun.body).expect("a run");
        while now.run.outcome.is_none() {
            let answer = self.calls("email/run", &json!({ "id": now.run.id })).await;
            now = serde_json::from_str(&answer.body).expect("a run");
        }
        assert!(now.transcript.is_some(), "the text to copy is searched too");
        now.run
    }

    /// Runs the program at log level TRACE, records its output and returns its exit code.
    fn runs(&mut self, arguments: &[&str], input: &str) -> Option<i32> {
        let mut command = program(self.folder.path());
        command.args(arguments).env("RUST_LOG", "trace");
        let output = run(command, input);
        let what = arguments.join(" ");
        self.received.push((format!("{what}: standard output"), output.stdout));
        self.received.push((format!("{what}: standard error"), output.stderr));
        output.status.code()
    }

    /// Reads the files while the program runs and after it has stopped, and asserts that no secret
    /// is in any recorded output.
    fn expects_silence(mut self) {
        let token = self.browser.cookie.split_once('=').map_or("", |(_, token)| token).to_owned();
        self.reads_files("running");
        let text = self.serving.stop();
        self.received.push(("standard output".to_owned(), text.into_bytes()));
        let folder = self.folder;
        let mut received = self.received;
        received.extend(files(folder.path(), "after its end"));
        for (what, octets) in &received {
            for canary in CANARIES.into_iter().chain(self.secrets.iter().map(String::as_str)) {
                let found = spelled_in(octets, canary);
                assert_eq!(found, None, "{canary} in {what}: {}", around(octets, canary));
            }
            let has_token = !token.is_empty() && find(octets, token.as_bytes()).is_some();
            assert!(!has_token, "the session's token is in {what}");
        }
        let (_, log) =
            received.iter().find(|(what, _)| what.contains("ppm-email.log")).expect("a log");
        let log = String::from_utf8_lossy(log);
        for expected in ["TRACE", "sqlx", "request"] {
            assert!(log.contains(expected), "the log is not at its highest level: no {expected}");
        }
    }

    fn reads_files(&mut self, when: &str) {
        self.received.extend(files(self.folder.path(), when));
    }
}

/// Starts the program with log level TRACE; the log is `ppm-email.log`.
fn serve_with_trace(folder: &Path, configure: impl FnOnce(&mut Command)) -> Serving {
    Serving::with(folder, |command| {
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        command.args(["--extra-ca", "ca.pem", "--smtp-reply-seconds", "2"]);
        command.args(["--trusted-proxy", "127.0.0.1"]);
        command.stderr(log_file(&folder.join("ppm-email.log")));
        configure(command);
    })
}

fn files(folder: &Path, when: &str) -> Vec<(String, Vec<u8>)> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("the folder is readable").path();
        // A journal may be deleted while the folder is read.
        let octets = fs::read(&path).ok()?;
        Some((format!("{} {when}", path.file_name()?.display()), octets))
    };
    fs::read_dir(folder).expect("the folder is there").filter_map(read).collect()
}

/// The text around a canary, for the failure message.
fn around(octets: &[u8], canary: &str) -> String {
    let text = String::from_utf8_lossy(octets);
    let at = text.find(canary).unwrap_or_default();
    text.chars().skip(text[..at].chars().count().saturating_sub(300)).take(600).collect()
}

fn draft(edits: &[(Field, &str)]) -> Draft {
    let complete = basic_draft(&[
        (Field::BasicServer, "127.0.0.1"),
        (Field::Username, "noreply"),
        (Field::Password, STORED),
        (Field::ClientSecret, CLIENT),
        (Field::TokenEndpoint, "https://login.example.com/token"),
    ]);
    edited(&complete, edits)
}

#[tokio::test]
async fn a_saved_or_refused_secret_does_not_leak() {
    let mut witness = Witness::signed_in().await;
    let saved = witness.saves(&draft(&[]), 0).await;
    assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
    let conflict = witness.saves(&draft(&[]), 0).await;
    assert!(matches!(conflict, SaveAnswer::Conflict(_)), "{conflict:?}");
    for edits in [
        [(Field::BasicPort, "+587")],
        [(Field::Username, "")],
        [(Field::BasicServer, "smtp://x")],
        [(Field::Password, "a stored Nachtigall9Kb\u{202E}")],
    ] {
        let refused = witness.saves(&draft(&edits), 1).await;
        assert!(matches!(refused, SaveAnswer::Problems(_)), "{refused:?}");
    }
    let long = format!("{STORED}{}", "x".repeat(4_096));
    let save = Save { draft: draft(&[(Field::Password, &long)]), revision: 1, deletes_grant: None };
    let oversized = witness.calls("email/save", &json!({ "save": save })).await;
    assert_eq!(oversized.status, StatusCode::PAYLOAD_TOO_LARGE);
    for page in ["/settings/email", "/", "/nowhere"] {
        witness.reads(page).await;
    }
    witness.calls("email/load", &json!({})).await;
    witness.expects_silence();
}

#[tokio::test]
async fn a_secret_in_a_malformed_request_does_not_leak() {
    let mut witness = Witness::signed_in().await;
    let save = Save { draft: draft(&[]), revision: 0, deletes_grant: None };
    let good = json!({ "save": save }).to_string();
    let json_type = "application/json";
    for (kind, body) in [
        (json_type, good[..good.len() - 9].to_owned()),
        (json_type, format!("{good} {STORED}")),
        (json_type, format!("{{\"save\": \"{STORED}\"}}")),
        (json_type, good.replace("\"revision\":0", "\"revision\":\"Nachtigall9Kb\"")),
        (json_type, good.replace("\"none\"", "\"Nachtigall9Kb\"")),
        (json_type, good.replace("\"replace\"", "\"Nachtigall9Kb\"")),
        (json_type, good.replace("{\"replace\":", "{\"replace\":[").replace("}}", "]}}")),
        (json_type, "Nachtigall9Kb".to_owned()),
        ("text/plain", good.clone()),
        (FORM, format!("save={}", encoded(STORED))),
        ("Nachtigall9Kb/Zaunkoenig4Vt", good.clone()),
    ] {
        let answer = witness.posts("/api/email/save", kind, body).await;
        assert!(kind != json_type || answer.status.is_client_error(), "{answer:?}");
    }
    for path in ["/api/email/Nachtigall9Kb", "/api/email/run"] {
        witness.posts(path, json_type, format!("{{\"id\": \"{}\"}}", "Nachtigall9Kb")).await;
        witness.reads(path).await;
    }
    let too_large = format!("\"Nachtigall9Kb{}\"", "x".repeat(800_000));
    // Refused before the body is read; a client that goes on sending may see a closed connection.
    if let Ok(answer) = witness.browser.ask("POST", "/api/email/save", json_type, too_large).await {
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        witness.hears("too large a save", &answer);
    }
    witness.expects_silence();
}

#[tokio::test]
async fn a_password_typed_at_sign_in_does_not_leak() {
    let mut witness = Witness::start().await;
    for (email, password) in [(EMAIL, WRONG), (WRONG, WRONG), (WRONG, OWN), ("", WRONG)] {
        let answer = witness.browser.sign_in(email, password).await.expect("an answer");
        assert!(witness.browser.cookie.is_empty(), "{answer:?}");
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
        witness.hears("signing in in vain", &answer);
    }
    for body in [
        format!("email={}", encoded(WRONG)),
        format!("password={}", encoded(WRONG)),
        format!("password={0}&password={0}&email=x", encoded(WRONG)),
        format!("{}=x", encoded(WRONG)),
        format!("email=%ff&password={}", encoded(WRONG)),
        WRONG.to_owned(),
    ] {
        witness.posts("/sign-in", FORM, body.clone()).await;
        witness.posts("/sign-in", "text/plain", body.clone()).await;
        witness.posts("/sign-out", FORM, body).await;
    }
    let answer = witness.browser.sign_in(EMAIL, OWN).await.expect("an answer");
    assert!(!witness.browser.cookie.is_empty(), "{answer:?}");
    witness.calls("me", &json!({})).await;
    witness.reads("/settings/email").await;
    let signed_in = witness.browser.cookie.clone();
    let out = witness.posts("/sign-out", FORM, "").await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    witness.browser.cookie = signed_in;
    witness.expects_silence();
}

/// Replies of a hostile mail server that repeats the password.
fn echoes() -> Vec<String> {
    let plain = BASE64.encode(format!("\0noreply\0{STORED}"));
    let long = format!("{}{STORED}", "x".repeat(1_975 - "535 5.7.8 ".len()));
    vec![
        format!("no {STORED}"),
        format!("no {plain}"),
        format!("no {}", BASE64.encode(STORED)),
        format!("no {}", BASE64.encode(format!("noreply:{STORED}"))),
        format!("no {}", plain.trim_end_matches('=')),
        long,
    ]
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// The script with a reply at this step that repeats a secret: a refusal, after `done-…` a success.
fn repeating(mut script: SmtpScript, step: &str, echo: &str) -> SmtpScript {
    let refusal = leaked(format!("535-5.7.8 {echo}\n535 5.7.8 {echo}"));
    match step {
        "challenge" => {
            script.challenge = Some(leaked(format!("334 {}", BASE64.encode(echo))));
            script.auth = refusal;
        }
        "auth" => script.auth = refusal,
        "done-auth" => script.auth = leaked(format!("235 2.0.0 {echo}")),
        "mail" => script.mail = refusal,
        "rcpt" => script.rcpt = refusal,
        "data" => script.data = refusal,
        "content" => script.content = refusal,
        "done-content" => script.content = leaked(format!("250 2.0.0 {echo}")),
        "garbage" => script.rcpt = leaked(echo.to_owned()),
        _ => panic!("no step {step}"),
    }
    script
}

#[tokio::test]
async fn a_password_that_the_mail_server_repeats_does_not_leak() {
    let mut witness = Witness::signed_in().await;
    let mut revision = 0;
    let steps = ["auth", "done-auth", "mail", "rcpt", "data", "content", "done-content", "garbage"];
    for echo in echoes() {
        for step in steps {
            let script = repeating(SmtpScript::in_clear(), step, &echo);
            revision = sent(&mut witness, script, "off", "automatic", revision).await.1;
        }
    }
    witness.reads("/settings/email").await;
    witness.calls("email/load", &json!({})).await;
    witness.expects_silence();
}

#[tokio::test]
async fn a_password_that_is_sent_under_tls_does_not_leak() {
    let mut witness = Witness::signed_in().await;
    let login = "250-mail.example.com\n250-AUTH LOGIN\n250 8BITMIME";
    let mut revision = 0;
    for (script, mode) in [
        (SmtpScript::by_starttls(), "start-tls"),
        (SmtpScript::from_the_first_byte(), "implicit"),
        (SmtpScript { ehlo_under_tls: login, ..SmtpScript::by_starttls() }, "start-tls"),
    ] {
        let (received, now) = sent(&mut witness, script, "on", mode, revision).await;
        assert!(received.under_tls.iter().any(|line| line.starts_with("AUTH")), "{received:?}");
        revision = now;
    }
    witness.expects_silence();
}

/// Saves settings for a scripted mail server, sends a test message there and waits for its outcome.
async fn sent(
    witness: &mut Witness,
    script: SmtpScript,
    use_tls: &str,
    mode: &str,
    revision: i64,
) -> (Received, i64) {
    let server = script.play();
    let port = server.address.port().to_string();
    let settings = draft(&[
        (Field::BasicPort, &port),
        (Field::BasicUseTls, use_tls),
        (Field::BasicTlsMode, mode),
    ]);
    let SaveAnswer::Saved(saved) = witness.saves(&settings, revision).await else {
        panic!("not saved");
    };
    let run = witness.sends().await;
    let received = server.received().await;
    assert!(!matches!(run.outcome, Some(Outcome::Interrupted)), "{run:?}");
    (received, saved.revision)
}

#[tokio::test]
async fn a_password_given_to_the_command_line_does_not_leak() {
    let mut witness = Witness::signed_in().await;
    for (arguments, input) in [
        (vec!["admin", "set-password", EMAIL, "--password-stdin"], format!("{WRONG}\n")),
        (vec!["admin", "set-password", EMAIL, "--password-stdin"], "Rotkehl".to_owned()),
        (vec!["admin", "set-password", EMAIL, "--password-stdin"], WRONG.repeat(99)),
        (vec!["admin", "set-password", "x@y.z", "--password-stdin"], format!("{WRONG}\n")),
        (vec!["admin", "add", EMAIL, "--name", "A", "--password-stdin"], format!("{WRONG}\n")),
        (vec!["admin", "add", "no address", "--name", "A", "--password-stdin"], WRONG.to_owned()),
        (vec!["admin", "add", "b@example.com", "--name", "", "--password-stdin"], WRONG.to_owned()),
        (vec!["admin", "list"], WRONG.to_owned()),
    ] {
        witness.runs(&arguments, &input);
    }
    witness.expects_silence();
}

#[tokio::test]
async fn a_stored_secret_survives_starts_with_a_wrong_key_and_does_not_leak() {
    let mut witness = Witness::signed_in().await;
    witness.saves(&draft(&[]), 0).await;
    let folder = witness.folder.path().to_owned();
    let (key, aside) = (folder.join("ppm-email.key"), folder.join("aside.key"));
    let right = fs::read(&key).expect("the first start made it");
    fs::rename(&key, &aside).expect("the folder is ours");
    let foreign = "ppm-email key 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    for content in [Some(foreign), Some("Nachtigall9Kb"), None] {
        match content {
            Some(content) => write_private(&key, content),
            None => fs::remove_file(&key).expect("it is there"),
        }
        assert_eq!(witness.runs(&["serve", "--listen", "127.0.0.1:0"], ""), Some(2));
    }
    fs::rename(&aside, &key).expect("the folder is ours");
    let again = serve_with_trace(&folder, |_| {});
    let mut browser = witness.browser.again(&again.address).await.expect("it listens");
    let answer = browser.call("email/load", &json!({})).await.expect("an answer");
    assert!(answer.body.contains("noreply@example.com"), "{answer:?}");
    witness.hears("loading after all that", &answer);
    witness.received.push(("what it said again".to_owned(), again.stop().into_bytes()));
    let encoded_key = right.split(|&octet| octet == b'\n').nth(1).expect("a key").to_vec();
    for (what, octets) in &witness.received {
        assert_eq!(find(octets, &encoded_key), None, "the sealing key is in {what}");
    }
    witness.expects_silence();
}

#[tokio::test]
async fn a_handler_that_panics_answers_with_an_error_code_only() {
    let harness = Harness::start().await;
    let pages = Router::new().route("/panics", route(|| async { panic!("over {STORED}") as Body }));
    let answer = harness.ask(pages, get("/panics")).await;
    assert_eq!(answer.code(), "internal");
    let text = format!("{:?}{}", answer.headers, answer.body);
    assert_eq!(spelled_in(text.as_bytes(), "Nachtigall9Kb"), None, "{text}");
}
