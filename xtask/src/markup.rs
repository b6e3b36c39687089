//! Finds text in the product's sources that could become HTML: in `view!` a child of an element
//! whose content tachys does not escape, and anywhere a call that takes HTML. It parses `view!` as
//! Leptos does and decides by syntax alone: the value of a variable does not count.

use std::fs;

use anyhow::{Result, bail};
use proc_macro2::{TokenStream, TokenTree};
use rstml::node::{Node, NodeBlock};
use rstml::{Parser, ParserConfig};
use syn::{Expr, Stmt};

use crate::{
    sources::{self, fault, is, tokens},
    workspace::Workspace,
};

/// The folders with code that makes pages: in Rust, and in scripts of the product and of the
/// practice servers.
const FOLDERS: [&str; 8] = [
    "app/src",
    "crates",
    "server/src",
    "bench/src",
    "examples",
    "embed",
    "end2end/hosts",
    "end2end/dev-servers",
];

/// The elements whose content HTML parses as text, up to their own end tag (HTML 13.1.2).
const RAW: &str = "textarea title script style noscript iframe noembed noframes plaintext xmp";

/// The only function that puts text into a `textarea`: in `app/src/markup.rs`.
const IN_TEXTAREA: &str = "in_textarea";

/// Names of what takes HTML, in Rust and in scripts.
const TAKES_HTML: &str = "inner_html set_inner_html set_outer_html insert_adjacent_html \
    create_contextual_fragment set_srcdoc InertElement innerHTML outerHTML insertAdjacentHTML \
    createContextualFragment setHTMLUnsafe dangerouslySetInnerHTML srcdoc document.write";

/// The only file that gives an element its HTML: what tachys has rendered before, and so has escaped.
const RENDERED: (&str, &str) = ("app/src/first/rendered.rs", "inner_html takes HTML");

/// Fails if text could become HTML, and lists each place.
pub fn check(workspace: &Workspace) -> Result<()> {
    sources::check(workspace, &FOLDERS, "text could become HTML", |path| {
        let text = || fs::read_to_string(path);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                let is_allowed =
                    |fault: &String| path.ends_with(RENDERED.0) && fault.ends_with(RENDERED.1);
                Ok(in_rust(&text()?)?.into_iter().filter(|fault| !is_allowed(fault)).collect())
            }
            Some("js" | "jsx" | "mjs" | "ts" | "html") => Ok(in_script(&text()?)),
            _ => Ok(Vec::new()),
        }
    })
}

/// The faults of a script, each with its line.
fn in_script(text: &str) -> Vec<String> {
    let of_line = |(at, line): (usize, &str)| {
        let name = TAKES_HTML.split(' ').find(|name| line.contains(name))?;
        Some(format!("{}: {name} takes HTML", at + 1))
    };
    text.lines().enumerate().filter_map(of_line).collect()
}

/// The faults of a Rust file, each with its line.
fn in_rust(text: &str) -> Result<Vec<String>> {
    let tokens = tokens(text)?;
    let mut faults = Vec::new();
    for node in views(tokens.clone())? {
        in_node(&node, &mut faults);
    }
    in_tokens(tokens, &mut faults);
    Ok(faults)
}

/// The top nodes of every `view!`, at any depth: one can be in another's blocks.
pub fn views(tokens: TokenStream) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            if is_view(&tokens[..at]) {
                nodes.extend(parse_view(group.stream())?);
            }
            nodes.extend(views(group.stream())?);
        }
    }
    Ok(nodes)
}

/// Whether what follows the tokens is the content of a `view!`.
pub fn is_view(before: &[TokenTree]) -> bool {
    matches!(before, [.., name, bang] if is(name, "view") && is(bang, "!"))
}

