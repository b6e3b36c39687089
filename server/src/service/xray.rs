//! What the stored access token says, for an administrator who wonders why mail does not go out. It
//! is decoded here and stays here: only a few claims are told, and nothing else looks at them.

use app::explanation::{Findings, Found};
use app::labels::xray::{self, Fact, Misfit, SCOPE_OF_A_PERSON, SCOPE_OF_AN_APPLICATION};
use app::service::Principal;
use chrono::{DateTime, Utc};
use domain::check::text::shown;
use domain::draft::Authentication;
use domain::secret::StoredSecret;
use domain::time_format::TimeDisplay;
use domain::{Form, OauthFlow, microsoft, preset};
use secrecy::ExposeSecret;

use super::settings::Current;
use super::{Broken, frame, renewal};
use crate::Server;
use crate::hush::Hush;
use crate::oauth::{Claims, claims_of, other_account};
use crate::store::tokens::{self, StoredToken};

/// Microsoft Graph, by address and by id.
const GRAPH: [&str; 2] = ["https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"];

/// What scopes for mail begin with at Microsoft, in small letters.
const MAIL: [&str; 2] = ["https://outlook.office.com/", "https://outlook.office365.com/"];

/// Who issues Microsoft's tokens, for its cloud of each kind.
const MICROSOFT: [&str; 4] = [
    "https://sts.windows.net/",
    "https://login.microsoftonline.com/",
    "https://login.microsoftonline.us/",
    "https://login.partner.microsoftonline.cn/",
];

/// The permission of a person's token, as its scope has it after the last slash.
const PERMISSION: &str = "SMTP.Send";
/// The roles of an application's token that let it send: the one for this, and full access.
const ROLES: [&str; 2] = ["SMTP.SendAsApp", "full_access_as_app"];
/// The role by which High Volume Email takes it.
const HIGH_VOLUME_ROLE: &str = "Mail.Send";

/// What there is to tell; nothing where there is no token.
pub async fn findings(
    server: &Server,
    who: &Principal,
    current: &Current,
) -> Result<Option<Findings>, Broken> {
    let Some(token) = tokens::load(&server.store).await? else { return Ok(None) };
    let (access, refresh) = renewal::unsealed(server, current, &token.sealed)?;
    let hush = Hush::default().hide("[token]", &access);
    let hush = refresh.iter().fold(hush, |hush, token| hush.hide("[refresh token]", token));
    let secret = renewal::grant(server, current).ok().and_then(|grant| grant.client_secret);
    let hush = secret.iter().fold(hush, |hush, secret| hush.hide("[client secret]", secret));
    let now = server.clock.now();
    let (facts, misfits) = match claims_of(access.expose_secret()) {
        Some(claims) => {
            let instants = [claims.issued_at, claims.not_before, claims.expires_at];
            let display = frame::display(server, who, instants.into_iter().flatten()).await?;
            (told(&claims, current, &display), misfits(&claims, current, now, &display, &hush))
        }
        None => opaque(&token, current),
    };
    let verdict = misfits.is_empty().then(|| (Fact::Verdict, xray::FITS.to_owned()));
    let named = |(fact, value): (Fact, String)| Found {
        name: xray::fact(fact).to_owned(),
        in_words: xray::is_in_words(fact, &value),
        value: hush.text(&value),
    };
    Ok(Some(Findings {
        facts: facts.into_iter().chain(verdict).map(named).collect(),
        explanations: misfits.into_iter().map(xray::misfit).collect(),
        fills: Vec::new(),
    }))
}

/// The claims that are told.
fn told(claims: &Claims, current: &Current, display: &TimeDisplay) -> Vec<(Fact, String)> {
    let object = claims.object.clone().filter(|_| is_an_applications(claims, current));
    let joined = |values: &[String]| Some(values.join(" ")).filter(|text| !text.is_empty());
    let written = |at: Option<DateTime<Utc>>| at.map(|at| display.written(at));
    [
        (Fact::Kind, Some(xray::READABLE.to_owned())),
        (Fact::Audience, joined(&claims.audience)),
        (Fact::Scope, joined(&claims.scope)),
        (Fact::Roles, joined(&claims.roles)),
        (Fact::User, claims.user.clone()),
        (Fact::Tenant, claims.tenant.clone()),
        (Fact::Application, claims.application.clone()),
        (Fact::Object, object),
        (Fact::Issued, written(claims.issued_at)),
        (Fact::NotBefore, written(claims.not_before.filter(|at| Some(*at) != claims.issued_at))),
        (Fact::Expires, written(claims.expires_at)),
    ]
    .into_iter()
    .filter_map(|(fact, value)| Some((fact, value?)))
    .collect()
}

