//! The query that an administrator's endpoint brings along. Parameters that PPM sends itself are left
//! out of it: none may be sent twice (RFC 6749 3.1, 3.2).

use oauth2::url::form_urlencoded;

/// What a request for a code carries (RFC 6749 4.1.1, RFC 7636 4.3).
pub(super) const OF_AUTHORIZATION_REQUEST: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// What a request for a token carries (RFC 6749 4.1.3, 4.4.2, 6; RFC 7636 4.5).
pub(super) const OF_TOKEN_REQUEST: [&str; 8] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "client_id",
    "client_secret",
    "scope",
];

/// The one parameter that may be there several times (RFC 8707 2).
const REPEATABLE: &str = "resource";

/// An address without these parameters, and without what its query has said already. What stays is as it
/// was, byte for byte.
pub(super) fn without(address: &str, names: &[&str]) -> String {
    let Some((before, query)) = address.split_once('?') else { return address.to_owned() };
    let mut seen = Vec::new();
    let kept = query.split('&').filter(|pair| {
        let name =
            form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned());
        let name = name.unwrap_or_default();
        let is_again = name != REPEATABLE && seen.contains(&name);
        let is_kept = !names.contains(&name.as_str()) && !is_again;
        seen.push(name);
        is_kept
    });
    match kept.collect::<Vec<_>>().join("&") {
        query if query.is_empty() => before.to_owned(),
        query => format!("{before}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_anyway_is_left_out_and_the_rest_stays_byte_for_byte() {
        for (address, expected) in [
            ("https://a.example/", "https://a.example/"),
            ("https://a.example/?", "https://a.example/"),
            ("https://a.example/?prompt=%63onsent", "https://a.example/?prompt=%63onsent"),
            (
                "https://a.example/?client_id=old&prompt=consent&response_type=code",
                "https://a.example/?prompt=consent",
            ),
            ("https://a.example/?scope=a&%73tate=b&redirect%5Furi=c", "https://a.example/"),
            ("https://a.example/?prompt=a&x=1&prompt=b", "https://a.example/?prompt=a&x=1"),
            (
                "https://a.example/?resource=a&resource=b",
                "https://a.example/?resource=a&resource=b",
            ),
            ("https://a.example/?State=x", "https://a.example/?State=x"),
        ] {
            assert_eq!(without(address, &OF_AUTHORIZATION_REQUEST), expected, "{address}");
        }
    }
}
