//! The headers of every answer. A page may run the scripts that carry its nonce and what those
//! load, and nothing else; anything that is not a page may do nothing at all.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::Server;
use crate::config::HostOrigin;

/// What stays on a page that shows nothing of ours: not even a style.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The sites whose pages may embed an answer (Fetch, 3.7).
pub(super) const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// The same for every answer.
///
/// - `same-origin` and not `no-referrer`: with that one a browser sends `Origin: null` even to us.
/// - Pop-ups keep their opener: the provider's consent page is one.
/// - No page of another site embeds a page or an answer as an image, a script or a style. The files of
///   the bundle say otherwise, and so does the page for a frame.
const FIXED: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin-allow-popups"),
    ),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Middleware: gives the answer its headers. A page brings its own policy, made by [`page_policy`]
/// with the nonce of its scripts.
pub async fn protect(State(server): State<Server>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        // An answer that is stricter about its referrer stays so.
        headers.entry(name).or_insert(value);
    }
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if server.config.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// What a page may do whose scripts carry `nonce`; nothing for a nonce that fits no header.
#[must_use]
pub fn page_policy(nonce: &str) -> HeaderValue {
    policy(nonce, "'self'", "'none'")
}

/// The same for a page that `host` alone may frame; its own style carries the nonce, too.
#[must_use]
pub fn frame_policy(nonce: &str, host: &HostOrigin) -> HeaderValue {
    policy(nonce, &format!("'self' 'nonce-{nonce}'"), host.as_str())
}

fn policy(nonce: &str, styles: &str, ancestors: &str) -> HeaderValue {
    HeaderValue::try_from(format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src {styles}; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
         form-action 'self'; frame-ancestors {ancestors}; base-uri 'none'; object-src 'none'"
    ))
    .unwrap_or(NOTHING)
}
