//! The catalogue: the displayed English text, except explanations. Converts codes to sentences; causes
//! and next steps that need the administrator's values are in `explain`. It is resolved at build time. A second language is a second set of these modules with the same items,
//! chosen by a Cargo feature.

#![expect(clippy::too_many_lines, reason = "tables: a row a case")]

pub mod alert;
mod conflict;
mod diagnosis;
pub mod incident;
mod note;
mod pages;
pub mod tab;
mod token;

use contract::{ApiCode, SignInRefusal};
use domain::delivery::{Fact, FactName, Outcome, Step, StepStatus, Tested};
use domain::draft::{ClientAuthentication, TlsMode};
use domain::syntax::url::{ScopeProblem, UrlProblem};
use domain::syntax::{
    address::AddressProblem, certificate::CertificateProblem, host::HostProblem, port::PortProblem,
};
use domain::{Field, OauthFlow, Presence, Problem, Section, validate::url_problems};
use domain::{field::Kind, preset::Detail, secret_state::SecretState, settings::Security};

pub use conflict::*;
pub use diagnosis::*;
pub use note::*;
pub use pages::*;
pub use token::*;

/// The language of this catalogue (BCP 47), for the document's `lang`.
pub const LANGUAGE: &str = "en";

/// The name of a group box.
pub const fn section(section: Section) -> &'static str {
    match section {
        Section::Flow => "OAuth Flow",
        Section::BasicSmtp => "Basic SMTP Settings",
        Section::OauthSmtp => "OAuth SMTP Settings",
        Section::Authentication => "Authentication Settings",
    }
}

/// The purpose of a group in one sentence.
pub const fn section_help(section: Section, flow: OauthFlow) -> &'static str {
    match (section, flow) {
        (Section::Flow, _) => "",
        (Section::BasicSmtp, OauthFlow::None) => "Mail is sent through this server.",
        (Section::BasicSmtp, _) => "Kept, but not used with an OAuth flow.",
        (Section::OauthSmtp | Section::Authentication, OauthFlow::None) => {
            "Choose an OAuth flow above to use these settings."
        }
        (Section::OauthSmtp, _) => "This server sends mail, with a token.",
        (Section::Authentication, OauthFlow::ClientCredentials) => {
            "What the provider gave you when you registered PPM as an application. No user signs in with this flow, so Authorization Endpoint and Redirect URI are not used."
        }
        (Section::Authentication, _) => {
            "What the provider gave you when you registered PPM as an application."
        }
    }
}

/// The mark of a group for its presence.
pub const fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Required => "required",
        Presence::Optional => "optional with this flow",
        Presence::Disabled => "not used with this flow",
    }
}

/// The name of a control.
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
        Field::PasswordExpiresOn | Field::ClientSecretExpiresOn => "Secret expires on",
        Field::ClientId => "Client ID",
        Field::ClientSecret => "Client Secret",
        Field::AuthorizationEndpoint => "Authorization Endpoint",
        Field::TokenEndpoint => "Token Endpoint",
        Field::RedirectUri => "Redirect URI",
        Field::Scope => "Scope",
        Field::ClientAuthentication => "Client authentication",
    }
}

/// The name of a control, with its group or its secret if two groups have a control of that name.
pub fn field_in_full(at: Field) -> String {
    match at.section() {
        _ if at.kind() == Kind::Date => {
            let is_of_password = at == Field::PasswordExpiresOn;
            let secret = if is_of_password { Field::Password } else { Field::ClientSecret };
            format!("{} ({})", field(at), field(secret))
        }
        Section::OauthSmtp => format!("{} (OAuth)", field(at)),
        _ => field(at).to_owned(),
    }
}

/// The names of some controls, separated by commas.
pub fn fields(fields: &[Field]) -> String {
    let names: Vec<_> = fields.iter().map(|&at| field_in_full(at)).collect();
    names.join(", ")
}

