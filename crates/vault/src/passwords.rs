//! Password rules and password hashing with Argon2id (RFC 9106) and the parameters that OWASP
//! recommends (19 MiB, two passes, one lane). Each comparison takes that memory and tens of
//! milliseconds of a core, so unknown clients get at most half of the cores; the others wait for a
//! few seconds and are then rejected. Known devices have a separate queue. The memory is pooled and
//! never freed, because the allocator fragments freed memory and takes as much again for the next
//! comparison.

use std::sync::{Arc, Mutex, PoisonError};
use std::{thread, time::Duration};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use zxcvbn::{Score, zxcvbn};

use crate::clock::{Randomness, random_bytes};

/// The minimum number of characters (Unicode scalar values) of a new password.
pub const MIN_CHARACTERS: usize = 12;
/// The maximum number of octets of any password.
pub const MAX_OCTETS: usize = 1024;

/// How long a comparison waits for a permit.
const WAIT: Duration = Duration::from_secs(3);
/// The minimum number of other letters and digits in a password with the owner's name or address.
const MIN_OTHER_CHARACTERS: usize = 6;
/// Words of this product, which an attacker tries first.
const PRODUCT_WORDS: [&str; 6] = ["ppm", "administrator", "admin", "email", "settings", "mail"];

/// A hash of no password: an unknown account's password is compared with it, so that the response
/// takes as long as for a known account.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$\
                          bm8gcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXMgdGV4dCE";

/// Why a new password is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum PasswordRule {
    #[error("a password needs at least {MIN_CHARACTERS} characters")]
    TooShort,
    #[error("a password may have at most {MAX_OCTETS} bytes")]
    TooLong,
    #[error(
        "this password is too common or follows a common pattern, so it is easy to guess: use a few random words"
    )]
    Common,
    #[error(
        "this password is made of the person's name or email address, so it is easy to guess: use a few random words"
    )]
    Personal,
}

/// The owner of a password, whose name and address an attacker tries first.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The e-mail address.
    pub email: &'a str,
    /// The name.
    pub name: &'a str,
}

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum HashError {
    #[error("Argon2 failed: no memory, or an invalid hash")]
    Argon2(#[from] password_hash::Error),
    #[error("the hashing task failed")]
    BrokenOff(#[from] JoinError),
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Too many passwords are being compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being compared")]
pub struct Busy;

/// The queue that a comparison waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Unknown clients.
    Unproven,
    /// Browsers that have signed in before.
    Devices,
}

/// A permit to compute one hash.
#[derive(Debug)]
pub struct Permit {
    _held: OwnedSemaphorePermit,
}

/// Hashes and compares passwords with limited concurrency.
#[derive(Debug, Clone)]
pub struct Passwords {
    unproven: Arc<Semaphore>,
    devices: Arc<Semaphore>,
    /// The idle memory: as many items as there were concurrent computations at most.
    memory: Arc<Mutex<Vec<Memory>>>,
}

/// The working memory of one Argon2 computation.
type Memory = Vec<Block>;

impl Default for Passwords {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            unproven: Arc::new(Semaphore::new((cores / 2).max(1))),
            devices: Arc::new(Semaphore::new(1)),
            memory: Arc::default(),
        }
    }
}

/// Checks a new password: it must be long enough, and none of those that are guessed first (NIST SP
/// 800-63B-4, 3.1.1.2).
///
/// # Errors
/// The rule that it breaks.
pub fn check(password: &SecretString, owner: Owner<'_>) -> Result<(), PasswordRule> {
    let password = password.expose_secret();
    match password.chars().count() {
        _ if password.len() > MAX_OCTETS => return Err(PasswordRule::TooLong),
        count if count < MIN_CHARACTERS => return Err(PasswordRule::TooShort),
        _ => {}
    }
    let own = own_words(owner);
    if is_made_of(password, &own) {
        return Err(PasswordRule::Personal);
    }
    let own = own.iter().map(String::as_str);
    let known: Vec<_> = PRODUCT_WORDS.into_iter().chain(own).collect();
    // At least 10^10 guesses, with lists of common passwords, words, names, dates and patterns.
    if zxcvbn(password, &known).score() < Score::Four { Err(PasswordRule::Common) } else { Ok(()) }
}

