//! Sign-in by `OpenID` Connect against a provider over sockets: which logins are accepted, and which
//! are refused.

use axum::http::StatusCode;
use axum::http::header::{ACCEPT, COOKIE};
use chrono::TimeDelta;
use contract::EmailTab;
use domain::time_format::{ClockStyle, TimePreference};
use labels::NO_ADDRESS;
use serde_json::{Value, json};
use server::identity::Role;
use store::{audit::Action, hash::hashed};
use url::Url;
use vault::clock::Clock;

use crate::support::databases::count_rows;
use crate::support::harness::{Answer, Harness, get, unlimited};
use crate::support::host::send;
use crate::support::openid_provider::{Bent, CLIENT_ID, CLIENT_SECRET, OpenidProvider, param};
use crate::support::pages::{ask, call_in, page, submit};

const SUBJECT: &str = "248289761001";
const PROVIDER_FAILED: &str = "/sign-in?refused=provider-failed";

struct OpenidFixture {
    harness: Harness,
    provider: OpenidProvider,
}

/// A browser that was redirected to the provider.
struct AtProvider {
    url: Url,
    cookie: String,
}

impl OpenidFixture {
    async fn start() -> Self {
        // The clock of every harness begins at the same instant.
        let now: chrono::DateTime<chrono::Utc> = "2027-03-01T08:00:00Z".parse().expect("a time");
        let provider = OpenidProvider::start(now.timestamp()).await;
        let harness = Harness::with(|server| {
            server.oidc = Some(provider.client());
            server.rates = unlimited();
        });
        let harness = harness.await.with_ada().await;
        assert_eq!(harness.clock.now(), now);
        Self { harness, provider }
    }

    /// Starts, signs in, and returns the cookie of the session.
    async fn signed_in() -> (Self, String) {
        let fixture = Self::start().await;
        let cookie = fixture.session().await;
        (fixture, cookie)
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = get(path).header(COOKIE, cookie).header(ACCEPT, "text/html");
        ask(&self.harness, request, axum::body::Body::empty()).await
    }

    async fn sign_out(&self, cookie: &str) -> Answer {
        submit(&self.harness, "/sign-out", cookie, "").await
    }

    async fn start_login(&self, path: &str) -> AtProvider {
        let answer = self.get(path, "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        let url = Url::parse(answer.header("location")).expect("an address");
        AtProvider { url, cookie: answer.cookie() }
    }

    /// Follows the redirect to the provider, signs in there and requests the callback.
    async fn sign_in(&self) -> Answer {
        self.sign_in_from("/oidc/start").await
    }

    async fn sign_in_from(&self, path: &str) -> Answer {
        let pending = self.start_login(path).await;
        self.get(&self.provider.sign_in(&pending.url), &pending.cookie).await
    }

    /// Signs in, and returns the cookie of the session.
    async fn session(&self) -> String {
        self.sign_in().await.cookie()
    }

    /// Signs in with a manipulated ID token.
    async fn sign_in_with(&self, bent: Bent) -> Answer {
        self.provider.bend(bent);
        self.sign_in().await
    }

    async fn tab(&self, cookie: &str) -> EmailTab {
        let answer = call_in(&self.harness, cookie, "load", "{}").await;
        serde_json::from_str(&answer.body).expect("the tab")
    }

    /// Whether a browser with this cookie sees the tab.
    async fn is_signed_in(&self, cookie: &str) -> bool {
        self.get("/settings/email", cookie).await.status == StatusCode::OK
    }
}

fn bent(claims: Value) -> Bent {
    Bent { claims, ..Bent::default() }
}

#[tokio::test]
async fn a_sign_in_redirects_to_the_requested_page() {
    let fixture = OpenidFixture::start().await;
    let answer = fixture.sign_in_from("/oidc/start?to=/audit%3Fday%3D2027-03-01").await;
    assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, "/audit?day=2027-03-01"));
    assert!(fixture.is_signed_in(&answer.cookie()).await);
}

