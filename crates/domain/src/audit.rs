//! Actions recorded in the audit trail. They never contain a value of a setting.

use crate::named::named_enum;

named_enum! {
    /// A recorded action.
    pub enum Action {
        /// A user signed in.
        SignedIn = "signed-in",
        /// A sign-in failed; the detail is the account's address, if the account exists.
        SignInFailed = "sign-in-failed",
        /// A user signed out.
        SignedOut = "signed-out",
        /// A session was ended from the list of sessions; the detail is its user and its name.
        SessionEnded = "session-ended",
        /// Settings were saved; the fields are the changed ones.
        SettingsSaved = "settings-saved",
        /// A test message was requested; the fields are those in which the tested form differs from
        /// the saved one.
        TestSent = "test-sent",
        /// A user started an attempt to obtain a token.
        TokenRequested = "token-requested",
        /// The user's attempt obtained a token.
        TokenObtained = "token-obtained",
        /// The user's attempt failed; the detail is the reason if the user stopped it, or if another
        /// user tried to complete it.
        TokenNotObtained = "token-not-obtained",
        /// A token was deleted by a save.
        TokenDeleted = "token-deleted",
        /// The provider reported that the grant is no longer valid.
        TokenGone = "token-gone",
        /// A user changed their date and time preferences.
        PreferencesSaved = "preferences-saved",
        /// The first administrator account was created through the setup link.
        SetUp = "set-up",
        /// An account was added; the detail is its address.
        PersonAdded = "person-added",
        /// An account was removed; the detail is its address.
        PersonRemoved = "person-removed",
        /// A password was changed; the detail is the account.
        PasswordChanged = "password-changed",
        /// A password change had a wrong current password; the detail is the account.
        PasswordNotChanged = "password-not-changed",
        /// An identity was rejected or has no role; the detail is the reason's code.
        Refused = "refused",
        /// An application was added; the detail is its name, as with the following ones.
        ApplicationAdded = "application-added",
        /// An application may use another sender than Default Sender Email; the detail is its name and
        /// the address.
        ApplicationSenderAllowed = "application-sender-allowed",
        /// What an application may do was changed.
        ApplicationChanged = "application-changed",
        /// An application got a further key.
        ApplicationKeyAdded = "application-key-added",
        /// A key of an application was removed.
        ApplicationKeyRemoved = "application-key-removed",
        /// An application was disabled.
        ApplicationDisabled = "application-disabled",
        /// An application was enabled again.
        ApplicationEnabled = "application-enabled",
        /// An application was removed.
        ApplicationRemoved = "application-removed",
        /// A message that waited for its next attempt was tried at once; the detail is its ID.
        MessageRetried = "message-retried",
        /// A message was canceled by an operator; the detail is its ID.
        MessageCanceled = "message-canceled",
        /// An administrator discarded a message that had not reached all recipients.
        MessageDiscarded = "message-discarded",
        /// A recipient was erased from the outbox. There is no detail: it would be the address.
        RecipientErased = "recipient-erased",
        /// The sealing key was rotated; the detail is the new key's ID.
        KeyChanged = "key-changed",
    }
}