/// A control's help text: its purpose, and where to find its value.
pub const fn field_help(field: Field) -> &'static str {
    match field {
        Field::Flow => {
            "Also called grant type. Your provider's documentation says which one it supports."
        }
        Field::BasicSender => "Mail is sent from this address, and bounces come back to it.",
        Field::OauthSender => {
            "The mailbox that sends and gets bounces. With an Authorization Code flow, it also signs in."
        }
        Field::BasicDisplayName | Field::OauthDisplayName => "The sender name that recipients see.",
        Field::BasicServer | Field::OauthServer => {
            "A host name such as smtp.example.com, or an IP address. Your mail provider lists it."
        }
        Field::BasicPort => "Usually 587 (STARTTLS), 465 (implicit TLS) or 25 (no encryption).",
        Field::OauthPort => "Usually 587 (STARTTLS) or 465 (implicit TLS).",
        Field::BasicUseTls | Field::OauthUseTls => "When on, mail is sent encrypted or not at all.",
        Field::BasicTlsMode | Field::OauthTlsMode => {
            "When encryption starts. Automatic picks it from the port. Others call Implicit TLS SSL/TLS or SMTPS."
        }
        Field::BasicTrustedCa | Field::OauthTrustedCa => {
            "Only if the server's certificate was issued by your own organisation. Paste that CA's certificate (PEM); the server's administrator has it."
        }
        Field::Username => "Often the sender's address; empty if no sign-in is needed.",
        Field::Password => "The mailbox's password, or an app password.",
        Field::PasswordExpiresOn => "Optional. PPM reminds you 30, 14, 7 and 1 days before.",
        Field::ClientId => "From your registration of PPM; also called Application ID.",
        Field::ClientSecret => "The secret's value, not its ID. The provider shows it once.",
        Field::ClientSecretExpiresOn => {
            "Optional. In Entra: Expires, under Certificates & secrets."
        }
        Field::AuthorizationEndpoint => {
            "The provider's sign-in page, also called the authorize URL."
        }
        Field::TokenEndpoint => "Where PPM requests tokens, also called the token URL.",
        Field::RedirectUri => {
            "Where the provider sends the browser after sign-in. Register exactly this at the provider; it is case-sensitive."
        }
        Field::Scope => {
            "The permissions PPM asks for, exactly as the provider's SMTP documentation lists them, separated by spaces."
        }
        Field::ClientAuthentication => {
            "How Client ID and Client Secret go to the Token Endpoint. Automatic follows the provider's metadata, else sends the secret in the body, else by HTTP Basic; None (public client) is for Authorization Code with PKCE only."
        }
    }
}

/// The name of a flow.
pub const fn flow(flow: OauthFlow) -> &'static str {
    match flow {
        OauthFlow::None => "None",
        OauthFlow::AuthorizationCode => "Authorization Code",
        OauthFlow::AuthorizationCodePkce => "Authorization Code with PKCE",
        OauthFlow::ClientCredentials => "Client Credentials",
    }
}

/// The help text of a flow.
pub const fn flow_help(flow: OauthFlow) -> &'static str {
    match flow {
        OauthFlow::None => {
            "PPM signs in to the mail server with a user name and password, or sends without signing in."
        }
        OauthFlow::AuthorizationCode => {
            "A user signs in at the mail provider once, and PPM then sends from that mailbox. Prefer Authorization Code with PKCE where the provider supports it."
        }
        OauthFlow::AuthorizationCodePkce => {
            "A user signs in at the mail provider once, and PPM then sends from that mailbox. PKCE protects that sign-in from interception: this is the recommended flow (RFC 9700)."
        }
        OauthFlow::ClientCredentials => {
            "PPM signs in as an application, with its own ID and secret; also called machine-to-machine. No user has to sign in."
        }
    }
}

/// The name of a client authentication method.
pub const fn client_authentication(method: ClientAuthentication) -> &'static str {
    match method {
        ClientAuthentication::Automatic => "Automatic",
        ClientAuthentication::Body => "In the body",
        ClientAuthentication::Basic => "HTTP Basic",
        ClientAuthentication::None => "None (public client)",
    }
}

/// The summary of the collapsed part of Authentication Settings.
pub const MORE: &str = "More";

/// The hint for a stored Client Secret of a public client.
pub const NO_SECRET_SENT: &str = "Kept, not sent: a public client has no secret.";

/// The name of a TLS mode.
pub const fn tls_mode(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Automatic => "Automatic",
        TlsMode::StartTls => "STARTTLS",
        TlsMode::Implicit => "Implicit TLS",
    }
}

