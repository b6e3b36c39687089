//! CSRF protection: a request that may change something must come from a page of this server.
//! Browsers send the cookie with requests of any page, so the cookie alone proves nothing.
//!
//! - `Sec-Fetch-Site`, if present (all current browsers send it over https and to localhost), must
//!   be `same-origin`. It is `none` for what the user did outside any page, which is never a POST
//!   of ours.
//! - Without it, `Origin` must be the public URL's, or have the request's own host if no public URL
//!   is configured.
//! - A provider's POST to the callback (`form_post`) comes from its page, and passes: it only leads
//!   to the same response by GET.
//! - With neither, the client is no current browser. A program without a cookie has no user's
//!   authority to abuse and passes; with a cookie, or if a proxy adds headers that identify the
//!   user, it must send one of the two headers.

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::{middleware::Next, response::Response};
use contract::{ApiCode, paths};

use super::{api_error::refuse, events::EVENTS};
use crate::state::Server;

/// Middleware: refuses cross-site requests that may change something.
pub async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    let origin = server.config.public_url.as_ref().map(net::origin::PublicUrl::origin);
    let headers = request.headers();
    let by_proxy = server.config.proxy_headers.as_ref();
    let has_authority = headers.contains_key(COOKIE)
        || by_proxy.is_some_and(|names| headers.contains_key(&names.user));
    let is_let_in = request.method().is_safe() && !is_cross_site_stream(&request)
        || is_form_post_response(&request);
    if is_let_in || is_own(headers, origin, has_authority) {
        return next.run(request).await;
    }
    // Not logged at a higher level, because unauthenticated callers could fill the log.
    tracing::debug!("a request from another site was refused");
    refuse(ApiCode::CrossSite)
}

/// Whether another site's page would hold an event stream open here. It could read nothing, but the
/// number of streams is limited.
fn is_cross_site_stream(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site");
    request.uri().path() == EVENTS
        && site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// Whether a provider posts its authorization response (OAuth 2.0 Form Post Response Mode).
fn is_form_post_response(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == paths::OAUTH_CALLBACK
}

/// Whether the request comes from a page of this server, or carries no user's authority.
fn is_own(headers: &HeaderMap, public_origin: Option<&str>, has_authority: bool) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (headers.get("sec-fetch-site"), text(ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => match public_origin {
            Some(own) => origin == own,
            None => origin.split_once("://").is_some_and(|(_, host)| Some(host) == text(HOST)),
        },
        (None, None) => !has_authority,
    }
}
