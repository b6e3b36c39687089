//! The sign-in and sign-out forms of the stand-alone frame: plain posts, answered with a redirect, so
//! that they need no script. What was refused travels as a code in the sign-in page's address.

use app::api::DoorRefusal;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, State};
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use domain::secret::TypedSecret;
use serde::Deserialize;

use crate::Server;
use crate::identity::{Caller, SignInError};
use crate::log::one_line;

const DOOR: &str = "/sign-in";
const INSIDE: &str = "/settings/email";

/// What the sign-in form sends.
#[derive(Deserialize)]
pub struct Credentials {
    email: String,
    password: TypedSecret,
}

/// `POST /sign-in`.
pub async fn sign_in(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    credentials: Result<Form<Credentials>, FormRejection>,
) -> Response {
    let Ok(Form(Credentials { email, password })) = credentials else {
        return turned_away(DoorRefusal::WrongCredentials);
    };
    match server.accounts.sign_in(&email, password.open(), &caller).await {
        Ok(signed_in) => {
            (AppendHeaders([(SET_COOKIE, signed_in.cookie)]), Redirect::to(INSIDE)).into_response()
        }
        Err(error) => turned_away(refusal(&error)),
    }
}

/// `POST /sign-out`.
pub async fn sign_out(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
) -> Response {
    match server.accounts.sign_out(&caller).await {
        Ok(cookie) => (AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(DOOR)).into_response(),
        Err(error) => {
            tracing::error!(error = one_line(&error), "a session could not be ended");
            turned_away(DoorRefusal::ServerFailed)
        }
    }
}

/// Back to the sign-in page, with the reason.
fn turned_away(refusal: DoorRefusal) -> Response {
    Redirect::to(&format!("{DOOR}?refused={}", refusal.code())).into_response()
}

fn refusal(error: &SignInError) -> DoorRefusal {
    match error {
        SignInError::Wrong => DoorRefusal::WrongCredentials,
        SignInError::TooMany { retry_after } => {
            let seconds = retry_after.as_secs().max(1);
            DoorRefusal::TooManyAttempts(u32::try_from(seconds).unwrap_or(u32::MAX))
        }
        SignInError::Store(_) | SignInError::Hash(_) => {
            tracing::error!(error = one_line(error), "an account could not be looked at");
            DoorRefusal::ServerFailed
        }
    }
}
