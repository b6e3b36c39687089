//! What a provider says about itself: `OpenID` Connect Discovery 1.0 and RFC 8414, asked on an
//! administrator's word. Nothing that it says is believed before the whole of it has been looked at,
//! and nothing is put into the form by this server. What an administrator may have meant is in `typed`.

mod typed;

use app::explanation::{Fill, Findings, Found};
use app::labels;
use app::labels::discovery::{self as words, Fact, Lie};
use domain::check::text::{is_guid, shown};
use domain::check::{endpoint_problem, url};
use domain::{Field, Problem};
use serde_json::{Map, Value};

use self::typed::Asked;
use super::Broken;
use crate::Server;
use crate::oauth::{Document, DocumentError};
use crate::store::providers::{self, Provider};
use domain::token::Fault;

/// Where Microsoft's tenants are.
pub(super) const MICROSOFT: &str = "https://login.microsoftonline.com/";
/// What every tenant's name ends with there.
pub(super) const VERSION: &str = "/v2.0";
/// The tenant of all personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Google's issuer and the origin of its Token Endpoint, which differ.
const GOOGLE: (Option<&str>, Option<&str>) =
    (Some("https://accounts.google.com"), Some("https://oauth2.googleapis.com"));

/// Where a provider describes itself (`OpenID` Connect Discovery 1.0, 4).
const OPENID: &str = "/.well-known/openid-configuration";
/// The same for one that knows OAuth alone (RFC 8414 3).
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// The promise that each answer of an Authorization Endpoint names the issuer (RFC 9207 3).
const NAMES_ITSELF: &str = "authorization_response_iss_parameter_supported";

/// The most characters of an issuer or an endpoint that are looked at.
const LONGEST: usize = 500;

/// Asks the provider that somebody typed, and tells what it says, or what is wrong with that.
pub async fn findings(server: &Server, typed: &str) -> Result<Findings, Broken> {
    let asked = match typed::issuers(typed) {
        Ok(asked) => asked,
        Err(lie) => return Ok(lies([lie])),
    };
    let mut not_found = None;
    for asked in asked {
        match described(server, &asked.issuer).await {
            Ok(described) => return believed(server, &asked, &described).await,
            Err(lie) => not_found = Some(more_telling(not_found, lie)),
        }
    }
    Ok(lies(not_found))
}

/// Of two reasons why nothing was found, the one that tells more.
fn more_telling(before: Option<Lie>, lie: Lie) -> Lie {
    let telling = |lie: &Lie| match lie {
        Lie::NotFound { said: Some(_), fault, .. } if fault.is_of_provider() => 2,
        Lie::NotFound { fault: Fault::NameNotFound | Fault::Unreachable, .. } => 0,
        _ => 1,
    };
    match before {
        Some(before) if telling(&before) > telling(&lie) => before,
        _ => lie,
    }
}

/// What is told and remembered of a description, if it holds.
async fn believed(
    server: &Server,
    asked: &Asked,
    described: &Described,
) -> Result<Findings, Broken> {
    let said = match Said::read(asked, described) {
        Ok(said) => said,
        Err(found) => return Ok(lies(found)),
    };
    let known = Provider {
        token_endpoint: said.token_endpoint.clone(),
        authorization_endpoint: said.authorization_endpoint.clone().unwrap_or_default(),
        revocation_endpoint: said.revocation_endpoint.clone().filter(|_| said.may_revoke()),
        is_openid: described.is_openid,
        issuer: said.is_own.then(|| said.issuer.clone()),
        names_itself: said.is_own && said.names_itself,
        auth_methods: said.auth_methods(),
        knows_pkce: said.is_own && said.knows_pkce(),
    };
    // Any issuer can name any Token Endpoint: only its own issuer changes what is known of it.
    providers::learn(&server.store, &known, said.is_own, server.clock.now()).await?;
    Ok(Findings {
        facts: said.facts(&described.address),
        explanations: Vec::new(),
        fills: said.fills(),
    })
}

