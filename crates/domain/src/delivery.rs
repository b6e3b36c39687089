//! Results of a test message as codes: the steps of the SMTP session, their facts, and the diagnosis.
//! The texts are in the crate `labels`. A peer's reply is stored next to the code, already cleaned by
//! [`crate::syntax::text::shown`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{settings::Security, token::OauthDiagnosis};

/// A step of sending one message, in the order of a connection with implicit TLS.
///
/// With STARTTLS the greeting comes before TLS; see [`order`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// With an OAuth flow: the token is loaded, and refreshed if necessary.
    Token,
    /// DNS lookup of the server's name.
    NameLookup,
    /// TCP connect to an address that the egress policy allows.
    Connection,
    /// TLS handshake: implicit TLS (RFC 8314 3.3), or after STARTTLS (RFC 3207).
    Tls,
    /// The server's 220 greeting (RFC 5321 3.1).
    Greeting,
    /// The extensions in the reply to EHLO (RFC 5321 3.2); with STARTTLS, to the EHLO after it.
    Capabilities,
    /// AUTH (RFC 4954).
    SignIn,
    /// MAIL FROM (RFC 5321 4.1.1.2).
    Sender,
    /// RCPT TO (RFC 5321 4.1.1.3).
    Recipient,
    /// DATA and the message (RFC 5321 4.1.1.4), including its rejection.
    Content,
    /// The 250 reply after the final dot: the server takes responsibility (RFC 5321 4.1.1.4).
    Accepted,
}

impl Step {
    /// Every step, in the order of implicit TLS.
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

/// Returns the steps of one message in the order in which they are performed.
pub fn order(security: Security, has_token: bool) -> Vec<Step> {
    let mut order = Step::ALL.to_vec();
    if security == Security::StartTls {
        order.swap(3, 4);
    }
    order.retain(|step| *step != Step::Token || has_token);
    order
}

/// The report of one finished step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// The step.
    pub step: Step,
    /// Its status.
    pub ended: StepStatus,
    /// Its duration in milliseconds.
    pub millis: u32,
    /// Its facts, in display order.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// The peer's reply, safe to display as text.
    #[serde(rename = "said")]
    pub peer_text: Option<String>,
    /// The error of PPM's own TLS, DNS or socket layer, safe to display as text.
    #[serde(default)]
    pub found: Option<String>,
}

/// A fact that a step recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The kind of fact.
    pub name: FactName,
    /// The value without PPM's own words, safe to display as text.
    pub value: String,
}

impl Fact {
    /// Creates a fact.
    pub fn new(name: FactName, value: impl Into<String>) -> Self {
        Self { name, value: value.into() }
    }
}

/// The kind of a fact. Each variant documents the format of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactName {
    /// The addresses that the name resolves to, separated by commas.
    Addresses,
    /// The address and port of the connection.
    Peer,
    /// Each address with its result: `2001:db8::1 no-answer, 192.0.2.1 connected`. The codes are
    /// `connected`, `refused`, `no-answer`, `unreachable`, `failed` and `not-tried`.
    Attempts,
    /// The name sent in EHLO or HELO (RFC 5321 4.1.1.1).
    ClientName,
    /// `TLS 1.3`.
    TlsVersion,
    /// The cipher suite by its IANA name (RFC 8446 B.4).
    Cipher,
    /// The certificate's subject (RFC 5280 4.1.2.6), formatted as in RFC 4514.
    Subject,
    /// The certificate's subject alternative names (RFC 5280 4.2.1.6), separated by commas.
    Names,
    /// The certificate's issuer (RFC 5280 4.1.2.4), formatted as in RFC 4514.
    Issuer,
    /// The certificate's SHA-256 fingerprint, hexadecimal pairs separated by colons.
    Fingerprint,
    /// Days until the certificate expires; negative once it has expired.
    DaysLeft,
    /// The SHA-256 fingerprint of the certificate to trust: the last one that the server presented.
    IssuerFingerprint,
    /// The certificate to trust in PEM (RFC 7468 5).
    IssuerPem,
    /// The SASL mechanisms of the AUTH extension (RFC 4954 3), separated by spaces.
    Mechanisms,
    /// The maximum message size in bytes (RFC 1870 3).
    Size,
    /// Whether SMTPUTF8 is offered (RFC 6531 3.1): `yes` or `no`.
    SmtpUtf8,
    /// The token's age in seconds.
    Age,
    /// Seconds until the token expires.
    ValidFor,
    /// Whether the token was refreshed for this message: `yes` or `no`.
    Renewed,
    /// The SASL mechanisms that were tried, in order, separated by commas.
    Mechanism,
    /// The scope in the error response of a mail server that rejects a token (RFC 7628 3.2.2).
    WantedScope,
    /// The provider's submission server, if the tested server only receives mail.
    SubmissionServer,
    /// The queue ID in the server's reply, if any.
    QueueId,
}

