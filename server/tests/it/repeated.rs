//! Repeated unauthenticated requests cost a bounded number of audit rows, without an unproven name.
//! Each kind of request that causes a row is repeated, over sockets.

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::OauthFlow;
use serde_json::json;
use server::aggregates::Aggregates;
use sqlx::Row;
use store::audit::{Action, Actor};
use tempfile::TempDir;
use tokio::task::JoinSet;
use url::Url;
use vault::clock::{Clock, SystemClock};

use crate::support::databases::{connection, database_url, refuse, stop_refusing};
use crate::support::harness::{Answer, EMAIL, FORM, Harness, PASSWORD, trail};
use crate::support::host::PUBLIC_KEY;
use crate::support::oauth_fixture::draft;
use crate::support::oauth_programs::{begin_attempt, consent, save, trust_the_tests};
use crate::support::openid_provider::{Bent, CLIENT_ID, CLIENT_SECRET, OpenidProvider};
use crate::support::pages::page;
use crate::support::program::{HttpBrowser, Serving, add_administrator_to, encoded, write_private};
use crate::support::soak::times;
use crate::support::waiting::{until, until_some};
use testkit::mailbox::Mailbox;
use testkit::provider::TestProvider;

/// How often a request is repeated.
fn many() -> usize {
    times(60, 300)
}

/// The columns of an audit row that these tests check.
#[derive(Debug, PartialEq, Eq)]
struct StoredRow {
    action: String,
    email: String,
    name: String,
    detail: Option<String>,
}

/// The program with every kind of authentication configured, and an administrator.
struct RepeatedFixture {
    folder: TempDir,
    serving: Serving,
    openid: OpenidProvider,
}

impl RepeatedFixture {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let url = database_url(folder.path()).await;
        add_administrator_to(folder.path(), &url, EMAIL, PASSWORD);
        let openid = OpenidProvider::start(SystemClock.now().timestamp()).await;
        let [key, secret] = ["host.pem", "oidc-secret"].map(|name| folder.path().join(name));
        std::fs::write(&key, PUBLIC_KEY).expect("the folder is there");
        write_private(&secret, CLIENT_SECRET);
        let serving = Serving::with(folder.path(), |command| {
            command.args(["--database-url", &url]);
            command.args(["--oidc-issuer", &openid.issuer, "--oidc-client-id", CLIENT_ID]);
            command.arg("--oidc-client-secret-file").arg(secret);
            command.args(["--trusted-proxy", "192.0.2.1", "--proxy-user-header", "X-User"]);
            command.args(["--proxy-roles-header", "X-Roles"]);
            command.arg("--host-token-key-file").arg(key);
            command.args(["--host-token-issuer", "https://host.example"]);
            command.args(["--host-token-audience", "ppm", "--host-token-cookie", "host"]);
            trust_the_tests(command, folder.path());
        });
        Self { folder, serving, openid }
    }

    /// A browser with the client address `127.0.0.{number}`.
    async fn browser_from(&self, number: u8) -> HttpBrowser {
        let own = format!("127.0.0.{number}");
        HttpBrowser::at_from(&own, &self.serving.address).await.expect("it listens")
    }

    /// Requests a path with a cookie repeatedly, from enough addresses that few requests are
    /// throttled, and returns how often the response had this fault.
    async fn repeat(&self, path: &str, cookie: &str, diagnosis: &str) -> i64 {
        let expected = format!("/oauth/result?fault={diagnosis}");
        let mut answered = 0;
        for number in 100..115 {
            let mut browser = self.browser_from(number).await;
            for _ in 0..many() / 15 {
                let answer =
                    browser.get_with(path, &[("cookie", cookie)]).await.expect("an answer");
                let is_limited = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE]
                    .contains(&answer.status);
                assert!(is_limited || answer.header("location") == expected, "{answer:?}");
                answered += i64::from(!is_limited);
            }
        }
        let asked = i64::try_from(many()).expect("a small number");
        assert!(answered * 3 > asked, "{answered} of {asked} were answered");
        answered
    }

    async fn ada(&self) -> HttpBrowser {
        let mut ada = self.serving.browser().await;
        let answer = ada.sign_in(EMAIL, PASSWORD).await.expect("an answer");
        assert_eq!(answer.header("location"), "/settings/email");
        ada
    }

    /// The audit rows from `first` on, once there are `count`: they are written after the response.
    async fn wait_for_rows(&self, count: usize, first: usize) -> Vec<StoredRow> {
        until_some(async || Some(self.rows_from(first).await).filter(|rows| rows.len() >= count))
            .await
    }

    /// The audit rows from `first` on, oldest first.
    async fn rows_from(&self, first: usize) -> Vec<StoredRow> {
        rows(self.folder.path()).await.split_off(first)
    }
}

