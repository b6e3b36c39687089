//! Serves the browser bundle: the files of the site root's `pkg` folder, and the two scripts beside
//! it that other sites load by name; precompressed if there is a `.br` or `.gz`. A file with a hash
//! of its content in its name never changes; any other is revalidated each time. None contains a
//! secret, and every site may use them.

use std::path::Path;

use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::{Router, extract::Request, http::header::CACHE_CONTROL, response::Response};
use contract::ApiCode;
use tower_http::services::{ServeDir, ServeFile};

use super::{api_error::refuse, cors};

/// The minimum length of a part of a name that counts as a hash.
const HASH_LETTERS: usize = 8;

/// The routes of the bundle, to be nested at the path where pages look for it.
pub fn bundle<S: Clone + Send + Sync + 'static>(site_root: &Path) -> Router<S> {
    let files = ServeDir::new(site_root.join("pkg"))
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();
    public(Router::new().fallback_service(files))
}

/// The scripts that embed the tab on other sites' pages: the element, and the iframe's connection
/// to its parent page.
pub fn scripts<S: Clone + Send + Sync + 'static>(site_root: &Path) -> Router<S> {
    let script =
        |name| ServeFile::new(site_root.join(name)).precompressed_br().precompressed_gzip();
    let scripts = Router::new()
        .route_service("/embed.js", script("embed.js"))
        .route_service("/embed/frame.js", script("frame.js"));
    public(scripts)
}

fn public<S: Clone + Send + Sync + 'static>(files: Router<S>) -> Router<S> {
    files.layer(from_fn(cache_control)).layer(from_fn(cors::any_origin))
}

async fn cache_control(request: Request, next: Next) -> Response {
    let is_hashed = is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    match response.status() {
        StatusCode::NOT_FOUND => return refuse(ApiCode::NotFound),
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED => {}
        _ => return response,
    }
    let memory = if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(memory));
    response
}

/// Whether a path ends like `name.HASH.ext`.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let middle = name.split('.').rev().nth(1).filter(|_| name.split('.').count() > 2);
    middle.is_some_and(|part| {
        part.len() >= HASH_LETTERS
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::is_hashed;

    #[test]
    fn only_a_hashed_name_is_cached_as_immutable() {
        assert!(is_hashed("/pkg/ppm-email.Q2hhbmdlTWU_-x.wasm"));
        for changing in [
            "/pkg/ppm-email.wasm",
            "/pkg/ppm-email_bg.wasm",
            "/pkg/main.min.css",
            "/pkg/",
            "/pkg/longenoughname.js",
        ] {
            assert!(!is_hashed(changing), "{changing}");
        }
    }
}
