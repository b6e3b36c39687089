//! TLS to mail servers: the trusted authorities, and the meaning of a failed handshake. Leaves the
//! verification of certificates to the platform's verifier and to webpki.

use std::sync::{Arc, Mutex};
use std::{borrow::Cow, error::Error, io};

use domain::delivery::{Diagnosis, Fact, FactName};
use domain::syntax::{certificate::CertificateProblem, host::Host};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, InvalidMessage,
    OtherError, ProtocolVersion, RootCertStore, SignatureScheme,
};
use rustls::{crypto::ring, pki_types::pem::PemObject, server::ParsedCertificate};
use rustls_platform_verifier::Verifier;
use webpki::EndEntityCert;

use super::certificate::{self, Shown, is_of_authority, may_issue};
use crate::egress;

/// The trusted certificate authorities: the platform's and those of `--extra-ca`. Read once; cheap
/// to clone.
#[derive(Debug, Clone)]
pub struct TlsTrust {
    judge: Arc<dyn ServerCertVerifier>,
    config: Arc<ClientConfig>,
}

/// Why the trusted authorities cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("no usable certificate authority: this machine has none, or --extra-ca is no authority")]
pub struct TrustError(#[source] rustls::Error);

impl TlsTrust {
    /// Loads the platform's authorities, and adds `roots`.
    ///
    /// # Errors
    /// The platform has none, or one of `roots` cannot be an authority.
    pub fn with_extra_ca(roots: &[CertificateDer<'static>]) -> Result<Self, TrustError> {
        Self::with_roots(roots.to_vec()).map_err(TrustError)
    }

    fn with_roots(roots: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let platform = Verifier::new_with_extra_roots(roots, provider.clone())?;
        let judge: Arc<dyn ServerCertVerifier> = Arc::new(PlatformVerifier(platform));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(judge.clone())
            .with_no_client_auth();
        // A resumed session would not present its certificate again, and a test has to see it.
        config.resumption = Resumption::disabled();
        Ok(Self { judge, config: Arc::new(config) })
    }

    /// Returns the rustls configuration, for other TLS clients in PPM.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// Adds the authorities in `pem` for one mail server. Certificates that cannot be an authority
    /// are ignored.
    pub fn and(&self, pem: &str) -> Cow<'_, Self> {
        let Some(others) = Roots::new(certificates(pem).unwrap_or_default()) else {
            return Cow::Borrowed(self);
        };
        let judge: Arc<dyn ServerCertVerifier> =
            Arc::new(FallbackVerifier { first: self.judge.clone(), second: others });
        let mut config = ClientConfig::clone(&self.config);
        config.dangerous().set_certificate_verifier(judge.clone());
        Cow::Owned(Self { judge, config: Arc::new(config) })
    }

    /// Returns the configuration for one connection, and a handle to the chain that it captures.
    pub fn capturing(&self) -> (Arc<ClientConfig>, CapturedCertificate) {
        let shown = CapturedCertificate::default();
        let witness = CapturingVerifier { judge: self.judge.clone(), shown: shown.clone() };
        let mut config = ClientConfig::clone(&self.config);
        config.dangerous().set_certificate_verifier(Arc::new(witness));
        (Arc::new(config), shown)
    }
}

/// Parses the certificates in PEM; `None` if one is invalid.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()
}

/// Returns why trusting certificates in PEM cannot help with a server, as far as that can be known
/// without connecting to it.
pub fn problem_of_trusted(pem: &str, server: &str) -> Option<CertificateProblem> {
    let can_be_authority = |der: &CertificateDer<'_>| {
        webpki::anchor_from_trusted_cert(der).is_ok() && is_of_authority(der)
    };
    match certificates(pem) {
        Some(all) if !all.is_empty() && all.iter().all(can_be_authority) => {
            all.iter().find_map(|der| certificate::problem_of_trusted(der, server))
        }
        _ => Some(CertificateProblem::NoAuthority),
    }
}

/// Implements the methods of [`ServerCertVerifier`] about signatures by the verifier in a field.
macro_rules! delegate_signatures {
    ($verifier:tt) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.$verifier.verify_tls12_signature(message, cert, dss)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.$verifier.verify_tls13_signature(message, cert, dss)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.$verifier.supported_verify_schemes()
        }
    };
}

/// Tries the first verifier, and falls back to the second if the issuer is unknown.
#[derive(Debug)]
struct FallbackVerifier {
    first: Arc<dyn ServerCertVerifier>,
    second: Roots,
}

impl ServerCertVerifier for FallbackVerifier {
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
            Err(unknown_issuer) if is_unknown_issuer(&unknown_issuer) => {
                match self.second.judge(end_entity, intermediates, server_name, now) {
                    Err(error) if is_unknown_issuer(&error) => Err(unknown_issuer),
                    judgement => judgement,
                }
            }
            judgement => judgement,
        }
    }

    delegate_signatures!(first);
}

/// Whether a certificate was refused because its issuer is unknown, or has the name of a known one
/// with another key, as after a key rollover. Platforms report it by errors of their kind.
fn is_unknown_issuer(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::Other(_)
        )
    )
}

/// The chain that a server presented on one connection, once received.
#[derive(Debug, Clone, Default)]
pub struct CapturedCertificate(Arc<Mutex<Option<Shown>>>);

impl CapturedCertificate {
    /// Takes the captured chain.
    pub fn take(&self) -> Option<Shown> {
        self.0.lock().ok()?.take()
    }
}

