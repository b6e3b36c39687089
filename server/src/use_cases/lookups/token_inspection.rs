//! Inspects the stored access token for an administrator who wonders why mail is not sent. The
//! token is decoded here and stays here: only a few claims are shown, and no other code uses them.

use chrono::{DateTime, Utc};
use contract::{LookupFact, LookupResult};
use domain::{Form, OauthFlow, Principal, microsoft, preset};
use domain::{
    draft::Authentication, secret::StoredSecret, syntax::text::shown, time_format::TimeDisplay,
};
use explain::token_inspection::{
    self, SCOPE_OF_A_PERSON, SCOPE_OF_AN_APPLICATION, TokenFact, TokenProblem,
};
use net::redact::Redactor;
use oauth::{TokenClaims, claims_of, other_account};
use secrecy::ExposeSecret;
use store::tokens::{self, StoredToken};

use super::{
    super::UseCaseError, super::people::display, super::settings::Current, super::tokens::renewal,
    Lookups,
};

/// The audiences of Microsoft Graph: its URL and its application id.
const GRAPH: [&str; 2] = ["https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"];

/// The prefixes of Microsoft's scopes for mail, in lower case.
const MAIL: [&str; 2] = ["https://outlook.office.com/", "https://outlook.office365.com/"];

/// The prefixes of the issuers of Microsoft's tokens, for each of its clouds.
const MICROSOFT: [&str; 4] = [
    "https://sts.windows.net/",
    "https://login.microsoftonline.com/",
    "https://login.microsoftonline.us/",
    "https://login.partner.microsoftonline.cn/",
];

/// The permission in a user's token, as its scope has it after the last slash.
const PERMISSION: &str = "SMTP.Send";
/// The roles in an application's token that let it send: the specific one, and full access.
const ROLES: [&str; 2] = ["SMTP.SendAsApp", "full_access_as_app"];
/// The role that High Volume Email requires.
const HIGH_VOLUME_ROLE: &str = "Mail.Send";

/// Inspects the token; `None` if there is none.
pub async fn findings(
    lookups: &Lookups,
    who: &Principal,
    current: &Current,
) -> Result<Option<LookupResult>, UseCaseError> {
    let Some(token) = tokens::load(&lookups.store).await? else { return Ok(None) };
    let (access, refresh) = renewal::unsealed(&lookups.tokens, current, &token.sealed)?;
    let redactor = Redactor::default().secret("[token]", &access);
    let redactor =
        refresh.iter().fold(redactor, |redactor, token| redactor.secret("[refresh token]", token));
    let secret =
        renewal::grant(&lookups.tokens, current).ok().and_then(|grant| grant.client_secret);
    let redactor =
        secret.iter().fold(redactor, |redactor, secret| redactor.secret("[client secret]", secret));
    let now = lookups.clock.now();
    let (facts, problems) = match claims_of(access.expose_secret()) {
        Some(claims) => {
            let instants = [claims.issued_at, claims.not_before, claims.expires_at];
            let display = display(&lookups.people, who, instants.into_iter().flatten()).await?;
            (
                told(&claims, current, &display),
                token_problems(&claims, current, now, &display, &redactor),
            )
        }
        None => opaque(&token, current),
    };
    let verdict = problems.is_empty().then(|| explain::verdict(token_inspection::FITS));
    let named = |(fact, value): (TokenFact, String)| LookupFact {
        name: token_inspection::fact(fact).to_owned(),
        in_words: token_inspection::is_in_words(fact, &value),
        value: redactor.redact(&value),
    };
    Ok(Some(LookupResult {
        verdict,
        facts: facts.into_iter().map(named).collect(),
        explanations: problems.into_iter().map(token_inspection::token_problem).collect(),
        fills: Vec::new(),
    }))
}

/// The claims that are shown.
fn told(
    claims: &TokenClaims,
    current: &Current,
    display: &TimeDisplay,
) -> Vec<(TokenFact, String)> {
    let object = claims.object.clone().filter(|_| is_an_applications(claims, current));
    let joined = |values: &[String]| Some(values.join(" ")).filter(|text| !text.is_empty());
    let written = |at: Option<DateTime<Utc>>| at.map(|at| display.written(at));
    [
        (TokenFact::Kind, Some(token_inspection::READABLE.to_owned())),
        (TokenFact::Audience, joined(&claims.audience)),
        (TokenFact::Scope, joined(&claims.scope)),
        (TokenFact::Roles, joined(&claims.roles)),
        (TokenFact::User, claims.user.clone()),
        (TokenFact::Tenant, claims.tenant.clone()),
        (TokenFact::Application, claims.application.clone()),
        (TokenFact::Object, object),
        (TokenFact::Issued, written(claims.issued_at)),
        (
            TokenFact::NotBefore,
            written(claims.not_before.filter(|at| Some(*at) != claims.issued_at)),
        ),
        (TokenFact::Expires, written(claims.expires_at)),
    ]
    .into_iter()
    .filter_map(|(fact, value)| Some((fact, value?)))
    .collect()
}

