//! Parses a token response (RFC 6749 5.1) leniently. Only its form is treated leniently; a token
//! that no mail server could accept is refused.

use std::time::Duration;

use domain::syntax::text::is_unsafe_in_one_line;
use domain::token::OauthDiagnosis;
use net::redact::Redactor;
use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse};
use secrecy::SecretString;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::{ProviderError, TokenError};
use super::{ClientAuth, Issued, claims_of};

/// The lifetime of an access token if the response does not state it.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);

/// The maximum lifetime of a token: ten years.
const LONGEST_LIFETIME: Duration = Duration::from_hours(24 * 3_652);

/// The members for the lifetime of a refresh token: the draft's, then those of GitHub, Intuit and
/// Keycloak (draft-ietf-oauth-refresh-token-expiration-03, 6 July 2026; docs.github.com,
/// "Refreshing user access tokens"; developer.intuit.com, "OAuth 2.0"; Keycloak's token responses).
const REFRESH_LIFETIMES: [&str; 4] = [
    "refresh_token_timeout",
    "refresh_token_expires_in",
    "x_refresh_token_expires_in",
    "refresh_expires_in",
];

/// The member for the lifetime of the grant, by the same draft.
const GRANT_LIFETIME: &str = "authorization_expires_in";

/// All lifetime members.
pub(super) const LIFETIMES: [&str; 5] = [
    REFRESH_LIFETIMES[0],
    REFRESH_LIFETIMES[1],
    REFRESH_LIFETIMES[2],
    REFRESH_LIFETIMES[3],
    GRANT_LIFETIME,
];

/// A 2xx token response, parsed leniently (RFC 6749 5.1).
#[derive(Debug)]
pub(super) struct LenientTokenResponse {
    /// An error: some providers refuse with a 2xx status.
    error: Option<ProviderError>,
    /// Empty if there is none.
    access_token: AccessToken,
    token_type: BasicTokenType,
    refresh_token: Option<RefreshToken>,
    expires_in: Option<Duration>,
    refresh_expires_in: Option<Duration>,
    grant_expires_in: Option<Duration>,
    scopes: Option<Vec<Scope>>,
    /// The user's email addresses in the ID token (`OpenID` Connect Core 3.1.3.3).
    accounts: Vec<String>,
    /// Other text of the response.
    message: Option<String>,
}

impl LenientTokenResponse {
    /// Returns the issued token, if it is usable.
    pub(super) fn issued(self, auth: ClientAuth) -> Result<Issued, TokenError> {
        let redactor = self.redactor();
        let refused = |diagnosis, peer_text: Option<String>| {
            TokenError::new(diagnosis, peer_text.map(|text| redactor.redact_to_show(&text)))
        };
        if let Some(error) = &self.error {
            let TokenError { diagnosis, peer_text } = TokenError::from(error);
            return Err(refused(diagnosis, peer_text));
        }
        if !is_usable(self.access_token.secret()) {
            return Err(refused(OauthDiagnosis::NoToken, self.message));
        }
        if let BasicTokenType::Extension(other) = self.token_type {
            return Err(refused(OauthDiagnosis::OtherTokenType, Some(other)));
        }
        let claims = claims_of(self.access_token.secret());
        let accounts =
            self.accounts.iter().cloned().chain(claims.into_iter().flat_map(|c| c.accounts));
        Ok(Issued {
            accounts: accounts.map(|account| redactor.redact_to_show(&account)).collect(),
            access_token: self.access_token.into_secret().into(),
            refresh_token: self.refresh_token.map(|token| token.into_secret().into()),
            lifetime: self.expires_in.unwrap_or(DEFAULT_LIFETIME),
            refresh_lifetime: self.refresh_expires_in,
            grant_lifetime: self.grant_expires_in,
            scope: self
                .scopes
                .map(|scopes| redactor.redact_to_show(&joined(&scopes)))
                .filter(|scope| !scope.is_empty()),
            auth,
        })
    }

    /// Redacts the tokens from the response's text.
    fn redactor(&self) -> Redactor {
        let access_token = SecretString::from(self.access_token.secret().as_str());
        let redactor = Redactor::default().secret("[token]", &access_token);
        match &self.refresh_token {
            Some(token) => redactor.secret("[refresh token]", &token.secret().as_str().into()),
            None => redactor,
        }
    }
}

