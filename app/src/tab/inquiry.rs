//! Questions to the server, asked by the press of a button, and what it finds: facts, explanations, and
//! values for the form. What is empty there is filled at once; what was typed is replaced only after it
//! was shown, and so is what a stored secret is bound to.

use std::pin::Pin;
use std::slice;

use domain::draft::check_text;
use domain::field::Kind;
use domain::{Draft, Field, OauthFlow};
use leptos::prelude::*;

use super::explanation::{FillButton, NextSteps};
use super::later::{self, Part, later};
use super::live::{live, live_attribute, live_option, live_text};
use super::state::{FormState, put};
use crate::api::{self, ApiError};
use crate::explanation::{Explanation, Fill, Findings, Found};
use crate::labels;

/// What can be asked.
pub enum Question {
    /// What the metadata of this issuer or tenant say.
    Discovery(String),
    /// What is known of a provider, with a tenant or a region, under a flow.
    Preset(String, String, OauthFlow),
    /// Whether a browser comes back by this Redirect URI, seen from a page of this origin.
    RedirectUri(String, String),
    /// What the token says.
    Token,
}

/// A future question's answer.
type Asked = Pin<Box<dyn Future<Output = Result<Findings, ApiError>>>>;

/// One place on the page to ask, and its answer. Copies share it.
#[derive(Clone, Copy)]
pub struct Inquiry {
    /// A place of its own for the form's many signals, so that a copy of this stays small.
    form: StoredValue<FormState>,
    found: RwSignal<Option<Result<Findings, ApiError>>>,
    is_asking: RwSignal<bool>,
}

impl Inquiry {
    /// Nothing asked so far.
    pub fn new(form: FormState) -> Self {
        Self {
            form: StoredValue::new(form),
            found: RwSignal::new(None),
            is_asking: RwSignal::new(false),
        }
    }

    fn form(self) -> FormState {
        self.form.get_value()
    }

    /// The button that asks.
    pub fn button(
        self,
        label: &'static str,
        is_idle: Signal<bool>,
        question: Box<dyn Fn() -> Question + Send>,
    ) -> AnyView {
        let form = self.form();
        let disabled = live(move || !form.is_alive() || is_idle.get());
        let busy = live_attribute(move || self.is_asking.get().then_some("true"));
        view! {
            <button
                type="button"
                part="button"
                aria-disabled=busy
                disabled=disabled
                on:click=move |_| self.ask(question())
            >
                {label}
            </button>
        }
        .into_any()
    }

    /// The place of the answer.
    pub fn answer(self) -> AnyView {
        let shown = later(self.form(), Part::Findings(self));
        view! { <div class="announcement stack" role="status">{shown}</div> }.into_any()
    }

    /// Takes the answer away: it is about something else.
    pub fn forget(self) {
        self.found.set(None);
    }

    fn ask(self, question: Question) {
        if self.is_asking.get_untracked() {
            return;
        }
        self.is_asking.set(true);
        self.form().host().spawn(async move {
            if later::ask(self, question).await.is_err() {
                self.is_asking.try_set(false);
                self.found.try_set(Some(Err(ApiError::Unreachable)));
            }
        });
    }

    /// Asks the server, and takes what it finds.
    pub fn put(self, question: Question) {
        let asked: Asked = match question {
            Question::Discovery(issuer) => Box::pin(api::discover(issuer)),
            Question::Preset(provider, detail, flow) => {
                Box::pin(api::preset(provider, detail, flow))
            }
            Question::RedirectUri(typed, page) => Box::pin(api::redirect_doctor(typed, page)),
            Question::Token => Box::pin(api::token_xray()),
        };
        self.form().host().spawn(async move {
            let answer = api::in_time(asked).await;
            if self.is_asking.try_set(false).is_none() {
                self.found.set(Some(answer.map(|findings| self.filled(findings))));
            }
        });
    }

