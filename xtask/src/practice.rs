//! Starts the practice servers beside a running product, and prints the settings to type.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde::{Deserialize, de::DeserializeOwned};

use crate::node::{Packages, ensure_node, ensure_packages};
use crate::workspace::Workspace;

/// A mail server, a provider whose tokens it accepts, and hosts that embed the product. They end
/// when this is dropped, or with this process.
pub struct Practice {
    mail: PracticePeer<PracticeMail>,
    provider: PracticePeer<PracticeProvider>,
    hosts: Option<PracticePeer<Hosts>>,
}

/// A running practice server.
struct PracticePeer<A> {
    /// Where it listens.
    address: A,
    /// Holds its stdin, whose end stops it.
    process: Child,
}

/// The line that the mail server prints when it is ready, without unused fields.
#[derive(Deserialize, Debug)]
struct PracticeMail {
    starttls: u16,
    tls: u16,
    plain: u16,
    #[serde(rename = "tokenOnly")]
    token_only: u16,
    inbox: u16,
    ca: PathBuf,
    username: String,
    password: String,
}

/// The line that the provider prints when it is ready, without unused fields.
#[derive(Deserialize, Debug)]
struct PracticeProvider {
    authorization: String,
    token: String,
    introspection: String,
    scope: String,
    account: PracticeAccount,
    clients: Clients,
    #[serde(rename = "mailServer")]
    mail_server: PracticeClient,
}

/// The line that the hosts print when they are ready, without unused fields.
#[derive(Deserialize, Debug)]
struct Hosts {
    url: String,
    product: String,
    flags: Vec<String>,
}

#[derive(Deserialize, Debug)]
struct PracticeAccount {
    email: String,
    password: String,
}

/// One client for each flow.
#[derive(Deserialize, Debug)]
struct Clients {
    code: PracticeClient,
    pkce: PracticeClient,
    credentials: PracticeClient,
}

#[derive(Deserialize, Debug)]
struct PracticeClient {
    id: String,
    secret: String,
}

impl Practice {
    /// Starts them with their files in `folder`, on their usual ports if those are free; hosts only
    /// if there is a product to embed.
    pub fn start(
        workspace: &Workspace,
        folder: &Path,
        embedded: Option<SocketAddr>,
    ) -> Result<Self> {
        ensure_node()?;
        ensure_packages(workspace, Packages::Peers)?;
        let provider =
            PracticePeer::<PracticeProvider>::start(workspace, "provider.mjs", |command| {
                with_ports(command, &[("--port", 9090)]);
            })?;
        let mail = PracticePeer::start(workspace, "mail-server.mjs", |command| {
            let PracticeProvider {
                introspection, mail_server: PracticeClient { id, secret }, ..
            } = &provider.address;
            command.arg("--dir").arg(folder);
            command.args(["--introspection", introspection]);
            command.arg("--introspection-client").arg(format!("{id}:{secret}"));
            with_ports(
                command,
                &[
                    ("--starttls-port", 2587),
                    ("--tls-port", 2465),
                    ("--plain-port", 2525),
                    ("--token-port", 2588),
                    ("--inbox-port", 8025),
                ],
            );
        })?;
        let hosts = embedded.map(|product| start_hosts(workspace, product)).transpose()?;
        Ok(Self { mail, provider, hosts })
    }

    /// The flags by which a product trusts the mail server, may call it and the provider on their
    /// ports, and trusts the hosts if any.
    pub fn flags(&self) -> Vec<OsString> {
        let hosts = self.hosts.iter().flat_map(|hosts| &hosts.address.flags).map(OsString::from);
        self.mail_flags().into_iter().chain(hosts).collect()
    }

    /// The same without the hosts, for an example that embeds the product.
    pub fn mail_flags(&self) -> Vec<OsString> {
        let ca = self.mail.address.ca.clone().into_os_string();
        let called = self.mail.address.calls().into_iter().chain(self.provider.address.call());
        let egress = called.flat_map(|address| ["--egress-allow".to_owned(), address]);
        let trusted = ["--extra-ca".into(), ca].into_iter();
        trusted.chain(egress.map(OsString::from)).collect()
    }

