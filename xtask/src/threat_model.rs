//! Checks that every test that the threat model cites exists.

use std::fs;

use crate::{sources::files_below, workspace::Workspace};

fn threat_model() -> String {
    fs::read_to_string(Workspace::here().root().join("docs/threat-model.md")).expect("it is there")
}

/// The text of all files below a folder.
fn text_below(folder: &str) -> String {
    let files = files_below(&Workspace::here().root().join(folder)).expect("the folder is there");
    files.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
}

/// The texts between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let text = threat_model();
    let folders = ["server/tests/it", "crates/smtp/tests/it", "crates/oauth/tests/it"];
    let tests: String = folders.map(text_below).concat();
    let named: Vec<_> = code(&text).filter_map(|name| name.rsplit_once("::")).collect();
    assert!(named.len() > 100, "{} tests are named", named.len());
    for (module, test) in named {
        assert!(tests.contains(&format!("fn {test}()")), "{module}::{test}");
    }
}

#[test]
fn every_browser_test_that_the_threat_model_names_exists() {
    let text = threat_model();
    let tests = text_below("end2end/tests");
    let titles = text.split('“').skip(1).filter_map(|rest| rest.split_once('”'));
    let named: Vec<_> = titles.map(|(title, _)| title).collect();
    assert!(named.len() > 10, "{} titles are named", named.len());
    let of_steps = ["gate", "text that could become HTML", "command line"];
    for title in named.into_iter().filter(|title| !of_steps.contains(title)) {
        assert!(tests.contains(title), "{title}");
    }
}
