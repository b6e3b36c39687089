//! What a provider says about itself, in words, and what is wrong with what it says. Made on the
//! server only, which asks it.

use domain::token::Fault;
use domain::{Field, Problem};

use super::{egress, field, microsoft, problem};
use crate::explanation::{Explanation, Found, NextStep};

/// What is told of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Where it was asked.
    FoundAt,
    /// What it calls itself.
    Issuer,
    /// Its Authorization Endpoint.
    AuthorizationEndpoint,
    /// Its Token Endpoint.
    TokenEndpoint,
    /// Where its endpoints are.
    Origins,
    /// Whether it knows PKCE.
    Pkce,
    /// Which grants it knows.
    GrantTypes,
    /// Where it revokes tokens.
    Revocation,
}

/// The name of a fact.
#[must_use]
pub const fn fact(fact: Fact) -> &'static str {
    match fact {
        Fact::FoundAt => "Found at",
        Fact::Issuer => "Issuer",
        Fact::AuthorizationEndpoint => field(Field::AuthorizationEndpoint),
        Fact::TokenEndpoint => field(Field::TokenEndpoint),
        Fact::Origins => "Hosts",
        Fact::Pkce => "PKCE with S256",
        Fact::GrantTypes => "Grant types",
        Fact::Revocation => "Revocation",
    }
}

/// What a provider does not say.
pub const NOT_SAID: &str = "not mentioned";
/// That it knows PKCE by S256.
pub const SUPPORTED: &str = "supported";
/// That it knows PKCE, and not by S256.
pub const NOT_SUPPORTED: &str = "not supported";

/// Where tokens are revoked, and whether that is used.
#[must_use]
pub fn revocation(endpoint: &str, is_used: bool) -> String {
    if is_used {
        format!("{endpoint}: called when PPM deletes a token")
    } else {
        format!(
            "{endpoint}: not used, because it and the issuer must have the same origin as Token Endpoint"
        )
    }
}

