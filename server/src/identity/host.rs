//! Authentication by a host written in Rust. Its [`Identity`] is then the only source; no other is
//! consulted.

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;
use axum::http::request::Parts;

use super::Principal;

/// Identifies the user of a request.
#[async_trait]
pub trait Identity: Send + Sync + 'static {
    /// Returns the user of this request; `None` if no user is signed in. Called once for each
    /// request of the tab, so that a revoked role takes effect at once.
    ///
    /// # Errors
    /// The user has no role here, or cannot be identified now.
    async fn principal(&self, request: &Parts) -> Result<Option<Principal>, IdentityError>;
}

/// Why a host does not identify a user.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The user has no role here: the request is rejected with that reason, and audited.
    #[error("none of the roles is a role of this server")]
    NoRole,
    /// The user cannot be identified now. The source is logged and must contain no secret.
    #[error("the host cannot identify the user")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// A host's [`Identity`], shared by all requests.
#[derive(Clone)]
pub struct HostIdentity(pub Arc<dyn Identity>);

impl fmt::Debug for HostIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostIdentity(..)")
    }
}