    /// The settings to type into the form of the product at `product` for each flow, and where to
    /// find the mail.
    pub fn instructions(&self, product: &str) -> String {
        let mail = &self.mail.address;
        let inbox = mail.inbox;
        let hosts = self.hosts.as_ref().map(|hosts| hosts.address.addresses());
        format!(
            "{}\n{}\n  What was sent arrives at http://127.0.0.1:{inbox}/\n{}",
            mail.basic_settings(),
            self.provider.address.oauth_settings(mail, product),
            hosts.unwrap_or_default()
        )
    }
}

/// Starts the hosts that embed this product.
fn start_hosts(workspace: &Workspace, product: SocketAddr) -> Result<PracticePeer<Hosts>> {
    PracticePeer::start(workspace, "host.mjs", |command| {
        command.arg("--product").arg(format!("http://{product}"));
        with_ports(command, &[("--port", 3200)]);
    })
}

impl<A: DeserializeOwned> PracticePeer<A> {
    /// Starts `end2end/dev-servers/FILE` with the arguments that `prepare` adds, and waits for its line.
    fn start(
        workspace: &Workspace,
        file: &str,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let mut command = Command::new("node");
        command.arg(workspace.end2end().join("dev-servers").join(file));
        prepare(&mut command);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{file} could not be started"))?;

        let mut line = String::new();
        let stdout = process.stdout.take().with_context(|| format!("{file} has no output"))?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address =
            serde_json::from_str(&line).with_context(|| format!("{file} did not get ready"))?;
        Ok(Self { address, process })
    }
}

impl<A> Drop for PracticePeer<A> {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn with_ports(command: &mut Command, usual: &[(&str, u16)]) {
    for (flag, port) in usual {
        command.arg(flag).arg(free_port_like(*port).to_string());
    }
}

/// `usual` if it is free, else 0 for any other port.
fn free_port_like(usual: u16) -> u16 {
    TcpListener::bind(("127.0.0.1", usual)).map_or(0, |_| usual)
}

impl PracticeMail {
    /// The addresses that a product sends mail to.
    fn calls(&self) -> [String; 4] {
        [self.starttls, self.tls, self.plain, self.token_only]
            .map(|port| format!("127.0.0.1:{port}"))
    }

    fn basic_settings(&self) -> String {
        let Self { starttls, tls, plain, username, password, .. } = self;
        format!(
            "  With OAuth Flow None, Basic SMTP Settings:

    Default Sender Email    {username}
    Display Name            PPM Administrator
    SMTP Server             127.0.0.1
    Port, TLS               {starttls}  Use TLS on,  TLS mode STARTTLS
                        or  {tls}  Use TLS on,  TLS mode Implicit TLS
                        or  {plain}  Use TLS off
    Username                {username}
    Password                {password}
"
        )
    }
}

impl PracticeProvider {
    /// The address that a product requests tokens from.
    fn call(&self) -> Option<String> {
        let (_, rest) = self.token.split_once("://")?;
        rest.split('/').next().map(str::to_owned)
    }

    fn oauth_settings(&self, mail: &PracticeMail, product: &str) -> String {
        let Self { authorization, token, scope, account, clients, .. } = self;
        let PracticeMail { token_only, username, .. } = mail;
        let PracticeAccount { email, password } = account;
        let Clients { code, pkce, credentials } = clients;
        let flows = [
            ("Authorization Code", code, scope.as_str()),
            ("Authorization Code with PKCE", pkce, scope),
            ("Client Credentials", credentials, scope.split(' ').next().unwrap_or(scope)),
        ]
        .map(|(flow, client, scope)| client.settings(flow, scope))
        .join("\n");
        format!(
            "  With any other OAuth Flow, OAuth SMTP Settings:

    Default Sender Email    {username}
    Display Name            PPM Administrator
    SMTP Server             127.0.0.1
    Port, TLS               {token_only}  Use TLS on,  TLS mode STARTTLS

  and Authentication Settings (Client Credentials leaves the first and the last of these out):

    Authorization Endpoint  {authorization}
    Token Endpoint          {token}
    Redirect URI            {product}/oauth/callback

{flows}
  Save, then Get Auth Token. On the consent page sign in with

    Email                   {email}
    Password                {password}
"
        )
    }
}

impl Hosts {
    fn addresses(&self) -> String {
        let Self { url, product, .. } = self;
        format!(
            "
  Pages that embed the product, as an element and in an iframe, are at {url}/
  There the Redirect URI is {product}/oauth/callback
"
        )
    }
}

impl PracticeClient {
    fn settings(&self, flow: &str, scope: &str) -> String {
        let Self { id, secret } = self;
        format!(
            "    OAuth Flow              {flow}
      Client ID             {id}
      Client Secret         {secret}
      Scope                 {scope}
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL_SERVER: &str = r#"{"ready":true,"starttls":2587,"tls":2465,"plain":2525,"silent":1,
        "tokenOnly":2588,"inbox":8025,"ca":"/tmp/ca.pem","username":"noreply@practice.example",
        "password":"correct horse"}"#;
    const PROVIDER: &str = r#"{"ready":true,"authorization":"http://127.0.0.1:9090/authorize",
        "token":"http://127.0.0.1:9090/token","introspection":"http://127.0.0.1:9090/introspect",
        "scope":"mail.send offline_access","account":{"email":"noreply@practice.example",
        "password":"a short walk"},"clients":{"code":{"id":"of-code","secret":"1"},
        "pkce":{"id":"of-pkce","secret":"2"},"credentials":{"id":"of-credentials","secret":"3"}},
        "mailServer":{"id":"mail","secret":"4"}}"#;

