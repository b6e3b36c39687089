//! Every English word on the screen: codes become sentences here and nowhere else. The seam for
//! other languages.

#![expect(clippy::match_same_arms, clippy::too_many_lines, reason = "tables: a row a case")]

mod advice;
#[cfg(feature = "ssr")]
mod certificate;
#[cfg(feature = "ssr")]
pub mod discovery;
#[cfg(feature = "ssr")]
pub mod doctor;
#[cfg(feature = "ssr")]
mod egress;
#[cfg(feature = "ssr")]
mod explained;
#[cfg(feature = "ssr")]
mod microsoft;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod preset;
#[cfg(feature = "ssr")]
mod provider;
#[cfg(feature = "ssr")]
mod setback;
mod token;
#[cfg(feature = "ssr")]
mod transcript;
#[cfg(feature = "ssr")]
pub mod xray;

use domain::check::address::AddressProblem;
use domain::check::certificate::CertificateProblem;
use domain::check::host::HostProblem;
use domain::check::port::PortProblem;
use domain::check::url::{ScopeProblem, UrlProblem};
use domain::delivery::{FactName, Outcome, Step, StepEnd, Tested};
use domain::draft::TlsMode;
use domain::field::Kind;
use domain::preset::Detail;
use domain::{Field, OauthFlow, Presence, Problem, Section};

use crate::api::{ApiError, DoorRefusal};
use crate::tab::SecretState;

pub use advice::{INTERRUPTED, Words, advice};
#[cfg(feature = "ssr")]
pub use pages::{
    ANOTHER_ACCOUNT, GO_ON_OUT, NEW_PASSWORD, NO_ANSWER, NO_SESSION_HERE, PASSWORD_CHANGED,
    PASSWORD_ENDS_SESSIONS, SIGN_IN_ELSEWHERE, SIGN_OUT, THE_HOSTS_TIMES, TIMES_NOT_SAVED,
    account_problem, action, actor, audit_retention, message_retention, occurrences,
    sessions_ended, set_up_problem, turned_away,
};
pub use token::{
    ASKING, CHECK_ADDRESS, COMES_BACK, DISCOVER, FINAL_ADDRESS, FINAL_ADDRESS_HELP, GET_AUTH_TOKEN,
    GOES_ELSEWHERE, GRANTED, ISSUER, ISSUER_HELP, NEXT_TRY, NO_TOKEN, NOT_USED, OBTAINED,
    SECRET_ID, SIGN_IN_BY, TOKEN_MANAGEMENT, WAITING, WAITING_TO_PASTE, XRAY, fault, leg,
    reason_to_wait_for_token, renewal, time_left, token_status,
};
#[cfg(feature = "ssr")]
pub use {
    explained::explained, preset::preset, setback::Known, setback::setback, transcript::transcript,
};

/// The name of a group box.
#[must_use]
pub const fn section(section: Section) -> &'static str {
    match section {
        Section::Flow => "OAuth Flow",
        Section::BasicSmtp => "Basic SMTP Settings",
        Section::OauthSmtp => "OAuth SMTP Settings",
        Section::Authentication => "Authentication Settings",
    }
}

/// What a group is for, in one sentence.
#[must_use]
pub const fn section_help(section: Section, flow: OauthFlow) -> &'static str {
    match (section, flow) {
        (Section::Flow, _) => "",
        (Section::BasicSmtp, OauthFlow::None) => "Mail is sent through this server.",
        (Section::BasicSmtp, _) => {
            "Kept, not used: with an OAuth flow, mail is sent through OAuth SMTP Settings."
        }
        (Section::OauthSmtp, OauthFlow::None) => "Not used: choose an OAuth flow to fill it in.",
        (Section::OauthSmtp, _) => {
            "Mail is sent through this server, with a token instead of a password."
        }
        (Section::Authentication, OauthFlow::None) => {
            "Not used: choose an OAuth flow to fill it in."
        }
        (Section::Authentication, OauthFlow::ClientCredentials) => {
            "What the provider gave you when you registered PPM as an application. Nobody signs in, so two addresses are not needed."
        }
        (Section::Authentication, _) => {
            "What the provider gave you when you registered PPM as an application."
        }
    }
}

