//! The state of the form: the saved settings, the draft, and everything derived from the two.
//! Contains no view code.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::merge::OtherEditor;
use domain::merge::{self, Merge};
use domain::secret::SecretEdit;
use domain::secret_state::SecretState;
use domain::time_format::TimeDisplay;
use domain::{Draft, Field, Presence, Problems, Saved, presence};
use leptos::prelude::*;

use super::commands::Commands;
use crate::api;
use crate::host::TabHost;
use contract::Suggestion;
use contract::{ApiCode, Conflict, EmailTab, Save, SaveAnswer};

/// The notice above the form.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Everything is saved.
    Saved,
    /// Validation failed; nothing was done.
    Problems(BlockedAction),
    /// Another save came first. The form holds both edits merged; nothing was saved.
    Conflict(MergeConflict),
    /// The save failed for a reason other than validation.
    NotSaved(ApiCode),
}

/// The action that validation blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockedAction {
    /// Saving the draft.
    Save,
    /// Sending a test message with the draft.
    Test,
}

/// The result of merging two concurrent edits. Who saved, and when, is in the saved settings; the
/// fields in conflict are kept in [`FormState::conflicting`].
#[derive(Debug, Clone, PartialEq)]
pub struct MergeConflict {
    /// The author of the other save.
    pub other: OtherEditor,
    /// Fields changed only in this form.
    pub kept: Vec<Field>,
    /// Fields changed only by the other save.
    pub taken: Vec<Field>,
}

/// The unresolved conflicts.
#[derive(Debug, Clone, Default)]
struct ConflictingFields {
    /// The author of the other save.
    other: OtherEditor,
    /// The fields changed by both sides, until a value is chosen for each.
    fields: Vec<Field>,
}

/// The signals of one control. Each is set only when its value changes, so that a keystroke does not
/// rerender other controls.
#[derive(Clone, Copy)]
struct FieldSignals {
    text: RwSignal<String>,
    presence: RwSignal<Presence>,
    /// The validation message.
    problem: RwSignal<Option<String>>,
    secret: RwSignal<SecretState>,
    /// Whether surrounding blanks were removed since the last edit.
    is_trimmed: RwSignal<bool>,
}

/// The form's signals. Copies share them.
#[derive(Clone, Copy)]
pub struct FormState {
    host: TabHost,
    commands: &'static Commands,
    saved: RwSignal<Saved>,
    draft: RwSignal<Draft>,
    /// The unresolved conflicts.
    conflicting: RwSignal<ConflictingFields>,
    /// Whether validation problems are shown: after the first refused save or test, on every edit.
    shows_problems: RwSignal<bool>,
    notice: RwSignal<Option<Notice>>,
    is_saving: RwSignal<bool>,
    /// The grant of the token that a save would delete, while confirmation is pending.
    asks_about_grant: RwSignal<Option<String>>,
    /// The signals of each field, in screen order.
    signals: StoredValue<Vec<FieldSignals>>,
    /// The validation problems, once shown.
    problems: RwSignal<Problems>,
    /// The fields that differ from the saved settings.
    changes: RwSignal<Vec<Field>>,
    is_dirty: Memo<bool>,
    context: RwSignal<TabContext>,
    /// Whether the page is hydrated, so that clicks are handled.
    is_hydrated: RwSignal<bool>,
    /// Whether the deferred Wasm chunk has loaded.
    is_chunk_loaded: RwSignal<bool>,
}

/// What the server says of the user and of itself, beside the settings.
#[derive(Clone)]
struct TabContext {
    /// The user's time zone and format preferences.
    display: TimeDisplay,
    /// This server's OAuth callback address.
    callback: String,
    may_edit: bool,
}

impl Default for TabContext {
    fn default() -> Self {
        Self { display: TimeDisplay::default(), callback: String::new(), may_edit: true }
    }
}

