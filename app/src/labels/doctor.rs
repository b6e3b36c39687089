//! What keeps a browser from coming back by a Redirect URI, in words. Made on the server only, which
//! knows by which address it is reached.

use domain::Field;
use domain::token::Fault;

use super::egress;
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
        Fact::KnownBy => "Taken from",
        Fact::Page => "This page",
        Fact::Verdict => "Verdict",
        Fact::Reachable => "Reachable",
    }
}

/// That the address is configured.
pub const BY_PUBLIC_URL: &str = "--public-url";
/// That it is what the browser asked for.
pub const BY_HOST: &str = "the Host header of your request";
/// That nothing differs.
pub const SAME: &str = "Exactly this server's address. Register it at the provider as it is.";
/// That the callback answered.
pub const REACHABLE: &str = "Yes, from this machine. Browsers may use a different route.";
/// That it was not asked.
pub const NOT_TRIED: &str =
    "Not tried: it starts with http://, and PPM sends nothing unencrypted to other machines.";
/// That it is being asked for somebody else.
pub const BUSY: &str = "Not tried: another check is running. Try again in a moment.";

/// A forwarding header, which is not what the address is made of.
#[must_use]
pub fn forwarded(value: &str) -> String {
    format!("{value} (PPM does not use this header)")
}

/// A page of another site's, where one may have the tab.
#[must_use]
pub fn elsewhere(page: &str) -> String {
    format!("{page}, which is allowed to show this tab; browsers still come back to this server")
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
            return "it contains a space or another invisible character".to_owned();
        }
        Part::Fragment => return "it contains a #, which OAuth does not allow".to_owned(),
        Part::SlashAtEnd if own.ends_with('/') => {
            return "the slash at the end is missing".to_owned();
        }
        Part::SlashAtEnd => return "there is an extra slash at the end".to_owned(),
        Part::Capitals => "upper and lower case differ",
        Part::Scheme => "the scheme differs",
        Part::Host => "the host differs",
        Part::Port => "the port differs",
        Part::Path => "the path differs",
        Part::Query => "the query (after the ?) differs",
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
        Symptom::Empty => Explanation::new("Redirect URI is empty.", vec![use_own(own)]),
        Symptom::Differs(differences) => {
            let differences: Vec<_> = differences.iter().map(difference).collect();
            Explanation::new(
                format!("Redirect URI is not this server's address: {}.", differences.join("; ")),
                vec![
                    use_own(own),
                    NextStep::words(
                        "Or leave it: after signing in, you will have to paste the final address here.",
                    ),
                ],
            )
        }
        Symptom::OtherPage { page, own } => Explanation::new(
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
        Symptom::BehindProxy { origin } => Explanation::new(
            format!("Your browser uses {origin}, but PPM thinks its address is plain http."),
            vec![NextStep {
                copy: Some(format!("--public-url {origin}")),
                ..NextStep::words("Start PPM with the address that browsers use:")
            }],
        ),
        Symptom::SomebodyElse => Explanation::new(
            "Something answers at this address, but it is not this server's callback.",
            vec![
                NextStep::words(
                    "A proxy may require its own sign-in, or send the path elsewhere: it must pass /oauth/callback on to PPM.",
                ),
                NextStep::words("Another PPM server with another key file may be answering there."),
            ],
        ),
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
            "This machine cannot find a server with this name.",
            "Check --public-url for typing mistakes, or add the name to the DNS that this machine uses.",
        ),
        Fault::NameServiceFailed => {
            ("This machine could not look up the name.", "Check this machine's DNS.")
        }
        Fault::AddressForbidden => (
            "The name resolves to an address that PPM never connects to.",
            "For security, PPM does not connect to link-local and cloud metadata addresses.",
        ),
        Fault::EgressNotAllowed => (
            "The operator of this server has not allowed PPM to connect to this address.",
            "PPM connects to its own address if it is in --public-url or --listen.",
        ),
        Fault::EgressDenied => (
            "The operator of this server has blocked this address (--egress-deny).",
            "Ask the operator to allow it.",
        ),
        Fault::NothingListens => (
            "The machine answers, but nothing is listening on that port.",
            "Check that the proxy in front of PPM is running, and check its port.",
        ),
        Fault::Unreachable | Fault::TooSlow => (
            "Nothing answers there in time.",
            "A firewall may prevent this machine from reaching its own public address.",
        ),
        Fault::CertificateUntrusted => (
            "This machine does not trust the certificate there.",
            "If your own CA issued it, browsers may trust it. For this check, start PPM with --extra-ca.",
        ),
        Fault::CertificateOutOfDate => (
            "The certificate there is out of date: browsers refuse it too.",
            "Renew it, and check this machine's clock.",
        ),
        Fault::CertificateWrongName => (
            "The certificate there is for another name: browsers refuse it too.",
            "Get one for the name in --public-url.",
        ),
        Fault::TlsFailed => (
            "No encrypted connection could be made.",
            "Check that the proxy in front of PPM offers TLS on that port.",
        ),
        Fault::Redirected => (
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
            .chain(egress::step(fault, refused))
            .chain([NextStep::words(
                "This was tried from this machine, and browsers may use a different route. If signing in works, there is nothing to do.",
            )])
            .collect(),
    )
}