#[tokio::test]
async fn the_authentication_request_has_a_challenge_a_nonce_and_a_redirect_uri() {
    let fixture = OpenidFixture::start().await;
    let AtProvider { url, .. } = fixture.start_login("/oidc/start").await;
    let expected = [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("scope", "openid profile email"),
        ("redirect_uri", "http://ppm.example/oidc/callback"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in expected {
        assert_eq!(param(&url, name), value, "{name}");
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(param(&url, name).len(), 43, "{name}");
    }
}

#[tokio::test]
async fn the_principal_is_read_from_the_claims() {
    let (fixture, cookie) = OpenidFixture::signed_in().await;
    let (_, token) = cookie.split_once('=').expect("a name and a value");
    let found = store::sessions::find(&fixture.harness.server.store, &hashed(token)).await;
    let who = found.expect("the database answers").expect("there is a session").principal;
    assert_eq!(who.id, format!("{} {SUBJECT}", fixture.provider.issuer));
    assert_eq!(who.issuer.as_deref(), Some(fixture.provider.issuer.as_str()));
    assert_eq!((who.recipient(), who.name.as_str()), (Some("ada@practice.example"), "Ada Okafor"));
    assert_eq!((who.role, who.language.as_deref()), (Role::Administrator, Some("de-DE")));
    assert_eq!((who.times, who.zone.as_deref()), (None, Some("Europe/Berlin")));
}

#[tokio::test]
async fn the_providers_time_zone_is_a_default_and_its_locale_changes_no_dates() {
    let (fixture, cookie) = OpenidFixture::signed_in().await;
    let berlin = TimePreference { zone: "Europe/Berlin".to_owned(), ..TimePreference::default() };
    assert_eq!(fixture.tab(&cookie).await.display.preference, berlin);

    let form = "pattern=DD-Mon-YYYY&clock=12&zone=Asia%2FTokyo";
    submit(&fixture.harness, "/preferences/time", &cookie, form).await;
    let chosen = fixture.tab(&cookie).await.display.preference;
    assert_eq!((chosen.zone.as_str(), chosen.clock), ("Asia/Tokyo", ClockStyle::TwelveHours));

    let again = fixture.tab(&fixture.session().await).await.display.preference;
    assert_eq!(again, chosen, "another sign-in changes nothing");
}

#[tokio::test]
async fn an_unverified_address_is_no_recipient() {
    let fixture = OpenidFixture::start().await;
    // With a verified address, only the missing settings are an error.
    for (is_verified, recipient, code) in [
        (json!(true), Some("ada@practice.example"), r#""incomplete""#),
        (json!(false), None, r#""no-address""#),
        (json!(null), None, r#""no-address""#),
    ] {
        let answer = fixture.sign_in_with(bent(json!({"email_verified": is_verified}))).await;
        let cookie = answer.cookie();
        assert_eq!(fixture.tab(&cookie).await.recipient.as_deref(), recipient, "{is_verified}");
        let page = fixture.get("/settings/email", &cookie).await.body;
        assert_eq!(page.contains(NO_ADDRESS), recipient.is_none(), "{is_verified}: {page}");
        let sent = call_in(&fixture.harness, &cookie, "send-test", "{}").await;
        assert_eq!(sent.content(), (StatusCode::CONFLICT, code), "{is_verified}");
    }
}

#[tokio::test]
async fn an_invalid_id_token_is_refused() {
    let fixture = OpenidFixture::start().await;
    let now = fixture.harness.clock.now().timestamp();
    let forged = [
        ("nonce", bent(json!({"nonce": "another"}))),
        ("no nonce", bent(json!({"nonce": null}))),
        ("audience", bent(json!({"aud": "another"}))),
        ("a second audience", bent(json!({"aud": [CLIENT_ID, "another"]}))),
        ("authorized party", bent(json!({"azp": "another"}))),
        ("issuer", bent(json!({"iss": "https://evil.example"}))),
        ("expired", bent(json!({"exp": now - 60}))),
        ("of the future", bent(json!({"iat": now + 61}))),
        ("alg none", Bent { alg: Some("none"), is_unsigned: true, ..Bent::default() }),
        ("alg none, signed", Bent { alg: Some("none"), ..Bent::default() }),
        ("alg HS256", Bent { alg: Some("HS256"), ..Bent::default() }),
        (
            "alg HS256, signed by the client secret",
            Bent { alg: Some("HS256"), mac_key: Some(CLIENT_SECRET), ..Bent::default() },
        ),
        ("no signature", Bent { is_unsigned: true, ..Bent::default() }),
        ("signature", Bent { is_by_another_key: true, ..Bent::default() }),
    ];
    for (what, bent) in forged {
        let answer = fixture.sign_in_with(bent).await;
        assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, PROVIDER_FAILED), "{what}");
        assert!(!answer.headers.contains_key("set-cookie"), "{what}");
    }
}

#[tokio::test]
async fn an_id_token_signed_by_rs256_is_accepted_and_a_forged_one_is_not() {
    let fixture = OpenidFixture::start().await;
    fixture.provider.turn_to_rsa();
    assert_eq!(fixture.sign_in().await.header("location"), "/settings/email");
    let mac_key = Some(CLIENT_SECRET);
    for bent in [
        Bent { is_by_another_key: true, ..Bent::default() },
        Bent { mac_key, ..Bent::default() },
        Bent { alg: Some("HS256"), mac_key, ..Bent::default() },
        Bent { alg: Some("HS256"), ..Bent::default() },
        Bent { alg: Some("PS256"), ..Bent::default() },
    ] {
        let answer = fixture.sign_in_with(bent.clone()).await;
        assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, PROVIDER_FAILED), "{bent:?}");
    }
}

#[tokio::test]
async fn a_clock_skew_of_a_minute_is_tolerated() {
    let fixture = OpenidFixture::start().await;
    let now = fixture.harness.clock.now().timestamp();
    for claims in [json!({"exp": now - 59}), json!({"iat": now + 60})] {
        let answer = fixture.sign_in_with(bent(claims)).await;
        assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, "/settings/email"));
    }
}

