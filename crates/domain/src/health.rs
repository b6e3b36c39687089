//! The health of mail: which failures count, when an incident opens and closes, and when the
//! connection is checked again. Pure rules; the server stores what they decide.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::{Diagnosis, Step};
use crate::microsoft;
use crate::named::json_enum;
use crate::preset::Provider;
use crate::syntax::url::endpoint_host;
use crate::token::{OauthDiagnosis, OauthFailure};

/// The pauses after the first, second and third failure that can pass by itself. The fourth opens
/// an incident.
const RETRIES: [TimeDelta; 3] =
    [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(15)];
/// The interval of checks while mail works, and how long an accepted message replaces a check.
pub const WHILE_WORKING: TimeDelta = TimeDelta::hours(1);
/// The interval of checks during an incident that does not concern the account.
const DURING_INCIDENT: TimeDelta = TimeDelta::minutes(15);
/// The interval of checks while the account is refused: more could lock it.
const WHILE_REFUSED: TimeDelta = TimeDelta::hours(6);
/// How long mail may stay without a token after a save has deleted it.
pub const WITHOUT_TOKEN: TimeDelta = TimeDelta::minutes(15);
/// How many days before its end a credential is announced.
pub const REMINDERS: [i64; 4] = [30, 14, 7, 1];
/// The health is degraded if a credential ends within so many days.
const SOON: i64 = 14;

/// A failure of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The step that failed.
    pub step: Step,
    /// The likely cause.
    pub diagnosis: Diagnosis,
    /// The peer's text, redacted and safe to display.
    pub peer_text: Option<String>,
    /// The error of PPM's own TLS, DNS or socket layer, redacted and safe to display.
    pub found: Option<String>,
    /// Whether it can pass by itself.
    pub can_pass: bool,
}

json_enum! {
    /// How far an attempt came: what a success proves, and what a failure needs to be disproved.
    #[derive(Default, PartialOrd, Ord)]
    pub enum Reach {
        /// The token.
        #[default]
        Token = "token",
        /// The sign-in, with the connection before it.
        SignIn = "sign-in",
        /// A message.
        Message = "message",
    }
}

impl Reach {
    const fn of(step: Step) -> Self {
        match step {
            Step::Token => Self::Token,
            Step::NameLookup
            | Step::Connection
            | Step::Tls
            | Step::Greeting
            | Step::Capabilities
            | Step::SignIn => Self::SignIn,
            Step::Sender | Step::Recipient | Step::Content | Step::Accepted => Self::Message,
        }
    }
}

/// A failed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedMessage {
    /// The step that failed.
    pub step: Step,
    /// The likely cause.
    pub diagnosis: Diagnosis,
    /// The code of the server's last reply (RFC 5321 4.2.1).
    pub code: Option<u16>,
    /// The peer's text.
    pub peer_text: Option<String>,
    /// The error of PPM's own layers.
    pub found: Option<String>,
    /// Whether all its senders are the configured one.
    pub is_own_sender: bool,
    /// Whether the reply refuses this message or its recipients, and says nothing of the connection.
    pub concerns_message: bool,
}

impl Trouble {
    /// Returns what a failed message says of the connection; `None` if it failed for its recipients,
    /// its content or another sender than the configured one. The lack of a token counts later, if
    /// there is none for [`WITHOUT_TOKEN`].
    pub fn of_message(failed: FailedMessage) -> Option<Self> {
        let FailedMessage {
            step,
            diagnosis,
            code,
            peer_text,
            found,
            is_own_sender,
            concerns_message,
        } = failed;
        let counts = match step {
            _ if concerns_message || diagnosis == Diagnosis::TokenAbsent => false,
            Step::Sender if is_own_sender => !is_of_message(diagnosis),
            Step::Sender | Step::Recipient | Step::Content | Step::Accepted => {
                is_of_connection(diagnosis) || (is_own_sender && is_of_sender(diagnosis))
            }
            _ => true,
        };
        let can_pass = can_pass(diagnosis) || code.is_some_and(|code| (400..500).contains(&code));
        counts.then_some(Self { step, diagnosis, peer_text, found, can_pass })
    }

