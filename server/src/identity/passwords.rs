//! Passwords of administrators: their bounds, and Argon2id (RFC 9106) with the parameters that
//! OWASP recommends (19 MiB, two passes, one lane). Each look at a password costs that much memory,
//! so only a few are taken at once; the others wait.

use std::sync::Arc;
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::clock::{Randomness, random_bytes};

/// The fewest characters (Unicode scalar values) a new password may have.
pub const MIN_CHARACTERS: usize = 12;
/// The most octets any password may have.
pub const MAX_OCTETS: usize = 1024;

/// Of no password: what an unknown account's password is compared with, so that the answer takes
/// as long as for a known one.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$\
                            bm8gcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXMgdGV4dCE";

/// Why a password cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum PasswordRule {
    #[error("a password needs at least {MIN_CHARACTERS} characters")]
    TooShort,
    #[error("a password may have at most {MAX_OCTETS} octets")]
    TooLong,
}

/// Why a password could be neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum HashError {
    #[error("Argon2 cannot work: no memory, or a hash that is none")]
    Argon2(#[from] password_hash::Error),
    #[error("hashing was broken off")]
    BrokenOff(#[from] JoinError),
}

/// Hashes and compares passwords, a few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let at_once = thread::available_parallelism().map_or(1, usize::from);
        Self { permits: Arc::new(Semaphore::new(at_once)) }
    }
}

/// Whether a new password is within its bounds.
///
/// # Errors
/// The bound that it breaks.
pub fn check(password: &SecretString) -> Result<(), PasswordRule> {
    let password = password.expose_secret();
    match password.chars().count() {
        _ if password.len() > MAX_OCTETS => Err(PasswordRule::TooLong),
        count if count < MIN_CHARACTERS => Err(PasswordRule::TooShort),
        _ => Ok(()),
    }
}

impl Passwords {
    /// The hash to keep of a password, as a PHC string with a salt of its own.
    ///
    /// # Errors
    /// There is no memory for it, or this program is ending.
    pub async fn hash(
        &self,
        password: SecretString,
        randomness: &dyn Randomness,
    ) -> Result<String, HashError> {
        let salt = random_bytes::<16>(randomness);
        self.aside(move || {
            let password = password.expose_secret().as_bytes();
            Ok(Argon2::default().hash_password_with_salt(password, &salt)?.to_string())
        })
        .await
    }

    /// Whether a password is the one with this hash. Without a hash it is not, and that takes as long.
    ///
    /// # Errors
    /// There is no memory for it, or this program is ending.
    pub async fn is_right(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, HashError> {
        self.aside(move || {
            let password = password.expose_secret();
            let could_be = hash.is_some() && password.len() <= MAX_OCTETS;
            let compared = if could_be { password } else { "" };
            let hash = PasswordHash::new(hash.as_deref().unwrap_or(NOBODYS_HASH))
                .map_err(password_hash::Error::from)?;
            match Argon2::default().verify_password(compared.as_bytes(), &hash) {
                Ok(()) => Ok(could_be),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Runs `work` where it keeps no request waiting but its own.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.expect("nothing closes this semaphore");
        // The permit goes with the work, which goes on when the caller is gone.
        let held = move || {
            let done = work();
            drop(permit);
            done
        };
        tokio::task::spawn_blocking(held).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_account_costs_what_a_known_one_costs() {
        let nobodys = PasswordHash::new(NOBODYS_HASH).expect("it is a PHC string");
        let parameters = argon2::Params::try_from(&nobodys).expect("they are Argon2's");
        let present = argon2::Params::default();
        assert_eq!(
            (parameters.m_cost(), parameters.t_cost(), parameters.p_cost()),
            (present.m_cost(), present.t_cost(), present.p_cost()),
        );
    }
}
