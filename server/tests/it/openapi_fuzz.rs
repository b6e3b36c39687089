//! Odd requests to `/v1/messages`, made from the schema of the `OpenAPI` document: the server answers
//! each as the document says, and never with a status of 5xx.

use std::cell::RefCell;
use std::collections::BTreeMap;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use domain::application::ApplicationSettings;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::{Map, Value, json};
use testkit::smtp_server::SmtpScript;

use crate::support::harness::{Harness, ada, get};
use crate::support::openapi::{MESSAGE, MESSAGES, OpenApiDocument, application, ask};
use crate::support::program::encoded;

/// A request. Without a value for a header, it has the usual one.
#[derive(Debug, Clone)]
struct OddRequest {
    operation: Operation,
    credentials: Option<HeaderValue>,
}

#[derive(Debug, Clone)]
enum Operation {
    Send {
        media_type: HeaderValue,
        idempotency: Option<HeaderValue>,
        body: Vec<u8>,
    },
    /// With an ID, or that of a message that was accepted before.
    About {
        method: Method,
        id: Result<Vec<u8>, Index>,
    },
}

fn odd_request(document: &OpenApiDocument) -> impl Strategy<Value = OddRequest> + use<> {
    let id = prop_oneof![
        2 => any::<Index>().prop_map(Err),
        1 => vec(any::<u8>(), 1..40).prop_map(Ok),
        1 => vec(select(&b"./%?#\\\0\r\n "[..]), 1..4_000).prop_map(Ok),
    ];
    let about = (select(vec![Method::GET, Method::DELETE]), id)
        .prop_map(|(method, id)| Operation::About { method, id });
    let operation = prop_oneof![3 => sent_json(document), 2 => sent_octets(), 1 => about];
    let credentials = prop_oneof![9 => Just(None), 1 => odd_header().prop_map(Some)];
    (operation, credentials)
        .prop_map(|(operation, credentials)| OddRequest { operation, credentials })
}

fn sent_json(document: &OpenApiDocument) -> impl Strategy<Value = Operation> + use<> {
    let body = &document.operation(&Method::POST, MESSAGES)["requestBody"]["content"];
    let schema = document.resolved(&body["application/json"]["schema"]);
    let message = changed(
        document,
        schema,
        json!({
            "from": "noreply@example.com", "to": ["bo@example.org"], "text": "Hello",
        }),
    );
    let body = prop_oneof![
        8 => message.prop_map(|message| message.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..100),
        1 => (1..100_000_usize).prop_map(|depth| br#"{"to":["#.repeat(depth)),
    ];
    sent("application/json", body)
}

/// The object with some of its members replaced by values that fit the schema, or do not.
fn changed(
    document: &OpenApiDocument,
    schema: &Value,
    object: Value,
) -> impl Strategy<Value = Value> + use<> {
    let members = schema["properties"].as_object().expect("properties");
    let member = |(name, schema): (&String, &Value)| {
        let name = name.clone();
        let value = prop_oneof![3 => fitting(document, schema), 1 => odd_value()];
        value.prop_map(move |value| (name.clone(), value)).boxed()
    };
    let mut members: Vec<_> = members.iter().map(member).collect();
    members.push((odd_text(), odd_value()).boxed());
    vec(proptest::strategy::Union::new(members), 0..4).prop_map(move |changes| {
        let mut object = object.clone();
        for (name, value) in changes {
            object[name] = value;
        }
        object
    })
}

/// A value of a schema, whose texts are odd.
fn fitting(document: &OpenApiDocument, schema: &Value) -> BoxedStrategy<Value> {
    let schema = document.resolved(schema);
    let types = schema["type"]
        .as_array()
        .map_or_else(|| vec![&schema["type"]], |types| types.iter().collect());
    let of_type = |name: &&Value| match name.as_str() {
        Some("string") => text().prop_map(Value::from).boxed(),
        Some("null") => Just(Value::Null).boxed(),
        Some("array") => {
            let item = prop_oneof![9 => fitting(document, &schema["items"]), 1 => odd_value()];
            let item = item.boxed();
            prop_oneof![9 => vec(item.clone(), 0..4), 1 => vec(item, 90..110)]
                .prop_map(Value::from)
                .boxed()
        }
        Some("object") if schema["properties"].is_object() => {
            let required = schema["required"].as_array().into_iter().flatten();
            let required = required.map(|name| (name.as_str().expect("a name"), json!("a/b")));
            let object: Map<_, _> =
                required.map(|(name, value)| (name.to_owned(), value)).collect();
            changed(document, schema, object.into()).boxed()
        }
        Some("object") => {
            let value = fitting(document, &schema["additionalProperties"]);
            btree_map(prop_oneof!["[A-Za-z-]{1,12}", odd_text()], value, 0..4)
                .prop_map(|members: BTreeMap<_, _>| members.into_iter().collect::<Map<_, _>>())
                .prop_map(Value::from)
                .boxed()
        }
        other => panic!("the strategy has no values of the type {other:?}"),
    };
    proptest::strategy::Union::new(types.iter().map(of_type)).boxed()
}

/// A text that some member may have, or an odd one.
fn text() -> impl Strategy<Value = String> {
    let usual = select(vec![
        "noreply@example.com",
        "Bo Ek <bo@example.org>",
        "bo@bücher.example",
        "text/plain",
        "aGVsbG8=",
        "logo",
        "2027-03-01T09:00:00Z",
    ]);
    prop_oneof![usual.prop_map(str::to_owned), odd_text()]
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        any::<String>(),
        "[\\x00-\\x1f\\x7f<>@,:;\\\\\"() ]{1,20}",
        "\\PC{0,30}@\\PC{0,30}",
        ("[a@ é\u{1F600}]", 1..100_000_usize).prop_map(|(unit, count)| unit.repeat(count)),
    ]
}

