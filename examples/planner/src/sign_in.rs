//! The product's own sign-in with a session cookie. A real product has its user directory here. The
//! tab needs only the implementation of `Identity`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::http::{HeaderMap, header, request::Parts};
use axum::response::{AppendHeaders, IntoResponse, Redirect};
use axum::{Form, extract::State};
use serde::Deserialize;
use server::clock::{SystemRandomness, random_token};
use server::embed::{Email, Identity, IdentityError, Principal, Role};

use crate::{Planner, pages};

const COOKIE: &str = "planner";

/// A user of the product.
#[derive(Debug, Clone, Copy)]
pub struct PlannerUser {
    /// The display name.
    pub name: &'static str,
    /// The email address.
    pub email: &'static str,
    /// The role for the email settings; `None` gives no access.
    pub role: Option<Role>,
}

/// All users. A user signs in by the name before the @, which is the password too.
pub const PEOPLE: [PlannerUser; 3] = [
    user("Grace Hopper", "grace@practice.example", Some(Role::Administrator)),
    user("Rita Levi", "rita@practice.example", Some(Role::Reader)),
    user("Tom Kilburn", "tom@practice.example", None),
];

const fn user(name: &'static str, email: &'static str, role: Option<Role>) -> PlannerUser {
    PlannerUser { name, email, role }
}

/// The sessions by token. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct PlannerIdentity(Arc<Mutex<HashMap<String, PlannerUser>>>);

impl PlannerIdentity {
    /// Returns the user who is signed in by the request's cookie.
    pub fn person(&self, headers: &HeaderMap) -> Option<PlannerUser> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let (_, token) = pairs.find(|(name, _)| *name == COOKIE)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied()
    }

    fn begin(&self, person: PlannerUser) -> String {
        let token = random_token(&SystemRandomness);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(token.clone(), person);
        token
    }
}

/// Identifies the user of each request for the tab.
#[async_trait]
impl Identity for PlannerIdentity {
    async fn principal(&self, request: &Parts) -> Result<Option<Principal>, IdentityError> {
        let Some(person) = self.person(&request.headers) else { return Ok(None) };
        let role = person.role.ok_or(IdentityError::NoRole)?;
        Ok(Some(Principal {
            email: Some(Email::verified(person.email.to_owned())),
            ..Principal::external("planner", person.email, person.name, role)
        }))
    }
}

/// The fields of the sign-in form.
#[derive(Deserialize)]
pub struct SignInForm {
    name: String,
    password: String,
}

/// `POST /sign-in`.
pub async fn sign_in(
    State(Planner { sign_in, .. }): State<Planner>,
    Form(SignInForm { name, password }): Form<SignInForm>,
) -> impl IntoResponse {
    let is_known = |person: &PlannerUser| {
        name == password && person.email.strip_suffix("@practice.example") == Some(&name)
    };
    match PEOPLE.into_iter().find(is_known) {
        Some(person) => {
            let token = sign_in.begin(person);
            let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax");
            (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(pages::HOME))
                .into_response()
        }
        None => Redirect::to(pages::SIGN_IN).into_response(),
    }
}

/// `POST /sign-out`.
pub async fn sign_out() -> impl IntoResponse {
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0");
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(pages::SIGN_IN))
}
