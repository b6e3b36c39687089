//! Runs an example of a host in Rust, with the practice servers beside it. Its settings stay between
//! runs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::run::{
    guard, make_private_folder, reachable, start_practice, wait_until_it_answers, with_port,
};
use crate::{build, guard::Guard, practice::Practice, workspace::Workspace};

/// An example of a host in Rust.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Example {
    /// Pages rendered by the server; the tab has the product's bundle.
    Planner,
    /// A Leptos application with client-side routing and a bundle of its own.
    Shell,
}

impl Example {
    /// The name of its package, which is that of its folder and its database, too.
    fn package(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Shell => "leptos-shell",
        }
    }

    /// The name of its binary.
    fn binary(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Shell => "leptos-shell-server",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Planner => "PPM Planner",
            Self::Shell => "A shell in Leptos",
        }
    }

    fn users(self) -> &'static str {
        match self {
            Self::Planner => "grace (administrator), rita (reader) or tom (no role)",
            Self::Shell => "grace or ada (administrators) or rita (reader)",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Planner => 3100,
            Self::Shell => 3300,
        }
    }

    /// Its usual address; another port if that is in use.
    pub fn usual_address(self) -> SocketAddr {
        let usual = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.port());
        let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        TcpListener::bind(usual).map_or(any, |_| usual)
    }

    /// Compiles it, with its own bundle if it has one.
    pub fn build(self, workspace: &Workspace) -> Result<()> {
        build::build_example(workspace, self.package())?;
        match self {
            Self::Planner => Ok(()),
            Self::Shell => build::build_shell_bundle(workspace),
        }
    }

    /// The lines that say where it runs and how to sign in.
    pub fn instructions(self, listen: SocketAddr) -> String {
        format!(
            "\n  {} runs at http://{}/\n  Sign in as {}; the password is the name.\n",
            self.title(),
            reachable(listen),
            self.users()
        )
    }
}

/// A running example, which ends with this process.
pub struct RunningExample {
    /// Where it listens.
    pub listen: SocketAddr,
    process: Child,
    _guard: Guard,
}

/// Starts an example that was built, beside these practice servers.
pub fn start(
    workspace: &Workspace,
    example: Example,
    listen: SocketAddr,
    practice: Option<&Practice>,
) -> Result<RunningExample> {
    let listen = with_port(listen)?;
    let name = example.package();
    let folder = workspace.run_folder().join(name);
    make_private_folder(&folder)?;
    let mut command = Command::new(workspace.example(example.binary()));
    command.args(["--listen", &listen.to_string()]);
    let database = folder.join(format!("{name}.db"));
    command.arg("--database").arg(format!("sqlite://{}", database.display()));
    command.arg("--site-root").arg(workspace.site());
    // For the Redirect URI check, which calls its own callback.
    command.args(["--egress-allow", &reachable(listen).to_string()]);
    if let Some(practice) = practice {
        command.args(practice.mail_flags());
    }
    let mut process =
        command.stdin(Stdio::null()).spawn().context("the example could not be started")?;
    let guard = guard(&process)?;
    wait_until_it_answers(&mut process, listen, "/sign-in")?;
    Ok(RunningExample { listen, process, _guard: guard })
}

/// Builds and runs until the example ends or Ctrl-C ends everything.
pub fn example(workspace: &Workspace, example: Example, listen: Option<SocketAddr>) -> Result<()> {
    example.build(workspace)?;
    build::build_bundle(workspace)?;
    let folder = workspace.run_folder().join(example.package());
    make_private_folder(&folder)?;
    let practice = start_practice(workspace, &folder, None);
    let listen = listen.unwrap_or_else(|| example.usual_address());
    let mut running = start(workspace, example, listen, practice.as_ref())?;

    println!("{}", example.instructions(running.listen));
    if let Some(practice) = &practice {
        let address = format!("http://{}", reachable(running.listen));
        println!("{}", practice.instructions(&address));
    }
    println!("  Ctrl-C stops everything.\n");

    let status = running.process.wait()?;
    if !status.success() {
        bail!("the example ended by itself ({status})");
    }
    Ok(())
}
