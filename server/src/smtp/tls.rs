//! TLS towards mail servers: whom this machine trusts, and what a failed handshake means. Decides
//! nothing by itself about a certificate; that is the platform's verifier's work.

use std::error::Error;
use std::io;
use std::sync::Arc;

use domain::check::host::Host;
use domain::delivery::Advice;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, InvalidMessage,
    OtherError, ProtocolVersion, SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use webpki::EndEntityCert;

use crate::egress;

/// Whom this machine trusts to vouch for a server: the platform's authorities and those of
/// `--extra-ca`. Read once; cheap to clone.
#[derive(Debug, Clone)]
pub struct TlsTrust {
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
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TellsSelfSigned(platform)))
            .with_no_client_auth();
        // A resumed session would not show its certificate again, and a test is to see it.
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config) })
    }

    /// The rustls configuration, for whatever else speaks TLS on the administrator's word.
    #[must_use]
    pub fn client_config(&self) -> Arc<ClientConfig> {
        self.config.clone()
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
                rustls::Error::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::Other(_),
                ) if is_self_signed(end_entity) => {
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

/// What protects a connection, in the words of the registries: `TLS 1.3, TLS_AES_128_GCM_SHA256`.
pub(super) fn version_and_cipher(connection: &ClientConnection) -> String {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS",
    };
    let cipher = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .map(|name| name.replace("TLS13_", "TLS_"));
    cipher.map_or_else(|| version.to_owned(), |cipher| format!("{version}, {cipher}"))
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