    /// Fills what is empty, and leaves what would replace something or ask for a stored secret again.
    fn filled(self, mut findings: Findings) -> Findings {
        let form = self.form();
        let draft = form.draft_now();
        findings.fills.retain(|fill| draft.text(fill.field) != fill.value);
        let asks_again = |fill: &Fill| {
            !untrack(|| form.asks_again(&[], |draft| put(slice::from_ref(fill), draft))).is_empty()
        };
        let (empty, held): (Vec<_>, _) = findings
            .fills
            .into_iter()
            .partition(|fill| is_as_fresh(&draft, fill.field) && !asks_again(fill));
        form.fill_all(&empty);
        Findings { fills: held, ..findings }
    }

    /// What is offered and was not decided about, no longer.
    fn decided(self) -> Vec<Fill> {
        let mut taken = Vec::new();
        self.found.update(|found| {
            if let Some(Ok(findings)) = found {
                taken = std::mem::take(&mut findings.fills);
            }
        });
        taken
    }
}

/// Whether nobody has decided about a control yet.
pub fn is_as_fresh(draft: &Draft, field: Field) -> bool {
    match field {
        Field::Flow => draft.flow == OauthFlow::None && draft.basic.server.is_empty(),
        _ if field.kind() == Kind::Check => draft.text(field) == check_text(true),
        _ if field.kind() == Kind::Choice => draft.text(field) == Draft::default().text(field),
        _ => draft.text(field).is_empty(),
    }
}

/// What was found.
#[component]
pub fn FindingsView(inquiry: Inquiry) -> impl IntoView {
    live_option(move || {
        inquiry.found.get().map(|answer| match answer {
            Ok(findings) => found(inquiry, findings),
            Err(error) => {
                let words = inquiry.form().host().words(error);
                view! { <p class="notice bad" part="notice">{words}</p> }.into_any()
            }
        })
    })
}

fn found(inquiry: Inquiry, Findings { facts, explanations, fills }: Findings) -> AnyView {
    let facts: Vec<_> = facts
        .into_iter()
        .map(|Found { name, value, in_words }| {
            let value =
                if in_words { value.into_any() } else { view! { <code>{value}</code> }.into_any() };
            view! { <div><dt>{name}</dt><dd>{value}</dd></div> }
        })
        .collect();
    let explanations: Vec<_> = explanations
        .into_iter()
        .map(|Explanation { cause, steps, see_also }| {
            view! {
                <section class="notice" part="notice">
                    <h2>{cause}</h2>
                    <NextSteps steps see_also form=Some(inquiry.form())/>
                </section>
            }
        })
        .collect();
    let question = (!fills.is_empty()).then(|| offer(inquiry, fills));
    view! { <dl class="facts">{facts}</dl> {question} {explanations} }.into_any()
}

/// What values would replace, beside them.
pub fn replaced(form: FormState, fills: &[Fill]) -> Vec<AnyView> {
    let row = |Fill { field, value, label }: &Fill| {
        let field = *field;
        // What is typed meanwhile would be replaced too.
        let before = live_text(move || {
            form.with_draft(&[field], |draft: &Draft| labels::value(field, draft.text(field)))
        });
        let after = labels::value(field, value);
        view! {
            <div>
                <dt>{label.clone()}</dt>
                <dd><del>{before}</del> " " <ins>{after}</ins></dd>
            </div>
        }
        .into_any()
    };
    fills.iter().map(row).collect()
}

/// Asks whether values may replace what was typed.
fn offer(inquiry: Inquiry, fills: Vec<Fill>) -> impl IntoView {
    let form = inquiry.form();
    let rows = replaced(form, &fills);
    let replace = move || form.fill_all(&inquiry.decided());
    view! {
        <section class="notice" part="notice">
            <h2>{labels::HOLD_SOMETHING_ELSE}</h2>
            <dl class="facts">{rows}</dl>
            <div class="actions">
                <FillButton form fills label="Replace these" on_press=replace/>
                <button type="button" part="button" on:click=move |_| drop(inquiry.decided())>
                    "Keep mine"
                </button>
            </div>
        </section>
    }
}
