//! What the audit trail knows of: names of what was done, never a value.

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Somebody signed in.
    SignedIn,
    /// Somebody tried to, in vain; the detail is the account's address, if there is such an account.
    SignInFailed,
    /// Somebody signed out.
    SignedOut,
    /// A session was ended from the list of sessions; the detail is whose, and its name.
    SessionEnded,
    /// Settings were saved; the fields are those that changed.
    SettingsSaved,
    /// A test message was asked for; the fields are those in which the tested form differs from what
    /// is saved.
    TestSent,
    /// Somebody asked for a token.
    TokenRequested,
    /// A token was obtained by an attempt of theirs.
    TokenObtained,
    /// An attempt of theirs came to nothing; the detail is why, where somebody else tried to finish
    /// it.
    TokenNotObtained,
    /// A token was deleted by a save.
    TokenDeleted,
    /// The provider said that the grant is gone.
    TokenGone,
    /// Somebody changed how they like times.
    PreferencesSaved,
    /// The first administrator made themselves one, by the link of the first start.
    SetUp,
    /// A person was added; the detail is their address.
    PersonAdded,
    /// A person was removed; the detail is their address.
    PersonRemoved,
    /// A password was changed; the detail is whose.
    PasswordChanged,
    /// The form that changes a password was sent with a wrong present password; the detail is whose.
    PasswordNotChanged,
    /// Somebody was not believed, or has no role here; the detail is the reason's code.
    Refused,
    /// Another key seals from now on; the detail is its id.
    KeyChanged,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 19] = [
        Self::SignedIn,
        Self::SignInFailed,
        Self::SignedOut,
        Self::SessionEnded,
        Self::SettingsSaved,
        Self::TestSent,
        Self::TokenRequested,
        Self::TokenObtained,
        Self::TokenNotObtained,
        Self::TokenDeleted,
        Self::TokenGone,
        Self::PreferencesSaved,
        Self::SetUp,
        Self::PersonAdded,
        Self::PersonRemoved,
        Self::PasswordChanged,
        Self::PasswordNotChanged,
        Self::Refused,
        Self::KeyChanged,
    ];

    /// The action's name in the database.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::SignInFailed => "sign-in-failed",
            Self::SignedOut => "signed-out",
            Self::SessionEnded => "session-ended",
            Self::SettingsSaved => "settings-saved",
            Self::TestSent => "test-sent",
            Self::TokenRequested => "token-requested",
            Self::TokenObtained => "token-obtained",
            Self::TokenNotObtained => "token-not-obtained",
            Self::TokenDeleted => "token-deleted",
            Self::TokenGone => "token-gone",
            Self::PreferencesSaved => "preferences-saved",
            Self::SetUp => "set-up",
            Self::PersonAdded => "person-added",
            Self::PersonRemoved => "person-removed",
            Self::PasswordChanged => "password-changed",
            Self::PasswordNotChanged => "password-not-changed",
            Self::Refused => "refused",
            Self::KeyChanged => "key-changed",
        }
    }

    /// The action with this name.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.wire_name() == name)
    }
}
