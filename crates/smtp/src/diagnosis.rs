//! Maps a refusal to the diagnosis of its usual cause. Its text decides first, because it names the
//! cause at any step: many servers refuse the EHLO name or the sender only at RCPT. Then its
//! enhanced code decides, then its code at that step. `table` has the rows; in a table the first
//! match decides. The addresses that a reply repeats are not matched: `addresses` takes them out.

mod addresses;
mod table;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use domain::delivery::{Diagnosis, Step};
use domain::settings::Security;

use self::addresses::{EnvelopeAddress, folded};
use self::table::{BY_CODE, BY_ENHANCED_CODE, BY_WORDS, ReplyRule, When};
use super::capabilities::Capabilities;
use super::mx_hosts;
use super::protocol::Reply;
use super::sasl::Credentials;
use super::session::{Envelope, Route};

/// The facts about a session that the meaning of a reply depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// The configured SMTP Server.
    pub(super) server: String,
    /// The server's name for itself in the EHLO response, once received.
    pub(super) own_name: String,
    /// The argument of EHLO, once sent.
    pub(super) client_name: String,
    /// The kind of credentials. At a step after sign-in, they were accepted.
    pub(super) signs_in_with: SignsInWith,
    /// Whether the settings require TLS.
    pub(super) is_encrypted: bool,
    pub(super) has_greeted: bool,
    pub(super) offers_auth: bool,
    /// The envelope's sender.
    sender: Option<EnvelopeAddress>,
    /// The envelope's recipients.
    recipients: Vec<EnvelopeAddress>,
}

/// The kind of credentials that PPM signs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SignsInWith {
    /// None: Username is empty.
    #[default]
    Nothing,
    Password,
    Token,
}

impl Context {
    /// Creates the context of a session that has not begun.
    pub(super) fn of(route: &Route) -> Self {
        Self {
            server: route.server.host.to_string(),
            signs_in_with: match route.credentials {
                Credentials::None => SignsInWith::Nothing,
                Credentials::Password(_) => SignsInWith::Password,
                Credentials::Token(_) => SignsInWith::Token,
            },
            is_encrypted: route.server.security != Security::Clear,
            ..Self::default()
        }
    }

    /// Records the envelope of the next message.
    pub(super) fn record_envelope(&mut self, envelope: &Envelope) {
        let address = |mailbox: &String| EnvelopeAddress::of(mailbox);
        self.sender = envelope.sender.as_ref().map(address);
        self.recipients = envelope.recipients.iter().map(address).collect();
    }

    /// Records the greeting. Returns whether a firewall has masked it, as Cisco's do with asterisks
    /// ("ESMTP inspection").
    pub(super) fn record_greeting(&mut self, greeting: &Reply) -> bool {
        self.has_greeted = true;
        greeting.lines.iter().any(|line| line.contains("****"))
    }

    pub(super) fn record_capabilities(&mut self, capabilities: &Capabilities) {
        self.offers_auth = capabilities.mechanisms.is_some();
        self.own_name.clone_from(&capabilities.server_name);
    }

    /// Returns the server's names: the configured one, and the one in the EHLO response.
    pub(super) fn server_names(&self) -> [&str; 2] {
        [&self.server, &self.own_name]
    }

    fn is_receiving(&self) -> bool {
        mx_hosts::is_receiving(&self.server_names())
    }

    fn is_anonymous(&self) -> bool {
        self.signs_in_with == SignsInWith::Nothing
    }

    /// Returns a text with a mark in place of the recipients' addresses.
    pub(super) fn without_recipients(&self, text: &str) -> String {
        addresses::without_recipients(text, self.sender.as_ref(), &self.recipients)
    }

    /// Whether a reply names the sender, and whether it names a recipient.
    fn named_in(&self, reply: &Reply) -> (bool, bool) {
        let text = folded(&reply.words());
        let is_named = |address: &EnvelopeAddress| address.is_in(&text);
        (self.sender.as_ref().is_some_and(is_named), self.recipients.iter().any(is_named))
    }

    /// Returns the server's own text in lower case: a reply without the addresses that it repeats.
    fn own_text(&self, reply: &Reply) -> String {
        let text = folded(&reply.words());
        addresses::without_addresses(text, self.sender.as_ref(), &self.recipients)
    }
}

