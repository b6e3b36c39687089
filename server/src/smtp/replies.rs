//! What a refusal usually means: the dictionary from a reply to advice. Its words decide first, for
//! they say whom it speaks of, whatever the step: many servers say at RCPT what they have against the
//! name in EHLO or the sender. Then its enhanced code by its meaning, then its code by the step at
//! which it came. `table` has the rows; within a table the first row that fits decides.

mod table;
#[cfg(test)]
mod tests;

use domain::delivery::{Advice, Step};
use domain::settings::Security;

use self::table::{BY_CODE, BY_ENHANCED_CODE, BY_WORDS, Row, When};
use super::address::wire_form;
use super::offers::Offers;
use super::receiving;
use super::sasl::Credentials;
use super::session::Envelope;
use super::wire::Reply;

/// What is known of a conversation beside a reply. The same words mean something else to an account
/// than to a caller without one.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// SMTP Server as it is configured.
    pub(super) server: String,
    /// The name that the server gives itself, once it has.
    pub(super) own_name: String,
    /// What PPM said in EHLO, once it has.
    pub(super) client_name: String,
    /// With what PPM signs in. At a step after that, it has.
    pub(super) signs_in_with: SignsInWith,
    /// Whether the settings ask for TLS, without which nothing is said.
    pub(super) is_encrypted: bool,
    /// Whether the server has greeted.
    pub(super) has_greeted: bool,
    /// Whether the server offers AUTH.
    pub(super) offers_auth: bool,
    /// The envelope's sender and recipients, in small letters.
    pub(super) sender: Option<String>,
    /// See above.
    pub(super) recipients: Vec<String>,
}

/// With what PPM signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SignsInWith {
    /// Nothing: Username is empty.
    #[default]
    Nothing,
    /// A user name and a password.
    Password,
    /// An access token.
    Token,
}

impl Context {
    /// What is known before anything is said.
    pub(super) fn of(envelope: &Envelope) -> Self {
        let mailbox = |text: &String| {
            wire_form(text).map_or_else(|| text.clone(), |wire| wire.to_string()).to_lowercase()
        };
        Self {
            server: envelope.server.host.to_string(),
            signs_in_with: match envelope.credentials {
                Credentials::None => SignsInWith::Nothing,
                Credentials::Password(_) => SignsInWith::Password,
                Credentials::Token(_) => SignsInWith::Token,
            },
            is_encrypted: envelope.server.security != Security::Clear,
            sender: envelope.sender.as_ref().map(mailbox),
            recipients: envelope.recipients.iter().map(mailbox).collect(),
            ..Self::default()
        }
    }

    /// Takes the greeting in, and returns whether a firewall has written over it, as Cisco's do with
    /// asterisks ("ESMTP inspection").
    pub(super) fn hear_greeting(&mut self, greeting: &Reply) -> bool {
        self.has_greeted = true;
        greeting.lines.iter().any(|line| line.contains("****"))
    }

    /// Takes in what the server offers.
    pub(super) fn hear_offers(&mut self, offers: &Offers) {
        self.offers_auth = offers.mechanisms.is_some();
        self.own_name.clone_from(&offers.server_name);
    }

    /// The names of the server: by which it is called, and which it gives itself.
    pub(super) fn server_names(&self) -> [&str; 2] {
        [&self.server, &self.own_name]
    }

    fn is_receiving(&self) -> bool {
        receiving::is_receiving(&self.server_names())
    }

    fn is_anonymous(&self) -> bool {
        self.signs_in_with == SignsInWith::Nothing
    }

    /// Whether words in small letters name the sender, and a recipient.
    fn named_in(&self, words: &str) -> (bool, bool) {
        let is_named = |mailbox: &String| words.contains(mailbox.as_str());
        (self.sender.as_ref().is_some_and(is_named), self.recipients.iter().any(is_named))
    }
}

