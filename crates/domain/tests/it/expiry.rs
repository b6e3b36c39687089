//! The date on which a secret expires, and what a change of the secret does to it.

use chrono::NaiveDate;
use domain::secret::{EXPIRIES, SecretEdit, StoredSecret};
use domain::{Draft, Field, Form, Presence, Problem, Saved, presence};

use crate::edited;

const OLD: &str = "2027-01-31";
const NEW: &str = "2029-01-31";

/// A saved form with both secrets, which expire on [`OLD`].
fn saved() -> Saved {
    let texts = [(Field::Username, "noreply")].into_iter();
    let draft = Draft::default().with_texts(texts.chain(EXPIRIES.map(|(_, expiry)| (expiry, OLD))));
    let stored = |field, _: &SecretEdit| {
        draft.destination(field).map_or(StoredSecret::Unset, StoredSecret::For)
    };
    Saved { form: draft.map_secrets(stored), ..Saved::default() }
}

/// A change of a secret.
fn set(secret: Field, edit: &SecretEdit) -> impl FnOnce(&mut Draft) {
    move |draft| edit.clone_into(draft.secret_mut(secret).unwrap())
}

#[test]
fn a_date_has_to_exist_and_may_be_in_the_past_or_missing() {
    for (text, expected) in [
        ("", None),
        ("2027-01-31", None),
        ("1970-01-01", None),
        ("2027-02-30", Some(Problem::NotADate)),
        ("31.01.2027", Some(Problem::NotADate)),
        ("20270-01-31", Some(Problem::NotADate)),
    ] {
        let draft = edited(&saved(), &[(Field::PasswordExpiresOn, text)]);
        let problems = draft.problems(&saved().form);
        assert_eq!(problems.of(Field::PasswordExpiresOn), expected, "{text:?}");
    }
}

#[test]
fn a_disabled_date_is_kept_and_not_validated() {
    let draft = edited(&saved(), &[(Field::ClientSecretExpiresOn, "soon")]);
    assert_eq!(presence(Field::ClientSecretExpiresOn, &draft), Presence::Disabled);
    assert_eq!(draft.problems(&saved().form).of(Field::ClientSecretExpiresOn), None);
}

#[test]
fn a_form_has_the_expiry_of_each_secret_and_of_nothing_else() {
    let form = saved().form;
    let date = NaiveDate::from_ymd_opt(2027, 1, 31);
    for &field in Field::ALL {
        let is_secret = form.secret(field).is_some();
        assert_eq!(form.secret_expiry(field), date.filter(|_| is_secret), "{field:?}");
    }
}

#[test]
fn a_secret_that_is_replaced_or_removed_loses_its_date_unless_another_is_entered() {
    let saved = saved();
    for (secret, expiry) in EXPIRIES {
        for (edit, date, expected) in [
            (SecretEdit::from_text("new".to_owned()), OLD, ""),
            (SecretEdit::from_text("new".to_owned()), NEW, NEW),
            (SecretEdit::Clear, OLD, ""),
            (SecretEdit::Untouched, OLD, OLD),
            (SecretEdit::Untouched, "", ""),
        ] {
            let mut draft = edited(&saved, &[(expiry, date)]);
            set(secret, &edit)(&mut draft);
            draft.clear_old_expiry(&saved.form);
            assert_eq!(draft.plain_text(expiry), expected, "{secret:?} {edit:?} {date}");
        }
    }
}

#[test]
fn the_date_of_a_password_goes_with_its_username() {
    let saved = saved();
    let mut draft = edited(&saved, &[(Field::Username, "")]);
    draft.clear_old_expiry(&saved.form);
    assert_eq!(draft.plain_text(Field::PasswordExpiresOn), "");
    assert_eq!(draft.plain_text(Field::ClientSecretExpiresOn), OLD);
}

#[test]
fn a_date_that_was_saved_before_its_secret_is_kept() {
    let mut saved = saved();
    saved.form.sign_in.password = StoredSecret::Unset;
    for edit in [(Field::Username, ""), (Field::Password, "the first")] {
        let mut draft = edited(&saved, &[edit]);
        draft.clear_old_expiry(&saved.form);
        assert_eq!(draft.plain_text(Field::PasswordExpiresOn), OLD, "{edit:?}");
    }
}

#[test]
fn a_secret_that_is_kept_after_all_has_its_date_again() {
    let saved = saved();
    for (secret, expiry) in EXPIRIES {
        let mut draft = saved.draft();
        for (typed, expected) in [("n", ""), ("new", ""), ("", OLD)] {
            draft.change(&saved.form, |draft| draft.edit(secret, typed));
            assert_eq!(draft.plain_text(expiry), expected, "{secret:?} {typed:?}");
        }
        assert_eq!(draft, saved.draft());
    }
}

#[test]
fn a_date_that_is_entered_for_a_new_secret_stays_while_the_secret_is_typed() {
    let saved = saved();
    for (secret, expiry) in EXPIRIES {
        let mut draft = saved.draft();
        for (field, text) in [(secret, "n"), (expiry, NEW), (secret, "new")] {
            draft.change(&saved.form, |draft| draft.edit(field, text));
        }
        assert_eq!(draft.plain_text(expiry), NEW, "{secret:?}");
    }
}

#[test]
fn only_the_dates_do_not_affect_a_token() {
    let others = Field::ALL.iter().copied().filter(|field| !field.affects_token());
    assert_eq!(others.collect::<Vec<_>>(), EXPIRIES.map(|(_, expiry)| expiry));
}

#[test]
fn a_form_without_the_dates_is_read_as_one_with_empty_ones() {
    let mut json = serde_json::to_value(Draft::default()).unwrap();
    for (group, member) in
        [("sign_in", "password_expires_on"), ("authentication", "client_secret_expires_on")]
    {
        assert!(json[group].as_object_mut().unwrap().remove(member).is_some(), "{member}");
    }
    assert_eq!(serde_json::from_value::<Draft>(json).unwrap(), Form::default());
}
