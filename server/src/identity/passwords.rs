//! Passwords of administrators: what a new one must not be, and Argon2id (RFC 9106) with the
//! parameters that OWASP recommends (19 MiB, two passes, one lane). Each comparison costs that much
//! memory and tens of milliseconds of a core, so that strangers get half of the cores at most. The
//! others wait for a few seconds, and are refused then. A known device has a queue of its own.
//! The memory is used again and never given back: an allocator cuts what it gets back into pieces,
//! and takes as much anew for the next comparison.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use zxcvbn::{Score, zxcvbn};

use crate::clock::{Randomness, random_bytes};

/// The fewest characters (Unicode scalar values) a new password may have.
pub const MIN_CHARACTERS: usize = 12;
/// The most octets any password may have.
pub const MAX_OCTETS: usize = 1024;

/// How long a comparison waits for those before it.
const WAIT: Duration = Duration::from_secs(3);
/// The fewest letters and digits of a password that are of no own name and address, where others are.
const OTHERS: usize = 6;
/// What somebody who is asked for a password here thinks of first.
const OF_THE_PRODUCT: [&str; 6] = ["ppm", "administrator", "admin", "email", "settings", "mail"];

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

/// Whom a password is for: their name and address are guessed first.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The e-mail address.
    pub email: &'a str,
    /// The name.
    pub name: &'a str,
}

/// Why a password could be neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum HashError {
    #[error("Argon2 cannot work: no memory, or a hash that is none")]
    Argon2(#[from] password_hash::Error),
    #[error("hashing was broken off")]
    BrokenOff(#[from] JoinError),
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Too many passwords are being compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being compared")]
pub struct Busy;

/// Who waits with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Anybody.
    Strangers,
    /// Browsers that have signed in before.
    Devices,
}

/// Leave for one hash.
#[derive(Debug)]
pub struct Permit {
    _held: OwnedSemaphorePermit,
}

/// Hashes and compares passwords, a few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    strangers: Arc<Semaphore>,
    devices: Arc<Semaphore>,
    /// What nobody works in at the moment, as much as there ever was work at once.
    memory: Arc<Mutex<Vec<Memory>>>,
}

/// What Argon2 works in.
type Memory = Vec<Block>;

impl Default for Passwords {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            strangers: Arc::new(Semaphore::new((cores / 2).max(1))),
            devices: Arc::new(Semaphore::new(1)),
            memory: Arc::default(),
        }
    }
}

/// Whether a new password will do for its owner: long enough, and not among the first that are guessed
/// (NIST SP 800-63B-4, 3.1.1.2).
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
    let known: Vec<_> = OF_THE_PRODUCT.into_iter().chain(own).collect();
    // Ten thousand million guesses, by lists of common passwords, words, names, dates and patterns.
    if zxcvbn(password, &known).score() < Score::Four { Err(PasswordRule::Common) } else { Ok(()) }
}

/// The words of a name and an address, the longest first.
fn own_words(Owner { email, name }: Owner<'_>) -> Vec<String> {
    let both = format!("{name} {email}").to_lowercase();
    let words = both.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
    let mut words: Vec<_> = words.map(str::to_owned).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// Whether hardly anything of a password is left without these words.
fn is_made_of(password: &str, words: &[String]) -> bool {
    let rest = words.iter().fold(password.to_lowercase(), |rest, word| rest.replace(word, ""));
    let is_made_of_them = rest.len() < password.to_lowercase().len();
    is_made_of_them && rest.chars().filter(|c| c.is_alphanumeric()).count() < OTHERS
}

impl Passwords {
    /// Leave for one hash, once those before have theirs.
    ///
    /// # Errors
    /// That takes too long.
    pub(super) async fn permit(&self, queue: Queue) -> Result<Permit, Busy> {
        let permits = match queue {
            Queue::Strangers => &self.strangers,
            Queue::Devices => &self.devices,
        };
        let permit = tokio::time::timeout(WAIT, Arc::clone(permits).acquire_owned());
        let permit = permit.await.map_err(|_| Busy)?;
        Ok(Permit { _held: permit.expect("nothing closes this semaphore") })
    }

    /// The hash to keep of a password, as a PHC string with a salt of its own.
    ///
    /// # Errors
    /// Too many are being hashed, there is no memory for it, or this program is ending.
    pub async fn hash(
        &self,
        password: SecretString,
        randomness: &dyn Randomness,
    ) -> Result<String, HashError> {
        let salt = random_bytes::<16>(randomness);
        let permit = self.permit(Queue::Strangers).await?;
        self.aside(permit, move |memory| {
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
        permit: Permit,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, HashError> {
        self.aside(permit, move |memory| {
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
        permit: Permit,
        work: impl FnOnce(&mut Memory) -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T, HashError> {
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
            let permit = passwords.permit(Queue::Strangers).await.expect("nobody else is here");
            let ours = passwords.is_right(permit, RIGHT.into(), Some(hash)).await;
            let ours = ours.expect("an answer");
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
            let permit = passwords.permit(Queue::Devices).await.expect("nobody else is here");
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
    fn a_password_of_ones_own_name_or_address_is_refused() {
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
    fn a_few_words_that_do_not_belong_together_will_do() {
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
    async fn whoever_waits_too_long_is_refused_and_a_known_device_waits_for_no_stranger() {
        let passwords = Passwords::default();
        let mut permits = Vec::new();
        while let Ok(permit) = passwords.permit(Queue::Strangers).await {
            permits.push(permit);
        }
        assert_eq!(passwords.permit(Queue::Strangers).await.err(), Some(Busy));
        assert!(passwords.permit(Queue::Devices).await.is_ok());
        permits.pop();
        assert!(passwords.permit(Queue::Strangers).await.is_ok());
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
