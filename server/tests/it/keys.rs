//! The sealing key can be rotated while programs serve, and a process that is killed at any instant
//! loses no value.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use contract::EmailService;
use contract::{EmailTab, Save, SaveAnswer};
use domain::delivery::Outcome;
use domain::secret::Destination;
use domain::{Draft, Field, Form, OauthFlow};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::Row;
use store::key_id::KeyId;
use store::sealed::{self, Column};
use store::{Store, WRITTEN_WITHIN, key_check, settings};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use vault::key_ring::Key;
use vault::{Vault, columns, key_file, unlock};

use crate::support::accounts::administrators;
use crate::support::databases::{connection, database, database_url, execute, migrate};
use crate::support::drafts::draft_of;
use crate::support::oauth_fixture::OauthFixture;
use crate::support::oauth_programs::{called, save};
use crate::support::program::{
    HttpBrowser, Serving, complaint, log_file, program, run as run_program, write_private,
};
use crate::support::soak::{is_soaking, times};
use crate::support::test_doubles::{FixedClock, SeededRandomness};
use testkit::provider::{Held, Refreshing};

/// The issuer that the values of a sign-in by `OpenID` Connect are sealed for.
const ISSUER: &str = "https://id.example";
/// An instant that no test reaches, in milliseconds since 1970.
const FAR: i64 = 4_000_000_000_000;
/// The interval at which a test polls a condition.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longer than any wait in these tests, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A database, an administrator, and nodes with a key file each.
struct Nodes {
    folder: TempDir,
    url: String,
    cookie: String,
}

impl Nodes {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let cookie = administrators(&folder, 1).await.remove(0);
        let url = database_url(folder.path()).await;
        let nodes = Self { folder, url, cookie };
        for node in ["one", "two"] {
            fs::create_dir(nodes.folder.path().join(node)).expect("the folder is ours");
        }
        nodes
    }

    fn key_file(&self, node: &str) -> PathBuf {
        self.folder.path().join(node).join("ppm-email.key")
    }

    fn copy_key_file(&self, from: &str, to: &str) {
        fs::copy(self.key_file(from), self.key_file(to)).expect("both folders are there");
    }

    fn serve(&self, node: &str) -> Serving {
        let log = log_file(&self.log_file(node));
        Serving::with(self.folder.path(), |command| {
            command.args(["--database-url", &self.url]).stderr(log);
            command.arg("--key-file").arg(self.key_file(node));
        })
    }

    fn log_file(&self, node: &str) -> PathBuf {
        self.folder.path().join(node).join("log")
    }

    fn log(&self, node: &str) -> String {
        fs::read_to_string(self.log_file(node)).expect("the program writes it")
    }

    /// Waits until a node has logged this.
    async fn logged(&self, node: &str, text: &str) {
        let is_there = async {
            while !self.log(node).contains(text) {
                sleep(LOOK_EVERY).await;
            }
        };
        let waited = timeout(TIMEOUT, is_there).await;
        assert!(waited.is_ok(), "{node} has not logged {text:?}: {}", self.log(node));
    }

    /// The command `ppm-email key …` at a node, not started yet.
    fn command(&self, node: &str, command: &str) -> std::process::Command {
        let mut program = program(self.folder.path());
        program.args(["key", command, "--database-url", &self.url]);
        program.arg("--key-file").arg(self.key_file(node));
        program
    }

    fn try_key(&self, node: &str, command: &str) -> Output {
        run_program(self.command(node, command), "")
    }

    /// Runs `ppm-email key …` at a node and returns its standard output.
    fn key(&self, node: &str, command: &str) -> String {
        let output = self.try_key(node, command);
        assert!(output.status.success(), "key {command}: {output:?}");
        String::from_utf8(output.stdout).expect("the program writes text")
    }

    /// Runs `ppm-email key rotate` at a node without its wait for late writes of other nodes: the
    /// change of the key is backdated as soon as the wait begins.
    async fn rotate(&self, node: &str) {
        rotate_at_once(self.command(node, "rotate"), self.folder.path()).await;
    }

    async fn browser(&self, serving: &Serving) -> HttpBrowser {
        HttpBrowser::with_cookie(&serving.address, &self.cookie).await
    }

    async fn store(&self) -> Store {
        Store::open(&database(&self.folder).await).await.expect("the database opens")
    }

    async fn vault(&self, node: &str) -> Vault {
        let (store, randomness) = (self.store().await, Arc::new(SeededRandomness::new(7)));
        let vault = unlock(&self.key_file(node), &store, &FixedClock::new(), randomness).await;
        store.close().await;
        vault.expect("the key file has the key that seals")
    }

    /// The keys in the file of a node, oldest first.
    fn ids(&self, node: &str) -> Vec<KeyId> {
        ids_in(&self.key_file(node))
    }

    /// The active sealing key.
    async fn active(&self) -> KeyId {
        let store = self.store().await;
        let check = key_check::load(&store).await.expect("it answers").expect("a start made one");
        store.close().await;
        KeyId::of(&check).expect("a sealed value")
    }

    /// How many values each key has sealed, for each column.
    async fn counts(&self) -> Vec<(Option<KeyId>, i64)> {
        let (store, mut counts) = (self.store().await, Vec::new());
        for column in Column::ALL {
            counts.extend(sealed::counts(&store, column).await.expect("it answers"));
        }
        store.close().await;
        counts
    }

    async fn sealed_by(&self, key: KeyId) -> i64 {
        let counts = self.counts().await;
        counts.iter().filter(|(by, _)| *by == Some(key)).map(|(_, count)| count).sum()
    }

    /// The stored password, decrypted for the saved form's destination, and the Client ID.
    async fn secrets(&self, vault: &Vault) -> (String, String) {
        let store = self.store().await;
        let stored = settings::load(&store).await.expect("it answers");
        store.close().await;
        let form: Form<()> =
            serde_json::from_str(&stored.form_json.expect("it was saved")).expect("a whole form");
        let open = |field: Field, destination: &Destination| {
            let secret = stored.secrets.iter().find(|secret| secret.field == field.wire_name());
            let sealed = &secret.expect("it was saved").sealed;
            let opened = vault.open(field.wire_name(), destination, sealed).expect("it opens");
            opened.expose_secret().to_owned()
        };
        let destination = form.destination(Field::Password).expect("a password has one");
        (open(Field::Password, &destination), open(Field::ClientId, &Destination::Unbound))
    }
}

