//! `/sign-in`: an HTML form that works without script.

use contract::{RequestContext, SignInRefusal, pages::SetUp, paths};
use labels::sign_in;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::brand::Brand;
use crate::parts::{TextField, heading, notice};
use crate::{local_path, with_destination};

#[component]
pub fn SignInPage() -> impl IntoView {
    let (code, to) =
        use_query_map().with_untracked(|query| (query.get("refused"), query.get("to")));
    let to = to.as_deref().and_then(local_path);
    let refusal = code.as_deref().and_then(SignInRefusal::from_code);
    let context = use_context::<RequestContext>();
    let options = context.as_ref().map(|context| context.sign_in.clone());
    let shell = context
        .map(|context| context.shell)
        .filter(|_| !refusal.is_some_and(SignInRefusal::ends_by_waiting));
    let refusal =
        refusal.map(|refusal| notice("notice bad", "alert", labels::sign_in_refusal(refusal)));
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
    let form = by_password.then(|| form(to));
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
fn form(to: Option<&str>) -> impl IntoView + use<> {
    let to = to.map(|to| view! { <input type="hidden" name="to" value=to.to_owned()/> });
    view! {
        <form method="post" action=paths::SIGN_IN>
            {to}
            <TextField
                name="email"
                label=sign_in::EMAIL
                kind="email"
                autocomplete="username"
                autofocus=true
            />
            <TextField
                name="password"
                label=sign_in::PASSWORD
                kind="password"
                autocomplete="current-password"
            />
            <button type="submit" class="primary">{sign_in::TITLE}</button>
        </form>
    }
}
