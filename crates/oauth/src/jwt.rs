//! Decodes the claims of a JWT (RFC 7519) for display. No signature is verified: no claim may
//! decide anything, and none grants access. Only the claims below leave this module, truncated and
//! safe to display.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use domain::syntax::text::shown;
use serde_json::{Map, Value};

/// The maximum length of a token, in octets.
const LONGEST: usize = 32 * 1024;
/// The maximum number of values of a list.
const MOST_VALUES: usize = 30;
/// The maximum length of a value, in characters.
const LONGEST_VALUE: usize = 200;

/// The claims that name the user by an address, the most specific first.
const ADDRESSES: [&str; 4] = ["upn", "preferred_username", "unique_name", "email"];

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenClaims {
    /// `iss` (RFC 7519 4.1.1).
    pub issuer: Option<String>,
    /// `aud` (4.1.3).
    pub audience: Vec<String>,
    /// `scp` (Microsoft) or `scope` (RFC 8693 4.2).
    pub scope: Vec<String>,
    /// `roles`: the permissions of an application.
    pub roles: Vec<String>,
    /// The user: an address if there is one, else `sub`.
    pub user: Option<String>,
    /// All addresses of the user.
    pub accounts: Vec<String>,
    /// `tid`: Microsoft's tenant.
    pub tenant: Option<String>,
    /// `appid`, `azp` or `client_id` (RFC 9068 2.2): the application that the token was issued to.
    pub application: Option<String>,
    /// `oid`: in an application's token from Microsoft, the object id of its Enterprise
    /// application.
    pub object: Option<String>,
    /// Whether `idtyp` marks an app-only token.
    pub is_an_applications: bool,
    /// `ver`: Microsoft's version of the token.
    pub version: Option<String>,
    /// `iat` (4.1.6).
    pub issued_at: Option<DateTime<Utc>>,
    /// `nbf` (4.1.5).
    pub not_before: Option<DateTime<Utc>>,
    /// `exp` (4.1.4).
    pub expires_at: Option<DateTime<Utc>>,
}

/// Returns the token's account if it names accounts and none of them is `than`.
pub fn other_account<'a>(accounts: &'a [String], than: &str) -> Option<&'a str> {
    let is_same = |account: &String| account.to_lowercase() == than.to_lowercase();
    accounts.first().filter(|_| !accounts.iter().any(is_same)).map(String::as_str)
}

/// Decodes the claims of a token; `None` if it is no JWT, or too large.
pub fn claims_of(token: &str) -> Option<TokenClaims> {
    let mut parts = Some(token).filter(|token| token.len() <= LONGEST)?.split('.');
    let (header, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    // Five parts are a JWE (RFC 7516 7.1).
    if parts.next().is_some() {
        return None;
    }
    object(header)?.get("alg").and_then(Value::as_str)?;
    Some(read(&object(claims)?))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let octets = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&octets).ok()
}

fn read(claims: &Map<String, Value>) -> TokenClaims {
    let one = |name: &str| claims.get(name).and_then(Value::as_str).and_then(line);
    let accounts: Vec<_> =
        ADDRESSES.into_iter().filter_map(one).filter(|text| is_address(text)).collect();
    TokenClaims {
        issuer: one("iss"),
        audience: list(claims.get("aud"), false),
        scope: [claims.get("scp"), claims.get("scope")]
            .into_iter()
            .map(|scope| list(scope, true))
            .find(|scope| !scope.is_empty())
            .unwrap_or_default(),
        roles: list(claims.get("roles"), true),
        user: accounts
            .first()
            .cloned()
            .or_else(|| ADDRESSES.into_iter().chain(["sub"]).find_map(one)),
        accounts,
        tenant: one("tid"),
        application: ["appid", "azp", "client_id"].into_iter().find_map(one),
        object: one("oid"),
        version: one("ver"),
        is_an_applications: claims.get("idtyp").and_then(Value::as_str) == Some("app"),
        issued_at: claims.get("iat").and_then(instant),
        not_before: claims.get("nbf").and_then(instant),
        expires_at: claims.get("exp").and_then(instant),
    }
}

fn is_address(text: &str) -> bool {
    domain::syntax::address::email_address(text).is_ok()
}

