//! A host's own word on who is asking, for a host written in Rust: its sign-in is then the only
//! one, and nothing else is asked.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::request::Parts;

use super::Principal;

/// Who signs people in.
#[async_trait]
pub trait Identity: Send + Sync + 'static {
    /// Whoever sends this request; nobody where nobody is signed in. Asked once for each request
    /// that the tab makes, so a person who loses their role loses it at once.
    ///
    /// # Errors
    /// They are known and have no role here, or it cannot be told now.
    async fn principal(&self, request: &Parts) -> Result<Option<Principal>, IdentityError>;
}

/// Why somebody may not be here.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Whoever it is has no role here: a refusal that says so, and a row in the audit trail.
    #[error("none of the roles may be here")]
    NoRole,
    /// It cannot be told now; the reason goes into the log, and must hold no secret.
    #[error("the host cannot tell who is asking")]
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
