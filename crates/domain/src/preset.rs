//! Presets of mail providers: servers, endpoints, scopes and documentation links. They fill the form
//! and supply the links of explanations. Each row was read at the address that it names.

use crate::draft::{TlsMode, bool_text};
use crate::outbox::Pace;
use crate::{Field, OauthFlow, microsoft};

/// A provider of outgoing mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Microsoft 365 (Exchange Online).
    Microsoft365,
    /// Exchange Online High Volume Email.
    HighVolumeEmail,
    /// Azure Communication Services.
    AzureCommunicationServices,
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
    /// Twilio `SendGrid`.
    SendGrid,
    /// Mailgun.
    Mailgun,
    /// Postmark.
    Postmark,
    /// Brevo.
    Brevo,
}

/// A parameter that a preset needs in addition to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// The organisation's tenant: its ID or one of its domains.
    Tenant,
    /// The account's region.
    Region,
}

/// A provider's default settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The mail server; `{}` is replaced by the detail.
    pub server: &'static str,
    /// Its submission port.
    pub port: &'static str,
    /// The user name, if it is the same for all accounts.
    pub username: Option<&'static str>,
    /// The OAuth settings; `None` if the mail server accepts passwords only.
    pub oauth: Option<Oauth>,
    /// The provider's documentation page.
    pub page: &'static str,
}

/// A provider's OAuth settings; `{}` is replaced by the detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oauth {
    /// Authorization Endpoint.
    pub authorization_endpoint: &'static str,
    /// Token Endpoint.
    pub token_endpoint: &'static str,
    /// Scope for the Authorization Code flows; `None` if the provider does not support them.
    pub scope: Option<&'static str>,
    /// Scope for Client Credentials; `None` if the provider does not support that flow.
    pub client_credentials_scope: Option<&'static str>,
}

/// Why a preset has no values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailProblem {
    /// The detail is required and empty.
    Missing,
    /// The detail is not a valid tenant or region.
    Malformed,
}

/// Domains of the providers' mail servers; the first match counts.
const SERVER_DOMAINS: [(Provider, &[&str]); 13] = [
    (Provider::HighVolumeEmail, &["smtp-hve.office365.com"]),
    (Provider::Microsoft365, &["office365.com", "outlook.com", "outlook.office.com"]),
    (Provider::AzureCommunicationServices, &["azurecomm.net"]),
    (Provider::Google, &["gmail.com", "googlemail.com"]),
    (Provider::Yahoo, &["mail.yahoo.com"]),
    (Provider::Fastmail, &["fastmail.com"]),
    (Provider::Yandex, &["yandex.com", "yandex.ru"]),
    (Provider::Zoho, &["zoho.com", "zoho.eu", "zoho.in"]),
    (Provider::AmazonSes, &["amazonaws.com"]),
    (Provider::SendGrid, &["sendgrid.net"]),
    (Provider::Mailgun, &["mailgun.org"]),
    (Provider::Postmark, &["postmarkapp.com"]),
    (Provider::Brevo, &["brevo.com"]),
];

/// Domains of the providers' OAuth endpoints, except Microsoft's.
const ENDPOINT_DOMAINS: [(Provider, &[&str]); 4] = [
    (Provider::Google, &["accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com"]),
    (Provider::Yahoo, &["api.login.yahoo.com"]),
    (Provider::Fastmail, &["api.fastmail.com"]),
    (Provider::Yandex, &["oauth.yandex.com", "oauth.yandex.ru"]),
];

