//! The paths of the pages and form actions.

/// The Email tab.
pub const EMAIL: &str = "/settings/email";
/// The latest test messages.
pub const HISTORY: &str = "/settings/email/history";
/// The health of mail, and the action of its form: checks the sign-in now.
pub const HEALTH: &str = "/settings/email/health";
/// The applications, and the action of their forms.
pub const APPLICATIONS: &str = "/settings/email/applications";
/// The audit trail.
pub const AUDIT: &str = "/audit";
/// My Preferences, Time.
pub const TIME: &str = "/preferences/time";
/// The help page.
pub const HELP: &str = "/help";
/// My account: password and sessions.
pub const ACCOUNT: &str = "/account";
/// Form action: changes the user's password.
pub const ACCOUNT_PASSWORD: &str = "/account/password";
/// Form action: ends sessions.
pub const ACCOUNT_SESSIONS: &str = "/account/sessions";
/// The sign-in page and its form action.
pub const SIGN_IN: &str = "/sign-in";
/// Redirects to the organisation's `OpenID` provider.
pub const OIDC_START: &str = "/oidc/start";
/// The redirect URI of the `OpenID` Connect login.
pub const OIDC_CALLBACK: &str = "/oidc/callback";
/// Form action: signs out.
pub const SIGN_OUT: &str = "/sign-out";
/// Creates the first administrator.
pub const SET_UP: &str = "/set-up";
/// Redirects to the OAuth provider; followed by a ticket.
pub const OAUTH_START: &str = "/oauth/start";
/// The callback for the Redirect URI of the OAuth provider.
pub const OAUTH_CALLBACK: &str = "/oauth/callback";
/// The outcome of an attempt to obtain a token; followed by its ID.
pub const OAUTH_RESULT: &str = "/oauth/result";