/// Returns the words of a name and an address, longest first.
fn own_words(Owner { email, name }: Owner<'_>) -> Vec<String> {
    let both = format!("{name} {email}").to_lowercase();
    let words = both.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
    let mut words: Vec<_> = words.map(str::to_owned).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// Whether a password contains these words and hardly anything else.
fn is_made_of(password: &str, words: &[String]) -> bool {
    let rest = words.iter().fold(password.to_lowercase(), |rest, word| rest.replace(word, ""));
    let is_made_of_them = rest.len() < password.to_lowercase().len();
    is_made_of_them && rest.chars().filter(|c| c.is_alphanumeric()).count() < MIN_OTHER_CHARACTERS
}

impl Passwords {
    /// Waits for a permit to compute one hash.
    ///
    /// # Errors
    /// The wait timed out.
    pub async fn permit(&self, queue: Queue) -> Result<Permit, Busy> {
        let permits = match queue {
            Queue::Unproven => &self.unproven,
            Queue::Devices => &self.devices,
        };
        let permit = tokio::time::timeout(WAIT, Arc::clone(permits).acquire_owned());
        // Nothing closes the semaphore.
        let permit = permit.await.map_err(|_| Busy)?.map_err(|_| Busy)?;
        Ok(Permit { _held: permit })
    }

    /// Hashes a password with a random salt and returns a PHC string.
    ///
    /// # Errors
    /// Too many hashes are in progress, there is no memory, or the process is ending.
    pub async fn hash(
        &self,
        password: SecretString,
        randomness: &dyn Randomness,
    ) -> Result<String, HashError> {
        let salt = random_bytes::<16>(randomness);
        let permit = self.permit(Queue::Unproven).await?;
        self.run_blocking(permit, move |memory| {
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

    /// Whether a password matches a hash. Without a hash it does not, after the same time.
    ///
    /// # Errors
    /// There is no memory, or the process is ending.
    pub async fn is_right(
        &self,
        permit: Permit,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, HashError> {
        self.run_blocking(permit, move |memory| {
            let password = password.expose_secret();
            let could_be = hash.is_some() && password.len() <= MAX_OCTETS;
            let compared = if could_be { password } else { "" };
            let hash = PasswordHash::new(hash.as_deref().unwrap_or(DUMMY_HASH))?;
            let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
                return Err(password_hash::Error::SaltInvalid);
            };
            let argon2 = Argon2::new(
                Algorithm::try_from(hash.algorithm.as_str())?,
                hash.version.map(Version::try_from).transpose()?.unwrap_or_default(),
                Params::try_from(&hash)?,
            );
            // `Output` compares in constant time.
            Ok(hashed(&argon2, compared, salt.as_ref(), memory)? == *expected && could_be)
        })
        .await
    }

    /// Runs `work` on a blocking thread, with memory from the pool.
    async fn run_blocking<T: Send + 'static>(
        &self,
        permit: Permit,
        work: impl FnOnce(&mut Memory) -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T, HashError> {
        let kept = Arc::clone(&self.memory);
        // The task owns the permit, because it continues if the caller is dropped.
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

/// Computes the hash of a password with this salt, in the length of `argon2`.
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
    use crate::clock::SystemRandomness;
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;

    const RIGHT: &str = "a good password";

    #[tokio::test]
    async fn reused_memory_changes_no_hash_and_no_comparison() {
        let passwords = Passwords::default();
        for password in [RIGHT, "another password", RIGHT] {
            let hash = passwords.hash(password.into(), &SystemRandomness).await.expect("a hash");
            let theirs = Argon2::default().verify_password(RIGHT.as_bytes(), hash.as_str());
            assert_eq!(theirs.is_ok(), password == RIGHT);
            let permit =
                passwords.permit(Queue::Unproven).await.expect("no other test holds a permit");
            let ours = passwords.is_right(permit, RIGHT.into(), Some(hash)).await;
            let ours = ours.expect("an answer");
            assert_eq!(ours, password == RIGHT);
        }
        let kept = passwords.memory.lock().expect("no test panicked").len();
        assert_eq!(kept, 1, "one at a time needs no more");
    }

    #[tokio::test]
    async fn a_hash_is_compared_with_its_own_parameters() {
        let less = Argon2::from(Params::new(64, 1, 1, Some(64)).expect("parameters"));
        let salt = b"salt of a hash";
        let hash = less.hash_password_with_salt(RIGHT.as_bytes(), salt).expect("a hash");
        let passwords = Passwords::default();
        for (password, expected) in [(RIGHT, true), ("another password", false)] {
            let permit =
                passwords.permit(Queue::Devices).await.expect("no other test holds a permit");
            let right = passwords.is_right(permit, password.into(), Some(hash.to_string())).await;
            assert_eq!(right.expect("an answer"), expected, "{password}");
        }
    }

    const ADA: Owner<'_> = Owner { email: "ada.okafor@planner.example", name: "Ada Okafor" };

    #[test]
    fn a_common_password_is_refused() {
        for password in [
            "password1234",
            "qwertyuiop12",
            "aaaaaaaaaaaa",
            "123456789012",
            "P@ssw0rd2024!",
            "letmeinletmein",
            "administrator",
            "ppm administrator",
            "Summer2026!!",
            "Welcome12345",
        ] {
            assert_eq!(check(&password.into(), ADA), Err(PasswordRule::Common), "{password}");
        }
    }

    #[test]
    fn a_password_of_the_owners_name_or_address_is_refused() {
        for password in [
            "ada.okafor@planner.example",
            "Okafor-Planner",
            "planner.example",
            "adaokafor2024",
            "ADA OKAFOR ADA",
            "adaokafor@planner.example",
        ] {
            assert_eq!(check(&password.into(), ADA), Err(PasswordRule::Personal), "{password}");
        }
        let other = Owner { email: "grace@example.com", name: "Grace Adeyemi" };
        assert_eq!(check(&"Okafor-Planner".into(), other), Ok(()));
    }

    #[test]
    fn a_few_unrelated_words_are_accepted() {
        for password in [
            "correct horse battery",
            "a practice pass phrase",
            "practice makes perfect",
            "a pass phrase for a benchmark",
            "a long enough pass phrase",
            "another long password",
            "yet another pass phrase",
            "gültig ist auch dies",
            "okafor likes orchids in tundra",
        ] {
            assert_eq!(check(&password.into(), ADA), Ok(()), "{password}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_a_permit_times_out_and_devices_have_a_separate_queue() {
        let passwords = Passwords::default();
        let mut permits = Vec::new();
        while let Ok(permit) = passwords.permit(Queue::Unproven).await {
            permits.push(permit);
        }
        assert_eq!(passwords.permit(Queue::Unproven).await.err(), Some(Busy));
        assert!(passwords.permit(Queue::Devices).await.is_ok());
        permits.pop();
        assert!(passwords.permit(Queue::Unproven).await.is_ok());
    }

    #[test]
    fn an_unknown_account_costs_what_a_known_one_costs() {
        let dummy = PasswordHash::new(DUMMY_HASH).expect("it is a PHC string");
        let parameters = argon2::Params::try_from(&dummy).expect("they are Argon2's");
        let present = argon2::Params::default();
        assert_eq!(
            (parameters.m_cost(), parameters.t_cost(), parameters.p_cost()),
            (present.m_cost(), present.t_cost(), present.p_cost()),
        );
    }
}
