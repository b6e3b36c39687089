//! How a test message fared, in codes: the steps of the SMTP conversation, what came of each,
//! and what the administrator should know. Words live with the page; the server's own words
//! travel beside the code, already cleaned by [`crate::check::text::shown`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::settings::Security;
use crate::token::Fault;

/// A step of sending one message, in the order of a connection encrypted from its first byte.
///
/// With STARTTLS the greeting comes before TLS; reports keep the order in which things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// With an OAuth flow: the token is looked at, and renewed where it has to be.
    Token,
    /// The server's name becomes addresses.
    NameLookup,
    /// TCP, to one vetted address.
    Connection,
    /// The handshake: implicit TLS (RFC 8314 3.3), or after STARTTLS (RFC 3207).
    Tls,
    /// The server's 220 (RFC 5321 3.1).
    Greeting,
    /// What the server offers in its answer to EHLO (RFC 5321 3.2); with STARTTLS, to the one after it.
    Capabilities,
    /// AUTH (RFC 4954).
    SignIn,
    /// MAIL FROM (RFC 5321 4.1.1.2).
    Sender,
    /// RCPT TO (RFC 5321 4.1.1.3).
    Recipient,
    /// DATA and the message (RFC 5321 4.1.1.4), and a refusal of it.
    Content,
    /// The reply after the final dot by which the server takes responsibility (RFC 5321 4.1.1.4).
    Accepted,
}

impl Step {
    /// Every step, in the usual order.
    pub const ALL: [Self; 11] = [
        Self::Token,
        Self::NameLookup,
        Self::Connection,
        Self::Tls,
        Self::Greeting,
        Self::Capabilities,
        Self::SignIn,
        Self::Sender,
        Self::Recipient,
        Self::Content,
        Self::Accepted,
    ];
}

/// The steps of one message in the order in which they come.
#[must_use]
pub fn order(security: Security, has_token: bool) -> Vec<Step> {
    let mut order = Step::ALL.to_vec();
    if security == Security::StartTls {
        order.swap(3, 4);
    }
    order.retain(|step| *step != Step::Token || has_token);
    order
}

/// One step that ended, well or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Which step.
    pub step: Step,
    /// Whether it ended well.
    pub ended: StepEnd,
    /// How long it took, in milliseconds.
    pub millis: u32,
    /// What was found out, in the order in which it is shown.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// The peer's own words, fit to be shown as text.
    pub said: Option<String>,
    /// What PPM's own TLS, DNS or sockets reported, fit to be shown as text.
    #[serde(default)]
    pub found: Option<String>,
}

/// Something that a step found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about.
    pub name: FactName,
    /// What was found, without words of ours and fit to be shown as text.
    pub value: String,
}

/// What a fact is about; its value is in the form that stands beside each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactName {
    /// The addresses that the name leads to, with commas between.
    Addresses,
    /// The address and port that took the connection.
    Peer,
    /// Each address with what came of it: `2001:db8::1 no-answer, 192.0.2.1 connected`. The codes
    /// are `connected`, `refused`, `no-answer`, `unreachable`, `failed` and `not-tried`.
    Attempts,
    /// The name in EHLO or HELO, as it was sent (RFC 5321 4.1.1.1).
    ClientName,
    /// `TLS 1.3`.
    TlsVersion,
    /// The cipher suite, as the registry writes it (RFC 8446 B.4).
    Cipher,
    /// Whom the certificate is for (RFC 5280 4.1.2.6, written as in RFC 4514).
    Subject,
    /// The names that the certificate is for (RFC 5280 4.2.1.6), with commas between.
    Names,
    /// Who issued the certificate (RFC 5280 4.1.2.4, written as in RFC 4514).
    Issuer,
    /// The certificate's SHA-256, in pairs of hexadecimal digits with colons between.
    Fingerprint,
    /// For how many more days the certificate is valid; below zero once it is not.
    DaysLeft,
    /// The SHA-256 of the certificate that would have to be trusted: the last one that was shown.
    IssuerFingerprint,
    /// That certificate in PEM (RFC 7468 5).
    IssuerPem,
    /// The mechanisms after AUTH (RFC 4954 3), with spaces between.
    Mechanisms,
    /// The most that a message may have, in bytes (RFC 1870 3).
    Size,
    /// Whether SMTPUTF8 is offered (RFC 6531 3.1): `yes` or `no`.
    SmtpUtf8,
    /// How old the token is, in seconds.
    Age,
    /// For how many more seconds the token is good.
    ValidFor,
    /// Whether the token was renewed for this message: `yes` or `no`.
    Renewed,
    /// The SASL mechanisms that were tried, in order, with commas between.
    Mechanism,
    /// The scope that a mail server names where it refuses a token (RFC 7628 3.2.2).
    WantedScope,
    /// The provider's server for submission, where the one that was called only receives mail.
    SubmissionServer,
    /// The id under which the server has queued the message, where its reply names one.
    QueueId,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnd {
    /// It did what it was for.
    Done,
    /// Everything after it was not tried.
    Failed,
    /// The settings do not ask for it (no TLS, no user name).
    Skipped,
}

