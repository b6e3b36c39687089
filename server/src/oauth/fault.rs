//! The dictionary from what a provider says to what it means, for its page and its Token Endpoint
//! alike. Keeps the provider's own words beside the meaning and makes none up.

use domain::check::text::is_guid;
use domain::token::{Fault, Leg, Setback};
use oauth2::url::form_urlencoded;
use serde_json::{Map, Value};

use super::elsewhere;
use crate::hush::Hush;

/// The error that a provider names (RFC 6749 4.1.2.1, 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderError {
    /// `error`: its code.
    pub code: String,
    /// `error_description`: the provider's own explanation.
    pub description: Option<String>,
    /// `error_uri`: a page about it.
    pub uri: Option<String>,
}

impl ProviderError {
    /// The error that a JSON object names in the member `error`; nothing where it names none there.
    ///
    /// Beside the form of RFC 6749 5.2 it knows that of Google's APIs, an object in its place. Members
    /// of other names describe it too, where `is_public` says that they may be told.
    pub(super) fn named_in(answer: &Map<String, Value>, is_public: bool) -> Option<Self> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        match answer.get("error")? {
            Value::String(code) if !code.is_empty() => {
                let elsewhere =
                    || elsewhere::words(answer).filter(|words| is_public && words != code);
                let description = text("error_description").or_else(elsewhere);
                Some(Self {
                    code: code.clone(),
                    description: with_numbers(description, answer),
                    uri: text("error_uri"),
                })
            }
            Value::Number(code) => Some(Self { code: code.to_string(), ..Self::default() }),
            Value::Object(error) => {
                let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
                let code = text("status").or_else(|| text("type"));
                let found = Self::elsewhere_in(error);
                Some(Self {
                    code: code.or_else(|| Some(found.as_ref()?.code.clone())).unwrap_or_default(),
                    description: text("message").or_else(|| found?.description),
                    uri: None,
                })
            }
            _ => None,
        }
    }

    /// The error that a JSON object names in members of other names.
    pub(super) fn elsewhere_in(answer: &Map<String, Value>) -> Option<Self> {
        let (code, words) = (elsewhere::code(answer), elsewhere::words(answer));
        let is_code = |text: &String| known_code(text).is_some();
        match (code, words) {
            (None, None) => None,
            (None, Some(words)) if is_code(&words) => Some(Self::of_code(&words)),
            (code, description) => {
                Some(Self { code: code.unwrap_or_default(), description, uri: None })
            }
        }
    }

    /// The error that a text names: a code of OAuth's alone or with a description, or a form's fields.
    pub(super) fn in_text(body: &[u8]) -> Option<Self> {
        let text = str::from_utf8(body).ok()?.trim();
        if text.starts_with("error=") {
            let once = |name| {
                let mut fields = form_urlencoded::parse(text.as_bytes());
                fields.find(|(named, _)| named == name).map(|(_, value)| value.into_owned())
            };
            let (description, uri) = (once("error_description"), once("error_uri"));
            return Some(Self { code: once("error")?, description, uri });
        }
        let (code, rest) = text.split_at(text.find([':', ' ', '\n', '\r']).unwrap_or(text.len()));
        let rest = rest.trim_start_matches([':', ' ', '\r', '\n']);
        let description = Some(rest.to_owned()).filter(|rest| !rest.is_empty());
        known_code(code).map(|code| Self { code: code.to_owned(), description, uri: None })
    }

    fn of_code(text: &str) -> Self {
        let code = known_code(text).unwrap_or(text).to_owned();
        Self { code, ..Self::default() }
    }

    /// Whether the code is one that OAuth defines.
    pub(super) fn is_known(&self) -> bool {
        known_code(&self.code).is_some()
    }

    /// Whether it is a number without a word, which is no error of OAuth's.
    pub(super) fn is_bare_number(&self) -> bool {
        let is_empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        is_empty(&self.description) && !self.code.contains(char::is_alphabetic)
    }

    /// What it usually means.
    pub(super) fn fault(&self) -> Fault {
        let known = CODES.iter().find(|(code, _)| *code == self.code);
        known.map_or(Fault::UnknownError, |(_, fault)| *fault)
    }

    /// It in the provider's own words: code, description, and the page if its address is https.
    pub(super) fn words(&self) -> String {
        let mut words = self.code.clone();
        if let Some(description) = self.description.as_deref().filter(|text| !text.is_empty()) {
            if !words.is_empty() {
                words.push_str(": ");
            }
            words.push_str(description);
        }
        if let Some(uri) = self.uri.as_deref().filter(|uri| uri.starts_with("https://")) {
            words.push_str(" (");
            words.push_str(uri);
            words.push(')');
        }
        words
    }
}

