//! Texts of provider discovery (RFC 8414): the facts of the metadata, and its problems. Server only.

use contract::{Explanation, LookupFact};
use domain::{Field, Problem, token::OauthDiagnosis};
use labels::field;

use crate::steps::{explained, with_copy};
use crate::{egress, microsoft};

/// A fact of a provider's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderFact {
    /// The URL of the metadata.
    FoundAt,
    /// The issuer.
    Issuer,
    /// The Authorization Endpoint.
    AuthorizationEndpoint,
    /// The Token Endpoint.
    TokenEndpoint,
    /// The origins of the endpoints.
    Origins,
    /// Whether PKCE is supported.
    Pkce,
    /// The supported grant types.
    GrantTypes,
    /// The revocation endpoint (RFC 7009).
    Revocation,
}

/// The name of a fact.
pub const fn fact(fact: ProviderFact) -> &'static str {
    match fact {
        ProviderFact::FoundAt => "Found at",
        ProviderFact::Issuer => "Issuer",
        ProviderFact::AuthorizationEndpoint => field(Field::AuthorizationEndpoint),
        ProviderFact::TokenEndpoint => field(Field::TokenEndpoint),
        ProviderFact::Origins => "Hosts",
        ProviderFact::Pkce => "PKCE with S256",
        ProviderFact::GrantTypes => "Grant types",
        ProviderFact::Revocation => "Revocation",
    }
}

/// The verdict on valid metadata.
pub const VALID: &str = "The provider was found, and its metadata is valid.";
/// The value of a fact that the metadata omits.
pub const NOT_SAID: &str = "not mentioned";
/// PKCE is supported with S256.
pub const SUPPORTED: &str = "supported";
/// PKCE is supported, but not with S256.
pub const NOT_SUPPORTED: &str = "not supported";

/// Formats the revocation endpoint, and whether PPM uses it.
pub fn revocation(endpoint: &str, is_used: bool) -> String {
    if is_used {
        format!("{endpoint}: called when PPM deletes a token")
    } else {
        format!(
            "{endpoint}: not used, because it and the issuer must have the same origin as Token Endpoint"
        )
    }
}

/// Why a provider's metadata cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataProblem {
    /// The typed text is neither an issuer nor a tenant.
    NoIssuerTyped,
    /// The typed text contains this placeholder.
    Placeholder(String),
    /// No metadata was found, or the request is not allowed.
    NotFound {
        /// The likely cause.
        diagnosis: OauthDiagnosis,
        /// The addresses that the egress policy denied, if any.
        refused: Option<String>,
        /// The provider's error, or the redirect target.
        peer_text: Option<String>,
    },
    /// The response is not provider metadata.
    NoDescription,
    /// The metadata names another issuer.
    OtherIssuer {
        /// The requested issuer.
        asked: String,
        /// The issuer in the metadata; empty if missing.
        told: String,
    },
    /// The metadata of a non-public provider names another issuer, which is not displayed.
    OtherIssuerWithheld {
        /// The requested issuer.
        asked: String,
    },
    /// The metadata has no Token Endpoint.
    NoTokenEndpoint,
    /// An endpoint in the metadata is invalid.
    BadEndpoint {
        /// The endpoint's control.
        field: Field,
        /// The endpoint as in the metadata.
        told: String,
        /// Why it is invalid.
        problem: Problem,
    },
}

/// Explains a problem.
pub fn metadata_problem(problem: MetadataProblem) -> Explanation {
    match problem {
        MetadataProblem::NoIssuerTyped => explained(&[
            "This is not a provider's address.",
            "Enter the issuer as the provider's documentation lists it, such as https://accounts.google.com.",
            "For Microsoft 365, the tenant is enough: contoso.onmicrosoft.com, or its ID.",
        ]),
        MetadataProblem::Placeholder(placeholder) => explained(&[
            &format!("{placeholder} stands for your tenant."),
            "Enter the tenant in its place: its name, such as contoso.onmicrosoft.com, or its ID.",
            "Both are on the Overview page of the Microsoft Entra admin center.",
        ]),
        MetadataProblem::NotFound { diagnosis, refused, peer_text } => {
            let peer_text = peer_text.unwrap_or_default();
            let mut explanation = match diagnosis {
                _ if is_unknown_tenant(&peer_text) => explained(UNKNOWN_TENANT),
                OauthDiagnosis::Redirected if peer_text.starts_with("https://") => {
                    let cause = "The address points to another one, which PPM does not follow:";
                    let steps = ["Enter that address, if it is the provider's.", BY_HAND];
                    Explanation::new(format!("{cause} {peer_text}"), steps)
                }
                diagnosis => not_found(diagnosis),
            };
            explanation.steps.extend(egress::step(diagnosis, refused.as_deref()));
            let page = microsoft::number(&peer_text).map(|number| microsoft::page(number, ""));
            explanation.steps.extend(page);
            explanation
        }
        MetadataProblem::NoDescription => explained(&[
            "What was found at this address does not describe a provider.",
            CHECK_ISSUER,
            BY_HAND,
        ]),
        MetadataProblem::OtherIssuer { asked, told } if told.is_empty() => explained(&[
            &format!(
                "The provider at {asked} does not state its issuer, so its answer is not used."
            ),
            CHECK_ISSUER,
            BY_HAND,
        ]),
        MetadataProblem::OtherIssuer { asked, told } => Explanation::new(
            format!(
                "{asked} was requested, but the provider identifies itself as {told}. Its answer is not used."
            ),
            [
                with_copy(
                    "If that is the provider you mean, enter exactly this name: it is case-sensitive, and a slash at the end counts.",
                    told,
                ),
                "If not, another server is answering in its place: do not use these addresses."
                    .into(),
            ],
        ),
        MetadataProblem::OtherIssuerWithheld { asked } => explained(&[
            &format!(
                "{asked} was requested, but the provider identifies itself as something else. Its answer is not used."
            ),
            "Check the issuer against the provider's own settings: it is case-sensitive, and a slash at the end counts. PPM shows the name that a provider gives itself only for public providers.",
            BY_HAND,
        ]),
        MetadataProblem::NoTokenEndpoint => {
            explained(&["The provider lists no Token Endpoint.", "Check the issuer.", BY_HAND])
        }
        MetadataProblem::BadEndpoint { field: at, told, problem: what } => explained(&[
            &format!("The provider lists an invalid {}: {told}", field(at)),
            &labels::problem(at, what),
            "Ask the provider's administrator to correct its description.",
            BY_HAND,
        ]),
    }
}

