//! The error of the server functions.

use contract::{ApiCode, code::ErrorBody};
use leptos::server_fn::Bytes;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use crate::json::{self, JsonCodec};

/// The error of a server function: an [`ApiCode`] in a type of this crate, on which Leptos's trait can
/// be implemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
#[serde(transparent)]
pub struct ApiError(pub ApiCode);

impl FromServerFnError for ApiError {
    type Encoder = JsonCodec;

    /// Decodes errors of the server functions and of the middleware in front of them. Anything else,
    /// for example a proxy's error page, counts as [`ApiCode::Unreachable`].
    fn de(body: Bytes) -> Self {
        let code = json::read(&body).or_else(|_| json::read(&body).map(|ErrorBody { code }| code));
        Self(code.map_or(ApiCode::Unreachable, ApiCode::general))
    }

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let code = match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => ApiCode::Unreachable,
            ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_) => ApiCode::Malformed,
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Serialization(_) => ApiCode::ServerFailed,
        };
        #[cfg(feature = "ssr")]
        set_status(code);
        Self(code)
    }
}

/// Sets the HTTP status of an error, for which Leptos would answer 500. A page that was rendered
/// with an error keeps its own status.
#[cfg(feature = "ssr")]
pub(crate) fn set_status(code: ApiCode) {
    use axum::http::{StatusCode, request::Parts};
    use leptos::context::use_context;
    use leptos_axum::ResponseOptions;

    let is_call = use_context::<Parts>().is_some_and(|parts| parts.uri.path().starts_with("/api/"));
    if let (Some(response), true) = (use_context::<ResponseOptions>(), is_call) {
        let status = StatusCode::from_u16(code.status());
        response.set_status(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
}