fn ids_in(file: &Path) -> Vec<KeyId> {
    let ring = key_file::read(file).expect("it is whole").expect("it is there");
    ring.keys().iter().map(Key::id).collect()
}

/// Runs this `ppm-email key rotate` as [`Nodes::rotate`] does.
async fn rotate_at_once(command: std::process::Command, folder: &Path) {
    let mut rotating = Rotating::start(command);
    rotating.read_until_waiting();
    backdate_key_changes(folder).await;
    rotating.expect_success();
}

/// A running rotation.
struct Rotating {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Rotating {
    fn start(mut command: std::process::Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, output }
    }

    /// Reads until it waits for late writes of other nodes, or has ended without waiting.
    fn read_until_waiting(&mut self) {
        let mut lines = self.output.by_ref().lines().map_while(Result::ok);
        lines.find(|line| line.starts_with("waiting"));
    }

    fn expect_success(mut self) {
        let mut printed = String::new();
        self.output.read_to_string(&mut printed).expect("the program writes text");
        assert!(self.child.wait().expect("it is ours").success(), "{printed}");
    }

    fn kill(mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

/// Backdates every change of the key by an hour.
async fn backdate_key_changes(folder: &Path) {
    let sql = "UPDATE audit SET at = at - 3600000 WHERE action = 'key-changed'";
    execute(&mut connection(folder).await, sql).await;
}

/// Whether a process waits for a lock on a file or a folder.
fn waits_for_a_lock(process: u32) -> bool {
    let locks = fs::read_to_string("/proc/locks").expect("Linux tells");
    let process = process.to_string();
    locks.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.next() == Some("->") && words.any(|word| word == process)
    })
}

/// Waits until a command is blocked by the lock on its key file.
async fn wait_until_locked_out(command: &mut Child) {
    let waits = async {
        while !waits_for_a_lock(command.id()) {
            let ended = command.try_wait().expect("it is ours");
            assert!(ended.is_none(), "it has not waited for the lock");
            sleep(LOOK_EVERY).await;
        }
    };
    assert!(timeout(TIMEOUT, waits).await.is_ok(), "it does not come to the lock");
}

fn draft(number: i64) -> Draft {
    draft_of(&[
        (Field::BasicSender, "noreply@example.com".to_owned()),
        (Field::BasicDisplayName, "PPM".to_owned()),
        (Field::BasicServer, "mail.invalid".to_owned()),
        (Field::BasicPort, "587".to_owned()),
        (Field::Username, "ppm".to_owned()),
        (Field::Password, format!("password-{number}")),
        (Field::ClientId, format!("client-{number}")),
    ])
}

/// Inserts `count` test runs with sealed forms.
async fn insert_runs(nodes: &Nodes, vault: &Vault, count: usize) {
    let mut connection = connection(nodes.folder.path()).await;
    execute(&mut connection, "BEGIN").await;
    let form = serde_json::to_string(&Form::<()>::default()).expect("JSON").into();
    for number in 0..count {
        let sealed = vault.seal(columns::RUN, &Destination::Unbound, &form);
        sqlx::query(
            "INSERT INTO run (id, person, person_name, recipient, started_at, outcome, form)
             VALUES ($1, 'p', 'P', 'p@example.com', 0, '\"interrupted\"', $2)",
        )
        .bind(format!("run-{number:05}"))
        .bind(sealed)
        .execute(&mut connection)
        .await
        .expect("the table is there");
    }
    execute(&mut connection, "COMMIT").await;
}