impl FormState {
    /// Creates an empty form. Call it outside `Suspense`, which disposes of its children's signals.
    pub fn new(host: TabHost, commands: &'static Commands) -> Self {
        let saved = RwSignal::new(Saved::default());
        let draft = RwSignal::new(Draft::default());
        let changes = RwSignal::new(Vec::new());
        let signals = |&field: &Field| FieldSignals {
            text: RwSignal::new(draft.with_untracked(|draft| draft.text(field).to_owned())),
            presence: RwSignal::new(draft.with_untracked(|draft| presence(field, draft))),
            problem: RwSignal::new(None),
            secret: RwSignal::new(SecretState::Unset),
            is_trimmed: RwSignal::new(false),
        };
        Self {
            host,
            commands,
            signals: StoredValue::new(Field::ALL.iter().map(signals).collect()),
            saved,
            draft,
            conflicting: RwSignal::new(ConflictingFields::default()),
            shows_problems: RwSignal::new(false),
            notice: RwSignal::new(None),
            is_saving: RwSignal::new(false),
            asks_about_grant: RwSignal::new(None),
            problems: RwSignal::new(Problems::default()),
            changes,
            is_dirty: Memo::new(move |_| changes.with(|changes| !changes.is_empty())),
            context: RwSignal::new(TabContext::default()),
            is_hydrated: RwSignal::new(false),
            is_chunk_loaded: RwSignal::new(false),
        }
    }

    /// Resets the draft to the given saved settings, with secrets untouched.
    pub fn reset(self, saved: Saved) {
        let draft = saved.draft();
        self.saved.set(saved);
        self.conflicting.set(ConflictingFields::default());
        self.shows_problems.set(false);
        self.update_draft(|before| *before = draft);
    }

    /// Changes the draft and updates the signals of every control that it affects.
    fn update_draft(self, change: impl FnOnce(&mut Draft)) {
        self.draft.update(change);
        self.draft.with_untracked(|draft| {
            self.saved.with_untracked(|saved| {
                set_if_changed(self.changes, draft.differences(&saved.draft()).collect());
                self.signals.with_value(|signals| {
                    for (&field, signals) in Field::ALL.iter().zip(signals) {
                        set_if_changed(signals.presence, presence(field, draft));
                        set_if_changed(signals.secret, SecretState::of(field, draft, saved));
                        if signals.text.with_untracked(|text| text != draft.text(field)) {
                            signals.text.set(draft.text(field).to_owned());
                        }
                    }
                });
            });
        });
        self.check();
    }

    /// Updates the shown validation problems, or clears them if none are to be shown yet.
    fn check(self) {
        if self.shows_problems.get_untracked() {
            (self.commands.check)(self);
        } else {
            self.signals.with_value(|signals| {
                for signals in signals {
                    set_if_changed(signals.problem, None);
                }
            });
            set_if_changed(self.problems, Problems::default());
        }
    }

    /// Validates the draft and shows its problems.
    pub fn check_and_show(self) {
        self.set_problems(self.all_problems());
    }

    fn set_problems(self, problems: Problems) {
        self.signals.with_value(|signals| {
            for (&field, signals) in Field::ALL.iter().zip(signals) {
                let words = problems.of(field).map(|problem| labels::problem(field, problem));
                set_if_changed(signals.problem, words);
            }
        });
        set_if_changed(self.problems, problems);
    }

    /// Validates the trimmed draft.
    fn all_problems(self) -> Problems {
        let draft = self.draft.get_untracked().trimmed();
        self.saved.with_untracked(|saved| draft.problems(&saved.form))
    }

    fn signals(self, field: Field) -> FieldSignals {
        self.signals.with_value(|signals| signals[field as usize])
    }

    /// Shows the loaded settings.
    pub fn adopt(self, tab: &EmailTab) {
        self.context.set(TabContext {
            display: tab.display.clone(),
            callback: tab.callback.clone(),
            may_edit: tab.may_edit,
        });
        self.reset(tab.saved.clone());
    }

