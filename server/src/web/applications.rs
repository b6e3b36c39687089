//! The forms of the page Applications. A change is answered with a redirect, except a new key, which
//! the answer itself shows this once.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Form, extract::rejection::FormRejection};
use contract::pages::{ApplicationsOutcome, RefusedApplication};
use contract::{ApiCode, paths};
use domain::application::{ApplicationProblem, ApplicationSettings};
use domain::error::one_line;
use serde::Deserialize;
use store::audit::Actor;

use super::forms::{again_with, redirect};
use super::{api_error::refuse, pages::Pages};
use crate::identity::Caller;
use crate::state::Server;
use crate::use_cases::ApplicationError;

/// The fields of all forms; each has those of its action.
#[derive(Deserialize)]
pub struct Fields {
    action: String,
    #[serde(default)]
    application: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    senders: String,
    #[serde(default)]
    per_minute: String,
    sends_again: Option<String>,
}

impl Fields {
    /// What an administrator has entered.
    fn settings(&self) -> Result<ApplicationSettings, ApplicationProblem> {
        let per_minute = match self.per_minute.trim() {
            "" => None,
            number => Some(number.parse().map_err(|_| ApplicationProblem::RateInvalid)?),
        };
        Ok(ApplicationSettings { per_minute, ..self.entered() })
    }

    /// The same without the rate, which may be no number.
    fn entered(&self) -> ApplicationSettings {
        ApplicationSettings {
            name: self.name.clone(),
            senders: self.senders.lines().map(str::to_owned).collect(),
            per_minute: None,
            sends_again: self.sends_again.is_some(),
        }
    }
}

/// `POST /settings/email/applications`.
pub async fn change(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    Extension(pages): Extension<Pages>,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    let Some(who) = &caller.principal else { return redirect(paths::SIGN_IN) };
    if !who.may_edit() {
        return refuse(ApiCode::Forbidden);
    }
    let Ok(Form(fields)) = form else { return redirect(paths::APPLICATIONS) };
    let done = act(&server, &Actor::from(who), &fields).await;
    let (outcome, status) = match done {
        Ok(None) => return redirect(paths::APPLICATIONS),
        Ok(Some(new_key)) => (new_key, StatusCode::OK),
        Err(ApplicationError::Problem(problem)) => {
            let refused = RefusedApplication {
                id: (fields.action != "add").then(|| fields.application.clone()),
                entered: fields.entered(),
                per_minute: fields.per_minute.clone(),
                problem,
            };
            (ApplicationsOutcome::Refused(refused), StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(ApplicationError::TooManyKeys) => {
            (ApplicationsOutcome::TooManyKeys, StatusCode::CONFLICT)
        }
        Err(ApplicationError::NotFound) => (ApplicationsOutcome::Gone, StatusCode::NOT_FOUND),
        Err(ApplicationError::Store(error)) => {
            tracing::error!(error = one_line(&error), "an application could not be changed");
            (ApplicationsOutcome::Failed, StatusCode::SERVICE_UNAVAILABLE)
        }
    };
    again_with(&pages, paths::APPLICATIONS, caller, outcome, status).await
}

/// Does what a form asks for, and returns the new key if there is one.
async fn act(
    server: &Server,
    by: &Actor,
    fields: &Fields,
) -> Result<Option<ApplicationsOutcome>, ApplicationError> {
    let (applications, id) = (server.applications(), fields.application.as_str());
    let new_key = |(name, key)| Some(ApplicationsOutcome::NewKey { name, key });
    match fields.action.as_str() {
        "add" => applications.add(by, fields.settings()?).await.map(new_key),
        "rotate" => applications.rotate(by, id).await.map(new_key),
        "change" => applications.change(by, id, fields.settings()?).await.map(|()| None),
        "remove-key" => applications.remove_key(by, id, &fields.key).await.map(|()| None),
        "disable" => applications.set_disabled(by, id, true).await.map(|()| None),
        "enable" => applications.set_disabled(by, id, false).await.map(|()| None),
        "remove" => applications.remove(by, id).await.map(|()| None),
        _ => Err(ApplicationError::NotFound),
    }
}
