//! The HTTP client of the `oauth2` and `openidconnect` crates, over the guarded one.

use std::pin::Pin;

use net::http::GuardedHttp;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use tokio::time::Instant;

use super::response::{TokenEndpointError, TokenEndpointResponse, Withheld};

/// A guarded HTTP client with a deadline for one call.
pub struct TimedHttp<'h> {
    http: &'h GuardedHttp,
    ends: Instant,
}

impl<'h> TimedHttp<'h> {
    /// Creates a client for a call that begins now.
    pub fn new(http: &'h GuardedHttp) -> Self {
        Self { http, ends: http.end() }
    }
}

impl<'c> AsyncHttpClient<'c> for TimedHttp<'_> {
    type Error = TokenEndpointError;
    type Future =
        Pin<Box<dyn Future<Output = Result<HttpResponse, TokenEndpointError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = TokenEndpointResponse(self.http.send(request, self.ends).await?);
            let withheld = Withheld::of(&answer);
            let mut response = HttpResponse::new(answer.accepted()?);
            if let Some(withheld) = withheld {
                response.extensions_mut().insert(withheld);
            }
            Ok(response)
        })
    }
}