/// The mark of a group: what its presence asks for.
#[must_use]
pub const fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Required => "required",
        Presence::Optional => "optional with this flow",
        Presence::Disabled => "not used with this flow",
    }
}

/// The name of a control.
#[must_use]
pub const fn field(field: Field) -> &'static str {
    match field {
        Field::Flow => "OAuth Flow",
        Field::BasicSender | Field::OauthSender => "Default Sender Email",
        Field::BasicDisplayName | Field::OauthDisplayName => "Display Name",
        Field::BasicServer | Field::OauthServer => "SMTP Server",
        Field::BasicPort | Field::OauthPort => "Port",
        Field::BasicUseTls | Field::OauthUseTls => "Use TLS",
        Field::BasicTlsMode | Field::OauthTlsMode => "TLS mode",
        Field::BasicTrustedCa | Field::OauthTrustedCa => "Trusted CA certificate",
        Field::Username => "Username",
        Field::Password => "Password",
        Field::ClientId => "Client ID",
        Field::ClientSecret => "Client Secret",
        Field::AuthorizationEndpoint => "Authorization Endpoint",
        Field::TokenEndpoint => "Token Endpoint",
        Field::RedirectUri => "Redirect URI",
        Field::Scope => "Scope",
    }
}

/// The name of a control, with its group where two groups have one of that name.
#[must_use]
pub fn field_in_full(at: Field) -> String {
    match at {
        Field::OauthSender
        | Field::OauthDisplayName
        | Field::OauthServer
        | Field::OauthPort
        | Field::OauthUseTls
        | Field::OauthTlsMode
        | Field::OauthTrustedCa => format!("{} (OAuth)", field(at)),
        _ => field(at).to_owned(),
    }
}

/// The names of some controls, in one line.
#[must_use]
pub fn fields(fields: &[Field]) -> String {
    let names: Vec<_> = fields.iter().map(|&at| field_in_full(at)).collect();
    names.join(", ")
}

/// What a control is for, and where an administrator finds its value.
#[must_use]
pub const fn field_help(field: Field) -> &'static str {
    match field {
        Field::Flow => {
            "How PPM proves to the mail server that it may send; your mail provider's documentation names the flow."
        }
        Field::BasicSender => "The address that mail comes from, and that bounces go back to.",
        Field::OauthSender => {
            "The mailbox that mail is sent from; it also signs in and gets bounces."
        }
        Field::BasicDisplayName | Field::OauthDisplayName => {
            "The name that readers see beside the address."
        }
        Field::BasicServer | Field::OauthServer => {
            "A host name such as smtp.example.com, or an IP address; your mail provider names it."
        }
        Field::BasicPort => {
            "Usually 587 with STARTTLS, 465 with implicit TLS, 25 without encryption."
        }
        Field::OauthPort => "Usually 587 with STARTTLS, 465 with implicit TLS.",
        Field::BasicUseTls | Field::OauthUseTls => "On: encrypted, or not sent at all.",
        Field::BasicTlsMode | Field::OauthTlsMode => {
            "When encryption begins. Automatic goes by the port and is nearly always right; other programs call Implicit TLS SSL/TLS or SMTPS."
        }
        Field::BasicTrustedCa | Field::OauthTrustedCa => {
            "Only for a server whose certificate comes from an authority of your own organisation: that authority's certificate in PEM; whoever runs the server has it."
        }
        Field::Username => {
            "Often the sender's address; leave it empty for a server that asks for no sign-in."
        }
        Field::Password => {
            "The mailbox's password, or the app password that the provider made for PPM."
        }
        Field::ClientId => {
            "The application's id in the provider's registration page, there also called Application ID."
        }
        Field::ClientSecret => {
            "The secret's value, shown once in the provider's registration page, not the secret's id; PPM uses it only for what it was entered for."
        }
        Field::AuthorizationEndpoint => {
            "The provider's page where somebody signs in; its documentation calls it the authorize address."
        }
        Field::TokenEndpoint => {
            "Where PPM fetches tokens; the provider's documentation names it beside the authorize address."
        }
        Field::RedirectUri => {
            "Where the provider sends the browser back to. Register exactly this text there: capital letters count."
        }
        Field::Scope => {
            "What PPM asks to be allowed, as the provider's documentation for SMTP writes it."
        }
    }
}

