//! The modules of the store form layers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Returns the modules of the store, each with those that it imports.
fn modules() -> BTreeMap<String, BTreeSet<String>> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = fs::read_dir(sources).expect("the sources are there").map(|file| {
        let path = file.expect("a file").path();
        let name = path.file_stem().expect("a name").to_str().expect("UTF-8").to_owned();
        let text = fs::read_to_string(&path).expect("a source is text");
        assert!(!text.contains("\nuse super::"), "{name} does not say which module it imports");
        let imports = text.split("crate::").skip(1).filter_map(|rest| {
            let imported = rest.split(|c: char| c != '_' && !c.is_alphanumeric()).next()?;
            (imported != name).then(|| imported.to_owned())
        });
        (name.clone(), imports.collect())
    });
    files.filter(|(name, _)| name != "lib").collect()
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let mut left = modules();
    assert!(left["sessions"].contains("pool"));
    let lowest = |left: &BTreeMap<String, BTreeSet<String>>| {
        let mut modules = left.iter();
        let free = modules.find(|(_, imports)| !imports.iter().any(|name| left.contains_key(name)));
        free.map(|(name, _)| name.clone())
    };
    while let Some(name) = lowest(&left) {
        left.remove(&name);
    }
    assert!(left.is_empty(), "a circle among {left:#?}");
}
