//! What providers have announced, as data: what changes, when, who says so and when that was read. The
//! clock is a parameter.

use chrono::{DateTime, Utc};

use crate::draft::Draft;
use crate::field::Field;
use crate::flow::OauthFlow;
use crate::microsoft::tenant_of;
use crate::preset::Provider;

/// An announcement that matters to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub code: NoticeCode,
    /// From when on it is said, in seconds since the epoch.
    from: i64,
    /// Who says so.
    pub source: &'static str,
    /// When that was read.
    pub read: &'static str,
}

/// What an announcement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeCode {
    /// Sign-in by password will be off by default at Exchange Online.
    PasswordsEnd,
    /// It is off by default, and an administrator can turn it on again.
    PasswordsAreOff,
    /// It is off by default, and the final date may have been announced by now.
    PasswordsEndForGood,
}

const SOURCE: &str = "Microsoft 365 Message Center, MC786329, 27 January 2026";
const READ: &str = "28 November 2026";

/// What Microsoft says of sign-in by password over SMTP (SMTP AUTH), the latest first.
const PASSWORDS_AT_MICROSOFT: [Notice; 3] = [
    // 1 July 2027: the final date is to be announced in the second half of the year.
    Notice {
        code: NoticeCode::PasswordsEndForGood,
        from: 1_814_400_000,
        source: SOURCE,
        read: READ,
    },
    // 1 January 2027.
    Notice { code: NoticeCode::PasswordsAreOff, from: 1_798_761_600, source: SOURCE, read: READ },
    Notice { code: NoticeCode::PasswordsEnd, from: 0, source: SOURCE, read: READ },
];

/// What is to be said of a form at this moment: that it sends with a password, through a server that
/// will not take one for long.
#[must_use]
pub fn notice(draft: &Draft, now: DateTime<Utc>) -> Option<Notice> {
    let provider = Provider::of_server(draft.basic.server.trim());
    if draft.flow != OauthFlow::None || provider != Some(Provider::Microsoft365) {
        return None;
    }
    PASSWORDS_AT_MICROSOFT.into_iter().find(|notice| notice.from <= now.timestamp())
}

/// What the controls are to hold for the same mail to be sent with a token of Microsoft's: the server
/// and the sender as they are, the endpoints of the sender's tenant.
#[must_use]
pub fn move_to_oauth(draft: &Draft) -> Vec<(Field, String)> {
    let carried = [
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
    values.retain(|(field, _)| carried.iter().all(|(to, _)| to != field));
    values.extend(carried);
    values.sort_by_key(|(field, _)| *field);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(server: &str) -> Draft {
        let mut draft = Draft::default();
        for (field, text) in [
            (Field::BasicServer, server),
            (Field::BasicPort, "587"),
            (Field::BasicSender, "noreply@contoso.com"),
            (Field::BasicDisplayName, "Contoso PPM"),
        ] {
            draft.edit(field, text);
        }
        draft
    }

    fn at(date: &str) -> DateTime<Utc> {
        format!("{date}T00:00:00Z").parse().expect("a date")
    }

    #[test]
    fn a_notice_says_something_else_before_and_after_each_date() {
        use NoticeCode::{PasswordsAreOff, PasswordsEnd, PasswordsEndForGood};
        for (date, expected) in [
            ("2026-11-29", PasswordsEnd),
            ("2026-12-31", PasswordsEnd),
            ("2027-01-01", PasswordsAreOff),
            ("2027-06-30", PasswordsAreOff),
            ("2027-07-01", PasswordsEndForGood),
        ] {
            let notice = notice(&draft("smtp.office365.com"), at(date)).expect("a notice");
            assert_eq!(notice.code, expected, "{date}");
        }
    }

    #[test]
    fn only_a_password_at_exchange_online_has_a_notice() {
        let now = at("2026-11-29");
        for server in ["smtp.office365.com ", "SMTP-mail.outlook.com"] {
            assert!(notice(&draft(server), now).is_some(), "{server}");
        }
        for server in ["smtp.gmail.com", "smtp-hve.office365.com", "smtp.azurecomm.net", ""] {
            assert_eq!(notice(&draft(server), now), None, "{server}");
        }
        let mut oauth = draft("smtp.office365.com");
        oauth.flow = OauthFlow::AuthorizationCode;
        assert_eq!(notice(&oauth, now), None);
    }

    #[test]
    fn moving_to_oauth_carries_server_sender_and_tenant_over() {
        let mut draft = draft("smtp.office365.com");
        for (field, text) in move_to_oauth(&draft.clone()) {
            draft.edit(field, text);
        }
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
    fn the_endpoints_are_left_alone_where_the_sender_names_no_tenant() {
        let mut draft = draft("smtp.office365.com");
        draft.edit(Field::BasicSender, "root@localhost");
        let values = move_to_oauth(&draft);
        assert!(values.iter().all(|(field, _)| *field != Field::TokenEndpoint));
        assert!(values.iter().any(|(field, _)| *field == Field::Flow));
    }
}