/// The name of a flow.
#[must_use]
pub const fn flow(flow: OauthFlow) -> &'static str {
    match flow {
        OauthFlow::None => "None",
        OauthFlow::AuthorizationCode => "Authorization Code",
        OauthFlow::AuthorizationCodePkce => "Authorization Code with PKCE",
        OauthFlow::ClientCredentials => "Client Credentials",
    }
}

/// What choosing a flow means.
#[must_use]
pub const fn flow_help(flow: OauthFlow) -> &'static str {
    match flow {
        OauthFlow::None => {
            "PPM signs in at the mail server with a user name and a password, or not at all."
        }
        OauthFlow::AuthorizationCode => {
            "Someone signs in at the mail provider once; PPM then sends in that mailbox's name. Authorization Code with PKCE is safer, and every provider of today offers it."
        }
        OauthFlow::AuthorizationCodePkce => {
            "Someone signs in at the mail provider once; PPM then sends in that mailbox's name. A one-time proof protects the sign-in from interception: the recommended choice (RFC 9700)."
        }
        OauthFlow::ClientCredentials => {
            "PPM signs in as itself, with its own id and secret; nobody is asked."
        }
    }
}

/// The name of a TLS mode.
#[must_use]
pub const fn tls_mode(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Automatic => "Automatic",
        TlsMode::StartTls => "STARTTLS",
        TlsMode::Implicit => "Implicit TLS",
    }
}

/// What will happen on the wire, in words beside the check box.
#[must_use]
pub fn encryption(security: Option<domain::settings::Security>) -> &'static str {
    use domain::settings::Security;
    match security {
        None => "The port decides: implicit TLS on 465 and 2465, STARTTLS on any other.",
        Some(Security::Clear) => {
            "Everything travels unencrypted, even where the server offers encryption."
        }
        Some(Security::StartTls) => {
            "STARTTLS: the connection turns to encryption before anything is sent, or nothing is sent."
        }
        Some(Security::ImplicitTls) => {
            "Implicit TLS: the connection is encrypted from its start, or nothing is sent."
        }
    }
}

/// The warning for a user name that would travel in clear.
pub const CLEAR_SIGN_IN: &str =
    "The user name and the password would be readable to anyone on the way to the server.";

/// The note for port 0.
pub const PORT_ZERO: &str = "No server can be reached on port 0.";

/// What is wrong with a control, and what to do about it.
#[must_use]
pub fn problem(at: Field, problem: Problem) -> String {
    match problem {
        Problem::Missing => missing(at).to_owned(),
        Problem::TooLong(limit) => format!("Too long: at most {limit} characters."),
        Problem::ControlCharacter
        | Problem::Address(AddressProblem::ControlCharacter)
        | Problem::Host(HostProblem::ControlCharacter)
        | Problem::Url(UrlProblem::ControlCharacter)
        | Problem::Scope(ScopeProblem::ControlCharacter) => {
            "It holds an invisible character, such as a line break or a tab. Type it again instead of pasting it.".to_owned()
        }
        Problem::Address(problem) => address(problem).to_owned(),
        Problem::Host(problem) => host(problem).to_owned(),
        Problem::Port(PortProblem::NotDigits) => "Digits only, please, such as 587.".to_owned(),
        Problem::Port(PortProblem::OutOfRange) => "A port is a number from 0 to 65,535.".to_owned(),
        Problem::Url(problem) => url(at, problem).to_owned(),
        Problem::Scope(ScopeProblem::BadCharacter) => {
            "A scope has no quotation marks, backslashes or letters beyond ASCII; spaces separate several.".to_owned()
        }
        Problem::Certificate(problem) => certificate(problem).to_owned(),
        Problem::EgressNotAllowed(address) => format!(
            "http:// to this machine has to be allowed: use https://, or ask the operator to start this server with --egress-allow {address}."
        ),
        Problem::EgressDenied(address) => {
            format!("The operator of this server has denied PPM this address (--egress-deny): {address}.")
        }
        Problem::EnterAgain => match at {
            Field::ClientSecret => "Enter it again: a stored secret only goes where it was entered for.",
            _ => "Enter it again: a stored password only goes where it was entered for.",
        }
        .to_owned(),
        Problem::UsernameMissing => "A Password is typed below: enter the Username that it belongs to, or empty the Password.".to_owned(),
        Problem::TlsNeeded => "OAuth is never sent unencrypted: turn Use TLS on.".to_owned(),
        Problem::TenantNeeded => "With Client Credentials, Microsoft wants your own tenant: put its name, such as contoso.onmicrosoft.com, or its ID in place of common, organizations or consumers.".to_owned(),
    }
}

