//! Host tokens over HTTP: which are accepted, which are refused and with which code, which routes
//! read them, and how often the host's keys are fetched.

use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN};
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use contract::{EmailTab, Save};
use domain::Draft;
use domain::time_format::{ClockStyle, DatePattern};
use jsonwebtoken::Algorithm;
use net::http::HttpDeadlines;
use ring::hmac;
use serde_json::{Value, json};
use server::config::Config;
use store::audit::Action;

use crate::support::harness::{ADDRESS, Answer, Harness, cookie_of, get, post, post_form};
use crate::support::host::{
    COOKIE_NAME, EcKey, KEY_ID, PUBLIC_KEY, by_rsa, by_rsa_pss, call, claims, claims_with,
    good_token, key_set, load_by_bearer, load_by_cookie, now, rsa_jwk, send, token, with_key_file,
    with_keys_of,
};
use testkit::provider::{ScriptedProvider, Turn};

const AS_CONFIGURED: fn(&mut Config) = |_| {};

fn tab(answer: &Answer) -> EmailTab {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("the tab")
}

/// The status and the code that refuse a host token with these claims.
async fn refusal_of(other: Value) -> (StatusCode, String) {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims_with(now(&harness), other));
    let answer = load_by_bearer(&harness, &token).await;
    (answer.status, answer.code())
}

fn unauthorized(code: &str) -> (StatusCode, String) {
    (StatusCode::UNAUTHORIZED, code.to_owned())
}

async fn refused_rows(harness: &Harness) -> Vec<Option<String>> {
    let rows = harness.trail(50).await;
    rows.into_iter().filter(|row| row.action == Action::Refused).map(|row| row.detail).collect()
}

#[tokio::test]
async fn a_host_token_authenticates_on_bearer_and_cookie_routes() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims(now(&harness)));
    for answer in [load_by_bearer(&harness, &token).await, load_by_cookie(&harness, &token).await] {
        let tab = tab(&answer);
        assert_eq!((tab.may_edit, tab.recipient.as_deref()), (true, Some("grace@example.com")));
    }
}

#[tokio::test]
async fn the_hosts_cookie_authenticates_on_a_page() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims(now(&harness)));
    let request = get("/settings/email").header(COOKIE, format!("{COOKIE_NAME}={token}"));
    let answer = send(&harness, ADDRESS, request, "").await;
    assert!(answer.body.contains("Grace Hopper"), "{}", answer.body);
}

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims(now(&harness)));
    let other = good_token(&claims_with(now(&harness), json!({ "sub": "1" })));
    let (message, _) = token.rsplit_once('.').expect("a signature");
    let (_, signature) = other.rsplit_once('.').expect("a signature");
    let answer = load_by_bearer(&harness, &format!("{message}.{signature}")).await;
    assert_eq!((answer.status, answer.code()), unauthorized("host-token-signature"));
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let harness = with_key_file(AS_CONFIGURED).await;
    for none in ["none", "None", "nOnE"] {
        let unsigned = token(&json!({ "alg": none }), &claims(now(&harness)), |_| Vec::new());
        let answer = load_by_bearer(&harness, &unsigned).await;
        assert_eq!((answer.status, answer.code()), unauthorized("host-token-algorithm"), "{none}");
    }
}

#[tokio::test]
async fn a_public_key_is_never_used_as_an_hmac_secret() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let secret = hmac::Key::new(hmac::HMAC_SHA256, PUBLIC_KEY.as_bytes());
    let header = json!({ "alg": "HS256", "kid": KEY_ID });
    let confused = token(&header, &claims(now(&harness)), |message| {
        hmac::sign(&secret, message).as_ref().to_vec()
    });
    let answer = load_by_bearer(&harness, &confused).await;
    assert_eq!((answer.status, answer.code()), unauthorized("host-token-algorithm"));
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_refused_even_with_the_right_key() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let pss = token(&json!({ "alg": "PS256" }), &claims(now(&harness)), by_rsa_pss);
    let answer = load_by_bearer(&harness, &pss).await;
    assert_eq!((answer.status, answer.code()), unauthorized("host-token-algorithm"));
}

