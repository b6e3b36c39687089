//! The sealing key can be rotated while programs serve, and a process that is killed at any instant
//! loses no value.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use contract::EmailTab;
use domain::delivery::Outcome;
use domain::secret::Destination;
use domain::{Draft, Field, Form, OauthFlow};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe};
use store::key_id::KeyId;
use store::sealed::{self, Column};
use store::{Store, WRITTEN_WITHIN, key_check, settings};
use tempfile::TempDir;
use testkit::provider::{Held, Refreshing};
use tokio::time::{Instant, sleep};
use vault::key_ring::Key;
use vault::{Vault, columns, key_file, unlock};

use crate::support::accounts::administrators;
use crate::support::databases::{connection, database, database_url, execute, migrate};
use crate::support::oauth_fixture::{OauthFixture, a_moment};
use crate::support::oauth_programs::{called, save};
use crate::support::program::{
    HttpBrowser, Serving, complaint, log_file, program, run as run_program, write_private,
};
use crate::support::soak::{is_soaking, times};
use crate::support::steps::{basic_draft, change_rows};
use crate::support::test_doubles::{FixedClock, SeededRandomness};
use crate::support::waiting::until;

/// The issuer that the values of a sign-in by `OpenID` Connect are sealed for.
const ISSUER: &str = "https://id.example";
/// An instant that no test reaches, in milliseconds since 1970.
const FAR: i64 = 4_000_000_000_000;
/// A database, an administrator, and nodes with a key file each.
struct Nodes {
    folder: TempDir,
    url: String,
    cookie: String,
}

