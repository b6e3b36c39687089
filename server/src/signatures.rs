//! Verifies the signatures of tokens (RFC 7518 3, RFC 8037) with ring, as the crypto provider of
//! `jsonwebtoken`. Verifies only; nothing here signs.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, new_error};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature as by_ring;

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: |&algorithm, key| {
        let ring = RingVerifier::new(algorithm, key)?;
        Ok(Box::new(ring))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Installs ring as the crypto provider. One that a Rust host has installed before stays.
pub fn install() {
    let _ = RING.install_default();
}

/// Whether an algorithm is supported: only those with a public key are.
pub const fn is_asymmetric(algorithm: Algorithm) -> bool {
    scheme(algorithm).is_some()
}

/// The ring parameters of an algorithm.
enum Scheme {
    Rsa(&'static by_ring::RsaParameters),
    Point(&'static dyn by_ring::VerificationAlgorithm),
}

const fn scheme(algorithm: Algorithm) -> Option<Scheme> {
    Some(match algorithm {
        Algorithm::RS256 => Scheme::Rsa(&by_ring::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Scheme::Rsa(&by_ring::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Scheme::Rsa(&by_ring::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Scheme::Rsa(&by_ring::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Scheme::Rsa(&by_ring::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Scheme::Rsa(&by_ring::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Scheme::Point(&by_ring::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Scheme::Point(&by_ring::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Scheme::Point(&by_ring::ED25519),
        _ => return None,
    })
}

struct RingVerifier {
    algorithm: Algorithm,
    scheme: Scheme,
    key: DecodingKey,
}

impl RingVerifier {
    fn new(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, Error> {
        match scheme(algorithm) {
            Some(scheme) if key.family() == algorithm.family() => {
                Ok(Self { algorithm, scheme, key: key.clone() })
            }
            _ => Err(new_error(ErrorKind::InvalidAlgorithm)),
        }
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match (&self.scheme, self.key.kind()) {
            (Scheme::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
                let key = by_ring::RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, signature)
            }
            (Scheme::Rsa(parameters), DecodingKeyKind::SecretOrDer(der)) => {
                by_ring::UnparsedPublicKey::new(*parameters, der).verify(message, signature)
            }
            (Scheme::Point(algorithm), DecodingKeyKind::SecretOrDer(point)) => {
                by_ring::UnparsedPublicKey::new(*algorithm, point).verify(message, signature)
            }
            (Scheme::Point(_), DecodingKeyKind::RsaModulusExponent { .. }) => {
                Err(ring::error::Unspecified)
            }
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Removes the sign octet that some issuers write, which RFC 7518 6.3.1.1 forbids and ring rejects.
fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|&octet| octet != 0).unwrap_or(number.len());
    &number[first..]
}
