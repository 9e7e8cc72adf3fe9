//! Turns view models into HTML: templates compiled once per language, and the console's own assets.

use std::sync::Arc;

use fluent_bundle::{FluentArgs, FluentValue};
use kluis_model::Lang;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use super::texts::{Texts, lang_code, machine_time};
use super::view::{Frame, View};

/// The style sheet of every page.
pub(crate) const CSS: &str = include_str!("../../assets/console.css");
/// The mark of Klantkluis: a stepped gable with a keyhole.
pub(crate) const MARK: &str = include_str!("../../assets/mark.svg");

/// Every template by name.
pub(crate) const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("../../templates/base.html")),
    ("parts.html", include_str!("../../templates/parts.html")),
    ("status.html", include_str!("../../templates/status.html")),
    ("sign_in.html", include_str!("../../templates/sign_in.html")),
    ("overview.html", include_str!("../../templates/overview.html")),
    ("customers.html", include_str!("../../templates/customers.html")),
    ("customer.html", include_str!("../../templates/customer.html")),
    ("erase.html", include_str!("../../templates/erase.html")),
    ("erased.html", include_str!("../../templates/erased.html")),
    ("connectors.html", include_str!("../../templates/connectors.html")),
    ("connector_new.html", include_str!("../../templates/connector_new.html")),
    ("secret.html", include_str!("../../templates/secret.html")),
    ("revoke.html", include_str!("../../templates/revoke.html")),
    ("audit.html", include_str!("../../templates/audit.html")),
    ("verify.html", include_str!("../../templates/verify.html")),
    ("import.html", include_str!("../../templates/import.html")),
    ("import_job.html", include_str!("../../templates/import_job.html")),
    ("exports.html", include_str!("../../templates/exports.html")),
    ("checks.html", include_str!("../../templates/checks.html")),
    ("check.html", include_str!("../../templates/check.html")),
    ("check_parts.html", include_str!("../../templates/check_parts.html")),
    ("tip_https.html", include_str!("../../templates/tip_https.html")),
    ("tip_store.html", include_str!("../../templates/tip_store.html")),
    ("tip_necessary.html", include_str!("../../templates/tip_necessary.html")),
    ("mail.html", include_str!("../../templates/mail.html")),
    ("mail_parts.html", include_str!("../../templates/mail_parts.html")),
    ("mail_sender.html", include_str!("../../templates/mail_sender.html")),
    ("mail_reports.html", include_str!("../../templates/mail_reports.html")),
    ("mail_report.html", include_str!("../../templates/mail_report.html")),
    ("mail_quarantine.html", include_str!("../../templates/mail_quarantine.html")),
    ("mail_keys.html", include_str!("../../templates/mail_keys.html")),
    ("mail_plan.html", include_str!("../../templates/mail_plan.html")),
    ("mail_what_if.html", include_str!("../../templates/mail_what_if.html")),
    ("mail_lookalikes.html", include_str!("../../templates/mail_lookalikes.html")),
    ("mail_queue.html", include_str!("../../templates/mail_queue.html")),
    ("tip_together.html", include_str!("../../templates/tip_together.html")),
    ("error.html", include_str!("../../templates/error.html")),
];

/// Renders pages in both languages.
pub(crate) struct Renderer {
    nl: (Environment<'static>, Arc<Texts>),
    en: (Environment<'static>, Arc<Texts>),
}

impl Renderer {
    /// Compiles every template for every language; fails on the first that does not parse.
    pub(crate) fn new() -> Result<Renderer, Error> {
        Ok(Renderer { nl: environment(Lang::Nl)?, en: environment(Lang::En)? })
    }

    /// Returns the texts of a language.
    pub(crate) fn texts(&self, lang: Lang) -> &Texts {
        &self.of(lang).1
    }

    /// Returns a page as HTML.
    pub(crate) fn page<V: View>(&self, lang: Lang, frame: &Frame, view: &V) -> Result<String, Error> {
        let context = minijinja::context! { frame => Serde(frame), view => Serde(view) };
        self.of(lang).0.get_template(V::TEMPLATE)?.render(context)
    }

    fn of(&self, lang: Lang) -> &(Environment<'static>, Arc<Texts>) {
        match lang {
            Lang::Nl => &self.nl,
            Lang::En => &self.en,
        }
    }
}

/// Returns the file name of the style sheet, which changes with its content.
pub(crate) fn css_name() -> String {
    format!("console.{:016x}.css", content_hash(CSS.as_bytes()))
}

/// FNV-1a over the bytes: names a version of an asset, no security property.
const fn content_hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}

/// Compiles the templates of one language with its texts, numbers and dates.
fn environment(lang: Lang) -> Result<(Environment<'static>, Arc<Texts>), Error> {
    let texts = Arc::new(Texts::new(lang));
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.add_global("lang", lang_code(lang));
    env.add_global("css", format!("/assets/{}", css_name()));
    let t = Arc::clone(&texts);
    env.add_function("t", move |key: &str, args: Kwargs| text_with(&t, key, &args));
    // Words for a closed set of ids (operations, outcomes, …): an id without a text is shown as it is.
    let t = Arc::clone(&texts);
    env.add_function("word", move |group: &str, id: &str| {
        t.find(&format!("{group}-{}", id.replace('_', "-")), None).unwrap_or_else(|| id.to_owned())
    });
    let t = Arc::clone(&texts);
    env.add_filter("num", move |number: i64| t.number(number));
    let t = Arc::clone(&texts);
    env.add_filter("date", move |ms: i64| time_tag(ms, &t.date(ms)));
    // A day as bare text, for what may hold no tags.
    let t = Arc::clone(&texts);
    env.add_filter("day", move |ms: i64| t.date(ms));
    let t = Arc::clone(&texts);
    env.add_filter("time", move |ms: i64| time_tag(ms, &t.date_time(ms)));
    for (name, source) in TEMPLATES {
        env.add_template(name, source)?;
    }
    Ok((env, texts))
}

/// Fills in a text; a missing key or argument is an error, which the render tests find.
fn text_with(texts: &Texts, key: &str, args: &Kwargs) -> Result<String, Error> {
    let mut filled = FluentArgs::new();
    for name in args.args() {
        let value: Value = args.get(name)?;
        match i64::try_from(value.clone()) {
            Ok(number) if value.is_number() => filled.set(name.to_owned(), number),
            _ => filled.set(name.to_owned(), FluentValue::from(value.to_string())),
        }
    }
    texts.find(key, Some(&filled)).ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, format!("no text for {key}, or an argument is missing"))
    })
}

/// Wraps a shown time with its machine form.
fn time_tag(time_ms: i64, shown: &str) -> Value {
    Value::from_safe_string(format!("<time datetime=\"{}\">{shown}</time>", machine_time(time_ms)))
}
