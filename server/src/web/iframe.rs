//! The page for an iframe on another site's pages: one element, and the script by which it
//! communicates with the parent page. It needs no authentication and uses no cookie; calls from it
//! carry the host's token.

use app::markup::escaped;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::{extract::rejection::QueryRejection, http::header::CONTENT_SECURITY_POLICY};
use contract::ApiCode;
use serde::Deserialize;
use vault::clock::random_id;

use super::api_error::refuse;
use super::headers::{CROSS_ORIGIN_RESOURCE_POLICY, frame_policy};
use crate::config::HostOrigin;
use crate::state::Server;

/// The query: the origin of the parent page.
#[derive(Deserialize)]
pub struct Around {
    host: String,
}

/// `GET /embed/frame?host=ORIGIN`.
pub async fn frame(
    State(server): State<Server>,
    around: Result<Query<Around>, QueryRejection>,
) -> Response {
    let hosts = &server.config.embedding_origins.framing;
    if hosts.is_empty() {
        return refuse(ApiCode::NotFound);
    }
    let named = around.ok().map(|Query(Around { host })| host);
    let Some(host) = hosts.iter().find(|host| Some(host.as_str()) == named.as_deref()) else {
        return (StatusCode::BAD_REQUEST, Html(UNKNOWN_HOST)).into_response();
    };
    let nonce = random_id(server.randomness.as_ref());
    let policy = [
        (CONTENT_SECURITY_POLICY, frame_policy(&nonce, host)),
        (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
    ];
    (policy, Html(page(host, &nonce))).into_response()
}

/// The page for an unknown host, which does not echo the request.
const UNKNOWN_HOST: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
    <title>Email settings</title></head><body><main><h1>Email settings</h1>\
    <p>The site that requested this page is not allowed to show it.</p></main></body></html>";

/// The frame's own script comes first, so that the element finds it when it is hydrated. The
/// element calls the server that its script came from.
fn page(host: &HostOrigin, nonce: &str) -> String {
    let host = escaped(host.as_str());
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Email settings</title><style nonce=\"{nonce}\">body {{ margin: 0 }}</style>\
         <script type=\"module\" nonce=\"{nonce}\" src=\"/embed/frame.js\"></script>\
         <script type=\"module\" nonce=\"{nonce}\" src=\"/embed.js\"></script></head>\
         <body data-host=\"{host}\"><ppm-email-settings></ppm-email-settings></body></html>"
    )
}
