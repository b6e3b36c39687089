//! Lets a request that may change something pass only from a page of this server. The cookie is
//! sent along by whatever page makes the browser ask, so the cookie alone proves nothing.
//!
//! - `Sec-Fetch-Site`, where the browser sends it (all current ones over https and to the own
//!   machine), must be `same-origin`. A browser says `none` for what the person did outside any
//!   page, which is never a POST of ours.
//! - Without it, `Origin` must be the public URL's, or have the request's own host where no public
//!   URL is configured.
//! - The POST by which a provider answers to the callback comes from its page, and passes: all that it
//!   leads to is the same answer by GET.
//! - With neither, no browser of this decade is asking. A program without a cookie has nobody's
//!   authority to abuse and passes; with a cookie, or where a proxy adds its word on who is asking,
//!   it must say where it comes from.

use app::shell::paths;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::events::EVENTS;
use super::refusal::Refusal;
use crate::Server;

/// Middleware: refuses what another site made the browser send.
pub async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    let origin = server.config.public_url.as_ref().map(crate::config::PublicUrl::origin);
    let headers = request.headers();
    let by_proxy = server.config.proxy_headers.as_ref();
    let has_authority = headers.contains_key(COOKIE)
        || by_proxy.is_some_and(|names| headers.contains_key(&names.user));
    let is_let_in = request.method().is_safe() && !is_held_open_for_another(&request)
        || is_answer_of_provider(&request);
    if is_let_in || is_own(headers, origin, has_authority) {
        return next.run(request).await;
    }
    // Strangers can repeat it: at a louder level they would fill the log.
    tracing::debug!("a request from another site was refused");
    Refusal::CROSS_SITE.into_response()
}

/// Whether another site's page would hold a stream open here. It could read nothing of it, but there
/// is room for so many and no more.
fn is_held_open_for_another(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site");
    request.uri().path() == EVENTS
        && site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// Whether a provider posts its answer (OAuth 2.0 Form Post Response Mode).
fn is_answer_of_provider(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == paths::OAUTH_CALLBACK
}

/// Whether a page of this server is asking, or somebody with nobody's authority.
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
