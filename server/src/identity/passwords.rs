//! Passwords of administrators: their bounds, and Argon2id (RFC 9106) with the parameters that
//! OWASP recommends (19 MiB, two passes, one lane). Each look at a password costs that much memory,
//! so only a few are taken at once; the others wait. The memory is used again and never given back:
//! an allocator cuts what it gets back into pieces, and takes as much anew for the next look.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash};
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
    /// What nobody works in at the moment, as much as there ever was work at once.
    memory: Arc<Mutex<Vec<Memory>>>,
}

/// What Argon2 works in.
type Memory = Vec<Block>;

impl Default for Passwords {
    fn default() -> Self {
        let at_once = thread::available_parallelism().map_or(1, usize::from);
        Self { permits: Arc::new(Semaphore::new(at_once)), memory: Arc::default() }
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
        self.aside(move |memory| {
            let argon2 = Argon2::default();
            let output = hashed(&argon2, password.expose_secret(), &salt, memory)?;
            let hash = PasswordHash {
                algorithm: Algorithm::default().ident(),
                version: Some(Version::default().into()),
                params: ParamsString::try_from(argon2.params())?,
                salt: Some(Salt::new(&salt)?),
                hash: Some(output),
            };
            Ok(hash.to_string())
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
        self.aside(move |memory| {
            let password = password.expose_secret();
            let could_be = hash.is_some() && password.len() <= MAX_OCTETS;
            let compared = if could_be { password } else { "" };
            let hash = PasswordHash::new(hash.as_deref().unwrap_or(NOBODYS_HASH))?;
            let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
                return Err(password_hash::Error::SaltInvalid);
            };
            let argon2 = Argon2::new(
                Algorithm::try_from(hash.algorithm.as_str())?,
                hash.version.map(Version::try_from).transpose()?.unwrap_or_default(),
                Params::try_from(&hash)?,
            );
            // Compared in constant time, as outputs are.
            Ok(hashed(&argon2, compared, salt.as_ref(), memory)? == *expected && could_be)
        })
        .await
    }

    /// Runs `work` where it keeps no request waiting but its own.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T, HashError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.expect("nothing closes this semaphore");
        let kept = Arc::clone(&self.memory);
        // The permit goes with the work, which goes on when the caller is gone.
        let held = move || {
            let mut memory =
                kept.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let done = work(&mut memory);
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            drop(permit);
            done
        };
        Ok(tokio::task::spawn_blocking(held).await??)
    }
}

/// The hash of a password with this salt, as long as `argon2` makes them.
fn hashed(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    memory: &mut Memory,
) -> password_hash::Result<Output> {
    let mut output = [0; Output::MAX_LENGTH];
    let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let output = output.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
    let count = argon2.params().block_count();
    memory
        .try_reserve_exact(count.saturating_sub(memory.len()))
        .map_err(|_| password_hash::Error::OutOfMemory)?;
    memory.resize(count, Block::default());
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, memory)?;
    Ok(Output::new(output)?)
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;
    use crate::clock::SystemRandomness;

    const RIGHT: &str = "a good password";

    #[tokio::test]
    async fn what_was_worked_in_before_changes_no_hash_and_no_answer() {
        let passwords = Passwords::default();
        for password in [RIGHT, "another password", RIGHT] {
            let hash = passwords.hash(password.into(), &SystemRandomness).await.expect("a hash");
            let theirs = Argon2::default().verify_password(RIGHT.as_bytes(), hash.as_str());
            assert_eq!(theirs.is_ok(), password == RIGHT);
            let ours = passwords.is_right(RIGHT.into(), Some(hash)).await.expect("an answer");
            assert_eq!(ours, password == RIGHT);
        }
        let kept = passwords.memory.lock().expect("nobody panicked").len();
        assert_eq!(kept, 1, "one at a time needs no more");
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_is_compared_by_those() {
        let less = Argon2::from(Params::new(64, 1, 1, Some(64)).expect("parameters"));
        let salt = b"salt of a hash";
        let hash = less.hash_password_with_salt(RIGHT.as_bytes(), salt).expect("a hash");
        let passwords = Passwords::default();
        for (password, expected) in [(RIGHT, true), ("another password", false)] {
            let right = passwords.is_right(password.into(), Some(hash.to_string())).await;
            assert_eq!(right.expect("an answer"), expected, "{password}");
        }
    }

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
