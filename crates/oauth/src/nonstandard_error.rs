//! Finds the error in responses that do not follow RFC 6749 5.2, by tables of member names, each
//! seen at a real service. What is found is text to display; only a code of OAuth decides anything.

use serde_json::{Map, Value};

use super::error::known_code;

/// Members that hold a sentence, the most specific first.
const WORDS: [&str; 17] = [
    "error_description",
    "errorDescription",
    "error_message",
    "errorMessage",
    "error_msg",
    "errmsg",       // WeChat, DingTalk
    "errorSummary", // Okta
    "faultstring",  // Apigee, SOAP
    "message",
    "Message", // Amazon
    "msg",
    "detail", // RFC 9457 3.1.4
    "details",
    "description",
    "developerMessage",
    "reason",
    "title", // RFC 9457 3.1.3
];

/// Members that hold a code.
const CODES: [&str; 5] = ["error_code", "errorCode", "errcode", "code", "type"];

/// Members that hold nested errors, one or several.
const NESTED: [&str; 6] = ["errors", "error", "fault", "detail", "details", "Error"];

/// The maximum depth of nested objects.
const DEEPEST: usize = 4;
/// The maximum number of errors to show.
const MOST: usize = 3;

/// Returns the sentence of a response. A problem's title (RFC 9457) precedes its detail.
pub(super) fn words(answer: &Map<String, Value>) -> Option<String> {
    in_object(answer, 0)
}

/// Returns the code of a response, a text or a number. A problem's `type` is a URI, of which only a
/// code at its end counts.
pub(super) fn code(answer: &Map<String, Value>) -> Option<String> {
    let own = CODES.iter().find_map(|name| match answer.get(*name)? {
        Value::String(code) if *name == "type" => known_code(code).map(str::to_owned),
        Value::String(code) if !code.is_empty() => Some(code.clone()),
        Value::Number(code) if *name != "type" => Some(code.to_string()),
        _ => None,
    });
    own.or_else(|| NESTED.iter().find_map(|name| code_below(answer.get(*name)?)))
}

fn code_below(value: &Value) -> Option<String> {
    match value {
        Value::Array(values) => code(values.first()?.as_object()?),
        Value::Object(object) => code(object),
        _ => None,
    }
}

fn in_object(object: &Map<String, Value>, depth: usize) -> Option<String> {
    let text = |name: &str| {
        object.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    };
    if let (Some(title), Some(detail)) = (text("title"), text("detail")) {
        return Some(format!("{title}: {detail}"));
    }
    let own = || WORDS.iter().find_map(|name| text(name)).map(str::to_owned);
    own().or_else(|| NESTED.iter().find_map(|name| in_value(object.get(*name)?, depth)))
}

/// Whether a member may hold a secret, by its name.
fn is_secret(name: &str) -> bool {
    const SIGNS: [&str; 5] = ["token", "secret", "password", "assertion", "code"];
    let name = name.to_ascii_lowercase();
    SIGNS.iter().any(|sign| name.contains(sign))
}

fn in_value(value: &Value, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let all = |values: Vec<&Value>| {
        let found = values.into_iter().filter_map(|value| in_value(value, depth + 1));
        let found: Vec<_> = found.take(MOST).collect();
        Some(found.join("; ")).filter(|text| !text.is_empty())
    };
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(values) => all(values.iter().collect()),
        // Otherwise an object may list errors by the names of parameters.
        Value::Object(object) => {
            let shown = object.iter().filter(|(name, _)| !is_secret(name));
            in_object(object, depth + 1).or_else(|| all(shown.map(|(_, value)| value).collect()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