/// The status of a finished step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// The step succeeded.
    Done,
    /// The step failed; later steps were not tried.
    Failed,
    /// The settings do not need the step (no TLS, no user name).
    Skipped,
}

/// The likely cause of a failed delivery. The crate `labels` explains each code and lists what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Diagnosis {
    /// The name does not exist.
    NameNotFound,
    /// DNS did not answer.
    NameServiceFailed,
    /// The name resolves only to forbidden addresses (link-local, metadata).
    AddressForbidden,
    /// The operator has not allowed this address and port (`--egress-allow`).
    EgressNotAllowed,
    /// The operator has denied this host, address or port (`--egress-deny`).
    EgressDenied,
    /// Port 0 cannot be reached.
    PortZero,
    /// The connection was refused: nothing listens on this port.
    NothingListens,
    /// No answer to the connection attempt.
    Unreachable,
    /// Implicit TLS was tried on a port that starts in plain text.
    PlainPort,
    /// The port probably expects implicit TLS: it sent no greeting in plain text.
    TlsPort,
    /// STARTTLS is required, but not offered.
    StartTlsNotOffered,
    /// STARTTLS is required, but a middlebox masks the offer.
    StartTlsMasked,
    /// STARTTLS was offered, but then rejected.
    StartTlsRefused,
    /// Plain text followed the 220 reply to STARTTLS: command injection.
    StartTlsInjected,
    /// This machine does not trust the certificate's issuer.
    CertificateUnknownIssuer,
    /// The certificate is self-signed.
    CertificateSelfSigned,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate is not valid yet, or this machine's clock is wrong.
    CertificateNotYetValid,
    /// The certificate is for another name.
    CertificateWrongName,
    /// The certificate is X.509 version 1, which has no extensions (RFC 5280 4.1.2.1).
    CertificateVersion1,
    /// The certificate's RSA key has fewer than 2,048 bits.
    CertificateKeyTooShort,
    /// The certificate has no subjectAltName; the common name does not count (RFC 9525 6.3).
    CertificateWithoutNames,
    /// The certificate is signed with SHA-1 or MD5.
    CertificateOldSignature,
    /// Any other TLS error, in the handshake or later.
    TlsFailed,
    /// The peer does not speak SMTP.
    NotSmtp,
    /// The server rejects this machine (554 greeting, RFC 5321 3.1).
    Unwelcome,
    /// The server rejects the name in EHLO or HELO.
    ClientNameRefused,
    /// This machine's address is not on the provider's allowlist.
    AddressNotAdmitted,
    /// This machine's address is on a blocklist.
    AddressBlocked,
    /// Reverse DNS of this machine's address is missing or does not match (RFC 7372 3.3).
    ReverseNameMissing,
    /// The server does not offer AUTH.
    SignInNotOffered,
    /// The server does not offer AUTH although the connection is encrypted.
    SignInNotOfferedUnderTls,
    /// The server receives mail for its domain (MX) and does not accept submission.
    ReceivingServer,
    /// The server offers AUTH, but no SASL mechanism that PPM supports.
    NoCommonMechanism,
    /// User name, password or token is wrong, or could not be verified.
    CredentialsRefused,
    /// SMTP AUTH is disabled for the mailbox or the organisation (Exchange Online).
    SmtpAuthDisabled,
    /// Basic authentication (with a password) is disabled or retired (Exchange Online).
    BasicAuthDisabled,
    /// Security defaults or conditional access block the sign-in (Microsoft Entra).
    ConditionalAccess,
    /// Exchange rejects the sign-in without a reason.
    ExchangeSignInRefused,
    /// The sign-in succeeded, but lacks permission for the mailbox (Exchange Online).
    MailboxPermissionMissing,
    /// Google rejects the sign-in: not an app password, or the token is no longer valid.
    GoogleSignInRefused,
    /// The account has two-step verification and needs an app password.
    AppPasswordNeeded,
    /// SMTP access is disabled for the account.
    SmtpAccessOff,
    /// The account is not activated, under review, locked or suspended.
    AccountInactive,
    /// The account has no credit left at its provider.
    OutOfCredit,
    /// The account or domain is a sandbox, which sends to a few recipients only.
    Sandbox,
    /// The account's sending limit is reached, for hours.
    SendingLimit,
    /// The sending limit of onmicrosoft.com senders is reached (550 5.7.236).
    OnMicrosoftLimit,
    /// The account's sending rate is exceeded.
    SendingRate,
    /// The account has too many concurrent connections (432 4.3.2).
    TooManyConnections,
    /// The IAM user may not send as this identity (Amazon SES).
    IdentityNotAllowed,
    /// The server rejects the token (RFC 7628 3.2.2, and Google's XOAUTH2).
    TokenRefused,
    /// The token exceeds the server's line limit.
    TokenTooLong,
    /// The server offers AUTH, but neither XOAUTH2 nor OAUTHBEARER.
    TokenSignInNotOffered,
    /// The token was deleted in the meantime.
    TokenAbsent,
    /// The token has expired and cannot be refreshed; a user must consent again.
    TokenExpired,
    /// The token could not be refreshed.
    TokenNotRenewed(OauthDiagnosis),
    /// No token could be obtained.
    TokenNotObtained(OauthDiagnosis),
    /// The server requires authentication (530).
    SignInRequired,
    /// The server requires authentication, and Username is empty.
    SignInMissing,
    /// The server requires encryption (530, 538).
    EncryptionRequired,
    /// The server rejects this sender.
    SenderRefused,
    /// The sender's mailbox or domain does not exist.
    SenderUnknown,
    /// The provider requires a verified sender address or domain.
    SenderNotVerified,
    /// The server rejects the From header as malformed (RFC 5322 3.6.2).
    FromHeaderRefused,
    /// The message fails SPF, DKIM or DMARC (RFC 7372).
    MailUnauthenticated,
    /// The account has no Send As permission for this sender (Exchange).
    SendAsDenied,
    /// The server rejects this recipient.
    RecipientRefused,
    /// The recipient's mailbox is full.
    RecipientMailboxFull,
    /// The server does not relay to other domains.
    RelayDenied,
    /// The server does not relay to other domains for this account.
    RelayDeniedToAccount,
    /// An address needs SMTPUTF8, which the server does not offer (RFC 6531).
    SmtpUtf8NotOffered,
    /// The server rejects the message.
    ContentRefused,
    /// A policy of the server rejects the message.
    PolicyRefused,
    /// The message needs 8BITMIME, which the server does not offer (RFC 6152).
    EightBitNotOffered,
    /// The message exceeds the server's size limit (RFC 1870).
    MessageTooLarge,
    /// The message exceeds the size limit after conversion (Exchange Online 5.2.270).
    MessageTooLargeConverted,
    /// A temporary rejection (4xx).
    TryLater,
    /// The connection was closed during the session.
    ConnectionLost,
    /// The server never sent a reply within the timeout for one reply.
    Silent,
    /// The server stopped answering after its greeting.
    StoppedAnswering,
    /// The session exceeded its total timeout.
    TooSlow,
    /// A reply exceeded the length limit.
    ReplyTooLong,
    /// A reply code that is not valid for the command.
    UnexpectedReply,
    /// The connection was lost after the final dot: the message may have been delivered. No retry.
    MaybeDelivered,
    /// A sealed value cannot be opened with the current key.
    SecretUnreadable,
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A server accepted responsibility for the message.
    Accepted {
        /// The server's name as configured, and its port.
        server: String,
        /// Its reply after the final dot.
        reply: String,
        /// The Message-ID (RFC 5322 3.6.4), with angle brackets.
        message_id: String,
    },
    /// A step failed.
    Failed {
        /// The failed step.
        step: Step,
        /// The peer's reply, if any.
        #[serde(rename = "said")]
        peer_text: Option<String>,
        /// The error of PPM's own TLS, DNS or socket layer.
        #[serde(default)]
        found: Option<String>,
        /// The likely cause.
        #[serde(rename = "advice")]
        diagnosis: Diagnosis,
    },
    /// This server stopped during the run.
    Interrupted,
}

