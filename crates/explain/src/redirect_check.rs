//! Texts of the Redirect URI check, which finds out whether the callback reaches this server. Server
//! only.

use domain::Field;
use domain::token::OauthDiagnosis;

use crate::egress;
use contract::{Explanation, NextStep, Suggestion};

/// A fact of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectFact {
    /// The Redirect URI as typed.
    Typed,
    /// This server's callback address.
    Own,
    /// The source of the callback address.
    KnownBy,
    /// The origin of the page with the tab.
    Page,
    /// Whether Redirect URI and callback address are equal.
    Verdict,
    /// Whether the callback answers at the Redirect URI.
    Reachable,
}

/// The name of a fact.
#[must_use]
pub const fn fact(fact: RedirectFact) -> &'static str {
    match fact {
        RedirectFact::Typed => "Redirect URI",
        RedirectFact::Own => "This server's address",
        RedirectFact::KnownBy => "Taken from",
        RedirectFact::Page => "This page",
        RedirectFact::Verdict => "Verdict",
        RedirectFact::Reachable => "Reachable",
    }
}

/// The source is the configured public URL.
pub const BY_PUBLIC_URL: &str = "--public-url";
/// The source is the request's Host header.
pub const BY_HOST: &str = "the Host header of your request";
/// The verdict for equal addresses.
pub const SAME: &str = "Exactly this server's address. Register it at the provider as it is.";
/// The callback answered.
pub const REACHABLE: &str = "Yes, from this machine. Browsers may use a different route.";
/// The callback was not requested, because the URI is plain http.
pub const NOT_TRIED: &str =
    "Not tried: it starts with http://, and PPM sends nothing unencrypted to other machines.";
/// The callback was not requested, because another user's check is running.
pub const BUSY: &str = "Not tried: another check is running. Try again in a moment.";

/// Formats a forwarding header, which PPM does not use.
#[must_use]
pub fn forwarded(value: &str) -> String {
    format!("{value} (PPM does not use this header)")
}

/// Formats the origin of another site's page that may embed the tab.
#[must_use]
pub fn elsewhere(page: &str) -> String {
    format!("{page}, which is allowed to show this tab; browsers still come back to this server")
}

/// A part of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriPart {
    /// A space or another invisible character.
    Whitespace,
    /// The text after `#`.
    Fragment,
    /// The text before `://`.
    Scheme,
    /// The host's name.
    Host,
    /// The port.
    Port,
    /// The path.
    Path,
    /// A trailing slash of the path.
    SlashAtEnd,
    /// Upper and lower case.
    Capitals,
    /// The text after `?`.
    Query,
}

/// A difference in one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part.
    pub part: UriPart,
    /// The part as typed; empty if missing.
    pub typed: String,
    /// The part in this server's address.
    pub own: String,
}

fn difference(Difference { part, typed, own }: &Difference) -> String {
    let name = match part {
        UriPart::Whitespace => {
            return "it contains a space or another invisible character".to_owned();
        }
        UriPart::Fragment => return "it contains a #, which OAuth does not allow".to_owned(),
        UriPart::SlashAtEnd if own.ends_with('/') => {
            return "the slash at the end is missing".to_owned();
        }
        UriPart::SlashAtEnd => return "there is an extra slash at the end".to_owned(),
        UriPart::Capitals => "upper and lower case differ",
        UriPart::Scheme => "the scheme differs",
        UriPart::Host => "the host differs",
        UriPart::Port => "the port differs",
        UriPart::Path => "the path differs",
        UriPart::Query => "the query (after the ?) differs",
    };
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    format!("{name} ({} instead of {})", or_none(typed), or_none(own))
}

/// A problem with a Redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectProblem {
    /// The Redirect URI is empty.
    Empty,
    /// The Redirect URI differs from this server's callback address.
    Differs(Vec<Difference>),
    /// The page's origin is neither this server's nor an allowed embedding origin.
    OtherPage {
        /// The page's origin.
        page: String,
        /// This server's origin.
        own: String,
    },
    /// A reverse proxy uses another scheme or host than this server is configured for.
    BehindProxy {
        /// The origin that the browser sees.
        origin: String,
    },
    /// The request to the callback failed.
    Unreached {
        /// The likely cause.
        diagnosis: OauthDiagnosis,
        /// The addresses that the egress policy denied, if any.
        refused: Option<String>,
    },
    /// Another server answers at the Redirect URI.
    SomebodyElse,
}