    /// The control's text.
    pub fn text(self, field: Field) -> RwSignal<String> {
        self.signals(field).text
    }

    /// The control's text, without tracking.
    pub fn text_now(self, field: Field) -> String {
        self.draft.with_untracked(|draft| draft.text(field).to_owned())
    }

    /// Sets the control's text.
    pub fn edit(self, field: Field, text: String) {
        set_if_changed(self.signals(field).is_trimmed, false);
        self.update_draft(|draft| draft.edit(field, text));
        self.clear_saved_notice();
    }

    /// Trims the control's text, as a save does.
    pub fn trim(self, field: Field) {
        let mut draft = self.draft.get_untracked();
        if draft.trim(field) {
            self.update_draft(|before| *before = draft);
            self.signals(field).is_trimmed.set(true);
        }
    }

    fn trim_all(self) {
        for &field in Field::ALL {
            self.trim(field);
        }
    }

    /// Whether the control's text was trimmed since the last edit.
    pub fn is_trimmed(self, field: Field) -> bool {
        self.signals(field).is_trimmed.get()
    }

    /// Sets the control to a suggested value and moves focus to it.
    pub fn fill(self, field: Field, text: String) {
        self.edit(field, text);
        self.focus_soon(field.wire_name());
    }

    /// Sets several controls to suggested values.
    pub fn fill_all(self, fills: &[Suggestion]) {
        self.update_draft(|draft| put(fills, draft));
        self.clear_saved_notice();
    }

    /// The message naming the stored secrets that a change of the draft would require again, and why;
    /// empty for none. Tracks the given controls and the secrets.
    pub fn asks_again(self, follows: &[Field], change: impl FnOnce(&mut Draft)) -> String {
        const SECRETS: [Field; 2] = [Field::Password, Field::ClientSecret];
        let follows: Vec<_> = follows.iter().copied().chain(SECRETS).collect();
        self.with_draft(&follows, |before| {
            let mut after = before.clone();
            change(&mut after);
            let saved = self.saved.read_untracked();
            let asked = SECRETS.map(|secret| (secret, saved.moved_by(secret, before, &after)));
            let asked = asked.iter().filter(|(_, moved)| !moved.is_empty());
            asked
                .map(|(secret, moved)| labels::enter_again(*secret, moved))
                .collect::<Vec<_>>()
                .join(" ")
        })
    }

    /// The draft, without tracking.
    pub fn draft_now(self) -> Draft {
        self.draft.get_untracked()
    }

    /// Adopts input typed before hydration.
    pub fn adopt_typed(self, field: Field, text: String) {
        if self.draft.with_untracked(|draft| draft.text(field) != text) {
            self.edit(field, text);
        }
    }

    /// Keeps, replaces or clears a stored secret.
    pub fn edit_secret(self, field: Field, edit: SecretEdit) {
        self.update_draft(|draft| {
            if let Some(secret) = draft.secret_mut(field) {
                *secret = edit;
            }
        });
        self.clear_saved_notice();
    }

    /// Copies Basic SMTP Settings to OAuth SMTP Settings.
    pub fn copy_basic_to_oauth(self) {
        self.update_draft(Draft::copy_basic_to_oauth);
        self.clear_saved_notice();
    }

    /// Removes the "Saved" notice when the user does something else.
    pub fn clear_saved_notice(self) {
        if self.notice.with_untracked(|notice| *notice == Some(Notice::Saved)) {
            self.notice.set(None);
        }
    }

    /// Reads the draft, tracking only these controls.
    pub fn with_draft<T>(self, follows: &[Field], read: impl FnOnce(&Draft) -> T) -> T {
        for &field in follows {
            let FieldSignals { text, secret, .. } = self.signals(field);
            text.track();
            secret.track();
        }
        self.draft.with_untracked(read)
    }

