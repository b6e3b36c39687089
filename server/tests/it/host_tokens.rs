//! Host tokens over HTTP: which are accepted, which are refused and with which code, which routes
//! read them, and how often the host's keys are fetched.

use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN};
use axum::http::request::Builder;
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use contract::{EmailTab, Save};
use domain::Draft;
use domain::time_format::{ClockStyle, DatePattern};
use jsonwebtoken::Algorithm;
use net::http::HttpDeadlines;
use ring::hmac;
use serde_json::{Value, json};
use server::config::{Config, HostTokens};
use store::audit::Action;
use testkit::provider::{ScriptedProvider, Turn};

use crate::support::harness::{ADDRESS, Answer, Harness, cookie_of, get, post_form};
use crate::support::host::{
    COOKIE_NAME, EcKey, KEY_ID, PUBLIC_KEY, by_rsa, by_rsa_pss, call, claims, claims_with,
    good_token, key_set, load_by_bearer, load_by_cookie, now, rsa_jwk, send, token, with_key_file,
    with_keys_of,
};

const AS_CONFIGURED: fn(&mut Config) = |_| {};
const LOAD: &str = "/bearer/api/email/load";
const TAB: &str = "/settings/email";

/// A server that accepts tokens as the host makes them.
async fn start() -> Harness {
    with_key_file(AS_CONFIGURED).await
}

/// A server with a changed configuration of host tokens.
async fn configured(change: impl FnOnce(&mut HostTokens)) -> Harness {
    with_key_file(|config| change(config.host_tokens.as_mut().expect("they are configured"))).await
}

/// A valid token but for these claims.
fn token_with(harness: &Harness, other: Value) -> String {
    good_token(&claims_with(now(harness), other))
}

fn valid_token(harness: &Harness) -> String {
    token_with(harness, json!({}))
}

/// A token with this header that the host's key signs.
fn token_headed(harness: &Harness, header: &Value) -> String {
    token(header, &claims(now(harness)), by_rsa)
}

/// A token that names a key that the host does not publish.
fn token_of_unknown_key(harness: &Harness) -> String {
    token_headed(harness, &json!({ "alg": "RS256", "kid": "made-up" }))
}

fn cookie(token: &str) -> String {
    format!("{COOKIE_NAME}={token}")
}

fn call_with(path: &str, token: &str) -> Builder {
    call(path).header(AUTHORIZATION, format!("Bearer {token}"))
}

/// Requests a page with these cookies.
async fn page(harness: &Harness, path: &str, cookies: &str) -> Answer {
    send(harness, ADDRESS, get(path).header(ACCEPT, "text/html").header(COOKIE, cookies), "").await
}

fn tab(answer: &Answer) -> EmailTab {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("the tab")
}

/// The tab that a token loads.
async fn tab_by(harness: &Harness, token: &str) -> EmailTab {
    tab(&load_by_bearer(harness, token).await)
}

/// The status and the code of a refusal.
fn refusal(answer: &Answer) -> (StatusCode, String) {
    (answer.status, answer.code())
}

/// The status and the code that refuse a token.
async fn refusal_of(harness: &Harness, token: &str) -> (StatusCode, String) {
    refusal(&load_by_bearer(harness, token).await)
}

fn unauthorized(code: &str) -> (StatusCode, String) {
    (StatusCode::UNAUTHORIZED, code.to_owned())
}

async fn refused_rows(harness: &Harness) -> Vec<Option<String>> {
    let rows = harness.trail(50).await;
    rows.into_iter().filter(|row| row.action == Action::Refused).map(|row| row.detail).collect()
}

#[tokio::test]
async fn a_host_token_authenticates_on_bearer_and_cookie_routes_and_on_a_page() {
    let harness = start().await;
    let token = valid_token(&harness);
    for answer in [load_by_bearer(&harness, &token).await, load_by_cookie(&harness, &token).await] {
        let tab = tab(&answer);
        assert_eq!((tab.may_edit, tab.recipient.as_deref()), (true, Some("grace@example.com")));
    }
    let answer = page(&harness, TAB, &cookie(&token)).await;
    assert!(answer.body.contains("Grace Hopper"), "{}", answer.body);
}

