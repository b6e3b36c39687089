//! `/set-up`: creates the first administrator with the link that the server printed.

use axum::http::StatusCode;
use contract::pages::{SetUp, SetUpAttempt};
use contract::{RequestContext, paths};
use labels::set_up;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::brand::Brand;
use crate::parts::{TextField, heading, notice};

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
                Some(SetUp::LinkOver) => heading(set_up::LINK_OVER, set_up::LINK_OVER_LEAD),
                Some(SetUp::NotOffered) => {
                    go_to_sign_in(set_up::NOT_OFFERED, set_up::NOT_OFFERED_LEAD)
                }
                Some(SetUp::Done) => go_to_sign_in(set_up::DONE, set_up::DONE_LEAD),
                None => heading(set_up::FAILED, set_up::FAILED_LEAD),
            }
        })
    };
    view! {
        <Title text=set_up::TITLE/>
        <main class="door">
            <Brand/>
            <Suspense>{page}</Suspense>
        </main>
    }
}

fn form(ticket: String, attempt: Option<SetUpAttempt>) -> AnyView {
    let problem = attempt
        .as_ref()
        .map(|attempt| notice("notice bad", "alert", labels::set_up_problem(attempt.problem)));
    let (email, name) = attempt.map(|attempt| (attempt.email, attempt.name)).unwrap_or_default();
    view! {
        {heading(set_up::TITLE, set_up::LEAD)}
        {problem}
        // The server's messages say more than the browser's.
        <form method="post" action=paths::SET_UP novalidate>
            <input type="hidden" name="ticket" value=ticket/>
            <TextField name="name" label=set_up::NAME value=name autocomplete="name" autofocus=true/>
            <TextField
                name="email"
                label=set_up::EMAIL
                kind="email"
                value=email
                autocomplete="username"
                help=set_up::EMAIL_HELP
            />
            <TextField
                name="password"
                label=set_up::PASSWORD
                kind="password"
                autocomplete="new-password"
                min_length="12"
                help=labels::NEW_PASSWORD
            />
            <TextField
                name="again"
                label=set_up::CONFIRM_PASSWORD
                kind="password"
                autocomplete="new-password"
            />
            <button type="submit" class="primary">{set_up::CREATE}</button>
        </form>
    }
    .into_any()
}

fn go_to_sign_in(title: &'static str, lead: &'static str) -> AnyView {
    view! {
        {heading(title, lead)}
        <a class="button" href=paths::SIGN_IN>{set_up::SIGN_IN}</a>
    }
    .into_any()
}
