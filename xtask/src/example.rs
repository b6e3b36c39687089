//! Runs the example of a host in Rust, with the practice servers beside it. Its settings stay
//! between runs.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::run::{
    guard, make_private_folder, reachable, start_practice, wait_until_it_answers, with_port,
};
use crate::{build, workspace::Workspace};

/// Builds and runs until the example ends or Ctrl-C ends everything.
pub fn example(workspace: &Workspace, listen: SocketAddr) -> Result<()> {
    build::build_example(workspace)?;
    build::build_bundle(workspace)?;
    let listen = with_port(listen)?;
    let folder = workspace.run_folder().join("planner");
    make_private_folder(&folder)?;

    let practice = start_practice(workspace, &folder, None);
    let mut command = Command::new(workspace.example());
    command.args(["--listen", &listen.to_string()]);
    command.arg("--database").arg(format!("sqlite://{}", folder.join("planner.db").display()));
    command.arg("--site-root").arg(workspace.site());
    // For the Redirect URI check, which calls its own callback.
    command.args(["--egress-allow", &reachable(listen).to_string()]);
    if let Some(practice) = &practice {
        command.args(practice.flags());
    }
    let mut serving =
        command.stdin(Stdio::null()).spawn().context("the example could not be started")?;
    let _guard = guard(&serving)?;
    wait_until_it_answers(&mut serving, listen, "/sign-in")?;

    println!("\n  PPM Planner runs at http://{}/", reachable(listen));
    println!(
        "\n  Sign in as grace (administrator), rita (reader) or tom (no role); the password is the name.\n"
    );
    if let Some(practice) = &practice {
        println!("{}", practice.instructions(&format!("http://{}", reachable(listen))));
    }
    println!("  Ctrl-C stops everything.\n");

    let status = serving.wait()?;
    if !status.success() {
        bail!("the example ended by itself ({status})");
    }
    Ok(())
}
