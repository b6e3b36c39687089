//! The command line: flags and their environment variables, as unparsed text. `config.rs` parses
//! the values. No flag takes a secret.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

/// The server of the Email tab of PPM Administrator, in which administrators say how it sends mail.
#[derive(Debug, Parser)]
#[command(name = "ppm-email", version)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Parses the arguments and the environment of this process.
    ///
    /// # Errors
    /// The command line is invalid, or asks for the help or the version.
    pub fn read() -> Result<Self, clap::Error> {
        let mut command = without_env_values(Self::command());
        let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// Hides the values of environment variables in the help: they may contain passwords.
fn without_env_values(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.hide_env_values(true)).mut_subcommands(without_env_values)
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until it is stopped.
    Serve(Box<ServeArgs>),
    /// Manages the accounts that can sign in.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Manages the keys that seal secrets.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manages the products that send through the saved settings.
    #[command(subcommand)]
    Application(ApplicationCommand),
    /// Lists, retries, cancels and erases the messages of applications.
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Hands a message over, as an application: RFC 5322 on standard input. Prints its ID.
    Send(Box<SendCommand>),
    /// Reads the audit trail.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Says whether email works: exits with 0 (up), 1 (degraded: a credential expires within 14 days) or 2 (down).
    Health(Box<HealthCommand>),
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 means any free port.
    #[arg(long, env = "PPM_EMAIL_LISTEN")]
    #[arg(value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    pub listen: String,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// File with the keys that seal secrets; created on the first start. Default: ppm-email.key next to the database.
    #[arg(long, env = "PPM_EMAIL_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// The URL that browsers use; required unless `--listen` is loopback.
    #[arg(long, env = "PPM_EMAIL_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// CA certificates to trust in addition to the machine's own.
    #[arg(long, env = "PPM_EMAIL_EXTRA_CA", value_name = "FILE.pem")]
    pub extra_ca: Option<PathBuf>,

    /// Sign-in with an `OpenID` provider.
    #[command(flatten)]
    pub oidc: OidcArgs,

    /// The role that makes a user an administrator, if another system authenticates users.
    #[arg(long, env = "PPM_EMAIL_ADMINISTRATOR_ROLE")]
    #[arg(value_name = "ROLE", default_value = "ppm-administrator")]
    pub administrator_role: String,

    /// The role that lets a user view the settings, if another system authenticates users.
    #[arg(long, env = "PPM_EMAIL_READER_ROLE", value_name = "ROLE", default_value = "ppm-reader")]
    pub reader_role: String,

    /// Turns local accounts off: no user signs in with a password.
    #[arg(long, env = "PPM_EMAIL_NO_LOCAL_ACCOUNTS")]
    pub no_local_accounts: bool,

    /// Prints the link for the first administrator even if users can sign in another way.
    #[arg(long, env = "PPM_EMAIL_SET_UP_LINK")]
    pub set_up_link: bool,

    /// Folder with the browser bundle, in `pkg`. Default: site next to the program, else target/site.
    #[arg(long, env = "PPM_EMAIL_SITE_ROOT", value_name = "DIR")]
    pub site_root: Option<PathBuf>,

    /// Address of a reverse proxy whose X-Forwarded-For header is trusted; may be repeated.
    #[arg(long, env = "PPM_EMAIL_TRUSTED_PROXY", value_name = "ADDRESS", value_delimiter = ',')]
    pub trusted_proxy: Vec<String>,

    /// The maximum number of connections at a time. The limit on open files may allow fewer.
    #[arg(long, env = "PPM_EMAIL_MAX_CONNECTIONS", value_name = "COUNT", default_value = "2048")]
    pub max_connections: String,

    /// The maximum number of connections from one address (IPv6: from one /64) at a time; a trusted proxy may have more.
    #[arg(long, env = "PPM_EMAIL_MAX_CONNECTIONS_PER_ADDRESS")]
    #[arg(value_name = "COUNT", default_value = "256")]
    pub max_connections_per_address: String,

    /// Authentication by a host or a proxy.
    #[command(flatten)]
    pub host: HostArgs,

    /// Sites that embed the tab.
    #[command(flatten)]
    pub embedding_origins: EmbeddingArgs,

    /// The egress policy.
    #[command(flatten)]
    pub egress: EgressArgs,

    /// A proxy for https requests to other machines, such as Token Endpoints. An example:
    /// `http://proxy.example:8080`.
    #[arg(long, env = "PPM_EMAIL_OAUTH_PROXY", value_name = "URL")]
    pub oauth_proxy: Option<String>,

    /// How long a Token Endpoint, or another server called by HTTP, may take to accept a connection.
    #[arg(long, env = "PPM_EMAIL_OAUTH_CONNECT_SECONDS")]
    #[arg(value_name = "SECONDS", default_value = "10")]
    pub oauth_connect_seconds: String,

    /// How long a request to such a server may take in total.
    #[arg(long, env = "PPM_EMAIL_OAUTH_TOTAL_SECONDS")]
    #[arg(value_name = "SECONDS", default_value = "30")]
    pub oauth_total_seconds: String,

    /// The client name in EHLO: a host name, or an address in brackets. Default: the host of
    /// --public-url if that is a public name, else the local address of the connection.
    #[arg(long, env = "PPM_EMAIL_SMTP_CLIENT_NAME", value_name = "NAME")]
    pub smtp_client_name: Option<String>,

    /// How long a mail server may take to accept a connection.
    #[arg(long, env = "PPM_EMAIL_SMTP_CONNECT_SECONDS")]
    #[arg(value_name = "SECONDS", default_value = "10")]
    pub smtp_connect_seconds: String,

    /// How long a mail server may take for one reply.
    #[arg(long, env = "PPM_EMAIL_SMTP_REPLY_SECONDS")]
    #[arg(value_name = "SECONDS", default_value = "30")]
    pub smtp_reply_seconds: String,

    /// How long one SMTP session may take in total.
    #[arg(long, env = "PPM_EMAIL_SMTP_TOTAL_SECONDS")]
    #[arg(value_name = "SECONDS", default_value = "60")]
    pub smtp_total_seconds: String,

    /// The messages of applications.
    #[command(flatten)]
    pub sending: SendingArgs,

    /// The health of mail.
    #[command(flatten)]
    pub health: HealthArgs,

    /// How many days entries of the audit trail are kept; 0 keeps them forever.
    #[arg(long, env = "PPM_EMAIL_AUDIT_DAYS", value_name = "DAYS", default_value = "400")]
    pub audit_days: String,

    /// How many days test messages are kept; 0 keeps them forever.
    #[arg(long, env = "PPM_EMAIL_MESSAGE_DAYS", value_name = "DAYS", default_value = "90")]
    pub message_days: String,
}