    /// How far an attempt has to come to disprove it.
    pub const fn reach(&self) -> Reach {
        Reach::of(self.step)
    }

    /// Returns what a failed renewal says.
    pub fn of_renewal(failure: OauthFailure) -> Self {
        let OauthFailure { diagnosis, peer_text, .. } = failure;
        let (peer_text, found) =
            if diagnosis.is_in_own_words() { (None, peer_text) } else { (peer_text, None) };
        let diagnosis = Diagnosis::TokenNotRenewed(diagnosis);
        Self { step: Step::Token, diagnosis, peer_text, found, can_pass: can_pass(diagnosis) }
    }

    /// Returns the lack of a token.
    pub const fn without_token() -> Self {
        Self {
            step: Step::Token,
            diagnosis: Diagnosis::TokenAbsent,
            peer_text: None,
            found: None,
            can_pass: false,
        }
    }

    /// Whether only an administrator can end it, so that checks are pointless.
    pub const fn needs_consent(&self) -> bool {
        matches!(
            self.diagnosis,
            Diagnosis::TokenAbsent
                | Diagnosis::TokenExpired
                | Diagnosis::TokenNotRenewed(
                    OauthDiagnosis::InvalidGrant | OauthDiagnosis::InteractionRequired
                )
        )
    }

    /// When to check again during its incident; `None` for never.
    const fn pause(&self) -> Option<TimeDelta> {
        match self {
            _ if self.needs_consent() => None,
            Self { can_pass: false, step: Step::Token | Step::SignIn, .. } => Some(WHILE_REFUSED),
            _ => Some(DURING_INCIDENT),
        }
    }
}

/// Whether a refusal of the sender is of this message only.
const fn is_of_message(diagnosis: Diagnosis) -> bool {
    matches!(
        diagnosis,
        Diagnosis::RecipientRefused
            | Diagnosis::RecipientMailboxFull
            | Diagnosis::ContentRefused
            | Diagnosis::EightBitNotOffered
            | Diagnosis::MessageTooLarge
            | Diagnosis::MessageTooLargeConverted
            | Diagnosis::MaybeDelivered
    )
}

/// Whether a refusal concerns the sender: some servers refuse it only at RCPT or after DATA.
const fn is_of_sender(diagnosis: Diagnosis) -> bool {
    matches!(
        diagnosis,
        Diagnosis::SenderRefused
            | Diagnosis::SenderUnknown
            | Diagnosis::SenderNotVerified
            | Diagnosis::SendAsDenied
            | Diagnosis::IdentityNotAllowed
            | Diagnosis::MailUnauthenticated
    )
}

/// Whether a failure after the sign-in concerns the account, this machine or the network, and so
/// every message.
const fn is_of_connection(diagnosis: Diagnosis) -> bool {
    matches!(
        diagnosis,
        Diagnosis::AccountInactive
            | Diagnosis::OutOfCredit
            | Diagnosis::SendingLimit
            | Diagnosis::OnMicrosoftLimit
            | Diagnosis::SendingRate
            | Diagnosis::TooManyConnections
            | Diagnosis::SmtpAuthDisabled
            | Diagnosis::BasicAuthDisabled
            | Diagnosis::MailboxPermissionMissing
            | Diagnosis::SignInRequired
            | Diagnosis::SignInMissing
            | Diagnosis::EncryptionRequired
            | Diagnosis::ReceivingServer
            | Diagnosis::ClientNameRefused
            | Diagnosis::AddressNotAdmitted
            | Diagnosis::AddressBlocked
            | Diagnosis::ReverseNameMissing
            | Diagnosis::TlsFailed
            | Diagnosis::ConnectionLost
            | Diagnosis::Silent
            | Diagnosis::StoppedAnswering
            | Diagnosis::TooSlow
            | Diagnosis::ReplyTooLong
    )
}