async fn rows(folder: &Path) -> Vec<StoredRow> {
    let found = sqlx::query("SELECT action, email, name, detail FROM audit ORDER BY id")
        .fetch_all(&mut connection(folder).await)
        .await
        .expect("the table is there");
    let row = |row: &sqlx::any::AnyRow| StoredRow {
        action: row.get("action"),
        email: row.get("email"),
        name: row.get("name"),
        detail: row.get("detail"),
    };
    found.iter().map(row).collect()
}

/// Waits until the rows of an action count this many events in total.
async fn wait_for_count(folder: &Path, action: Action, count: i64) {
    let mut connection = connection(folder).await;
    until(async || {
        let sql = "SELECT CAST(SUM(count) AS BIGINT) FROM audit WHERE action = $1";
        let sum = sqlx::query_scalar::<_, Option<i64>>(sql)
            .bind(action.wire_name())
            .fetch_one(&mut connection)
            .await;
        sum.expect("the table is there") == Some(count)
    })
    .await;
}

/// The number of clock minutes that a period touches.
fn minutes(begun: DateTime<Utc>, ended: DateTime<Utc>) -> usize {
    let minute = |at: DateTime<Utc>| at.timestamp().div_euclid(60);
    usize::try_from(minute(ended) - minute(begun) + 1).expect("time goes on")
}

/// An unauthenticated request that is repeated.
#[derive(Debug, Clone, Copy)]
enum Attack {
    UnknownAccount,
    KnownAccount,
    EndedSession,
    MadeUpSession,
    SpoofedProxyHeaders,
    GarbageBearer,
    UnsignedHostCookie,
    MadeUpCallback,
    MadeUpOidcCallback,
    MadeUpTicket,
    GuessedSetUp,
    AccountWithoutRole,
}

impl Attack {
    const ALL: [Self; 12] = [
        Self::UnknownAccount,
        Self::KnownAccount,
        Self::EndedSession,
        Self::MadeUpSession,
        Self::SpoofedProxyHeaders,
        Self::GarbageBearer,
        Self::UnsignedHostCookie,
        Self::MadeUpCallback,
        Self::MadeUpOidcCallback,
        Self::MadeUpTicket,
        Self::GuessedSetUp,
        Self::AccountWithoutRole,
    ];

