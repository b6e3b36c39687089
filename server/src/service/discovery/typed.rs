//! Which issuer an administrator means who copies what is at hand: an issuer, a tenant, a host, an
//! endpoint, the address of a description. Guesses are asked one after the other, and none is believed
//! that does not call itself so.

use app::labels::discovery::Lie;
use domain::check::host::{Host, mail_host};
use domain::check::text::is_guid;
use domain::check::url;
use domain::microsoft;

use super::{LONGEST, MICROSOFT, OAUTH, OPENID, VERSION};

/// An issuer to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) issuer: String,
    /// Whether it was typed so, and not derived.
    pub(super) is_exact: bool,
}

impl Asked {
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

/// Google's issuer, and where its endpoints are.
const GOOGLE: &str = "https://accounts.google.com";
const GOOGLES: [&str; 3] = ["accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com"];

/// What endpoints end with, and what stands in its place in the issuer; the longest first.
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

/// Words that stand for a tenant in documentation, without the marks between them.
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

/// The issuers that may be meant, in the order to ask them: one at least.
///
/// # Errors
/// It can be none.
pub(super) fn issuers(typed: &str) -> Result<Vec<Asked>, Lie> {
    let typed = typed.trim();
    if typed.is_empty() || typed.chars().count() > LONGEST {
        return Err(Lie::NoIssuerTyped);
    }
    if let Some(placeholder) = placeholder(typed) {
        return Err(Lie::Placeholder(placeholder));
    }
    let typed = typed.replace(['{', '}', '<', '>'], "");
    let found = if typed.contains("://") {
        of_address(&typed)
    } else if typed.contains(['/', ':']) || typed.eq_ignore_ascii_case("localhost") {
        of_address(&format!("https://{typed}"))
    } else {
        of_name(&typed)
    };
    found.filter(|found| !found.is_empty()).ok_or(Lie::NoIssuerTyped)
}

/// What stands for a tenant and was not replaced by one.
fn placeholder(typed: &str) -> Option<String> {
    let parts = typed.split(['/', '?']).filter(|part| part.starts_with(['{', '<']));
    let mut parts = parts.chain((!typed.contains("://")).then_some(typed));
    let is_placeholder = |part: &&str| {
        let bare: String = part.chars().filter(char::is_ascii_alphanumeric).collect();
        PLACEHOLDERS.contains(&bare.to_ascii_lowercase().as_str())
    };
    parts.find(is_placeholder).map(str::to_owned)
}

/// Of a name: a tenant of Microsoft's, or the host of a provider.
fn of_name(name: &str) -> Option<Vec<Asked>> {
    let name = name.to_ascii_lowercase();
    if microsoft::is_shared(&name) || is_guid(&name) {
        return Some(vec![Asked::tenant(&name)]);
    }
    let host = format!("https://{name}");
    if matches!(mail_host(&name), Ok(Host::Ip(_))) {
        return of_address(&host);
    }
    if !is_domain(&name) {
        return None;
    }
    if GOOGLES.contains(&name.as_str()) {
        return Some(vec![Asked::exact(GOOGLE)]);
    }
    if name.ends_with(".onmicrosoft.com") {
        return Some(vec![Asked::tenant(&name)]);
    }
    if microsoft::is_endpoint(&host) {
        return None;
    }
    Some(vec![Asked::tenant(&name), Asked::derived(host)])
}

/// Of an address: the issuer itself, or what describes itself beside an endpoint.
fn of_address(address: &str) -> Option<Vec<Asked>> {
    let (bare, query) = address.find('?').map_or((address, ""), |at| address.split_at(at));
    url::endpoint_url(bare).ok()?;
    let host = url::endpoint_host(bare)?;
    if GOOGLES.contains(&host.as_str()) {
        return Some(vec![Asked::exact(GOOGLE)]);
    }
    if host == "login.microsoftonline.com" {
        return microsoft::tenant(bare).map(|tenant| vec![Asked::tenant(tenant)]);
    }
    if let Some(described) = described_by(bare) {
        return Some(vec![Asked::derived(described)]);
    }
    let without_slash = bare.strip_suffix('/').unwrap_or(bare);
    let beside = ENDPOINTS.iter().find_map(|(end, instead)| {
        without_slash.strip_suffix(end).map(|before| format!("{before}{instead}"))
    });
    match beside {
        Some(issuer) => {
            let origin = url::origin(bare)?;
            let is_origin = issuer == origin;
            let origin = (!is_origin).then(|| Asked::derived(origin));
            Some([Asked::derived(issuer)].into_iter().chain(origin).collect())
        }
        None => query.is_empty().then(|| vec![Asked::exact(bare)]),
    }
}

/// The issuer that a description at this address would be of.
fn described_by(address: &str) -> Option<String> {
    if let Some(issuer) = address.strip_suffix(OPENID) {
        return Some(issuer.to_owned());
    }
    let (origin, path) = [OAUTH, OPENID].iter().find_map(|known| address.split_once(known))?;
    (path.is_empty() || path.starts_with('/')).then(|| format!("{origin}{path}"))
}

/// Whether a text is a domain's name, with a dot in it.
pub(super) fn is_domain(text: &str) -> bool {
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
    fn an_issuer_is_meant_by_whatever_an_administrator_has_at_hand() {
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
    fn beside_an_endpoint_its_issuer_is_looked_for_and_then_at_its_origin() {
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
    fn a_bare_name_may_be_a_tenant_or_a_host() {
        let expected = [at_microsoft("idp.example.com"), "https://idp.example.com".to_owned()];
        assert_eq!(asked("IDP.example.com"), expected);
    }

    #[test]
    fn what_stands_for_a_tenant_is_said_to_do_so() {
        for typed in [
            "{tenant}",
            "<tenant-id>",
            "YOUR_TENANT_ID",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
            "https://login.microsoftonline.com/<your-tenant>/oauth2/v2.0/authorize",
        ] {
            assert!(matches!(issuers(typed), Err(Lie::Placeholder(_))), "{typed}");
        }
    }

    #[test]
    fn what_is_no_issuer_is_not_asked_for() {
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
            assert_eq!(issuers(typed), Err(Lie::NoIssuerTyped), "{typed:.40}");
        }
    }
}
