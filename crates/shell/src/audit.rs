//! `/audit`: the audit trail, filtered by user and day.

use chrono::NaiveDate;
use contract::pages::{AuditPage as Page, AuditQuery, AuditRow};
use contract::{SharedShell, paths};
use labels::audit;
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::frame::{Frame, fetched};
use crate::parts::table;

#[component]
pub fn AuditPage() -> impl IntoView {
    let filter = use_query_map().with_untracked(parse_filter);
    let shown = filter.clone();
    let fetch = move |shell: SharedShell, who| {
        let filter = filter.clone();
        async move { shell.audit(&who, &filter).await }
    };
    let part = fetched(fetch, move |page| trail(&shown, page));
    view! {
        <Frame title=audit::TITLE lead=audit::LEAD>{part}</Frame>
    }
}

/// Parses the query parameters; malformed ones are ignored.
fn parse_filter(query: &ParamsMap) -> AuditQuery {
    let given = |name| query.get(name).filter(|value| !value.is_empty());
    AuditQuery {
        person: given("person"),
        day: given("day").and_then(|day| day.parse().ok()),
        before: given("before").and_then(|before| before.parse().ok()),
    }
}

fn trail(filter: &AuditQuery, page: Page) -> AnyView {
    let Page { rows, older, people, display, kept_days } = page;
    let day = filter.day.map(|day| day.to_string()).unwrap_or_default();
    let chosen = filter.person.clone().unwrap_or_default();
    let people = people.into_iter().map(|email| {
        let selected = email == chosen;
        view! { <option value=email.clone() selected=selected>{email.clone()}</option> }
    });
    let is_filtered = *filter != AuditQuery::default();
    let older = older.map(|before| {
        view! { <a class="button" href=address(filter, before)>{audit::OLDER}</a> }
    });
    let newest =
        is_filtered.then(|| view! { <a class="button" href=paths::AUDIT>{audit::SHOW_ALL}</a> });
    let list = if rows.is_empty() {
        view! { <p class="notice">{audit::NO_MATCH}</p> }.into_any()
    } else {
        let rows = rows.into_iter().map(|row| {
            let at = display.written_with_seconds(row.at);
            view! { <Row at row/> }.into_any()
        });
        table(
            audit::NEWEST_FIRST,
            [audit::WHEN, audit::WHO, audit::WHAT].map(IntoAny::into_any),
            rows,
        )
    };
    view! {
        <form class="filter" method="get" action=paths::AUDIT>
            <div class="field">
                <label for="person">{audit::PERSON}</label>
                <select id="person" name="person">
                    <option value="">{audit::EVERYONE}</option>
                    {people.collect_view()}
                </select>
            </div>
            <div class="field">
                <label for="day">{audit::DAY}</label>
                <input id="day" name="day" type="date" value=day/>
            </div>
            <button type="submit">{audit::SHOW}</button>
            {newest}
        </form>
        {list}
        <div class="actions">{older}</div>
        <p class="hint">{labels::audit_retention(kept_days)}</p>
    }
    .into_any()
}

/// Returns the address of the entries before a row, with the same filter.
fn address(filter: &AuditQuery, before: i64) -> String {
    let mut query = ParamsMap::new();
    if let Some(person) = &filter.person {
        query.insert("person", person.clone());
    }
    if let Some(day) = filter.day.as_ref().map(NaiveDate::to_string) {
        query.insert("day", day);
    }
    query.insert("before", before.to_string());
    format!("{}{}", paths::AUDIT, query.to_query_string())
}

/// One entry: a line, which opens to its full text and the recorded origin.
#[component]
fn Row(at: String, row: AuditRow) -> impl IntoView {
    let action = labels::action(row.action, !row.fields.is_empty());
    let fields = (!row.fields.is_empty()).then(|| labels::fields(&row.fields));
    let origin = labels::origin(&row);
    let details = [labels::times(row.count), fields, row.detail].into_iter().flatten();
    let details = details.map(|words| view! { " " <span class="hint">{words}</span> });
    let line = view! { {action} {details.collect_view()} };
    let what = match origin {
        Some(origin) => view! {
            <details><summary>{line}</summary><span class="hint">{origin}</span></details>
        }
        .into_any(),
        None => line.into_any(),
    };
    view! {
        <tr>
            <td class="when">{at}</td>
            <td class="who">
                {labels::actor(&row.name).to_owned()} " " <span class="hint">{row.email}</span>
            </td>
            <td class="what">{what}</td>
        </tr>
    }
}
