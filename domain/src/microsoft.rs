//! Microsoft's endpoints as text: `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`, whether
//! the rest of it is valid or not. Rules and notes ask here which tenant one names.

use crate::check::url::host_and_path;
use crate::preset::server_of_domain;

/// The hosts of Microsoft's endpoints, national clouds included
/// (<https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud>).
const HOSTS: [&str; 6] = [
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.windows.net",
    "sts.windows.net",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
];

/// The names that stand for the accounts of all tenants together
/// (<https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols#endpoints>).
const ALL_TENANTS: [&str; 3] = ["common", "consumers", "organizations"];

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

    /// The same endpoint of version 2.0; nothing where it is that already, or no endpoint.
    #[must_use]
    pub fn in_version_2(self) -> Option<String> {
        let Self { head, tenant, rest } = self;
        let name = rest.strip_prefix("/oauth2/").filter(|_| !self.is_version_2())?;
        Some(format!("{head}{tenant}/oauth2/v2.0/{name}"))
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
    HOSTS.iter().any(|known| known.eq_ignore_ascii_case(host))
}

/// Whether an endpoint stands for the accounts of all tenants together.
#[must_use]
pub fn is_for_all_tenants(text: &str) -> bool {
    Endpoint::of(text).is_some_and(|endpoint| {
        ALL_TENANTS.iter().any(|name| name.eq_ignore_ascii_case(endpoint.tenant))
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
    fn an_endpoint_of_version_1_has_one_of_version_2() {
        let in_version_2 = |text| Endpoint::of(text).and_then(Endpoint::in_version_2);
        assert_eq!(
            in_version_2("https://login.windows.net/t/oauth2/token").as_deref(),
            Some("https://login.windows.net/t/oauth2/v2.0/token")
        );
        assert_eq!(in_version_2("https://login.windows.net/t/oauth2/v2.0/token"), None);
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

    #[test]
    fn the_names_for_all_tenants_are_known() {
        for (tenant, expected) in
            [("common", true), ("Organizations", true), ("consumers", true), ("contoso.com", false)]
        {
            let text = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
            assert_eq!(is_for_all_tenants(&text), expected, "{tenant}");
        }
    }
}
