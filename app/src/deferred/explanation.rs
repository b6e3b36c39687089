//! Troubleshooting steps: ordered, with text to copy, links and buttons that fill in form values.
//! Pages without the form run no script, so there the buttons are left out.

use std::sync::atomic::{AtomicU32, Ordering};

use contract::{Link, NextStep, Suggestion};
use leptos::{html::Textarea, prelude::*, wasm_bindgen::JsCast};
use web_sys::HtmlDocument;

use crate::model::form::{FormState, put};
use crate::{markup::in_textarea, view::reactive::live_text};

/// The heading of a notice: below that of its group in the form, and below the page's otherwise.
pub fn heading(text: String, form: Option<FormState>) -> AnyView {
    match form {
        Some(_) => view! { <h3>{text}</h3> }.into_any(),
        None => view! { <h2>{text}</h2> }.into_any(),
    }
}

/// The steps and the link to further reading.
#[component]
pub fn NextSteps(
    steps: Vec<NextStep>,
    see_also: Option<Link>,
    form: Option<FormState>,
) -> impl IntoView {
    let steps: Vec<_> = steps.into_iter().map(|step| item(step, form)).collect();
    let (before, after) = labels::tab::SEE_ALSO;
    let see_also =
        see_also.map(|link| view! { <p class="hint">{before} {external_link(link)} {after}</p> });
    view! { <ol class="next-steps">{steps}</ol> {see_also} }
}

fn external_link(Link { text, href }: Link) -> impl IntoView {
    view! { <a href=href target="_blank" rel="noopener noreferrer">{text}</a> }
}

fn item(NextStep { text, copy, link, fill }: NextStep, form: Option<FormState>) -> impl IntoView {
    let link = link.map(|link| view! { " " {external_link(link)} });
    let copy = copy.map(|lines| match form {
        Some(_) => {
            view! { <Copyable lines label=labels::tab::COPY_LINES is_shown=true/> }.into_any()
        }
        None => readable(lines, labels::tab::LINES_TO_COPY, false, NodeRef::new()).into_any(),
    });
    let fill = fill.zip(form).map(|(fill, form)| {
        let (fills, label) = (vec![fill.clone()], fill.label);
        let on_press = move || form.fill(fill.field, fill.value.clone());
        view! { <div class="row"><FillButton form fills label on_press/></div> }
    });
    view! { <li>{text} {link} {copy} {fill}</li> }
}

/// A button that fills in form values, with a warning that names any stored secret that would have
/// to be entered again. Rendered in the browser only.
#[component]
pub fn FillButton(
    form: FormState,
    fills: Vec<Suggestion>,
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

/// Text with a copy button. Pressing the button also shows the text if it is hidden.
#[component]
pub fn Copyable(lines: String, label: &'static str, is_shown: bool) -> impl IntoView {
    let is_copied = RwSignal::new(None);
    let peer_text = live_text(move || match is_copied.get() {
        None => "",
        Some(true) => labels::tab::COPIED,
        Some(false) => labels::tab::SELECT_AND_COPY,
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
                <span class="help" role="status">{peer_text}</span>
            </div>
        </div>
    }
}

/// A read-only textarea, so that "select all" selects just this text.
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

/// Copies the selection with `execCommand`: the Clipboard API needs a secure context, which a plain
/// http page on an intranet is not.
fn copy_selection() -> bool {
    document().unchecked_into::<HtmlDocument>().exec_command("copy").unwrap_or(false)
}
