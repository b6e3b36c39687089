//! Authentication middleware, which runs before every handler. Cookie and bearer routes never mix:
//!
//! - **Cookie routes** check, in this order, the host's token in its cookie, the headers of a
//!   trusted proxy, and the session cookie. The first that is present decides, whether it is valid
//!   or rejected; the others are not checked. They do not read `Authorization`.
//! - **Sign-in and sign-out**, among these, use the session only. On sign-in routes no user is
//!   looked up: an unknown client causes no database query, and the browser's previous session ends
//!   only once another begins. Sign-out looks up the session alone.
//! - **Bearer routes** read `Authorization` (RFC 6750 2.1) and nothing else. A browser adds that
//!   header to no request by itself, so they need no CSRF protection.
//!
//! In a host written in Rust, its `Identity` is the only source: see `host`.
//!
//! Permissions are checked in each operation, on each request, and not here.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{http::request::Parts, middleware::Next};
use contract::{AccessDenied, ApiCode, ConsentBinding, paths};
use domain::error::one_line;
use store::StoreError;
use store::audit::{Action, Actor};

use super::api_error::{refuse, status};
use super::{client_ip, events::EVENTS, throttle::too_many};
use crate::cookies;
use crate::identity::consent::ConsentCookie;
use crate::identity::devices::{Device, DeviceCookie};
use crate::identity::host::{HostIdentity, IdentityError};
use crate::identity::login_throttle::Limited;
use crate::identity::proxy_headers::ProxyIdentity;
use crate::identity::sessions::{Caller, SessionKey};
use crate::identity::{Principal, RequestClient};
use crate::state::Server;
use crate::subscriber::written;

/// Background polling endpoints; they do not extend a session's idle timeout.
const POLLING_PATHS: [&str; 2] = ["/api/email/token", EVENTS];

/// The routes that begin a session.
const SIGN_IN_PATHS: [&str; 4] =
    [paths::SIGN_IN, paths::SET_UP, paths::OIDC_START, paths::OIDC_CALLBACK];

/// A user, and the session if that identifies the user.
type Authenticated = (Principal, Option<SessionKey>);

/// Why a caller could not be authenticated.
#[derive(Debug, thiserror::Error)]
enum AuthError {
    #[error(transparent)]
    Refused(#[from] ApiCode),
    #[error("a session could not be looked up")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Host(IdentityError),
}

impl From<IdentityError> for AuthError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::NoRole => Self::Refused(ApiCode::RoleMissing),
            IdentityError::Failed(_) => Self::Host(error),
        }
    }
}

/// Middleware of cookie routes: adds a [`Caller`] to the request. Unauthenticated requests pass. A
/// rejected credential or a missing role is an error for an API call; a page shows the reason.
pub async fn by_cookie(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let browser = ConsentCookie { https: server.config.is_https() }.brought(request.headers());
    let proxy_headers =
        server.config.proxy_headers.as_ref().map(|names| names.take(request.headers_mut()));
    let device = device(&server, request.headers());
    let address = address(&server, &request);
    let mut caller = Caller { principal: None, session: None, address, browser, device };
    let (mut parts, body) = request.into_parts();
    if SIGN_IN_PATHS.contains(&parts.uri.path()) {
        caller.session = server.people.accounts.cookie().claimed(&parts.headers);
        parts.extensions.insert(caller);
        return next.run(Request::from_parts(parts, body)).await;
    }
    match authenticate(&server, &parts, address, proxy_headers).await {
        Ok(Some((principal, session))) => {
            let client = RequestClient {
                address: Some(written(address)),
                session: session.as_ref().map(SessionKey::name),
            };
            caller.principal = Some(Principal { client, ..principal });
            caller.session = session;
        }
        Ok(None) => {}
        Err(AuthError::Refused(refused)) => {
            let is_call = parts.uri.path().starts_with("/api/");
            if let Err(limited) = admit(&server, refused, address) {
                return if is_call { too_many(limited) } else { limited.into_response() };
            }
            record_rejection(&server, address, refused);
            match status(refused) {
                _ if is_call => return refuse(refused),
                StatusCode::SERVICE_UNAVAILABLE => return refuse(ApiCode::Unavailable),
                status => {
                    let has_session = matches!(by_session(&server, &parts).await, Ok(Some(_)));
                    // Pages redirect unauthenticated users to sign-in. For a user who has signed in
                    // already that would be a redirect loop.
                    if status == StatusCode::FORBIDDEN || has_session {
                        parts.extensions.insert(AccessDenied { code: refused, has_session });
                    }
                }
            }
        }
        Err(error @ (AuthError::Store(_) | AuthError::Host(_))) => {
            tracing::error!(error = one_line(&error), "a caller could not be authenticated");
            if parts.uri.path() != paths::SIGN_OUT {
                return refuse(ApiCode::Unavailable);
            }
            // Sign-out works all the same: it removes the browser's cookie.
            caller.session = server.people.accounts.cookie().claimed(&parts.headers);
        }
    }
    parts.extensions.insert(caller);
    next.run(Request::from_parts(parts, body)).await
}