    /// Sends it once; `ended` is the cookie of a session that was ended.
    async fn send(
        self,
        fixture: &RepeatedFixture,
        client: &mut HttpBrowser,
        ended: &str,
    ) -> Answer {
        let answer = match self {
            Self::UnknownAccount => client.sign_in("unknown@example.com", "wrong").await,
            Self::KnownAccount => client.sign_in(EMAIL, "wrong").await,
            Self::EndedSession => client.get_with("/audit", &[("cookie", ended)]).await,
            Self::MadeUpSession => client.get_with("/audit", &[("cookie", "ppm-email=x")]).await,
            Self::SpoofedProxyHeaders => {
                let headers = [("x-user", "ada"), ("x-roles", "ppm-administrator")];
                client.get_with("/audit", &headers).await
            }
            Self::GarbageBearer => {
                let headers = [("authorization", "Bearer garbage")];
                client.get_with("/bearer/api/email/load", &headers).await
            }
            Self::UnsignedHostCookie => {
                // Its header is {"alg":"none"}.
                let cookie = "host=eyJhbGciOiJub25lIn0.e30.";
                client.get_with("/audit", &[("cookie", cookie)]).await
            }
            Self::MadeUpCallback => client.get("/oauth/callback?code=x&state=made-up").await,
            Self::MadeUpOidcCallback => client.get("/oidc/callback?code=x&state=made-up").await,
            Self::MadeUpTicket => client.get("/oauth/start/made-up").await,
            Self::GuessedSetUp => {
                let password = encoded("a long enough pass phrase");
                let form = format!(
                    "ticket=guessed&email=eve%40example.com&name=Eve&password={password}&again={password}"
                );
                client.ask("POST", "/set-up", FORM, form).await
            }
            Self::AccountWithoutRole => Ok(sign_in_without_role(fixture, client).await),
        };
        answer.expect("an answer")
    }

    /// The rows that it may cause in a minute.
    fn rows_per_minute(self) -> usize {
        match self {
            Self::MadeUpSession
            | Self::MadeUpCallback
            | Self::MadeUpOidcCallback
            | Self::MadeUpTicket
            | Self::GuessedSetUp => 0,
            _ => 1,
        }
    }

    /// Whether a third party proves the caller's identity.
    fn is_proven(self) -> bool {
        matches!(self, Self::AccountWithoutRole)
    }

    /// How often it is sent: a login at a provider takes two requests that are limited by address.
    fn times(self) -> usize {
        if self.is_proven() { many() / 30 } else { many() }
    }
}

/// Signs in by `OpenID` Connect with an account that has no role here.
async fn sign_in_without_role(fixture: &RepeatedFixture, client: &mut HttpBrowser) -> Answer {
    let away = client.get("/oidc/start").await.expect("an answer");
    let provider = Url::parse(away.header("location")).expect("the provider's page");
    let back = fixture.openid.sign_in(&provider);
    client.get_with(&back, &[("cookie", &away.cookie())]).await.expect("an answer")
}

#[tokio::test]
async fn repeated_unauthenticated_requests_leave_at_most_a_row_a_minute_and_no_unproven_name() {
    let fixture = RepeatedFixture::start().await;
    fixture.openid.bend(Bent { claims: json!({ "roles": ["another"] }), ..Bent::default() });
    let mut ada = fixture.ada().await;
    let ended = ada.cookie.clone();
    ada.ask("POST", "/sign-out", FORM, "").await.expect("an answer");
    for (attack, number) in Attack::ALL.into_iter().zip(2..) {
        let (before, begun) = (fixture.rows_from(0).await.len(), SystemClock.now());
        // From a new address, which is not throttled yet.
        let mut client = fixture.browser_from(number).await;
        for _ in 0..attack.times() {
            attack.send(&fixture, &mut client, &ended).await;
        }
        let least = attack.rows_per_minute().min(1);
        let rows = fixture.wait_for_rows(least, before).await;
        let most = attack.rows_per_minute() * minutes(begun, SystemClock.now());
        assert!((least..=most).contains(&rows.len()), "{attack:?}: {} rows", rows.len());
        for row in rows.iter().filter(|_| !attack.is_proven()) {
            assert_eq!((row.email.as_str(), row.name.as_str()), ("", ""), "{attack:?}");
        }
    }
}

/// Ada's browser, at a program with a saved OAuth flow and its servers.
struct SavedFlow {
    ada: HttpBrowser,
    provider: Arc<TestProvider>,
    _mailbox: Mailbox,
}

async fn save_flow(fixture: &RepeatedFixture) -> SavedFlow {
    let provider = Arc::new(TestProvider::start());
    let mailbox = Mailbox::start(&provider).await;
    let mut ada = fixture.ada().await;
    save(&mut ada, &draft(OauthFlow::AuthorizationCode, &provider, &mailbox), 0, None).await;
    SavedFlow { ada, provider, _mailbox: mailbox }
}

