//! The authorization code flow from Get Auth Token to the callback: each check has its diagnosis.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::TimeDelta;
use contract::{ApiCode, AttemptStarted, ConsentBinding, EmailService};
use domain::token::{AttemptOutcome, OauthDiagnosis, OauthFailure, OauthStage};
use domain::{Field, OauthFlow};
use net::origin::PublicUrl;
use store::audit::Action;
use testkit::provider::Held;
use url::Url;

use crate::support::accounts::sign_in;
use crate::support::harness::{
    ADDRESS, Answer, EMAIL, FORM, Harness, NAME, cookie_of, get, operator, post_form, principal,
};
use crate::support::oauth_fixture::{CALLBACK, OauthFixture, Returning};
use crate::support::pages::{ask, call_in};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const PKCE: OauthFlow = OauthFlow::AuthorizationCodePkce;

/// The value of a query parameter.
fn param(address: &str, name: &str) -> Option<String> {
    let url = Url::parse(address).expect("an address");
    url.query_pairs().find(|(named, _)| named == name).map(|(_, value)| value.into_owned())
}

/// Follows the redirects of a consent to the end of its attempt.
async fn complete(fixture: &OauthFixture, returning: &Returning) -> AttemptOutcome {
    fixture.land(&returning.address, &returning.cookie).await;
    fixture.end_of(&returning.attempt.id).await
}

/// The stage at which an attempt failed, and the diagnosis.
fn failed(end: &AttemptOutcome) -> (OauthStage, OauthDiagnosis) {
    let AttemptOutcome::Failed(OauthFailure { stage, diagnosis, .. }) = end else {
        panic!("it ended well")
    };
    (*stage, *diagnosis)
}

/// Asserts that a callback ends its attempt with this diagnosis before anything is sent.
async fn expect_refused(fixture: &OauthFixture, returning: &Returning, diagnosis: OauthDiagnosis) {
    let end = failed(&complete(fixture, returning).await);
    assert_eq!(end, (OauthStage::Return, diagnosis));
    assert_eq!(fixture.provider.asked().len(), 0);
}