/// Explains a problem; `own` is this server's callback address.
#[must_use]
pub fn redirect_problem(problem: RedirectProblem, own: &str) -> Explanation {
    match problem {
        RedirectProblem::Empty => {
            Explanation::new("Redirect URI is empty.", vec![use_own_address(own)])
        }
        RedirectProblem::Differs(differences) => {
            let differences: Vec<_> = differences.iter().map(difference).collect();
            Explanation::new(
                format!("Redirect URI is not this server's address: {}.", differences.join("; ")),
                vec![
                    use_own_address(own),
                    NextStep::words(
                        "Or leave it: after signing in, you will have to paste the final address here.",
                    ),
                ],
            )
        }
        RedirectProblem::OtherPage { page, own } => Explanation::new(
            format!(
                "You are at {page}, but browsers are sent back to {own}, where you are not signed in."
            ),
            vec![
                NextStep::words(format!(
                    "Open PPM at {own}, sign in, and press Get Auth Token there."
                )),
                NextStep {
                    copy: Some(format!("--public-url {page}")),
                    ..NextStep::words(
                        "Or, if browsers are to reach PPM at this page's address, start PPM with it:",
                    )
                },
            ],
        ),
        RedirectProblem::BehindProxy { origin } => Explanation::new(
            format!("Your browser uses {origin}, but PPM thinks its address is plain http."),
            vec![NextStep {
                copy: Some(format!("--public-url {origin}")),
                ..NextStep::words("Start PPM with the address that browsers use:")
            }],
        ),
        RedirectProblem::SomebodyElse => Explanation::new(
            "Something answers at this address, but it is not this server's callback.",
            vec![
                NextStep::words(
                    "A proxy may require its own sign-in, or send the path elsewhere: it must pass /oauth/callback on to PPM.",
                ),
                NextStep::words("Another PPM server with another key file may be answering there."),
            ],
        ),
        RedirectProblem::Unreached { diagnosis, refused } => {
            callback_unreachable(diagnosis, refused.as_deref())
        }
    }
}

fn use_own_address(own: &str) -> NextStep {
    NextStep {
        fill: Some(Suggestion {
            field: Field::RedirectUri,
            value: own.to_owned(),
            label: "Use this server's address".to_owned(),
        }),
        ..NextStep::words(format!("Use {own}, and register exactly that at the provider."))
    }
}

fn callback_unreachable(diagnosis: OauthDiagnosis, refused: Option<&str>) -> Explanation {
    let (cause, step) = match diagnosis {
        OauthDiagnosis::NameNotFound => (
            "This machine cannot find a server with this name.",
            "Check --public-url for typing mistakes, or add the name to the DNS that this machine uses.",
        ),
        OauthDiagnosis::NameServiceFailed => {
            ("This machine could not look up the name.", "Check this machine's DNS.")
        }
        OauthDiagnosis::AddressForbidden => (
            "The name resolves to an address that PPM never connects to.",
            "For security, PPM does not connect to link-local and cloud metadata addresses.",
        ),
        OauthDiagnosis::EgressNotAllowed => (
            "The operator of this server has not allowed PPM to connect to this address.",
            "PPM connects to its own address if it is in --public-url or --listen.",
        ),
        OauthDiagnosis::EgressDenied => (
            "The operator of this server has blocked this address (--egress-deny).",
            "Ask the operator to allow it.",
        ),
        OauthDiagnosis::NothingListens => (
            "The machine answers, but nothing is listening on that port.",
            "Check that the proxy in front of PPM is running, and check its port.",
        ),
        OauthDiagnosis::Unreachable | OauthDiagnosis::TooSlow => (
            "Nothing answers there in time.",
            "A firewall may prevent this machine from reaching its own public address.",
        ),
        OauthDiagnosis::CertificateUntrusted => (
            "This machine does not trust the certificate there.",
            "If your own CA issued it, browsers may trust it. For this check, start PPM with --extra-ca.",
        ),
        OauthDiagnosis::CertificateOutOfDate => (
            "The certificate there is out of date: browsers refuse it too.",
            "Renew it, and check this machine's clock.",
        ),
        OauthDiagnosis::CertificateWrongName => (
            "The certificate there is for another name: browsers refuse it too.",
            "Get one for the name in --public-url.",
        ),
        OauthDiagnosis::TlsFailed => (
            "No encrypted connection could be made.",
            "Check that the proxy in front of PPM offers TLS on that port.",
        ),
        OauthDiagnosis::Redirected => (
            "What answers there redirects to another address.",
            "Use the final address in --public-url: a redirect may lose what the provider sends.",
        ),
        _ => (
            "What answers there does not pass the request on to PPM.",
            "Make the proxy in front of PPM pass /oauth/callback on to PPM.",
        ),
    };
    Explanation::new(
        format!("This server's callback could not be reached. {cause}"),
        std::iter::once(NextStep::words(step))
            .chain(egress::step(diagnosis, refused))
            .chain([NextStep::words(
                "This was tried from this machine, and browsers may use a different route. If signing in works, there is nothing to do.",
            )])
            .collect(),
    )
}
