//! The cookie that binds an attempt to obtain a token to the browser that was redirected to the
//! provider. It is set on a top-level page, so that the callback receives it although the tab runs
//! in a cross-site iframe.

use axum::http::{HeaderMap, HeaderValue};
use contract::ConsentBinding;

use crate::cookies::Cookie;

/// The consent cookie, which identifies the browser on the provider's callback.
#[derive(Debug, Clone, Copy)]
pub struct ConsentCookie {
    /// Whether the site is served over HTTPS.
    pub https: bool,
}

impl ConsentCookie {
    /// Returns the `Set-Cookie` header, valid for an hour: an attempt takes ten minutes at most.
    pub fn given(self, token: &str) -> HeaderValue {
        Cookie::of_consent(self.https).given(token, "; Max-Age=3600")
    }

    /// Reads the cookie of a request.
    pub fn brought(self, headers: &HeaderMap) -> ConsentBinding {
        let brought = Cookie::of_consent(self.https).brought(headers);
        brought.map_or(ConsentBinding::Unknown, |token| ConsentBinding::ByCookie(token.to_owned()))
    }
}
