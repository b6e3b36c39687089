//! The redirect endpoints of OAuth: start and callback. Both respond with a redirect, so that
//! neither ticket nor code stays in the address bar, and neither is ever logged.

use axum::body::Bytes;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::header::{HOST, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use contract::paths;
use domain::token::OauthDiagnosis;
use net::origin::PublicUrl;
use oauth::AuthorizationResponse;

use crate::identity::Caller;
use crate::identity::consent::ConsentCookie;
use crate::state::Server;
use crate::subscriber::written;
use crate::use_cases::{CallbackOutcome, ConsentRedirect, complete_consent, start_consent};

/// The maximum size of a posted authorization response, in octets: it is sent on in a URL, which
/// header limits bound.
const LONGEST_POSTED: usize = 8 * 1024;

/// Stricter than other responses: the next page must not learn these URLs.
pub(super) const NO_REFERRER: AppendHeaders<[(HeaderName, &str); 1]> =
    AppendHeaders([(REFERRER_POLICY, "no-referrer")]);

/// The URL of this server's callback.
pub fn callback_address(public_url: Option<&PublicUrl>, headers: &HeaderMap) -> String {
    address(public_url, headers, paths::OAUTH_CALLBACK)
}

/// The URL of a path: at this server's public URL, or else at the request's `Host`.
pub fn address(public_url: Option<&PublicUrl>, headers: &HeaderMap, path: &str) -> String {
    let host = || headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin =
        public_url.map_or_else(|| format!("http://{}", host()), |url| url.origin().to_owned());
    format!("{origin}{path}")
}

/// The headers by which proxies report the original request (RFC 7239 and its predecessors).
pub fn forwarded(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let named = ["Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host"].map(|name| {
        let value = headers.get(name)?;
        Some((name, String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    named.into_iter().flatten().collect()
}

/// `GET /oauth/start/TICKET`: redirects to the provider, with a cookie that binds the browser.
pub async fn start(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Path(ticket): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if is_prefetch_or_head(&method, &headers) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let Caller { principal, browser: known, .. } = caller;
    match start_consent(&server.tokens, &ticket, known.cookie(), principal.as_ref()).await {
        Ok(ConsentRedirect { url, browser }) => {
            let cookie = ConsentCookie { https: server.config.is_https() }.given(&browser);
            let cookie = AppendHeaders([(SET_COOKIE, cookie)]);
            (NO_REFERRER, cookie, Redirect::to(&url)).into_response()
        }
        Err(diagnosis) => (NO_REFERRER, redirect_to_fault(diagnosis)).into_response(),
    }
}

/// `GET /oauth/callback`: the redirect back from the provider. A state works once, so HEAD and
/// prefetch requests do not consume it.
pub async fn callback(
    State(server): State<Server>,
    Extension(Caller { principal, browser, address, .. }): Extension<Caller>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if is_prefetch_or_head(&method, &headers) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let query = query.as_deref().unwrap_or_default();
    let answer = AuthorizationResponse::read(query);
    let landed = complete_consent(
        &server.tokens,
        answer,
        &browser,
        principal.as_ref(),
        Some(written(address)),
    )
    .await;
    let to = match landed {
        CallbackOutcome::Attempt(id) => Redirect::to(&format!("{}/{id}", paths::OAUTH_RESULT)),
        CallbackOutcome::NoAttempt(diagnosis) => redirect_to_fault(diagnosis),
    };
    (NO_REFERRER, to).into_response()
}

/// `POST /oauth/callback`: the response of a provider that posts (`response_mode=form_post`). It is
/// redirected to the same URL by GET, because another site's POST comes without this server's
/// cookies. It changes nothing, so it may come from anywhere; anything but an authorization
/// response is refused.
pub async fn posted(body: Bytes) -> Response {
    let query = Some(&body).filter(|body| body.len() <= LONGEST_POSTED);
    match query.and_then(|body| AuthorizationResponse::posted(body)) {
        Some(query) => {
            let to = Redirect::to(&format!("{}?{query}", paths::OAUTH_CALLBACK));
            (NO_REFERRER, to).into_response()
        }
        None => (StatusCode::BAD_REQUEST, NO_REFERRER, labels::NO_ANSWER).into_response(),
    }
}

/// Redirects to the page that shows the reason, by its code.
fn redirect_to_fault(diagnosis: OauthDiagnosis) -> Redirect {
    Redirect::to(&format!("{}?fault={}", paths::OAUTH_RESULT, shell::fault_code(diagnosis)))
}

/// Whether this is a HEAD request or a prefetch (`Sec-Purpose`).
pub(super) fn is_prefetch_or_head(method: &Method, headers: &HeaderMap) -> bool {
    let purpose = headers.get("sec-purpose").and_then(|purpose| purpose.to_str().ok());
    method == Method::HEAD || purpose.is_some_and(|purpose| purpose.contains("prefetch"))
}