/// Which settings a test message uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tested {
    /// The saved settings.
    #[default]
    Saved,
    /// The unsaved settings in the requester's form.
    Typed,
}

/// One test message: requested, running or finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its random ID.
    pub id: String,
    /// The recipient: the requester's address.
    pub recipient: String,
    /// Which settings it uses.
    #[serde(default)]
    pub tested: Tested,
    /// When it was requested; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub started_at: DateTime<Utc>,
    /// The finished steps, in the order in which they were performed.
    pub steps: Vec<StepReport>,
    /// The outcome, once the run has ended.
    pub outcome: Option<Outcome>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stored_by_earlier_releases_are_readable() {
        let step = r#"{"step":"tls","ended":"failed","millis":3,"said":"words"}"#;
        let report: StepReport = serde_json::from_str(step).expect("a report");
        assert_eq!((report.peer_text.as_deref(), report.found), (Some("words"), None));
        let end = r#"{"failed":{"step":"tls","said":null,"advice":"tls-failed"}}"#;
        let outcome: Outcome = serde_json::from_str(end).expect("an outcome");
        let (step, diagnosis) = (Step::Tls, Diagnosis::TlsFailed);
        assert_eq!(outcome, Outcome::Failed { step, peer_text: None, found: None, diagnosis });
    }
}
