//! Derives candidate issuers from an administrator's input: an issuer, a tenant, a host, an
//! endpoint, or a metadata URL. Candidates are requested in order, and each is accepted only if its
//! metadata names it as the issuer.

use crate::syntax::host::{Host, mail_host};
use crate::{microsoft, syntax::text::is_guid, syntax::url};

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
const PLACEHOLDERS: &str = "tenant tenantid tenantname tenantidorname yourtenant yourtenantid \
    yourtenantname directoryid";

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
        PLACEHOLDERS.split(' ').any(|placeholder| placeholder.eq_ignore_ascii_case(&bare))
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
    use crate::cases::assert_cases;

    #[test]
    fn issuers_are_derived_from_any_url_or_name_of_a_provider_in_the_order_to_request_them() {
        assert_cases(include_str!("../tests/cases/issuers.json"), |typed| {
            let found = issuers(typed).unwrap_or_default();
            found.into_iter().map(|found| found.issuer).collect::<Vec<_>>()
        });
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