impl Nodes {
    async fn start() -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder for the test")).await
    }

    async fn in_folder(folder: TempDir) -> Self {
        let cookie = administrators(&folder, 1).await.remove(0);
        let url = database_url(folder.path()).await;
        for node in ["one", "two"] {
            fs::create_dir(folder.path().join(node)).expect("the folder is ours");
        }
        Self { folder, url, cookie }
    }

    /// Starts with a key, which the first start of node one made.
    async fn with_key() -> Self {
        let nodes = Self::start().await;
        nodes.serve("one").stop();
        nodes
    }

    /// Starts with a key and a form that was saved through node one.
    async fn with_save() -> Self {
        let nodes = Self::start().await;
        let serving = nodes.serve("one");
        save(&mut nodes.browser(&serving).await, &draft(1), 0, None).await;
        serving.stop();
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
        println!("waiting for {text:?} in the log of {node}");
        until(async || self.log(node).contains(text)).await;
    }

    /// The command `ppm-email key …` at a node, not started yet.
    fn command(&self, node: &str, command: &str) -> Command {
        key_command(self.folder.path(), &self.url, &self.key_file(node), command)
    }

    /// Starts `ppm-email key …` at a node.
    fn spawn(&self, node: &str, command: &str) -> Child {
        self.command(node, command).stdout(Stdio::null()).spawn().expect("it runs")
    }

    fn try_key(&self, node: &str, command: &str) -> Output {
        run_program(self.command(node, command), "")
    }

    /// Runs `ppm-email key …` at node one, which refuses with one line that contains this text.
    fn expect_refusal(&self, command: &str, text: &str) -> String {
        let line = complaint(&self.try_key("one", command));
        assert!(line.contains(text), "{line}");
        line
    }

    /// Runs `ppm-email key …` at a node and returns its standard output.
    fn key(&self, node: &str, command: &str) -> String {
        succeed(self.command(node, command))
    }

    /// Runs `ppm-email key rotate` at a node without its wait for late writes of other nodes: the
    /// change of the key is backdated as soon as the wait begins.
    async fn rotate(&self, node: &str) {
        rotate_at_once(self.command(node, "rotate"), self.folder.path()).await;
    }

    /// Adds a key at node one and rotates to it.
    async fn change_key(&self) {
        self.key("one", "add");
        self.rotate("one").await;
    }

    async fn connection(&self) -> AnyConnection {
        connection(self.folder.path()).await
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

    /// The newest key in the file of node one.
    fn newest(&self) -> KeyId {
        *self.ids("one").last().expect("there is a key")
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

    /// The saved Client ID that a program shows.
    async fn client_id(&self, serving: &Serving) -> String {
        let tab: EmailTab =
            called(&mut self.browser(serving).await, "email/load", &json!({})).await;
        tab.saved.form.plain_text(Field::ClientId).to_owned()
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

/// The command `ppm-email key …`, not started yet.
fn key_command(folder: &Path, url: &str, key_file: &Path, command: &str) -> Command {
    let mut program = program(folder);
    program.args(["key", command, "--database-url", url]).arg("--key-file").arg(key_file);
    program
}

/// Runs a command and returns its standard output.
fn succeed(command: Command) -> String {
    let output = run_program(command, "");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("the program writes text")
}

fn kill_process(mut child: Child) {
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
}

/// Runs this `ppm-email key rotate` as [`Nodes::rotate`] does.
async fn rotate_at_once(command: Command, folder: &Path) {
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
    fn start(mut command: Command) -> Self {
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
    let waits = async || {
        let ended = command.try_wait().expect("it is ours");
        assert!(ended.is_none(), "it has not waited for the lock");
        waits_for_a_lock(command.id())
    };
    until(waits).await;
}

fn draft(number: i64) -> Draft {
    basic_draft(&[
        (Field::BasicServer, "mail.invalid".to_owned()),
        (Field::Username, "ppm".to_owned()),
        (Field::Password, format!("password-{number}")),
        (Field::ClientId, format!("client-{number}")),
    ])
}

/// Inserts a row; values of binary columns are made by [`octets`].
async fn insert(connection: &mut AnyConnection, table: &str, row: &Value) {
    let row = row.as_object().expect("a row");
    let columns: Vec<_> = row.keys().map(String::as_str).collect();
    let places: Vec<_> = (1..=row.len()).map(|place| format!("${place}")).collect();
    let (columns, places) = (columns.join(", "), places.join(", "));
    let sql = format!("INSERT INTO {table} ({columns}) VALUES ({places})");
    let mut statement = sqlx::query(AssertSqlSafe(sql));
    for value in row.values() {
        statement = match value {
            Value::String(text) => statement.bind(text.clone()),
            Value::Number(number) => statement.bind(number.as_i64()),
            octets => {
                let octets = octets["octets"].as_str().expect("a binary value");
                statement.bind(STANDARD.decode(octets).expect("base64"))
            }
        };
    }
    change_rows(connection, statement).await;
}

/// The value of a binary column in a row.
fn octets(octets: &[u8]) -> Value {
    json!({ "octets": STANDARD.encode(octets) })
}

/// Inserts `count` test runs with sealed forms.
async fn insert_runs(nodes: &Nodes, vault: &Vault, count: u32) {
    let mut connection = nodes.connection().await;
    execute(&mut connection, "BEGIN").await;
    let form = serde_json::to_string(&Form::<()>::default()).expect("JSON").into();
    for number in 0..count {
        let sealed = vault.seal(columns::RUN, &Destination::Unbound, &form);
        let row = json!({
            "id": format!("run-{number:05}"), "person": "p", "person_name": "P",
            "recipient": "p@example.com", "started_at": 0, "outcome": "\"interrupted\"",
            "form": octets(&sealed),
        });
        insert(&mut connection, "run", &row).await;
    }
    execute(&mut connection, "COMMIT").await;
}

/// Inserts a sealed value into every sealed column, except those that a save fills.
async fn insert_one_of_each(nodes: &Nodes, vault: &Vault) {
    insert_runs(nodes, vault, 1).await;
    let form = draft(1).map_secrets(|_, _| ());
    let (mail, provider) = (form.token_destination(), form.token_endpoint_origin());
    let issuer = Destination::Origin(ISSUER.to_owned());
    let seal = |column, destination| octets(&vault.seal(column, destination, &column.into()));
    // Of the attempts, one is for the current settings, one for earlier ones, which cannot be
    // completed.
    let attempt = |id, revision| {
        json!({
            "id": id, "person": "p", "person_email": "p@example.com", "person_name": "P",
            "revision": revision, "needs_pasting": 0, "in_pop_up": 0, "begun_at": 0,
            "expires_at": FAR, "verifier": seal(columns::CODE_VERIFIER, &provider),
        })
    };
    let token = json!({
        "id": 1, "grant_id": "grant", "generation": 0, "client_auth": "body", "obtained_at": 0,
        "expires_at": FAR, "access": seal(columns::ACCESS_TOKEN, &mail),
        "refresh": seal(columns::REFRESH_TOKEN, &provider),
    });
    let sign_in = json!({
        "state_hash": "state", "browser_hash": "browser", "address": "address",
        "nonce_hash": "nonce", "redirect_uri": "uri", "destination": "/", "issuer": ISSUER,
        "expires_at": FAR, "verifier": seal(columns::SIGN_IN_VERIFIER, &issuer),
    });
    let session = json!({
        "token_hash": "session", "person": "p", "created_at": 0, "seen_at": 0,
        "principal": json!({ "issuer": ISSUER }).to_string(),
        "id_token": seal(columns::ID_TOKEN, &issuer),
    });
    for (table, row) in [
        ("token", token),
        ("token_attempt", attempt("attempt", 1)),
        ("token_attempt", attempt("outdated", 0)),
        ("foreign_sign_in", sign_in),
        ("session", session),
    ] {
        insert(&mut nodes.connection().await, table, &row).await;
    }
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
    assert_eq!(nodes.client_id(&serving).await, "client-2");
    let vault = nodes.vault("one").await;
    assert_eq!(nodes.secrets(&vault).await, ("password-2".to_owned(), "client-2".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_reaches_every_column_and_deletes_outdated_attempts() {
    let nodes = Nodes::with_save().await;
    insert_one_of_each(&nodes, &nodes.vault("one").await).await;
    nodes.change_key().await;
    let [_, new] = nodes.ids("one")[..] else { panic!("one key was added") };
    let counts = nodes.counts().await;
    let expected = [2, 1, 1, 1, 1, 1, 1].map(|count| (Some(new), count));
    assert_eq!(counts, expected, "{:?}", Column::ALL);
    nodes.key("one", "prune");
    assert!(nodes.key("one", "check").contains("every value can be opened"));
    let detail = sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'key-changed'");
    let detail: String = detail.fetch_one(&mut nodes.connection().await).await.expect("one row");
    assert_eq!(detail, new.to_string());
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
    let columns = sqlx::query_scalar(columns).fetch_all(&mut connection(folder.path()).await).await;
    let mut found: Vec<String> = columns.expect("the tables are there");
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
                save(&mut browser, &draft(revision + 1), revision, None).await;
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
const RUNS: u32 = 350;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_rotation_that_is_killed_again_and_again_loses_no_value_and_overwrites_no_save() {
    let nodes = Nodes::start().await;
    let serving = nodes.serve("one");
    save(&mut nodes.browser(&serving).await, &draft(1), 0, None).await;
    insert_runs(&nodes, &nodes.vault("one").await, RUNS).await;
    let saver = Saver::start(nodes.browser(&serving).await, 1);

    let (mut moments, mut half_done) = (StdRng::seed_from_u64(20_281_128), 0);
    for kill in 0..times(6, 40) {
        if nodes.sealed_by(nodes.newest()).await >= i64::from(RUNS) {
            nodes.key("one", "add");
        }
        let mut rotating = Rotating::start(nodes.command("one", "rotate"));
        // The kill comes after this many lines and a random delay.
        let wanted = moments.random_range(0..5);
        let lines = rotating.output.by_ref().lines().map_while(Result::ok).take(wanted);
        let lines = lines.take_while(|line| !line.starts_with("waiting")).count();
        sleep(Duration::from_micros(moments.random_range(0..40_000))).await;
        kill_process(rotating.child);

        let done = nodes.sealed_by(nodes.newest()).await;
        half_done += usize::from(done > 2 && done < i64::from(RUNS));
        println!("kill {kill} after {lines} lines: {done} values are sealed with the newest key");
    }
    assert!(half_done > 0 || !is_soaking(), "no kill met a rotation that was half done");

    nodes.key("one", "rotate");
    let (newest, revision) = (nodes.newest(), saver.end().await);
    serving.stop();
    let sealed: i64 = nodes.counts().await.iter().map(|(_, count)| count).sum();
    assert_eq!(sealed, i64::from(RUNS) + 2);
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
    let nodes = Nodes::with_key().await;
    let mut moments = StdRng::seed_from_u64(20_281_129);
    for _ in 0..times(4, 30) {
        let before = nodes.ids("one");
        let adding = nodes.spawn("one", "add");
        sleep(Duration::from_micros(moments.random_range(0..30_000))).await;
        kill_process(adding);
        let after = nodes.ids("one");
        assert_eq!(after[..before.len()], before);
        assert!(after.len() <= before.len() + 1);
    }
    nodes.change_key().await;
    let file = nodes.key_file("one");
    let (whole, before) = (fs::read(&file).expect("it is there"), nodes.ids("one"));
    for _ in 0..times(4, 30) {
        fs::write(&file, &whole).expect("it is ours");
        let pruning = nodes.spawn("one", "prune");
        sleep(Duration::from_micros(moments.random_range(0..60_000))).await;
        kill_process(pruning);
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
    for after_the_rotation in [&[][..], &["prune"]] {
        a_node_recovers(after_the_rotation).await;
    }
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
    let fixture = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    fixture.provider.rule(|rules| rules.refreshing = Refreshing::Keeps);
    fixture.obtain().await;
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.provider.hold(Held::BeforeAnswering);
    let (_, run) = fixture.begin_as(&fixture.ada.id).await;
    fixture.provider.wait_for(2).await;

    let folder = fixture.harness.folder.path();
    let url = database_url(folder).await;
    let key = |command: &str| key_command(folder, &url, &folder.join("ppm-email.key"), command);
    succeed(key("add"));
    rotate_at_once(key("rotate"), folder).await;
    let server = &fixture.harness.server;
    let check = key_check::load(&server.store).await.expect("it answers").expect("a key seals");
    assert!(server.vault.adopt(&check));
    fixture.provider.release();
    let mut now = run;
    while now.outcome.is_none() {
        a_moment().await;
        now = fixture.run(&fixture.ada, &now.id).await;
    }
    assert!(matches!(now.outcome, Some(Outcome::Accepted { .. })), "{now:?}");
    let counts = sealed::counts(&server.store, Column::RefreshToken).await.expect("it answers");
    assert_eq!(counts, [(KeyId::of(&check), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_key_is_reported_only_while_a_value_needs_it() {
    let nodes = Nodes::with_key().await;
    let other_vault = Vault::new(&[9; 32], Arc::new(SeededRandomness::new(9)));
    insert_runs(&nodes, &other_vault, 1).await;
    let _serving = nodes.serve("one");
    nodes.logged("one", "a key is not in the key file").await;
    execute(&mut nodes.connection().await, "DELETE FROM run").await;
    nodes.logged("one", "no key is missing any more").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_an_old_key_that_a_value_needs_nor_a_key_that_is_not_used_yet_is_removed() {
    let nodes = Nodes::with_key().await;
    let old = nodes.vault("one").await;
    nodes.change_key().await;
    insert_runs(&nodes, &old, 3).await;
    let before = nodes.ids("one");
    nodes.expect_refusal("prune", &format!("3 values still need the key {}", before[0]));
    assert_eq!(nodes.ids("one"), before);
    nodes.rotate("one").await;
    nodes.key("one", "prune");
    assert_eq!(nodes.ids("one"), before[1..]);

    nodes.key("one", "add");
    let before = nodes.ids("one");
    nodes.key("one", "prune");
    assert_eq!((nodes.ids("one"), before.len()), (before, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_waits_for_late_writes_sealed_before_the_change() {
    let nodes = Nodes::with_key().await;
    let old = nodes.vault("one").await;
    insert_runs(&nodes, &old, 1).await;
    nodes.key("one", "add");
    let mut rotating = Rotating::start(nodes.command("one", "rotate"));
    rotating.read_until_waiting();
    // For as long as the database may delay a write that was sealed before the change.
    let until = Instant::now() + WRITTEN_WITHIN;
    let late = old.seal(columns::RUN, &Destination::Unbound, &"late".into());
    let mut connection = nodes.connection().await;
    while Instant::now() < until {
        let write = sqlx::query("UPDATE run SET form = $1").bind(late.as_slice());
        change_rows(&mut connection, write).await;
        a_moment().await;
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
    let nodes = Nodes::with_key().await;
    let old = nodes.vault("one").await;
    nodes.change_key().await;
    insert_runs(&nodes, &old, 3).await;
    // Simulates a node that keeps writing values sealed with the older key.
    let mut connection = nodes.connection().await;
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
    nodes.expect_refusal("rotate", "3 values were sealed with an older key in the meantime");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_key_is_not_removed_while_a_node_may_still_write_values_sealed_with_it() {
    let nodes = Nodes::with_key().await;
    nodes.key("one", "add");
    let before = nodes.ids("one");
    let mut rotating = Rotating::start(nodes.command("one", "rotate"));
    rotating.read_until_waiting();
    kill_process(rotating.child);
    let text = format!("the key {} has only just become the sealing key", before[1]);
    let line = nodes.expect_refusal("prune", &text);
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
    let nodes = Nodes::with_key().await;
    let adding: Vec<_> = (0..AT_ONCE).map(|_| nodes.spawn("one", "add")).collect();
    for mut command in adding {
        assert!(command.wait().expect("it is ours").success());
    }
    assert_eq!(nodes.ids("one").len(), 1 + AT_ONCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_during_an_add_keeps_the_added_key() {
    let nodes = Nodes::with_key().await;
    nodes.change_key().await;
    let [_, active] = nodes.ids("one")[..] else { panic!("one key was added") };

    // The add has locked and read the file when the prune starts, and writes it then.
    let adding = key_file::lock(&nodes.key_file("one")).expect("it is whole").expect("there");
    let mut pruning = nodes.spawn("one", "prune");
    wait_until_locked_out(&mut pruning).await;
    let added = Key::new(&[7; 32], None);
    let ring = adding.ring().clone().and(added.clone());
    adding.replace(&ring, &SeededRandomness::new(7)).expect("the folder is ours");
    assert!(pruning.wait().expect("it is ours").success());
    assert_eq!(nodes.ids("one"), [active, added.id()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_that_had_to_wait_counts_values_written_meanwhile() {
    let nodes = Nodes::with_key().await;
    let old = nodes.vault("one").await;
    nodes.change_key().await;
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
    nodes.change_key().await;
    nodes.logged("two", "a key is not in the key file").await;
    let [old, new] = nodes.ids("one")[..] else { panic!("one key was added") };

    save(&mut nodes.browser(&two).await, &draft(1), 0, None).await;
    assert_eq!((nodes.sealed_by(old).await, nodes.sealed_by(new).await), (2, 0));
    assert_eq!(nodes.client_id(&one).await, "client-1");
    nodes.expect_refusal("prune", &format!("2 values still need the key {old}"));
    assert_eq!(nodes.ids("one"), [old, new]);

    nodes.key("one", "rotate");
    assert_eq!((nodes.sealed_by(old).await, nodes.sealed_by(new).await), (0, 2));
    nodes.key("one", "prune");
    let expected = ("password-1".to_owned(), "client-1".to_owned());
    assert_eq!(nodes.secrets(&nodes.vault("one").await).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_and_account_commands_do_not_change_tables_of_another_version() {
    let nodes = Nodes::with_key().await;
    let mut connection = nodes.connection().await;
    let versions = || sqlx::query_as("SELECT COUNT(*), MAX(version) FROM schema_version");
    for (change, expected) in [
        ("DELETE FROM schema_version WHERE version > 6", "start this version's ppm-email serve"),
        ("INSERT INTO schema_version VALUES (1000)", "is from a newer version"),
    ] {
        execute(&mut connection, change).await;
        let found: (i64, i64) = versions().fetch_one(&mut connection).await.expect("there");
        let [rotate, prune, check] =
            ["rotate", "prune", "check"].map(|command| nodes.command("one", command));
        let mut list = program(nodes.folder.path());
        list.args(["admin", "list", "--database-url", &nodes.url]);
        for command in [rotate, prune, check, list] {
            let line = complaint(&run_program(command, ""));
            assert!(line.contains(expected), "{line}");
        }
        assert_eq!(versions().fetch_one(&mut connection).await.expect("there"), found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_command_creates_no_tables_no_database_file_and_no_key_file() {
    let nodes = Nodes::with_key().await;
    let other = tempfile::tempdir().expect("a folder for the test");
    for command in ["add", "rotate", "prune", "check"] {
        let mut program = program(other.path());
        program.args(["key", command]);
        let line = complaint(&run_program(program, ""));
        assert!(line.contains("ppm-email.key does not exist"), "{line}");
    }
    assert_eq!(fs::read_dir(other.path()).expect("it is there").count(), 0);

    let url = database_url(other.path()).await;
    create_empty_file(other.path(), &url);
    let command = key_command(other.path(), &url, &nodes.key_file("one"), "check");
    let line = complaint(&run_program(command, ""));
    assert!(line.contains("has no ppm-email tables"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_is_refused_where_a_value_cannot_be_opened_and_names_its_row_only() {
    let nodes = Nodes::with_save().await;
    let old = nodes.active().await;
    nodes.key("one", "add");
    let sql = "UPDATE secret SET destination = '\"nowhere\"'";
    execute(&mut nodes.connection().await, sql).await;
    let text = "secret password, sealed: the value was sealed for another";
    let line = nodes.expect_refusal("rotate", text);
    assert!(!line.contains("password-1") && !line.contains("client-1"), "{line}");
    assert_eq!(nodes.active().await, old, "the key was changed although a value does not open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_lists_the_keys_and_their_values_and_prints_no_key() {
    let nodes = Nodes::with_save().await;
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
    let nodes = Nodes::with_save().await;
    let file = nodes.key_file("one");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    nodes.expect_refusal("check", "chmod 600");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    nodes.key("one", "check");

    let mut connection = nodes.connection().await;
    let secret = sqlx::query_scalar("SELECT sealed FROM secret WHERE field = 'client-id'");
    let mut sealed: Vec<u8> = secret.fetch_one(&mut connection).await.expect("it was saved");
    *sealed.last_mut().expect("octets") ^= 1;
    let changed = sqlx::query("UPDATE secret SET sealed = $1 WHERE field = 'client-id'");
    change_rows(&mut connection, changed.bind(sealed)).await;
    let output = nodes.try_key("one", "check");
    assert!(complaint(&output).contains("secret client-id"));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(printed.contains("cannot be opened: secret client-id"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adding_a_key_keeps_the_files_owner_and_permissions_and_a_symbolic_link_to_it() {
    let nodes = Nodes::with_key().await;
    let file = nodes.key_file("one");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("it is ours");
    // Succeeds only as root.
    let _ = chown(&file, Some(65_534), Some(65_534));
    let before = fs::metadata(&file).expect("it is there");
    nodes.key("one", "add");
    let after = fs::metadata(&file).expect("it is there");
    let of = |file: &fs::Metadata| (file.mode() & 0o7777, file.uid(), file.gid());
    assert_eq!(of(&after), of(&before));

    std::os::unix::fs::symlink(&file, nodes.key_file("two")).expect("the folder is ours");
    nodes.key("two", "add");
    assert!(fs::symlink_metadata(nodes.key_file("two")).expect("it is there").is_symlink());
    assert_eq!(nodes.ids("one").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_beside_the_database_file_is_warned_of_once_and_one_in_another_folder_is_not() {
    let (folder, other) = (tempfile::tempdir().expect("ours"), tempfile::tempdir().expect("ours"));
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
    let moved = other.path().join("ppm-email.key");
    fs::rename(folder.path().join("ppm-email.key"), &moved)
        .or_else(|_| fs::copy(folder.path().join("ppm-email.key"), &moved).map(|_| ()))
        .expect("both folders are ours");
    assert_eq!(serve(Some(moved)), 0);
}

/// A key file of that version, and values sealed with its key.
const BEFORE: &str = include_str!("keys/before.json");

fn create_empty_file(folder: &Path, url: &str) {
    if url.starts_with("sqlite") {
        write_private(&folder.join("ppm-email.db"), "");
    }
}

/// Creates a database as that version left it.
async fn create_earlier_database(folder: &Path, tables: &Value) {
    create_empty_file(folder, &database_url(folder).await);
    migrate(folder, 1..=6).await;
    let mut connection = connection(folder).await;
    execute(&mut connection, "DELETE FROM settings").await;
    for (table, rows) in tables.as_object().expect("tables") {
        for row in rows.as_array().expect("rows") {
            insert(&mut connection, table, row).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_and_a_key_file_of_the_earlier_version_work_and_the_key_can_be_rotated() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let before: Value = serde_json::from_str(BEFORE).expect("JSON");
    create_earlier_database(folder.path(), &before["tables"]).await;
    let nodes = Nodes::in_folder(folder).await;
    let key = before["key_file"].as_str().expect("a text");
    write_private(&nodes.key_file("one"), key);

    let serving = nodes.serve("one");
    assert_eq!(nodes.client_id(&serving).await, "client of before");
    let expected = ("pässword of before".to_owned(), "client of before".to_owned());
    assert_eq!(nodes.secrets(&nodes.vault("one").await).await, expected);
    assert_eq!(fs::read_to_string(nodes.key_file("one")).expect("it is there"), key);

    nodes.change_key().await;
    nodes.key("one", "prune");
    assert!(nodes.key("one", "check").contains("every value can be opened"));
    assert_eq!(nodes.secrets(&nodes.vault("one").await).await, expected);
    assert!(!fs::read_to_string(nodes.key_file("one")).expect("there").contains(&key[90..]));
}
