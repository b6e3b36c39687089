//! A `PostgreSQL` server for the tests: Debian's, in a temporary folder, reachable over TCP and
//! over a socket in that folder, with a certificate for TLS. For tests it does not wait for the disk
//! (`fsync` is off), so that they cannot show what survives a power cut.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, net::TcpListener};

use anyhow::{Context as _, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::{debian, guard::Guard, random::random_hex, tools::expect_success};

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
    programs: PathBuf,
    folder: Folder,
    _guard: Guard,
}

impl Postgres {
    /// Starts a server for tests, after installing Debian's package if necessary.
    pub fn start() -> Result<Self> {
        Self::start_with(Fsync::Off)
    }

    /// Starts a server that waits for the disk, as in production.
    pub fn start_durable() -> Result<Self> {
        Self::start_with(Fsync::On)
    }

    fn start_with(fsync: Fsync) -> Result<Self> {
        let programs = ensure_programs()?;
        let folder = Folder::make()?;
        let guard = guard(&programs, &folder)?;
        let url = folder.fill(&programs, fsync)?;
        Ok(Self { url, programs, folder, _guard: guard })
    }

    /// Creates a database, and returns its URL.
    pub fn database(&self, name: &str) -> Result<String> {
        let mut create = Command::new(self.programs.join("psql"));
        create.args(["--quiet", &self.url, "--command", &format!("CREATE DATABASE {name}")]);
        expect_success(&mut create)?;
        let (server, _) = self.url.rsplit_once('/').context("the URL has no database")?;
        Ok(format!("{server}/{name}"))
    }

    /// Writes a program that crashes the server (SIGQUIT) and starts it again, and returns its path.
    pub fn restart_program(&self) -> Result<PathBuf> {
        let mut restart = self.folder.quietly(&self.programs.join("pg_ctl"));
        restart.args(["--pgdata=data", "--log=log", "--mode=immediate", "--wait", "restart"]);
        let words = std::iter::once(restart.get_program()).chain(restart.get_args());
        let words: Vec<_> = words.map(|word| format!("'{}'", word.display())).collect();
        let folder = self.folder.path.display();
        let program = self.folder.path.join("restart");
        fs::write(&program, format!("#!/bin/sh\ncd '{folder}' && exec {}\n", words.join(" ")))?;
        expect_success(Command::new("chmod").arg("755").arg(&program))?;
        Ok(program)
    }
}

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fsync {
    On,
    Off,
}

/// The server's folder, and whether its owner has to change.
struct Folder {
    path: PathBuf,
    is_roots: bool,
}

impl Folder {
    fn make() -> Result<Self> {
        let path = env::temp_dir().join(format!("ppm-email-postgres-{}", random_hex()));
        expect_success(Command::new("mkdir").args(["-m", "700"]).arg(&path))?;
        Ok(Self { path, is_roots: debian::is_root() })
    }

    /// Creates a database cluster in it, starts its server and waits until that responds.
    fn fill(&self, programs: &Path, fsync: Fsync) -> Result<String> {
        let (password, port) = (random_hex(), free_port()?);
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
            &format!("--options={}", self.options(port, fsync)),
            "start",
        ]));
        if start.is_err() {
            print!("{}", fs::read_to_string(self.path.join("log")).unwrap_or_default());
        }
        start.map(|()| format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"))
    }

    fn options(&self, port: u16, fsync: Fsync) -> String {
        let folder = self.path.display();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={folder}"),
            format!("max_connections={CONNECTIONS}"),
            format!("fsync={}", if fsync == Fsync::On { "on" } else { "off" }),
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

/// Ends the server and removes its folder when this process is gone.
fn guard(programs: &Path, folder: &Folder) -> Result<Guard> {
    let mut stop = folder.quietly(&programs.join("pg_ctl"));
    stop.args(["--pgdata=data", "--mode=immediate", "--wait", "stop"]);
    Guard::start(r#""$@" 2>/dev/null; cd /; rm -rf -- "$0""#, |shell| {
        shell.arg(&folder.path).arg(stop.get_program()).args(stop.get_args());
        shell.current_dir(&folder.path);
    })
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
        let versions = env::temp_dir().join(format!("ppm-email-versions-{}", random_hex()));
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
