//! Authentication: resolves each request to a [`Principal`]. The rest of the server uses the
//! `Principal` and does not know which source it came from.
//!
//! - `authenticate` is the entry point: middleware that tries the sources in order.
//! - `host` is the trait by which a Rust host identifies users; it replaces the other sources.
//! - `host_token` validates the host's token; `keys` and `signatures` verify it, `claims` maps it.
//! - `oidc` signs users in through an `OpenID` provider.
//! - `proxy_headers` reads the identity headers of a trusted reverse proxy, and of no other peer.
//! - `accounts` and `sessions` are the local accounts and all sessions. `login_throttle` (in
//!   memory), `login_limits` (shared by all nodes) and `passwords` limit password guessing.
//! - `cookies`, `consent` and `devices` are the cookies that identify a browser.
//! - `rejection` lists the reasons for which a credential is rejected.

pub mod accounts;
pub mod authenticate;
pub mod claims;
pub mod consent;
pub mod cookies;
pub mod devices;
pub mod host;
pub mod host_token;
pub mod keys;
pub mod login_limits;
pub mod login_throttle;
pub mod oidc;
pub mod passwords;
pub mod proxy_headers;
pub mod rejection;
pub mod sessions;
pub mod signatures;

use crate::store::audit::Actor;

pub use accounts::{Accounts, SignInError, SignedIn};
pub use sessions::Caller;

pub use app::service::{Email, Principal, RequestClient, Role};

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        // An unverified address is not used: it may belong to another user.
        let known_by = principal.recipient().unwrap_or(&principal.id);
        let RequestClient { address, session } = principal.client.clone();
        let issuer = principal.issuer.clone();
        // An id is `issuer subject`; an issuer that a host in Rust names may contain spaces too.
        let prefix = issuer.as_ref().map(|issuer| format!("{issuer} "));
        let subject = prefix.and_then(|prefix| principal.id.strip_prefix(&prefix));
        let subject = Some(subject.unwrap_or(&principal.id).to_owned());
        Self { issuer, subject, session, address, ..Self::named(known_by, &principal.name) }
    }
}

/// Returns the name of a role in the database.
#[must_use]
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Administrator => "administrator",
        Role::Reader => "reader",
    }
}

/// Returns the role with this name.
#[must_use]
pub fn role_of(name: &str) -> Option<Role> {
    [Role::Administrator, Role::Reader].into_iter().find(|&role| role_name(role) == name)
}
