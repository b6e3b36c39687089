//! The stand-alone PPM Administrator shell: routes, navigation, sign-in, and the pages around the tab.
//! It is server-rendered HTML with forms and needs no script; only the tab is downloaded as Wasm.

mod account;
mod applications;
mod assets;
mod audit;
mod brand;
mod email;
mod forbidden;
mod frame;
mod health;
mod help;
mod history;
mod not_found;
mod parts;
mod preferences;
mod result;
mod return_path;
mod set_up;
mod sign_in;

use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Redirect, Route, Router};
use leptos_router::{SsrMode, path};

pub use assets::Assets;
pub use result::fault_code;
pub use return_path::{local_path, with_destination};

use app::markup::escaped;
use contract::paths;

/// The HTML document.
pub fn document(assets: &Assets) -> impl IntoView + use<> {
    view! {
        <!DOCTYPE html>
        <html lang=labels::LANGUAGE>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content=labels::email::LEAD/>
                <link rel="icon" href=brand::FAVICON/>
                {assets.style()}
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// Formats and escapes a page's title, because `leptos_meta` does not escape it.
fn document_title(title: &str) -> String {
    escaped(&labels::frame::window_title(title))
}

/// The shell's routes.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| document_title(&title)/>
        <Router>
            <FlatRoutes fallback=not_found::NotFound>
                <Route path=path!("/") view=|| view! { <Redirect path=paths::EMAIL/> }/>
                <Route path=path!("/sign-in") view=sign_in::SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/set-up") view=set_up::SetUpPage ssr=SsrMode::Async/>
                <Route path=path!("/settings/email") view=email::EmailPage ssr=SsrMode::Async/>
                <Route
                    path=path!("/settings/email/history")
                    view=history::HistoryPage
                    ssr=SsrMode::Async
                />
                <Route
                    path=path!("/settings/email/health")
                    view=health::HealthPage
                    ssr=SsrMode::Async
                />
                <Route
                    path=path!("/settings/email/applications")
                    view=applications::ApplicationsPage
                    ssr=SsrMode::Async
                />
                <Route path=path!("/oauth/result/:id?") view=result::ResultPage ssr=SsrMode::Async/>
                <Route path=path!("/account") view=account::AccountPage ssr=SsrMode::Async/>
                <Route path=path!("/help") view=help::HelpPage ssr=SsrMode::Async/>
                <Route path=path!("/audit") view=audit::AuditPage ssr=SsrMode::Async/>
                <Route
                    path=path!("/preferences/time")
                    view=preferences::TimePage
                    ssr=SsrMode::Async
                />
            </FlatRoutes>
        </Router>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_escaped() {
        let title = document_title("</title><b id=canary>");
        assert_eq!(title, "&lt;/title&gt;&lt;b id=canary&gt; · PPM Administrator");
    }
}
