//! The table of form controls: group, kind, length limit and wire name of each. View, validation and
//! storage all read this table.

use serde::{Deserialize, Serialize};

/// A group box of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// The OAuth Flow select, which decides the presence of the other groups.
    Flow,
    /// Sending with a user name and a password.
    BasicSmtp,
    /// Sending with a token.
    OauthSmtp,
    /// Obtaining that token.
    Authentication,
}

/// The type of a control's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One line of text.
    Text,
    /// Several lines of text.
    Lines,
    /// One line of text, masked on the screen, but not a secret.
    Masked,
    /// A write-only value.
    Secret,
    /// On or off.
    Check,
    /// One of a few named values.
    Choice,
    /// A date (ISO 8601), or empty.
    Date,
}

macro_rules! fields {
    ($($(#[$doc:meta])+ $name:ident $wire:literal $section:ident $kind:ident $limit:literal;)+) => {
        /// A control of the form.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Field {
            $($(#[$doc])+ #[serde(rename = $wire)] $name,)+
        }

        impl Field {
            /// Every control, in display order.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The control's name in JSON and in the database, and its `id` in HTML.
            pub const fn wire_name(self) -> &'static str {
                match self { $(Self::$name => $wire),+ }
            }

            /// The control's group box.
            pub const fn section(self) -> Section {
                match self { $(Self::$name => Section::$section),+ }
            }

            /// The type of the control's value.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind),+ }
            }

            /// The maximum length in characters (Unicode scalar values).
            pub const fn limit(self) -> u64 {
                match self { $(Self::$name => $limit),+ }
            }
        }
    };
}

fields! {
    /// OAuth Flow.
    Flow "flow" Flow Choice 32;
    /// Default Sender Email of Basic SMTP Settings.
    BasicSender "basic-sender" BasicSmtp Text 254;
    /// Display Name of Basic SMTP Settings.
    BasicDisplayName "basic-display-name" BasicSmtp Text 254;
    /// SMTP Server of Basic SMTP Settings.
    BasicServer "basic-server" BasicSmtp Text 253;
    /// Port of Basic SMTP Settings.
    BasicPort "basic-port" BasicSmtp Text 16;
    /// Use TLS of Basic SMTP Settings.
    BasicUseTls "basic-use-tls" BasicSmtp Check 8;
    /// TLS mode of Basic SMTP Settings.
    BasicTlsMode "basic-tls-mode" BasicSmtp Choice 32;
    /// Trusted CA certificate of Basic SMTP Settings.
    BasicTrustedCa "basic-trusted-ca" BasicSmtp Lines 16384;
    /// Username.
    Username "username" BasicSmtp Text 254;
    /// Password.
    Password "password" BasicSmtp Secret 4096;
    /// Secret expires on, of the Password.
    PasswordExpiresOn "password-expires-on" BasicSmtp Date 10;
    /// Default Sender Email of OAuth SMTP Settings.
    OauthSender "oauth-sender" OauthSmtp Text 254;
    /// Display Name of OAuth SMTP Settings.
    OauthDisplayName "oauth-display-name" OauthSmtp Text 254;
    /// SMTP Server of OAuth SMTP Settings.
    OauthServer "oauth-server" OauthSmtp Text 253;
    /// Port of OAuth SMTP Settings.
    OauthPort "oauth-port" OauthSmtp Text 16;
    /// Use TLS of OAuth SMTP Settings.
    OauthUseTls "oauth-use-tls" OauthSmtp Check 8;
    /// TLS mode of OAuth SMTP Settings.
    OauthTlsMode "oauth-tls-mode" OauthSmtp Choice 32;
    /// Trusted CA certificate of OAuth SMTP Settings.
    OauthTrustedCa "oauth-trusted-ca" OauthSmtp Lines 16384;
    /// Client ID.
    ClientId "client-id" Authentication Masked 4096;
    /// Client Secret.
    ClientSecret "client-secret" Authentication Secret 4096;
    /// Secret expires on, of the Client Secret.
    ClientSecretExpiresOn "client-secret-expires-on" Authentication Date 10;
    /// Authorization Endpoint.
    AuthorizationEndpoint "authorization-endpoint" Authentication Text 500;
    /// Token Endpoint.
    TokenEndpoint "token-endpoint" Authentication Text 500;
    /// Redirect URI.
    RedirectUri "redirect-uri" Authentication Text 500;
    /// Scope.
    Scope "scope" Authentication Text 500;
    /// Client authentication.
    ClientAuthentication "client-authentication" Authentication Choice 32;
}

impl Field {
    /// The controls of one group box, in display order.
    pub fn of(section: Section) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |field| field.section() == section)
    }

    /// Whether the control takes one line of text.
    pub const fn is_line(self) -> bool {
        matches!(self.kind(), Kind::Text | Kind::Masked | Kind::Secret)
    }

    /// Whether the control's text is trimmed on blur and on save. Other text is sent to the provider
    /// or mail server verbatim.
    pub const fn is_trimmed(self) -> bool {
        matches!(
            self,
            Self::BasicSender
                | Self::BasicServer
                | Self::BasicPort
                | Self::OauthSender
                | Self::OauthServer
                | Self::OauthPort
                | Self::AuthorizationEndpoint
                | Self::TokenEndpoint
        )
    }

    /// Whether a token depends on the control. One stays valid if only other controls change.
    pub const fn affects_token(self) -> bool {
        !matches!(self.kind(), Kind::Date)
    }

    /// The control with this wire name.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.wire_name() == name)
    }
}
