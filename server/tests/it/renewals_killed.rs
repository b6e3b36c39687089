//! Kills the program during token refreshes: before the request, before the provider rotates the
//! refresh token, before its response arrives, and around the time at which the response is stored.
//! Afterwards the status is correct, and the token is refreshed or the provider requires a new
//! consent. No refresh token is sent that was known to be superseded.

use std::{path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contract::TokenView;
use domain::delivery::{Diagnosis, Outcome};
use domain::secret::Destination;
use domain::token::{OauthDiagnosis, Renewal, TokenStatus};
use domain::{Draft, OauthFlow};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use secrecy::ExposeSecret;
use sqlx::{Connection, SqliteConnection};
use store::{Store, database::Database, tokens};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use vault::clock::{Clock, SystemClock};
use vault::unlock;

use crate::support::oauth_fixture::draft;
use crate::support::oauth_programs::{
    LOOK_EVERY, begin_send, end_of, obtain, save, token, trust_the_tests,
};
use crate::support::program::{HttpBrowser, Serving, add_administrator};
use crate::support::soak::{is_soaking, times};
use crate::support::test_doubles::{FixedClock, SeededRandomness};
use testkit::mailbox::Mailbox;
use testkit::provider::{Held, TestProvider};

/// The number of databases that are tested in parallel.
const LANES: u64 = 10;
/// The default seed of the random kill moments; `PPM_EMAIL_SEED` overrides it.
const SEED: u64 = 20_270_301;
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "a long enough pass phrase";
/// The lifetime of an access token, which is refreshed in the last fifth of it.
const LIFETIME: Duration = Duration::from_secs(2);
/// Longer than a refresh takes to begin, even on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
enum KillMoment {
    /// This long after the refresh lease was taken.
    Leased(Duration),
    /// After the provider has the request, before it issues and rotates.
    Unissued,
    /// After the provider has issued and rotated, before it answers.
    Unanswered,
    /// This long after the provider was released to answer.
    Answered(Duration),
}

impl KillMoment {
    fn any(moments: &mut StdRng) -> Self {
        match moments.random_range(0..8) {
            0..2 => Self::Leased(Duration::from_millis(moments.random_range(0..2))),
            2..4 => Self::Unissued,
            4 => Self::Unanswered,
            _ => Self::Answered(Duration::from_millis(moments.random_range(0..8))),
        }
    }
}

/// The stage at which a kill interrupted a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KillStage {
    BeforeRequest,
    BeforeIssue,
    BeforeResponse,
    BeforeStoring,
    AfterStoring,
}

impl KillStage {
    const ALL: [Self; 5] = [
        Self::BeforeRequest,
        Self::BeforeIssue,
        Self::BeforeResponse,
        Self::BeforeStoring,
        Self::AfterStoring,
    ];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_again_and_again_in_a_refresh_its_status_is_correct_and_no_invalid_token_is_sent() {
    let seed = std::env::var("PPM_EMAIL_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    println!("PPM_EMAIL_SEED={seed}");
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        lanes.spawn(kills(StdRng::seed_from_u64(seed + lane)));
    }
    let met: Vec<KillStage> = lanes.join_all().await.concat();
    for place in KillStage::ALL {
        let count = met.iter().filter(|one| **one == place).count();
        println!("{place:?}: {count}");
        assert!(count > 0 || !is_soaking(), "no kill met a renewal so: {place:?}");
    }
}

/// Runs the program on one database and kills it repeatedly.
async fn kills(mut moments: StdRng) -> Vec<KillStage> {
    let mut lane = Lane::start().await;
    let mut met = Vec::new();
    for kill in 0..times(2, 10) {
        let moment = KillMoment::any(&mut moments);
        met.push(lane.kill_during_refresh(moment).await);
        lane.expect_recovery(&format!("kill {kill} at {moment:?}")).await;
    }
    lane.check_sent_tokens();
    met
}

/// A program with its provider and its mail server.
struct Lane {
    folder: TempDir,
    provider: Arc<TestProvider>,
    mailbox: Mailbox,
    draft: Draft,
    /// The program, unless it was killed.
    serving: Option<Serving>,
    browser: HttpBrowser,
    /// The tokens that were found stored, each with the provider's number of requests by then.
    looks: Vec<(usize, TokenRow)>,
    /// How many requests were held until their client was gone.
    held: usize,
    /// The refresh tokens of held requests for which nothing was issued.
    dropped: Vec<String>,
}

/// The token as the database holds it.
#[derive(Debug, Clone)]
struct TokenRow {
    generation: i64,
    access: String,
    refresh: String,
    expires_at: DateTime<Utc>,
}

impl Lane {
    /// A program with a token.
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        add_administrator(folder.path(), EMAIL, PASSWORD);
        let provider = Arc::new(TestProvider::start());
        provider.rule(|rules| rules.lifetime = LIFETIME);
        let mailbox = Mailbox::start(&provider).await;
        let draft = draft(OauthFlow::AuthorizationCodePkce, &provider, &mailbox);
        let serving = serve(folder.path());
        let mut browser = serving.browser().await;
        browser.sign_in(EMAIL, PASSWORD).await.expect("it answers");
        save(&mut browser, &draft, 0, None).await;
        obtain(&mut browser, &provider).await;
        Self {
            folder,
            provider,
            mailbox,
            draft,
            serving: Some(serving),
            browser,
            looks: Vec::new(),
            held: 0,
            dropped: Vec::new(),
        }
    }