/// The effective connection security, shown next to the check box.
pub fn encryption(security: Option<Security>) -> &'static str {
    match security {
        None => "Depends on the port: implicit TLS on 465 and 2465, STARTTLS on any other.",
        Some(Security::Clear) => "Nothing is encrypted, even if the server offers it.",
        Some(Security::StartTls) => {
            "STARTTLS: encrypted before anything is sent, or nothing is sent."
        }
        Some(Security::ImplicitTls) => {
            "Implicit TLS: encrypted from the start, or nothing is sent."
        }
    }
}

/// The warning for credentials sent without encryption.
pub const CLEAR_SIGN_IN: &str =
    "The user name and password can be read on the network between PPM and the server.";

/// The note for port 0.
pub const PORT_ZERO: &str = "No server can be reached on port 0.";

/// The error message beside a control's text: by how much the text is too long, and every rule that a
/// URL breaks.
pub fn problem_of(at: Field, problem: Problem, text: &str) -> String {
    let local_part = || text.rsplit_once('@').map_or(text, |(local_part, _)| local_part);
    let (what, length, unit, limit) = match problem {
        Problem::TooLong(limit) => ("Too long", text.chars().count(), "character", limit),
        Problem::Address(AddressProblem::LocalPartTooLong) => {
            ("The part before the @ is too long", local_part().len(), "byte", 64)
        }
        Problem::Address(AddressProblem::AddressTooLong) => {
            ("The address is too long", text.len(), "byte", 254)
        }
        Problem::Url(first) => {
            let all = url_problems(at, text);
            let all = if all.is_empty() { vec![first] } else { all };
            let sentences: Vec<_> = all.into_iter().map(|problem| url(at, problem)).collect();
            return sentences.join(" ");
        }
        _ => return self::problem(at, problem),
    };
    match (length as u64).saturating_sub(limit) {
        0 => self::problem(at, problem),
        1 => format!("{what} by 1 {unit}: at most {limit}."),
        excess => format!("{what} by {excess} {unit}s: at most {limit}."),
    }
}

/// The error message of a control whose text is not at hand.
pub fn problem(at: Field, problem: Problem) -> String {
    match problem {
        Problem::Missing => missing(at).to_owned(),
        Problem::TooLong(limit) => format!("Too long: at most {limit} characters."),
        Problem::ControlCharacter
        | Problem::Address(AddressProblem::ControlCharacter)
        | Problem::Host(HostProblem::ControlCharacter)
        | Problem::Url(UrlProblem::ControlCharacter)
        | Problem::Scope(ScopeProblem::ControlCharacter) => {
            "Contains an invisible character, such as a line break or tab. Type it instead of pasting it.".to_owned()
        }
        Problem::Address(problem) => address(problem).to_owned(),
        Problem::Host(problem) => host(problem).to_owned(),
        Problem::Port(PortProblem::NotDigits) => "Enter digits only, for example 587.".to_owned(),
        Problem::Port(PortProblem::OutOfRange) => "Enter a number from 0 to 65,535.".to_owned(),
        Problem::Url(problem) => url(at, problem).to_owned(),
        Problem::Scope(ScopeProblem::BadCharacter) => {
            "Use only plain ASCII without quotation marks or backslashes, and separate scopes with spaces.".to_owned()
        }
        Problem::Certificate(problem) => certificate(problem).to_owned(),
        Problem::NotADate => "Enter a date of the years 1970 to 9999, or leave this empty.".to_owned(),
        Problem::EgressNotAllowed(address) => format!(
            "The operator of this server has not allowed http:// to this machine. Use https://, or ask the operator to start this server with --egress-allow {address}."
        ),
        Problem::EgressDenied(address) => {
            format!("The operator of this server has blocked this address (--egress-deny): {address}. Use another one, or ask the operator.")
        }
        Problem::EnterAgain => match at {
            Field::ClientSecret => "Enter it again: a stored secret is only used with the settings that it was entered for.",
            _ => "Enter it again: the server, port, user name or a TLS setting has changed, and a stored password is only sent to the server that it was entered for.",
        }
        .to_owned(),
        Problem::UsernameMissing => "Enter the Username for this Password, or clear the Password.".to_owned(),
        Problem::TlsNeeded => "Turn Use TLS on: OAuth tokens are never sent unencrypted.".to_owned(),
        Problem::PkceNeeded => "A public client needs Authorization Code with PKCE. Choose that flow, or another Client authentication.".to_owned(),
        Problem::TenantNeeded => "With Client Credentials, the endpoint must name one tenant. Replace common, consumers or organizations with your tenant's ID or domain.".to_owned(),
    }
}

