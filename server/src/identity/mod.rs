//! Who is asking: the person behind a request, and how that is learnt. Everything else is handed
//! a [`Principal`] and does not care where it came from.

pub mod accounts;
pub mod limits;
pub mod passwords;
pub mod sessions;

use crate::store::audit::Actor;

pub use accounts::{Accounts, SignInError, SignedIn};
pub use sessions::Caller;

/// A person whose identity is established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Stays the same whatever the person is called.
    pub id: String,
    /// Where their test messages go.
    pub email: String,
    /// What others see.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        Self { email: principal.email.clone(), name: principal.name.clone() }
    }
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sees and changes everything.
    Administrator,
}

impl Role {
    /// The role's name in the database.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        (name == Self::Administrator.wire_name()).then_some(Self::Administrator)
    }
}
