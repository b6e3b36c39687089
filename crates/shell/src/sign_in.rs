//! `/sign-in`: an HTML form that works without script.

use contract::{RequestContext, SignInRefusal, pages::SetUp, paths};
use labels::sign_in;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{local_path, with_destination};

/// The sign-in page.
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
    let refusal = refusal.map(|refusal| {
        view! {
            <section class="notice bad" role="alert">
                <p>{labels::sign_in_refusal(refusal)}</p>
            </section>
        }
    });
    let hint = move || {
        let shell = shell.clone();
        Suspend::new(async move {
            let Some(shell) = shell else { return ().into_any() };
            match shell.set_up("").await {
                Ok(SetUp::LinkOver | SetUp::Open) => view! {
                    <section class="notice" role="status">
                        <p>{sign_in::NO_ACCOUNT}</p>
                    </section>
                }
                .into_any(),
                Ok(SetUp::NotOffered | SetUp::Done) | Err(_) => ().into_any(),
            }
        })
    };
    let by_provider = options.as_ref().and_then(|options| options.by_provider.clone());
    let by_password = options.is_none_or(|options| options.by_password);
    let external_hint = (!by_password && by_provider.is_none()).then(|| {
        view! {
            <section class="notice" role="note">
                <p>{labels::SIGN_IN_ELSEWHERE}</p>
            </section>
        }
    });
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
            <h1>{sign_in::TITLE}</h1>
            <p class="lead">{labels::frame::PRODUCT}</p>
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
            <div class="field">
                <label for="email">{sign_in::EMAIL}</label>
                <input id="email" name="email" type="email" autocomplete="username" required autofocus/>
            </div>
            <div class="field">
                <label for="password">{sign_in::PASSWORD}</label>
                <input
                    id="password"
                    name="password"
                    type="password"
                    autocomplete="current-password"
                    required
                />
            </div>
            <button type="submit" class="primary">{sign_in::TITLE}</button>
        </form>
    }
}
