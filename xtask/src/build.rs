//! Builds the server and the browser bundle. Needs only cargo and the Wasm target.

use std::{fs, panic::resume_unwind, path::Path, process::Command, thread};

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    assets::{self, Bundle},
    css,
    size::{self, Bundles, Weights},
    split::{self, split},
    tools::{WASM_TARGET, cargo, ensure_wasm_target, expect_success},
    workspace::{ELEMENT_NAME, NAME, Profile, Workspace},
};

/// The Cargo profile of the bundle.
const PROFILE: &str = "wasm-release";

/// Builds everything and prints the sizes of the bundle.
pub fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    ensure_wasm_target(workspace)?;
    // In parallel: each leaves processors idle at times, above all while it links. They share no
    // folder.
    thread::scope(|scope| {
        let module = scope.spawn(|| expect_success(&mut module(workspace)));
        build_server(workspace, profile)?;
        module.join().unwrap_or_else(|panic| resume_unwind(panic))
    })?;
    println!("{}", build_bundle(workspace)?);
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

/// Compiles an example of a host in Rust.
pub fn build_example(workspace: &Workspace, package: &str) -> Result<()> {
    expect_success(&mut cargo(workspace, ["build", "--package", package]))
}

/// Makes the bundle of the Leptos host.
pub fn build_shell_bundle(workspace: &Workspace) -> Result<()> {
    build_plain_bundle(workspace, "leptos-shell", &workspace.shell_package())
}

/// Makes the bundle of the counter, the baseline of hydration.
pub fn build_counter_bundle(workspace: &Workspace) -> Result<()> {
    build_plain_bundle(workspace, "counter", &workspace.counter_bundle())
}

/// Makes a package's bundle in the way of any Leptos application: it is not split.
fn build_plain_bundle(workspace: &Workspace, package: &str, folder: &Path) -> Result<()> {
    ensure_wasm_target(workspace)?;
    let mut module = cargo(workspace, ["rustc", "--lib", "--no-default-features", "--package"]);
    module.args([package, "--target", WASM_TARGET, "--features=hydrate", "--profile", PROFILE]);
    // As for the app crate, so that they share their compiled dependencies.
    module.arg("--crate-type=cdylib");
    expect_success(&mut module)?;
    Bindgen::new()
        .input_path(workspace.wasm(&package.replace('-', "_"), PROFILE))
        .out_name(package)
        .web(true)?
        .typescript(false)
        .generate(folder)
        .with_context(|| format!("wasm-bindgen cannot read the compiled {package}"))
}

/// Makes `target/site`: the bundle that our own pages and the custom element share, a style sheet
/// for each, and the scripts that other sites load. Writes the hashes of the files next to the
/// executables, so the server must be built before.
pub fn build_bundle(workspace: &Workspace) -> Result<Bundles> {
    let published = assets::publish(compile(workspace)?, &workspace.package())?;
    for folder in workspace.executable_folders() {
        fs::write(folder.join("hash.txt"), &published.hashes)?;
    }
    let sheet = css::bundle(&workspace.style(), "element.css")?;
    let sheet = assets::publish_style(ELEMENT_NAME, sheet, &workspace.package())?;
    let names = [&published.names[..], &[sheet.name]].concat();
    let script = workspace.embed().join("embed.js");
    let script = assets::publish_script(&script, &names, &workspace.site())?;
    assets::publish_file(&workspace.embed().join("frame.js"), &workspace.site())?;

    let assets::PublishedFiles { code, style, later, .. } = published;
    let page = [&code[..], &[style]].concat();
    let element = [&[script][..], &code, &[sheet.weight]].concat();
    Ok(Bundles {
        page: Weights { files: page, later: later.clone(), budget: size::PAGE_BUDGET },
        element: Weights { files: element, later, budget: size::ELEMENT_BUDGET },
    })
}

fn compile(workspace: &Workspace) -> Result<Bundle> {
    ensure_wasm_target(workspace)?;
    expect_success(&mut module(workspace))?;
    bindgen(workspace)
}

/// Compiles the app crate for the browser.
fn module(workspace: &Workspace) -> Command {
    let mut command =
        cargo(workspace, ["rustc", "--package=app", "--lib", "--no-default-features"]);
    command.args(["--target", WASM_TARGET, "--features=bundle", "--profile", PROFILE]);
    command.args(["--crate-type=cdylib", "--", split::LINK_ARGUMENT]);
    command
}

/// Runs wasm-bindgen on the compiled module, and returns the bundle with the glue.
fn bindgen(workspace: &Workspace) -> Result<Bundle> {
    let folder = workspace.bindgen_folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let first = folder.join("first.wasm");
    let later = split(&workspace.wasm("app", PROFILE), &first)?;
    Bindgen::new()
        .input_path(first)
        .out_name(NAME)
        // Both chunks call each other by what the linker exports.
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
        name: NAME,
        wasm: fs::read(folder.join(format!("{NAME}_bg.wasm")))?,
        js: compact(&later.in_glue(&fs::read_to_string(folder.join(format!("{NAME}.js")))?)?),
        later: later.wasm,
        css: css::for_window(&css::bundle(&workspace.style(), "main.css")?),
        snippets: snippets.is_dir().then_some(snippets),
    })
}

/// The glue without its comments and indentation: an eighth of its compressed size. A minifier would
/// save as much again, and need Node.
fn compact(glue: &str) -> String {
    let mut is_comment = false;
    let mut compact = String::with_capacity(glue.len());
    for line in glue.lines().map(str::trim) {
        is_comment |= line.starts_with("/**");
        if !is_comment && !line.is_empty() && !line.starts_with("//") {
            compact.push_str(line);
            compact.push('\n');
        }
        is_comment &= !line.ends_with("*/");
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glue_keeps_its_code_and_loses_its_comments() {
        let glue = "/**\n * @returns {number}\n */\nget() {\n    /** one */\n    // two\n    return 1; // three\n\n}\n";
        assert_eq!(compact(glue), "get() {\nreturn 1; // three\n}\n");
    }
}
