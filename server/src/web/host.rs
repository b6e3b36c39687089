//! Refuses requests for another host than that of `--public-url` (RFC 9110 7.4, 15.5.20). Another
//! host means DNS rebinding or a proxy that does not forward `Host`; links and forms would be
//! wrong.

use axum::extract::{Request, State};
use axum::{http::header::HOST, middleware::Next, response::Response};
use contract::ApiCode;

use super::api_error::refuse;
use crate::state::Server;

/// The paths that load balancers probe by IP address.
const PROBES: [&str; 2] = ["/health", "/ready"];

/// Middleware: refuses a request for another host, where a public URL is configured.
pub async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    let is_ours = server.config.public_url.as_ref().is_none_or(|public_url| {
        PROBES.contains(&request.uri().path())
            || requested_host(&request).is_some_and(|host| public_url.has_host(host))
    });
    if is_ours {
        return next.run(request).await;
    }
    // Not logged at a higher level, because unauthenticated callers could fill the log.
    tracing::debug!("a request for another host was refused");
    refuse(ApiCode::AnotherHost)
}

/// The requested host: of the request target if that is in absolute form, else of the only `Host`
/// (RFC 9112 3.2).
fn requested_host(request: &Request) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}
