//! Two administrators, one form: nobody's change is lost unseen.

use domain::merge::{Merge, merge, take_theirs};
use domain::secret::{SecretEdit, StoredSecret};
use domain::{Draft, Field, OauthFlow, Problem, Saved};

const SECRETS: [Field; 2] = [Field::Password, Field::ClientSecret];

/// What both started from: a complete form with both secrets stored.
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

fn edited(saved: &Saved, edits: &[(Field, &str)]) -> Draft {
    let mut draft = saved.draft();
    for &(field, text) in edits {
        draft.edit(field, text);
    }
    draft
}

/// What a save of `draft` over `before` leaves.
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

/// The merge of my edits with theirs, both of [`base`].
fn merged(mine: &[(Field, &str)], theirs: &[(Field, &str)]) -> Merge {
    let replaced: Vec<_> = SECRETS
        .into_iter()
        .filter(|secret| theirs.iter().any(|(field, _)| field == secret))
        .collect();
    merge(&base(), &edited(&base(), mine), &saved_by(&edited(&base(), theirs)), &replaced)
}

/// Another value than [`base`] has, and a third one.
fn others(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Flow => ("authorization-code", "client-credentials"),
        // Two sides that both change a check box change it to the same.
        Field::BasicUseTls | Field::OauthUseTls => ("off", "off"),
        Field::BasicTlsMode | Field::OauthTlsMode => ("start-tls", "implicit"),
        Field::ClientAuthentication => ("body", "basic"),
        _ => ("one", "another"),
    }
}

#[test]
fn a_field_that_only_i_changed_keeps_mine() {
    for &field in Field::ALL {
        let merge = merged(&[(field, others(field).0)], &[]);
        assert_eq!(merge.draft.text(field), others(field).0, "{field:?}");
        assert_eq!((merge.kept, merge.taken, merge.disputed), (vec![field], vec![], vec![]));
    }
}

#[test]
fn a_field_that_i_left_takes_theirs() {
    for &field in Field::ALL.iter().filter(|field| !SECRETS.contains(field)) {
        let merge = merged(&[], &[(field, others(field).0)]);
        assert_eq!(merge.draft.text(field), others(field).0, "{field:?}");
        assert_eq!(merge.taken, [field]);
        assert_eq!((merge.kept, merge.disputed), (vec![], vec![]));
    }
}

#[test]
fn a_field_that_both_changed_is_disputed_and_holds_mine() {
    for &field in Field::ALL.iter().filter(|&&field| others(field).0 != others(field).1) {
        let merge = merged(&[(field, others(field).0)], &[(field, others(field).1)]);
        assert_eq!(merge.draft.text(field), others(field).0, "{field:?}");
        assert_eq!(merge.disputed, [field]);
        assert_eq!((merge.kept, merge.taken), (vec![], vec![]));
    }
}

#[test]
fn a_field_that_both_changed_to_the_same_needs_nobody() {
    for &field in Field::ALL.iter().filter(|field| !SECRETS.contains(field)) {
        let merge = merged(&[(field, others(field).0)], &[(field, others(field).0)]);
        assert_eq!(merge.draft.text(field), others(field).0, "{field:?}");
        assert_eq!((merge.kept, merge.taken, merge.disputed), (vec![], vec![], vec![]));
    }
}

#[test]
fn a_secret_that_i_left_is_theirs_and_stays_untouched() {
    for field in SECRETS {
        let merge = merged(&[], &[(field, "second")]);
        assert_eq!(merge.draft.secret(field), Some(&SecretEdit::Untouched));
        assert_eq!(merge.taken, [field]);
    }
}

#[test]
fn a_secret_that_both_removed_needs_nobody() {
    for field in SECRETS {
        let mut mine = base().draft();
        *mine.secret_mut(field).unwrap() = SecretEdit::Clear;
        let merge = merge(&base(), &mine, &saved_by(&mine), &[]);
        assert_eq!((merge.kept, merge.taken, merge.disputed), (vec![], vec![], vec![]));
    }
}

#[test]
fn a_secret_that_i_remove_and_they_replaced_is_disputed() {
    for field in SECRETS {
        let mut mine = base().draft();
        *mine.secret_mut(field).unwrap() = SecretEdit::Clear;
        assert_eq!(merge(&base(), &mine, &base(), &[field]).disputed, [field]);
    }
}

#[test]
fn a_password_that_goes_with_my_username_and_that_they_replaced_is_disputed() {
    let merge = merged(&[(Field::Username, "")], &[(Field::Password, "second")]);
    assert_eq!((merge.kept, merge.disputed), (vec![Field::Username], vec![Field::Password]));
}

