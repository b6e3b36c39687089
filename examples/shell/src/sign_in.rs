//! The shell's own sign-in with a session cookie. A real product has its user directory here. The tab
//! needs only the implementation of `Identity`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::http::{HeaderMap, header, request::Parts};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Form, extract::Request, extract::State, middleware::Next};
use serde::Deserialize;
use server::clock::{SystemRandomness, random_token};
use server::embed::{Email, Identity, IdentityError, Principal, Role};

use crate::Shell;

const COOKIE: &str = "shell";
const SIGN_IN: &str = "/sign-in";

/// A user: the short name, which is the password too, the display name and the role.
type User = (&'static str, &'static str, Role);

const USERS: [User; 3] = [
    ("grace", "Grace Hopper", Role::Administrator),
    ("ada", "Ada Okafor", Role::Administrator),
    ("rita", "Rita Levi", Role::Reader),
];

/// The sessions by token. Clones share them.
#[derive(Clone, Default)]
pub struct Sessions(Arc<Mutex<HashMap<String, User>>>);

impl Sessions {
    fn user(&self, headers: &HeaderMap) -> Option<User> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let (_, token) = pairs.find(|(name, _)| *name == COOKIE)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied()
    }
}

/// Identifies the user of each request for the tab.
#[async_trait]
impl Identity for Sessions {
    async fn principal(&self, request: &Parts) -> Result<Option<Principal>, IdentityError> {
        Ok(self.user(&request.headers).map(|(name, display_name, role)| {
            let email = format!("{name}@practice.example");
            Principal {
                email: Some(Email::verified(email.clone())),
                ..Principal::external("shell", &email, display_name, role)
            }
        }))
    }
}

/// Middleware: redirects a request for a page without a session to the sign-in page.
pub async fn require(State(sessions): State<Sessions>, request: Request, next: Next) -> Response {
    if request.uri().path() == SIGN_IN || sessions.user(request.headers()).is_some() {
        return next.run(request).await;
    }
    Redirect::to(SIGN_IN).into_response()
}

/// The fields of the sign-in form.
#[derive(Deserialize)]
pub struct SignInForm {
    name: String,
    password: String,
}

/// `POST /sign-in`.
pub async fn sign_in(
    State(Shell { sessions, .. }): State<Shell>,
    Form(SignInForm { name, password }): Form<SignInForm>,
) -> Response {
    let Some(user) = USERS.into_iter().find(|(known, ..)| *known == name && name == password)
    else {
        return Redirect::to(SIGN_IN).into_response();
    };
    let token = random_token(&SystemRandomness);
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax");
    sessions.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, user);
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to("/")).into_response()
}

/// `POST /sign-out`.
pub async fn sign_out() -> impl IntoResponse {
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0");
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(SIGN_IN))
}
