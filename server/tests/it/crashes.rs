//! Kills the program at random instants while administrators save. The database then holds one
//! whole save, and never an older one than was acknowledged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use contract::{Save, SaveAnswer};
use domain::secret::Destination;
use domain::syntax::port::port;
use domain::{Draft, Field, Form};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::{Connection, Row, SqliteConnection};
use store::database::Database;
use store::{Store, settings};
use tokio::task::JoinSet;
use vault::{Vault, unlock};

use crate::support::drafts::draft_of;
use crate::support::program::{HttpBrowser, Serving, add_administrator};
use crate::support::soak::{is_soaking, times};
use crate::support::test_doubles::{FixedClock, SeededRandomness};

/// The number of databases that are tested in parallel.
const LANES: usize = 3;
const SAVERS: [&str; 3] = ["ada@example.com", "grace@example.com", "hedy@example.com"];
const PASSWORD: &str = "a long enough pass phrase";
/// The default seed of the random kill moments; `PPM_EMAIL_SEED` overrides it.
const SEED: u64 = 20_270_301;

/// Statistics of the kills.
#[derive(Debug, Default)]
struct Seen {
    /// The newest revision that a client was told of.
    acknowledged: i64,
    /// Kills while at least one save had been sent and not answered.
    within_a_save: usize,
    /// Kills after a commit that no client was told of.
    after_a_commit: usize,
    /// Kills that left something in the write-ahead log.
    with_a_journal: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn killed_again_and_again_it_keeps_one_whole_save_and_none_older_than_acknowledged() {
    let seed = std::env::var("PPM_EMAIL_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    println!("PPM_EMAIL_SEED={seed}");
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        lanes.spawn(kills(StdRng::seed_from_u64(seed + lane as u64)));
    }
    let lanes = lanes.join_all().await;
    println!("{lanes:#?}");
    let all = LANES * kills_of_a_lane();
    let sum = |count: fn(&Seen) -> usize| lanes.iter().map(count).sum::<usize>();
    let within = sum(|lane| lane.within_a_save);
    assert!(within * 2 > all, "only {within} of {all} kills met a save");
    let committed = sum(|lane| lane.after_a_commit);
    assert!(committed > 0 || !is_soaking(), "no kill met a save between its commit and its answer");
    let journals = sum(|lane| lane.with_a_journal);
    assert!(journals * 3 > all, "only {journals} of {all} kills left a journal to recover from");
}

fn kills_of_a_lane() -> usize {
    times(12, 100)
}

/// Runs the program on one database and kills it repeatedly.
async fn kills(mut moments: StdRng) -> Seen {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let folder = folder.path();
    for email in SAVERS {
        add_administrator(folder, email, PASSWORD);
    }
    let mut cookies = Vec::new();
    let serving = serve(folder);
    for email in SAVERS {
        cookies.push(HttpBrowser::signed_in(&serving.address, email, PASSWORD).await.cookie);
    }
    serving.kill();

    let mut seen = Seen::default();
    for kill in 0..kills_of_a_lane() {
        let moment = CrashMoment {
            after_saves: moments.random_range(0..8),
            and_then: Duration::from_micros(moments.random_range(0..8_000)),
        };
        let serving = serve(folder);
        let savers = Savers::start(&serving.address, &cookies, seen.acknowledged);
        savers.reach(moment).await;
        let under_way = savers.under_way.load(Ordering::SeqCst);
        serving.kill();
        seen.acknowledged = savers.end().await;

        seen.within_a_save += usize::from(under_way > 0);
        let journal = std::fs::metadata(folder.join("ppm-email.db-wal"));
        seen.with_a_journal += usize::from(journal.is_ok_and(|file| file.len() > 0));
        let kept = kept(folder).await;
        assert!(
            kept >= seen.acknowledged,
            "kill {kill} at {moment:?}: {kept} is kept, {} was acknowledged",
            seen.acknowledged
        );
        seen.after_a_commit += usize::from(kept > seen.acknowledged);
    }
    seen
}

/// When to kill: after this many saves, and a delay that ends anywhere in the next ones.
#[derive(Debug, Clone, Copy)]
struct CrashMoment {
    after_saves: usize,
    and_then: Duration,
}

fn serve(folder: &Path) -> Serving {
    // Short deadlines, so that an interrupted message is soon marked as such.
    let short = ["--smtp-connect-seconds=1", "--smtp-reply-seconds=1", "--smtp-total-seconds=1"];
    Serving::with(folder, |command| {
        command.args(short);
    })
}

/// Administrators who save in a loop, each on the revision of the last response.
struct Savers {
    tasks: JoinSet<()>,
    under_way: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    acknowledged: Arc<AtomicI64>,
}

impl Savers {
    fn start(address: &str, cookies: &[String], acknowledged: i64) -> Self {
        let mut savers = Self {
            tasks: JoinSet::new(),
            under_way: Arc::default(),
            answered: Arc::default(),
            acknowledged: Arc::new(AtomicI64::new(acknowledged)),
        };
        for (email, cookie) in SAVERS.iter().zip(cookies) {
            let (address, cookie) = (address.to_owned(), cookie.clone());
            let (under_way, answered) = (savers.under_way.clone(), savers.answered.clone());
            let acknowledged = savers.acknowledged.clone();
            savers.tasks.spawn(async move {
                // An error means that the program was killed.
                let Ok(mut browser) = HttpBrowser::at(&address).await else { return };
                browser.cookie = cookie;
                let mut revision = acknowledged.load(Ordering::SeqCst);
                let mut token = None;
                loop {
                    let save = json!({"save": Save {
                        draft: version(revision + 1, email),
                        revision,
                        deletes_grant: token.take(),
                    }});
                    under_way.fetch_add(1, Ordering::SeqCst);
                    let Ok(answer) = browser.call("email/save", &save).await else { return };
                    under_way.fetch_sub(1, Ordering::SeqCst);
                    answered.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(answer.status, 200, "{answer:?}");
                    match serde_json::from_str(&answer.body).expect("an answer to a save") {
                        SaveAnswer::Saved(saved) => {
                            revision = saved.revision;
                            acknowledged.fetch_max(revision, Ordering::SeqCst);
                        }
                        SaveAnswer::Conflict(theirs) => revision = theirs.saved.revision,
                        SaveAnswer::TokenWouldBeDeleted(grant) => token = Some(grant),
                        other @ SaveAnswer::Problems(_) => panic!("{other:?}"),
                    }
                    // Refused while the last message is being sent; either way rows are written.
                    if revision % 4 == 0
                        && browser.call("email/send-test", &json!({})).await.is_err()
                    {
                        return;
                    }
                }
            });
        }
        savers
    }

