//! The plain forms of the pages around the tab, except sign-in and sign-out. A saved form is
//! answered with a redirect; a refused one with its own page, what was typed in it and the problem.

use axum::extract::{Extension, State};
use axum::http::{StatusCode, header::RETRY_AFTER};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Form, extract::rejection::FormRejection};
use contract::pages::{
    AccountProblem, PasswordProblem, SetUpAttempt, SetUpProblem, TimeAttempt, TimeProblem,
};
use contract::{ApiCode, paths};
use domain::time_format::{ClockStyle, DatePattern, TimePreference};
use domain::{error::one_line, secret::TypedSecret};
use leptos::context::provide_context;
use secrecy::ExposeSecret;
use serde::Deserialize;
use store::sessions::SessionSummary;

use super::sign_in::{cookies, whole};
use super::{api_error::refuse, pages::Pages};
use crate::identity::accounts::{AccountError, PasswordError, SetUpError};
use crate::identity::{Caller, SignInError};
use crate::state::Server;
use crate::time_zones;
use crate::use_cases::{check_now, save_preference};
use vault::passwords::{HashError, PasswordRule};

/// The fields of the set-up form.
#[derive(Deserialize)]
pub struct FirstAdministrator {
    ticket: String,
    email: String,
    name: String,
    password: TypedSecret,
    again: TypedSecret,
}

