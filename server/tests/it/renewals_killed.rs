//! The program is killed in the middle of renewals, again and again: before it has asked, while the
//! provider has not yet rotated the refresh token, while it has and its answer is under way, and
//! around the moment at which the answer is stored. Afterwards the status is true, the token is
//! renewed, or the provider has said that it has to be obtained again; and no refresh token is sent
//! that was known to be superseded.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::api::TokenNow;
use chrono::{DateTime, Utc};
use domain::delivery::{Advice, Outcome};
use domain::secret::Destination;
use domain::token::{Fault, Renewal, TokenStatus};
use domain::{Draft, OauthFlow};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::ExposeSecret;
use server::clock::{Clock, SystemClock};
use server::config::Database;
use server::store::{Store, tokens};
use server::vault::unlock;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::doubles::{FixedClock, SeededRandomness};
use crate::support::mailbox::Mailbox;
use crate::support::oauth_programs::{
    LOOK_EVERY, begin_send, end_of, obtain, save, token, trust_the_tests,
};
use crate::support::oauth_world::draft;
use crate::support::program::{Browser, Serving, add_administrator};
use crate::support::provider::{Held, Provider};
use crate::support::soak::{is_soaking, times};

/// Databases that are used, and killed, side by side.
const LANES: u64 = 10;
/// What the moments of the kills are drawn from, unless `PPM_EMAIL_SEED` says otherwise.
const SEED: u64 = 20_270_301;
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "a long enough pass phrase";
/// How long an access token is good: it is renewed in the last fifth of that.
const LIFETIME: Duration = Duration::from_secs(2);
/// Longer than a renewal lets wait for itself, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// When to kill.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after the right to renew was taken.
    Leased(Duration),
    /// While the provider has the request, and has issued and rotated nothing.
    Unissued,
    /// While the provider has issued and rotated, and has not answered.
    Unanswered,
    /// So long after the provider was let go to answer.
    Answered(Duration),
}

impl Moment {
    fn any(moments: &mut StdRng) -> Self {
        match moments.random_range(0..8) {
            0..2 => Self::Leased(Duration::from_millis(moments.random_range(0..2))),
            2..4 => Self::Unissued,
            4 => Self::Unanswered,
            _ => Self::Answered(Duration::from_millis(moments.random_range(0..8))),
        }
    }
}

/// Where a kill met a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    BeforeItWasAskedFor,
    BeforeAnythingWasIssued,
    BeforeItWasAnswered,
    BeforeItWasStored,
    AfterItWasStored,
}

impl Met {
    const ALL: [Self; 5] = [
        Self::BeforeItWasAskedFor,
        Self::BeforeAnythingWasIssued,
        Self::BeforeItWasAnswered,
        Self::BeforeItWasStored,
        Self::AfterItWasStored,
    ];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_again_and_again_in_a_renewal_its_status_is_true_and_no_dead_token_is_sent() {
    let seed = std::env::var("PPM_EMAIL_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    println!("PPM_EMAIL_SEED={seed}");
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        lanes.spawn(kills(StdRng::seed_from_u64(seed + lane)));
    }
    let met: Vec<Met> = lanes.join_all().await.concat();
    for place in Met::ALL {
        let count = met.iter().filter(|one| **one == place).count();
        println!("{place:?}: {count}");
        assert!(count > 0 || !is_soaking(), "no kill met a renewal so: {place:?}");
    }
}

/// One database, killed again and again.
async fn kills(mut moments: StdRng) -> Vec<Met> {
    let mut lane = Lane::start().await;
    let mut met = Vec::new();
    for kill in 0..times(2, 10) {
        let moment = Moment::any(&mut moments);
        met.push(lane.killed(moment).await);
        lane.recovers(&format!("kill {kill} at {moment:?}")).await;
    }
    lane.never_sent_a_dead_token();
    met
}

/// A program with a provider and a mail server of its own.
struct Lane {
    folder: TempDir,
    provider: Arc<Provider>,
    mailbox: Mailbox,
    draft: Draft,
    /// The program, while it lives.
    serving: Option<Serving>,
    browser: Browser,
    /// What was stored, and how many requests the provider had by then.
    looks: Vec<(usize, Kept)>,
    /// How many requests were held until their caller was gone.
    held: usize,
    /// The refresh tokens of those among them for which nothing was issued.
    dropped: Vec<String>,
}

/// What the database knows of the token.
#[derive(Debug, Clone)]
struct Kept {
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
        let provider = Arc::new(Provider::start());
        provider.rule(|rules| rules.lifetime = LIFETIME);
        let mailbox = Mailbox::start(&provider).await;
        let draft = draft(OauthFlow::AuthorizationCodePkce, &provider, &mailbox);
        let serving = serve(folder.path());
        let mut browser = Browser::at(&serving.address).await.expect("it listens");
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

