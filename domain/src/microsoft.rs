//! Addresses at Microsoft Entra: the tenant in an endpoint, and the endpoint's version.

use crate::check::url::endpoint_host;

/// Where Entra's endpoints are, in its clouds (learn.microsoft.com, "National clouds", 28 November
/// 2026), and the names that they had before.
const HOSTS: [&str; 7] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.microsoft.com",
    "login.windows.net",
    "sts.windows.net",
];

/// What stands in place of a tenant for accounts of all of them (learn.microsoft.com, "Microsoft identity
/// platform and OAuth 2.0 authorization code flow"); the last is the tenant of personal accounts.
const SHARED: [&str; 4] =
    ["common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"];

/// Whether an endpoint is Entra's.
#[must_use]
pub fn is_endpoint(endpoint: &str) -> bool {
    endpoint_host(endpoint).is_some_and(|host| HOSTS.contains(&host.trim_end_matches('.')))
}

/// The tenant in one of Entra's endpoints, by name or ID; nothing in any other address.
#[must_use]
pub fn tenant(endpoint: &str) -> Option<&str> {
    let (_, rest) = endpoint.split_once("://").filter(|_| is_endpoint(endpoint))?;
    let path = rest.split(['?', '#']).next()?;
    path.split('/').nth(1).filter(|tenant| !tenant.is_empty())
}

/// Whether a tenant is none of its own: an application has no account there.
#[must_use]
pub fn is_shared(tenant: &str) -> bool {
    SHARED.iter().any(|shared| shared.eq_ignore_ascii_case(tenant))
}

/// An endpoint of Entra's first version as one of the second, which takes a scope; nothing for any other
/// address.
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
}
