//! Creates many administrators in one database, each with an account and a session.

use std::sync::Arc;

use server::identity::{Accounts, Role};
use store::Store;
use tempfile::TempDir;
use vault::clock::{SystemClock, SystemRandomness};

use super::databases::database;
use super::harness::{ADDRESS, PASSWORD, anonymous_caller, operator, session_cookie};

/// Creates this number of administrators in the database of a folder, and returns the `Cookie`
/// headers of their browsers, each signed in.
pub async fn administrators(folder: &TempDir, count: usize) -> Vec<String> {
    let store = Store::open(&database(folder).await).await.expect("the database opens");
    let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let accounts = Accounts::new(store.clone(), clock, randomness, false, Arc::default());
    let mut cookies = Vec::new();
    for email in (0..count).map(administrator) {
        let added =
            accounts.add(&email, &email, Role::Administrator, PASSWORD.into(), operator()).await;
        added.expect("the account is acceptable");
        cookies.push(sign_in(&accounts, &email).await);
    }
    store.close().await;
    cookies
}

/// Returns the address, which is also the name, of an administrator.
pub fn administrator(number: usize) -> String {
    format!("administrator-{number}@example.com")
}

/// Signs a user in with the password of most tests, and returns the `Cookie` header.
pub async fn sign_in(accounts: &Accounts, email: &str) -> String {
    let signed_in = accounts.sign_in(email, PASSWORD.into(), &anonymous_caller(ADDRESS)).await;
    session_cookie(&signed_in.expect("the password is right"))
}