/// Whether it is an application's own token. Not every provider states that in the token.
fn is_an_applications(claims: &TokenClaims, current: &Current) -> bool {
    claims.is_an_applications || current.saved.form.flow == OauthFlow::ClientCredentials
}

/// The problems of these claims for sending mail.
fn token_problems(
    claims: &TokenClaims,
    current: &Current,
    now: DateTime<Utc>,
    display: &TimeDisplay,
    redactor: &Redactor,
) -> Vec<TokenProblem> {
    let form = &current.saved.form;
    let is_an_applications = is_an_applications(claims, current);
    let is_for_graph = claims.audience.iter().any(|audience| {
        GRAPH.iter().any(|graph| audience.trim_end_matches('/').eq_ignore_ascii_case(graph))
    });
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    let is_microsofts = MICROSOFT.iter().any(|known| issuer.starts_with(known));
    let may = |granted: &[String], wanted: &[&str]| {
        let name = |full: &str| full.rsplit('/').next().unwrap_or_default().to_owned();
        let is_wanted = |one: &String| wanted.iter().any(|w| name(one).eq_ignore_ascii_case(w));
        granted.iter().any(is_wanted)
    };
    let scope = if is_an_applications { SCOPE_OF_AN_APPLICATION } else { SCOPE_OF_A_PERSON };
    let role = preset::is_high_volume(&form.oauth.server).then_some(HIGH_VOLUME_ROLE);
    let roles: Vec<_> = ROLES.into_iter().chain(role).collect();
    // With a scoped role in Exchange, an application needs no role in its token, and must have
    // none.
    let has_wrong_roles = !claims.roles.is_empty() && !may(&claims.roles, &roles);
    let purpose = match is_an_applications {
        _ if is_for_graph && is_of_old_endpoint(claims, form) => {
            Some(TokenProblem::OldEndpoint(Box::new(form.map_secrets(|_, _| ()))))
        }
        _ if is_for_graph => Some(TokenProblem::ForGraph { scope }),
        true if is_microsofts && has_wrong_roles => Some(TokenProblem::NoRole),
        false if is_microsofts && !may(&claims.scope, &[PERMISSION]) => {
            Some(TokenProblem::NoPermission)
        }
        true | false => None,
    };
    let account =
        other_account(&claims.accounts, &form.oauth.sender).filter(|_| !is_an_applications);
    let account = account.map(|account| TokenProblem::OtherAccount {
        account: redactor.redact(account),
        sender: form.oauth.sender.clone(),
    });
    let expired = claims.expires_at.filter(|at| *at <= now);
    let early = claims.not_before.filter(|at| now < *at);
    [
        purpose,
        account,
        expired.map(|at| TokenProblem::Expired(display.written(at))),
        early.map(|at| TokenProblem::NotYetValid(display.written(at))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a token for Graph comes from Microsoft's endpoint of version 1, which ignores Scope: by
/// the endpoint, or because Scope is for mail already.
fn is_of_old_endpoint(claims: &TokenClaims, form: &Form<StoredSecret>) -> bool {
    let Authentication { scope, token_endpoint, .. } = &form.authentication;
    let asks_for_mail = scope.split_whitespace().any(|scope| {
        let scope = scope.to_ascii_lowercase();
        MAIL.iter().any(|mail| scope.starts_with(mail))
    });
    microsoft::v2_endpoint(token_endpoint).is_some()
        || asks_for_mail && claims.version.as_deref() == Some("1.0")
}

/// Inspects a token that only its provider can read: the requested scope, and the granted one.
fn opaque(token: &StoredToken, current: &Current) -> (Vec<(TokenFact, String)>, Vec<TokenProblem>) {
    let asked = &current.saved.form.authentication.scope;
    let granted = token.sealed.granted_scope.as_deref().map(shown);
    let missing = granted.as_deref().map(|granted| {
        let has = |name: &str| granted.split_whitespace().any(|one| one == name);
        // A refresh token proves `offline_access`, though some providers do not repeat it.
        let is_granted =
            |name: &&str| has(name) || *name == "offline_access" && token.sealed.refresh.is_some();
        let missing: Vec<_> = asked.split_whitespace().filter(|name| !is_granted(name)).collect();
        missing.join(" ")
    });
    let facts = vec![
        (TokenFact::Kind, token_inspection::OPAQUE.to_owned()),
        (TokenFact::Asked, asked.clone()),
        (TokenFact::Scope, granted.unwrap_or_else(|| token_inspection::AS_ASKED.to_owned())),
    ];
    let missing = missing.filter(|missing| !missing.is_empty());
    (facts, missing.map(TokenProblem::Ungranted).into_iter().collect())
}
