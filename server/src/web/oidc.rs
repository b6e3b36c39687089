//! The two addresses by which a browser goes to the provider of an organisation's accounts and comes
//! back, and the page that ends a session there. Neither code nor state nor token is ever logged.

use app::api::DoorRefusal;
use app::labels::{GO_ON_OUT, SIGN_OUT};
use app::markup::escaped;
use app::shell::{local_path, paths};
use axum::extract::{Extension, Query, RawQuery, State};
use axum::http::header::{REFRESH, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::door::{refused, too_many};
use super::oauth::{NO_REFERRER, address, is_only_looking};
use super::pages::Pages;
use super::refusal::Refusal;
use crate::Server;
use crate::identity::Caller;
use crate::identity::consent::ConsentCookie;
use crate::identity::oidc::{Departed, Landed, OidcFault, TurnedAway};
use crate::log::one_line;
use crate::oauth::Answer;

/// Where somebody was going.
#[derive(Deserialize)]
pub struct Way {
    to: Option<String>,
}

/// `GET /oidc/start`: to the provider, with a cookie to be known by on the way back.
pub async fn start(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    Query(way): Query<Way>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Some(oidc) = &server.oidc else { return Refusal::NOT_FOUND.into_response() };
    if is_only_looking(&method, &headers) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let destination = way.to.as_deref().and_then(local_path);
    let back = address(server.config.public_url.as_ref(), &headers, paths::OIDC_CALLBACK);
    let departed = oidc.depart(&server, &caller, back, destination.unwrap_or(paths::EMAIL)).await;
    match departed {
        Ok(Departed { url, browser }) => {
            let cookie = ConsentCookie { https: server.config.is_https() }.given(&browser);
            (NO_REFERRER, AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&url)).into_response()
        }
        Err(fault) => {
            let page = refused(&pages, caller, refusal(&fault), destination).await;
            (NO_REFERRER, page).into_response()
        }
    }
}

/// `GET /oidc/callback`: back from the provider. A state works once, so nobody is served who only
/// looks.
pub async fn callback(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Some(oidc) = &server.oidc else { return Refusal::NOT_FOUND.into_response() };
    if is_only_looking(&method, &headers) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let answer = Answer::read(query.as_deref().unwrap_or_default());
    match oidc.land(&server, answer, &caller).await {
        Ok(Landed { cookie, destination }) => {
            let cookie = AppendHeaders([(SET_COOKIE, cookie)]);
            (NO_REFERRER, cookie, Redirect::to(&destination)).into_response()
        }
        Err(TurnedAway { fault, destination }) => {
            let page = refused(&pages, caller, refusal(&fault), destination.as_deref()).await;
            (NO_REFERRER, page).into_response()
        }
    }
}

/// A page that leads on to the provider's sign-out by itself. No redirect: a browser that sent a form
/// follows none to a place where the form may not go (CSP 3, 6.4.2).
pub fn leading_on(url: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{SIGN_OUT}</title></head>\
         <body><p><a href=\"{}\">{GO_ON_OUT}</a></p></body></html>",
        escaped(url)
    );
    (NO_REFERRER, AppendHeaders([(REFRESH, format!("0; url={url}"))]), Html(page)).into_response()
}

fn refusal(fault: &OidcFault) -> DoorRefusal {
    match fault {
        OidcFault::Declined => DoorRefusal::Declined,
        OidcFault::Over => DoorRefusal::Over,
        OidcFault::OtherBrowser => DoorRefusal::OtherBrowser,
        OidcFault::Provider => DoorRefusal::ProviderFailed,
        OidcFault::TooMany { retry_after } => too_many(*retry_after),
        OidcFault::NoRole => DoorRefusal::NoRole,
        OidcFault::Store(_) => {
            tracing::error!(error = one_line(fault), "a sign-in could not be kept");
            DoorRefusal::ServerFailed
        }
    }
}