/// Completes a consent, and returns the callback with its used state and the consent cookie.
async fn use_state(SavedFlow { ada, provider, .. }: &mut SavedFlow) -> (String, String) {
    let begun = begin_attempt(ada).await;
    let (back, cookie) = consent(ada, provider, &begun).await;
    let landed = ada.get_with(&back, &[("cookie", &cookie)]).await.expect("an answer");
    assert!(landed.header("location").starts_with("/oauth/result/"), "{landed:?}");
    (back, cookie)
}

#[tokio::test]
async fn a_used_state_that_another_browser_replays_writes_one_row_without_a_name() {
    let fixture = RepeatedFixture::start().await;
    let mut flow = save_flow(&fixture).await;
    let (back, _) = use_state(&mut flow).await;
    let before = fixture.rows_from(0).await.len();
    let answered = fixture.repeat(&back, "", "attempt-used").await;
    let expected = StoredRow {
        action: "token-not-obtained".to_owned(),
        email: String::new(),
        name: String::new(),
        detail: Some("attempt-used".to_owned()),
    };
    assert_eq!(fixture.rows_from(before).await, [expected]);
    wait_for_count(fixture.folder.path(), Action::TokenNotObtained, answered).await;
}

#[tokio::test]
async fn a_used_state_that_its_own_browser_replays_writes_one_row_with_its_users_name() {
    let fixture = RepeatedFixture::start().await;
    let mut flow = save_flow(&fixture).await;
    let (back, cookie) = use_state(&mut flow).await;
    let before = fixture.rows_from(0).await.len();
    fixture.repeat(&back, &cookie, "attempt-used").await;
    let rows = fixture.rows_from(before).await;
    let [row] = rows.as_slice() else { panic!("{} rows", rows.len()) };
    assert_eq!((row.action.as_str(), row.email.as_str()), ("token-not-obtained", EMAIL));
}

#[tokio::test]
async fn a_start_ticket_that_is_repeated_without_its_session_is_refused_and_writes_no_row() {
    let fixture = RepeatedFixture::start().await;
    let begun = begin_attempt(&mut save_flow(&fixture).await.ada).await;
    let (start, before) = (begun.start.expect("a ticket"), fixture.rows_from(0).await.len());
    fixture.repeat(&start, "", "other-session").await;
    assert_eq!(fixture.rows_from(before).await.len(), 0);
}

#[tokio::test]
async fn concurrent_failed_sign_ins_at_two_nodes_are_one_row_a_minute_that_counts_each() {
    let fixture = RepeatedFixture::start().await;
    let second = Serving::on_database(fixture.folder.path(), &[]).await;
    let begun = SystemClock.now();
    let mut attempts = JoinSet::new();
    for number in 0..20 {
        for address in [fixture.serving.address.clone(), second.address.clone()] {
            attempts.spawn(async move {
                let mut browser = HttpBrowser::at(&address).await.expect("it listens");
                let account = format!("unknown-{number}@example.com");
                let answer = browser.sign_in(&account, "wrong").await.expect("an answer");
                answer.status == StatusCode::UNPROCESSABLE_ENTITY
            });
        }
    }
    let failed = attempts.join_all().await.into_iter().filter(|has_failed| *has_failed).count();
    assert!(failed > 1, "{failed} failed");
    let failed = i64::try_from(failed).expect("a small number");
    wait_for_count(fixture.folder.path(), Action::SignInFailed, failed).await;
    let rows = fixture.rows_from(0).await;
    let rows = rows.iter().filter(|row| row.action == "sign-in-failed").count();
    assert!((1..=minutes(begun, SystemClock.now())).contains(&rows), "{rows} rows");
}