/// What is wrong with what a provider says about itself, or keeps it from being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// What was typed is neither an issuer nor a tenant.
    NoIssuerTyped,
    /// What was typed stands for a tenant in documentation: this part of it.
    Placeholder(String),
    /// Nothing was found, or it may not be asked.
    NotFound {
        /// Why.
        fault: Fault,
        /// The addresses that the egress policy refused, where it did.
        refused: Option<String>,
        /// What the provider said, or where it redirects to.
        said: Option<String>,
    },
    /// What was found describes no provider.
    NoDescription,
    /// It calls itself something else.
    OtherIssuer {
        /// What was asked for.
        asked: String,
        /// What it calls itself; empty where it does not say.
        told: String,
    },
    /// The same of a provider whose words are not shown, because it is not public.
    OtherIssuerWithheld {
        /// What was asked for.
        asked: String,
    },
    /// It names no Token Endpoint.
    NoTokenEndpoint,
    /// An endpoint is none.
    BadEndpoint {
        /// The endpoint.
        field: Field,
        /// As it was told.
        told: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What a lie means, and what to do.
#[must_use]
pub fn lie(lie: Lie) -> Explanation {
    match lie {
        Lie::NoIssuerTyped => explained(
            "This is not a provider's address.",
            &[
                "Enter the issuer as the provider's documentation lists it, such as https://accounts.google.com.",
                "For Microsoft 365, the tenant is enough: contoso.onmicrosoft.com, or its ID.",
            ],
        ),
        Lie::Placeholder(placeholder) => explained(
            &format!("{placeholder} stands for your tenant."),
            &[
                "Enter the tenant in its place: its name, such as contoso.onmicrosoft.com, or its ID.",
                "Both are on the Overview page of the Microsoft Entra admin center.",
            ],
        ),
        Lie::NotFound { fault, refused, said } => {
            let said = said.unwrap_or_default();
            let mut explanation = match fault {
                _ if is_unknown_tenant(&said) => unknown_tenant(),
                Fault::Redirected if said.starts_with("https://") => Explanation::new(
                    format!("The address points to another one, which PPM does not follow: {said}"),
                    vec![
                        NextStep::words("Enter that address, if it is the provider's."),
                        NextStep::words(BY_HAND),
                    ],
                ),
                fault => not_found(fault),
            };
            explanation.steps.extend(egress::step(fault, refused.as_deref()));
            let page = microsoft::number(&said).map(|number| microsoft::page(number, ""));
            explanation.steps.extend(page);
            explanation
        }
        Lie::NoDescription => explained(
            "What was found at this address does not describe a provider.",
            &["Check the issuer against the provider's documentation.", BY_HAND],
        ),
        Lie::OtherIssuer { asked, told } if told.is_empty() => explained(
            &format!(
                "The provider at {asked} does not state its issuer, so its answer is not used."
            ),
            &["Check the issuer against the provider's documentation.", BY_HAND],
        ),
        Lie::OtherIssuer { asked, told } => Explanation::new(
            format!(
                "{asked} was requested, but the provider identifies itself as {told}. Its answer is not used."
            ),
            vec![
                NextStep {
                    copy: Some(told),
                    ..NextStep::words(
                        "If that is the provider you mean, enter exactly this name: it is case-sensitive, and a slash at the end counts.",
                    )
                },
                NextStep::words(
                    "If not, another server is answering in its place: do not use these addresses.",
                ),
            ],
        ),
        Lie::OtherIssuerWithheld { asked } => explained(
            &format!(
                "{asked} was requested, but the provider identifies itself as something else. Its answer is not used."
            ),
            &[
                "Check the issuer against the provider's own settings: it is case-sensitive, and a slash at the end counts. PPM shows the name that a provider gives itself only for public providers.",
                BY_HAND,
            ],
        ),
        Lie::NoTokenEndpoint => {
            explained("The provider lists no Token Endpoint.", &["Check the issuer.", BY_HAND])
        }
        Lie::BadEndpoint { field: at, told, problem: what } => Explanation::new(
            format!("The provider lists an invalid {}: {told}", field(at)),
            vec![
                NextStep::words(problem(at, what)),
                NextStep::words("Ask the provider's administrator to correct its description."),
                NextStep::words(BY_HAND),
            ],
        ),
    }
}

/// The provider's own words, as a fact; nothing where it has not said any.
#[must_use]
pub fn said(lie: &Lie) -> Option<Found> {
    match lie {
        Lie::NotFound { fault, said: Some(said), .. } if fault.is_of_provider() => {
            Some(Found::value("In the provider's words", said.clone()))
        }
        _ => None,
    }
}

fn is_unknown_tenant(said: &str) -> bool {
    said.starts_with("invalid_tenant")
        || microsoft::number(said).is_some_and(microsoft::is_unknown_tenant)
}

fn unknown_tenant() -> Explanation {
    explained(
        "The tenant was not found: Microsoft knows none with this name or ID.",
        &[
            "Check the tenant for typing mistakes. Its name, such as contoso.onmicrosoft.com, and its ID are on the Overview page of the Microsoft Entra admin center.",
            "For another provider than Microsoft, enter its whole issuer, with https:// before it.",
            BY_HAND,
        ],
    )
}

const BY_HAND: &str = "Or enter both endpoints yourself.";

fn explained(cause: &str, steps: &[&str]) -> Explanation {
    let steps = steps.iter().map(|&step| NextStep::words(step)).collect();
    Explanation::new(cause, steps)
}

fn not_found(fault: Fault) -> Explanation {
    const TYPING: &str = "Check the address for typing mistakes.";
    const LATER: &str = "Try again in a few minutes.";
    match fault {
        Fault::NameNotFound => explained("There is no server with this name.", &[TYPING]),
        Fault::NameServiceFailed => explained(
            "The name could not be looked up.",
            &[LATER, "If the problem continues, check this machine's DNS."],
        ),
        Fault::AddressForbidden => explained(
            "This address leads to a machine that PPM never connects to.",
            &[
                "For security, PPM does not connect to link-local and cloud metadata addresses, nor to other machines by http://. Use the provider's own name.",
            ],
        ),
        Fault::EgressNotAllowed => explained(
            "The operator of this server has not allowed PPM to connect to this address.",
            &[
                "On this machine, https:// is allowed on ports 443 and 8443; http:// is not allowed.",
            ],
        ),
        Fault::EgressDenied => explained(
            "The operator of this server has blocked this address.",
            &["Use another provider, or ask the operator about --egress-deny.", BY_HAND],
        ),
        Fault::NothingListens | Fault::Unreachable => explained(
            "Nothing answers at this address.",
            &[
                TYPING,
                "A firewall may be blocking the connection: ask your network's administrator whether this machine may connect there, or needs a proxy.",
            ],
        ),
        Fault::CertificateUntrusted => explained(
            "This machine does not trust the provider's certificate.",
            &["If it is your own provider, start PPM with its CA's certificate (--extra-ca)."],
        ),
        Fault::CertificateOutOfDate => explained(
            "The provider's certificate is out of date.",
            &["Check this machine's clock.", "Ask the provider's administrator to renew it."],
        ),
        Fault::CertificateWrongName => {
            explained("The provider's certificate is for another name.", &[TYPING])
        }
        Fault::TlsFailed => explained(
            "No encrypted connection to the provider could be made.",
            &["A proxy or firewall that inspects connections can be the cause."],
        ),
        Fault::ConnectionLost => {
            explained("The provider closed the connection unexpectedly.", &[LATER])
        }
        Fault::TooSlow => explained("The provider was too slow, so PPM gave up.", &[LATER]),
        Fault::TooLong => {
            explained("The answer is too large to be a provider's description.", &[TYPING, BY_HAND])
        }
        Fault::Redirected => explained(
            "This address redirects to another one, which PPM does not follow.",
            &["Enter the final address.", BY_HAND],
        ),
        Fault::BotGuard => explained(
            "A bot guard in front of the provider turned PPM away.",
            &["Ask the provider's administrator to let requests from this server pass.", BY_HAND],
        ),
        Fault::NetworkPage => explained(
            "A device in your network answered instead of the provider: a proxy, a filter, or a network sign-in page (captive portal).",
            &[
                "Ask your network's administrator to let this server reach the provider.",
                "If requests have to go through a proxy, start PPM with --oauth-proxy.",
            ],
        ),
        Fault::SignInPage => explained(
            "A sign-in page answers at this address, not a description of the provider.",
            &["Enter the issuer, as the provider's documentation writes it.", BY_HAND],
        ),
        Fault::ProviderFailed | Fault::ProviderBusy => {
            explained("The provider is having problems.", &[LATER])
        }
        _ => explained(
            "There is no provider's description at this address.",
            &[
                TYPING,
                "For Microsoft 365, the tenant is enough: contoso.onmicrosoft.com, or its ID.",
                BY_HAND,
            ],
        ),
    }
}