    /// Waits for the next renewal, and kills the program in it.
    async fn killed(&mut self, moment: Moment) -> Met {
        match moment {
            Moment::Leased(_) => {}
            Moment::Unissued => self.provider.hold(Held::BeforeIssuing),
            Moment::Unanswered | Moment::Answered(_) => self.provider.hold(Held::BeforeAnswering),
        }
        let before = self.kept().await;
        match moment {
            Moment::Leased(and_then) => {
                self.is_leased(&before).await;
                // No condition to wait for: the point is to be anywhere.
                sleep(and_then).await;
            }
            Moment::Unissued | Moment::Unanswered => self.is_asked(&before).await,
            Moment::Answered(and_then) => {
                self.is_asked(&before).await;
                self.provider.release();
                sleep(and_then).await;
            }
        }
        self.serving.take().expect("it lives").kill();
        if matches!(moment, Moment::Unissued) {
            self.dropped.push(before.refresh.clone());
        }
        if matches!(moment, Moment::Unissued | Moment::Unanswered) {
            // Let go before, it would still be answered.
            self.held += 1;
            self.provider.wait_for_gone(self.held).await;
        }
        self.provider.release();

        let after = self.kept().await;
        let met = match moment {
            _ if after.generation > before.generation => Met::AfterItWasStored,
            _ if self.sent(&before.refresh) == 0 => Met::BeforeItWasAskedFor,
            Moment::Unissued => Met::BeforeAnythingWasIssued,
            Moment::Unanswered => Met::BeforeItWasAnswered,
            Moment::Leased(_) | Moment::Answered(_) => Met::BeforeItWasStored,
        };
        self.looks.push((self.provider.asked().len(), after));
        met
    }

    /// Starts the program again, and finds that what it says is true, that the token is renewed
    /// unless the provider has rotated it, and that then it has to be obtained again.
    async fn recovers(&mut self, when: &str) {
        let (_, kept) = self.looks.last().expect("somebody looked").clone();
        let (reused, messages) = (self.provider.reused(), self.mailbox.messages());
        let serving = serve(self.folder.path());
        self.browser = self.browser.again(&serving.address).await.expect("it listens");
        self.serving = Some(serving);
        self.tells_the_truth(when).await;
        let run = begin_send(&mut self.browser).await;
        let outcome = end_of(&mut self.browser, run).await;
        let told = self.tells_the_truth(when).await;
        let renewal = told.token.map(|token| token.renewal);

        let dropped = self.dropped.iter().filter(|token| **token == kept.refresh).count();
        match self.sent(&kept.refresh) - dropped {
            // Stored and not yet used, or used once, by whoever got the answer.
            0 | 1 => {
                assert!(matches!(outcome, Outcome::Accepted { .. }), "{when}: {outcome:?}");
                assert_eq!(self.mailbox.messages(), messages + 1, "{when}");
                assert_eq!(renewal, Some(Renewal::ByItself), "{when}");
                assert_eq!(self.provider.reused(), reused, "{when}");
            }
            // Rotated for the program that was killed, and tried again by the one after.
            2 => {
                let Outcome::Failed { advice, said, .. } = outcome else { panic!("{when}: sent") };
                assert_eq!(advice, Advice::TokenNotRenewed(Fault::InvalidGrant), "{when}");
                let Some(Renewal::Gone(setback)) = renewal else { panic!("{when}: {renewal:?}") };
                assert_eq!(said, setback.said, "{when}");
                let said = said.expect("the provider's reason");
                assert!(said.contains("The refresh token was used before."), "{when}: {said}");
                assert_eq!(self.provider.reused(), reused + 1, "{when}");
                obtain(&mut self.browser, &self.provider).await;
            }
            more => panic!("{when}: one refresh token was sent {more} times"),
        }
    }