#[tokio::test]
async fn an_unknown_key_is_fetched_once_a_minute() {
    let fixture = OpenidFixture::start().await;
    fixture.sign_in().await;
    fixture.provider.rotate("second");
    fixture.harness.clock.advance(TimeDelta::minutes(1));
    assert_eq!(fixture.sign_in().await.header("location"), "/settings/email");
    assert_eq!(fixture.provider.count("jwks"), 2);
    fixture.provider.rotate("third");
    assert_eq!(fixture.sign_in().await.header("location"), PROVIDER_FAILED);
    assert_eq!(fixture.provider.count("jwks"), 2, "not again within a minute");
}

#[tokio::test]
async fn provider_metadata_is_cached_for_an_hour() {
    let fixture = OpenidFixture::start().await;
    for (minutes, asked) in [(0, 1), (59, 1), (1, 2)] {
        fixture.harness.clock.advance(TimeDelta::minutes(minutes));
        fixture.start_login("/oidc/start").await;
        assert_eq!(fixture.provider.count("configuration"), asked);
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_reported_and_tried_again_later() {
    let fixture = OpenidFixture::start().await;
    fixture.provider.down(true);
    for _ in 0..2 {
        let answer = fixture.get("/oidc/start?to=/audit", "").await;
        assert_eq!(answer.header("location"), "/sign-in?refused=provider-failed&to=/audit");
    }
    assert_eq!(fixture.provider.count("configuration"), 1, "not again at once");
    fixture.provider.down(false);
    fixture.harness.clock.advance(TimeDelta::seconds(5));
    assert_eq!(fixture.sign_in().await.header("location"), "/settings/email");
}

#[tokio::test]
async fn cached_metadata_is_used_for_a_day_while_the_provider_is_down() {
    let fixture = OpenidFixture::start().await;
    fixture.start_login("/oidc/start").await;
    fixture.provider.down(true);
    fixture.harness.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(5));
    for _ in 0..2 {
        fixture.start_login("/oidc/start").await;
    }
    fixture.harness.clock.advance(TimeDelta::seconds(5));
    for _ in 0..2 {
        assert_eq!(fixture.get("/oidc/start", "").await.header("location"), PROVIDER_FAILED);
    }
}

#[tokio::test]
async fn a_state_works_once() {
    let fixture = OpenidFixture::start().await;
    let pending = fixture.start_login("/oidc/start").await;
    let back = fixture.provider.sign_in(&pending.url);
    fixture.get(&back, &pending.cookie).await;
    let again = fixture.get(&back, &pending.cookie).await;
    assert_eq!(again.redirect(), (StatusCode::SEE_OTHER, "/sign-in?refused=over"));
    assert_eq!(fixture.provider.count("token"), 1);
}

#[tokio::test]
async fn a_state_works_for_ten_minutes() {
    let fixture = OpenidFixture::start().await;
    let pending = fixture.start_login("/oidc/start").await;
    fixture.harness.clock.advance(TimeDelta::minutes(10));
    let answer = fixture.get(&fixture.provider.sign_in(&pending.url), &pending.cookie).await;
    assert_eq!(answer.header("location"), "/sign-in?refused=over");
}

#[tokio::test]
async fn a_state_works_in_its_own_browser_only() {
    let fixture = OpenidFixture::start().await;
    let (mine, theirs) =
        (fixture.start_login("/oidc/start").await, fixture.start_login("/oidc/start").await);
    let back = fixture.provider.sign_in(&mine.url);
    for cookie in ["", &theirs.cookie] {
        let answer = fixture.get(&back, cookie).await;
        assert_eq!(answer.header("location"), "/sign-in?refused=other-browser");
    }
    assert_eq!(fixture.get(&back, &mine.cookie).await.header("location"), "/settings/email");
}

async fn pending_logins(fixture: &OpenidFixture) -> i64 {
    count_rows(fixture.harness.folder.path(), "foreign_sign_in").await
}

#[tokio::test]
async fn after_fifty_pending_logins_an_address_is_refused() {
    let fixture = OpenidFixture::start().await;
    fixture.start_login("/oidc/start").await;
    fixture.harness.clock.advance(TimeDelta::minutes(4));
    for _ in 1..50 {
        fixture.start_login("/oidc/start").await;
    }
    let refused = fixture.get("/oidc/start?to=/audit", "").await;
    let found = (refused.status, refused.header("retry-after"));
    assert_eq!(found, (StatusCode::TOO_MANY_REQUESTS, "360"));
    for part in ["Try again in 6 minutes", r#"name="to" value="/audit""#] {
        assert!(refused.body.contains(part), "{part} in {}", refused.body);
    }
    assert_eq!(pending_logins(&fixture).await, 50, "nothing was kept of it");
    let other = send(&fixture.harness, "198.51.100.7", get("/oidc/start"), "").await;
    assert!(other.header("location").starts_with(&fixture.provider.issuer), "{other:?}");
}

#[tokio::test]
async fn a_login_that_has_ended_or_expired_is_not_counted_and_leaves_no_row() {
    let fixture = OpenidFixture::start().await;
    for _ in 0..49 {
        fixture.start_login("/oidc/start").await;
    }
    for _ in 0..3 {
        fixture.sign_in().await;
    }
    assert_eq!(pending_logins(&fixture).await, 49, "those that ended are not counted");
    fixture.harness.clock.advance(TimeDelta::minutes(10));
    fixture.start_login("/oidc/start").await;
    assert_eq!(pending_logins(&fixture).await, 1);
}

#[tokio::test]
async fn a_sign_in_redirects_to_no_other_site() {
    let fixture = OpenidFixture::start().await;
    for to in
        ["//evil.example", "https://evil.example", "/%5Cevil.example", "/%09/evil.example", ""]
    {
        let answer = fixture.sign_in_from(&format!("/oidc/start?to={to}")).await;
        assert_eq!(answer.header("location"), "/settings/email", "{to}");
    }
}

#[tokio::test]
async fn a_local_sign_in_redirects_to_the_requested_page_and_to_no_other_site() {
    let fixture = OpenidFixture::start().await;
    for (to, expected) in [("/audit", "/audit"), ("//evil.example", "/settings/email")] {
        let form = format!("email=ada%40example.com&password=correct+horse+battery&to={to}");
        let answer = submit(&fixture.harness, "/sign-in", "", form).await;
        assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, expected));
    }
}

