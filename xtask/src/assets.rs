//! Publishes the bundle's files: puts a hash of the content into their names and compresses them,
//! so that a browser may cache them for ever and the server never compresses them.

use std::path::{Path, PathBuf};
use std::{collections::BTreeSet, fmt::Write as _, fs, io::Write as _};

use anyhow::{Context as _, Result, ensure};
use flate2::{Compression, write::GzEncoder};

use crate::{fingerprint::fingerprint, size::Weight, sources::files_below, split};

/// A file of the bundle, whose name contains a hash of its content.
struct Asset {
    bundle: String,
    extension: &'static str,
    hash: String,
    content: Vec<u8>,
}

impl Asset {
    fn new(bundle: &str, extension: &'static str, content: Vec<u8>) -> Self {
        Self { bundle: bundle.to_owned(), extension, hash: hash(&content), content }
    }

    fn file(&self) -> String {
        format!("{}.{}.{}", self.bundle, self.hash, self.extension)
    }

    fn name(&self) -> Name {
        Name { plain: format!("{}.{}", self.bundle, self.extension), last: self.file() }
    }

    fn write(&self, folder: &Path) -> Result<Weight> {
        write_compressed(folder, &self.file(), &self.content)
    }
}

/// The output of wasm-bindgen and the style sheets, before hashing.
pub struct Bundle {
    /// The prefix of its files' names.
    pub name: &'static str,
    /// The module.
    pub wasm: Vec<u8>,
    /// The module's deferred chunk.
    pub later: Vec<u8>,
    /// The glue that loads both.
    pub js: String,
    /// All style sheets in one.
    pub css: String,
    /// The folder with the JavaScript of dependencies, if any.
    pub snippets: Option<PathBuf>,
}

/// The files that were written, and the content of the file in which Leptos finds their names.
pub struct PublishedFiles {
    /// The code of the first load: module, glue, and JavaScript of dependencies.
    pub code: Vec<Weight>,
    /// The style sheet.
    pub style: Weight,
    /// The module's deferred chunk.
    pub later: Weight,
    /// The final names of module and glue.
    pub names: Vec<Name>,
    /// The content of `hash.txt`, in the format of leptos' `hash_files`: `js: HASH` by lines.
    pub hashes: String,
}

/// A file's plain name, which scripts in the sources use, and its final one.
#[derive(Clone)]
pub struct Name {
    plain: String,
    last: String,
}

/// A style sheet that was written.
pub struct Style {
    /// Its names.
    pub name: Name,
    /// Its sizes.
    pub weight: Weight,
}

/// Writes the bundle into `folder`, and removes the files of an earlier build.
pub fn publish(bundle: Bundle, folder: &Path) -> Result<PublishedFiles> {
    fs::create_dir_all(folder)?;
    let name = bundle.name;
    let wasm = Asset::new(name, "wasm", bundle.wasm);
    let later = Asset::new(&later_of(name), "wasm", bundle.later);
    let js = glue_for(name, &bundle.js, &wasm.file(), &later.file());
    let js = Asset::new(name, "js", js.into_bytes());
    let css = Asset::new(name, "css", bundle.css.into_bytes());
    let (mut code, style) = (vec![wasm.write(folder)?, js.write(folder)?], css.write(folder)?);
    let later_weight = later.write(folder)?;
    replace_snippets(name, bundle.snippets.as_deref(), folder, &mut code)?;
    let kept = [&wasm, &js, &css, &later].map(Asset::file);
    remove_others(name, folder, &kept)?;
    remove_others(&later_of(name), folder, &kept)?;

    let names = vec![wasm.name(), js.name()];
    let mut hashes = String::new();
    for Asset { extension, hash, .. } in [wasm, js, css] {
        let _ = writeln!(hashes, "{extension}: {hash}");
    }
    Ok(PublishedFiles { code, style, later: later_weight, names, hashes })
}

/// Writes a style sheet into `folder`, and removes that of an earlier build.
pub fn publish_style(name: &str, css: String, folder: &Path) -> Result<Style> {
    let sheet = Asset::new(name, "css", css.into_bytes());
    let weight = sheet.write(folder)?;
    remove_others(name, folder, &[sheet.file()])?;
    Ok(Style { name: sheet.name(), weight })
}

