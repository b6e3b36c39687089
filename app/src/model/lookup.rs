//! Lookups run by the server at the press of a button. A result has facts, explanations and suggested
//! values. They are filled in at once unless one would replace a typed value, or one that a stored
//! secret is bound to: then all of them wait for confirmation.

use std::{pin::Pin, slice};

use contract::{ApiCode, LookupResult, Suggestion};
use domain::{Draft, Field, OauthFlow, Presence, draft::bool_text, field::Kind, presence};
use leptos::prelude::*;

use super::form::{FormState, put};
use crate::api::{self, ApiError};

/// The lookups that the server offers.
pub enum LookupRequest {
    /// The metadata of this issuer or tenant.
    Discovery(String),
    /// The preset of a provider, with a tenant or region, for a flow.
    Preset(String, String, OauthFlow),
    /// The settings that last worked.
    LastWorked,
    /// Whether this Redirect URI reaches this server, for a page of this origin.
    RedirectUri(String, String),
    /// The contents of the current access token.
    Token,
}

type PendingLookup = Pin<Box<dyn Future<Output = Result<LookupResult, ApiError>>>>;

/// A lookup and its result. Copies share the signals.
#[derive(Clone, Copy)]
pub struct Lookup {
    /// Stored by reference, so that a copy of this struct stays small.
    form: StoredValue<FormState>,
    /// The element id of the result.
    id: &'static str,
    found: RwSignal<Option<Result<LookupResult, ApiCode>>>,
    is_asking: RwSignal<bool>,
}

impl Lookup {
    pub fn new(form: FormState, id: &'static str) -> Self {
        Self {
            form: StoredValue::new(form),
            id,
            found: RwSignal::new(None),
            is_asking: RwSignal::new(false),
        }
    }

    /// The form that the result fills in.
    pub fn form(self) -> FormState {
        self.form.get_value()
    }

    /// The element id of the result.
    pub fn id(self) -> &'static str {
        self.id
    }

    /// Clears a result that no longer matches the input.
    pub fn forget(self) {
        self.found.set(None);
    }

    pub fn is_asking(self) -> bool {
        self.is_asking.get()
    }

    pub fn found(self) -> Option<Result<LookupResult, ApiCode>> {
        self.found.get()
    }

    /// Starts the lookup, by code in the deferred chunk.
    pub fn ask(self, question: LookupRequest) {
        if self.is_asking.get_untracked() {
            return;
        }
        self.is_asking.set(true);
        let form = self.form();
        form.host.spawn(async move {
            if (form.commands.look_up)(self, question).await.is_err() {
                self.is_asking.try_set(false);
                self.found.try_set(Some(Err(ApiCode::Unreachable)));
            }
        });
    }

    /// Sends the request and stores the result. Runs in the deferred chunk.
    pub fn run(self, question: LookupRequest) {
        let restores = matches!(question, LookupRequest::LastWorked);
        let pending: PendingLookup = match question {
            LookupRequest::Discovery(issuer) => Box::pin(api::discover(issuer)),
            LookupRequest::Preset(provider, detail, flow) => {
                Box::pin(api::preset(provider, detail, flow))
            }
            LookupRequest::LastWorked => Box::pin(api::last_worked()),
            LookupRequest::RedirectUri(typed, page) => Box::pin(api::check_redirect(typed, page)),
            LookupRequest::Token => Box::pin(api::inspect_token()),
        };
        self.form().host.spawn(async move {
            let answer = api::in_time(pending).await;
            if self.is_asking.try_set(false).is_none() {
                self.found.set(Some(answer.map(|findings| {
                    if restores { self.restore(findings) } else { self.fill_empty(findings) }
                })));
            }
        });
    }

    /// Fills in the suggested values, and with Authorization Endpoint also a required Redirect URI, if
    /// none would replace typed input or require a stored secret to be entered again. Otherwise
    /// leaves them in the result.
    fn fill_empty(self, mut findings: LookupResult) -> LookupResult {
        let form = self.form();
        let draft = form.draft_now();
        let (field, mut after) = (Field::RedirectUri, draft.clone());
        put(&findings.fills, &mut after);
        let leads_back = |fill: &Suggestion| fill.field == Field::AuthorizationEndpoint;
        if findings.fills.iter().any(leads_back)
            && draft.text(field).is_empty()
            && presence(field, &after) == Presence::Required
        {
            // Only this server knows its callback address.
            let (value, label) = (untrack(|| form.callback().0), labels::field_in_full(field));
            findings.fills.push(Suggestion { field, value, label });
        }
        findings.fills.retain(|fill| draft.text(fill.field) != fill.value);
        let asks_again = |fill: &Suggestion| {
            !untrack(|| form.asks_again(&[], |draft| put(slice::from_ref(fill), draft))).is_empty()
        };
        let is_free = |fill: &Suggestion| is_as_fresh(&draft, fill.field) && !asks_again(fill);
        if findings.fills.iter().all(is_free) {
            form.fill_all(&std::mem::take(&mut findings.fills));
        }
        findings
    }

    /// Fills in the settings that last worked. Leaves them in the result if they would replace unsaved
    /// changes.
    fn restore(self, mut findings: LookupResult) -> LookupResult {
        let form = self.form();
        if !form.is_dirty.get_untracked() {
            form.fill_all(&std::mem::take(&mut findings.fills));
        }
        findings
    }

    /// Closes the result, and moves the focus to its button.
    pub fn close(self) {
        self.forget();
        self.form().focus(&format!("{}-button", self.id));
    }

    /// Takes the offered values out of the result, which closes the offer: the focus moves from its
    /// buttons to the result.
    pub fn take_offered(self) -> Vec<Suggestion> {
        self.form().focus_soon(self.id);
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
