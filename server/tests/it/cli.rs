//! The command line: flags, exit codes and one-line errors.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::support::harness::PASSWORD;
use crate::support::program::{self, Serving, complaint, send, write_private};

/// The flags of a provider with a client secret in this file.
fn with_secret(file: &str) -> [&str; 7] {
    let issuer = "https://id.example";
    ["serve", "--oidc-issuer", issuer, "--oidc-client-id", "ppm", "--oidc-client-secret-file", file]
}

/// The start of a server on a free port.
const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
/// A valid configuration of host tokens: where the keys are, and for what the tokens are.
const HOST_KEYS: [&str; 2] = ["--host-token-jwks-url", "https://host.example/keys"];
const HOST_TOKENS: [&str; 4] =
    ["--host-token-issuer", "https://host.example", "--host-token-audience", "ppm"];
/// Flags, each with a value that the program refuses.
const WRONG_VALUES: &str = include_str!("cli/wrong_values.json");
const ADD_ADA: [&str; 6] =
    ["admin", "add", "ada@example.com", "--name", "Ada Lovelace", "--password-stdin"];
const SET_PASSWORD: [&str; 4] = ["admin", "set-password", "ada@example.com", "--password-stdin"];

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

fn program(folder: &TempDir) -> Command {
    program::program(folder.path())
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    run_with_input(folder, arguments, "")
}

/// Runs the program with text on standard input.
fn run_with_input(folder: &TempDir, arguments: &[&str], input: &str) -> Output {
    let mut command = program(folder);
    command.args(arguments);
    program::run(command, input)
}

/// Runs the program, which refuses to, and returns its error line.
fn refusal(folder: &TempDir, arguments: &[&str]) -> String {
    complaint(&run(folder, arguments))
}

fn add_ada(folder: &TempDir) -> Output {
    run_with_input(folder, &ADD_ADA, &format!("{PASSWORD}\n"))
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).expect("the program writes text")
}

fn serve(folder: &TempDir) -> Serving {
    Serving::strictly(folder.path(), |_| {})
}

#[test]
fn the_server_says_where_it_listens_and_answers_there() {
    let folder = folder();
    let serving = serve(&folder);
    let address = &serving.address;
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn sigterm_and_sigint_end_the_server_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = folder();
        let mut command = program(&folder);
        let mut child = command.args(SERVE).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("the program says where it listens");
        send(&child, signal);
        assert!(child.wait().expect("it ends").success(), "{signal:?}");
    }
}

#[test]
fn a_client_secret_that_cannot_be_read_or_that_others_may_read_stops_the_start() {
    let folder = folder();
    let expect = |file: &str, text: &str| {
        let line = refusal(&folder, &with_secret(file));
        assert!(line.contains(&format!("--oidc-client-secret-file: {text}")), "{line}");
    };
    expect("nowhere", "nowhere cannot be read");
    let secret = folder.path().join("secret");
    write_private(&secret, "\n");
    expect("secret", "secret is empty");
    fs::write(&secret, "a client secret\n").expect("the folder is there");
    for mode in [0o644, 0o660, 0o604] {
        fs::set_permissions(&secret, Permissions::from_mode(mode)).expect("the file is there");
        expect("secret", "secret is not safe: others can read or change it");
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
        command.args(with_secret("secret"));
        command.args(["--listen", "127.0.0.1:0", "--site-root", "nowhere"]);
        complaint(&command.output().expect("the program runs"))
    };
    let expected = "--oidc-client-secret-file: secret is not safe: it belongs to another user";
    assert!(start(OTHER).contains(expected), "{}", start(OTHER));
    // The operator's own file is accepted; the start fails at the next error.
    assert!(start(OPERATOR).contains("nowhere"), "{}", start(OPERATOR));
}

#[test]
fn a_database_file_or_a_journal_that_others_may_read_stops_the_start() {
    for (file, commands) in
        [("ppm-email.db", &[&SERVE[..], &["admin", "list"]][..]), ("ppm-email.db-wal", &[&SERVE])]
    {
        let folder = folder();
        assert!(add_ada(&folder).status.success());
        let path = folder.path().join(file);
        File::options().append(true).create(true).open(&path).expect("the folder is there");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("the file is there");
        for args in commands {
            let line = refusal(&folder, args);
            let text = format!("{file} is not safe: others can read or change it");
            assert!(line.contains(&text), "{args:?}: {line}");
        }
    }
}

#[test]
fn a_wrong_value_stops_the_start_with_one_line_that_names_it() {
    let folder = folder();
    let wrong: Vec<(&str, &str)> = serde_json::from_str(WRONG_VALUES).expect("pairs");
    for (flag, value) in wrong {
        let line = refusal(&folder, &["serve", flag, value]);
        let names_it = line.contains(flag) || line.contains("nowhere");
        assert!(names_it, "{flag} {value}: {line}");
    }
}

#[test]
fn a_wrong_value_in_the_environment_stops_the_start() {
    let folder = folder();
    let mut command = program(&folder);
    command.arg("serve").env("PPM_EMAIL_LISTEN", "here");
    assert!(complaint(&program::run(command, "")).contains("--listen"));
}

