//! Checks that the code of a Leptos host in docs/embedding.md is that of the example, and short.

use std::fs;

use crate::sources::files_below;
use crate::workspace::Workspace;

/// The most lines of code that a host needs.
const LINES: usize = 40;

/// The blocks of code in the section of a Markdown file.
fn blocks(text: &str, heading: &str) -> Vec<String> {
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let fenced = section.split("\n```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).map(|(_, code)| format!("{code}\n")).collect()
}

#[test]
fn a_block_of_a_section_is_its_code_without_the_fences() {
    let text = "\n## One\n```rust\nno\n```\n## Two\nText\n```rust\na\nb\n```\nText\n```\nc\n```\n## Three\n";
    assert_eq!(blocks(text, "Two"), ["a\nb\n", "c\n"]);
}

#[test]
fn the_code_of_a_leptos_host_is_that_of_the_example_and_short() {
    let workspace = Workspace::here();
    let text = |path| fs::read_to_string(path).expect("text");
    let blocks =
        blocks(&text(workspace.root().join("docs/embedding.md")), "In a Leptos application");
    let sources = files_below(&workspace.root().join("examples/shell/src")).expect("sources");
    let sources: Vec<_> = sources.into_iter().map(text).collect();
    for block in &blocks {
        assert!(
            sources.iter().any(|source| source.contains(block)),
            "not in the example:\n{block}"
        );
    }
    let lines: usize = blocks.iter().map(|block| block.lines().count()).sum();
    assert!((1..=LINES).contains(&lines), "{lines} lines");
}
