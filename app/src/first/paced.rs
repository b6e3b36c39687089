//! A part of the page that is hydrated in a separate task.

use leptos::prelude::*;

use crate::model::form::FormState;

/// A part of the page. The server renders it in place. The browser hydrates each part in a separate
/// task, so that no task is long: between two tasks it paints and handles input. Where there is nothing
/// to hydrate, parts are built at once. The layout does not see the element around a part.
#[component]
pub fn Paced(
    form: FormState,
    /// The name of a part that shows nothing but what [`FormState::shown`] has: no time, no token, no
    /// user. The server renders it once for several views.
    #[prop(optional)]
    of_settings: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    #[cfg(not(feature = "ssr"))]
    if form.is_hydrating() {
        return hydrated_later(children);
    }
    #[cfg(feature = "ssr")]
    if let Some((name, shown)) = of_settings.zip(form.shown()) {
        return super::rendered::rendered(name, shown, children);
    }
    let _ = (form, of_settings);
    view! { <div class="paced">{children()}</div> }.into_any()
}

/// Hydrates the server's element now, and what is in it in a later task.
#[cfg(not(feature = "ssr"))]
fn hydrated_later(children: Children) -> AnyView {
    use std::time::Duration;

    use leptos::html::Div;
    use leptos::tachys::{hydration::Cursor, view::PositionState};

    let part = NodeRef::<Div>::new();
    let owner = Owner::current().unwrap_or_default();
    // Dropping the state would stop the updates.
    let kept = StoredValue::new_local(None);
    let hydrate = move || {
        // The page may have been left meanwhile.
        if let Some(Some(part)) = part.try_get_untracked() {
            let state = owner.with(|| {
                let cursor = Cursor::new(part.into());
                children().hydrate::<true>(&cursor, &PositionState::default())
            });
            kept.try_set_value(Some(state));
        }
    };
    set_timeout(hydrate, Duration::ZERO);
    view! { <div class="paced" node_ref=part></div> }.into_any()
}
