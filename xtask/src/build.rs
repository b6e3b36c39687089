//! Builds the server and the browser bundle. Needs cargo and the Wasm target, and no other tool.

use std::fs;

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    assets::{self, Bundle},
    css,
    size::Weights,
    tools::{WASM_TARGET, cargo, ensure_wasm_target, expect_success},
    workspace::{NAME, Profile, Workspace},
};

/// Builds both and prints what the bundle weighs.
pub fn build(workspace: &Workspace, profile: Profile) -> Result<Weights> {
    build_server(workspace, profile)?;
    let weights = build_bundle(workspace)?;
    println!("{weights}");
    Ok(weights)
}

/// Compiles the server's binary.
pub fn build_server(workspace: &Workspace, profile: Profile) -> Result<()> {
    let mut command = cargo(workspace, ["build", "--package", "server"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    expect_success(&mut command)
}

/// Compiles the example of a host in Rust.
pub fn build_example(workspace: &Workspace) -> Result<()> {
    expect_success(&mut cargo(workspace, ["build", "--package", "planner"]))
}

/// Makes `target/site/pkg` and tells the executables which names its files have. The server is built
/// before: its folder has to be there.
pub fn build_bundle(workspace: &Workspace) -> Result<Weights> {
    ensure_wasm_target(workspace)?;
    expect_success(&mut cargo(
        workspace,
        [
            "build",
            "--package=app",
            "--lib",
            "--target",
            WASM_TARGET,
            "--no-default-features",
            "--features=hydrate",
            "--profile=wasm-release",
        ],
    ))?;

    let bundle = Bundle { css: css::bundle(&workspace.style())?, ..bindgen(workspace)? };
    let published = assets::publish(bundle, &workspace.package())?;
    for folder in workspace.executable_folders() {
        fs::write(folder.join("hash.txt"), &published.hashes)?;
    }
    Ok(published.weights)
}

/// Turns the compiled module into one that a browser loads, with the glue around it; no CSS yet.
fn bindgen(workspace: &Workspace) -> Result<Bundle> {
    let folder = workspace.bindgen_folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Bindgen::new()
        .input_path(workspace.wasm())
        .out_name(NAME)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .context("wasm-bindgen cannot read the compiled app")?;

    let snippets = folder.join("snippets");
    Ok(Bundle {
        wasm: fs::read(folder.join(format!("{NAME}_bg.wasm")))?,
        js: fs::read_to_string(folder.join(format!("{NAME}.js")))?,
        css: String::new(),
        snippets: snippets.is_dir().then_some(snippets),
    })
}
