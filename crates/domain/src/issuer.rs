//! Derives candidate issuers from an administrator's input: an issuer, a tenant, a host, an
//! endpoint, or a metadata URL. Candidates are requested in order, and each is accepted only if its
//! metadata names it as the issuer.

use crate::microsoft;
use crate::syntax::host::{Host, mail_host};
use crate::syntax::text::is_guid;
use crate::syntax::url;

/// The prefix of the issuers of Microsoft's tenants.
pub const MICROSOFT: &str = "https://login.microsoftonline.com/";
/// The suffix of these issuers.
pub const VERSION: &str = "/v2.0";

/// The well-known path of an `OpenID` provider's metadata (`OpenID` Connect Discovery 1.0, 4).
pub const OPENID: &str = "/.well-known/openid-configuration";
/// The same for a provider with OAuth only (RFC 8414 3).
pub const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// The maximum length of an issuer or an endpoint, in characters.
pub const LONGEST: usize = 500;

/// Why a text names no issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerProblem {
    /// It is empty, too long or no URL and no name.
    None,
    /// It contains a placeholder for a tenant that was not replaced by one.
    Placeholder(String),
}

/// A candidate issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedIssuer {
    /// The issuer identifier.
    pub issuer: String,
    /// Whether it was typed as such, and not derived.
    pub is_exact: bool,
}

impl ParsedIssuer {
    fn exact(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), is_exact: true }
    }

    fn derived(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), is_exact: false }
    }

    fn tenant(tenant: &str) -> Self {
        Self::exact(format!("{MICROSOFT}{}{VERSION}", tenant.to_ascii_lowercase()))
    }
}

/// Google's issuer, and the hosts of its endpoints.
const GOOGLE: &str = "https://accounts.google.com";
const GOOGLES: [&str; 3] = ["accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com"];

/// The path suffixes of endpoints, and what replaces them in the issuer; the longest first.
const ENDPOINTS: [(&str, &str); 18] = [
    // Keycloak.
    ("/protocol/openid-connect/auth", ""),
    ("/protocol/openid-connect/token", ""),
    // Microsoft Entra External ID.
    ("/oauth2/v2.0/authorize", VERSION),
    ("/oauth2/v2.0/token", VERSION),
    // PingFederate.
    ("/as/authorization.oauth2", ""),
    ("/as/token.oauth2", ""),
    // IdentityServer.
    ("/connect/authorize", ""),
    ("/connect/token", ""),
    // Okta's own authorization server, then those of its customers.
    ("/oauth2/v1/authorize", ""),
    ("/oauth2/v1/token", ""),
    ("/v1/authorize", ""),
    ("/v1/token", ""),
    ("/oauth2/authorize", ""),
    ("/oauth2/token", ""),
    ("/oauth/authorize", ""),
    ("/oauth/token", ""),
    ("/authorize", ""),
    ("/token", ""),
];

/// Placeholders for a tenant in documentation, without punctuation.
const PLACEHOLDERS: [&str; 8] = [
    "tenant",
    "tenantid",
    "tenantname",
    "tenantidorname",
    "yourtenant",
    "yourtenantid",
    "yourtenantname",
    "directoryid",
];

/// The candidate issuers, in the order to request them: at least one.
///
/// # Errors
/// The input cannot be an issuer.
pub fn issuers(typed: &str) -> Result<Vec<ParsedIssuer>, IssuerProblem> {
    let typed = typed.trim();
    if typed.is_empty() || typed.chars().count() > LONGEST {
        return Err(IssuerProblem::None);
    }
    if let Some(placeholder) = placeholder(typed) {
        return Err(IssuerProblem::Placeholder(placeholder));
    }
    let typed = typed.replace(['{', '}', '<', '>'], "");
    let found = if typed.contains("://") {
        of_address(&typed)
    } else if typed.contains(['/', ':']) || typed.eq_ignore_ascii_case("localhost") {
        of_address(&format!("https://{typed}"))
    } else {
        of_name(&typed)
    };
    found.filter(|found| !found.is_empty()).ok_or(IssuerProblem::None)
}

