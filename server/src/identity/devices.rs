//! Device cookies: they identify a browser in which an account has signed in before, so that an
//! attacker who guesses that account's password cannot lock its owner out there (OWASP, "Slow Down
//! Online Guessing Attacks with Device Cookies"). A device cookie signs no user in: it only counts
//! failed attempts separately from those of other clients.
//!
//! The vault signs it, and the server does not store it. It contains a digest of the account's address, a
//! digest of the password hash (a new password invalidates it) and a random device id.

use axum::http::{HeaderMap, HeaderValue};
use store::{hash::hashed, people::Person};
use vault::Vault;
use vault::clock::{Randomness, random_id};

use crate::cookies::Cookie;

/// The purpose of the signatures, which the vault binds them to.
const PURPOSE: &str = "device cookie";
/// 400 days, the longest lifetime that browsers accept (RFC 6265bis 5.5).
const MAX_AGE: &str = "; Max-Age=34560000";

/// A browser in which an account has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    account: String,
    password: String,
    id: String,
}

impl Device {
    /// Returns the device after a sign-in: the known one's id, or a new random id.
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

    /// Whether it belongs to the account with this key.
    pub fn is_of_account(&self, account: &str) -> bool {
        self.account == account
    }

    /// Whether the account's password is still the one of that sign-in.
    pub fn has_password_of(&self, person: &Person) -> bool {
        self.password == hashed(&person.password_hash)
    }

    /// Returns the key that its attempts count under. No address contains a space.
    pub fn source(&self) -> String {
        format!("device {}", self.id)
    }

    fn signed(&self) -> String {
        let Self { account, password, id } = self;
        format!("{account}.{password}.{id}")
    }
}

/// The device cookie.
#[derive(Debug, Clone, Copy)]
pub struct DeviceCookie {
    /// Whether the site is served over HTTPS.
    pub https: bool,
}

impl DeviceCookie {
    /// Returns the `Set-Cookie` header.
    pub fn given(self, vault: &Vault, device: &Device) -> HeaderValue {
        let signed = device.signed();
        let signature = vault.sign(PURPOSE, &signed);
        Cookie::of_device(self.https).given(&format!("{signed}.{signature}"), MAX_AGE)
    }

    /// Returns the device of a request, if the cookie's signature is valid.
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
