//! Parses the tenant and version of Microsoft identity platform endpoints such as
//! `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`. Does not validate the URL.

use crate::preset::server_of_domain;
use crate::syntax::url::{endpoint_host, host_and_path};

/// Hosts of Microsoft's OAuth endpoints, including national clouds
/// (<https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud>).
const HOSTS: [&str; 7] = [
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.windows.net",
    "sts.windows.net",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
];

/// Multi-tenant aliases
/// (<https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols#endpoints>). The last is
/// the tenant ID of personal accounts.
const MULTI_TENANT_ALIASES: [&str; 4] =
    ["common", "consumers", "organizations", "9188040d-6c67-4c5b-b112-36a304b66dad"];

/// A Microsoft endpoint, split at its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// Scheme and host, including the slash after them.
    head: &'a str,
    /// The tenant's ID or domain, or a multi-tenant alias.
    pub tenant: &'a str,
    /// The text after the tenant, including its slash.
    rest: &'a str,
}

impl<'a> Endpoint<'a> {
    /// Parses a Microsoft endpoint; returns `None` for any other host.
    pub fn of(text: &'a str) -> Option<Self> {
        let (host, path) = host_and_path(text)?;
        is_host(host).then_some(())?;
        let path = path.strip_prefix('/')?;
        let (tenant, rest) = path.split_at(path.find(['/', '?']).unwrap_or(path.len()));
        let head = text.strip_suffix(path)?;
        (!tenant.is_empty()).then_some(Self { head, tenant, rest })
    }

    /// Returns the same endpoint for another tenant.
    pub fn of_tenant(self, tenant: &str) -> String {
        let Self { head, rest, .. } = self;
        format!("{head}{tenant}{rest}")
    }

    /// Whether this is a v2.0 endpoint. It takes scopes; a v1 endpoint takes resources instead.
    pub fn is_version_2(self) -> bool {
        self.rest.contains("/v2.0/")
    }
}

/// Returns the tenant of a sender address: its domain, or the alias for personal accounts. Returns
/// `None` for a domain of another provider and for an address without a domain.
pub fn tenant_of(sender: &str) -> Option<&str> {
    let (_, domain) = sender.trim().rsplit_once('@')?;
    match server_of_domain(domain) {
        Some("smtp-mail.outlook.com") => Some("consumers"),
        None | Some("smtp.office365.com") => Some(domain).filter(|domain| domain.contains('.')),
        Some(_) => None,
    }
}

/// Whether a host serves Microsoft's OAuth endpoints.
pub(crate) fn is_host(host: &str) -> bool {
    HOSTS.iter().any(|known| known.eq_ignore_ascii_case(host.trim_end_matches('.')))
}

/// Whether a valid endpoint URL has one of Microsoft's hosts.
pub fn is_endpoint(address: &str) -> bool {
    endpoint_host(address).is_some_and(|host| is_host(&host))
}

/// Returns the tenant of a Microsoft endpoint, by name or ID.
pub fn tenant(endpoint: &str) -> Option<&str> {
    Endpoint::of(endpoint).map(|endpoint| endpoint.tenant)
}

/// Whether a tenant is a multi-tenant alias, for which Client Credentials get no token.
pub fn is_shared(tenant: &str) -> bool {
    MULTI_TENANT_ALIASES.iter().any(|shared| shared.eq_ignore_ascii_case(tenant))
}

/// Whether an endpoint names a multi-tenant alias as its tenant.
pub fn is_for_all_tenants(text: &str) -> bool {
    tenant(text).is_some_and(is_shared)
}

/// Converts a v1 endpoint to the v2.0 endpoint, which takes scopes. Returns `None` for other URLs.
pub fn v2_endpoint(endpoint: &str) -> Option<String> {
    let (path, query) = endpoint.find('?').map_or((endpoint, ""), |at| endpoint.split_at(at));
    ["/oauth2/token", "/oauth2/authorize"].iter().find_map(|old| {
        let before = path.strip_suffix(old)?;
        Some(format!("{before}/oauth2/v2.0{}{query}", old.strip_prefix("/oauth2")?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_split_at_its_tenant() {
        let text = "https://Login.MicrosoftOnline.com/contoso.com/oauth2/v2.0/token?x=1";
        let endpoint = Endpoint::of(text).expect("Microsoft's");
        assert_eq!(endpoint.tenant, "contoso.com");
        assert_eq!(
            endpoint.of_tenant("fabrikam.com"),
            "https://Login.MicrosoftOnline.com/fabrikam.com/oauth2/v2.0/token?x=1"
        );
        for other in ["https://a.example/contoso.com/token", "https://login.windows.net/", "", "x"]
        {
            assert_eq!(Endpoint::of(other), None, "{other}");
        }
    }

    #[test]
    fn the_tenant_is_the_first_path_segment_of_a_microsoft_endpoint() {
        for (endpoint, expected) in [
            ("https://login.microsoftonline.com/common/oauth2/v2.0/token", Some("common")),
            ("https://LOGIN.microsoftonline.com./contoso.com?x=/y", Some("contoso.com")),
            ("https://login.microsoftonline.us/a", Some("a")),
            ("https://login.microsoftonline.com/", None),
            ("https://login.microsoftonline.com", None),
            ("https://login.example.com/common/oauth2/v2.0/token", None),
            ("common", None),
        ] {
            assert_eq!(tenant(endpoint), expected, "{endpoint}");
        }
    }

    #[test]
    fn multi_tenant_aliases_are_recognised() {
        for (tenant, expected) in [
            ("common", true),
            ("Organizations", true),
            ("consumers", true),
            ("9188040D-6c67-4c5b-b112-36a304b66dad", true),
            ("contoso.com", false),
            ("commons", false),
        ] {
            assert_eq!(is_shared(tenant), expected, "{tenant}");
        }
    }

    #[test]
    fn a_v1_endpoint_is_converted_to_v2() {
        for (endpoint, expected) in [
            ("https://a.example/t/oauth2/token", Some("https://a.example/t/oauth2/v2.0/token")),
            (
                "https://a.example/t/oauth2/authorize?prompt=consent",
                Some("https://a.example/t/oauth2/v2.0/authorize?prompt=consent"),
            ),
            ("https://a.example/t/oauth2/v2.0/token", None),
            ("https://a.example/token", None),
        ] {
            assert_eq!(v2_endpoint(endpoint).as_deref(), expected, "{endpoint}");
        }
    }

    #[test]
    fn the_tenant_is_derived_from_the_senders_domain() {
        for (sender, expected) in [
            ("ada@contoso.com ", Some("contoso.com")),
            ("ada@contoso.onmicrosoft.com", Some("contoso.onmicrosoft.com")),
            ("ada@hotmail.com", Some("consumers")),
            ("ada@gmail.com", None),
            ("root@localhost", None),
            ("", None),
        ] {
            assert_eq!(tenant_of(sender), expected, "{sender}");
        }
    }
}
