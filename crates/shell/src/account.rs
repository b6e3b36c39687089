//! `/account`: the user's password and sessions, and for administrators the sessions of other users.

use domain::time_format::TimeDisplay;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::frame::{Frame, fetched};
use contract::pages::{AccountProblem, MyAccount, SessionRow};
use contract::paths;

/// The completed action, from the page's query parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CompletedAction {
    PasswordChanged,
    SessionsEnded(usize),
}

/// The page My account.
#[component]
pub fn AccountPage() -> impl IntoView {
    let problem = use_context::<AccountProblem>();
    let done = use_query_map().with_untracked(|query| match query.get("ended") {
        Some(count) => count.parse().ok().map(CompletedAction::SessionsEnded),
        None => (query.get("password")? == "changed").then_some(CompletedAction::PasswordChanged),
    });
    let show = move |account| content(account, problem, done);
    view! {
        <Frame title="My account" lead="Your password, and where you are signed in.">
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
    let notice = notice.map(|(class, role, words)| {
        view! { <section class=class role=role><p>{words}</p></section> }
    });
    let has_more = mine.iter().any(|session| !session.is_this);
    let end_mine = has_more.then(|| view! { <EndAll whose="mine" name="End all other sessions"/> });
    let mine = if mine.is_empty() {
        view! { <p class="hint">{labels::NO_SESSION_HERE}</p> }.into_any()
    } else {
        table("Your sessions", mine, &display, false)
    };
    let others = others.map(|others| {
        let end_others = (!others.is_empty())
            .then(|| view! { <EndAll whose="others" name="End all of these"/> });
        let others = if others.is_empty() {
            view! { <p class="hint">"No one else has a session."</p> }.into_any()
        } else {
            table("Sessions of other people", others, &display, true)
        };
        view! {
            <section class="part" aria-labelledby="others">
                <h2 id="others">"Sessions of other people"</h2>
                {others}
                {end_others}
            </section>
        }
    });
    view! {
        {notice}
        {has_password.then(password_form)}
        <section class="part" aria-labelledby="mine">
            <h2 id="mine">"Your sessions"</h2>
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
                <legend>"Change password"</legend>
                <div class="body">
                    <Password name="current" label="Current password" autocomplete="current-password"/>
                    <Password
                        name="password"
                        label="New password"
                        autocomplete="new-password"
                        help=labels::NEW_PASSWORD
                    />
                    <Password name="again" label="Confirm new password" autocomplete="new-password"/>
                    <p class="hint">{labels::PASSWORD_ENDS_SESSIONS}</p>
                    <div class="actions">
                        <button type="submit" class="primary">"Change password"</button>
                    </div>
                </div>
            </fieldset>
        </form>
    }
    .into_any()
}

#[component]
fn Password(
    name: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    #[prop(optional)] help: Option<&'static str>,
) -> impl IntoView {
    let about = format!("{name}-help");
    view! {
        <div class="field wide">
            <label for=name>{label}</label>
            <input
                id=name
                name=name
                type="password"
                autocomplete=autocomplete
                required
                aria-describedby=help.map(|_| about.clone())
            />
            {help.map(|help| view! { <span class="help" id=about>{help}</span> })}
        </div>
    }
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
                    {session.name.clone()} <span class="hint">{session.email.clone()}</span>
                    {session.issuer.clone().map(|issuer| view! { <span class="hint">{issuer}</span> })}
                </td>
            }
        });
        let end = if session.is_this {
            view! { <span>"This session"</span> }.into_any()
        } else {
            let name = format!("End the session of {}, signed in {began}", session.name);
            view! {
                <form method="post" action=paths::ACCOUNT_SESSIONS>
                    <input type="hidden" name="session" value=session.id/>
                    <button type="submit" aria-label=name>"End"</button>
                </form>
            }
            .into_any()
        };
        view! {
            <tr>
                {who}
                <td data-label="Signed in">
                    {began.clone()} <span class="hint">"Session " {session_id}</span>
                </td>
                <td data-label="From">{session.address.unwrap_or_else(|| "Unknown".to_owned())}</td>
                <td data-label="Last seen">{seen}</td>
                <td>{end}</td>
            </tr>
        }
    });
    view! {
        <table class="trail">
            <caption class="unseen">{caption}</caption>
            <thead>
                <tr>
                    {has_people.then(|| view! { <th scope="col">"Person"</th> })}
                    <th scope="col">"Signed in"</th>
                    <th scope="col">"From"</th>
                    <th scope="col">"Last seen"</th>
                    <th scope="col"><span class="unseen">"End"</span></th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
    .into_any()
}

/// A button that ends all sessions of a list except the session of this request.
#[component]
fn EndAll(whose: &'static str, name: &'static str) -> impl IntoView {
    view! {
        <form method="post" action=paths::ACCOUNT_SESSIONS class="actions">
            <input type="hidden" name="all" value=whose/>
            <button type="submit">{name}</button>
        </form>
    }
}