/// A placeholder for a tenant that was not replaced by one.
fn placeholder(typed: &str) -> Option<String> {
    let parts = typed.split(['/', '?']).filter(|part| part.starts_with(['{', '<']));
    let mut parts = parts.chain((!typed.contains("://")).then_some(typed));
    let is_placeholder = |part: &&str| {
        let bare: String = part.chars().filter(char::is_ascii_alphanumeric).collect();
        PLACEHOLDERS.contains(&bare.to_ascii_lowercase().as_str())
    };
    parts.find(is_placeholder).map(str::to_owned)
}

/// Candidates for a name: a tenant of Microsoft's, or a provider's host.
fn of_name(name: &str) -> Option<Vec<ParsedIssuer>> {
    let name = name.to_ascii_lowercase();
    if microsoft::is_shared(&name) || is_guid(&name) {
        return Some(vec![ParsedIssuer::tenant(&name)]);
    }
    let host = format!("https://{name}");
    if matches!(mail_host(&name), Ok(Host::Ip(_))) {
        return of_address(&host);
    }
    if !is_domain(&name) {
        return None;
    }
    if GOOGLES.contains(&name.as_str()) {
        return Some(vec![ParsedIssuer::exact(GOOGLE)]);
    }
    if name.ends_with(".onmicrosoft.com") {
        return Some(vec![ParsedIssuer::tenant(&name)]);
    }
    if microsoft::is_endpoint(&host) {
        return None;
    }
    Some(vec![ParsedIssuer::tenant(&name), ParsedIssuer::derived(host)])
}

/// Candidates for a URL: the issuer itself, or those that an endpoint may belong to.
fn of_address(address: &str) -> Option<Vec<ParsedIssuer>> {
    let (bare, query) = address.find('?').map_or((address, ""), |at| address.split_at(at));
    url::endpoint_url(bare).ok()?;
    let host = url::endpoint_host(bare)?;
    if GOOGLES.contains(&host.as_str()) {
        return Some(vec![ParsedIssuer::exact(GOOGLE)]);
    }
    if host == "login.microsoftonline.com" {
        return microsoft::tenant(bare).map(|tenant| vec![ParsedIssuer::tenant(tenant)]);
    }
    if let Some(described) = described_by(bare) {
        return Some(vec![ParsedIssuer::derived(described)]);
    }
    let without_slash = bare.strip_suffix('/').unwrap_or(bare);
    let beside = ENDPOINTS.iter().find_map(|(end, instead)| {
        without_slash.strip_suffix(end).map(|before| format!("{before}{instead}"))
    });
    match beside {
        Some(issuer) => {
            let origin = url::origin(bare)?;
            let is_origin = issuer == origin;
            let origin = (!is_origin).then(|| ParsedIssuer::derived(origin));
            Some([ParsedIssuer::derived(issuer)].into_iter().chain(origin).collect())
        }
        None => query.is_empty().then(|| vec![ParsedIssuer::exact(bare)]),
    }
}

/// The issuer whose metadata would be at this URL.
fn described_by(address: &str) -> Option<String> {
    if let Some(issuer) = address.strip_suffix(OPENID) {
        return Some(issuer.to_owned());
    }
    let (origin, path) = [OAUTH, OPENID].iter().find_map(|known| address.split_once(known))?;
    (path.is_empty() || path.starts_with('/')).then(|| format!("{origin}{path}"))
}

