//! Learns who is asking, before anything else sees a request. Two kinds of routes, never mixed:
//!
//! - **Cookie routes** ask, in this order, the host's token in its cookie, the headers of a trusted
//!   proxy, and the session cookie. The first that speaks decides: what it says is not believed or
//!   it is, and nobody else is asked. They do not read `Authorization`.
//! - **The door** is about the session, whatever host and proxy say. At the ways in nobody is looked
//!   up at all: a stranger costs no database there, and the session that a browser brings along is
//!   only ended once another begins. The way out asks the session alone.
//! - **Bearer routes** read `Authorization` (RFC 6750 2.1) and nothing else. A browser adds that
//!   header to no request by itself, so that they need no guard against other sites.
//!
//! In a host written in Rust, its own word is the only one: see `host`.
//!
//! Who may do what is asked where it is done, on each request.

use std::net::IpAddr;

use app::api::ApiError;
use app::service::{Browser, TurnedAway};
use app::shell::paths;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::consent::ConsentCookie;
use super::cookies;
use super::devices::{Device, DeviceCookie};
use super::host::{HostIdentity, IdentityError};
use super::proxy_headers::Said;
use super::refused::Refused;
use super::sessions::{Caller, SessionKey};
use super::throttle::Limited;
use super::{Client, Principal};
use crate::Server;
use crate::log::one_line;
use crate::store::StoreError;
use crate::store::audit::{Action, Actor};
use crate::subscriber::written;
use crate::web::client;
use crate::web::events::EVENTS;
use crate::web::refusal::Refusal;
use crate::web::throttle::too_many;

/// What a page asks for by itself while nobody touches it.
const WATCHING: [&str; 2] = ["/api/email/token", EVENTS];

/// Where sessions begin.
const WAYS_IN: [&str; 4] = [paths::SIGN_IN, paths::SET_UP, paths::OIDC_START, paths::OIDC_CALLBACK];

/// Somebody known, and their session where that is what they are known by.
type Known = (Principal, Option<SessionKey>);

/// Why it is not known who is asking.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("a session could not be looked up")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Host(IdentityError),
}

impl From<IdentityError> for Unknown {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::NoRole => Self::Refused(Refused::RoleMissing),
            IdentityError::Failed(_) => Self::Host(error),
        }
    }
}

/// Middleware of cookie routes: leaves a [`Caller`] with the request. It lets everybody pass who is
/// nobody yet; to somebody who is not believed or has no role here, a page says why.
pub async fn by_cookie(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let browser = ConsentCookie { https: server.config.is_https() }.brought(request.headers());
    let said = server.config.proxy_headers.as_ref().map(|names| names.take(request.headers_mut()));
    let device = device(&server, request.headers());
    let address = address(&server, &request);
    let mut caller = Caller { principal: None, session: None, address, browser, device };
    let (mut parts, body) = request.into_parts();
    if WAYS_IN.contains(&parts.uri.path()) {
        caller.session = server.accounts.cookie().claimed(&parts.headers);
        parts.extensions.insert(caller);
        return next.run(Request::from_parts(parts, body)).await;
    }
    match known(&server, &parts, address, said).await {
        Ok(Some((principal, session))) => {
            let client = Client {
                address: Some(written(address)),
                session: session.as_ref().map(SessionKey::name),
            };
            caller.principal = Some(Principal { client, ..principal });
            caller.session = session;
        }
        Ok(None) => {}
        Err(Unknown::Refused(refused)) => {
            let is_call = parts.uri.path().starts_with("/api/");
            if let Err(limited) = admit(&server, refused, address) {
                return if is_call { too_many(limited) } else { limited.into_response() };
            }
            note(&server, address, refused);
            match refused.status() {
                _ if is_call => return refused.into_response(),
                StatusCode::SERVICE_UNAVAILABLE => return Refusal::UNAVAILABLE.into_response(),
                status => {
                    let has_session = matches!(by_session(&server, &parts).await, Ok(Some(_)));
                    // A page sends whoever is nobody to the door by itself; whoever has been there
                    // would go round in circles.
                    if status == StatusCode::FORBIDDEN || has_session {
                        parts.extensions.insert(turned_away(refused, has_session));
                    }
                }
            }
        }
        Err(error @ (Unknown::Store(_) | Unknown::Host(_))) => {
            tracing::error!(error = one_line(&error), "it could not be looked up who is asking");
            if parts.uri.path() != paths::SIGN_OUT {
                return Refusal::UNAVAILABLE.into_response();
            }
            // The way out is open all the same: the browser loses its cookie.
            caller.session = server.accounts.cookie().claimed(&parts.headers);
        }
    }
    parts.extensions.insert(caller);
    next.run(Request::from_parts(parts, body)).await
}

/// What a page says to somebody who is not believed, or has no role here.
fn turned_away(refused: Refused, has_session: bool) -> TurnedAway {
    let why = match refused {
        Refused::RoleMissing => ApiError::Forbidden,
        _ => ApiError::SignedOut,
    };
    TurnedAway { why, code: refused.code(), has_session }
}

