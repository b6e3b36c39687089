//! The column names that sealed values are bound to. A name that changes closes every value that
//! was sealed under it. A secret of the form uses its field's wire name instead.

/// The access token.
pub const ACCESS_TOKEN: &str = "access-token";
/// The refresh token.
pub const REFRESH_TOKEN: &str = "refresh-token";
/// The code verifier (RFC 7636 4.1) of an attempt to obtain a token.
pub const CODE_VERIFIER: &str = "code-verifier";
/// The form of a test message.
pub const RUN: &str = "run";
/// The subject of a message of the outbox.
pub const SUBJECT: &str = "message-subject";
/// The octets of a message of the outbox.
pub const BODY: &str = "message-body";
/// The code verifier of a login at an `OpenID` provider.
pub const SIGN_IN_VERIFIER: &str = "oidc-verifier";
/// The ID token of a session that began at an `OpenID` provider.
pub const ID_TOKEN: &str = "oidc-id-token";
