//! A `PostgreSQL` server for the tests: Debian's, in a temporary folder, reachable over TCP and
//! over a socket in that folder, with a certificate for TLS. It does not wait for the disk (`fsync`
//! is off), so tests cannot show what survives a power cut.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context as _, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::{debian, random::unguessable, tools::expect_success};

/// The folder in which Debian installs each version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The user that owns the server if root runs it: `PostgreSQL` refuses to run as root.
const OWNER: &str = "postgres";
/// Enough for many concurrent tests, each with one or two servers of eight connections.
const CONNECTIONS: u16 = 400;

/// A running server. It ends and its folder is removed when this is dropped, or with this process.
pub struct Postgres {
    /// The URL of its superuser.
    pub url: String,
    process: Child,
    stdin: Option<ChildStdin>,
}

impl Postgres {
    /// Starts a server, after installing Debian's package if necessary.
    pub fn start() -> Result<Self> {
        let programs = ensure_programs()?;
        let folder = Folder::make()?;
        let (mut process, stdin) = guard(&programs, &folder)?;
        match folder.fill(&programs) {
            Ok(url) => Ok(Self { url, process, stdin: Some(stdin) }),
            Err(error) => {
                drop(stdin);
                let _ = process.wait();
                Err(error)
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

/// The server's folder, and whether its owner has to change.
struct Folder {
    path: PathBuf,
    is_roots: bool,
}

impl Folder {
    fn make() -> Result<Self> {
        let path = env::temp_dir().join(format!("ppm-email-postgres-{}", unguessable()));
        expect_success(Command::new("mkdir").args(["-m", "700"]).arg(&path))?;
        Ok(Self { path, is_roots: debian::is_root() })
    }

    /// Creates a database cluster in it, starts its server and waits until that responds.
    fn fill(&self, programs: &Path) -> Result<String> {
        let (password, port) = (unguessable(), free_port()?);
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        for (name, text) in [
            ("password", &password),
            ("server.crt", &cert.pem()),
            ("server.key", &signing_key.serialize_pem()),
        ] {
            fs::write(self.path.join(name), text)?;
        }
        self.give_to_owner()?;
        expect_success(self.quietly(&programs.join("initdb")).args([
            "--pgdata=data",
            "--username=postgres",
            "--pwfile=password",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]))?;
        let start = expect_success(self.quietly(&programs.join("pg_ctl")).args([
            "--pgdata=data",
            "--log=log",
            "--wait",
            &format!("--options={}", self.options(port)),
            "start",
        ]));
        if start.is_err() {
            print!("{}", fs::read_to_string(self.path.join("log")).unwrap_or_default());
        }
        start.map(|()| format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"))
    }

    fn options(&self, port: u16) -> String {
        let folder = self.path.display();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={folder}"),
            format!("max_connections={CONNECTIONS}"),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={folder}/server.crt"),
            format!("ssl_key_file={folder}/server.key"),
        ];
        settings.map(|setting| format!("-c '{setting}'")).join(" ")
    }

    /// Gives it to its owner. The server accepts no key that others may read.
    fn give_to_owner(&self) -> Result<()> {
        expect_success(Command::new("chmod").args(["-R", "go="]).arg(&self.path))?;
        if self.is_roots {
            expect_success(Command::new("chown").args(["-R", OWNER]).arg(&self.path))?;
        }
        Ok(())
    }

    /// A program in this folder, run by its owner, without output.
    fn quietly(&self, program: &Path) -> Command {
        let mut command = Command::new(if self.is_roots { Path::new("setpriv") } else { program });
        if self.is_roots {
            let owner = [format!("--reuid={OWNER}"), format!("--regid={OWNER}")];
            command.args(owner).arg("--init-groups").arg(program);
        }
        command.current_dir(&self.path).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// Ends the server and removes its folder when this process is gone, however it ended.
///
/// A shell waits for the end of its stdin, as the one in `run.rs` does.
fn guard(programs: &Path, folder: &Folder) -> Result<(Child, ChildStdin)> {
    let mut stop = folder.quietly(&programs.join("pg_ctl"));
    stop.args(["--pgdata=data", "--mode=immediate", "--wait", "stop"]);
    let script = r#"trap '' INT TERM HUP; read -r _; "$@" 2>/dev/null; cd /; rm -rf -- "$0""#;
    let mut process = Command::new("sh")
        .args(["-c", script])
        .arg(&folder.path)
        .arg(stop.get_program())
        .args(stop.get_args())
        .current_dir(&folder.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("sh, which ends PostgreSQL afterwards, could not be started")?;
    let stdin = process.stdin.take().context("sh has no stdin")?;
    Ok((process, stdin))
}

/// The folder of the newest version's programs, after installing Debian's package if necessary.
fn ensure_programs() -> Result<PathBuf> {
    if let Some(programs) = programs(Path::new(VERSIONS)) {
        return Ok(programs);
    }
    debian::install(&[debian::POSTGRESQL])?;
    programs(Path::new(VERSIONS)).context("Debian's package has no initdb")
}

/// The programs of the newest version that has them.
fn programs(versions: &Path) -> Option<PathBuf> {
    let found = fs::read_dir(versions).ok()?.filter_map(|entry| {
        let path = entry.ok()?.path();
        let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
        let programs = path.join("bin");
        programs.join("initdb").is_file().then_some((version, programs))
    });
    found.max().map(|(_, programs)| programs)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_has_its_programs_is_taken() {
        let versions = env::temp_dir().join(format!("ppm-email-versions-{}", unguessable()));
        for version in ["9", "15", "17", "common"] {
            fs::create_dir_all(versions.join(version).join("bin")).unwrap();
        }
        for version in ["9", "15", "common"] {
            fs::write(versions.join(version).join("bin/initdb"), "").unwrap();
        }
        let found = programs(&versions);
        fs::remove_dir_all(&versions).unwrap();
        assert_eq!(found, Some(versions.join("15/bin")));
    }
}
