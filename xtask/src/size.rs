//! The sizes of the browser bundles, and their budgets.

use std::fmt::{self, Display};

/// The budget of a page of our own: Wasm, JavaScript and CSS together, in bytes after Brotli.
pub const PAGE_BUDGET: usize = 170_000;
/// The same for the custom element on another site's page: the same code, its script and its own
/// style sheet.
pub const ELEMENT_BUDGET: usize = 173_000;
/// The budget of the deferred chunk of either.
pub const LATER_BUDGET: usize = 150_000;

/// One file of the bundle; sizes in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Weight {
    /// The file's name as it is served.
    pub file: String,
    /// Uncompressed.
    pub raw: usize,
    /// After gzip.
    pub gzip: usize,
    /// After Brotli.
    pub brotli: usize,
}

/// The files of a bundle, displayed as a table with the total.
#[derive(Debug)]
pub struct Weights {
    /// The files of the first load.
    pub files: Vec<Weight>,
    /// The deferred chunk.
    pub later: Weight,
    /// The budget of the first load, in bytes after Brotli.
    pub budget: usize,
}

/// The files of a page of our own, and of the custom element: they share the code.
#[derive(Debug)]
pub struct Bundles {
    /// A page of our own.
    pub page: Weights,
    /// The custom element.
    pub element: Weights,
}

impl Bundles {
    /// Whether the sizes are within the budgets.
    pub fn is_within_budget(&self) -> bool {
        self.page.is_within_budget() && self.element.is_within_budget()
    }
}

impl Display for Bundles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A page of our own\n{}\n\nThe custom element\n{}", self.page, self.element)
    }
}

impl Weights {
    /// The size of the first load after Brotli, in bytes.
    pub fn total(&self) -> usize {
        self.files.iter().map(|weight| weight.brotli).sum()
    }

    /// Whether the sizes are within the budgets.
    pub fn is_within_budget(&self) -> bool {
        self.total() <= self.budget && self.later.brotli <= LATER_BUDGET
    }
}

impl Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.files.iter().chain([&self.later]).map(|weight| weight.file.len());
        let width = names.max().unwrap_or(0);
        writeln!(f, "{:width$}  {:>11}  {:>9}  {:>9}", "file", "bytes", "gzip", "brotli")?;
        for Weight { file, raw, gzip, brotli } in &self.files {
            let (raw, gzip, brotli) = (grouped(*raw), grouped(*gzip), grouped(*brotli));
            writeln!(f, "{file:width$}  {raw:>11}  {gzip:>9}  {brotli:>9}")?;
        }
        let (total, budget) = (grouped(self.total()), grouped(self.budget));
        writeln!(f, "{:width$}  {:>11}  {:>9}  {total:>9}  of {budget} allowed", "total", "", "")?;
        let Weight { file, raw, gzip, brotli } = &self.later;
        let (raw, gzip, brotli) = (grouped(*raw), grouped(*gzip), grouped(*brotli));
        let budget = grouped(LATER_BUDGET);
        write!(f, "{file:width$}  {raw:>11}  {gzip:>9}  {brotli:>9}  of {budget} allowed, later")
    }
}

/// Formats a number with separators: 260000 as 260,000.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(brotli: [usize; 2], later: usize) -> Weights {
        let weight = |file: &str, brotli| Weight {
            file: file.to_owned(),
            raw: 1_234_567,
            gzip: 1_000,
            brotli,
        };
        let files = vec![weight("a.wasm", brotli[0]), weight("a.js", brotli[1])];
        Weights { files, later: weight("later.wasm", later), budget: PAGE_BUDGET }
    }

    #[test]
    fn a_number_is_grouped_by_three() {
        assert_eq!(
            [0, 999, 1_000, 260_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "260,000", "1,234,567"]
        );
    }

    #[test]
    fn the_budget_may_be_reached_but_not_exceeded() {
        assert!(weights([PAGE_BUDGET - 7_000, 7_000], 0).is_within_budget());
        assert!(!weights([PAGE_BUDGET - 7_000, 7_001], 0).is_within_budget());
    }

    #[test]
    fn the_deferred_chunk_has_a_separate_budget() {
        assert!(weights([PAGE_BUDGET, 0], LATER_BUDGET).is_within_budget());
        assert!(!weights([0, 0], LATER_BUDGET + 1).is_within_budget());
    }

    #[test]
    fn the_table_ends_with_the_total_and_the_deferred_chunk() {
        let table = weights([181_000, 7_500], 30_000).to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "file              bytes       gzip     brotli",
                "a.wasm        1,234,567      1,000    181,000",
                "a.js          1,234,567      1,000      7,500",
                "total                                 188,500  of 170,000 allowed",
                "later.wasm    1,234,567      1,000     30,000  of 150,000 allowed, later",
            ]
        );
    }
}
