//! The names under which values are sealed. Each is part of what a value is bound to: a name that
//! changes closes every value that was sealed under it. A secret of the form goes by its field's
//! wire name instead.

/// The access token.
pub const ACCESS_TOKEN: &str = "access-token";
/// The refresh token.
pub const REFRESH_TOKEN: &str = "refresh-token";
/// The code verifier (RFC 7636 4.1) of an attempt to obtain a token.
pub const CODE_VERIFIER: &str = "code-verifier";
/// The form that a test message goes through.
pub const RUN: &str = "run";
/// The code verifier of a sign-in at an `OpenID` provider.
pub const SIGN_IN_VERIFIER: &str = "oidc-verifier";
/// The ID token of a session that an `OpenID` provider began.
pub const ID_TOKEN: &str = "oidc-id-token";
/// The question that this server asks its own callback; it is never stored.
pub const CALLBACK_PROBE: &str = "callback-probe";
