//! Steps that many tests take.

use domain::{Draft, Field};
use sqlx::AnyConnection;
use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;
use store::provider_metadata::StoredProvider;

use super::drafts::{draft_of, edited};
use super::program::HttpBrowser;

/// Returns a complete form of the flow None, with these edits.
pub fn basic_draft<T: AsRef<str>>(edits: &[(Field, T)]) -> Draft {
    let complete = draft_of(&[
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "PPM Planner"),
        (Field::BasicServer, "mail.example.com"),
        (Field::BasicPort, "587"),
    ]);
    edited(&complete, edits)
}

/// Executes a statement that changes rows, and returns their number.
pub async fn change_rows(
    connection: &mut AnyConnection,
    statement: Query<'_, Any, AnyArguments>,
) -> u64 {
    statement.execute(connection).await.expect("the table is there").rows_affected()
}

/// Returns the metadata of a provider that states no more than these endpoints.
pub fn metadata_of(token_endpoint: &str, authorization_endpoint: &str) -> StoredProvider {
    StoredProvider {
        token_endpoint: token_endpoint.to_owned(),
        authorization_endpoint: authorization_endpoint.to_owned(),
        revocation_endpoint: None,
        is_openid: false,
        issuer: None,
        names_itself: false,
        auth_methods: Vec::new(),
        knows_pkce: false,
    }
}

impl HttpBrowser {
    /// Connects and signs in.
    pub async fn signed_in(address: &str, email: &str, password: &str) -> Self {
        let mut browser = Self::at(address).await.expect("it listens");
        let answer = browser.sign_in(email, password).await.expect("an answer");
        assert_eq!(answer.header("location"), "/settings/email", "{answer:?}");
        browser
    }
}
