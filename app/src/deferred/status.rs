//! The strip at the top: how mail is sent now, or the first steps before anything is saved.

use domain::settings::Security;
use domain::syntax::port;
use domain::token::TokenStatus;
use domain::{OauthFlow, Saved};
use leptos::prelude::*;

use crate::model::{form::FormState, test_run::TestState, token::TokenState};
use crate::view::reactive::live_view;

/// The status of the saved settings.
#[component]
pub fn StatusStrip(form: FormState, test: TestState, token: TokenState) -> impl IntoView {
    test.show_loaded();
    token.show_loaded();
    // A reader gets no Client ID, without which OAuth settings look incomplete.
    let is_complete =
        Memo::new(move |_| {
            form.with_saved(|saved| {
                if form.is_read_only() { saved.revision > 0 } else { saved.is_complete() }
            })
        });
    live_view(move || {
        if is_complete.get() {
            facts(form, test, token)
        } else if form.is_read_only() {
            ().into_any()
        } else {
            first_steps(form)
        }
    })
}

/// The steps of a first set-up. The current one is marked.
fn first_steps(form: FormState) -> AnyView {
    let current = usize::from(form.is_dirty.get());
    let step = |place: usize| {
        let (what, more) = labels::tab::FIRST_STEPS[place];
        let mark = (place == current).then_some("step");
        view! { <li aria-current=mark><span><strong>{what}</strong> {more}</span></li> }.into_any()
    };
    let steps = vec![step(0), step(1), step(2)];
    let label = labels::tab::FIRST_STEPS_LABEL;
    view! { <ol class="first-steps" aria-label=label>{steps}</ol> }.into_any()
}

/// How mail is sent with the saved settings, and what the last test showed.
fn facts(form: FormState, test: TestState, token: TokenState) -> AnyView {
    let (server, account, uses_token) = form.with_saved(|Saved { form, .. }| {
        let smtp = form.active_smtp();
        let port = port::port(&smtp.port.0).unwrap_or_default();
        let security = Security::of(smtp.use_tls, smtp.tls_mode, port);
        let server = labels::tab::mail_server(&smtp.server, &smtp.port.0, security);
        let account = match (form.flow, form.sign_in.username.as_str()) {
            (OauthFlow::None, "") => labels::tab::WITHOUT_SIGN_IN.to_owned(),
            (OauthFlow::None, username) => username.to_owned(),
            _ => labels::tab::by_token(&form.oauth.sender),
        };
        (server, account, form.flow != OauthFlow::None)
    });
    let status = token.status.get();
    let class = match status {
        TokenStatus::Absent => "",
        TokenStatus::Valid => "good",
        TokenStatus::Expired => "bad",
    };
    let last = test.now.with(|now| match now {
        None => labels::tab::NOT_TESTED.to_owned(),
        Some(now) => {
            let outcome = labels::tab::last_outcome(now.run.outcome.as_ref());
            format!("{outcome}, {}", form.written(now.run.started_at))
        }
    });
    let mut rows = vec![
        row(labels::tab::MAIL_GOES_THROUGH, server, ""),
        row(labels::tab::SIGNS_IN_AS, account, ""),
    ];
    if uses_token {
        rows.push(row(labels::tab::TOKEN, labels::token_status(status).to_owned(), class));
    }
    rows.push(row(labels::tab::LAST_TEST, last, ""));
    let label = labels::tab::STATUS;
    view! { <dl class="status-strip" part="status" aria-label=label>{rows}</dl> }.into_any()
}

fn row(name: &'static str, value: String, class: &'static str) -> AnyView {
    view! { <div><dt>{name}</dt><dd class=class dir="auto">{value}</dd></div> }.into_any()
}
