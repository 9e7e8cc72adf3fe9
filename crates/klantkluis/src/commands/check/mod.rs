//! `check`: audits a web shop's HTTPS from this computer, without a vault, and shows what to mend.

mod files;
mod many;
mod owner;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use indicatif::ProgressBar;
use kluis_app::{CHECK_PARTS, CheckDomain, OwnerPublishes};
use kluis_checks::facts::{Evidence, OwnerProof, PageKind};
use kluis_checks::report::{Difference, TerminalOptions, compare, difference_lines};
use kluis_checks::{Part, Report, report};
use kluis_model::Lang;
use kluis_net::{AuditOptions, AuditStep};

use super::Outcome;
use crate::args::{CheckArgs, CheckPart};
use crate::config_check::{name_server, read_roots, resolve};
use crate::talk;
use crate::wire::Hinted;

/// Columns of a terminal that says nothing about itself.
const USUAL_COLUMNS: usize = 100;
/// The letter of a report that nothing was measured for: no reason to say that there is nothing to mend.
const NO_GRADE: &str = "?";
/// Most pages that are named (kluis-net takes no more).
const PAGES_MAX: usize = 8;

/// What a check works with; it needs no settings and no vault.
pub(crate) struct Place {
    pub json: bool,
    pub lang: Lang,
    /// The data folder that was named on the command line.
    pub data: Option<PathBuf>,
}

/// In which form the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Terminal,
    Json,
    Html,
    Markdown,
    Sarif,
}

/// Checks one domain, many, or a saved evidence again.
///
/// # Errors
/// When something that was given makes no sense, a file cannot be read, or a domain cannot be checked.
pub(crate) async fn run(place: &Place, args: CheckArgs) -> Result<Outcome> {
    let form = form(place, &args)?;
    if let Some(file) = &args.evidence {
        let evidence = files::read_evidence(file, place.lang)?;
        return show(place, &args, form, &evidence);
    }
    let domains = domains(&args.domains, place.lang)?;
    let options = options(place, &args)?;
    if domains.len() > 1 {
        return many::run(place, &args, form, domains, options).await;
    }
    let Some(domain) = domains.first() else {
        return Err(Hinted::error(
            place.lang.pick("er is geen domein genoemd", "no domain was named"),
            place.lang.pick(
                "bijvoorbeeld: klantkluis check winkel.example",
                "for example: klantkluis check shop.example",
            ),
        ));
    };
    // Read before the audit, so that a wrong file is known at once.
    let old = old_report(place, &args)?;
    let evidence = audit(place, &args, domain, options).await?;
    if let Some(file) = &args.save_evidence {
        files::save_evidence(file, &evidence)?;
    }
    finish(place, &args, form, &evidence, old.as_ref())
}

/// The same check of the mail alone, or with the parts that were named.
pub(crate) fn only_mail(mut args: CheckArgs) -> CheckArgs {
    args.only.push(CheckPart::Mail);
    args
}

/// Audits one domain while a bar on stderr says how far it is.
async fn audit(
    place: &Place,
    args: &CheckArgs,
    domain: &CheckDomain,
    mut options: AuditOptions,
) -> Result<Evidence> {
    let mut publishes = None;
    if args.owner_verified {
        let token = owner::token(domain, place)?;
        publishes = Some(OwnerPublishes::new(domain.as_str(), &token));
        options.owner = Some(token);
    }
    let bar = talk::progress_parts(domain.as_str());
    let progress = follow(&bar, domain.as_str().to_owned(), place.lang);
    let audited = kluis_net::audit(domain.as_str(), &options, &progress).await;
    bar.finish_and_clear();
    let evidence = audited?;
    if let Some(publishes) = publishes.filter(|_| evidence.web.owner == OwnerProof::Missing) {
        owner::explain(&publishes, place.lang);
    }
    Ok(evidence)
}

/// Moves the bar over all parts together, which are looked at at the same time, and names one that is not done.
fn follow(bar: &ProgressBar, domain: String, lang: Lang) -> impl Fn(AuditStep) + Send + Sync + use<> {
    let (bar, steps) = (bar.clone(), Mutex::new(BTreeMap::new()));
    move |step| {
        let mut steps = steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.insert(step.part, (u64::from(step.done), u64::from(step.total)));
        bar.set_length(steps.values().map(|(_, total)| total).sum());
        bar.set_position(steps.values().map(|(done, _)| done).sum());
        if let Some((part, _)) = steps.iter().find(|(_, (done, total))| done < total) {
            bar.set_message(format!("{domain}: {}", part_name(*part, lang)));
        }
    }
}

fn show(place: &Place, args: &CheckArgs, form: Form, evidence: &Evidence) -> Result<Outcome> {
    let old = old_report(place, args)?;
    finish(place, args, form, evidence, old.as_ref())
}

