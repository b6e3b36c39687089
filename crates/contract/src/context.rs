//! What a request brings along beside its arguments.

use domain::Principal;

use crate::code::ApiCode;
use crate::port::{SharedService, SharedShell};

/// The context of one request: the use cases, and who calls them from where. The server makes it from
/// the request and gives it to each server function and page.
#[derive(Clone)]
pub struct RequestContext {
    /// The use cases of the tab.
    pub service: SharedService,
    /// The use cases of the pages around the tab.
    pub shell: SharedShell,
    /// The authenticated caller.
    pub caller: Option<Principal>,
    /// Why a request with an identity has no caller.
    pub denied: Option<AccessDenied>,
    /// Whether the caller is authenticated by a session of this server. Only then can the user sign
    /// out here; other methods would authenticate the next request again.
    pub has_session: bool,
    /// What binds the browser to its pending OAuth attempt.
    pub binding: ConsentBinding,
    /// How the request has reached this server.
    pub origin: RequestOrigin,
    /// The path of the page with the tab.
    pub tab_path: String,
    /// The sign-in methods offered on the sign-in page.
    pub sign_in: SignInOptions,
}

/// The sign-in methods offered on the sign-in page.
#[derive(Debug, Clone)]
pub struct SignInOptions {
    /// Whether local accounts can sign in with a password.
    pub by_password: bool,
    /// The display name of the organisation's `OpenID` provider, if configured.
    pub by_provider: Option<String>,
}

/// What binds a browser to its pending OAuth attempt when it returns from the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ConsentBinding {
    /// No binding: another browser, or no attempt was started.
    #[default]
    Unknown,
    /// The cookie set when the browser was redirected to the provider.
    ByCookie(String),
    /// The caller's bearer token, which a browser never sends automatically (no CSRF). A page of
    /// another site has no cookie of this server that could bind the browser.
    ByToken,
}

impl ConsentBinding {
    /// Returns the cookie, if the binding is one.
    pub fn cookie(&self) -> Option<&str> {
        match self {
            Self::ByCookie(token) => Some(token),
            Self::Unknown | Self::ByToken => None,
        }
    }
}

/// How a request has reached this server.
#[derive(Debug, Clone, Default)]
pub struct RequestOrigin {
    /// This server's callback address as reached by the caller.
    pub callback: String,
    /// The origin of the public URL, if configured.
    pub public_origin: Option<String>,
    /// Forwarding headers (RFC 7239) by name, for display only; they are not trusted.
    pub forwarded: Vec<(&'static str, String)>,
}

/// Why a request with an identity was denied.
#[derive(Debug, Clone, Copy)]
pub struct AccessDenied {
    /// The reason.
    pub code: ApiCode,
    /// Whether the user also has a session of this server, which can be ended.
    pub has_session: bool,
}
