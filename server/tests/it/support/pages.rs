//! The real pages behind the whole middleware stack.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::http::request::Builder;
use server::web::pages::pages;

use super::harness::{Answer, Harness, get, post, post_form};

/// Sends a request to the pages of this server.
pub async fn ask(harness: &Harness, request: Builder, body: Body) -> Answer {
    let service = Arc::new(harness.server.service());
    harness.ask_with(pages(&harness.server, &service), request, body).await
}

/// Requests a page with this cookie; without one if it is empty.
pub async fn page(harness: &Harness, path: &str, cookie: &str) -> Answer {
    ask(harness, get(path).header(header::COOKIE, cookie), Body::empty()).await
}

/// Sends a form with this cookie, as a page of this server does.
pub async fn submit(harness: &Harness, path: &str, cookie: &str, form: impl Into<Body>) -> Answer {
    ask(harness, post_form(path).header(header::COOKIE, cookie), form.into()).await
}

/// Calls a server function of the tab with JSON, in the session of this cookie.
pub async fn call_in(
    harness: &Harness,
    cookie: &str,
    function: &str,
    body: impl Into<Body>,
) -> Answer {
    let request = post(&format!("/api/email/{function}"))
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/json");
    ask(harness, request, body.into()).await
}
