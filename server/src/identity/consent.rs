//! The cookie that ties an attempt to obtain a token to the browser that went to the provider. It is
//! set by a page of its own, at the top of a window, so that it is there on the way back although
//! the tab stands in another site's frame.

use app::service::Browser;
use axum::http::{HeaderMap, HeaderValue};

use super::cookies::Cookie;

/// The cookie by which a browser is known again when it comes back from a provider.
#[derive(Debug, Clone, Copy)]
pub struct ConsentCookie {
    /// Whether browsers come by https.
    pub https: bool,
}

impl ConsentCookie {
    /// The header that gives it to the browser, for an hour: an attempt takes ten minutes at most.
    #[must_use]
    pub fn given(self, token: &str) -> HeaderValue {
        Cookie::of_consent(self.https).given(token, "; Max-Age=3600")
    }

    /// What a request brings along.
    #[must_use]
    pub fn brought(self, headers: &HeaderMap) -> Browser {
        let brought = Cookie::of_consent(self.https).brought(headers);
        brought.map_or(Browser::Unknown, |token| Browser::ByCookie(token.to_owned()))
    }
}