/// What a failure usually means: the code under which the page keeps its explanation and the
/// next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// No such name.
    NameNotFound,
    /// The name service itself did not answer.
    NameServiceFailed,
    /// The name leads only to addresses that this server may not call (link-local, metadata).
    AddressForbidden,
    /// The operator allows no call to this address and port (`--egress-allow`).
    EgressNotAllowed,
    /// The operator denies this host, address or port (`--egress-deny`).
    EgressDenied,
    /// Port 0 reaches nothing.
    PortZero,
    /// The machine answers, but nothing listens on this port.
    NothingListens,
    /// No answer to the connection attempt.
    Unreachable,
    /// Implicit TLS was spoken to a port that starts in clear.
    PlainPort,
    /// The port seems to wait for implicit TLS: it was silent in clear.
    TlsPort,
    /// STARTTLS is wanted, and not offered.
    StartTlsNotOffered,
    /// STARTTLS is wanted, and something between PPM and the server masks the offer.
    StartTlsMasked,
    /// STARTTLS was offered, and refused.
    StartTlsRefused,
    /// Bytes came in clear after the go-ahead to STARTTLS: somebody tampers.
    StartTlsInjected,
    /// The certificate's issuer is not trusted by this machine.
    CertificateUnknownIssuer,
    /// The certificate is signed by itself.
    CertificateSelfSigned,
    /// The certificate's time is over.
    CertificateExpired,
    /// The certificate's time has not begun, or this machine's clock is wrong.
    CertificateNotYetValid,
    /// The certificate is for another name.
    CertificateWrongName,
    /// The certificate is of X.509 version 1, which has no names in it (RFC 5280 4.1.2.1).
    CertificateVersion1,
    /// The certificate's RSA key has fewer than 2,048 bits.
    CertificateKeyTooShort,
    /// The certificate has no subjectAltName; the common name does not count (RFC 9525 6.3).
    CertificateWithoutNames,
    /// The certificate is signed with SHA-1 or MD5.
    CertificateOldSignature,
    /// Anything else that TLS did not like, at the handshake or later.
    TlsFailed,
    /// What answers does not speak SMTP.
    NotSmtp,
    /// The server turns this machine away (554 at the greeting, RFC 5321 3.1).
    Unwelcome,
    /// The server refuses the name in EHLO or HELO.
    ClientNameRefused,
    /// This machine's address is not on the list of those that the provider admits.
    AddressNotAdmitted,
    /// This machine's address is on a blocklist.
    AddressBlocked,
    /// This machine's address has no name in DNS, or another one than it should (RFC 7372 3.3).
    ReverseNameMissing,
    /// The server offers no sign-in here.
    SignInNotOffered,
    /// The server offers no sign-in although the connection is encrypted.
    SignInNotOfferedUnderTls,
    /// The server receives mail for a domain, and takes none for submission.
    ReceivingServer,
    /// The server offers sign-in, but by no method that PPM speaks.
    NoCommonMechanism,
    /// User name, password or token is wrong, or could not be checked.
    CredentialsRefused,
    /// SMTP AUTH is off for the mailbox or the whole organisation (Exchange Online).
    SmtpAuthDisabled,
    /// Basic authentication, which is a password, is off or retired (Exchange Online).
    BasicAuthDisabled,
    /// Security defaults or conditional access stop the sign-in (Microsoft Entra).
    ConditionalAccess,
    /// Exchange refuses the sign-in and does not say why.
    ExchangeSignInRefused,
    /// The sign-in was good, but gives no right on the mailbox (Exchange Online).
    MailboxPermissionMissing,
    /// Google refuses the sign-in: the password is not an app password, or the token is dead.
    GoogleSignInRefused,
    /// With two-step sign-in, a password made for this application is wanted.
    AppPasswordNeeded,
    /// The account may not be used by SMTP until that is turned on.
    SmtpAccessOff,
    /// The account is not activated, is under review, locked or suspended.
    AccountInactive,
    /// The account has no credit left at its provider.
    OutOfCredit,
    /// The account or domain is a sandbox, which sends to few recipients only.
    Sandbox,
    /// A sending limit of the account is reached, for hours.
    SendingLimit,
    /// The same for senders in onmicrosoft.com (550 5.7.236).
    OnMicrosoftLimit,
    /// Messages came faster than the account may send them.
    SendingRate,
    /// The account has too many connections at a time (432 4.3.2).
    TooManyConnections,
    /// The account behind the user name may not send as this identity (Amazon IAM).
    IdentityNotAllowed,
    /// The server refuses the token (RFC 7628 3.2.2, and Google's XOAUTH2).
    TokenRefused,
    /// The token is longer than the server reads.
    TokenTooLong,
    /// The server offers sign-in, but neither XOAUTH2 nor OAUTHBEARER.
    TokenSignInNotOffered,
    /// There is no token any more: it was deleted since.
    TokenAbsent,
    /// The token has expired, and somebody has to sign in again.
    TokenExpired,
    /// The token could not be renewed.
    TokenNotRenewed(Fault),
    /// A token could not be had.
    TokenNotObtained(Fault),
    /// The server wants a sign-in first (530).
    SignInRequired,
    /// The same where Username is empty.
    SignInMissing,
    /// The server wants encryption first (530, 538).
    EncryptionRequired,
    /// The server does not take mail from this sender.
    SenderRefused,
    /// The sender does not exist at its own domain, or that domain does not.
    SenderUnknown,
    /// The provider sends only for addresses and domains that were verified there.
    SenderNotVerified,
    /// The server cannot read the sender in the message (RFC 5322 3.6.2).
    FromHeaderRefused,
    /// The message is not authenticated by SPF, DKIM or DMARC (RFC 7372).
    MailUnauthenticated,
    /// The account has no right to send as this sender (Exchange).
    SendAsDenied,
    /// The server does not take mail for this recipient.
    RecipientRefused,
    /// The recipient's mailbox is full.
    RecipientMailboxFull,
    /// The server does not pass mail on to recipients elsewhere.
    RelayDenied,
    /// The same after a sign-in.
    RelayDeniedToAccount,
    /// An address has a form only in UTF-8, which the server does not take (RFC 6531).
    SmtpUtf8NotOffered,
    /// The server does not take this message.
    ContentRefused,
    /// A policy of the server refuses the message.
    PolicyRefused,
    /// The message has octets beyond ASCII, which the server does not take (RFC 6152).
    EightBitNotOffered,
    /// The message is larger than the server takes (RFC 1870).
    MessageTooLarge,
    /// The message is too large after the server has converted it (Exchange Online 5.2.270).
    MessageTooLargeConverted,
    /// Temporary: try again later (4xx).
    TryLater,
    /// The connection ended in the middle.
    ConnectionLost,
    /// Nothing was ever said within the time for one reply.
    Silent,
    /// The server stopped answering after it had greeted.
    StoppedAnswering,
    /// The whole conversation took too long.
    TooSlow,
    /// A reply was longer than any server has a reason to send.
    ReplyTooLong,
    /// A reply that SMTP does not know at this place.
    UnexpectedReply,
    /// The connection ended after the final dot: the message may have arrived, and is not sent again.
    MaybeDelivered,
    /// The settings cannot be opened with the key at hand.
    SecretUnreadable,
}

