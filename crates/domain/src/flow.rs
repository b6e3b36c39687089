//! The OAuth 2.0 grant used to authenticate to the mail server. It decides which groups of the form
//! are required.

use serde::{Deserialize, Serialize};

/// No OAuth, or the grant by which PPM obtains a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OauthFlow {
    /// User name and password, or no authentication.
    #[default]
    None,
    /// Authorization code grant (RFC 6749 4.1).
    AuthorizationCode,
    /// Authorization code grant with PKCE (RFC 7636).
    AuthorizationCodePkce,
    /// Client credentials grant (RFC 6749 4.4): no user consents.
    ClientCredentials,
}

impl OauthFlow {
    /// Every flow, in display order.
    pub const ALL: [Self; 4] =
        [Self::None, Self::AuthorizationCode, Self::AuthorizationCodePkce, Self::ClientCredentials];

    /// The flow's name in JSON and in an `<option value>`.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AuthorizationCode => "authorization-code",
            Self::AuthorizationCodePkce => "authorization-code-pkce",
            Self::ClientCredentials => "client-credentials",
        }
    }

    /// Returns the flow with this wire name.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.wire_name() == name)
    }
}
