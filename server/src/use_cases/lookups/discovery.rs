//! Fetches provider metadata (`OpenID` Connect Discovery 1.0, RFC 8414) at an administrator's
//! request. The metadata is used only if all of it is valid, and the server never fills in the form
//! itself.

use contract::{LookupFact, LookupResult, Suggestion};
use domain::issuer::{
    self, IssuerProblem, LONGEST, MICROSOFT, OAUTH, OPENID, ParsedIssuer, VERSION,
};
use domain::syntax::text::{is_guid, shown};
use domain::{Field, Problem, syntax::url, token::OauthDiagnosis, validate::endpoint_problem};
use explain::discovery::{self as words, MetadataProblem, ProviderFact};
use oauth::{Document, DocumentError};
use serde_json::{Map, Value};
use store::provider_metadata::{self, StoredProvider};

use super::super::UseCaseError;
use super::Lookups;

/// The tenant of all personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Google's issuer and the origin of its Token Endpoint, which differ.
const GOOGLE: (Option<&str>, Option<&str>) =
    (Some("https://accounts.google.com"), Some("https://oauth2.googleapis.com"));

/// The metadata field that announces `iss` in each authorization response (RFC 9207 3).
const NAMES_ITSELF: &str = "authorization_response_iss_parameter_supported";

/// Fetches the metadata of the provider that was typed, and returns what it says, or what is wrong
/// with it.
pub async fn findings(lookups: &Lookups, typed: &str) -> Result<LookupResult, UseCaseError> {
    let asked = match issuer::issuers(typed) {
        Ok(asked) => asked,
        Err(IssuerProblem::None) => return Ok(with_problems([MetadataProblem::NoIssuerTyped])),
        Err(IssuerProblem::Placeholder(part)) => {
            return Ok(with_problems([MetadataProblem::Placeholder(part)]));
        }
    };
    let mut not_found = None;
    for asked in asked {
        match fetch_metadata(lookups, &asked.issuer).await {
            Ok(document) => return accept_metadata(lookups, &asked, &document).await,
            Err(problem) => not_found = Some(more_specific(not_found, problem)),
        }
    }
    Ok(with_problems(not_found))
}

/// Returns the more specific of two reasons why no metadata was found.
fn more_specific(before: Option<MetadataProblem>, problem: MetadataProblem) -> MetadataProblem {
    let specificity = |problem: &MetadataProblem| match problem {
        MetadataProblem::NotFound { peer_text: Some(_), diagnosis, .. }
            if diagnosis.is_of_provider() =>
        {
            2
        }
        MetadataProblem::NotFound {
            diagnosis: OauthDiagnosis::NameNotFound | OauthDiagnosis::Unreachable,
            ..
        } => 0,
        _ => 1,
    };
    match before {
        Some(before) if specificity(&before) > specificity(&problem) => before,
        _ => problem,
    }
}

/// Validates metadata, remembers it, and returns what to show of it.
async fn accept_metadata(
    lookups: &Lookups,
    asked: &ParsedIssuer,
    document: &MetadataDocument,
) -> Result<LookupResult, UseCaseError> {
    let metadata = match ProviderMetadata::read(asked, document) {
        Ok(metadata) => metadata,
        Err(found) => return Ok(with_problems(found)),
    };
    let known = StoredProvider {
        token_endpoint: metadata.token_endpoint.clone(),
        authorization_endpoint: metadata.authorization_endpoint.clone().unwrap_or_default(),
        revocation_endpoint: metadata.revocation_endpoint.clone().filter(|_| metadata.may_revoke()),
        is_openid: document.is_openid,
        issuer: metadata.is_own.then(|| metadata.issuer.clone()),
        names_itself: metadata.is_own && metadata.names_itself,
        auth_methods: metadata.auth_methods(),
        knows_pkce: metadata.is_own && metadata.knows_pkce(),
    };
    // Any issuer can name any Token Endpoint: only the endpoint's own issuer may change what is
    // stored.
    provider_metadata::learn(&lookups.store, &known, metadata.is_own, lookups.clock.now()).await?;
    Ok(LookupResult {
        verdict: Some(explain::verdict(words::VALID)),
        facts: metadata.facts(&document.address),
        explanations: Vec::new(),
        fills: metadata.fills(),
    })
}

fn with_problems(problems: impl IntoIterator<Item = MetadataProblem>) -> LookupResult {
    let (mut facts, mut explanations) = (Vec::new(), Vec::new());
    for problem in problems {
        facts.extend(words::peer_text(&problem));
        explanations.push(words::metadata_problem(problem));
    }
    LookupResult { facts, explanations, ..LookupResult::default() }
}

