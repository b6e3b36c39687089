//! Use TLS and what depends on it, with the connection security that results.

use domain::draft::{Smtp, TlsMode, bool_text};
use domain::{Draft, Field, Section, settings::Security, syntax::port};
use leptos::prelude::*;

use super::Folded;
use crate::view::reactive::{live, live_option, live_text, live_view};
use crate::{first::field::Control, model::form::FormState};

/// Use TLS with its mode while it is on, and a note on the resulting encryption.
#[component]
pub fn Encryption(state: FormState, use_tls: Field, mode: Field) -> impl IntoView {
    let port = if use_tls == Field::BasicUseTls { Field::BasicPort } else { Field::OauthPort };
    let is_on = is_on(state, use_tls);
    let note = live_text(move || {
        let follows = [use_tls, mode, port];
        labels::encryption(state.with_draft(&follows, |draft| security(smtp(draft, use_tls))))
    });
    let warning = live_text(move || {
        state.with_draft(&[use_tls, Field::Username], |draft| {
            let is_clear = use_tls == Field::BasicUseTls && !draft.basic.use_tls;
            let is_readable = is_clear && !draft.sign_in.username.is_empty();
            if is_readable { labels::CLEAR_SIGN_IN } else { "" }
        })
    });
    let is_conflicting = state.is_conflicting(mode);
    let mode = live_view(move || {
        if is_on.get() || is_conflicting.get() {
            view! { <Control state field=mode/> }.into_any()
        } else {
            // Keeps the grid cell.
            view! { <div class="field"></div> }.into_any()
        }
    });
    view! {
        <Control state field=use_tls note warning/>
        {mode}
    }
}

/// The trusted CA certificate, folded, while TLS is on.
#[component]
pub fn TrustedCa(state: FormState, use_tls: Field, ca: Field) -> impl IntoView {
    let is_on = is_on(state, use_tls);
    let (is_conflicting, problem) = (state.is_conflicting(ca), state.problem(ca));
    live_option(move || {
        let is_shown = is_on.get() || is_conflicting.get() || problem.get().is_some();
        is_shown.then(|| {
            view! { <Folded state field=ca name=labels::field(ca) mark=labels::tab::TRUSTED_CA_FOR/> }
        })
    })
}

fn is_on(state: FormState, use_tls: Field) -> Signal<bool> {
    let switch = state.text(use_tls);
    live(move || switch.with(|text| text == bool_text(true)))
}

/// The connection security that results; `None` if it depends on the port and that is invalid.
fn security(smtp: &Smtp) -> Option<Security> {
    let port = port::port(&smtp.port.0).ok();
    let depends_on_port = smtp.use_tls && smtp.tls_mode == TlsMode::Automatic;
    match port {
        None if depends_on_port => None,
        port => Some(Security::of(smtp.use_tls, smtp.tls_mode, port.unwrap_or_default())),
    }
}

/// The SMTP group that a field belongs to.
fn smtp(draft: &Draft, field: Field) -> &Smtp {
    if field.section() == Section::OauthSmtp { &draft.oauth } else { &draft.basic }
}