/// How the messages of applications are sent.
#[derive(Debug, Args)]
pub struct SendingArgs {
    /// How much may be sent through the mail server, by all nodes together: connections at a time,
    /// messages in any minute, recipients in any day; 0 for no limit. Default: what the provider is
    /// known to accept, else 5,0,0.
    #[arg(long, env = "PPM_EMAIL_PACE", value_name = "CONNECTIONS,PER_MINUTE,PER_DAY")]
    pub pace: Option<String>,

    /// Holds the messages of applications: none is sent. Test messages and alerts are.
    #[arg(long, env = "PPM_EMAIL_OUTBOX_HOLD")]
    pub outbox_hold: bool,

    /// Sends every message of an application to this address in place of its recipients, in a staging
    /// system.
    #[arg(long, env = "PPM_EMAIL_OUTBOX_REDIRECT_TO", value_name = "ADDRESS")]
    pub outbox_redirect_to: Option<String>,
}

/// Checks of the saved connection, and alerts.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Whether PPM signs in to the mail server once an hour while no message is sent: on or off.
    #[arg(long, env = "PPM_EMAIL_HEALTH_CHECK", value_name = "ON-or-OFF", default_value = "on")]
    pub health_check: String,

    /// URL that gets a POST when email stops, when it works again, and before a credential expires:
    /// https, or http on this machine if --egress-allow permits it.
    #[arg(long, env = "PPM_EMAIL_ALERT_WEBHOOK", value_name = "URL")]
    pub alert_webhook: Option<String>,

    /// File with the secret that signs these requests: `whsec_` and base64, as Standard Webhooks say.
    #[arg(long, env = "PPM_EMAIL_ALERT_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    pub alert_webhook_secret_file: Option<PathBuf>,

    /// Email address that gets the same alerts.
    #[arg(long, env = "PPM_EMAIL_ALERT_EMAIL", value_name = "ADDRESS")]
    pub alert_email: Option<String>,

    /// Address and port at which Prometheus reads /metrics.
    #[arg(long, env = "PPM_EMAIL_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<String>,

    /// File with the bearer token that /metrics asks for; required unless it is loopback.
    #[arg(long, env = "PPM_EMAIL_METRICS_TOKEN_FILE", value_name = "FILE")]
    pub metrics_token_file: Option<PathBuf>,
}

