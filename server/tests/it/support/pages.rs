//! The real pages behind the whole middleware stack.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::http::request::Builder;
use server::web::pages::pages;

use super::harness::{Answer, Harness, post};

/// Sends a request to the pages of this server.
pub async fn ask(harness: &Harness, request: Builder, body: Body) -> Answer {
    let service = Arc::new(harness.server.service());
    harness.ask_with(pages(&harness.server, &service), request, body).await
}

/// Calls a server function of the tab with JSON, in the session of this cookie.
pub async fn call_in(
    harness: &Harness,
    cookie: &str,
    function: &str,
    body: &'static str,
) -> Answer {
    let request = post(&format!("/api/email/{function}"))
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/json");
    ask(harness, request, Body::from(body)).await
}