#[tokio::test]
async fn the_sign_in_page_keeps_the_requested_page_for_both_kinds_of_sign_in() {
    let fixture = OpenidFixture::start().await;
    let sent = fixture.get("/audit?day=2027-03-01", "").await;
    let door = "/sign-in?to=/audit%3Fday%3D2027-03-01";
    assert_eq!(sent.redirect(), (StatusCode::FOUND, door));
    let page = fixture.get(door, "").await.body;
    for part in [
        r#"href="/oidc/start?to=/audit%3Fday%3D2027-03-01""#,
        r#"name="to" value="/audit?day=2027-03-01""#,
        "Sign in with Example &amp; Co",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[tokio::test]
async fn an_account_without_a_role_is_refused_and_audited() {
    let fixture = OpenidFixture::start().await;
    let answer = fixture.sign_in_with(bent(json!({"roles": ["something-else"]}))).await;
    assert_eq!(answer.header("location"), "/sign-in?refused=no-role");
    let [row] = &fixture.harness.trail(1).await[..] else { panic!("a row") };
    let expected = (Action::SignInFailed, "ada@practice.example");
    assert_eq!((row.action, row.actor.email.as_str()), expected);
}

#[tokio::test]
async fn a_declined_sign_in_is_reported_as_declined() {
    let fixture = OpenidFixture::start().await;
    let pending = fixture.start_login("/oidc/start").await;
    let back = format!("/oidc/callback?error=access_denied&state={}", param(&pending.url, "state"));
    let answer = fixture.get(&back, &pending.cookie).await;
    assert_eq!(answer.header("location"), "/sign-in?refused=declined");
}

#[tokio::test]
async fn a_response_of_another_issuer_is_refused() {
    let fixture = OpenidFixture::start().await;
    let pending = fixture.start_login("/oidc/start").await;
    let back = format!("{}&iss=https%3A%2F%2Fevil.example", fixture.provider.sign_in(&pending.url));
    assert_eq!(fixture.get(&back, &pending.cookie).await.header("location"), PROVIDER_FAILED);
    assert_eq!(fixture.provider.count("token"), 0);
}

#[tokio::test]
async fn a_response_without_an_issuer_is_refused_where_metadata_announces_one() {
    let fixture = OpenidFixture::start().await;
    let promising = Bent { names_itself: true, ..Bent::default() };
    assert_eq!(fixture.sign_in_with(promising).await.header("location"), PROVIDER_FAILED);
    assert_eq!(fixture.provider.count("token"), 0);
    let pending = fixture.start_login("/oidc/start").await;
    let issuer: String =
        url::form_urlencoded::byte_serialize(fixture.provider.issuer.as_bytes()).collect();
    let back = format!("{}&iss={issuer}", fixture.provider.sign_in(&pending.url));
    assert_eq!(fixture.get(&back, &pending.cookie).await.header("location"), "/settings/email");
}

#[tokio::test]
async fn a_session_ends_after_an_idle_hour_or_twelve_hours_in_all() {
    let (fixture, cookie) = OpenidFixture::signed_in().await;
    for _ in 0..12 {
        assert!(fixture.is_signed_in(&cookie).await);
        fixture.harness.clock.advance(TimeDelta::hours(1) - TimeDelta::seconds(1));
    }
    fixture.harness.clock.advance(TimeDelta::seconds(12));
    assert!(!fixture.is_signed_in(&cookie).await, "twelve hours");
    let now = fixture.harness.clock.now().timestamp();
    let fresh = fixture.sign_in_with(bent(json!({"iat": now, "exp": now + 300}))).await;
    let cookie = fresh.cookie();
    fixture.harness.clock.advance(TimeDelta::hours(1));
    assert!(!fixture.is_signed_in(&cookie).await, "an hour");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_redirects_to_the_provider() {
    let (fixture, cookie) = OpenidFixture::signed_in().await;
    let answer = fixture.sign_out(&cookie).await;
    assert!(!fixture.is_signed_in(&cookie).await);
    let [row] = &fixture.harness.trail(1).await[..] else { panic!("a row") };
    assert_eq!(row.detail.as_deref(), Some("session-ended"));
    let leads_to = answer.header("refresh").strip_prefix("0; url=").expect("a way on");
    let url = Url::parse(leads_to).expect("an address");
    assert!(leads_to.starts_with(&format!("{}/end-session?kind=rp&", fixture.provider.issuer)));
    assert_eq!(param(&url, "id_token_hint").split('.').count(), 3);
    assert_eq!(param(&url, "post_logout_redirect_uri"), "http://ppm.example/sign-in");
}

#[tokio::test]
async fn a_sign_out_redirects_to_no_script_and_to_no_http_url_on_another_machine() {
    for endpoint in ["javascript:alert(1)//", "data:text/html,a", "http://evil.example/end"] {
        let fixture = OpenidFixture::start().await;
        let bent = Bent { end_session: Some(endpoint), ..Bent::default() };
        let cookie = fixture.sign_in_with(bent).await.cookie();
        let answer = fixture.sign_out(&cookie).await;
        assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, "/sign-in"), "{endpoint}");
    }
}

#[tokio::test]
async fn a_local_session_is_signed_out_of_without_the_provider() {
    let (fixture, cookie) = OpenidFixture::signed_in().await;
    let local = fixture.harness.sign_in().await;
    let answer = fixture.sign_out(&local).await;
    assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, "/sign-in"));
    assert!(fixture.is_signed_in(&cookie).await, "the other session stays");
}