    /// Waits for the next refresh and kills the program during it.
    async fn kill_during_refresh(&mut self, moment: KillMoment) -> KillStage {
        match moment {
            KillMoment::Leased(_) => {}
            KillMoment::Unissued => self.provider.hold(Held::BeforeIssuing),
            KillMoment::Unanswered | KillMoment::Answered(_) => {
                self.provider.hold(Held::BeforeAnswering);
            }
        }
        let before = self.kept().await;
        match moment {
            KillMoment::Leased(and_then) => {
                self.wait_for_lease(&before).await;
                // No condition to wait for: the kill is to hit an arbitrary instant.
                sleep(and_then).await;
            }
            KillMoment::Unissued | KillMoment::Unanswered => self.wait_for_request(&before).await,
            KillMoment::Answered(and_then) => {
                self.wait_for_request(&before).await;
                self.provider.release();
                sleep(and_then).await;
            }
        }
        self.serving.take().expect("the server").kill();
        if matches!(moment, KillMoment::Unissued) {
            self.dropped.push(before.refresh.clone());
        }
        if matches!(moment, KillMoment::Unissued | KillMoment::Unanswered) {
            // Released earlier, the request would still be answered.
            self.held += 1;
            self.provider.wait_for_gone(self.held).await;
        }
        self.provider.release();

        let after = self.kept().await;
        let met = match moment {
            _ if after.generation > before.generation => KillStage::AfterStoring,
            _ if self.sent(&before.refresh) == 0 => KillStage::BeforeRequest,
            KillMoment::Unissued => KillStage::BeforeIssue,
            KillMoment::Unanswered => KillStage::BeforeResponse,
            KillMoment::Leased(_) | KillMoment::Answered(_) => KillStage::BeforeStoring,
        };
        self.looks.push((self.provider.asked().len(), after));
        met
    }

