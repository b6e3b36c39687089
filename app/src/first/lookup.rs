//! The live region of a lookup's result, whose view is in the deferred chunk.

use leptos::prelude::*;

use crate::deferred::door::{DeferredView, deferred};
use crate::model::lookup::Lookup;
use crate::view::lookup::lookup_region;

pub fn lookup_result(lookup: Lookup) -> AnyView {
    lookup_region(lookup, deferred(lookup.form(), DeferredView::Findings(lookup)).into_any())
}