#[tokio::test]
async fn two_writers_of_one_minute_share_a_row_without_losing_an_event() {
    let harness = Harness::start().await;
    let (store, clock) = (&harness.server.store, harness.clock.clone());
    let writers = [(); 2].map(|()| Aggregates::new(store.clone(), clock.clone()));
    let mut events = JoinSet::new();
    for writer in &writers {
        for _ in 0..100 {
            let writer = writer.clone();
            let address = "192.0.2.7".parse().expect("an address");
            events.spawn(async move {
                writer.record(Action::SignInFailed, address, Actor::unknown(), None)
            });
        }
    }
    events.join_all().await;
    for writer in &writers {
        writer.flush().await;
    }
    let rows = trail(store, 9).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.count, row.actor.address.as_deref()), (200, Some("192.0.2.7")));
}

/// Counts a failed sign-in from an address, for an account if it is known.
fn count_failure(harness: &Harness, address: &str, account: Option<&str>) {
    let (address, detail) = (address.parse().expect("an address"), account.map(str::to_owned));
    let aggregates = harness.accounts().aggregates();
    aggregates.record(Action::SignInFailed, address, Actor::unknown(), detail);
}

/// Counts one failed sign-in from each of many addresses.
fn count_flood(harness: &Harness, addresses: u32) {
    for number in 0..addresses {
        count_failure(harness, &Ipv4Addr::from_bits(0xC612_0000 + number).to_string(), None);
    }
}

#[tokio::test]
async fn events_that_the_database_refused_are_written_once_it_accepts_them() {
    let harness = Harness::start().await;
    refuse(harness.folder.path(), "INSERT", "audit").await;
    for _ in 0..3 {
        count_failure(&harness, "192.0.2.7", None);
    }
    assert_eq!(harness.trail(9).await, []);
    stop_refusing(harness.folder.path(), "audit").await;
    let rows = harness.trail(9).await;
    assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn failed_sign_ins_are_counted_by_ipv4_address_or_ipv6_network() {
    let harness = Harness::start().await;
    for address in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "192.0.2.7"] {
        count_failure(&harness, address, None);
    }
    let rows = harness.trail(9).await;
    let mut found: Vec<_> =
        rows.iter().map(|row| (row.actor.address.as_deref(), row.count)).collect();
    found.sort_unstable();
    let expected = [("192.0.2.7", 1), ("2001:db8:1:2::/64", 2), ("2001:db8:1:3::/64", 1)];
    assert_eq!(found, expected.map(|(address, count)| (Some(address), count)));
}

#[tokio::test]
async fn a_flood_from_many_addresses_leaves_a_limited_number_of_rows_and_counts_each() {
    let harness = Harness::start().await;
    count_flood(&harness, 500);
    let rows = harness.trail(100).await;
    assert_eq!(rows.len(), 17);
    assert_eq!(rows.iter().map(|row| row.count).sum::<i64>(), 500);
    assert_eq!(rows.iter().filter(|row| row.actor.address.is_none()).count(), 1);
}

#[tokio::test]
async fn a_flood_of_one_kind_hides_neither_the_account_nor_the_addresses_of_another() {
    let harness = Harness::start().await;
    count_flood(&harness, 100);
    count_failure(&harness, "192.0.2.7", Some(EMAIL));
    let rows = harness.trail(100).await;
    let of_the_account = rows.iter().filter(|row| row.detail.as_deref() == Some(EMAIL));
    let found: Vec<_> = of_the_account.map(|row| row.actor.address.as_deref()).collect();
    assert_eq!(found, [Some("192.0.2.7")]);
}

#[tokio::test]
async fn the_audit_page_shows_the_count_and_the_address() {
    let harness = Harness::start().await.with_ada().await;
    for _ in 0..12 {
        count_failure(&harness, "192.0.2.77", Some(EMAIL));
    }
    harness.accounts().aggregates().flush().await;
    let page = page(&harness, "/audit", &harness.sign_in().await).await;
    for part in ["12 times", "from 192.0.2.77"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
}