fn lies(lies: impl IntoIterator<Item = Lie>) -> Findings {
    let (mut facts, mut explanations) = (Vec::new(), Vec::new());
    for lie in lies {
        facts.extend(words::said(&lie));
        explanations.push(words::lie(lie));
    }
    Findings { facts, explanations, fills: Vec::new() }
}

/// Whether a provider that was asked for by an issuer is what it calls itself: byte for byte (RFC 8414
/// 3.3), except for Microsoft, which names a tenant by its id, and of all tenants together says so. One that
/// was derived from another address may have a slash at its end or not: both describe themselves there.
fn is_the_issuer(Asked { issuer: asked, is_exact }: &Asked, told: &str) -> bool {
    let tenant = |issuer: &str| {
        let tenant = issuer.strip_prefix(MICROSOFT)?.strip_suffix(VERSION)?;
        Some(tenant.to_owned()).filter(|tenant| !tenant.contains('/'))
    };
    let bare = |issuer: &str| issuer.strip_suffix('/').unwrap_or(issuer).to_owned();
    if asked == told || !is_exact && bare(asked) == bare(told) {
        return true;
    }
    match (tenant(asked).as_deref(), tenant(told).as_deref()) {
        (Some("common" | "organizations"), Some("{tenantid}")) => true,
        (Some("consumers"), Some(told)) => told == CONSUMERS,
        (Some(asked), Some(told)) => typed::is_domain(asked) && is_guid(told),
        _ => false,
    }
}

/// A provider's description of itself.
struct Described {
    address: String,
    is_openid: bool,
    /// Whether what it calls itself may be shown although it is not what was asked for.
    is_public: bool,
    metadata: Map<String, Value>,
}

/// Fetches the description, from where an `OpenID` provider has it, or else any other.
async fn described(server: &Server, issuer: &str) -> Result<Described, Lie> {
    let bare = issuer.trim_end_matches('/');
    let path_at = bare.find("://").map_or(0, |at| at + 3);
    let (origin, path) =
        bare.split_at(bare[path_at..].find('/').map_or(bare.len(), |at| path_at + at));
    let mut address = format!("{bare}{OPENID}");
    let mut is_openid = true;
    let mut found = server.documents.get(&address).await;
    if let Some(first) = found.as_ref().err().filter(|error| is_elsewhere(error)).cloned() {
        address = format!("{origin}{OAUTH}{path}");
        is_openid = false;
        let has_words = first.fault.is_of_provider() && first.said.is_some();
        let second = server.documents.get(&address).await;
        found = second.map_err(|second| if has_words { first } else { second });
    }
    let not_found = |DocumentError { fault, refused, said }| Lie::NotFound { fault, refused, said };
    let Document { octets, is_public } = found.map_err(not_found)?;
    let metadata = serde_json::from_slice(&octets).map_err(|_| Lie::NoDescription)?;
    Ok(Described { address, is_openid, is_public, metadata })
}

/// Whether somebody answered, and has no such document.
fn is_elsewhere(DocumentError { fault, .. }: &DocumentError) -> bool {
    matches!(fault, Fault::NotOauth | Fault::UnknownError | Fault::RefusedSilently)
}

/// What a description says, of what matters here.
struct Said {
    issuer: String,
    /// Whether the issuer is the Token Endpoint's own: at the same origin, or known as such.
    is_own: bool,
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    revocation_endpoint: Option<String>,
    challenge_methods: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    auth_methods: Option<Vec<String>>,
    /// Whether its answers name it (RFC 9207 3).
    names_itself: bool,
}

