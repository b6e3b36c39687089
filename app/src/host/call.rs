//! How a server function reaches its server: its arguments and its answer are JSON in the bodies of a
//! `POST`, which the host sends.

use futures_channel::oneshot;
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use server_fn::codec::Post;
use server_fn::error::FromServerFnError;
use server_fn::{Bytes, Http, Protocol};

use super::{CALLER, Host, page};
use crate::api::ApiError;
use crate::wire::{self, Text};

/// The protocol of every server function. On the server it is that of the `server_fn` crate; in the
/// browser, one function sends for all of them, which keeps the bundle small.
pub struct Call;

type OnServer = Http<Post<Text>, Post<Text>>;

impl<Input, Output, Client, Server> Protocol<Input, Output, Client, Server, ApiError> for Call
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
        let body = wire::written(&input).map_err(|_| ApiError::Malformed)?;
        let Reply { status, text } = send(path.to_owned(), body).await?;
        if status == 200 {
            wire::read(text.as_bytes()).map_err(|_| ApiError::Malformed)
        } else {
            Err(ApiError::de(Bytes::from(text)))
        }
    }
}

/// What a server answered.
pub struct Reply {
    pub status: u16,
    pub text: String,
}

/// Sends a body on behalf of the host whose future is being polled.
async fn send(path: String, body: String) -> Result<Reply, ApiError> {
    let caller = CALLER.get();
    let (tell, told) = oneshot::channel();
    // Nothing of JavaScript's may travel between threads, as a server function's future may.
    caller.spawn(async move {
        let reply = match caller {
            Host { element: Some(element) } => element.post(&path, &body).await,
            Host { element: None } => page::post(&path, body).await,
        };
        // The caller has stopped waiting where this fails.
        drop(tell.send(reply));
    });
    told.await.unwrap_or(Err(ApiError::Unreachable))
}
