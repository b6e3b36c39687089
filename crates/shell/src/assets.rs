//! The files that a page loads: its style sheet, and the bundle of the tab.

use std::sync::Arc;

use leptos::{nonce::use_nonce, prelude::*};

/// Their addresses. They are found once: Leptos's own components read the list of the hashes in the names
/// for every view.
#[derive(Debug, Clone)]
pub struct Assets {
    style: Arc<str>,
    script: Arc<str>,
    module: Arc<str>,
}

impl Assets {
    /// The files of a bundle. `hashes` is the list that the build has left, a line for each kind of file.
    pub fn new(options: &LeptosOptions, hashes: &str) -> Self {
        let hash = |kind: &str| {
            let mut lines = hashes.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(found, _)| *found == kind).map(|(_, hash)| hash.trim())
        };
        let file = |kind: &str, extension: &str| {
            let LeptosOptions { output_name, site_pkg_dir, .. } = options;
            match hash(kind) {
                Some(hash) => format!("/{site_pkg_dir}/{output_name}.{hash}{extension}").into(),
                None => format!("/{site_pkg_dir}/{output_name}{extension}").into(),
            }
        };
        let module = if hash("wasm").is_some() { ".wasm" } else { "_bg.wasm" };
        Self { style: file("css", ".css"), script: file("js", ".js"), module: file("wasm", module) }
    }

    /// The style sheet.
    pub fn style(&self) -> impl IntoView + use<> {
        view! { <link rel="stylesheet" id="style" href=self.style.clone()/> }
    }

    /// The script that hydrates the tab.
    pub fn hydration(&self) -> impl IntoView + use<> {
        view! {
            <link rel="modulepreload" id="script" href=self.script.clone()/>
            <link
                rel="preload"
                id="module"
                href=self.module.clone()
                r#as="fetch"
                r#type="application/wasm"
                crossorigin="anonymous"
            />
            <script type="module" nonce=use_nonce()>
                "const [script, module_or_path] = ['script', 'module'].map((id) => document.getElementById(id).href);
        import(script).then(({ default: start, hydrate }) => start({ module_or_path }).then(hydrate));"
            </script>
        }
    }
}