    /// The author and the time of the last save.
    pub fn last_save(self) -> (Option<String>, Option<String>) {
        self.saved.with(|saved| (saved.by.clone(), saved.at.map(|at| self.written(at))))
    }

    /// Formats an instant by the user's preferences.
    pub fn written(self, instant: DateTime<Utc>) -> String {
        self.context.with(|context| context.display.written(instant))
    }

    /// This server's callback address, and whether the Redirect URI is set to it.
    pub fn callback(self) -> (String, bool) {
        let callback = self.context.with(|context| context.callback.clone());
        let is_it = self.text(Field::RedirectUri).with(|text| *text == callback);
        (callback, is_it)
    }

    /// Marks the page as hydrated.
    pub fn mark_hydrated(self) {
        self.is_hydrated.set(true);
    }

    /// Whether the page is hydrated.
    pub fn is_hydrated(self) -> bool {
        self.is_hydrated.get()
    }

    /// Marks the deferred Wasm chunk as loaded.
    pub fn mark_chunk_loaded(self) {
        self.is_chunk_loaded.try_set(true);
    }

    /// Whether the deferred Wasm chunk has loaded.
    pub fn is_chunk_loaded(self) -> bool {
        self.is_chunk_loaded.get()
    }

    /// Whether the user may edit.
    pub fn may_edit(self) -> bool {
        self.context.with(|context| context.may_edit)
    }

    /// The revision of the saved settings.
    pub fn revision(self) -> Memo<i64> {
        Memo::new(move |_| self.saved.with(|saved| saved.revision))
    }

    /// Reads the saved settings, without tracking.
    pub fn with_saved_untracked<T>(self, read: impl FnOnce(&Saved) -> T) -> T {
        self.saved.with_untracked(read)
    }

    /// Reads the saved settings.
    pub fn with_saved<T>(self, read: impl FnOnce(&Saved) -> T) -> T {
        self.saved.with(read)
    }

    /// Whether the control is required, optional or disabled.
    pub fn presence(self, field: Field) -> RwSignal<Presence> {
        self.signals(field).presence
    }

    /// The control's validation message, once problems are shown.
    pub fn problem(self, field: Field) -> RwSignal<Option<String>> {
        self.signals(field).problem
    }

    /// The state of a secret.
    pub fn secret(self, field: Field) -> RwSignal<SecretState> {
        self.signals(field).secret
    }

    /// The validation problems, once shown.
    pub fn shown_problems(self) -> Problems {
        self.problems.get()
    }

    /// Whether there are unsaved changes.
    pub fn is_dirty(self) -> Memo<bool> {
        self.is_dirty
    }

    /// The fields that differ from the saved settings.
    pub fn changes(self) -> Vec<Field> {
        self.changes.get()
    }

    /// Whether a save is in progress.
    pub fn is_saving(self) -> bool {
        self.is_saving.get()
    }

    /// The notice above the form.
    pub fn notice(self) -> Option<Notice> {
        self.notice.get()
    }

    /// The grant of the token that a save would delete, while confirmation is pending.
    pub fn asks_about_grant(self) -> Option<String> {
        self.asks_about_grant.get()
    }

    /// Sets the notice and moves focus to it.
    fn set_notice(self, notice: Notice) {
        if let Notice::NotSaved(error) = &notice {
            self.host.tell_error(*error);
        }
        self.notice.set(Some(notice));
        self.focus_soon(NOTICE);
    }

    /// Discards the unsaved changes.
    pub fn cancel(self) {
        self.reset(self.saved.get_untracked());
        self.signals.with_value(|signals| {
            for signals in signals {
                set_if_changed(signals.is_trimmed, false);
            }
        });
        self.dismiss();
    }

    /// Saves, by code in the deferred chunk.
    pub fn save(self) {
        self.host.spawn(async move {
            if (self.commands.save)(self).await.is_err() {
                self.set_notice(Notice::NotSaved(ApiCode::Unreachable));
            }
        });
    }

