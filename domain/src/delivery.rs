//! How a test message fared, in codes: the steps of the SMTP conversation, what came of each,
//! and what the administrator should know. Words live with the page; the server's own words
//! travel beside the code, already cleaned by [`crate::check::text::shown`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::token::Fault;

/// A step of sending one message, in the order of a connection encrypted from its first byte.
///
/// With STARTTLS the greeting comes before TLS; reports keep the order in which things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// With an OAuth flow: the token is looked at, and renewed where it has to be.
    Token,
    /// The server's name becomes addresses.
    NameLookup,
    /// TCP, to one vetted address.
    Connection,
    /// The handshake, from the first byte or after STARTTLS (RFC 3207).
    Tls,
    /// The server's 220 and its answer to EHLO (RFC 5321 3.1, 3.2).
    Greeting,
    /// AUTH (RFC 4954).
    SignIn,
    /// MAIL FROM (RFC 5321 4.1.1.2).
    Sender,
    /// RCPT TO (RFC 5321 4.1.1.3).
    Recipient,
    /// DATA, the message, and the reply after the final dot (RFC 5321 4.1.1.4).
    Content,
}

impl Step {
    /// Every step, in the usual order.
    pub const ALL: [Self; 9] = [
        Self::Token,
        Self::NameLookup,
        Self::Connection,
        Self::Tls,
        Self::Greeting,
        Self::SignIn,
        Self::Sender,
        Self::Recipient,
        Self::Content,
    ];
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
    /// The peer's own words, or the fact found (addresses, TLS version), fit to be shown as text.
    pub said: Option<String>,
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
    /// Port 0 reaches nothing.
    PortZero,
    /// The machine answers, but nothing listens on this port.
    NothingListens,
    /// No answer to the connection attempt.
    Unreachable,
    /// TLS from the first byte was spoken to a port that starts in clear.
    PlainPort,
    /// The port seems to wait for TLS from the first byte: it was silent in clear.
    TlsPort,
    /// STARTTLS is wanted, and not offered.
    StartTlsNotOffered,
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
    /// Anything else that TLS did not like, at the handshake or later.
    TlsFailed,
    /// What answers does not speak SMTP.
    NotSmtp,
    /// The server turns this machine away (554 at the greeting, RFC 5321 3.1).
    Unwelcome,
    /// The server offers no sign-in here.
    SignInNotOffered,
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
    /// The server refuses the token (RFC 7628 3.2.2, and Google's XOAUTH2).
    TokenRefused,
    /// The server offers sign-in, but neither XOAUTH2 nor OAUTHBEARER.
    TokenSignInNotOffered,
    /// There is no token any more: it was deleted since.
    TokenAbsent,
    /// The token has expired, and somebody has to sign in again.
    TokenExpired,
    /// The token could not be renewed.
    TokenNotRenewed(Fault),
    /// The server wants a sign-in first (530).
    SignInRequired,
    /// The server wants encryption first (530, 538).
    EncryptionRequired,
    /// The server does not take mail from this sender.
    SenderRefused,
    /// The account has no right to send as this sender (Exchange).
    SendAsDenied,
    /// The server does not take mail for this recipient.
    RecipientRefused,
    /// The server does not pass mail on to recipients elsewhere.
    RelayDenied,
    /// The server does not take this message.
    ContentRefused,
    /// The message is larger than the server takes (RFC 1870).
    MessageTooLarge,
    /// Temporary: try again later (4xx).
    TryLater,
    /// The connection ended in the middle.
    ConnectionLost,
    /// Nothing was said within the time for one reply.
    Silent,
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
        /// What it usually means.
        advice: Advice,
    },
    /// This server stopped before it could tell.
    Interrupted,
}

/// One test message: asked for, under way, or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its random id.
    pub id: String,
    /// The address it goes to: that of whoever asked.
    pub recipient: String,
    /// When it was asked for; on the wire in epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub started_at: DateTime<Utc>,
    /// The steps that ended so far, in the order in which they did.
    pub steps: Vec<StepReport>,
    /// The end, once there is one.
    pub outcome: Option<Outcome>,
}
