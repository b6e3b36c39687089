//! Three-way merge of two administrators' edits.

use domain::merge::{Merge, merge, take_theirs};
use domain::secret::{SecretEdit, StoredSecret};
use domain::{Draft, Field, OauthFlow, Problem, Saved};

use crate::edited;

const SECRETS: [Field; 2] = [Field::Password, Field::ClientSecret];

/// The common base: a complete form with both secrets stored.
fn base() -> Saved {
    let fresh = Saved::default();
    let draft = edited(
        &fresh,
        &[
            (Field::BasicServer, "smtp.example.com"),
            (Field::BasicPort, "587"),
            (Field::Username, "noreply"),
            (Field::Password, "first"),
            (Field::TokenEndpoint, "https://login.example.com/token"),
            (Field::ClientSecret, "first"),
        ],
    );
    saved_over(&fresh, &draft)
}

/// Returns the saved state after saving `draft` over `before`.
fn saved_over(before: &Saved, draft: &Draft) -> Saved {
    let form = draft.map_secrets(|field, _| {
        match (draft.secret_on_save(field).as_ref(), draft.destination(field)) {
            (SecretEdit::Replace(_), Some(destination)) => StoredSecret::For(destination),
            (SecretEdit::Untouched, _) => before.form.secret(field).cloned().unwrap_or_default(),
            _ => StoredSecret::Unset,
        }
    });
    Saved { form, revision: before.revision + 1, ..Saved::default() }
}

fn saved_by(draft: &Draft) -> Saved {
    saved_over(&base(), draft)
}

/// Merges my edits of [`base`] with theirs.
fn merged(mine: &[(Field, &str)], theirs: &[(Field, &str)]) -> Merge {
    let replaced: Vec<_> = SECRETS
        .into_iter()
        .filter(|secret| theirs.iter().any(|(field, _)| field == secret))
        .collect();
    merge(&base(), &edited(&base(), mine), &saved_by(&edited(&base(), theirs)), &replaced)
}

/// Two values that differ from the value in [`base`].
fn other_values(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Flow => ("authorization-code", "client-credentials"),
        // A check box has only one other value.
        Field::BasicUseTls | Field::OauthUseTls => ("off", "off"),
        Field::BasicTlsMode | Field::OauthTlsMode => ("start-tls", "implicit"),
        Field::ClientAuthentication => ("body", "basic"),
        _ => ("one", "another"),
    }
}

#[test]
fn a_field_that_only_i_changed_keeps_my_value() {
    for &field in Field::ALL {
        let merge = merged(&[(field, other_values(field).0)], &[]);
        assert_eq!(merge.draft.text(field), other_values(field).0, "{field:?}");
        assert_eq!((merge.kept, merge.taken, merge.conflicting), (vec![field], vec![], vec![]));
    }
}

#[test]
fn a_field_that_only_they_changed_takes_their_value() {
    for &field in Field::ALL.iter().filter(|field| !SECRETS.contains(field)) {
        let merge = merged(&[], &[(field, other_values(field).0)]);
        assert_eq!(merge.draft.text(field), other_values(field).0, "{field:?}");
        assert_eq!(merge.taken, [field]);
        assert_eq!((merge.kept, merge.conflicting), (vec![], vec![]));
    }
}

#[test]
fn a_field_that_both_changed_is_a_conflict_and_holds_my_value() {
    for &field in Field::ALL.iter().filter(|&&field| other_values(field).0 != other_values(field).1)
    {
        let merge = merged(&[(field, other_values(field).0)], &[(field, other_values(field).1)]);
        assert_eq!(merge.draft.text(field), other_values(field).0, "{field:?}");
        assert_eq!(merge.conflicting, [field]);
        assert_eq!((merge.kept, merge.taken), (vec![], vec![]));
    }
}

#[test]
fn a_field_that_both_changed_to_the_same_value_is_no_conflict() {
    for &field in Field::ALL.iter().filter(|field| !SECRETS.contains(field)) {
        let merge = merged(&[(field, other_values(field).0)], &[(field, other_values(field).0)]);
        assert_eq!(merge.draft.text(field), other_values(field).0, "{field:?}");
        assert_eq!((merge.kept, merge.taken, merge.conflicting), (vec![], vec![], vec![]));
    }
}

#[test]
fn a_secret_that_only_they_changed_stays_untouched() {
    for field in SECRETS {
        let merge = merged(&[], &[(field, "second")]);
        assert_eq!(merge.draft.secret(field), Some(&SecretEdit::Untouched));
        assert_eq!(merge.taken, [field]);
    }
}

#[test]
fn a_secret_that_both_removed_is_no_conflict() {
    for field in SECRETS {
        let mut mine = base().draft();
        *mine.secret_mut(field).unwrap() = SecretEdit::Clear;
        let merge = merge(&base(), &mine, &saved_by(&mine), &[]);
        assert_eq!((merge.kept, merge.taken, merge.conflicting), (vec![], vec![], vec![]));
    }
}

