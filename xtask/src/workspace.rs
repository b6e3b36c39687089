//! The paths and profiles of the working copy. No other module knows them.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The name of the binary and of the bundle's files; `output_name` in the server's Leptos options.
pub const NAME: &str = "ppm-email";

/// The name of the custom element's style sheet.
pub const ELEMENT_NAME: &str = "ppm-email-embed";

/// How the server is compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// Fast to build.
    Debug,
    /// Fast to run.
    Release,
}

impl Profile {
    /// The profile for `--release`, given or not.
    pub fn of(release: bool) -> Self {
        if release { Self::Release } else { Self::Debug }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

/// The folders of this working copy.
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The working copy that this program was built from.
    pub fn here() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let root = root.canonicalize().unwrap_or(root);
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |set| root.join(set));
        Self { root, target }
    }

    /// Another working copy, with the outputs of a build in its own folder.
    pub fn at(root: &Path) -> Result<Self> {
        let root = root.canonicalize().with_context(|| format!("no folder {}", root.display()))?;
        Ok(Self { target: root.join("target"), root })
    }

    /// The folder of the root Cargo.toml.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The style sheets' sources.
    pub fn style(&self) -> PathBuf {
        self.root.join("style")
    }

    /// The scripts that other sites' pages load.
    pub fn embed(&self) -> PathBuf {
        self.root.join("embed")
    }

    /// The npm project with the practice servers and the browser tests.
    pub fn end2end(&self) -> PathBuf {
        self.root.join("end2end")
    }

    /// The folder that `run` keeps between runs: database, key, certificate authority.
    pub fn run_folder(&self) -> PathBuf {
        self.root.join(".run")
    }

    /// The folder of installed programs that only checks need.
    pub fn tools_folder(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The folder of a benchmark's data and figures.
    pub fn bench_folder(&self) -> PathBuf {
        self.target.join("bench")
    }

    /// The server's binary.
    pub fn binary(&self, profile: Profile) -> PathBuf {
        let file = format!("{NAME}{}", env::consts::EXE_SUFFIX);
        self.target.join(profile.folder()).join(file)
    }

    /// The binary of an example of a host, by its name.
    pub fn example(&self, name: &str) -> PathBuf {
        self.binary(Profile::Debug).with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// A library as compiled for the browser, with a profile.
    pub fn wasm(&self, library: &str, profile: &str) -> PathBuf {
        let folder = self.target.join("wasm32-unknown-unknown").join(profile);
        folder.join(library).with_extension("wasm")
    }

    /// The folder for the output of wasm-bindgen, before its files get their final names.
    pub fn bindgen_folder(&self) -> PathBuf {
        self.target.join("bindgen").join(NAME)
    }

    /// The files that the product serves; `site_root` in those options.
    pub fn site(&self) -> PathBuf {
        self.target.join("site")
    }

    /// The bundle's folder inside the site; `site_pkg_dir` in those options.
    pub fn package(&self) -> PathBuf {
        self.site().join("pkg")
    }

    /// The folder of the bundle of the Leptos host; `site_pkg_dir` in its options.
    pub fn shell_package(&self) -> PathBuf {
        self.site().join("shell-pkg")
    }

    /// The folder of the bundle of the counter.
    pub fn counter_bundle(&self) -> PathBuf {
        self.target.join("bindgen").join("counter")
    }

    /// The folders of executables that may read the bundle's hashes: Leptos looks for `hash.txt`
    /// next to the executable, and a test's executable is in `deps`.
    pub fn executable_folders(&self) -> Vec<PathBuf> {
        ["debug", "debug/deps", "release", "release/deps"]
            .iter()
            .map(|folder| self.target.join(folder))
            .filter(|folder| folder.is_dir())
            .collect()
    }
}
