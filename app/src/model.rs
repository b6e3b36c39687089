//! The state of the tab, without any view: signals, and what changes them. It imports no view, so it
//! calls the deferred chunk through [`commands`].

pub mod commands;
pub mod copying;
pub mod form;
pub mod incident;
pub mod lookup;
pub mod test_run;
pub mod token;
