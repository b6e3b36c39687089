//! Sends test messages with the product's own SMTP client.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use anyhow::Result;
use chrono::DateTime;
use domain::settings::{MailServer, Security, Sender};
use domain::syntax::host::Host;
use net::{egress::EgressPolicy, tls::TlsTrust};
use smtp::message::{TestMessage, compose};
use smtp::{Credentials, Deadlines, Envelope, Route, deliver};

/// Sends one message after another, and returns the messages per second.
pub async fn send(port: u16, messages: u32) -> Result<f64> {
    let sender =
        Sender { address: "noreply@example.com".to_owned(), display_name: "PPM".to_owned() };
    let host = Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let (security, trusted_ca) = (Security::Clear, String::new());
    let server = MailServer { host, port, security, trusted_ca };
    let recipient = "ada@example.com";
    let trust = TlsTrust::with_extra_ca(&[])?;
    let egress = EgressPolicy::parse(&["127.0.0.1"], &[])?;
    let credentials = Credentials::None;
    let route = Route { server: server.clone(), client_name: None, credentials };
    let begun = Instant::now();
    for number in 0..messages {
        let message = compose(&TestMessage {
            sender: &sender,
            recipient,
            asked_by: "Ada Okafor (ada@example.com)",
            server: &server,
            at: DateTime::UNIX_EPOCH,
            unique: &number.to_string(),
        })?;
        let envelope = Envelope {
            sender: Some(sender.address.clone()),
            recipients: vec![recipient.to_owned()],
        };
        let deadlines = Deadlines::default();
        let mut on_step = drop;
        let octets = &message.octets;
        let attempt =
            deliver(&route, &envelope, octets, &trust, &egress, deadlines, &mut on_step).await;
        attempt.outcome?;
    }
    Ok(f64::from(messages) / begun.elapsed().as_secs_f64())
}
