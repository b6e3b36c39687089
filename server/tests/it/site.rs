//! Serving the browser's bundle: compression, caching, paths.

use std::fs;

use axum::{Router, http::StatusCode};

use crate::support::harness::{Answer, Harness, get};

const HASHED: &str = "/pkg/ppm-email.0123456789abcdef.js";

async fn with_bundle() -> Harness {
    let harness = Harness::start().await;
    let pkg = harness.folder.path().join("pkg");
    fs::create_dir(&pkg).expect("the folder is ours");
    for (name, text) in [
        ("ppm-email.0123456789abcdef.js", "plain"),
        ("ppm-email.0123456789abcdef.js.br", "as brotli"),
        ("ppm-email.0123456789abcdef.js.gz", "as gzip"),
        ("ppm-email.js", "plain"),
    ] {
        fs::write(pkg.join(name), text).expect("the folder is ours");
    }
    harness
}

async fn fetch(harness: &Harness, path: &str, encodings: &str) -> Answer {
    harness.ask(Router::new(), get(path).header("accept-encoding", encodings)).await
}

#[tokio::test]
async fn a_browser_gets_a_compression_that_it_accepts() {
    let harness = with_bundle().await;
    for (encodings, expected) in
        [("gzip, br", ("br", "as brotli")), ("gzip", ("gzip", "as gzip")), ("", ("", "plain"))]
    {
        let answer = fetch(&harness, HASHED, encodings).await;
        assert_eq!((answer.header("content-encoding"), answer.body.as_str()), expected);
    }
}

#[tokio::test]
async fn a_hashed_name_is_cached_and_any_other_is_revalidated() {
    let harness = with_bundle().await;
    let cache_control =
        async |path| fetch(&harness, path, "").await.header("cache-control").to_owned();
    assert_eq!(cache_control(HASHED).await, "public, max-age=31536000, immutable");
    assert_eq!(cache_control("/pkg/ppm-email.js").await, "no-cache");
}

#[tokio::test]
async fn a_missing_file_is_a_404_that_is_not_cached() {
    let harness = with_bundle().await;
    let answer = fetch(&harness, "/pkg/ppm-email.ffffffffffffffff.js", "").await;
    let found = (answer.status, answer.header("cache-control"));
    assert_eq!(found, (StatusCode::NOT_FOUND, "no-store"));
}

#[tokio::test]
async fn nothing_outside_the_folder_is_served() {
    let harness = with_bundle().await;
    for path in ["/pkg/../ppm-email.key", "/pkg/%2e%2e/ppm-email.key", "/pkg/..%2fppm-email.key"] {
        assert_eq!(fetch(&harness, path, "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
