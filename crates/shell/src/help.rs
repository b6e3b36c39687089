//! `/help`: how to set up mail, and the terms of the page.

use labels::help;
use leptos::prelude::*;

use crate::frame::Frame;

/// The help page.
#[component]
pub fn HelpPage() -> impl IntoView {
    let terms: Vec<_> = help::TERM_LIST
        .into_iter()
        .map(|(term, text)| view! { <div><dt>{term}</dt><dd>{text}</dd></div> })
        .collect();
    view! {
        <Frame title=help::TITLE lead=help::LEAD>
            <ol>{items(&help::STEPS)}</ol>
            <h2>{help::MAIL_STOPPED}</h2>
            <ol>{items(&help::MAIL_STOPPED_STEPS)}</ol>
            <h2>{help::TERMS}</h2>
            <dl class="facts">{terms}</dl>
            <p class="hint">{help::MORE}</p>
        </Frame>
    }
}

fn items(texts: &'static [&'static str]) -> impl IntoView {
    texts.iter().map(|text| view! { <li>{*text}</li> }).collect_view()
}
