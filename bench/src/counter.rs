//! The baseline of hydration: a server of a bare Leptos page.

use std::path::Path;

use anyhow::{Context as _, Result};
use axum::{Router, http::header::CONTENT_TYPE, response::IntoResponse, routing::get};
use leptos::prelude::LeptosOptions;
use tokio::{fs, net::TcpListener};

/// Serves the page with the bundle in `folder` until it is killed.
pub async fn serve(folder: &Path) -> Result<()> {
    // Sets the executor of Leptos. The page has no routes.
    let _ = leptos_axum::generate_route_list(|| ());
    let options = LeptosOptions::builder().output_name(counter::NAME).build();
    let page = leptos_axum::render_app_to_stream(move || counter::document(options.clone()));
    let router = Router::new()
        .route("/", get(page))
        .route("/pkg/counter.js", file(folder, "counter.js", "text/javascript").await?)
        .route("/pkg/counter_bg.wasm", file(folder, "counter_bg.wasm", "application/wasm").await?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// A route with one file of the bundle.
async fn file(
    folder: &Path,
    name: &str,
    content_type: &'static str,
) -> Result<axum::routing::MethodRouter> {
    let path = folder.join(name);
    let bytes = fs::read(&path).await.with_context(|| format!("{} is missing", path.display()))?;
    let bytes = axum::body::Bytes::from(bytes);
    Ok(get(move || async move { ([(CONTENT_TYPE, content_type)], bytes).into_response() }))
}
