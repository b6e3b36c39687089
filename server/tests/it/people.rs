//! Local accounts: addresses, passwords and removal.

use server::identity::Role;
use server::identity::accounts::AccountError;
use store::audit::Action;
use vault::passwords::PasswordRule;

use crate::support::harness::{EMAIL, Harness, NAME, PASSWORD, operator};

async fn add(
    harness: &Harness,
    email: &str,
    name: &str,
    password: &str,
) -> Result<(), AccountError> {
    let accounts = harness.accounts();
    accounts.add(email, name, Role::Administrator, password.into(), operator()).await
}

#[tokio::test]
async fn one_address_has_one_account_in_any_letter_case() {
    let harness = Harness::start().await.with_ada().await;
    let second = add(&harness, "ADA@EXAMPLE.COM", "Another", PASSWORD).await;
    assert!(matches!(second, Err(AccountError::EmailTaken(_))));
}

#[tokio::test]
async fn an_invalid_address_gets_no_account() {
    let harness = Harness::start().await;
    let with_header = "ada@example.com\r\nBcc: eve@example.com";
    for email in ["", "ada", "ada@", "@example.com", with_header, "a b@example.com"] {
        let added = add(&harness, email, NAME, PASSWORD).await;
        assert!(matches!(added, Err(AccountError::Email(_))), "{email:?}");
    }
}

/// A password of `length` characters without a guessable pattern.
fn unusual(length: u32) -> String {
    (0..length).map(|at| char::from_u32(33 + at * 37 % 94).expect("ASCII")).collect()
}

#[tokio::test]
async fn a_password_has_twelve_characters_to_1024_octets() {
    let harness = Harness::start().await;
    let bounds = [
        ("eleven char".to_owned(), Some(PasswordRule::TooShort)),
        ("zwölf ünd 12".to_owned(), None),
        (unusual(1024), None),
        ("x".repeat(1025), Some(PasswordRule::TooLong)),
    ];
    for (number, (password, expected)) in bounds.into_iter().enumerate() {
        let email = format!("person{number}@example.com");
        let broken = match add(&harness, &email, NAME, &password).await {
            Ok(()) => None,
            Err(AccountError::Password(rule)) => Some(rule),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(broken, expected, "{} octets", password.len());
    }
}

#[tokio::test]
async fn a_removed_account_is_gone_and_its_audit_stays() {
    let harness = Harness::start().await.with_ada().await;
    harness.sign_in().await;
    harness.accounts().remove(EMAIL, operator()).await.expect("Ada's account");
    let again = harness.accounts().remove(EMAIL, operator()).await;
    assert!(matches!(again, Err(AccountError::Unknown(_))));
    let rows = harness.trail(9).await;
    let signed_in =
        rows.iter().find(|row| row.action == Action::SignedIn).expect("the sign-in is still there");
    assert_eq!((signed_in.actor.email.as_str(), signed_in.actor.name.as_str()), (EMAIL, NAME));
}
