//! How fast messages are sent, and how a staging system holds or redirects them.

use domain::outbox::Pace;

use crate::cli::SendingArgs;

/// How an operator keeps the messages of applications from their recipients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Staging {
    /// Whether none is sent.
    pub is_held: bool,
    /// The address that gets all of them.
    pub redirect_to: Option<String>,
}

/// An invalid flag about sending.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum SendingConfigError {
    #[error(
        "--pace must be three numbers: connections from 1 to 100, messages a minute, and recipients a day, such as 3,30,10000; 0 for no limit"
    )]
    Pace,
    #[error("--outbox-redirect-to must be an email address")]
    RedirectTo,
}

/// Parses `--pace`; `None` without it.
///
/// # Errors
/// It is invalid.
pub fn pace(args: &SendingArgs) -> Result<Option<Pace>, SendingConfigError> {
    let parsed = args.pace.as_deref().map(|text| Pace::parse(text).ok_or(SendingConfigError::Pace));
    parsed.transpose()
}

impl Staging {
    /// Parses the flags.
    ///
    /// # Errors
    /// The address is invalid.
    pub fn read(args: &SendingArgs) -> Result<Self, SendingConfigError> {
        let SendingArgs { outbox_hold, outbox_redirect_to, .. } = args;
        if !outbox_redirect_to.iter().all(|address| address.parse::<lettre::Address>().is_ok()) {
            return Err(SendingConfigError::RedirectTo);
        }
        Ok(Self { is_held: *outbox_hold, redirect_to: outbox_redirect_to.clone() })
    }
}
