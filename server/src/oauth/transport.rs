//! What a broken connection to a Token Endpoint means. Looks for the first cause that it knows
//! among an error's sources, and shows none of their texts but those of rustls: the others may name
//! the whole address.

use std::error::Error;
use std::io;

use domain::delivery::Advice;
use domain::token::Fault;

use super::fault::Trouble;
use crate::egress::LookUpError;
use crate::smtp::tls_diagnosis;

/// What an error of the HTTP client means.
pub(super) fn broken(error: &reqwest::Error) -> Trouble {
    if error.is_timeout() {
        return Fault::Unreachable.into();
    }
    let known = causes(error).find_map(|cause| {
        let by_io = cause.downcast_ref().and_then(|cause| broken_below(cause, error.is_connect()));
        by_io.or_else(|| cause.downcast_ref().and_then(broken_in_http))
    });
    known.unwrap_or_else(|| {
        if error.is_connect() { Fault::Unreachable } else { Fault::ConnectionLost }.into()
    })
}

/// What it means that a host has no address to call.
pub(super) fn not_found(error: LookUpError) -> Trouble {
    match error {
        LookUpError::NotFound => Fault::NameNotFound.into(),
        LookUpError::ServiceFailed(reason) => {
            Trouble::new(Fault::NameServiceFailed, reason.map(|reason| reason.to_string()))
        }
        LookUpError::Forbidden(which) => {
            Trouble::new(Fault::AddressForbidden, Some(listed(&which)))
        }
        LookUpError::NotAllowed(which) => {
            Trouble::new(Fault::EgressNotAllowed, Some(listed(&which)))
        }
        LookUpError::Denied(which) => Trouble::new(Fault::EgressDenied, Some(which)),
    }
}

fn listed(addresses: &[impl ToString]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |cause| (*cause).source())
}

/// What broke in TLS or TCP.
fn broken_below(error: &io::Error, while_connecting: bool) -> Option<Trouble> {
    let (advice, words) = tls_diagnosis(error);
    let fault = match advice {
        Advice::CertificateUnknownIssuer | Advice::CertificateSelfSigned => {
            Fault::CertificateUntrusted
        }
        Advice::CertificateExpired | Advice::CertificateNotYetValid => Fault::CertificateOutOfDate,
        Advice::CertificateWrongName => Fault::CertificateWrongName,
        Advice::ConnectionLost => match error.kind() {
            io::ErrorKind::ConnectionRefused => Fault::NothingListens,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Fault::ConnectionLost,
            _ if while_connecting => Fault::Unreachable,
            _ => return None,
        },
        _ => Fault::TlsFailed,
    };
    Some(Trouble::new(fault, words))
}

/// What is no HTTP, or too much of it.
fn broken_in_http(error: &hyper::Error) -> Option<Trouble> {
    match () {
        () if error.is_parse_too_large() => Some(Fault::TooLong.into()),
        () if error.is_parse() => Some(Fault::NotOauth.into()),
        () if error.is_incomplete_message() => Some(Fault::ConnectionLost.into()),
        () => None,
    }
}