/// Middleware of a host's own pages: adds a [`Caller`] to the request and rejects no request,
/// because a user without a role here may have one on another page. The tab shows the reason.
pub async fn on_host_pages(State(server): State<Server>, request: Request, next: Next) -> Response {
    let browser = ConsentCookie { https: server.config.is_https() }.brought(request.headers());
    let address = address(&server, &request);
    let mut caller = Caller { principal: None, session: None, address, browser, device: None };
    let (mut parts, body) = request.into_parts();
    match authenticate(&server, &parts, address, None).await {
        Ok(found) => caller.principal = found.map(|(principal, _)| from(address, principal)),
        Err(AuthError::Refused(refused)) => {
            record_rejection(&server, address, refused);
            parts.extensions.insert(AccessDenied { code: refused, has_session: false });
        }
        Err(error) => {
            tracing::error!(error = one_line(&error), "a caller could not be authenticated");
            let denied = AccessDenied { code: ApiCode::Unavailable, has_session: false };
            parts.extensions.insert(denied);
        }
    }
    parts.extensions.insert(caller);
    next.run(Request::from_parts(parts, body)).await
}

/// Middleware of bearer routes: adds a [`Caller`] to the request, and removes its cookies and proxy
/// headers.
pub async fn by_bearer(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let address = address(&server, &request);
    let headers = request.headers_mut();
    headers.remove(COOKIE);
    if let Some(names) = &server.config.proxy_headers {
        names.take(headers);
    }
    let principal = match bearer(&server, headers).await {
        Ok(principal) => principal,
        Err(refused) => {
            if let Err(limited) = admit(&server, refused, address) {
                return too_many(limited);
            }
            record_rejection(&server, address, refused);
            return refuse(refused);
        }
    };
    request.headers_mut().remove(AUTHORIZATION);
    let principal = principal.map(|principal| from(address, principal));
    let browser = ConsentBinding::ByToken;
    let caller = Caller { principal, session: None, address, browser, device: None };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Returns the principal with the request's address and without a session.
fn from(address: IpAddr, principal: Principal) -> Principal {
    let client = RequestClient { address: Some(written(address)), session: None };
    Principal { client, ..principal }
}

/// Authenticates the caller by the sources of cookie routes.
async fn authenticate(
    server: &Server,
    request: &Parts,
    address: IpAddr,
    proxy_headers: Option<ProxyIdentity>,
) -> Result<Option<Authenticated>, AuthError> {
    if let Some(HostIdentity(identity)) = &server.people.host {
        return Ok(identity.principal(request).await?.map(|principal| (principal, None)));
    }
    if request.uri.path() == paths::SIGN_OUT {
        return by_session(server, request).await;
    }
    match by_host_cookie(server, &request.headers).await {
        Ok(Some(principal)) => return Ok(Some((principal, None))),
        Ok(None) => {}
        // An expired token falls back to the session: the user may have signed in here since.
        Err(ApiCode::HostTokenExpired) => {
            let found = by_session(server, request).await?;
            return found.map(Some).ok_or(ApiCode::HostTokenExpired.into());
        }
        Err(refused) => return Err(refused.into()),
    }
    let peer = client_ip::peer(&request.extensions);
    if let Some(principal) = by_proxy(server, peer, address, proxy_headers)? {
        return Ok(Some((principal, None)));
    }
    by_session(server, request).await
}

async fn by_host_cookie(
    server: &Server,
    headers: &HeaderMap,
) -> Result<Option<Principal>, ApiCode> {
    let Some(check) = &server.people.host_tokens else { return Ok(None) };
    let name = server.config.host_tokens.as_ref().and_then(|host| host.cookie.as_deref());
    match name.and_then(|name| cookies::value(headers, name)) {
        Some(token) => check.principal(token).await.map(Some),
        None => Ok(None),
    }
}

/// Authenticates by the proxy's headers. Headers of another peer are recorded and ignored, and the
/// next source is checked.
fn by_proxy(
    server: &Server,
    peer: IpAddr,
    address: IpAddr,
    proxy_headers: Option<ProxyIdentity>,
) -> Result<Option<Principal>, ApiCode> {
    let Some(proxy_headers) = proxy_headers else { return Ok(None) };
    let config = &server.config;
    match proxy_headers.principal(peer, &config.trusted_proxies, &config.roles) {
        Err(ApiCode::ProxyHeaderSpoofed) => {
            record_rejection(server, address, ApiCode::ProxyHeaderSpoofed);
            Ok(None)
        }
        found => found,
    }
}

async fn by_session(server: &Server, request: &Parts) -> Result<Option<Authenticated>, AuthError> {
    let Some(key) = server.people.accounts.cookie().claimed(&request.headers) else {
        return Ok(None);
    };
    let is_presence = !POLLING_PATHS.contains(&request.uri.path());
    let (sessions, now) = (server.people.accounts.sessions(), server.clock.now());
    let Some(found) = sessions.resume(&key, now, is_presence).await? else {
        return sessions.refusal(&key, now).await?.map_or(Ok(None), |why| Err(why.into()));
    };
    // Sessions of another provider than the configured one are rejected, and those of local
    // accounts where these are disabled.
    let is_known = match &found.issuer {
        Some(issuer) => server.people.oidc.as_ref().is_some_and(|oidc| oidc.issuer() == issuer),
        None => server.config.has_local_accounts,
    };
    Ok(is_known.then_some((found, Some(key))))
}

/// Authenticates by a bearer token; `None` without one.
async fn bearer(server: &Server, headers: &HeaderMap) -> Result<Option<Principal>, ApiCode> {
    let (Some(check), Some(value)) = (&server.people.host_tokens, headers.get(AUTHORIZATION))
    else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| ApiCode::HostTokenMalformed)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => {
            check.principal(token.trim()).await.map(Some)
        }
        _ => Err(ApiCode::HostTokenMalformed),
    }
}

/// Returns the device of a request, by its cookie.
pub(crate) fn device(server: &Server, headers: &HeaderMap) -> Option<Device> {
    DeviceCookie { https: server.config.is_https() }.brought(&server.vault, headers)
}

/// Counts a rejected token against the client's address.
fn admit(server: &Server, refused: ApiCode, address: IpAddr) -> Result<(), Limited> {
    if refused.is_host_token() {
        server.people.throttle.admit_refused_token(address)
    } else {
        Ok(())
    }
}

pub(crate) fn address(server: &Server, request: &Request) -> IpAddr {
    client_ip::address(request.extensions(), request.headers(), &server.config.trusted_proxies)
}

/// Records a rejection without a name, because any client can cause it.
fn record_rejection(server: &Server, address: IpAddr, refused: ApiCode) {
    let (actor, code) = (Actor::unknown(), refused.code());
    let aggregates = server.people.accounts.aggregates();
    if aggregates.record(Action::Refused, address, actor, Some(code.to_owned())) {
        tracing::warn!(code, "a caller was refused");
    }
}
