//! The sign-in and sign-out forms of the stand-alone frame: plain posts, so they need no script. A
//! refused sign-in is answered with its own page and the typed address. The reason why the provider's
//! login was refused is a code in the page's query, unless waiting helps.

use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Form, extract::rejection::FormRejection};
use contract::{ApiCode, SignInAttempt, SignInRefusal, paths};
use domain::syntax::address::email_address;
use domain::{error::one_line, secret::TypedSecret};
use leptos::context::provide_context;
use serde::Deserialize;
use shell::{local_path, with_destination};

use super::{api_error::refuse, oauth::address, oidc, pages::Pages, throttle::seconds};
use crate::identity::devices::DeviceCookie;
use crate::identity::{Caller, SignInError, SignedIn};
use crate::state::Server;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// What a browser deletes at a sign-out (Clear Site Data, 3.1). Not the cookies: that would delete
/// those of the whole registrable domain, other products' among them.
const CACHE_AND_STORAGE: HeaderValue = HeaderValue::from_static(r#""cache", "storage""#);

/// The fields of the sign-in form.
#[derive(Deserialize)]
pub struct PasswordForm {
    email: String,
    password: TypedSecret,
    to: Option<String>,
}

/// `POST /sign-in`.
pub async fn sign_in(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    credentials: Result<Form<PasswordForm>, FormRejection>,
) -> Response {
    if !server.config.has_local_accounts {
        return refuse(ApiCode::NotFound);
    }
    let Ok(Form(PasswordForm { email, password, to })) = credentials else {
        return again(&pages, caller, "", SignInRefusal::WrongCredentials, None).await;
    };
    let to = to.as_deref().and_then(local_path);
    match server.people.accounts.sign_in(&email, password.open(), &caller).await {
        Ok(signed_in) => {
            let inside = Redirect::to(to.unwrap_or(paths::EMAIL));
            (cookies(&server, signed_in), inside).into_response()
        }
        Err(error) => again(&pages, caller, &email, refusal(&error), to).await,
    }
}

/// The session cookie, and the device cookie that identifies the browser at its next sign-in.
pub(super) fn cookies(
    server: &Server,
    signed_in: SignedIn,
) -> AppendHeaders<[(HeaderName, HeaderValue); 2]> {
    let SignedIn { cookie, device, .. } = signed_in;
    let device = DeviceCookie { https: server.config.is_https() }.given(&server.vault, &device);
    AppendHeaders([(SET_COOKIE, cookie), (SET_COOKIE, device)])
}

/// `POST /sign-out`; for an `OpenID` account it continues with the sign-out at the provider, if the
/// provider has one.
pub async fn sign_out(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    let id_token = match &server.people.oidc {
        Some(oidc) => oidc.id_token(&server.people, &caller).await,
        None => None,
    };
    let cookie = server.people.accounts.sign_out(&caller).await;
    let leave = AppendHeaders([(SET_COOKIE, cookie), (CLEAR_SITE_DATA, CACHE_AND_STORAGE)]);
    let farewell = match server.people.oidc.as_ref().zip(id_token) {
        Some((oidc, id_token)) => {
            let back = address(server.config.public_url.as_ref(), &headers, paths::SIGN_IN);
            oidc.logout_url(&server.people, &id_token, back).await
        }
        None => None,
    };
    match farewell {
        Some(url) => (leave, oidc::leading_on(&url)).into_response(),
        None => (leave, Redirect::to(paths::SIGN_IN)).into_response(),
    }
}

/// Redirects from the provider's login to the sign-in page, or is the page itself if waiting helps.
pub(super) async fn refused(
    pages: &Pages,
    caller: Caller,
    refusal: SignInRefusal,
    to: Option<&str>,
) -> Response {
    let Some(code) = refusal.code() else { return again(pages, caller, "", refusal, to).await };
    let door = format!("{}?refused={code}", paths::SIGN_IN);
    Redirect::to(&with_destination(&door, to)).into_response()
}

/// Renders the sign-in page again, with the reason and the typed address; if waiting helps, with
/// `Retry-After` (RFC 6585 4, RFC 9110 10.2.3).
async fn again(
    pages: &Pages,
    caller: Caller,
    email: &str,
    refusal: SignInRefusal,
    to: Option<&str>,
) -> Response {
    let (status, wait) = match refusal {
        SignInRefusal::TooManyAttempts(wait) => (StatusCode::TOO_MANY_REQUESTS, Some(wait)),
        SignInRefusal::Busy(wait) => (StatusCode::SERVICE_UNAVAILABLE, Some(wait)),
        SignInRefusal::ServerFailed => (StatusCode::SERVICE_UNAVAILABLE, None),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, None),
    };
    // Any other text may be a password in the wrong field, and is not repeated.
    let is_address = email_address(email.trim()).is_ok();
    let email = if is_address { email.to_owned() } else { String::new() };
    let attempt = SignInAttempt { email, refusal };
    let door = with_destination(paths::SIGN_IN, to);
    let page = pages.page(&door, caller, move || provide_context(attempt.clone())).await;
    (status, AppendHeaders(wait.map(|seconds| (RETRY_AFTER, seconds))), page).into_response()
}

pub(super) fn too_many(retry_after: Duration) -> SignInRefusal {
    SignInRefusal::TooManyAttempts(whole(retry_after))
}

/// Converts into whole seconds, rounded up.
pub(super) fn whole(retry_after: Duration) -> u32 {
    u32::try_from(seconds(retry_after)).unwrap_or(u32::MAX)
}

fn refusal(error: &SignInError) -> SignInRefusal {
    match error {
        SignInError::Wrong => SignInRefusal::WrongCredentials,
        SignInError::TooMany { retry_after } => too_many(*retry_after),
        SignInError::Busy { retry_after } => SignInRefusal::Busy(whole(*retry_after)),
        SignInError::Store(_) | SignInError::Hash(_) => {
            tracing::error!(error = one_line(error), "a sign-in failed");
            SignInRefusal::ServerFailed
        }
    }
}
