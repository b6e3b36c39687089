//! The `OpenAPI` document: the server's answers are those that it names, and no others.

use std::collections::BTreeSet;
use std::future::pending;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode};
use domain::application::ApplicationSettings;
use futures_util::stream;
use serde_json::{Value, json};
use server::config::Rates;
use testkit::smtp_server::{SmtpScript, SmtpServer};

use crate::support::harness::{Answer, Harness, ada, get, operator};
use crate::support::openapi::{MESSAGE, MESSAGES, OpenApiDocument, application, ask, request};
use crate::support::waiting::until_some;

const GUIDE: &str = include_str!("../../../docs/sending.md");
const OCTETS: &str = "From: noreply@example.com\r\nTo: bo@example.org\r\n\r\nHello\r\n";

fn named(name: &str) -> ApplicationSettings {
    ApplicationSettings { name: name.to_owned(), ..ApplicationSettings::default() }
}

fn message_to(recipients: &[&str]) -> Value {
    json!({ "from": "noreply@example.com", "to": recipients, "subject": "Hello", "text": "Hello" })
}

/// A server whose mail goes to this mail server, its document, and an application.
struct Fixture {
    harness: Harness,
    document: OpenApiDocument,
    credentials: HeaderValue,
}

impl Fixture {
    async fn sending_to(mail_server: &SmtpServer) -> Self {
        let harness = Harness::start().await.with_ada().await;
        harness.sends_through(&ada(), mail_server.address).await;
        let document = OpenApiDocument::of(&harness).await;
        let credentials = application(&harness, named("Planner")).await;
        Self { harness, document, credentials }
    }

    /// Sends a message as an application, and returns the answer once it conforms.
    async fn send(
        &self,
        credentials: &HeaderValue,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = request(&Method::POST, MESSAGES, credentials);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = ask(&self.harness, request, body).await;
        self.conforms(&Method::POST, MESSAGES, &answer);
        answer
    }

    async fn send_json(&self, headers: &[(&str, &str)], message: &Value) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(&self.credentials, &headers, message.to_string()).await
    }

    /// Asks about a message, and returns the answer once it conforms.
    async fn about(&self, method: &Method, id: &str) -> Answer {
        let request = request(method, &format!("{MESSAGES}/{id}"), &self.credentials);
        let answer = ask(&self.harness, request, Body::empty()).await;
        self.conforms(method, MESSAGE, &answer);
        answer
    }

    fn conforms(&self, method: &Method, path: &str, answer: &Answer) {
        let checked = self.document.check_answer(method, path, answer);
        checked.unwrap_or_else(|wrong| panic!("{method} {path}: {wrong}"));
    }

    async fn work(&self) {
        let mut worker = self.harness.server.worker();
        while worker.send_next().await.expect("the database answers") {}
    }
}

/// The statuses of an operation that refuse a request, each with its codes.
fn documented(document: &OpenApiDocument, method: &Method, path: &str) -> BTreeSet<(u16, String)> {
    let responses = document.operation(method, path)["responses"].as_object().expect("responses");
    let mut documented = BTreeSet::new();
    for (status, response) in responses {
        let schema = &response["content"]["application/problem+json"]["schema"];
        let codes = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
        for code in codes.into_iter().flatten() {
            let status = status.parse().expect("a status");
            documented.insert((status, code.as_str().expect("a code").to_owned()));
        }
    }
    documented
}

/// The same of all operations.
fn all_documented(document: &OpenApiDocument) -> BTreeSet<(u16, String)> {
    let operations = [(Method::POST, MESSAGES), (Method::GET, MESSAGE), (Method::DELETE, MESSAGE)];
    operations.iter().flat_map(|(method, path)| documented(document, method, path)).collect()
}

/// The first two cells of each row of the guide's table with this head.
fn rows(head: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let (_, table) = GUIDE.split_once(head).expect("the table");
    table.lines().skip(2).take_while(|line| line.starts_with('|')).map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        (cells.next().expect("a cell"), cells.next().expect("a cell"))
    })
}