/// Returns the provider's error as a fact, if any.
pub fn peer_text(problem: &MetadataProblem) -> Option<LookupFact> {
    match problem {
        MetadataProblem::NotFound { diagnosis, peer_text: Some(peer_text), .. }
            if diagnosis.is_of_provider() =>
        {
            Some(LookupFact::value("In the provider's words", peer_text.clone()))
        }
        _ => None,
    }
}

fn is_unknown_tenant(peer_text: &str) -> bool {
    peer_text.starts_with("invalid_tenant")
        || microsoft::number(peer_text).is_some_and(microsoft::is_unknown_tenant)
}

const UNKNOWN_TENANT: &[&str] = &[
    "The tenant was not found: Microsoft has no tenant with this name or ID.",
    "Check the tenant for typing mistakes. Its name, such as contoso.onmicrosoft.com, and its ID are on the Overview page of the Microsoft Entra admin center.",
    "For another provider than Microsoft, enter its whole issuer, with https:// before it.",
    BY_HAND,
];

const CHECK_ISSUER: &str = "Check the issuer against the provider's documentation.";
const BY_HAND: &str = "Or enter both endpoints yourself.";

fn not_found(diagnosis: OauthDiagnosis) -> Explanation {
    const TYPING: &str = "Check the address for typing mistakes.";
    const LATER: &str = "Try again in a few minutes.";
    match diagnosis {
        OauthDiagnosis::NameNotFound => explained(&["There is no server with this name.", TYPING]),
        OauthDiagnosis::NameServiceFailed => explained(&[
            "The name could not be looked up.",
            LATER,
            "If the problem continues, check this machine's DNS.",
        ]),
        OauthDiagnosis::AddressForbidden => explained(&[
            "This address leads to a machine that PPM never connects to.",
            "For security, PPM does not connect to link-local and cloud metadata addresses, nor to other machines by http://. Use the provider's own name.",
        ]),
        OauthDiagnosis::EgressNotAllowed => explained(&[
            "The operator of this server has not allowed PPM to connect to this address.",
            "On this machine, https:// is allowed on ports 443 and 8443; http:// is not allowed.",
        ]),
        OauthDiagnosis::EgressDenied => explained(&[
            "The operator of this server has blocked this address.",
            "Use another provider, or ask the operator about --egress-deny.",
            BY_HAND,
        ]),
        OauthDiagnosis::NothingListens | OauthDiagnosis::Unreachable => explained(&[
            "Nothing answers at this address.",
            TYPING,
            "A firewall may be blocking the connection: ask your network's administrator whether this machine may connect there, or needs a proxy.",
        ]),
        OauthDiagnosis::CertificateUntrusted => explained(&[
            "This machine does not trust the provider's certificate.",
            "If it is your own provider, start PPM with its CA's certificate (--extra-ca).",
        ]),
        OauthDiagnosis::CertificateOutOfDate => explained(&[
            "The provider's certificate is out of date.",
            "Check this machine's clock.",
            "Ask the provider's administrator to renew it.",
        ]),
        OauthDiagnosis::CertificateWrongName => {
            explained(&["The provider's certificate is for another name.", TYPING])
        }
        OauthDiagnosis::TlsFailed => explained(&[
            "No encrypted connection to the provider could be made.",
            "A proxy or firewall that inspects connections can be the cause.",
        ]),
        OauthDiagnosis::ConnectionLost => {
            explained(&["The provider closed the connection unexpectedly.", LATER])
        }
        OauthDiagnosis::TooSlow => {
            explained(&["The provider was too slow, so PPM gave up.", LATER])
        }
        OauthDiagnosis::TooLong => {
            explained(&["The answer is too large to be a provider's description.", TYPING, BY_HAND])
        }
        OauthDiagnosis::Redirected => explained(&[
            "This address redirects to another one, which PPM does not follow.",
            "Enter the final address.",
            BY_HAND,
        ]),
        OauthDiagnosis::BotGuard => explained(&[
            "A bot guard in front of the provider turned PPM away.",
            "Ask the provider's administrator to let requests from this server pass.",
            BY_HAND,
        ]),
        OauthDiagnosis::NetworkPage => explained(&[
            "A device in your network answered instead of the provider: a proxy, a filter, or a network sign-in page (captive portal).",
            "Ask your network's administrator to let this server reach the provider.",
            "If requests have to go through a proxy, start PPM with --oauth-proxy.",
        ]),
        OauthDiagnosis::SignInPage => explained(&[
            "A sign-in page answers at this address, not a description of the provider.",
            "Enter the issuer, as the provider's documentation writes it.",
            BY_HAND,
        ]),
        OauthDiagnosis::ProviderFailed | OauthDiagnosis::ProviderBusy => {
            explained(&["The provider is having problems.", LATER])
        }
        _ => explained(&[
            "There is no provider's description at this address.",
            TYPING,
            "For Microsoft 365, the tenant is enough: contoso.onmicrosoft.com, or its ID.",
            BY_HAND,
        ]),
    }
}
