//! The security headers of every response. A page may run the scripts that carry its nonce and what
//! those load, and nothing else; a response that is not a page may load nothing at all.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::{middleware::Next, response::Response};

use crate::config::HostOrigin;
use crate::state::Server;

/// The policy of a response that shows nothing of ours: not even a style.
const DENY_ALL: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Names the sites whose pages may embed a response (Fetch, 3.7).
pub(super) const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// The headers that are the same in every response.
///
/// - `same-origin` and not `no-referrer`: with the latter a browser sends `Origin: null` even to
///   us.
/// - Pop-ups keep their opener: the provider's consent page is one.
/// - No page of another site may embed a page or a response as an image, a script or a style. The
///   files of the bundle and the iframe page have another value.
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

/// Middleware: sets the headers of a response. A page has its own policy, made by [`page_policy`]
/// with the nonce of its scripts.
pub async fn protect(State(server): State<Server>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        // A response with a stricter referrer policy keeps it.
        headers.entry(name).or_insert(value);
    }
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(DENY_ALL);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if server.config.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// The CSP of a page whose scripts carry `nonce`; the strictest if the nonce is no header value.
pub fn page_policy(nonce: &str) -> HeaderValue {
    policy(nonce, "'self'", "'none'")
}

/// The same for a page that only `host` may frame; its own style carries the nonce, too.
pub fn frame_policy(nonce: &str, host: &HostOrigin) -> HeaderValue {
    policy(nonce, &format!("'self' 'nonce-{nonce}'"), host.as_str())
}

fn policy(nonce: &str, styles: &str, ancestors: &str) -> HeaderValue {
    HeaderValue::try_from(format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src {styles}; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
         form-action 'self'; frame-ancestors {ancestors}; base-uri 'none'; object-src 'none'"
    ))
    .unwrap_or(DENY_ALL)
}
