//! Postfix, the baseline of the outbox: it accepts messages of Postfix's own load generator,
//! `smtp-source`, into a queue on the disk of the product's database. Only root can start it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, net::TcpListener, net::TcpStream, thread};

use anyhow::{Context as _, Result, ensure};

use crate::guard::Guard;
use crate::tools::expect_success;

const MASTER: &str = "/usr/lib/postfix/sbin/master";
const SMTP_SOURCE: &str = "/usr/sbin/smtp-source";
const START_WITHIN: Duration = Duration::from_secs(20);
/// The octets of a message, as many as the product's client hands over.
const SIZE: u32 = 560;

/// What becomes of the messages.
#[derive(Clone, Copy)]
pub enum Delivery<'a> {
    /// They stay in the queue.
    Held,
    /// They are relayed to the mail server at this port of this machine.
    RelayedTo(&'a str),
}

/// A running Postfix, which ends when this is dropped or with this process.
pub struct Postfix {
    master: Child,
    guard: Option<Guard>,
    port: u16,
}

/// Whether Postfix can be measured here.
pub fn is_there() -> bool {
    crate::debian::can_start_postfix()
        && [MASTER, SMTP_SOURCE].iter().all(|program| Path::new(program).is_file())
}

impl Postfix {
    /// Starts it with an empty queue in this folder.
    pub fn start(folder: &Path, delivery: Delivery<'_>) -> Result<Self> {
        let _ = fs::remove_dir_all(folder);
        make_queue(folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        write_configuration(folder, port, delivery)?;
        let mut command = Command::new(MASTER);
        let master = command.args(["-d", "-c"]).arg(folder).stdin(Stdio::null()).spawn()?;
        let guard = Guard::start(r#"kill -TERM "$0" 2>/dev/null"#, |shell| {
            shell.arg(master.id().to_string());
        })?;
        let postfix = Self { master, guard: Some(guard), port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(begun.elapsed() < START_WITHIN, "Postfix does not start");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(postfix)
    }

    /// Hands messages over, and returns the accepted ones per second.
    pub fn accept(&self, messages: u32, connections: u32) -> Result<f64> {
        let begun = Instant::now();
        let mut source = Command::new(SMTP_SOURCE);
        source.args(["-d", "-f", "noreply@example.com", "-t", "ada@example.com"]);
        source.args(["-s", &connections.to_string(), "-m", &messages.to_string()]);
        source.args(["-l", &SIZE.to_string(), &format!("127.0.0.1:{}", self.port)]);
        expect_success(&mut source)?;
        Ok(f64::from(messages) / begun.elapsed().as_secs_f64())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        drop(self.guard.take());
        let _ = self.master.wait();
    }
}

/// Creates the folders that Postfix expects, owned by its account.
fn make_queue(folder: &Path) -> Result<()> {
    let mut chown = Command::new("chown");
    chown.arg("postfix");
    let queues = "active bounce corrupt defer deferred flush hold incoming maildrop private public \
                  saved trace";
    for queue in queues.split(' ').map(|queue| format!("queue/{queue}")).chain(["data".to_owned()])
    {
        fs::create_dir_all(folder.join(&queue))?;
        chown.arg(folder.join(queue));
    }
    fs::create_dir(folder.join("queue/pid"))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    expect_success(&mut chown)
}

fn write_configuration(folder: &Path, port: u16, delivery: Delivery<'_>) -> Result<()> {
    let name = folder.display();
    let (restrictions, relay) = match delivery {
        Delivery::Held => ("check_client_access static:HOLD", String::new()),
        Delivery::RelayedTo(port) => ("", format!("relayhost = [127.0.0.1]:{port}")),
    };
    let main = format!(
        "compatibility_level = 3.6
queue_directory = {name}/queue
data_directory = {name}/data
maillog_file = {name}/postfix.log
maillog_file_prefixes = {name}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.com
mydestination =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_client_restrictions = {restrictions}
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
# By default it accepts fewer messages while it relays.
in_flow_delay = 0
{relay}
"
    );
    let master = format!(
        "127.0.0.1:{port} inet n - n - - smtpd
pickup     unix       n - n 60    1 pickup
cleanup    unix       n - n -     0 cleanup
qmgr       unix       n - n 300   1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n -     - trivial-rewrite
bounce     unix       - - n -     0 bounce
defer      unix       - - n -     0 bounce
trace      unix       - - n -     0 bounce
proxymap   unix       - - n -     - proxymap
smtp       unix       - - n -     - smtp
relay      unix       - - n -     - smtp
error      unix       - - n -     - error
retry      unix       - - n -     - error
discard    unix       - - n -     - discard
anvil      unix       - - n -     1 anvil
scache     unix       - - n -     1 scache
postlog    unix-dgram n - n -     1 postlogd
"
    );
    for (file, text) in [("main.cf", main), ("master.cf", master)] {
        let path = folder.join(file);
        fs::write(&path, text)?;
        // Postfix waits until its configuration is some seconds old.
        let backdated = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
        let file = fs::File::options().write(true).open(&path)?;
        file.set_modified(backdated).context("a time could not be set")?;
    }
    Ok(())
}