fn old_report(place: &Place, args: &CheckArgs) -> Result<Option<Report>> {
    args.since.as_deref().map(|file| files::read_report(file, place.lang)).transpose()
}

/// Judges, compares and prints.
fn finish(
    place: &Place,
    args: &CheckArgs,
    form: Form,
    evidence: &Evidence,
    old: Option<&Report>,
) -> Result<Outcome> {
    let report = kluis_checks::judge(evidence);
    if let Some(old) = old.filter(|old| old.target.host != report.target.host) {
        let (nl, en) = (
            format!("het oude rapport gaat over {}, niet over {}", old.target.host, report.target.host),
            format!("the old report is about {}, not about {}", old.target.host, report.target.host),
        );
        return Err(Hinted::error(
            place.lang.pick(&nl, &en),
            place.lang.pick("geef een rapport van hetzelfde domein", "give a report of the same domain"),
        ));
    }
    let difference = old.map(|old| compare(old, &report));
    print(place, args, form, &report, difference.as_ref())?;
    if report.grade.letter == NO_GRADE {
        return Err(Hinted::error(
            place.lang.pick("er viel niets te meten", "nothing could be measured"),
            place.lang.pick(
                "het rapport zegt waarom; kijk ook naar --only en --dns",
                "the report says why; look at --only and --dns too",
            ),
        ));
    }
    Ok(Outcome::of_findings(report.problems().count()))
}

fn print(
    place: &Place,
    args: &CheckArgs,
    form: Form,
    report: &Report,
    difference: Option<&Difference>,
) -> Result<()> {
    let lang = place.lang;
    let lines = difference.map(|difference| difference_lines(difference, lang)).unwrap_or_default();
    let title = lang.pick("Veranderd sinds het oude rapport", "Changed since the old report");
    match form {
        Form::Terminal => {
            let width =
                terminal_size::terminal_size().map_or(USUAL_COLUMNS, |(width, _)| usize::from(width.0));
            let options = TerminalOptions { color: true, width, all: args.all };
            talk::print(report::terminal(report, lang, &options).trim_end())?;
            if !lines.is_empty() {
                talk::print(format!("\n{title}:"))?;
                lines.iter().try_for_each(|line| talk::print(format!("  {line}")))?;
            }
        }
        Form::Json => {
            let mut value = serde_json::to_value(report).context("cannot write the report")?;
            if let (Some(difference), Some(members)) = (difference, value.as_object_mut()) {
                members.insert(
                    files::DIFFERENCE.into(),
                    serde_json::to_value(difference).context("cannot write the difference")?,
                );
            }
            talk::print_json(&value)?;
        }
        Form::Markdown => {
            talk::print(report::markdown(report, lang).trim_end())?;
            if !lines.is_empty() {
                talk::print(format!("\n## {title}\n"))?;
                lines.iter().try_for_each(|line| talk::print(format!("- {line}")))?;
            }
        }
        Form::Html | Form::Sarif => {
            if form == Form::Html {
                talk::print_bytes(report::html(report, lang).as_bytes())?;
            } else {
                talk::print_json(&report::sarif(report, lang))?;
            }
            if !lines.is_empty() {
                talk::say(format!("{title}:"));
                lines.iter().for_each(|line| talk::say(format!("  {line}")));
            }
        }
    }
    Ok(())
}

/// The one form that was asked for. `--json` goes with every command, so only here it meets the others.
fn form(place: &Place, args: &CheckArgs) -> Result<Form> {
    if place.json && (args.html || args.md || args.sarif) {
        return Err(Hinted::error(
            place.lang.pick(
                "--json gaat niet samen met --html, --md of --sarif",
                "--json cannot be used with --html, --md or --sarif",
            ),
            place.lang.pick("kies één vorm", "choose one form"),
        ));
    }
    Ok(match (place.json, args.html, args.md, args.sarif) {
        (true, ..) => Form::Json,
        (_, true, ..) => Form::Html,
        (_, _, true, _) => Form::Markdown,
        (.., true) => Form::Sarif,
        _ => Form::Terminal,
    })
}

