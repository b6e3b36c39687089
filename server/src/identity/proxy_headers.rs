//! What a trusted reverse proxy says of whoever is behind it, in headers. Anybody can write a
//! header: they are believed from the proxy's own address only, and taken from every request before
//! anything else sees it.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::claims::{RoleNames, address, shown, subject};
use super::refused::Refused;
use super::{Email, Principal};

/// Who says so, for whoever is known by a proxy's word.
pub const ISSUER: &str = "proxy";

/// The headers that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyHeaders {
    /// What somebody is known by.
    pub user: HeaderName,
    /// Their roles, between commas.
    pub roles: HeaderName,
    /// Their name.
    pub name: Option<HeaderName>,
    /// Their address.
    pub email: Option<HeaderName>,
}

/// What the headers of one request said.
#[derive(Debug)]
pub struct Said {
    user: Option<HeaderValue>,
    roles: Option<HeaderValue>,
    name: Option<HeaderValue>,
    email: Option<HeaderValue>,
    has_repetition: bool,
}

impl ProxyHeaders {
    /// Takes the headers from a request.
    pub fn take(&self, headers: &mut HeaderMap) -> Said {
        let mut has_repetition = false;
        let mut taken = |name: Option<&HeaderName>| {
            let name = name?;
            has_repetition |= headers.get_all(name).iter().nth(1).is_some();
            headers.remove(name).filter(|value| !value.is_empty())
        };
        let (user, roles) = (taken(Some(&self.user)), taken(Some(&self.roles)));
        let (name, email) = (taken(self.name.as_ref()), taken(self.email.as_ref()));
        Said { user, roles, name, email, has_repetition }
    }
}

impl Said {
    /// Whoever the proxy says is asking, if it says so.
    ///
    /// # Errors
    /// It was not the proxy that spoke, what it said cannot be read, or none of the roles is for
    /// here.
    pub fn principal(
        &self,
        peer: IpAddr,
        trusted: &[IpAddr],
        roles: &RoleNames,
    ) -> Result<Option<Principal>, Refused> {
        if !trusted.contains(&peer) {
            let is_silent = [&self.user, &self.roles, &self.name, &self.email].map(Option::is_none);
            return if is_silent == [true; 4] { Ok(None) } else { Err(Refused::HeaderSpoofed) };
        }
        let Some(user) = &self.user else { return Ok(None) };
        if self.has_repetition {
            return Err(Refused::HeaderMalformed);
        }
        let user = text(user).and_then(subject).ok_or(Refused::HeaderMalformed)?;
        let said = self.roles.as_ref().and_then(text).unwrap_or_default();
        let role = roles.role(said.split(',').map(str::trim))?;
        let name = self.name.as_ref().and_then(text).and_then(shown);
        let name = name.unwrap_or_else(|| user.to_owned());
        let email = self.email.as_ref().and_then(text).and_then(address);
        let email = email.map(Email::verified);
        Ok(Some(Principal { email, ..Principal::foreign(ISSUER, user, &name, role) }))
    }
}

/// A header in UTF-8, which is what proxies pass on.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}
