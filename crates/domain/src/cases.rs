//! Tables of texts for tests, in `tests/cases`: `[[expected, [text, …]], …]`.

use std::fmt::Debug;

use serde::de::DeserializeOwned;

/// Asserts that `check` returns what a table expects of each of its texts.
pub fn assert_cases<T: DeserializeOwned + PartialEq + Debug>(
    table: &str,
    check: impl Fn(&str) -> T,
) {
    let table: Vec<(T, Vec<String>)> = serde_json::from_str(table).expect("a table of cases");
    for (expected, texts) in table {
        for text in texts {
            assert_eq!(check(&text), expected, "{text:?}");
        }
    }
}
