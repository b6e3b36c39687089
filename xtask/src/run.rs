//! Runs the product for a demonstration, with a database, an administrator, practice servers and
//! hosts. All processes end with this one.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result, bail};

use crate::example::{self, Example};
use crate::workspace::{NAME, Profile, Workspace};
use crate::{build, guard::Guard, practice::Practice, random::random_hex};

const ADMINISTRATOR: &str = "ada@practice.example";
const NAME_OF_ADMINISTRATOR: &str = "Ada Okafor";
/// Published, so only for a product that only this machine reaches.
const LOOPBACK_PASSWORD: &str = "practice makes perfect";

const START_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// What runs beside the product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// A practice mail server and a practice provider.
    Practice,
    /// Those, example pages of other sites that embed the product, and a Leptos host.
    PracticeAndHosts,
}

/// Builds and runs until the product ends, or Ctrl-C ends everything.
pub fn run(
    workspace: &Workspace,
    profile: Profile,
    beside: Beside,
    listen: SocketAddr,
    public_url: Option<&str>,
) -> Result<()> {
    if public_url.is_none() && !listen.ip().is_loopback() {
        bail!("--listen beyond this machine needs --public-url: the URL that browsers use");
    }
    build::build(workspace, profile)?;
    if beside == Beside::PracticeAndHosts {
        Example::Shell.build(workspace)?;
    }
    let listen = with_port(listen)?;
    let address = public_url.map_or_else(|| format!("http://{}", reachable(listen)), base);
    let product = Product { workspace, profile, folder: workspace.run_folder() };
    make_private_folder(&product.folder)?;

    // Hosts sign in every visitor, so they must not serve a product that other machines reach.
    let may_embed = beside == Beside::PracticeAndHosts && listen.ip().is_loopback();
    let embedded = may_embed.then_some(listen);
    let practice = match beside {
        Beside::Nothing => None,
        _ => start_practice(workspace, &product.folder, embedded),
    };
    let password = password_for(listen.ip());
    product.ensure_administrator(&password)?;
    let mut serving = product.serve(listen, public_url, practice.as_ref())?;
    let _guard = guard(&serving)?;
    wait_until_it_answers(&mut serving, listen, "/health")?;

    let shell = match (may_embed, &practice) {
        (true, Some(practice)) => {
            let listen = Example::Shell.usual_address();
            Some(example::start(workspace, Example::Shell, listen, Some(practice))?)
        }
        _ => None,
    };

    println!("\n  PPM Email Settings runs at {address}/");
    println!(
        "\n  Sign in with\n\n    Email                 {ADMINISTRATOR}\n    Password              {password}\n"
    );
    if let Some(practice) = &practice {
        println!("{}", practice.instructions(&address));
        println!("{}", sending(&address, &product.application_key()?));
    }
    if let Some(shell) = &shell {
        println!("{}", Example::Shell.instructions(shell.listen));
    }
    println!("  Ctrl-C stops everything. Settings stay in {}.\n", product.folder.display());

    let status = serving.wait()?;
    if !status.success() {
        bail!("the product ended by itself ({status})");
    }
    Ok(())
}

/// How another product sends through the saved settings.
fn sending(address: &str, key: &str) -> String {
    let message = r#"{"from": "noreply@practice.example", "to": ["bo@practice.example"], "subject": "Hello", "text": "Hello"}"#;
    format!(
        "  Once the settings are saved, other products send through them. From must be Default Sender Email:\n
    curl {address}/v1/messages -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
      -d '{message}'\n"
    )
}

/// Removes a trailing slash from a URL.
fn base(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Creates a folder that only its owner can read: it holds a database and the key to it.
pub fn make_private_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Starts the practice servers, with hosts that embed a product at this address; if that fails,
/// prints why.
pub fn start_practice(
    workspace: &Workspace,
    folder: &Path,
    embedded: Option<SocketAddr>,
) -> Option<Practice> {
    match Practice::start(workspace, &folder.join("mail"), embedded) {
        Ok(practice) => Some(practice),
        Err(error) => {
            println!("The product runs without anything to practise with: {error:#}.");
            None
        }
    }
}

/// The binary, with all of its files in one folder.
struct Product<'a> {
    workspace: &'a Workspace,
    profile: Profile,
    folder: PathBuf,
}