/// Error codes and what they mean: of RFC 6749 4.1.2.1 and 5.2, `OpenID` Connect Core 3.1.2.6, RFC 8628
/// 3.5, and some that GitHub and Google have in their place (docs.github.com, "Troubleshooting OAuth app
/// access token request errors"; developers.google.com, "Using OAuth 2.0 for Web Server Applications").
const CODES: [(&str, Fault); 19] = [
    ("access_denied", Fault::AccessDenied),
    ("consent_required", Fault::InteractionRequired),
    ("login_required", Fault::InteractionRequired),
    ("interaction_required", Fault::InteractionRequired),
    ("account_selection_required", Fault::InteractionRequired),
    ("invalid_request", Fault::InvalidRequest),
    ("redirect_uri_mismatch", Fault::InvalidRequest),
    ("invalid_client", Fault::InvalidClient),
    ("incorrect_client_credentials", Fault::InvalidClient),
    ("invalid_grant", Fault::InvalidGrant),
    ("bad_verification_code", Fault::InvalidGrant),
    ("bad_refresh_token", Fault::InvalidGrant),
    ("unauthorized_client", Fault::UnauthorizedClient),
    ("unsupported_grant_type", Fault::UnsupportedGrantType),
    ("unsupported_response_type", Fault::UnsupportedResponseType),
    ("invalid_scope", Fault::InvalidScope),
    ("server_error", Fault::ProviderFailed),
    ("temporarily_unavailable", Fault::ProviderBusy),
    ("slow_down", Fault::ProviderBusy),
];

/// The code that a text is, alone or at the end of a URI such as a problem's `type` (RFC 9457 3.1.1).
pub(super) fn known_code(text: &str) -> Option<&'static str> {
    let last = text.trim().rsplit([':', '/', '#']).next()?;
    CODES.iter().map(|(code, _)| *code).find(|code| *code == last)
}

/// A description with Microsoft's numbers and the trace ID beside it, where it does not have them: its
/// support asks for them.
fn with_numbers(description: Option<String>, answer: &Map<String, Value>) -> Option<String> {
    const MOST_NUMBERS: usize = 3;
    let said = description.clone().unwrap_or_default();
    let numbers = answer.get("error_codes").and_then(Value::as_array);
    let numbers = numbers.into_iter().flatten().filter_map(Value::as_u64);
    let numbers = numbers.map(|number| format!("AADSTS{number}")).take(MOST_NUMBERS);
    let trace = answer.get("trace_id").and_then(Value::as_str).filter(|id| is_guid(id));
    let beside = numbers.chain(trace.map(str::to_owned)).filter(|text| !said.contains(text));
    let beside: Vec<_> = beside.collect();
    match (said.is_empty(), beside.is_empty()) {
        (_, true) => description,
        (true, false) => Some(beside.join(", ")),
        (false, false) => Some(format!("{said} ({})", beside.join(", "))),
    }
}

/// Whether an answer is an error of RFC 6749 5.2, with a code as OAuth's are written. The errors of many
/// other services have a member of this name, with a sentence or an object in it.
pub(super) fn is_oauth_error(answer: &Map<String, Value>) -> bool {
    let is_of_code = |octet: u8| octet.is_ascii_lowercase() || octet == b'_';
    let code = answer.get("error").and_then(Value::as_str);
    code.is_some_and(|code| (1..=64).contains(&code.len()) && code.bytes().all(is_of_code))
}

/// What went wrong, before it is known at which leg and made fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) fault: Fault,
    pub(super) said: Option<String>,
}

impl Trouble {
    pub(super) fn new(fault: Fault, said: Option<String>) -> Self {
        Self { fault, said }
    }

    /// The same at a leg, in words that are fit to be shown and without the secrets.
    pub(super) fn at(self, leg: Leg, hush: &Hush) -> Setback {
        let said = self.said.map(|said| hush.shown(&said)).filter(|said| !said.is_empty());
        Setback { leg, fault: self.fault, said }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::new(fault, None)
    }
}

