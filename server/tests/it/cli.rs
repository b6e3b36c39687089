//! The command line: flags, exit codes and one-line errors.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::support::harness::PASSWORD;
use crate::support::program::{complaint, send, write_private};

/// The program in this folder, with an empty environment.
fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ppm-email"));
    command.env_clear().current_dir(folder.path());
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    program(folder).args(arguments).output().expect("the program runs")
}

/// Runs the program with text on standard input.
fn run_with_input(folder: &TempDir, arguments: &[&str], input: &str) -> Output {
    let mut child = program(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child
        .stdin
        .take()
        .expect("it is piped")
        .write_all(input.as_bytes())
        .expect("the program reads");
    child.wait_with_output().expect("the program ends")
}

fn add_ada(folder: &TempDir) -> Output {
    let arguments =
        ["admin", "add", "ada@example.com", "--name", "Ada Lovelace", "--password-stdin"];
    run_with_input(folder, &arguments, &format!("{PASSWORD}\n"))
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).expect("the program writes text")
}

/// A running server and the address it printed.
struct ServingCli {
    child: Child,
    address: String,
}

impl ServingCli {
    fn start(folder: &TempDir) -> Self {
        let mut child = program(folder)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("the program says where it listens");
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .expect("the line is as promised")
            .to_owned();
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )
        .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

impl Drop for ServingCli {
    fn drop(&mut self) {
        // Both fail where a test has already waited for the exit.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_server_says_where_it_listens_and_answers_there() {
    let folder = folder();
    let serving = ServingCli::start(&folder);
    assert!(serving.get("/health").starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn sigterm_and_sigint_end_the_server_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = folder();
        let mut serving = ServingCli::start(&folder);
        send(&serving.child, signal);
        assert!(serving.child.wait().expect("it ends").success(), "{signal:?}");
    }
}

#[test]
fn a_client_secret_that_cannot_be_read_stops_the_start() {
    let folder = folder();
    write_private(&folder.path().join("empty"), "\n");
    for (file, expected_text) in
        [("nowhere", "nowhere cannot be read"), ("empty", "empty is empty")]
    {
        let provider = ["--oidc-issuer", "https://id.example", "--oidc-client-id", "ppm"];
        let args = [&["serve"][..], &provider, &["--oidc-client-secret-file", file]].concat();
        let line = complaint(&run(&folder, &args));
        assert!(line.contains(&format!("--oidc-client-secret-file: {expected_text}")), "{line}");
    }
}

#[test]
fn a_secret_that_others_may_read_stops_the_start() {
    let folder = folder();
    let secret = folder.path().join("secret");
    fs::write(&secret, "a client secret\n").expect("the folder is there");
    for mode in [0o644, 0o660, 0o604] {
        fs::set_permissions(&secret, Permissions::from_mode(mode)).expect("the file is there");
        let provider = ["--oidc-issuer", "https://id.example", "--oidc-client-id", "ppm"];
        let args = [&["serve"][..], &provider, &["--oidc-client-secret-file", "secret"]].concat();
        let line = complaint(&run(&folder, &args));
        let expected =
            "--oidc-client-secret-file: secret is not safe: others can read or change it";
        assert!(line.contains(expected), "{mode:o}: {line}");
    }
}

/// Runs as root only: no other user can chown a file or start a process as another user.
#[test]
fn a_secret_of_another_user_stops_the_start() {
    const OPERATOR: u32 = 1000;
    const OTHER: u32 = 1001;
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let in_folder = |name: &str| folder.path().join(name);
    chown(folder.path(), Some(OPERATOR), Some(OPERATOR)).expect("the folder is there");
    // The operator's user may have no access to the build folder.
    fs::copy(env!("CARGO_BIN_EXE_ppm-email"), in_folder("ppm-email")).expect("there is room");
    write_private(&in_folder("secret"), "a client secret\n");
    fs::set_permissions(in_folder("secret"), Permissions::from_mode(0o640)).expect("it is there");
    let start = |owner| {
        chown(in_folder("secret"), Some(owner), Some(OPERATOR)).expect("it is there");
        let mut command = Command::new(in_folder("ppm-email"));
        command.env_clear().current_dir(folder.path()).uid(OPERATOR).gid(OPERATOR);
        command.args(["serve", "--listen", "127.0.0.1:0", "--site-root", "nowhere"]);
        command.args(["--oidc-issuer", "https://id.example", "--oidc-client-id", "ppm"]);
        command.args(["--oidc-client-secret-file", "secret"]);
        complaint(&command.output().expect("the program runs"))
    };
    let expected = "--oidc-client-secret-file: secret is not safe: it belongs to another user";
    assert!(start(OTHER).contains(expected), "{}", start(OTHER));
    // The operator's own file is accepted; the start fails at the next error.
    assert!(start(OPERATOR).contains("nowhere"), "{}", start(OPERATOR));
}

#[test]
fn a_database_file_that_others_may_read_stops_the_start() {
    let folder = folder();
    assert!(add_ada(&folder).status.success());
    let file = folder.path().join("ppm-email.db");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("the file is there");
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["admin", "list"]] {
        let line = complaint(&run(&folder, args));
        assert!(line.contains("is not safe: others can read or change it"), "{args:?}: {line}");
    }
}

#[test]
fn a_journal_that_others_may_read_stops_the_start() {
    let folder = folder();
    assert!(add_ada(&folder).status.success());
    let journal = folder.path().join("ppm-email.db-wal");
    fs::write(&journal, "").expect("the folder is there");
    fs::set_permissions(&journal, Permissions::from_mode(0o644)).expect("the file is there");
    let line = complaint(&run(&folder, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(line.contains("ppm-email.db-wal is not safe: others can read or change it"), "{line}");
}

#[test]
fn a_wrong_value_stops_the_start_with_one_line_that_names_it() {
    let folder = folder();
    for (flag, value) in [
        ("--listen", "localhost"),
        ("--listen", "0.0.0.0:0"),
        ("--listen", "[::]:0"),
        ("--listen", "192.0.2.1:3000"),
        ("--database-url", "mysql://root@localhost"),
        ("--database-url", "sqlite://nowhere/ppm-email.db"),
        ("--database-url", "postgres://127.0.0.1:99999/ppm"),
        ("--database-url", "postgres://127.0.0.1/ppm?sslmode=perhaps"),
        ("--database-url", "postgres://127.0.0.1/ppm?sslmodus=require"),
        ("--public-url", "ftp://ppm.example"),
        ("--public-url", "https://ppm.example/path"),
        ("--public-url", "https://ppm.example:99999"),
        ("--extra-ca", "nothing.pem"),
        ("--site-root", "nowhere"),
        ("--trusted-proxy", "proxy.example"),
        ("--host-token-jwks-url", "http://host.example/keys"),
        ("--host-token-key-file", "nothing.pem"),
        ("--administrator-role", " "),
        ("--reader-role", "ppm-administrator"),
        ("--embed-origin", "https://host.example"),
        ("--frame-ancestor", "https://host.example"),
        ("--proxy-user-header", "X-Auth-Subject"),
        ("--proxy-name-header", "X-Auth-Name"),
        ("--oauth-proxy", "proxy.example:8080"),
        ("--oauth-proxy", "socks5://proxy.example"),
        ("--oidc-issuer", "id.example"),
        ("--oidc-issuer", "https://ada@id.example"),
        ("--oidc-issuer", "https://id.example/?tenant=1"),
        ("--oidc-issuer", "https://id.example"),
        ("--administrator-role", ""),
        ("--administrator-role", "ppm-reader"),
        ("--reader-role", "ppm-administrator"),
        ("--max-connections", "0"),
        ("--max-connections-per-address", "many"),
        ("--smtp-client-name", "192.0.2.1"),
        ("--smtp-client-name", "mail_server"),
        ("--smtp-client-name", ""),
        ("--smtp-connect-seconds", "0"),
        ("--smtp-reply-seconds", "+5"),
        ("--smtp-total-seconds", "soon"),
        ("--smtp-total-seconds", "5"),
        ("--no-such-flag", "1"),
    ] {
        let line = complaint(&run(&folder, &["serve", flag, value]));
        let names_it = line.contains(flag) || line.contains("nowhere");
        assert!(names_it, "{flag} {value}: {line}");
    }
}

#[test]
fn a_wrong_value_in_the_environment_stops_the_start() {
    let folder = folder();
    let output = program(&folder)
        .arg("serve")
        .env("PPM_EMAIL_LISTEN", "here")
        .output()
        .expect("the program runs");
    assert!(complaint(&output).contains("--listen"));
}

/// Invalid `PostgreSQL` URLs that stop the start at once.
const WRONG_DATABASES: [&str; 7] = [
    "postgres://ppm:canary-password@127.0.0.1:99999/ppm",
    "postgres://ppm:canary-password@host.invalid/ppm",
    "postgres://ppm:canary-password#1@127.0.0.1/ppm",
    "postgres://ppm:canary-password/1@127.0.0.1/ppm",
    "postgres://ppm:canary-password?1@127.0.0.1/ppm",
    "postgres://127.0.0.1/ppm?passwort=canary-password",
    "postgres://127.0.0.1/ppm?sslmode=canary-password",
];

#[test]
fn a_database_password_is_in_no_error_message_and_not_in_the_help() {
    let folder = folder();
    for url in WRONG_DATABASES {
        for arguments in [["serve", "--help"].as_slice(), &["serve", "--listen", "127.0.0.1:0"]] {
            let output = program(&folder)
                .args(arguments)
                .env("PPM_EMAIL_DATABASE_URL", url)
                .env("RUST_LOG", "trace")
                .output()
                .expect("the program runs");
            let printed = text(&output.stdout) + &text(&output.stderr);
            assert!(!printed.contains("canary-password"), "{url}: {printed}");
        }
    }
}

#[test]
fn a_database_that_cannot_be_used_stops_the_start_with_one_line() {
    let folder = folder();
    for url in WRONG_DATABASES {
        let line = complaint(&run(&folder, &["serve", "--database-url", url]));
        assert!(line.contains("database"), "{url}: {line}");
    }
}

#[test]
fn a_proxy_password_is_in_no_error_message_and_not_in_the_help() {
    let folder = folder();
    let url = "http://ada:canary-password@proxy.example/path";
    for arguments in [["serve", "--help"].as_slice(), &["serve", "--listen", "127.0.0.1:0"]] {
        let output = program(&folder).args(arguments).env("PPM_EMAIL_OAUTH_PROXY", url).output();
        let output = output.expect("the program runs");
        let printed = text(&output.stdout) + &text(&output.stderr);
        assert!(
            printed.contains("oauth-proxy") && !printed.contains("canary-password"),
            "{printed}"
        );
    }
}

#[test]
fn an_unreachable_database_server_stops_the_start_with_one_line() {
    let folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let url = format!("postgres://ppm:canary-password@{address}/ppm");
    let line = complaint(&run(&folder, &["serve", "--database-url", &url]));
    assert!(line.contains("could not be reached") && !line.contains("canary"), "{line}");
}

#[test]
fn a_port_that_is_taken_stops_the_start_with_one_line() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    assert!(complaint(&run(&folder, &["serve", "--listen", &address])).contains(&address));
}

#[test]
fn a_start_without_the_key_that_the_database_needs_is_refused_with_one_line() {
    let folder = folder();
    drop(ServingCli::start(&folder));
    fs::remove_file(folder.path().join("ppm-email.key")).expect("the first start made it");
    let line = complaint(&run(&folder, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(line.contains("ppm-email.key does not exist"), "{line}");
}

#[test]
fn a_start_with_a_wrong_key_is_refused_with_one_line() {
    let (folder, other) = (folder(), folder());
    drop(ServingCli::start(&folder));
    drop(ServingCli::start(&other));
    let key = other.path().join("ppm-email.key").display().to_string();
    let line = complaint(&run(&folder, &["serve", "--listen", "127.0.0.1:0", "--key-file", &key]));
    assert!(line.contains("is not the one that the database was sealed with"), "{line}");
}

#[test]
fn administrators_are_added_listed_and_removed() {
    let folder = folder();
    assert!(add_ada(&folder).status.success());
    let list = text(&run(&folder, &["admin", "list"]).stdout);
    assert!(list.starts_with("ada@example.com\tAda Lovelace\t"), "{list}");
    assert!(run(&folder, &["admin", "remove", "Ada@Example.com"]).status.success());
    assert_eq!(text(&run(&folder, &["admin", "list"]).stdout), "");
}

#[test]
fn an_administrator_gets_another_password() {
    let folder = folder();
    add_ada(&folder);
    let arguments = ["admin", "set-password", "ada@example.com", "--password-stdin"];
    assert!(run_with_input(&folder, &arguments, "another long password\n").status.success());
}

#[test]
fn an_address_is_not_added_twice() {
    let folder = folder();
    add_ada(&folder);
    assert!(complaint(&add_ada(&folder)).contains("ada@example.com already has an account"));
}

#[test]
fn a_short_password_is_refused_and_not_repeated() {
    let folder = folder();
    let arguments = ["admin", "add", "ada@example.com", "--name", "Ada", "--password-stdin"];
    let line = complaint(&run_with_input(&folder, &arguments, "canary\n"));
    assert!(line.contains("12 characters") && !line.contains("canary"), "{line}");
}

#[test]
fn a_common_or_personal_password_is_refused_and_not_repeated() {
    let folder = folder();
    let add = ["admin", "add", "ada@example.com", "--name", "Ada Lovelace", "--password-stdin"];
    let set = ["admin", "set-password", "ada@example.com", "--password-stdin"];
    for (password, expected_text) in
        [("password1234", "too common"), ("ada.lovelace", "name or email address")]
    {
        let line = complaint(&run_with_input(&folder, &add, &format!("{password}\n")));
        assert!(line.contains(expected_text) && line.contains("a few random words"), "{line}");
        assert!(!line.contains(password), "{line}");
    }
    assert!(add_ada(&folder).status.success());
    for (password, expected_text) in
        [("qwertyuiop12", "too common"), ("LovelaceAda1", "name or email address")]
    {
        let line = complaint(&run_with_input(&folder, &set, &format!("{password}\n")));
        assert!(line.contains(expected_text) && !line.contains(password), "{line}");
    }
}

#[test]
fn removing_an_unknown_account_is_an_error() {
    let folder = folder();
    assert!(
        complaint(&run(&folder, &["admin", "remove", "bob@example.com"]))
            .contains("bob@example.com has no account")
    );
}

#[test]
fn an_incomplete_host_token_configuration_is_refused_with_one_line() {
    let folder = folder();
    let without_keys = run(&folder, &["serve", "--host-token-issuer", "https://host.example"]);
    let line = complaint(&without_keys);
    assert!(line.contains("--host-token-jwks-url"), "{line}");
    let keys = ["serve", "--host-token-jwks-url", "https://host.example/keys"];
    let named = ["--host-token-issuer", "https://host.example", "--host-token-audience", "ppm"];
    for (rest, flag) in [
        (vec!["--host-token-issuer", "https://host.example"], "--host-token-audience"),
        (vec!["--host-token-audience", "ppm"], "--host-token-issuer"),
        (
            vec!["--host-token-issuer", "proxy", "--host-token-audience", "ppm"],
            "--host-token-issuer",
        ),
        (vec!["--host-token-key-file", "key.pem"], "--host-token-key-file"),
        ([&named[..], &["--host-token-algorithm", "HS256"]].concat(), "--host-token-algorithm"),
        ([&named[..], &["--host-token-algorithm", "none"]].concat(), "--host-token-algorithm"),
        ([&named[..], &["--host-token-cookie", "ppm-email"]].concat(), "--host-token-cookie"),
        ([&named[..], &["--host-token-cookie", "a;b"]].concat(), "--host-token-cookie"),
        ([&named[..], &["--host-token-max-age", "0"]].concat(), "--host-token-max-age"),
        ([&named[..], &["--host-token-max-age", "86401"]].concat(), "--host-token-max-age"),
        ([&named[..], &["--host-token-max-age", "an hour"]].concat(), "--host-token-max-age"),
    ] {
        let line = complaint(&run(&folder, &[&keys[..], &rest].concat()));
        assert!(line.contains(flag), "{rest:?}: {line}");
    }
}

#[test]
fn an_embedding_site_must_be_an_https_origin() {
    let folder = folder();
    let tokens = ["--host-token-jwks-url", "https://host.example/keys"];
    let named = ["--host-token-issuer", "https://host.example", "--host-token-audience", "ppm"];
    for flag in ["--embed-origin", "--frame-ancestor"] {
        for value in ["*", "host.example", "http://host.example", "https://host.example/page", ""] {
            let site = ["--embed-origin", "https://host.example", flag, value];
            let args = [&["serve"][..], &tokens, &named, &site].concat();
            let line = complaint(&run(&folder, &args));
            assert!(line.contains(flag) && line.contains("https://"), "{flag} {value}: {line}");
        }
    }
}
