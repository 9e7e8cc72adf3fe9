//! The report as one self-contained HTML file: no script, nothing loaded from elsewhere, light and dark, fit to print.

use kluis_model::Lang;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment};

use super::view;
use crate::finding::Report;

/// The style sheet inside the file, exactly the content of its `<style>` element, for a policy with its hash.
pub const STYLE: &str = include_str!("report.css");
const TEMPLATE: &str = include_str!("report.html");

/// The report as one self-contained HTML file.
#[must_use]
pub fn html(report: &Report, lang: Lang) -> String {
    render(report, lang).unwrap_or_else(|error| {
        // Only a mistake in the template gets here, and a test renders it; say so rather than show nothing.
        let line = view::summary(report, lang).replace(['<', '>', '&', '"', '\''], " ");
        format!(
            "<!doctype html><meta charset=utf-8><title>Klantkluis</title><p>{line}</p><!-- {:?} -->",
            error.kind()
        )
    })
}

fn render(report: &Report, lang: Lang) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.add_filter("ticks", ticks);
    environment.add_template("report.html", TEMPLATE)?;
    let view = view::view(report, lang);
    environment.get_template("report.html")?.render(
        minijinja::context! { view => Serde(view), style => Value::from_safe_string(STYLE.to_owned()) },
    )
}

/// A text as HTML, escaped, with what stands between backticks as code.
fn ticks(text: &str) -> Value {
    let mut out = String::with_capacity(text.len() + 32);
    // The last backtick of an odd number stands for itself.
    let pairs = text.matches('`').count() / 2;
    for (index, part) in text.splitn(pairs * 2 + 1, '`').enumerate() {
        let escaped = part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let escaped = escaped.replace('"', "&quot;").replace('\'', "&#x27;");
        if index % 2 == 1 {
            out.push_str("<code>");
            out.push_str(&escaped);
            out.push_str("</code>");
        } else {
            out.push_str(&escaped);
        }
    }
    Value::from_safe_string(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_everything_is_escaped() {
        for (given, expected) in [
            ("zonder", "zonder"),
            ("zet `a b;` aan", "zet <code>a b;</code> aan"),
            ("`x` en `<script>`", "<code>x</code> en <code>&lt;script&gt;</code>"),
            ("`los", "`los"),
            ("`a` en `los", "<code>a</code> en `los"),
            ("<b>\"'&", "&lt;b&gt;&quot;&#x27;&amp;"),
            ("``", "<code></code>"),
            ("", ""),
        ] {
            assert_eq!(ticks(given).to_string(), expected, "{given}");
        }
    }
}