    /// Validates the form by the rules that the server applies, then saves it. Moves focus to an
    /// unresolved conflict first. Does nothing if the form differs only by surrounding blanks.
    pub fn check_and_save(self) {
        self.trim_all();
        if !self.is_dirty.get_untracked() {
            return;
        }
        let (draft, revision) =
            (self.draft.get_untracked(), self.saved.with_untracked(|saved| saved.revision));
        if let Some(field) = self.first_conflicting() {
            self.focus(&choice_id(field));
        } else if let problems = self.all_problems()
            && !problems.is_empty()
        {
            self.show_problems(BlockedAction::Save, problems);
        } else if let Some(field) = draft.oversized() {
            self.set_notice(Notice::NotSaved(ApiCode::Oversized(field)));
        } else {
            self.send(Save { draft, revision, deletes_grant: None });
        }
    }

    /// The draft to test; `None` if it is invalid, which shows its problems.
    pub fn typed(self) -> Option<Draft> {
        self.trim_all();
        let problems = self.all_problems();
        if problems.is_empty() {
            return Some(self.draft.get_untracked());
        }
        self.show_problems(BlockedAction::Test, problems);
        None
    }

    /// Removes the notice.
    pub fn dismiss(self) {
        self.notice.set(None);
    }

    /// Merges the draft with another save (three-way merge).
    fn merge(self, Conflict { saved: theirs, replaced, is_own }: Conflict) {
        let other = if is_own { OtherEditor::Window } else { OtherEditor::Person };
        let Merge { draft, kept, taken, conflicting: fields } = self.saved.with_untracked(|base| {
            self.draft.with_untracked(|mine| merge::merge(base, mine, &theirs, &replaced))
        });
        self.reset(theirs);
        self.update_draft(|before| *before = draft);
        self.conflicting.set(ConflictingFields { other, fields });
        self.set_notice(Notice::Conflict(MergeConflict { other, kept, taken }));
    }

    /// The fields with an unresolved conflict.
    pub fn conflicting(self) -> Vec<Field> {
        self.conflicting.with(|conflicting| conflicting.fields.clone())
    }

    fn first_conflicting(self) -> Option<Field> {
        self.conflicting.with_untracked(|conflicting| conflicting.fields.first().copied())
    }

    /// The author of the other save.
    pub fn other(self) -> OtherEditor {
        self.conflicting.with(|conflicting| conflicting.other)
    }

    /// Whether the control has an unresolved conflict.
    pub fn is_conflicting(self, field: Field) -> Memo<bool> {
        Memo::new(move |_| self.conflicting.with(|conflicting| conflicting.fields.contains(&field)))
    }

    /// Resolves a conflict with this form's value.
    pub fn keep_mine(self, field: Field) {
        self.conflicting.update(|conflicting| conflicting.fields.retain(|&other| other != field));
        self.focus_chosen(field);
    }

    /// Resolves a conflict with the saved value.
    pub fn take_theirs(self, field: Field) {
        self.choose_theirs(field);
        self.focus_chosen(field);
    }

    fn choose_theirs(self, field: Field) {
        self.saved.with_untracked(|theirs| {
            self.conflicting.update(|ConflictingFields { fields, .. }| {
                self.update_draft(|draft| merge::take_theirs(draft, fields, theirs, field));
            });
        });
    }

    /// Moves focus from a resolved conflict, whose buttons are removed, to its control.
    fn focus_chosen(self, field: Field) {
        let takes_focus =
            self.draft.with_untracked(|draft| presence(field, draft)) != Presence::Disabled;
        self.focus_soon(if takes_focus { field.wire_name() } else { NOTICE });
    }

    /// Resolves all conflicts with this form's values.
    pub fn keep_all_of_mine(self) {
        self.conflicting.update(|conflicting| conflicting.fields.clear());
        self.focus_soon(NOTICE);
    }

