//! The baseline: an HTTP server with one empty route.

use anyhow::Result;
use axum::{Router, routing::get};
use tokio::net::TcpListener;

/// Serves until it is killed.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let router = Router::new().route("/", get(|| async {})).route("/health", get(|| async {}));
    Ok(axum::serve(listener, router).await?)
}
