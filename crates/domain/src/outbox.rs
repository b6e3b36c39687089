//! Messages of the outbox: the states of their recipients, and when they are attempted again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::{Diagnosis, Step};
use crate::named::json_enum;

/// How long a message is attempted, if it does not say so itself.
pub const ATTEMPTED_FOR: TimeDelta = TimeDelta::hours(48);
/// The pause after the first failed attempt; it doubles with each further one.
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// How much may be sent over the connection, by all nodes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Connections at a time.
    pub connections: i64,
    /// Messages in any 60 seconds, if that is limited.
    pub per_minute: Option<i64>,
    /// Recipients in any 24 hours, if that is limited.
    pub recipients_per_day: Option<i64>,
}

impl Default for Pace {
    /// That of a provider whose limits are not known.
    fn default() -> Self {
        Self { connections: 5, per_minute: None, recipients_per_day: None }
    }
}

impl Pace {
    /// The most connections that can be configured.
    pub const MOST_CONNECTIONS: i64 = 100;

    /// Parses `CONNECTIONS,PER_MINUTE,PER_DAY`, where a 0 behind the first is no limit.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<i64> =
            text.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
        let [connections, per_minute, per_day] = *numbers else { return None };
        let is_valid = (1..=Self::MOST_CONNECTIONS).contains(&connections)
            && [per_minute, per_day].iter().all(|&limit| limit >= 0);
        let limit = |number| Some(number).filter(|&number| number > 0);
        is_valid.then_some(Self {
            connections,
            per_minute: limit(per_minute),
            recipients_per_day: limit(per_day),
        })
    }
}

json_enum! {
    /// The state of a recipient, or of a message.
    #[derive(Hash)]
    pub enum MessageState {
        /// Accepted, and not attempted yet.
        Queued = "queued",
        /// An attempt is in progress.
        Sending = "sending",
        /// An attempt failed, and another one follows.
        Waiting = "waiting",
        /// The mail server took responsibility.
        Delivered = "delivered",
        /// It was refused, or the time is over.
        Failed = "failed",
        /// It was cancelled before it was sent.
        Canceled = "canceled",
        /// The connection was lost after the final dot: it may have been delivered.
        Unknown = "unknown",
    }
}

impl MessageState {
    /// Whether it changes no more.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Sending | Self::Waiting => false,
            Self::Delivered | Self::Failed | Self::Canceled | Self::Unknown => true,
        }
    }

    /// Whether this state may follow: the only transitions, which the database guards.
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Queued | Self::Waiting, Self::Sending | Self::Canceled | Self::Failed)
            | (
                Self::Sending,
                Self::Queued | Self::Waiting | Self::Delivered | Self::Failed | Self::Unknown,
            )
            // An administrator retries by hand.
            | (Self::Failed | Self::Unknown, Self::Queued) => true,
            (
                Self::Queued
                | Self::Sending
                | Self::Waiting
                | Self::Delivered
                | Self::Failed
                | Self::Canceled
                | Self::Unknown,
                _,
            ) => false,
        }
    }

    /// The state of a message with recipients of these states: the one that most needs attention.
    pub fn of_message(recipients: impl IntoIterator<Item = Self>) -> Self {
        const BY_WEIGHT: [MessageState; 7] = [
            MessageState::Sending,
            MessageState::Waiting,
            MessageState::Queued,
            MessageState::Unknown,
            MessageState::Failed,
            MessageState::Canceled,
            MessageState::Delivered,
        ];
        let weight = |state: &Self| BY_WEIGHT.iter().position(|other| other == state);
        recipients.into_iter().min_by_key(weight).unwrap_or(Self::Canceled)
    }
}

/// Why a recipient did not get a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientTrouble {
    /// The step that failed.
    pub step: Step,
    /// The likely cause.
    pub diagnosis: Diagnosis,
    /// The mail server's reply, redacted and safe to display.
    pub reply: Option<String>,
}

/// When a message is attempted again after so many failures, with up to a quarter of jitter
/// (`spread` of 256); `None` if it would be too late.
pub fn next_attempt(
    failures: i64,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    spread: u8,
) -> Option<DateTime<Utc>> {
    let at = now + pause(failures, spread);
    (at < expires_at).then_some(at)
}

/// The pause after so many failures in a row, with up to a quarter of jitter.
pub fn pause(failures: i64, spread: u8) -> TimeDelta {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(0);
    let pause = (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE);
    pause * (1_024 + i32::from(spread)) / 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_state_follows_only_by_hand() {
        for state in MessageState::ALL.into_iter().filter(|state| state.is_final()) {
            for next in MessageState::ALL {
                let by_hand = matches!(state, MessageState::Failed | MessageState::Unknown)
                    && next == MessageState::Queued;
                assert_eq!(state.may_become(next), by_hand, "{state:?} {next:?}");
            }
        }
    }

    #[test]
    fn the_state_of_a_message_is_the_one_that_needs_attention() {
        use MessageState::{Delivered, Failed, Queued, Sending, Waiting};
        for (recipients, expected) in [
            (vec![Delivered, Delivered], Delivered),
            (vec![Delivered, Failed], Failed),
            (vec![Failed, Waiting, Delivered], Waiting),
            (vec![Queued, Sending], Sending),
        ] {
            assert_eq!(MessageState::of_message(recipients.clone()), expected, "{recipients:?}");
        }
    }

    #[test]
    fn a_pace_is_three_numbers_of_which_the_last_two_may_be_0() {
        let parsed = |text| {
            Pace::parse(text)
                .map(|pace| (pace.connections, pace.per_minute, pace.recipients_per_day))
        };
        assert_eq!(parsed("3,30,10000"), Some((3, Some(30), Some(10_000))));
        assert_eq!(parsed("20, 0, 0"), Some((20, None, None)));
        for text in ["", "3", "3,30", "0,30,1", "101,0,0", "3,-1,0", "3,30,10,1", "a,b,c"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn pauses_double_up_to_an_hour_and_end_before_the_expiry() {
        let minutes = |failures| pause(failures, 0).num_minutes();
        assert_eq!([0, 1, 2, 5, 6, 40].map(minutes), [1, 2, 4, 32, 60, 60]);
        assert!(pause(0, 255) < TimeDelta::seconds(75));
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(next_attempt(6, now, now + TimeDelta::minutes(60), 0), None);
        let expires_at = now + TimeDelta::minutes(61);
        assert_eq!(next_attempt(6, now, expires_at, 0), Some(now + TimeDelta::minutes(60)));
    }
}