/// `POST /set-up`.
pub async fn set_up(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    form: Result<Form<FirstAdministrator>, FormRejection>,
) -> Response {
    if !server.config.has_local_accounts {
        return refuse(ApiCode::NotFound);
    }
    let Ok(Form(form)) = form else { return redirect(paths::SET_UP) };
    let FirstAdministrator { ticket, email, name, password, again } = form;
    let (password, again) = (password.open(), again.open());
    let problem = if password.expose_secret() == again.expose_secret() {
        match server.people.accounts.set_up(&ticket, &email, &name, password, &caller).await {
            Ok(signed_in) => {
                return (cookies(&server, signed_in), redirect(paths::EMAIL)).into_response();
            }
            // The page itself says that the link has expired.
            Err(SetUpError::LinkOver) => return redirect(paths::SET_UP),
            Err(error) => problem(&error),
        }
    } else {
        SetUpProblem::PasswordsDiffer
    };
    let status = match problem {
        SetUpProblem::ServerFailed => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let attempt = SetUpAttempt { ticket, email, name, problem };
    again_with(&pages, paths::SET_UP, caller, attempt, status).await
}

fn problem(error: &SetUpError) -> SetUpProblem {
    match error {
        SetUpError::Account(AccountError::Email(_)) => SetUpProblem::Email,
        SetUpError::Account(AccountError::Name) => SetUpProblem::Name,
        SetUpError::Account(AccountError::Password(rule)) => match rule {
            PasswordRule::TooShort => SetUpProblem::PasswordTooShort,
            PasswordRule::TooLong => SetUpProblem::PasswordTooLong,
            PasswordRule::Common => SetUpProblem::PasswordCommon,
            PasswordRule::Personal => SetUpProblem::PasswordPersonal,
        },
        SetUpError::Account(_) | SetUpError::LinkOver => {
            tracing::error!(error = one_line(error), "the first account could not be made");
            SetUpProblem::ServerFailed
        }
    }
}

/// The fields of the form that changes the user's own password.
#[derive(Deserialize)]
pub struct PasswordChange {
    current: TypedSecret,
    password: TypedSecret,
    again: TypedSecret,
}

/// `POST /account/password`.
pub async fn change_password(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    form: Result<Form<PasswordChange>, FormRejection>,
) -> Response {
    if caller.principal.is_none() {
        return redirect(paths::SIGN_IN);
    }
    let Ok(Form(PasswordChange { current, password, again })) = form else {
        return redirect(paths::ACCOUNT);
    };
    let (password, again) = (password.open(), again.open());
    let problem = if password.expose_secret() == again.expose_secret() {
        match server.people.accounts.change_password(current.open(), password, &caller).await {
            Ok(signed_in) => {
                let done = redirect(&format!("{}?password=changed", paths::ACCOUNT));
                return (cookies(&server, signed_in), done).into_response();
            }
            Err(PasswordError::NoAccount) => return redirect(paths::ACCOUNT),
            Err(error) => password_problem(&error),
        }
    } else {
        PasswordProblem::Differ
    };
    let (status, wait) = match problem {
        PasswordProblem::TooMany { seconds } => (StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        PasswordProblem::Busy { seconds } => (StatusCode::SERVICE_UNAVAILABLE, Some(seconds)),
        PasswordProblem::ServerFailed => (StatusCode::SERVICE_UNAVAILABLE, None),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, None),
    };
    let wait = AppendHeaders(wait.map(|seconds| (RETRY_AFTER, seconds)));
    let problem = AccountProblem::Password(problem);
    (wait, again_with(&pages, paths::ACCOUNT, caller, problem, status).await).into_response()
}

fn password_problem(error: &PasswordError) -> PasswordProblem {
    match error {
        PasswordError::Wrong => PasswordProblem::Wrong,
        PasswordError::NotCompared(SignInError::TooMany { retry_after }) => {
            PasswordProblem::TooMany { seconds: whole(*retry_after) }
        }
        PasswordError::NotCompared(SignInError::Busy { retry_after }) => {
            PasswordProblem::Busy { seconds: whole(*retry_after) }
        }
        PasswordError::NotTaken(AccountError::Hash(HashError::Busy(_))) => {
            PasswordProblem::Busy { seconds: 1 }
        }
        PasswordError::NotTaken(AccountError::Password(rule)) => match rule {
            PasswordRule::TooShort => PasswordProblem::TooShort,
            PasswordRule::TooLong => PasswordProblem::TooLong,
            PasswordRule::Common => PasswordProblem::Common,
            PasswordRule::Personal => PasswordProblem::Personal,
        },
        PasswordError::NotCompared(_) | PasswordError::NotTaken(_) | PasswordError::NoAccount => {
            tracing::error!(error = one_line(error), "a password could not be changed");
            PasswordProblem::ServerFailed
        }
    }
}

/// The fields of the form My account that ends sessions: one by its name, or all of a list.
#[derive(Deserialize)]
pub struct SessionsToEnd {
    session: Option<String>,
    all: Option<String>,
}

/// `POST /account/sessions`.
pub async fn end_sessions(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    form: Result<Form<SessionsToEnd>, FormRejection>,
) -> Response {
    let Some(who) = &caller.principal else { return redirect(paths::SIGN_IN) };
    let Ok(Form(SessionsToEnd { session, all })) = form else { return redirect(paths::ACCOUNT) };
    let wanted = |listed: &SessionSummary| match all.as_deref() {
        Some("mine") => listed.found.principal.id == who.id,
        Some("others") => listed.found.principal.id != who.id,
        _ => session.as_ref() == Some(&listed.name()),
    };
    match server.people.accounts.end_sessions(who, wanted).await {
        Ok(Some(count)) => {
            return redirect(&format!("{}?ended={count}", paths::ACCOUNT));
        }
        Ok(None) => {}
        Err(error) => tracing::error!(error = one_line(&error), "sessions could not be ended"),
    }
    let (problem, status) = (AccountProblem::Sessions, StatusCode::SERVICE_UNAVAILABLE);
    again_with(&pages, paths::ACCOUNT, caller.clone(), problem, status).await
}

/// `POST /settings/email/health`: checks the sign-in now.
pub async fn check_health(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let Some(who) = &caller.principal else { return redirect(paths::SIGN_IN) };
    if !who.may_edit() {
        return refuse(ApiCode::Forbidden);
    }
    let outcome = check_now(&server.checks, server.config.answer_within / 2).await;
    redirect(&format!("{}?check={}", paths::HEALTH, outcome.wire_name()))
}

/// The fields of the form My Preferences, Time.
#[derive(Deserialize)]
pub struct Times {
    pattern: String,
    clock: String,
    zone: String,
}

/// `POST /preferences/time`.
pub async fn times(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    form: Result<Form<Times>, FormRejection>,
) -> Response {
    let Some(who) = &caller.principal else { return redirect(paths::SIGN_IN) };
    let Ok(Form(Times { pattern, clock, zone })) = form else { return redirect(paths::TIME) };
    if who.times.is_some() {
        // The host decides, and the page says so.
        return redirect(paths::TIME);
    }
    let preference = TimePreference {
        pattern: DatePattern::from_wire_name(&pattern).unwrap_or_default(),
        clock: ClockStyle::from_wire_name(&clock).unwrap_or_default(),
        zone,
    };
    let (preference, problem) = match time_zones::find(&preference.zone) {
        Ok(zone) => {
            let preference = TimePreference { zone: zone.to_owned(), ..preference };
            if save_preference(&server.people, who, &preference).await.is_ok() {
                return redirect(&format!("{}?saved=yes", paths::TIME));
            }
            (preference, TimeProblem::ServerFailed)
        }
        Err(suggestions) => (preference, TimeProblem::Zone(suggestions)),
    };
    let status = match problem {
        TimeProblem::Zone(_) => StatusCode::UNPROCESSABLE_ENTITY,
        TimeProblem::ServerFailed => StatusCode::SERVICE_UNAVAILABLE,
    };
    let attempt = TimeAttempt { preference, problem };
    again_with(&pages, paths::TIME, caller.clone(), attempt, status).await
}

/// A redirect after a form.
pub fn redirect(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// Renders the form's own page again, with what was typed.
pub async fn again_with<T: Clone + Send + Sync + 'static>(
    pages: &Pages,
    path: &str,
    caller: Caller,
    attempt: T,
    status: StatusCode,
) -> Response {
    let page = pages.page(path, caller, move || provide_context(attempt.clone())).await;
    (status, page).into_response()
}