impl Product<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.workspace.binary(self.profile));
        for (name, _) in env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("PPM_EMAIL_") || name.starts_with("LEPTOS_"))
            {
                command.env_remove(name);
            }
        }
        let database = self.folder.join(format!("{NAME}.db"));
        command
            .env("PPM_EMAIL_DATABASE_URL", format!("sqlite://{}", database.display()))
            .env("PPM_EMAIL_KEY_FILE", self.folder.join(format!("{NAME}.key")))
            .env("PPM_EMAIL_SITE_ROOT", self.workspace.site());
        command
    }

    /// Adds the administrator, or sets this password for the one from an earlier run.
    fn ensure_administrator(&self, password: &str) -> Result<()> {
        let added =
            self.admin(&["add", ADMINISTRATOR, "--name", NAME_OF_ADMINISTRATOR], password)?;
        if added.status.success() {
            return Ok(());
        }
        let changed = self.admin(&["set-password", ADMINISTRATOR], password)?;
        if !changed.status.success() {
            let said = [added.stderr, changed.stderr]
                .map(|said| String::from_utf8_lossy(&said).trim().to_owned());
            bail!("the administrator could not be made:\n{}", said.join("\n"));
        }
        Ok(())
    }

    /// The key of an application for a demonstration, in place of that of an earlier run.
    fn application_key(&self) -> Result<String> {
        const NAME: &str = "Practice";
        let run = |args: &[&str]| {
            let mut command = self.command();
            command.arg("application").args(args).stdin(Stdio::null()).output()
        };
        // Fails at the first run: there is none yet.
        run(&["remove", NAME])?;
        let added = run(&["add", NAME])?;
        if !added.status.success() {
            bail!("no application was added: {}", String::from_utf8_lossy(&added.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&added.stdout).trim().to_owned())
    }

    fn admin(&self, args: &[&str], password: &str) -> Result<Output> {
        let mut process = self
            .command()
            .arg("admin")
            .args(args)
            .arg("--password-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the product could not be started")?;
        if let Some(mut stdin) = process.stdin.take() {
            // A command that ends without reading reports its reason by the exit code.
            let _ = writeln!(stdin, "{password}");
        }
        Ok(process.wait_with_output()?)
    }

    fn serve(
        &self,
        listen: SocketAddr,
        public_url: Option<&str>,
        practice: Option<&Practice>,
    ) -> Result<Child> {
        let mut command = self.command();
        command.arg("serve").arg("--listen").arg(listen.to_string());
        if let Some(public_url) = public_url {
            command.args(["--public-url", public_url]);
        }
        if let Some(practice) = practice {
            command.args(practice.flags());
        }
        command.stdin(Stdio::null()).spawn().context("the product could not be started")
    }
}

/// Ends a program when this process is gone.
pub fn guard(program: &Child) -> Result<Guard> {
    Guard::start("kill -TERM \"$0\" 2>/dev/null", |shell| {
        shell.arg(program.id().to_string());
    })
}

/// The address with a free port, if its port is 0.
pub fn with_port(listen: SocketAddr) -> Result<SocketAddr> {
    let found = TcpListener::bind(listen)
        .with_context(|| format!("this machine cannot listen on {listen}"))?;
    Ok(found.local_addr()?)
}

/// The address at which this machine reaches a listener on `listen`.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// A password that is easy to type if only this machine can use it, else a random one.
fn password_for(ip: IpAddr) -> String {
    if ip.is_loopback() { LOOPBACK_PASSWORD.to_owned() } else { random_hex() }
}

/// Waits until the started program answers at this path with 200.
pub fn wait_until_it_answers(serving: &mut Child, listen: SocketAddr, path: &str) -> Result<()> {
    let deadline = Instant::now() + START_WITHIN;
    while !answers(reachable(listen), path) {
        if let Some(status) = serving.try_wait()? {
            bail!("the product did not start ({status})");
        }
        if Instant::now() > deadline {
            bail!("the product does not answer at http://{}{path}", reachable(listen));
        }
        thread::sleep(ASK_EVERY);
    }
    Ok(())
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let question =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(question.as_bytes())?;
        let mut answer = vec![0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer == b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_is_replaced_by_a_free_one() {
        assert_ne!(with_port("127.0.0.1:0".parse().unwrap()).unwrap().port(), 0);
    }

    #[test]
    fn an_unspecified_address_is_reached_over_loopback() {
        let at = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(at("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(at("[::]:80"), "[::1]:80");
        assert_eq!(at("192.0.2.1:80"), "192.0.2.1:80");
    }

    #[test]
    fn the_known_password_is_for_loopback_only() {
        let open = Ipv4Addr::UNSPECIFIED.into();
        assert_eq!(password_for(Ipv4Addr::LOCALHOST.into()), LOOPBACK_PASSWORD);
        assert_ne!(password_for(open), LOOPBACK_PASSWORD);
        assert_ne!(password_for(open), password_for(open));
    }

    #[test]
    fn only_a_status_of_200_counts_as_an_answer() {
        for (answer, counts) in
            [("HTTP/1.1 200 OK\r\n\r\n", true), ("HTTP/1.1 503 No\r\n\r\n", false), ("", false)]
        {
            let server = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = server.local_addr().unwrap();
            let serving = thread::spawn(move || {
                let (mut stream, _) = server.accept().unwrap();
                let _ = stream.read(&mut [0; 512]);
                stream.write_all(answer.as_bytes()).unwrap();
            });
            assert_eq!(answers(address, "/health"), counts, "{answer:?}");
            serving.join().unwrap();
        }
    }
}