impl<'de> Deserialize<'de> for LenientTokenResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Value::Object(mut answer) = Value::deserialize(deserializer)? else {
            return Err(D::Error::custom("no object"));
        };
        Ok(Self {
            error: ProviderError::named_in(&answer, true).or_else(|| without_token(&answer)),
            access_token: AccessToken::new(
                take_text(&mut answer, "access_token").unwrap_or_default(),
            ),
            token_type: token_type(answer.get("token_type")),
            refresh_token: take_text(&mut answer, "refresh_token")
                .filter(|token| !token.is_empty() && !token.contains(is_unsafe_in_one_line))
                .map(RefreshToken::new),
            expires_in: answer.get("expires_in").and_then(lifetime),
            refresh_expires_in: first_lifetime(&answer, &REFRESH_LIFETIMES),
            grant_expires_in: first_lifetime(&answer, &[GRANT_LIFETIME]),
            scopes: answer.get("scope").map(scopes),
            accounts: take_text(&mut answer, "id_token")
                .and_then(|token| claims_of(&token))
                .map(|claims| claims.accounts)
                .unwrap_or_default(),
            message: ProviderError::nonstandard_in(&answer).map(|error| error.words()),
        })
    }
}

impl Serialize for LenientTokenResponse {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a token answer is read and never written"))
    }
}

impl TokenResponse for LenientTokenResponse {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

/// Returns the error in non-standard members of a response without a token.
fn without_token(answer: &Map<String, Value>) -> Option<ProviderError> {
    let is_one = !answer.contains_key("access_token");
    ProviderError::nonstandard_in(answer).filter(|error| is_one && error.is_known())
}

fn take_text(answer: &mut Map<String, Value>, name: &str) -> Option<String> {
    match answer.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Whether an access token fits into a SASL message (RFC 7628 3.1): visible ASCII, not empty.
fn is_usable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|octet| octet.is_ascii_graphic())
}

/// Parses the token type, case-insensitively (RFC 6749 5.1), with Bearer as the default. A token
/// with an unknown type must not be used (7.1).
fn token_type(named: Option<&Value>) -> BasicTokenType {
    match named {
        None | Some(Value::Null) => BasicTokenType::Bearer,
        Some(Value::String(name))
            if name.is_empty() || name.trim().eq_ignore_ascii_case("bearer") =>
        {
            BasicTokenType::Bearer
        }
        Some(Value::String(name)) => BasicTokenType::Extension(name.clone()),
        Some(other) => BasicTokenType::Extension(other.to_string()),
    }
}

/// Parses a lifetime in whole seconds from a number or a text; a negative one is zero.
fn lifetime(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if seconds.is_nan() {
        return None;
    }
    let seconds = seconds.clamp(0.0, LONGEST_LIFETIME.as_secs_f64()).trunc();
    Some(Duration::from_secs_f64(seconds))
}

/// Returns the first lifetime in these members that is not 0, which Keycloak sends for no end.
fn first_lifetime(answer: &Map<String, Value>, names: &[&str]) -> Option<Duration> {
    let lifetimes = names.iter().filter_map(|name| lifetime(answer.get(*name)?));
    lifetimes.into_iter().find(|lifetime| !lifetime.is_zero())
}