/// Asserts that a variable's password is in no output at the highest log level, and returns
/// what the help and a start have printed.
fn expect_no_password(variable: &str, value: &str) -> [String; 2] {
    let folder = folder();
    [&["serve", "--help"][..], &SERVE].map(|arguments| {
        let mut command = program(&folder);
        command.args(arguments).env(variable, value).env("RUST_LOG", "trace");
        let output = program::run(command, "");
        let printed = text(&output.stdout) + &text(&output.stderr);
        assert!(!printed.contains("canary-password"), "{value}: {printed}");
        printed
    })
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
fn a_database_or_proxy_password_is_in_no_error_message_and_not_in_the_help() {
    for url in WRONG_DATABASES {
        expect_no_password("PPM_EMAIL_DATABASE_URL", url);
    }
    let proxy = "http://ada:canary-password@proxy.example/path";
    for printed in expect_no_password("PPM_EMAIL_OAUTH_PROXY", proxy) {
        assert!(printed.contains("oauth-proxy"), "{printed}");
    }
}

#[test]
fn a_database_that_cannot_be_used_stops_the_start_with_one_line() {
    let folder = folder();
    for url in WRONG_DATABASES {
        let line = refusal(&folder, &["serve", "--database-url", url]);
        assert!(line.contains("database"), "{url}: {line}");
    }
}

#[test]
fn an_unreachable_database_server_stops_the_start_with_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let url = format!("postgres://ppm:canary-password@{address}/ppm");
    let line = refusal(&folder(), &["serve", "--database-url", &url]);
    assert!(line.contains("could not be reached") && !line.contains("canary"), "{line}");
}

#[test]
fn a_port_that_is_taken_stops_the_start_with_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    assert!(refusal(&folder(), &["serve", "--listen", &address]).contains(&address));
}

#[test]
fn a_start_with_a_wrong_key_or_without_the_key_that_the_database_needs_is_refused_with_one_line() {
    let (folder, other) = (folder(), folder());
    drop(serve(&folder));
    drop(serve(&other));
    let key = other.path().join("ppm-email.key").display().to_string();
    let line = refusal(&folder, &[&SERVE[..], &["--key-file", &key]].concat());
    assert!(line.contains("is not the one that the database was sealed with"), "{line}");
    fs::remove_file(folder.path().join("ppm-email.key")).expect("the first start made it");
    let line = refusal(&folder, &SERVE);
    assert!(line.contains("ppm-email.key does not exist"), "{line}");
}

#[test]
fn administrators_are_added_once_listed_given_another_password_and_removed() {
    let folder = folder();
    assert!(add_ada(&folder).status.success());
    assert!(complaint(&add_ada(&folder)).contains("ada@example.com already has an account"));
    let list = text(&run(&folder, &["admin", "list"]).stdout);
    assert!(list.starts_with("ada@example.com\tAda Lovelace\t"), "{list}");
    let output = run_with_input(&folder, &SET_PASSWORD, "another long password\n");
    assert!(output.status.success());
    let line = refusal(&folder, &["admin", "remove", "bob@example.com"]);
    assert!(line.contains("bob@example.com has no account"), "{line}");
    assert!(run(&folder, &["admin", "remove", "Ada@Example.com"]).status.success());
    assert_eq!(text(&run(&folder, &["admin", "list"]).stdout), "");
}

#[test]
fn a_short_common_or_personal_password_is_refused_and_not_repeated() {
    let folder = folder();
    let refused = |command: &[&str], password: &str, expected: &str| {
        let line = complaint(&run_with_input(&folder, command, &format!("{password}\n")));
        assert!(line.contains(expected) && !line.contains(password), "{line}");
        line
    };
    refused(&ADD_ADA, "canary", "12 characters");
    for (password, expected) in
        [("password1234", "too common"), ("ada.lovelace", "name or email address")]
    {
        let line = refused(&ADD_ADA, password, expected);
        assert!(line.contains("a few random words"), "{line}");
    }
    assert!(add_ada(&folder).status.success());
    refused(&SET_PASSWORD, "qwertyuiop12", "too common");
    refused(&SET_PASSWORD, "LovelaceAda1", "name or email address");
}

#[test]
fn an_incomplete_host_token_configuration_is_refused_with_one_line() {
    let folder = folder();
    let (issuer, audience) = HOST_TOKENS.split_at(2);
    let line = refusal(&folder, &[&["serve"][..], issuer].concat());
    assert!(line.contains("--host-token-jwks-url"), "{line}");
    let with = |flag, value| [&HOST_TOKENS[..], &[flag, value]].concat();
    for (rest, flag) in [
        (issuer.to_vec(), "--host-token-audience"),
        (audience.to_vec(), "--host-token-issuer"),
        ([&["--host-token-issuer", "proxy"][..], audience].concat(), "--host-token-issuer"),
        (vec!["--host-token-key-file", "key.pem"], "--host-token-key-file"),
        (with("--host-token-algorithm", "HS256"), "--host-token-algorithm"),
        (with("--host-token-algorithm", "none"), "--host-token-algorithm"),
        (with("--host-token-cookie", "ppm-email"), "--host-token-cookie"),
        (with("--host-token-cookie", "a;b"), "--host-token-cookie"),
        (with("--host-token-max-age", "0"), "--host-token-max-age"),
        (with("--host-token-max-age", "86401"), "--host-token-max-age"),
        (with("--host-token-max-age", "an hour"), "--host-token-max-age"),
    ] {
        let line = refusal(&folder, &[&["serve"][..], &HOST_KEYS, &rest].concat());
        assert!(line.contains(flag), "{rest:?}: {line}");
    }
}

#[test]
fn an_embedding_site_must_be_an_https_origin() {
    let folder = folder();
    for flag in ["--embed-origin", "--frame-ancestor"] {
        for value in ["*", "host.example", "http://host.example", "https://host.example/page", ""] {
            let site = ["--embed-origin", "https://host.example", flag, value];
            let line =
                refusal(&folder, &[&["serve"][..], &HOST_KEYS, &HOST_TOKENS, &site].concat());
            assert!(line.contains(flag) && line.contains("https://"), "{flag} {value}: {line}");
        }
    }
}
