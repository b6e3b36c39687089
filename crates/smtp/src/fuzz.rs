//! Entry points to private functions for the fuzz targets. Compiled for fuzzing only.

use std::time::Duration;

use domain::delivery::Step;
use domain::settings::{Account, MailServer, Security};
use domain::syntax::host::Host;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::diagnosis::{self, Context};
use super::protocol::{Connection, NoReply};
use super::queue_id::queue_id;
use super::stream::Guarded;
use super::{Credentials, Deadlines};

/// Returns the text that an administrator is shown for each reply, until the connection ends.
pub async fn read(stream: TcpStream, account: &Account) -> Vec<String> {
    let second = Duration::from_secs(1);
    let deadlines = Deadlines { connect: second, reply: second, total: second };
    let mut connection = Connection::new(Guarded::new(stream, deadlines, Instant::now() + second));
    let host = Host::Name("mail.example.com".to_owned());
    let (security, trusted_ca) = (Security::StartTls, String::new());
    let server = MailServer { host, port: 587, security, trusted_ca };
    let redactor = super::sasl::redactor(&Credentials::Password(account.clone()), &server);
    let mut read = Vec::new();
    loop {
        let words = match connection.reply().await {
            Ok(reply) => {
                for step in Step::ALL {
                    let _ = diagnosis::diagnose(step, &reply, &Context::default());
                }
                read.extend(queue_id(&reply).map(|id| redactor.redact_to_show(&id)));
                let reply = reply.decoded();
                let _ = diagnosis::diagnose(Step::SignIn, &reply, &Context::default());
                reply.words()
            }
            Err(NoReply::Unreadable(line) | NoReply::OutOfTurn(line)) => {
                read.push(redactor.redact_to_show(&line));
                return read;
            }
            Err(NoReply::Broken(_)) => return read,
        };
        read.push(redactor.redact_to_show(&words));
    }
}

/// Returns the mailbox as it is written into MAIL FROM and RCPT TO.
pub fn wire_form(mailbox: &str) -> Option<String> {
    super::address::wire_form(mailbox).map(|address| address.to_string())
}