/// Writes a script under its own name into `folder`, and replaces plain names of files in it by the
/// final ones: `"pkg/NAME.wasm"`.
pub fn publish_script(script: &Path, names: &[Name], folder: &Path) -> Result<Weight> {
    let mut text = fs::read_to_string(script)
        .with_context(|| format!("{} cannot be read", script.display()))?;
    for Name { plain, last } in names {
        let plain = format!("/{plain}\"");
        ensure!(text.contains(&plain), "{} does not name {plain}", script.display());
        text = text.replace(&plain, &format!("/{last}\""));
    }
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    write_compressed(folder, &name, text.as_bytes())
}

/// Writes a file unchanged, under its own name, into `folder`.
pub fn publish_file(file: &Path, folder: &Path) -> Result<Weight> {
    let content = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    write_compressed(folder, &name, &content)
}

/// The glue with the final names of the module, which it loads if the page names none, and of the
/// deferred chunk.
fn glue_for(name: &str, js: &str, wasm_file: &str, later_file: &str) -> String {
    js.replace(&format!("{name}_bg.wasm"), wasm_file)
        .replace(split::LATER, later_file)
        .replace("./snippets/", &format!("./{}/", snippets_of(name)))
}

fn later_of(name: &str) -> String {
    format!("{name}-later")
}

fn snippets_of(name: &str) -> String {
    format!("{name}-snippets")
}

/// Sixteen hexadecimal digits of the content's hash.
fn hash(content: &[u8]) -> String {
    fingerprint(content).split_at(16).0.to_owned()
}

fn with_compressed(file: &str) -> [String; 3] {
    [file.to_owned(), format!("{file}.br"), format!("{file}.gz")]
}

/// Writes `file`, `file.br` and `file.gz`, unless they exist with the same content.
fn write_compressed(folder: &Path, file: &str, content: &[u8]) -> Result<Weight> {
    let path = folder.join(file);
    let [_, br, gz] = with_compressed(file).map(|name| folder.join(name));
    let unchanged = fs::read(&path).is_ok_and(|old| old == content);
    if !unchanged || !br.is_file() || !gz.is_file() {
        replace_file(&br, &brotli(content)?)?;
        replace_file(&gz, &gzip(content)?)?;
        replace_file(&path, content)?;
    }
    Ok(Weight {
        file: file.to_owned(),
        raw: content.len(),
        gzip: length(&gz)?,
        brotli: length(&br)?,
    })
}

