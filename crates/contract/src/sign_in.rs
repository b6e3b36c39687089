//! A failed sign-in, as the sign-in page shows it.

/// A failed sign-in with the page's own form. It contains no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInAttempt {
    /// The address as typed; empty if the text was not an address.
    pub email: String,
    /// Why it failed.
    pub refusal: SignInRefusal,
}

/// Why a sign-in failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInRefusal {
    /// The email address or the password is wrong; it is not revealed which.
    WrongCredentials,
    /// Too many attempts; retry after this many seconds.
    TooManyAttempts(u32),
    /// Too many concurrent sign-ins; retry after this many seconds.
    Busy(u32),
    /// The server failed; details are in its log.
    ServerFailed,
    /// The user declined the `OpenID` Connect login.
    Declined,
    /// The `OpenID` Connect login has expired or was already completed.
    Over,
    /// The `OpenID` Connect login was started in another browser.
    OtherBrowser,
    /// The `OpenID` provider did not answer, or its answer was rejected.
    ProviderFailed,
    /// The account has no role here.
    NoRole,
}

impl SignInRefusal {
    /// Returns the value of the `refused` query parameter of the sign-in page; `None` if the page is
    /// itself the response to what was refused.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::WrongCredentials | Self::TooManyAttempts(_) | Self::Busy(_) => None,
            Self::ServerFailed => Some("server-failed"),
            Self::Declined => Some("declined"),
            Self::Over => Some("over"),
            Self::OtherBrowser => Some("other-browser"),
            Self::ProviderFailed => Some("provider-failed"),
            Self::NoRole => Some("no-role"),
        }
    }

    /// Parses the value of the `refused` query parameter.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "server-failed" => Some(Self::ServerFailed),
            "declined" => Some(Self::Declined),
            "over" => Some(Self::Over),
            "other-browser" => Some(Self::OtherBrowser),
            "provider-failed" => Some(Self::ProviderFailed),
            "no-role" => Some(Self::NoRole),
            _ => None,
        }
    }
}