/// Inserts a sealed value into every sealed column, except those that a save fills.
async fn insert_one_of_each(nodes: &Nodes, vault: &Vault) {
    insert_runs(nodes, vault, 1).await;
    let form = draft(1).map_secrets(|_, _| ());
    let (mail, provider) = (form.token_destination(), form.token_endpoint_origin());
    let issuer = Destination::Origin(ISSUER.to_owned());
    let seal = |column, destination| vault.seal(column, destination, &column.into());
    let mut connection = connection(nodes.folder.path()).await;
    sqlx::query(
        "INSERT INTO token (id, grant_id, generation, access, refresh, client_auth, obtained_at, expires_at)
         VALUES (1, 'grant', 0, $1, $2, 'body', 0, $3)",
    )
    .bind(seal(columns::ACCESS_TOKEN, &mail))
    .bind(seal(columns::REFRESH_TOKEN, &provider))
    .bind(FAR)
    .execute(&mut connection)
    .await
    .expect("the table is there");
    // One for the current settings, one for earlier ones, which cannot be completed.
    for (id, revision) in [("attempt", 1), ("outdated", 0)] {
        sqlx::query(
            "INSERT INTO token_attempt (id, person, person_email, person_name, revision, needs_pasting,
                                        in_pop_up, verifier, begun_at, expires_at)
             VALUES ($1, 'p', 'p@example.com', 'P', $2, 0, 0, $3, 0, $4)",
        )
        .bind(id)
        .bind(revision)
        .bind(seal(columns::CODE_VERIFIER, &provider))
        .bind(FAR)
        .execute(&mut connection)
        .await
        .expect("the table is there");
    }
    sqlx::query(
        "INSERT INTO foreign_sign_in (state_hash, browser_hash, address, nonce_hash, verifier,
                                      redirect_uri, destination, expires_at, issuer)
         VALUES ('state', 'browser', 'address', 'nonce', $1, 'uri', '/', $2, $3)",
    )
    .bind(seal(columns::SIGN_IN_VERIFIER, &issuer))
    .bind(FAR)
    .bind(ISSUER)
    .execute(&mut connection)
    .await
    .expect("the table is there");
    sqlx::query(
        "INSERT INTO session (token_hash, person, principal, id_token, created_at, seen_at)
         VALUES ('session', 'p', $1, $2, 0, 0)",
    )
    .bind(json!({ "issuer": ISSUER }).to_string())
    .bind(seal(columns::ID_TOKEN, &issuer))
    .execute(&mut connection)
    .await
    .expect("the table is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_added_activated_and_the_old_one_removed_while_a_program_serves() {
    let nodes = Nodes::start().await;
    let serving = nodes.serve("one");
    let mut browser = nodes.browser(&serving).await;
    save(&mut browser, &draft(1), 0, None).await;
    let [old] = nodes.ids("one")[..] else { panic!("a first start makes one key") };

    nodes.key("one", "add");
    assert_eq!(nodes.active().await, old, "a key that was added seals nothing");
    nodes.rotate("one").await;
    nodes.logged("one", "another key seals from now on").await;
    let [_, new] = nodes.ids("one")[..] else { panic!("one key was added") };
    assert_eq!((nodes.active().await, nodes.sealed_by(old).await), (new, 0));

    // The program that kept running opens and seals with it.
    save(&mut browser, &draft(2), 1, None).await;
    assert_eq!((nodes.sealed_by(old).await, nodes.sealed_by(new).await), (0, 2));
    nodes.key("one", "prune");
    assert_eq!(nodes.ids("one"), [new]);
    serving.stop();

    let serving = nodes.serve("one");
    let tab: EmailTab = called(&mut nodes.browser(&serving).await, "email/load", &json!({})).await;
    assert_eq!(tab.saved.form.plain_text(Field::ClientId), "client-2");
    let vault = nodes.vault("one").await;
    assert_eq!(nodes.secrets(&vault).await, ("password-2".to_owned(), "client-2".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_reaches_every_column_and_deletes_outdated_attempts() {
    let nodes = Nodes::start().await;
    let serving = nodes.serve("one");
    save(&mut nodes.browser(&serving).await, &draft(1), 0, None).await;
    serving.stop();
    insert_one_of_each(&nodes, &nodes.vault("one").await).await;
    nodes.key("one", "add");
    nodes.rotate("one").await;
    let [_, new] = nodes.ids("one")[..] else { panic!("one key was added") };
    let counts = nodes.counts().await;
    let expected = [2, 1, 1, 1, 1, 1, 1].map(|count| (Some(new), count));
    assert_eq!(counts, expected, "{:?}", Column::ALL);
    nodes.key("one", "prune");
    assert!(nodes.key("one", "check").contains("every value can be opened"));
    let entry = sqlx::query("SELECT detail FROM audit WHERE action = 'key-changed'");
    let mut connection = connection(nodes.folder.path()).await;
    let entry = entry.fetch_one(&mut connection).await.expect("one row");
    assert_eq!(entry.get::<String, _>(0), new.to_string());
}

/// Binary columns without a value that a rotation must seal again.
const NOT_RESEALED: [&str; 1] = ["key_check.sealed"];

#[tokio::test]
async fn every_binary_column_is_known_to_the_rotation() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    Store::open(&database(&folder).await).await.expect("the database opens").close().await;
    let is_file = database_url(folder.path()).await.starts_with("sqlite");
    let columns = if is_file {
        "SELECT m.name || '.' || c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c
         WHERE m.type = 'table' AND c.type = 'BLOB'"
    } else {
        "SELECT CAST(table_name || '.' || column_name AS TEXT) FROM information_schema.columns
         WHERE data_type = 'bytea' AND table_schema = 'public'"
    };
    let rows = sqlx::query(columns).fetch_all(&mut connection(folder.path()).await).await;
    let mut found: Vec<String> =
        rows.expect("the tables are there").iter().map(|row| row.get(0)).collect();
    let known = Column::ALL.map(|column| format!("{}.{}", column.table(), column.name()));
    let mut known = [known.to_vec(), NOT_RESEALED.map(str::to_owned).to_vec()].concat();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

/// An administrator who saves in a loop until stopped.
struct Saver {
    is_over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicI64>,
    task: tokio::task::JoinHandle<()>,
}

impl Saver {
    fn start(mut browser: HttpBrowser, revision: i64) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicI64::new(revision));
        let (over, latest) = (is_over.clone(), acknowledged.clone());
        let task = tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                let revision = latest.load(Ordering::SeqCst);
                let save = Save { draft: draft(revision + 1), revision, deletes_grant: None };
                let answer: SaveAnswer =
                    called(&mut browser, "email/save", &json!({ "save": save })).await;
                assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
                latest.store(revision + 1, Ordering::SeqCst);
                let tab: EmailTab = called(&mut browser, "email/load", &json!({})).await;
                let client = format!("client-{}", revision + 1);
                assert_eq!(tab.saved.form.plain_text(Field::ClientId), client);
            }
        });
        Self { is_over, acknowledged, task }
    }

    /// Stops after the running save, and returns the last revision.
    async fn end(self) -> i64 {
        self.is_over.store(true, Ordering::SeqCst);
        self.task.await.expect("every save and every look was answered");
        self.acknowledged.load(Ordering::SeqCst)
    }
}