#[tokio::test]
async fn a_configured_algorithm_is_accepted() {
    let harness = with_key_file(|config| {
        let host = config.host_tokens.as_mut().expect("they are configured");
        host.algorithms = vec![Algorithm::PS256];
    })
    .await;
    let pss = token(&json!({ "alg": "PS256" }), &claims(now(&harness)), by_rsa_pss);
    tab(&load_by_bearer(&harness, &pss).await);
}

#[tokio::test]
async fn an_unknown_critical_header_is_refused() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let header = json!({ "alg": "RS256", "crit": ["b64"], "b64": true });
    let critical = token(&header, &claims(now(&harness)), by_rsa);
    assert_eq!(load_by_bearer(&harness, &critical).await.code(), "host-token-malformed");
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let harness = with_key_file(AS_CONFIGURED).await;
    for text in ["", "a", "a.b.c", "....", &"a".repeat(20_000)] {
        let answer = load_by_bearer(&harness, text).await;
        assert_eq!(answer.code(), "host-token-malformed", "{text}");
    }
    let request = call("/bearer/api/email/load").header(AUTHORIZATION, "Basic YTpi");
    assert_eq!(send(&harness, ADDRESS, request, "{}").await.code(), "host-token-malformed");
}

#[tokio::test]
async fn a_token_without_an_audience_is_refused() {
    let refused = refusal_of(json!({ "aud": null })).await;
    assert_eq!(refused, unauthorized("host-token-audience-missing"));
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    for audience in [json!("other"), json!(["other", "ppm-email-2"]), json!([])] {
        let refused = refusal_of(json!({ "aud": audience })).await;
        assert_eq!(refused, unauthorized("host-token-audience"), "{audience}");
    }
}

#[tokio::test]
async fn a_token_for_several_audiences_with_this_server_among_them_is_accepted() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let several = claims_with(now(&harness), json!({ "aud": ["other", "ppm-email"] }));
    tab(&load_by_bearer(&harness, &good_token(&several)).await);
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    for issuer in [json!("https://evil.example"), json!("https://host.example/"), json!(null)] {
        let refused = refusal_of(json!({ "iss": issuer })).await;
        assert_eq!(refused, unauthorized("host-token-issuer"), "{issuer}");
    }
}

#[tokio::test]
async fn a_list_of_issuers_is_refused_even_with_the_right_one_in_it() {
    let refused = refusal_of(json!({ "iss": ["https://host.example"] })).await;
    assert_eq!(refused, unauthorized("host-token-issuer"));
}

#[tokio::test]
async fn a_token_of_a_type_for_another_purpose_is_refused() {
    let harness = with_key_file(AS_CONFIGURED).await;
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "application/logout+jwt", "", "JW"] {
        let typed = json!({ "alg": "RS256", "typ": typ, "kid": KEY_ID });
        let answer = load_by_bearer(&harness, &token(&typed, &claims(now(&harness)), by_rsa)).await;
        assert_eq!((answer.status, answer.code()), unauthorized("host-token-type"), "{typ}");
    }
}

#[tokio::test]
async fn a_token_without_a_type_or_of_type_jwt_or_access_token_is_accepted() {
    let harness = with_key_file(AS_CONFIGURED).await;
    for typ in [json!(null), json!("jwt"), json!("at+JWT"), json!("application/at+jwt")] {
        let mut typed = json!({ "alg": "RS256", "kid": KEY_ID });
        if !typ.is_null() {
            typed["typ"] = typ;
        }
        tab(&load_by_bearer(&harness, &token(&typed, &claims(now(&harness)), by_rsa)).await);
    }
}

#[tokio::test]
async fn a_token_older_than_the_maximum_age_is_refused_whatever_its_expiry() {
    let harness = with_key_file(|config| {
        let host = config.host_tokens.as_mut().expect("they are configured");
        host.max_age = Some(Duration::from_mins(5));
    })
    .await;
    let issued = |seconds| {
        let issued = now(&harness) - TimeDelta::seconds(seconds);
        good_token(&claims_with(now(&harness), json!({ "iat": issued.timestamp() })))
    };
    tab(&load_by_bearer(&harness, &issued(359)).await);
    for (seconds, code) in [(361, "host-token-expired"), (-61, "host-token-not-yet-valid")] {
        let answer = load_by_bearer(&harness, &issued(seconds)).await;
        assert_eq!((answer.status, answer.code()), unauthorized(code), "{seconds}");
    }
    let unsaid = good_token(&claims_with(now(&harness), json!({ "iat": null })));
    let answer = load_by_bearer(&harness, &unsaid).await;
    assert_eq!((answer.status, answer.code()), unauthorized("host-token-issued-at-missing"));
}

