//! The headers of every answer. A page may run the scripts that carry its nonce and what those
//! load, and nothing else; anything that is not a page may do nothing at all.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::Server;
use crate::clock::random_id;

/// What stays on a page that shows nothing of ours: not even a style.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The same for every answer.
///
/// - `same-origin` and not `no-referrer`: with that one a browser sends `Origin: null` even to us.
/// - Pop-ups keep their opener: the provider's consent page will be one.
const FIXED: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin-allow-popups"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// The nonce of one page. Among the extensions of every request; whoever renders a page puts it
/// into its scripts, and the page's header names the same.
#[derive(Debug, Clone)]
pub struct PageNonce(pub String);

/// Middleware: gives the request its nonce and the answer its headers.
pub async fn protect(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let nonce = PageNonce(random_id(server.randomness.as_ref()));
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.extend(FIXED);
    headers.insert(
        CONTENT_SECURITY_POLICY,
        if is_page(headers) { page_policy(&nonce) } else { NOTHING },
    );
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if server.config.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}

fn page_policy(PageNonce(nonce): &PageNonce) -> HeaderValue {
    HeaderValue::try_from(format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'; object-src 'none'"
    ))
    .expect("a nonce in base64 and this text are visible ASCII")
}
