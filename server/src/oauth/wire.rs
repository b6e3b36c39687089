//! One HTTP request to a Token Endpoint or another of a provider's, within its bounds: an address
//! that the egress policy allows, no redirect, no proxy but the configured one, 64 KiB compressed or
//! not, and an end.
//! Knows nothing of OAuth beyond that the `oauth2` and `openidconnect` crates send through here.

use std::future::ready;
use std::net::IpAddr;
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
use super::answer::{Refusal, Reply, Withheld};
use super::encoding::{self, Decoded, End};
use super::fault::Trouble;
use super::transport;
use crate::config::ProxyUrl;
use crate::egress::{self, AddressKind, EgressPolicy, LookUpError, Protocol, Vetted};
use crate::smtp::TlsTrust;

/// The most that is read of an answer's body, in octets, before and after its content codings.
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
    egress: Arc<EgressPolicy>,
    proxy: Option<ProxyUrl>,
    deadlines: TokenDeadlines,
}

/// How one request goes out.
enum Route<'w> {
    /// To an address of its host, and to no other.
    Direct(Vetted),
    /// By the proxy, which looks the host up itself: only of a literal address is it known where it
    /// leads.
    Proxied { proxy: &'w ProxyUrl, is_public: bool },
}

impl Route<'_> {
    /// Whether it is known to lead to a public address.
    fn is_public(&self) -> bool {
        match self {
            Self::Direct(vetted) => vetted.is_public(),
            Self::Proxied { is_public, .. } => *is_public,
        }
    }
}

impl Wire {
    /// A way out by this trust and this policy, and by this proxy if there is one.
    ///
    /// # Errors
    /// The HTTP client does not take one of them.
    pub(crate) fn new(
        trust: &TlsTrust,
        egress: &EgressPolicy,
        proxy: Option<&ProxyUrl>,
        deadlines: TokenDeadlines,
    ) -> Result<Self, TokenClientError> {
        let (tls, egress) = (trust.client_config(), Arc::new(egress.clone()));
        let wire = Self { tls, egress, proxy: proxy.cloned(), deadlines };
        let by_proxy = |proxy| wire.client(Route::Proxied { proxy, is_public: false });
        wire.proxy.as_ref().map(by_proxy).transpose()?;
        Ok(wire)
    }

    /// The same way out by another policy.
    pub(crate) fn by(&self, egress: EgressPolicy) -> Self {
        Self { egress: Arc::new(egress), ..self.clone() }
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
            Route::Proxied { proxy, .. } => Some(proxy.origin().to_owned()),
        };
        let is_public = route.is_public() && endpoint.scheme() == "https";
        let client = self.client(route).map_err(|_| Fault::ServerFailed)?;
        let reply = match client.execute(request).await {
            Ok(response) => read(response, is_public).await?,
            Err(error) => return Err(told_of(by_proxy, transport::broken(&error)).into()),
        };
        let withheld = Withheld::of(&reply);
        let mut response = HttpResponse::new(reply.accepted(&endpoint)?);
        if let Some(withheld) = withheld {
            response.extensions_mut().insert(withheld);
        }
        Ok(response)
    }

    /// How a request goes to an endpoint, if it may go there.
    async fn route(&self, endpoint: &Url) -> Result<Route<'_>, Trouble> {
        let protocol = match endpoint.scheme() {
            "https" => Protocol::Https,
            "http" => Protocol::Http,
            _ => return Err(Fault::AddressForbidden.into()),
        };
        let Some((host, port)) = place(endpoint) else {
            return Err(Fault::AddressForbidden.into());
        };
        let proxy = self.proxy.as_ref().filter(|_| protocol == Protocol::Https);
        if let Some(proxy) = proxy.filter(|_| !is_this_machine(&host)) {
            return self.by_proxy(proxy, &host, port).map_err(transport::not_found);
        }
        let vetted = egress::look_up(&self.egress, &host, port, protocol, self.deadlines.connect);
        vetted.await.map(Route::Direct).map_err(transport::not_found)
    }

    /// A way by the proxy, which looks names up itself: of the policy it leaves the rules about names,
    /// and all of it for literal addresses.
    fn by_proxy<'w>(
        &self,
        proxy: &'w ProxyUrl,
        host: &Host,
        port: u16,
    ) -> Result<Route<'w>, LookUpError> {
        let kind = egress::by_form(&self.egress, host, port, Protocol::Https)?;
        let denied = |(host, port)| self.egress.denies(&host, port);
        if Url::parse(proxy.origin()).ok().as_ref().and_then(place).is_some_and(denied) {
            return Err(LookUpError::Denied(proxy.origin().to_owned()));
        }
        let is_public = kind == Some(AddressKind::Public);
        Ok(Route::Proxied { proxy, is_public })
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
            Route::Proxied { proxy, .. } => {
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
async fn read(mut response: Response, is_public: bool) -> Result<Reply, Trouble> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while !status.is_redirection() && body.len() <= LONGEST_BODY {
        match response.chunk().await.map_err(|error| transport::broken(&error))? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    let is_longer = body.len() > LONGEST_BODY;
    body.truncate(LONGEST_BODY);
    let Decoded { octets, end } = encoding::decoded(&headers, body, LONGEST_BODY);
    match end {
        _ if !status.is_success() => {}
        End::Whole if !is_longer => {}
        End::Whole | End::Cut => return Err(Fault::TooLong.into()),
        End::Damaged if is_longer => return Err(Fault::TooLong.into()),
        End::Damaged => return Err(Fault::NotOauth.into()),
    }
    Ok(Reply { status, headers, body: octets, is_public })
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

/// Host and port of an address.
fn place(address: &Url) -> Option<(Host, u16)> {
    let host = match address.host()? {
        url::Host::Domain(name) => Host::Name(name.to_owned()),
        url::Host::Ipv4(address) => Host::Ip(IpAddr::V4(address)),
        url::Host::Ipv6(address) => Host::Ip(IpAddr::V6(address)),
    };
    Some((host, address.port_or_known_default()?))
}

/// Whether a host is this machine by its very form (RFC 6761 6.3).
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Ip(address) => address.is_loopback(),
        Host::Name(name) => name.trim_end_matches('.').rsplit('.').next() == Some("localhost"),
    }
}
