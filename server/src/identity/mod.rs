//! Authentication: resolves each request to a [`Principal`]. The rest of the server uses the
//! `Principal` and does not know which source it came from.
//!
//! - [`People`] has the sources; the middleware of `web` tries them in order.
//! - `host` is the trait by which a Rust host identifies users; it replaces the other sources.
//! - `host_token` validates the host's token; `keys` has the keys that verify it, `claims` maps it.
//! - `oidc` signs users in through an `OpenID` provider.
//! - `proxy_headers` reads the identity headers of a trusted reverse proxy, and of no other peer.
//! - `accounts` and `sessions` are the local accounts and all sessions. `login_throttle` (in
//!   memory), `login_limits` (shared by all nodes) and `passwords` limit password guessing.
//! - `consent` and `devices` are cookies that identify a browser.

pub mod accounts;
pub mod claims;
pub mod consent;
pub mod devices;
pub mod host;
pub mod host_token;
pub mod keys;
pub mod login_limits;
pub mod login_throttle;
pub mod oidc;
mod people;
pub mod proxy_headers;
pub mod sessions;

pub use accounts::{Accounts, SignInError, SignedIn};
pub use people::People;
pub use sessions::Caller;

pub use domain::{Email, Principal, RequestClient, Role};
