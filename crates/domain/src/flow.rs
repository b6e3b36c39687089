//! The OAuth 2.0 grant used to authenticate to the mail server. It decides which groups of the form
//! are required.

use crate::named::json_enum;

json_enum! {
    /// No OAuth, or the grant by which PPM obtains a token.
    #[derive(Default, Hash)]
    pub enum OauthFlow {
        /// User name and password, or no authentication.
        #[default]
        None = "none",
        /// Authorization code grant (RFC 6749 4.1).
        AuthorizationCode = "authorization-code",
        /// Authorization code grant with PKCE (RFC 7636).
        AuthorizationCodePkce = "authorization-code-pkce",
        /// Client credentials grant (RFC 6749 4.4): no user consents.
        ClientCredentials = "client-credentials",
    }
}