/// The names between backticks.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The rows of the guide's table of errors.
fn in_the_guide() -> BTreeSet<(u16, String)> {
    let row = |(status, codes): (&'static str, &'static str)| {
        let status = status.parse().expect("a status");
        names(codes).map(move |code| (status, code))
    };
    rows("| Status | `code` |").flat_map(row).collect()
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_public() {
    let harness = Harness::start().await;
    let answer = harness.ask(Router::new(), get("/v1/openapi.json")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    let document: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
}

#[tokio::test]
async fn every_operation_of_the_document_is_there_and_needs_a_key() {
    let harness = Harness::start().await;
    let document = OpenApiDocument::of(&harness).await;
    let mut found = Vec::new();
    for (path, operations) in document.0["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            let method = Method::try_from(method.to_uppercase().as_str()).expect("a method");
            let asked = request(&method, &path.replace("{id}", "1"), &HeaderValue::from_static(""));
            let answer = ask(&harness, asked, Body::empty()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            found.push(format!("{method} {path}"));
        }
    }
    found.sort();
    assert_eq!(found, ["DELETE /v1/messages/{id}", "GET /v1/messages/{id}", "POST /v1/messages"]);
}

#[tokio::test]
async fn the_example_of_the_guide_is_a_valid_request_and_each_changed_type_is_none() {
    let document = OpenApiDocument::of(&Harness::start().await).await;
    let body = &document.operation(&Method::POST, MESSAGES)["requestBody"]["content"];
    let schema = &body["application/json"]["schema"];
    let (_, rest) = GUIDE.split_once("```json\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let example: Value = serde_json::from_str(example).expect("JSON");
    assert_eq!(document.check(schema, &example), Ok(()));
    assert_eq!(document.check(schema, &body["application/json"]["example"]), Ok(()));
    for member in example.as_object().expect("an object").keys() {
        let mut changed = example.clone();
        changed[member] = json!(1);
        assert!(document.check(schema, &changed).is_err(), "{member}");
    }
    let mut unknown = example;
    unknown["body"] = json!("");
    assert!(document.check(schema, &unknown).is_err());
}

#[tokio::test]
async fn the_document_and_the_guide_have_the_same_members_of_a_request() {
    let document = OpenApiDocument::of(&Harness::start().await).await;
    let members = document.0["components"]["schemas"]["MessageRequest"]["properties"].as_object();
    let members: BTreeSet<_> = members.expect("members").keys().cloned().collect();
    let in_the_guide = rows("| Member | What it is |").flat_map(|(member, _)| names(member));
    assert_eq!(members, in_the_guide.collect());
}

#[tokio::test]
async fn the_document_and_the_guide_have_the_same_codes_with_the_same_statuses() {
    let document = OpenApiDocument::of(&Harness::start().await).await;
    let documented = all_documented(&document);
    assert_eq!(documented, in_the_guide());
    let codes: BTreeSet<_> = documented.into_iter().map(|(_, code)| code).collect();
    let all = document.0["components"]["schemas"]["ProblemCode"]["enum"].as_array();
    let all = all.expect("codes").iter().map(|code| code.as_str().expect("a code").to_owned());
    assert_eq!(codes, all.collect());
}

#[tokio::test]
async fn the_server_refuses_with_every_code_of_the_document_as_it_says() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let Fixture { harness, credentials, .. } = &fixture;
    let json = [("content-type", "application/json")];
    let octets = [("content-type", "message/rfc822")];
    let message = message_to(&["bo@example.org"]);
    let once = [("idempotency-key", "once")];
    let mut answers = Vec::new();

    let wrong_key = HeaderValue::from_static("Bearer ppm_000000000000_x");
    answers.push(fixture.send(&wrong_key, &json, message.to_string()).await);
    answers.push(fixture.send_json(&[("idempotency-key", "a b")], &message).await);
    answers.push(fixture.send(credentials, &json, "{").await);
    answers.push(fixture.send(credentials, &json, "{}").await);
    answers.push(fixture.send(credentials, &[("content-type", "text/plain")], "").await);
    answers.push(fixture.send(credentials, &octets, "no header").await);
    answers.push(fixture.send(credentials, &octets, vec![b'x'; 25 * 1024 * 1024 + 1]).await);
    let mut changed = message.clone();
    changed["from"] = json!("ceo@example.com");
    answers.push(fixture.send_json(&[], &changed).await);
    let mut changed = message.clone();
    changed["expiresAt"] = json!("2020-01-01T00:00:00Z");
    answers.push(fixture.send_json(&[], &changed).await);
    let accepted = fixture.send_json(&once, &message).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    answers.push(fixture.send_json(&once, &message_to(&["di@example.org"])).await);
    answers.push(fixture.about(&Method::GET, "1").await);
    let accepted: Value = serde_json::from_str(&accepted.body).expect("JSON");
    let id = accepted["id"].as_str().expect("an ID");
    assert_eq!(fixture.about(&Method::DELETE, id).await.status, StatusCode::NO_CONTENT);
    answers.push(fixture.about(&Method::DELETE, id).await);

    let slow = ApplicationSettings { per_minute: Some(1), ..named("Slow") };
    let slow = application(harness, slow).await;
    fixture.send(&slow, &octets, OCTETS).await;
    answers.push(fixture.send(&slow, &octets, OCTETS).await);

    let all = harness.server.outbox.memory.reserve(usize::MAX).await;
    answers.push(fixture.send(credentials, &octets, OCTETS).await);
    drop(all);

    // The clock of the runtime runs while nothing else does, once the body is awaited.
    let never = stream::once(async {
        tokio::time::pause();
        pending::<Result<Vec<u8>, std::io::Error>>().await
    });
    answers.push(fixture.send(credentials, &json, Body::from_stream(never)).await);
    tokio::time::resume();

    let applications = harness.server.applications();
    for application in applications.list().await.expect("a list") {
        let disabled = applications.set_disabled(&operator(), &application.id, true).await;
        disabled.expect("it is disabled");
    }
    answers.push(fixture.send(credentials, &octets, OCTETS).await);
    for method in [Method::GET, Method::DELETE] {
        answers.push(fixture.about(&method, id).await);
    }
    harness.server.store.close().await;
    answers.push(fixture.send(credentials, &octets, OCTETS).await);

    let unset = Harness::start().await;
    let credentials = application(&unset, named("Planner")).await;
    let document = OpenApiDocument::of(&unset).await;
    let unset = Fixture { harness: unset, document, credentials };
    answers.push(unset.send_json(&[], &message).await);

    let rates = Rates::default();
    let flooded = Harness::with(|config| config.rates = rates).await;
    let document = OpenApiDocument::of(&flooded).await;
    let flooded = Fixture { harness: flooded, document, credentials: wrong_key.clone() };
    answers.push(
        until_some(async || {
            let answer = flooded.send(&wrong_key, &json, message.to_string()).await;
            (answer.status != StatusCode::UNAUTHORIZED).then_some(answer)
        })
        .await,
    );

    let refused = answers.iter().map(|answer| (answer.status.as_u16(), answer.code())).collect();
    assert_eq!(all_documented(&fixture.document), refused);
}

#[tokio::test]
async fn a_message_is_as_documented_in_each_state() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let mut ids = Vec::new();
    for recipients in [["bo@example.org"], ["nobody@example.org"], ["later@example.org"]] {
        let answer = fixture.send_json(&[], &message_to(&recipients)).await;
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        ids.push(body["id"].as_str().expect("an ID").to_owned());
    }
    let state = async |id: &str| {
        let answer = fixture.about(&Method::GET, id).await;
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        body["state"].as_str().expect("a state").to_owned()
    };
    assert_eq!(state(&ids[0]).await, "queued");
    fixture.work().await;
    let mut states = Vec::new();
    for id in &ids {
        states.push(state(id).await);
    }
    assert_eq!(states, ["delivered", "failed", "waiting"]);
    let canceled = fixture.about(&Method::DELETE, &ids[2]).await;
    assert_eq!(canceled.status, StatusCode::NO_CONTENT);
    assert_eq!(state(&ids[2]).await, "canceled");
}

#[tokio::test]
async fn an_id_that_is_no_text_is_that_of_no_message() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    for id in ["%FF", "%00", "%2F"] {
        assert_eq!(fixture.about(&Method::GET, id).await.status, StatusCode::NOT_FOUND, "{id}");
    }
}