/// Returns the usual meaning of an unsuccessful reply at a step.
///
/// A 334 is matched by its decoded text: see [`Reply::decoded`].
pub(super) fn diagnose(step: Step, reply: &Reply, context: &Context) -> Diagnosis {
    if refuses_client_name(step, reply, context) {
        return Diagnosis::ClientNameRefused;
    }
    let diagnosis =
        row(step, reply, context).map_or(Diagnosis::UnexpectedReply, |row| row.diagnosis);
    in_context(diagnosis, step, context)
}

/// Adjusts a diagnosis to the configuration and to the session so far.
pub(super) fn in_context(diagnosis: Diagnosis, step: Step, context: &Context) -> Diagnosis {
    let accepts_no_sign_in = context.is_receiving() && !context.offers_auth;
    match diagnosis {
        Diagnosis::SignInNotOffered | Diagnosis::RelayDenied | Diagnosis::SignInRequired
            if accepts_no_sign_in && step >= Step::SignIn =>
        {
            Diagnosis::ReceivingServer
        }
        Diagnosis::SignInNotOffered if context.is_encrypted => Diagnosis::SignInNotOfferedUnderTls,
        Diagnosis::SignInRequired if context.is_anonymous() => Diagnosis::SignInMissing,
        Diagnosis::RelayDenied if !context.is_anonymous() => Diagnosis::RelayDeniedToAccount,
        Diagnosis::RelayDenied if context.offers_auth => Diagnosis::SignInMissing,
        // An encrypted connection cannot lack encryption.
        Diagnosis::EncryptionRequired if context.is_encrypted => Diagnosis::UnexpectedReply,
        other => other,
    }
}

/// Returns the most specific diagnosis among the replies to several mechanisms: a refused password
/// before a busy server, a busy server before a refused mechanism.
pub(super) fn diagnose_password(refusals: &[Reply], context: &Context) -> Diagnosis {
    let specificity = |diagnosis: &Diagnosis| match diagnosis {
        Diagnosis::NoCommonMechanism | Diagnosis::SignInNotOffered | Diagnosis::UnexpectedReply => {
            0
        }
        Diagnosis::TryLater => 1,
        Diagnosis::CredentialsRefused => 2,
        _ => 3,
    };
    let advices = refusals.iter().map(|reply| diagnose(Step::SignIn, reply, context));
    advices.max_by_key(specificity).unwrap_or(Diagnosis::UnexpectedReply)
}

/// Returns the usual meaning of a refused token. A challenge decides, unless the last reply is more
/// specific than that the token is invalid.
pub(super) fn diagnose_token(first: &Reply, last: Option<&Reply>, context: &Context) -> Diagnosis {
    match last.map(|last| diagnose_token_reply(last, context)) {
        None
        | Some(
            Diagnosis::TokenRefused
            | Diagnosis::TokenSignInNotOffered
            | Diagnosis::SignInNotOffered
            | Diagnosis::SignInNotOfferedUnderTls
            | Diagnosis::GoogleSignInRefused
            | Diagnosis::UnexpectedReply,
        ) => diagnose_token_reply(first, context),
        Some(better) => better,
    }
}

/// Returns the diagnosis of a refused password, changed where it makes no sense for a token.
fn diagnose_token_reply(reply: &Reply, context: &Context) -> Diagnosis {
    match diagnose(Step::SignIn, reply, context) {
        Diagnosis::CredentialsRefused | Diagnosis::AppPasswordNeeded => Diagnosis::TokenRefused,
        Diagnosis::NoCommonMechanism => Diagnosis::TokenSignInNotOffered,
        Diagnosis::BasicAuthDisabled => Diagnosis::ExchangeSignInRefused,
        // A challenge in answer to a token is its refusal (RFC 7628 3.2.2).
        Diagnosis::UnexpectedReply if reply.code == 334 => Diagnosis::TokenRefused,
        other => other,
    }
}

/// Phrases that mention EHLO, HELO or a host, but do not refuse the name that was sent: the command
/// is unknown, out of order or repeated, or the client's address has no reverse DNS.
const NOT_NAME_PHRASES: [&str; 8] = [
    "not implemented",
    "too many",
    "timeout",
    "timed out",
    "last command",
    "helo first",
    "client host",
    "reverse",
];

