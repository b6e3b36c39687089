//! The source files that the checks read, and the faults that they find in them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use proc_macro2::{Span, TokenStream, TokenTree};

use crate::workspace::Workspace;

/// The files below a folder, in the order of their paths.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Fails with this heading if a file below these folders has a fault, and lists each place.
pub fn check(
    workspace: &Workspace,
    folders: &[&str],
    heading: &str,
    faults_of: impl Fn(&Path) -> Result<Vec<String>>,
) -> Result<()> {
    let mut faults = Vec::new();
    for folder in folders {
        for path in files_below(&workspace.root().join(folder))? {
            let shown = path.strip_prefix(workspace.root()).unwrap_or(&path).display();
            let found = faults_of(&path).with_context(|| format!("{shown} cannot be checked"))?;
            faults.extend(found.iter().map(|fault| format!("{shown}:{fault}")));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{heading}:\n{}", faults.join("\n"))
}

/// The tokens of a Rust file.
pub fn tokens(text: &str) -> Result<TokenStream> {
    text.parse().map_err(|error| anyhow!("{error}"))
}

/// Whether a token is this word or sign.
pub fn is(token: &TokenTree, text: &str) -> bool {
    token.to_string() == text
}

/// A fault with its line.
pub fn fault(at: Span, words: &str) -> String {
    format!("{}: {words}", at.start().line)
}
