//! Explanations of failures: the likely cause and the steps to fix it. The server composes them from
//! `labels` and the administrator's settings and sends them on demand; see
//! `docs/decisions/0010-explanations-come-from-the-server.md`.

use domain::Field;
use serde::{Deserialize, Serialize};

/// An explanation of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// The likely cause as a sentence.
    pub cause: String,
    /// The steps to fix it, in the order to try them.
    pub steps: Vec<NextStep>,
    /// Further documentation, shown after the steps.
    #[serde(default)]
    pub see_also: Option<Link>,
}

impl Explanation {
    /// Creates an explanation of a cause and its steps.
    pub fn new<S: Into<NextStep>>(
        cause: impl Into<String>,
        steps: impl IntoIterator<Item = S>,
    ) -> Self {
        let steps = steps.into_iter().map(Into::into).collect();
        Self { cause: cause.into(), steps, see_also: None }
    }
}

/// One step of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NextStep {
    /// The instruction.
    pub text: String,
    /// Text to copy into another program as it is.
    #[serde(default)]
    pub copy: Option<String>,
    /// A page with documentation, or on which to do the step.
    #[serde(default)]
    pub link: Option<Link>,
    /// A value that a button puts into the form, if that completes the step.
    #[serde(default)]
    pub fill: Option<Suggestion>,
}

impl NextStep {
    /// Creates a step with an instruction only.
    pub fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl<T: Into<String>> From<T> for NextStep {
    fn from(text: T) -> Self {
        Self::words(text)
    }
}

/// The result of a lookup that the user requested.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LookupResult {
    /// The verdict if there is no problem, with what is left to do.
    #[serde(default)]
    pub verdict: Option<Explanation>,
    /// The facts found.
    pub facts: Vec<LookupFact>,
    /// The problems found, and how to fix them.
    #[serde(default)]
    pub explanations: Vec<Explanation>,
    /// Values that one button puts into the form; each is labelled with its control's name.
    #[serde(default)]
    pub fills: Vec<Suggestion>,
}

/// A fact with a name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupFact {
    /// The displayed name.
    pub name: String,
    /// The value.
    pub value: String,
    /// Whether the value is PPM's own text, and not a literal value.
    #[serde(default)]
    pub in_words: bool,
}

impl LookupFact {
    /// Creates a fact with a literal value.
    pub fn value(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into(), in_words: false }
    }

    /// Creates a fact whose value is PPM's own text.
    pub fn words(name: &str, words: impl Into<String>) -> Self {
        Self { in_words: true, ..Self::value(name, words) }
    }
}

/// A link to an external page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The link text.
    pub text: String,
    /// The URL, always https.
    pub href: String,
}

/// A value for a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The control.
    pub field: Field,
    /// The value to put there.
    pub value: String,
    /// The button's label.
    pub label: String,
}