/// Parses scopes from a text with spaces (RFC 6749 3.3), or from a list.
fn scopes(value: &Value) -> Vec<Scope> {
    let texts: Vec<&str> = match value {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts
        .iter()
        .flat_map(|text| text.split_whitespace())
        .map(|scope| Scope::new(scope.to_owned()))
        .collect()
}

fn joined(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn issued(answer: &str) -> Result<Issued, TokenError> {
        let response: LenientTokenResponse = serde_json::from_str(answer).expect("an object");
        response.issued(ClientAuth::Body)
    }

    #[test]
    fn a_lifetime_is_read_from_a_number_or_a_text() {
        for (value, expected) in [
            ("3599", 3_599),
            ("3599.9", 3_599),
            (r#""3599""#, 3_599),
            (r#"" 3599.0 ""#, 3_599),
            ("-1", 0),
            (r#""-20""#, 0),
            ("0", 0),
            ("1e300", LONGEST_LIFETIME.as_secs()),
            ("18446744073709551615", LONGEST_LIFETIME.as_secs()),
            (r#""inf""#, LONGEST_LIFETIME.as_secs()),
            (r#""NaN""#, 3_600),
            (r#""soon""#, 3_600),
            ("null", 3_600),
            ("[5]", 3_600),
        ] {
            let answer = format!(r#"{{"access_token":"a","expires_in":{value}}}"#);
            let issued = issued(&answer).expect("a token");
            assert_eq!(issued.lifetime, Duration::from_secs(expected), "{value}");
        }
    }

    #[test]
    fn the_type_is_bearer_in_any_case_or_missing() {
        for named in
            ["", r#","token_type":"Bearer""#, r#","token_type":"BEARER""#, r#","token_type":null"#]
        {
            let answer = format!(r#"{{"access_token":"a"{named}}}"#);
            assert!(issued(&answer).is_ok(), "{answer}");
        }
        for (named, peer_text) in
            [(r#""DPoP""#, "DPoP"), ("1", "1"), ("true", "true"), ("[]", "[]")]
        {
            let other = issued(&format!(r#"{{"access_token":"a","token_type":{named}}}"#));
            let expected =
                TokenError::new(OauthDiagnosis::OtherTokenType, Some(peer_text.to_owned()));
            assert_eq!(other.expect_err("another type"), expected);
        }
    }

    #[test]
    fn lifetimes_of_refresh_tokens_and_grants_are_read_from_every_member() {
        for (member, refresh, grant) in [
            (r#""refresh_token_timeout":600"#, Some(600), None),
            (r#""refresh_token_expires_in":"600""#, Some(600), None),
            (r#""x_refresh_token_expires_in":600.5"#, Some(600), None),
            (r#""refresh_expires_in":600"#, Some(600), None),
            (r#""refresh_expires_in":0"#, None, None),
            (r#""refresh_token_expires_in":"soon""#, None, None),
            (r#""authorization_expires_in":600"#, None, Some(600)),
            (r#""authorization_expires_in":"600""#, None, Some(600)),
            (r#""authorization_expires_in":-1"#, None, None),
        ] {
            let issued = issued(&format!(r#"{{"access_token":"a",{member}}}"#)).expect("a token");
            let seconds = |lifetime: Option<Duration>| lifetime.map(|lifetime| lifetime.as_secs());
            let found = (seconds(issued.refresh_lifetime), seconds(issued.grant_lifetime));
            assert_eq!(found, (refresh, grant), "{member}");
        }
    }

    #[test]
    fn scopes_are_read_from_a_text_and_from_a_list() {
        for (value, expected) in [
            (r#""mail  send""#, Some("mail send")),
            (r#"["mail","send"]"#, Some("mail send")),
            (r#""""#, None),
            ("null", None),
            ("[]", None),
        ] {
            let answer = format!(r#"{{"access_token":"a","scope":{value}}}"#);
            assert_eq!(issued(&answer).expect("a token").scope.as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_token_that_would_break_a_sign_in_is_refused() {
        for token in [r#""""#, r#""a b""#, r#""a\u0001b""#, r#""a\r\nb""#, r#""é""#, "7", "null"] {
            let answer = format!(r#"{{"access_token":{token}}}"#);
            assert_eq!(issued(&answer).expect_err(token).diagnosis, OauthDiagnosis::NoToken);
        }
    }

    #[test]
    fn an_empty_refresh_token_is_ignored() {
        for token in [r#""""#, r#""a\u0000""#, "null", "false"] {
            let answer = format!(r#"{{"access_token":"a","refresh_token":{token}}}"#);
            assert!(issued(&answer).expect("a token").refresh_token.is_none(), "{token}");
        }
    }

    #[test]
    fn tokens_are_redacted_from_an_error_that_repeats_them() {
        let answer = r#"{"error":"odd","error_description":"not canary-1 nor canary-2",
            "access_token":"canary-1","refresh_token":"canary-2"}"#;
        let peer_text = issued(answer).expect_err("an error").peer_text;
        assert_eq!(peer_text.as_deref(), Some("odd: not [token] nor [refresh token]"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "(?s).{0,12}".prop_map(Value::from),
            "[!-~]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            proptest::collection::vec(inner, 0..3).prop_map(Value::from)
        })
    }

    proptest! {
        #[test]
        fn no_token_contains_a_control_character(
            access_token in any_json(),
            refresh_token in any_json(),
            token_type in any_json(),
            expires_in in any_json(),
            scope in any_json(),
        ) {
            let answer = serde_json::json!({
                "access_token": access_token,
                "refresh_token": refresh_token,
                "token_type": token_type,
                "expires_in": expires_in,
                "scope": scope,
            });
            if let Ok(issued) = issued(&answer.to_string()) {
                let refresh_token = issued.refresh_token.unwrap_or_default();
                for token in [&issued.access_token, &refresh_token] {
                    prop_assert!(!token.expose_secret().contains(char::is_control));
                }
                prop_assert!(is_usable(issued.access_token.expose_secret()));
                prop_assert!(issued.lifetime <= LONGEST_LIFETIME);
                prop_assert!(!issued.scope.unwrap_or_default().contains(is_unsafe_in_one_line));
            }
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in "(?s).{0,60}|[{}\":,a-z_0-9\\[\\]]{0,60}") {
            let _ = serde_json::from_str::<LenientTokenResponse>(&text).map(|response| response.issued(ClientAuth::Body));
        }
    }
}
