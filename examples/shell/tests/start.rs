//! Smoke test: the example starts without a database. The browser tests use the binary built here.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn it_creates_its_database_and_prints_its_address() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let database = folder.path().join("shell.db");
    let mut shell = Command::new(env!("CARGO_BIN_EXE_leptos-shell-server"))
        .args(["--listen", "127.0.0.1:0", "--database"])
        .arg(format!("sqlite://{}", database.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let output = shell.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut line).expect("it writes text");
    shell.kill().expect("it is ours");
    shell.wait().expect("it is ours");
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    assert!(database.is_file());
}