/// Starts Get Auth Token in this session and returns the path that redirects to the provider.
async fn begin_in(fixture: &OauthFixture, session: &str) -> String {
    let answer = call_in(&fixture.harness, session, "get-token", r#"{"in_pop_up":true}"#).await;
    let begun: AttemptStarted = serde_json::from_str(&answer.body).expect("it has begun");
    begun.start.expect("a person is asked")
}

/// Starts Get Auth Token in this session and consents; returns the callback URL and its cookie.
async fn consent_in(fixture: &OauthFixture, session: &str) -> (String, String) {
    let departed = fixture.get(&begin_in(fixture, session).await, session).await;
    let address = fixture.provider.consent(departed.header("location"));
    (address, cookie_of(departed.header("set-cookie")))
}

async fn sign_out(fixture: &OauthFixture, session: &str) {
    let request = post_form("/sign-out").header(header::COOKIE, session);
    ask(&fixture.harness, request, Body::empty()).await;
}

/// Saves another display name on revision 1.
async fn save_another_name(fixture: &OauthFixture) {
    let mut draft = fixture.draft(CODE);
    draft.edit(Field::OauthDisplayName, "Another name");
    fixture.saved(&draft, 1, None).await;
}

/// The session of another administrator.
async fn sign_in_grace(fixture: &OauthFixture) -> String {
    fixture.harness.add("grace@example.com", "Grace Hopper").await;
    sign_in(&fixture.harness.server.people.accounts, "grace@example.com").await
}

/// The diagnosis in the address of the result page that the callback redirects to.
async fn fault_at(fixture: &OauthFixture, address: &str, cookie: &str) -> String {
    let landed = fixture.land(address, cookie).await;
    assert_eq!(landed.status, StatusCode::SEE_OTHER, "{landed:?}");
    let location = landed.header("location").to_owned();
    let (_, diagnosis) =
        location.split_once("/oauth/result?fault=").expect("the page that says why");
    diagnosis.to_owned()
}

#[tokio::test]
async fn the_authorization_request_has_the_parameters_of_its_flow_and_the_exchange_the_verifier() {
    for (flow, challenge_method) in [(CODE, None), (PKCE, Some("S256"))] {
        let fixture = OauthFixture::with(flow).await;
        let (_, start) = fixture.begin().await;
        let departed = fixture.get(&start, "").await;
        let address = departed.header("location");
        for (name, expected) in [
            ("prompt", Some("consent")),
            ("response_type", Some("code")),
            ("client_id", Some("ppm")),
            ("redirect_uri", Some(CALLBACK)),
            ("scope", Some("mail.send offline_access")),
            ("code_challenge_method", challenge_method),
            ("code_verifier", None),
            ("client_secret", None),
        ] {
            assert_eq!(param(address, name).as_deref(), expected, "{name}");
        }
        assert_eq!(param(address, "code_challenge").is_some(), flow == PKCE);
        assert!(param(address, "state").expect("a state").len() >= 22, "128 bits or more");
        let headers = ["referrer-policy", "cache-control"].map(|name| departed.header(name));
        assert_eq!(headers, ["no-referrer", "no-store"]);
    }
    let fixture = OauthFixture::with_token(PKCE).await;
    let verifier = fixture.provider.asked()[0].param("code_verifier").to_owned();
    assert!((43..=128).contains(&verifier.len()), "{verifier}");
}

#[tokio::test]
async fn the_redirect_uri_is_sent_byte_for_byte_in_both_requests() {
    let fixture = OauthFixture::with(CODE).await;
    let odd = "http://ppm.example/oauth/callback?From=Provider&x=%c3%bC+1";
    let mut draft = fixture.draft(CODE);
    draft.edit(Field::RedirectUri, odd);
    fixture.saved(&draft, 1, None).await;
    assert_eq!(complete(&fixture, &fixture.consent().await).await, AttemptOutcome::Obtained);
    assert_eq!(fixture.provider.asked()[0].param("redirect_uri"), odd);
}

#[tokio::test]
async fn head_requests_and_prefetches_consume_nothing() {
    let fixture = OauthFixture::with(CODE).await;
    let (attempt, start) = fixture.begin().await;
    let head = |path: &str| Request::head(path).header(header::HOST, "ppm.example");
    let prefetch = get(&start).header("sec-purpose", "prefetch");
    let status = async |request| ask(&fixture.harness, request, Body::empty()).await.status;
    assert_eq!(status(head(&start)).await, StatusCode::NO_CONTENT);
    assert_eq!(status(prefetch).await, StatusCode::NO_CONTENT);

    let returning = fixture.depart(attempt, &start, "").await;
    let path = returning.address.strip_prefix("http://ppm.example").expect("a path").to_owned();
    let looked = head(&path).header(header::COOKIE, &returning.cookie);
    assert_eq!(status(looked).await, StatusCode::NO_CONTENT);
    assert_eq!(complete(&fixture, &returning).await, AttemptOutcome::Obtained);
}

/// Posts to a path as a provider's form does: cross-site, and so without cookies.
async fn posted(fixture: &OauthFixture, path: &str, content_type: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, "ppm.example")
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ORIGIN, "https://login.example.com")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document");
    ask(&fixture.harness, request, Body::from(body.to_owned())).await
}

#[tokio::test]
async fn an_authorization_response_by_post_continues_by_get_and_yields_a_token() {
    let fixture = OauthFixture::with(CODE).await;
    let Returning { address, cookie, attempt } = fixture.consent().await;
    let (_, query) = address.split_once('?').expect("an answer");
    let posted = posted(&fixture, "/oauth/callback", FORM, query).await;
    assert_eq!(posted.status, StatusCode::SEE_OTHER, "{posted:?}");
    let headers =
        ["referrer-policy", "cache-control", "set-cookie"].map(|name| posted.header(name));
    assert_eq!(headers, ["no-referrer", "no-store", ""]);
    assert_eq!(fixture.provider.asked().len(), 0, "a POST alone brings nothing");
    let location = posted.header("location").to_owned();
    assert!(location.starts_with("/oauth/callback?"), "{location}");
    assert!(!location.contains("session_state"), "{location}");
    let landed = fixture.get(&location, &cookie).await;
    assert_eq!(landed.status, StatusCode::SEE_OTHER, "{landed:?}");
    assert_eq!(fixture.end_of(&attempt.id).await, AttemptOutcome::Obtained);
}

