//! The product's own sign-in: whoever it knows, with a cookie of its own. A real product has its
//! directory here; what the tab needs of it is `Identity`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Form;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect};
use serde::Deserialize;
use server::clock::{SystemRandomness, random_token};
use server::embed::{Email, Identity, IdentityError, Principal, Role};

use crate::{Planner, pages};

const COOKIE: &str = "planner";

/// Somebody who may use the product.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// Their name.
    pub name: &'static str,
    /// Their address.
    pub email: &'static str,
    /// What they may do with the e-mail settings, if anything.
    pub role: Option<Role>,
}

/// Everybody there is; each signs in with the first name, in small letters, as password.
const PEOPLE: [(&str, Person); 3] = [
    (
        "grace",
        Person {
            name: "Grace Hopper",
            email: "grace@practice.example",
            role: Some(Role::Administrator),
        },
    ),
    (
        "rita",
        Person { name: "Rita Levi", email: "rita@practice.example", role: Some(Role::Reader) },
    ),
    ("tom", Person { name: "Tom Kilburn", email: "tom@practice.example", role: None }),
];

/// Who is signed in. Copies share everything.
#[derive(Debug, Clone, Default)]
pub struct SignIn(Arc<Mutex<HashMap<String, Person>>>);

impl SignIn {
    /// Whoever sends a request.
    pub fn person(&self, headers: &HeaderMap) -> Option<Person> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let (_, token) = pairs.find(|(name, _)| *name == COOKIE)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied()
    }

    fn begin(&self, person: Person) -> String {
        let token = random_token(&SystemRandomness);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(token.clone(), person);
        token
    }
}

/// What the tab asks of the product, once for each request.
#[async_trait]
impl Identity for SignIn {
    async fn principal(&self, request: &Parts) -> Result<Option<Principal>, IdentityError> {
        let Some(person) = self.person(&request.headers) else { return Ok(None) };
        let role = person.role.ok_or(IdentityError::NoRole)?;
        Ok(Some(Principal {
            email: Some(Email::verified(person.email.to_owned())),
            ..Principal::foreign("planner", person.email, person.name, role)
        }))
    }
}

/// What the sign-in form sends.
#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
}

/// `POST /sign-in`.
pub async fn sign_in(
    State(Planner { sign_in, .. }): State<Planner>,
    Form(Credentials { name, password }): Form<Credentials>,
) -> impl IntoResponse {
    match PEOPLE.into_iter().find(|(known, _)| *known == name && *known == password) {
        Some((_, person)) => {
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
