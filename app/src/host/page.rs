//! A page of this server's, or of a host written in Rust: calls go where the page came from.

use gloo_net::http::Request;
use leptos::wasm_bindgen::JsCast;
use web_sys::AbortSignal;

use super::call::Reply;
use crate::api::ApiError;
use crate::deadline;
use crate::tab::news::Reader;

/// Opens a stream of the server's.
pub async fn stream(path: &str, signal: &AbortSignal) -> Option<Reader> {
    let answer = Request::get(path).abort_signal(Some(signal)).send().await.ok()?;
    let body = answer.ok().then(|| answer.body())??;
    Some(body.get_reader().unchecked_into())
}

/// Sends a body to a path of the server's.
pub async fn post(path: &str, body: String) -> Result<Reply, ApiError> {
    let unreachable = |_| ApiError::Unreachable;
    let millis = u32::try_from(deadline::ANSWER.as_millis()).unwrap_or(u32::MAX);
    let request = Request::post(path)
        .header("Content-Type", "application/json")
        .abort_signal(Some(&AbortSignal::timeout_with_u32(millis)))
        .body(body)
        .map_err(unreachable)?;
    let answer = request.send().await.map_err(unreachable)?;
    let text = answer.text().await.map_err(unreachable)?;
    Ok(Reply { status: answer.status(), text })
}
