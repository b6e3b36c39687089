//! Tests of SSRF attempts by an administrator over the HTTP API, against listeners that detect a
//! connection.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;

use axum::http::StatusCode;
use contract::{Explanation, LookupResult, RunView, Save, SaveAnswer, TokenView};
use domain::delivery::{Diagnosis, Outcome, Step};
use domain::{Draft, Field, OauthFlow, Problem, Problems};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::provider::{ScriptedProvider, Turn};
use testkit::smtp_server::{AUTHORITY, SmtpScript, SmtpServer};
use tokio::time::sleep;

use crate::support::harness::{EMAIL, PASSWORD};
use crate::support::oauth_fixture::draft_with;
use crate::support::oauth_programs::{LOOK_EVERY, called, trust_the_tests};
use crate::support::program::{
    HttpBrowser, Serving, add_administrator, complaint, program, run as run_program,
};
use crate::support::steps::basic_draft;

/// A program with these flags and no test exceptions, and an administrator who is signed in.
struct Attacker {
    browser: HttpBrowser,
    revision: i64,
    serving: Serving,
    _folder: TempDir,
}

impl Attacker {
    async fn of(flags: &[&str]) -> Self {
        Self::configured(|command| {
            command.args(flags);
        })
        .await
    }

    /// Starts where the operator allows this address.
    async fn allowed(address: SocketAddr) -> Self {
        Self::of(&["--egress-allow", &address.to_string()]).await
    }

    async fn configured(configure: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        add_administrator(folder.path(), EMAIL, PASSWORD);
        let serving = Serving::strictly(folder.path(), |command| {
            trust_the_tests(command, folder.path());
            configure(command);
        });
        let browser = HttpBrowser::signed_in(&serving.address, EMAIL, PASSWORD).await;
        Self { browser, revision: 0, serving, _folder: folder }
    }

    async fn save(&mut self, draft: &Draft) -> SaveAnswer {
        let save = Save { draft: draft.clone(), revision: self.revision, deletes_grant: None };
        let answer = called(&mut self.browser, "email/save", &json!({ "save": save })).await;
        if let SaveAnswer::Saved(saved) = &answer {
            self.revision = saved.revision;
        }
        answer
    }

    async fn expect_saved(&mut self, draft: &Draft) {
        let answer = self.save(draft).await;
        assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
    }

    /// The problems for which a draft is not saved.
    async fn problems(&mut self, draft: &Draft) -> Problems {
        match self.save(draft).await {
            SaveAnswer::Problems(problems) => problems,
            other => panic!("{other:?}"),
        }
    }

    /// Saves this mail server without TLS, sends a test message, and returns its run.
    async fn send_test_to(&mut self, host: &str, port: u16) -> RunView {
        let port = port.to_string();
        let draft = basic_draft(&[
            (Field::BasicServer, host),
            (Field::BasicPort, port.as_str()),
            (Field::BasicUseTls, "false"),
        ]);
        self.expect_saved(&draft).await;
        let mut now: RunView = called(&mut self.browser, "email/send-test", &json!({})).await;
        while now.run.outcome.is_none() {
            sleep(LOOK_EVERY).await;
            now = called(&mut self.browser, "email/run", &json!({ "id": now.run.id })).await;
        }
        now
    }

