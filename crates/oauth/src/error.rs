//! Maps a provider's errors to their meanings, for the authorization and the token endpoint. Keeps
//! the provider's text beside the meaning, and adds none.

use domain::syntax::text::is_guid;
use domain::token::{OauthDiagnosis, OauthFailure, OauthStage};
use net::redact::Redactor;
use oauth2::url::form_urlencoded;
use serde_json::{Map, Value};

use super::nonstandard_error;

/// An error response of a provider (RFC 6749 4.1.2.1, 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderError {
    /// `error`: its code.
    pub code: String,
    /// `error_description`: the provider's explanation.
    pub description: Option<String>,
    /// `error_uri`: a page about it.
    pub uri: Option<String>,
}

impl ProviderError {
    /// Returns the error in the member `error` of a JSON object; `None` if there is none.
    ///
    /// Accepts the form of RFC 6749 5.2, and the object of Google's APIs. If `is_public`,
    /// non-standard members supply a missing description.
    pub(super) fn named_in(answer: &Map<String, Value>, is_public: bool) -> Option<Self> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        match answer.get("error")? {
            Value::String(code) if !code.is_empty() => {
                let nonstandard =
                    || nonstandard_error::words(answer).filter(|words| is_public && words != code);
                let description = text("error_description").or_else(nonstandard);
                Some(Self {
                    code: code.clone(),
                    description: with_support_ids(description, answer),
                    uri: text("error_uri"),
                })
            }
            Value::Number(code) => Some(Self { code: code.to_string(), ..Self::default() }),
            Value::Object(error) => {
                let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
                let code = text("status").or_else(|| text("type"));
                let found = Self::nonstandard_in(error);
                Some(Self {
                    code: code.or_else(|| Some(found.as_ref()?.code.clone())).unwrap_or_default(),
                    description: text("message").or_else(|| found?.description),
                    uri: None,
                })
            }
            _ => None,
        }
    }

    /// Returns the error in non-standard members of a JSON object.
    pub(super) fn nonstandard_in(answer: &Map<String, Value>) -> Option<Self> {
        let (code, words) = (nonstandard_error::code(answer), nonstandard_error::words(answer));
        let is_code = |text: &String| known_code(text).is_some();
        match (code, words) {
            (None, None) => None,
            (None, Some(words)) if is_code(&words) => Some(Self::of_code(&words)),
            (code, description) => {
                Some(Self { code: code.unwrap_or_default(), description, uri: None })
            }
        }
    }

    /// Returns the error of a plain text: an OAuth code alone or with a description, or form
    /// fields.
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

    /// Whether OAuth defines the code.
    pub(super) fn is_known(&self) -> bool {
        known_code(&self.code).is_some()
    }

    /// Whether the error is only a number, which is no OAuth error.
    pub(super) fn is_bare_number(&self) -> bool {
        let is_empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        is_empty(&self.description) && !self.code.contains(char::is_alphabetic)
    }

    pub(super) fn diagnosis(&self) -> OauthDiagnosis {
        let known = CODES.iter().find(|(code, _)| *code == self.code);
        known.map_or(OauthDiagnosis::UnknownError, |(_, diagnosis)| *diagnosis)
    }

    /// Returns the provider's text: code, description, and the page if its URL is https.
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

/// Error codes and their meanings: RFC 6749 4.1.2.1 and 5.2, `OpenID` Connect Core 3.1.2.6, RFC
/// 8628 3.5, and some of GitHub and Google (docs.github.com, "Troubleshooting OAuth app access
/// token request errors"; developers.google.com, "Using OAuth 2.0 for Web Server Applications").
const CODES: [(&str, OauthDiagnosis); 19] = [
    ("access_denied", OauthDiagnosis::AccessDenied),
    ("consent_required", OauthDiagnosis::InteractionRequired),
    ("login_required", OauthDiagnosis::InteractionRequired),
    ("interaction_required", OauthDiagnosis::InteractionRequired),
    ("account_selection_required", OauthDiagnosis::InteractionRequired),
    ("invalid_request", OauthDiagnosis::InvalidRequest),
    ("redirect_uri_mismatch", OauthDiagnosis::InvalidRequest),
    ("invalid_client", OauthDiagnosis::InvalidClient),
    ("incorrect_client_credentials", OauthDiagnosis::InvalidClient),
    ("invalid_grant", OauthDiagnosis::InvalidGrant),
    ("bad_verification_code", OauthDiagnosis::InvalidGrant),
    ("bad_refresh_token", OauthDiagnosis::InvalidGrant),
    ("unauthorized_client", OauthDiagnosis::UnauthorizedClient),
    ("unsupported_grant_type", OauthDiagnosis::UnsupportedGrantType),
    ("unsupported_response_type", OauthDiagnosis::UnsupportedResponseType),
    ("invalid_scope", OauthDiagnosis::InvalidScope),
    ("server_error", OauthDiagnosis::ProviderFailed),
    ("temporarily_unavailable", OauthDiagnosis::ProviderBusy),
    ("slow_down", OauthDiagnosis::ProviderBusy),
];