#[tokio::test]
async fn a_token_without_an_expiry_is_refused() {
    let refused = refusal_of(json!({ "exp": null })).await;
    assert_eq!(refused, unauthorized("host-token-expiry-missing"));
}

#[tokio::test]
async fn an_expired_token_is_accepted_for_less_than_a_minute_more() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let ended = |seconds| {
        let end = now(&harness) - TimeDelta::seconds(seconds);
        good_token(&claims_with(now(&harness), json!({ "exp": end.timestamp() })))
    };
    tab(&load_by_bearer(&harness, &ended(59)).await);
    let answer = load_by_bearer(&harness, &ended(61)).await;
    assert_eq!((answer.status, answer.code()), unauthorized("host-token-expired"));
}

#[tokio::test]
async fn a_token_is_accepted_less_than_a_minute_before_its_validity() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let begins = |seconds| {
        let begin = now(&harness) + TimeDelta::seconds(seconds);
        good_token(&claims_with(now(&harness), json!({ "nbf": begin.timestamp() })))
    };
    tab(&load_by_bearer(&harness, &begins(59)).await);
    let answer = load_by_bearer(&harness, &begins(61)).await;
    assert_eq!((answer.status, answer.code()), unauthorized("host-token-not-yet-valid"));
}

#[tokio::test]
async fn a_token_without_a_valid_subject_is_refused() {
    for subject in [json!(null), json!(""), json!(7), json!("a\u{0}b")] {
        let refused = refusal_of(json!({ "sub": subject })).await;
        assert_eq!(refused, unauthorized("host-token-malformed"), "{subject}");
    }
}

#[tokio::test]
async fn a_user_without_a_role_is_refused() {
    for roles in [json!(null), json!([]), json!("ppm-administrators"), json!({ "a": 1 })] {
        let refused = refusal_of(json!({ "roles": roles })).await;
        assert_eq!(refused, (StatusCode::FORBIDDEN, "role-missing".to_owned()), "{roles}");
    }
}

#[tokio::test]
async fn roles_are_read_from_an_array_a_text_and_a_path() {
    let harness = with_key_file(|config| {
        let host = config.host_tokens.as_mut().expect("they are configured");
        host.claims.roles = "realm_access.roles".to_owned();
    })
    .await;
    for roles in [json!(["a", "ppm-administrator"]), json!("a ppm-administrator")] {
        let claims = claims_with(
            now(&harness),
            json!({ "roles": null, "realm_access": { "roles": roles } }),
        );
        assert!(tab(&load_by_bearer(&harness, &good_token(&claims)).await).may_edit);
    }
}

#[tokio::test]
async fn a_reader_may_load_and_not_save() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims_with(now(&harness), json!({ "roles": "ppm-reader" })));
    assert!(!tab(&load_by_bearer(&harness, &token).await).may_edit);
    let save = Save { draft: Draft::default(), revision: 0, deletes_grant: None };
    let request = call("/bearer/api/email/save").header(AUTHORIZATION, format!("Bearer {token}"));
    let answer = send(&harness, ADDRESS, request, &json!({ "save": save }).to_string()).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::FORBIDDEN, r#""forbidden""#));
}

#[tokio::test]
async fn the_hosts_time_preferences_are_used_and_unknown_values_ignored() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let claims = claims_with(
        now(&harness),
        json!({ "zoneinfo": "Europe/Berlin", "date_format": "DD.MM.YYYY", "hour_cycle": "h12" }),
    );
    let preference = tab(&load_by_bearer(&harness, &good_token(&claims)).await).display.preference;
    assert_eq!(preference.zone, "Europe/Berlin");
    assert_eq!(preference.pattern, DatePattern::DayMonthYearDots);
    assert_eq!(preference.clock, ClockStyle::TwelveHours);

    let claims = claims_with(now(&harness), json!({ "zoneinfo": "Moon/Base", "date_format": "?" }));
    let preference = tab(&load_by_bearer(&harness, &good_token(&claims)).await).display.preference;
    assert_eq!(preference.zone, "UTC");
}