const fn missing(at: Field) -> &'static str {
    match at {
        Field::BasicSender | Field::OauthSender => "Enter the address that mail comes from.",
        Field::BasicDisplayName | Field::OauthDisplayName => "Enter the name that readers see.",
        Field::BasicServer | Field::OauthServer => "Enter the mail server's name.",
        Field::BasicPort | Field::OauthPort => "Enter the port, usually 587.",
        Field::Password => {
            "Enter the password that belongs to the Username, or empty the Username."
        }
        Field::ClientId => "Enter the id that the provider gave to PPM.",
        Field::ClientSecret => "Enter the secret that the provider gave to PPM.",
        Field::AuthorizationEndpoint => "Enter the provider's sign-in address.",
        Field::TokenEndpoint => "Enter the provider's token address.",
        Field::RedirectUri => "Enter the address that the provider sends the browser back to.",
        Field::Scope => "Enter the scope that the provider names for sending mail.",
        Field::Flow
        | Field::BasicUseTls
        | Field::BasicTlsMode
        | Field::BasicTrustedCa
        | Field::Username
        | Field::OauthUseTls
        | Field::OauthTlsMode
        | Field::OauthTrustedCa => "This is needed.",
    }
}

const fn address(problem: AddressProblem) -> &'static str {
    match problem {
        AddressProblem::NoAt => "An e-mail address has an @, such as noreply@example.com.",
        AddressProblem::EmptyLocalPart => "There is nothing before the @.",
        AddressProblem::EmptyDomain => "There is nothing after the @.",
        AddressProblem::LocalPartTooLong => {
            "The part before the @ is too long: SMTP takes 64 bytes."
        }
        AddressProblem::AddressTooLong => "The address is too long: SMTP takes 254 bytes.",
        AddressProblem::BadLocalPart => {
            "The part before the @ is not valid: look for spaces, two dots in a row, or a name around the address."
        }
        AddressProblem::BadDomain => "The part after the @ is no domain, such as example.com.",
        AddressProblem::ControlCharacter => "It holds an invisible character.",
    }
}

const fn certificate(problem: CertificateProblem) -> &'static str {
    match problem {
        CertificateProblem::PrivateKey => {
            "This is a private key, which belongs to nobody but its server, and was not kept. Paste the authority's certificate."
        }
        CertificateProblem::NotPem => {
            "Paste whole certificates, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."
        }
        CertificateProblem::Damaged => "The certificate is damaged: copy it again.",
        CertificateProblem::NoAuthority => {
            "No server can be vouched for by this: it is no certificate of an authority."
        }
    }
}

const fn host(problem: HostProblem) -> &'static str {
    match problem {
        HostProblem::Empty => "Enter the mail server's name.",
        HostProblem::TooLong => "A host name has at most 253 characters.",
        HostProblem::LabelTooLong => "Between two dots of a host name are at most 63 characters.",
        HostProblem::BadCharacter => "A host name has letters, digits, hyphens and dots only.",
        HostProblem::BadHyphen => "A part of a host name neither begins nor ends with a hyphen.",
        HostProblem::EmptyLabel => "There is a dot too many.",
        HostProblem::BadIpv4 => "An IP address has four numbers from 0 to 255, such as 192.0.2.10.",
        HostProblem::BadIpv6 => "This is no valid IPv6 address.",
        HostProblem::ControlCharacter => "It holds an invisible character.",
        HostProblem::HasScheme => "Only the server's name, without smtp:// or https:// before it.",
        HostProblem::HasPort => "Only the server's name: the port has a field of its own.",
        HostProblem::HasSpace => "There is a space in it.",
    }
}