const fn missing(at: Field) -> &'static str {
    match at {
        Field::BasicSender | Field::OauthSender => "Enter the sender's email address.",
        Field::BasicDisplayName | Field::OauthDisplayName => "Enter the sender's name.",
        Field::BasicServer | Field::OauthServer => "Enter the mail server's name.",
        Field::BasicPort | Field::OauthPort => "Enter the port, usually 587.",
        Field::Password => "Enter the password for this Username, or clear the Username.",
        Field::ClientId => "Enter the Client ID from the provider.",
        Field::ClientSecret => "Enter the Client Secret from the provider.",
        Field::AuthorizationEndpoint => "Enter the provider's authorization URL.",
        Field::TokenEndpoint => "Enter the provider's token URL.",
        Field::RedirectUri => {
            "Enter the address that the provider sends the browser to after sign-in."
        }
        Field::Scope => "Enter the scope your provider requires for sending mail.",
        _ => "This field is required.",
    }
}

const fn address(problem: AddressProblem) -> &'static str {
    match problem {
        AddressProblem::NoAt => "Enter an email address, such as noreply@example.com.",
        AddressProblem::EmptyLocalPart => "Enter the part before the @.",
        AddressProblem::EmptyDomain => "Enter the part after the @, such as example.com.",
        AddressProblem::LocalPartTooLong => "The part before the @ is too long: at most 64 bytes.",
        AddressProblem::AddressTooLong => "The address is too long: at most 254 bytes.",
        AddressProblem::BadLocalPart => {
            "The part before the @ is not valid. Check for spaces, two dots in a row, or a name around the address."
        }
        AddressProblem::BadDomain => {
            "The part after the @ is not a valid domain, such as example.com."
        }
        AddressProblem::ControlCharacter => "Contains an invisible character.",
    }
}

const fn certificate(problem: CertificateProblem) -> &'static str {
    match problem {
        CertificateProblem::PrivateKey => {
            "This is a private key and was not saved. Never share it. Paste the CA's certificate instead."
        }
        CertificateProblem::NotPem => {
            "Paste complete certificates, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."
        }
        CertificateProblem::Damaged => "The certificate is damaged. Copy it again.",
        CertificateProblem::NoAuthority => {
            "This is not a CA certificate, so it cannot be used to trust a server."
        }
        CertificateProblem::Version1 => {
            "Trusting this certificate does not help: it is the mail server's own, and of X.509 version 1, which PPM does not accept. The server needs a new certificate of version 3."
        }
        CertificateProblem::KeyTooShort => {
            "Trusting this certificate does not help: its RSA key has fewer than 2,048 bits. The server needs a new certificate with a longer key."
        }
        CertificateProblem::NoNames => {
            "Trusting this certificate does not help: it is the mail server's own, and has no subjectAltName with the server's name in it. The common name (CN) does not count. The server needs a new certificate."
        }
    }
}

const fn host(problem: HostProblem) -> &'static str {
    match problem {
        HostProblem::Empty => "Enter the mail server's name.",
        HostProblem::TooLong => "A host name may have at most 253 characters.",
        HostProblem::LabelTooLong => "Each part of a host name may have at most 63 characters.",
        HostProblem::BadCharacter => "Use only letters, digits, hyphens, underscores and dots.",
        HostProblem::BadHyphen => "A part of a host name cannot start or end with a hyphen.",
        HostProblem::EmptyLabel => "There is an extra dot.",
        HostProblem::BadIpv4 => "An IP address has four numbers from 0 to 255, such as 192.0.2.10.",
        HostProblem::BadIpv6 => "This is not a valid IPv6 address.",
        HostProblem::ControlCharacter => "Contains an invisible character.",
        HostProblem::HasScheme => "Enter only the server's name, without smtp:// or https://.",
        HostProblem::HasAt => "This is an email address. Enter the name of the SMTP server.",
        HostProblem::HasPort => "Enter only the server's name. The port has its own field.",
        HostProblem::HasSpace => "Remove the space.",
    }
}

