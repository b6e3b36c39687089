//! Why a sign-in failed, as the sign-in page shows it.

/// Why a sign-in failed. It is a query parameter of the sign-in page, which works without script.
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
    /// Returns the value of the `refused` query parameter.
    pub fn code(self) -> String {
        match self {
            Self::WrongCredentials => "wrong-credentials".to_owned(),
            Self::TooManyAttempts(seconds) => format!("too-many-attempts-{seconds}"),
            Self::Busy(seconds) => format!("busy-{seconds}"),
            Self::ServerFailed => "server-failed".to_owned(),
            Self::Declined => "declined".to_owned(),
            Self::Over => "over".to_owned(),
            Self::OtherBrowser => "other-browser".to_owned(),
            Self::ProviderFailed => "provider-failed".to_owned(),
            Self::NoRole => "no-role".to_owned(),
        }
    }

    /// Parses the value of the `refused` query parameter.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "wrong-credentials" => Some(Self::WrongCredentials),
            "server-failed" => Some(Self::ServerFailed),
            "declined" => Some(Self::Declined),
            "over" => Some(Self::Over),
            "other-browser" => Some(Self::OtherBrowser),
            "provider-failed" => Some(Self::ProviderFailed),
            "no-role" => Some(Self::NoRole),
            _ => {
                let (kind, seconds) = code.rsplit_once('-')?;
                let seconds = seconds.parse().ok()?;
                match kind {
                    "too-many-attempts" => Some(Self::TooManyAttempts(seconds)),
                    "busy" => Some(Self::Busy(seconds)),
                    _ => None,
                }
            }
        }
    }

    /// Whether the sign-in was throttled and can be retried later.
    pub const fn ends_by_waiting(self) -> bool {
        matches!(self, Self::TooManyAttempts(_) | Self::Busy(_))
    }
}