#[tokio::test]
async fn an_address_is_a_recipient_only_if_it_is_verified_or_the_host_is_trusted() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let unsaid = good_token(&claims_with(now(&harness), json!({ "email_verified": null })));
    assert_eq!(tab(&load_by_bearer(&harness, &unsaid).await).recipient, None);
    let trusting = with_key_file(|config| {
        config.host_tokens.as_mut().expect("they are configured").trusts_email = true;
    })
    .await;
    assert!(tab(&load_by_bearer(&trusting, &unsaid).await).recipient.is_some());
}

#[tokio::test]
async fn an_unknown_key_id_fetches_the_keys_once_and_then_not_for_30_seconds() {
    let host = ScriptedProvider::play([
        key_set(&[rsa_jwk(KEY_ID)]),
        key_set(&[rsa_jwk(KEY_ID)]),
        key_set(&[rsa_jwk(KEY_ID)]),
    ]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let made_up =
        token(&json!({ "alg": "RS256", "kid": "made-up" }), &claims(now(&harness)), by_rsa);
    tab(&load_by_bearer(&harness, &good_token(&claims(now(&harness)))).await);
    assert_eq!(host.asked().len(), 1);

    harness.clock.advance(TimeDelta::seconds(30));
    for _ in 0..3 {
        let answer = load_by_bearer(&harness, &made_up).await;
        assert_eq!((answer.status, answer.code()), unauthorized("host-token-key-unknown"));
    }
    assert_eq!(host.asked().len(), 2);

    harness.clock.advance(TimeDelta::seconds(29));
    load_by_bearer(&harness, &made_up).await;
    assert_eq!(host.asked().len(), 2);
    harness.clock.advance(TimeDelta::seconds(1));
    load_by_bearer(&harness, &made_up).await;
    assert_eq!(host.asked().len(), 3);
}

#[tokio::test]
async fn concurrent_requests_fetch_the_keys_once() {
    let (answer, tell) = key_set(&[rsa_jwk(KEY_ID)]).when_told();
    let host = ScriptedProvider::play([answer]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let token = good_token(&claims(now(&harness)));
    let (first, second, ()) =
        tokio::join!(load_by_bearer(&harness, &token), load_by_bearer(&harness, &token), async {
            host.wait_for(1).await;
            tell.send(()).expect("the double waits");
        });
    tab(&first);
    tab(&second);
    assert_eq!(host.asked().len(), 1);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_an_old_one_is_dropped() {
    let key = EcKey::new();
    let host = ScriptedProvider::play([key_set(&[rsa_jwk(KEY_ID)]), key_set(&[key.jwk("second")])]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let old = good_token(&claims(now(&harness)));
    tab(&load_by_bearer(&harness, &old).await);
    harness.clock.advance(TimeDelta::seconds(30));
    let new =
        token(&json!({ "alg": "ES256", "kid": "second" }), &claims(now(&harness)), |message| {
            key.sign(message)
        });
    tab(&load_by_bearer(&harness, &new).await);
    assert_eq!(load_by_bearer(&harness, &old).await.code(), "host-token-key-unknown");
}

#[tokio::test]
async fn a_key_of_another_kind_than_the_tokens_algorithm_is_not_tried() {
    let key = EcKey::new();
    let host = ScriptedProvider::play([key_set(&[key.jwk(KEY_ID)])]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let answer = load_by_bearer(&harness, &good_token(&claims(now(&harness)))).await;
    assert_eq!(answer.code(), "host-token-key-unknown");
}

#[tokio::test]
async fn a_published_key_of_an_unknown_kind_is_left_out() {
    let strange = json!({ "kty": "XYZ", "kid": "strange" });
    let host = ScriptedProvider::play([key_set(&[strange, json!(1), rsa_jwk(KEY_ID)])]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    tab(&load_by_bearer(&harness, &good_token(&claims(now(&harness)))).await);
}

#[tokio::test]
async fn without_any_key_a_token_is_answered_with_503() {
    let within = HttpDeadlines { connect: Duration::from_secs(2), total: Duration::from_secs(2) };
    let page = "/settings/email";
    for turn in [
        Turn::answer("500 Internal Server Error", &[], ""),
        Turn::answer("302 Found", &["Location: http://127.0.0.1:1/"], ""),
        Turn::json("200 OK", "[]"),
        Turn::silence(),
        Turn::raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").then_pour("x"),
    ] {
        let host = ScriptedProvider::play([turn]);
        let harness = with_keys_of(&host, |config| config.token_deadlines = within).await;
        let token = good_token(&claims(now(&harness)));
        let answer = load_by_bearer(&harness, &token).await;
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!((answer.status, answer.code().as_str()), (unavailable, "host-keys-unavailable"));
        let request = get(page).header(COOKIE, format!("{COOKIE_NAME}={token}"));
        assert_eq!(send(&harness, ADDRESS, request, "").await.status, unavailable);
        assert_eq!(host.asked().len(), 1);
    }
}

#[tokio::test]
async fn known_keys_stay_in_use_while_fetching_fails() {
    let host = ScriptedProvider::play([
        key_set(&[rsa_jwk(KEY_ID)]),
        Turn::answer("503 Service Unavailable", &[], ""),
    ]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let good = good_token(&claims(now(&harness)));
    tab(&load_by_bearer(&harness, &good).await);
    harness.clock.advance(TimeDelta::seconds(30));
    let made_up = token(&json!({ "alg": "RS256", "kid": "x" }), &claims(now(&harness)), by_rsa);
    assert_eq!(load_by_bearer(&harness, &made_up).await.code(), "host-token-key-unknown");
    tab(&load_by_bearer(&harness, &good).await);
    assert_eq!(host.asked().len(), 2);
}

#[tokio::test]
async fn keys_that_were_not_fetched_again_for_a_day_are_dropped() {
    let down = || Turn::answer("503 Service Unavailable", &[], "");
    let keys = || key_set(&[rsa_jwk(KEY_ID)]);
    let host = ScriptedProvider::play([keys(), down(), down(), keys()]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    let load = async || {
        let token = good_token(&claims(now(&harness)));
        load_by_bearer(&harness, &token).await
    };
    tab(&load().await);
    harness.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(30));
    let made_up = token(&json!({ "alg": "RS256", "kid": "x" }), &claims(now(&harness)), by_rsa);
    assert_eq!(load_by_bearer(&harness, &made_up).await.code(), "host-token-key-unknown");
    tab(&load().await);
    harness.clock.advance(TimeDelta::seconds(30));
    let answer = load().await;
    let found = (answer.status, answer.code());
    assert_eq!(found, (StatusCode::SERVICE_UNAVAILABLE, "host-keys-unavailable".to_owned()));
    harness.clock.advance(TimeDelta::seconds(30));
    tab(&load().await);
}

#[tokio::test]
async fn keys_that_are_an_hour_old_are_fetched_again_in_the_background() {
    let host = ScriptedProvider::play([key_set(&[rsa_jwk(KEY_ID)]), key_set(&[rsa_jwk(KEY_ID)])]);
    let harness = with_keys_of(&host, AS_CONFIGURED).await;
    tab(&load_by_bearer(&harness, &good_token(&claims(now(&harness)))).await);
    harness.clock.advance(TimeDelta::hours(1));
    tab(&load_by_bearer(&harness, &good_token(&claims(now(&harness)))).await);
    host.wait_for(2).await;
}

#[tokio::test]
async fn a_cookie_does_not_authenticate_on_a_bearer_route() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    let token = good_token(&claims(now(&harness)));
    for cookie in [format!("{COOKIE_NAME}={token}"), harness.sign_in().await] {
        let request = call("/bearer/api/email/load").header(COOKIE, cookie);
        let answer = send(&harness, ADDRESS, request, "{}").await;
        let found = (answer.status, answer.body.as_str());
        assert_eq!(found, (StatusCode::UNAUTHORIZED, r#""signed-out""#));
    }
}

#[tokio::test]
async fn a_bearer_header_does_not_authenticate_on_a_cookie_route() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims(now(&harness)));
    let request = call("/api/email/load").header(AUTHORIZATION, format!("Bearer {token}"));
    let answer = send(&harness, ADDRESS, request, "{}").await;
    let found = (answer.status, answer.body.as_str());
    assert_eq!(found, (StatusCode::UNAUTHORIZED, r#""signed-out""#));
}

#[tokio::test]
async fn a_cross_site_request_with_the_hosts_cookie_is_refused() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims(now(&harness)));
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
        let mut request = call("/api/email/load").header(COOKIE, format!("{COOKIE_NAME}={token}"));
        for (name, value) in shape {
            request = request.header(*name, *value);
        }
        let answer = send(&harness, ADDRESS, request, "{}").await;
        let found = (answer.status, answer.code());
        assert_eq!(found, (StatusCode::FORBIDDEN, "cross-site".to_owned()), "{shape:?}");
    }
}

#[tokio::test]
async fn a_bearer_route_accepts_cross_site_requests() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims(now(&harness)));
    let request = Request::post("/bearer/api/email/load")
        .header(HOST, "ppm.example")
        .header(CONTENT_TYPE, "application/json")
        .header(ORIGIN, "https://host.example")
        .header("sec-fetch-site", "cross-site")
        .header(AUTHORIZATION, format!("Bearer {token}"));
    tab(&send(&harness, ADDRESS, request, "{}").await);
}

#[tokio::test]
async fn a_bearer_route_refuses_the_media_types_of_forms() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let authorization = format!("Bearer {}", good_token(&claims(now(&harness))));
    let load = async |kinds: &[&str]| {
        let mut request = Request::post("/bearer/api/email/load")
            .header(HOST, "ppm.example")
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
        let answer = load(kinds).await;
        let found = (answer.status, answer.code());
        let expected = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json".to_owned());
        assert_eq!(found, expected, "{kinds:?}");
    }
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        tab(&load(&[kind]).await);
    }
}

#[tokio::test]
async fn under_bearer_are_only_calls_and_none_without_configured_host_tokens() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let token = good_token(&claims(now(&harness)));
    for path in ["/bearer/settings/email", "/bearer/api/nowhere", "/bearer/sign-out"] {
        let request = call(path).header(AUTHORIZATION, format!("Bearer {token}"));
        let answer = send(&harness, ADDRESS, request, "{}").await;
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
async fn a_malformed_host_token_is_refused_even_beside_a_session() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    let session = harness.sign_in().await;
    let request = call("/api/email/load")
        .header("sec-fetch-site", "same-origin")
        .header(COOKIE, format!("{session}; {COOKIE_NAME}=a.b.c"));
    let answer = send(&harness, ADDRESS, request, "{}").await;
    assert_eq!((answer.status, answer.code()), unauthorized("host-token-malformed"));
}

#[tokio::test]
async fn a_session_authenticates_once_the_hosts_token_has_expired() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    let session = harness.sign_in().await;
    let expired = good_token(&claims_with(now(&harness), json!({ "exp": 1 })));
    let cookies = format!("{COOKIE_NAME}={expired}; {session}");
    let page = get("/settings/email").header(COOKIE, &cookies);
    let answer = send(&harness, ADDRESS, page, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("Ada Lovelace"), "{}", answer.body);
}

