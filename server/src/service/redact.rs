//! What readers are told: what administrators are told, without the Client ID, wherever it stands. A
//! provider that refuses an application names it.

use app::service::Principal;
use chrono::DateTime;
use domain::check::text::is_invisible;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::hush::Hush;

const MARK: &str = "[Client ID]";
/// An id shorter than this stands in ordinary words by chance.
const TELLING: usize = 4;

/// The same for an administrator; for a reader or a stranger, with a mark in place of this Client ID in every text.
pub(super) fn for_person<T: Serialize + DeserializeOwned>(
    told: T,
    who: Option<&Principal>,
    client_id: &str,
) -> serde_json::Result<T> {
    // Blanks around it are none of the provider's, which may name it without.
    let client_id = client_id.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if who.is_some_and(Principal::may_edit) || client_id.is_empty() {
        return Ok(told);
    }
    let hush = Hush::default().hide(MARK, &SecretString::from(client_id));
    let text = |text: &str| hush.text(&without(text, client_id));
    let value = serde_json::to_value(told)?;
    // A word or a year as Client ID stands in our own codes and instants, which can then not be read again.
    let redacted = redact(value.clone(), &text);
    serde_json::from_value(redacted)
        .or_else(|_| serde_json::from_value(redact(value, &|told| not_ours(told, &text))))
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

/// The text redacted, unless it looks like one of our own codes (`token-request`) or instants.
fn not_ours(told: &str, text: &impl Fn(&str) -> String) -> String {
    let is_code =
        told.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let is_ours = is_code || DateTime::parse_from_rfc3339(told).is_ok();
    if is_ours { told.to_owned() } else { text(told) }
}

/// The text with a mark in place of an id, in upper or lower case: a provider may write it otherwise than
/// an administrator. One that is as short as a word is hidden where it stands alone.
fn without(text: &str, id: &str) -> String {
    let (lower, sought) = (text.to_ascii_lowercase(), id.to_ascii_lowercase());
    let mut marked = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(at) = lower[from..].find(&sought).map(|at| from + at) {
        let end = at + id.len();
        let is_alone = !text[..at].ends_with(char::is_alphanumeric)
            && !text[end..].starts_with(char::is_alphanumeric);
        marked.push_str(&text[from..at]);
        marked.push_str(if is_alone || id.len() >= TELLING { MARK } else { &text[at..end] });
        from = end;
    }
    marked.push_str(&text[from..]);
    marked
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::service::Role;
    use domain::token::{Fault, Leg, Setback};

    fn told_to(role: Role, text: &str, client_id: &str) -> String {
        let who = Principal::local("1".to_owned(), String::new(), String::new(), role);
        for_person(text.to_owned(), Some(&who), client_id).expect("a text is JSON")
    }

    #[test]
    fn a_reader_reads_a_mark_where_an_administrator_reads_the_client_id() {
        let id = "11111111-aaaa-3333-4444-555555555555";
        for text in [id.to_owned(), id.to_uppercase()] {
            assert_eq!(told_to(Role::Administrator, &text, id), text);
            assert_eq!(told_to(Role::Reader, &text, id), "[Client ID]");
            let text = format!("'{text}' was not found");
            assert_eq!(told_to(Role::Reader, &text, id), "'[Client ID]' was not found");
        }
    }

    #[test]
    fn blanks_around_the_client_id_hide_it_from_no_reader_less() {
        for text in ["'ppm-mail ' was not found", "'ppm-mail' was not found"] {
            let told = told_to(Role::Reader, text, "ppm-mail ");
            assert!(told.starts_with("'[Client ID]"), "{told}");
        }
    }

    #[test]
    fn an_id_as_short_as_a_word_is_hidden_where_it_stands_alone() {
        assert_eq!(
            told_to(Role::Reader, "ppm: 'ppm' in ppm.example of ppms", "ppm"),
            "[Client ID]: '[Client ID]' in [Client ID].example of ppms"
        );
    }

    #[test]
    fn a_code_stays_readable_whatever_the_client_id() {
        let setback = Setback {
            leg: Leg::TokenRequest,
            fault: Fault::InvalidClient,
            said: Some("no token for token".to_owned()),
        };
        let told = for_person(setback, None, "token").expect("it is read again");
        assert_eq!((told.leg, told.fault), (Leg::TokenRequest, Fault::InvalidClient));
        assert_eq!(told.said.as_deref(), Some("no [Client ID] for [Client ID]"));
    }

    #[test]
    fn an_instant_stays_readable_where_the_client_id_is_its_year() {
        let told = (DateTime::UNIX_EPOCH, "of 1970".to_owned());
        let (at, text) = for_person(told, None, "1970").expect("it is read again");
        assert_eq!((at, text.as_str()), (DateTime::UNIX_EPOCH, "of [Client ID]"));
    }

    #[test]
    fn a_stranger_is_told_no_more_than_a_reader() {
        let told = for_person("Of ppm-mail-client".to_owned(), None, "ppm-mail-client");
        assert_eq!(told.expect("a text is JSON"), "Of [Client ID]");
    }
}