/// Enough values for several batches of a rotation.
const RUNS: usize = 350;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_rotation_that_is_killed_again_and_again_loses_no_value_and_overwrites_no_save() {
    let nodes = Nodes::start().await;
    let serving = nodes.serve("one");
    save(&mut nodes.browser(&serving).await, &draft(1), 0, None).await;
    insert_runs(&nodes, &nodes.vault("one").await, RUNS).await;
    let saver = Saver::start(nodes.browser(&serving).await, 1);

    let (mut moments, mut half_done) = (StdRng::seed_from_u64(20_281_128), 0);
    for kill in 0..times(6, 40) {
        let newest = *nodes.ids("one").last().expect("there is a key");
        if nodes.sealed_by(newest).await >= RUNS.try_into().expect("a count") {
            nodes.key("one", "add");
        }
        let mut rotating =
            nodes.command("one", "rotate").stdout(Stdio::piped()).spawn().expect("it runs");
        let mut output = BufReader::new(rotating.stdout.take().expect("it is piped"));
        // The kill comes after this many lines and a random delay.
        let wanted = moments.random_range(0..5);
        let lines = output.by_ref().lines().map_while(Result::ok).take(wanted);
        let lines = lines.take_while(|line| !line.starts_with("waiting")).count();
        sleep(Duration::from_micros(moments.random_range(0..40_000))).await;
        rotating.kill().expect("it is ours");
        rotating.wait().expect("it is ours");

        let newest = *nodes.ids("one").last().expect("there is a key");
        let done = nodes.sealed_by(newest).await;
        half_done += usize::from(done > 2 && done < RUNS.try_into().expect("a count"));
        println!("kill {kill} after {lines} lines: {done} values are sealed with the newest key");
    }
    assert!(half_done > 0 || !is_soaking(), "no kill met a rotation that was half done");

    nodes.key("one", "rotate");
    let newest = *nodes.ids("one").last().expect("there is a key");
    let revision = saver.end().await;
    serving.stop();
    let sealed: i64 = nodes.counts().await.iter().map(|(_, count)| count).sum();
    assert_eq!(sealed, i64::try_from(RUNS).expect("a count") + 2);
    assert_eq!(nodes.sealed_by(newest).await, sealed);
    nodes.key("one", "prune");
    assert_eq!(nodes.ids("one"), [newest]);
    assert!(nodes.key("one", "check").contains("every value can be opened"));
    let serving = nodes.serve("one");
    let tab: EmailTab = called(&mut nodes.browser(&serving).await, "email/load", &json!({})).await;
    assert_eq!(tab.saved.revision, revision);
    let expected = (format!("password-{revision}"), format!("client-{revision}"));
    assert_eq!(nodes.secrets(&nodes.vault("one").await).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_is_whole_or_unchanged_whenever_add_or_prune_is_killed() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let mut moments = StdRng::seed_from_u64(20_281_129);
    for _ in 0..times(4, 30) {
        let before = nodes.ids("one");
        let mut adding = nodes.command("one", "add").stdout(Stdio::null()).spawn().expect("runs");
        sleep(Duration::from_micros(moments.random_range(0..30_000))).await;
        adding.kill().expect("it is ours");
        adding.wait().expect("it is ours");
        let after = nodes.ids("one");
        assert_eq!(after[..before.len()], before);
        assert!(after.len() <= before.len() + 1);
    }
    nodes.key("one", "add");
    nodes.rotate("one").await;
    let file = nodes.key_file("one");
    let (whole, before) = (fs::read(&file).expect("it is there"), nodes.ids("one"));
    for _ in 0..times(4, 30) {
        fs::write(&file, &whole).expect("it is ours");
        let mut pruning =
            nodes.command("one", "prune").stdout(Stdio::null()).spawn().expect("runs");
        sleep(Duration::from_micros(moments.random_range(0..60_000))).await;
        pruning.kill().expect("it is ours");
        pruning.wait().expect("it is ours");
        let after = nodes.ids("one");
        assert!(after == before || after == before[before.len() - 1..], "{after:?}");
    }
    // A temporary file left by a kill holds keys: the next change deletes it.
    nodes.key("one", "add");
    let names = fs::read_dir(file.parent().expect("a folder")).expect("it is there");
    let mut names: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["log", "ppm-email.key"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_the_new_key_works_until_the_rotation_then_reports_it_and_recovers() {
    a_node_recovers(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_recovers_from_a_key_file_without_the_key_that_it_still_seals_with() {
    a_node_recovers(&["prune"]).await;
}

/// Two nodes, of which one gets the new key only after the rotation and these commands.
async fn a_node_recovers(after_the_rotation: &[&str]) {
    let nodes = Nodes::start().await;
    let one = nodes.serve("one");
    nodes.copy_key_file("one", "two");
    let two = nodes.serve("two");
    save(&mut nodes.browser(&one).await, &draft(1), 0, None).await;
    nodes.key("one", "add");
    let mut browser = nodes.browser(&two).await;
    save(&mut browser, &draft(2), 1, None).await;

    nodes.rotate("one").await;
    nodes.logged("two", "a key is not in the key file").await;
    let closed = browser.call("email/load", &json!({})).await.expect("an answer");
    assert_eq!(closed.status, StatusCode::INTERNAL_SERVER_ERROR);
    let ready = browser.get("/ready").await.expect("an answer");
    assert_eq!(ready.body, r#"{"code":"not-ready","reasons":["key-unknown"]}"#);
    let [old, new] = nodes.ids("one")[..] else { panic!("one key was added") };

    for command in after_the_rotation {
        nodes.key("one", command);
    }
    nodes.copy_key_file("one", "two");
    nodes.logged("two", "the key file was read again").await;
    nodes.logged("two", "another key seals from now on").await;
    save(&mut browser, &draft(3), 2, None).await;
    let ready = browser.get("/ready").await.expect("an answer");
    assert_eq!((ready.status, ready.body.as_str()), (StatusCode::OK, r#"{"code":"ok"}"#));
    assert_eq!((nodes.sealed_by(old).await, nodes.sealed_by(new).await), (0, 2));
    assert!(!nodes.log("one").contains("a key is not in the key file"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_a_running_refresh_keeps_is_sealed_with_the_new_key() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.refreshing = Refreshing::Keeps);
    world.obtain().await;
    world.harness.clock.advance(TimeDelta::hours(2));
    world.provider.hold(Held::BeforeAnswering);
    let run = world.service().send_test(&world.ada).await.expect("a run").run;
    world.provider.wait_for(2).await;

    let folder = world.harness.folder.path();
    let url = database_url(folder).await;
    let key = |command: &str| {
        let mut program = program(folder);
        program.args(["key", command, "--database-url", &url]);
        program.arg("--key-file").arg(folder.join("ppm-email.key"));
        program
    };
    let output = run_program(key("add"), "");
    assert!(output.status.success(), "{output:?}");
    rotate_at_once(key("rotate"), folder).await;
    let server = &world.harness.server;
    let check = key_check::load(&server.store).await.expect("it answers").expect("a key seals");
    assert!(server.vault.adopt(&check));
    world.provider.release();
    let mut outcome = None;
    while outcome.is_none() {
        sleep(LOOK_EVERY).await;
        let now = world.service().run(&world.ada, &run.id).await.expect("the run");
        outcome = now.run.outcome;
    }
    assert!(matches!(outcome, Some(Outcome::Accepted { .. })), "{outcome:?}");
    let counts = sealed::counts(&server.store, Column::RefreshToken).await.expect("it answers");
    assert_eq!(counts, [(KeyId::of(&check), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_key_that_no_value_needs_is_no_longer_reported() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let stranger = Vault::new(&[9; 32], Arc::new(SeededRandomness::new(9)));
    insert_runs(&nodes, &stranger, 1).await;
    let _serving = nodes.serve("one");
    nodes.logged("one", "a key is not in the key file").await;
    execute(&mut connection(nodes.folder.path()).await, "DELETE FROM run").await;
    nodes.logged("one", "no key is missing any more").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_key_is_not_removed_while_a_value_needs_it() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let old = nodes.vault("one").await;
    nodes.key("one", "add");
    nodes.rotate("one").await;
    insert_runs(&nodes, &old, 3).await;
    let before = nodes.ids("one");
    let line = complaint(&nodes.try_key("one", "prune"));
    assert!(line.contains(&format!("3 values still need the key {}", before[0])), "{line}");
    assert_eq!(nodes.ids("one"), before);
    nodes.rotate("one").await;
    nodes.key("one", "prune");
    assert_eq!(nodes.ids("one"), before[1..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_waits_for_late_writes_sealed_before_the_change() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let old = nodes.vault("one").await;
    insert_runs(&nodes, &old, 1).await;
    nodes.key("one", "add");
    let mut rotating = Rotating::start(nodes.command("one", "rotate"));
    rotating.read_until_waiting();
    // For as long as the database may delay a write that was sealed before the change.
    let until = Instant::now() + WRITTEN_WITHIN;
    let late = old.seal(columns::RUN, &Destination::Unbound, &"late".into());
    let mut connection = connection(nodes.folder.path()).await;
    while Instant::now() < until {
        let write = sqlx::query("UPDATE run SET form = $1").bind(late.as_slice());
        write.execute(&mut connection).await.expect("the table is there");
        sleep(LOOK_EVERY).await;
    }
    rotating.expect_success();
    let [old, new] = nodes.ids("one")[..] else { panic!("one key was added") };
    assert_eq!((nodes.sealed_by(old).await, nodes.sealed_by(new).await), (0, 1));
    // The rotation has waited long enough for a prune, too.
    nodes.key("one", "prune");
    assert_eq!(nodes.ids("one"), [new]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_leaves_values_sealed_with_an_older_key_fails_with_their_number() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let old = nodes.vault("one").await;
    nodes.key("one", "add");
    nodes.rotate("one").await;
    insert_runs(&nodes, &old, 3).await;
    // Simulates a node that keeps writing values sealed with the older key.
    let mut connection = connection(nodes.folder.path()).await;
    let before = "CREATE TRIGGER late AFTER UPDATE OF form ON run";
    let put_back = "UPDATE run SET form = OLD.form WHERE id = NEW.id";
    let trigger = if nodes.url.starts_with("sqlite") {
        format!("{before} BEGIN {put_back}; END")
    } else {
        format!(
            "CREATE FUNCTION put_back() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN {put_back}; RETURN NULL; END $$;
             {before} FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION put_back()"
        )
    };
    execute(&mut connection, &trigger).await;
    let line = complaint(&nodes.try_key("one", "rotate"));
    assert!(line.contains("3 values were sealed with an older key in the meantime"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_key_is_not_removed_while_a_node_may_still_write_values_sealed_with_it() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    nodes.key("one", "add");
    let before = nodes.ids("one");
    let mut rotating = Rotating::start(nodes.command("one", "rotate"));
    rotating.read_until_waiting();
    rotating.kill();
    let line = complaint(&nodes.try_key("one", "prune"));
    assert!(
        line.contains(&format!("the key {} has only just become the sealing key", before[1])),
        "{line}"
    );
    let seconds = line.split_once("again in ").and_then(|(_, rest)| rest.split(' ').next());
    let seconds: u64 = seconds.expect("it says when").parse().expect("a number");
    assert!((1..=60).contains(&seconds), "{line}");
    assert_eq!(nodes.ids("one"), before);

    backdate_key_changes(nodes.folder.path()).await;
    nodes.key("one", "prune");
    assert_eq!(nodes.ids("one"), before[1..]);
}

/// How many commands change a key file concurrently.
const AT_ONCE: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_added_concurrently_are_all_in_the_file() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let adding: Vec<_> = (0..AT_ONCE)
        .map(|_| nodes.command("one", "add").stdout(Stdio::null()).spawn().expect("it runs"))
        .collect();
    for mut command in adding {
        assert!(command.wait().expect("it is ours").success());
    }
    assert_eq!(nodes.ids("one").len(), 1 + AT_ONCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_during_an_add_keeps_the_added_key() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    nodes.key("one", "add");
    nodes.rotate("one").await;
    let [_, active] = nodes.ids("one")[..] else { panic!("one key was added") };

    // The add has locked and read the file when the prune starts, and writes it then.
    let adding = key_file::lock(&nodes.key_file("one")).expect("it is whole").expect("there");
    let mut pruning = nodes.command("one", "prune").stdout(Stdio::null()).spawn().expect("it runs");
    wait_until_locked_out(&mut pruning).await;
    let added = Key::new(&[7; 32], None);
    let ring = adding.ring().clone().and(added.clone());
    adding.replace(&ring, &SeededRandomness::new(7)).expect("the folder is ours");
    assert!(pruning.wait().expect("it is ours").success());
    assert_eq!(nodes.ids("one"), [active, added.id()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_that_had_to_wait_counts_values_written_meanwhile() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let old = nodes.vault("one").await;
    nodes.key("one", "add");
    nodes.rotate("one").await;
    let before = nodes.ids("one");

    let locked = key_file::lock(&nodes.key_file("one")).expect("it is whole").expect("there");
    let mut command = nodes.command("one", "prune");
    let mut pruning = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
    wait_until_locked_out(&mut pruning).await;
    insert_runs(&nodes, &old, 1).await;
    drop(locked);
    let line = complaint(&pruning.wait_with_output().expect("it ends"));
    assert!(line.contains(&format!("1 values still need the key {}", before[0])), "{line}");
    assert_eq!(nodes.ids("one"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_by_a_node_without_the_new_key_is_readable_by_others_and_keeps_the_old_key() {
    let nodes = Nodes::start().await;
    let one = nodes.serve("one");
    nodes.copy_key_file("one", "two");
    let two = nodes.serve("two");
    nodes.key("one", "add");
    nodes.rotate("one").await;
    nodes.logged("two", "a key is not in the key file").await;
    let [old, new] = nodes.ids("one")[..] else { panic!("one key was added") };

    save(&mut nodes.browser(&two).await, &draft(1), 0, None).await;
    assert_eq!((nodes.sealed_by(old).await, nodes.sealed_by(new).await), (2, 0));
    let tab: EmailTab = called(&mut nodes.browser(&one).await, "email/load", &json!({})).await;
    assert_eq!(tab.saved.form.plain_text(Field::ClientId), "client-1");
    let line = complaint(&nodes.try_key("one", "prune"));
    assert!(line.contains(&format!("2 values still need the key {old}")), "{line}");
    assert_eq!(nodes.ids("one"), [old, new]);

    nodes.key("one", "rotate");
    assert_eq!((nodes.sealed_by(old).await, nodes.sealed_by(new).await), (0, 2));
    nodes.key("one", "prune");
    let expected = ("password-1".to_owned(), "client-1".to_owned());
    assert_eq!(nodes.secrets(&nodes.vault("one").await).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_and_account_commands_do_not_change_tables_of_another_version() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let mut connection = connection(nodes.folder.path()).await;
    let versions = "SELECT COUNT(*), MAX(version) FROM schema_version";
    let tables = [
        ("DELETE FROM schema_version WHERE version > 6", "start this version's ppm-email serve"),
        ("INSERT INTO schema_version VALUES (1000)", "is from a newer version"),
    ];
    for (change, expected) in tables {
        execute(&mut connection, change).await;
        let found = sqlx::query(versions).fetch_one(&mut connection).await.expect("there");
        let mut commands: Vec<_> =
            ["rotate", "prune", "check"].map(|command| nodes.command("one", command)).into();
        let mut admin = program(nodes.folder.path());
        admin.args(["admin", "list", "--database-url", &nodes.url]);
        commands.push(admin);
        for command in commands {
            let line = complaint(&run_program(command, ""));
            assert!(line.contains(expected), "{line}");
        }
        let after = sqlx::query(versions).fetch_one(&mut connection).await.expect("there");
        let of = |row: &sqlx::any::AnyRow| (row.get::<i64, _>(0), row.get::<i64, _>(1));
        assert_eq!(of(&after), of(&found));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_command_creates_no_tables() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let other = tempfile::tempdir().expect("a folder for the test");
    let url = database_url(other.path()).await;
    let file = other.path().join("ppm-email.db");
    if url.starts_with("sqlite") {
        write_private(&file, "");
    }
    let mut command = program(other.path());
    command.args(["key", "check", "--database-url", &url]);
    command.arg("--key-file").arg(nodes.key_file("one"));
    let line = complaint(&run_program(command, ""));
    assert!(line.contains("has no ppm-email tables"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_used_yet_is_not_removed() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    nodes.key("one", "add");
    let before = nodes.ids("one");
    nodes.key("one", "prune");
    assert_eq!((nodes.ids("one"), before.len()), (before, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_is_refused_where_a_value_cannot_be_opened_and_names_its_row_only() {
    let nodes = Nodes::start().await;
    let serving = nodes.serve("one");
    save(&mut nodes.browser(&serving).await, &draft(1), 0, None).await;
    serving.stop();
    let old = nodes.active().await;
    nodes.key("one", "add");
    let mut connection = connection(nodes.folder.path()).await;
    execute(&mut connection, "UPDATE secret SET destination = '\"nowhere\"'").await;
    let line = complaint(&nodes.try_key("one", "rotate"));
    assert!(line.contains("secret password, sealed: the value was sealed for another"), "{line}");
    assert!(!line.contains("password-1") && !line.contains("client-1"), "{line}");
    assert_eq!(nodes.active().await, old, "the key was changed although a value does not open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_lists_the_keys_and_their_values_and_prints_no_key() {
    let nodes = Nodes::start().await;
    let serving = nodes.serve("one");
    save(&mut nodes.browser(&serving).await, &draft(1), 0, None).await;
    serving.stop();
    let mut printed = nodes.key("one", "add");
    nodes.rotate("one").await;
    printed += &nodes.key("one", "rotate");
    printed += &nodes.key("one", "add");
    let check = nodes.key("one", "check");
    let [old, active, unused] = nodes.ids("one")[..] else { panic!("two keys were added") };
    for (key, state) in [(old, "only opens\t0"), (active, "seals\t2"), (unused, "not used yet\t0")]
    {
        let line = check.lines().find(|line| line.starts_with(&key.to_string())).expect("listed");
        assert!(line.ends_with(&format!("{state} values")), "{line}");
        assert!(line.contains("made 20"), "{line}");
    }
    let file = fs::read_to_string(nodes.key_file("one")).expect("it is there");
    let log = nodes.log("one");
    for key in file.lines().skip(1).filter_map(|line| line.split(' ').next()) {
        let octets = STANDARD.decode(key).expect("base64");
        let hex = octets.iter().fold(String::new(), |hex, octet| format!("{hex}{octet:02x}"));
        for text in [&printed, &check, &log] {
            assert!(!text.contains(key) && !text.contains(&hex), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_fails_where_a_value_was_changed_or_others_may_read_the_file() {
    let nodes = Nodes::start().await;
    let serving = nodes.serve("one");
    save(&mut nodes.browser(&serving).await, &draft(1), 0, None).await;
    serving.stop();
    let file = nodes.key_file("one");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let line = complaint(&nodes.try_key("one", "check"));
    assert!(line.contains("chmod 600"), "{line}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    nodes.key("one", "check");

    let mut connection = connection(nodes.folder.path()).await;
    let secret = sqlx::query("SELECT sealed FROM secret WHERE field = 'client-id'");
    let mut sealed: Vec<u8> = secret.fetch_one(&mut connection).await.expect("it was saved").get(0);
    *sealed.last_mut().expect("octets") ^= 1;
    let changed = sqlx::query("UPDATE secret SET sealed = $1 WHERE field = 'client-id'");
    changed.bind(sealed).execute(&mut connection).await.expect("the table is there");
    let output = nodes.try_key("one", "check");
    assert!(complaint(&output).contains("secret client-id"));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(printed.contains("cannot be opened: secret client-id"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adding_a_key_keeps_the_files_owner_and_permissions() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    let file = nodes.key_file("one");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("it is ours");
    // Succeeds only as root.
    let _ = chown(&file, Some(65_534), Some(65_534));
    let before = fs::metadata(&file).expect("it is there");
    nodes.key("one", "add");
    let after = fs::metadata(&file).expect("it is there");
    let of = |file: &fs::Metadata| (file.mode() & 0o7777, file.uid(), file.gid());
    assert_eq!(of(&after), of(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_symbolic_link_to_the_key_file_stays_a_link() {
    let nodes = Nodes::start().await;
    nodes.serve("one").stop();
    std::os::unix::fs::symlink(nodes.key_file("one"), nodes.key_file("two")).expect("ours");
    nodes.key("two", "add");
    assert!(fs::symlink_metadata(nodes.key_file("two")).expect("it is there").is_symlink());
    assert_eq!(nodes.ids("one").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_command_creates_neither_a_database_file_nor_a_key_file() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for command in ["add", "rotate", "prune", "check"] {
        let mut program = program(folder.path());
        program.args(["key", command]);
        let line = complaint(&run_program(program, ""));
        assert!(line.contains("ppm-email.key does not exist"), "{line}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_beside_the_database_file_is_warned_of_once_and_one_elsewhere_is_not() {
    let (folder, elsewhere) =
        (tempfile::tempdir().expect("ours"), tempfile::tempdir().expect("ours"));
    let log = folder.path().join("log");
    let serve = |key_file: Option<PathBuf>| {
        let serving = Serving::with(folder.path(), |command| {
            command.stderr(log_file(&log));
            if let Some(file) = &key_file {
                command.arg("--key-file").arg(file);
            }
        });
        serving.stop();
        let text = fs::read_to_string(&log).expect("the program writes it");
        fs::remove_file(&log).expect("it is ours");
        text.matches("name it with --key-file").count()
    };
    assert_eq!(serve(None), 1);
    let moved = elsewhere.path().join("ppm-email.key");
    fs::rename(folder.path().join("ppm-email.key"), &moved)
        .or_else(|_| fs::copy(folder.path().join("ppm-email.key"), &moved).map(|_| ()))
        .expect("both folders are ours");
    assert_eq!(serve(Some(moved)), 0);
}

/// A key file of that version, and values sealed with its key.
const BEFORE: &str = include_str!("keys/before.json");

fn octets(hex: &serde_json::Value) -> Vec<u8> {
    let hex = hex.as_str().expect("a text");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

/// Creates a database as that version left it.
async fn create_earlier_database(folder: &Path, before: &serde_json::Value) {
    if database_url(folder).await.starts_with("sqlite") {
        write_private(&folder.join("ppm-email.db"), "");
    }
    migrate(folder, 1..=6).await;
    let mut connection = connection(folder).await;
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    sqlx::query("INSERT INTO key_check (id, sealed) VALUES (1, $1)")
        .bind(octets(&before["key_check"]))
        .execute(&mut connection)
        .await
        .expect("the table is there");
    let settings = &before["settings"];
    sqlx::query("UPDATE settings SET revision = $1, form = $2, saved_by_email = $3, saved_by_name = $4, saved_at = $5")
        .bind(settings["revision"].as_i64())
        .bind(text(&settings["form"]))
        .bind(text(&settings["saved_by_email"]))
        .bind(text(&settings["saved_by_name"]))
        .bind(settings["saved_at"].as_i64())
        .execute(&mut connection)
        .await
        .expect("the table is there");
    for secret in before["secrets"].as_array().expect("a list") {
        sqlx::query(
            "INSERT INTO secret (field, destination, revision, sealed) VALUES ($1, $2, $3, $4)",
        )
        .bind(text(&secret["field"]))
        .bind(text(&secret["destination"]))
        .bind(secret["revision"].as_i64())
        .bind(octets(&secret["sealed"]))
        .execute(&mut connection)
        .await
        .expect("the table is there");
    }
    for run in before["runs"].as_array().expect("a list") {
        sqlx::query("INSERT INTO run (id, person, person_name, recipient, started_at, outcome, gone_after, tested, form) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(text(&run["id"]))
            .bind(text(&run["person"]))
            .bind(text(&run["person_name"]))
            .bind(text(&run["recipient"]))
            .bind(run["started_at"].as_i64())
            .bind(text(&run["outcome"]))
            .bind(run["gone_after"].as_i64())
            .bind(text(&run["tested"]))
            .bind(octets(&run["form"]))
            .execute(&mut connection)
            .await
            .expect("the table is there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_and_a_key_file_of_the_earlier_version_work_and_the_key_can_be_rotated() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let before: serde_json::Value = serde_json::from_str(BEFORE).expect("JSON");
    create_earlier_database(folder.path(), &before).await;
    let cookie = administrators(&folder, 1).await.remove(0);
    let url = database_url(folder.path()).await;
    let nodes = Nodes { folder, url, cookie };
    fs::create_dir(nodes.folder.path().join("one")).expect("the folder is ours");
    let key = before["key_file"].as_str().expect("a text");
    write_private(&nodes.key_file("one"), key);

    let serving = nodes.serve("one");
    let tab: EmailTab = called(&mut nodes.browser(&serving).await, "email/load", &json!({})).await;
    assert_eq!(tab.saved.form.plain_text(Field::ClientId), "client of before");
    let expected = ("pässword of before".to_owned(), "client of before".to_owned());
    assert_eq!(nodes.secrets(&nodes.vault("one").await).await, expected);
    assert_eq!(fs::read_to_string(nodes.key_file("one")).expect("it is there"), key);

    nodes.key("one", "add");
    nodes.rotate("one").await;
    nodes.key("one", "prune");
    assert!(nodes.key("one", "check").contains("every value can be opened"));
    assert_eq!(nodes.secrets(&nodes.vault("one").await).await, expected);
    assert!(!fs::read_to_string(nodes.key_file("one")).expect("there").contains(&key[90..]));
}
