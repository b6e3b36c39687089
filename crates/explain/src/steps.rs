//! Makes explanations, and steps that have more than words.

use contract::{Explanation, Link, NextStep, Suggestion};
use domain::Field;

/// Makes an explanation of its sentences: the cause, then the steps.
pub fn explained(sentences: &[&str]) -> Explanation {
    let (cause, steps) = sentences.split_first().unwrap_or((&"", &[]));
    Explanation::new(*cause, words(steps))
}

/// Makes a verdict without steps.
pub fn verdict(sentence: &str) -> Explanation {
    explained(&[sentence])
}

/// Steps with an instruction only.
pub fn words(sentences: &[&str]) -> Vec<NextStep> {
    sentences.iter().copied().map(NextStep::words).collect()
}

/// A step with text to copy.
pub fn with_copy(text: impl Into<String>, copy: impl Into<String>) -> NextStep {
    NextStep { copy: Some(copy.into()), ..NextStep::words(text) }
}

/// A step with a link.
pub fn with_link(text: impl Into<String>, name: &str, href: &str) -> NextStep {
    let link = Link { text: name.to_owned(), href: href.to_owned() };
    NextStep { link: Some(link), ..NextStep::words(text) }
}

/// A step with a button that puts a value into the form.
pub fn with_fill(text: impl Into<String>, field: Field, value: &str, label: &str) -> NextStep {
    let fill = Suggestion { field, value: value.to_owned(), label: label.to_owned() };
    NextStep { fill: Some(fill), ..NextStep::words(text) }
}
