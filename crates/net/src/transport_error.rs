//! Explains a failed HTTP request by the first known cause in its error chain. Only the
//! text of rustls is shown, because others may contain the whole URL.

use std::{error::Error, io};

use domain::{delivery::Diagnosis, token::OauthDiagnosis};

use crate::egress::LookUpError;
use crate::tls::diagnosis as tls_diagnosis;

/// Why a request has no answer, or not a whole one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    /// The cause.
    pub diagnosis: OauthDiagnosis,
    /// What TLS reported, the refused addresses or the proxy; neither redacted nor cut.
    pub peer_text: Option<String>,
}

impl HttpError {
    /// Creates an error.
    pub fn new(diagnosis: OauthDiagnosis, peer_text: Option<String>) -> Self {
        Self { diagnosis, peer_text }
    }
}

impl From<OauthDiagnosis> for HttpError {
    fn from(diagnosis: OauthDiagnosis) -> Self {
        Self::new(diagnosis, None)
    }
}

/// Returns the meaning of an error of the HTTP client.
pub(crate) fn broken(error: &reqwest::Error) -> HttpError {
    if error.is_timeout() {
        return OauthDiagnosis::Unreachable.into();
    }
    let known = causes(error).find_map(|cause| {
        let by_io = cause.downcast_ref().and_then(|cause| io_error(cause, error.is_connect()));
        by_io.or_else(|| cause.downcast_ref().and_then(http_error))
    });
    known.unwrap_or_else(|| {
        if error.is_connect() {
            OauthDiagnosis::Unreachable
        } else {
            OauthDiagnosis::ConnectionLost
        }
        .into()
    })
}

/// Returns the meaning of a failed name lookup.
pub(crate) fn not_found(error: LookUpError) -> HttpError {
    match error {
        LookUpError::NotFound => OauthDiagnosis::NameNotFound.into(),
        LookUpError::ServiceFailed(reason) => HttpError::new(
            OauthDiagnosis::NameServiceFailed,
            reason.map(|reason| reason.to_string()),
        ),
        LookUpError::Forbidden(which) => {
            HttpError::new(OauthDiagnosis::AddressForbidden, Some(listed(&which)))
        }
        LookUpError::NotAllowed(which) => {
            HttpError::new(OauthDiagnosis::EgressNotAllowed, Some(listed(&which)))
        }
        LookUpError::Denied(which) => HttpError::new(OauthDiagnosis::EgressDenied, Some(which)),
    }
}

fn listed(addresses: &[impl ToString]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |cause| (*cause).source())
}

/// Returns the meaning of an error in TLS or TCP.
fn io_error(error: &io::Error, while_connecting: bool) -> Option<HttpError> {
    let (diagnosis, words) = tls_diagnosis(error);
    let diagnosis = match diagnosis {
        Diagnosis::CertificateUnknownIssuer | Diagnosis::CertificateSelfSigned => {
            OauthDiagnosis::CertificateUntrusted
        }
        Diagnosis::CertificateExpired | Diagnosis::CertificateNotYetValid => {
            OauthDiagnosis::CertificateOutOfDate
        }
        Diagnosis::CertificateWrongName => OauthDiagnosis::CertificateWrongName,
        Diagnosis::ConnectionLost => match error.kind() {
            io::ErrorKind::ConnectionRefused => OauthDiagnosis::NothingListens,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => OauthDiagnosis::ConnectionLost,
            _ if while_connecting => OauthDiagnosis::Unreachable,
            _ => return None,
        },
        _ => OauthDiagnosis::TlsFailed,
    };
    Some(HttpError::new(diagnosis, words))
}

/// Returns the meaning of an HTTP parser error.
fn http_error(error: &hyper::Error) -> Option<HttpError> {
    match () {
        () if error.is_parse_too_large() => Some(OauthDiagnosis::TooLong.into()),
        () if error.is_parse() => Some(OauthDiagnosis::NotOauth.into()),
        () if error.is_incomplete_message() => Some(OauthDiagnosis::ConnectionLost.into()),
        () => None,
    }
}
