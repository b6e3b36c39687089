//! Requests of a page of this server or of a Leptos host: they go to the page's own origin.

use contract::ApiCode;
use gloo_net::http::Request;
use leptos::wasm_bindgen::JsCast;
use web_sys::AbortSignal;

use super::{Reader, call::CallResponse};
use crate::{deadline, error::ApiError};

/// Opens an event stream; `None` if the request fails.
pub async fn stream(path: &str, signal: &AbortSignal) -> Option<Reader> {
    let answer = Request::get(path).abort_signal(Some(signal)).send().await.ok()?;
    let body = answer.ok().then(|| answer.body())??;
    Some(body.get_reader().unchecked_into())
}

pub async fn post(path: &str, body: String) -> Result<CallResponse, ApiError> {
    let unreachable = |_| ApiError(ApiCode::Unreachable);
    let millis = u32::try_from(deadline::ANSWER.as_millis()).unwrap_or(u32::MAX);
    let request = Request::post(path)
        .header("Content-Type", "application/json")
        .abort_signal(Some(&AbortSignal::timeout_with_u32(millis)))
        .body(body)
        .map_err(unreachable)?;
    let answer = request.send().await.map_err(unreachable)?;
    let text = answer.text().await.map_err(unreachable)?;
    Ok(CallResponse { status: answer.status(), text })
}
