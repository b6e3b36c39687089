//! The prompt before a copy of Basic SMTP Settings that requires a stored secret to be entered again.

use leptos::prelude::*;

use crate::{model::copying::CopyQuestion, view::reactive::live_option};

/// The prompt, while it is open and still applies.
#[component]
pub fn CopyQuestionView(question: CopyQuestion) -> impl IntoView {
    live_option(move || {
        let warning = question.is_asked().then(|| question.warning())?;
        Some(view! {
            <section class="notice" part="notice">
                <p class="warning">{warning}</p>
                <div class="actions">
                    <button type="button" part="button" on:click=move |_| question.copy()>
                        {labels::tab::COPY_ANYWAY}
                    </button>
                    <button type="button" part="button" on:click=move |_| question.dismiss()>
                        {labels::tab::KEEP_TYPED}
                    </button>
                </div>
            </section>
        })
    })
}
