//! The practice mail server beside a running product: starts it and says what to type to use it.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::{
    node::{Packages, ensure_node, ensure_packages},
    workspace::Workspace,
};

/// A running practice mail server; it ends when this is dropped, or with this process.
pub struct MailServer {
    /// Where it listens.
    pub address: Address,
    /// Holds the stdin whose end tells the mail server to end.
    process: Child,
}

/// The line that the mail server prints when it is ready, as far as it matters here.
#[derive(Deserialize, Debug)]
pub struct Address {
    starttls: u16,
    tls: u16,
    plain: u16,
    inbox: u16,
    /// The certificate authority to trust.
    pub ca: PathBuf,
    username: String,
    password: String,
}

impl MailServer {
    /// Starts it with its files in `folder`, on its usual ports where they are free.
    pub fn start(workspace: &Workspace, folder: &Path) -> Result<Self> {
        ensure_node()?;
        ensure_packages(workspace, Packages::Peers)?;
        let mut command = Command::new("node");
        command.arg(workspace.end2end().join("peers/mail-server.mjs")).arg("--dir").arg(folder);
        for (flag, usual) in [
            ("--starttls-port", 2587),
            ("--tls-port", 2465),
            ("--plain-port", 2525),
            ("--inbox-port", 8025),
        ] {
            command.arg(flag).arg(free_port_like(usual).to_string());
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the practice mail server could not be started")?;

        let mut line = String::new();
        let stdout = process.stdout.take().context("the practice mail server has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address =
            serde_json::from_str(&line).context("the practice mail server did not get ready")?;
        Ok(Self { address, process })
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// `usual`, or 0 for any other where that one is taken.
fn free_port_like(usual: u16) -> u16 {
    TcpListener::bind(("127.0.0.1", usual)).map_or(0, |_| usual)
}

impl Address {
    /// What to type into the form for each way of sending, and where to look afterwards.
    pub fn instructions(&self) -> String {
        let Self { starttls, tls, plain, inbox, username, password, .. } = self;
        format!(
            "  Basic SMTP Settings, to send to the practice mail server:

    Default Sender Email  {username}
    Display Name          PPM Administrator
    SMTP Server           127.0.0.1
    Port, TLS             {starttls}  Use TLS on,  TLS mode STARTTLS
                      or  {tls}  Use TLS on,  TLS mode TLS from the first byte
                      or  {plain}  Use TLS off
    Username              {username}
    Password              {password}

  What was sent arrives at http://127.0.0.1:{inbox}/
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_name_every_port() {
        let line = r#"{"ready":true,"starttls":2587,"tls":2465,"plain":2525,"silent":1,"inbox":8025,
            "ca":"/tmp/ca.pem","username":"noreply@practice.example","password":"correct horse"}"#;
        let text = serde_json::from_str::<Address>(line).unwrap().instructions();
        for wanted in
            ["2587  Use TLS on", "2465  Use TLS on", "2525  Use TLS off", "8025", "correct horse"]
        {
            assert!(text.contains(wanted), "{wanted} in\n{text}");
        }
    }

    #[test]
    fn a_taken_port_is_left_to_its_owner() {
        let owner = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(free_port_like(owner.local_addr().unwrap().port()), 0);
    }
}