/// Whether it is an application's own token. Not every provider says so in it.
fn is_an_applications(claims: &Claims, current: &Current) -> bool {
    claims.is_an_applications || current.saved.form.flow == OauthFlow::ClientCredentials
}

/// What of the claims does not fit mail.
fn misfits(
    claims: &Claims,
    current: &Current,
    now: DateTime<Utc>,
    display: &TimeDisplay,
    hush: &Hush,
) -> Vec<Misfit> {
    let form = &current.saved.form;
    let is_an_applications = is_an_applications(claims, current);
    let is_for_graph = claims.audience.iter().any(|audience| {
        GRAPH.iter().any(|graph| audience.trim_end_matches('/').eq_ignore_ascii_case(graph))
    });
    let is_microsofts = claims
        .issuer
        .as_deref()
        .is_some_and(|issuer| MICROSOFT.iter().any(|known| issuer.starts_with(known)));
    let may = |granted: &[String], wanted: &[&str]| {
        let name = |full: &str| full.rsplit('/').next().unwrap_or_default().to_owned();
        let is_wanted = |one: &String| wanted.iter().any(|w| name(one).eq_ignore_ascii_case(w));
        granted.iter().any(is_wanted)
    };
    let scope = if is_an_applications { SCOPE_OF_AN_APPLICATION } else { SCOPE_OF_A_PERSON };
    let role = preset::is_high_volume(&form.oauth.server).then_some(HIGH_VOLUME_ROLE);
    let roles: Vec<_> = ROLES.into_iter().chain(role).collect();
    // By a scoped role in Exchange, an application needs none in its token, and none must be there.
    let has_wrong_roles = !claims.roles.is_empty() && !may(&claims.roles, &roles);
    let purpose = match is_an_applications {
        _ if is_for_graph && is_of_old_endpoint(claims, form) => {
            Some(Misfit::OldEndpoint(Box::new(form.map_secrets(|_, _| ()))))
        }
        _ if is_for_graph => Some(Misfit::ForGraph { scope }),
        true if is_microsofts && has_wrong_roles => Some(Misfit::NoRole),
        false if is_microsofts && !may(&claims.scope, &[PERMISSION]) => Some(Misfit::NoPermission),
        true | false => None,
    };
    let account =
        other_account(&claims.accounts, &form.oauth.sender).filter(|_| !is_an_applications);
    let account = account.map(|account| Misfit::OtherAccount {
        account: hush.text(account),
        sender: form.oauth.sender.clone(),
    });
    let expired = claims.expires_at.filter(|at| *at <= now);
    let early = claims.not_before.filter(|at| now < *at);
    [
        purpose,
        account,
        expired.map(|at| Misfit::Expired(display.written(at))),
        early.map(|at| Misfit::NotYetValid(display.written(at))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a token for Graph comes of an endpoint of Microsoft's first version, which gives it for whatever
/// Scope says: by the endpoint, or because Scope is for mail already.
fn is_of_old_endpoint(claims: &Claims, form: &Form<StoredSecret>) -> bool {
    let Authentication { scope, token_endpoint, .. } = &form.authentication;
    let asks_for_mail = scope.split_whitespace().any(|scope| {
        let scope = scope.to_ascii_lowercase();
        MAIL.iter().any(|mail| scope.starts_with(mail))
    });
    microsoft::second_version(token_endpoint).is_some()
        || asks_for_mail && claims.version.as_deref() == Some("1.0")
}

/// Of a token that only its provider can read: what was asked for, and what was granted.
fn opaque(token: &StoredToken, current: &Current) -> (Vec<(Fact, String)>, Vec<Misfit>) {
    let asked = &current.saved.form.authentication.scope;
    let granted = token.sealed.granted_scope.as_deref().map(shown);
    let missing = granted.as_deref().map(|granted| {
        let has = |name: &str| granted.split_whitespace().any(|one| one == name);
        // Who may renew a token was granted that, though some providers do not repeat it.
        let is_granted =
            |name: &&str| has(name) || *name == "offline_access" && token.sealed.refresh.is_some();
        let missing: Vec<_> = asked.split_whitespace().filter(|name| !is_granted(name)).collect();
        missing.join(" ")
    });
    let facts = vec![
        (Fact::Kind, xray::OPAQUE.to_owned()),
        (Fact::Asked, asked.clone()),
        (Fact::Scope, granted.unwrap_or_else(|| xray::AS_ASKED.to_owned())),
    ];
    let missing = missing.filter(|missing| !missing.is_empty());
    (facts, missing.map(Misfit::Ungranted).into_iter().collect())
}