    /// Restarts the program and asserts that its status is correct. The token must be refreshed, or
    /// obtained again if the provider had rotated it.
    async fn expect_recovery(&mut self, when: &str) {
        let (_, kept) = self.looks.last().expect("the token was read").clone();
        let (reused, messages) = (self.provider.reused(), self.mailbox.messages());
        let serving = serve(self.folder.path());
        self.browser = self.browser.again(&serving.address).await.expect("it listens");
        self.serving = Some(serving);
        self.check_status(when).await;
        let run = begin_send(&mut self.browser).await;
        let outcome = end_of(&mut self.browser, run).await;
        let view = self.check_status(when).await;
        let renewal = view.token.map(|token| token.renewal);

        let dropped = self.dropped.iter().filter(|token| **token == kept.refresh).count();
        match self.sent(&kept.refresh) - dropped {
            // Stored and not yet used, or used once by the process that got the response.
            0 | 1 => {
                assert!(matches!(outcome, Outcome::Accepted { .. }), "{when}: {outcome:?}");
                assert_eq!(self.mailbox.messages(), messages + 1, "{when}");
                assert_eq!(renewal, Some(Renewal::ByItself), "{when}");
                assert_eq!(self.provider.reused(), reused, "{when}");
            }
            // Rotated for the killed program, and sent again by the next one.
            2 => {
                let Outcome::Failed { diagnosis, peer_text, .. } = outcome else {
                    panic!("{when}: sent")
                };
                let expected = Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant);
                assert_eq!(diagnosis, expected, "{when}");
                let Some(Renewal::Gone(failure)) = renewal else { panic!("{when}: {renewal:?}") };
                assert_eq!(peer_text, failure.peer_text, "{when}");
                let reason = peer_text.expect("the provider's reason");
                assert!(reason.contains("The refresh token was used before."), "{when}: {reason}");
                assert_eq!(self.provider.reused(), reused + 1, "{when}");
                obtain(&mut self.browser, &self.provider).await;
            }
            more => panic!("{when}: one refresh token was sent {more} times"),
        }
    }

    /// Asserts that the reported token status is correct, and returns it.
    async fn check_status(&mut self, when: &str) -> TokenView {
        let view = token(&mut self.browser).await;
        match TokenStatus::of(view.token.as_ref(), view.now) {
            TokenStatus::Absent => panic!("{when}: the token is lost"),
            TokenStatus::Valid => {
                let kept = self.kept().await;
                let is_good = self.provider.is_good(&kept.access);
                let is_over = kept.expires_at <= SystemClock.now();
                assert!(is_good || is_over, "{when}: {view:?}, {kept:?}");
            }
            TokenStatus::Expired => {
                let renewal = view.token.as_ref().map(|token| &token.renewal);
                let is_known = matches!(renewal, Some(Renewal::ByItself | Renewal::Gone(_)));
                assert!(is_known, "{when}: {view:?}");
            }
        }
        view
    }

    /// Asserts that no refresh token was sent after a newer one was sent or stored.
    fn check_sent_tokens(&self) {
        let asked = self.provider.asked();
        let sent = asked.iter().map(|asked| asked.param("refresh_token")).map(number);
        let sent: Vec<_> = sent.enumerate().filter(|&(_, number)| number > 0).collect();
        assert!(sent.is_sorted_by_key(|&(_, number)| number), "{sent:?}");
        for (asked_by_then, kept) in &self.looks {
            let mut later = sent.iter().filter(|(at, _)| at >= asked_by_then);
            let is_known_dead = |(_, sent): &&(usize, u64)| *sent < number(&kept.refresh);
            assert_eq!(later.find(is_known_dead), None, "{kept:?} was stored: {sent:?}");
        }
    }

    /// How often a refresh token was sent.
    fn sent(&self, refresh: &str) -> usize {
        let asked = self.provider.asked();
        asked.iter().filter(|asked| asked.param("refresh_token") == refresh).count()
    }

    /// Waits until the provider receives the stored refresh token.
    async fn wait_for_request(&self, kept: &TokenRow) {
        let asked = async {
            let mut count = self.provider.asked().len();
            while self.sent(&kept.refresh) == 0 {
                count += 1;
                self.provider.wait_for(count).await;
            }
        };
        timeout(TIMEOUT, asked).await.expect("the token is renewed in time");
    }

    async fn wait_for_lease(&self, kept: &TokenRow) {
        // Polls without a pause, because the lease is used at once, but not before it may be taken.
        let not_before = kept.expires_at - LIFETIME / 4 - LOOK_EVERY;
        sleep((not_before - SystemClock.now()).to_std().unwrap_or_default()).await;
        let url = format!("sqlite://{}", self.folder.path().join("ppm-email.db").display());
        let mut connection = SqliteConnection::connect(&url).await.expect("the database is there");
        let leased = async {
            let leases = "SELECT 1 FROM token WHERE lease_owner IS NOT NULL";
            while sqlx::query(leases)
                .fetch_optional(&mut connection)
                .await
                .expect("an answer")
                .is_none()
            {}
        };
        timeout(TIMEOUT, leased).await.expect("the token is renewed in time");
    }

    /// Reads the stored token as the next start will.
    async fn kept(&self) -> TokenRow {
        let folder = self.folder.path();
        let database = Database::Sqlite(folder.join("ppm-email.db"));
        let store = Store::open(&database).await.expect("the database opens");
        let (key_file, randomness) = (folder.join("ppm-email.key"), SeededRandomness::new(1));
        let vault = unlock(&key_file, &store, &FixedClock::new(), Arc::new(randomness)).await;
        let vault = vault.expect("the key opens it");
        let token = tokens::load(&store).await.expect("the token is readable").expect("a token");
        store.close().await;
        let opened = |column: &str, destination: &Destination, sealed: &[u8]| {
            let opened = vault.open(column, destination, sealed);
            opened.expect("it was sealed for this").expose_secret().to_owned()
        };
        let refresh = token.sealed.refresh.expect("a refresh token");
        TokenRow {
            generation: token.generation,
            access: opened("access-token", &self.draft.token_destination(), &token.sealed.access),
            refresh: opened("refresh-token", &self.draft.token_endpoint_origin(), &refresh),
            expires_at: token.expires_at,
        }
    }
}

fn serve(folder: &Path) -> Serving {
    Serving::with(folder, |command| {
        // Short deadlines, so that a lease that a kill leaves behind soon expires.
        command.args(["--oauth-connect-seconds=1", "--oauth-total-seconds=1"]);
        trust_the_tests(command, folder);
    })
}

/// The number of a refresh token: the provider counts up. An empty text has the number 0.
fn number(token: &str) -> u64 {
    let digits = token.strip_prefix("canary-refresh-token-");
    digits.map_or(0, |digits| digits.parse().expect("a number"))
}
