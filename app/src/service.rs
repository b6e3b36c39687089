//! The one port to the server: what the page asks for, and who asks. The server crate implements
//! it; nothing here opens a socket or a database.

use std::sync::Arc;

use async_trait::async_trait;
use domain::delivery::Run;

use crate::api::{ApiError, Save, SaveAnswer, Tab};

/// Whoever is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Their id in this product.
    pub id: String,
    /// Their e-mail address: the only one that a test message goes to.
    pub email: String,
    /// Their name, as others see it.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What a person may do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Administrator,
}

/// The use cases of the tab. Each is told who asks; each answers in codes.
#[async_trait]
pub trait EmailService: Send + Sync + 'static {
    /// What the tab shows first.
    async fn load(&self, who: &Principal) -> Result<Tab, ApiError>;

    /// Saves the whole form, or says what keeps it from being saved.
    async fn save(&self, who: &Principal, save: Save) -> Result<SaveAnswer, ApiError>;

    /// Starts a test message to whoever asks, through what is saved, and answers at once.
    async fn send_test(&self, who: &Principal) -> Result<Run, ApiError>;

    /// How a test message is getting on.
    async fn run(&self, who: &Principal, id: &str) -> Result<Run, ApiError>;
}

/// The service, as it stands in the context of a request.
pub type SharedService = Arc<dyn EmailService>;