    /// Resolves all conflicts with the saved values.
    pub fn take_all_of_theirs(self) {
        while let Some(field) = self.first_conflicting() {
            self.choose_theirs(field);
        }
        self.focus_soon(NOTICE);
    }

    /// Saves, with consent to the deletion of this grant's token.
    pub fn save_deleting(self, grant: String) {
        self.asks_about_grant.set(None);
        self.send(Save {
            draft: self.draft.get_untracked(),
            revision: self.saved.with_untracked(|saved| saved.revision),
            deletes_grant: Some(grant),
        });
    }

    /// Closes the confirmation without saving.
    pub fn keep_token(self) {
        self.asks_about_grant.set(None);
    }

    fn send(self, save: Save) {
        if self.is_saving.get_untracked() {
            return;
        }
        self.is_saving.set(true);
        let sent = save.draft.clone();
        self.host.spawn(async move {
            let answer = api::in_time(api::save(save)).await;
            self.is_saving.set(false);
            match answer {
                Ok(SaveAnswer::Saved(saved)) => self.apply_saved(&sent, saved),
                Ok(SaveAnswer::Problems(problems)) => {
                    self.show_problems(BlockedAction::Save, problems);
                }
                Ok(SaveAnswer::Conflict(theirs)) => self.merge(theirs),
                Ok(SaveAnswer::TokenWouldBeDeleted(grant)) => {
                    self.asks_about_grant.set(Some(grant));
                }
                Err(error) => self.set_notice(Notice::NotSaved(error)),
            }
        });
    }

    /// Adopts the saved settings, keeping edits made while the save was in progress.
    fn apply_saved(self, sent: &Draft, saved: Saved) {
        let mut next = saved.draft();
        self.draft.with_untracked(|draft| {
            for field in draft.differences(sent) {
                match (next.secret_mut(field), draft.secret(field)) {
                    (Some(next), Some(typed)) => *next = typed.clone(),
                    _ => next.edit(field, draft.text(field)),
                }
            }
        });
        self.host.tell_saved(saved.revision);
        self.reset(saved);
        self.update_draft(|draft| *draft = next);
        self.notice.set(Some(Notice::Saved));
        self.focus_soon(SAVED);
    }

    /// Shows validation problems, found here or by the server, and moves focus to the first. Problems
    /// that only the server can detect are shown until the next edit.
    pub fn show_problems(self, wanted: BlockedAction, problems: Problems) {
        self.shows_problems.set(true);
        let first = problems.iter().next();
        self.set_problems(problems);
        self.notice.set(Some(Notice::Problems(wanted)));
        if let Some((field, _)) = first {
            self.focus_soon(field.wire_name());
        }
    }

    /// Moves focus to an element that may not be rendered yet.
    pub fn focus_soon(self, id: &'static str) {
        set_timeout(move || self.focus(id), Duration::ZERO);
    }

    /// Moves focus to an element.
    pub fn focus(self, id: &str) {
        use leptos::wasm_bindgen::JsCast;
        let element = self.host.element(id);
        if let Some(element) =
            element.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok())
        {
            // Fails only for a detached element, which needs no handling.
            drop(element.focus());
        }
    }

    /// The host of the tab.
    pub fn host(self) -> TabHost {
        self.host
    }

    /// The functions of the deferred chunk.
    pub fn commands(self) -> &'static Commands {
        self.commands
    }
}

/// Applies suggested values to a draft.
pub fn put(fills: &[Suggestion], draft: &mut Draft) {
    for Suggestion { field, value, .. } in fills {
        draft.edit(*field, value.as_str());
    }
}

/// Sets a signal only if the value differs.
fn set_if_changed<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|before| *before != value) {
        signal.set(value);
    }
}

/// The element id of the notice above the form.
pub const NOTICE: &str = "form-notice";

/// The element id of the "Saved" notice.
pub const SAVED: &str = "saved";

/// The element id of a control's conflict choice.
pub fn choice_id(field: Field) -> String {
    format!("{}-choice", field.wire_name())
}
