//! Who is asking: the person behind a request, and how that is learnt. Everything else is handed
//! a [`Principal`] and does not care where it came from.
//!
//! - `recognise` asks the sources in their order; begin there.
//! - `host` is the word of a host written in Rust, which is then the only one.
//! - `host_token`, `keys` and `signatures` look at the host's token, `claims` at what it says.
//! - `oidc` signs people in with an organisation's account, by way of its provider.
//! - `proxy_headers` believes a trusted proxy, and nobody else.
//! - `accounts` and `sessions` are this product's own. `throttle` (in memory), `limits` (on all nodes
//!   together) and `passwords` bound what guessing a password costs and brings.
//! - `cookies`, `consent` and `devices` know a browser again.
//! - `refused` is the list of reasons why somebody is not believed.

pub mod accounts;
pub mod claims;
pub mod consent;
pub mod cookies;
pub mod devices;
pub mod host;
pub mod host_token;
pub mod keys;
pub mod limits;
pub mod oidc;
pub mod passwords;
pub mod proxy_headers;
pub mod recognise;
pub mod refused;
pub mod sessions;
pub mod signatures;
pub mod throttle;

use crate::store::audit::Actor;

pub use accounts::{Accounts, SignInError, SignedIn};
pub use sessions::Caller;

pub use app::service::{Client, Email, Principal, Role};

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        // Not by an address that is only claimed, which may be another's.
        let known_by = principal.recipient().unwrap_or(&principal.id);
        let Client { address, session } = principal.client.clone();
        let issuer = principal.issuer.clone();
        // An id is issuer, blank, subject; an issuer that a host in Rust names may have blanks too.
        let prefix = issuer.as_ref().map(|issuer| format!("{issuer} "));
        let subject = prefix.and_then(|prefix| principal.id.strip_prefix(&prefix));
        let subject = Some(subject.unwrap_or(&principal.id).to_owned());
        Self { issuer, subject, session, address, ..Self::named(known_by, &principal.name) }
    }
}

/// The name of a role in the database.
#[must_use]
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Administrator => "administrator",
        Role::Reader => "reader",
    }
}

/// The role with this name.
#[must_use]
pub fn role_of(name: &str) -> Option<Role> {
    [Role::Administrator, Role::Reader].into_iter().find(|&role| role_name(role) == name)
}
