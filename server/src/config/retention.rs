//! Retention periods of the audit trail and of test messages.

use chrono::TimeDelta;

use super::{ConfigError, number};

/// The maximum of both flags: a hundred years.
const MOST_DAYS: u32 = 36_500;

/// Retention periods in days; 0 means forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Rows of the audit trail.
    pub audit_days: u32,
    /// Test messages.
    pub message_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { audit_days: 400, message_days: 90 }
    }
}

impl Retention {
    /// Parses the two flags.
    ///
    /// # Errors
    /// A value is not a number of days up to the maximum.
    pub fn read(audit: &str, message: &str) -> Result<Self, ConfigError> {
        Ok(Self {
            audit_days: days("--audit-days", audit)?,
            message_days: days("--message-days", message)?,
        })
    }

    /// How long rows of the audit trail are kept; `None` means forever.
    pub fn audit(self) -> Option<TimeDelta> {
        span(self.audit_days)
    }

    /// How long test messages are kept; `None` means forever.
    pub fn messages(self) -> Option<TimeDelta> {
        span(self.message_days)
    }
}

fn days(flag: &'static str, text: &str) -> Result<u32, ConfigError> {
    number(text, 0..=MOST_DAYS).ok_or(ConfigError::Days(flag))
}

fn span(days: u32) -> Option<TimeDelta> {
    (days > 0).then(|| TimeDelta::days(i64::from(days)))
}
