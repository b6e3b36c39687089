//! Sends one HTTP request to a provider within limits: an address that the egress policy permits,
//! no redirects, no proxy but the configured one, 64 KiB compressed or not, and a deadline. Knows
//! no protocol above HTTP.

use std::{future::ready, net::IpAddr, sync::Arc, time::Duration};

use ::http::{HeaderMap, StatusCode};
use domain::{syntax::host::Host, token::OauthDiagnosis};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Proxy, Request, Response, redirect::Policy, retry};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};
use url::{self, Url};

use crate::egress::{self, AddressKind, EgressPolicy, LookUpError, Protocol, Vetted};
use crate::encoding::{self, DecodeEnd, Decoded};
use crate::origin::ProxyUrl;
use crate::tls::TlsTrust;
use crate::transport_error;
pub use crate::transport_error::HttpError;

/// The maximum size of a body, in octets, before and after its content codings.
const LONGEST_BODY: usize = 65_536;

const USER_AGENT: &str = "ppm-email";

/// The time limits of an HTTP call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpDeadlines {
    /// The limit of the name lookup, and of connecting with TLS.
    pub connect: Duration,
    /// The limit of the whole call, from the name lookup to the last octet, a second request
    /// included.
    pub total: Duration,
}

impl Default for HttpDeadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), total: Duration::from_secs(30) }
    }
}

/// A response, its body as far as it was read.
#[derive(Debug)]
pub struct HttpAnswer {
    /// The URL of the request.
    pub url: Url,
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body without content codings; empty for a redirect.
    pub body: Vec<u8>,
    /// Whether it came by https from a public address. The content of any other response is not to
    /// be shown, so that an administrator cannot read services of the server's network (SSRF).
    pub is_public: bool,
}

/// Why the HTTP client cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client for Token Endpoints")]
pub struct HttpClientError(#[source] reqwest::Error);

/// An HTTP client for providers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GuardedHttp {
    tls: Arc<ClientConfig>,
    egress: Arc<EgressPolicy>,
    proxy: Option<ProxyUrl>,
    deadlines: HttpDeadlines,
}

/// The route of a request.
enum Route<'w> {
    /// To one of the vetted addresses of its host, and to no other.
    Direct(Vetted),
    /// Through the proxy, which resolves the host itself: only a literal address is known to be
    /// public.
    Proxied { proxy: &'w ProxyUrl, is_public: bool },
}

impl Route<'_> {
    /// Whether the target is known to be a public address.
    fn is_public(&self) -> bool {
        match self {
            Self::Direct(vetted) => vetted.is_public(),
            Self::Proxied { is_public, .. } => *is_public,
        }
    }
}

impl GuardedHttp {
    /// Creates a client with the trusted authorities, the egress policy, and the proxy if there is
    /// one.
    ///
    /// # Errors
    /// The HTTP client rejects one of them.
    pub fn new(
        trust: &TlsTrust,
        egress: &EgressPolicy,
        proxy: Option<&ProxyUrl>,
        deadlines: HttpDeadlines,
    ) -> Result<Self, HttpClientError> {
        let (tls, egress) = (trust.client_config(), Arc::new(egress.clone()));
        let http = Self { tls, egress, proxy: proxy.cloned(), deadlines };
        let proxied = |proxy| http.client(Route::Proxied { proxy, is_public: false });
        http.proxy.as_ref().map(proxied).transpose()?;
        Ok(http)
    }

    /// Returns the same client with another policy.
    pub fn by(&self, egress: EgressPolicy) -> Self {
        Self { egress: Arc::new(egress), ..self.clone() }
    }

    /// Returns the time limit of a whole call.
    pub const fn total(&self) -> Duration {
        self.deadlines.total
    }

    /// Returns the deadline of a call that begins now.
    pub fn end(&self) -> Instant {
        Instant::now() + self.deadlines.total
    }

    /// Sends a request, and reads the response until the deadline.
    ///
    /// # Errors
    /// The URL is not permitted, or the request failed or timed out.
    pub async fn send(
        &self,
        request: ::http::Request<Vec<u8>>,
        ends: Instant,
    ) -> Result<HttpAnswer, HttpError> {
        let answer = async {
            let (response, url, is_public) = self.response(request).await?;
            read(response, url, is_public).await
        };
        in_time(ends, answer).await
    }

    /// Sends a request, and returns the status of the response, whose body is not read.
    ///
    /// # Errors
    /// The URL is not permitted, or the request failed or timed out.
    pub async fn status(
        &self,
        request: ::http::Request<Vec<u8>>,
        ends: Instant,
    ) -> Result<StatusCode, HttpError> {
        in_time(ends, self.response(request)).await.map(|(response, ..)| response.status())
    }

