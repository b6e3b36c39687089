//! TLS towards mail servers: whom this machine trusts, and what a failed handshake means. Decides
//! nothing by itself about a certificate; that is the platform's verifier's work.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex};

use domain::check::certificate::CertificateProblem;
use domain::check::host::Host;
use domain::delivery::{Advice, Fact, FactName};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, InvalidMessage,
    OtherError, ProtocolVersion, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use webpki::EndEntityCert;

use super::certificate::{self, Shown, is_of_authority, vouches_for_others};
use super::report::fact;
use crate::egress;

/// Whom this machine trusts to vouch for a server: the platform's authorities and those of
/// `--extra-ca`. Read once; cheap to clone.
#[derive(Debug, Clone)]
pub struct TlsTrust {
    judge: Arc<dyn ServerCertVerifier>,
    config: Arc<ClientConfig>,
}

/// Why there is no trust to begin with.
#[derive(Debug, thiserror::Error)]
#[error("no usable certificate authority: this machine has none, or --extra-ca is no authority")]
pub struct TrustError(#[source] rustls::Error);

impl TlsTrust {
    /// Trusts the platform's authorities and these.
    ///
    /// # Errors
    /// The machine has none, or one of these cannot be an authority.
    pub fn with_extra_ca(roots: &[CertificateDer<'static>]) -> Result<Self, TrustError> {
        Self::with_roots(roots.to_vec()).map_err(TrustError)
    }

    fn with_roots(roots: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let platform = Verifier::new_with_extra_roots(roots, provider.clone())?;
        let judge: Arc<dyn ServerCertVerifier> = Arc::new(TellsSelfSigned(platform));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(judge.clone())
            .with_no_client_auth();
        // A resumed session would not show its certificate again, and a test is to see it.
        config.resumption = Resumption::disabled();
        Ok(Self { judge, config: Arc::new(config) })
    }

    /// The rustls configuration, for whatever else speaks TLS on the administrator's word.
    #[must_use]
    pub fn client_config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// The same for one mail server, which these may vouch for as well; what of them is no certificate
    /// of an authority vouches for nobody.
    pub(super) fn and(&self, pem: &str) -> Cow<'_, Self> {
        let Some(others) = Roots::new(certificates(pem).unwrap_or_default()) else {
            return Cow::Borrowed(self);
        };
        let judge: Arc<dyn ServerCertVerifier> =
            Arc::new(Either { first: self.judge.clone(), second: others });
        let mut config = ClientConfig::clone(&self.config);
        config.dangerous().set_certificate_verifier(judge.clone());
        Cow::Owned(Self { judge, config: Arc::new(config) })
    }

    /// The same for one connection, and what the server shows there.
    pub(super) fn witnessed(&self) -> (Arc<ClientConfig>, Witnessed) {
        let shown = Witnessed::default();
        let witness = Witness { judge: self.judge.clone(), shown: shown.clone() };
        let mut config = ClientConfig::clone(&self.config);
        config.dangerous().set_certificate_verifier(Arc::new(witness));
        (Arc::new(config), shown)
    }
}

/// The certificates in a text; nothing where one cannot be read.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()
}

/// Why certificates in PEM cannot all vouch for this server, as far as that can be known without it.
pub(crate) fn problem_of_trusted(pem: &str, server: &str) -> Option<CertificateProblem> {
    let can_vouch = |der: &CertificateDer<'_>| {
        webpki::anchor_from_trusted_cert(der).is_ok() && is_of_authority(der)
    };
    match certificates(pem) {
        Some(all) if !all.is_empty() && all.iter().all(can_vouch) => {
            all.iter().find_map(|der| certificate::problem_of_trusted(der, server))
        }
        _ => Some(CertificateProblem::NoAuthority),
    }
}

/// Two who judge: whoever the first does not know, the second may.
#[derive(Debug)]
struct Either {
    first: Arc<dyn ServerCertVerifier>,
    second: Roots,
}

impl ServerCertVerifier for Either {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let first = self.first.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match first {
            Err(stranger) if is_of_stranger(&stranger) => {
                match self.second.judge(end_entity, intermediates, server_name, now) {
                    Err(error) if is_of_stranger(&error) => Err(stranger),
                    judgement => judgement,
                }
            }
            judgement => judgement,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.first.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.first.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.first.supported_verify_schemes()
    }
}

/// Whether a certificate was refused for want of somebody who vouches for it, or who was only called
/// so: an authority's next key has the name of the one before. Platforms have words of their own.
fn is_of_stranger(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::Other(_)
        )
    )
}

/// What a server showed on one connection, once it has.
#[derive(Debug, Clone, Default)]
pub(super) struct Witnessed(Arc<Mutex<Option<Shown>>>);

impl Witnessed {
    /// Takes it.
    pub(super) fn take(&self) -> Option<Shown> {
        self.0.lock().ok()?.take()
    }
}