    /// Waits until the moment of the kill.
    async fn reach(&self, moment: CrashMoment) {
        while self.answered.load(Ordering::SeqCst) < moment.after_saves {
            tokio::task::yield_now().await;
        }
        // No condition to wait for: the kill is to hit an arbitrary instant.
        tokio::time::sleep(moment.and_then).await;
    }

    /// Waits until every saver has stopped, and returns the newest acknowledged revision.
    async fn end(self) -> i64 {
        self.tasks.join_all().await;
        self.acknowledged.load(Ordering::SeqCst)
    }
}

/// The draft that is saved as this revision: every field contains the number.
fn version(revision: i64, by: &str) -> Draft {
    draft_of(&[
        (Field::BasicSender, format!("{revision}@example.com")),
        (Field::BasicDisplayName, by.to_owned()),
        (Field::BasicServer, "mail.invalid".to_owned()),
        (Field::BasicPort, revision.to_string()),
        (Field::Username, format!("user-{revision}")),
        (Field::Password, format!("password-{revision}-{by}")),
        (Field::ClientId, format!("client-{revision}")),
    ])
}

/// Opens the database after a kill, asserts that it is consistent and returns its revision.
async fn kept(folder: &Path) -> i64 {
    let database = Database::Sqlite(folder.join("ppm-email.db"));
    let store = Store::open(&database).await.expect("the database opens");
    let randomness = Arc::new(SeededRandomness::new(1));
    let vault = unlock(&folder.join("ppm-email.key"), &store, &FixedClock::new(), randomness).await;
    let vault = vault.expect("the key opens it");
    let revision = check_settings(&store, &vault).await;
    store.close().await;
    check_other_tables(folder, revision).await;
    revision
}

/// Asserts that form, secrets, author and revision are those of one save.
async fn check_settings(store: &Store, vault: &Vault) -> i64 {
    let stored = settings::load(store).await.expect("the settings are readable");
    let revision = stored.revision;
    let Some(json) = &stored.form_json else {
        assert_eq!((revision, stored.secrets.len()), (0, 0), "no form, and yet something");
        return 0;
    };
    let form: Form<()> = serde_json::from_str(json).expect("a whole form");
    let by = form.plain_text(Field::BasicDisplayName);
    let mut expected = version(revision, by);
    expected.edit(Field::ClientId, "");
    assert_eq!(form, expected.map_secrets(|_, _| ()), "revision {revision}");
    assert_eq!(port(form.plain_text(Field::BasicPort)).map(i64::from), Ok(revision));
    assert_eq!(stored.saved_by.map(|actor| actor.email).as_deref(), Some(by));
    assert!(stored.saved_at.is_some());

    let opened = |field: Field, destination: &Destination| {
        let secret = stored.secrets.iter().find(|secret| secret.field == field.wire_name());
        let secret = secret.expect("it was saved with the form");
        vault.open(field.wire_name(), destination, &secret.sealed).expect("it was sealed for this")
    };
    let destination = form.destination(Field::Password).expect("a password has one");
    let password = opened(Field::Password, &destination);
    assert_eq!(password.expose_secret(), format!("password-{revision}-{by}"));
    let client_id = opened(Field::ClientId, &Destination::Unbound);
    assert_eq!(client_id.expose_secret(), format!("client-{revision}"));
    assert_eq!(stored.secrets.len(), 2);
    revision
}

/// What holds in the database after a kill, each as a query that finds 0.
const CHECKS: &str = include_str!("crashes/checks.sql");

/// Asserts that the other tables match the settings and that the file is intact. Inserts a token
/// for the next save to delete.
async fn check_other_tables(folder: &Path, revision: i64) {
    let url = format!("sqlite://{}", folder.join("ppm-email.db").display());
    let mut connection = SqliteConnection::connect(&url).await.expect("the database is there");
    for check in CHECKS.split("\n\n").skip(1) {
        let row =
            sqlx::query(check).fetch_one(&mut connection).await.expect("the tables are there");
        assert_eq!(row.get::<i64, _>(0), 0, "{check}, at revision {revision}");
    }
    sqlx::query("INSERT INTO token (id, grant_id, generation, access, client_auth, obtained_at, expires_at) SELECT 1, 'grant-' || (revision + 1), 0, x'00', 'body', 0, 0 FROM settings WHERE NOT EXISTS (SELECT 1 FROM token)")
        .execute(&mut connection)
        .await
        .expect("the table is there");
    connection.close().await.expect("it is open");
}
