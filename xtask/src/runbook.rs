//! Checks that the runbook of docs/operations.md has every diagnosis that can open an incident.

use std::fs;

use crate::workspace::Workspace;

/// Diagnoses of a message's recipients or content, which say nothing of the connection.
const OF_MESSAGES: [&str; 7] = [
    "recipient-refused",
    "recipient-mailbox-full",
    "content-refused",
    "eight-bit-not-offered",
    "message-too-large",
    "message-too-large-converted",
    "maybe-delivered",
];

fn read(path: &str) -> String {
    fs::read_to_string(Workspace::here().root().join(path)).expect("it is there")
}

/// The wire names of the variants of `Diagnosis`.
fn diagnoses() -> Vec<String> {
    let source = read("crates/domain/src/delivery.rs");
    let (_, rest) = source.split_once("pub enum Diagnosis {").expect("the enum");
    let (variants, _) = rest.split_once("\n}").expect("its end");
    let names = variants.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| kebab(line.trim_end_matches(',').split('(').next().unwrap_or(line))).collect()
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

#[test]
fn the_runbook_has_every_diagnosis_that_can_open_an_incident() {
    let runbook = read("docs/operations.md");
    let diagnoses = diagnoses();
    assert!(diagnoses.len() > 80, "{diagnoses:?}");
    for code in diagnoses {
        let is_there = runbook.contains(&format!("| `{code}`"));
        assert_eq!(is_there, !OF_MESSAGES.contains(&code.as_str()), "{code}");
    }
}
