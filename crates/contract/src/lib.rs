//! Everything that crosses HTTP: requests, answers and error codes, and the ports that the server
//! implements. No Leptos, no axum, no I/O.

pub mod code;
pub mod context;
pub mod explanation;
pub mod pages;
pub mod paths;
pub mod port;
pub mod sign_in;
pub mod tab;

pub use code::ApiCode;
pub use context::{AccessDenied, ConsentBinding, RequestContext, RequestOrigin, SignInOptions};
pub use explanation::{Explanation, Link, LookupFact, LookupResult, NextStep, Suggestion};
pub use port::{EmailService, SharedService, SharedShell, ShellService};
pub use sign_in::{SignInAttempt, SignInRefusal};
pub use tab::{
    AttemptFinished, AttemptStarted, Conflict, EmailTab, IncidentView, RunView, Save, SaveAnswer,
    SettingsSaved, TestAnswer, TokenView,
};