/// Captures the chain that a server presents, and delegates the verification.
#[derive(Debug)]
struct CapturingVerifier {
    judge: Arc<dyn ServerCertVerifier>,
    shown: CapturedCertificate,
}

impl ServerCertVerifier for CapturingVerifier {
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

    delegate_signatures!(judge);
}

/// A verifier with pinned certificates: it accepts these, and the chains of those that are CAs.
#[derive(Debug)]
struct Roots {
    trusted: Vec<CertificateDer<'static>>,
    chains: Option<Arc<WebPkiServerVerifier>>,
}

impl Roots {
    /// Keeps the authorities of `trusted`; `None` if there are none.
    fn new(mut trusted: Vec<CertificateDer<'static>>) -> Option<Self> {
        trusted.retain(is_of_authority);
        // Excludes end-entity certificates, whose key webpki would accept as an authority's.
        let authorities = trusted.iter().filter(|der| may_issue(der)).cloned();
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
            // webpki refuses a CA certificate as the server's (`openssl req -x509` makes such
            // ones).
            certificate::is_good_now(end_entity, now)?;
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        let chains = self.chains.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        chains.verify_server_cert(end_entity, intermediates, server_name, &[], now)
    }
}

/// Whether a chain would be valid if `root` were trusted, except perhaps for its name.
pub fn is_enough(root: &CertificateDer<'_>, shown: &Shown, name: &ServerName<'_>) -> bool {
    let roots = Roots::new(vec![root.clone().into_owned()]);
    let (Some(roots), [own, others @ ..]) = (roots, shown.chain.as_slice()) else { return false };
    match roots.judge(own, others, name, shown.at) {
        Ok(_) => true,
        Err(rustls::Error::InvalidCertificate(reason)) => {
            certificate_advice(&reason) == Diagnosis::CertificateWrongName
        }
        Err(_) => false,
    }
}

/// The platform's verifier, with a separate error for a self-signed certificate.
#[derive(Debug)]
struct PlatformVerifier(Verifier);

/// The subject of the certificate is its issuer.
#[derive(Debug, thiserror::Error)]
#[error("the certificate is signed by itself")]
struct SelfSigned;

impl ServerCertVerifier for PlatformVerifier {
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
                error if is_unknown_issuer(&error) && is_self_signed(end_entity) => {
                    CertificateError::Other(OtherError(Arc::new(SelfSigned))).into()
                }
                other => other,
            })
    }

    delegate_signatures!(0);
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(certificate).is_ok_and(|cert| cert.issuer() == cert.subject())
}

/// Returns the name that a server's certificate must be valid for; `None` if no certificate can be.
pub fn expected_name(host: &Host) -> Option<ServerName<'static>> {
    match host {
        Host::Ip(address) => Some(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(egress::a_labels(name)?).ok(),
    }
}

/// Returns the TLS version and the cipher suite, by their registered names.
pub fn facts_of(connection: &ClientConnection) -> Vec<Fact> {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS",
    };
    let cipher = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .map(|name| name.replace("TLS13_", "TLS_"));
    let version = Fact::new(FactName::TlsVersion, version);
    std::iter::once(version)
        .chain(cipher.map(|cipher| Fact::new(FactName::Cipher, cipher)))
        .collect()
}

/// Returns the diagnosis of a failed handshake, and the text of rustls.
pub fn diagnosis(error: &io::Error) -> (Diagnosis, Option<String>) {
    match rustls_error(error) {
        None => (Diagnosis::ConnectionLost, None),
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            (Diagnosis::PlainPort, None)
        }
        Some(error @ rustls::Error::InvalidCertificate(reason)) => {
            (certificate_advice(reason), Some(error.to_string()))
        }
        Some(error) => (Diagnosis::TlsFailed, Some(error.to_string())),
    }
}

fn certificate_advice(reason: &CertificateError) -> Diagnosis {
    use CertificateError as Reason;
    match reason {
        Reason::UnknownIssuer => Diagnosis::CertificateUnknownIssuer,
        Reason::Expired | Reason::ExpiredContext { .. } => Diagnosis::CertificateExpired,
        Reason::NotValidYet | Reason::NotValidYetContext { .. } => {
            Diagnosis::CertificateNotYetValid
        }
        Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
            Diagnosis::CertificateWrongName
        }
        Reason::Other(OtherError(other)) if other.is::<SelfSigned>() => {
            Diagnosis::CertificateSelfSigned
        }
        _ => Diagnosis::TlsFailed,
    }
}

/// Returns the text of rustls for an error under TLS; `None` if it is no TLS error.
pub fn words(error: &io::Error) -> Option<String> {
    rustls_error(error).map(ToString::to_string)
}

/// Whether a handshake failed although the peer speaks TLS.
pub fn speaks_tls(error: &io::Error) -> bool {
    !matches!(diagnosis(error).0, Diagnosis::ConnectionLost | Diagnosis::PlainPort)
}

/// Returns the rustls error in an I/O error, at any depth.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    let outermost = error.get_ref()? as &(dyn Error + 'static);
    std::iter::successors(Some(outermost), |error| inner_error(*error))
        .find_map(|error| error.downcast_ref())
}

/// Returns the error inside an error. `source` of an I/O error skips the one that it wraps.
fn inner_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|wrapped| wrapped as &(dyn Error + 'static)),
        None => error.source(),
    }
}
