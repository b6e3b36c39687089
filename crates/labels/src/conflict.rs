//! Texts of a conflict between two edits of the settings.

use domain::merge::OtherEditor;

/// The texts that depend on the author of the other edit.
pub struct ConflictTexts {
    /// The hint that the form contains the merged edits of both sides.
    pub both_in_one: &'static str,
    /// The label of the fields that only this side changed.
    pub kept: &'static str,
    /// The label of the fields that only the other side changed.
    pub taken: &'static str,
    /// The instruction while conflicts are unresolved.
    pub both_changed: &'static str,
    /// The reason of a control's conflict.
    pub dispute: &'static str,
    /// The reason of a secret's conflict.
    pub dispute_of_secret: &'static str,
    /// The prefix of the button that keeps this form's value.
    pub keep_mine: &'static str,
    /// The prefix of the button that takes the other value.
    pub take_theirs: &'static str,
    /// The button that keeps every value of this form.
    pub keep_all_of_mine: &'static str,
    /// The button that takes every other value.
    pub take_all_of_theirs: &'static str,
}

/// Returns the texts of a conflict.
pub const fn conflict(other: OtherEditor) -> &'static ConflictTexts {
    match other {
        OtherEditor::Person => &ConflictTexts {
            both_in_one: "Your changes are not saved yet, but nothing is lost: the form now shows your changes together with theirs.",
            kept: "Only you changed (kept)",
            taken: "Only they changed (updated)",
            both_changed: "You both changed these fields. Choose a value for each, then save:",
            dispute: "You both changed this field. Choose a value.",
            dispute_of_secret: "You changed this, and meanwhile another administrator changed it or the settings it is for.",
            keep_mine: "Keep mine",
            take_theirs: "Take theirs",
            keep_all_of_mine: "Keep all of mine",
            take_all_of_theirs: "Take all of theirs",
        },
        OtherEditor::Window => &ConflictTexts {
            both_in_one: "The changes in this window are not saved yet, but nothing is lost: the form now shows them together with those from the other window.",
            kept: "Changed only in this window (kept)",
            taken: "Changed only in the other window (updated)",
            both_changed: "You changed these fields in both windows. Choose a value for each, then save:",
            dispute: "You changed this field in both windows. Choose a value.",
            dispute_of_secret: "You changed this here, and in the other window you changed it or the settings it is for.",
            keep_mine: "Keep this window's",
            take_theirs: "Take the other window's",
            keep_all_of_mine: "Keep all of this window's",
            take_all_of_theirs: "Take all of the other window's",
        },
    }
}

/// The conflict heading: who saved meanwhile, and when.
pub fn saved_meanwhile(other: OtherEditor, by: Option<&str>, at: Option<&str>) -> String {
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    match other {
        OtherEditor::Person => {
            let by = by.unwrap_or("Another administrator");
            format!("{by} saved changes{at}, while you were editing.")
        }
        OtherEditor::Window => {
            format!("You saved changes in another window{at}, while you were editing here.")
        }
    }
}

/// The heads-up beside Save: settings that were saved meanwhile are not in the form yet.
pub fn heads_up(other: OtherEditor, by: Option<&str>, at: Option<&str>) -> String {
    format!("{} Save puts both together.", saved_meanwhile(other, by, at))
}

/// The notice that the form shows settings that were saved elsewhere.
pub fn updated(other: OtherEditor, by: Option<&str>, at: Option<&str>) -> String {
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    match other {
        OtherEditor::Person => {
            let by = by.unwrap_or("Another administrator");
            format!("Updated: {by} saved changes{at}.")
        }
        OtherEditor::Window => format!("Updated: you saved changes in another window{at}."),
    }
}

/// The instruction once all conflicts are resolved.
pub const ALL_CHOSEN: &str = "Check the form, then save.";

/// The hint if this side has no changes left.
pub const NOTHING_LEFT: &str = "You have no changes left to save.";
