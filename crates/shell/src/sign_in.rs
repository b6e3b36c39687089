//! `/sign-in`: an HTML form that works without script.

use contract::{RequestContext, SignInAttempt, SignInRefusal, pages::SetUp, paths};
use labels::sign_in;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::brand::Brand;
use crate::parts::{TextField, heading, notice};
use crate::{local_path, with_destination};

/// The ID of the message of a refused sign-in.
const REFUSED: &str = "refused";

#[component]
pub fn SignInPage() -> impl IntoView {
    let (code, to) =
        use_query_map().with_untracked(|query| (query.get("refused"), query.get("to")));
    let to = to.as_deref().and_then(local_path);
    let attempt = use_context::<SignInAttempt>();
    let refusal = match &attempt {
        Some(attempt) => Some(attempt.refusal),
        None => code.as_deref().and_then(SignInRefusal::from_code),
    };
    let context = use_context::<RequestContext>();
    let options = context.as_ref().map(|context| context.sign_in.clone());
    // The response to a refused attempt costs no query.
    let shell = context.map(|context| context.shell).filter(|_| attempt.is_none());
    let refusal = refusal.map(|refusal| {
        let words = labels::sign_in_refusal(refusal);
        view! { <section id=REFUSED class="notice bad" role="alert"><p>{words}</p></section> }
    });
    let hint = move || {
        let shell = shell.clone();
        Suspend::new(async move {
            let Some(shell) = shell else { return ().into_any() };
            match shell.set_up("").await {
                Ok(SetUp::LinkOver | SetUp::Open) => {
                    notice("notice", "status", sign_in::NO_ACCOUNT)
                }
                Ok(SetUp::NotOffered | SetUp::Done) | Err(_) => ().into_any(),
            }
        })
    };
    let by_provider = options.as_ref().and_then(|options| options.by_provider.clone());
    let by_password = options.is_none_or(|options| options.by_password);
    let external_hint = (!by_password && by_provider.is_none())
        .then(|| notice("notice", "note", labels::EXTERNAL_SIGN_IN));
    let provider = by_provider.map(|name| {
        view! {
            <p class="foreign">
                <a class="button" href=with_destination(paths::OIDC_START, to) rel="external">
                    {sign_in::sign_in_with(&name)}
                </a>
            </p>
        }
    });
    let form = by_password.then(|| form(to, attempt));
    view! {
        <Title text=sign_in::TITLE/>
        <main class="door">
            <Brand/>
            {heading(sign_in::TITLE, labels::frame::PRODUCT)}
            <Suspense>{hint}</Suspense>
            {refusal}
            {provider}
            {external_hint}
            {form}
        </main>
    }
}

/// The email and password form for local accounts.
fn form(to: Option<&str>, attempt: Option<SignInAttempt>) -> impl IntoView + use<> {
    let is_wrong = |attempt: &SignInAttempt| attempt.refusal == SignInRefusal::WrongCredentials;
    let error = attempt.as_ref().filter(|attempt| is_wrong(attempt)).map(|_| REFUSED);
    let email = attempt.map(|attempt| attempt.email).unwrap_or_default();
    let is_kept = !email.is_empty();
    let to = to.map(|to| view! { <input type="hidden" name="to" value=to.to_owned()/> });
    view! {
        <form method="post" action=paths::SIGN_IN>
            {to}
            <TextField
                name="email"
                label=sign_in::EMAIL
                kind="email"
                value=email
                autocomplete="username"
                autofocus=!is_kept
            />
            <TextField
                name="password"
                label=sign_in::PASSWORD
                kind="password"
                autocomplete="current-password"
                autofocus=is_kept
                error
            />
            <button type="submit" class="primary">{sign_in::TITLE}</button>
        </form>
    }
}
