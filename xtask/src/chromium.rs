//! Finds a Chromium for the browser tests, or installs Debian's. `end2end/support/browser.ts` makes
//! the same choice: Playwright's own where it is installed, else Debian's.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    tools::{answer_of, expect_success},
    workspace::Workspace,
};

const DEBIAN: &str = "/usr/bin/chromium";
const ASK_PLAYWRIGHT: &str =
    "import('@playwright/test').then(({ chromium }) => console.log(chromium.executablePath()))";

/// Makes sure that there is a Chromium; the npm packages are installed before.
pub fn ensure_chromium(workspace: &Workspace) -> Result<()> {
    let mut question = Command::new("node");
    question.current_dir(workspace.end2end()).args(["--eval", ASK_PLAYWRIGHT]);
    let own = answer_of(&mut question).filter(|path| Path::new(path).is_file());
    if let Some(path) = own.or_else(|| Path::new(DEBIAN).is_file().then(|| DEBIAN.to_owned())) {
        println!("Chromium: {path}");
        return Ok(());
    }

    if answer_of(Command::new("apt-get").arg("--version")).is_none() {
        bail!("there is no Chromium: run `npx playwright install chromium` in end2end");
    }
    if answer_of(Command::new("id").arg("-u")).as_deref() != Some("0") {
        bail!(
            "there is no Chromium and installing one needs root: run `sudo apt-get update && sudo apt-get install -y \
             chromium fonts-dejavu`, or `npx playwright install chromium` in end2end"
        );
    }
    install_from_debian().context("Debian's Chromium could not be installed")
}

fn install_from_debian() -> Result<()> {
    println!("Installing Debian's Chromium.");
    expect_success(Command::new("apt-get").arg("update"))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args([
        "install",
        "-y",
        "chromium",
        "fonts-dejavu",
    ]);
    expect_success(&mut install)
}