/// Phrases that refuse the name without naming the command: Exchange and sendmail, hMailServer,
/// `MDaemon`, Kerio and Courier.
const NAME_PHRASES: [&str; 10] = [
    "invalid domain",
    "invalid host",
    "invalid name",
    "fully qualified",
    "requires domain",
    "domain name",
    "valid domain",
    "requires valid",
    "hostname",
    "host name",
];

/// Whether a reply refuses the name in EHLO or HELO. The wording varies, but nearly all servers
/// name the command: Postfix ("Helo command rejected: Host not found"), Exim ("syntactically
/// invalid EHLO argument(s)"), qmail, Courier and cPanel ("Invalid HELO name (See RFC2821
/// 4.1.1.1)", "HELO does not resolve", "Bad HELO - Host impersonating"), and Google's relay, with
/// `(EHLO)` alone.
fn refuses_client_name(step: Step, reply: &Reply, context: &Context) -> bool {
    // A syntax error in the parameters (RFC 5321 4.2.4), not an unknown command.
    let has_bad_parameter = matches!(reply.code, 501 | 504);
    let is_refusal = matches!(reply.code, 400..600) && !matches!(reply.code, 500 | 502 | 503);
    if !is_refusal || step < Step::Capabilities || step == Step::Accepted {
        return false;
    }
    let words = normalised(&context.own_text(reply));
    let says = |signs: &[&str]| signs.iter().any(|sign| is_said(sign, &words));
    let is_answer = step == Step::Capabilities;
    let names_it = !context.client_name.starts_with('[')
        && !context.client_name.is_empty()
        && is_said(normalised(&context.client_name).trim(), &normalised(&reply.words()));
    let is_about_it = says(&["helo ", "ehlo "])
        || (is_answer && (has_bad_parameter || names_it || says(&NAME_PHRASES)));
    is_about_it && !says(&NOT_NAME_PHRASES)
}

/// Phrases that name the client, whose address is refused.
const CLIENT_PHRASES: [&str; 13] = [
    "ip ",
    "ips ",
    "client ",
    "rbl ",
    "your server",
    "your host",
    "your network",
    "your address",
    "your location",
    "your mail server",
    "credentials for relay",
    "tenantattribution",
    "traffic not accepted",
];

/// Phrases that say whose limit is reached: the account's, not that of a recipient's mailbox.
const SENDING_PHRASES: [&str; 14] = [
    "sending",
    "send ",
    "sender ",
    "sent ",
    "submission",
    "outgoing",
    "relay",
    "messaging limit",
    "recipient rate limit",
    "per hour",
    "per day",
    "daily",
    "your ",
    "from this",
];

/// Phrases that demand a sign-in. "Access denied" may be about the recipient.
const SIGN_IN_PHRASES: [&str; 10] = [
    "authenticat",
    "unauthenticated",
    "smtp auth",
    "auth ",
    "logged in",
    "log in",
    "login",
    "sign on",
    "check your mail first",
    "anonymous",
];