    fn mail_server() -> PracticeMail {
        serde_json::from_str(MAIL_SERVER).unwrap()
    }

    #[test]
    fn the_basic_settings_name_every_port() {
        let text = mail_server().basic_settings();
        for wanted in ["2587  Use TLS on", "2465  Use TLS on", "2525  Use TLS off", "correct horse"]
        {
            assert!(text.contains(wanted), "{wanted} in\n{text}");
        }
    }

    #[test]
    fn a_product_may_call_each_port_of_the_mail_server_and_the_provider() {
        let provider = serde_json::from_str::<PracticeProvider>(PROVIDER).unwrap();
        let ports = ["127.0.0.1:2587", "127.0.0.1:2465", "127.0.0.1:2525", "127.0.0.1:2588"];
        assert_eq!(mail_server().calls(), ports);
        assert_eq!(provider.call().as_deref(), Some("127.0.0.1:9090"));
    }

    #[test]
    fn the_oauth_settings_fill_every_field_for_every_flow() {
        let product = "http://127.0.0.1:3000";
        let provider = serde_json::from_str::<PracticeProvider>(PROVIDER).unwrap();
        let text = provider.oauth_settings(&mail_server(), product);
        for wanted in [
            "Default Sender Email    noreply@practice.example",
            "2588  Use TLS on,  TLS mode STARTTLS",
            "Authorization Endpoint  http://127.0.0.1:9090/authorize",
            "Token Endpoint          http://127.0.0.1:9090/token",
            "Redirect URI            http://127.0.0.1:3000/oauth/callback",
            "a short walk",
        ] {
            assert!(text.contains(wanted), "{wanted} in\n{text}");
        }
        for [flow, id, secret, scope] in [
            ["Authorization Code", "of-code", "1", "mail.send offline_access"],
            ["Authorization Code with PKCE", "of-pkce", "2", "mail.send offline_access"],
            ["Client Credentials", "of-credentials", "3", "mail.send"],
        ] {
            let wanted = format!(
                "OAuth Flow              {flow}
      Client ID             {id}
      Client Secret         {secret}
      Scope                 {scope}\n"
            );
            assert!(text.contains(&wanted), "{wanted} in\n{text}");
        }
    }

    #[test]
    fn the_hosts_name_their_pages_and_the_redirect_uri_that_leads_back_to_them() {
        let hosts = r#"{"ready":true,"url":"http://a.localhost:3200",
            "product":"http://b.localhost:3000","keys":"http://127.0.0.1:3200/keys","flags":[]}"#;
        let text = serde_json::from_str::<Hosts>(hosts).unwrap().addresses();
        for wanted in ["http://a.localhost:3200/", "http://b.localhost:3000/oauth/callback"] {
            assert!(text.contains(wanted), "{wanted} in\n{text}");
        }
    }

    #[test]
    fn a_port_in_use_is_not_taken() {
        let owner = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(free_port_like(owner.local_addr().unwrap().port()), 0);
    }
}