/// Reads a list, or a text, which is split at white space if `in_words`.
fn list(value: Option<&Value>, in_words: bool) -> Vec<String> {
    let texts: Vec<&str> = match value {
        Some(Value::String(words)) if in_words => words.split_whitespace().collect(),
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(line).take(MOST_VALUES).collect()
}

/// Returns a text on one line, truncated; `None` if nothing remains.
fn line(text: &str) -> Option<String> {
    let text = shown(text).replace('\n', " ");
    let cut: String = match text.char_indices().nth(LONGEST_VALUE) {
        None => text,
        Some(_) => text.chars().take(LONGEST_VALUE - 1).chain(['…']).collect(),
    };
    Some(cut.trim().to_owned()).filter(|cut| !cut.is_empty())
}

/// Parses a `NumericDate` (RFC 7519 2) of the years 1970 to 9999, also with a fraction or as text.
fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are enough")]
    let instant = DateTime::from_timestamp(seconds as i64, 0)?;
    (1970..=9999).contains(&instant.year()).then_some(instant)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2lnbmF0dXJl", part(&json!({ "alg": "RS256" })), part(claims))
    }

    #[test]
    fn the_listed_claims_are_read_and_no_others() {
        let claims = claims_of(&token(&json!({
            "aud": "https://outlook.office.com",
            "scp": "SMTP.Send IMAP.AccessAsUser.All",
            "unique_name": "Ada@Example.com",
            "sub": "abc",
            "tid": "a-tenant",
            "appid": "an-application",
            "oid": "an-object",
            "iat": 1_000,
            "exp": "4600.5",
            "ipaddr": "192.0.2.1",
        })))
        .expect("a JWT");
        assert_eq!(claims.audience, ["https://outlook.office.com"]);
        assert_eq!(claims.scope, ["SMTP.Send", "IMAP.AccessAsUser.All"]);
        assert_eq!(claims.user.as_deref(), Some("Ada@Example.com"));
        assert_eq!(claims.application.as_deref(), Some("an-application"));
        assert_eq!(claims.object.as_deref(), Some("an-object"));
        assert_eq!(claims.expires_at.map(|at| at.timestamp()), Some(4_600));
        assert!(!format!("{claims:?}").contains("192.0.2.1"));
    }

    #[test]
    fn an_account_differs_only_if_no_address_is_the_senders() {
        let of = |claims: Value| claims_of(&token(&claims)).expect("a JWT");
        let two = of(json!({ "upn": "a@contoso.onmicrosoft.com", "email": "Ada@contoso.com" }));
        assert_eq!(other_account(&two.accounts, "ada@Contoso.com"), None);
        assert_eq!(
            other_account(&two.accounts, "no@contoso.com"),
            Some("a@contoso.onmicrosoft.com")
        );
        assert_eq!(other_account(&of(json!({ "sub": "12345" })).accounts, "no@contoso.com"), None);
    }

    #[test]
    fn an_opaque_token_has_no_claims() {
        let whole = token(&json!({ "sub": "ada" }));
        let (signed, _) = whole.rsplit_once('.').expect("three parts");
        for opaque in [
            "",
            "ya29.a0AfH6SMBx",
            "a.b.c",
            signed,
            &format!("{whole}.x.y"),
            &format!("{whole}{}", "x".repeat(LONGEST)),
        ] {
            assert_eq!(claims_of(opaque), None, "{opaque:.40}");
        }
    }

    #[test]
    fn claims_are_truncated_and_on_one_line() {
        let sub = format!("a\u{202E}\nb{}", "x".repeat(900));
        let claims = claims_of(&token(&json!({ "sub": sub, "aud": vec!["a"; 900] })));
        let claims = claims.expect("a JWT");
        let user = claims.user.expect("a user");
        assert!(user.starts_with("a bx") && user.chars().count() == LONGEST_VALUE, "{user}");
        assert_eq!(claims.audience.len(), MOST_VALUES);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text in "[A-Za-z0-9_.=-]{0,80}|(?s).{0,40}") {
            let _ = claims_of(&text);
        }

        #[test]
        fn any_claims_are_read(exp in any::<f64>(), aud in any::<i64>(), sub in "(?s).{0,300}") {
            let claims = claims_of(&token(&json!({ "exp": exp, "aud": aud, "upn": sub })));
            prop_assert!(claims.is_some());
        }
    }
}
