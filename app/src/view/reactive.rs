//! Reactive values and views with few types. Each closure in a `view!` has its own type, for which
//! Leptos's generic code is compiled again; these erase it, which keeps the Wasm bundle small.

use leptos::prelude::*;

/// A derived signal.
pub fn live<T: Send + Sync + 'static>(read: impl Fn() -> T + Send + Sync + 'static) -> Signal<T> {
    Signal::derive(read)
}

/// A derived text signal.
pub fn live_text<T: Into<String>>(read: impl Fn() -> T + Send + Sync + 'static) -> Signal<String> {
    live(move || read().into())
}

/// An optional reactive attribute.
pub fn live_attribute(
    read: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
) -> Signal<Option<String>> {
    live(move || read().map(str::to_owned))
}

/// A view that is rebuilt when a signal that it reads changes.
pub type LiveView = Box<dyn FnMut() -> AnyView + Send>;

/// A boxed reactive view.
pub fn live_view(make: impl FnMut() -> AnyView + Send + 'static) -> LiveView {
    Box::new(make)
}

/// A reactive view that renders nothing for `None`.
pub fn live_option<V: IntoView + 'static>(
    mut make: impl FnMut() -> Option<V> + Send + 'static,
) -> LiveView {
    Box::new(move || make().map_or_else(|| ().into_any(), IntoAny::into_any))
}