/// Whether a refusal is about this message or its recipient alone, and says nothing of the
/// connection. At RCPT it is, unless its text or its enhanced code says otherwise: many texts fit a
/// recipient's mailbox as well as the account. At DATA, a blocklist may list a link in the message.
pub(super) fn concerns_message(step: Step, reply: &Reply, context: &Context) -> bool {
    let is_refusal = matches!(reply.code, 400..600) && !matches!(reply.code, 421 | 530);
    let is_after_sender = matches!(step, Step::Recipient | Step::Content);
    if !is_refusal || !is_after_sender || refuses_client_name(step, reply, context) {
        return false;
    }
    let text = context.own_text(reply);
    let words = normalised(&text);
    let says = |signs: &[&str]| signs.iter().any(|sign| is_said(sign, &words));
    let names_client = || says(&CLIENT_PHRASES) || names_address(&text);
    let names_recipient = || context.named_in(reply).1;
    let row = row(step, reply, context);
    let by_code = row.is_some_and(ReplyRule::is_by_enhanced_code);
    let is_of_connection = match row.map_or(Diagnosis::UnexpectedReply, |row| row.diagnosis) {
        Diagnosis::AddressBlocked | Diagnosis::AddressNotAdmitted => {
            by_code || (names_client() && !says(&["recipient address"]))
        }
        _ if step == Step::Content => true,
        // A server that has asked the recipient's.
        _ if says(&["host …said "]) && !says(&["sender address"]) => false,
        Diagnosis::SendingLimit => by_code || says(&SENDING_PHRASES),
        Diagnosis::OutOfCredit => says(&["credit"]),
        Diagnosis::AccountInactive => by_code || says(&["your ", "sending", "outbound"]),
        Diagnosis::SenderNotVerified => says(&["sender", "sending", "from "]),
        Diagnosis::SignInRequired => by_code || says(&SIGN_IN_PHRASES),
        Diagnosis::RelayDenied => names_client(),
        Diagnosis::SenderRefused => {
            by_code || !(names_recipient() || says(&["recipient", "group", "list ", "this user"]))
        }
        Diagnosis::BasicAuthDisabled
        | Diagnosis::EncryptionRequired
        | Diagnosis::IdentityNotAllowed
        | Diagnosis::MailboxPermissionMissing
        | Diagnosis::MailUnauthenticated
        | Diagnosis::OnMicrosoftLimit
        | Diagnosis::ReverseNameMissing
        | Diagnosis::SendAsDenied
        | Diagnosis::SenderUnknown
        | Diagnosis::SendingRate
        | Diagnosis::SmtpAuthDisabled
        | Diagnosis::TooManyConnections => true,
        _ => false,
    };
    !is_of_connection
}

/// Whether a text has an IP address in brackets that is no part of a mailbox: `[192.0.2.1]`.
fn names_address(text: &str) -> bool {
    text.match_indices('[').any(|(at, _)| {
        let inside = text[at + 1..].split_once(']').map_or("", |(inside, _)| inside);
        inside.parse::<IpAddr>().is_ok() && !text[..at].ends_with('@')
    })
}

fn row(step: Step, reply: &Reply, context: &Context) -> Option<&'static ReplyRule> {
    let code = reply.code.to_string();
    let enhanced = reply.enhanced().unwrap_or_default();
    let words = normalised(&context.own_text(reply));
    let holds = |when: When| match when {
        When::Always => true,
        When::AuthIsLeftOut => context.is_anonymous() && context.offers_auth,
        When::SignedIn => !context.is_anonymous() && step > Step::SignIn,
        When::WithToken => context.signs_in_with == SignsInWith::Token,
        When::SenderIsNamed => context.named_in(reply) == (true, false),
        When::RecipientIsNamed => context.named_in(reply) == (false, true),
    };
    let first = |rows: &'static [ReplyRule], is_shown: &dyn Fn(&str) -> bool| {
        rows.iter().find(|row| {
            row.steps.contains(&step)
                && code.starts_with(row.code)
                && row.signs().any(is_shown)
                && holds(row.when)
        })
    };
    first(BY_WORDS, &|sign| is_said(sign, &words))
        .or_else(|| first(BY_ENHANCED_CODE, &|sign| is_meant(sign, enhanced)))
        .or_else(|| first(BY_CODE, &|_| true))
}

/// Whether an enhanced code matches a row, whose class may be open: `x.1.1`.
fn is_meant(sign: &str, enhanced: &str) -> bool {
    match sign.strip_prefix("x.") {
        Some(rest) => enhanced.split_once('.').is_some_and(|(_, detail)| detail == rest),
        None => sign == enhanced,
    }
}

/// Normalises a text for comparison: in lower case, with one blank in place of everything that is
/// neither letter nor digit, and one at each end.
fn normalised(words: &str) -> String {
    let lower = words.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.fold(" ".to_owned(), |text, part| text + part + " ")
}

/// Whether normalised text contains a sign: each of its parts in order, from the start of a word.
/// Scripts without blanks between words match anywhere.
fn is_said(sign: &str, words: &str) -> bool {
    let mut rest = words;
    sign.split('…').all(|part| {
        let has_blanks = part.starts_with(|c: char| c.is_ascii_alphanumeric());
        let sought = if has_blanks { format!(" {part}") } else { part.to_owned() };
        let end = rest.find(&sought).map(|at| at + sought.len());
        // The blank at the end of one part may start the next part.
        rest = end.map_or("", |end| &rest[end - usize::from(sought.ends_with(' '))..]);
        end.is_some()
    })
}