/// Checks the calls at any depth.
fn in_tokens(tokens: TokenStream, faults: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => in_tokens(group.stream(), faults),
            TokenTree::Ident(name) if takes_html(&name.to_string()) => {
                faults.push(fault(name.span(), &format!("{name} takes HTML")));
            }
            // An element that is made without `view!`: `html::textarea()`.
            TokenTree::Ident(name) if is_raw(&name.to_string()) && is_in_html(&tokens[..at]) => {
                faults.push(fault(name.span(), &format!("<{name}> is made outside of view!")));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Whether the tokens end with a path into `html`.
fn is_in_html(before: &[TokenTree]) -> bool {
    matches!(before, [.., html, first, second] if is(html, "html") && is(first, ":") && is(second, ":"))
}

fn takes_html(name: &str) -> bool {
    TAKES_HTML.split(' ').any(|known| known == name)
}

fn is_raw(name: &str) -> bool {
    RAW.split(' ').any(|raw| raw == name)
}

fn parse_view(tokens: TokenStream) -> Result<Vec<Node>> {
    let parser = Parser::new(ParserConfig::default().recover_block(true));
    let (nodes, problems) = parser.parse_recoverable(tokens).split_vec();
    if let Some(problem) = problems.into_iter().next() {
        bail!("a view! is none: {problem:?}");
    }
    Ok(nodes)
}

fn in_node(node: &Node, faults: &mut Vec<String>) {
    if let Node::Element(element) = node {
        let name = element.name().to_string();
        let is_wrong = |child: &&Node| is_raw(&name) && !is_safe(child, &name);
        if element.children().iter().find(is_wrong).is_some() {
            let line = element.open_tag.token_lt.spans[0];
            let words = format!("<{name}> has a child that is neither a literal nor escaped");
            faults.push(fault(line, &words));
        }
    }
    for child in node.children().into_iter().flatten() {
        in_node(child, faults);
    }
}

/// Whether a child of one of these elements is a literal of the source, or has been escaped.
fn is_safe(child: &Node, parent: &str) -> bool {
    match child {
        Node::Text(_) | Node::RawText(_) | Node::Comment(_) => true,
        Node::Block(block) => parent == "textarea" && is_escaped(block),
        Node::Element(_) | Node::Fragment(_) | Node::Doctype(_) | Node::Custom(_) => false,
    }
}

/// Whether a block is a call of that function, and nothing else.
fn is_escaped(block: &NodeBlock) -> bool {
    let Some([Stmt::Expr(Expr::Call(call), None)]) =
        block.try_block().map(|block| block.stmts.as_slice())
    else {
        return false;
    };
    match &*call.func {
        Expr::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == IN_TEXTAREA),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        in_rust(source).expect("Rust")
    }

    #[test]
    fn text_in_an_element_that_is_not_escaped_is_found_with_its_line() {
        let source = "fn a() {\n    view! {\n        <p>{text}</p>\n        <textarea>{text}</textarea>\n    }\n}";
        let expected = "4: <textarea> has a child that is neither a literal nor escaped";
        assert_eq!(found(source), [expected]);
    }

    #[test]
    fn every_way_to_put_text_into_a_raw_element_is_found() {
        for view in [
            "<textarea rows=\"2\">{text}</textarea>",
            "<textarea>\"Dear \"{text}</textarea>",
            "<textarea>{escaped(&text)}</textarea>",
            "<textarea>{in_textarea(text); text}</textarea>",
            "<textarea>{in_textarea(text) + &text}</textarea>",
            "<textarea>{move || in_textarea(text)}</textarea>",
            "<textarea><b>{text}</b></textarea>",
            "<textarea><Name/></textarea>",
            "<textarea><>{text}</></textarea>",
            "<script>{in_textarea(text)}</script>",
            "<style>{text}</style>",
            "<noscript>{text}</noscript>",
            "<noscript><p>{text}</p></noscript>",
            "<title>{text}</title>",
            "<xmp>{text}</xmp>",
            "<p><span><textarea>{text}</textarea></span></p>",
            "<p inner_html=text></p>",
            "<script inner_html=text></script>",
            "<p prop:innerHTML=text></p>",
            "<p prop:outerHTML=text></p>",
            "<iframe srcdoc=text></iframe>",
            "<p>{list.map(|text| view! { <textarea>{text}</textarea> })}</p>",
            "<Show when=is fallback=|| view! { <textarea>{text}</textarea> }>\"a\"</Show>",
        ] {
            assert_eq!(found(&format!("fn a() {{ view! {{ {view} }} }}")).len(), 1, "{view}");
        }
    }

    #[test]
    fn an_element_made_without_view_is_found() {
        for source in [
            "fn a() { leptos::html::textarea().child(text) }",
            "fn a() { html::script().child(text) }",
            "use leptos::html::textarea;",
            "fn a() { element.set_inner_html(&text) }",
            "fn a() { p().inner_html(text) }",
            "fn a() { InertElement::new(text) }",
            "fn a() { leptos::view! { <style>{text}</style> } }",
        ] {
            assert_eq!(found(source).len(), 1, "{source}");
        }
    }

    #[test]
    fn literals_and_in_textarea_are_accepted() {
        for view in [
            "<textarea>{in_textarea(text)}</textarea>",
            "<textarea>{crate::markup::in_textarea(state.text_now(field))}</textarea>",
            "<textarea/>",
            "<textarea></textarea>",
            "<textarea>\"Dear all,\"</textarea>",
            "<script nonce=nonce data-id=id>\"run(document.currentScript.dataset)\"</script>",
            "<noscript>Needs a script</noscript>",
            "<p title=text>{text}</p>",
            "<Title text=title/>",
            "<Title>{text}</Title>",
            "<option value=value>{text}</option>",
        ] {
            assert_eq!(found(&format!("fn a() {{ view! {{ {view} }} }}")), [""; 0], "{view}");
        }
        assert_eq!(found("use leptos::html::{Input, Textarea}; fn title(style: &str) {}"), [""; 0]);
    }

    #[test]
    fn a_view_that_cannot_be_parsed_is_refused() {
        assert!(in_rust("fn a() { view! { <p>{text}</b> } }").is_err());
    }

    #[test]
    fn a_script_that_makes_html_of_text_is_found() {
        for line in [
            "element.innerHTML = text;",
            "element.insertAdjacentHTML('beforeend', text);",
            "document.write(text);",
            "<p dangerouslySetInnerHTML={{ __html: text }} />",
        ] {
            assert_eq!(in_script(&format!("const a = 1;\n{line}")).len(), 1, "{line}");
        }
        assert_eq!(in_script("element.textContent = text;"), [""; 0]);
    }

    #[test]
    fn no_text_of_the_product_could_become_html() {
        check(&Workspace::here()).unwrap();
    }
}