#[tokio::test]
async fn a_token_is_refused_if_it_is_not_signed_by_the_hosts_key_and_a_configured_algorithm() {
    let harness = start().await;
    let (valid, other) = (valid_token(&harness), token_with(&harness, json!({ "sub": "1" })));
    let (message, _) = valid.rsplit_once('.').expect("a signature");
    let (_, signature) = other.rsplit_once('.').expect("a signature");
    let algorithm = "host-token-algorithm";
    let claims = claims(now(&harness));
    let unsigned = |alg| (token(&json!({ "alg": alg }), &claims, |_| Vec::new()), algorithm);
    // The public key as the secret of an HMAC.
    let secret = hmac::Key::new(hmac::HMAC_SHA256, PUBLIC_KEY.as_bytes());
    let confused = token(&json!({ "alg": "HS256", "kid": KEY_ID }), &claims, |message| {
        hmac::sign(&secret, message).as_ref().to_vec()
    });
    for (token, code) in [
        (format!("{message}.{signature}"), "host-token-signature"),
        unsigned("none"),
        unsigned("None"),
        unsigned("nOnE"),
        (confused, algorithm),
        (token(&json!({ "alg": "PS256" }), &claims, by_rsa_pss), algorithm),
    ] {
        assert_eq!(refusal_of(&harness, &token).await, unauthorized(code), "{token}");
    }
}

#[tokio::test]
async fn a_configured_algorithm_is_accepted() {
    let harness = configured(|host| host.algorithms = vec![Algorithm::PS256]).await;
    let pss = token(&json!({ "alg": "PS256" }), &claims(now(&harness)), by_rsa_pss);
    tab_by(&harness, &pss).await;
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let harness = start().await;
    let header = json!({ "alg": "RS256", "crit": ["b64"], "b64": true });
    let critical = token_headed(&harness, &header);
    for text in ["", "a", "a.b.c", "....", &"a".repeat(20_000), &critical] {
        let answer = load_by_bearer(&harness, text).await;
        assert_eq!(answer.code(), "host-token-malformed", "{text}");
    }
    let request = call(LOAD).header(AUTHORIZATION, "Basic YTpi");
    assert_eq!(send(&harness, ADDRESS, request, "{}").await.code(), "host-token-malformed");
}

#[tokio::test]
async fn a_token_without_a_required_claim_or_with_a_wrong_one_is_refused_with_its_code() {
    let harness = start().await;
    for (claim, values, code) in [
        ("aud", json!([null]), "host-token-audience-missing"),
        ("aud", json!(["other", ["other", "ppm-email-2"], []]), "host-token-audience"),
        (
            "iss",
            json!([
                "https://evil.example",
                "https://host.example/",
                null,
                ["https://host.example"]
            ]),
            "host-token-issuer",
        ),
        ("exp", json!([null]), "host-token-expiry-missing"),
        ("sub", json!([null, "", 7, "a\u{0}b"]), "host-token-malformed"),
    ] {
        for value in values.as_array().expect("a list") {
            let refused =
                refusal_of(&harness, &token_with(&harness, json!({ claim: value }))).await;
            assert_eq!(refused, unauthorized(code), "{claim} {value}");
        }
    }
}

#[tokio::test]
async fn a_user_without_a_role_is_refused() {
    let harness = start().await;
    for roles in [json!(null), json!([]), json!("ppm-administrators"), json!({ "a": 1 })] {
        let refused = refusal_of(&harness, &token_with(&harness, json!({ "roles": roles }))).await;
        assert_eq!(refused, (StatusCode::FORBIDDEN, "role-missing".to_owned()), "{roles}");
    }
}

#[tokio::test]
async fn a_token_for_several_audiences_with_this_server_among_them_is_accepted() {
    let harness = start().await;
    tab_by(&harness, &token_with(&harness, json!({ "aud": ["other", "ppm-email"] }))).await;
}

#[tokio::test]
async fn a_token_without_a_type_or_of_type_jwt_or_access_token_is_accepted_and_no_other_type() {
    let harness = start().await;
    for typ in ["jwt", "at+JWT", "application/at+jwt"] {
        tab_by(&harness, &token_of_type(&harness, typ)).await;
    }
    let untyped = json!({ "alg": "RS256", "kid": KEY_ID });
    tab_by(&harness, &token_headed(&harness, &untyped)).await;
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "application/logout+jwt", "", "JW"] {
        let refused = refusal_of(&harness, &token_of_type(&harness, typ)).await;
        assert_eq!(refused, unauthorized("host-token-type"), "{typ}");
    }
}

fn token_of_type(harness: &Harness, typ: &str) -> String {
    token_headed(harness, &json!({ "alg": "RS256", "typ": typ, "kid": KEY_ID }))
}