/// Writes via a temporary file, so that an interrupted build leaves no partial file.
fn replace_file(path: &Path, content: &[u8]) -> Result<()> {
    let mut next = path.as_os_str().to_owned();
    next.push(".new");
    fs::write(&next, content)
        .and_then(|()| fs::rename(&next, path))
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn length(path: &Path) -> Result<usize> {
    Ok(usize::try_from(fs::metadata(path)?.len())?)
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut &*content, &mut compressed, &params)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// Copies the dependencies' JavaScript; wasm-bindgen derives its names from the content.
fn replace_snippets(
    name: &str,
    snippets: Option<&Path>,
    folder: &Path,
    weights: &mut Vec<Weight>,
) -> Result<()> {
    let place = folder.join(snippets_of(name));
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    let Some(snippets) = snippets else {
        return Ok(());
    };
    for file in files_below(snippets)? {
        let snippet = Path::new(&snippets_of(name)).join(file.strip_prefix(snippets)?);
        let path = folder.join(&snippet);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        weights.push(write_compressed(folder, &snippet.to_string_lossy(), &fs::read(&file)?)?);
    }
    Ok(())
}

/// Removes the files of this bundle except those in `kept` and their compressed copies.
fn remove_others(name: &str, folder: &Path, kept: &[String]) -> Result<()> {
    let prefix = format!("{name}.");
    let kept: BTreeSet<_> = kept.iter().flat_map(|file| with_compressed(file)).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_old = entry
            .file_name()
            .to_str()
            .is_some_and(|file| file.starts_with(&prefix) && !kept.contains(file));
        if entry.file_type()?.is_file() && is_old {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, process};

    /// A temporary folder, removed after the test.
    struct StagingFolder(PathBuf);

    impl StagingFolder {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("xtask-{}-{name}", process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn files(&self) -> Vec<PathBuf> {
            files_below(&self.0).unwrap()
        }
    }

    impl Drop for StagingFolder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn bundle(css: &str) -> Bundle {
        Bundle {
            name: "ppm-email",
            wasm: b"wasm".to_vec(),
            later: b"later".to_vec(),
            js: "new URL('ppm-email_bg.wasm', import.meta.url); fetch('./split_later.wasm')"
                .to_owned(),
            css: css.to_owned(),
            snippets: None,
        }
    }

    #[test]
    fn the_glue_loads_both_parts_of_the_module_by_their_final_names() {
        let js = glue_for("ppm-email", &bundle("").js, "ppm-email.0123.wasm", "later.4567.wasm");
        assert_eq!(
            js,
            "new URL('ppm-email.0123.wasm', import.meta.url); fetch('./later.4567.wasm')"
        );
    }

    #[test]
    fn a_hash_is_sixteen_digits_of_the_content() {
        assert_eq!(hash(b"wasm"), hash(b"wasm"));
        assert_ne!(hash(b"wasm"), hash(b"wasn"));
        assert!(hash(b"").len() == 16 && hash(b"").chars().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn the_hashes_name_every_file_in_the_format_of_leptos() {
        let folder = StagingFolder::new("hashes");
        let published = publish(bundle("a{}"), &folder.0).unwrap();
        for line in published.hashes.lines() {
            let (extension, hash) = line.split_once(':').unwrap();
            assert!(
                folder.0.join(format!("ppm-email.{}.{extension}", hash.trim())).is_file(),
                "{line}"
            );
        }
        assert_eq!(published.hashes.lines().count(), 3);
        assert_eq!(folder.files().len(), 12);
    }

    #[test]
    fn an_earlier_bundle_is_removed() {
        let folder = StagingFolder::new("earlier");
        publish(bundle("a{}"), &folder.0).unwrap();
        let earlier = folder.files();
        publish(bundle("b{}"), &folder.0).unwrap();
        let later = folder.files();
        assert_eq!(later.len(), earlier.len());
        assert_eq!(later.iter().filter(|file| !earlier.contains(file)).count(), 3);
    }

    #[test]
    fn unchanged_content_is_not_compressed_again() {
        let folder = StagingFolder::new("unchanged");
        let first = publish(bundle("a{}"), &folder.0).unwrap();
        let css = folder.0.join(&first.style.file).with_extension("css.br");
        fs::write(&css, "kept").unwrap();
        let second = publish(bundle("a{}"), &folder.0).unwrap();
        assert_eq!(fs::read(&css).unwrap(), b"kept");
        assert_eq!(second.style.brotli, 4);
    }

    #[test]
    fn snippets_keep_their_names_and_count_towards_the_size() {
        let (folder, source) =
            (StagingFolder::new("snippets"), StagingFolder::new("snippets-source"));
        fs::create_dir_all(source.0.join("dep-0123")).unwrap();
        fs::write(source.0.join("dep-0123/inline0.js"), "export const x = 1;").unwrap();
        let published =
            publish(Bundle { snippets: Some(source.0.clone()), ..bundle("a{}") }, &folder.0)
                .unwrap();
        assert!(folder.0.join("ppm-email-snippets/dep-0123/inline0.js.br").is_file());
        assert_eq!(published.code.len(), 3);
    }

    #[test]
    fn a_bundle_of_another_name_stays() {
        let folder = StagingFolder::new("another");
        publish(Bundle { name: "ppm-email-element", ..bundle("a{}") }, &folder.0).unwrap();
        publish(bundle("b{}"), &folder.0).unwrap();
        assert_eq!(folder.files().len(), 24);
    }

    #[test]
    fn a_script_gets_the_final_names() {
        let (folder, source) = (StagingFolder::new("script"), StagingFolder::new("script-source"));
        let published = publish(bundle("a{}"), &folder.0).unwrap();
        let sheet = publish_style("ppm-email-embed", "b{}".to_owned(), &folder.0).unwrap();
        let names = [&published.names[..], &[sheet.name]].concat();
        let plain = r#"["pkg/ppm-email.js", "pkg/ppm-email.wasm", "pkg/ppm-email-embed.css"]"#;
        let script = source.0.join("embed.js");
        fs::write(&script, plain).unwrap();
        publish_script(&script, &names, &folder.0).unwrap();
        let written = fs::read_to_string(folder.0.join("embed.js")).unwrap();
        let names: Vec<&str> =
            written.split('"').filter_map(|part| part.strip_prefix("pkg/")).collect();
        assert_eq!(names.len(), 3, "{written}");
        assert!(names.iter().all(|name| folder.0.join(name).is_file()), "{written}");
    }

    #[test]
    fn a_script_that_does_not_name_a_file_is_refused() {
        let (folder, source) =
            (StagingFolder::new("unnamed"), StagingFolder::new("unnamed-source"));
        let published = publish(bundle("a{}"), &folder.0).unwrap();
        let script = source.0.join("embed.js");
        fs::write(&script, r#"["pkg/ppm-email.js"]"#).unwrap();
        assert!(publish_script(&script, &published.names, &folder.0).is_err());
    }
}
