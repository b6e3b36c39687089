//! What keeps a browser from coming back by a Redirect URI, in words. Made on the server only, which
//! knows by which address it is reached.

use domain::Field;
use domain::token::Fault;

use super::{GOES_ELSEWHERE, egress};
use crate::explanation::{Explanation, Fill, NextStep};

/// What is told of a Redirect URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// As it is typed.
    Typed,
    /// This server's callback address.
    Own,
    /// Where that is known from.
    KnownBy,
    /// The origin of the page with the tab.
    Page,
    /// Whether the two are the same.
    Verdict,
    /// Whether the callback answers there.
    Reachable,
}

/// The name of a fact.
#[must_use]
pub const fn fact(fact: Fact) -> &'static str {
    match fact {
        Fact::Typed => "Redirect URI",
        Fact::Own => "This server's address",
        Fact::KnownBy => "Known by",
        Fact::Page => "This page",
        Fact::Verdict => "Verdict",
        Fact::Reachable => "Reachable",
    }
}

/// That the address is configured.
pub const BY_PUBLIC_URL: &str = "--public-url";
/// That it is what the browser asked for.
pub const BY_HOST: &str = "the host that your browser asked for, by http";
/// That nothing differs.
pub const SAME: &str =
    "Letter for letter this server's address. Register exactly this at the provider.";
/// That the callback answered.
pub const REACHABLE: &str = "Yes, from this machine: this server's own callback answered there. A browser may come by another way.";
/// That it was not asked.
pub const NOT_TRIED: &str =
    "Not tried: it begins with http://, and PPM sends nothing unencrypted beyond this machine.";
/// That it is being asked for somebody else.
pub const BUSY: &str = "Not tried: another check is under way. Try again in a moment.";

/// A forwarding header, which is not what the address is made of.
#[must_use]
pub fn forwarded(value: &str) -> String {
    format!("{value} (PPM does not go by this header)")
}

/// A page of another site's, where one may have the tab.
#[must_use]
pub fn elsewhere(page: &str) -> String {
    format!("{page}, which may show this tab; browsers come back to this server all the same")
}

/// A part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A space or another invisible character.
    Whitespace,
    /// What follows a `#`.
    Fragment,
    /// What stands before `://`.
    Scheme,
    /// The host's name.
    Host,
    /// The port.
    Port,
    /// The path.
    Path,
    /// A slash at the path's end.
    SlashAtEnd,
    /// Capital letters.
    Capitals,
    /// What follows a `?`.
    Query,
}

/// How a part differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part.
    pub part: Part,
    /// As it is typed; empty where it is not there.
    pub typed: String,
    /// As it is in this server's address.
    pub own: String,
}

fn difference(Difference { part, typed, own }: &Difference) -> String {
    let name = match part {
        Part::Whitespace => {
            return "there is a space or another invisible character in it".to_owned();
        }
        Part::Fragment => return "there is a # in it, which OAuth does not allow".to_owned(),
        Part::SlashAtEnd if own.ends_with('/') => {
            return "the slash at the end is missing".to_owned();
        }
        Part::SlashAtEnd => return "there is a slash too many at the end".to_owned(),
        Part::Capitals => "capital and small letters differ",
        Part::Scheme => "the beginning differs",
        Part::Host => "the host differs",
        Part::Port => "the port differs",
        Part::Path => "the path differs",
        Part::Query => "what follows the ? differs",
    };
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    format!("{name} ({} instead of {})", or_none(typed), or_none(own))
}

/// What is to be said of a Redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symptom {
    /// Nothing is typed.
    Empty,
    /// It is not this server's address.
    Differs(Vec<Difference>),
    /// The page with the tab is neither this server's nor one that may have it.
    OtherPage {
        /// The page's origin.
        page: String,
        /// This server's.
        own: String,
    },
    /// A proxy speaks another protocol, or by another name, than this server was told.
    BehindProxy {
        /// The origin that the browser sees.
        origin: String,
    },
    /// The callback could not be reached.
    Unreached {
        /// Why.
        fault: Fault,
        /// The addresses that the egress policy refused, where it did.
        refused: Option<String>,
    },
    /// Something else answers there.
    SomebodyElse,
}

