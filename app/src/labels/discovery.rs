//! What a provider says about itself, in words, and what is wrong with what it says. Made on the
//! server only, which asks it.

use domain::token::Fault;
use domain::{Field, Problem};

use super::{egress, field, microsoft, problem};
use crate::explanation::{Explanation, NextStep};

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
        Fact::Origins => "Where they lead",
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
        format!("{endpoint}: asked when PPM deletes a token")
    } else {
        format!(
            "{endpoint}: not used, because only an issuer at the Token Endpoint's origin may name one, and only there"
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
            "This is no address of a provider.",
            &[
                "Enter the issuer as the provider's documentation writes it, such as https://accounts.google.com.",
                "For Microsoft 365, the tenant is enough: contoso.onmicrosoft.com, or its id.",
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
            let Explanation { cause, mut steps } = match fault {
                _ if is_unknown_tenant(&said) => unknown_tenant(),
                Fault::Redirected if said.starts_with("https://") => Explanation {
                    cause: format!(
                        "The address points to another one, which PPM does not follow: {said}"
                    ),
                    steps: vec![
                        NextStep::words("Enter that address, if it is the provider's."),
                        NextStep::words(BY_HAND),
                    ],
                },
                fault => not_found(fault),
            };
            steps.extend(egress::step(fault, refused.as_deref()));
            steps.extend(microsoft::number(&said).map(|number| microsoft::page(number, "")));
            Explanation { cause, steps }
        }
        Lie::NoDescription => explained(
            "What was found there does not describe a provider.",
            &["Check the issuer against the provider's documentation.", BY_HAND],
        ),
        Lie::OtherIssuer { asked, told } if told.is_empty() => explained(
            &format!(
                "The provider at {asked} does not say what it calls itself, so it is not believed."
            ),
            &["Check the issuer against the provider's documentation.", BY_HAND],
        ),
        Lie::OtherIssuer { asked, told } => Explanation {
            cause: format!(
                "Asked for {asked}, the provider calls itself {told}. Nothing of it is believed."
            ),
            steps: vec![
                NextStep {
                    copy: Some(told),
                    ..NextStep::words(
                        "If that is the provider you mean, enter exactly what it calls itself: capital letters and a slash at the end count.",
                    )
                },
                NextStep::words(
                    "If not, somebody else answers in its place: do not use these addresses.",
                ),
            ],
        },
        Lie::OtherIssuerWithheld { asked } => explained(
            &format!(
                "Asked for {asked}, the provider calls itself something else. Nothing of it is believed."
            ),
            &[
                "Check the issuer against the provider's own settings: capital letters and a slash at the end count. What it calls itself is shown of public providers only.",
                BY_HAND,
            ],
        ),
        Lie::NoTokenEndpoint => {
            explained("The provider names no Token Endpoint.", &["Check the issuer.", BY_HAND])
        }
        Lie::BadEndpoint { field: at, told, problem: what } => Explanation {
            cause: format!("The provider names an {} that cannot be one: {told}", field(at)),
            steps: vec![
                NextStep::words(problem(at, what)),
                NextStep::words("Whoever runs the provider has to correct its description."),
                NextStep::words(BY_HAND),
            ],
        },
    }
}

/// The provider's own words, as a fact; nothing where it has not said any.
#[must_use]
pub fn said(lie: &Lie) -> Option<(String, String)> {
    match lie {
        Lie::NotFound { fault, said: Some(said), .. } if fault.is_of_provider() => {
            Some(("In the provider's words".to_owned(), said.clone()))
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
        "The tenant is not found: Microsoft knows none by this name or ID.",
        &[
            "Look for a typing mistake in the tenant. Its name, such as contoso.onmicrosoft.com, and its ID are on the Overview page of the Microsoft Entra admin center.",
            "For another provider than Microsoft, enter its whole issuer, with https:// before it.",
            BY_HAND,
        ],
    )
}

const BY_HAND: &str = "Or enter both endpoints by hand.";

fn explained(cause: &str, steps: &[&str]) -> Explanation {
    let steps = steps.iter().map(|&step| NextStep::words(step)).collect();
    Explanation { cause: cause.to_owned(), steps }
}

fn not_found(fault: Fault) -> Explanation {
    const TYPING: &str = "Look for a typing mistake in the address.";
    const LATER: &str = "Try again in a few minutes.";
    match fault {
        Fault::NameNotFound => explained("There is no server of this name.", &[TYPING]),
        Fault::NameServiceFailed => explained(
            "The name could not be looked up at all.",
            &[LATER, "If it stays so, this machine's name service (DNS) needs attention."],
        ),
        Fault::AddressForbidden => explained(
            "This address leads to a machine that PPM never calls.",
            &[
                "Link-local and cloud metadata addresses are refused for safety, and http:// beyond this machine: use the provider's own name.",
            ],
        ),
        Fault::EgressNotAllowed => explained(
            "The operator of this server has not allowed PPM to call this address.",
            &[
                "On this machine, https:// is allowed on ports 443 and 8443, and http:// not at all.",
            ],
        ),
        Fault::EgressDenied => explained(
            "The operator of this server has denied PPM this address.",
            &["Use another provider, or ask the operator about --egress-deny.", BY_HAND],
        ),
        Fault::NothingListens | Fault::Unreachable => explained(
            "Nothing answers at this address.",
            &[
                TYPING,
                "A firewall may be in the way: ask whether this machine may connect there, or needs a proxy.",
            ],
        ),
        Fault::CertificateUntrusted => explained(
            "The provider shows a certificate that this machine does not trust.",
            &[
                "If the provider is your own, start PPM with its authority's certificate (--extra-ca).",
            ],
        ),
        Fault::CertificateOutOfDate => explained(
            "The provider's certificate is out of date.",
            &["Check this machine's clock.", "Whoever runs the provider has to renew it."],
        ),
        Fault::CertificateWrongName => {
            explained("The provider's certificate is for another name.", &[TYPING])
        }
        Fault::TlsFailed => explained(
            "No encrypted connection to the provider came about.",
            &["A proxy or firewall that inspects connections can be the reason."],
        ),
        Fault::ConnectionLost => {
            explained("The provider ended the connection in the middle.", &[LATER])
        }
        Fault::TooSlow => explained("The provider was too slow, so PPM gave up.", &[LATER]),
        Fault::TooLong => explained(
            "What was found there is far more than a provider's description.",
            &[TYPING, BY_HAND],
        ),
        Fault::Redirected => explained(
            "The address points to another one, which PPM does not follow.",
            &["Enter the final address.", BY_HAND],
        ),
        Fault::BotGuard => explained(
            "A guard against robots stands in front of the provider and turned PPM away.",
            &[
                "Ask the people who run the provider to let requests from this server pass.",
                BY_HAND,
            ],
        ),
        Fault::NetworkPage => explained(
            "A device of your network answered in place of the provider: a proxy, a filter, or a sign-in to the network.",
            &[
                "Ask the people who run your network to let this server reach the provider.",
                "If requests have to go through a proxy, start PPM with --oauth-proxy.",
            ],
        ),
        Fault::SignInPage => explained(
            "A page where people sign in answers at this address.",
            &["Enter the issuer, as the provider's documentation writes it.", BY_HAND],
        ),
        Fault::ProviderFailed | Fault::ProviderBusy => {
            explained("The provider has a problem of its own.", &[LATER])
        }
        _ => explained(
            "No provider describes itself at this address.",
            &[
                TYPING,
                "For Microsoft 365, the tenant is enough: contoso.onmicrosoft.com, or its id.",
                BY_HAND,
            ],
        ),
    }
}