#[tokio::test]
async fn signing_in_and_out_is_audited_with_the_issuer() {
    let (fixture, cookie) = OpenidFixture::signed_in().await;
    fixture.sign_out(&cookie).await;
    let rows = fixture.harness.trail(2).await;
    let actions: Vec<_> = rows.iter().map(|row| row.action).collect();
    assert_eq!(actions, [Action::SignedOut, Action::SignedIn]);
    for row in rows {
        let expected = ("Ada Okafor", Some(fixture.provider.issuer.clone()));
        assert_eq!((row.actor.name.as_str(), row.detail), expected, "{:?}", row.action);
    }
}

#[tokio::test]
async fn without_a_provider_there_is_no_sign_in_by_openid() {
    let harness = Harness::start().await;
    for path in ["/oidc/start", "/oidc/callback?state=x"] {
        assert_eq!(page(&harness, path, "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let page = page(&harness, "/sign-in", "").await;
    assert!(!page.body.contains("/oidc/start"), "{}", page.body);
}

#[tokio::test]
async fn an_administrator_ends_a_session_begun_by_openid() {
    let (fixture, cookie) = OpenidFixture::signed_in().await;
    let ada = fixture.harness.sign_in().await;
    assert!(fixture.is_signed_in(&cookie).await);
    let ended = submit(&fixture.harness, "/account/sessions", &ada, "all=others").await;
    assert_eq!(ended.redirect(), (StatusCode::SEE_OTHER, "/account?ended=1"));
    assert!(!fixture.is_signed_in(&cookie).await);
}

#[tokio::test]
async fn an_audit_row_names_the_issuer_and_the_subject() {
    let fixture = OpenidFixture::start().await;
    fixture.sign_in().await;
    let actor = fixture.harness.trail(1).await.remove(0).actor;
    let expected = (Some(fixture.provider.issuer.as_str()), Some(SUBJECT));
    assert_eq!((actor.issuer.as_deref(), actor.subject.as_deref()), expected);
    assert!(actor.address.is_some() && actor.session.is_some(), "{actor:?}");
}