/// A token with this claim, so many seconds from now.
fn token_at(harness: &Harness, claim: &str, seconds: i64) -> String {
    token_with(harness, json!({ claim: now(harness).timestamp() + seconds }))
}

#[tokio::test]
async fn a_token_older_than_the_maximum_age_is_refused_regardless_of_its_expiry() {
    let harness = configured(|host| host.max_age = Some(Duration::from_mins(5))).await;
    tab_by(&harness, &token_at(&harness, "iat", -359)).await;
    let unsaid = token_with(&harness, json!({ "iat": null }));
    for (token, code) in [
        (token_at(&harness, "iat", -361), "host-token-expired"),
        (token_at(&harness, "iat", 61), "host-token-not-yet-valid"),
        (unsaid, "host-token-issued-at-missing"),
    ] {
        assert_eq!(refusal_of(&harness, &token).await, unauthorized(code));
    }
}

#[tokio::test]
async fn a_token_is_accepted_less_than_a_minute_before_and_after_its_validity() {
    let harness = start().await;
    for (claim, sign, code) in
        [("exp", -1, "host-token-expired"), ("nbf", 1, "host-token-not-yet-valid")]
    {
        tab_by(&harness, &token_at(&harness, claim, sign * 59)).await;
        let refused = refusal_of(&harness, &token_at(&harness, claim, sign * 61)).await;
        assert_eq!(refused, unauthorized(code));
    }
}

#[tokio::test]
async fn roles_are_read_from_an_array_a_text_and_a_path() {
    let harness = configured(|host| host.claims.roles = "realm_access.roles".to_owned()).await;
    for roles in [json!(["a", "ppm-administrator"]), json!("a ppm-administrator")] {
        let claims = json!({ "roles": null, "realm_access": { "roles": roles } });
        assert!(tab_by(&harness, &token_with(&harness, claims)).await.may_edit);
    }
}

#[tokio::test]
async fn a_reader_may_load_and_not_save() {
    let harness = start().await;
    let token = token_with(&harness, json!({ "roles": "ppm-reader" }));
    assert!(!tab_by(&harness, &token).await.may_edit);
    let save = Save { draft: Draft::default(), revision: 0, deletes_grant: None };
    let request = call_with("/bearer/api/email/save", &token);
    let answer = send(&harness, ADDRESS, request, &json!({ "save": save }).to_string()).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::FORBIDDEN, r#""forbidden""#));
}

#[tokio::test]
async fn the_hosts_time_preferences_are_used_and_unknown_values_ignored() {
    let harness = start().await;
    let preference =
        async |claims| tab_by(&harness, &token_with(&harness, claims)).await.display.preference;
    let named =
        json!({ "zoneinfo": "Europe/Berlin", "date_format": "DD.MM.YYYY", "hour_cycle": "h12" });
    let named = preference(named).await;
    let found = (named.zone.as_str(), named.pattern, named.clock);
    assert_eq!(found, ("Europe/Berlin", DatePattern::DayMonthYearDots, ClockStyle::TwelveHours));
    let unknown = preference(json!({ "zoneinfo": "Moon/Base", "date_format": "?" })).await;
    assert_eq!(unknown.zone, "UTC");
}

#[tokio::test]
async fn an_address_is_a_recipient_only_if_it_is_verified_or_the_host_is_trusted() {
    let harness = start().await;
    let unsaid = token_with(&harness, json!({ "email_verified": null }));
    assert_eq!(tab_by(&harness, &unsaid).await.recipient, None);
    let trusting = configured(|host| host.trusts_email = true).await;
    assert!(tab_by(&trusting, &unsaid).await.recipient.is_some());
}

/// The response of a host that publishes its key.
fn published() -> Turn {
    key_set(&[rsa_jwk(KEY_ID)])
}