const fn url(at: Field, problem: UrlProblem) -> &'static str {
    match (problem, at) {
        (UrlProblem::Scheme, Field::RedirectUri) => {
            "This kind of address cannot be a Redirect URI; it usually begins with https://."
        }
        (UrlProblem::NotAbsolute | UrlProblem::Scheme, _) => {
            "A web address that begins with https://, please."
        }
        (UrlProblem::HttpNotLoopback, _) => {
            "https:// is needed: http:// is for this very machine only."
        }
        (UrlProblem::NoHost | UrlProblem::BadHost, _) => {
            "The host name in this address is not valid."
        }
        (UrlProblem::BadPort, _) => "The port in this address is not valid.",
        (UrlProblem::UserInfo, _) => {
            "No user name or password inside the address, please: remove what stands before the @."
        }
        (UrlProblem::Fragment, _) => "Remove the # and what follows it: OAuth allows no fragment.",
        (UrlProblem::BadCharacter, _) => "It holds a character that a web address has no use for.",
        (UrlProblem::Space, _) => "There is a space in it.",
        (UrlProblem::ControlCharacter, _) => "It holds an invisible character.",
    }
}

/// What happened to two administrators' edits.
pub const BOTH_IN_ONE: &str = "Nothing of yours is saved yet, and nothing is lost: this form now holds your changes and theirs.";

/// What is left to do about them, while fields wait for a choice.
pub const BOTH_CHANGED: &str = "Both of you changed these. Choose at each, then save:";

/// What is left to do once every choice is made.
pub const ALL_CHOSEN: &str = "Look it over, then save.";

/// What is left to do where nothing of one's own is.
pub const NOTHING_LEFT: &str = "Nothing of yours is left to save.";

/// Why a control waits for a choice.
#[must_use]
pub const fn dispute(at: Field) -> &'static str {
    match at {
        Field::Password | Field::ClientSecret => {
            "You changed this, and meanwhile it, or where it goes, was changed as well."
        }
        _ => "Both of you changed this.",
    }
}

/// A control's value in words, from its text.
#[must_use]
pub fn value(at: Field, text: &str) -> String {
    let name = match at {
        Field::Flow => OauthFlow::from_wire_name(text).map(flow),
        Field::BasicTlsMode | Field::OauthTlsMode => TlsMode::from_wire_name(text).map(tls_mode),
        _ if text.is_empty() => Some("empty"),
        _ if at.kind() == Kind::Lines => return beginning_and_end(text),
        _ => None,
    };
    name.unwrap_or(text).to_owned()
}

/// Lines of PEM, of which only the last octets differ to the eye.
fn beginning_and_end(text: &str) -> String {
    let last = text.lines().rfind(|line| !line.is_empty() && !line.starts_with('-'));
    format!("{} lines, the last one {}", text.lines().count(), last.unwrap_or_default())
}

/// What a save would do to a secret, in words beside the choice.
#[must_use]
pub const fn my_secret(is_typed: bool) -> &'static str {
    if is_typed { "the one you typed" } else { "removed" }
}

/// What is stored of a secret, in words beside the choice.
#[must_use]
pub const fn their_secret(is_stored: bool) -> &'static str {
    if is_stored { "the one that is stored" } else { "none" }
}

