//! Checks the invariants of docs/architecture.md that Cargo and clippy do not hold by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, process::Command};

use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;

use crate::sources::{files_below, is, tokens};
use crate::workspace::Workspace;

/// What a crate of this workspace must not depend on, directly or through others.
const FORBIDDEN: [(&str, &[&str]); 11] = [
    ("domain", &["tokio", "leptos", "axum", "sqlx", "reqwest"]),
    ("contract", &["tokio", "leptos", "axum", "sqlx", "reqwest"]),
    ("labels", &["tokio", "leptos", "axum", "sqlx", "reqwest"]),
    ("explain", &["tokio", "leptos", "axum", "sqlx", "reqwest"]),
    ("net", &["leptos", "axum", "sqlx"]),
    ("smtp", &["leptos", "axum", "sqlx", "oauth"]),
    ("oauth", &["leptos", "axum", "sqlx"]),
    ("outbox", &["leptos", "axum"]),
    ("store", &["leptos", "axum", "reqwest", "lettre"]),
    ("vault", &["leptos", "axum", "reqwest", "lettre"]),
    ("app", &["sqlx", "reqwest", "lettre", "server"]),
];

/// The normal dependencies of each package, by name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked"])
        .arg("--filter-platform=x86_64-unknown-linux-gnu")
        .current_dir(Workspace::here().root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo's JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeMap<_, _> =
        packages.iter().map(|package| (package["id"].as_str(), package["name"].as_str())).collect();
    let name = |id: &Value| names[&id.as_str()].expect("a name").to_owned();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let normal = |node: &Value| {
        let found = node["deps"].as_array().expect("dependencies").iter();
        let is_normal = |kinds: &Value| {
            kinds.as_array().expect("kinds").iter().any(|kind| kind["kind"].is_null())
        };
        found
            .filter(|found| is_normal(&found["dep_kinds"]))
            .map(|found| name(&found["pkg"]))
            .collect::<BTreeSet<_>>()
    };
    nodes.iter().map(|node| (name(&node["id"]), normal(node))).collect()
}

/// Every package that one depends on, directly or through others.
fn closure<'d>(
    package: &str,
    dependencies: &'d BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<&'d str> {
    let mut found = BTreeSet::new();
    let mut open = vec![package];
    while let Some(next) = open.pop() {
        for dependency in &dependencies[next] {
            if found.insert(dependency.as_str()) {
                open.push(dependency);
            }
        }
    }
    found
}

#[test]
fn no_crate_depends_on_what_it_may_not_know() {
    let dependencies = dependencies();
    for (package, forbidden) in FORBIDDEN {
        let found = closure(package, &dependencies);
        let wrong: Vec<_> = forbidden.iter().filter(|name| found.contains(*name)).collect();
        assert!(wrong.is_empty(), "{package} depends on {wrong:?}");
    }
}

/// The texts of the Rust files below a folder, with their paths.
fn rust_files(folder: &Path) -> Vec<(PathBuf, String)> {
    let files = files_below(folder).unwrap_or_default();
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let with_text = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("text");
        (path, text)
    };
    files.into_iter().filter(is_rust).map(with_text).collect()
}

/// The folders with the sources of a crate each.
fn crates() -> Vec<(String, PathBuf)> {
    let below = fs::read_dir(Workspace::here().root().join("crates")).expect("crates");
    let below = below.map(|entry| entry.expect("a crate").path());
    let others = ["app", "server", "xtask", "bench", "examples/planner", "examples/shell"]
        .map(|at| Workspace::here().root().join(at));
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (name, path.join("src"))
    };
    below.chain(others).map(named).collect()
}

#[test]
fn no_crate_has_more_than_a_quarter_of_the_lines() {
    let lines = |folder: &Path| -> usize {
        rust_files(folder).iter().map(|(_, text)| text.lines().count()).sum()
    };
    let counted: Vec<_> = crates().into_iter().map(|(name, at)| (name, lines(&at))).collect();
    let all: usize = counted.iter().map(|(_, lines)| lines).sum();
    for (name, lines) in &counted {
        assert!(lines * 4 <= all, "{name} has {lines} of {all} lines");
    }
}

/// Which top-level modules of a crate import which, unit tests left out.
fn imports(source: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in rust_files(source) {
        let relative = file.strip_prefix(source).expect("below").with_extension("");
        let module = relative.iter().next().expect("a name").to_string_lossy().into_owned();
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let used = found.entry(module.clone()).or_default();
        add_imports(tokens(code).expect("Rust"), used);
        used.remove(&module);
    }
    found
}

/// Adds the first name of each path after `crate::`, of each path in the braces after it too.
fn add_imports(code: TokenStream, used: &mut BTreeSet<String>) {
    let code: Vec<_> = code.into_iter().collect();
    for (at, token) in code.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            add_imports(group.stream(), used);
        }
        match &code[at..] {
            [root, a, b, TokenTree::Group(group), ..] if is_path(root, a, b) => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                let paths = inner.split(|token| is(token, ","));
                used.extend(paths.filter_map(|path| Some(path.first()?.to_string())));
            }
            [root, a, b, name, ..] if is_path(root, a, b) => {
                used.insert(name.to_string());
            }
            _ => {}
        }
    }
}

fn is_path(root: &TokenTree, first: &TokenTree, second: &TokenTree) -> bool {
    is(root, "crate") && is(first, ":") && is(second, ":")
}

#[test]
fn each_import_in_braces_is_counted() {
    let mut used = BTreeSet::new();
    let code = "use crate::{web, store::rows::{Row, Page}}; fn a() { crate::config::read(b) }";
    add_imports(tokens(code).expect("Rust"), &mut used);
    assert_eq!(used, ["config", "store", "web"].map(str::to_owned).into());
}

/// Removes modules that import no module that is left, until none can be removed.
fn cycle(mut imports: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let left: BTreeSet<_> = imports.keys().cloned().collect();
        let before = imports.len();
        imports.retain(|_, used| used.iter().any(|name| left.contains(name)));
        if imports.len() == before {
            return imports;
        }
    }
}

#[test]
fn no_folder_imports_another_that_imports_it() {
    for (name, source) in crates() {
        // The others have one folder, or a module and the folder of its parts.
        if ["app", "server"].contains(&name.as_str()) {
            let found = cycle(imports(&source));
            assert!(found.is_empty(), "a circle in {name}: {found:?}");
        }
    }
}

#[test]
fn a_circle_of_imports_is_found() {
    let of = |pairs: &[(&str, &str)]| {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            found.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        found
    };
    assert!(cycle(of(&[("web", "identity"), ("identity", "config")])).is_empty());
    assert_eq!(cycle(of(&[("web", "identity"), ("identity", "web"), ("main", "web")])).len(), 3);
}
