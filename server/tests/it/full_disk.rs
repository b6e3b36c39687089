//! On a full disk, reading and sign-out work and a save fails with a reason; with free space again,
//! the program recovers without a restart. The disk is a small tmpfs, which only root can mount:
//! `cargo xtask test` skips these tests for other users, and says so.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::http::StatusCode;
use contract::{Save, SaveAnswer};
use domain::{Draft, Field};
use serde_json::json;
use tempfile::TempDir;

use crate::support::databases::connection;
use crate::support::harness::{Answer, EMAIL, FORM, PASSWORD};
use crate::support::outbox::{Cuts, Product, SHORT_DEADLINES, Sink, id_of};
use crate::support::program::{
    HttpBrowser, READY, Serving, add_administrator, log_file, program, run,
};
use crate::support::steps::basic_draft;
use crate::support::waiting::until;

const FULL: &str = r#"{"code":"not-ready","reasons":["disk-full"]}"#;

/// A tmpfs of a few megabytes, unmounted on drop.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path());
        let mounted = mount.status().is_ok_and(|status| status.success());
        assert!(mounted, "only root can mount a disk: `cargo xtask test` leaves this test out");
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Fills the disk to the last octet.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("there is room for a name");
        for size in [64 * 1024, 4096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a killed program may still hold files open.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Saves this display name.
async fn save(browser: &mut HttpBrowser, name: &str, revision: i64) -> Answer {
    save_draft(browser, basic_draft(&[(Field::BasicDisplayName, name)]), revision).await
}

async fn save_draft(browser: &mut HttpBrowser, draft: Draft, revision: i64) -> Answer {
    let save = Save { draft, revision, deletes_grant: None };
    browser.call("email/save", &json!({ "save": save })).await.expect("an answer")
}

async fn signed_in(serving: &Serving) -> HttpBrowser {
    HttpBrowser::signed_in(&serving.address, EMAIL, PASSWORD).await
}

/// Asserts that the session of this browser has ended.
async fn expect_signed_out(browser: &mut HttpBrowser) {
    let refused = browser.call("email/load", &json!({})).await.expect("an answer");
    let expected = (StatusCode::UNAUTHORIZED, "session-ended".to_owned());
    assert_eq!((refused.status, refused.code()), expected);
}

#[tokio::test]
async fn on_a_full_disk_reading_and_sign_out_work_and_a_save_says_why_it_fails() {
    let disk = Disk::mount();
    add_administrator(disk.path(), EMAIL, PASSWORD);
    let logs = tempfile::tempdir().expect("a folder on another disk");
    let log = logs.path().join("log");
    let serving = Serving::with(disk.path(), |command| {
        command.stderr(log_file(&log));
    });
    let (mut ada, mut leaving) = (signed_in(&serving).await, signed_in(&serving).await);
    let session = leaving.cookie.clone();
    let answer = save(&mut ada, "Before", 0).await;
    let saved: SaveAnswer = serde_json::from_str(&answer.body).expect("an answer to a save");
    assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
    ada.until_ready_says(READY).await;
    // Rows that a read would update if it could write.
    sqlx::raw_sql(
        r#"UPDATE session SET seen_at = seen_at - 120000;
           INSERT INTO run (id, person, person_name, recipient, started_at, gone_after, tested)
           VALUES ('stale', 'grace', 'Grace', 'grace@example.com', 0, 0, '"saved"')"#,
    )
    .execute(&mut connection(disk.path()).await)
    .await
    .expect("the tables are there");

    disk.fill();
    ada.until_ready_says(FULL).await;
    assert_eq!(ada.get("/health").await.expect("an answer").status, StatusCode::OK);
    for path in ["/settings/email", "/settings/email/history", "/audit", "/preferences/time"] {
        let page = ada.get(path).await.expect("an answer");
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        assert!(page.body.contains(EMAIL), "{path} is not a page for her: {}", page.body);
    }

    let history = ada.get("/settings/email/history").await.expect("an answer");
    assert!(history.body.contains("Interrupted"), "{}", history.body);

    let refused = save(&mut ada, "During", 1).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refused.body, r#""server-failed""#);
    let times = "pattern=DD-Mon-YYYY&clock=12&zone=Europe%2FBerlin";
    let refused = ada.ask("POST", "/preferences/time", FORM, times).await.expect("an answer");
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    // The page still shows what was chosen.
    for text in
        ["Something went wrong on the server, and nothing was saved", r#"value="Europe/Berlin""#]
    {
        assert!(refused.body.contains(text), "{}", refused.body);
    }

    let out = leaving.ask("POST", "/sign-out", FORM, "").await.expect("an answer");
    assert_eq!(out.header("location"), "/sign-in");
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    leaving.cookie.clone_from(&session);
    expect_signed_out(&mut leaving).await;

    disk.make_room();
    ada.until_ready_says(READY).await;
    let answer = save(&mut ada, "After", 1).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    // The sign-out must reach the database, so that a restarted program knows of it.
    until(async || ada.get("/audit").await.expect("an answer").body.contains("Signed out")).await;
    serving.stop();
    let log = fs::read_to_string(log).expect("the program wrote it");
    assert_eq!(log.matches("this process is not ready").count(), 1, "{log}");
    assert!(!log.contains("/ready"), "each probe is in the log: {log}");

    let serving = Serving::with(disk.path(), |_| {});
    let mut leaving = leaving.again(&serving.address).await.expect("it listens");
    expect_signed_out(&mut leaving).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_a_message_is_refused_with_503_and_no_accepted_one_is_lost_or_sent_twice() {
    let disk = Disk::mount();
    add_administrator(disk.path(), EMAIL, PASSWORD);
    let sink = Sink::start(Cuts::None, 0).await;
    let logs = tempfile::tempdir().expect("a folder on another disk");
    let log = logs.path().join("log");
    let serving = Serving::with(disk.path(), |command| {
        command.args(SHORT_DEADLINES).stderr(log_file(&log));
    });
    let mut ada = signed_in(&serving).await;
    let port = sink.address.port().to_string();
    let draft = basic_draft(&[
        (Field::BasicServer, "127.0.0.1"),
        (Field::BasicPort, port.as_str()),
        (Field::BasicUseTls, "false"),
    ]);
    assert_eq!(save_draft(&mut ada, draft, 0).await.status, StatusCode::OK);
    let mut add = program(disk.path());
    add.args(["application", "add", "Planner", "--database-url", "sqlite://ppm-email.db"]);
    let key = String::from_utf8(run(add, "").stdout).expect("the key is text");
    let product = Product { key: key.trim().to_owned().into() };
    let mut caller = serving.browser().await;
    let (mut accepted, mut number) = (Vec::new(), 0);
    // Hands one over, and returns the status.
    let mut hand_over = async || {
        number += 1;
        let to = format!("{number}@example.org");
        let answer = product.hand_over(&mut caller, &to).await.expect("an answer");
        if answer.status == StatusCode::ACCEPTED {
            accepted.push(id_of(&answer));
        }
        answer.status
    };
    for _ in 0..20 {
        assert_eq!(hand_over().await, StatusCode::ACCEPTED);
    }

    disk.fill();
    until(async || match hand_over().await {
        StatusCode::SERVICE_UNAVAILABLE => true,
        // The write-ahead log had room.
        StatusCode::ACCEPTED => false,
        other => panic!("{other}"),
    })
    .await;

    disk.make_room();
    until(async || hand_over().await == StatusCode::ACCEPTED).await;
    for id in &accepted {
        until(async || product.state(&mut caller, id).await == "delivered").await;
    }
    assert_eq!(sink.duplicates(), []);
    serving.stop();
}
