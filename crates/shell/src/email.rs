//! `/settings/email`: the page with the tab, and with the only hydration script of the shell.

use app::{EmailSettingsPage, TAB};
use contract::paths;
use leptos::{hydration::HydrationScripts, prelude::*};

use crate::frame::Frame;

/// The Email tab in the page layout.
#[component]
pub fn EmailPage() -> impl IntoView {
    let options = use_context::<LeptosOptions>();
    view! {
        <Frame title=labels::email::TITLE lead=labels::email::LEAD>
            <div id=TAB data-sign-in=paths::SIGN_IN><EmailSettingsPage/></div>
            {options.map(|options| view! { <HydrationScripts options/> })}
        </Frame>
    }
}