/// What a symptom means, and what to do; `own` is this server's callback address.
#[must_use]
pub fn symptom(symptom: Symptom, own: &str) -> Explanation {
    match symptom {
        Symptom::Empty => {
            Explanation { cause: "No Redirect URI is typed.".to_owned(), steps: vec![use_own(own)] }
        }
        Symptom::Differs(differences) => {
            let differences: Vec<_> = differences.iter().map(difference).collect();
            Explanation {
                cause: format!(
                    "Redirect URI is not this server's address: {}.",
                    differences.join("; ")
                ),
                steps: vec![
                    use_own(own),
                    NextStep::words(format!("Or leave it. {GOES_ELSEWHERE}")),
                ],
            }
        }
        Symptom::OtherPage { page, own } => Explanation {
            cause: format!(
                "You are at {page}, and browsers are sent back to {own}: the sign-in would come back as if from another browser."
            ),
            steps: vec![
                NextStep::words(format!("Open PPM at {own}, and press Get Auth Token there.")),
                NextStep {
                    copy: Some(format!("--public-url {page}")),
                    ..NextStep::words("Or, if PPM is reached here, start it with this address:")
                },
            ],
        },
        Symptom::BehindProxy { origin } => Explanation {
            cause: format!(
                "Your browser sees {origin}, and PPM does not know it: it takes the address for plain http."
            ),
            steps: vec![NextStep {
                copy: Some(format!("--public-url {origin}")),
                ..NextStep::words("Start PPM with the address that browsers use:")
            }],
        },
        Symptom::SomebodyElse => Explanation {
            cause: "Something answers at this address, but not this server's callback.".to_owned(),
            steps: vec![
                NextStep::words(
                    "A proxy may ask for a sign-in of its own, or send the path elsewhere: it has to pass /oauth/callback on to PPM.",
                ),
                NextStep::words("Another server of PPM with another key file may answer there."),
            ],
        },
        Symptom::Unreached { fault, refused } => unreached(fault, refused.as_deref()),
    }
}

fn use_own(own: &str) -> NextStep {
    NextStep {
        fill: Some(Fill {
            field: Field::RedirectUri,
            value: own.to_owned(),
            label: "Use this server's address".to_owned(),
        }),
        ..NextStep::words(format!("Use {own}, and register exactly that at the provider."))
    }
}

fn unreached(fault: Fault, refused: Option<&str>) -> Explanation {
    let (cause, step) = match fault {
        Fault::NameNotFound => (
            "This machine finds no server of this name.",
            "Look for a typing mistake in --public-url, or add the name to this machine's name service.",
        ),
        Fault::NameServiceFailed => (
            "This machine could not look the name up at all.",
            "Its name service (DNS) needs attention.",
        ),
        Fault::AddressForbidden => (
            "The name leads to an address that PPM never calls.",
            "Link-local and cloud metadata addresses are refused for safety.",
        ),
        Fault::EgressNotAllowed => (
            "The operator of this server has not allowed PPM to call this address.",
            "PPM calls its own address where that is in --public-url or --listen.",
        ),
        Fault::EgressDenied => (
            "The operator of this server has denied PPM this address (--egress-deny).",
            "Ask the operator about it.",
        ),
        Fault::NothingListens => (
            "A machine answers, but nothing listens on that port.",
            "Check that the proxy in front of PPM runs, and its port.",
        ),
        Fault::Unreachable | Fault::TooSlow => (
            "Nothing answers there in time.",
            "A firewall may keep this machine from reaching its own public address.",
        ),
        Fault::CertificateUntrusted => (
            "The certificate there is not trusted by this machine.",
            "If it is your own authority's, browsers may trust it; start PPM with --extra-ca for this check.",
        ),
        Fault::CertificateOutOfDate => (
            "The certificate there is out of date: browsers refuse it, too.",
            "Renew it, and check this machine's clock.",
        ),
        Fault::CertificateWrongName => (
            "The certificate there is for another name: browsers refuse it, too.",
            "Get one for the name in --public-url.",
        ),
        Fault::TlsFailed => (
            "No encrypted connection came about.",
            "Check that the proxy in front of PPM speaks TLS on that port.",
        ),
        Fault::Redirected => (
            "What answers there points to another address.",
            "Put the final address into --public-url: a redirect may lose what the provider sends along.",
        ),
        _ => (
            "What answers there does not pass the request on to PPM.",
            "A proxy in front of PPM has to pass /oauth/callback on.",
        ),
    };
    Explanation {
        cause: format!("This server's callback could not be reached. {cause}"),
        steps: std::iter::once(NextStep::words(step))
            .chain(egress::step(fault, refused))
            .chain([NextStep::words(
                "This was tried from this machine. A browser may come by another way: if signing in works, there is nothing to do.",
            )])
            .collect(),
    }
}
