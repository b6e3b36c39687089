//! Parses the flags about host tokens and proxy headers. An incomplete configuration is refused: it
//! would admit no user, or every user.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::HeaderName;
use domain::syntax::url::endpoint_url;
use jsonwebtoken::Algorithm;

use super::identity::{ClaimNames, KeySource, PROXY_ISSUER, ProxyHeaders, PublicKey, RoleNames};
use crate::cli::HostArgs;
use crate::cookies::Cookie;
use crate::signatures::is_asymmetric;

/// How the host's tokens are verified.
#[derive(Debug, Clone)]
pub struct HostTokens {
    /// The source of the public keys.
    pub keys: KeySource,
    /// The expected `iss`, exactly.
    pub issuer: String,
    /// The expected member of `aud`, exactly.
    pub audience: String,
    /// The accepted signature algorithms; each is asymmetric.
    pub algorithms: Vec<Algorithm>,
    /// The cookie that carries a token to the pages, if any.
    pub cookie: Option<String>,
    /// The maximum age, counted from `iat`, if limited.
    pub max_age: Option<Duration>,
    /// The names of the claims.
    pub claims: ClaimNames,
    /// Whether an email address is trusted although the token does not state that it is verified.
    pub trusts_email: bool,
}

/// Why the flags about the host are invalid.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum HostConfigError {
    #[error("--host-token-jwks-url and --host-token-key-file cannot be used together")]
    TwoSources,
    #[error("host tokens need --host-token-jwks-url or --host-token-key-file")]
    NoSource,
    #[error("--host-token-jwks-url must be https://, or http:// on this machine")]
    KeysAddress,
    #[error("--host-token-key-file: {} cannot be read as a public key in PEM", .0.display())]
    KeyFile(PathBuf),
    #[error("host tokens need --host-token-issuer, without spaces and not \"proxy\"")]
    Issuer,
    #[error("host tokens need --host-token-audience")]
    Audience,
    #[error(
        "--host-token-algorithm must be RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA"
    )]
    Algorithm,
    #[error("--host-token-max-age must be a whole number of seconds from 1 to 86400")]
    MaxAge,
    #[error(
        "--host-token-cookie must be the name of a cookie, and not of one that this server sets"
    )]
    Cookie,
    #[error("{0} must not be empty")]
    Empty(&'static str),
    #[error("--administrator-role and --reader-role must not be the same")]
    SameRole,
    #[error("{0} must be the name of a header that no other flag has")]
    Header(&'static str),
    #[error("--proxy-user-header needs --trusted-proxy")]
    NoTrustedProxy,
    #[error("--proxy-user-header needs --proxy-roles-header")]
    NoRolesHeader,
    #[error("{0} needs --proxy-user-header")]
    NoUserHeader(&'static str),
}

/// Parses the flags about host tokens; `None` without a source of keys.
pub(super) fn tokens(args: &HostArgs) -> Result<Option<HostTokens>, HostConfigError> {
    let source = match (&args.host_token_jwks_url, &args.host_token_key_file) {
        (Some(_), Some(_)) => return Err(HostConfigError::TwoSources),
        (Some(address), None) => Some(KeySource::Address(keys_address(address)?)),
        (None, Some(file)) => Some(KeySource::File(public_key(file)?)),
        (None, None) => None,
    };
    let Some(keys) = source else {
        let is_half = args.host_token_issuer.is_some()
            || args.host_token_audience.is_some()
            || args.host_token_cookie.is_some()
            || args.host_token_max_age.is_some()
            || args.host_token_trust_email;
        return if is_half { Err(HostConfigError::NoSource) } else { Ok(None) };
    };
    let audience = args.host_token_audience.clone().filter(|audience| !audience.is_empty());
    let algorithms = args.host_token_algorithm.iter().map(|name| algorithm(name));
    Ok(Some(HostTokens {
        keys,
        issuer: issuer(args.host_token_issuer.as_deref())?,
        audience: audience.ok_or(HostConfigError::Audience)?,
        algorithms: algorithms.collect::<Result<_, _>>()?,
        cookie: args.host_token_cookie.as_deref().map(cookie).transpose()?,
        max_age: args.host_token_max_age.as_deref().map(max_age).transpose()?,
        claims: claims(args)?,
        trusts_email: args.host_token_trust_email,
    }))
}

/// Parses the role names.
pub(super) fn roles(administrator: &str, reader: &str) -> Result<RoleNames, HostConfigError> {
    let roles = RoleNames {
        administrator: named("--administrator-role", administrator)?,
        reader: named("--reader-role", reader)?,
    };
    if roles.administrator == roles.reader { Err(HostConfigError::SameRole) } else { Ok(roles) }
}

/// Parses the names of a proxy's headers; `None` without the header that names the user.
pub(super) fn proxy_headers(
    args: &HostArgs,
    has_trusted_proxy: bool,
) -> Result<Option<ProxyHeaders>, HostConfigError> {
    let optional =
        |flag, name: &Option<String>| name.as_deref().map(|name| header(flag, name)).transpose();
    let roles = optional("--proxy-roles-header", &args.proxy_roles_header)?;
    let name = optional("--proxy-name-header", &args.proxy_name_header)?;
    let email = optional("--proxy-email-header", &args.proxy_email_header)?;
    let Some(user) = optional("--proxy-user-header", &args.proxy_user_header)? else {
        return match (roles, name, email) {
            (Some(_), ..) => Err(HostConfigError::NoUserHeader("--proxy-roles-header")),
            (_, Some(_), _) => Err(HostConfigError::NoUserHeader("--proxy-name-header")),
            (.., Some(_)) => Err(HostConfigError::NoUserHeader("--proxy-email-header")),
            (None, None, None) => Ok(None),
        };
    };
    if !has_trusted_proxy {
        return Err(HostConfigError::NoTrustedProxy);
    }
    let roles = roles.ok_or(HostConfigError::NoRolesHeader)?;
    Ok(Some(ProxyHeaders { user, roles, name, email }))
}

fn keys_address(address: &str) -> Result<String, HostConfigError> {
    endpoint_url(address).map_err(|_| HostConfigError::KeysAddress)?;
    Ok(address.to_owned())
}

fn public_key(file: &Path) -> Result<PublicKey, HostConfigError> {
    let unreadable = || HostConfigError::KeyFile(file.to_owned());
    let pem = std::fs::read_to_string(file).map_err(|_| unreadable())?;
    PublicKey::from_pem(&pem).map_err(|_| unreadable())
}

/// Refuses whitespace, which could make users of two issuers collide, and the issuer of proxy
/// users.
fn issuer(issuer: Option<&str>) -> Result<String, HostConfigError> {
    match issuer {
        Some("" | PROXY_ISSUER) | None => Err(HostConfigError::Issuer),
        Some(issuer) if issuer.contains(char::is_whitespace) => Err(HostConfigError::Issuer),
        Some(issuer) => Ok(issuer.to_owned()),
    }
}

fn algorithm(name: &str) -> Result<Algorithm, HostConfigError> {
    let algorithm: Algorithm = name.parse().map_err(|_| HostConfigError::Algorithm)?;
    if is_asymmetric(algorithm) { Ok(algorithm) } else { Err(HostConfigError::Algorithm) }
}

fn max_age(seconds: &str) -> Result<Duration, HostConfigError> {
    match seconds.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(HostConfigError::MaxAge),
    }
}

/// A cookie name is a token, as a header name is (RFC 6265 4.1.1, RFC 9110 5.1).
fn cookie(name: &str) -> Result<String, HostConfigError> {
    let is_own = [true, false].into_iter().any(|https| {
        [Cookie::of_session(https), Cookie::of_consent(https), Cookie::of_device(https)]
            .iter()
            .any(|own| own.name() == name)
    });
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(_) if !is_own => Ok(name.to_owned()),
        _ => Err(HostConfigError::Cookie),
    }
}