/// Addresses that this server may connect to at an administrator's request.
#[derive(Debug, Args)]
pub struct EgressArgs {
    /// Addresses that PPM may connect to although it would refuse them otherwise, such as `10.0.0.5:2526`, `[fd00::]/8:25-26` or `mail.corp`; may be repeated.
    #[arg(long, env = "PPM_EMAIL_EGRESS_ALLOW")]
    #[arg(value_name = "HOST-or-CIDR[:PORT[-PORT]]", value_delimiter = ',')]
    pub egress_allow: Vec<String>,

    /// Addresses that PPM never connects to, even if another rule allows them; may be repeated.
    #[arg(long, env = "PPM_EMAIL_EGRESS_DENY")]
    #[arg(value_name = "HOST-or-CIDR[:PORT[-PORT]]", value_delimiter = ',')]
    pub egress_deny: Vec<String>,
}

/// Sign-in with an organisation's account (`OpenID` Connect).
#[derive(Debug, Args)]
pub struct OidcArgs {
    /// The `OpenID` provider whose accounts can sign in. Turns this sign-in on.
    #[arg(long, env = "PPM_EMAIL_OIDC_ISSUER", value_name = "URL")]
    pub oidc_issuer: Option<String>,

    /// The client ID of this server at the `OpenID` provider.
    #[arg(long, env = "PPM_EMAIL_OIDC_CLIENT_ID", value_name = "ID")]
    pub oidc_client_id: Option<String>,

    /// File with the client secret for the `OpenID` provider, if there is one.
    #[arg(long, env = "PPM_EMAIL_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub oidc_client_secret_file: Option<PathBuf>,

    /// The scopes to request from the `OpenID` provider, separated by spaces.
    #[arg(long, env = "PPM_EMAIL_OIDC_SCOPE")]
    #[arg(value_name = "SCOPE", default_value = "openid profile email")]
    pub oidc_scope: String,

    /// The claim with a user's roles; a dot selects a member of an object.
    #[arg(long, env = "PPM_EMAIL_OIDC_ROLES_CLAIM", value_name = "CLAIM", default_value = "roles")]
    pub oidc_roles_claim: String,

    /// The name on the sign-in page's button: "Sign in with NAME".
    #[arg(long, env = "PPM_EMAIL_OIDC_NAME")]
    #[arg(value_name = "NAME", default_value = "your organisation")]
    pub oidc_name: String,
}