/// Whether a failure can pass by itself: of the network, or of a server that is busy or broken.
const fn can_pass(diagnosis: Diagnosis) -> bool {
    match diagnosis {
        Diagnosis::NameServiceFailed
        | Diagnosis::NothingListens
        | Diagnosis::Unreachable
        | Diagnosis::TooManyConnections
        | Diagnosis::SendingRate
        | Diagnosis::TryLater
        | Diagnosis::ConnectionLost
        | Diagnosis::Silent
        | Diagnosis::StoppedAnswering
        | Diagnosis::TooSlow => true,
        Diagnosis::TokenNotRenewed(cause) | Diagnosis::TokenNotObtained(cause) => matches!(
            cause,
            OauthDiagnosis::ProviderFailed
                | OauthDiagnosis::ProviderBusy
                | OauthDiagnosis::NameServiceFailed
                | OauthDiagnosis::NothingListens
                | OauthDiagnosis::Unreachable
                | OauthDiagnosis::ConnectionLost
                | OauthDiagnosis::TooSlow
                | OauthDiagnosis::NotOauth
                | OauthDiagnosis::BotGuard
                | OauthDiagnosis::NetworkPage
                | OauthDiagnosis::ServerFailed
        ),
        _ => false,
    }
}

/// What an attempt to use the saved connection has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// It worked as far as it went.
    Works(Proof),
    /// It failed.
    Fails(Trouble),
}

/// What a success proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// How far the attempt came.
    pub reach: Reach,
    /// False if it used a token whose renewal fails, so that it will not work for long.
    pub renews: bool,
}

impl Proof {
    /// A token was obtained or renewed; the mail server was not asked.
    pub const TOKEN: Self = Self { reach: Reach::Token, renews: true };

    /// Whether it disproves failures that came so far at most.
    fn disproves(self, failed: Reach) -> bool {
        self.reach >= failed && (self.renews || failed > Reach::Token)
    }
}

/// What is known of the connection between two attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Monitor {
    /// The failures in a row that can pass by themselves.
    pub failures: i64,
    /// When the first of them happened.
    pub since: Option<DateTime<Utc>>,
    /// How far the furthest of them came.
    pub reach: Reach,
    /// A failure before this instant is part of the last one.
    pub retry_at: Option<DateTime<Utc>>,
    /// When the sign-in is checked next; `None` for not before something changes.
    pub check_at: Option<DateTime<Utc>>,
}

/// What becomes of the open incident, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// Nothing.
    None,
    /// An incident opens.
    Opens,
    /// The open incident occurred again.
    Recurs,
    /// The open incident closes.
    Closes,
}

impl Monitor {
    /// The longest pause between two checks.
    pub const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(24);

    /// Whether a check is due. An instant beyond the longest pause is of a clock that was wrong.
    pub fn is_check_due(&self, now: DateTime<Utc>) -> bool {
        self.check_at.is_some_and(|at| at <= now || at > now + Self::LONGEST_PAUSE)
    }

    /// Draws the conclusions of an attempt. `open` is how far the failures of the open incident came;
    /// `jitter` spreads the checks while mail works.
    #[must_use]
    pub fn after(
        self,
        open: Option<Reach>,
        evidence: &Evidence,
        now: DateTime<Utc>,
        jitter: TimeDelta,
    ) -> (Self, Transition) {
        match evidence {
            Evidence::Works(proof) => self.after_success(open, *proof, now, jitter),
            Evidence::Fails(trouble) => self.after_failure(open.is_some(), trouble, now),
        }
    }

    fn after_success(
        self,
        open: Option<Reach>,
        proof: Proof,
        now: DateTime<Utc>,
        jitter: TimeDelta,
    ) -> (Self, Transition) {
        let closes = open.is_some_and(|failed| proof.disproves(failed));
        let check_at = match proof.reach {
            // Whether the mail server accepts the token is another question.
            Reach::Token if closes => Some(now),
            Reach::Token => self.check_at,
            Reach::SignIn | Reach::Message => Some(now + WHILE_WORKING + jitter),
        };
        let before = if proof.disproves(self.reach) { Self::default() } else { self };
        let transition = if closes { Transition::Closes } else { Transition::None };
        (Self { check_at, ..before }, transition)
    }

