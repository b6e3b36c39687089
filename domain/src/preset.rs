//! What is known of mail providers: their servers, endpoints and scopes, once. The page fills the form
//! from it, and explanations name the provider's own pages. Each row was read at the address that it
//! names.

use crate::draft::{TlsMode, check_text};
use crate::field::Field;
use crate::flow::OauthFlow;

/// A provider of outgoing mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Microsoft 365, which is Exchange Online.
    Microsoft365,
    /// Google Workspace and Gmail.
    Google,
    /// Yahoo Mail.
    Yahoo,
    /// Fastmail.
    Fastmail,
    /// Yandex Mail.
    Yandex,
    /// Zoho Mail.
    Zoho,
    /// Amazon SES.
    AmazonSes,
    /// `SendGrid`, of Twilio.
    SendGrid,
    /// Mailgun.
    Mailgun,
    /// Postmark.
    Postmark,
    /// Brevo.
    Brevo,
}

/// What has to be known beside the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// The organisation's tenant: its id or one of its domains.
    Tenant,
    /// The region in which the account is.
    Region,
}

/// What a provider is known for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The mail server; `{}` stands for the detail.
    pub server: &'static str,
    /// Its port for submission.
    pub port: &'static str,
    /// The user name, where it is the same for everybody.
    pub username: Option<&'static str>,
    /// How a token is asked for; nothing where its mail server takes passwords only.
    pub oauth: Option<Oauth>,
    /// The provider's own page about it.
    pub page: &'static str,
}

/// How a provider gives tokens. `{}` stands for the detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oauth {
    /// Authorization Endpoint.
    pub authorization_endpoint: &'static str,
    /// Token Endpoint.
    pub token_endpoint: &'static str,
    /// Scope for a token that somebody consents to.
    pub scope: &'static str,
    /// Scope for a token of the application itself; nothing where there is none.
    pub client_credentials_scope: Option<&'static str>,
}

/// Why there is nothing to fill in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailProblem {
    /// It has to be known, and nothing is typed.
    Missing,
    /// It cannot be one.
    Malformed,
}

/// Whether a mail server is that of Microsoft's High Volume Email, which has rules of its own for
/// applications.
#[must_use]
pub fn is_high_volume(server: &str) -> bool {
    server.trim_end_matches('.').eq_ignore_ascii_case("smtp-hve.office365.com")
}

impl Provider {
    /// Every provider, in the order of the menu.
    pub const ALL: [Self; 11] = [
        Self::Microsoft365,
        Self::Google,
        Self::Yahoo,
        Self::Fastmail,
        Self::Yandex,
        Self::Zoho,
        Self::AmazonSes,
        Self::SendGrid,
        Self::Mailgun,
        Self::Postmark,
        Self::Brevo,
    ];

