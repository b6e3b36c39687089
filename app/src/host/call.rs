//! The transport of server functions: arguments and results are JSON in the bodies of a `POST`, which
//! the host sends.

use contract::ApiCode;
use futures_channel::oneshot;
use http::Method;
use serde::{Serialize, de::DeserializeOwned};
use server_fn::{Bytes, Http, Protocol, codec::Post, error::FromServerFnError};

use super::{CALLER, TabHost, page};
use crate::error::ApiError;
use crate::json::{self, JsonCodec};

/// The protocol of every server function. The server uses that of the `server_fn` crate. In the
/// browser, one non-generic function sends all requests, which keeps the bundle small.
pub struct HostTransport;

type OnServer = Http<Post<JsonCodec>, Post<JsonCodec>>;

impl<Input, Output, Client, Server> Protocol<Input, Output, Client, Server, ApiError>
    for HostTransport
where
    OnServer: Protocol<Input, Output, Client, Server, ApiError>,
    Input: Serialize + Send,
    Output: DeserializeOwned + Send,
    Client: server_fn::client::Client<ApiError>,
    Server: server_fn::server::Server<ApiError>,
{
    const METHOD: Method = OnServer::METHOD;

    async fn run_server<F, Fut>(
        request: Server::Request,
        function: F,
    ) -> Result<Server::Response, ApiError>
    where
        F: Fn(Input) -> Fut + Send,
        Fut: Future<Output = Result<Output, ApiError>> + Send,
    {
        OnServer::run_server(request, function).await
    }

    async fn run_client(path: &str, input: Input) -> Result<Output, ApiError> {
        let body = json::to_json(&input).map_err(|_| ApiError(ApiCode::Malformed))?;
        let CallResponse { status, text } = send(path.to_owned(), body).await?;
        if status == 200 {
            json::read(text.as_bytes()).map_err(|_| ApiError(ApiCode::Malformed))
        } else {
            Err(ApiError::de(Bytes::from(text)))
        }
    }
}

/// The server's response to a call: a result in JSON, or an error code.
pub struct CallResponse {
    pub status: u16,
    pub text: String,
}

/// Sends a body through the host of the future being polled.
async fn send(path: String, body: String) -> Result<CallResponse, ApiError> {
    let caller = CALLER.get();
    let (sender, receiver) = oneshot::channel();
    // A server function's future must be `Send`, which JavaScript values are not.
    caller.spawn(async move {
        let reply = match caller {
            TabHost { element: Some(element), .. } => element.post(&path, &body).await,
            TabHost { element: None, .. } => page::post(&path, body).await,
        };
        // Fails if the caller has stopped waiting.
        drop(sender.send(reply));
    });
    receiver.await.unwrap_or(Err(ApiError(ApiCode::Unreachable)))
}