#[tokio::test]
async fn a_post_to_the_callback_that_is_no_authorization_response_is_refused_without_json() {
    let fixture = OauthFixture::with(CODE).await;
    let long = format!("state=s&code={}", "x".repeat(9_000));
    for body in ["", "code=a", "state=s", "code=a&state=s&draft=x", "code=a&error=b&state=s", &long]
    {
        let answer = posted(&fixture, "/oauth/callback", FORM, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body:.40}: {answer:?}");
        let words = "This address accepts only a provider's answer";
        assert!(answer.body.starts_with(words), "{answer:?}");
    }
    let answer = posted(&fixture, "/oauth/callback", "text/plain", "code=a&state=s").await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = posted(&fixture, "/preferences", FORM, "code=a&state=s").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "no other POST passes");
}

#[tokio::test]
async fn of_concurrent_and_replayed_callbacks_one_exchanges_the_code() {
    let fixture = OauthFixture::with(CODE).await;
    let Returning { address, cookie, attempt } = fixture.consent().await;
    let landing = || fixture.land(&address, &cookie);
    tokio::join!(landing(), landing(), landing(), landing(), landing());
    assert_eq!(fixture.end_of(&attempt.id).await, AttemptOutcome::Obtained);
    assert_eq!(fault_at(&fixture, &address, &cookie).await, "attempt-used");
    assert_eq!(fixture.provider.requests("authorization_code"), 1);
    assert!(fixture.token().await.is_some());
}

#[tokio::test]
async fn a_callback_in_another_browser_is_refused_and_audited_and_the_right_one_still_works() {
    let fixture = OauthFixture::with(CODE).await;
    let Returning { address, cookie, attempt } = fixture.consent().await;
    for other in ["", "ppm-email-consent=of-another-browser"] {
        assert_eq!(fault_at(&fixture, &address, other).await, "other-browser");
        let row = fixture.harness.trail(1).await.remove(0);
        let found = (row.action, row.detail.as_deref());
        assert_eq!(found, (Action::TokenNotObtained, Some("other-browser")));
    }
    assert_eq!(fixture.provider.asked().len(), 0);
    fixture.land(&address, &cookie).await;
    assert_eq!(fixture.end_of(&attempt.id).await, AttemptOutcome::Obtained);
}

#[tokio::test]
async fn a_callback_after_ten_minutes_is_refused() {
    let fixture = OauthFixture::with(CODE).await;
    let Returning { address, cookie, attempt } = fixture.consent().await;
    fixture.harness.clock.advance(TimeDelta::minutes(10));
    assert_eq!(fault_at(&fixture, &address, &cookie).await, "attempt-expired");
    let end = failed(&fixture.end_of(&attempt.id).await);
    assert_eq!(end, (OauthStage::Return, OauthDiagnosis::AttemptExpired));
    assert_eq!(fixture.provider.asked().len(), 0);
}

#[tokio::test]
async fn a_stopped_attempt_is_audited_and_not_shown_and_its_callback_is_refused() {
    let fixture = OauthFixture::with(CODE).await;
    let Returning { address, cookie, .. } = fixture.consent().await;
    let stopped = fixture.service().stop_attempts(&fixture.ada).await.expect("an answer");
    assert_eq!((stopped.attempt, fixture.view().await.attempt), (None, None));
    let row = fixture.harness.trail(1).await.remove(0);
    let found = (row.action, row.detail.as_deref());
    assert_eq!(found, (Action::TokenNotObtained, Some("attempt-stopped")));
    assert_eq!(fault_at(&fixture, &address, &cookie).await, "attempt-stopped");
    assert_eq!(fixture.provider.asked().len(), 0);
}

