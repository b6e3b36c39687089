//! Concurrent saves of many administrators, through one program and through two on one database:
//! one save wins each revision, the others get a conflict that names the winner, and no lock fails.

use std::sync::Arc;

use contract::{Conflict, Save, SaveAnswer};
use domain::{Draft, Field};
use serde_json::json;
use store::Store;
use store::audit::Action;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::accounts::{administrator, administrators};
use crate::support::databases::{database, database_url};
use crate::support::harness::trail;
use crate::support::oauth_programs::called;
use crate::support::program::{HttpBrowser, Serving, log_file};
use crate::support::soak::times;
use crate::support::steps::basic_draft;

fn number_of_administrators() -> usize {
    times(12, 50)
}

fn number_of_rounds() -> i64 {
    times(2, 4)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_administrators_saving_at_once_through_one_or_two_programs_one_wins_each_round() {
    for programs in [1, 2] {
        one_wins_each_round(programs).await;
    }
}

async fn one_wins_each_round(programs: usize) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cookies = administrators(&folder, number_of_administrators()).await;
    let log = folder.path().join("ppm-email.log");
    let url = database_url(folder.path()).await;
    let start = || {
        Serving::with(folder.path(), |command| {
            command.args(["--database-url", &url]).stderr(log_file(&log));
        })
    };
    let serving: Vec<_> = (0..programs).map(|_| start()).collect();
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
    basic_draft(&[
        (Field::BasicSender, format!("{revision}@example.com")),
        (Field::BasicDisplayName, administrator(number)),
        (Field::Username, format!("user-{number}")),
        (Field::Password, format!("password-{number}-{revision}")),
    ])
}

/// Saves once per round at the same time as all others; returns the revisions that were won.
async fn rounds(
    number: usize,
    address: String,
    cookie: String,
    together: Arc<Barrier>,
) -> Vec<i64> {
    let mut browser = HttpBrowser::with_cookie(&address, &cookie).await;
    let mut wins = Vec::new();
    for revision in 0..number_of_rounds() {
        let save = Save { draft: draft(number, revision), revision, deletes_grant: None };
        together.wait().await;
        match called(&mut browser, "email/save", &json!({ "save": save })).await {
            SaveAnswer::Saved(saved) => {
                assert_eq!(saved.revision, revision + 1);
                wins.push(saved.revision);
            }
            SaveAnswer::Conflict(Conflict { saved: theirs, .. }) => {
                assert_eq!(theirs.revision, revision + 1, "the winner's, and no half of it");
                let winner = theirs.by.clone().expect("a save won");
                assert_eq!(theirs.form.plain_text(Field::BasicDisplayName), winner);
            }
            other => panic!("{other:?}"),
        }
    }
    wins
}
