//! The command line: every flag and its environment variable, as text. What the values mean is
//! decided in `config.rs`. No flag takes a secret.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The e-mail settings of PPM Administrator.
#[derive(Debug, Parser)]
#[command(name = "ppm-email", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answers the browser until told to stop.
    Serve(Box<ServeArgs>),
    /// Says who may sign in.
    Admin {
        /// What to do with an account.
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Changes the key that seals secrets.
    Key {
        /// What to do with the keys.
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Reads the audit trail.
    Audit {
        /// What to do with it.
        #[command(subcommand)]
        command: AuditCommand,
    },
}

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 takes any that is free.
    #[arg(
        long,
        env = "PPM_EMAIL_LISTEN",
        hide_env_values = true,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:3000"
    )]
    pub listen: String,

    /// Where everything is kept.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// File with the keys that seal secrets; made on the first start. Default: ppm-email.key beside the database.
    #[arg(long, env = "PPM_EMAIL_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// The address by which browsers reach this server, where that is not the one it listens on.
    #[arg(long, env = "PPM_EMAIL_PUBLIC_URL", hide_env_values = true, value_name = "URL")]
    pub public_url: Option<String>,

    /// Certificates to trust beside the machine's own.
    #[arg(long, env = "PPM_EMAIL_EXTRA_CA", hide_env_values = true, value_name = "FILE.pem")]
    pub extra_ca: Option<PathBuf>,

    /// Who signs in with an organisation's account.
    #[command(flatten)]
    pub oidc: OidcArgs,

    /// The role that makes somebody an administrator, where another says who they are.
    #[arg(
        long,
        env = "PPM_EMAIL_ADMINISTRATOR_ROLE",
        hide_env_values = true,
        value_name = "ROLE",
        default_value = "ppm-administrator"
    )]
    pub administrator_role: String,

    /// The role that lets somebody look, where another says who they are.
    #[arg(
        long,
        env = "PPM_EMAIL_READER_ROLE",
        hide_env_values = true,
        value_name = "ROLE",
        default_value = "ppm-reader"
    )]
    pub reader_role: String,

    /// Turns the accounts of this product off: nobody signs in with a password.
    #[arg(long, env = "PPM_EMAIL_NO_LOCAL_ACCOUNTS", hide_env_values = true)]
    pub no_local_accounts: bool,

    /// Prints the link for the first administrator although people can sign in otherwise.
    #[arg(long, env = "PPM_EMAIL_SET_UP_LINK", hide_env_values = true)]
    pub set_up_link: bool,

    /// Folder with the browser's bundle, in `pkg`. Default: site beside the program, else target/site.
    #[arg(long, env = "PPM_EMAIL_SITE_ROOT", hide_env_values = true, value_name = "DIR")]
    pub site_root: Option<PathBuf>,

    /// A reverse proxy whose word on the caller's address (X-Forwarded-For) is taken; may be repeated.
    #[arg(
        long,
        env = "PPM_EMAIL_TRUSTED_PROXY",
        hide_env_values = true,
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub trusted_proxy: Vec<String>,

    /// The most connections at a time. The limit of open files may allow fewer.
    #[arg(
        long,
        env = "PPM_EMAIL_MAX_CONNECTIONS",
        hide_env_values = true,
        value_name = "COUNT",
        default_value = "2048"
    )]
    pub max_connections: String,

    /// The most connections of one address (IPv6: of one /64) at a time; a trusted proxy may have more.
    #[arg(
        long,
        env = "PPM_EMAIL_MAX_CONNECTIONS_PER_ADDRESS",
        hide_env_values = true,
        value_name = "COUNT",
        default_value = "256"
    )]
    pub max_connections_per_address: String,

    /// Who else says who is asking.
    #[command(flatten)]
    pub host: HostArgs,

    /// Who else shows the tab.
    #[command(flatten)]
    pub elsewhere: ElsewhereArgs,

    /// What this server may call.
    #[command(flatten)]
    pub egress: EgressArgs,

    /// A proxy for https requests to other machines, Token Endpoints above all, such as
    /// `http://proxy.example:8080`.
    #[arg(long, env = "PPM_EMAIL_OAUTH_PROXY", hide_env_values = true, value_name = "URL")]
    pub oauth_proxy: Option<String>,

    /// How long a Token Endpoint, or whoever else is asked by HTTP, may take to accept a connection.
    #[arg(
        long,
        env = "PPM_EMAIL_OAUTH_CONNECT_SECONDS",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value = "10"
    )]
    pub oauth_connect_seconds: String,

    /// How long one such request may take in all.
    #[arg(
        long,
        env = "PPM_EMAIL_OAUTH_TOTAL_SECONDS",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value = "30"
    )]
    pub oauth_total_seconds: String,

    /// The name by which mail servers are greeted (EHLO): a host name, or an address in brackets.
    /// Default: the host of --public-url where that is a public name, else the address on the connection.
    #[arg(long, env = "PPM_EMAIL_SMTP_CLIENT_NAME", hide_env_values = true, value_name = "NAME")]
    pub smtp_client_name: Option<String>,

    /// How long a mail server may take to accept a connection.
    #[arg(
        long,
        env = "PPM_EMAIL_SMTP_CONNECT_SECONDS",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value = "10"
    )]
    pub smtp_connect_seconds: String,

    /// How long a mail server may take for one reply.
    #[arg(
        long,
        env = "PPM_EMAIL_SMTP_REPLY_SECONDS",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value = "30"
    )]
    pub smtp_reply_seconds: String,

    /// How long one conversation with a mail server may take in all.
    #[arg(
        long,
        env = "PPM_EMAIL_SMTP_TOTAL_SECONDS",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value = "60"
    )]
    pub smtp_total_seconds: String,

    /// For how many days rows of the audit trail are kept; 0 is for ever.
    #[arg(
        long,
        env = "PPM_EMAIL_AUDIT_DAYS",
        hide_env_values = true,
        value_name = "DAYS",
        default_value = "400"
    )]
    pub audit_days: String,

    /// For how many days test messages are kept; 0 is for ever.
    #[arg(
        long,
        env = "PPM_EMAIL_MESSAGE_DAYS",
        hide_env_values = true,
        value_name = "DAYS",
        default_value = "90"
    )]
    pub message_days: String,
}