/// Whether a text is a domain name with a dot in it.
pub fn is_domain(text: &str) -> bool {
    text.contains('.') && text.is_ascii() && matches!(mail_host(text), Ok(Host::Name(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn at_microsoft(tenant: &str) -> String {
        format!("{MICROSOFT}{tenant}{VERSION}")
    }

    fn asked(typed: &str) -> Vec<String> {
        let found = issuers(typed).unwrap_or_default();
        found.into_iter().map(|asked| asked.issuer).collect()
    }

    #[test]
    fn an_issuer_is_derived_from_any_url_or_name_of_a_provider() {
        let (contoso, by_id) = (at_microsoft("contoso.onmicrosoft.com"), at_microsoft(TENANT));
        for (typed, expected) in [
            ("https://idp.example", "https://idp.example"),
            (" https://a.example/b/ ", "https://a.example/b/"),
            ("http://localhost:4000", "http://localhost:4000"),
            ("localhost:4000", "https://localhost:4000"),
            ("127.0.0.1", "https://127.0.0.1"),
            ("contoso.onmicrosoft.com", &contoso),
            ("{contoso.onmicrosoft.com}", &contoso),
            ("https://login.microsoftonline.com/{contoso.onmicrosoft.com}/v2.0", &contoso),
            ("https://login.microsoftonline.com/contoso.onmicrosoft.com", &contoso),
            (
                "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/authorize",
                &contoso,
            ),
            ("login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/token", &contoso),
            (
                "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration?appid=1",
                &contoso,
            ),
            (&TENANT.to_uppercase(), &by_id),
            (&format!("{{{TENANT}}}"), &by_id),
            ("common", &at_microsoft("common")),
            ("accounts.google.com", GOOGLE),
            ("https://accounts.google.com/", GOOGLE),
            ("accounts.google.com/o/oauth2/v2/auth", GOOGLE),
            ("https://accounts.google.com/o/oauth2/v2/auth?access_type=offline", GOOGLE),
            ("https://oauth2.googleapis.com/token", GOOGLE),
            ("https://a.example/.well-known/openid-configuration", "https://a.example"),
            ("https://a.example/x/.well-known/openid-configuration", "https://a.example/x"),
            ("https://a.example/.well-known/oauth-authorization-server/x", "https://a.example/x"),
        ] {
            assert_eq!(asked(typed), [expected], "{typed}");
        }
    }

    #[test]
    fn an_endpoint_yields_its_issuer_and_then_its_origin() {
        for (typed, expected) in [
            (
                "https://a.example/realms/x/protocol/openid-connect/auth",
                &["https://a.example/realms/x", "https://a.example"][..],
            ),
            (
                "https://a.okta.example/oauth2/default/v1/token",
                &["https://a.okta.example/oauth2/default", "https://a.okta.example"],
            ),
            ("https://a.okta.example/oauth2/v1/authorize", &["https://a.okta.example"]),
            ("https://a.example/authorize?prompt=consent", &["https://a.example"]),
            ("a.example/connect/token/", &["https://a.example"]),
        ] {
            assert_eq!(asked(typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_bare_domain_yields_a_tenant_and_then_a_host() {
        let expected = [at_microsoft("idp.example.com"), "https://idp.example.com".to_owned()];
        assert_eq!(asked("IDP.example.com"), expected);
    }

    #[test]
    fn a_placeholder_for_a_tenant_is_reported() {
        for typed in [
            "{tenant}",
            "<tenant-id>",
            "YOUR_TENANT_ID",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
            "https://login.microsoftonline.com/<your-tenant>/oauth2/v2.0/authorize",
        ] {
            assert!(matches!(issuers(typed), Err(IssuerProblem::Placeholder(_))), "{typed}");
        }
    }

    #[test]
    fn an_input_that_is_no_issuer_is_refused() {
        for typed in [
            "",
            "contoso",
            "http://a.example",
            "https://a.example/?x=1",
            "https://ada@a.example",
            "ftp://a.example",
            "login.microsoftonline.com",
            &format!("https://a.example/{}", "x".repeat(LONGEST)),
        ] {
            assert_eq!(issuers(typed), Err(IssuerProblem::None), "{typed:.40}");
        }
    }
}
