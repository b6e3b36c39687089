//! Tests of the authorization request, and of parsing the authorization response.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::settings::{Consent, Grant};
use oauth::{AuthorizationRequest, AuthorizationResponse, authorization_request};
use sha2::{Digest, Sha256};
use testkit::provider::{CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SCOPE, grant};
use url::Url;

use super::{VERIFIER, consented, words};

const ENDPOINT: &str = "https://login.example.com/authorize";

fn asking(authorization_endpoint: &str, redirect_uri: &str, pkce: bool) -> Grant {
    consented(authorization_endpoint, redirect_uri, pkce, "https://login.example.com/token")
}

fn request(grant: &Grant) -> AuthorizationRequest {
    let state = "state/+&=1".into();
    authorization_request(grant, &state, || VERIFIER.into()).expect("a consent")
}

fn parameters(url: &str) -> HashMap<String, String> {
    Url::parse(url).expect("a URL").query_pairs().into_owned().collect()
}

#[test]
fn an_authorization_request_has_exactly_its_parameters() {
    let request = request(&asking(ENDPOINT, REDIRECT_URI, false));
    let expected = HashMap::from(
        [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", REDIRECT_URI),
            ("scope", SCOPE),
            ("state", "state/+&=1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    assert_eq!(parameters(&request.url), expected);
    assert!(request.verifier.is_none());
}

#[test]
fn with_pkce_a_challenge_is_added_that_matches_the_verifier() {
    let request = request(&asking(ENDPOINT, REDIRECT_URI, true));
    let parameters = parameters(&request.url);
    let verifier = request.verifier.as_ref().map(words).expect("a verifier");
    let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    assert!((43..=128).contains(&verifier.len()) && verifier.chars().all(is_unreserved));
    assert_eq!(parameters["code_challenge_method"], "S256");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    assert_eq!(parameters["code_challenge"], challenge);
    assert_eq!(parameters.len(), 7);
}

#[test]
fn each_request_takes_a_new_verifier() {
    let grant = asking(ENDPOINT, REDIRECT_URI, true);
    let verifier = |new: &str| {
        let new = [new, VERIFIER].concat();
        let request = authorization_request(&grant, &"state".into(), || new.into());
        words(&request.expect("a consent").verifier.expect("a verifier")).to_owned()
    };
    assert_eq!([verifier("a"), verifier("b")], ["a", "b"].map(|new| [new, VERIFIER].concat()));
}

#[test]
fn a_query_in_the_authorization_endpoint_is_kept_before_the_added_parameters() {
    for (endpoint, expected) in [
        (
            "https://a.example/o?access_type=offline&prompt=consent",
            "https://a.example/o?access_type=offline&prompt=consent&response_type=code&",
        ),
        ("https://a.example/o?x=%2F%20+b", "https://a.example/o?x=%2F%20+b&response_type=code&"),
        ("https://a.example/o?", "https://a.example/o?response_type=code&"),
        ("https://a.example", "https://a.example/?response_type=code&"),
    ] {
        let url = request(&asking(endpoint, REDIRECT_URI, true)).url;
        assert!(url.starts_with(expected), "{url}");
    }
}

#[test]
fn no_parameter_is_sent_twice_if_the_authorization_endpoint_has_it() {
    let endpoint = "https://login.example.com/authorize?client_id=old&response_type=code\
        &redirect_uri=https%3A%2F%2Fold.example%2Fcb&scope=openid&state=12345\
        &code_challenge=old&code_challenge_method=plain&prompt=consent&prompt=login";
    for pkce in [false, true] {
        let url = request(&asking(endpoint, REDIRECT_URI, pkce)).url;
        let names: Vec<_> = Url::parse(&url)
            .expect("a URL")
            .query_pairs()
            .map(|(name, _)| name.into_owned())
            .collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}: {url}");
        }
        let parameters = parameters(&url);
        assert_eq!(parameters["client_id"], CLIENT_ID);
        assert_eq!(parameters["state"], "state/+&=1");
        assert_eq!(parameters["prompt"], "consent");
        assert_eq!(parameters.contains_key("code_challenge"), pkce);
    }
}

#[test]
fn a_redirect_uri_is_sent_as_configured() {
    for typed in [
        "https://PPM.example.com",
        "https://ppm.example.com/a/../b/%2e%zz?x=1&y=+",
        "urn:ietf:wg:oauth:2.0:oob",
        "postmessage",
        "com.example.app:/büro",
    ] {
        let url = request(&asking(ENDPOINT, typed, false)).url;
        assert_eq!(parameters(&url)["redirect_uri"], typed);
    }
}

#[test]
fn neither_secret_nor_verifier_is_in_the_url_or_printed() {
    let request = request(&asking(ENDPOINT, REDIRECT_URI, true));
    let verifier = request.verifier.as_ref().map(words).expect("a verifier");
    let printed = format!("{request:?}");
    assert!(!printed.contains(verifier) && !printed.contains("client_secret"), "{printed}");
    assert!(!parameters(&request.url).values().any(|value| value == CLIENT_SECRET));
}

#[test]
fn client_credentials_need_no_consent() {
    let grant = grant(Consent::NotNeeded, "https://login.example.com/token");
    assert!(authorization_request(&grant, &"s".into(), || VERIFIER.into()).is_none());
}

#[test]
fn a_response_is_read_and_unknown_parameters_are_ignored() {
    let answer = AuthorizationResponse::read(
        "session_state=x&code=a%2Fb+c&state=s%26&iss=https%3A%2F%2Fa.example&x",
    );
    assert_eq!(answer.state.as_deref(), Some("s&"));
    assert_eq!(answer.code.as_ref().map(words), Some("a/b c"));
    assert_eq!(answer.iss.as_deref(), Some("https://a.example"));
    assert!(answer.error.is_none());
}

#[test]
fn an_error_is_read_with_its_description_and_page() {
    let answer = AuthorizationResponse::read(
        "error=access_denied&error_description=No%2C+thanks&error_uri=u&state=s",
    );
    let error = answer.error.expect("an error");
    assert_eq!(error.code, "access_denied");
    assert_eq!(error.description.as_deref(), Some("No, thanks"));
    assert_eq!(error.uri.as_deref(), Some("u"));
    assert!(answer.code.is_none());
}

#[test]
fn repeated_and_empty_parameters_count_as_missing() {
    for query in ["code=a&code=b&state=s&state=s", "code=&state=", "code&state", "", "&&=&"] {
        let answer = AuthorizationResponse::read(query);
        assert!(answer.code.is_none() && answer.state.is_none(), "{query}");
    }
}

#[test]
fn a_response_is_found_in_a_pasted_url() {
    for pasted in [
        "https://ppm.example.com/oauth/callback?code=c&state=s",
        " https://ppm.example.com/cb?x=1&code=c&state=s#_=_\n",
        "urn:ietf:wg:oauth:2.0:oob?code=c&state=s",
        "?code=c&state=s",
        "code=c&state=s",
        "ppm.example.com/cb?state=s&code=c",
    ] {
        let answer = AuthorizationResponse::of_address(pasted).expect(pasted);
        assert_eq!(answer.code.as_ref().map(words), Some("c"), "{pasted}");
        assert_eq!(answer.state.as_deref(), Some("s"), "{pasted}");
    }
}

#[test]
fn a_pasted_text_without_a_response_is_refused() {
    for pasted in ["", " ", "c", "https://ppm.example.com/", "https://a.example/?x=1", "#code=c"] {
        assert!(AuthorizationResponse::of_address(pasted).is_none(), "{pasted}");
    }
}

#[test]
fn a_code_is_not_printed() {
    let printed = format!("{:?}", AuthorizationResponse::read("code=canary&state=s"));
    assert!(!printed.contains("canary"), "{printed}");
}
