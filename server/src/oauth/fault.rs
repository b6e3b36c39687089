//! The dictionary from what a provider says to what it means, for its page and its Token Endpoint
//! alike. Keeps the provider's own words beside the meaning and makes none up.

use domain::token::{Fault, Leg, Setback};
use serde_json::{Map, Value};

use crate::hush::Hush;

/// The error that a provider names (RFC 6749 4.1.2.1, 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError {
    /// `error`: its code.
    pub code: String,
    /// `error_description`: the provider's own explanation.
    pub description: Option<String>,
    /// `error_uri`: a page about it.
    pub uri: Option<String>,
}

impl ProviderError {
    /// The error that an answer names; nothing where it names none.
    ///
    /// Beside the form of RFC 6749 5.2 it knows that of Google's APIs, an object in its place.
    pub(super) fn named_in(answer: &Map<String, Value>) -> Option<Self> {
        let text = |object: &Map<String, Value>, name: &str| {
            object.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        match answer.get("error")? {
            Value::String(code) if !code.is_empty() => Some(Self {
                code: code.clone(),
                description: text(answer, "error_description"),
                uri: text(answer, "error_uri"),
            }),
            Value::Object(error) => Some(Self {
                code: text(error, "status").or_else(|| text(error, "type")).unwrap_or_default(),
                description: text(error, "message"),
                uri: None,
            }),
            _ => None,
        }
    }

    /// What it usually means.
    pub(super) fn fault(&self) -> Fault {
        match self.code.as_str() {
            "access_denied" => Fault::AccessDenied,
            "consent_required"
            | "login_required"
            | "interaction_required"
            | "account_selection_required" => Fault::InteractionRequired,
            "invalid_request" => Fault::InvalidRequest,
            "invalid_client" => Fault::InvalidClient,
            "invalid_grant" => Fault::InvalidGrant,
            "unauthorized_client" => Fault::UnauthorizedClient,
            "unsupported_grant_type" => Fault::UnsupportedGrantType,
            "unsupported_response_type" => Fault::UnsupportedResponseType,
            "invalid_scope" => Fault::InvalidScope,
            "server_error" => Fault::ProviderFailed,
            "temporarily_unavailable" | "slow_down" => Fault::ProviderBusy,
            _ => Fault::UnknownError,
        }
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
    fn an_error_is_found_as_text_and_as_an_object_and_nowhere_else() {
        for (answer, expected) in [
            (r#"{"error":"invalid_scope","error_description":"No."}"#, Some("invalid_scope: No.")),
            (r#"{"error":{"code":400,"status":"INVALID","message":"No."}}"#, Some("INVALID: No.")),
            (r#"{"error":{"type":"OAuthException"}}"#, Some("OAuthException")),
            (r#"{"error":"invalid_scope","error_description":7}"#, Some("invalid_scope")),
            (r#"{"error":null}"#, None),
            (r#"{"error":""}"#, None),
            (r#"{"error":false}"#, None),
            (r#"{"access_token":"a"}"#, None),
        ] {
            let answer = serde_json::from_str(answer).expect("JSON");
            let found = ProviderError::named_in(&answer).map(|error| error.words());
            assert_eq!(found.as_deref(), expected, "{answer:?}");
        }
    }
}
