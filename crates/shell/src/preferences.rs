//! `/preferences/time`: the user's date and time preferences.

use contract::pages::{TimeAttempt, TimeProblem, TimeSettings};
use contract::paths;
use domain::time_format::{ClockStyle, DatePattern, TimeDisplay, TimePreference, offset_name};
use labels::preferences;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::frame::{Frame, fetched};
use crate::parts;

#[component]
pub fn TimePage() -> impl IntoView {
    let attempt = use_context::<TimeAttempt>();
    let is_saved = use_query_map().with_untracked(|query| query.get("saved").is_some());
    let show = move |settings| form(settings, attempt.clone(), is_saved);
    let part = fetched(|shell, who| async move { shell.time_settings(&who).await }, show);
    view! {
        <Frame title=preferences::TITLE lead=preferences::LEAD>{part}</Frame>
    }
}

fn form(
    TimeSettings { display, is_the_hosts, now, zones }: TimeSettings,
    attempt: Option<TimeAttempt>,
    is_saved: bool,
) -> AnyView {
    let as_saved = display.written(now);
    if is_the_hosts {
        let (before, after) = preferences::IT_IS_NOW;
        return view! {
            <section class="notice" role="note">
                <p>{labels::THE_HOSTS_TIMES}</p>
                <p>{before} {as_saved} {after}</p>
            </section>
        }
        .into_any();
    }
    let chosen = match &attempt {
        Some(attempt) => attempt.preference.clone(),
        None => display.preference.clone(),
    };
    let example = |preference: TimePreference| {
        TimeDisplay { preference, offsets: display.offsets.clone() }.written(now)
    };
    let patterns = DatePattern::ALL.map(|pattern| {
        let example = example(TimePreference { pattern, ..chosen.clone() });
        let date = example.split(' ').next().unwrap_or_default().to_owned();
        let name = pattern.wire_name();
        view! { <Radio group="pattern" name=name value=name is_on=pattern == chosen.pattern example=date/> }
    });
    let clocks = ClockStyle::ALL.map(|clock| {
        let example = example(TimePreference { clock, ..chosen.clone() });
        let time = example.split(' ').skip(1).take_while(|part| !part.starts_with("UTC"));
        let name = preferences::clock(clock);
        let example = time.collect::<Vec<_>>().join(" ");
        view! { <Radio group="clock" name=name value=clock.wire_name() is_on=clock == chosen.clock example/> }
    });
    let zones = zones
        .into_iter()
        .map(|(name, minutes)| view! { <option value=name>{offset_name(minutes)}</option> });
    let problem = attempt.map(|attempt| attempt.problem);
    let notice = match &problem {
        Some(TimeProblem::ServerFailed) => {
            Some(("notice bad", "alert", labels::TIMES_NOT_SAVED.to_owned()))
        }
        _ if is_saved => Some(("notice good", "status", preferences::saved(&as_saved))),
        _ => None,
    };
    let notice = notice.map(|(class, role, words)| parts::notice(class, role, words));
    let error = match problem {
        Some(TimeProblem::Zone(zones)) if zones.is_empty() => Some(preferences::NO_ZONE.to_owned()),
        Some(TimeProblem::Zone(zones)) => Some(preferences::several_zones(&zones)),
        Some(TimeProblem::ServerFailed) | None => None,
    };
    let error = error.map(|words| view! { <span class="error">{words}</span> });
    let is_invalid = error.is_some();
    view! {
        {notice}
        <form method="post" action=paths::TIME class="plain-form">
            <fieldset class="group">
                <legend>{preferences::DATE_FORMAT}</legend>
                <div class="body choices">{patterns.collect_view()}</div>
            </fieldset>
            <fieldset class="group">
                <legend>{preferences::CLOCK}</legend>
                <div class="body choices">{clocks.collect_view()}</div>
            </fieldset>
            <fieldset class="group">
                <legend>{preferences::TIME_ZONE}</legend>
                <div class="body">
                    <div class="field wide" class:invalid=is_invalid>
                        <label for="zone">{preferences::TIME_ZONE}</label>
                        <input
                            id="zone"
                            name="zone"
                            list="zones"
                            value=chosen.zone
                            autocomplete="off"
                            spellcheck="false"
                            aria-describedby="zone-help zone-error"
                            aria-invalid=is_invalid.then_some("true")
                            autofocus=is_invalid
                        />
                        <button type="button" id="browsers-zone" hidden>{preferences::USE_BROWSERS_ZONE}</button>
                        <datalist id="zones">{zones.collect_view()}</datalist>
                        <div class="about">
                            <span class="help" id="zone-help">{preferences::TIME_ZONE_HELP}</span>
                            <span id="zone-error" role="alert">{error}</span>
                        </div>
                    </div>
                </div>
            </fieldset>
            <p class="hint">{preferences::SHOWN_AS} {as_saved}</p>
            <div class="actions"><button type="submit" class="primary">{preferences::SAVE}</button></div>
        </form>
        {offer_browsers_zone()}
    }
    .into_any()
}

/// A script that offers the browser's own time zone. Without it, the page works as before.
fn offer_browsers_zone() -> impl IntoView {
    view! {
        <script nonce=use_nonce()>
            "{
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const button = document.getElementById('browsers-zone');
if (zone) {
  button.append(` (${zone})`);
  button.hidden = false;
  button.addEventListener('click', () => { document.getElementById('zone').value = zone; });
}
}"
        </script>
    }
}

/// A radio button with an example.
#[component]
fn Radio(
    group: &'static str,
    name: &'static str,
    value: &'static str,
    is_on: bool,
    example: String,
) -> impl IntoView {
    let id = format!("{group}-{value}").replace('/', "-");
    let about = format!("{id}-about");
    view! {
        <span class="check">
            <input
                type="radio"
                id=id.clone()
                name=group
                value=value
                checked=is_on
                aria-describedby=about.clone()
            />
            <label for=id>{name}</label>
            <span class="hint" id=about>{example}</span>
        </span>
    }
}
