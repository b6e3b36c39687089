//! Parts that several pages share.

use leptos::prelude::*;

/// A message in a box.
pub fn notice(class: &'static str, role: &'static str, words: impl Into<String>) -> AnyView {
    view! { <section class=class role=role><p>{words.into()}</p></section> }.into_any()
}

/// A page's heading, with a sentence below it.
pub fn heading(title: &'static str, lead: impl Into<String>) -> AnyView {
    view! { <h1>{title}</h1> <p class="lead">{lead.into()}</p> }.into_any()
}

/// A table with a heading for each column.
pub fn table(
    caption: &'static str,
    headings: impl IntoIterator<Item = AnyView>,
    rows: impl IntoIterator<Item = AnyView>,
) -> AnyView {
    let headings = headings.into_iter().map(|heading| view! { <th scope="col">{heading}</th> });
    view! {
        <table class="trail">
            <caption class="unseen">{caption}</caption>
            <thead><tr>{headings.collect_view()}</tr></thead>
            <tbody>{rows.into_iter().collect_view()}</tbody>
        </table>
    }
    .into_any()
}

/// A labelled text control that must be filled in.
#[component]
pub fn TextField(
    /// The control's name and ID.
    name: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "field")] class: &'static str,
    #[prop(optional, into)] value: Option<String>,
    #[prop(optional)] min_length: Option<&'static str>,
    #[prop(optional)] help: Option<&'static str>,
    #[prop(optional)] autofocus: bool,
    /// The ID of the message that says what is wrong.
    #[prop(optional_no_strip)]
    error: Option<&'static str>,
) -> impl IntoView {
    let help_id = help.map(|_| format!("{name}-help"));
    let descriptions: Vec<_> = error.into_iter().chain(help_id.as_deref()).collect();
    let described_by = (!descriptions.is_empty()).then(|| descriptions.join(" "));
    view! {
        <div class=class class:invalid=error.is_some()>
            <label for=name>{label}</label>
            <input
                id=name
                name=name
                type=kind
                value=value
                autocomplete=autocomplete
                minlength=min_length
                required
                autofocus=autofocus
                aria-invalid=error.map(|_| "true")
                aria-describedby=described_by
            />
            {help.map(|help| view! { <span class="help" id=help_id>{help}</span> })}
        </div>
    }
}