/// How the whole message ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A server took responsibility for the message.
    Accepted {
        /// The server's name as configured, and its port.
        server: String,
        /// Its reply after the final dot.
        reply: String,
        /// The message's own id (RFC 5322 3.6.4), with its angle brackets.
        message_id: String,
    },
    /// It ended at a step.
    Failed {
        /// Where.
        step: Step,
        /// In the peer's own words, where it said anything.
        said: Option<String>,
        /// What PPM's own TLS, DNS or sockets reported.
        #[serde(default)]
        found: Option<String>,
        /// What it usually means.
        advice: Advice,
    },
    /// This server stopped before it could tell.
    Interrupted,
}

/// Which settings a test message goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tested {
    /// Those that are saved.
    #[default]
    Saved,
    /// Those that the form of whoever asked showed.
    Typed,
}

/// One test message: asked for, under way, or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its random id.
    pub id: String,
    /// The address it goes to: that of whoever asked.
    pub recipient: String,
    /// Which settings it goes through.
    #[serde(default)]
    pub tested: Tested,
    /// When it was asked for; on the wire in epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub started_at: DateTime<Utc>,
    /// The steps that ended so far, in the order in which they did.
    pub steps: Vec<StepReport>,
    /// The end, once there is one.
    pub outcome: Option<Outcome>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_release_stored_reads_without_what_it_did_not_know() {
        let step = r#"{"step":"tls","ended":"failed","millis":3,"said":"words"}"#;
        let report: StepReport = serde_json::from_str(step).expect("a report");
        assert_eq!((report.said.as_deref(), report.found), (Some("words"), None));
        let end = r#"{"failed":{"step":"tls","said":null,"advice":"tls-failed"}}"#;
        let outcome: Outcome = serde_json::from_str(end).expect("an outcome");
        let (step, advice) = (Step::Tls, Advice::TlsFailed);
        assert_eq!(outcome, Outcome::Failed { step, said: None, found: None, advice });
    }
}