impl Said {
    /// Reads a description, all of which must hold.
    fn read(asked: &Asked, described: &Described) -> Result<Self, Vec<Lie>> {
        let metadata = &described.metadata;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        let list = |name: &str| {
            let values = metadata.get(name)?.as_array()?;
            Some(values.iter().filter_map(Value::as_str).map(cut).take(20).collect::<Vec<_>>())
        };
        let told = text("issuer").unwrap_or_default();
        if !is_the_issuer(asked, &told) {
            let asked = asked.issuer.clone();
            return Err(vec![if described.is_public || told.is_empty() {
                Lie::OtherIssuer { asked, told: cut(&told) }
            } else {
                Lie::OtherIssuerWithheld { asked }
            }]);
        }
        let (authorization, token) = (text("authorization_endpoint"), text("token_endpoint"));
        let mut lies = Vec::new();
        for (field, endpoint) in
            [(Field::AuthorizationEndpoint, &authorization), (Field::TokenEndpoint, &token)]
        {
            let bad = |(told, problem): (&String, Problem)| Lie::BadEndpoint {
                field,
                told: cut(told),
                problem,
            };
            let problem =
                endpoint.as_ref().and_then(|told| Some((told, endpoint_problem(field, told)?)));
            lies.extend(problem.map(bad));
        }
        let Some(token_endpoint) = token else { return Err(vec![Lie::NoTokenEndpoint]) };
        if !lies.is_empty() {
            return Err(lies);
        }
        let (issuer, endpoint) = (url::origin(&asked.issuer), url::origin(&token_endpoint));
        Ok(Self {
            is_own: (issuer.as_deref(), endpoint.as_deref()) == GOOGLE
                || issuer == endpoint && leads_to(&told, &token_endpoint),
            issuer: told,
            authorization_endpoint: authorization,
            token_endpoint,
            revocation_endpoint: text("revocation_endpoint"),
            challenge_methods: list("code_challenge_methods_supported"),
            grant_types: list("grant_types_supported"),
            auth_methods: list("token_endpoint_auth_methods_supported"),
            names_itself: metadata.get(NAMES_ITSELF) == Some(&Value::Bool(true)),
        })
    }

    /// Whether tokens and Client Secret may go to the Revocation Endpoint: the Token Endpoint's own
    /// issuer names it, at the Token Endpoint's origin.
    fn may_revoke(&self) -> bool {
        self.is_own
            && self.revocation_endpoint.as_deref().is_some_and(|endpoint| {
                endpoint_problem(Field::TokenEndpoint, endpoint).is_none()
                    && url::origin(endpoint) == url::origin(&self.token_endpoint)
            })
    }

    /// The methods of client authentication that PPM knows, from the Token Endpoint's own issuer.
    fn auth_methods(&self) -> Vec<String> {
        const KNOWN: [&str; 2] = ["client_secret_post", "client_secret_basic"];
        let named = self.auth_methods.iter().flatten().filter(|_| self.is_own);
        named.filter(|method| KNOWN.contains(&method.as_str())).cloned().collect()
    }

    fn knows_pkce(&self) -> bool {
        let methods = self.challenge_methods.as_ref();
        methods.is_some_and(|methods| methods.iter().any(|method| method == "S256"))
    }

    fn facts(&self, address: &str) -> Vec<Found> {
        let said = |values: &Option<Vec<String>>| {
            values.as_ref().map_or_else(|| words::NOT_SAID.to_owned(), |values| values.join(" "))
        };
        let pkce = match &self.challenge_methods {
            None => words::NOT_SAID,
            Some(_) if self.knows_pkce() => words::SUPPORTED,
            Some(_) => words::NOT_SUPPORTED,
        };
        let authorization = self.authorization_endpoint.as_deref();
        let mut origins: Vec<_> = authorization
            .into_iter()
            .chain([self.token_endpoint.as_str()])
            .filter_map(url::origin)
            .collect();
        origins.dedup();
        let revocation = self.revocation_endpoint.as_deref();
        [
            (Fact::FoundAt, Some(address.to_owned())),
            (Fact::Issuer, Some(cut(&self.issuer))),
            (
                Fact::AuthorizationEndpoint,
                Some(authorization.unwrap_or(words::NOT_SAID).to_owned()),
            ),
            (Fact::TokenEndpoint, Some(self.token_endpoint.clone())),
            (Fact::Origins, Some(origins.join(" "))),
            (Fact::Pkce, Some(pkce.to_owned())),
            (Fact::GrantTypes, Some(said(&self.grant_types))),
            (
                Fact::Revocation,
                revocation.map(|told| words::revocation(&cut(told), self.may_revoke())),
            ),
        ]
        .into_iter()
        .filter_map(|(fact, value)| {
            let (name, value) = (words::fact(fact), value?);
            let in_words = [words::NOT_SAID, words::SUPPORTED, words::NOT_SUPPORTED];
            Some(if in_words.contains(&value.as_str()) {
                Found::words(name, value)
            } else {
                Found::value(name, value)
            })
        })
        .collect()
    }

