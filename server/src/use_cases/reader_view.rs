//! Redacts the Client ID in everything that readers see. A provider that refuses an application
//! names it in its texts.

use chrono::DateTime;
use domain::{Principal, syntax::text::is_invisible};
use net::redact::Redactor;
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

const MARK: &str = "[Client ID]";
/// A shorter id occurs in ordinary words by chance.
const SHORTEST_DISTINCTIVE: usize = 4;

/// Returns a value unchanged for an administrator; for other callers, with a mark in place of this
/// Client ID in every text.
pub(super) fn for_person<T: Serialize + DeserializeOwned>(
    told: T,
    who: Option<&Principal>,
    client_id: &str,
) -> serde_json::Result<T> {
    // The provider may repeat the id without the whitespace around it.
    let client_id = client_id.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if who.is_some_and(Principal::may_edit) || client_id.is_empty() {
        return Ok(told);
    }
    let redactor = Redactor::default().secret(MARK, &SecretString::from(client_id));
    let text = |text: &str| redactor.redact(&mask_id(text, client_id));
    let value = serde_json::to_value(told)?;
    // If the Client ID is a word or a year, it occurs in our own codes and instants, which then
    // cannot be parsed.
    let redacted = redact(value.clone(), &text);
    serde_json::from_value(redacted)
        .or_else(|_| serde_json::from_value(redact(value, &|told| redact_unless_ours(told, &text))))
}

fn redact(value: Value, text: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(told) => text(&told).into(),
        Value::Array(values) => values.into_iter().map(|value| redact(value, text)).collect(),
        Value::Object(values) => {
            values.into_iter().map(|(key, value)| (key, redact(value, text))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Redacts a text unless it looks like one of our own codes (`token-request`) or instants.
fn redact_unless_ours(told: &str, text: &impl Fn(&str) -> String) -> String {
    let is_code =
        told.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let is_ours = is_code || DateTime::parse_from_rfc3339(told).is_ok();
    if is_ours { told.to_owned() } else { text(told) }
}

/// Replaces an id by a mark, in any case: a provider may write it differently from an
/// administrator. An id as short as a word is replaced only as a whole word.
fn mask_id(text: &str, id: &str) -> String {
    let (lower, sought) = (text.to_ascii_lowercase(), id.to_ascii_lowercase());
    let mut marked = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(at) = lower[from..].find(&sought).map(|at| from + at) {
        let end = at + id.len();
        let is_alone = !text[..at].ends_with(char::is_alphanumeric)
            && !text[end..].starts_with(char::is_alphanumeric);
        marked.push_str(&text[from..at]);
        marked.push_str(if is_alone || id.len() >= SHORTEST_DISTINCTIVE {
            MARK
        } else {
            &text[at..end]
        });
        from = end;
    }
    marked.push_str(&text[from..]);
    marked
}

#[cfg(test)]
mod tests {
    use domain::Role;
    use domain::token::{OauthDiagnosis, OauthFailure, OauthStage};

    use super::*;

    fn told_to(role: Role, text: &str, client_id: &str) -> String {
        let who = Principal::local("1".to_owned(), String::new(), String::new(), role);
        for_person(text.to_owned(), Some(&who), client_id).expect("a text is JSON")
    }

    #[test]
    fn a_reader_sees_a_mark_instead_of_the_client_id() {
        let id = "11111111-aaaa-3333-4444-555555555555";
        for text in [id.to_owned(), id.to_uppercase()] {
            assert_eq!(told_to(Role::Administrator, &text, id), text);
            assert_eq!(told_to(Role::Reader, &text, id), "[Client ID]");
            let text = format!("'{text}' was not found");
            assert_eq!(told_to(Role::Reader, &text, id), "'[Client ID]' was not found");
        }
    }

    #[test]
    fn whitespace_around_the_client_id_does_not_prevent_redaction() {
        for text in ["'ppm-mail ' was not found", "'ppm-mail' was not found"] {
            let told = told_to(Role::Reader, text, "ppm-mail ");
            assert!(told.starts_with("'[Client ID]"), "{told}");
        }
    }

    #[test]
    fn a_short_client_id_is_redacted_only_as_a_whole_word() {
        assert_eq!(
            told_to(Role::Reader, "ppm: 'ppm' in ppm.example of ppms", "ppm"),
            "[Client ID]: '[Client ID]' in [Client ID].example of ppms"
        );
    }

    #[test]
    fn codes_stay_readable_if_the_client_id_is_part_of_one() {
        let failure = OauthFailure {
            stage: OauthStage::TokenRequest,
            diagnosis: OauthDiagnosis::InvalidClient,
            peer_text: Some("no token for token".to_owned()),
        };
        let told = for_person(failure, None, "token").expect("it is read again");
        assert_eq!(
            (told.stage, told.diagnosis),
            (OauthStage::TokenRequest, OauthDiagnosis::InvalidClient)
        );
        assert_eq!(told.peer_text.as_deref(), Some("no [Client ID] for [Client ID]"));
    }

    #[test]
    fn an_instant_stays_readable_if_the_client_id_is_its_year() {
        let told = (DateTime::UNIX_EPOCH, "of 1970".to_owned());
        let (at, text) = for_person(told, None, "1970").expect("it is read again");
        assert_eq!((at, text.as_str()), (DateTime::UNIX_EPOCH, "of [Client ID]"));
    }

    #[test]
    fn an_unauthenticated_caller_sees_no_more_than_a_reader() {
        let told = for_person("Of ppm-mail-client".to_owned(), None, "ppm-mail-client");
        assert_eq!(told.expect("a text is JSON"), "Of [Client ID]");
    }
}