/// What a reply that is no success usually means at a step.
///
/// A 334 is looked up by its decoded words: see [`Reply::decoded`].
pub(super) fn advice(step: Step, reply: &Reply, context: &Context) -> Advice {
    if is_of_client_name(step, reply, context) {
        return Advice::ClientNameRefused;
    }
    let advice = row(step, reply, context).map_or(Advice::UnexpectedReply, |row| row.advice);
    in_context(advice, step, context)
}

/// What the same words mean by what was configured and said before.
pub(super) fn in_context(advice: Advice, step: Step, context: &Context) -> Advice {
    let has_no_way_in = context.is_receiving() && !context.offers_auth;
    match advice {
        Advice::SignInNotOffered | Advice::RelayDenied | Advice::SignInRequired
            if has_no_way_in && step >= Step::SignIn =>
        {
            Advice::ReceivingServer
        }
        Advice::SignInNotOffered if context.is_encrypted => Advice::SignInNotOfferedUnderTls,
        Advice::SignInRequired if context.is_anonymous() => Advice::SignInMissing,
        Advice::RelayDenied if !context.is_anonymous() => Advice::RelayDeniedToAccount,
        Advice::RelayDenied if context.offers_auth => Advice::SignInMissing,
        // Where the connection is encrypted, that is not what is missing.
        Advice::EncryptionRequired if context.is_encrypted => Advice::UnexpectedReply,
        other => other,
    }
}

/// Of the replies to several mechanisms, what the one means that tells most: of the password more than
/// of the mechanism, and more than that the server is busy.
pub(super) fn advice_on_password(refusals: &[Reply], context: &Context) -> Advice {
    let tells = |advice: &Advice| match advice {
        Advice::NoCommonMechanism | Advice::SignInNotOffered | Advice::UnexpectedReply => 0,
        Advice::TryLater => 1,
        Advice::CredentialsRefused => 2,
        _ => 3,
    };
    let advices = refusals.iter().map(|reply| advice(Step::SignIn, reply, context));
    advices.max_by_key(tells).unwrap_or(Advice::UnexpectedReply)
}

/// What the refusal of a token usually means: a challenge, if that came first, is the reason, unless
/// the last reply knows a better one than that the token is no good.
pub(super) fn advice_on_token(first: &Reply, last: Option<&Reply>, context: &Context) -> Advice {
    match last.map(|last| of_token(last, context)) {
        None
        | Some(
            Advice::TokenRefused
            | Advice::TokenSignInNotOffered
            | Advice::SignInNotOffered
            | Advice::SignInNotOfferedUnderTls
            | Advice::GoogleSignInRefused
            | Advice::UnexpectedReply,
        ) => of_token(first, context),
        Some(better) => better,
    }
}

/// The same advice as to a password, where that makes sense to whom has none.
fn of_token(reply: &Reply, context: &Context) -> Advice {
    match advice(Step::SignIn, reply, context) {
        Advice::CredentialsRefused | Advice::AppPasswordNeeded => Advice::TokenRefused,
        Advice::NoCommonMechanism => Advice::TokenSignInNotOffered,
        Advice::BasicAuthDisabled => Advice::ExchangeSignInRefused,
        // A challenge to a token is its refusal, whatever it says (RFC 7628 3.2.2).
        Advice::UnexpectedReply if reply.code == 334 => Advice::TokenRefused,
        other => other,
    }
}

/// What speaks of EHLO, HELO or a host and not of the name that was sent: the command is unknown, or in
/// the wrong place, or only the last one that was heard; or the client's address has no name.
const NOT_OF_NAME: [&str; 8] = [
    "not implemented",
    "too many",
    "timeout",
    "timed out",
    "last command",
    "helo first",
    "client host",
    "reverse",
];