    fn after_failure(
        self,
        is_open: bool,
        trouble: &Trouble,
        now: DateTime<Utc>,
    ) -> (Self, Transition) {
        let during_incident =
            Self { check_at: trouble.pause().map(|pause| now + pause), ..Self::default() };
        if is_open {
            return (during_incident, Transition::Recurs);
        }
        if !trouble.can_pass {
            return (during_incident, Transition::Opens);
        }
        // A later instant than that is of a clock that was wrong.
        if self.retry_at.is_some_and(|at| now < at && at - now <= RETRIES[RETRIES.len() - 1]) {
            return (self, Transition::None);
        }
        let pause = usize::try_from(self.failures).ok().and_then(|failed| RETRIES.get(failed));
        match pause {
            Some(&pause) => {
                let next = Some(now + pause);
                let row = Self {
                    failures: self.failures + 1,
                    since: self.since.or(Some(now)),
                    reach: self.reach.max(trouble.reach()),
                    retry_at: next,
                    check_at: next,
                };
                (row, Transition::None)
            }
            None => (during_incident, Transition::Opens),
        }
    }
}

/// A period in which mail does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its random ID.
    pub id: String,
    /// When the first failure happened; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub opened_at: DateTime<Utc>,
    /// When the last failure happened.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub last_at: DateTime<Utc>,
    /// When mail worked again; `None` while it does not.
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    pub closed_at: Option<DateTime<Utc>>,
    /// The number of failures.
    pub occurrences: i64,
    /// How far the furthest of them came.
    #[serde(default)]
    pub reach: Reach,
    /// The last failure.
    pub trouble: Trouble,
}

/// Who saved the settings that last worked, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastWorked {
    /// The user's name.
    pub by: Option<String>,
    /// When they were saved; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    pub at: Option<DateTime<Utc>>,
}

/// Something with an end that PPM needs for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// The Password of Basic SMTP Settings.
    Password,
    /// The Client Secret.
    ClientSecret,
    /// The consent behind the token, or its refresh token.
    Grant,
    /// The mail server's certificate.
    ServerCertificate,
}

impl Credential {
    /// The name in JSON, in the database and in metrics.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ClientSecret => "client-secret",
            Self::Grant => "grant",
            Self::ServerCertificate => "server-certificate",
        }
    }
}

/// The lifetime of a refresh token that Microsoft's token endpoint issued, while it is not used
/// (<https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>).
const UNUSED_AT_MICROSOFT: TimeDelta = TimeDelta::days(90);
/// The lifetime of a grant of a Google application in Testing
/// (<https://developers.google.com/identity/protocols/oauth2#expiration>).
const IN_TESTING_AT_GOOGLE: TimeDelta = TimeDelta::days(7);
/// How much earlier or later such a grant may be found to have ended.
const TOLERANCE: TimeDelta = TimeDelta::hours(26);
/// What comes before the seconds in Microsoft's text.
const MICROSOFTS_SECONDS: &str = "maximum allowed lifetime for this request is ";

/// How long a refresh token of this Token Endpoint lasts while it is not used, if that is known.
pub fn unused_lifetime(token_endpoint: &str) -> Option<TimeDelta> {
    microsoft::is_endpoint(token_endpoint).then_some(UNUSED_AT_MICROSOFT)
}

/// How long the next grant lasts, if the end of one shows it: Microsoft names the sign-in frequency
/// of a policy (AADSTS70043), and a grant that ended at Google after seven days was in Testing.
pub fn grant_lifetime(
    token_endpoint: &str,
    peer_text: Option<&str>,
    age: Option<TimeDelta>,
) -> Option<TimeDelta> {
    let named = peer_text.and_then(|text| {
        let (_, rest) = text.split_once(MICROSOFTS_SECONDS)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        TimeDelta::try_seconds(rest[..end].parse().ok()?)
    });
    let host = endpoint_host(token_endpoint);
    let is_google = host.as_deref().and_then(Provider::of_endpoint) == Some(Provider::Google);
    let is_in_testing = |age: &TimeDelta| (*age - IN_TESTING_AT_GOOGLE).abs() <= TOLERANCE;
    named.or_else(|| age.filter(|_| is_google).filter(is_in_testing).map(|_| IN_TESTING_AT_GOOGLE))
}