/// Which addresses this server may call on an administrator's word.
#[derive(Debug, Args)]
pub struct EgressArgs {
    /// Addresses to call that are refused otherwise, such as `10.0.0.5:2526`, `[fd00::]/8:25-26` or `mail.corp`; may be repeated.
    #[arg(
        long,
        env = "PPM_EMAIL_EGRESS_ALLOW",
        hide_env_values = true,
        value_name = "HOST-or-CIDR[:PORT[-PORT]]",
        value_delimiter = ','
    )]
    pub egress_allow: Vec<String>,

    /// Addresses never to call, whatever else allows them; may be repeated.
    #[arg(
        long,
        env = "PPM_EMAIL_EGRESS_DENY",
        hide_env_values = true,
        value_name = "HOST-or-CIDR[:PORT[-PORT]]",
        value_delimiter = ','
    )]
    pub egress_deny: Vec<String>,
}

/// How people sign in with an organisation's account (`OpenID` Connect).
#[derive(Debug, Args)]
pub struct OidcArgs {
    /// The `OpenID` provider whose accounts may sign in; turns their sign-in on.
    #[arg(long, env = "PPM_EMAIL_OIDC_ISSUER", hide_env_values = true, value_name = "URL")]
    pub oidc_issuer: Option<String>,

    /// What the `OpenID` provider knows this server by.
    #[arg(long, env = "PPM_EMAIL_OIDC_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    pub oidc_client_id: Option<String>,

    /// File with the client secret for the `OpenID` provider, where there is one.
    #[arg(
        long,
        env = "PPM_EMAIL_OIDC_CLIENT_SECRET_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub oidc_client_secret_file: Option<PathBuf>,