    /// Saves this token endpoint with client credentials, requests a token, and returns all
    /// responses of the program about it.
    async fn request_token(&mut self, endpoint: &str) -> String {
        self.expect_saved(&client_credentials(endpoint)).await;
        let mut told = self.tells("email/get-token", &json!({ "in_pop_up": false })).await;
        loop {
            let now = self.tells("email/token", &json!({})).await;
            told.push_str(&now);
            let now: TokenView = serde_json::from_str(&now).expect("what is known of the token");
            if now.attempt.is_some_and(|attempt| attempt.end.is_some()) {
                return told;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn tells(&mut self, function: &str, argument: &Value) -> String {
        let answer = self.browser.call(function, argument).await.expect("an answer");
        assert_eq!(answer.status, StatusCode::OK, "{function}: {answer:?}");
        answer.body
    }

    async fn discover(&mut self, issuer: &str) -> LookupResult {
        called(&mut self.browser, "email/discover", &json!({ "issuer": issuer })).await
    }
}

/// Complete settings for client credentials with this token endpoint.
fn client_credentials(endpoint: &str) -> Draft {
    let authorization = "https://login.example.com/authorize";
    draft_with(OauthFlow::ClientCredentials, authorization, endpoint, 465)
}

/// A listener that must not be connected to.
struct Trap(TcpListener);

impl Trap {
    fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        listener.set_nonblocking(true).expect("it is ours");
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    fn assert_no_connection(&self) {
        let caller = self.0.accept().map(|(_, caller)| caller);
        assert_eq!(caller.expect_err("no connection").kind(), ErrorKind::WouldBlock);
    }
}

/// Returns the text of an explanation, with its lines to copy.
fn peer_text(explanation: Option<&Explanation>) -> String {
    let Explanation { cause, steps, .. } = explanation.expect("an explanation");
    let steps =
        steps.iter().map(|step| format!("{} {}", step.text, step.copy.clone().unwrap_or_default()));
    format!("{cause} {}", steps.collect::<Vec<_>>().join(" "))
}

fn failure(now: &RunView) -> (Step, Diagnosis) {
    match now.run.outcome.as_ref().expect("an end") {
        Outcome::Failed { step, diagnosis, .. } => (*step, *diagnosis),
        other => panic!("{other:?}"),
    }
}

fn is_accepted(now: &RunView) -> bool {
    matches!(now.run.outcome, Some(Outcome::Accepted { .. }))
}

fn mail_server() -> SmtpServer {
    SmtpScript::in_clear().play()
}

#[tokio::test]
async fn mail_to_any_address_of_this_machine_is_refused_without_a_connection_and_the_flag_named() {
    let probe = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    probe.connect("198.51.100.1:9").expect("this test needs a network interface");
    let interface = probe.local_addr().expect("an address").ip().to_string();
    let at_interface = format!("{interface}:0");
    let mut attacker = Attacker::of(&[]).await;
    for (bound, host, named) in [
        (at_interface.as_str(), interface.as_str(), interface.as_str()),
        ("127.0.0.1:0", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1:0", "localhost", "127.0.0.1"),
        ("127.0.0.1:0", "::ffff:127.0.0.1", "127.0.0.1"),
        ("[::1]:0", "::1", "[::1]"),
        ("[::1]:0", "[::1]", "[::1]"),
    ] {
        let trap = Trap::at(bound);
        let now = attacker.send_test_to(host, trap.port()).await;
        assert_eq!(failure(&now), (Step::NameLookup, Diagnosis::EgressNotAllowed), "{host}");
        let flag = format!("--egress-allow {named}:{}", trap.port());
        let told = peer_text(now.explanation.as_ref());
        assert!(told.contains(&flag), "{host}: {told}");
        trap.assert_no_connection();
    }
}

#[tokio::test]
async fn a_port_of_this_machine_is_refused_alike_if_open_or_closed() {
    let mut attacker = Attacker::of(&[]).await;
    let open = Trap::at("127.0.0.1:0");
    let closed = Trap::at("127.0.0.1:0").port();
    let told = async |attacker: &mut Attacker, port: u16| {
        let now = attacker.send_test_to("127.0.0.1", port).await;
        let facts: Vec<_> = now.run.steps.iter().flat_map(|step| step.facts.clone()).collect();
        format!("{:?} {facts:?} {:?}", now.run.outcome, now.explanation)
            .replace(&port.to_string(), "PORT")
    };
    let (open_told, closed_told) =
        (told(&mut attacker, open.port()).await, told(&mut attacker, closed).await);
    assert_eq!(open_told, closed_told);
}

#[tokio::test]
async fn mail_is_sent_to_an_address_that_the_operator_allows() {
    for (host, rule) in [
        ("127.0.0.1", "127.0.0.1:PORT"),
        ("127.0.0.1", "10.0.0.0/8,127.0.0.0/8"),
        ("localhost", "LocalHost:PORT"),
        ("localhost", "127.0.0.1:1-65535"),
    ] {
        let server = mail_server();
        let port = server.address.port();
        let rule = rule.replace("PORT", &port.to_string());
        let mut attacker = Attacker::of(&["--egress-allow", &rule]).await;
        let now = attacker.send_test_to(host, port).await;
        assert!(is_accepted(&now), "{host} {rule}: {:?}", now.run.outcome);
    }
    let server = mail_server();
    let rule = server.address;
    let mut attacker = Attacker::configured(|command| {
        command.env("PPM_EMAIL_EGRESS_ALLOW", format!("mail.example.com,{rule}"));
    })
    .await;
    assert!(is_accepted(&attacker.send_test_to("127.0.0.1", server.address.port()).await));
}

#[tokio::test]
async fn a_deny_rule_overrides_an_allow_rule() {
    for (deny, host) in [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1:PORT", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("LOCALHOST:PORT", "localhost"),
    ] {
        let trap = Trap::at("127.0.0.1:0");
        let deny = deny.replace("PORT", &trap.port().to_string());
        let flags = ["--egress-allow", "127.0.0.1,::1,localhost", "--egress-deny", &deny];
        let mut attacker = Attacker::of(&flags).await;
        let now = attacker.send_test_to(host, trap.port()).await;
        assert_eq!(failure(&now), (Step::NameLookup, Diagnosis::EgressDenied), "{deny}");
        let told = peer_text(now.explanation.as_ref());
        assert!(told.contains("--egress-deny"), "{told}");
        assert!(told.contains(&format!(":{}", trap.port())), "{told}");
        trap.assert_no_connection();
    }
}

#[tokio::test]
async fn an_http_token_endpoint_of_this_machine_is_a_field_problem_unless_it_is_allowed() {
    let mut attacker = Attacker::of(&[]).await;
    for (bound, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]")] {
        let trap = Trap::at(bound);
        let endpoint = format!("http://{host}:{}/token", trap.port());
        for flow in [OauthFlow::AuthorizationCode, OauthFlow::ClientCredentials] {
            let draft = draft_with(flow, &endpoint, &endpoint, 465);
            let address = trap.0.local_addr().expect("an address");
            let problem = Some(Problem::EgressNotAllowed(address));
            let problems = attacker.problems(&draft).await;
            assert_eq!(problems.of(Field::TokenEndpoint), problem);
            // Client credentials ignore this field.
            let is_code = flow == OauthFlow::AuthorizationCode;
            assert_eq!(problems.of(Field::AuthorizationEndpoint), problem.filter(|_| is_code));
        }
        trap.assert_no_connection();
    }
    let mut attacker = Attacker::of(&["--egress-deny", "127.0.0.1:9"]).await;
    let problems = attacker.problems(&client_credentials("http://127.0.0.1:9/token")).await;
    let address = ([127, 0, 0, 1], 9).into();
    assert_eq!(problems.of(Field::TokenEndpoint), Some(Problem::EgressDenied(address)));
}

#[tokio::test]
async fn a_token_endpoint_that_resolves_to_this_machine_is_refused_at_the_request_unless_it_is_allowed()
 {
    let mut attacker = Attacker::of(&[]).await;
    for scheme_and_host in ["http://localhost", "https://localhost", "https://127.0.0.1"] {
        let trap = Trap::at("127.0.0.1:0");
        let endpoint = format!("{scheme_and_host}:{}/token", trap.port());
        let told = attacker.request_token(&endpoint).await;
        assert!(told.contains("egress-not-allowed"), "{endpoint}: {told}");
        assert!(told.contains(&format!("--egress-allow 127.0.0.1:{}", trap.port())), "{told}");
        trap.assert_no_connection();
    }
    let token = Turn::json("200 OK", r#"{"access_token":"token-1"}"#);
    let provider = ScriptedProvider::play([token]);
    let mut attacker = Attacker::allowed(provider.address()).await;
    let told = attacker.request_token(&provider.token_endpoint()).await;
    assert!(told.contains("obtained"), "{told}");
}

#[tokio::test]
async fn no_content_of_a_non_oauth_response_of_this_machine_is_returned() {
    const CANARY: &str = "Kanarie 7x";
    let page = format!("<title>{CANARY}</title>{CANARY}");
    let object = json!({ "message": CANARY, "issuer": CANARY, "error": CANARY }).to_string();
    let location = format!("Location: http://{}.example/", CANARY.replace(' ', "-"));
    let kind = format!("Content-Type: {CANARY}");
    let of_kind = |status, body| Turn::answer(status, &[&kind, "Server: Kanarie"], body);
    let turns = || {
        [
            of_kind("200 OK", &page),
            of_kind("404 Not Found", &page),
            of_kind("500 Kanarie", CANARY),
            of_kind("200 OK", &object),
            of_kind("400 Bad Request", &object),
            Turn::answer("302 Found", &[&location], ""),
        ]
    };
    let providers = || {
        turns().into_iter().zip(turns()).flat_map(|(turn, by_tls)| {
            let https = ScriptedProvider::play_by_tls(AUTHORITY.good(), [by_tls]);
            [ScriptedProvider::play([turn]), https]
        })
    };
    for provider in providers() {
        let mut attacker = Attacker::allowed(provider.address()).await;
        let mut told = attacker.request_token(&provider.token_endpoint()).await;
        told.push_str(&attacker.tells("email/load", &json!({})).await);
        assert_eq!(provider.asked().len(), 1);
        assert!(!told.to_lowercase().contains("kanarie"), "{told}");
    }
    for provider in providers() {
        let mut attacker = Attacker::allowed(provider.address()).await;
        let issuer = provider.token_endpoint().trim_end_matches("/token").to_owned();
        let told = format!("{:?}", attacker.discover(&issuer).await);
        assert!(!provider.asked().is_empty());
        assert!(!told.to_lowercase().contains("kanarie"), "{told}");
    }
}

#[tokio::test]
async fn discovery_and_the_redirect_check_connect_to_nothing_on_this_machine() {
    let mut attacker = Attacker::of(&[]).await;
    let trap = Trap::at("127.0.0.1:0");
    let flag = format!("--egress-allow 127.0.0.1:{}", trap.port());
    for issuer in ["http://127.0.0.1", "http://localhost", "https://127.0.0.1"] {
        let findings = attacker.discover(&format!("{issuer}:{}", trap.port())).await;
        let told = peer_text(findings.explanations.first());
        assert!(told.contains(&flag), "{issuer}: {told}");
    }
    // Without --public-url, the callback's address is taken from the Host header.
    let host = format!("127.0.0.1:{}", trap.port());
    let browser = attacker.browser.again(&attacker.serving.address).await.expect("it listens");
    let mut browser = browser.calling_itself(&host);
    let argument = json!({ "uri": format!("http://{host}/oauth/callback"), "page": "" });
    let findings: LookupResult = called(&mut browser, "email/redirect-doctor", &argument).await;
    assert!(findings.explanations.is_empty(), "{findings:?}");
    trap.assert_no_connection();
}

#[tokio::test]
async fn a_configured_url_on_this_machine_is_reached_unless_it_is_denied() {
    for (deny, expected) in [(None, 1), (Some("127.0.0.1"), 0)] {
        let (issuer, keys) = (ScriptedProvider::play([]), ScriptedProvider::play([]));
        let (issuer_url, keys_url) =
            (format!("http://{}", issuer.address()), format!("http://{}/keys", keys.address()));
        let mut attacker = Attacker::configured(|command| {
            command.args(["--oidc-issuer", &issuer_url, "--oidc-client-id", "ppm"]);
            command.args(["--host-token-jwks-url", &keys_url, "--host-token-issuer", "host"]);
            command.args(["--host-token-audience", "ppm", "--host-token-cookie", "host"]);
            command.args(deny.iter().flat_map(|rule| ["--egress-deny", rule]));
        })
        .await;
        attacker.browser.get("/oidc/start").await.expect("an answer");
        // {"alg":"RS256","kid":"a"}
        attacker.browser.cookie = "host=eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AAAA".to_owned();
        attacker.browser.get("/settings/email").await.expect("an answer");
        assert_eq!((issuer.asked().len(), keys.asked().len()), (expected, expected), "{deny:?}");
    }
}

#[test]
fn an_invalid_rule_stops_the_start_with_one_line_that_names_the_flag() {
    for (flag, rule) in [
        ("--egress-allow", "10.0.0.0/33"),
        ("--egress-allow", "mail.corp:26-25"),
        ("--egress-deny", "http://mail.corp"),
        ("--egress-deny", "127.0.0.1,,10.0.0.1"),
    ] {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut command = program(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0", flag, rule]);
        let line = complaint(&run_program(command, ""));
        assert!(line.contains(flag) && !line.contains(rule), "{line}");
    }
}