/// Returns the OAuth code that a text is, or that ends a URI such as a problem's `type` (RFC 9457
/// 3.1.1).
pub(super) fn known_code(text: &str) -> Option<&'static str> {
    let last = text.trim().rsplit([':', '/', '#']).next()?;
    CODES.iter().map(|(code, _)| *code).find(|code| *code == last)
}

/// Adds Microsoft's error numbers and trace ID to a description without them, because its support
/// asks for them.
fn with_support_ids(description: Option<String>, answer: &Map<String, Value>) -> Option<String> {
    const MOST_NUMBERS: usize = 3;
    let peer_text = description.clone().unwrap_or_default();
    let numbers = answer.get("error_codes").and_then(Value::as_array);
    let numbers = numbers.into_iter().flatten().filter_map(Value::as_u64);
    let numbers = numbers.map(|number| format!("AADSTS{number}")).take(MOST_NUMBERS);
    let trace = answer.get("trace_id").and_then(Value::as_str).filter(|id| is_guid(id));
    let beside = numbers.chain(trace.map(str::to_owned)).filter(|text| !peer_text.contains(text));
    let beside: Vec<_> = beside.collect();
    match (peer_text.is_empty(), beside.is_empty()) {
        (_, true) => description,
        (true, false) => Some(beside.join(", ")),
        (false, false) => Some(format!("{peer_text} ({})", beside.join(", "))),
    }
}

/// Whether a response is an error by RFC 6749 5.2, with a code in OAuth's syntax. Other services
/// put a sentence or an object into a member of the same name.
pub(super) fn is_oauth_error(answer: &Map<String, Value>) -> bool {
    let is_of_code = |octet: u8| octet.is_ascii_lowercase() || octet == b'_';
    let code = answer.get("error").and_then(Value::as_str);
    code.is_some_and(|code| (1..=64).contains(&code.len()) && code.bytes().all(is_of_code))
}

/// An error before its stage is known and its text is redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenError {
    pub(super) diagnosis: OauthDiagnosis,
    pub(super) peer_text: Option<String>,
}

impl TokenError {
    pub(super) fn new(diagnosis: OauthDiagnosis, peer_text: Option<String>) -> Self {
        Self { diagnosis, peer_text }
    }

    /// Assigns a stage, redacts the text and makes it safe to display.
    pub(super) fn at(self, stage: OauthStage, redactor: &Redactor) -> OauthFailure {
        let peer_text = self
            .peer_text
            .map(|peer_text| redactor.redact_to_show(&peer_text))
            .filter(|peer_text| !peer_text.is_empty());
        OauthFailure { stage, diagnosis: self.diagnosis, peer_text }
    }
}

impl From<OauthDiagnosis> for TokenError {
    fn from(diagnosis: OauthDiagnosis) -> Self {
        Self::new(diagnosis, None)
    }
}

impl From<&ProviderError> for TokenError {
    fn from(error: &ProviderError) -> Self {
        Self::new(error.diagnosis(), Some(error.words()))
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
    fn an_error_is_shown_by_code_description_and_an_https_url() {
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
    fn an_oauth_error_has_a_code_in_oauths_syntax() {
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
    fn an_error_is_found_in_non_standard_members() {
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
            let found = ProviderError::nonstandard_in(&answer).map(|error| error.words());
            assert_eq!(found.as_deref(), expected, "{answer:?}");
        }
    }

    #[test]
    fn an_error_in_plain_text_needs_an_oauth_code() {
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
    fn the_error_member_is_read_as_text_number_or_object() {
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
