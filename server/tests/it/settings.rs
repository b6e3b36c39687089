//! The store of the settings: optimistic lock, secrets, deletion of the token, audit rows.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use store::Store;
use store::audit::{Action, Actor};
use store::settings::{self, Replaced, Replacement, SealedSecret, StoredForm};
use tempfile::TempDir;

use crate::support::databases::{database, put_token};
use crate::support::harness::trail;
use crate::support::soak::times;

async fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let store = Store::open(&database(&folder).await).await.expect("a new folder is all it needs");
    (store, folder)
}

fn ada() -> Actor {
    Actor::named("ada@example.com", "Ada")
}

fn at() -> DateTime<Utc> {
    "2027-03-01T08:00:00Z".parse().expect("an instant")
}

fn password(sealed: &[u8]) -> SealedSecret {
    SealedSecret {
        field: "basic-password".to_owned(),
        destination_json: "{}".to_owned(),
        revision: 1,
        sealed: sealed.to_vec(),
    }
}

/// A save of `form_json` on `expected_revision`, without secrets and token deletion.
fn save<'a>(expected_revision: i64, form_json: &'a str, by: &'a Actor) -> Replacement<'a> {
    Replacement {
        expected_revision,
        form_json,
        secrets_to_put: &[],
        secrets_to_remove: &[],
        by,
        at: at(),
        changed_fields: &[],
        deletes_grant: None,
        keeps_token: false,
        needs_token: true,
    }
}

async fn load(store: &Store) -> StoredForm {
    settings::load(store).await.expect("settings are readable")
}

async fn replace(store: &Store, save: Replacement<'_>) -> Replaced {
    settings::replace(store, &save).await.expect("the database answers")
}

#[tokio::test]
async fn before_the_first_save_there_is_no_form() {
    let (store, _folder) = store().await;
    let empty = StoredForm {
        revision: 0,
        token_revision: 0,
        form_json: None,
        saved_by: None,
        saved_at: None,
        secrets: Vec::new(),
        grant_id: None,
    };
    assert_eq!(load(&store).await, empty);
}