    /// Returns the response before its body, the URL, and whether the response is public
    /// ([`HttpAnswer::is_public`]).
    async fn response(
        &self,
        request: ::http::Request<Vec<u8>>,
    ) -> Result<(Response, Url, bool), HttpError> {
        let request = Request::try_from(request).map_err(|_| OauthDiagnosis::ServerFailed)?;
        let url = request.url().clone();
        let route = self.route(&url).await?;
        let proxied = match &route {
            Route::Direct(_) => None,
            Route::Proxied { proxy, .. } => Some(proxy.origin().to_owned()),
        };
        let is_public = route.is_public() && url.scheme() == "https";
        let client = self.client(route).map_err(|_| OauthDiagnosis::ServerFailed)?;
        match client.execute(request).await {
            Ok(response) => Ok((response, url, is_public)),
            Err(error) => Err(naming_proxy(proxied, transport_error::broken(&error))),
        }
    }

    /// Returns the route to an endpoint, if it is permitted.
    async fn route(&self, endpoint: &Url) -> Result<Route<'_>, HttpError> {
        let protocol = match endpoint.scheme() {
            "https" => Protocol::Https,
            "http" => Protocol::Http,
            _ => return Err(OauthDiagnosis::AddressForbidden.into()),
        };
        let Some((host, port)) = host_and_port(endpoint) else {
            return Err(OauthDiagnosis::AddressForbidden.into());
        };
        let proxy = self.proxy.as_ref().filter(|_| protocol == Protocol::Https);
        if let Some(proxy) = proxy.filter(|_| !is_this_machine(&host)) {
            return self.proxied(proxy, &host, port).map_err(transport_error::not_found);
        }
        let vetted = egress::look_up(&self.egress, &host, port, protocol, self.deadlines.connect);
        vetted.await.map(Route::Direct).map_err(transport_error::not_found)
    }

    /// Returns a route through the proxy, which resolves names itself: the policy is applied to
    /// literal addresses in full, and to names by its rules about names.
    fn proxied<'w>(
        &self,
        proxy: &'w ProxyUrl,
        host: &Host,
        port: u16,
    ) -> Result<Route<'w>, LookUpError> {
        let kind = egress::by_form(&self.egress, host, port, Protocol::Https)?;
        let denied = |(host, port)| self.egress.denies(&host, port);
        if Url::parse(proxy.origin()).ok().as_ref().and_then(host_and_port).is_some_and(denied) {
            return Err(LookUpError::Denied(proxy.origin().to_owned()));
        }
        let is_public = kind == Some(AddressKind::Public);
        Ok(Route::Proxied { proxy, is_public })
    }

    /// Builds a client for one request: no connection and no cookie outlives the response.
    fn client(&self, route: Route<'_>) -> Result<Client, HttpClientError> {
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
                builder.proxy(Proxy::https(proxy.expose()).map_err(HttpClientError)?)
            }
        };
        builder.build().map_err(HttpClientError)
    }
}

/// Runs a call until its deadline.
async fn in_time<T>(
    ends: Instant,
    call: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    timeout_at(ends, call).await.unwrap_or_else(|_| Err(OauthDiagnosis::TooSlow.into()))
}

/// A resolver that returns only the vetted addresses.
struct Pinned(Vetted);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.addresses().to_vec().into_iter());
        Box::pin(ready(Ok(addresses)))
    }
}

/// Reads a response. The body of a redirect is not read; that of an error is truncated at the
/// limit.
async fn read(mut response: Response, url: Url, is_public: bool) -> Result<HttpAnswer, HttpError> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while !status.is_redirection() && body.len() <= LONGEST_BODY {
        match response.chunk().await.map_err(|error| transport_error::broken(&error))? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    let is_longer = body.len() > LONGEST_BODY;
    body.truncate(LONGEST_BODY);
    let Decoded { octets, end } = encoding::decoded(&headers, body, LONGEST_BODY);
    match end {
        _ if !status.is_success() => {}
        DecodeEnd::Whole if !is_longer => {}
        DecodeEnd::Whole | DecodeEnd::Cut => return Err(OauthDiagnosis::TooLong.into()),
        DecodeEnd::Damaged if is_longer => return Err(OauthDiagnosis::TooLong.into()),
        DecodeEnd::Damaged => return Err(OauthDiagnosis::NotOauth.into()),
    }
    Ok(HttpAnswer { url, status, headers, body: octets, is_public })
}

/// Names the proxy in an error of a proxied request, if nothing more specific is known.
fn naming_proxy(proxy: Option<String>, error: HttpError) -> HttpError {
    match proxy {
        Some(_) if error.diagnosis == OauthDiagnosis::NothingListens => {
            HttpError::new(OauthDiagnosis::Unreachable, proxy)
        }
        Some(_) if error.peer_text.is_none() => HttpError { peer_text: proxy, ..error },
        _ => error,
    }
}

fn host_and_port(address: &Url) -> Option<(Host, u16)> {
    let host = match address.host()? {
        url::Host::Domain(name) => Host::Name(name.to_owned()),
        url::Host::Ipv4(address) => Host::Ip(IpAddr::V4(address)),
        url::Host::Ipv6(address) => Host::Ip(IpAddr::V6(address)),
    };
    Some((host, address.port_or_known_default()?))
}

/// Whether a host is this machine by its name or literal alone (RFC 6761 6.3).
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Ip(address) => address.is_loopback(),
        Host::Name(name) => name.trim_end_matches('.').rsplit('.').next() == Some("localhost"),
    }
}