#[tokio::test]
async fn an_unknown_key_id_fetches_the_keys_once_and_then_not_for_30_seconds() {
    let host = ScriptedProvider::play([published(), published(), published()]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let made_up = token_of_unknown_key(&harness);
    tab_by(&harness, &valid_token(&harness)).await;
    assert_eq!(host.asked().len(), 1);

    harness.clock.advance(TimeDelta::seconds(30));
    for _ in 0..3 {
        let refused = refusal_of(&harness, &made_up).await;
        assert_eq!(refused, unauthorized("host-token-key-unknown"));
    }
    assert_eq!(host.asked().len(), 2);
    for (seconds, expected) in [(29, 2), (1, 3)] {
        harness.clock.advance(TimeDelta::seconds(seconds));
        load_by_bearer(&harness, &made_up).await;
        assert_eq!(host.asked().len(), expected);
    }
}

#[tokio::test]
async fn concurrent_requests_fetch_the_keys_once() {
    let (answer, tell) = published().when_told();
    let host = ScriptedProvider::play([answer]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let token = valid_token(&harness);
    tokio::join!(tab_by(&harness, &token), tab_by(&harness, &token), async {
        host.wait_for(1).await;
        tell.send(()).expect("the provider's double");
    });
    assert_eq!(host.asked().len(), 1);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_an_old_one_is_dropped() {
    let key = EcKey::new();
    let host = ScriptedProvider::play([published(), key_set(&[key.jwk("second")])]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let old = valid_token(&harness);
    tab_by(&harness, &old).await;
    harness.clock.advance(TimeDelta::seconds(30));
    let new =
        token(&json!({ "alg": "ES256", "kid": "second" }), &claims(now(&harness)), |message| {
            key.sign(message)
        });
    tab_by(&harness, &new).await;
    assert_eq!(refusal_of(&harness, &old).await, unauthorized("host-token-key-unknown"));
}

#[tokio::test]
async fn a_key_of_another_kind_than_the_tokens_algorithm_or_of_an_unknown_kind_is_left_out() {
    let strange = json!({ "kty": "XYZ", "kid": "strange" });
    let host = ScriptedProvider::play([key_set(&[strange, json!(1), rsa_jwk(KEY_ID)])]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    tab_by(&harness, &valid_token(&harness)).await;

    let host = ScriptedProvider::play([key_set(&[EcKey::new().jwk(KEY_ID)])]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let refused = refusal_of(&harness, &valid_token(&harness)).await;
    assert_eq!(refused, unauthorized("host-token-key-unknown"));
}

/// The refusal while the host's keys cannot be fetched.
fn keys_unavailable() -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, "host-keys-unavailable".to_owned())
}

#[tokio::test]
async fn without_any_key_a_token_is_answered_with_503() {
    let within = HttpDeadlines { connect: Duration::from_secs(2), total: Duration::from_secs(2) };
    for turn in [
        Turn::answer("500 Internal Server Error", &[], ""),
        Turn::answer("302 Found", &["Location: http://127.0.0.1:1/"], ""),
        Turn::json("200 OK", "[]"),
        Turn::without_answer(),
        Turn::raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").then_pour("x"),
    ] {
        let host = ScriptedProvider::play([turn]);
        let harness = with_keys_of(&host, |config| config.token_deadlines = within).await;
        let token = valid_token(&harness);
        assert_eq!(refusal_of(&harness, &token).await, keys_unavailable());
        let status = page(&harness, TAB, &cookie(&token)).await.status;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(host.asked().len(), 1);
    }
}

#[tokio::test]
async fn known_keys_stay_in_use_for_a_day_while_fetching_fails_and_are_then_dropped() {
    let down = || Turn::answer("503 Service Unavailable", &[], "");
    let host = ScriptedProvider::play([published(), down(), down(), down(), published()]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let half_a_minute = TimeDelta::seconds(30);
    tab_by(&harness, &valid_token(&harness)).await;
    for (pause, asked) in [(half_a_minute, 2), (TimeDelta::hours(24) - half_a_minute * 2, 3)] {
        harness.clock.advance(pause);
        let refused = refusal_of(&harness, &token_of_unknown_key(&harness)).await;
        assert_eq!(refused, unauthorized("host-token-key-unknown"));
        tab_by(&harness, &valid_token(&harness)).await;
        assert_eq!(host.asked().len(), asked);
    }
    harness.clock.advance(half_a_minute);
    assert_eq!(refusal_of(&harness, &valid_token(&harness)).await, keys_unavailable());
    harness.clock.advance(half_a_minute);
    tab_by(&harness, &valid_token(&harness)).await;
}

#[tokio::test]
async fn keys_that_are_an_hour_old_are_fetched_again_in_the_background() {
    let host = ScriptedProvider::play([published(), published()]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    tab_by(&harness, &valid_token(&harness)).await;
    harness.clock.advance(TimeDelta::hours(1));
    tab_by(&harness, &valid_token(&harness)).await;
    host.wait_for(2).await;
}

#[tokio::test]
async fn a_cookie_does_not_authenticate_on_a_bearer_route_nor_a_bearer_header_on_a_cookie_route() {
    let harness = start().await.with_ada().await;
    let token = valid_token(&harness);
    for request in [
        call(LOAD).header(COOKIE, cookie(&token)),
        call(LOAD).header(COOKIE, harness.sign_in().await),
        call_with("/api/email/load", &token),
    ] {
        let answer = send(&harness, ADDRESS, request, "{}").await;
        let found = (answer.status, answer.body.as_str());
        assert_eq!(found, (StatusCode::UNAUTHORIZED, r#""signed-out""#));
    }
}

#[tokio::test]
async fn a_cross_site_request_with_the_hosts_cookie_is_refused() {
    let harness = start().await;
    let token = valid_token(&harness);
    let shapes: [&[(&str, &str)]; 7] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("authorization", "Bearer x"), ("sec-fetch-site", "cross-site")],
        &[],
    ];
    for shape in shapes {
        let mut request = call("/api/email/load").header(COOKIE, cookie(&token));
        for (name, value) in shape {
            request = request.header(*name, *value);
        }
        let answer = send(&harness, ADDRESS, request, "{}").await;
        let expected = (StatusCode::FORBIDDEN, "cross-site".to_owned());
        assert_eq!(refusal(&answer), expected, "{shape:?}");
    }
}

#[tokio::test]
async fn a_bearer_route_accepts_cross_site_requests_but_no_media_type_of_forms() {
    let harness = start().await;
    let authorization = format!("Bearer {}", valid_token(&harness));
    let load = async |kinds: &[&str]| {
        let mut request = Request::post(LOAD)
            .header(HOST, "ppm.example")
            .header(ORIGIN, "https://host.example")
            .header("sec-fetch-site", "cross-site")
            .header(AUTHORIZATION, &authorization);
        for kind in kinds {
            request = request.header(CONTENT_TYPE, *kind);
        }
        send(&harness, ADDRESS, request, "{}").await
    };
    let forms: [&[&str]; 7] = [
        &[],
        &["text/plain"],
        &["application/x-www-form-urlencoded"],
        &["multipart/form-data; boundary=x"],
        &["text/plain; application/json"],
        &["text/plain, application/json"],
        &["application/json", "text/plain"],
    ];
    for kinds in forms {
        let expected = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json".to_owned());
        assert_eq!(refusal(&load(kinds).await), expected, "{kinds:?}");
    }
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        tab(&load(&[kind]).await);
    }
}

#[tokio::test]
async fn under_bearer_are_only_calls_and_none_without_configured_host_tokens() {
    let harness = start().await;
    let token = valid_token(&harness);
    for path in ["/bearer/settings/email", "/bearer/api/nowhere", "/bearer/sign-out"] {
        let answer = send(&harness, ADDRESS, call_with(path, &token), "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let without = Harness::start().await;
    let events = send(&without, ADDRESS, get("/bearer/api/email/events"), "").await;
    assert_eq!(events.status, StatusCode::NOT_FOUND);
    // An unknown path takes forms, as the pages do.
    let load = load_by_bearer(&without, &token).await;
    assert_eq!(load.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_session_authenticates_without_the_hosts_cookie_or_once_its_token_has_expired() {
    let harness = start().await.with_ada().await;
    let session = harness.sign_in().await;
    let expired = cookie(&token_with(&harness, json!({ "exp": 1 })));
    for cookies in [format!("{expired}; {session}"), session] {
        let answer = page(&harness, TAB, &cookies).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body.contains("Ada Lovelace"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_call_and_a_page_with_a_session_beside_a_forged_token_are_refused_with_the_reason() {
    let harness = start().await.with_ada().await;
    let cookies = format!("{COOKIE_NAME}=a.b.c; {}", harness.sign_in().await);
    let request = call("/api/email/load").header("sec-fetch-site", "same-origin");
    let answer = send(&harness, ADDRESS, request.header(COOKIE, &cookies), "{}").await;
    assert_eq!(refusal(&answer), unauthorized("host-token-malformed"));
    let answer = page(&harness, TAB, &cookies).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    for text in ["could not be verified (host-token-malformed)", r#"action="/sign-out""#] {
        assert!(answer.body.contains(text), "{}", answer.body);
    }
}

#[tokio::test]
async fn time_preferences_from_the_host_cannot_be_changed_here() {
    let harness = start().await;
    for (other, is_offered) in [(json!({ "zoneinfo": "Asia/Tokyo" }), false), (json!({}), true)] {
        let cookie = cookie(&token_with(&harness, other));
        let page = page(&harness, "/preferences/time", &cookie).await.body;
        assert_eq!(page.contains(r#"action="/preferences/time""#), is_offered);
        let words = "The product you came from sets your date and time format";
        assert_eq!(page.contains(words), !is_offered);
    }
}

#[tokio::test]
async fn signing_out_beside_the_hosts_cookie_ends_the_session() {
    let harness = start().await.with_ada().await;
    for roles in ["ppm-administrator", "none"] {
        let session = harness.sign_in().await;
        let token = token_with(&harness, json!({ "roles": roles }));
        let cookies = format!("{COOKIE_NAME}={token}; {session}");
        let request = post_form("/sign-out").header(COOKIE, cookies);
        let answer = send(&harness, ADDRESS, request, "").await;
        let found = (answer.status, answer.header(LOCATION.as_str()));
        assert_eq!(found, (StatusCode::SEE_OTHER, "/sign-in"));
        assert_eq!(page(&harness, TAB, &session).await.status, StatusCode::FOUND, "{roles}");
    }
}

#[tokio::test]
async fn a_user_without_a_role_in_the_host_can_sign_in_with_a_local_account() {
    let harness = start().await.with_ada().await;
    let host = cookie(&token_with(&harness, json!({ "roles": [] })));
    assert_eq!(page(&harness, "/sign-in", &host).await.status, StatusCode::OK);
    let request = post_form("/sign-in").header(COOKIE, &host);
    let form = "email=ada%40example.com&password=correct+horse+battery";
    let answer = send(&harness, ADDRESS, request, form).await;
    let found = (answer.status, answer.header(LOCATION.as_str()));
    assert_eq!(found, (StatusCode::SEE_OTHER, TAB));
    let session = cookie_of(answer.header("set-cookie"));
    assert_eq!(page(&harness, TAB, &session).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_user_without_a_role_is_offered_sign_in_and_with_a_session_sign_out() {
    let harness = start().await.with_ada().await;
    let host = cookie(&token_with(&harness, json!({ "roles": [] })));
    let both = format!("{host}; {}", harness.sign_in().await);
    for (cookies, has_session) in [(host, false), (both, true)] {
        let page = page(&harness, TAB, &cookies).await.body;
        assert!(page.contains(r#"href="/sign-in""#), "{page}");
        assert_eq!(page.contains(r#"action="/sign-out""#), has_session, "{page}");
    }
}

#[tokio::test]
async fn signing_out_is_offered_only_where_a_session_authenticates() {
    let harness = start().await.with_ada().await;
    let (host, session) = (cookie(&valid_token(&harness)), harness.sign_in().await);
    let both = format!("{host}; {session}");
    for (cookies, name, is_offered) in [
        (session, "Ada Lovelace", true),
        (host, "Grace Hopper", false),
        (both, "Grace Hopper", false),
    ] {
        let page = page(&harness, TAB, &cookies).await.body;
        assert!(page.contains(name), "{page}");
        assert_eq!(page.contains("Sign out"), is_offered, "{page}");
    }
}

#[tokio::test]
async fn a_page_redirects_an_expired_token_to_sign_in_and_refuses_a_missing_role() {
    let harness = start().await;
    let page =
        async |other: Value| page(&harness, TAB, &cookie(&token_with(&harness, other))).await;
    let expired = page(json!({ "exp": 1 })).await;
    let found = (expired.status, expired.header(LOCATION.as_str()));
    assert_eq!(found, (StatusCode::FOUND, "/sign-in"));
    let roleless = page(json!({ "roles": [] })).await;
    assert_eq!(roleless.status, StatusCode::FORBIDDEN);
    assert!(roleless.body.contains("has no role here"), "{}", roleless.body);
}

#[tokio::test]
async fn a_refusal_is_audited_once_a_minute_with_its_code_and_no_value() {
    let harness = start().await;
    let expired = token_with(&harness, json!({ "exp": 1 }));
    let roleless = token_with(&harness, json!({ "roles": [] }));
    for _ in 0..3 {
        load_by_bearer(&harness, &expired).await;
        load_by_cookie(&harness, &roleless).await;
    }
    let mut rows = refused_rows(&harness).await;
    rows.sort();
    assert_eq!(rows, ["host-token-expired", "role-missing"].map(|code| Some(code.to_owned())));
    harness.clock.advance(TimeDelta::minutes(1));
    load_by_bearer(&harness, &expired).await;
    assert_eq!(refused_rows(&harness).await.len(), 3);
}