/// Middleware of a host's own pages: leaves a [`Caller`] with the request and turns nobody away, for
/// whoever has no role here may have one on another page. The tab says it to them.
pub async fn on_host_pages(State(server): State<Server>, request: Request, next: Next) -> Response {
    let browser = ConsentCookie { https: server.config.is_https() }.brought(request.headers());
    let address = address(&server, &request);
    let mut caller = Caller { principal: None, session: None, address, browser, device: None };
    let (mut parts, body) = request.into_parts();
    match known(&server, &parts, address, None).await {
        Ok(found) => caller.principal = found.map(|(principal, _)| from(address, principal)),
        Err(Unknown::Refused(refused)) => {
            note(&server, address, refused);
            parts.extensions.insert(turned_away(refused, false));
        }
        Err(error) => {
            tracing::error!(error = one_line(&error), "it could not be looked up who is asking");
            let why = ApiError::ServerFailed;
            parts.extensions.insert(TurnedAway { why, code: "unavailable", has_session: false });
        }
    }
    parts.extensions.insert(caller);
    next.run(Request::from_parts(parts, body)).await
}

/// Middleware of bearer routes: leaves a [`Caller`] with the request, and takes every other word on
/// who is asking from it.
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
            note(&server, address, refused);
            return refused.into_response();
        }
    };
    request.headers_mut().remove(AUTHORIZATION);
    let principal = principal.map(|principal| from(address, principal));
    let browser = Browser::ByToken;
    let caller = Caller { principal, session: None, address, browser, device: None };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// A principal without a session, at the address of the request.
fn from(address: IpAddr, principal: Principal) -> Principal {
    let client = Client { address: Some(written(address)), session: None };
    Principal { client, ..principal }
}

/// Whoever the sources of cookie routes say is asking.
async fn known(
    server: &Server,
    request: &Parts,
    address: IpAddr,
    said: Option<Said>,
) -> Result<Option<Known>, Unknown> {
    if let Some(HostIdentity(identity)) = &server.identity {
        return Ok(identity.principal(request).await?.map(|principal| (principal, None)));
    }
    if request.uri.path() == paths::SIGN_OUT {
        return by_session(server, request).await;
    }
    match by_host_cookie(server, &request.headers).await {
        Ok(Some(principal)) => return Ok(Some((principal, None))),
        Ok(None) => {}
        // It says nothing more; whoever has signed in here since is known by that.
        Err(Refused::Expired) => {
            let found = by_session(server, request).await?;
            return found.map(Some).ok_or(Refused::Expired.into());
        }
        Err(refused) => return Err(refused.into()),
    }
    let peer = client::peer(&request.extensions);
    if let Some(principal) = by_proxy(server, peer, address, said)? {
        return Ok(Some((principal, None)));
    }
    by_session(server, request).await
}

async fn by_host_cookie(
    server: &Server,
    headers: &HeaderMap,
) -> Result<Option<Principal>, Refused> {
    let Some(check) = &server.host_tokens else { return Ok(None) };
    let name = server.config.host_tokens.as_ref().and_then(|host| host.cookie.as_deref());
    match name.and_then(|name| cookies::value(headers, name)) {
        Some(token) => check.principal(token).await.map(Some),
        None => Ok(None),
    }
}

/// What somebody else writes in a proxy's headers means nothing; it is noted, and the next source
/// asked.
fn by_proxy(
    server: &Server,
    peer: IpAddr,
    address: IpAddr,
    said: Option<Said>,
) -> Result<Option<Principal>, Refused> {
    let Some(said) = said else { return Ok(None) };
    let config = &server.config;
    match said.principal(peer, &config.trusted_proxies, &config.roles) {
        Err(Refused::HeaderSpoofed) => {
            note(server, address, Refused::HeaderSpoofed);
            Ok(None)
        }
        found => found,
    }
}

async fn by_session(server: &Server, request: &Parts) -> Result<Option<Known>, Unknown> {
    let Some(key) = server.accounts.cookie().claimed(&request.headers) else { return Ok(None) };
    let is_presence = !WATCHING.contains(&request.uri.path());
    let (sessions, now) = (server.accounts.sessions(), server.clock.now());
    let Some(found) = sessions.resume(&key, now, is_presence).await? else {
        return sessions.refusal(&key, now).await?.map_or(Ok(None), |why| Err(why.into()));
    };
    // Nobody stays whose provider is none of this server's any more, nor with an account of this
    // product where those no longer sign in.
    let is_known = match &found.issuer {
        Some(issuer) => server.oidc.as_ref().is_some_and(|oidc| oidc.issuer() == issuer),
        None => server.config.has_local_accounts,
    };
    Ok(is_known.then_some((found, Some(key))))
}

/// Whoever a bearer token names; nobody without one.
async fn bearer(server: &Server, headers: &HeaderMap) -> Result<Option<Principal>, Refused> {
    let (Some(check), Some(value)) = (&server.host_tokens, headers.get(AUTHORIZATION)) else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| Refused::Malformed)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => {
            check.principal(token.trim()).await.map(Some)
        }
        _ => Err(Refused::Malformed),
    }
}

/// The device that a request comes from, by its cookie.
pub(crate) fn device(server: &Server, headers: &HeaderMap) -> Option<Device> {
    DeviceCookie { https: server.config.is_https() }.brought(&server.vault, headers)
}

/// Counts a token that was refused against whoever brought it.
fn admit(server: &Server, refused: Refused, address: IpAddr) -> Result<(), Limited> {
    if refused.is_about_a_token() { server.throttle.admit_refused_token(address) } else { Ok(()) }
}

pub(crate) fn address(server: &Server, request: &Request) -> IpAddr {
    client::address(request.extensions(), request.headers(), &server.config.trusted_proxies)
}

/// Records a refusal, which anybody can cause: without a name.
fn note(server: &Server, address: IpAddr, refused: Refused) {
    let (actor, code) = (Actor::nobody(), refused.code());
    let aggregates = server.accounts.aggregates();
    if aggregates.record(Action::Refused, address, actor, Some(code.to_owned())) {
        tracing::warn!(code, "a caller was refused");
    }
}
