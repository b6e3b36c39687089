//! Keys of applications: `ppm_`, a public prefix, `_` and 256 random bits. A key is shown once; the
//! database has its prefix and its SHA-256. It is random and long, so that a plain digest reveals
//! nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use store::hash::hashed;
use subtle::ConstantTimeEq;

use crate::clock::{Randomness, random_bytes};

const START: &str = "ppm_";
/// The length of a prefix, in hexadecimal digits.
const PREFIX: usize = 12;

/// A new key.
pub struct ApplicationKey {
    /// The whole key.
    pub key: SecretString,
    /// Its public prefix, by which it is looked up and displayed.
    pub prefix: String,
    /// What the database has of it.
    pub hash: String,
}

impl ApplicationKey {
    /// Makes a key.
    pub fn generate(randomness: &dyn Randomness) -> Self {
        let public = u64::from_be_bytes(random_bytes(randomness)) >> (64 - 4 * PREFIX);
        let prefix = format!("{public:0PREFIX$x}");
        let secret = URL_SAFE_NO_PAD.encode(random_bytes::<32>(randomness));
        let key = format!("{START}{prefix}_{secret}");
        let hash = hashed(&key);
        Self { key: key.into(), prefix, hash }
    }
}

/// Returns the prefix of a text that has the form of a key.
pub fn prefix_of(key: &SecretString) -> Option<&str> {
    let (prefix, _) = key.expose_secret().strip_prefix(START)?.split_once('_')?;
    let is_prefix = prefix.len() == PREFIX && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_prefix.then_some(prefix)
}

/// Whether a key has this hash. Takes the same time wherever they differ.
pub fn matches(key: &SecretString, hash: &str) -> bool {
    hashed(key.expose_secret()).as_bytes().ct_eq(hash.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandomness;

    #[test]
    fn a_key_matches_its_own_hash_only() {
        let [one, other] = [(); 2].map(|()| ApplicationKey::generate(&SystemRandomness));
        assert!(matches(&one.key, &one.hash));
        assert!(!matches(&one.key, &other.hash));
        assert_ne!(one.prefix, other.prefix);
    }

    #[test]
    fn the_prefix_of_a_key_is_public_and_that_of_other_texts_is_none() {
        let made = ApplicationKey::generate(&SystemRandomness);
        assert_eq!(prefix_of(&made.key), Some(made.prefix.as_str()));
        assert_eq!(made.key.expose_secret().len(), START.len() + PREFIX + 1 + 43);
        for text in ["", "ppm_", "ppm_12_x", "ppm_zzzzzzzzzzzz_x", "Bearer ppm_000000000000_x"] {
            assert_eq!(prefix_of(&text.to_owned().into()), None, "{text}");
        }
    }
}
