//! Lookups run by the server at the press of a button. A result has facts, explanations and suggested
//! values. Empty controls are filled at once. A typed value, or one that a stored secret is bound to,
//! is replaced only after confirmation.

use std::pin::Pin;
use std::slice;

use domain::draft::bool_text;
use domain::field::Kind;
use domain::{Draft, Field, OauthFlow};
use leptos::prelude::*;

use super::deferred::{self, DeferredView, deferred};
use super::explanation::{FillButton, NextSteps};
use super::reactive::{live, live_attribute, live_option, live_text};
use super::state::{FormState, put};
use crate::api::{self, ApiError};
use contract::ApiCode;
use contract::{Explanation, LookupFact, LookupResult, Suggestion};
use labels;

/// The lookups that the server offers.
pub enum LookupRequest {
    /// The metadata of this issuer or tenant.
    Discovery(String),
    /// The preset of a provider, with a tenant or region, for a flow.
    Preset(String, String, OauthFlow),
    /// Whether this Redirect URI reaches this server, for a page of this origin.
    RedirectUri(String, String),
    /// The contents of the current access token.
    Token,
}

/// A lookup in progress.
type PendingLookup = Pin<Box<dyn Future<Output = Result<LookupResult, ApiError>>>>;

/// A lookup button and its result. Copies share the signals.
#[derive(Clone, Copy)]
pub struct Lookup {
    /// Stored by reference, so that a copy of this struct stays small.
    form: StoredValue<FormState>,
    found: RwSignal<Option<Result<LookupResult, ApiCode>>>,
    is_asking: RwSignal<bool>,
}

impl Lookup {
    /// Creates a lookup without a result.
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

    /// Renders the button that starts the lookup.
    pub fn button(
        self,
        label: &'static str,
        is_idle: Signal<bool>,
        question: Box<dyn Fn() -> LookupRequest + Send>,
    ) -> AnyView {
        let form = self.form();
        let disabled = live(move || !form.is_hydrated() || is_idle.get());
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

    /// Renders the live region with the result.
    pub fn answer(self) -> AnyView {
        let shown = deferred(self.form(), DeferredView::Findings(self));
        view! { <div class="announcement stack" role="status">{shown}</div> }.into_any()
    }

    /// Clears a result that no longer matches the input.
    pub fn forget(self) {
        self.found.set(None);
    }

    fn ask(self, question: LookupRequest) {
        if self.is_asking.get_untracked() {
            return;
        }
        self.is_asking.set(true);
        self.form().host().spawn(async move {
            if deferred::ask(self, question).await.is_err() {
                self.is_asking.try_set(false);
                self.found.try_set(Some(Err(ApiCode::Unreachable)));
            }
        });
    }

    /// Sends the request and stores the result.
    pub fn run(self, question: LookupRequest) {
        let pending: PendingLookup = match question {
            LookupRequest::Discovery(issuer) => Box::pin(api::discover(issuer)),
            LookupRequest::Preset(provider, detail, flow) => {
                Box::pin(api::preset(provider, detail, flow))
            }
            LookupRequest::RedirectUri(typed, page) => Box::pin(api::check_redirect(typed, page)),
            LookupRequest::Token => Box::pin(api::inspect_token()),
        };
        self.form().host().spawn(async move {
            let answer = api::in_time(pending).await;
            if self.is_asking.try_set(false).is_none() {
                self.found.set(Some(answer.map(|findings| self.fill_empty(findings))));
            }
        });
    }

    /// Fills in empty controls. Returns the values that would replace typed input or would require a
    /// stored secret to be entered again.
    fn fill_empty(self, mut findings: LookupResult) -> LookupResult {
        let form = self.form();
        let draft = form.draft_now();
        findings.fills.retain(|fill| draft.text(fill.field) != fill.value);
        let asks_again = |fill: &Suggestion| {
            !untrack(|| form.asks_again(&[], |draft| put(slice::from_ref(fill), draft))).is_empty()
        };
        let (empty, held): (Vec<_>, _) = findings
            .fills
            .into_iter()
            .partition(|fill| is_as_fresh(&draft, fill.field) && !asks_again(fill));
        form.fill_all(&empty);
        LookupResult { fills: held, ..findings }
    }

    /// Takes the offered values out of the result, which closes the offer.
    fn take_offered(self) -> Vec<Suggestion> {
        let mut taken = Vec::new();
        self.found.update(|found| {
            if let Some(Ok(findings)) = found {
                taken = std::mem::take(&mut findings.fills);
            }
        });
        taken
    }
}

/// Whether a control still has its initial value.
pub fn is_as_fresh(draft: &Draft, field: Field) -> bool {
    match field {
        Field::Flow => draft.flow == OauthFlow::None && draft.basic.server.is_empty(),
        _ if field.kind() == Kind::Check => draft.text(field) == bool_text(true),
        _ if field.kind() == Kind::Choice => draft.text(field) == Draft::default().text(field),
        _ => draft.text(field).is_empty(),
    }
}

/// The result of a lookup, or its error.
#[component]
pub fn FindingsView(inquiry: Lookup) -> impl IntoView {
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

fn found(inquiry: Lookup, LookupResult { facts, explanations, fills }: LookupResult) -> AnyView {
    let facts: Vec<_> = facts
        .into_iter()
        .map(|LookupFact { name, value, in_words }| {
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

/// Rows of a definition list with each control's current and suggested value.
pub fn replaced(form: FormState, fills: &[Suggestion]) -> Vec<AnyView> {
    let row = |Suggestion { field, value, label }: &Suggestion| {
        let field = *field;
        // Reactive: input typed in the meantime would be replaced too.
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

/// The prompt before suggested values replace typed input.
fn offer(inquiry: Lookup, fills: Vec<Suggestion>) -> impl IntoView {
    let form = inquiry.form();
    let rows = replaced(form, &fills);
    let replace = move || form.fill_all(&inquiry.take_offered());
    view! {
        <section class="notice" part="notice">
            <h2>{labels::HOLD_SOMETHING_ELSE}</h2>
            <dl class="facts">{rows}</dl>
            <div class="actions">
                <FillButton form fills label="Replace these" on_press=replace/>
                <button type="button" part="button" on:click=move |_| drop(inquiry.take_offered())>
                    "Keep mine"
                </button>
            </div>
        </section>
    }
}
