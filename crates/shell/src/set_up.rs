//! `/set-up`: creates the first administrator with the link that the server printed.

use axum::http::StatusCode;
use contract::pages::{SetUp, SetUpAttempt};
use contract::{RequestContext, paths};
use labels::set_up;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// The page of the setup link.
#[component]
pub fn SetUpPage() -> impl IntoView {
    let attempt = use_context::<SetUpAttempt>();
    let ticket = match &attempt {
        Some(attempt) => attempt.ticket.clone(),
        None => use_query_map().with_untracked(|query| query.get("ticket")).unwrap_or_default(),
    };
    let shell = use_context::<RequestContext>().map(|context| context.shell);
    let response = use_context::<ResponseOptions>();
    let page = move || {
        let (attempt, ticket) = (attempt.clone(), ticket.clone());
        let (shell, response) = (shell.clone(), response.clone());
        Suspend::new(async move {
            let state = match shell {
                Some(shell) => shell.set_up(&ticket).await.ok(),
                None => None,
            };
            let status = match state {
                Some(SetUp::Open) => None,
                Some(SetUp::LinkOver | SetUp::Done) => Some(StatusCode::GONE),
                Some(SetUp::NotOffered) => Some(StatusCode::NOT_FOUND),
                None => Some(StatusCode::INTERNAL_SERVER_ERROR),
            };
            if let Some((response, status)) = response.zip(status) {
                response.set_status(status);
            }
            match state {
                Some(SetUp::Open) => form(ticket, attempt),
                Some(SetUp::LinkOver) => link_over(),
                Some(SetUp::NotOffered) => not_offered(),
                Some(SetUp::Done) => done(),
                None => failed(),
            }
        })
    };
    view! {
        <Title text=set_up::TITLE/>
        <main class="door"><Suspense>{page}</Suspense></main>
    }
}

fn form(ticket: String, attempt: Option<SetUpAttempt>) -> AnyView {
    let problem = attempt.as_ref().map(|attempt| {
        view! {
            <section class="notice bad" role="alert">
                <p>{labels::set_up_problem(attempt.problem)}</p>
            </section>
        }
    });
    let (email, name) = attempt.map(|attempt| (attempt.email, attempt.name)).unwrap_or_default();
    view! {
        <h1>{set_up::TITLE}</h1>
        <p class="lead">{set_up::LEAD}</p>
        {problem}
        <form method="post" action=paths::SET_UP>
            <input type="hidden" name="ticket" value=ticket/>
            <div class="field">
                <label for="name">{set_up::NAME}</label>
                <input id="name" name="name" value=name autocomplete="name" required autofocus/>
            </div>
            <div class="field">
                <label for="email">{set_up::EMAIL}</label>
                <input
                    id="email"
                    name="email"
                    type="email"
                    value=email
                    autocomplete="username"
                    required
                    aria-describedby="email-help"
                />
                <span class="help" id="email-help">{set_up::EMAIL_HELP}</span>
            </div>
            <div class="field">
                <label for="password">{set_up::PASSWORD}</label>
                <input
                    id="password"
                    name="password"
                    type="password"
                    autocomplete="new-password"
                    minlength="12"
                    required
                    aria-describedby="password-help"
                />
                <span class="help" id="password-help">{labels::NEW_PASSWORD}</span>
            </div>
            <div class="field">
                <label for="again">{set_up::CONFIRM_PASSWORD}</label>
                <input id="again" name="again" type="password" autocomplete="new-password" required/>
            </div>
            <button type="submit" class="primary">{set_up::CREATE}</button>
        </form>
    }
    .into_any()
}

fn link_over() -> AnyView {
    view! {
        <h1>{set_up::LINK_OVER}</h1>
        <p class="lead">{set_up::LINK_OVER_LEAD}</p>
    }
    .into_any()
}

fn not_offered() -> AnyView {
    view! {
        <h1>{set_up::NOT_OFFERED}</h1>
        <p class="lead">{set_up::NOT_OFFERED_LEAD}</p>
        <a class="button" href=paths::SIGN_IN>{set_up::SIGN_IN}</a>
    }
    .into_any()
}

fn done() -> AnyView {
    view! {
        <h1>{set_up::DONE}</h1>
        <p class="lead">{set_up::DONE_LEAD}</p>
        <a class="button" href=paths::SIGN_IN>{set_up::SIGN_IN}</a>
    }
    .into_any()
}

fn failed() -> AnyView {
    view! {
        <h1>{set_up::FAILED}</h1>
        <p class="lead">{set_up::FAILED_LEAD}</p>
    }
    .into_any()
}