/// Reads the domains, each once.
fn domains(texts: &[String], lang: Lang) -> Result<Vec<CheckDomain>> {
    let mut domains = Vec::new();
    for text in texts {
        let shown: String = text.chars().filter(|c| !report::is_hostile(*c)).take(100).collect();
        let domain = CheckDomain::parse(text).map_err(|message| {
            Hinted::error(
                format!("{shown}: {}", message.get(lang)),
                lang.pick(
                    "bijvoorbeeld: klantkluis check winkel.example",
                    "for example: klantkluis check shop.example",
                ),
            )
        })?;
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    if domains.len() > many::DOMAINS_MAX {
        return Err(Hinted::error(
            format!("{} {}", domains.len(), lang.pick("domeinen zijn te veel", "domains are too many")),
            lang.pick("geef er hoogstens 100 tegelijk", "give at most 100 at once"),
        ));
    }
    Ok(domains)
}

fn options(place: &Place, args: &CheckArgs) -> Result<AuditOptions> {
    let parts = parts(&args.only);
    if args.only.contains(&CheckPart::Exposed) && !args.owner_verified {
        return Err(Hinted::error(
            place.lang.pick(
                "naar open bestanden wordt alleen gezocht op een domein van uzelf",
                "open files are looked for on a domain of your own only",
            ),
            place.lang.pick("voeg --owner-verified toe", "add --owner-verified"),
        ));
    }
    let mut options = AuditOptions { parts, ..AuditOptions::default() };
    for text in &args.resolve {
        options.resolve.push(resolve(text).context("--resolve")?);
    }
    for text in &args.pages {
        options.pages.push(page(text)?);
    }
    if options.pages.len() > PAGES_MAX {
        bail!("at most {PAGES_MAX} pages are read");
    }
    options.selectors.clone_from(&args.selector);
    if let Some(port) = args.port {
        options.https_port = port;
    }
    if let Some(port) = args.http_port {
        options.http_port = port;
    }
    if let Some(text) = &args.dns {
        options.dns = Some(name_server(text).context("--dns")?);
    }
    if let Some(file) = &args.ca {
        options.roots = read_roots(file, place.lang)?;
    }
    Ok(options)
}

fn parts(only: &[CheckPart]) -> BTreeSet<Part> {
    let of = |part: &CheckPart| match part {
        // Tip 1 as a whole.
        CheckPart::Https => CHECK_PARTS.into_iter().filter(|part| *part != Part::Mail).collect(),
        CheckPart::Tls => vec![Part::Tls],
        CheckPart::Certificate => vec![Part::Certificate],
        CheckPart::Dns => vec![Part::Dns],
        CheckPart::Web => vec![Part::Web],
        CheckPart::Exposed => vec![Part::Exposed],
        CheckPart::Mail => vec![Part::Mail],
    };
    if only.is_empty() { CHECK_PARTS.into() } else { only.iter().flat_map(of).collect() }
}

/// `product=/boek/1`.
fn page(text: &str) -> Result<(PageKind, String)> {
    let parsed = text.split_once('=').and_then(|(kind, path)| {
        let kind = match kind {
            "home" => PageKind::Home,
            "product" => PageKind::Product,
            "login" => PageKind::Login,
            "checkout" => PageKind::Checkout,
            "contact" => PageKind::Contact,
            "other" => PageKind::Other,
            _ => return None,
        };
        let is_path = path.starts_with('/') && path.len() <= 2_000 && !path.contains(char::is_control);
        is_path.then(|| (kind, path.to_owned()))
    });
    parsed.with_context(|| {
        format!(
            "--pages takes kind=/path with home, product, login, checkout, contact or other, not {text:?}"
        )
    })
}

fn part_name(part: Part, lang: Lang) -> &'static str {
    let (nl, en) = match part {
        Part::Tls => ("verbinding", "connection"),
        Part::Certificate => ("certificaat", "certificate"),
        Part::Dns => ("domeinnaam", "domain name"),
        Part::Web => ("pagina's", "pages"),
        Part::Exposed => ("open bestanden", "open files"),
        Part::Mail => ("e-mail", "e-mail"),
    };
    lang.pick(nl, en)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_strictly() {
        assert_eq!(page("product=/boek/1?x=2").unwrap(), (PageKind::Product, "/boek/1?x=2".into()));
        for wrong in
            ["", "product", "product=", "product=boek", "shoe=/x", "product=https://x.example/", "login=/\n"]
        {
            assert!(page(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn domains_count_once_and_at_most_a_hundred_are_taken() {
        let texts = |many: &[&str]| many.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let read = domains(&texts(&["a.example", "https://A.example/x", "b.example"]), Lang::En).unwrap();
        assert_eq!(read.len(), 2);
        let error = domains(&texts(&["a.example", "geen\u{1b}[31m domein"]), Lang::En).unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
        let many: Vec<String> = (0..101).map(|n| format!("w{n}.example")).collect();
        assert!(domains(&many[..100], Lang::Nl).is_ok() && domains(&many, Lang::Nl).is_err());
    }

    #[test]
    fn parts_are_those_named_and_https_is_all_but_mail() {
        assert_eq!(parts(&[]).len(), 6);
        assert_eq!(parts(&[CheckPart::Https]).len(), 5);
        assert!(!parts(&[CheckPart::Https]).contains(&Part::Mail));
        assert_eq!(parts(&[CheckPart::Mail]), [Part::Mail].into());
        assert_eq!(parts(&[CheckPart::Tls, CheckPart::Dns]), [Part::Tls, Part::Dns].into());
    }
}