/// Whether the metadata's issuer is the requested one: byte for byte (RFC 8414 3.3), except at
/// Microsoft, which answers for a tenant's name with its id, and for all tenants together with a
/// placeholder. A derived issuer may differ by a trailing slash: both have their metadata at the
/// same URL.
fn is_the_issuer(ParsedIssuer { issuer: asked, is_exact }: &ParsedIssuer, told: &str) -> bool {
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
        (Some(asked), Some(told)) => issuer::is_domain(asked) && is_guid(told),
        _ => false,
    }
}

/// A metadata document.
struct MetadataDocument {
    address: String,
    is_openid: bool,
    /// Whether its issuer may be shown although it is not the requested one.
    is_public: bool,
    metadata: Map<String, Value>,
}

/// Fetches the metadata from the `OpenID` path, else from the OAuth path.
async fn fetch_metadata(
    lookups: &Lookups,
    issuer: &str,
) -> Result<MetadataDocument, MetadataProblem> {
    let bare = issuer.trim_end_matches('/');
    let path_at = bare.find("://").map_or(0, |at| at + 3);
    let (origin, path) =
        bare.split_at(bare[path_at..].find('/').map_or(bare.len(), |at| path_at + at));
    let mut address = format!("{bare}{OPENID}");
    let mut is_openid = true;
    let mut found = lookups.documents.get(&address).await;
    if let Some(first) = found.as_ref().err().filter(|error| has_no_document(error)).cloned() {
        address = format!("{origin}{OAUTH}{path}");
        is_openid = false;
        let has_words = first.diagnosis.is_of_provider() && first.peer_text.is_some();
        let second = lookups.documents.get(&address).await;
        found = second.map_err(|second| if has_words { first } else { second });
    }
    let not_found = |DocumentError { diagnosis, refused, peer_text }| MetadataProblem::NotFound {
        diagnosis,
        refused,
        peer_text,
    };
    let Document { octets, is_public } = found.map_err(not_found)?;
    let metadata = serde_json::from_slice(&octets).map_err(|_| MetadataProblem::NoDescription)?;
    Ok(MetadataDocument { address, is_openid, is_public, metadata })
}

/// Whether a server responded, but has no such document.
fn has_no_document(DocumentError { diagnosis, .. }: &DocumentError) -> bool {
    matches!(
        diagnosis,
        OauthDiagnosis::NotOauth | OauthDiagnosis::UnknownError | OauthDiagnosis::RefusedSilently
    )
}

/// The metadata fields that PPM uses.
struct ProviderMetadata {
    issuer: String,
    /// Whether the issuer is the Token Endpoint's own: at the same origin, or known to be.
    is_own: bool,
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    revocation_endpoint: Option<String>,
    challenge_methods: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    auth_methods: Option<Vec<String>>,
    /// Whether its authorization responses contain `iss` (RFC 9207 3).
    names_itself: bool,
}

