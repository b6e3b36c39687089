//! Runs the fuzz targets, which are beside their crates, with cargo-fuzz and a nightly compiler. Not
//! part of `cargo xtask test`: what they find is kept as a test.

use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::tools::{answer_of, expect_success};
use crate::workspace::Workspace;

/// A fuzz target.
#[derive(Clone, Copy, ValueEnum)]
pub enum Target {
    /// The parser of a mail server's replies.
    Reply,
    /// The validation of addresses and hosts.
    Address,
    /// The validation of URLs.
    Url,
    /// The parser of a save.
    Draft,
}

impl Target {
    /// The folder of the crate with the target, and its name.
    const fn folder_and_name(self) -> (&'static str, &'static str) {
        match self {
            Self::Reply => ("crates/smtp/fuzz", "reply"),
            Self::Address => ("crates/smtp/fuzz", "address"),
            Self::Url => ("crates/domain/fuzz", "url"),
            Self::Draft => ("crates/domain/fuzz", "draft"),
        }
    }
}

/// Runs one target, or each in turn, for so many seconds.
pub fn fuzz(workspace: &Workspace, target: Option<Target>, seconds: u32) -> Result<()> {
    let has = |args: &[&str]| answer_of(Command::new("cargo").args(args)).is_some();
    if !has(&["+nightly", "--version"]) {
        bail!(
            "fuzzing needs a nightly compiler: rustup toolchain install nightly --profile minimal"
        );
    }
    if !has(&["+nightly", "fuzz", "--version"]) {
        bail!("fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked");
    }
    let chosen = target.map_or_else(|| Target::value_variants().to_vec(), |target| vec![target]);
    for target in chosen {
        let (folder, name) = target.folder_and_name();
        let folder = workspace.root().join(folder);
        let corpus = folder.join("corpus").join(name);
        std::fs::create_dir_all(&corpus)?;
        expect_success(
            Command::new("cargo")
                .current_dir(&folder)
                .args(["+nightly", "fuzz", "run", name])
                .arg(corpus)
                .arg(folder.join("seeds").join(name))
                .args(["--", "-print_final_stats=1"])
                .arg(format!("-max_total_time={seconds}")),
        )?;
    }
    Ok(())
}
