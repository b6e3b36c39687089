//! Device cookies: what a browser is known by in which an account has signed in before, so that
//! strangers who guess that account's password cannot lock its owner out there (OWASP, "Slow Down
//! Online Guessing Attacks with Device Cookies"). A device cookie signs nobody in: it only counts
//! failed attempts apart from everybody else's.
//!
//! It is signed by the vault and stored nowhere. It names the account by a digest, the account's
//! password hash by a digest (another password makes it worthless), and the device by a random id.

use axum::http::{HeaderMap, HeaderValue};

use super::cookies::Cookie;
use crate::clock::{Randomness, random_id};
use crate::digest::hashed;
use crate::store::people::Person;
use crate::vault::Vault;

/// The purpose of the signatures.
const PURPOSE: &str = "device cookie";
/// 400 days, the longest that browsers keep a cookie (RFC 6265bis 5.5).
const KEPT: &str = "; Max-Age=34560000";

/// A browser in which an account has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    account: String,
    password: String,
    id: String,
}

impl Device {
    /// A browser in which a person has just signed in: the one that is known already, or a new one.
    #[must_use]
    pub fn of(
        account: &str,
        password_hash: &str,
        known: Option<&Self>,
        randomness: &dyn Randomness,
    ) -> Self {
        Self {
            account: account.to_owned(),
            password: hashed(password_hash),
            id: known.map_or_else(|| random_id(randomness), |known| known.id.clone()),
        }
    }

    /// Whether the account with this key has signed in here.
    #[must_use]
    pub fn is_of_account(&self, account: &str) -> bool {
        self.account == account
    }

    /// Whether it was with the password that this person has now.
    #[must_use]
    pub fn has_password_of(&self, person: &Person) -> bool {
        self.password == hashed(&person.password_hash)
    }

    /// What its attempts are counted under. No address has a space in it.
    #[must_use]
    pub fn source(&self) -> String {
        format!("device {}", self.id)
    }

    fn signed(&self) -> String {
        let Self { account, password, id } = self;
        format!("{account}.{password}.{id}")
    }
}

/// The cookie by which a device is known again.
#[derive(Debug, Clone, Copy)]
pub struct DeviceCookie {
    /// Whether browsers come by https.
    pub https: bool,
}

impl DeviceCookie {
    /// The header that gives it to the browser.
    #[must_use]
    pub fn given(self, vault: &Vault, device: &Device) -> HeaderValue {
        let signed = device.signed();
        let signature = vault.sign(PURPOSE, &signed);
        Cookie::of_device(self.https).given(&format!("{signed}.{signature}"), KEPT)
    }

    /// The device that a request comes from, where its cookie is one that was given.
    #[must_use]
    pub fn brought(self, vault: &Vault, headers: &HeaderMap) -> Option<Device> {
        let cookie = Cookie::of_device(self.https).brought(headers)?;
        let (signed, signature) = cookie.rsplit_once('.')?;
        if !vault.has_signed(PURPOSE, signed, signature) {
            return None;
        }
        let [account, password, id] = signed.split('.').collect::<Vec<_>>().try_into().ok()?;
        let owned = str::to_owned;
        Some(Device { account: owned(account), password: owned(password), id: owned(id) })
    }
}
