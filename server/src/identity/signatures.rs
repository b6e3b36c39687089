//! The signatures of tokens (RFC 7518 3, RFC 8037), looked at by ring: `jsonwebtoken` reads tokens
//! and leaves the arithmetic to whoever is installed. Verifies only; nothing here signs.

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

/// Makes ring the one that is asked. A host written in Rust that has chosen another keeps its own.
pub fn install() {
    let _ = RING.install_default();
}

/// Whether a signature by this algorithm can be looked at: those with a public key.
#[must_use]
pub const fn is_asymmetric(algorithm: Algorithm) -> bool {
    how(algorithm).is_some()
}

/// What ring calls an algorithm.
enum How {
    Rsa(&'static by_ring::RsaParameters),
    Point(&'static dyn by_ring::VerificationAlgorithm),
}

const fn how(algorithm: Algorithm) -> Option<How> {
    Some(match algorithm {
        Algorithm::RS256 => How::Rsa(&by_ring::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => How::Rsa(&by_ring::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => How::Rsa(&by_ring::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => How::Rsa(&by_ring::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => How::Rsa(&by_ring::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => How::Rsa(&by_ring::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => How::Point(&by_ring::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => How::Point(&by_ring::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => How::Point(&by_ring::ED25519),
        _ => return None,
    })
}

struct RingVerifier {
    algorithm: Algorithm,
    how: How,
    key: DecodingKey,
}

impl RingVerifier {
    fn new(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, Error> {
        match how(algorithm) {
            Some(how) if key.family() == algorithm.family() => {
                Ok(Self { algorithm, how, key: key.clone() })
            }
            _ => Err(new_error(ErrorKind::InvalidAlgorithm)),
        }
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match (&self.how, self.key.kind()) {
            (How::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
                let key = by_ring::RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, signature)
            }
            (How::Rsa(parameters), DecodingKeyKind::SecretOrDer(der)) => {
                by_ring::UnparsedPublicKey::new(*parameters, der).verify(message, signature)
            }
            (How::Point(algorithm), DecodingKeyKind::SecretOrDer(point)) => {
                by_ring::UnparsedPublicKey::new(*algorithm, point).verify(message, signature)
            }
            (How::Point(_), DecodingKeyKind::RsaModulusExponent { .. }) => {
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

/// Some issuers write a number with a sign octet, which RFC 7518 6.3.1.1 forbids and ring refuses.
fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|&octet| octet != 0).unwrap_or(number.len());
    &number[first..]
}
