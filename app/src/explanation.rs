//! What a person reads where something failed: what it usually means, and what to do. The words are
//! put together on the server, from `labels` and from the administrator's own values, and travel to
//! the page when they are needed: see `docs/decisions/0010-explanations-come-from-the-server.md`.

use domain::Field;
use serde::{Deserialize, Serialize};

/// An explanation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// What it usually means, as a sentence.
    pub cause: String,
    /// What to do, in the order to try it.
    pub steps: Vec<NextStep>,
    /// Where more is to be read about it, once the steps are.
    #[serde(default)]
    pub see_also: Option<Link>,
}

impl Explanation {
    /// A cause and its steps.
    #[must_use]
    pub fn new(cause: impl Into<String>, steps: Vec<NextStep>) -> Self {
        Self { cause: cause.into(), steps, see_also: None }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NextStep {
    /// In words.
    pub text: String,
    /// Lines to be copied into another program, ready as they are.
    #[serde(default)]
    pub copy: Option<String>,
    /// Where more is to be read, or to be done.
    #[serde(default)]
    pub link: Option<Link>,
    /// What a press of a button puts into the form, where that is all there is to do.
    #[serde(default)]
    pub fill: Option<Fill>,
}

impl NextStep {
    /// A step in words only.
    #[must_use]
    pub fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// What was found where somebody asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Findings {
    /// What was learned.
    pub facts: Vec<Found>,
    /// What does not fit, and what to do about it.
    #[serde(default)]
    pub explanations: Vec<Explanation>,
    /// What can be put into the form, all of it at once; each is labelled with its control's name.
    #[serde(default)]
    pub fills: Vec<Fill>,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The name, in words.
    pub name: String,
    /// The value.
    pub value: String,
    /// Whether the value is words of PPM's too, and not something to be read letter by letter.
    #[serde(default)]
    pub in_words: bool,
}

impl Found {
    /// A value that was found.
    #[must_use]
    pub fn value(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into(), in_words: false }
    }

    /// What is to be said of it in words.
    #[must_use]
    pub fn words(name: &str, words: impl Into<String>) -> Self {
        Self { in_words: true, ..Self::value(name, words) }
    }
}

/// A page elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What the page is called.
    pub text: String,
    /// Its address, always https.
    pub href: String,
}

/// A value for a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The control.
    pub field: Field,
    /// What is put there.
    pub value: String,
    /// What the button says.
    pub label: String,
}
