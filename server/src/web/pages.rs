//! The routes of the pages of `shell` and the server functions of `app`, with their Leptos context:
//! the services and the signed-in user.

use std::sync::{Arc, LazyLock};

use axum::extract::{Extension, FromRef, Request};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, StatusCode, Version, request::Parts};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Router, body::Body};
use contract::{AccessDenied, ConsentBinding, RequestContext, RequestOrigin, SignInOptions, paths};
use leptos::context::{provide_context, use_context};
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_axum::{AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list};
use net::origin::PublicUrl;
use shell::{App, Assets, document};
use tower_http::compression::CompressionLayer;

use super::events::{EVENTS, events};
use super::{applications, forms, headers, oauth, oidc, sign_in};
use crate::config::Config;
use crate::identity::Caller;
use crate::identity::oidc::Oidc;
use crate::state::Server;
use crate::use_cases::Service;

/// The list of routes, made once per process: while Leptos makes it, it suspends every resource of
/// the process (`SuppressResourceLoad`), those of pages being rendered too.
static ROUTES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));

/// Renders pages: what the context of each has in common, and the bundle's files.
#[derive(Clone)]
pub struct Pages {
    common: RequestContext,
    assets: Assets,
    /// For a host's pages, which load the bundle by Leptos's components.
    options: LeptosOptions,
    public_url: Option<PublicUrl>,
}

impl Pages {
    /// The pages of this server.
    pub fn new(server: &Server, service: &Arc<Service>) -> Self {
        let public_url = server.config.public_url.clone();
        let origin = RequestOrigin {
            public_origin: public_url.as_ref().map(|url| url.origin().to_owned()),
            ..RequestOrigin::default()
        };
        let common = RequestContext {
            service: service.clone(),
            shell: service.clone(),
            caller: None,
            denied: None,
            has_session: false,
            binding: ConsentBinding::default(),
            origin,
            tab_path: server.config.tab_path.clone(),
            sign_in: SignInOptions {
                by_password: server.config.has_local_accounts,
                by_provider: server.people.oidc.as_ref().map(Oidc::name).map(str::to_owned),
            },
        };
        let options = LeptosOptions::from_ref(server);
        let assets = Assets::new(&options, &hashes().unwrap_or_default());
        Self { common, assets, options, public_url }
    }

    /// Renders the page at a path of this server for the caller, with `more` in its context.
    ///
    /// # Panics
    /// `address` is not a path.
    pub async fn page(
        &self,
        address: &str,
        caller: Caller,
        more: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Response {
        let request = Request::get(address).extension(caller).body(Body::empty());
        let request = request.expect("paths of this server are addresses");
        let (pages, assets) = (self.clone(), self.assets.clone());
        let context = move || {
            pages.provide();
            more();
        };
        leptos_axum::render_app_async_with_context(context, move || page(&assets))(request)
            .await
            .into_response()
    }

    /// Returns [`provide`](Self::provide) as a function.
    fn context(&self) -> impl Fn() + Clone + Send + Sync + 'static {
        let pages = self.clone();
        move || pages.provide()
    }

    /// Provides the reactive context of a request: the bundle's files and a [`RequestContext`].
    pub fn provide(&self) {
        provide_context(self.assets.clone());
        provide_context(self.options.clone());
        let mut context = self.common.clone();
        if let Some(parts) = use_context::<Parts>() {
            context.origin.callback =
                oauth::callback_address(self.public_url.as_ref(), &parts.headers);
            context.origin.forwarded = oauth::forwarded(&parts.headers);
            context.denied = parts.extensions.get::<AccessDenied>().copied();
            let caller = parts.extensions.get::<Caller>().cloned();
            if let Some(Caller { principal, session, browser, .. }) = caller {
                context.caller = principal;
                context.has_session = session.is_some();
                context.binding = browser;
            }
        }
        provide_context(context);
    }
}

