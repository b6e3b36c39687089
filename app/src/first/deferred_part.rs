//! A part of the page whose code is in the deferred chunk.

use leptos::prelude::*;

use crate::deferred::door::{self, DeferredView};
use crate::model::form::FormState;

/// A part of the page. The server renders it in place. In the browser that stands until the chunk has
/// loaded, and is replaced then: the state may have changed meanwhile, so it cannot be hydrated. Each
/// part is replaced in a separate task. Where there is nothing to hydrate, the part comes with the chunk.
#[component]
pub fn DeferredPart(form: FormState, part: DeferredView) -> impl IntoView {
    #[cfg(not(feature = "ssr"))]
    if form.is_hydrating() {
        return replaced_later(form, part);
    }
    #[cfg(feature = "ssr")]
    let part = door::render(form, part);
    #[cfg(not(feature = "ssr"))]
    let part = door::deferred(form, part);
    view! { <div class="paced">{part}</div> }.into_any()
}

/// Leaves what is in the server's element, and replaces it when the chunk has loaded.
#[cfg(not(feature = "ssr"))]
fn replaced_later(form: FormState, part: DeferredView) -> AnyView {
    use std::time::Duration;

    use leptos::html::Div;
    use leptos::tachys::view::{Mountable, Render};

    let place = NodeRef::<Div>::new();
    let owner = Owner::current().unwrap_or_default();
    // Dropping the state would stop the updates.
    let kept = StoredValue::new_local(None);
    let mut part = Some(part);
    Effect::new(move |_| {
        let Some(part) = part.take_if(|_| form.is_chunk_loaded()) else { return };
        let owner = owner.clone();
        let replace = move || {
            // The page may have been left meanwhile.
            let Some(Some(place)) = place.try_get_untracked() else { return };
            let state = owner.with(|| door::render(form, part).map(Render::build));
            if let Some(mut state) = state {
                place.set_text_content(None);
                state.mount(&place, None);
                kept.try_set_value(Some(state));
            }
        };
        set_timeout(replace, Duration::ZERO);
    });
    view! { <div class="paced" node_ref=place></div> }.into_any()
}
