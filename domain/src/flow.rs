//! The ways an organisation's mail may be signed in for: the one choice that decides which
//! groups of the form are needed.

use serde::{Deserialize, Serialize};

/// How PPM gets the right to send: with no OAuth at all, or by one of three grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OauthFlow {
    /// User name and password, or no sign-in at all.
    #[default]
    None,
    /// A person signs in at the provider once (RFC 6749 4.1).
    AuthorizationCode,
    /// The same, with a proof that whoever exchanges the code is who asked for it (RFC 7636).
    AuthorizationCodePkce,
    /// PPM signs in as itself, nobody is asked (RFC 6749 4.4).
    ClientCredentials,
}

impl OauthFlow {
    /// Every flow, in the order of the screen.
    pub const ALL: [Self; 4] =
        [Self::None, Self::AuthorizationCode, Self::AuthorizationCodePkce, Self::ClientCredentials];

    /// The flow's name on the wire and in a `<option value>`.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AuthorizationCode => "authorization-code",
            Self::AuthorizationCodePkce => "authorization-code-pkce",
            Self::ClientCredentials => "client-credentials",
        }
    }

    /// The flow with this wire name.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.wire_name() == name)
    }
}
