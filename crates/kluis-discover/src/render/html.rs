//! The report as one self-contained HTML file: no script, nothing loaded from elsewhere, light and dark, fit to print.

use kluis_model::Lang;

use super::{certainty, lines, number, summary};
use crate::ScanReport;
use crate::detect::Certainty;

/// The style sheet.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--line:#d5dae1;--soft:#f3f5f8;--bad:#a4161a;--bar:#1f5fa8}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--paper:#14171b;--line:#39414b;--soft:#1d2228;--bad:#ff8a80;--bar:#7fb2ec}}\
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:72rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}\
th{background:var(--soft)}td.n{text-align:right;white-space:nowrap}.bad{color:var(--bad);font-weight:600}\
code{font-family:ui-monospace,monospace;font-size:.9em}small{opacity:.85}svg rect{fill:var(--bar)}svg text{fill:var(--ink);font-size:13px}\
@media print{body{max-width:none;margin:0}tr{break-inside:avoid}}";
/// Kinds in the chart.
const BARS: usize = 8;

/// The report as one self-contained HTML file.
#[must_use]
pub fn html(report: &ScanReport, from: Certainty, lang: Lang) -> String {
    let title = lang.pick("Persoonsgegevens: wat er is gevonden", "Personal data: what was found");
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1><p>{}</p>",
        lang.pick("nl", "en"),
        escape(summary(report, lang).trim()),
    );
    out.push_str(&chart(report, lang));
    out.push_str(&found(report, from, lang));
    if !report.unread.is_empty() {
        out.push_str(&format!("<h2>{}</h2><ul>", lang.pick("Niet gelezen", "Not read")));
        for unread in &report.unread {
            out.push_str(&format!("<li><code>{}</code>: {}</li>", escape(&unread.path), escape(&unread.why)));
        }
        out.push_str("</ul>");
    }
    out.push_str(&format!(
        "<p><small>{}</small></p></body></html>\n",
        lang.pick(
            "Waarden zijn onherkenbaar gemaakt: letters zijn x, cijfers 9. Gewichten per soort zijn een inschatting.",
            "Values are masked: letters are x, digits 9. The weights of the kinds are an estimate."
        )
    ));
    out
}

fn found(report: &ScanReport, from: Certainty, lang: Lang) -> String {
    let heads = lang.pick(
        "Bestand|Plaats|Soort|Aantal|Schade|Voorbeeld|Waarom en wat te doen",
        "File|Place|Kind|Count|Damage|Example|Why and what to do",
    );
    let heads: String = heads.split('|').map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let mut out =
        format!("<h2>{}</h2><table><thead><tr>{heads}</tr></thead><tbody>", lang.pick("Gevonden", "Found"));
    for line in lines(report, from, lang) {
        let class = if line.kind.is_critical() { " class=\"bad\"" } else { "" };
        out.push_str(&format!(
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td{class}>{}<br><small>{}</small></td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td><code>{}</code></td><td>{}<br><strong>{}</strong></td></tr>",
            escape(&line.path),
            escape(&line.place),
            line.kind.name(lang),
            certainty(line.certainty, lang),
            number(line.count, lang),
            number(line.damage, lang),
            escape(&line.sample),
            escape(&line.why),
            escape(&line.advice),
        ));
    }
    out.push_str("</tbody></table>");
    out
}

/// Bars of the damage by kind; the numbers stand beside them as text.
fn chart(report: &ScanReport, lang: Lang) -> String {
    let damage = report.damage();
    let Some(most) = damage.by_kind.first().map(|(_, points)| (*points).max(1)) else { return String::new() };
    let bars: Vec<_> = damage.by_kind.iter().take(BARS).collect();
    let height = bars.len() * 26 + 4;
    let label = lang.pick("Schade bij een lek, per soort", "Damage of a leak, by kind");
    let mut out = format!(
        "<h2>{label}</h2><svg role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 720 {height}\" width=\"100%\">"
    );
    for (n, (kind, points)) in bars.into_iter().enumerate() {
        let width = (*points as f64 / most as f64 * 300.0).max(2.0);
        let (y, text_y) = (n * 26 + 4, n * 26 + 18);
        out.push_str(&format!(
            "<text x=\"0\" y=\"{text_y}\">{}</text><rect x=\"270\" y=\"{y}\" width=\"{width:.0}\" height=\"18\"/>\
             <text x=\"{:.0}\" y=\"{text_y}\">{}</text>",
            escape(kind.name(lang)),
            width + 278.0,
            number(*points, lang)
        ));
    }
    out.push_str("</svg>");
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