/// Remembers what a server shows, and leaves every judgement to another.
#[derive(Debug)]
struct Witness {
    judge: Arc<dyn ServerCertVerifier>,
    shown: Witnessed,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Ok(mut shown) = self.shown.0.lock() {
            let chain = std::iter::once(end_entity).chain(intermediates);
            let chain = chain.map(|certificate| certificate.clone().into_owned()).collect();
            *shown = Some(Shown { chain, at: now });
        }
        self.judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// Judges by some certificates only: of themselves, and where they are authorities', of those whom
/// they vouch for.
#[derive(Debug)]
struct Roots {
    trusted: Vec<CertificateDer<'static>>,
    chains: Option<Arc<WebPkiServerVerifier>>,
}

impl Roots {
    /// Nobody where none of these can vouch for anybody.
    fn new(mut trusted: Vec<CertificateDer<'static>>) -> Option<Self> {
        trusted.retain(is_of_authority);
        // A server's own certificate vouches for itself: webpki would take its key for an authority's.
        let authorities = trusted.iter().filter(|der| vouches_for_others(der)).cloned();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(authorities);
        let provider = Arc::new(ring::default_provider());
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
        (!trusted.is_empty()).then(|| Self { trusted, chains: chains.ok() })
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.trusted.contains(end_entity) {
            // With the mark of an authority, as `openssl req -x509` makes it, webpki takes it from
            // nobody.
            certificate::is_good_now(end_entity, now)?;
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        let chains = self.chains.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        chains.verify_server_cert(end_entity, intermediates, server_name, &[], now)
    }
}

/// Whether what was shown would be believed if `root` were trusted, but perhaps for another name.
pub(super) fn is_enough(root: &CertificateDer<'_>, shown: &Shown, name: &ServerName<'_>) -> bool {
    let roots = Roots::new(vec![root.clone().into_owned()]);
    let (Some(roots), [own, others @ ..]) = (roots, shown.chain.as_slice()) else {
        return false;
    };
    match roots.judge(own, others, name, shown.at) {
        Ok(_) => true,
        Err(rustls::Error::InvalidCertificate(reason)) => {
            certificate_advice(&reason) == Advice::CertificateWrongName
        }
        Err(_) => false,
    }
}

/// The platform's verifier, whose refusal names a self-signed certificate as such.
#[derive(Debug)]
struct TellsSelfSigned(Verifier);

/// The certificate was issued by its own subject.
#[derive(Debug, thiserror::Error)]
#[error("the certificate is signed by itself")]
struct SelfSigned;

impl ServerCertVerifier for TellsSelfSigned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| match error {
                error if is_of_stranger(&error) && is_self_signed(end_entity) => {
                    CertificateError::Other(OtherError(Arc::new(SelfSigned))).into()
                }
                other => other,
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(certificate).is_ok_and(|cert| cert.issuer() == cert.subject())
}

/// The name that a server's certificate has to be for; nothing if no certificate can be.
pub(super) fn expected_name(host: &Host) -> Option<ServerName<'static>> {
    match host {
        Host::Ip(address) => Some(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(egress::a_labels(name)?).ok(),
    }
}

/// What protects a connection, in the words of the registries.
pub(super) fn facts_of(connection: &ClientConnection) -> Vec<Fact> {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS",
    };
    let cipher = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .map(|name| name.replace("TLS13_", "TLS_"));
    let version = fact(FactName::TlsVersion, version);
    std::iter::once(version).chain(cipher.map(|cipher| fact(FactName::Cipher, cipher))).collect()
}

/// What a failed handshake means, and in what words rustls tells it.
pub(crate) fn diagnosis(error: &io::Error) -> (Advice, Option<String>) {
    match rustls_error(error) {
        None => (Advice::ConnectionLost, None),
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            (Advice::PlainPort, None)
        }
        Some(error @ rustls::Error::InvalidCertificate(reason)) => {
            (certificate_advice(reason), Some(error.to_string()))
        }
        Some(error) => (Advice::TlsFailed, Some(error.to_string())),
    }
}

fn certificate_advice(reason: &CertificateError) -> Advice {
    use CertificateError as Reason;
    match reason {
        Reason::UnknownIssuer => Advice::CertificateUnknownIssuer,
        Reason::Expired | Reason::ExpiredContext { .. } => Advice::CertificateExpired,
        Reason::NotValidYet | Reason::NotValidYetContext { .. } => Advice::CertificateNotYetValid,
        Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
            Advice::CertificateWrongName
        }
        Reason::Other(OtherError(other)) if other.is::<SelfSigned>() => {
            Advice::CertificateSelfSigned
        }
        _ => Advice::TlsFailed,
    }
}

/// In what words rustls tells why a connection under TLS broke; nothing if it broke below TLS.
pub(super) fn words(error: &io::Error) -> Option<String> {
    rustls_error(error).map(ToString::to_string)
}

/// Whether a failed handshake failed over TLS and not for want of it.
pub(super) fn speaks_tls(error: &io::Error) -> bool {
    !matches!(diagnosis(error).0, Advice::ConnectionLost | Advice::PlainPort)
}

/// The rustls error in an I/O error, however deep.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    let outermost = error.get_ref()? as &(dyn Error + 'static);
    std::iter::successors(Some(outermost), |error| within(*error))
        .find_map(|error| error.downcast_ref())
}

/// What an error wraps. The source of an I/O error is that of the error that it wraps, which is
/// thereby left out.
fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|wrapped| wrapped as &(dyn Error + 'static)),
        None => error.source(),
    }
}
