//! The real pages behind the whole middleware stack.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Builder;
use server::web::pages::pages;

use super::harness::{Answer, Harness};

/// Sends a request to the pages of this server.
pub async fn ask(harness: &Harness, request: Builder, body: Body) -> Answer {
    let service = Arc::new(harness.server.service());
    harness.ask_with(pages(&harness.server, &service), request, body).await
}
