//! The identity headers of a trusted reverse proxy. Any client can send a header: these are
//! accepted from the proxy's own address only, and removed from every request before anything else
//! reads it.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use contract::ApiCode;

use super::claims::{address, shown, subject};
use super::{Email, Principal};
use crate::config::{PROXY_ISSUER, ProxyHeaders, RoleNames};

/// The identity headers of one request.
#[derive(Debug)]
pub struct ProxyIdentity {
    user: Option<HeaderValue>,
    roles: Option<HeaderValue>,
    name: Option<HeaderValue>,
    email: Option<HeaderValue>,
    has_repetition: bool,
}

impl ProxyHeaders {
    /// Removes the headers from a request and returns their values.
    pub fn take(&self, headers: &mut HeaderMap) -> ProxyIdentity {
        let mut has_repetition = false;
        let mut taken = |name: Option<&HeaderName>| {
            let name = name?;
            has_repetition |= headers.get_all(name).iter().nth(1).is_some();
            headers.remove(name).filter(|value| !value.is_empty())
        };
        let (user, roles) = (taken(Some(&self.user)), taken(Some(&self.roles)));
        let (name, email) = (taken(self.name.as_ref()), taken(self.email.as_ref()));
        ProxyIdentity { user, roles, name, email, has_repetition }
    }
}

impl ProxyIdentity {
    /// Returns the user whom the proxy names, if any.
    ///
    /// # Errors
    /// The headers are from another peer, cannot be parsed, or have no role of this server.
    pub fn principal(
        &self,
        peer: IpAddr,
        trusted: &[IpAddr],
        roles: &RoleNames,
    ) -> Result<Option<Principal>, ApiCode> {
        if !trusted.contains(&peer) {
            let is_absent = [&self.user, &self.roles, &self.name, &self.email].map(Option::is_none);
            return if is_absent == [true; 4] {
                Ok(None)
            } else {
                Err(ApiCode::ProxyHeaderSpoofed)
            };
        }
        let Some(user) = &self.user else { return Ok(None) };
        if self.has_repetition {
            return Err(ApiCode::ProxyHeaderMalformed);
        }
        let user = text(user).and_then(subject).ok_or(ApiCode::ProxyHeaderMalformed)?;
        let role_names = self.roles.as_ref().and_then(text).unwrap_or_default();
        let role = roles.role(role_names.split(',').map(str::trim))?;
        let name = self.name.as_ref().and_then(text).and_then(shown);
        let name = name.unwrap_or_else(|| user.to_owned());
        let email = self.email.as_ref().and_then(text).and_then(address);
        let email = email.map(Email::verified);
        Ok(Some(Principal { email, ..Principal::external(PROXY_ISSUER, user, &name, role) }))
    }
}

/// Decodes a header as UTF-8, which proxies send.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}
