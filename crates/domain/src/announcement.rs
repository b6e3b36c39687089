//! Deprecation notices of mail providers as data: what changes, from when, the source, and the date
//! it was read. The current time is a parameter.

use chrono::{DateTime, Utc};

use crate::{Draft, Field, OauthFlow, microsoft::tenant_of, preset::Provider};

/// A provider's announcement that affects the settings in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// The announcement.
    pub code: AnnouncementCode,
    /// The publication that announced it.
    pub source: &'static str,
    /// The date on which the source was read.
    pub read: &'static str,
}

/// The content of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnnouncementCode {
    /// Password authentication will be off by default in Exchange Online.
    PasswordsEnd,
    /// Password authentication is off by default; an administrator can turn it on again.
    PasswordsAreOff,
    /// Password authentication is off by default; the final date may have been announced by now.
    PasswordsEndForGood,
}

const SOURCE: &str = "Microsoft 365 Message Center, MC786329, 27 January 2026";
const READ: &str = "28 November 2026";

/// Microsoft's notices on SMTP AUTH with a password, and when each takes effect, the latest first.
const MICROSOFT_PASSWORD_NOTICES: [(AnnouncementCode, i64); 3] = [
    // 1 July 2027: Microsoft announces the final date in the second half of the year.
    (AnnouncementCode::PasswordsEndForGood, 1_814_400_000),
    // 1 January 2027.
    (AnnouncementCode::PasswordsAreOff, 1_798_761_600),
    (AnnouncementCode::PasswordsEnd, 0),
];

/// Returns the notice in effect at `now` for a form that authenticates with a password at Exchange
/// Online.
pub fn announcement(draft: &Draft, now: DateTime<Utc>) -> Option<Announcement> {
    let provider = Provider::of_server(draft.basic.server.trim());
    if draft.flow != OauthFlow::None || provider != Some(Provider::Microsoft365) {
        return None;
    }
    let (code, _) =
        MICROSOFT_PASSWORD_NOTICES.into_iter().find(|(_, from)| *from <= now.timestamp())?;
    Some(Announcement { code, source: SOURCE, read: READ })
}

/// Returns the values that switch a form to OAuth at Microsoft: server and sender copied from Basic
/// SMTP Settings, endpoints of the sender's tenant.
pub fn move_to_oauth(draft: &Draft) -> Vec<(Field, String)> {
    let copied = [
        (Field::BasicSender, Field::OauthSender),
        (Field::BasicDisplayName, Field::OauthDisplayName),
        (Field::BasicServer, Field::OauthServer),
        (Field::BasicPort, Field::OauthPort),
        (Field::BasicTlsMode, Field::OauthTlsMode),
        (Field::BasicTrustedCa, Field::OauthTrustedCa),
    ]
    .map(|(from, to)| (to, draft.text(from).trim().to_owned()));
    let flow = OauthFlow::AuthorizationCodePkce;
    let tenant = tenant_of(&draft.basic.sender).unwrap_or_default();
    let preset = Provider::Microsoft365.values(flow, tenant);
    let mut values = preset.unwrap_or_else(|_| vec![(Field::Flow, flow.wire_name().to_owned())]);
    values.retain(|(field, _)| copied.iter().all(|(to, _)| to != field));
    values.extend(copied);
    values.sort_by_key(|(field, _)| *field);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(server: &str) -> Draft {
        Draft::default().with_texts([
            (Field::BasicServer, server),
            (Field::BasicPort, "587"),
            (Field::BasicSender, "noreply@contoso.com"),
            (Field::BasicDisplayName, "Contoso PPM"),
        ])
    }

    fn at(date: &str) -> DateTime<Utc> {
        format!("{date}T00:00:00Z").parse().expect("a date")
    }

    #[test]
    fn the_notice_changes_on_each_date() {
        use AnnouncementCode::{PasswordsAreOff, PasswordsEnd, PasswordsEndForGood};
        for (date, expected) in [
            ("2026-11-29", PasswordsEnd),
            ("2026-12-31", PasswordsEnd),
            ("2027-01-01", PasswordsAreOff),
            ("2027-06-30", PasswordsAreOff),
            ("2027-07-01", PasswordsEndForGood),
        ] {
            let notice = announcement(&draft("smtp.office365.com"), at(date)).expect("a notice");
            assert_eq!(notice.code, expected, "{date}");
        }
    }

    #[test]
    fn only_a_password_at_exchange_online_has_a_notice() {
        let now = at("2026-11-29");
        for server in ["smtp.office365.com ", "SMTP-mail.outlook.com"] {
            assert!(announcement(&draft(server), now).is_some(), "{server}");
        }
        for server in ["smtp.gmail.com", "smtp-hve.office365.com", "smtp.azurecomm.net", ""] {
            assert_eq!(announcement(&draft(server), now), None, "{server}");
        }
        let mut oauth = draft("smtp.office365.com");
        oauth.flow = OauthFlow::AuthorizationCode;
        assert_eq!(announcement(&oauth, now), None);
    }

    #[test]
    fn moving_to_oauth_copies_server_sender_and_tenant() {
        let before = draft("smtp.office365.com");
        let draft = before.clone().with_texts(move_to_oauth(&before));
        let expected = [
            (Field::Flow, "authorization-code-pkce"),
            (Field::OauthSender, "noreply@contoso.com"),
            (Field::OauthDisplayName, "Contoso PPM"),
            (Field::OauthServer, "smtp.office365.com"),
            (Field::OauthPort, "587"),
            (Field::OauthUseTls, "on"),
            (
                Field::AuthorizationEndpoint,
                "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/authorize",
            ),
            (
                Field::TokenEndpoint,
                "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token",
            ),
            (Field::Scope, "https://outlook.office.com/SMTP.Send offline_access"),
        ];
        for (field, text) in expected {
            assert_eq!(draft.text(field), text, "{field:?}");
        }
    }

    #[test]
    fn moving_to_oauth_keeps_the_endpoints_if_the_sender_has_no_tenant() {
        let draft =
            draft("smtp.office365.com").with_texts([(Field::BasicSender, "root@localhost")]);
        let values = move_to_oauth(&draft);
        assert!(values.iter().all(|(field, _)| *field != Field::TokenEndpoint));
        assert!(values.iter().any(|(field, _)| *field == Field::Flow));
    }
}
