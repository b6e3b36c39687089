//! The stand-alone PPM Administrator frame: routes, navigation, sign-in, and the pages around the
//! tab. All of it is plain HTML that the server makes and answers itself, so that it works without
//! any script; a browser downloads the tab alone.

#![expect(clippy::must_use_candidate, reason = "`view!` uses what a component makes")]

mod account;
mod audit;
mod email;
mod frame;
mod history;
mod no_entry;
mod not_found;
mod preferences;
mod result;
mod set_up;
mod sign_in;
mod way;

use leptos::hydration::AutoReload;
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Redirect, Route, Router};
use leptos_router::{SsrMode, path};

pub use account::{AccountProblem, PasswordProblem};
pub use preferences::{TimeAttempt, TimeProblem};
pub use result::fault_code;
pub use set_up::{SetUpAttempt, SetUpProblem};
pub use way::{local_path, with_destination};

use crate::markup::escaped;

/// The pages' paths.
pub mod paths {
    /// The tab.
    pub const EMAIL: &str = "/settings/email";
    /// The latest test messages.
    pub const HISTORY: &str = "/settings/email/history";
    /// Who did what.
    pub const AUDIT: &str = "/audit";
    /// My Preferences, Time.
    pub const TIME: &str = "/preferences/time";
    /// My account: the password, and sessions.
    pub const ACCOUNT: &str = "/account";
    /// Changes one's own password.
    pub const ACCOUNT_PASSWORD: &str = "/account/password";
    /// Ends sessions.
    pub const ACCOUNT_SESSIONS: &str = "/account/sessions";
    /// In.
    pub const SIGN_IN: &str = "/sign-in";
    /// To the provider of the organisation's accounts.
    pub const OIDC_START: &str = "/oidc/start";
    /// Back from there.
    pub const OIDC_CALLBACK: &str = "/oidc/callback";
    /// Out.
    pub const SIGN_OUT: &str = "/sign-out";
    /// The first administrator.
    pub const SET_UP: &str = "/set-up";
    /// To the provider; a ticket follows.
    pub const OAUTH_START: &str = "/oauth/start";
    /// Back from the provider: what a Redirect URI leads to.
    pub const OAUTH_CALLBACK: &str = "/oauth/callback";
    /// How an attempt to obtain a token ended; its id follows.
    pub const OAUTH_RESULT: &str = "/oauth/result";
}

/// The whole document, as the server sends it.
#[must_use]
pub fn document(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="data:,"/>
                <HashedStylesheet options=options.clone() id="style"/>
                <AutoReload options/>
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// A page's title as `leptos_meta` writes it to the document: as it is, and so escaped here.
fn document_title(title: &str) -> String {
    escaped(&format!("{title} · PPM Administrator"))
}

/// The frame's routes.
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
                <Route path=path!("/oauth/result/:id?") view=result::ResultPage ssr=SsrMode::Async/>
                <Route path=path!("/account") view=account::AccountPage ssr=SsrMode::Async/>
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
    fn a_title_ends_no_element() {
        let title = document_title("</title><b id=canary>");
        assert_eq!(title, "&lt;/title&gt;&lt;b id=canary&gt; · PPM Administrator");
    }
}