/// How servers refuse the name without naming the command, in answer to it: Exchange and sendmail,
/// hMailServer, `MDaemon`, Kerio and Courier.
const OF_NAME: [&str; 10] = [
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

/// Whether a reply refuses the name in EHLO or HELO. Servers word that in more ways than a table holds,
/// but nearly all of them name the command: Postfix ("Helo command rejected: Host not found"), Exim
/// ("syntactically invalid EHLO argument(s)"), qmail, Courier and cPanel ("Invalid HELO name (See
/// RFC2821 4.1.1.1)", "HELO does not resolve", "Bad HELO - Host impersonating"), and Google's relay,
/// which has only `(EHLO)` in its words.
fn is_of_client_name(step: Step, reply: &Reply, context: &Context) -> bool {
    // A syntax that is wrong in a command with one parameter (RFC 5321 4.2.4), but not an unknown one.
    let has_bad_parameter = matches!(reply.code, 501 | 504);
    let is_refusal = matches!(reply.code, 400..600) && !matches!(reply.code, 500 | 502 | 503);
    if !is_refusal || step < Step::Capabilities || step == Step::Accepted {
        return false;
    }
    let words = normalised(&reply.words());
    let says = |signs: &[&str]| signs.iter().any(|sign| is_said(sign, &words));
    let is_answer = step == Step::Capabilities;
    let names_it = !context.client_name.starts_with('[')
        && !context.client_name.is_empty()
        && is_said(normalised(&context.client_name).trim(), &words);
    let is_about_it = says(&["helo ", "ehlo "])
        || (is_answer && (has_bad_parameter || names_it || says(&OF_NAME)));
    is_about_it && !says(&NOT_OF_NAME)
}

fn row(step: Step, reply: &Reply, context: &Context) -> Option<&'static Row> {
    let code = reply.code.to_string();
    let enhanced = reply.enhanced().unwrap_or_default();
    let plain = reply.words().to_lowercase();
    let (words, named) = (normalised(&plain), context.named_in(&plain));
    let holds = |when: When| match when {
        When::Always => true,
        When::AuthIsLeftOut => context.is_anonymous() && context.offers_auth,
        When::SignedIn => !context.is_anonymous() && step > Step::SignIn,
        When::WithToken => context.signs_in_with == SignsInWith::Token,
        When::SenderIsNamed => named == (true, false),
        When::RecipientIsNamed => named == (false, true),
    };
    let first = |rows: &'static [Row], is_shown: &dyn Fn(&str) -> bool| {
        rows.iter().find(|row| {
            row.steps.contains(&step)
                && code.starts_with(row.code)
                && is_shown(row.sign)
                && holds(row.when)
        })
    };
    first(BY_WORDS, &|sign| is_said(sign, &words))
        .or_else(|| first(BY_ENHANCED_CODE, &|sign| is_meant(sign, enhanced)))
        .or_else(|| first(BY_CODE, &|_| true))
}

/// Whether an enhanced code is a row's, whose class may be open: `x.1.1`.
fn is_meant(sign: &str, enhanced: &str) -> bool {
    match sign.strip_prefix("x.") {
        Some(rest) => enhanced.split_once('.').is_some_and(|(_, detail)| detail == rest),
        None => sign == enhanced,
    }
}

/// Words as they are compared: in small letters, with one blank in place of everything that is neither
/// letter nor digit, and one at each end.
fn normalised(words: &str) -> String {
    let lower = words.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.fold(" ".to_owned(), |text, part| text + part + " ")
}

/// Whether a sign is in such words: each of its parts in their order, from the beginning of a word on.
/// Scripts without blanks between words are looked for anywhere.
fn is_said(sign: &str, words: &str) -> bool {
    let mut rest = words;
    sign.split('…').all(|part| {
        let has_blanks = part.starts_with(|c: char| c.is_ascii_alphanumeric());
        let sought = if has_blanks { format!(" {part}") } else { part.to_owned() };
        let end = rest.find(&sought).map(|at| at + sought.len());
        // A blank that ends one part may begin the next.
        rest = end.map_or("", |end| &rest[end - usize::from(sought.ends_with(' '))..]);
        end.is_some()
    })
}