impl From<&ProviderError> for Trouble {
    fn from(error: &ProviderError) -> Self {
        Self::new(error.fault(), Some(error.words()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, description: &str, uri: &str) -> ProviderError {
        ProviderError {
            code: code.to_owned(),
            description: Some(description.to_owned()),
            uri: Some(uri.to_owned()),
        }
    }

    #[test]
    fn an_error_is_told_by_code_and_description_and_a_safe_address() {
        for (error, expected) in [
            (error("invalid_grant", "Gone.", ""), "invalid_grant: Gone."),
            (
                error("invalid_grant", "", "https://a.example/e"),
                "invalid_grant (https://a.example/e)",
            ),
            (error("invalid_grant", "", "javascript:alert(1)"), "invalid_grant"),
            (error("", "Gone.", "http://a.example"), "Gone."),
        ] {
            assert_eq!(error.words(), expected);
        }
    }

    #[test]
    fn an_error_of_oauth_has_a_code_as_oauth_writes_them() {
        for (answer, expected) in [
            (r#"{"error":"invalid_grant"}"#, true),
            (r#"{"error":"of_this_provider","error_description":"No."}"#, true),
            (r#"{"error":"Not Found","message":"canary"}"#, false),
            (r#"{"error":"canary-1"}"#, false),
            (r#"{"error":""}"#, false),
            (r#"{"error":{"type":"invalid_grant"}}"#, false),
            (r#"{"error_description":"canary"}"#, false),
        ] {
            let parsed = serde_json::from_str(answer).expect("JSON");
            assert_eq!(is_oauth_error(&parsed), expected, "{answer}");
        }
        let long = format!(r#"{{"error":"{}"}}"#, "a".repeat(65));
        assert!(!is_oauth_error(&serde_json::from_str(&long).expect("JSON")));
    }

    #[test]
    fn an_error_is_found_under_the_names_that_services_give_it() {
        for (answer, expected) in [
            (r#"{"errcode":40013,"errmsg":"invalid appid"}"#, Some("40013: invalid appid")),
            (r#"{"errors":["No such client."]}"#, Some("No such client.")),
            (r#"{"errors":[{"message":"One."},{"detail":"Two."}]}"#, Some("One.; Two.")),
            (
                r#"{"errors":[{"code":"invalid_client","title":"No."}]}"#,
                Some("invalid_client: No."),
            ),
            (r#"{"errors":{"client_id":["is unknown"]}}"#, Some("is unknown")),
            (r#"{"title":"Forbidden","detail":"No."}"#, Some("Forbidden: No.")),
            (r#"{"title":"Forbidden","status":403}"#, Some("Forbidden")),
            (
                r#"{"type":"https://a.example/errors/invalid_client","title":"No."}"#,
                Some("invalid_client: No."),
            ),
            (r#"{"title":"invalid_client"}"#, Some("invalid_client")),
            (
                r#"{"error_code":"invalid_grant","error_message":"Gone."}"#,
                Some("invalid_grant: Gone."),
            ),
            (
                r#"{"errorCode":"E0000011","errorSummary":"Invalid token"}"#,
                Some("E0000011: Invalid token"),
            ),
            (r#"{"reason":"No."}"#, Some("No.")),
            (r#"{"fault":{"faultstring":"No.","detail":{"errorcode":"oauth.v2"}}}"#, Some("No.")),
            (r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#, Some("field required")),
            (r#"{"result":0}"#, None),
            (r#"{"message":""}"#, None),
            ("{}", None),
        ] {
            let answer = serde_json::from_str(answer).expect("JSON");
            let found = ProviderError::elsewhere_in(&answer).map(|error| error.words());
            assert_eq!(found.as_deref(), expected, "{answer:?}");
        }
    }

    #[test]
    fn an_error_is_found_in_plain_text_where_it_has_a_code_of_oauths() {
        for (text, expected) in [
            ("invalid_client", Some("invalid_client")),
            (" invalid_client\r\n", Some("invalid_client")),
            ("invalid_client: No such client.", Some("invalid_client: No such client.")),
            ("error=invalid_grant&error_description=It+is+gone", Some("invalid_grant: It is gone")),
            ("Blocked by policy.", None),
            ("access_token=canary", None),
            ("", None),
        ] {
            let found = ProviderError::in_text(text.as_bytes()).map(|error| error.words());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_error_is_found_as_text_and_as_an_object_and_nowhere_else() {
        for (answer, expected) in [
            (r#"{"error":"invalid_scope","error_description":"No."}"#, Some("invalid_scope: No.")),
            (r#"{"error":{"code":400,"status":"INVALID","message":"No."}}"#, Some("INVALID: No.")),
            (r#"{"error":{"type":"OAuthException"}}"#, Some("OAuthException")),
            (r#"{"error":"invalid_scope","error_description":7}"#, Some("invalid_scope")),
            (r#"{"error":"invalid_scope","message":"No."}"#, Some("invalid_scope: No.")),
            (r#"{"error":{"code":"invalid_scope","detail":"No."}}"#, Some("invalid_scope: No.")),
            (r#"{"error":9}"#, Some("9")),
            (
                r#"{"error":"invalid_request","error_description":"AADSTS90002: No.","error_codes":[90002]}"#,
                Some("invalid_request: AADSTS90002: No."),
            ),
            (
                r#"{"error":"invalid_request","error_codes":[90002],"trace_id":"0f8fad5b-d9cb-469f-a165-70867728950e"}"#,
                Some("invalid_request: AADSTS90002, 0f8fad5b-d9cb-469f-a165-70867728950e"),
            ),
            (
                r#"{"error":"invalid_request","error_description":"No.","error_codes":[90002]}"#,
                Some("invalid_request: No. (AADSTS90002)"),
            ),
            (r#"{"error":null}"#, None),
            (r#"{"error":""}"#, None),
            (r#"{"error":false}"#, None),
            (r#"{"access_token":"a"}"#, None),
        ] {
            let answer = serde_json::from_str(answer).expect("JSON");
            let found = ProviderError::named_in(&answer, true).map(|error| error.words());
            assert_eq!(found.as_deref(), expected, "{answer:?}");
        }
    }
}
