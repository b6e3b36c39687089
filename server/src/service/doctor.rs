//! Whether a browser comes back by a Redirect URI: the typed address beside this server's own, and a
//! request from this machine to itself. The callback answers such a request only to whoever holds the
//! vault's key, so that a stranger learns nothing there, and no attempt is touched.

use app::explanation::{Findings, Found};
use app::labels::doctor::{self as words, Difference, Fact, Part, Symptom};
use app::service::Reached;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::check::text::shown;
use domain::check::url;
use domain::secret::Destination;
use oauth2::url::form_urlencoded;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::{Duration, timeout};

use crate::Server;
use crate::clock::random_token;
use crate::config::Config;
use crate::digest::hashed;
use crate::egress::EgressPolicy;
use crate::oauth::DocumentError;
use crate::vault::columns::CALLBACK_PROBE;
use domain::token::Fault;

/// The parameter by which a request asks the callback whether it is there.
const PARAMETER: &str = "ppm-probe";
/// How long a question is answered, by the clocks of the server that asks and the one that answers.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(2);
/// How long the answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// No question is longer.
const LONGEST: usize = 512;
/// No more characters than these of a typed address are looked at.
const MOST: usize = 2_000;

/// One question at a time.
static ASKING: Mutex<()> = Mutex::const_new(());

/// What there is to say of a typed Redirect URI, on a page of this origin.
pub async fn findings(server: &Server, typed: &str, page: &str, reached: &Reached) -> Findings {
    let own = reached.callback.as_str();
    let typed: String = typed.chars().take(MOST).collect();
    let typed = typed.as_str();
    let known_by = words::fact(Fact::KnownBy);
    let mut facts = vec![
        Found::value(words::fact(Fact::Typed), shown(typed)),
        Found::value(words::fact(Fact::Own), shown(own)),
        match reached.public_origin {
            Some(_) => Found::value(known_by, words::BY_PUBLIC_URL),
            None => Found::words(known_by, words::BY_HOST),
        },
    ];
    let (page_fact, page_symptom) = page_of(server, page, reached);
    facts.extend(page_fact.map(|value| Found::value(words::fact(Fact::Page), value)));
    let headers = reached.forwarded.iter();
    facts.extend(headers.map(|(name, value)| Found::value(name, words::forwarded(&shown(value)))));
    let mut symptoms: Vec<_> = page_symptom.into_iter().collect();
    if typed.is_empty() {
        symptoms.push(Symptom::Empty);
    } else if typed == own {
        facts.push(Found::words(words::fact(Fact::Verdict), words::SAME));
        match reach(server, own).await {
            Ok(said) => facts.push(Found::words(words::fact(Fact::Reachable), said)),
            Err(symptom) => symptoms.push(symptom),
        }
    } else {
        symptoms.push(Symptom::Differs(differences(typed, own)));
    }
    let explanations = symptoms.into_iter().map(|symptom| words::symptom(symptom, own)).collect();
    Findings { facts, explanations, fills: Vec::new() }
}

/// What there is to say of the page that the tab stands on.
fn page_of(server: &Server, page: &str, reached: &Reached) -> (Option<String>, Option<Symptom>) {
    // No origin of a browser's is anything else.
    let Some(page) = url_origin(page) else { return (None, None) };
    let own = url_origin(&reached.callback).unwrap_or_default();
    if page == own {
        return (Some(page), None);
    }
    let hosts = &server.config.elsewhere;
    if hosts.embedding.iter().chain(&hosts.framing).any(|host| host.as_str() == page) {
        return (Some(words::elsewhere(&page)), None);
    }
    let symptom = match &reached.public_origin {
        Some(own) => Symptom::OtherPage { page: page.clone(), own: own.clone() },
        None => Symptom::BehindProxy { origin: page.clone() },
    };
    (Some(page), Some(symptom))
}

/// Scheme, host and port of a text that begins with them, as it writes them.
fn url_origin(text: &str) -> Option<String> {
    let text = Some(text).filter(|text| !text.contains(char::is_whitespace))?;
    let Pieces { scheme, host, port, .. } = Pieces::of(text);
    let is_web = matches!(scheme, "http" | "https") && !host.is_empty();
    let port = if port.is_empty() { String::new() } else { format!(":{port}") };
    is_web.then(|| shown(&format!("{scheme}://{host}{port}")))
}

/// The parts of an address, wherever its text came from; what is not there is empty.
struct Pieces<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.split('#').next().unwrap_or_default();
        let (rest, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, rest) = rest.split_once("://").unwrap_or(("", rest));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, ""),
        };
        Self { scheme, host, port, path, query }
    }
}