    fn fills(&self) -> Vec<Fill> {
        let fill = |field: Field, value: String| Fill {
            field,
            value,
            label: labels::field(field).to_owned(),
        };
        let authorization = self.authorization_endpoint.as_deref().map(with_usual_query);
        authorization
            .map(|endpoint| fill(Field::AuthorizationEndpoint, endpoint))
            .into_iter()
            .chain([fill(Field::TokenEndpoint, self.token_endpoint.clone())])
            .collect()
    }
}

/// An Authorization Endpoint with what it takes to get a refresh token there, where that is known.
fn with_usual_query(endpoint: &str) -> String {
    match url::endpoint_host(endpoint).as_deref() {
        Some("accounts.google.com") if !endpoint.contains('?') => {
            format!("{endpoint}?access_type=offline&prompt=consent")
        }
        _ => endpoint.to_owned(),
    }
}

/// A text of the provider's, fit to be shown, on one line.
fn cut(text: &str) -> String {
    let text = shown(text).replace('\n', " ");
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some(_) => text.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

/// Whether an issuer on a Token Endpoint's origin speaks for it: its path is the beginning of the
/// endpoint's, by whole segments. Others may publish elsewhere on that origin. On Microsoft's nobody
/// else does, and its issuers stand beside their endpoints.
fn leads_to(issuer: &str, endpoint: &str) -> bool {
    let rest = path(endpoint).strip_prefix(path(issuer).trim_end_matches('/'));
    issuer.starts_with(MICROSOFT) || rest.is_some_and(|rest| rest.starts_with('/'))
}

/// What follows the authority of a URL, with its slash; nothing where nothing does (RFC 3986 3).
fn path(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.find('/').map_or("", |at| &authority[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn at_microsoft(tenant: &str) -> String {
        format!("{MICROSOFT}{tenant}{VERSION}")
    }

    #[test]
    fn an_issuer_is_itself_byte_for_byte_except_for_microsofts_tenants() {
        let (name, id) = (at_microsoft("contoso.com"), at_microsoft(TENANT));
        for (asked, told, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "https://a.example/", false),
            ("https://a.example", "https://A.example", false),
            (&name, &id, true),
            (&at_microsoft("common"), &at_microsoft("{tenantid}"), true),
            (&at_microsoft("organizations"), &at_microsoft("{tenantid}"), true),
            (&at_microsoft("consumers"), &at_microsoft(CONSUMERS), true),
            (&id, &at_microsoft(CONSUMERS), false),
            (&name, &at_microsoft("{tenantid}"), false),
            (&at_microsoft("common"), &id, false),
            (&name, &format!("https://evil.example/{TENANT}/v2.0"), false),
            ("https://evil.example/contoso.com/v2.0", &id, false),
            (&name, &at_microsoft(&format!("x/{TENANT}")), false),
        ] {
            let asked = Asked { issuer: asked.to_owned(), is_exact: true };
            assert_eq!(is_the_issuer(&asked, told), expected, "{asked:?} {told}");
        }
    }

    #[test]
    fn an_issuer_that_was_derived_may_have_a_slash_at_its_end() {
        let asked = Asked { issuer: "https://a.example".to_owned(), is_exact: false };
        for (told, expected) in [
            ("https://a.example", true),
            ("https://a.example/", true),
            ("https://a.example//", false),
            ("https://b.example/", false),
        ] {
            assert_eq!(is_the_issuer(&asked, told), expected, "{told}");
        }
    }

    #[test]
    fn google_gives_a_refresh_token_by_the_query_that_it_wants() {
        let expected =
            "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent";
        assert_eq!(with_usual_query("https://accounts.google.com/o/oauth2/v2/auth"), expected);
        assert_eq!(with_usual_query("https://a.example/auth"), "https://a.example/auth");
    }
}