    /// What the `OpenID` provider is asked to tell, space-separated.
    #[arg(
        long,
        env = "PPM_EMAIL_OIDC_SCOPE",
        hide_env_values = true,
        value_name = "SCOPE",
        default_value = "openid profile email"
    )]
    pub oidc_scope: String,

    /// The claim with somebody's roles; a dot leads into an object.
    #[arg(
        long,
        env = "PPM_EMAIL_OIDC_ROLES_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "roles"
    )]
    pub oidc_roles_claim: String,

    /// How the sign-in page calls whoever has the accounts: "Sign in with NAME".
    #[arg(
        long,
        env = "PPM_EMAIL_OIDC_NAME",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "your organisation"
    )]
    pub oidc_name: String,
}

/// Who else says who is asking: the host by a token, or a trusted proxy by headers.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// Address of the keys (JWKS) by which the host signs its tokens. Turns the host's tokens on.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_JWKS_URL", hide_env_values = true, value_name = "URL")]
    pub host_token_jwks_url: Option<String>,

    /// Public key by which the host signs its tokens, instead of the address of its keys.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_KEY_FILE",
        hide_env_values = true,
        value_name = "FILE.pem"
    )]
    pub host_token_key_file: Option<PathBuf>,

    /// Who issues the host's tokens: their `iss`, exactly.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_ISSUER",
        hide_env_values = true,
        value_name = "ISSUER"
    )]
    pub host_token_issuer: Option<String>,

    /// Whom the host's tokens are for: their `aud`, exactly.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_AUDIENCE",
        hide_env_values = true,
        value_name = "AUDIENCE"
    )]
    pub host_token_audience: Option<String>,

    /// An algorithm of their signatures: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or `EdDSA`; may be repeated.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_ALGORITHM",
        hide_env_values = true,
        value_name = "ALGORITHM",
        value_delimiter = ',',
        default_value = "RS256"
    )]
    pub host_token_algorithm: Vec<String>,

    /// How long after its `iat` a token is taken, in seconds, even where its `exp` is later. Without it a token needs no `iat`.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_MAX_AGE",
        hide_env_values = true,
        value_name = "SECONDS"
    )]
    pub host_token_max_age: Option<String>,

    /// The cookie in which the host's token comes to the pages; without it, it comes to /bearer/api alone.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_COOKIE", hide_env_values = true, value_name = "NAME")]
    pub host_token_cookie: Option<String>,

    /// Takes the address in the host's token for the person's own although the token does not say that it is verified.
    #[arg(long, env = "PPM_EMAIL_HOST_TOKEN_TRUST_EMAIL", hide_env_values = true)]
    pub host_token_trust_email: bool,

    /// The claim that somebody is known by.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_SUBJECT_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "sub"
    )]
    pub host_token_subject_claim: String,

    /// The claim with somebody's name.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_NAME_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "name"
    )]
    pub host_token_name_claim: String,

    /// The claim with somebody's address.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_EMAIL_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "email"
    )]
    pub host_token_email_claim: String,

    /// The claim that says whether that address is known to be theirs.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_VERIFIED_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "email_verified"
    )]
    pub host_token_verified_claim: String,

    /// The claim with somebody's roles; dots lead into objects, such as `realm_access.roles`.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_ROLES_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "roles"
    )]
    pub host_token_roles_claim: String,

    /// The claim with somebody's language.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_LANGUAGE_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "locale"
    )]
    pub host_token_language_claim: String,

    /// The claim with somebody's time zone.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_ZONE_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "zoneinfo"
    )]
    pub host_token_zone_claim: String,

    /// The claim with the pattern of somebody's dates, such as DD.MM.YYYY.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_DATE_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        default_value = "date_format"
    )]
    pub host_token_date_claim: String,

    /// The claim that says whether somebody counts 12 or 24 hours; the first that is there.
    #[arg(
        long,
        env = "PPM_EMAIL_HOST_TOKEN_CLOCK_CLAIM",
        hide_env_values = true,
        value_name = "CLAIM",
        value_delimiter = ',',
        default_value = "hour_cycle,clock"
    )]
    pub host_token_clock_claim: Vec<String>,

    /// The header in which a trusted proxy says who is asking. Turns proxy headers on.
    #[arg(
        long,
        env = "PPM_EMAIL_PROXY_USER_HEADER",
        hide_env_values = true,
        value_name = "HEADER"
    )]
    pub proxy_user_header: Option<String>,

    /// The header in which it says their roles.
    #[arg(
        long,
        env = "PPM_EMAIL_PROXY_ROLES_HEADER",
        hide_env_values = true,
        value_name = "HEADER"
    )]
    pub proxy_roles_header: Option<String>,

    /// The header in which it says their name.
    #[arg(
        long,
        env = "PPM_EMAIL_PROXY_NAME_HEADER",
        hide_env_values = true,
        value_name = "HEADER"
    )]
    pub proxy_name_header: Option<String>,

    /// The header in which it says their address.
    #[arg(
        long,
        env = "PPM_EMAIL_PROXY_EMAIL_HEADER",
        hide_env_values = true,
        value_name = "HEADER"
    )]
    pub proxy_email_header: Option<String>,
}

