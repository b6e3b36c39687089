//! Spots of a view that follow the form. A closure in a `view!` has a type of its own, and the
//! machinery around it is compiled once more for each; these have one of three types,
//! which keeps the browser bundle small.

use leptos::prelude::*;

/// A value that follows what it reads.
pub fn live<T: Send + Sync + 'static>(read: impl Fn() -> T + Send + Sync + 'static) -> Signal<T> {
    Signal::derive(read)
}

/// Text that follows what it reads.
pub fn live_text<T: Into<String>>(read: impl Fn() -> T + Send + Sync + 'static) -> Signal<String> {
    live(move || read().into())
}

/// An attribute that is there only at times.
pub fn live_attribute(
    read: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
) -> Signal<Option<String>> {
    live(move || read().map(str::to_owned))
}

/// A piece of a page that is made again whenever what it reads has changed.
pub type LiveView = Box<dyn FnMut() -> AnyView + Send>;

/// A piece of a page that follows what it reads.
pub fn live_view(make: impl FnMut() -> AnyView + Send + 'static) -> LiveView {
    Box::new(make)
}

/// A piece of a page that is there only at times.
pub fn live_option<V: IntoView + 'static>(
    mut make: impl FnMut() -> Option<V> + Send + 'static,
) -> LiveView {
    Box::new(move || make().map_or_else(|| ().into_any(), IntoAny::into_any))
}