/// Authentication by a host's token or by a trusted proxy's headers.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// URL of the public keys (JWKS) that verify the host's tokens. Turns host tokens on.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_JWKS_URL", value_name = "URL")]
    pub host_token_jwks_url: Option<String>,

    /// Public key that verifies the host's tokens, instead of the URL of its keys.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_KEY_FILE", value_name = "FILE.pem")]
    pub host_token_key_file: Option<PathBuf>,

    /// The issuer of the host's tokens: exactly their `iss`.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_ISSUER", value_name = "ISSUER")]
    pub host_token_issuer: Option<String>,

    /// The audience of the host's tokens: exactly their `aud`.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_AUDIENCE", value_name = "AUDIENCE")]
    pub host_token_audience: Option<String>,

    /// A signature algorithm of the host's tokens: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or `EdDSA`; may be repeated.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_ALGORITHM")]
    #[arg(value_name = "ALGORITHM", value_delimiter = ',', default_value = "RS256")]
    pub host_token_algorithm: Vec<String>,

    /// Maximum age of a token in seconds, counted from its `iat` claim, which is then required.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_MAX_AGE", value_name = "SECONDS")]
    pub host_token_max_age: Option<String>,

    /// The cookie that carries the host's token to the pages. Without this flag, the token is
    /// accepted only at /bearer/api.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_COOKIE", value_name = "NAME")]
    pub host_token_cookie: Option<String>,

    /// Trusts the email address in the host's token even if the token does not state that it is
    /// verified.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_TRUST_EMAIL")]
    pub host_token_trust_email: bool,

    /// The claim that identifies a user.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_SUBJECT_CLAIM")]
    #[arg(value_name = "CLAIM", default_value = "sub")]
    pub host_token_subject_claim: String,

    /// The claim with a user's name.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_NAME_CLAIM")]
    #[arg(value_name = "CLAIM", default_value = "name")]
    pub host_token_name_claim: String,

    /// The claim with a user's email address.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_EMAIL_CLAIM")]
    #[arg(value_name = "CLAIM", default_value = "email")]
    pub host_token_email_claim: String,

    /// The claim that states whether that address is verified.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_VERIFIED_CLAIM")]
    #[arg(value_name = "CLAIM", default_value = "email_verified")]
    pub host_token_verified_claim: String,

    /// The claim with a user's roles; dots select members of objects, such as `realm_access.roles`.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_ROLES_CLAIM")]
    #[arg(value_name = "CLAIM", default_value = "roles")]
    pub host_token_roles_claim: String,

    /// The claim with a user's language.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_LANGUAGE_CLAIM")]
    #[arg(value_name = "CLAIM", default_value = "locale")]
    pub host_token_language_claim: String,

    /// The claim with a user's time zone.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_ZONE_CLAIM")]
    #[arg(value_name = "CLAIM", default_value = "zoneinfo")]
    pub host_token_zone_claim: String,

    /// The claim with a user's date format, such as DD.MM.YYYY.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_DATE_CLAIM")]
    #[arg(value_name = "CLAIM", default_value = "date_format")]
    pub host_token_date_claim: String,

    /// The claim that states whether a user has a 12-hour or 24-hour clock; the first one present
    /// counts.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_CLOCK_CLAIM")]
    #[arg(value_name = "CLAIM", value_delimiter = ',', default_value = "hour_cycle,clock")]
    pub host_token_clock_claim: Vec<String>,

    /// The header in which a trusted proxy names the user. Turns proxy headers on.
    #[arg(long, env = "PPM_EMAIL_PROXY_USER_HEADER", value_name = "HEADER")]
    pub proxy_user_header: Option<String>,

    /// The header in which the proxy lists the user's roles.
    #[arg(long, env = "PPM_EMAIL_PROXY_ROLES_HEADER", value_name = "HEADER")]
    pub proxy_roles_header: Option<String>,

    /// The header in which the proxy gives the user's name.
    #[arg(long, env = "PPM_EMAIL_PROXY_NAME_HEADER", value_name = "HEADER")]
    pub proxy_name_header: Option<String>,

    /// The header in which the proxy gives the user's email address.
    #[arg(long, env = "PPM_EMAIL_PROXY_EMAIL_HEADER", value_name = "HEADER")]
    pub proxy_email_header: Option<String>,
}

/// Sites that may embed the tab.
#[derive(Debug, Args)]
pub struct EmbeddingArgs {
    /// A site whose pages may contain the tab as an element, such as `https://host.example`; may be repeated.
    #[arg(long, env = "PPM_EMAIL_EMBED_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub embed_origin: Vec<String>,

