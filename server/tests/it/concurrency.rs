//! Concurrent saves of many administrators, through one program and through two on one database:
//! one save wins each revision, the others get a conflict that names the winner, and no lock fails.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use contract::{Conflict, Save, SaveAnswer};
use domain::{Draft, Field};
use serde_json::json;
use store::Store;
use store::audit::Action;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::accounts::{administrator, administrators};
use crate::support::databases::{database, database_url};
use crate::support::drafts::draft_of;
use crate::support::harness::trail;
use crate::support::program::{HttpBrowser, Serving, log_file};
use crate::support::soak::times;

fn number_of_administrators() -> usize {
    times(12, 50)
}

fn number_of_rounds() -> i64 {
    times(2, 4)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_administrators_saving_at_once_through_one_program_one_wins_each_round() {
    one_wins_each_round(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_administrators_saving_at_once_through_two_programs_one_wins_each_round() {
    one_wins_each_round(2).await;
}

async fn one_wins_each_round(programs: usize) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cookies = administrators(&folder, number_of_administrators()).await;
    let log = folder.path().join("ppm-email.log");
    let url = database_url(folder.path()).await;
    let serving: Vec<_> = (0..programs).map(|_| start(folder.path(), &url, &log)).collect();
    let together = Arc::new(Barrier::new(number_of_administrators()));
    let mut administrators = JoinSet::new();
    for (number, cookie) in cookies.into_iter().enumerate() {
        let address = serving[number % programs].address.clone();
        administrators.spawn(rounds(number, address, cookie, together.clone()));
    }
    let mut wins = administrators.join_all().await.concat();
    wins.sort_unstable();
    assert_eq!(wins, (1..=number_of_rounds()).collect::<Vec<_>>(), "each revision is won once");
    for program in serving {
        program.stop();
    }
    let log = std::fs::read_to_string(log).expect("the programs wrote it");
    assert!(!log.contains("locked") && !log.contains("ERROR"), "{log}");
    let store = Store::open(&database(&folder).await).await.expect("the database opens");
    let rows = trail(&store, 1_000).await;
    let saves = rows.iter().filter(|row| row.action == Action::SettingsSaved);
    assert_eq!(saves.count(), wins.len(), "each win is in the audit, and nothing else");
}

/// This administrator's draft in this round, including a secret.
fn draft(number: usize, revision: i64) -> Draft {
    draft_of(&[
        (Field::BasicSender, format!("{revision}@example.com")),
        (Field::BasicDisplayName, administrator(number)),
        (Field::BasicServer, "smtp.example.com".to_owned()),
        (Field::BasicPort, "587".to_owned()),
        (Field::Username, format!("user-{number}")),
        (Field::Password, format!("password-{number}-{revision}")),
    ])
}

fn start(folder: &Path, database_url: &str, log: &Path) -> Serving {
    Serving::with(folder, |command| {
        command.args(["--database-url", database_url]).stderr(log_file(log));
    })
}

/// Saves once per round at the same time as all others; returns the revisions that were won.
async fn rounds(
    number: usize,
    address: String,
    cookie: String,
    together: Arc<Barrier>,
) -> Vec<i64> {
    let mut browser = HttpBrowser::at(&address).await.expect("it listens");
    browser.cookie = cookie;
    let mut wins = Vec::new();
    for revision in 0..number_of_rounds() {
        let save = Save { draft: draft(number, revision), revision, deletes_grant: None };
        together.wait().await;
        let answer = browser.call("email/save", &json!({ "save": save })).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        match serde_json::from_str(&answer.body).expect("an answer to a save") {
            SaveAnswer::Saved(saved) => {
                assert_eq!(saved.revision, revision + 1);
                wins.push(saved.revision);
            }
            SaveAnswer::Conflict(Conflict { saved: theirs, .. }) => {
                assert_eq!(theirs.revision, revision + 1, "the winner's, and no half of it");
                let winner = theirs.by.clone().expect("somebody won");
                assert_eq!(theirs.form.plain_text(Field::BasicDisplayName), winner);
            }
            other => panic!("{other:?}"),
        }
    }
    wins
}