#[test]
fn a_secret_that_i_removed_and_they_replaced_is_a_conflict() {
    for field in SECRETS {
        let mut mine = base().draft();
        *mine.secret_mut(field).unwrap() = SecretEdit::Clear;
        assert_eq!(merge(&base(), &mine, &base(), &[field]).conflicting, [field]);
    }
}

#[test]
fn a_password_that_i_removed_with_the_username_and_they_replaced_is_a_conflict() {
    let merge = merged(&[(Field::Username, "")], &[(Field::Password, "second")]);
    assert_eq!((merge.kept, merge.conflicting), (vec![Field::Username], vec![Field::Password]));
}

#[test]
fn a_secret_typed_for_my_server_is_a_conflict_if_the_server_becomes_theirs() {
    let merge = merged(
        &[(Field::Password, "mine"), (Field::ClientSecret, "mine")],
        &[
            (Field::BasicServer, "other.example.com"),
            (Field::TokenEndpoint, "https://other.example.com/token"),
        ],
    );
    assert_eq!(merge.conflicting, SECRETS);
    assert_eq!(merge.kept, []);
}

#[test]
fn taking_their_server_makes_a_password_typed_for_mine_a_conflict() {
    let mine =
        edited(&base(), &[(Field::BasicServer, "mine.example.com"), (Field::Password, "mine")]);
    let mut theirs = base();
    theirs.form.basic.server = "theirs.example.com".to_owned();
    let mut merge = merge(&base(), &mine, &theirs, &[]);
    assert_eq!(merge.conflicting, [Field::BasicServer]);

    take_theirs(&mut merge.draft, &mut merge.conflicting, &theirs, Field::BasicServer);
    assert_eq!(merge.draft.basic.server, "theirs.example.com");
    assert_eq!(merge.conflicting, [Field::Password]);

    take_theirs(&mut merge.draft, &mut merge.conflicting, &theirs, Field::Password);
    assert_eq!(merge.draft.secret(Field::Password), Some(&SecretEdit::Untouched));
    assert_eq!(merge.conflicting, []);
}

#[test]
fn taking_theirs_everywhere_yields_their_form() {
    let all = |pick: fn((&'static str, &'static str)) -> &'static str| {
        Field::ALL.iter().map(|&field| (field, pick(other_values(field)))).collect::<Vec<_>>()
    };
    let theirs = saved_by(&edited(&base(), &all(|(_, second)| second)));
    let mine = edited(&base(), &all(|(first, _)| first));
    let mut merge = merge(&base(), &mine, &theirs, &SECRETS);
    while let Some(&field) = merge.conflicting.first() {
        take_theirs(&mut merge.draft, &mut merge.conflicting, &theirs, field);
    }
    assert_eq!(merge.draft, theirs.draft());
}

#[test]
fn a_stored_password_must_be_entered_again_for_my_username_with_their_server() {
    let merge = merged(
        &[(Field::Username, "me")],
        &[(Field::BasicServer, "other.example.com"), (Field::Password, "second")],
    );
    let theirs = saved_by(&edited(&base(), &[(Field::BasicServer, "other.example.com")]));
    assert_eq!(merge.conflicting, []);
    let problems = merge.draft.problems(&theirs.form);
    assert_eq!(problems.of(Field::Password), Some(Problem::EnterAgain));
}

#[test]
fn their_flow_does_not_discard_my_edits() {
    let merge = merged(
        &[(Field::BasicPort, "465")],
        &[(Field::Flow, OauthFlow::AuthorizationCode.wire_name())],
    );
    assert_eq!(merge.draft.flow, OauthFlow::AuthorizationCode);
    assert_eq!(merge.draft.text(Field::BasicPort), "465");
}

#[test]
fn a_stored_client_secret_must_be_entered_again_if_the_merge_changes_its_destination() {
    let edits = [(Field::Flow, "client-credentials"), (Field::ClientSecret, "first")];
    let before = saved_over(&base(), &edited(&base(), &edits));
    // They change the mail server and enter the secret again; I change the scope.
    let theirs = edited(&before, &[(Field::OauthPort, "465"), (Field::ClientSecret, "second")]);
    let theirs = saved_over(&before, &theirs);
    let mine = edited(&before, &[(Field::Scope, "another")]);
    let merge = merge(&before, &mine, &theirs, &[Field::ClientSecret]);
    assert_eq!(merge.conflicting, []);
    assert_eq!(theirs.fields_asked_again(Field::ClientSecret, &merge.draft), [Field::Scope]);
    let problems = merge.draft.problems(&theirs.form);
    assert_eq!(problems.of(Field::ClientSecret), Some(Problem::EnterAgain));
}

#[test]
fn a_client_secret_typed_for_my_scope_is_a_conflict_if_they_changed_the_mail_server() {
    let before = saved_over(&base(), &edited(&base(), &[(Field::Flow, "client-credentials")]));
    let mine = edited(&before, &[(Field::Scope, "another"), (Field::ClientSecret, "mine")]);
    let theirs = saved_over(&before, &edited(&before, &[(Field::OauthPort, "465")]));
    let merge = merge(&before, &mine, &theirs, &[]);
    assert_eq!(merge.conflicting, [Field::ClientSecret]);
}
