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
        Fact::Audience => "Made for",
        Fact::Scope => "Scope granted",
        Fact::Roles => "Roles",
        Fact::User => "User",
        Fact::Tenant => "Tenant",
        Fact::Application => "Application",
        Fact::Object => "Object ID in Enterprise applications",
        Fact::Issued => "Issued",
        Fact::NotBefore => "Valid from",
        Fact::Expires => "Expires",
        Fact::Asked => "Scope asked for",
        Fact::Verdict => "Verdict",
    }
}

/// A token that can be read.
pub const READABLE: &str = "JWT, read without looking at its signature";
/// A token that cannot.
pub const OPAQUE: &str = "opaque: only the provider can read it";
/// A provider that does not say what it granted, which means what was asked (RFC 6749 5.1).
pub const AS_ASKED: &str = "as asked";
/// What is said of a token where nothing is wrong.
pub const FITS: &str = "Nothing that it says keeps it from being used for mail.";

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
        Misfit::ForGraph { scope } => Explanation {
            cause: "This token is for Microsoft Graph, not for mail.".to_owned(),
            steps: vec![use_scope(scope), NextStep::words(AGAIN)],
        },
        Misfit::OtherAccount { account, sender } => other_account(&account, &sender),
        Misfit::NoPermission => Explanation {
            cause: "This token does not allow sending mail: the permission SMTP.Send is missing."
                .to_owned(),
            steps: vec![
                NextStep {
                    link: Some(microsofts_page()),
                    ..NextStep::words(
                        "In the Microsoft Entra admin center, open the application, API permissions, and add the delegated permission SMTP.Send.",
                    )
                },
                use_scope(SCOPE_OF_A_PERSON),
                NextStep::words(AGAIN),
            ],
        },
        Misfit::NoRole => Explanation {
            cause: "This application has roles in Microsoft Entra, and none of them lets it send mail by SMTP."
                .to_owned(),
            steps: vec![
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
        },
        Misfit::OldEndpoint(form) => old_endpoint(&form),
        Misfit::Expired(at) => Explanation {
            cause: format!("This token says that it has expired: {at}."),
            steps: vec![
                NextStep::words("Press Get Auth Token."),
                NextStep::words("If a new one says the same, check this machine's clock."),
            ],
        },
        Misfit::NotYetValid(at) => Explanation {
            cause: format!("This token says that it is not valid yet, but from {at} on."),
            steps: vec![NextStep::words("Check this machine's clock.")],
        },
        Misfit::Ungranted(missing) => Explanation {
            cause: format!(
                "The provider did not grant all that was asked for: {missing} is missing."
            ),
            steps: vec![
                NextStep::words(
                    "Check that the application's registration at the provider includes it.",
                ),
                NextStep::words(
                    "Press Get Auth Token again, and accept everything on the provider's page.",
                ),
            ],
        },
    }
}

/// What it means that a token is another account's than the sender's.
#[must_use]
pub fn other_account(account: &str, sender: &str) -> Explanation {
    Explanation {
        cause: format!("The token belongs to {account}, the sender is {sender}."),
        steps: vec![
            NextStep::words(format!(
                "Press Get Auth Token, and sign in as {sender}; the provider's page may offer to use another account."
            )),
            NextStep::words(format!(
                "Or let {account} send for that mailbox: at Microsoft 365, give it Send As and Full Access there."
            )),
            NextStep {
                fill: Some(Fill {
                    field: Field::OauthSender,
                    value: account.to_owned(),
                    label: format!("Send as {account}"),
                }),
                ..NextStep::words(format!(
                    "Or let mail come from {account}, save, and get a token again."
                ))
            },
        ],
    }
}

fn use_scope(scope: &str) -> NextStep {
    let fill =
        Fill { field: Field::Scope, value: scope.to_owned(), label: "Use this scope".to_owned() };
    NextStep { fill: Some(fill), ..NextStep::words(format!("Put this into Scope: {scope}")) }
}

fn microsofts_page() -> Link {
    Link {
        text: "Microsoft's page on OAuth for SMTP".to_owned(),
        href: "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth".to_owned(),
    }
}
