//! Finds text that users read in the views: it belongs in the catalogue, the crate `labels`, where a
//! translation finds all of it. A text node, a block and an attribute that is read out or shown have no
//! string literal with a letter; a single sign, such as "·", is no language.

use std::fs;

use anyhow::Result;
use proc_macro2::{Literal, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use rstml::node::{Node, NodeAttribute, NodeElement};

use crate::{
    markup::{is_view, views},
    sources::{self, fault, tokens},
    workspace::Workspace,
};

/// The folders with the views.
const FOLDERS: [&str; 2] = ["app/src", "crates/shell/src"];

/// The attributes, and the properties of our components, whose values users read.
const READ: [&str; 14] = [
    "alt",
    "aria-description",
    "aria-label",
    "aria-placeholder",
    "aria-roledescription",
    "aria-valuetext",
    "caption",
    "data-label", // shown by the style sheet
    "label",
    "lead",
    "placeholder",
    "summary",
    "text",
    "title",
];

/// The elements whose content is code.
const CODE: [&str; 2] = ["script", "style"];

/// Fails if a view has text of its own, and lists each place.
pub fn check(workspace: &Workspace) -> Result<()> {
    let heading = "text that belongs in the catalogue (crates/labels)";
    sources::check(workspace, &FOLDERS, heading, |path| in_rust(&fs::read_to_string(path)?))
}

/// The faults of a Rust file, each with its line.
fn in_rust(text: &str) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for node in views(tokens(text)?)? {
        in_node(&node, &mut faults);
    }
    Ok(faults)
}

fn in_node(node: &Node, faults: &mut Vec<String>) {
    match node {
        Node::Text(text) => in_text(&text.value_string(), text.value.span(), faults),
        Node::RawText(text) => in_text(&text.to_string_best(), Span::call_site(), faults),
        Node::Block(block) => in_value(block.to_token_stream(), faults),
        Node::Element(element) => in_element(element, faults),
        Node::Fragment(fragment) => {
            for child in &fragment.children {
                in_node(child, faults);
            }
        }
        Node::Comment(_) | Node::Doctype(_) | Node::Custom(_) => {}
    }
}

fn in_element(element: &NodeElement<rstml::Infallible>, faults: &mut Vec<String>) {
    for attribute in element.attributes() {
        if let NodeAttribute::Attribute(attribute) = attribute
            && READ.contains(&attribute.key.to_string().as_str())
            && let Some(value) = attribute.value()
        {
            in_value(value.to_token_stream(), faults);
        }
    }
    if CODE.contains(&element.name().to_string().as_str()) {
        return;
    }
    for child in &element.children {
        in_node(child, faults);
    }
}

fn in_text(text: &str, at: Span, faults: &mut Vec<String>) {
    if has_letter(text) {
        faults.push(fault(at, &format!("{text:?} stands in a view")));
    }
}

/// Checks the literals of a block or a value, except those of a `view!` in it: each is checked by
/// itself, and has attributes that users do not read.
fn in_value(tokens: TokenStream, faults: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) if !is_view(&tokens[..at]) => in_value(group.stream(), faults),
            TokenTree::Literal(literal) => {
                in_text(&string(literal).unwrap_or_default(), literal.span(), faults);
            }
            TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// The content of a string literal.
fn string(literal: &Literal) -> Option<String> {
    let text = literal.to_string();
    Some(text[text.find('"')? + 1..text.rfind('"')?].to_owned())
}

/// Whether a text has a letter outside of the places that `format!` fills in.
fn has_letter(text: &str) -> bool {
    let mut depth = 0_usize;
    text.chars().any(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => return depth == 0 && character.is_alphabetic(),
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(view: &str) -> Vec<String> {
        in_rust(&format!("fn a() {{ view! {{ {view} }} }}")).expect("Rust")
    }

    #[test]
    fn text_in_a_view_is_found_with_its_line() {
        let source =
            "fn a() {\n    view! {\n        <p>{text}</p>\n        <p>\"Save\"</p>\n    }\n}";
        assert_eq!(in_rust(source).expect("Rust"), ["4: \"Save\" stands in a view"]);
    }

    #[test]
    fn every_way_to_put_text_into_a_view_is_found() {
        for view in [
            "<p>\"Save\"</p>",
            "<p>Save</p>",
            "\"Save\"",
            "<>\"Save\"</>",
            "<p><b>\"To \"</b>{name}</p>",
            "<p>{\"Save\"}</p>",
            "<p>{format!(\"Sign in with {name}\")}</p>",
            "<p>{move || if is { \"Saving…\" } else { labels::SAVE }}</p>",
            "<p>{name.map(|name| view! { <b>\"Save\"</b> })}</p>",
            "<nav aria-label=\"Main\"></nav>",
            "<input placeholder=format!(\"Choice for {name}\")/>",
            "<td data-label=\"From\">{address}</td>",
            "<Frame title=\"Email\">{text}</Frame>",
            "<Title text=\"Email\"/>",
        ] {
            assert_eq!(found(view).len(), 1, "{view}");
        }
    }

    #[test]
    fn code_and_signs_are_accepted() {
        for view in [
            "<p class=\"hint\" role=\"note\">{labels::SAVE}</p>",
            "<p>{before} \" \" {name} \" · \" {after} \".\"</p>",
            "<p>{format!(\"{name}: {value}\")}</p>",
            "<p>{name.map(|name| view! { <b class=\"hint\">{name}</b> })}</p>",
            "<nav aria-label=labels::NAVIGATION id=\"navigation\"></nav>",
            "<script>\"close();\"</script>",
            "<!-- \"a comment\" -->",
        ] {
            assert_eq!(found(view), [""; 0], "{view}");
        }
    }

    #[test]
    fn no_view_has_text_of_its_own() {
        check(&Workspace::here()).unwrap();
    }
}
