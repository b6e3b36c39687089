//! Values that are offered for controls: the empty ones are filled, and what was typed is replaced only
//! after it was shown.

use domain::draft::check_text;
use domain::field::Kind;
use domain::{Draft, Field, OauthFlow};
use leptos::prelude::*;

use super::explanation::NextSteps;
use super::live::live_option;
use super::state::FormState;
use crate::api::ApiError;
use crate::explanation::Suggested;
use crate::labels;

/// An offer: what is left of it to say yes or no to, and what to know.
#[derive(Clone, Copy)]
pub struct Offer {
    form: FormState,
    offered: RwSignal<Option<Suggested>>,
}

impl Offer {
    /// None so far.
    pub fn new(form: FormState) -> Self {
        Self { form, offered: RwSignal::new(None) }
    }

    /// Takes what the server says: fills what is empty, and offers the rest.
    pub fn answered(self, answer: Result<Suggested, ApiError>) {
        match answer {
            Ok(suggested) => self.make(suggested),
            Err(error) => self.form.tell_failed(error),
        }
    }

    fn make(self, mut offer: Suggested) {
        let draft = self.form.draft_now();
        offer.values.retain(|(field, value)| draft.text(*field) != value);
        let (empty, held) =
            offer.values.into_iter().partition(|(field, _)| is_as_fresh(&draft, *field));
        self.form.fill_all(empty);
        self.offered.set(Some(Suggested { values: held, ..offer }));
    }

    /// Says no, or nothing more.
    pub fn withdraw(self) {
        self.offered.set(None);
    }

    fn accept(self) {
        let values = self.offered.try_update(|offered| {
            offered.as_mut().map(|offered| std::mem::take(&mut offered.values))
        });
        self.form.fill_all(values.flatten().unwrap_or_default());
    }

    fn decline(self) {
        self.offered.update(|offered| {
            if let Some(offered) = offered {
                offered.values.clear();
            }
        });
    }
}

/// Whether nobody has decided about a control yet.
fn is_as_fresh(draft: &Draft, field: Field) -> bool {
    match field {
        Field::Flow => draft.flow == OauthFlow::None && draft.basic.server.is_empty(),
        _ if field.kind() == Kind::Check => draft.text(field) == check_text(true),
        _ if field.kind() == Kind::Choice => draft.text(field) == Draft::default().text(field),
        _ => draft.text(field).is_empty(),
    }
}

/// What is offered, and the question.
#[component]
pub fn OfferView(offer: Offer) -> impl IntoView {
    let shown = live_option(move || {
        let Suggested { values, explanation } = offer.offered.get()?;
        let draft = offer.form.draft_now();
        let rows: Vec<_> = values
            .iter()
            .map(|(field, value)| {
                let (before, after) =
                    (labels::value(*field, draft.text(*field)), labels::value(*field, value));
                view! {
                    <div>
                        <dt>{labels::field_in_full(*field)}</dt>
                        <dd><del>{before}</del> " " <ins>{after}</ins></dd>
                    </div>
                }
            })
            .collect();
        let question = (!values.is_empty()).then(|| {
            view! {
                <p>{labels::HOLD_SOMETHING_ELSE}</p>
                <dl class="facts">{rows}</dl>
                <div class="actions">
                    <button type="button" part="button" on:click=move |_| offer.accept()>
                        "Replace these"
                    </button>
                    <button type="button" part="button" on:click=move |_| offer.decline()>
                        "Keep mine"
                    </button>
                </div>
            }
        });
        Some(view! {
            <section class="notice" part="notice">
                {question}
                <h2>{explanation.cause}</h2>
                <NextSteps steps=explanation.steps form=Some(offer.form)/>
            </section>
        })
    });
    view! { <div class="announcement" role="status">{shown}</div> }
}