/// Mail servers of well-known address domains. Other domains belong to organisations, whose mail
/// server cannot be derived.
const SERVERS_OF_ADDRESS_DOMAINS: [(&str, &[&str]); 12] = [
    ("smtp.gmail.com", &["gmail.com", "googlemail.com"]),
    // https://support.microsoft.com/en-us/office/pop-imap-and-smtp-settings-for-outlook-com-d088b986-291d-42b8-9564-9c414e2aa040
    ("smtp-mail.outlook.com", &["outlook.com", "hotmail.com", "live.com", "msn.com"]),
    ("smtp.office365.com", &["onmicrosoft.com"]),
    ("smtp.mail.yahoo.com", &["yahoo.com", "ymail.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de"]),
    ("smtp.fastmail.com", &["fastmail.com", "fastmail.fm"]),
    ("smtp.yandex.com", &["yandex.com", "yandex.ru", "ya.ru"]),
    ("smtp.zoho.com", &["zoho.com", "zohomail.com"]),
    ("smtp.zoho.eu", &["zoho.eu", "zohomail.eu"]),
    ("smtp.zoho.in", &["zoho.in", "zohomail.in"]),
    // https://support.apple.com/en-us/102525
    ("smtp.mail.me.com", &["icloud.com", "me.com", "mac.com"]),
    // https://support.gmx.com/pop-imap/imap/server.html
    ("mail.gmx.com", &["gmx.com"]),
    // https://help.aol.com/articles/how-do-i-use-other-email-applications-to-send-and-receive-my-aol-mail
    ("smtp.aol.com", &["aol.com"]),
];

/// Returns the mail server for addresses of a well-known domain.
pub fn server_of_domain(domain: &str) -> Option<&'static str> {
    let is_of = |domains: &[&str]| domains.iter().any(|known| is_under(domain, known));
    SERVERS_OF_ADDRESS_DOMAINS
        .iter()
        .find_map(|&(server, domains)| is_of(domains).then_some(server))
}