#[test]
fn a_secret_typed_for_my_server_is_disputed_when_the_server_becomes_theirs() {
    let merge = merged(
        &[(Field::Password, "mine"), (Field::ClientSecret, "mine")],
        &[
            (Field::BasicServer, "other.example.com"),
            (Field::TokenEndpoint, "https://other.example.com/token"),
        ],
    );
    assert_eq!(merge.disputed, SECRETS);
    assert_eq!(merge.kept, []);
}

#[test]
fn choosing_their_server_disputes_a_password_typed_for_mine() {
    let mine =
        edited(&base(), &[(Field::BasicServer, "mine.example.com"), (Field::Password, "mine")]);
    let mut theirs = base();
    theirs.form.basic.server = "theirs.example.com".to_owned();
    let mut merge = merge(&base(), &mine, &theirs, &[]);
    assert_eq!(merge.disputed, [Field::BasicServer]);

    take_theirs(&mut merge.draft, &mut merge.disputed, &theirs, Field::BasicServer);
    assert_eq!(merge.draft.basic.server, "theirs.example.com");
    assert_eq!(merge.disputed, [Field::Password]);

    take_theirs(&mut merge.draft, &mut merge.disputed, &theirs, Field::Password);
    assert_eq!(merge.draft.secret(Field::Password), Some(&SecretEdit::Untouched));
    assert_eq!(merge.disputed, []);
}

#[test]
fn choosing_theirs_everywhere_leaves_exactly_theirs() {
    let all = |pick: fn((&'static str, &'static str)) -> &'static str| {
        Field::ALL.iter().map(|&field| (field, pick(others(field)))).collect::<Vec<_>>()
    };
    let theirs = saved_by(&edited(&base(), &all(|(_, second)| second)));
    let mine = edited(&base(), &all(|(first, _)| first));
    let mut merge = merge(&base(), &mine, &theirs, &SECRETS);
    while let Some(&field) = merge.disputed.first() {
        take_theirs(&mut merge.draft, &mut merge.disputed, &theirs, field);
    }
    assert_eq!(merge.draft, theirs.draft());
}

#[test]
fn a_stored_password_stays_shut_where_my_username_meets_their_server() {
    let merge = merged(
        &[(Field::Username, "me")],
        &[(Field::BasicServer, "other.example.com"), (Field::Password, "second")],
    );
    let theirs = saved_by(&edited(&base(), &[(Field::BasicServer, "other.example.com")]));
    assert_eq!(merge.disputed, []);
    let problems = merge.draft.problems(&theirs.form);
    assert_eq!(problems.of(Field::Password), Some(Problem::EnterAgain));
}

#[test]
fn a_flow_chosen_by_them_does_not_drop_what_i_typed() {
    let merge = merged(
        &[(Field::BasicPort, "465")],
        &[(Field::Flow, OauthFlow::AuthorizationCode.wire_name())],
    );
    assert_eq!(merge.draft.flow, OauthFlow::AuthorizationCode);
    assert_eq!(merge.draft.text(Field::BasicPort), "465");
}

#[test]
fn a_stored_client_secret_is_asked_for_again_where_the_merged_form_leads_elsewhere() {
    let before = saved_over(&base(), &{
        let mut draft = base().draft();
        draft.edit(Field::Flow, "client-credentials");
        draft.edit(Field::ClientSecret, "first");
        draft
    });
    // They change the mail server, and enter the secret for it; I change what it may be used for.
    let theirs = edited(&before, &[(Field::OauthPort, "465"), (Field::ClientSecret, "second")]);
    let theirs = saved_over(&before, &theirs);
    let mine = edited(&before, &[(Field::Scope, "another")]);
    let merge = merge(&before, &mine, &theirs, &[Field::ClientSecret]);
    assert_eq!(merge.disputed, []);
    assert_eq!(theirs.moved(Field::ClientSecret, &merge.draft), [Field::Scope]);
    let problems = merge.draft.problems(&theirs.form);
    assert_eq!(problems.of(Field::ClientSecret), Some(Problem::EnterAgain));
}

#[test]
fn a_client_secret_typed_for_my_scope_is_disputed_where_they_changed_the_mail_server() {
    let before = saved_over(&base(), &edited(&base(), &[(Field::Flow, "client-credentials")]));
    let mine = edited(&before, &[(Field::Scope, "another"), (Field::ClientSecret, "mine")]);
    let theirs = saved_over(&before, &edited(&before, &[(Field::OauthPort, "465")]));
    let merge = merge(&before, &mine, &theirs, &[]);
    assert_eq!(merge.disputed, [Field::ClientSecret]);
}