    /// A site whose pages may contain the tab in an iframe, such as `https://host.example`; may be repeated.
    #[arg(long, env = "PPM_EMAIL_FRAME_ANCESTOR", value_name = "ORIGIN", value_delimiter = ',')]
    pub frame_ancestor: Vec<String>,
}

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct HealthCommand {
    /// Signs in to the mail server now; sends no message.
    #[arg(long)]
    pub check_now: bool,
    /// Writes one JSON object.
    #[arg(long)]
    pub json: bool,
    /// The configuration of the server, with which it signs in.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// The subcommands of `outbox`.
#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// Lists the latest messages, newest first: ID, time, state, application, number of recipients.
    List(DatabaseArgs),
    /// Tries a waiting message again now.
    Retry {
        /// The message's ID.
        id: String,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Cancels a message that no attempt has begun.
    Cancel {
        /// The message's ID.
        id: String,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Erases a recipient: cancels what has not been sent to the address, and removes it everywhere.
    Erase {
        /// The address.
        #[arg(long, value_name = "ADDRESS")]
        recipient: String,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Arguments of `send`.
#[derive(Debug, Args)]
pub struct SendCommand {
    /// The name of the application, regardless of case.
    #[arg(long, value_name = "NAME")]
    pub application: String,
    /// The configuration of the server.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// The database.
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// `sqlite://FILE` or `postgres://…`
    #[arg(long, env = "PPM_EMAIL_DATABASE_URL")]
    #[arg(value_name = "URL", default_value = "sqlite://ppm-email.db")]
    pub database_url: String,
}

/// The subcommands of `admin`.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Adds an account; the password is read from standard input.
    Add {
        /// The email address to sign in with and to send test messages to.
        email: String,
        /// The name that other users see.
        #[arg(long)]
        name: String,
        /// The role of the account: an administrator can do everything, a reader can only view.
        #[arg(long, value_name = "ROLE", default_value = "administrator")]
        role: String,
        /// Reads the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Lists the accounts.
    List(DatabaseArgs),
    /// Sets a new password for an account and ends its sessions.
    SetPassword {
        /// The email address of the account.
        email: String,
        /// Reads the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Removes an account and ends its sessions.
    Remove {
        /// The email address of the account.
        email: String,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// The subcommands of `application`.
#[derive(Debug, Subcommand)]
pub enum ApplicationCommand {
    /// Adds an application and prints its key, which is not shown again.
    Add {
        /// Its name, unique regardless of case.
        name: String,
        /// A sender that it may use beside Default Sender Email; may be repeated.
        #[arg(long, value_name = "ADDRESS")]
        sender: Vec<String>,
        /// How many messages a minute it may hand over. Default: any number.
        #[arg(long, value_name = "NUMBER")]
        per_minute: Option<i64>,
        /// Sends a message again if the connection was lost after its final dot: recipients may get it twice.
        #[arg(long)]
        send_again: bool,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Lists the applications: name, keys by their public beginning, senders, state, last use.
    List(DatabaseArgs),
    /// Adds a second key and prints it. The old one stays valid until it is removed.
    Rotate(ApplicationName),
    /// Removes the older of two keys.
    RemoveOldKey(ApplicationName),
    /// Disables an application: its requests are refused.
    Disable(ApplicationName),
    /// Enables a disabled application again.
    Enable(ApplicationName),
    /// Removes an application with its keys. Messages that were accepted are still sent.
    Remove(ApplicationName),
}

/// An application and the database.
#[derive(Debug, Args)]
pub struct ApplicationName {
    /// The name of the application, regardless of case.
    pub name: String,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// The subcommands of `key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Adds a new key to the key file; it is not used before `rotate`.
    Add(KeyArgs),
    /// Seals with the newest key from now on, and reseals with it what older keys sealed.
    Rotate(KeyArgs),
    /// Removes older keys that no value in the database needs.
    Prune(KeyArgs),
    /// Lists the keys, and checks that every sealed value can be opened.
    Check(KeyArgs),
}

/// The database and the key file.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// File with the keys that seal secrets. Default: ppm-email.key next to the database.
    #[arg(long, env = "PPM_EMAIL_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// The subcommands of `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Writes the entries to standard output, oldest first.
    Export {
        /// The beginning: a date (UTC) or a time (RFC 3339).
        #[arg(long, value_name = "DATE")]
        since: String,
        /// The end, which is not included: a date (UTC) or a time (RFC 3339). Default: after the last entry.
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
        /// Writes one JSON object per line.
        #[arg(long, required = true)]
        json: bool,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_hides_the_value_of_every_environment_variable() {
        fn check(command: &clap::Command) {
            for arg in command.get_arguments().filter(|arg| arg.get_env().is_some()) {
                assert!(arg.is_hide_env_values_set(), "{} {}", command.get_name(), arg.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&without_env_values(Cli::command()));
    }
}
