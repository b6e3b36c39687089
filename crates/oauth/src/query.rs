//! Filters the query of a configured endpoint. Parameters that PPM sends itself are removed,
//! because none may be sent twice (RFC 6749 3.1, 3.2).

use oauth2::url::form_urlencoded;

/// The parameters of an authorization request (RFC 6749 4.1.1, RFC 7636 4.3).
pub(super) const OF_AUTHORIZATION_REQUEST: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// The parameters of a token request (RFC 6749 4.1.3, 4.4.2, 6; RFC 7636 4.5).
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

/// The only parameter that may be repeated (RFC 8707 2).
const REPEATABLE: &str = "resource";

/// Removes these parameters and repeated ones from the query of a URL. The rest stays unchanged,
/// byte for byte.
pub(super) fn without(address: &str, names: &[&str]) -> String {
    let Some((before, query)) = address.split_once('?') else { return address.to_owned() };
    let mut seen = Vec::new();
    let kept = query.split('&').filter(|pair| {
        let name =
            form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned());
        let name = name.unwrap_or_default();
        let is_repeated = name != REPEATABLE && seen.contains(&name);
        let is_kept = !names.contains(&name.as_str()) && !is_repeated;
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
    fn parameters_of_the_request_are_removed_and_the_rest_is_unchanged() {
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
