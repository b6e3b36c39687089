//! What to do where something failed: steps in order, with lines to copy, links, and buttons that put
//! a value into the form. A page without a form has no script either, and so no button.

use std::sync::atomic::{AtomicU32, Ordering};

use leptos::html::Textarea;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::HtmlDocument;

use super::live::live_text;
use super::state::{FormState, put};
use crate::explanation::{Fill, Link, NextStep};
use crate::markup::in_textarea;

/// The steps, and where more is to be read.
#[component]
pub fn NextSteps(
    steps: Vec<NextStep>,
    see_also: Option<Link>,
    form: Option<FormState>,
) -> impl IntoView {
    let steps: Vec<_> = steps.into_iter().map(|step| item(step, form)).collect();
    let see_also = see_also.map(|link| view! { <p class="hint">"See also " {page(link)} "."</p> });
    view! { <ol class="next-steps">{steps}</ol> {see_also} }
}

fn page(Link { text, href }: Link) -> impl IntoView {
    view! { <a href=href target="_blank" rel="noopener noreferrer">{text}</a> }
}

fn item(NextStep { text, copy, link, fill }: NextStep, form: Option<FormState>) -> impl IntoView {
    let link = link.map(|link| view! { " " {page(link)} });
    let copy = copy.map(|lines| match form {
        Some(_) => view! { <Copyable lines label="Copy these lines" is_shown=true/> }.into_any(),
        None => readable(lines, "Lines to copy", false, NodeRef::new()).into_any(),
    });
    let fill = fill.zip(form).map(|(fill, form)| {
        let (fills, label) = (vec![fill.clone()], fill.label);
        let on_press = move || form.fill(fill.field, fill.value.clone());
        view! { <div class="row"><FillButton form fills label on_press/></div> }
    });
    view! { <li>{text} {link} {copy} {fill}</li> }
}

/// A button that puts values into the form, and says before it does which stored secret has to be
/// entered again then. Made in the browser only.
#[component]
pub fn FillButton(
    form: FormState,
    /// What it puts there.
    fills: Vec<Fill>,
    #[prop(into)] label: String,
    on_press: impl Fn() + Send + 'static,
) -> impl IntoView {
    static BUTTONS: AtomicU32 = AtomicU32::new(0);
    let id = format!("asks-again-{}", BUTTONS.fetch_add(1, Ordering::Relaxed));
    let follows: Vec<_> = fills.iter().map(|fill| fill.field).collect();
    let warning = live_text(move || form.asks_again(&follows, |draft| put(&fills, draft)));
    view! {
        <strong class="warning" id=id.clone()>{warning}</strong>
        <button type="button" part="button" aria-describedby=id on:click=move |_| on_press()>
            {label}
        </button>
    }
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
    let copy = move |_| {
        if let Some(shown) = shown.get_untracked() {
            shown.set_hidden(false);
            shown.select();
            is_copied.set(Some(copy_selection()));
        }
    };
    view! {
        <div class="copyable">
            {readable(lines, label, !is_shown, shown)}
            <div class="row">
                <button type="button" part="button" on:click=copy>{label}</button>
                <span class="help" role="status">{said}</span>
            </div>
        </div>
    }
}

/// Lines to be read, and selected at once by a press of the keys for that.
pub fn readable(
    lines: String,
    label: &'static str,
    hidden: bool,
    node: NodeRef<Textarea>,
) -> impl IntoView {
    let rows = lines.lines().count().clamp(1, 16).to_string();
    view! {
        <textarea
            node_ref=node
            readonly
            rows=rows
            spellcheck="false"
            wrap="off"
            aria-label=label
            hidden=hidden
        >
            {in_textarea(lines)}
        </textarea>
    }
}

/// Copies what is selected. The Clipboard API, which is newer, is missing on a plain http page of an
/// organisation's own network.
fn copy_selection() -> bool {
    document().unchecked_into::<HtmlDocument>().exec_command("copy").unwrap_or(false)
}
