//! `/account`: the user's password and sessions, and for administrators the sessions of other users.

use contract::pages::{AccountProblem, MyAccount, SessionRow};
use contract::paths;
use domain::time_format::TimeDisplay;
use labels::account;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::frame::{Frame, fetched};
use crate::parts::{self, TextField};

/// The completed action, from the page's query parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CompletedAction {
    PasswordChanged,
    SessionsEnded(usize),
}

#[component]
pub fn AccountPage() -> impl IntoView {
    let problem = use_context::<AccountProblem>();
    let done = use_query_map().with_untracked(|query| match query.get("ended") {
        Some(count) => count.parse().ok().map(CompletedAction::SessionsEnded),
        None => (query.get("password")? == "changed").then_some(CompletedAction::PasswordChanged),
    });
    let show = move |found| content(found, problem, done);
    view! {
        <Frame title=account::TITLE lead=account::LEAD>
            {fetched(|shell, who| async move { shell.account(&who).await }, show)}
        </Frame>
    }
}

fn content(
    MyAccount { has_password, mine, others, display }: MyAccount,
    problem: Option<AccountProblem>,
    done: Option<CompletedAction>,
) -> AnyView {
    let notice = match (problem, done) {
        (Some(problem), _) => Some(("notice bad", "alert", labels::account_problem(problem))),
        (None, Some(CompletedAction::PasswordChanged)) => {
            Some(("notice good", "status", labels::PASSWORD_CHANGED.to_owned()))
        }
        (None, Some(CompletedAction::SessionsEnded(count))) => {
            Some(("notice good", "status", labels::sessions_ended(count)))
        }
        (None, None) => None,
    };
    let notice = notice.map(|(class, role, words)| parts::notice(class, role, words));
    let has_more = mine.iter().any(|session| !session.is_this);
    let end_mine = has_more.then(|| view! { <EndAll whose="mine" label=account::END_MY_OTHERS/> });
    let mine = if mine.is_empty() {
        view! { <p class="hint">{labels::NO_SESSION_HERE}</p> }.into_any()
    } else {
        table(account::YOUR_SESSIONS, mine, &display, false)
    };
    let others = others.map(|others| {
        let end_others = (!others.is_empty())
            .then(|| view! { <EndAll whose="others" label=account::END_ALL_OF_THESE/> });
        let others = if others.is_empty() {
            view! { <p class="hint">{account::NO_OTHER_SESSION}</p> }.into_any()
        } else {
            table(account::OTHER_PEOPLES_SESSIONS, others, &display, true)
        };
        view! {
            <section class="part" aria-labelledby="others">
                <h2 id="others">{account::OTHER_PEOPLES_SESSIONS}</h2>
                {others}
                {end_others}
            </section>
        }
    });
    view! {
        {notice}
        {has_password.then(password_form)}
        <section class="part" aria-labelledby="mine">
            <h2 id="mine">{account::YOUR_SESSIONS}</h2>
            {mine}
            {end_mine}
        </section>
        {others}
    }
    .into_any()
}

fn password_form() -> AnyView {
    view! {
        <form method="post" action=paths::ACCOUNT_PASSWORD class="plain-form">
            <fieldset class="group">
                <legend>{account::CHANGE_PASSWORD}</legend>
                <div class="body">
                    <TextField
                        name="current"
                        label=account::CURRENT_PASSWORD
                        kind="password"
                        class="field wide"
                        autocomplete="current-password"
                    />
                    <TextField
                        name="password"
                        label=account::NEW_PASSWORD
                        kind="password"
                        class="field wide"
                        autocomplete="new-password"
                        help=labels::NEW_PASSWORD
                    />
                    <TextField
                        name="again"
                        label=account::CONFIRM_NEW_PASSWORD
                        kind="password"
                        class="field wide"
                        autocomplete="new-password"
                    />
                    <p class="hint">{labels::PASSWORD_ENDS_SESSIONS}</p>
                    <div class="actions">
                        <button type="submit" class="primary">{account::CHANGE_PASSWORD}</button>
                    </div>
                </div>
            </fieldset>
        </form>
    }
    .into_any()
}

fn table(
    caption: &'static str,
    sessions: Vec<SessionRow>,
    display: &TimeDisplay,
    has_people: bool,
) -> AnyView {
    let rows = sessions.into_iter().map(|session| {
        let session_id = session.id.clone();
        let (began, seen) = (display.written(session.began_at), display.written(session.seen_at));
        let who = has_people.then(|| {
            view! {
                <td>
                    {session.name.clone()} " " <span class="hint">{session.email.clone()}</span>
                    {session.issuer.clone().map(|issuer| view! { " " <span class="hint">{issuer}</span> })}
                </td>
            }
        });
        let end = if session.is_this {
            view! { <span>{account::THIS_SESSION}</span> }.into_any()
        } else {
            let name = account::end_session_of(&session.name, &began);
            view! {
                <form method="post" action=paths::ACCOUNT_SESSIONS>
                    <input type="hidden" name="session" value=session.id/>
                    <button type="submit" aria-label=name>{account::END}</button>
                </form>
            }
            .into_any()
        };
        view! {
            <tr>
                {who}
                <td data-label=account::SIGNED_IN>
                    {began.clone()} " " <span class="hint">{account::SESSION} {session_id}</span>
                </td>
                <td data-label=account::FROM>{session.address.unwrap_or_else(|| account::UNKNOWN.to_owned())}</td>
                <td data-label=account::LAST_SEEN>{seen}</td>
                <td>{end}</td>
            </tr>
        }
        .into_any()
    });
    let person = has_people.then(|| account::PERSON.into_any());
    let others = [account::SIGNED_IN, account::FROM, account::LAST_SEEN].map(IntoAny::into_any);
    let end = view! { <span class="unseen">{account::END}</span> }.into_any();
    parts::table(caption, person.into_iter().chain(others).chain([end]), rows)
}

/// A button that ends all sessions of a list except the session of this request.
#[component]
fn EndAll(whose: &'static str, label: &'static str) -> impl IntoView {
    view! {
        <form method="post" action=paths::ACCOUNT_SESSIONS class="actions">
            <input type="hidden" name="all" value=whose/>
            <button type="submit">{label}</button>
        </form>
    }
}
