//! The authenticated user and what a request says of its client.

use crate::{named::named_enum, time_format::TimePreference};

/// The authenticated user, by any sign-in method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// A unique ID across all identity sources.
    pub id: String,
    /// The issuer of the identity; `None` for a local account.
    pub issuer: Option<String>,
    /// The email address, if any.
    pub email: Option<Email>,
    /// The display name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The user's language tag (BCP 47), if the host sends one.
    pub language: Option<String>,
    /// The host's time preference, if any; it overrides the user's own choice here.
    pub times: Option<TimePreference>,
    /// The provider's default time zone, if any; the user's own choice here overrides it.
    pub zone: Option<String>,
    /// The origin of the request.
    pub client: RequestClient,
}

/// The origin of a request, as recorded in the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestClient {
    /// The client's IPv4 address or the /64 of its IPv6 address, if known.
    pub address: Option<String>,
    /// The session's name, if any.
    pub session: Option<String>,
}

impl Principal {
    /// Creates a principal of an external issuer, without optional claims.
    pub fn external(issuer: &str, subject: &str, name: &str, role: Role) -> Self {
        Self {
            id: Self::external_id(issuer, subject),
            issuer: Some(issuer.to_owned()),
            email: None,
            name: name.to_owned(),
            role,
            language: None,
            times: None,
            zone: None,
            client: RequestClient::default(),
        }
    }

    /// Creates a principal with a local account.
    pub fn local(id: String, email: String, name: String, role: Role) -> Self {
        let (email, issuer, client) =
            (Some(Email::verified(email)), None, RequestClient::default());
        Self { id, issuer, email, name, role, language: None, times: None, zone: None, client }
    }

    /// Builds the ID of an external identity. Its space distinguishes it from local IDs.
    pub fn external_id(issuer: &str, subject: &str) -> String {
        format!("{issuer} {subject}")
    }

    /// Whether an ID belongs to a local account.
    pub fn is_local_id(id: &str) -> bool {
        !id.contains(' ')
    }

    /// Returns the verified address, to which test messages may be sent.
    pub fn recipient(&self) -> Option<&str> {
        self.email.as_ref().filter(|email| email.is_verified).map(|email| email.address.as_str())
    }

    /// Returns the address for display, verified or not; empty if there is none.
    pub fn address(&self) -> &str {
        self.email.as_ref().map_or("", |email| email.address.as_str())
    }

    /// Whether the user may edit settings.
    pub fn may_edit(&self) -> bool {
        self.role == Role::Administrator
    }
}

/// A user's email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Whether the address is verified to belong to the user.
    pub is_verified: bool,
}

impl Email {
    /// Creates a verified address.
    pub fn verified(address: String) -> Self {
        Self { address, is_verified: true }
    }
}

named_enum! {
    /// A user's role.
    pub enum Role {
        /// Full access.
        Administrator = "administrator",
        /// Read access to the settings without secrets, the token's status and the history.
        Reader = "reader",
    }
}
