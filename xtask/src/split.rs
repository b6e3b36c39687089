//! Splits the compiled app into two chunks: one to show and fill in the tab, and a deferred one for
//! what is needed later, which the browser loads after it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, anyhow};
use wasm_split_cli_support::{Options, transform};

/// Keeps the relocations in the linked module, which the split needs.
pub const LINK_ARGUMENT: &str = "-Clink-arg=--emit-relocs";

/// The name by which the first chunk imports the script that loads the deferred one.
const LOADER: &str = "./later.js";
/// The file that this script fetches, before it gets its final name.
pub const LATER: &str = "split_later.wasm";

/// The deferred chunk, and the script that loads it.
pub struct Later {
    /// The module.
    pub wasm: Vec<u8>,
    loader: String,
}

/// Splits a compiled module: writes the first chunk for wasm-bindgen, and returns the deferred one.
pub fn split(compiled: &Path, first: &Path) -> Result<Later> {
    let folder = first.parent().unwrap_or(first);
    fs::create_dir_all(folder)?;
    let compiled = fs::read(compiled)?;
    let mut options = Options::new(&compiled);
    options.output_dir = folder;
    options.main_out_path = first;
    options.link_name = LOADER;
    transform(options).map_err(|report| anyhow!("{report:#}"))?;
    let wasm = folder.join(LATER);
    let wasm = fs::read(&wasm).with_context(|| format!("{} is missing", wasm.display()))?;
    Ok(Later { wasm: without_names(&wasm)?, loader: fs::read_to_string(folder.join(LOADER))? })
}

/// Removes the sections that wasm-bindgen would remove too.
fn without_names(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut config = walrus::ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    Ok(config.parse(wasm)?.emit_wasm())
}

impl Later {
    /// Inlines the loader into the glue: as a separate script it would be one more download, and
    /// would have to import the glue that imports it.
    pub fn in_glue(&self, glue: &str) -> Result<String> {
        let import = glue
            .lines()
            .find(|line| line.starts_with("import * as ") && line.contains(LOADER))
            .context("the glue does not import the loader")?;
        let name = import.split(' ').nth(3).unwrap_or_default();
        let used = format!("\"{LOADER}\": {name}");
        if !glue.contains(&used) {
            return Err(anyhow!("the glue does not use the loader"));
        }
        let glue = glue.replacen(import, "", 1).replacen(&used, &format!("\"{LOADER}\": later"), 1);
        let (_, loader) = self.loader.split_once('\n').unwrap_or_default();
        let loader = loader.replacen("export const __wasm_split_load_later =", "const load =", 1);
        Ok(format!("{glue}\n{loader}\nconst later = {{ __wasm_split_load_later: load }};\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later() -> Later {
        let loader = "import { initSync } from \"./main.js\";\n\
            export const __wasm_split_load_later = wrapAsyncCb(x);\n";
        Later { wasm: Vec::new(), loader: loader.to_owned() }
    }

    #[test]
    fn the_glue_contains_the_loader() {
        let glue =
            "import * as import1 from \"./later.js\"\nimports = { \"./later.js\": import1, };";
        assert_eq!(
            later().in_glue(glue).unwrap(),
            "\nimports = { \"./later.js\": later, };\nconst load = wrapAsyncCb(x);\n\n\
             const later = { __wasm_split_load_later: load };\n"
        );
    }

    #[test]
    fn a_glue_without_the_loaders_import_is_refused() {
        assert!(later().in_glue("imports = {};").is_err());
    }
}
