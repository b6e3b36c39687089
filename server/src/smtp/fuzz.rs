//! What the fuzz targets need of the private parts; compiled for them only.

use std::time::Duration;

use domain::check::host::Host;
use domain::delivery::Step;
use domain::settings::{Account, MailServer, Security};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::queue_id::queue_id;
use super::replies::{self, Context};
use super::stream::Guarded;
use super::wire::{NoReply, Wire};
use super::{Credentials, Deadlines};

/// What the administrator reads of each reply on a connection, until there is no more.
pub async fn read(stream: TcpStream, account: &Account) -> Vec<String> {
    let second = Duration::from_secs(1);
    let deadlines = Deadlines { connect: second, reply: second, total: second };
    let mut wire = Wire::new(Guarded::new(stream, deadlines, Instant::now() + second));
    let host = Host::Name("mail.example.com".to_owned());
    let (security, trusted_ca) = (Security::StartTls, String::new());
    let server = MailServer { host, port: 587, security, trusted_ca };
    let hush = super::sasl::hush(&Credentials::Password(account.clone()), &server);
    let mut read = Vec::new();
    loop {
        let words = match wire.reply().await {
            Ok(reply) => {
                for step in Step::ALL {
                    let _ = replies::advice(step, &reply, &Context::default());
                }
                read.extend(queue_id(&reply).map(|id| hush.shown(&id)));
                let reply = reply.decoded();
                let _ = replies::advice(Step::SignIn, &reply, &Context::default());
                reply.words()
            }
            Err(NoReply::Unreadable(line) | NoReply::OutOfTurn(line)) => {
                read.push(hush.shown(&line));
                return read;
            }
            Err(NoReply::Broken(_)) => return read,
        };
        read.push(hush.shown(&words));
    }
}

/// The mailbox as it goes into MAIL FROM and RCPT TO.
#[must_use]
pub fn wire_form(mailbox: &str) -> Option<String> {
    super::address::wire_form(mailbox).map(|address| address.to_string())
}
