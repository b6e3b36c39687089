//! `/settings/email`: the page with the tab, and with the only hydration script of the shell.

use app::{EmailSettingsPage, TAB};
use contract::paths;
use leptos::{nonce::use_nonce, prelude::*};

use crate::{Assets, frame::Frame};

/// A script that says so if the tab is not hydrated: its program was refused, or takes longer than 15
/// seconds. It hides the message again once the program has started.
fn watch_start() -> impl IntoView {
    view! {
        <script nonce=use_nonce()>
            "{
const message = document.getElementById('not-started');
const isStarted = () => performance.getEntriesByName('hydrated').length > 0;
const say = () => { message.hidden = isStarted(); };
addEventListener('unhandledrejection', say);
setTimeout(say, 15000);
new PerformanceObserver(say).observe({ type: 'mark' });
}"
        </script>
    }
}

/// The Email tab in the page layout.
#[component]
pub fn EmailPage() -> impl IntoView {
    let assets = use_context::<Assets>();
    view! {
        <Frame title=labels::email::TITLE lead=labels::email::LEAD>
            <p class="notice bad no-script">{labels::email::NO_SCRIPT}</p>
            <p class="notice bad" id="not-started" role="alert" hidden>{labels::email::NOT_STARTED}</p>
            <div id=TAB data-sign-in=paths::SIGN_IN data-health=paths::HEALTH>
                <EmailSettingsPage/>
            </div>
            {watch_start()}
            {assets.map(|assets| assets.hydration())}
        </Frame>
    }
}