/// Whether a host equals a domain or is a subdomain of it.
pub(crate) fn is_under(host: &str, domain: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a mail server is Microsoft's High Volume Email, which has its own permissions.
pub fn is_high_volume(server: &str) -> bool {
    Provider::of_server(server) == Some(Provider::HighVolumeEmail)
}

impl Provider {
    /// Every provider, in menu order.
    pub const ALL: [Self; 13] = [
        Self::Microsoft365,
        Self::HighVolumeEmail,
        Self::AzureCommunicationServices,
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

    /// The provider's display name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Microsoft365 => "Microsoft 365",
            Self::HighVolumeEmail => "Microsoft 365 High Volume Email",
            Self::AzureCommunicationServices => "Azure Communication Services",
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

    /// Returns the provider with this display name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// How much the provider accepts over one account, if it is known to limit that.
    pub const fn pace(self) -> Option<Pace> {
        match self {
            Self::Microsoft365 => Some(Pace {
                connections: 3,
                per_minute: Some(30),
                recipients_per_day: Some(10_000),
            }),
            Self::HighVolumeEmail
            | Self::AzureCommunicationServices
            | Self::Google
            | Self::Yahoo
            | Self::Fastmail
            | Self::Yandex
            | Self::Zoho
            | Self::AmazonSes
            | Self::SendGrid
            | Self::Mailgun
            | Self::Postmark
            | Self::Brevo => None,
        }
    }

    /// The parameter that the provider's preset needs, if any.
    pub const fn detail(self) -> Option<Detail> {
        match self {
            Self::Microsoft365 | Self::HighVolumeEmail => Some(Detail::Tenant),
            Self::AmazonSes => Some(Detail::Region),
            _ => None,
        }
    }

    /// Whether the provider's mail server accepts OAuth tokens.
    pub const fn has_oauth(self) -> bool {
        match self {
            Self::Microsoft365
            | Self::HighVolumeEmail
            | Self::Google
            | Self::Yahoo
            | Self::Fastmail
            | Self::Yandex => true,
            Self::AzureCommunicationServices
            | Self::Zoho
            | Self::AmazonSes
            | Self::SendGrid
            | Self::Mailgun
            | Self::Postmark
            | Self::Brevo => false,
        }
    }

    /// Returns the provider of a mail server.
    pub fn of_server(server: &str) -> Option<Self> {
        Self::of(&SERVER_DOMAINS, server)
    }

    /// Returns the provider of an OAuth endpoint's host.
    pub fn of_endpoint(host: &str) -> Option<Self> {
        if microsoft::is_host(host) {
            return Some(Self::Microsoft365);
        }
        Self::of(&ENDPOINT_DOMAINS, host)
    }

    /// The provider that issues tokens for this provider's mail server.
    pub const fn signs_in_at(self) -> Self {
        match self {
            Self::HighVolumeEmail => Self::Microsoft365,
            other => other,
        }
    }

    fn of(known: &[(Self, &[&str])], host: &str) -> Option<Self> {
        let is_of = |domains: &[&str]| domains.iter().any(|domain| is_under(host, domain));
        known.iter().find_map(|&(provider, domains)| is_of(domains).then_some(provider))
    }

    /// The provider's default settings.
    pub const fn preset(self) -> Preset {
        match self {
            Self::Microsoft365 => microsoft_oauth(
                "smtp.office365.com",
                Some("https://outlook.office.com/SMTP.Send offline_access"),
                "https://learn.microsoft.com/en-us/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth",
            ),
            Self::HighVolumeEmail => microsoft_oauth(
                "smtp-hve.office365.com",
                None,
                "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/oauth-high-volume-mails-m365",
            ),
            Self::AzureCommunicationServices => password_only(
                "smtp.azurecomm.net",
                "587",
                None,
                "https://learn.microsoft.com/en-us/azure/communication-services/quickstarts/email/send-email-smtp/smtp-authentication",
            ),
            Self::Google => consent_oauth(
                "smtp.gmail.com",
                "587",
                // Without these two parameters, Google issues no refresh token.
                "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
                "https://oauth2.googleapis.com/token",
                "https://mail.google.com/",
                "https://developers.google.com/workspace/gmail/imap/xoauth2-protocol",
            ),
            Self::Yahoo => consent_oauth(
                "smtp.mail.yahoo.com",
                "465",
                "https://api.login.yahoo.com/oauth2/request_auth",
                "https://api.login.yahoo.com/oauth2/get_token",
                "mail-w",
                "https://senders.yahooinc.com/developer/documentation/",
            ),
            Self::Fastmail => consent_oauth(
                "smtp.fastmail.com",
                "465",
                "https://api.fastmail.com/oauth/authorize",
                "https://api.fastmail.com/oauth/refresh",
                "https://www.fastmail.com/dev/protocol-smtp",
                "https://www.fastmail.com/dev/",
            ),
            Self::Yandex => consent_oauth(
                "smtp.yandex.com",
                "465",
                "https://oauth.yandex.com/authorize",
                "https://oauth.yandex.com/token",
                "mail:smtp",
                "https://yandex.com/dev/id/doc/en/",
            ),
            // It is not documented that its mail server accepts tokens.
            Self::Zoho => password_only(
                "smtp.zoho.com",
                "465",
                None,
                "https://www.zoho.com/mail/help/zoho-smtp.html",
            ),
            Self::AmazonSes => password_only(
                "email-smtp.{}.amazonaws.com",
                "587",
                None,
                "https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
            ),
            Self::SendGrid => password_only(
                "smtp.sendgrid.net",
                "587",
                Some("apikey"),
                "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api",
            ),
            Self::Mailgun => password_only(
                "smtp.mailgun.org",
                "587",
                None,
                "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp",
            ),
            Self::Postmark => password_only(
                "smtp.postmarkapp.com",
                "587",
                None,
                "https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
            ),
            Self::Brevo => password_only(
                "smtp-relay.brevo.com",
                "587",
                None,
                "https://developers.brevo.com/docs/smtp-integration",
            ),
        }
    }

    /// Returns the form values for the provider. With OAuth, the current flow is kept if the provider
    /// supports it; otherwise the flow is Authorization Code with PKCE, or Client Credentials if the
    /// provider supports nothing else.
    ///
    /// # Errors
    /// The detail is missing or malformed.
    pub fn values(
        self,
        flow: OauthFlow,
        detail: &str,
    ) -> Result<Vec<(Field, String)>, DetailProblem> {
        let detail = self.detail().map_or(Ok(""), |_| validated_detail(detail.trim()))?;
        let preset = self.preset();
        let server = preset.server.replace("{}", detail);
        let Some(oauth) = preset.oauth else {
            return Ok(password_values(&server, &preset));
        };
        let (flow, scope) = oauth.flow_and_scope(flow);
        let values = [
            (Field::Flow, flow.wire_name()),
            (Field::OauthServer, &server),
            (Field::OauthPort, preset.port),
            (Field::OauthUseTls, bool_text(true)),
            (Field::OauthTlsMode, TlsMode::Automatic.wire_name()),
            (Field::AuthorizationEndpoint, &oauth.authorization_endpoint.replace("{}", detail)),
            (Field::TokenEndpoint, &oauth.token_endpoint.replace("{}", detail)),
            (Field::Scope, scope),
        ];
        Ok(owned(&values))
    }
}

impl Oauth {
    /// Returns the flow to use, with its scope.
    fn flow_and_scope(&self, flow: OauthFlow) -> (OauthFlow, &'static str) {
        match (flow, self.scope, self.client_credentials_scope) {
            (OauthFlow::ClientCredentials, _, Some(scope)) | (_, None, Some(scope)) => {
                (OauthFlow::ClientCredentials, scope)
            }
            (OauthFlow::AuthorizationCode, scope, _) => (flow, scope.unwrap_or_default()),
            (_, scope, _) => (OauthFlow::AuthorizationCodePkce, scope.unwrap_or_default()),
        }
    }
}

fn password_values(server: &str, preset: &Preset) -> Vec<(Field, String)> {
    let mut values = owned(&[
        (Field::Flow, OauthFlow::None.wire_name()),
        (Field::BasicServer, server),
        (Field::BasicPort, preset.port),
        (Field::BasicUseTls, bool_text(true)),
        (Field::BasicTlsMode, TlsMode::Automatic.wire_name()),
    ]);
    values.extend(preset.username.map(|username| (Field::Username, username.to_owned())));
    values
}

fn owned(values: &[(Field, &str)]) -> Vec<(Field, String)> {
    values.iter().map(|&(field, value)| (field, value.to_owned())).collect()
}

const fn password_only(
    server: &'static str,
    port: &'static str,
    username: Option<&'static str>,
    page: &'static str,
) -> Preset {
    Preset { server, port, username, oauth: None, page }
}

/// A mail server that accepts tokens of the organisation's Microsoft tenant.
const fn microsoft_oauth(
    server: &'static str,
    scope: Option<&'static str>,
    page: &'static str,
) -> Preset {
    let oauth = Oauth {
        authorization_endpoint: "https://login.microsoftonline.com/{}/oauth2/v2.0/authorize",
        token_endpoint: "https://login.microsoftonline.com/{}/oauth2/v2.0/token",
        scope,
        client_credentials_scope: Some("https://outlook.office365.com/.default"),
    };
    Preset { server, port: "587", username: None, oauth: Some(oauth), page }
}

/// A mail server that accepts tokens of the Authorization Code flows only.
const fn consent_oauth(
    server: &'static str,
    port: &'static str,
    authorization_endpoint: &'static str,
    token_endpoint: &'static str,
    scope: &'static str,
    page: &'static str,
) -> Preset {
    let oauth = Oauth {
        authorization_endpoint,
        token_endpoint,
        scope: Some(scope),
        client_credentials_scope: None,
    };
    Preset { server, port, username: None, oauth: Some(oauth), page }
}

/// Validates a detail for use in a host name and a path: letters, digits, hyphens and dots.
fn validated_detail(detail: &str) -> Result<&str, DetailProblem> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    match detail {
        "" => Err(DetailProblem::Missing),
        long if long.len() > 253 => Err(DetailProblem::Malformed),
        fit if fit.bytes().all(is_allowed) && !fit.starts_with('.') && !fit.contains("..") => {
            Ok(fit)
        }
        _ => Err(DetailProblem::Malformed),
    }
}
