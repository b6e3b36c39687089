//! What to do where something failed: steps in order, with lines to copy, links, and buttons that put
//! a value into the form. And what was found where somebody asked the server for it.

use std::pin::Pin;

use domain::Presence;
use leptos::html::Textarea;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::HtmlDocument;

use super::live::{live, live_attribute, live_option, live_text};
use super::state::FormState;
use crate::api::{self, ApiError};
use crate::explanation::{Explanation, Fill, Findings, Link, NextStep};
use crate::labels;

/// The steps; without a form, nothing is put into one.
#[component]
pub fn NextSteps(steps: Vec<NextStep>, form: Option<FormState>) -> impl IntoView {
    let steps: Vec<_> = steps.into_iter().map(|step| item(step, form)).collect();
    view! { <ol class="next-steps">{steps}</ol> }
}

fn item(NextStep { text, copy, link, fill }: NextStep, form: Option<FormState>) -> impl IntoView {
    let link = link.map(|Link { text, href }| {
        view! { " " <a href=href target="_blank" rel="noopener noreferrer">{text}</a> }
    });
    let copy = copy.map(|lines| view! { <Copyable lines label="Copy these lines" is_shown=true/> });
    let fill = fill.zip(form).map(|(Fill { field, value, label }, form)| {
        view! {
            <div class="row">
                <button
                    type="button"
                    part="button"
                    on:click=move |_| form.fill(field, value.clone())
                >
                    {label}
                </button>
            </div>
        }
    });
    view! { <li>{text} {link} {copy} {fill}</li> }
}

/// A question to the server on its way.
pub type Asked = Pin<Box<dyn Future<Output = Result<Findings, ApiError>>>>;

/// A button that asks the server, and what it found.
#[component]
pub fn Inquiry(
    form: FormState,
    label: &'static str,
    ask: Box<dyn Fn() -> Asked + Send>,
    /// Whether nothing is asked at the moment.
    #[prop(optional, into)]
    is_idle: Signal<bool>,
) -> impl IntoView {
    let found = RwSignal::new(None);
    let is_asking = RwSignal::new(false);
    let press = move |_| {
        if is_asking.get_untracked() {
            return;
        }
        is_asking.set(true);
        let asked = ask();
        form.host().spawn(async move {
            let answer = api::in_time(asked).await.map(|findings| offered(findings, form));
            is_asking.try_set(false);
            found.try_set(Some(answer));
        });
    };
    let disabled = live(move || !form.is_alive() || is_idle.get());
    let busy = live_attribute(move || is_asking.get().then_some("true"));
    let answer = live_option(move || found.get().map(|answer| findings_view(answer, form)));
    view! {
        <div class="row">
            <button
                type="button"
                part="button"
                aria-disabled=busy
                disabled=disabled
                on:click=press
            >
                {label}
            </button>
        </div>
        <div class="announcement stack" role="status">{answer}</div>
    }
}

/// Puts into the form what was found for it, where nothing stands there; leaves the rest to be chosen.
fn offered(mut findings: Findings, form: FormState) -> Findings {
    findings.fills.retain(|Fill { field, value, .. }| {
        let takes_any = form.presence(*field).get_untracked() != Presence::Disabled;
        takes_any && form.text_now(*field) != *value
    });
    if findings.fills.iter().all(|fill| form.text_now(fill.field).is_empty()) {
        for Fill { field, value, .. } in findings.fills.drain(..) {
            form.edit(field, value);
        }
    }
    findings
}

fn findings_view(answer: Result<Findings, ApiError>, form: FormState) -> AnyView {
    let Findings { facts, explanations, fills } = match answer {
        Ok(findings) => findings,
        Err(error) => {
            let words = labels::api_error(error);
            return view! { <p class="notice bad" part="notice">{words}</p> }.into_any();
        }
    };
    let mut rows = facts;
    for Fill { field, value, label } in &fills {
        let now = form.text_now(*field);
        rows.push((format!("{label} now"), now));
        rows.push((format!("{label} found"), value.clone()));
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd><code>{value}</code></dd></div> })
        .collect();
    let explanations: Vec<_> = explanations
        .into_iter()
        .map(|Explanation { cause, steps }| {
            view! {
                <section class="notice" part="notice">
                    <h2>{cause}</h2>
                    <NextSteps steps form=Some(form)/>
                </section>
            }
        })
        .collect();
    let choose = (!fills.is_empty()).then(|| {
        let fill = move |_| {
            for Fill { field, value, .. } in &fills {
                form.fill(*field, value.clone());
            }
        };
        view! { <button type="button" part="button" on:click=fill>"Use these"</button> }
    });
    view! { <dl class="facts">{rows}</dl> {choose} {explanations} }.into_any()
}

/// Lines that a button copies; where they are not shown from the start, it shows them too.
#[component]
pub fn Copyable(lines: String, label: &'static str, is_shown: bool) -> impl IntoView {
    let is_copied = RwSignal::new(None);
    let said = live_text(move || match is_copied.get() {
        None => "",
        Some(true) => "Copied.",
        Some(false) => "Select the lines and copy them.",
    });
    let shown = NodeRef::<Textarea>::new();
    let rows = lines.lines().count().clamp(1, 16).to_string();
    let copy = move |_| {
        if let Some(shown) = shown.get_untracked() {
            shown.set_hidden(false);
            shown.select();
            is_copied.set(Some(copy_selection()));
        }
    };
    view! {
        <div class="copyable">
            <textarea
                node_ref=shown
                readonly
                rows=rows
                spellcheck="false"
                wrap="off"
                aria-label=label
                hidden=!is_shown
            >
                {lines}
            </textarea>
            <div class="row">
                <button type="button" part="button" on:click=copy>{label}</button>
                <span class="help" role="status">{said}</span>
            </div>
        </div>
    }
}

/// Copies what is selected. The Clipboard API, which is newer, is missing on a plain http page of an
/// organisation's own network.
fn copy_selection() -> bool {
    document().unchecked_into::<HtmlDocument>().exec_command("copy").unwrap_or(false)
}
