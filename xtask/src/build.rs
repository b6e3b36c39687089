//! Builds the server, the browser bundle and the custom element's. Needs cargo and the Wasm target, and no other tool.

use std::fs;

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    assets::{self, Bundle},
    css,
    size::{self, Weights},
    split::{self, split},
    tools::{WASM_TARGET, cargo, ensure_wasm_target, expect_success},
    workspace::{ELEMENT_NAME, NAME, Profile, Workspace},
};

/// Builds everything and prints what the bundles weigh.
pub fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    build_server(workspace, profile)?;
    println!("{}\n", build_bundle(workspace)?);
    println!("{}", build_element(workspace)?);
    Ok(())
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
    let bundle = compile(workspace, &PAGE)?;
    let published = assets::publish(bundle, &workspace.package())?;
    for folder in workspace.executable_folders() {
        fs::write(folder.join("hash.txt"), &published.hashes)?;
    }
    Ok(Weights { files: published.weights, later: published.later, budget: size::PAGE_BUDGET })
}

/// Makes what a page of somebody else's loads for the custom element: `target/site/embed.js`, and
/// beside our own pages' files those that it names. What the page for an iframe loads comes with it.
pub fn build_element(workspace: &Workspace) -> Result<Weights> {
    let mut bundle = compile(workspace, &ELEMENT)?;
    bundle.css = css::in_a_box(&bundle.css);
    let published = assets::publish(bundle, &workspace.package())?;
    let script = workspace.embed().join("embed.js");
    let script = assets::publish_script(&script, ELEMENT.name, &published, &workspace.site())?;
    assets::publish_file(&workspace.embed().join("frame.js"), &workspace.site())?;
    let files = [vec![script], published.weights].concat();
    Ok(Weights { files, later: published.later, budget: size::ELEMENT_BUDGET })
}

/// One way in which the app crate becomes a bundle.
struct Recipe {
    name: &'static str,
    feature: &'static str,
    profile: &'static str,
    style: &'static str,
}

const PAGE: Recipe =
    Recipe { name: NAME, feature: "hydrate", profile: "wasm-release", style: "main.css" };

const ELEMENT: Recipe =
    Recipe { name: ELEMENT_NAME, feature: "embed", profile: "wasm-element", style: "element.css" };

fn compile(workspace: &Workspace, recipe: &Recipe) -> Result<Bundle> {
    ensure_wasm_target(workspace)?;
    let mut command =
        cargo(workspace, ["rustc", "--package=app", "--lib", "--no-default-features"]);
    command.args(["--target", WASM_TARGET, "--features", recipe.feature]);
    command.args(["--profile", recipe.profile, "--crate-type=cdylib", "--", split::LINK_ARGUMENT]);
    expect_success(&mut command)?;
    Ok(Bundle {
        css: css::bundle(&workspace.style(), recipe.style)?,
        ..bindgen(workspace, recipe)?
    })
}

/// Turns the compiled module into one that a browser loads, with the glue around it; no CSS yet.
fn bindgen(workspace: &Workspace, recipe: &Recipe) -> Result<Bundle> {
    let name = recipe.name;
    let folder = workspace.bindgen_folder(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let first = folder.join("first.wasm");
    let later = split(&workspace.wasm(recipe.profile), &first)?;
    Bindgen::new()
        .input_path(first)
        .out_name(name)
        // Both parts call each other by what the linker exports.
        .keep_lld_exports(true)
        .demangle(false)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .context("wasm-bindgen cannot read the compiled app")?;

    let snippets = folder.join("snippets");
    Ok(Bundle {
        name,
        wasm: fs::read(folder.join(format!("{name}_bg.wasm")))?,
        js: later.in_glue(&fs::read_to_string(folder.join(format!("{name}.js")))?)?,
        later: later.wasm,
        css: String::new(),
        snippets: snippets.is_dir().then_some(snippets),
    })
}