/// How a typed address differs from this server's, part by part.
fn differences(typed: &str, own: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differs = |part: Part, typed: &str, own: &str| {
        found.push(Difference { part, typed: shown(typed), own: shown(own) });
    };
    if typed.contains(|c: char| c.is_whitespace() || c.is_control()) {
        differs(Part::Whitespace, "", "");
    }
    if typed.contains('#') {
        differs(Part::Fragment, "", "");
    }
    let (typed, own) = (Pieces::of(typed.trim()), Pieces::of(own));
    for (part, typed, own) in [
        (Part::Scheme, typed.scheme, own.scheme),
        (Part::Host, typed.host, own.host),
        (Part::Port, typed.port, own.port),
        (Part::Path, typed.path, own.path),
        (Part::Query, typed.query, own.query),
    ] {
        match part {
            _ if typed == own => {}
            Part::Path if typed.trim_end_matches('/') == own.trim_end_matches('/') => {
                differs(Part::SlashAtEnd, typed, own);
            }
            _ if typed.eq_ignore_ascii_case(own) => differs(Part::Capitals, typed, own),
            _ => differs(part, typed, own),
        }
    }
    found
}

/// Asks this server's own callback, by its address, whether it is there.
async fn reach(server: &Server, own: &str) -> Result<&'static str, Symptom> {
    if url::endpoint_url(own).is_err() {
        return Ok(words::NOT_TRIED);
    }
    let Ok(_turn) = ASKING.try_lock() else { return Ok(words::BUSY) };
    let nonce = random_token(server.randomness.as_ref());
    let question = format!("{}.{nonce}", server.clock.now().timestamp_millis());
    let sealed =
        server.vault.seal(CALLBACK_PROBE, &Destination::Nowhere, &SecretString::from(question));
    let address = format!("{own}?{PARAMETER}={}", URL_SAFE_NO_PAD.encode(sealed));
    let documents = server.documents.by(egress(&server.config));
    match timeout(PATIENCE, documents.get(&address)).await {
        Ok(Ok(answer)) if answer.octets == proof(&nonce).as_bytes() => Ok(words::REACHABLE),
        Ok(Ok(_)) => Err(Symptom::SomebodyElse),
        Ok(Err(DocumentError { fault, refused, .. })) => Err(Symptom::Unreached { fault, refused }),
        Err(_) => Err(Symptom::Unreached { fault: Fault::TooSlow, refused: None }),
    }
}

/// What may be called to reach the callback: the operator configured where this server is reached and
/// where it listens. Without them its address is the `Host` that a browser sent, which may be any.
fn egress(config: &Config) -> EgressPolicy {
    let policy = config.egress.for_own(config.listen);
    match &config.public_url {
        Some(public_url) => policy.for_configured(public_url.origin()),
        None => policy,
    }
}

/// What the callback answers to a question that this key has sealed lately; nothing to any other.
#[must_use]
pub fn answer(server: &Server, query: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (_, sealed) = pairs.find(|(name, _)| name == PARAMETER)?;
    let sealed = URL_SAFE_NO_PAD.decode(sealed.get(..sealed.len().min(LONGEST))?).ok()?;
    let question =
        server.vault.open_from_request(CALLBACK_PROBE, &Destination::Nowhere, &sealed).ok()?;
    let (asked_at, nonce) = question.expose_secret().split_once('.')?;
    let asked_at = DateTime::<Utc>::from_timestamp_millis(asked_at.parse().ok()?)?;
    let age = server.clock.now() - asked_at;
    (age.abs() <= GOOD_FOR).then(|| proof(nonce))
}

/// Whoever knows the nonce has opened the question.
fn proof(nonce: &str) -> String {
    format!("ppm-email callback {}", hashed(&format!("callback {nonce}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://ppm.example/oauth/callback";

    #[test]
    fn each_part_that_differs_is_named() {
        for (typed, expected) in [
            ("http://ppm.example/oauth/callback", vec![Part::Scheme]),
            ("https://ppm.example.com/oauth/callback", vec![Part::Host]),
            ("https://ppm.example:443/oauth/callback", vec![Part::Port]),
            ("https://ppm.example/oauth/Callback", vec![Part::Capitals]),
            ("https://PPM.example/oauth/callback", vec![Part::Capitals]),
            ("https://ppm.example/oauth/callback/", vec![Part::SlashAtEnd]),
            ("https://ppm.example/callback", vec![Part::Path]),
            ("https://ppm.example/oauth/callback?x=1", vec![Part::Query]),
            ("https://ppm.example/oauth/callback#x", vec![Part::Fragment]),
            (" https://ppm.example/oauth/callback", vec![Part::Whitespace]),
            ("http://ppm.example:3000/", vec![Part::Scheme, Part::Port, Part::Path]),
            ("urn:ietf:wg:oauth:2.0:oob", vec![Part::Scheme, Part::Host, Part::Port, Part::Path]),
        ] {
            let found: Vec<_> = differences(typed, OWN).iter().map(|found| found.part).collect();
            assert_eq!(found, expected, "{typed}");
        }
    }
}
