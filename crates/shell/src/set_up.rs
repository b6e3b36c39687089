//! `/set-up`: creates the first administrator with the link that the server printed.

use axum::http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use contract::RequestContext;
use contract::pages::{SetUp, SetUpAttempt};
use contract::paths;

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
        <Title text="Set up"/>
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
        <h1>"Set up"</h1>
        <p class="lead">
            "Create the first administrator account for PPM's email settings."
        </p>
        {problem}
        <form method="post" action=paths::SET_UP>
            <input type="hidden" name="ticket" value=ticket/>
            <div class="field">
                <label for="name">"Name"</label>
                <input id="name" name="name" value=name autocomplete="name" required autofocus/>
            </div>
            <div class="field">
                <label for="email">"Email"</label>
                <input
                    id="email"
                    name="email"
                    type="email"
                    value=email
                    autocomplete="username"
                    required
                    aria-describedby="email-help"
                />
                <span class="help" id="email-help">
                    "You sign in with this address, and test messages go to it."
                </span>
            </div>
            <div class="field">
                <label for="password">"Password"</label>
                <input
                    id="password"
                    name="password"
                    type="password"
                    autocomplete="new-password"
                    minlength="12"
                    required
                    aria-describedby="password-help"
                />
                <span class="help" id="password-help">
                    {labels::NEW_PASSWORD}
                </span>
            </div>
            <div class="field">
                <label for="again">"Confirm password"</label>
                <input id="again" name="again" type="password" autocomplete="new-password" required/>
            </div>
            <button type="submit" class="primary">"Create administrator"</button>
        </form>
    }
    .into_any()
}

fn link_over() -> AnyView {
    view! {
        <h1>"This link no longer works"</h1>
        <p class="lead">
            "The link works once, and only for ten minutes after the server has started. Restart the server: it then prints a new link."
        </p>
    }
    .into_any()
}

fn not_offered() -> AnyView {
    view! {
        <h1>"Setup is not available"</h1>
        <p class="lead">"People sign in to this server in another way, so it prints no setup link."</p>
        <a class="button" href=paths::SIGN_IN>"Sign in"</a>
    }
    .into_any()
}

fn done() -> AnyView {
    view! {
        <h1>"Setup is done"</h1>
        <p class="lead">"An administrator account already exists. Sign in with it."</p>
        <a class="button" href=paths::SIGN_IN>"Sign in"</a>
    }
    .into_any()
}

fn failed() -> AnyView {
    view! {
        <h1>"Setup is not possible now"</h1>
        <p class="lead">"Something went wrong on the server; its log has the details. Reload the page."</p>
    }
    .into_any()
}
