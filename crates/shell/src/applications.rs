//! `/settings/email/applications`: the products that send through the saved settings, with their keys.

use contract::pages::{ApplicationsOutcome, ApplicationsPage as Page, RefusedApplication};
use contract::paths;
use domain::application::{Application, ApplicationProblem, ApplicationSettings, KeyInfo};
use domain::time_format::TimeDisplay;
use labels::applications as words;
use leptos::prelude::*;
use secrecy::ExposeSecret;

use crate::frame::{Frame, fetched};
use crate::parts::{TextField, notice, table};

/// The page with the applications.
#[component]
pub fn ApplicationsPage() -> impl IntoView {
    let outcome = use_context::<ApplicationsOutcome>();
    let show = move |page| content(&page, outcome.as_ref());
    view! {
        <Frame title=words::TITLE lead=words::LEAD>
            {fetched(|shell, who| async move { shell.applications(&who).await }, show)}
        </Frame>
    }
}

fn content(page: &Page, outcome: Option<&ApplicationsOutcome>) -> AnyView {
    let told = outcome.map(told);
    let refused = match outcome {
        Some(ApplicationsOutcome::Refused(refused)) => Some(refused),
        _ => None,
    };
    let list = if page.applications.is_empty() {
        view! { <p class="hint">{words::NONE}</p> }.into_any()
    } else {
        let rows = page.applications.iter().map(|application| row(application, page, refused));
        let headings = [words::NAME, words::SENDERS, words::KEYS, words::USE, words::ACTIONS];
        table(words::LIST, headings.map(IntoAny::into_any), rows)
    };
    view! {
        {told}
        <div class="part">{list}</div>
        {add_form(page, refused.filter(|refused| refused.id.is_none()))}
    }
    .into_any()
}

/// What became of the last form.
fn told(outcome: &ApplicationsOutcome) -> AnyView {
    let bad = |text: &str| notice("notice bad", "alert", text);
    match outcome {
        ApplicationsOutcome::NewKey { name, key } => {
            let key = key.expose_secret().to_owned();
            view! {
                <section class="notice good" role="status">
                    <h2>{words::new_key(name)}</h2>
                    <p>{words::COPY_KEY}</p>
                    <input class="key" readonly aria-label=words::KEY value=key size="64"/>
                    <p class="hint">{words::AFTER_ROTATION}</p>
                </section>
            }
            .into_any()
        }
        ApplicationsOutcome::Refused(refused) => {
            let text = words::problem(&refused.problem);
            view! {
                <section class="notice bad" role="alert">
                    <h2>{words::NOT_DONE}</h2>
                    <p id="problem">{text}</p>
                </section>
            }
            .into_any()
        }
        ApplicationsOutcome::TooManyKeys => bad(words::TOO_MANY_KEYS),
        ApplicationsOutcome::Gone => bad(words::GONE),
        ApplicationsOutcome::Failed => bad(words::FAILED),
    }
}

fn row(application: &Application, page: &Page, refused: Option<&RefusedApplication>) -> AnyView {
    let Application { id, settings, is_disabled, last_used_at, last_refusal, keys, .. } =
        application;
    let display = &page.display;
    let name = settings.name.clone();
    let state = is_disabled.then(|| view! { " " <span class="hint">{words::DISABLED}</span> });
    let rate = settings.per_minute.map(|rate| view! { <p class="hint">{words::rate(rate)}</p> });
    let senders = std::iter::once(page.default_sender.clone()).chain(settings.senders.clone());
    let senders: Vec<_> = senders
        .filter(|sender| !sender.is_empty())
        .map(|sender| view! { <div>{sender}</div> })
        .collect();
    let keys: Vec<_> = keys.iter().map(|key| key_line(application, key, display)).collect();
    let used = last_used_at.map_or_else(|| words::NEVER.to_owned(), |at| display.written(at));
    let refusal = last_refusal.map(|refusal| {
        let text = words::last_refusal(&display.written(refusal.at), refusal.reason);
        view! { <p class="hint">{text}</p> }
    });
    let rotate = button(id, "rotate", words::ROTATE, &name);
    let switch = if *is_disabled {
        button(id, "enable", words::ENABLE, &name)
    } else {
        button(id, "disable", words::DISABLE, &name)
    };
    let remove = button(id, "remove", words::REMOVE_NOW, &name);
    let refused = refused.filter(|refused| refused.id.as_ref() == Some(id));
    view! {
        <tr>
            <td>{name.clone()} {state} {rate}</td>
            <td data-label=words::SENDERS>{senders}</td>
            <td data-label=words::KEYS>{keys}</td>
            <td data-label=words::USE>{used} {refusal}</td>
            <td data-label=words::ACTIONS>
                {rotate} {switch}
                {change_form(application, &page.default_sender, refused)}
                <details class="form">
                    <summary>{words::REMOVE} <span class="unseen">{name.clone()}</span></summary>
                    <p>{words::REMOVE_QUESTION}</p>
                    {remove}
                </details>
            </td>
        </tr>
    }
    .into_any()
}

/// A key by its public beginning. The last one is removed with its application.
fn key_line(application: &Application, key: &KeyInfo, display: &TimeDisplay) -> AnyView {
    let text = words::key(&key.prefix, &display.written(key.created_at));
    let remove = (application.keys.len() > 1).then(|| {
        let label = words::button_for(words::REMOVE_KEY, &format!("ppm_{}", key.prefix));
        view! {
            <form method="post" action=paths::APPLICATIONS>
                <input type="hidden" name="application" value=application.id.clone()/>
                <input type="hidden" name="key" value=key.prefix.clone()/>
                <button type="submit" name="action" value="remove-key" aria-label=label>
                    {words::REMOVE_KEY}
                </button>
            </form>
        }
    });
    view! { <div>{text} {remove}</div> }.into_any()
}