const fn url(at: Field, problem: UrlProblem) -> &'static str {
    match (problem, at) {
        (UrlProblem::Scheme, Field::RedirectUri) => {
            "This kind of address cannot be a Redirect URI. A Redirect URI usually starts with https://."
        }
        (UrlProblem::NotAbsolute | UrlProblem::Scheme, _) => {
            "Enter an address that starts with https://."
        }
        (UrlProblem::HttpNotLoopback, _) => {
            "Use https://. http:// is allowed only for this machine (localhost)."
        }
        (UrlProblem::NoHost | UrlProblem::BadHost, _) => {
            "The host name in this address is not valid."
        }
        (UrlProblem::BadPort, _) => "The port in this address is not valid.",
        (UrlProblem::UserInfo, _) => {
            "Remove the user name and password (the part before the @) from the address."
        }
        (UrlProblem::Fragment, _) => {
            "Remove the # and everything after it: OAuth does not allow a fragment."
        }
        (UrlProblem::BadCharacter, _) => {
            "Contains a character that is not allowed in a web address, such as the braces of a placeholder."
        }
        (UrlProblem::Space, _) => "Remove the space.",
        (UrlProblem::ControlCharacter, _) => "Contains an invisible character.",
    }
}

/// Formats a control's value for display.
pub fn value(at: Field, text: &str) -> String {
    let name = match at {
        Field::Flow => OauthFlow::from_wire_name(text).map(flow),
        Field::BasicTlsMode | Field::OauthTlsMode => TlsMode::from_wire_name(text).map(tls_mode),
        Field::ClientAuthentication => {
            ClientAuthentication::from_wire_name(text).map(client_authentication)
        }
        _ if text.is_empty() => Some("empty"),
        _ if at.kind() == Kind::Lines => return pem_summary(text),
        _ => None,
    };
    name.unwrap_or(text).to_owned()
}

/// Summarizes PEM text by its number of lines and its last line, which differs between certificates.
fn pem_summary(text: &str) -> String {
    let last = text.lines().rfind(|line| !line.is_empty() && !line.starts_with('-'));
    format!("{} lines, the last one {}", text.lines().count(), last.unwrap_or_default())
}

/// What a save would do to this side's secret, shown next to the choice.
pub const fn my_secret(is_typed: bool) -> &'static str {
    if is_typed { "the one you typed" } else { "removed" }
}

/// The other side's secret, shown next to the choice.
pub const fn their_secret(is_stored: bool) -> &'static str {
    if is_stored { "the stored one" } else { "none" }
}

/// The text that links to the sign-in page, if its path is known.
pub const SIGN_IN_IN_A_NEW_TAB: &str = "sign in in a new tab";

