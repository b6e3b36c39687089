//! The pages and server functions of `app`, with what they find in their context: the service, and
//! whoever is signed in.

use std::sync::Arc;

use app::service::SharedService;
use app::shell::{App, document};
use axum::Router;
use axum::extract::FromRef;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::request::Parts;
use axum::middleware::from_fn;
use axum::routing::post;
use leptos::config::LeptosOptions;
use leptos::context::{provide_context, use_context};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list};

use super::{api, door, headers};
use crate::Server;
use crate::config::Config;
use crate::identity::Caller;

/// The routes of the tab and of the stand-alone frame.
pub fn pages(server: &Server, service: SharedService) -> Router<Server> {
    let context = move || provide(&service);
    let nowhere = leptos_axum::render_app_async_with_context(context.clone(), {
        let options = LeptosOptions::from_ref(server);
        move || page(options.clone())
    });
    Router::new()
        .route("/sign-in", post(door::sign_in))
        .route("/sign-out", post(door::sign_out))
        .leptos_routes_with_context(server, generate_route_list(App), context, {
            let options = LeptosOptions::from_ref(server);
            move || page(options.clone())
        })
        .fallback(nowhere)
        .layer(from_fn(api::guard))
}

/// Tells a request's reactive context what it may use and who is asking.
fn provide(service: &SharedService) {
    provide_context(Arc::clone(service));
    let caller = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Caller>().cloned());
    if let Some(principal) = caller.and_then(|caller| caller.principal) {
        provide_context(principal);
    }
}

/// The document, with the policy that lets its own scripts run.
fn page(options: LeptosOptions) -> impl IntoView {
    if let Some((nonce, response)) = use_nonce().zip(use_context::<ResponseOptions>()) {
        response.insert_header(CONTENT_SECURITY_POLICY, headers::page_policy(&nonce));
    }
    document(options)
}

impl FromRef<Server> for LeptosOptions {
    fn from_ref(server: &Server) -> Self {
        options(&server.config)
    }
}

/// Where the bundle's files are; names have hashes where the build left a list of them beside the
/// program.
fn options(config: &Config) -> LeptosOptions {
    let program = std::env::current_exe().ok();
    let has_hashes = program.is_some_and(|program| program.with_file_name("hash.txt").exists());
    LeptosOptions::builder()
        .output_name("ppm-email")
        .site_root(config.site_root.to_string_lossy())
        .site_pkg_dir("pkg")
        .hash_files(has_hashes)
        .build()
}
