//! Holds the import rules between the folders of the app crate: the state imports no view, and the
//! first chunk reaches the deferred one through its door only. Cargo cannot hold them, because both
//! chunks are one crate.

use std::fs;

use anyhow::{Result, ensure};
use proc_macro2::{TokenStream, TokenTree};

use crate::{
    sources::{self, fault, is, tokens},
    workspace::Workspace,
};

/// A folder of `app/src`, and the modules that it does not import.
struct Layer {
    name: &'static str,
    barred: &'static [&'static str],
}

const LAYERS: [Layer; 5] = [
    Layer { name: "host", barred: &["model", "view", "first", "deferred", "mount"] },
    Layer { name: "model", barred: &["view", "first", "deferred", "mount"] },
    Layer { name: "view", barred: &["first", "deferred", "mount"] },
    Layer { name: "deferred", barred: &["first", "mount"] },
    Layer { name: "first", barred: &["deferred", "mount"] },
];

/// What may be imported nevertheless: the door to the deferred chunk, by the first one.
const DOOR: [&str; 3] = ["first", "deferred", "door"];

/// Fails if a folder imports what it may not, and lists each place.
pub fn check(workspace: &Workspace) -> Result<()> {
    let source = workspace.root().join("app/src");
    for Layer { name, .. } in LAYERS {
        ensure!(source.join(name).is_dir(), "app/src/{name} is not there");
    }
    let heading = "imports against the direction of the app's folders";
    sources::check(workspace, &["app/src"], heading, |path| {
        let module = path.strip_prefix(&source)?.with_extension("");
        let layer = LAYERS.iter().find(|layer| module.starts_with(layer.name));
        layer.map_or(Ok(Vec::new()), |layer| in_rust(&fs::read_to_string(path)?, layer))
    })
}

/// The faults of a Rust file, each with its line.
fn in_rust(text: &str, layer: &Layer) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    in_tokens(tokens(text)?, layer, &mut faults);
    Ok(faults)
}

fn in_tokens(tokens: TokenStream, layer: &Layer, faults: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            in_tokens(group.stream(), layer, faults);
        }
        let [root, first, second, path @ ..] = &tokens[at..] else { continue };
        if !is(first, ":") || !is(second, ":") {
            continue;
        }
        let names = match (root.to_string().as_str(), path) {
            // An import of several modules: each name in the braces counts.
            ("crate", [TokenTree::Group(group), ..]) => {
                group.stream().into_iter().map(|name| name.to_string()).collect()
            }
            ("crate", [name, ..]) if !is_door(layer, path) => vec![name.to_string()],
            // Out of the folder without naming the crate.
            ("super", [next, ..]) if is(next, "super") => vec!["super::super".to_owned()],
            _ => Vec::new(),
        };
        let is_barred =
            |name: &&String| *name == "super::super" || layer.barred.contains(&name.as_str());
        if let Some(name) = names.iter().find(is_barred) {
            faults.push(fault(root.span(), &format!("{} does not import {name}", layer.name)));
        }
    }
}

/// Whether the path after `crate::` goes through the door, in the layer that may use it.
fn is_door(layer: &Layer, path: &[TokenTree]) -> bool {
    let [from, folder, door] = DOOR;
    layer.name == from
        && matches!(path, [a, first, second, b, ..]
            if is(a, folder) && is(first, ":") && is(second, ":") && is(b, door))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, source: &str) -> Vec<String> {
        let layer = LAYERS.into_iter().find(|layer| layer.name == name).expect("a layer");
        in_rust(source, &layer).expect("Rust")
    }

    #[test]
    fn an_import_of_a_view_by_the_state_is_found_with_its_line() {
        let source = "use crate::api;\nuse crate::deferred::door;";
        assert_eq!(faults("model", source), ["2: model does not import deferred"]);
    }

    #[test]
    fn the_first_chunk_imports_only_the_door_of_the_deferred_one() {
        assert_eq!(faults("first", "use crate::deferred::door::{self, deferred};"), [""; 0]);
        for source in [
            "use crate::deferred::note::Notes;",
            "use crate::deferred::{door, note};",
            "use crate::{deferred, host};",
            "fn a() { crate::deferred::note::item() }",
            "use super::super::deferred::note;",
        ] {
            assert_eq!(faults("first", source).len(), 1, "{source}");
        }
    }

    #[test]
    fn siblings_and_lower_layers_are_accepted() {
        let source =
            "use super::lookup; use crate::model::form::FormState; use crate::{TAB, json};";
        assert_eq!(faults("first", source), [""; 0]);
    }

    #[test]
    fn the_apps_folders_import_in_one_direction() {
        check(&Workspace::here()).unwrap();
    }
}