/// The message of an API error. If the session has ended, it contains [`SIGN_IN_IN_A_NEW_TAB`].
pub fn api_error(code: ApiCode) -> String {
    match code.general() {
        ApiCode::SignedOut => format!("Your session has ended. Your changes are still here: {SIGN_IN_IN_A_NEW_TAB}, then try again."),
        ApiCode::HostTokenExpired => "Your sign-in has expired. Your changes are still here: sign in again to the product you came from, in a new tab, then try again.".to_owned(),
        ApiCode::Forbidden => "Your account is not allowed to do this. Only an administrator can.".to_owned(),
        ApiCode::Oversized(at) => {
            let most = if at.kind() == Kind::Lines { "16,384" } else { "4,096" };
            format!("{} has more than {most} characters. Choose a flow that uses it, then shorten it.", field_in_full(at))
        }
        ApiCode::Incomplete => "The saved settings are incomplete. Fill in the required fields and save.".to_owned(),
        ApiCode::NoAddress => NO_ADDRESS.to_owned(),
        ApiCode::TokenNeeded => TOKEN_NEEDED.to_owned(),
        ApiCode::TokenForOtherServer => "The stored token is only sent to the mail server that it was obtained for, and this form has another one. Save, get a new token, then test.".to_owned(),
        ApiCode::NoAnswerInAddress => "This is not the final address: it contains neither a code nor an error. Copy the whole address from the browser's address bar.".to_owned(),
        ApiCode::Busy => "A test message is already being sent. Wait until it has finished.".to_owned(),
        ApiCode::NotFound => "Not found.".to_owned(),
        ApiCode::Malformed => "This page is out of date: PPM was probably updated. Copy anything you need, then reload the page.".to_owned(),
        ApiCode::TooLarge => "This is more text than the server accepts. Shorten it, then try again.".to_owned(),
        ApiCode::CrossSite => "The request seemed to come from another site. Open this page at its own address.".to_owned(),
        ApiCode::ServerFailed => "Something went wrong on the server; its log has the details. Your changes are still here: try again.".to_owned(),
        ApiCode::Unreachable
        // `general` returns none of these: another code stands for each.
        | ApiCode::NotJson
        | ApiCode::AnotherHost
        | ApiCode::NotAForm
        | ApiCode::BodyTooSlow
        | ApiCode::BodyTooLarge
        | ApiCode::BodyBroken
        | ApiCode::AnswerTooSlow
        | ApiCode::Internal
        | ApiCode::TooManyStreams
        | ApiCode::TooManyAttempts
        | ApiCode::Unavailable
        | ApiCode::HostTokenMalformed
        | ApiCode::HostTokenAlgorithm
        | ApiCode::HostTokenKeyUnknown
        | ApiCode::HostKeysUnavailable
        | ApiCode::HostTokenType
        | ApiCode::HostTokenSignature
        | ApiCode::HostTokenIssuer
        | ApiCode::HostTokenAudienceMissing
        | ApiCode::HostTokenAudience
        | ApiCode::HostTokenExpiryMissing
        | ApiCode::HostTokenIssuedAtMissing
        | ApiCode::HostTokenNotYetValid
        | ApiCode::ProxyHeaderSpoofed
        | ApiCode::ProxyHeaderMalformed
        | ApiCode::RoleMissing
        | ApiCode::SessionEnded
        | ApiCode::AccountRemoved => "The server is not responding. Your changes are still here: check your connection, then try again.".to_owned(),
    }
}

/// Why Send Test Email is disabled: an OAuth flow is saved, but there is no usable token.
pub const TOKEN_NEEDED: &str =
    "Press Get Auth Token first: with an OAuth flow, mail is sent with a token.";

/// Why Send Test Email is disabled: the account has no verified address.
pub const NO_ADDRESS: &str = "A test message goes only to your own email address, and your account has no verified one. Ask the administrator of your accounts to add one.";

/// The hint for accounts with read access.
pub const READ_ONLY: &str =
    "You can view these settings, but only an administrator can change them.";

/// Why Send Test Email is disabled: the form has unsaved changes.
pub const SAVE_FIRST: &str = "Save or cancel your changes first.";

/// Why Send Test Email is disabled: the saved settings are incomplete.
pub const FILL_IN_FIRST: &str = "Fill in and save the required settings first.";

/// The message for a server error without unsaved input.
const FAILED: &str = "Something went wrong on the server; its log has the details. Try again.";

/// The message of a failed sign-in.
pub fn sign_in_refusal(refusal: SignInRefusal) -> String {
    let text = match refusal {
        SignInRefusal::TooManyAttempts(seconds) => {
            return format!("Too many attempts. Try again in {}.", duration(seconds));
        }
        SignInRefusal::Busy(seconds) => {
            let wait = duration(seconds);
            return format!("The server is busy with other sign-ins. Try again in {wait}.");
        }
        SignInRefusal::WrongCredentials => "Wrong email address or password.",
        SignInRefusal::ServerFailed => FAILED,
        SignInRefusal::Declined => "The sign-in was declined, so you are not signed in.",
        SignInRefusal::Over => {
            "This sign-in has expired (10 minutes) or was already completed. Start again."
        }
        SignInRefusal::OtherBrowser => {
            "This sign-in was started in another browser. Continue there, or start again here."
        }
        SignInRefusal::ProviderFailed => {
            "Signing in with your organisation's account failed; the server's log has the details. Try again."
        }
        SignInRefusal::NoRole => {
            "Your account has no role here. Ask an administrator of your organisation for one."
        }
    };
    text.to_owned()
}

fn duration(seconds: u32) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// The name of a step of a delivery.
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

/// The message if the session ends while a test message is running.
pub const UNSEEN: &str = "You are signed out, so progress cannot be shown. The message is still being sent: sign in in another tab to see the result here.";

