//! Answers only for the host that `--public-url` names (RFC 9110 7.4, 15.5.20). A request for another
//! one was led here by a name of another's (DNS rebinding) or by a proxy that keeps the host to itself;
//! links and forms would be wrong there.

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::Server;

/// What a load balancer asks by the address of a machine.
const PROBES: [&str; 2] = ["/health", "/ready"];

/// Middleware: refuses a request for another host, where a public URL is configured.
pub async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    let is_ours = server.config.public_url.as_ref().is_none_or(|public_url| {
        PROBES.contains(&request.uri().path())
            || asked(&request).is_some_and(|host| public_url.has_host(host))
    });
    if is_ours {
        return next.run(request).await;
    }
    // Strangers can repeat it: at a louder level they would fill the log.
    tracing::debug!("a request for another host than that of --public-url was refused");
    Refusal::MISDIRECTED.into_response()
}

/// The host that is asked: of the request's line where that is a whole address, else of its one `Host`
/// (RFC 9112 3.2).
fn asked(request: &Request) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}
