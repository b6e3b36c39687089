//! The two addresses by which a browser goes to a provider and comes back. Both answer with a
//! redirect, so that neither ticket nor code stays in the address bar, and neither is ever logged.

use app::shell::paths;
use axum::body::Bytes;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::header::{HOST, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use domain::token::Fault;

use crate::Server;
use crate::config::PublicUrl;
use crate::identity::Caller;
use crate::identity::consent::ConsentCookie;
use crate::oauth::Answer;
use crate::service::{Departed, Landed, answer_to_probe, depart, land};
use crate::subscriber::written;

/// The most octets of an answer that a provider posts: headers, in which it comes back, have bounds.
const LONGEST_POSTED: usize = 8 * 1024;

/// Stricter than other answers: what comes next learns nothing of these addresses.
pub(super) const NO_REFERRER: AppendHeaders<[(HeaderName, &str); 1]> =
    AppendHeaders([(REFERRER_POLICY, "no-referrer")]);

/// This server's callback address.
pub fn callback_address(public_url: Option<&PublicUrl>, headers: &HeaderMap) -> String {
    address(public_url, headers, paths::OAUTH_CALLBACK)
}

/// The address of a path: at this server's public URL, or else at the host that the caller asked.
pub fn address(public_url: Option<&PublicUrl>, headers: &HeaderMap, path: &str) -> String {
    let host = || headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin =
        public_url.map_or_else(|| format!("http://{}", host()), |url| url.origin().to_owned());
    format!("{origin}{path}")
}

/// What proxies say was asked for (RFC 7239 and its forerunners), header by header.
pub fn forwarded(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let named = ["Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host"].map(|name| {
        let value = headers.get(name)?;
        Some((name, String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    named.into_iter().flatten().collect()
}

/// `GET /oauth/start/TICKET`: to the provider, with a cookie to be known by on the way back.
pub async fn start(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Path(ticket): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if is_only_looking(&method, &headers) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let Caller { principal, browser: known, .. } = caller;
    match depart(&server, &ticket, known.cookie(), principal.as_ref()).await {
        Ok(Departed { url, browser }) => {
            let cookie = ConsentCookie { https: server.config.is_https() }.given(&browser);
            let cookie = AppendHeaders([(SET_COOKIE, cookie)]);
            (NO_REFERRER, cookie, Redirect::to(&url)).into_response()
        }
        Err(fault) => (NO_REFERRER, nowhere(fault)).into_response(),
    }
}

/// `GET /oauth/callback`: back from the provider. A state works once, so nobody is served who only
/// looks.
pub async fn callback(
    State(server): State<Server>,
    Extension(Caller { principal, browser, address, .. }): Extension<Caller>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if is_only_looking(&method, &headers) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let query = query.as_deref().unwrap_or_default();
    if let Some(proof) = answer_to_probe(&server, query) {
        return (NO_REFERRER, proof).into_response();
    }
    let answer = Answer::read(query);
    let landed = land(&server, answer, &browser, principal.as_ref(), Some(written(address))).await;
    let to = match landed {
        Landed::Attempt(id) => Redirect::to(&format!("{}/{id}", paths::OAUTH_RESULT)),
        Landed::Nowhere(fault) => nowhere(fault),
    };
    (NO_REFERRER, to).into_response()
}

/// `POST /oauth/callback`: back from a provider that posts its answer (`response_mode=form_post`), which the
/// browser then brings by the same address with GET: another site's POST comes without this server's
/// cookies. It changes nothing, so it may come from anywhere; what is no answer is refused.
pub async fn posted(body: Bytes) -> Response {
    let query = Some(&body).filter(|body| body.len() <= LONGEST_POSTED);
    match query.and_then(|body| Answer::posted(body)) {
        Some(query) => {
            let to = Redirect::to(&format!("{}?{query}", paths::OAUTH_CALLBACK));
            (NO_REFERRER, to).into_response()
        }
        None => (StatusCode::BAD_REQUEST, NO_REFERRER, app::labels::NO_ANSWER).into_response(),
    }
}

/// The page that says why, by its code.
fn nowhere(fault: Fault) -> Redirect {
    Redirect::to(&format!("{}?fault={}", paths::OAUTH_RESULT, app::shell::fault_code(fault)))
}

/// Whether a browser fetches a page that nobody may ever see.
pub(super) fn is_only_looking(method: &Method, headers: &HeaderMap) -> bool {
    let purpose = headers.get("sec-purpose").and_then(|purpose| purpose.to_str().ok());
    method == Method::HEAD || purpose.is_some_and(|purpose| purpose.contains("prefetch"))
}