/// The routes of the tab and of the stand-alone frame.
pub fn pages(server: &Server, service: &Arc<Service>) -> Router<Server> {
    let pages = Pages::new(server, service);
    let assets = pages.assets.clone();
    let context = pages.context();
    let not_found = leptos_axum::render_app_async_with_context(context.clone(), {
        let assets = assets.clone();
        move || page(&assets)
    });
    Router::new()
        .route(paths::SIGN_IN, post(sign_in::sign_in))
        .route(paths::SIGN_OUT, post(sign_in::sign_out))
        .route(paths::OIDC_START, get(oidc::start))
        .route(paths::OIDC_CALLBACK, get(oidc::callback))
        .route(paths::SET_UP, post(forms::set_up))
        .route(paths::TIME, post(forms::times))
        .route(paths::HEALTH, post(forms::check_health))
        .route(paths::APPLICATIONS, post(applications::change))
        .route(paths::ACCOUNT_PASSWORD, post(forms::change_password))
        .route(paths::ACCOUNT_SESSIONS, post(forms::end_sessions))
        .merge(consents())
        .merge(news())
        .leptos_routes_with_context(server, ROUTES.clone(), context, move || page(&assets))
        .fallback(not_found)
        .layer(CompressionLayer::new().compress_when(is_page))
        .layer(Extension(pages))
}

/// Whether a response is compressed: only pages are (decision 19 says why that is safe).
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// The path prefix of the tab's calls.
pub const CALLS: &str = "/api/email/";

/// The routes that the tab needs on any page: its calls, the redirects to the provider and back,
/// and the result page.
pub fn tab(server: &Server, service: &Arc<Service>) -> Router<Server> {
    // Listing the routes also sets the executor of Leptos; a host may have set none.
    LazyLock::force(&ROUTES);
    let pages = Pages::new(server, service);
    let result = leptos_axum::render_app_async_with_context(pages.context(), {
        let assets = pages.assets.clone();
        move || page(&assets)
    });
    consents()
        .merge(news())
        .route(&format!("{CALLS}{{*call}}"), answer(&pages))
        .route(paths::OAUTH_RESULT, get(result.clone()))
        .route(&format!("{}/{{id}}", paths::OAUTH_RESULT), get(result))
}

/// The redirects to the OAuth provider and back.
fn consents() -> Router<Server> {
    Router::new()
        .route(&format!("{}/{{ticket}}", paths::OAUTH_START), get(oauth::start))
        .route(paths::OAUTH_CALLBACK, get(oauth::callback).post(oauth::posted))
}

/// The event stream.
fn news() -> Router<Server> {
    Router::new().route(EVENTS, get(events))
}

/// The server functions and the event stream, for callers that are no pages of this server.
pub fn calls(server: &Server, service: &Arc<Service>) -> Router<Server> {
    let answer = answer(&Pages::new(server, service));
    news().fallback(answer)
}

/// Handles server functions.
fn answer(pages: &Pages) -> MethodRouter<Server> {
    let context = pages.context();
    any(move |request| leptos_axum::handle_server_fns_with_context(context.clone(), request))
}

/// Renders the document, with the CSP that allows its own scripts.
fn page(assets: &Assets) -> impl IntoView + use<> {
    if let Some((nonce, response)) = use_nonce().zip(use_context::<ResponseOptions>()) {
        response.insert_header(CONTENT_SECURITY_POLICY, headers::page_policy(&nonce));
    }
    document(assets)
}

impl FromRef<Server> for LeptosOptions {
    fn from_ref(server: &Server) -> Self {
        options(&server.config)
    }
}

/// The locations of the bundle's files. Names have hashes if the build left a list of them next to
/// the program.
fn options(config: &Config) -> LeptosOptions {
    LeptosOptions::builder()
        .output_name("ppm-email")
        .site_root(config.site_root.to_string_lossy())
        .site_pkg_dir("pkg")
        .hash_files(hashes().is_some())
        .build()
}

/// The list of the hashes in the names of the bundle's files, if the build has left it next to the program.
fn hashes() -> Option<String> {
    let list = std::env::current_exe().ok()?.with_file_name("hash.txt");
    match std::fs::read_to_string(&list) {
        Ok(hashes) => Some(hashes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::error!(
                "{} cannot be read, so the tab will not start: {error}",
                list.display()
            );
            None
        }
    }
}