fn button(id: &str, action: &'static str, text: &'static str, name: &str) -> AnyView {
    view! {
        <form method="post" action=paths::APPLICATIONS>
            <input type="hidden" name="application" value=id.to_owned()/>
            <button type="submit" name="action" value=action aria-label=words::button_for(text, name)>
                {text}
            </button>
        </form>
    }
    .into_any()
}

/// The form that changes what an application may do: folded, unless it was refused.
fn change_form(
    application: &Application,
    default_sender: &str,
    refused: Option<&RefusedApplication>,
) -> AnyView {
    let Application { id, settings, .. } = application;
    let stored_rate = || settings.per_minute.map(|rate| rate.to_string()).unwrap_or_default();
    let per_minute = refused.map_or_else(stored_rate, |refused| refused.per_minute.clone());
    let entered = refused.map_or(settings, |refused| &refused.entered).clone();
    let problem = refused.map(|refused| refused.problem.clone());
    let default_sender = default_sender.to_owned();
    view! {
        <details class="form" open=refused.is_some()>
            <summary>{words::CHANGE} <span class="unseen">{settings.name.clone()}</span></summary>
            <form method="post" action=paths::APPLICATIONS class="plain-form">
                <input type="hidden" name="application" value=id.clone()/>
                <MaySend id=id.clone() settings=entered per_minute default_sender problem/>
                <div class="actions">
                    <button type="submit" name="action" value="change" class="primary">
                        {words::SAVE}
                    </button>
                </div>
            </form>
        </details>
    }
    .into_any()
}

/// A control that a problem is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    Name,
    Senders,
    Rate,
}

/// The ID of the problem, if it is about this control.
fn error_of(problem: Option<&ApplicationProblem>, control: Control) -> Option<&'static str> {
    let about = match problem? {
        ApplicationProblem::NameMissing
        | ApplicationProblem::NameInvalid
        | ApplicationProblem::NameTaken => Control::Name,
        ApplicationProblem::SenderInvalid(_) | ApplicationProblem::TooManySenders => {
            Control::Senders
        }
        ApplicationProblem::RateInvalid => Control::Rate,
    };
    (about == control).then_some("problem")
}

/// The form that adds an application, with what was entered if it was refused.
fn add_form(page: &Page, refused: Option<&RefusedApplication>) -> AnyView {
    let (settings, per_minute) = refused
        .map(|refused| (refused.entered.clone(), refused.per_minute.clone()))
        .unwrap_or_default();
    let problem = refused.map(|refused| refused.problem.clone());
    let error = error_of(problem.as_ref(), Control::Name);
    let default_sender = page.default_sender.clone();
    view! {
        <form method="post" action=paths::APPLICATIONS class="plain-form">
            <fieldset class="group">
                <legend>{words::ADD}</legend>
                <div class="body">
                    <TextField
                        name="name"
                        label=words::NAME
                        autocomplete="off"
                        class="field wide"
                        value=settings.name.clone()
                        help=words::NAME_HELP
                        error
                    />
                    <MaySend id="new" settings per_minute default_sender problem/>
                    <div class="actions">
                        <button type="submit" name="action" value="add" class="primary">
                            {words::ADD}
                        </button>
                    </div>
                </div>
            </fieldset>
        </form>
    }
    .into_any()
}

/// The controls of what an application may do. `id` makes their IDs unique.
#[component]
fn MaySend(
    #[prop(into)] id: String,
    settings: ApplicationSettings,
    per_minute: String,
    default_sender: String,
    problem: Option<ApplicationProblem>,
) -> impl IntoView {
    let [senders, rate, again] = ["senders", "per-minute", "again"].map(|it| format!("{it}-{id}"));
    let [senders_help, rate_help] = [&senders, &rate].map(|id| format!("{id}-help"));
    let [of_senders, of_rate] =
        [Control::Senders, Control::Rate].map(|control| error_of(problem.as_ref(), control));
    let described_by = |error: Option<&str>, help: &str| {
        error.into_iter().chain([help]).collect::<Vec<_>>().join(" ")
    };
    let lines = settings.senders.join("\n");
    view! {
        <div class="field wide" class:invalid=of_senders.is_some()>
            <label for=senders.clone()>{words::SENDERS}</label>
            <textarea
                id=senders
                name="senders"
                rows="3"
                spellcheck="false"
                autocomplete="off"
                aria-describedby=described_by(of_senders, &senders_help)
                aria-invalid=of_senders.map(|_| "true")
            >
                {app::markup::in_textarea(lines)}
            </textarea>
            <span class="help" id=senders_help>{words::senders_help(&default_sender)}</span>
        </div>
        <div class="field" class:invalid=of_rate.is_some()>
            <label for=rate.clone()>{words::PER_MINUTE}</label>
            <input
                id=rate
                name="per_minute"
                type="text"
                inputmode="numeric"
                autocomplete="off"
                value=per_minute
                aria-describedby=described_by(of_rate, &rate_help)
                aria-invalid=of_rate.map(|_| "true")
            />
            <span class="help" id=rate_help>{words::PER_MINUTE_HELP}</span>
        </div>
        <div class="field wide check">
            <input
                id=again.clone()
                name="sends_again"
                type="checkbox"
                value="on"
                checked=settings.sends_again
            />
            <label for=again>{words::SENDS_AGAIN}</label>
        </div>
    }
}