#[tokio::test]
async fn stopping_without_a_waiting_attempt_changes_nothing() {
    let fixture = OauthFixture::with_token(CODE).await;
    let rows = fixture.harness.trail(9).await.len();
    let stopped = fixture.service().stop_attempts(&fixture.ada).await.expect("an answer");
    assert_eq!(stopped.attempt.and_then(|attempt| attempt.end), Some(AttemptOutcome::Obtained));
    assert_eq!(fixture.harness.trail(9).await.len(), rows);
}

#[tokio::test]
async fn a_callback_with_an_unknown_state_is_refused() {
    let fixture = OauthFixture::with(CODE).await;
    for query in
        ["", "?code=x", "?code=x&state=made-up", "?error=access_denied", "?state=a&state=b"]
    {
        let address = format!("{CALLBACK}{query}");
        assert_eq!(fault_at(&fixture, &address, "").await, "attempt-unknown", "{query}");
    }
}

#[tokio::test]
async fn a_callback_after_another_save_is_refused() {
    let fixture = OauthFixture::with(CODE).await;
    let returning = fixture.consent().await;
    save_another_name(&fixture).await;
    expect_refused(&fixture, &returning, OauthDiagnosis::SettingsChanged).await;
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn a_save_during_the_exchange_discards_its_token() {
    let fixture = OauthFixture::with(CODE).await;
    let Returning { address, cookie, attempt } = fixture.consent().await;
    fixture.provider.hold(Held::BeforeAnswering);
    let landing = fixture.land(&address, &cookie);
    let saving = async {
        fixture.provider.wait_for(1).await;
        save_another_name(&fixture).await;
        fixture.provider.release();
    };
    tokio::join!(landing, saving);
    let end = failed(&fixture.end_of(&attempt.id).await);
    assert_eq!(end, (OauthStage::TokenRequest, OauthDiagnosis::SettingsChanged));
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn a_removed_administrators_consent_yields_no_token() {
    let fixture = OauthFixture::with(CODE).await;
    let returning = fixture.consent().await;
    fixture.harness.server.people.accounts.remove(EMAIL, operator()).await.expect("Ada goes");
    expect_refused(&fixture, &returning, OauthDiagnosis::OtherPerson).await;
}

#[tokio::test]
async fn a_consent_is_neither_begun_for_nor_completed_by_another_signed_in_user() {
    let fixture = OauthFixture::with(CODE).await;
    let (grace, mut returning) = (sign_in_grace(&fixture).await, fixture.consent().await);
    let (_, start) = fixture.begin().await;
    let departed = fixture.get(&start, &grace).await;
    assert_eq!(departed.header("location"), "/oauth/result?fault=other-person");
    returning.cookie = format!("{}; {grace}", returning.cookie);
    expect_refused(&fixture, &returning, OauthDiagnosis::OtherPerson).await;
}

#[tokio::test]
async fn a_start_ticket_works_once_and_only_in_the_session_that_began_it() {
    let fixture = OauthFixture::with(CODE).await;
    let (own, other) = (fixture.harness.sign_in().await, fixture.harness.sign_in().await);
    let start = begin_in(&fixture, &own).await;
    for cookie in ["", other.as_str()] {
        let refused = fixture.get(&start, cookie).await;
        assert_eq!(refused.header("location"), "/oauth/result?fault=other-session", "{cookie}");
    }
    let departed = fixture.get(&start, &own).await;
    assert!(departed.header("location").starts_with(&fixture.provider.authorization_endpoint()));
    let again = fixture.get(&start, &own).await;
    assert_eq!(again.header("location"), "/oauth/result?fault=attempt-used");
    assert_eq!(again.header("set-cookie"), "");
}

#[tokio::test]
async fn signing_out_ends_the_attempts_of_the_session() {
    let fixture = OauthFixture::with(CODE).await;
    let cookie = fixture.harness.sign_in().await;
    let (address, browser) = consent_in(&fixture, &cookie).await;
    let begun = begin_in(&fixture, &cookie).await;
    sign_out(&fixture, &cookie).await;
    assert_eq!(fault_at(&fixture, &address, &browser).await, "other-session");
    assert_eq!(fixture.provider.asked().len(), 0);
    let again = fixture.get(&begun, &fixture.harness.sign_in().await).await;
    assert_eq!(again.header("location"), "/oauth/result?fault=attempt-used");
}

#[tokio::test]
async fn an_exchange_that_outlasts_its_session_yields_no_token() {
    let fixture = OauthFixture::with(CODE).await;
    let cookie = fixture.harness.sign_in().await;
    let (address, browser) = consent_in(&fixture, &cookie).await;
    fixture.provider.hold(Held::BeforeAnswering);
    let landing = fixture.land(&address, &browser);
    let signing_out = async {
        fixture.provider.wait_for(1).await;
        sign_out(&fixture, &cookie).await;
        fixture.provider.release();
    };
    tokio::join!(landing, signing_out);
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn signing_out_does_not_change_an_attempt_that_yielded_a_token() {
    let fixture = OauthFixture::with(CODE).await;
    let cookie = fixture.harness.sign_in().await;
    let (address, browser) = consent_in(&fixture, &cookie).await;
    let landed = fixture.land(&address, &browser).await;
    let (_, id) = landed.header("location").rsplit_once('/').expect("the page of its end");
    sign_out(&fixture, &cookie).await;
    assert_eq!(fixture.end_of(id).await, AttemptOutcome::Obtained);
}

#[tokio::test]
async fn the_audit_row_of_a_consent_names_the_client_address_of_the_callback() {
    let fixture = OauthFixture::with(CODE).await;
    complete(&fixture, &fixture.consent().await).await;
    let row = fixture.harness.trail(1).await.remove(0);
    assert_eq!((row.action, row.actor.address.as_deref()), (Action::TokenObtained, Some(ADDRESS)));
}

#[tokio::test]
async fn a_declined_consent_is_reported_with_the_providers_text() {
    let fixture = OauthFixture::with(CODE).await;
    let (attempt, start) = fixture.begin().await;
    let departed = fixture.get(&start, "").await;
    let address = fixture.provider.decline(departed.header("location"));
    let cookie = cookie_of(departed.header("set-cookie"));
    fixture.land(&address, &cookie).await;
    let end = fixture.end_of(&attempt.id).await;
    let AttemptOutcome::Failed(failure) = end else { panic!("{end:?}") };
    let found = (failure.stage, failure.diagnosis);
    assert_eq!(found, (OauthStage::Consent, OauthDiagnosis::AccessDenied));
    assert_eq!(failure.peer_text.as_deref(), Some("access_denied: The user declined."));
    let rows = fixture.harness.trail(1).await;
    assert_eq!((rows[0].action, rows[0].detail.as_deref()), (Action::TokenNotObtained, None));
}

#[tokio::test]
async fn an_issuer_is_compared_exactly_before_anything_is_sent_and_required_where_announced() {
    const ORIGIN: &str = "http://127.0.0.1:9";
    const KNOWN: &str = "http://127.0.0.1:9/tenant";
    let other = Some(OauthDiagnosis::OtherIssuer);
    // With metadata, it names the known issuer, and says whether callbacks name it.
    for (metadata, issuer, expected) in [
        (None, None, None),
        (None, Some(ORIGIN), None),
        (None, Some("https://provider.evil.example"), other),
        (None, Some("nonsense"), other),
        (Some(true), Some(KNOWN), None),
        (Some(false), Some(KNOWN), None),
        (Some(false), None, None),
        (Some(true), None, Some(OauthDiagnosis::IssuerMissing)),
        (Some(true), Some(ORIGIN), other),
        (Some(false), Some("http://127.0.0.1:9/tenant/"), other),
        (Some(false), Some("http://127.0.0.1:9/Tenant"), other),
    ] {
        println!("{metadata:?} {issuer:?}");
        let fixture = OauthFixture::with(CODE).await;
        if let Some(names_itself) = metadata {
            let issuer = Some(KNOWN.to_owned());
            fixture
                .store_metadata(|known| (known.issuer, known.names_itself) = (issuer, names_itself))
                .await;
        }
        fixture.provider.rule(|rules| rules.issuer = issuer.map(str::to_owned));
        let returning = fixture.consent().await;
        match expected {
            None => assert_eq!(complete(&fixture, &returning).await, AttemptOutcome::Obtained),
            Some(diagnosis) => expect_refused(&fixture, &returning, diagnosis).await,
        }
    }
}

#[tokio::test]
async fn a_refused_exchange_is_reported_with_the_providers_text() {
    let fixture = OauthFixture::with(CODE).await;
    let returning = fixture.consent().await;
    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}"#;
    fixture.provider.fail_next("400 Bad Request", refusal);
    let end = complete(&fixture, &returning).await;
    assert_eq!(failed(&end), (OauthStage::TokenRequest, OauthDiagnosis::InvalidClient));
    let AttemptOutcome::Failed(OauthFailure { peer_text: Some(words), .. }) = end else {
        panic!("{end:?}")
    };
    assert!(words.contains("AADSTS7000215"), "{words}");
}

#[tokio::test]
async fn two_attempts_in_one_browser_do_not_end_each_other() {
    let fixture = OauthFixture::with(CODE).await;
    let first = fixture.consent().await;
    let (attempt, start) = fixture.begin().await;
    let second = fixture.depart(attempt, &start, &first.cookie).await;
    fixture.land(&first.address, &second.cookie).await;
    assert_eq!(fixture.end_of(&first.attempt.id).await, AttemptOutcome::Obtained);
    fixture.land(&second.address, &second.cookie).await;
    assert_eq!(fixture.end_of(&second.attempt.id).await, AttemptOutcome::Obtained);
}

#[tokio::test]
async fn a_superseded_attempt_may_still_be_declined() {
    let fixture = OauthFixture::with(CODE).await;
    let first = fixture.consent().await;
    let (attempt, start) = fixture.begin().await;
    let departed = fixture.get(&start, &first.cookie).await;
    fixture.land(&first.address, &first.cookie).await;
    assert_eq!(fixture.end_of(&attempt.id).await, AttemptOutcome::Obtained);
    let declined = fixture.provider.decline(departed.header("location"));
    fixture.land(&declined, &first.cookie).await;
    let end = failed(&fixture.end_of(&attempt.id).await);
    assert_eq!(end, (OauthStage::Consent, OauthDiagnosis::AccessDenied));
}

#[tokio::test]
async fn a_pasted_address_completes_an_attempt_with_the_same_checks() {
    let fixture = OauthFixture::with(CODE).await;
    let returning = fixture.consent().await;
    for nothing in ["", "   ", "https://another.example/landing", "hello"] {
        let answer = fixture.paste(&returning, nothing).await;
        assert_eq!(answer, Err(ApiCode::NoAnswerInAddress), "{nothing:?}");
    }
    let other_browser = Returning { cookie: "x=another".to_owned(), ..fixture.consent().await };
    let refused = fixture.paste(&other_browser, &other_browser.address).await.expect("an answer");
    let end = failed(&refused.end.expect("an end"));
    assert_eq!(end, (OauthStage::Return, OauthDiagnosis::OtherBrowser));

    let pasted = format!("  {}#top \n", returning.address);
    let finished = fixture.paste(&returning, &pasted).await.expect("an answer");
    assert_eq!(finished.end, Some(AttemptOutcome::Obtained));
    let again = fixture.paste(&returning, &pasted).await.expect("an answer");
    let end = failed(&again.end.expect("an end"));
    assert_eq!(end, (OauthStage::Return, OauthDiagnosis::AttemptUsed));
    assert_eq!(fixture.provider.requests("authorization_code"), 1);
}

#[tokio::test]
async fn a_user_cannot_complete_an_attempt_of_another_user_by_pasting() {
    let fixture = OauthFixture::with(CODE).await;
    let returning = fixture.consent().await;
    let (grace, browser) = (fixture.grace(), ConsentBinding::Unknown);
    let (id, address) = (&returning.attempt.id, &returning.address);
    let answer = fixture.service().finish_attempt(&grace, &browser, id, address).await;
    assert_eq!(answer, Err(ApiCode::NotFound));
}

#[tokio::test]
async fn with_bearer_authentication_a_pasted_address_completes_an_own_attempt_without_a_cookie() {
    let fixture = OauthFixture::with(CODE).await;
    let (grace, returning) = (fixture.grace(), fixture.consent().await);
    let (service, browser) = (fixture.service(), ConsentBinding::ByToken);
    let own = service.get_token(&grace, CALLBACK, true).await.expect("an attempt").attempt.id;
    let refused = service.finish_attempt(&grace, &browser, &own, &returning.address).await;
    let end = refused.expect("an answer").attempt.end.expect("an end");
    assert_eq!(failed(&end), (OauthStage::Return, OauthDiagnosis::OtherPerson));

    let (id, address) = (&returning.attempt.id, &returning.address);
    let finished = service.finish_attempt(&fixture.ada, &browser, id, address).await;
    assert_eq!(finished.expect("an answer").attempt.end, Some(AttemptOutcome::Obtained));
}

#[tokio::test]
async fn an_attempt_says_whether_the_address_must_be_pasted() {
    let fixture = OauthFixture::with(CODE).await;
    for (callback, expected) in [(CALLBACK, false), ("https://ppm.example/oauth/callback", true)] {
        let begun = fixture.service().get_token(&fixture.ada, callback, true).await;
        assert_eq!(begun.expect("an attempt").attempt.needs_pasting, expected, "{callback}");
    }
}

#[tokio::test]
async fn before_the_first_save_and_with_the_flow_none_no_attempt_is_begun() {
    let harness = Harness::start().await;
    let ada = principal("ada", EMAIL, NAME);
    let begun = harness.server.service().get_token(&ada, CALLBACK, true).await;
    assert_eq!(begun, Err(ApiCode::Incomplete));

    let fixture = OauthFixture::with(CODE).await;
    let mut draft = fixture.draft(OauthFlow::None);
    draft.basic = draft.oauth.clone();
    fixture.saved(&draft, 1, None).await;
    let begun = fixture.service().get_token(&fixture.ada, CALLBACK, true).await;
    assert_eq!(begun, Err(ApiCode::Incomplete));
}

#[tokio::test]
async fn token_functions_need_a_signed_in_user() {
    let fixture = OauthFixture::with(CODE).await;
    for function in ["get-token", "token", "finish-attempt", "stop-attempts"] {
        let answer = call_in(&fixture.harness, "", function, "{}").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{function}");
    }
}

#[tokio::test]
async fn the_cookie_of_a_consent_is_tied_to_the_host_under_https() {
    let fixture = OauthFixture::configured(CODE, |config| {
        config.public_url = Some(PublicUrl::parse("https://ppm.example").expect("a URL"));
    })
    .await;
    let (_, start) = fixture.begin().await;
    let departed = fixture.get(&start, "").await;
    let cookie = departed.header("set-cookie");
    assert!(cookie.starts_with("__Host-ppm-email-consent="), "{cookie}");
    for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
}

#[tokio::test]
async fn polling_the_token_keeps_no_session_alive() {
    let fixture = OauthFixture::with(CODE).await;
    let session = fixture.harness.sign_in().await;
    let status = async || call_in(&fixture.harness, &session, "token", "{}").await.status;
    for _ in 0..4 {
        assert_eq!(status().await, StatusCode::OK);
        fixture.harness.clock.advance(TimeDelta::minutes(15));
    }
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_exchange_whose_process_has_died_is_marked_failed() {
    let fixture = OauthFixture::configured(CODE, |config| {
        config.token_deadlines.total = Duration::from_secs(30);
    })
    .await;
    let returning = fixture.consent().await;
    fixture.provider.hold(Held::BeforeAnswering);
    let landing = fixture.land(&returning.address, &returning.cookie);
    let looking = async {
        fixture.provider.wait_for(1).await;
        fixture.harness.clock.advance(TimeDelta::seconds(46));
        let end = failed(&fixture.end_of(&returning.attempt.id).await);
        assert_eq!(end, (OauthStage::TokenRequest, OauthDiagnosis::ServerFailed));
        fixture.provider.release();
    };
    tokio::join!(landing, looking);
}