impl ProviderMetadata {
    /// Parses metadata, all of which must be valid.
    fn read(
        asked: &ParsedIssuer,
        document: &MetadataDocument,
    ) -> Result<Self, Vec<MetadataProblem>> {
        let metadata = &document.metadata;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        let list = |name: &str| {
            let values = metadata.get(name)?.as_array()?;
            Some(values.iter().filter_map(Value::as_str).map(cut).take(20).collect::<Vec<_>>())
        };
        let told = text("issuer").unwrap_or_default();
        if !is_the_issuer(asked, &told) {
            let asked = asked.issuer.clone();
            return Err(vec![if document.is_public || told.is_empty() {
                MetadataProblem::OtherIssuer { asked, told: cut(&told) }
            } else {
                MetadataProblem::OtherIssuerWithheld { asked }
            }]);
        }
        let (authorization, token) = (text("authorization_endpoint"), text("token_endpoint"));
        let mut problems = Vec::new();
        for (field, endpoint) in
            [(Field::AuthorizationEndpoint, &authorization), (Field::TokenEndpoint, &token)]
        {
            let bad = |(told, problem): (&String, Problem)| MetadataProblem::BadEndpoint {
                field,
                told: cut(told),
                problem,
            };
            let problem =
                endpoint.as_ref().and_then(|told| Some((told, endpoint_problem(field, told)?)));
            problems.extend(problem.map(bad));
        }
        let Some(token_endpoint) = token else {
            return Err(vec![MetadataProblem::NoTokenEndpoint]);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let (issuer, endpoint) = (url::origin(&asked.issuer), url::origin(&token_endpoint));
        Ok(Self {
            is_own: (issuer.as_deref(), endpoint.as_deref()) == GOOGLE
                || issuer == endpoint && is_authoritative_for(&told, &token_endpoint),
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

    /// Whether tokens and Client Secret may be sent to the Revocation Endpoint: only if the Token
    /// Endpoint's own issuer names it, at the Token Endpoint's origin.
    fn may_revoke(&self) -> bool {
        self.is_own
            && self.revocation_endpoint.as_deref().is_some_and(|endpoint| {
                endpoint_problem(Field::TokenEndpoint, endpoint).is_none()
                    && url::origin(endpoint) == url::origin(&self.token_endpoint)
            })
    }

    /// The client authentication methods that PPM implements, from the Token Endpoint's own issuer.
    fn auth_methods(&self) -> Vec<String> {
        const KNOWN: [&str; 2] = ["client_secret_post", "client_secret_basic"];
        let named = self.auth_methods.iter().flatten().filter(|_| self.is_own);
        named.filter(|method| KNOWN.contains(&method.as_str())).cloned().collect()
    }

    fn knows_pkce(&self) -> bool {
        let methods = self.challenge_methods.as_ref();
        methods.is_some_and(|methods| methods.iter().any(|method| method == "S256"))
    }

    fn facts(&self, address: &str) -> Vec<LookupFact> {
        let listed = |values: &Option<Vec<String>>| {
            values.as_ref().map_or_else(|| words::NOT_SAID.to_owned(), |values| values.join(" "))
        };
        let pkce = match &self.challenge_methods {
            None => words::NOT_SAID,
            Some(_) if self.knows_pkce() => words::SUPPORTED,
            Some(_) => words::NOT_SUPPORTED,
        };
        let authorization = self.authorization_endpoint.as_deref();
        let endpoints = authorization.into_iter().chain([self.token_endpoint.as_str()]);
        let mut origins: Vec<_> = endpoints.filter_map(url::origin).collect();
        origins.dedup();
        let revocation = self.revocation_endpoint.as_deref();
        [
            (ProviderFact::FoundAt, Some(address.to_owned())),
            (ProviderFact::Issuer, Some(cut(&self.issuer))),
            (
                ProviderFact::AuthorizationEndpoint,
                Some(authorization.unwrap_or(words::NOT_SAID).to_owned()),
            ),
            (ProviderFact::TokenEndpoint, Some(self.token_endpoint.clone())),
            (ProviderFact::Origins, Some(origins.join(" "))),
            (ProviderFact::Pkce, Some(pkce.to_owned())),
            (ProviderFact::GrantTypes, Some(listed(&self.grant_types))),
            (
                ProviderFact::Revocation,
                revocation.map(|told| words::revocation(&cut(told), self.may_revoke())),
            ),
        ]
        .into_iter()
        .filter_map(|(fact, value)| {
            let value = value?;
            let in_words = [words::NOT_SAID, words::SUPPORTED, words::NOT_SUPPORTED];
            let in_words = fact == ProviderFact::Revocation || in_words.contains(&value.as_str());
            Some(LookupFact { name: words::fact(fact).to_owned(), value, in_words })
        })
        .collect()
    }

    fn fills(&self) -> Vec<Suggestion> {
        let fill = |field: Field, value: String| Suggestion {
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

/// Adds the query parameters by which an Authorization Endpoint issues a refresh token, if known.
fn with_usual_query(endpoint: &str) -> String {
    match url::endpoint_host(endpoint).as_deref() {
        Some("accounts.google.com") if !endpoint.contains('?') => {
            format!("{endpoint}?access_type=offline&prompt=consent")
        }
        _ => endpoint.to_owned(),
    }
}

/// Makes a provider's text safe to show: on one line, and truncated.
fn cut(text: &str) -> String {
    let text = shown(text).replace('\n', " ");
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some(_) => text.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

/// Whether an issuer at a Token Endpoint's origin is authoritative for it: its path is a prefix of
/// the endpoint's, by whole segments. Others may publish under other paths of that origin. Only Microsoft
/// publishes at its own, and its issuers are siblings of their endpoints.
fn is_authoritative_for(issuer: &str, endpoint: &str) -> bool {
    let rest = path(endpoint).strip_prefix(path(issuer).trim_end_matches('/'));
    issuer.starts_with(MICROSOFT) || rest.is_some_and(|rest| rest.starts_with('/'))
}

/// What follows the authority of a URL, with its slash; empty if nothing does (RFC 3986 3).
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
    fn an_issuer_matches_byte_for_byte_except_for_microsofts_tenants() {
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
            let asked = ParsedIssuer { issuer: asked.to_owned(), is_exact: true };
            assert_eq!(is_the_issuer(&asked, told), expected, "{asked:?} {told}");
        }
    }

    #[test]
    fn a_derived_issuer_may_differ_by_a_trailing_slash() {
        let asked = ParsedIssuer { issuer: "https://a.example".to_owned(), is_exact: false };
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
    fn googles_endpoint_gets_the_query_that_yields_a_refresh_token() {
        let expected =
            "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent";
        assert_eq!(with_usual_query("https://accounts.google.com/o/oauth2/v2/auth"), expected);
        assert_eq!(with_usual_query("https://a.example/auth"), "https://a.example/auth");
    }
}
