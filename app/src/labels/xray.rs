//! What an access token says, in words: the names of its claims, and what of them does not fit mail.
//! Made on the server only, which decides what fits.

use domain::{Field, Form};

use super::setback::old_endpoint;
use crate::explanation::{Explanation, Fill, Link, NextStep};

/// The scope that a person consents to at Microsoft.
pub const SCOPE_OF_A_PERSON: &str = "https://outlook.office.com/SMTP.Send offline_access";
/// The scope that an application asks for as itself there.
pub const SCOPE_OF_AN_APPLICATION: &str = "https://outlook.office365.com/.default";

const AGAIN: &str = "Then save, and press Get Auth Token again.";

/// What is told of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Whether anybody but the provider can read it.
    Kind,
    /// `aud`.
    Audience,
    /// `scp` or `scope`, or what the provider granted.
    Scope,
    /// `roles`.
    Roles,
    /// Whose it is.
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
    /// What was asked for.
    Asked,
    /// That nothing speaks against it.
    Verdict,
}

/// The name of a fact.
#[must_use]
pub const fn fact(fact: Fact) -> &'static str {
    match fact {
        Fact::Kind => "Kind of token",
        Fact::Audience => "Issued for",
        Fact::Scope => "Scope granted",
        Fact::Roles => "Roles",
        Fact::User => "User",
        Fact::Tenant => "Tenant",
        Fact::Application => "Application",
        Fact::Object => "Object ID in Enterprise applications",
        Fact::Issued => "Issued",
        Fact::NotBefore => "Valid from",
        Fact::Expires => "Expires",
        Fact::Asked => "Scope requested",
        Fact::Verdict => "Verdict",
    }
}

/// Whether what is told is PPM's own words and times, and not what stands in the token.
#[must_use]
pub fn is_in_words(fact: Fact, value: &str) -> bool {
    let has_words =
        matches!(fact, Fact::Kind | Fact::Issued | Fact::NotBefore | Fact::Expires | Fact::Verdict);
    has_words || value == AS_ASKED
}

/// A token that can be read.
pub const READABLE: &str = "JWT (signature not checked)";
/// A token that cannot.
pub const OPAQUE: &str = "Opaque: only the provider can read it";
/// A provider that does not say what it granted, which means what was asked (RFC 6749 5.1).
pub const AS_ASKED: &str = "as requested";
/// What is said of a token where nothing is wrong.
pub const FITS: &str = "No problems found: this token can be used for mail.";

/// What of a token does not fit mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// It is for Microsoft Graph.
    ForGraph {
        /// The scope of a token for mail.
        scope: &'static str,
    },
    /// It is another account's than the sender's.
    OtherAccount {
        /// Whose it is.
        account: String,
        /// Default Sender Email.
        sender: String,
    },
    /// A person's token of Microsoft's without the permission to send.
    NoPermission,
    /// An application's token of Microsoft's with roles, none of which lets it send.
    NoRole,
    /// A token for Microsoft Graph although Scope is for mail: the endpoint does not look at it.
    OldEndpoint(Box<Form<()>>),
    /// Its time is over since this instant, as whoever reads it likes times.
    Expired(String),
    /// Its time begins at this instant only.
    NotYetValid(String),
    /// The provider granted less than was asked for: this is missing.
    Ungranted(String),
}

/// What a misfit means, and what to do.
#[must_use]
pub fn misfit(misfit: Misfit) -> Explanation {
    match misfit {
        Misfit::ForGraph { scope } => Explanation::new(
            "This token is for Microsoft Graph, not for mail.",
            vec![use_scope(scope), NextStep::words(AGAIN)],
        ),
        Misfit::OtherAccount { account, sender } => other_account(&account, &sender),
        Misfit::NoPermission => Explanation::new(
            "This token does not allow sending mail: the permission SMTP.Send is missing.",
            vec![
                NextStep {
                    link: Some(microsofts_page()),
                    ..NextStep::words(
                        "In the Microsoft Entra admin center, open the application, then API permissions, and add the delegated permission SMTP.Send.",
                    )
                },
                use_scope(SCOPE_OF_A_PERSON),
                NextStep::words(AGAIN),
            ],
        ),
        Misfit::NoRole => Explanation::new(
            "This application has roles in Microsoft Entra, but none of them allows it to send mail by SMTP.",
            vec![
                NextStep::words(
                    "With a scoped role in Exchange (Application SMTP.SendAsApp), which Microsoft prefers: remove every API permission of the application in the Microsoft Entra admin center. The token then has no roles, and that is right.",
                ),
                NextStep {
                    link: Some(microsofts_page()),
                    ..NextStep::words(
                        "Or, the older way, with a mailbox permission in Exchange: add the application permission SMTP.SendAsApp of Office 365 Exchange Online under API permissions, and press “Grant admin consent” there.",
                    )
                },
                NextStep::words("Then press Get Auth Token again."),
            ],
        ),
        Misfit::OldEndpoint(form) => old_endpoint(&form),
        Misfit::Expired(at) => Explanation::new(
            format!("This token has expired: it was valid until {at}."),
            vec![
                NextStep::words("Press Get Auth Token."),
                NextStep::words("If a new token says the same, check this machine's clock."),
            ],
        ),
        Misfit::NotYetValid(at) => Explanation::new(
            format!("This token is not valid yet: it is valid from {at}."),
            vec![NextStep::words("Check this machine's clock.")],
        ),
        Misfit::Ungranted(missing) => Explanation::new(
            format!(
                "The provider did not grant everything that was requested: {missing} is missing."
            ),
            vec![
                NextStep::words(
                    "Check that the application's registration at the provider includes it.",
                ),
                NextStep::words(
                    "Press Get Auth Token again, and accept everything on the provider's page.",
                ),
            ],
        ),
    }
}

/// What it means that a token is another account's than the sender's.
#[must_use]
pub fn other_account(account: &str, sender: &str) -> Explanation {
    Explanation::new(
        format!("The token belongs to {account}, but the sender is {sender}."),
        vec![
            NextStep::words(format!(
                "Press Get Auth Token, and sign in as {sender}. The provider's page may offer to use another account."
            )),
            NextStep::words(format!(
                "Or allow {account} to send from that mailbox: in Microsoft 365, give it Send As and Full Access there. Full Access also lets it read the mailbox."
            )),
            NextStep {
                fill: Some(Fill {
                    field: Field::OauthSender,
                    value: account.to_owned(),
                    label: format!("Send as {account}"),
                }),
                ..NextStep::words(format!(
                    "Or send mail from {account}: save, and get a new token."
                ))
            },
        ],
    )
}

fn use_scope(scope: &str) -> NextStep {
    let fill =
        Fill { field: Field::Scope, value: scope.to_owned(), label: "Use this scope".to_owned() };
    NextStep { fill: Some(fill), ..NextStep::words(format!("Set Scope to: {scope}")) }
}

fn microsofts_page() -> Link {
    Link {
        text: "Microsoft's documentation on OAuth for SMTP".to_owned(),
        href: "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth".to_owned(),
    }
}
