//! The entry points of the browser bundle: it hydrates the tab of a server-rendered page, or mounts
//! the tab in a custom element. Only our own bundle exports them; a Leptos host has its own.

use std::any::Any;
#[cfg(feature = "bundle")]
use std::time::Duration;

use leptos::{mount::mount_to, prelude::*};
#[cfg(feature = "bundle")]
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

use crate::EmailSettingsPage;
use crate::host::{CustomElement, HostScript, TabHost};

/// Hydrates the server-rendered tab. The page around it has no script.
#[cfg(feature = "bundle")]
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    if let Some(tab) = document().get_element_by_id(crate::TAB) {
        // In a separate task, after the one that compiled this code.
        set_timeout(
            || leptos::mount::hydrate_from(tab.unchecked_into(), EmailSettingsPage).forget(),
            Duration::ZERO,
        );
    }
}

/// A mounted tab. `free()` unmounts it.
#[cfg_attr(feature = "bundle", wasm_bindgen)]
pub struct Mounted {
    _handle: Box<dyn Any>,
}

/// Mounts the tab in a container of a shadow root.
#[cfg_attr(feature = "bundle", wasm_bindgen)]
pub fn mount(container: HtmlElement, script: HostScript) -> Mounted {
    #[cfg(feature = "bundle")]
    console_error_panic_hook::set_once();
    let handle = mount_to(container.clone(), move || {
        provide_context(TabHost::from(CustomElement::new(container, script)));
        EmailSettingsPage()
    });
    Mounted { _handle: Box::new(handle) }
}
