//! Texts of the sign-in page.

/// The page's title, and its button.
pub const TITLE: &str = "Sign in";
/// The hint if there is no account.
pub const NO_ACCOUNT: &str = "There is no account yet. Open the link the server printed when it started; restarting it prints a new one.";
/// The label of the user's address.
pub const EMAIL: &str = "Email";
/// The label of the password.
pub const PASSWORD: &str = "Password";

/// The button that signs in with an account of a provider.
pub fn sign_in_with(provider: &str) -> String {
    format!("Sign in with {provider}")
}