fn odd_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        odd_text().prop_map(Value::from),
    ];
    let nested = (leaf.clone(), 0..150_usize).prop_map(|(leaf, depth)| {
        (0..depth).fold(
            leaf,
            |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) },
        )
    });
    prop_oneof![leaf, nested]
}

/// A message of odd lines.
fn sent_octets() -> impl Strategy<Value = Operation> {
    let usual = select(vec![
        "From: noreply@example.com",
        "To: bo@example.org",
        "Cc: Bo Ek <bo@example.org>, friends: di@example.org;",
        "Bcc: =?utf-8?q?B=C3=B6?= <bo@example.org>",
        "Sender: noreply@example.com",
        "Message-ID: <a@b>",
        "Date: now",
        "Content-Type: multipart/mixed; boundary=x",
        " folded",
        "",
    ]);
    let odd = prop_oneof![
        vec(any::<u8>(), 0..40),
        (0..2_000_usize).prop_map(|length| vec![b'x'; length]),
        odd_text().prop_map(|text| format!("To: {text}").into_bytes()),
        odd_text().prop_map(|text| format!("Message-ID: {text}").into_bytes()),
    ];
    let usual = usual.prop_map(|line| line.as_bytes().to_vec());
    let line = prop_oneof![4 => usual, 1 => odd];
    let end = prop_oneof![9 => Just("\r\n"), 1 => select(vec!["\n", "\r", "\0\r\n"])];
    let lines = vec((line, end), 0..12).prop_map(|lines| {
        let lines = lines.into_iter().flat_map(|(line, end)| [line, end.as_bytes().to_vec()]);
        let start = b"From: noreply@example.com\r\nTo: bo@example.org\r\n".to_vec();
        [start].into_iter().chain(lines).collect::<Vec<_>>().concat()
    });
    sent("message/rfc822", prop_oneof![9 => lines, 1 => vec(any::<u8>(), 0..100)])
}

fn sent(
    media_type: &'static str,
    body: impl Strategy<Value = Vec<u8>>,
) -> impl Strategy<Value = Operation> {
    let media_type = Just(HeaderValue::from_static(media_type));
    let media_type = prop_oneof![9 => media_type, 1 => odd_header()];
    let key = prop_oneof![
        6 => Just(None),
        1 => "[ab]".prop_map(|key| HeaderValue::try_from(key).ok()),
        1 => odd_header().prop_map(Some),
    ];
    (media_type, key, body).prop_map(|(media_type, idempotency, body)| Operation::Send {
        media_type,
        idempotency,
        body,
    })
}

/// Any value that a header may have (RFC 9110 5.5), obsolete octets included.
fn odd_header() -> impl Strategy<Value = HeaderValue> {
    let octets = prop_oneof![
        vec(any::<u8>(), 0..300),
        odd_text().prop_map(|text| text.chars().take(2_000).collect::<String>().into_bytes()),
        "(Bearer|Basic|bearer) .{0,80}".prop_map(String::into_bytes),
        "application/json; ?.{0,80}".prop_map(String::into_bytes),
    ];
    octets.prop_filter_map("no header has these octets", |octets| {
        HeaderValue::from_bytes(&octets).ok()
    })
}

#[test]
fn every_odd_request_is_answered_as_the_document_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (harness, document, credentials) = runtime.block_on(async {
        let mail_server = SmtpScript::in_clear().play_to_all();
        let harness = Harness::start().await.with_ada().await;
        harness.sends_through(&ada(), mail_server.address).await;
        let settings =
            ApplicationSettings { name: "Planner".to_owned(), ..ApplicationSettings::default() };
        let credentials = application(&harness, settings).await;
        let document = OpenApiDocument::of(&harness).await;
        (harness, document, credentials)
    });
    let accepted = RefCell::new(vec!["1".to_owned()]);
    let config = Config { source_file: Some(file!()), ..Config::default() };
    let outcome = TestRunner::new(config).run(&odd_request(&document), |odd| {
        let (request, path, body) = match odd.operation {
            Operation::Send { media_type, idempotency, body } => {
                let mut request =
                    get(MESSAGES).method(Method::POST).header(CONTENT_TYPE, media_type);
                if let Some(key) = idempotency {
                    request = request.header("idempotency-key", key);
                }
                (request, MESSAGES, body)
            }
            Operation::About { method, id } => {
                let id = match id {
                    Ok(octets) => {
                        let encoded = octets.iter().map(|octet| format!("%{octet:02X}"));
                        encoded.collect::<Vec<_>>().concat()
                    }
                    Err(index) => encoded(index.get::<String>(&accepted.borrow())),
                };
                (get(&format!("{MESSAGES}/{id}")).method(method), MESSAGE, Vec::new())
            }
        };
        let credentials = odd.credentials.unwrap_or_else(|| credentials.clone());
        let request = request.header(AUTHORIZATION, credentials);
        let method = request.method_ref().expect("a method").clone();
        let answer = runtime.block_on(ask(&harness, request, body));
        let checked = document.check_answer(&method, path, &answer);
        prop_assert!(checked.is_ok(), "{checked:?}");
        prop_assert!(!answer.status.is_server_error(), "{}", answer.body);
        if answer.status == StatusCode::ACCEPTED {
            let body: Value = serde_json::from_str(&answer.body).expect("it conforms");
            accepted.borrow_mut().push(body["id"].as_str().expect("it conforms").to_owned());
        }
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, odd)) => panic!("{reason}: {odd:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    assert!(accepted.borrow().len() > 10, "enough of the requests are valid");
}