/// When a credential ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// The credential.
    pub credential: Credential,
    /// The day on which it ends, in UTC.
    pub on: NaiveDate,
}

impl Expiry {
    /// The days from `today` to the end; negative after it.
    pub fn days_left(self, today: NaiveDate) -> i64 {
        (self.on - today).num_days()
    }

    /// When the day begins on which it ends.
    pub const fn ends_at(self) -> DateTime<Utc> {
        self.on.and_time(NaiveTime::MIN).and_utc()
    }

    /// The reminder that is due: the smallest number of [`REMINDERS`] that is not less than the days
    /// left.
    pub fn reminder(self, today: NaiveDate) -> Option<i64> {
        let left = self.days_left(today);
        REMINDERS.into_iter().rev().find(|&days| left <= days)
    }
}

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertSubject {
    /// An incident opened.
    Opened(Incident),
    /// An incident closed.
    Recovered(Incident),
    /// A credential ends soon, or has ended.
    Expiring {
        /// The credential and its end.
        expiry: Expiry,
        /// Which of [`REMINDERS`] this is.
        days: i64,
    },
    /// So many messages of applications failed for a recipient since the last such alert.
    MessagesFailed(i64),
}

/// The health of the connection, as `ppm-email health` and the metrics say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Mail works, as far as is known.
    Up,
    /// Mail works, and a credential ends within 14 days.
    Degraded,
    /// An incident is open.
    Down,
}

