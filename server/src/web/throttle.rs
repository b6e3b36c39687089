//! Turns away whoever comes too often to where a stranger can cost something, before anything is read,
//! looked up or written for them.

use std::time::Duration;

use app::shell::paths;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, RETRY_AFTER};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{AppendHeaders, Html, IntoResponse, Response};
use serde::Serialize;

use crate::Server;
use crate::identity::recognise;
use crate::identity::throttle::{Entrance, Limited};

/// Middleware: counts what strangers can begin, and refuses what is too much. A sign-in from a browser
/// that has signed in before counts by that browser alone.
pub async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    let Some(entrance) = entrance(&request) else { return next.run(request).await };
    if is_part_of_a_page(request.headers()) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let device = match request.uri().path() {
        paths::SIGN_IN => recognise::device(&server, request.headers()),
        _ => None,
    };
    let admitted = match device {
        Some(device) => server.throttle.admit_device(&device.source()),
        None => server.throttle.admit(entrance, recognise::address(&server, &request)),
    };
    match admitted {
        Ok(()) => next.run(request).await,
        Err(limited) => limited.into_response(),
    }
}

/// Which request has the server compare a password, ask a provider, or look up what a stranger can
/// make up.
fn entrance(request: &Request) -> Option<Entrance> {
    let path = request.uri().path();
    let goes_to_provider = path.strip_prefix(paths::OAUTH_START);
    match path {
        paths::SIGN_IN | paths::SET_UP => {
            (request.method() == Method::POST).then_some(Entrance::Password)
        }
        paths::OIDC_START | paths::OIDC_CALLBACK => Some(Entrance::OpenId),
        paths::OAUTH_CALLBACK => Some(Entrance::Consent),
        _ => goes_to_provider?.starts_with('/').then_some(Entrance::Consent),
    }
}

/// Whether a browser asks for something inside a page of another site, such as an image or a frame
/// (Fetch Metadata): a page could use up the allowance of its visitor's whole network. A person who
/// signs in or consents goes there with a whole window.
fn is_part_of_a_page(headers: &HeaderMap) -> bool {
    let is = |name, value| headers.get(name).is_some_and(|said| said == value);
    let is_within = headers.contains_key("sec-fetch-dest") && !is("sec-fetch-dest", "document");
    is_within && is("sec-fetch-site", "cross-site")
}

/// The whole seconds after which it makes sense to try again, of which there is one at least.
pub(super) fn seconds(retry_after: Duration) -> u64 {
    let begun = u64::from(retry_after.subsec_nanos() > 0);
    (retry_after.as_secs() + begun).max(1)
}

impl Limited {
    const fn status(self) -> StatusCode {
        match self {
            Self::Caller { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Server { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn seconds(self) -> u64 {
        let (Self::Caller { retry_after } | Self::Server { retry_after }) = self;
        seconds(retry_after)
    }
}

/// A page that costs next to nothing to make: it is the answer to a flood.
impl IntoResponse for Limited {
    fn into_response(self) -> Response {
        let seconds = self.seconds();
        let why = match self {
            Self::Caller { .. } => "Too many attempts came from your network.",
            Self::Server { .. } => "The server is busy with other sign-ins.",
        };
        let headers = AppendHeaders([
            (RETRY_AFTER, seconds.to_string()),
            (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        ]);
        (self.status(), headers, Html(page(why, seconds))).into_response()
    }
}

/// The page has no script, no style and no form.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

fn page(why: &str, seconds: u64) -> String {
    let unit = if seconds == 1 { "second" } else { "seconds" };
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Try again later</title></head>\
         <body><main><h1>Try again in {seconds} {unit}</h1><p role=\"alert\">{why}</p>\
         <p>Wait {seconds} {unit}, then reload this page: your browser sends your request again.</p>\
         </main></body></html>"
    )
}

#[derive(Serialize)]
struct Body {
    code: &'static str,
}

/// The answer to a call.
#[must_use]
pub fn too_many(limited: Limited) -> Response {
    let headers = AppendHeaders([(RETRY_AFTER, limited.seconds().to_string())]);
    (limited.status(), headers, Json(Body { code: "too-many-attempts" })).into_response()
}
