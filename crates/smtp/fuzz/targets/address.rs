//! Parses any text as an email address and as a mail server: an accepted one has a wire form that
//! keeps SMTP's limits and cannot end a command.

#![no_main]

use domain::syntax::address::email_address;
use domain::syntax::host::{Host, mail_host};
use libfuzzer_sys::fuzz_target;
use net::egress::a_labels;
use smtp::fuzz::wire_form;

fuzz_target!(|text: &str| {
    if let Ok(Host::Name(name)) = mail_host(text)
        && let Some(called) = a_labels(&name)
    {
        assert!(called.len() <= 253, "{called}");
        assert!(called.split('.').all(|label| (1..=63).contains(&label.len())), "{called}");
        assert!(called.is_ascii(), "{called}");
    }
    if email_address(text).is_ok() {
        // Some letters have no A-label: then there is no wire form, and nothing is sent.
        let Some(wire) = wire_form(text) else { return };
        assert!(!wire.contains(['\r', '\n', '\0']), "{wire:?}");
        assert!(wire.contains('@'), "{wire:?}");
        let (_, domain) = wire.rsplit_once('@').expect("an @");
        assert!(!domain.contains(['<', '>', ' ']), "{wire:?}");
    } else {
        assert_eq!(wire_form(text), None);
    }
});