/// The outcome of a message in one sentence; `cause` is the likely cause.
pub fn outcome(outcome: &Outcome, cause: &str) -> String {
    match outcome {
        Outcome::Accepted { server, .. } => format!("{server} accepted the message."),
        Outcome::Failed { step: at, .. } => format!("{} failed: {cause}", step(*at)),
        Outcome::Interrupted => cause.to_owned(),
    }
}

/// The name of a fact.
pub const fn fact(name: FactName) -> &'static str {
    match name {
        FactName::Addresses => "Addresses",
        FactName::Peer => "Connected to",
        FactName::Attempts => "Each address",
        FactName::ClientName => "PPM introduced itself as",
        FactName::TlsVersion => "Version",
        FactName::Cipher => "Cipher",
        FactName::Subject => "Certificate for",
        FactName::Names => "Certificate names",
        FactName::Issuer => "Issued by",
        FactName::Fingerprint => "Fingerprint (SHA-256)",
        FactName::DaysLeft => "Certificate validity",
        FactName::IssuerFingerprint => "Issuer's fingerprint (SHA-256)",
        FactName::IssuerPem => "Issuer's certificate",
        FactName::Mechanisms => "Sign-in methods",
        FactName::Size => "Size limit",
        FactName::SmtpUtf8 => "SMTPUTF8",
        FactName::Age => "Token age",
        FactName::ValidFor => "Valid for",
        FactName::Renewed => "Renewed for this message",
        FactName::Mechanism => "Method",
        FactName::WantedScope => "Scope that the server requires",
        FactName::SubmissionServer => "Server for sending",
        FactName::QueueId => "Queue ID",
    }
}

/// Formats the value of a fact: times, sizes and codes in words, other values unchanged.
pub fn fact_value(Fact { name, value }: &Fact) -> String {
    match (name, value.parse()) {
        (FactName::Age | FactName::ValidFor, Ok(seconds)) => token::span(seconds),
        (FactName::DaysLeft, Ok(days)) => validity(days),
        (FactName::Size, Ok(octets)) => size(octets),
        (FactName::SmtpUtf8, _) if value == "yes" => "offered".to_owned(),
        (FactName::SmtpUtf8, _) => "not offered".to_owned(),
        (FactName::Attempts, _) => attempts(value),
        _ => value.clone(),
    }
}

/// Formats the days until a certificate expires, rounded down: -1 on the first day after.
fn validity(days: i64) -> String {
    match days {
        ..-1 => format!("expired {} ago", token::count(-days - 1, "day")),
        -1 => "expired less than a day ago".to_owned(),
        0 => "valid for less than a day".to_owned(),
        _ => format!("valid for {}", token::count(days, "more day")),
    }
}

/// Formats the maximum size of a message, where 0 stands for none (RFC 1870 4).
fn size(octets: i64) -> String {
    let exact = format!("{} bytes", grouped(octets));
    match octets {
        0 => "no fixed limit".to_owned(),
        ..1_024 => exact,
        1_024..1_048_576 => format!("{} KB ({exact})", octets / 1_024),
        _ => format!("{} MB ({exact})", octets / 1_048_576),
    }
}

/// Formats a number with a comma before each group of three digits.
fn grouped(number: i64) -> String {
    match number {
        1_000.. => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
        _ => number.to_string(),
    }
}

/// Formats the connection attempts to a mail server's addresses.
fn attempts(value: &str) -> String {
    let attempts = value.split(", ").map(|attempt| match attempt.split_once(' ') {
        Some((address, end)) => format!("{address}: {}", attempt_end(end)),
        None => attempt.to_owned(),
    });
    attempts.collect::<Vec<_>>().join("; ")
}

/// Formats the result code of a connection attempt.
fn attempt_end(code: &str) -> &str {
    match code {
        "no-answer" => "no answer",
        "unreachable" => "cannot be reached from here",
        "not-tried" => "not tried",
        other => other,
    }
}

/// The label of the peer's reply in a step.
pub const fn speaker(step: Step) -> &'static str {
    match step {
        Step::Token => "Provider reply",
        _ => "Server reply",
    }
}

/// The summary of details that PPM's own TLS, DNS or socket layer reported.
pub const FOUND_BY_PPM: &str = "Details (found by PPM)";