#[tokio::test]
async fn saved_settings_are_loaded_with_author_and_time() {
    let (store, _folder) = store().await;
    let secrets = [password(&[0, 1, 2, 255])];
    let (ada, form) = (ada(), r#"{"a":1}"#);
    let first = Replacement { secrets_to_put: &secrets, ..save(0, form, &ada) };
    let done = replace(&store, first).await;
    assert_eq!(done, Replaced::Done { revision: 1, deleted: None });
    let expected = StoredForm {
        revision: 1,
        token_revision: 1,
        form_json: Some(form.to_owned()),
        saved_by: Some(ada),
        saved_at: Some(at()),
        secrets: secrets.to_vec(),
        grant_id: None,
    };
    assert_eq!(load(&store).await, expected);
}

#[tokio::test]
async fn a_save_on_an_outdated_copy_changes_nothing() {
    let (store, _folder) = store().await;
    replace(&store, save(0, "first", &ada())).await;
    let saved = load(&store).await;
    let secrets = [password(b"late")];
    let late =
        replace(&store, Replacement { secrets_to_put: &secrets, ..save(0, "late", &ada()) }).await;
    assert_eq!(late, Replaced::OutOfDate);
    assert_eq!(load(&store).await, saved);
}

#[tokio::test]
async fn a_secret_is_replaced_kept_or_removed_by_its_field() {
    let (store, _folder) = store().await;
    let client = SealedSecret { field: "client-secret".to_owned(), ..password(b"client") };
    let both = [password(b"old"), client.clone()];
    replace(&store, Replacement { secrets_to_put: &both, ..save(0, "", &ada()) }).await;
    let new = [password(b"new")];
    replace(&store, Replacement { secrets_to_put: &new, ..save(1, "", &ada()) }).await;
    assert_eq!(load(&store).await.secrets, [password(b"new"), client.clone()]);
    replace(&store, Replacement { secrets_to_remove: &["basic-password"], ..save(2, "", &ada()) })
        .await;
    assert_eq!(load(&store).await.secrets, [client]);
}

#[tokio::test]
async fn a_save_that_does_not_name_the_token_it_would_delete_changes_nothing() {
    let (store, folder) = store().await;
    put_token(&folder, "grant-2").await;
    for named in [None, Some("grant-1")] {
        let refused =
            replace(&store, Replacement { deletes_grant: named, ..save(0, "form", &ada()) }).await;
        assert_eq!(refused, Replaced::GrantUnnamed { grant_id: "grant-2".to_owned() });
    }
    let stored = load(&store).await;
    assert_eq!((stored.revision, stored.grant_id.as_deref()), (0, Some("grant-2")));
}

#[tokio::test]
async fn a_save_that_names_the_token_deletes_it() {
    let (store, folder) = store().await;
    put_token(&folder, "grant-2").await;
    let ada = ada();
    let naming = Replacement { deletes_grant: Some("grant-2"), ..save(0, "form", &ada) };
    let done = replace(&store, naming).await;
    assert!(matches!(done, Replaced::Done { revision: 1, deleted: Some(_) }), "{done:?}");
    assert_eq!(load(&store).await.grant_id, None);
}

#[tokio::test]
async fn a_save_on_which_no_token_depends_needs_no_grant_and_keeps_token_and_token_revision() {
    let (store, folder) = store().await;
    put_token(&folder, "grant-2").await;
    let done = replace(&store, Replacement { keeps_token: true, ..save(0, "form", &ada()) }).await;
    assert_eq!(done, Replaced::Done { revision: 1, deleted: None });
    let StoredForm { revision, token_revision, grant_id, .. } = load(&store).await;
    assert_eq!((revision, token_revision, grant_id.as_deref()), (1, 0, Some("grant-2")));
}

#[tokio::test]
async fn a_save_is_audited_by_the_names_of_its_fields() {
    let (store, _folder) = store().await;
    let changed = ["basic-server", "basic-password"];
    replace(&store, Replacement { changed_fields: &changed, ..save(0, "form", &ada()) }).await;
    let rows = trail(&store, 9).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].action, &rows[0].actor, rows[0].at), (Action::SettingsSaved, &ada(), at()));
    assert_eq!(rows[0].fields, changed);
}

#[tokio::test]
async fn a_refused_save_is_not_audited() {
    let (store, _folder) = store().await;
    replace(&store, save(7, "form", &ada())).await;
    assert_eq!(trail(&store, 9).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_administrators_saving_at_once_one_wins_each_revision_and_no_lock_fails() {
    let (store, _folder) = store().await;
    let mut administrators = tokio::task::JoinSet::new();
    for number in 0..times(12, 50) {
        let store = store.clone();
        administrators.spawn(async move {
            let by = Actor::named(&format!("{number}@example.com"), &number.to_string());
            let mut wins = Vec::new();
            for _ in 0..4 {
                let save = save(load(&store).await.revision, "form", &by);
                if let Replaced::Done { revision, .. } = replace(&store, save).await {
                    wins.push(revision);
                }
            }
            wins
        });
    }
    let wins: Vec<i64> = administrators.join_all().await.into_iter().flatten().collect();
    let won: HashSet<i64> = wins.iter().copied().collect();
    assert_eq!(won.len(), wins.len(), "a revision was won twice");
    assert_eq!(won, (1..=load(&store).await.revision).collect(), "a revision has no winner");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_starting_on_one_new_database_create_its_tables_once() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let database = database(&folder).await;
        starts.spawn(async move { Store::open(&database).await.map(|_| ()) });
    }
    for started in starts.join_all().await {
        started.expect("each finds the tables it needs");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_file_and_its_journals_are_accessible_to_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (store, folder) = store().await;
    replace(&store, save(0, "form", &ada())).await;
    for name in ["ppm-email.db", "ppm-email.db-wal", "ppm-email.db-shm"] {
        let file = std::fs::metadata(folder.path().join(name)).expect("it is there");
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
}
