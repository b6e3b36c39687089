//! Texts of the token inspection: the names of the claims, and the problems that prevent the token
//! from being used for mail. Server only.

use contract::{Explanation, NextStep};
use domain::{Field, Form};

use crate::oauth_failure::old_endpoint;
use crate::steps::{with_fill, with_link};

/// Microsoft's scope for the Authorization Code flows.
pub const SCOPE_OF_A_PERSON: &str = "https://outlook.office.com/SMTP.Send offline_access";
/// Microsoft's scope for Client Credentials.
pub const SCOPE_OF_AN_APPLICATION: &str = "https://outlook.office365.com/.default";

const AGAIN: &str = "Then save, and press Get Auth Token again.";

/// A fact of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFact {
    /// Whether the token is a JWT or opaque.
    Kind,
    /// `aud`.
    Audience,
    /// `scp` or `scope`, or the scope in the token response.
    Scope,
    /// `roles`.
    Roles,
    /// The token's account.
    User,
    /// `tid`.
    Tenant,
    /// `appid`, `azp` or `client_id`.
    Application,
    /// `oid` of an application's token.
    Object,
    /// `iat`.
    Issued,
    /// `nbf`.
    NotBefore,
    /// `exp`.
    Expires,
    /// The requested scope.
    Asked,
}

/// The name of a fact.
pub const fn fact(fact: TokenFact) -> &'static str {
    match fact {
        TokenFact::Kind => "Kind of token",
        TokenFact::Audience => "Issued for",
        TokenFact::Scope => "Scope granted",
        TokenFact::Roles => "Roles",
        TokenFact::User => "User",
        TokenFact::Tenant => "Tenant",
        TokenFact::Application => "Application",
        TokenFact::Object => "Object ID in Enterprise applications",
        TokenFact::Issued => "Issued",
        TokenFact::NotBefore => "Valid from",
        TokenFact::Expires => "Expires",
        TokenFact::Asked => "Scope requested",
    }
}

/// Whether a value is PPM's own text or a formatted time, and not the claim itself.
pub fn is_in_words(fact: TokenFact, value: &str) -> bool {
    let has_words = matches!(
        fact,
        TokenFact::Kind | TokenFact::Issued | TokenFact::NotBefore | TokenFact::Expires
    );
    has_words || value == AS_ASKED
}

/// The kind of a JWT.
pub const READABLE: &str = "JWT (signature not checked)";
/// The kind of an opaque token.
pub const OPAQUE: &str = "Opaque: only the provider can read it";
/// The granted scope if the response omits it: the requested one (RFC 6749 5.1).
pub const AS_ASKED: &str = "as requested";
/// The verdict if no problem was found.
pub const FITS: &str = "No problems found: this token can be used for mail.";

/// A problem that prevents a token from being used for mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenProblem {
    /// The audience is Microsoft Graph.
    ForGraph {
        /// The scope for mail.
        scope: &'static str,
    },
    /// The token belongs to another account than the sender's.
    OtherAccount {
        /// The token's account.
        account: String,
        /// Default Sender Email.
        sender: String,
    },
    /// A delegated Microsoft token without the permission to send.
    NoPermission,
    /// A Microsoft application token whose roles do not include sending.
    NoRole,
    /// A token for Microsoft Graph although Scope is for mail: the v1 endpoint ignores scopes.
    OldEndpoint(Box<Form<()>>),
    /// The token expired at this time, formatted for the reader.
    Expired(String),
    /// The token is not valid before this time.
    NotYetValid(String),
    /// The provider did not grant this part of the requested scope.
    Ungranted(String),
}

/// Explains a problem.
pub fn token_problem(problem: TokenProblem) -> Explanation {
    match problem {
        TokenProblem::ForGraph { scope } => Explanation::new(
            "This token is for Microsoft Graph, not for mail.",
            [use_scope(scope), AGAIN.into()],
        ),
        TokenProblem::OtherAccount { account, sender } => other_account(&account, &sender),
        TokenProblem::NoPermission => Explanation::new(
            "This token does not allow sending mail: the permission SMTP.Send is missing.",
            [
                with_link(
                    "In the Microsoft Entra admin center, open the application, then API permissions, and add the delegated permission SMTP.Send.",
                    DOCUMENTATION,
                    DOCUMENTATION_HREF,
                ),
                use_scope(SCOPE_OF_A_PERSON),
                AGAIN.into(),
            ],
        ),
        TokenProblem::NoRole => Explanation::new(
            "This application has roles in Microsoft Entra, but none of them allows it to send mail by SMTP.",
            [
                NextStep::words(
                    "With a scoped role in Exchange (Application SMTP.SendAsApp), which Microsoft prefers: remove every API permission of the application in the Microsoft Entra admin center. The token then has no roles, and that is right.",
                ),
                with_link(
                    "Or, the older way, with a mailbox permission in Exchange: add the application permission SMTP.SendAsApp of Office 365 Exchange Online under API permissions, and press “Grant admin consent” there.",
                    DOCUMENTATION,
                    DOCUMENTATION_HREF,
                ),
                "Then press Get Auth Token again.".into(),
            ],
        ),
        TokenProblem::OldEndpoint(form) => old_endpoint(&form),
        TokenProblem::Expired(at) => Explanation::new(
            format!("This token has expired: it was valid until {at}."),
            ["Press Get Auth Token.", "If a new token says the same, check this machine's clock."],
        ),
        TokenProblem::NotYetValid(at) => Explanation::new(
            format!("This token is not valid yet: it is valid from {at}."),
            ["Check this machine's clock."],
        ),
        TokenProblem::Ungranted(missing) => Explanation::new(
            format!(
                "The provider did not grant everything that was requested: {missing} is missing."
            ),
            [
                "Check that the application's registration at the provider includes it.",
                "Press Get Auth Token again, and accept everything on the provider's page.",
            ],
        ),
    }
}

/// Explains that the token belongs to another account than the sender's.
pub fn other_account(account: &str, sender: &str) -> Explanation {
    Explanation::new(
        format!("The token belongs to {account}, but the sender is {sender}."),
        [
            NextStep::words(format!(
                "Press Get Auth Token, and sign in as {sender}. The provider's page may offer to use another account."
            )),
            NextStep::words(format!(
                "Or allow {account} to send from that mailbox: in Microsoft 365, give it Send As and Full Access there. Full Access also lets it read the mailbox."
            )),
            with_fill(
                format!("Or send mail from {account}: save, and get a new token."),
                Field::OauthSender,
                account,
                &format!("Send as {account}"),
            ),
        ],
    )
}

fn use_scope(scope: &str) -> NextStep {
    with_fill(format!("Set Scope to: {scope}"), Field::Scope, scope, "Use this scope")
}

const DOCUMENTATION: &str = "Microsoft's documentation on OAuth for SMTP";
const DOCUMENTATION_HREF: &str = "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth";
