//! The redirect endpoints of `OpenID` Connect, and the page that ends a session at the provider.
//! Neither code nor state nor token is ever logged.

use app::markup::escaped;
use axum::extract::{Extension, Query, RawQuery, State};
use axum::http::header::{REFRESH, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use contract::{ApiCode, SignInRefusal, paths};
use domain::error::one_line;
use labels::{GO_ON_OUT, SIGN_OUT};
use oauth::AuthorizationResponse;
use serde::Deserialize;
use shell::local_path;

use super::oauth::{NO_REFERRER, address, is_prefetch_or_head};
use super::sign_in::{refused, too_many};
use super::{api_error::refuse, pages::Pages};
use crate::identity::Caller;
use crate::identity::consent::ConsentCookie;
use crate::identity::oidc::{LoginCompleted, LoginFailed, LoginRedirect, OidcError};
use crate::state::Server;

/// The query: the path to return to.
#[derive(Deserialize)]
pub struct Way {
    to: Option<String>,
}

/// `GET /oidc/start`: redirects to the provider, with a cookie that binds the browser.
pub async fn start(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    Query(way): Query<Way>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Some(oidc) = &server.people.oidc else { return refuse(ApiCode::NotFound) };
    if is_prefetch_or_head(&method, &headers) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let destination = way.to.as_deref().and_then(local_path);
    let back = address(server.config.public_url.as_ref(), &headers, paths::OIDC_CALLBACK);
    let departed =
        oidc.start_login(&server.people, &caller, back, destination.unwrap_or(paths::EMAIL)).await;
    match departed {
        Ok(LoginRedirect { url, browser }) => {
            let cookie = ConsentCookie { https: server.config.is_https() }.given(&browser);
            (NO_REFERRER, AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&url)).into_response()
        }
        Err(error) => {
            let page = refused(&pages, caller, refusal(&error), destination).await;
            (NO_REFERRER, page).into_response()
        }
    }
}

/// `GET /oidc/callback`: the redirect back from the provider. A state works once, so HEAD and
/// prefetch requests do not consume it.
pub async fn callback(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Some(oidc) = &server.people.oidc else { return refuse(ApiCode::NotFound) };
    if is_prefetch_or_head(&method, &headers) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let answer = AuthorizationResponse::read(query.as_deref().unwrap_or_default());
    match oidc.complete_login(&server.people, answer, &caller).await {
        Ok(LoginCompleted { cookie, destination }) => {
            let cookie = AppendHeaders([(SET_COOKIE, cookie)]);
            (NO_REFERRER, cookie, Redirect::to(&destination)).into_response()
        }
        Err(LoginFailed { error, destination }) => {
            let page = refused(&pages, caller, refusal(&error), destination.as_deref()).await;
            (NO_REFERRER, page).into_response()
        }
    }
}

/// A page that forwards to the provider's sign-out. Not a redirect: after a form was sent, a
/// browser follows none to a URL outside of `form-action` (CSP 3, 6.4.2).
pub fn leading_on(url: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{SIGN_OUT}</title></head>\
         <body><p><a href=\"{}\">{GO_ON_OUT}</a></p></body></html>",
        escaped(url)
    );
    (NO_REFERRER, AppendHeaders([(REFRESH, format!("0; url={url}"))]), Html(page)).into_response()
}

fn refusal(error: &OidcError) -> SignInRefusal {
    match error {
        OidcError::Declined => SignInRefusal::Declined,
        OidcError::Over => SignInRefusal::Over,
        OidcError::OtherBrowser => SignInRefusal::OtherBrowser,
        OidcError::Provider => SignInRefusal::ProviderFailed,
        OidcError::TooMany { retry_after } => too_many(*retry_after),
        OidcError::NoRole => SignInRefusal::NoRole,
        OidcError::Store(_) => {
            tracing::error!(error = one_line(error), "a sign-in could not be kept");
            SignInRefusal::ServerFailed
        }
    }
}
