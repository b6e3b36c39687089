//! One HTTP request to a Token Endpoint or another of a provider's, within its bounds: an address
//! that may be called, no redirect, no proxy but the configured one, 64 KiB, and an end. Knows
//! nothing of OAuth beyond that the `oauth2` and `openidconnect` crates send through here.

use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use domain::check::host::Host;
use domain::token::Fault;
use oauth2::url::{self, Url};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Request, Response, retry};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::TokenDeadlines;
use super::answer::{Refusal, Reply};
use super::fault::Trouble;
use super::transport;
use crate::config::ProxyUrl;
use crate::egress::{self, Vetted, is_callable};
use crate::smtp::TlsTrust;

/// The most that is read of an answer's body, in octets.
const LONGEST_BODY: usize = 65_536;

/// How this server calls itself.
const USER_AGENT: &str = "ppm-email";

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client for Token Endpoints")]
pub struct TokenClientError(#[source] reqwest::Error);

/// The way out to Token Endpoints. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    tls: Arc<ClientConfig>,
    proxy: Option<ProxyUrl>,
    deadlines: TokenDeadlines,
}

/// How one request goes out.
enum Route<'w> {
    /// To an address of its host, and to no other.
    Direct(Vetted),
    /// By the proxy, which looks the host up itself.
    Proxied(&'w ProxyUrl),
}

impl Wire {
    /// A way out by this trust, and by this proxy if there is one.
    ///
    /// # Errors
    /// The HTTP client does not take one of them.
    pub(crate) fn new(
        trust: &TlsTrust,
        proxy: Option<&ProxyUrl>,
        deadlines: TokenDeadlines,
    ) -> Result<Self, TokenClientError> {
        let wire = Self { tls: trust.client_config(), proxy: proxy.cloned(), deadlines };
        wire.proxy.as_ref().map(|proxy| wire.client(Route::Proxied(proxy))).transpose()?;
        Ok(wire)
    }

    /// When a conversation that begins now has to be over.
    pub(crate) fn end(&self) -> Instant {
        Instant::now() + self.deadlines.total
    }

    /// What the `oauth2` crate sends a request through that has to be answered in time.
    pub(crate) fn until(&self, ends: Instant) -> Call<'_> {
        Call { wire: self, ends }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Refusal> {
        let request = Request::try_from(request).map_err(|_| Fault::ServerFailed)?;
        let endpoint = request.url().clone();
        let route = self.route(&endpoint).await?;
        let by_proxy = match &route {
            Route::Direct(_) => None,
            Route::Proxied(proxy) => Some(proxy.origin().to_owned()),
        };
        let client = self.client(route).map_err(|_| Fault::ServerFailed)?;
        let reply = match client.execute(request).await {
            Ok(response) => read(response).await?,
            Err(error) => return Err(told_of(by_proxy, transport::broken(&error)).into()),
        };
        reply.accepted(&endpoint).map(HttpResponse::new)
    }

    /// How a request goes to an endpoint, if it may go there.
    ///
    /// What is not encrypted stays on this machine, whatever a name service says.
    async fn route(&self, endpoint: &Url) -> Result<Route<'_>, Trouble> {
        let is_https = endpoint.scheme() == "https";
        let (Some(host), Some(port)) = (host(endpoint), endpoint.port_or_known_default()) else {
            return Err(Fault::AddressForbidden.into());
        };
        if let Some(proxy) = self.proxy.as_ref().filter(|_| is_https && !is_this_machine(&host)) {
            return match host {
                Host::Ip(address) if !is_callable(address) => {
                    Err(Trouble::new(Fault::AddressForbidden, Some(address.to_string())))
                }
                _ => Ok(Route::Proxied(proxy)),
            };
        }
        let vetted = egress::look_up(&host, port, self.deadlines.connect)
            .await
            .map_err(transport::not_found)?;
        let mut addresses = vetted.addresses().iter().map(SocketAddr::ip);
        match addresses.find(|address| !is_https && !address.is_loopback()) {
            Some(elsewhere) => {
                Err(Trouble::new(Fault::AddressForbidden, Some(elsewhere.to_string())))
            }
            None => Ok(Route::Direct(vetted)),
        }
    }

    /// A client for one request: nothing of it outlives the answer, no connection and no cookie.
    fn client(&self, route: Route<'_>) -> Result<Client, TokenClientError> {
        let builder = Client::builder()
            .tls_backend_preconfigured((*self.tls).clone())
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .pool_max_idle_per_host(0)
            .connect_timeout(self.deadlines.connect);
        let builder = match route {
            Route::Direct(vetted) => builder.dns_resolver(Arc::new(Pinned(vetted))),
            Route::Proxied(proxy) => {
                builder.proxy(Proxy::https(proxy.expose()).map_err(TokenClientError)?)
            }
        };
        builder.build().map_err(TokenClientError)
    }
}

/// A request on its way, and when it has to be over.
pub(crate) struct Call<'w> {
    wire: &'w Wire,
    ends: Instant,
}

impl<'c> AsyncHttpClient<'c> for Call<'_> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Refusal>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = timeout_at(self.ends, self.wire.send(request)).await;
            answer.unwrap_or_else(|_| Err(Fault::TooSlow.into()))
        })
    }
}

/// Answers every question with the addresses that were vetted.
struct Pinned(Vetted);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.addresses().to_vec().into_iter());
        Box::pin(ready(Ok(addresses)))
    }
}

/// Reads an answer. Of a redirect no body is read, and of a refusal no more than fits.
async fn read(mut response: Response) -> Result<Reply, Trouble> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while !status.is_redirection() && body.len() <= LONGEST_BODY {
        match response.chunk().await.map_err(|error| transport::broken(&error))? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    if status.is_success() && body.len() > LONGEST_BODY {
        return Err(Fault::TooLong.into());
    }
    body.truncate(LONGEST_BODY);
    Ok(Reply { status, headers, body })
}

/// The same trouble with the proxy named, where nothing more is known and one was in between.
fn told_of(proxy: Option<String>, trouble: Trouble) -> Trouble {
    match proxy {
        Some(_) if trouble.fault == Fault::NothingListens => {
            Trouble::new(Fault::Unreachable, proxy)
        }
        Some(_) if trouble.said.is_none() => Trouble { said: proxy, ..trouble },
        _ => trouble,
    }
}

fn host(endpoint: &Url) -> Option<Host> {
    match endpoint.host()? {
        url::Host::Domain(name) => Some(Host::Name(name.to_owned())),
        url::Host::Ipv4(address) => Some(Host::Ip(IpAddr::V4(address))),
        url::Host::Ipv6(address) => Some(Host::Ip(IpAddr::V6(address))),
    }
}

/// Whether a host is this machine by its very form (RFC 6761 6.3).
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Ip(address) => address.is_loopback(),
        Host::Name(name) => name.trim_end_matches('.').rsplit('.').next() == Some("localhost"),
    }
}