fn claims(args: &HostArgs) -> Result<ClaimNames, HostConfigError> {
    let clock = args.host_token_clock_claim.iter();
    let clock =
        clock.map(|name| named("--host-token-clock-claim", name)).collect::<Result<_, _>>()?;
    Ok(ClaimNames {
        subject: named("--host-token-subject-claim", &args.host_token_subject_claim)?,
        name: named("--host-token-name-claim", &args.host_token_name_claim)?,
        email: named("--host-token-email-claim", &args.host_token_email_claim)?,
        email_is_verified: named("--host-token-verified-claim", &args.host_token_verified_claim)?,
        roles: named("--host-token-roles-claim", &args.host_token_roles_claim)?,
        language: named("--host-token-language-claim", &args.host_token_language_claim)?,
        zone: named("--host-token-zone-claim", &args.host_token_zone_claim)?,
        date_pattern: named("--host-token-date-claim", &args.host_token_date_claim)?,
        clock,
    })
}

fn named(flag: &'static str, name: &str) -> Result<String, HostConfigError> {
    if name.trim().is_empty() { Err(HostConfigError::Empty(flag)) } else { Ok(name.to_owned()) }
}

/// Refuses a header with another purpose: removing it must break no request.
fn header(flag: &'static str, name: &str) -> Result<HeaderName, HostConfigError> {
    const TAKEN: [&str; 6] =
        ["authorization", "content-length", "content-type", "cookie", "host", "x-forwarded-for"];
    let name =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| HostConfigError::Header(flag))?;
    if TAKEN.contains(&name.as_str()) { Err(HostConfigError::Header(flag)) } else { Ok(name) }
}
