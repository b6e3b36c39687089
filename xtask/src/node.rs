//! Checks for Node, and installs the npm packages of `end2end`. Does not install Node itself.

use std::{fs, process::Command};

use anyhow::{Result, bail};

use crate::tools::{answer_of, expect_success};
use crate::{fingerprint::fingerprint, workspace::Workspace};

/// The oldest Node that the practice servers and Playwright run on.
const NEEDED: u32 = 20;

/// Which npm packages are needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packages {
    /// Those that the practice servers import.
    Peers,
    /// Those and the tools of the tests.
    All,
}

impl Packages {
    fn word(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::All => "all",
        }
    }
}

/// Fails with instructions if Node is missing or too old.
pub fn ensure_node() -> Result<()> {
    let Some(version) = answer_of(Command::new("node").arg("--version")) else {
        bail!(
            "Node {NEEDED} or later is needed and there is none: install it from nodejs.org or your system's packages"
        );
    };
    if major(&version).is_none_or(|major| major < NEEDED) {
        bail!(
            "Node {NEEDED} or later is needed and this is {version}: install a newer one from nodejs.org"
        );
    }
    if answer_of(Command::new("npm").arg("--version")).is_none() {
        bail!(
            "npm is needed beside Node and there is none: install it from your system's packages"
        );
    }
    Ok(())
}

/// Installs the npm packages of the lockfile, unless that was done before.
pub fn ensure_packages(workspace: &Workspace, needed: Packages) -> Result<()> {
    let folder = workspace.end2end();
    let lock = fingerprint(&fs::read(folder.join("package-lock.json"))?);
    let stamp = folder.join("node_modules/.installed-by-xtask");
    if fs::read_to_string(&stamp).is_ok_and(|found| satisfies(&found, &lock, needed)) {
        return Ok(());
    }
    println!("Installing the npm packages of end2end.");
    let mut npm = Command::new("npm");
    npm.current_dir(&folder)
        .args(["ci", "--no-audit", "--no-fund"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    if needed == Packages::Peers {
        npm.arg("--omit=dev");
    }
    expect_success(&mut npm)?;
    fs::write(stamp, format!("{lock} {}", needed.word()))?;
    Ok(())
}

/// A command that runs a script of `end2end/package.json`.
pub fn script(workspace: &Workspace, name: &str) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(workspace.end2end()).args(["run", "--silent", name]);
    npm
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn satisfies(stamp: &str, lock: &str, needed: Packages) -> bool {
    stamp.split_once(' ').is_some_and(|(installed, what)| {
        installed == lock && (what == Packages::All.word() || what == needed.word())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_node_prints() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v18.19.1"), Some(18));
        assert_eq!(major("node"), None);
    }

    #[test]
    fn all_packages_satisfy_the_peers_and_not_the_other_way_round() {
        assert!(satisfies("abc all", "abc", Packages::Peers));
        assert!(satisfies("abc peers", "abc", Packages::Peers));
        assert!(!satisfies("abc peers", "abc", Packages::All));
        assert!(!satisfies("abd all", "abc", Packages::All));
        assert!(!satisfies("", "", Packages::Peers));
    }
}
