//! Runs other programs, and reports in one line which of them failed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, ffi::OsStr};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;

/// The compilation target of the browser bundle.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A cargo command in the workspace's root.
///
/// It must not inherit what `cargo run` sets for this program: build scripts that watch those
/// variables (ring's does) would run again at each change between `cargo xtask` and `cargo`.
pub fn cargo<I: AsRef<OsStr>>(workspace: &Workspace, args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let of_this_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || name == "CARGO_CRATE_NAME"
        });
        if of_this_package {
            command.env_remove(name);
        }
    }
    command.current_dir(workspace.root()).args(args);
    command
}

/// Runs `command` in this terminal, and fails unless it succeeds.
pub fn expect_success(command: &mut Command) -> Result<()> {
    let line = written(command);
    let status = command.status().with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// The output of `command` without the trailing line break; `None` if it is missing or fails.
pub fn answer_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

/// Adds the compilation target of the browser bundle to the toolchain if it is missing.
pub fn ensure_wasm_target(workspace: &Workspace) -> Result<()> {
    let mut question = Command::new("rustc");
    question.current_dir(workspace.root()).args([
        "--print",
        "target-libdir",
        "--target",
        WASM_TARGET,
    ]);
    if answer_of(&mut question).is_some_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(());
    }
    println!("Adding the {WASM_TARGET} target to the toolchain.");
    let mut rustup = Command::new("rustup");
    expect_success(rustup.current_dir(workspace.root()).args(["target", "add", WASM_TARGET]))
        .with_context(|| format!("the Rust toolchain needs the {WASM_TARGET} target"))
}

/// Adds rustfmt and clippy to the toolchain if they are missing.
pub fn ensure_components(workspace: &Workspace) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if answer_of(&mut cargo(workspace, [subcommand, "--version"])).is_some() {
            continue;
        }
        println!("Adding {component} to the toolchain.");
        let mut rustup = Command::new("rustup");
        expect_success(rustup.current_dir(workspace.root()).args(["component", "add", component]))
            .with_context(|| format!("the Rust toolchain needs {component}"))?;
    }
    Ok(())
}

/// The path of cargo-deny, which is compiled if it is missing: without optimisation, because it
/// runs for a second.
pub fn ensure_cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    const VERSION: &str = "0.20.2";
    let folder = workspace.tools_folder();
    let program = folder.join("bin/cargo-deny");
    let version = answer_of(Command::new(&program).arg("--version"));
    if version.is_none_or(|version| !version.ends_with(VERSION)) {
        println!("Installing cargo-deny {VERSION}.");
        let args =
            ["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--force"];
        expect_success(cargo(workspace, args).arg("--root").arg(folder))?;
    }
    Ok(program)
}

/// The path of schemathesis, which is installed into a virtual environment if it is missing.
pub fn ensure_schemathesis(workspace: &Workspace) -> Result<PathBuf> {
    const VERSION: &str = "4.32.5";
    let folder = workspace.tools_folder().join("schemathesis");
    let program = folder.join("bin/schemathesis");
    let version = answer_of(Command::new(&program).arg("--version"));
    if version.is_none_or(|version| !version.ends_with(VERSION)) {
        println!("Installing schemathesis {VERSION}.");
        expect_success(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
            .context("Python needs its module venv: on Debian, the package python3-venv")?;
        let mut pip = Command::new(folder.join("bin/pip"));
        expect_success(pip.args(["install", "--quiet"]).arg(format!("schemathesis=={VERSION}")))?;
    }
    Ok(program)
}

/// The command as a user would type it, the program by its bare name.
fn written(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let words = [program].into_iter().chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_written_as_a_user_would_type_it() {
        let mut command = Command::new("/usr/lib/cargo");
        command.args(["test", "-p", "domain"]);
        assert_eq!(written(&command), "cargo test -p domain");
    }

    #[test]
    fn a_missing_program_has_no_output() {
        assert_eq!(answer_of(&mut Command::new("/nowhere/at-all")), None);
    }
}