    /// Expects that what is told of the token is so, and tells it.
    async fn tells_the_truth(&mut self, when: &str) -> TokenNow {
        let told = token(&mut self.browser).await;
        match TokenStatus::of(told.token.as_ref(), told.now) {
            TokenStatus::Absent => panic!("{when}: the token is lost"),
            TokenStatus::Valid => {
                let kept = self.kept().await;
                let is_good = self.provider.is_good(&kept.access);
                assert!(
                    is_good || kept.expires_at <= SystemClock.now(),
                    "{when}: {told:?}, {kept:?}"
                );
            }
            TokenStatus::Expired => {
                let renewal = told.token.as_ref().map(|token| &token.renewal);
                let is_known = matches!(renewal, Some(Renewal::ByItself | Renewal::Gone(_)));
                assert!(is_known, "{when}: {told:?}");
            }
        }
        told
    }

    /// Each refresh token is as new as any that was sent or stored before.
    fn never_sent_a_dead_token(&self) {
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

    /// Waits until the provider is asked with the refresh token that is stored.
    async fn is_asked(&self, kept: &Kept) {
        let asked = async {
            let mut count = self.provider.asked().len();
            while self.sent(&kept.refresh) == 0 {
                count += 1;
                self.provider.wait_for(count).await;
            }
        };
        timeout(PATIENCE, asked).await.expect("the token is renewed in time");
    }

    /// Waits until somebody has taken the right to renew.
    async fn is_leased(&self, kept: &Kept) {
        // Not a millisecond later, for it is used at once; but not busily before that may be.
        let not_before = kept.expires_at - LIFETIME / 4 - LOOK_EVERY;
        sleep((not_before - SystemClock.now()).to_std().unwrap_or_default()).await;
        let url = format!("sqlite://{}", self.folder.path().join("ppm-email.db").display());
        let mut connection = SqliteConnection::connect(&url).await.expect("the database is there");
        let leased = async {
            let leases = "SELECT COUNT(*) FROM token WHERE lease_owner IS NOT NULL";
            let mut count = 0_i64;
            while count == 0 {
                let counted = sqlx::query_scalar(leases).fetch_one(&mut connection).await;
                count = counted.expect("the table is there");
            }
        };
        timeout(PATIENCE, leased).await.expect("the token is renewed in time");
    }

    /// Reads what is stored, as the next start will.
    async fn kept(&self) -> Kept {
        let folder = self.folder.path();
        let database = Database::Sqlite(folder.join("ppm-email.db"));
        let store = Store::open(&database).await.expect("the database opens");
        let randomness = Arc::new(SeededRandomness::new(1));
        let vault =
            unlock(&folder.join("ppm-email.key"), &store, &FixedClock::new(), randomness).await;
        let vault = vault.expect("the key opens it");
        let token = tokens::load(&store).await.expect("the token is readable").expect("a token");
        store.close().await;
        let opened = |column: &str, destination: &Destination, sealed: &[u8]| {
            let opened = vault.open(column, destination, sealed);
            opened.expect("it was sealed for this").expose_secret().to_owned()
        };
        let refresh = token.sealed.refresh.expect("a refresh token");
        Kept {
            generation: token.generation,
            access: opened("access-token", &self.draft.token_destination(), &token.sealed.access),
            refresh: opened("refresh-token", &self.draft.token_endpoint_origin(), &refresh),
            expires_at: token.expires_at,
        }
    }
}

fn serve(folder: &Path) -> Serving {
    Serving::with(folder, |command| {
        // Short times, so that the right to renew that a kill leaves behind soon ends.
        command.args(["--oauth-connect-seconds=1", "--oauth-total-seconds=1"]);
        trust_the_tests(command, folder);
    })
}

/// The provider counts what it makes: a newer token has a higher number. No token has none.
fn number(token: &str) -> u64 {
    let digits = token.strip_prefix("canary-refresh-token-");
    digits.map_or(0, |digits| digits.parse().expect("a number"))
}
