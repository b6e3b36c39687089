//! The product's mark and the icons of the navigation, as inline SVG, and the favicon.

use contract::paths;
use labels::frame;
use leptos::prelude::*;

/// The favicon: the mark on the accent colour.
pub const FAVICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%231857b6'/%3E%3Cpath d='M7 10h18v13H7zm0 1 9 7 9-7' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

/// The outline of an envelope.
const ENVELOPE: &str = "M3 6h18v12H3zM3 7l9 7 9-7";

/// The product's name with its mark.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <span class="brand">
            <span class="brand-mark" aria-hidden="true">{icon(ENVELOPE)}</span>
            <strong>{frame::PRODUCT}</strong>
        </span>
    }
}

/// The icon of a page in the navigation.
pub fn page_icon(path: &str) -> impl IntoView + use<> {
    icon(match path {
        paths::HISTORY => "m4 12 16-8-6 16-3-7z",
        paths::HEALTH => "M3 12h4l3-7 4 14 3-7h4",
        paths::APPLICATIONS => "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
        paths::AUDIT => "M6 3h9l4 4v14H6zM9 12h7M9 16h7",
        paths::TIME => "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18M12 7v5l3 2",
        paths::ACCOUNT => "M12 4a4 4 0 1 0 0 8 4 4 0 1 0 0-8M5 20c0-4 3-6 7-6s7 2 7 6",
        paths::HELP => {
            "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18M9.5 9.5a2.5 2.5 0 1 1 2.5 3v1.5M12 17v.5"
        }
        _ => ENVELOPE,
    })
}

fn icon(outline: &'static str) -> impl IntoView {
    view! {
        <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true">
            <path d=outline></path>
        </svg>
    }
}
