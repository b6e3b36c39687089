//! Microsoft's endpoints as text: `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`, whether
//! the rest of it is valid or not. Rules and notes ask here which tenant one names.

use crate::check::url::{endpoint_host, host_and_path};
use crate::preset::server_of_domain;

/// The hosts of Microsoft's endpoints, national clouds included
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

/// The names that stand for the accounts of all tenants together
/// (<https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols#endpoints>); the last is the
/// tenant of personal accounts.
const SHARED: [&str; 4] =
    ["common", "consumers", "organizations", "9188040d-6c67-4c5b-b112-36a304b66dad"];

/// An endpoint of Microsoft's, cut around its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// Scheme and host, with the slash after them.
    head: &'a str,
    /// A tenant's ID or domain, or a name for all tenants.
    pub tenant: &'a str,
    /// What follows the tenant, from the slash on.
    rest: &'a str,
}

impl<'a> Endpoint<'a> {
    /// Cuts an address at Microsoft; nothing for any other.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        let (host, path) = host_and_path(text)?;
        is_host(host).then_some(())?;
        let path = path.strip_prefix('/')?;
        let (tenant, rest) = path.split_at(path.find(['/', '?']).unwrap_or(path.len()));
        let head = text.strip_suffix(path)?;
        (!tenant.is_empty()).then_some(Self { head, tenant, rest })
    }

    /// The same endpoint of another tenant.
    #[must_use]
    pub fn of_tenant(self, tenant: &str) -> String {
        let Self { head, rest, .. } = self;
        format!("{head}{tenant}{rest}")
    }

    /// Whether it is of version 2.0, which has scopes; version 1 has resources instead.
    #[must_use]
    pub fn is_version_2(self) -> bool {
        self.rest.contains("/v2.0/")
    }
}

/// The tenant of a sender at Microsoft: its domain, or the name for personal accounts. Nothing where
/// the domain is another provider's, or none.
#[must_use]
pub fn tenant_of(sender: &str) -> Option<&str> {
    let (_, domain) = sender.trim().rsplit_once('@')?;
    match server_of_domain(domain) {
        Some("smtp-mail.outlook.com") => Some("consumers"),
        None | Some("smtp.office365.com") => Some(domain).filter(|domain| domain.contains('.')),
        Some(_) => None,
    }
}

/// Whether a host has Microsoft's endpoints.
pub(crate) fn is_host(host: &str) -> bool {
    HOSTS.iter().any(|known| known.eq_ignore_ascii_case(host.trim_end_matches('.')))
}

/// Whether an address is at a host of Microsoft's endpoints.
#[must_use]
pub fn is_endpoint(address: &str) -> bool {
    endpoint_host(address).is_some_and(|host| is_host(&host))
}

/// The tenant in one of Microsoft's endpoints, by name or ID; nothing in any other address.
#[must_use]
pub fn tenant(endpoint: &str) -> Option<&str> {
    Endpoint::of(endpoint).map(|endpoint| endpoint.tenant)
}

/// Whether a tenant stands for the accounts of all: an application has no account there.
#[must_use]
pub fn is_shared(tenant: &str) -> bool {
    SHARED.iter().any(|shared| shared.eq_ignore_ascii_case(tenant))
}

/// Whether an endpoint stands for the accounts of all tenants together.
#[must_use]
pub fn is_for_all_tenants(text: &str) -> bool {
    tenant(text).is_some_and(is_shared)
}

/// An endpoint of version 1 as one of version 2.0, which has scopes; nothing for any other address.
#[must_use]
pub fn second_version(endpoint: &str) -> Option<String> {
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
    fn an_endpoint_is_cut_around_its_tenant() {
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
    fn a_tenant_is_the_first_part_of_an_endpoints_path_at_microsoft() {
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
    fn a_tenant_for_all_accounts_is_none_of_its_own() {
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
    fn an_endpoint_of_the_first_version_has_one_of_the_second() {
        for (endpoint, expected) in [
            ("https://a.example/t/oauth2/token", Some("https://a.example/t/oauth2/v2.0/token")),
            (
                "https://a.example/t/oauth2/authorize?prompt=consent",
                Some("https://a.example/t/oauth2/v2.0/authorize?prompt=consent"),
            ),
            ("https://a.example/t/oauth2/v2.0/token", None),
            ("https://a.example/token", None),
        ] {
            assert_eq!(second_version(endpoint).as_deref(), expected, "{endpoint}");
        }
    }

    #[test]
    fn a_senders_domain_names_its_tenant() {
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