impl Health {
    /// Judges what is known.
    pub fn of(open: Option<&Incident>, expiries: &[Expiry], today: NaiveDate) -> Self {
        match open {
            Some(_) => Self::Down,
            None if expiries.iter().any(|expiry| expiry.days_left(today) <= SOON) => Self::Degraded,
            None => Self::Up,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_JITTER: TimeDelta = TimeDelta::zero();

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    const SIGNED_IN: Evidence = Evidence::Works(Proof { reach: Reach::SignIn, renews: true });
    const ACCEPTED: Evidence = Evidence::Works(Proof { reach: Reach::Message, renews: true });
    const HAS_TOKEN: Evidence = Evidence::Works(Proof::TOKEN);

    fn failed(step: Step, diagnosis: Diagnosis) -> FailedMessage {
        FailedMessage {
            step,
            diagnosis,
            code: None,
            peer_text: None,
            found: None,
            is_own_sender: true,
            concerns_message: false,
        }
    }

    fn trouble(step: Step, diagnosis: Diagnosis) -> Trouble {
        Trouble::of_message(failed(step, diagnosis)).expect("it counts")
    }

    /// What becomes of an incident of this reach.
    fn becomes(open: Reach, evidence: &Evidence) -> Transition {
        Monitor::default().after(Some(open), evidence, at(0), NO_JITTER).1
    }

    fn unreachable() -> Evidence {
        Evidence::Fails(trouble(Step::Connection, Diagnosis::Unreachable))
    }

    #[test]
    fn the_fourth_failure_in_a_row_that_can_pass_opens_an_incident() {
        let mut monitor = Monitor::default();
        for (minute, next) in [(0, 1), (1, 6), (6, 21)] {
            let (after, transition) = monitor.after(None, &unreachable(), at(minute), NO_JITTER);
            assert_eq!((after.check_at, transition), (Some(at(next)), Transition::None));
            monitor = after;
        }
        let (after, transition) = monitor.after(None, &unreachable(), at(21), NO_JITTER);
        assert_eq!((after.check_at, transition), (Some(at(36)), Transition::Opens));
    }

    #[test]
    fn failures_before_the_next_attempt_is_due_are_one_failure() {
        let (monitor, _) = Monitor::default().after(None, &unreachable(), at(0), NO_JITTER);
        let half = at(0) + TimeDelta::seconds(30);
        assert_eq!(
            monitor.after(None, &unreachable(), half, NO_JITTER),
            (monitor, Transition::None)
        );
    }

    #[test]
    fn a_success_ends_the_row_of_failures() {
        let (monitor, _) = Monitor::default().after(None, &unreachable(), at(0), NO_JITTER);
        let (monitor, transition) = monitor.after(None, &SIGNED_IN, at(1), NO_JITTER);
        assert_eq!((monitor.failures, transition), (0, Transition::None));
        assert_eq!(monitor.check_at, Some(at(61)));
    }

    #[test]
    fn a_failure_that_cannot_pass_opens_an_incident_and_says_when_to_check_again() {
        let gone = Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant);
        for (step, diagnosis, hours) in [
            (Step::SignIn, Diagnosis::CredentialsRefused, Some(TimeDelta::hours(6))),
            (Step::Tls, Diagnosis::CertificateExpired, Some(TimeDelta::minutes(15))),
            (Step::Token, gone, None),
        ] {
            let fails = Evidence::Fails(trouble(step, diagnosis));
            let (monitor, transition) = Monitor::default().after(None, &fails, at(0), NO_JITTER);
            assert_eq!(transition, Transition::Opens, "{diagnosis:?}");
            assert_eq!(monitor.check_at, hours.map(|pause| at(0) + pause), "{diagnosis:?}");
        }
    }

    #[test]
    fn an_open_incident_recurs_and_closes_at_the_first_success_that_comes_as_far() {
        let fails = Evidence::Fails(trouble(Step::SignIn, Diagnosis::CredentialsRefused));
        for open in Reach::ALL {
            assert_eq!(becomes(open, &fails), Transition::Recurs, "{open:?}");
            for (evidence, reach) in [
                (&HAS_TOKEN, Reach::Token),
                (&SIGNED_IN, Reach::SignIn),
                (&ACCEPTED, Reach::Message),
            ] {
                let closes = becomes(open, evidence) == Transition::Closes;
                assert_eq!(closes, reach >= open, "{open:?} {reach:?}");
            }
        }
    }

    #[test]
    fn a_token_that_still_works_does_not_close_the_incident_of_its_renewal() {
        let accepted = Evidence::Works(Proof { reach: Reach::Message, renews: false });
        assert_eq!(becomes(Reach::Token, &accepted), Transition::None);
        assert_eq!(becomes(Reach::SignIn, &accepted), Transition::Closes);
    }

    #[test]
    fn a_sign_in_does_not_end_a_row_of_refused_messages() {
        let refused = Evidence::Fails(Trouble {
            can_pass: true,
            ..trouble(Step::Sender, Diagnosis::TryLater)
        });
        let mut monitor = Monitor::default();
        for minute in [0, 1, 6] {
            (monitor, _) = monitor.after(None, &refused, at(minute), NO_JITTER);
            (monitor, _) = monitor.after(None, &SIGNED_IN, at(minute), NO_JITTER);
        }
        assert_eq!(monitor.since, Some(at(0)));
        assert_eq!(monitor.after(None, &refused, at(21), NO_JITTER).1, Transition::Opens);
    }

    #[test]
    fn a_renewal_ends_a_row_of_failed_renewals_only() {
        for (step, left) in [(Step::Token, 0), (Step::Connection, 1)] {
            let fails =
                Evidence::Fails(Trouble { can_pass: true, ..trouble(step, Diagnosis::Silent) });
            let (monitor, _) = Monitor::default().after(None, &fails, at(0), NO_JITTER);
            let (monitor, _) = monitor.after(None, &HAS_TOKEN, at(1), NO_JITTER);
            assert_eq!(monitor.failures, left, "{step:?}");
        }
    }

    #[test]
    fn an_instant_of_a_clock_that_was_ahead_delays_nothing() {
        let ahead = Some(at(1_000_000));
        let monitor =
            Monitor { failures: 1, retry_at: ahead, check_at: ahead, ..Monitor::default() };
        assert!(monitor.is_check_due(at(0)));
        let (monitor, _) = monitor.after(None, &unreachable(), at(0), NO_JITTER);
        assert_eq!(monitor.failures, 2);
    }

    #[test]
    fn a_refused_recipient_content_or_sender_of_its_own_says_nothing_of_the_connection() {
        for (step, diagnosis) in [
            (Step::Recipient, Diagnosis::RecipientRefused),
            (Step::Recipient, Diagnosis::TryLater),
            (Step::Recipient, Diagnosis::RelayDenied),
            (Step::Content, Diagnosis::PolicyRefused),
            (Step::Sender, Diagnosis::MessageTooLarge),
            (Step::Sender, Diagnosis::EightBitNotOffered),
            (Step::Accepted, Diagnosis::MaybeDelivered),
            (Step::Token, Diagnosis::TokenAbsent),
        ] {
            assert_eq!(
                Trouble::of_message(failed(step, diagnosis)),
                None,
                "{step:?} {diagnosis:?}"
            );
        }
        let foreign = FailedMessage {
            is_own_sender: false,
            ..failed(Step::Sender, Diagnosis::SenderRefused)
        };
        assert_eq!(Trouble::of_message(foreign), None);
        let of_recipient = FailedMessage {
            concerns_message: true,
            ..failed(Step::Recipient, Diagnosis::AccountInactive)
        };
        assert_eq!(Trouble::of_message(of_recipient), None);
    }

    #[test]
    fn a_failure_of_account_sender_or_network_counts_at_every_step() {
        for diagnosis in
            [Diagnosis::SendingLimit, Diagnosis::SendAsDenied, Diagnosis::ConnectionLost]
        {
            for step in [Step::Sender, Step::Recipient, Step::Content] {
                assert_eq!(trouble(step, diagnosis).reach(), Reach::Message);
            }
        }
    }

    #[test]
    fn a_temporary_reply_can_pass_whatever_its_cause() {
        let of = |code| {
            let refused = failed(Step::SignIn, Diagnosis::CredentialsRefused);
            let trouble = Trouble::of_message(FailedMessage { code: Some(code), ..refused });
            trouble.expect("it counts").can_pass
        };
        assert!(of(454));
        assert!(!of(535));
    }

    #[test]
    fn the_end_of_a_grant_may_show_how_long_the_next_one_lasts() {
        let policy = "AADSTS70043: … the maximum allowed lifetime for this request is 86400.";
        let (google, other) = ("https://oauth2.googleapis.com/token", "https://id.example/token");
        for (endpoint, text, age, expected) in [
            (other, Some(policy), None, Some(TimeDelta::days(1))),
            (other, Some("maximum allowed lifetime for this request is "), None, None),
            (google, None, Some(TimeDelta::days(7)), Some(TimeDelta::days(7))),
            (google, None, Some(TimeDelta::days(8)), Some(TimeDelta::days(7))),
            (google, None, Some(TimeDelta::days(30)), None),
            (google, None, None, None),
            (other, None, Some(TimeDelta::days(7)), None),
        ] {
            assert_eq!(
                grant_lifetime(endpoint, text, age),
                expected,
                "{endpoint} {text:?} {age:?}"
            );
        }
    }

    #[test]
    fn a_refresh_token_of_microsoft_lasts_90_days_unused() {
        let endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/token";
        assert_eq!(unused_lifetime(endpoint), Some(TimeDelta::days(90)));
        assert_eq!(unused_lifetime("https://id.example/token"), None);
    }

    #[test]
    fn a_reminder_is_due_30_14_7_and_1_days_before() {
        let on = NaiveDate::from_ymd_opt(2026, 12, 31).expect("a date");
        let expiry = Expiry { credential: Credential::ClientSecret, on };
        for (left, expected) in [
            (31, None),
            (30, Some(30)),
            (15, Some(30)),
            (14, Some(14)),
            (13, Some(14)),
            (7, Some(7)),
            (2, Some(7)),
            (1, Some(1)),
            (0, Some(1)),
            (-5, Some(1)),
        ] {
            assert_eq!(expiry.reminder(on - TimeDelta::days(left)), expected, "{left}");
        }
    }

    #[test]
    fn health_is_degraded_while_a_credential_ends_within_14_days() {
        let on = NaiveDate::from_ymd_opt(2026, 12, 31).expect("a date");
        let expiries = [Expiry { credential: Credential::Grant, on }];
        for (left, expected) in [(15, Health::Up), (14, Health::Degraded), (-1, Health::Degraded)] {
            let today = on - TimeDelta::days(left);
            assert_eq!(Health::of(None, &expiries, today), expected, "{left}");
        }
    }
}
