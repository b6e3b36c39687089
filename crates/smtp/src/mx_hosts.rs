//! Recognises MX hosts (RFC 5321 5.1), which accept no submission (RFC 6409), by their names.
//! Administrators find them in DNS and enter them as SMTP Server.

/// The suffixes of a provider's MX hosts, separated by `|`, and its submission server; `None` where
/// it differs for each customer.
type MxHost = (&'static str, Option<&'static str>);

/// MX hosts that are known by name, each from the provider's page on MX records.
static KNOWN: &[MxHost] = &[
    // Microsoft Learn, "External Domain Name System records"; the last two are those of
    // outlook.com.
    ("olc.protection.outlook.com", Some("smtp-mail.outlook.com")),
    ("mail.protection.outlook.com|mx.microsoft|mail.eo.outlook.com", Some("smtp.office365.com")),
    // Google Workspace Admin Help, "MX record values"; smtp.google.com is one of 2023.
    (
        "aspmx.l.google.com|gmail-smtp-in.l.google.com|smtp.google.com|aspmx2.googlemail.com|\
         aspmx3.googlemail.com|aspmx4.googlemail.com|aspmx5.googlemail.com",
        Some("smtp.gmail.com"),
    ),
    // Yahoo's domains, and those that it hosts.
    ("yahoodns.net", Some("smtp.mail.yahoo.com")),
    // fastmail.help, "Manual DNS configuration".
    ("in1-smtp.messagingengine.com|in2-smtp.messagingengine.com", Some("smtp.fastmail.com")),
    // yandex.com/support/yandex-360, "MX record".
    ("mx.yandex.net", Some("smtp.yandex.com")),
    ("mx.yandex.ru", Some("smtp.yandex.ru")),
    // zoho.com/mail/help, "Configure email delivery".
    ("mx.zoho.com|mx2.zoho.com|mx3.zoho.com", Some("smtp.zoho.com")),
    ("mx.zoho.eu|mx2.zoho.eu|mx3.zoho.eu", Some("smtp.zoho.eu")),
    // support.apple.com, "Set up a custom email domain with iCloud Mail".
    ("mx01.mail.icloud.com|mx02.mail.icloud.com", Some("smtp.mail.me.com")),
    // mail.ru and QQ, with its service for companies.
    ("mxs.mail.ru|emx.mail.ru", Some("smtp.mail.ru")),
    ("mxbiz1.qq.com|mxbiz2.qq.com", Some("smtp.exmail.qq.com")),
    ("mx1.qq.com|mx2.qq.com|mx3.qq.com", Some("smtp.qq.com")),
    // IONOS and GMX.
    ("mx00.kundenserver.de|mx01.kundenserver.de", Some("smtp.ionos.de")),
    ("mx00.emig.gmx.net|mx01.emig.gmx.net", Some("mail.gmx.net")),
    // mailgun.com and sendgrid.com, for inbound mail.
    ("mxa.mailgun.org|mxb.mailgun.org", Some("smtp.mailgun.org")),
    ("mx.sendgrid.net", Some("smtp.sendgrid.net")),
    // Filters in front of an organisation's own server: Proofpoint, Mimecast, Barracuda, Cisco.
    ("pphosted.com|ppe-hosted.com|ess.barracudanetworks.com|iphmx.com", None),
];

/// First labels that mark an MX host of an unknown provider.
const FIRST_LABELS: [&str; 3] = ["mx", "mxa", "mxb"];

/// Whether one of a server's names is that of an MX host.
pub(super) fn is_receiving(names: &[&str]) -> bool {
    names.iter().any(|name| known(name).is_some() || has_mx_label(name))
}

/// Returns the same provider's submission server, if known.
pub(super) fn submission_server(names: &[&str]) -> Option<&'static str> {
    names.iter().find_map(|name| known(name)).and_then(|(_, submission)| *submission)
}

fn known(name: &str) -> Option<&'static MxHost> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    // Some of Google's have a label before: alt1.aspmx.l.google.com.
    let is_under = |end: &str| {
        name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    KNOWN.iter().find(|(ends, _)| ends.split('|').any(is_under))
}

/// Whether the first label looks like an MX host's: `mx`, `mx1`, `mx-02`, `smtp-inbound-1`.
fn has_mx_label(name: &str) -> bool {
    let Some((first, _)) = name.split_once('.') else { return false };
    let first = first.to_ascii_lowercase();
    let first = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    FIRST_LABELS.contains(&first) || first.contains("inbound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mx_host_is_recognised_and_its_submission_server_is_named() {
        for (name, submission) in [
            ("contoso-com.mail.protection.outlook.com", Some("smtp.office365.com")),
            ("hotmail-com.olc.protection.outlook.com", Some("smtp-mail.outlook.com")),
            ("contoso-com.a-v1.mx.microsoft", Some("smtp.office365.com")),
            ("ASPMX.L.GOOGLE.COM.", Some("smtp.gmail.com")),
            ("alt2.aspmx.l.google.com", Some("smtp.gmail.com")),
            ("aspmx2.googlemail.com", Some("smtp.gmail.com")),
            ("mta7.am0.yahoodns.net", Some("smtp.mail.yahoo.com")),
            ("eu-smtp-inbound-1.mimecast.com", None),
            ("mx1.example.com", None),
            ("mx-02.example.com", None),
            ("inbound.example.com", None),
        ] {
            assert!(is_receiving(&[name]), "{name}");
            assert_eq!(submission_server(&["127.0.0.1", name]), submission, "{name}");
        }
    }

    #[test]
    fn a_submission_server_is_not_taken_for_an_mx_host() {
        for name in [
            "smtp.office365.com",
            "smtp-mail.outlook.com",
            "FR4P281CA0042.outlook.office365.com",
            "smtp.gmail.com",
            "smtp-relay.gmail.com",
            "smtp.googlemail.com",
            "smtp.kundenserver.de",
            "mx",
            "maximum.example.com",
            "mail.example.com",
            "127.0.0.1",
        ] {
            assert!(!is_receiving(&[name]), "{name}");
        }
    }
}
