//! Parts of the page that the server keeps after it has rendered them: most views show what the view
//! before showed.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use leptos::prelude::*;

/// The HTML of a part, and everything that it shows.
struct Rendered {
    shown: Arc<str>,
    html: Arc<str>,
}

/// By part, as it was rendered last.
static RENDERED: LazyLock<Mutex<HashMap<&'static str, Rendered>>> = LazyLock::new(Mutex::default);

/// A part that shows `shown` and nothing else: as it was rendered before, or rendered now. What is kept is
/// what tachys has rendered, with its text escaped.
pub fn rendered(name: &'static str, shown: Arc<str>, children: Children) -> AnyView {
    let html = html(name, shown, || children().to_html());
    view! { <div class="paced" inner_html=html></div> }.into_any()
}

fn html(name: &'static str, shown: Arc<str>, render: impl FnOnce() -> String) -> Arc<str> {
    let kept = || RENDERED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = kept().get(name).filter(|before| before.shown == shown) {
        return before.html.clone();
    }
    let html: Arc<str> = render().into();
    kept().insert(name, Rendered { shown, html: html.clone() });
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_rendered_again_only_when_it_shows_something_else() {
        let render = |shown: &str, html: &str| {
            super::html("one of a test", shown.into(), || html.to_owned()).to_string()
        };
        assert_eq!(render("1", "first"), "first");
        assert_eq!(render("1", "not rendered"), "first");
        assert_eq!(render("2", "second"), "second");
        assert_eq!(render("1", "first again"), "first again");
    }

    #[test]
    fn text_in_a_part_that_is_kept_is_no_markup() {
        let text = "<b id=canary>";
        let part = || {
            let children = move || view! { <p title=text>{text}</p> }.into_any();
            rendered("the other of a test", "".into(), Box::new(children)).to_html()
        };
        let escaped = "&lt;b id=canary&gt;";
        let expected =
            format!("<div class=\"paced\"><p title=\"{escaped}\">{escaped}<!></p></div>");
        assert_eq!(part(), expected);
        assert_eq!(part(), expected);
    }
}
