//! Actions recorded in the audit trail. They never contain a value of a setting.

/// A recorded action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A user signed in.
    SignedIn,
    /// A sign-in failed; the detail is the account's address, if the account exists.
    SignInFailed,
    /// A user signed out.
    SignedOut,
    /// A session was ended from the list of sessions; the detail is its user and its name.
    SessionEnded,
    /// Settings were saved; the fields are the changed ones.
    SettingsSaved,
    /// A test message was requested; the fields are those in which the tested form differs from the
    /// saved one.
    TestSent,
    /// A user started an attempt to obtain a token.
    TokenRequested,
    /// The user's attempt obtained a token.
    TokenObtained,
    /// The user's attempt failed; the detail is the reason if another user tried to complete it.
    TokenNotObtained,
    /// A token was deleted by a save.
    TokenDeleted,
    /// The provider reported that the grant is no longer valid.
    TokenGone,
    /// A user changed their date and time preferences.
    PreferencesSaved,
    /// The first administrator account was created through the setup link.
    SetUp,
    /// An account was added; the detail is its address.
    PersonAdded,
    /// An account was removed; the detail is its address.
    PersonRemoved,
    /// A password was changed; the detail is the account.
    PasswordChanged,
    /// A password change had a wrong current password; the detail is the account.
    PasswordNotChanged,
    /// An identity was rejected or has no role; the detail is the reason's code.
    Refused,
    /// The sealing key was rotated; the detail is the new key's ID.
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

    /// Returns the action with this name.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.wire_name() == name)
    }
}
