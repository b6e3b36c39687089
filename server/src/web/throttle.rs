//! Rate limiting of the endpoints that unauthenticated callers can make expensive, before anything
//! is read, looked up or written.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, RETRY_AFTER};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse, Response};
use axum::{Json, middleware::Next};
use contract::{ApiCode, code::ErrorBody, paths};

use crate::identity::login_throttle::{Entrance, Limited};
use crate::state::Server;
use crate::web::authenticate;

/// Middleware: counts requests of unauthenticated callers, and refuses those above the limit. A
/// sign-in from a browser that has signed in before counts by that browser alone.
pub async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    let Some(entrance) = entrance(&request) else { return next.run(request).await };
    if is_embedded(request.headers()) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let device = match request.uri().path() {
        paths::SIGN_IN => authenticate::device(&server, request.headers()),
        _ => None,
    };
    let admitted = match device {
        Some(device) => server.people.throttle.admit_device(&device.source()),
        None => server.people.throttle.admit(entrance, authenticate::address(&server, &request)),
    };
    match admitted {
        Ok(()) => next.run(request).await,
        Err(limited) => limited.into_response(),
    }
}

/// The limit that a request counts for, if it makes the server compare a password, call a provider,
/// or look up a value that callers can invent.
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

/// Whether a page of another site embeds the request, such as an image or a frame (Fetch Metadata):
/// such a page could use up the limit of its visitor's whole network. A real sign-in or consent is
/// a top-level navigation.
fn is_embedded(headers: &HeaderMap) -> bool {
    let is = |name, value| headers.get(name).is_some_and(|found| found == value);
    let is_within = headers.contains_key("sec-fetch-dest") && !is("sec-fetch-dest", "document");
    is_within && is("sec-fetch-site", "cross-site")
}

/// The whole seconds until a retry makes sense, rounded up, at least one.
pub(super) fn seconds(retry_after: Duration) -> u64 {
    let begun = u64::from(retry_after.subsec_nanos() > 0);
    (retry_after.as_secs() + begun).max(1)
}

impl Limited {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Caller { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Server { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn seconds(self) -> u64 {
        let (Self::Caller { retry_after } | Self::Server { retry_after }) = self;
        seconds(retry_after)
    }
}

/// A page that is cheap to make: it is the response to a flood.
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

/// The CSP of the page, which has no script, no style and no form.
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

/// The response to a call.
pub fn too_many(limited: Limited) -> Response {
    let headers = AppendHeaders([(RETRY_AFTER, limited.seconds().to_string())]);
    (limited.status(), headers, Json(ErrorBody { code: ApiCode::TooManyAttempts })).into_response()
}