/// The label of the provider menu.
pub const PROVIDER: &str = "Provider";
/// The help text of the provider menu.
pub const PROVIDER_HELP: &str = "Your mail provider. Fill in enters its server, port, endpoints and scope; you confirm before anything you typed is replaced.";
/// The empty option of the provider menu.
pub const NO_PROVIDER: &str = "Choose a provider";
/// The button that applies the preset.
pub const FILL_IN: &str = "Fill in";
/// The group of the providers with OAuth, in the provider menu.
pub const WITH_OAUTH: &str = "With OAuth";
/// The group of the other providers.
pub const PASSWORD_ONLY: &str = "Password only (OAuth Flow None)";
/// The heading of the values that would be filled in.
pub const NOT_FILLED_IN: &str =
    "Nothing is filled in yet. Some of these fields already have a value:";
/// The heading of the values that would be replaced.
pub const HOLD_SOMETHING_ELSE: &str = "These fields already have a value:";

/// The label of a provider's detail.
pub const fn detail(detail: Detail) -> &'static str {
    match detail {
        Detail::Tenant => "Tenant",
        Detail::Region => "Region",
    }
}

/// The help text of the button that tests unsaved settings.
pub const TEST_TYPED: &str = "Or test the form as it is now, without saving. Stored secrets and tokens are only used with the settings that they were entered or obtained for.";

/// Which settings a test message used.
pub const fn tested(tested: Tested) -> &'static str {
    match tested {
        Tested::Saved => "Tested the saved settings.",
        Tested::Typed => "Tested the form as it was; nothing was saved.",
    }
}

/// The status of a step.
pub const fn step_end(end: StepStatus) -> &'static str {
    match end {
        StepStatus::Done => "done",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
    }
}

/// The status of a secret; `destination` is the destination of the stored value.
pub fn secret(at: Field, state: &SecretState, destination: &str) -> String {
    match state {
        SecretState::Unset | SecretState::New => String::new(),
        SecretState::Stored => format!("Stored for {destination}. Type to replace it."),
        SecretState::StoredForAnother(moved) => format!(
            "{} The stored one was entered for {destination}, and is not used for anything else.",
            enter_again(at, moved)
        ),
        SecretState::Replaced => "Replaces the stored one when you save.".to_owned(),
        SecretState::Cleared => "The stored one is removed when you save.".to_owned(),
        SecretState::ClearedWithUsername => {
            "Without a Username, the stored Password is removed when you save.".to_owned()
        }
    }
}

/// Why a stored secret must be entered again: these controls change its destination.
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

#[cfg(test)]
mod tests {
    use domain::syntax::address::AddressProblem;
    use domain::syntax::url::UrlProblem;
    use domain::{Field, Problem};

    use super::{problem, problem_of};

    #[test]
    fn a_text_that_is_too_long_names_its_excess() {
        let too_long = Problem::TooLong(254);
        for (length, expected) in [
            (255, "Too long by 1 character: at most 254."),
            (266, "Too long by 12 characters: at most 254."),
        ] {
            let text = "ä".repeat(length);
            assert_eq!(problem_of(Field::BasicDisplayName, too_long, &text), expected);
        }
        let local_part = Problem::Address(AddressProblem::LocalPartTooLong);
        let text = format!("{}@example.com", "ä".repeat(33));
        assert_eq!(
            problem_of(Field::BasicSender, local_part, &text),
            "The part before the @ is too long by 2 bytes: at most 64."
        );
    }

    #[test]
    fn a_text_that_was_shortened_meanwhile_gets_the_limit_alone() {
        let too_long = Problem::TooLong(254);
        let words = problem_of(Field::BasicDisplayName, too_long, "short");
        assert_eq!(words, problem(Field::BasicDisplayName, too_long));
    }

    #[test]
    fn a_url_names_each_rule_that_it_breaks() {
        let first = Problem::Url(UrlProblem::Fragment);
        let words = problem_of(Field::TokenEndpoint, first, "http://user:pw@example.com/#x");
        let each = [UrlProblem::Fragment, UrlProblem::UserInfo, UrlProblem::HttpNotLoopback];
        let each = each.map(|rule| problem(Field::TokenEndpoint, Problem::Url(rule)));
        assert_eq!(words, each.join(" "));
    }
}
