//! Runs Debian's Postfix and Dovecot in a temporary folder, with an authorization server that
//! checks tokens. Has to be started by root, as Postfix requires, and ends with the test.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use axum::routing::post;
use axum::{Form, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::smtp_server::AUTHORITY;
use crate::sockets::free_address;

const MASTER: &str = "/usr/lib/postfix/sbin/master";
const DOVECOT: &str = "/usr/sbin/dovecot";

/// The user of the tokens.
pub const USER: &str = "ppm@example.com";

const START_WITHIN: Duration = Duration::from_secs(20);

/// A running mail server.
pub struct Postfix {
    pub address: SocketAddr,
    master: Daemon,
    dovecot: Daemon,
    _folder: TempDir,
}

impl Postfix {
    /// Starts a server that offers these mechanisms, by Dovecot's names, and accepts these tokens.
    pub async fn start(mechanisms: &str, good: Vec<String>) -> Self {
        let authorization_server = introspection_server(good).await;
        Self::start_with(authorization_server, mechanisms).await
    }

    /// Starts a server whose authorization server does not respond.
    pub async fn forsaken(mechanisms: &str) -> Self {
        Self::start_with(free_address(), mechanisms).await
    }

    async fn start_with(authorization_server: SocketAddr, mechanisms: &str) -> Self {
        for program in [MASTER, DOVECOT] {
            let is_there = Path::new(program).is_file();
            assert!(is_there, "{program} is missing: `cargo xtask test` installs it");
        }
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (root, address) = (folder.path(), free_address());
        make_queue(root);

        let auth = root.join("queue/private/auth");
        write_dovecot(root, mechanisms, authorization_server);
        let dovecot = Daemon::start(DOVECOT, &["-F", "-c"], &root.join("dovecot.conf"));
        wait_until(root, async || auth.exists()).await;

        write_postfix(root, address);
        let master = Daemon::start(MASTER, &["-d", "-c"], root);
        wait_until(root, async || TcpStream::connect(address).await.is_ok()).await;
        Self { address, master, dovecot, _folder: folder }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Each takes a second to end; this way they end concurrently.
        self.master.terminate();
        self.dovecot.terminate();
    }
}

/// A program that ends when this is dropped, or when this process ends in any way.
struct Daemon {
    process: Child,
    guard: Child,
}

impl Daemon {
    fn start(program: &str, args: &[&str], configuration: &Path) -> Self {
        let process = Command::new(program)
            .args(args)
            .arg(configuration)
            .stdin(Stdio::null())
            .spawn()
            .expect("the program runs");
        // The guard's standard input is closed when this process ends.
        let guard = Command::new("sh")
            .args(["-c", "trap '' INT TERM HUP; read -r _; kill -TERM \"$0\" 2>/dev/null"])
            .arg(process.id().to_string())
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh is there");
        Self { process, guard }
    }

    fn terminate(&mut self) {
        drop(self.guard.stdin.take());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.terminate();
        let _ = self.guard.wait();
        let _ = self.process.wait();
    }
}

/// Waits for a condition, or fails with the logs of both programs.
async fn wait_until(root: &Path, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        let mut tick = interval(Duration::from_millis(10));
        while !is_so().await {
            tick.tick().await;
        }
    };
    if timeout(START_WITHIN, waiting).await.is_err() {
        let logs = ["dovecot.log", "postfix.log"].map(|log| fs::read_to_string(root.join(log)));
        panic!("the mail server does not start: {logs:?}");
    }
}

#[derive(Deserialize)]
struct Introspection {
    token: String,
}

/// Starts an authorization server that introspects tokens (RFC 7662).
async fn introspection_server(good: Vec<String>) -> SocketAddr {
    let answer = async move |Form(Introspection { token }): Form<Introspection>| -> Json<Value> {
        Json(json!({ "active": good.contains(&token), "username": USER }))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Creates the folders that Postfix expects, owned by its account.
fn make_queue(root: &Path) {
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    let mut chown = Command::new("chown");
    chown.arg("postfix");
    let queues = "active bounce corrupt defer deferred flush hold incoming maildrop private public \
                  saved trace";
    let queues = queues.split(' ').map(|queue| format!("queue/{queue}"));
    for folder in queues.chain(["data".to_owned()]) {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).expect("the folder is ours");
        chown.arg(folder);
    }
    fs::create_dir(root.join("queue/pid")).expect("the folder is ours");
    let chowned = chown.status().expect("chown is there").success();
    assert!(chowned, "Postfix can be started by root only");
}

fn write_dovecot(root: &Path, mechanisms: &str, authorization_server: SocketAddr) {
    let folder = root.display();
    let dovecot = format!(
        "base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
log_path = {folder}/dovecot.log
protocols =
ssl = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
passdb {{
  driver = oauth2
  mechanisms = {mechanisms}
  args = {folder}/oauth2.conf
}}
# A caller who was refused is not made to wait the next time.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/queue/private/auth {{
    mode = 0600
    user = postfix
  }}
}}
"
    );
    let oauth2 = format!(
        "introspection_mode = post
introspection_url = http://{authorization_server}/
username_attribute = username
active_attribute = active
active_value = true
"
    );
    fs::create_dir(root.join("dovecot")).expect("the folder is ours");
    fs::write(root.join("dovecot.conf"), dovecot).expect("the folder is ours");
    fs::write(root.join("oauth2.conf"), oauth2).expect("the folder is ours");
}

fn write_postfix(root: &Path, address: SocketAddr) {
    let folder = root.display();
    let main = format!(
        "compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.com
mydestination =
default_transport = discard
smtpd_tls_chain_files = {folder}/certificate.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"
    );
    let services = "
pickup     unix       n - n 60    1 pickup
cleanup    unix       n - n -     0 cleanup
qmgr       unix       n - n 300   1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n -     - trivial-rewrite
bounce     unix       - - n -     0 bounce
defer      unix       - - n -     0 bounce
trace      unix       - - n -     0 bounce
proxymap   unix       - - n -     - proxymap
error      unix       - - n -     - error
retry      unix       - - n -     - error
discard    unix       - - n -     - discard
anvil      unix       - - n -     1 anvil
postlog    unix-dgram n - n -     1 postlogd
";
    let master = format!("{address} inet n - n - - smtpd{services}");
    write_backdated(&root.join("main.cf"), &main);
    write_backdated(&root.join("master.cf"), &master);
    fs::write(root.join("certificate.pem"), AUTHORITY.good_in_pem()).expect("the folder is ours");
}

/// Writes a file with an old modification time: Postfix waits after a recent change.
fn write_backdated(path: &Path, text: &str) {
    let mut file = File::create_new(path).expect("the folder is ours");
    file.write_all(text.as_bytes()).expect("the folder is ours");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(24)).expect("the file is ours");
}