/// What went wrong outside the form.
#[must_use]
pub fn api_error(error: ApiError) -> String {
    match error {
        ApiError::SignedOut => "Your session has ended. What you typed is still here: sign in in another tab, then try again.".to_owned(),
        ApiError::HostTokenExpired => "Your sign-in has expired. What you typed is still here: sign in again where you came from, in another tab, then try again.".to_owned(),
        ApiError::Forbidden => "Your account may not do this. An administrator may.".to_owned(),
        ApiError::Oversized(at) => {
            let most = if at.kind() == Kind::Lines { "16,384" } else { "4,096" };
            format!("{} holds more than {most} characters. Choose a flow that uses it, and shorten it.", field_in_full(at))
        }
        ApiError::Incomplete => "What is saved is not enough to send with. Fill in the required fields and save.".to_owned(),
        ApiError::NoAddress => NO_ADDRESS.to_owned(),
        ApiError::TokenNeeded => TOKEN_NEEDED.to_owned(),
        ApiError::TokenElsewhere => "The stored token goes only to the mail server that it was obtained for, and this form names another. Save it, get a new token, then test.".to_owned(),
        ApiError::NoAnswerInAddress => "This is not the final address: it has neither a code nor an error in it. Copy the whole line from the browser's address bar.".to_owned(),
        ApiError::Busy => "A test message is under way already. Wait until it has ended.".to_owned(),
        ApiError::NotFound => "There is no such thing here.".to_owned(),
        ApiError::Malformed => "The page and the server do not understand each other: the product was probably updated meanwhile. Reload the page.".to_owned(),
        ApiError::TooLarge => "This is more text than the server takes. Shorten what you typed, then try again.".to_owned(),
        ApiError::CrossSite => "The request seemed to come from another site. Open this page by its own address.".to_owned(),
        ApiError::ServerFailed => "The server could not do it; its log says why. What you typed is still here: try again.".to_owned(),
        ApiError::Unreachable => "The server does not answer. What you typed is still here: look at your connection, then try again.".to_owned(),
    }
}

/// Why Send Test Email waits while an OAuth flow is saved and no token can be used.
pub const TOKEN_NEEDED: &str =
    "With an OAuth flow, mail is sent with a token: press Get Auth Token first.";

/// Why Send Test Email waits for somebody without an address.
pub const NO_ADDRESS: &str =
    "A test message goes to your own e-mail address only, and none is known.";

/// What somebody may do who may not edit.
pub const READ_ONLY: &str = "You can look at these settings. Only an administrator changes them.";

/// Why Send Test Email waits while the form is being edited.
pub const SAVE_FIRST: &str = "Save or cancel your changes first.";

/// Why Send Test Email waits while what is saved is not enough.
pub const FILL_IN_FIRST: &str = "Fill in and save the required settings first.";

/// Why nobody was signed in.
#[must_use]
pub fn door_refusal(refusal: DoorRefusal) -> String {
    match refusal {
        DoorRefusal::WrongCredentials => "E-mail address or password is wrong.".to_owned(),
        DoorRefusal::TooManyAttempts(seconds) => {
            format!("Too many attempts. Try again in {}.", duration(seconds))
        }
        DoorRefusal::Busy(seconds) => {
            format!("The server is busy with other sign-ins. Try again in {}.", duration(seconds))
        }
        DoorRefusal::ServerFailed => {
            "The server could not do it; its log says why. Try again.".to_owned()
        }
        DoorRefusal::Declined => "The sign-in was declined. Nobody is signed in.".to_owned(),
        DoorRefusal::Over => {
            "This sign-in is over: it took longer than ten minutes, or was finished before. Start again."
                .to_owned()
        }
        DoorRefusal::OtherBrowser => {
            "This sign-in was begun in another browser. Go on there, or start again here.".to_owned()
        }
        DoorRefusal::ProviderFailed => {
            "The sign-in with your organisation's account failed; the server's log says why. Try again."
                .to_owned()
        }
        DoorRefusal::NoRole => {
            "Your account may not use this. Ask an administrator of your organisation for a role."
                .to_owned()
        }
    }
}

fn duration(seconds: u32) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// The name of a step of a delivery.
#[must_use]
pub const fn step(step: Step) -> &'static str {
    match step {
        Step::Token => "Token",
        Step::NameLookup => "Name lookup",
        Step::Connection => "Connection",
        Step::Tls => "TLS",
        Step::Greeting => "Greeting",
        Step::Capabilities => "Capabilities",
        Step::SignIn => "Sign-in",
        Step::Sender => "Sender",
        Step::Recipient => "Recipient",
        Step::Content => "Content",
        Step::Accepted => "Accepted",
    }
}

/// Said while a message under way cannot be followed, because nobody is signed in any more.
pub const UNSEEN: &str = "You are signed out, so how the message fares is not seen. It goes its way all the same: sign in again in another tab, and it appears here.";