    /// The name by which it is known.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Microsoft365 => "Microsoft 365",
            Self::Google => "Google Workspace and Gmail",
            Self::Yahoo => "Yahoo",
            Self::Fastmail => "Fastmail",
            Self::Yandex => "Yandex",
            Self::Zoho => "Zoho",
            Self::AmazonSes => "Amazon SES",
            Self::SendGrid => "SendGrid",
            Self::Mailgun => "Mailgun",
            Self::Postmark => "Postmark",
            Self::Brevo => "Brevo",
        }
    }

    /// The provider with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// What has to be known beside the provider.
    #[must_use]
    pub const fn detail(self) -> Option<Detail> {
        match self {
            Self::Microsoft365 => Some(Detail::Tenant),
            Self::AmazonSes => Some(Detail::Region),
            _ => None,
        }
    }

    /// The provider whose mail server this is.
    #[must_use]
    pub fn of_server(server: &str) -> Option<Self> {
        let server = server.trim_end_matches('.').to_ascii_lowercase();
        let is_under = |domain: &str| {
            server.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let known: [(Self, &[&str]); 11] = [
            (Self::Microsoft365, &["office365.com", "outlook.com", "outlook.office.com"]),
            (Self::Google, &["gmail.com", "googlemail.com"]),
            (Self::Yahoo, &["mail.yahoo.com"]),
            (Self::Fastmail, &["fastmail.com"]),
            (Self::Yandex, &["yandex.com", "yandex.ru"]),
            (Self::Zoho, &["zoho.com", "zoho.eu", "zoho.in"]),
            (Self::AmazonSes, &["amazonaws.com"]),
            (Self::SendGrid, &["sendgrid.net"]),
            (Self::Mailgun, &["mailgun.org"]),
            (Self::Postmark, &["postmarkapp.com"]),
            (Self::Brevo, &["brevo.com"]),
        ];
        let is_of = |domains: &[&str]| domains.iter().any(|domain| is_under(domain));
        known.into_iter().find_map(|(provider, domains)| is_of(domains).then_some(provider))
    }

    /// What it is known for.
    #[must_use]
    pub const fn preset(self) -> Preset {
        match self {
            Self::Microsoft365 => Preset {
                server: "smtp.office365.com",
                port: "587",
                username: None,
                oauth: Some(Oauth {
                    authorization_endpoint: "https://login.microsoftonline.com/{}/oauth2/v2.0/authorize",
                    token_endpoint: "https://login.microsoftonline.com/{}/oauth2/v2.0/token",
                    scope: "https://outlook.office.com/SMTP.Send offline_access",
                    client_credentials_scope: Some("https://outlook.office365.com/.default"),
                }),
                page: "https://learn.microsoft.com/en-us/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth",
            },
            Self::Google => Preset {
                server: "smtp.gmail.com",
                port: "587",
                username: None,
                oauth: Some(Oauth {
                    // Without these two, Google gives no refresh token.
                    authorization_endpoint: "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
                    token_endpoint: "https://oauth2.googleapis.com/token",
                    scope: "https://mail.google.com/",
                    client_credentials_scope: None,
                }),
                page: "https://developers.google.com/workspace/gmail/imap/xoauth2-protocol",
            },
            Self::Yahoo => Preset {
                server: "smtp.mail.yahoo.com",
                port: "465",
                username: None,
                oauth: Some(Oauth {
                    authorization_endpoint: "https://api.login.yahoo.com/oauth2/request_auth",
                    token_endpoint: "https://api.login.yahoo.com/oauth2/get_token",
                    scope: "mail-w",
                    client_credentials_scope: None,
                }),
                page: "https://senders.yahooinc.com/developer/documentation/",
            },
            Self::Fastmail => Preset {
                server: "smtp.fastmail.com",
                port: "465",
                username: None,
                oauth: Some(Oauth {
                    authorization_endpoint: "https://api.fastmail.com/oauth/authorize",
                    token_endpoint: "https://api.fastmail.com/oauth/refresh",
                    scope: "https://www.fastmail.com/dev/protocol-smtp",
                    client_credentials_scope: None,
                }),
                page: "https://www.fastmail.com/dev/",
            },
            Self::Yandex => Preset {
                server: "smtp.yandex.com",
                port: "465",
                username: None,
                oauth: Some(Oauth {
                    authorization_endpoint: "https://oauth.yandex.com/authorize",
                    token_endpoint: "https://oauth.yandex.com/token",
                    scope: "mail:smtp",
                    client_credentials_scope: None,
                }),
                page: "https://yandex.com/dev/id/doc/en/",
            },
            // No proof that its mail server takes a token.
            Self::Zoho => by_password(
                "smtp.zoho.com",
                "465",
                None,
                "https://www.zoho.com/mail/help/zoho-smtp.html",
            ),
            Self::AmazonSes => by_password(
                "email-smtp.{}.amazonaws.com",
                "587",
                None,
                "https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
            ),
            Self::SendGrid => by_password(
                "smtp.sendgrid.net",
                "587",
                Some("apikey"),
                "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api",
            ),
            Self::Mailgun => by_password(
                "smtp.mailgun.org",
                "587",
                None,
                "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp",
            ),
            Self::Postmark => by_password(
                "smtp.postmarkapp.com",
                "587",
                None,
                "https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
            ),
            Self::Brevo => by_password(
                "smtp-relay.brevo.com",
                "587",
                None,
                "https://developers.brevo.com/docs/smtp-integration",
            ),
        }
    }

    /// What the provider's controls are to hold, whatever they hold now. With a provider that gives
    /// tokens, a flow that suits it: the present one if it does, and Authorization Code with PKCE
    /// otherwise.
    ///
    /// # Errors
    /// The detail is missing, or cannot be one.
    pub fn values(
        self,
        flow: OauthFlow,
        detail: &str,
    ) -> Result<Vec<(Field, String)>, DetailProblem> {
        let detail = self.detail().map_or(Ok(""), |_| checked(detail.trim()))?;
        let preset = self.preset();
        let server = preset.server.replace("{}", detail);
        let Some(oauth) = preset.oauth else {
            return Ok(by_password_values(&server, &preset));
        };
        let (flow, scope) = match (flow, oauth.client_credentials_scope) {
            (OauthFlow::ClientCredentials, Some(scope)) => (flow, scope),
            (OauthFlow::AuthorizationCode, _) => (flow, oauth.scope),
            _ => (OauthFlow::AuthorizationCodePkce, oauth.scope),
        };
        let values = [
            (Field::Flow, flow.wire_name()),
            (Field::OauthServer, &server),
            (Field::OauthPort, preset.port),
            (Field::OauthUseTls, check_text(true)),
            (Field::OauthTlsMode, TlsMode::Automatic.wire_name()),
            (Field::AuthorizationEndpoint, &oauth.authorization_endpoint.replace("{}", detail)),
            (Field::TokenEndpoint, &oauth.token_endpoint.replace("{}", detail)),
            (Field::Scope, scope),
        ];
        Ok(owned(&values))
    }
}

fn by_password_values(server: &str, preset: &Preset) -> Vec<(Field, String)> {
    let mut values = owned(&[
        (Field::Flow, OauthFlow::None.wire_name()),
        (Field::BasicServer, server),
        (Field::BasicPort, preset.port),
        (Field::BasicUseTls, check_text(true)),
        (Field::BasicTlsMode, TlsMode::Automatic.wire_name()),
    ]);
    values.extend(preset.username.map(|username| (Field::Username, username.to_owned())));
    values
}

fn owned(values: &[(Field, &str)]) -> Vec<(Field, String)> {
    values.iter().map(|&(field, value)| (field, value.to_owned())).collect()
}

const fn by_password(
    server: &'static str,
    port: &'static str,
    username: Option<&'static str>,
    page: &'static str,
) -> Preset {
    Preset { server, port, username, oauth: None, page }
}

/// A detail that can stand in a host name and in a path: letters, digits, hyphens and dots.
fn checked(detail: &str) -> Result<&str, DetailProblem> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    match detail {
        "" => Err(DetailProblem::Missing),
        long if long.len() > 253 => Err(DetailProblem::Malformed),
        fit if fit.bytes().all(is_fit) && !fit.starts_with('.') && !fit.contains("..") => Ok(fit),
        _ => Err(DetailProblem::Malformed),
    }
}