/// Which sites may show the tab on pages of theirs.
#[derive(Debug, Args)]
pub struct ElsewhereArgs {
    /// A site whose pages may have the tab as an element, such as `https://host.example`; may be repeated.
    #[arg(
        long,
        env = "PPM_EMAIL_EMBED_ORIGIN",
        hide_env_values = true,
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub embed_origin: Vec<String>,

    /// A site whose pages may have the tab in an iframe, such as `https://host.example`; may be repeated.
    #[arg(
        long,
        env = "PPM_EMAIL_FRAME_ANCESTOR",
        hide_env_values = true,
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub frame_ancestor: Vec<String>,
}

/// Where everything is kept.
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// `sqlite://FILE` or `postgres://…`
    #[arg(
        long,
        env = "PPM_EMAIL_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "sqlite://ppm-email.db"
    )]
    pub database_url: String,
}

/// What to do with an account.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Adds somebody who may sign in; the password is read from standard input.
    Add {
        /// The e-mail address to sign in with, and to send test messages to.
        email: String,
        /// The name that others see.
        #[arg(long)]
        name: String,
        /// What they may do: an administrator everything, a reader only look.
        #[arg(long, value_name = "ROLE", default_value = "administrator")]
        role: String,
        /// Reads the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// Where everything is kept.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Lists who may sign in.
    List {
        /// Where everything is kept.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Gives somebody another password and ends their sessions.
    SetPassword {
        /// The e-mail address they sign in with.
        email: String,
        /// Reads the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// Where everything is kept.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Removes somebody's account and ends their sessions.
    Remove {
        /// The e-mail address they sign in with.
        email: String,
        /// Where everything is kept.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// What to do with the keys that seal secrets.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Adds a new key to the key file; it seals nothing before `rotate`.
    Add {
        /// Where database and keys are.
        #[command(flatten)]
        place: KeyArgs,
    },
    /// Seals with the newest key, and seals anew with it whatever older keys have sealed.
    Rotate {
        /// Where database and keys are.
        #[command(flatten)]
        place: KeyArgs,
    },
    /// Removes the older keys, which nothing in the database needs any more.
    Prune {
        /// Where database and keys are.
        #[command(flatten)]
        place: KeyArgs,
    },
    /// Lists the keys, and says whether every sealed value opens.
    Check {
        /// Where database and keys are.
        #[command(flatten)]
        place: KeyArgs,
    },
}

/// Where database and keys are.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Where everything is kept.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// File with the keys that seal secrets. Default: ppm-email.key beside the database.
    #[arg(long, env = "PPM_EMAIL_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// What to do with the audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Writes its rows to standard output, oldest first; it only reads.
    Export {
        /// From when on: a date (UTC) or an instant (RFC 3339).
        #[arg(long, value_name = "DATE")]
        since: String,
        /// Until when, which is left out: a date (UTC) or an instant (RFC 3339). Default: the last row.
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
        /// Writes one JSON object a line.
        #[arg(long, required = true)]
        json: bool,
        /// Where everything is kept.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}