#[tokio::test]
async fn a_session_beside_a_forged_token_is_refused_with_the_reason() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    let cookies = format!("{COOKIE_NAME}=a.b.c; {}", harness.sign_in().await);
    let page = get("/settings/email").header(COOKIE, &cookies);
    let answer = send(&harness, ADDRESS, page, "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.body.contains("could not be verified (host-token-malformed)"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains(r#"action="/sign-out""#), "{}", answer.body);
}

#[tokio::test]
async fn time_preferences_from_the_host_cannot_be_changed_here() {
    let harness = with_key_file(AS_CONFIGURED).await;
    for (other, is_offered) in [(json!({ "zoneinfo": "Asia/Tokyo" }), false), (json!({}), true)] {
        let token = good_token(&claims_with(now(&harness), other));
        let page = get("/preferences/time").header(COOKIE, format!("{COOKIE_NAME}={token}"));
        let answer = send(&harness, ADDRESS, page, "").await;
        assert_eq!(answer.body.contains(r#"action="/preferences/time""#), is_offered);
        assert_eq!(
            answer.body.contains("The product you came from sets your date and time format"),
            !is_offered
        );
    }
}

#[tokio::test]
async fn without_the_hosts_cookie_a_session_authenticates() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    let request = get("/settings/email").header(COOKIE, harness.sign_in().await);
    assert_eq!(send(&harness, ADDRESS, request, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_beside_the_hosts_cookie_ends_the_session() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    for roles in ["ppm-administrator", "none"] {
        let session = harness.sign_in().await;
        let token = good_token(&claims_with(now(&harness), json!({ "roles": roles })));
        let cookies = format!("{COOKIE_NAME}={token}; {session}");
        let request = post_form("/sign-out").header(COOKIE, cookies);
        let answer = send(&harness, ADDRESS, request, "").await;
        let found = (answer.status, answer.header(LOCATION.as_str()));
        assert_eq!(found, (StatusCode::SEE_OTHER, "/sign-in"));
        let request = get("/settings/email").header(ACCEPT, "text/html").header(COOKIE, &session);
        assert_eq!(send(&harness, ADDRESS, request, "").await.status, StatusCode::FOUND, "{roles}");
    }
}

#[tokio::test]
async fn a_user_without_a_role_in_the_host_can_sign_in_with_a_local_account() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    let token = good_token(&claims_with(now(&harness), json!({ "roles": [] })));
    let host = format!("{COOKIE_NAME}={token}");
    let page = get("/sign-in").header(COOKIE, &host);
    assert_eq!(send(&harness, ADDRESS, page, "").await.status, StatusCode::OK);
    let form = post("/sign-in")
        .header(COOKIE, &host)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form =
        send(&harness, ADDRESS, form, "email=ada%40example.com&password=correct+horse+battery");
    let answer = form.await;
    let found = (answer.status, answer.header(LOCATION.as_str()));
    assert_eq!(found, (StatusCode::SEE_OTHER, "/settings/email"));
    let session = cookie_of(answer.header("set-cookie"));
    let alone = get("/settings/email").header(COOKIE, session);
    assert_eq!(send(&harness, ADDRESS, alone, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_user_without_a_role_is_offered_sign_in_and_with_a_session_sign_out() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    let token = good_token(&claims_with(now(&harness), json!({ "roles": [] })));
    let session = harness.sign_in().await;
    for (cookie, has_session) in [
        (format!("{COOKIE_NAME}={token}"), false),
        (format!("{COOKIE_NAME}={token}; {session}"), true),
    ] {
        let request = get("/settings/email").header(COOKIE, cookie);
        let page = send(&harness, ADDRESS, request, "").await.body;
        assert!(page.contains(r#"href="/sign-in""#), "{page}");
        assert_eq!(page.contains(r#"action="/sign-out""#), has_session, "{page}");
    }
}

#[tokio::test]
async fn signing_out_is_offered_only_where_a_session_authenticates() {
    let harness = with_key_file(AS_CONFIGURED).await.with_ada().await;
    let host = format!("{COOKIE_NAME}={}", good_token(&claims(now(&harness))));
    let session = harness.sign_in().await;
    let both = format!("{host}; {session}");
    for (cookie, name, is_offered) in [
        (&session, "Ada Lovelace", true),
        (&host, "Grace Hopper", false),
        (&both, "Grace Hopper", false),
    ] {
        let request = get("/settings/email").header(COOKIE, cookie);
        let page = send(&harness, ADDRESS, request, "").await.body;
        assert!(page.contains(name), "{page}");
        assert_eq!(page.contains("Sign out"), is_offered, "{page}");
    }
}

#[tokio::test]
async fn a_page_redirects_an_expired_token_to_sign_in_and_refuses_a_missing_role() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let page = async |other: Value| {
        let token = good_token(&claims_with(now(&harness), other));
        let request = get("/settings/email")
            .header(ACCEPT, "text/html")
            .header(COOKIE, format!("{COOKIE_NAME}={token}"));
        send(&harness, ADDRESS, request, "").await
    };
    let expired = page(json!({ "exp": 1 })).await;
    assert_eq!(
        (expired.status, expired.header(LOCATION.as_str())),
        (StatusCode::FOUND, "/sign-in")
    );
    let roleless = page(json!({ "roles": [] })).await;
    assert_eq!(roleless.status, StatusCode::FORBIDDEN);
    assert!(roleless.body.contains("has no role here"), "{}", roleless.body);
}

#[tokio::test]
async fn a_refusal_is_audited_once_a_minute_with_its_code_and_no_value() {
    let harness = with_key_file(AS_CONFIGURED).await;
    let expired = good_token(&claims_with(now(&harness), json!({ "exp": 1 })));
    let roleless = good_token(&claims_with(now(&harness), json!({ "roles": [] })));
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
