//! The sign-in and sign-out forms of the stand-alone frame: plain posts, answered with a redirect, so
//! that they need no script. What was refused travels as a code in the sign-in page's address.

use std::time::Duration;

use app::api::DoorRefusal;
use app::shell::{local_path, paths, with_destination};
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use domain::secret::TypedSecret;
use serde::Deserialize;

use super::oauth::address;
use super::oidc;
use crate::Server;
use crate::identity::{Caller, SignInError};
use crate::log::one_line;

/// What the sign-in form sends.
#[derive(Deserialize)]
pub struct Credentials {
    email: String,
    password: TypedSecret,
    to: Option<String>,
}

/// `POST /sign-in`.
pub async fn sign_in(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    credentials: Result<Form<Credentials>, FormRejection>,
) -> Response {
    let Ok(Form(Credentials { email, password, to })) = credentials else {
        return turned_away(DoorRefusal::WrongCredentials, None);
    };
    let to = to.as_deref().and_then(local_path);
    match server.accounts.sign_in(&email, password.open(), &caller).await {
        Ok(signed_in) => {
            let inside = Redirect::to(to.unwrap_or(paths::EMAIL));
            (AppendHeaders([(SET_COOKIE, signed_in.cookie)]), inside).into_response()
        }
        Err(error) => turned_away(refusal(&error), to),
    }
}

/// `POST /sign-out`; from an account of the organisation's on to its provider, where that can be
/// signed out of too.
pub async fn sign_out(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    let id_token = match &server.oidc {
        Some(oidc) => oidc.id_token(&server, &caller).await,
        None => None,
    };
    let cookie = match server.accounts.sign_out(&caller).await {
        Ok(cookie) => AppendHeaders([(SET_COOKIE, cookie)]),
        Err(error) => {
            tracing::error!(error = one_line(&error), "a session could not be ended");
            return turned_away(DoorRefusal::ServerFailed, None);
        }
    };
    let farewell = match server.oidc.as_ref().zip(id_token) {
        Some((oidc, id_token)) => {
            let back = address(server.config.public_url.as_ref(), &headers, paths::SIGN_IN);
            oidc.farewell(&server, &id_token, back).await
        }
        None => None,
    };
    match farewell {
        Some(url) => (cookie, oidc::leading_on(&url)).into_response(),
        None => (cookie, Redirect::to(paths::SIGN_IN)).into_response(),
    }
}

/// Back to the sign-in page, with the reason and the path that somebody was going to.
pub(super) fn turned_away(refusal: DoorRefusal, to: Option<&str>) -> Response {
    let door = format!("{}?refused={}", paths::SIGN_IN, refusal.code());
    Redirect::to(&with_destination(&door, to)).into_response()
}

pub(super) fn too_many(retry_after: Duration) -> DoorRefusal {
    let seconds = retry_after.as_secs().max(1);
    DoorRefusal::TooManyAttempts(u32::try_from(seconds).unwrap_or(u32::MAX))
}

fn refusal(error: &SignInError) -> DoorRefusal {
    match error {
        SignInError::Wrong => DoorRefusal::WrongCredentials,
        SignInError::TooMany { retry_after } => too_many(*retry_after),
        SignInError::Store(_) | SignInError::Hash(_) => {
            tracing::error!(error = one_line(error), "an account could not be looked at");
            DoorRefusal::ServerFailed
        }
    }
}
