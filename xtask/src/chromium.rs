//! Finds a Chromium for the browser tests, or installs Debian's. `end2end/support/browser.ts` makes
//! the same choice: Playwright's own if it is installed, else Debian's.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{debian, tools::answer_of, workspace::Workspace};

const DEBIAN: &str = "/usr/bin/chromium-headless-shell";
const ASK_PLAYWRIGHT: &str =
    "import('@playwright/test').then(({ chromium }) => console.log(chromium.executablePath()))";

/// Ensures that there is a Chromium; the npm packages must be installed before.
pub fn ensure_chromium(workspace: &Workspace) -> Result<()> {
    let mut question = Command::new("node");
    question.current_dir(workspace.end2end()).args(["--eval", ASK_PLAYWRIGHT]);
    let own = answer_of(&mut question).filter(|path| Path::new(path).is_file());
    if let Some(path) = own.or_else(|| Path::new(DEBIAN).is_file().then(|| DEBIAN.to_owned())) {
        println!("Chromium: {path}");
        return Ok(());
    }

    debian::install(&[debian::CHROMIUM, debian::FONTS]).context(
        "there is no Chromium; `npx playwright install chromium` in end2end brings one too",
    )
}