/// How a message ended, in one sentence; `cause` is what that usually means.
#[must_use]
pub fn outcome(outcome: &Outcome, cause: &str) -> String {
    match outcome {
        Outcome::Accepted { server, .. } => format!("{server} accepted the message."),
        Outcome::Failed { step: at, .. } => format!("{} failed: {cause}", step(*at)),
        Outcome::Interrupted => cause.to_owned(),
    }
}

/// What a fact of a step is about.
#[must_use]
pub const fn fact(name: FactName) -> &'static str {
    match name {
        FactName::Addresses => "Addresses",
        FactName::Peer => "Connected to",
        FactName::TlsVersion => "Version",
        FactName::Cipher => "Cipher",
        FactName::Subject => "Certificate for",
        FactName::Names => "Names in it",
        FactName::Issuer => "Issued by",
        FactName::Fingerprint => "Its fingerprint (SHA-256)",
        FactName::DaysLeft => "Days left",
        FactName::IssuerFingerprint => "Fingerprint of its issuer (SHA-256)",
        FactName::IssuerPem => "Its issuer's certificate",
        FactName::Mechanisms => "Sign-in by",
        FactName::Size => "Size limit, in bytes",
        FactName::SmtpUtf8 => "SMTPUTF8",
        FactName::Age => "Seconds old",
        FactName::ValidFor => "Good for, in seconds",
        FactName::Renewed => "Renewed for this message",
        FactName::Mechanism => "Method",
        FactName::QueueId => "Queue id",
    }
}

/// The menu of providers.
pub const PROVIDER: &str = "Provider";
/// What the menu is for.
pub const PROVIDER_HELP: &str = "Who sends your mail. Fill in puts in the server, the port, the endpoints and the scope; what you typed is replaced only when you say so.";
/// The choice of none.
pub const NO_PROVIDER: &str = "Choose a provider";
/// What fills the form.
pub const FILL_IN: &str = "Fill in";
/// What precedes what would be replaced.
pub const HOLD_SOMETHING_ELSE: &str = "These already hold something else:";

/// What has to be known beside a provider.
#[must_use]
pub const fn detail(detail: Detail) -> &'static str {
    match detail {
        Detail::Tenant => "Tenant",
        Detail::Region => "Region",
    }
}

/// What the button does that tests settings before they are saved.
pub const TEST_TYPED: &str = "Or test what this form shows now, before you save it. A stored secret or token is used only for what it was entered or obtained for.";

/// Which settings a test message went through.
#[must_use]
pub const fn tested(tested: Tested) -> &'static str {
    match tested {
        Tested::Saved => "Tested: the settings that are saved.",
        Tested::Typed => "Tested: what the form showed, which is not saved by this.",
    }
}

/// How a step ended.
#[must_use]
pub const fn step_end(end: StepEnd) -> &'static str {
    match end {
        StepEnd::Done => "done",
        StepEnd::Failed => "failed",
        StepEnd::Skipped => "not asked for",
    }
}

/// What is stored and done with a secret; `destination` is where the stored value goes.
#[must_use]
pub fn secret(at: Field, state: &SecretState, destination: &str) -> String {
    match state {
        SecretState::Unset | SecretState::New => String::new(),
        SecretState::Stored => format!("Stored for {destination}. Type to replace it."),
        SecretState::StoredForAnother(moved) => {
            format!("{} The stored one is for {destination}.", enter_again(at, moved))
        }
        SecretState::Replaced => "Replaces the stored one when you save.".to_owned(),
        SecretState::Cleared => "The stored one is removed when you save.".to_owned(),
        SecretState::ClearedWithUsername => {
            "Without a Username, the stored Password is removed when you save.".to_owned()
        }
    }
}

/// Why a stored secret has to be entered again: these controls change.
#[must_use]
pub fn enter_again(secret: Field, moved: &[Field]) -> String {
    let names: Vec<_> = moved.iter().map(|&at| field_in_full(at)).collect();
    let why = match &names[..] {
        [] => String::new(),
        [one] => format!(", because {one} changes"),
        [first @ .., last] => format!(", because {} and {last} change", first.join(", ")),
    };
    let then = match secret {
        Field::ClientSecret => {
            " If you no longer have it, create a second secret at the provider; the old one keeps working until you delete it."
        }
        _ => "",
    };
    format!("{} must be entered again{why}.{then}", field(secret))
}
