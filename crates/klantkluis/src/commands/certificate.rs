//! `certificate`: the certificate of this server, from the file that the server writes about it.

use std::fs;

use anyhow::{Context as _, Result, bail};
use kluis_model::{Clock, TimeMs};
use kluis_net::acme::RENEW_FILE;
use kluis_web::CertificateReport;
use serde_json::json;

use super::{Context, Outcome};
use crate::args::CertificateCommand;
use crate::talk;
use crate::wire::SystemClock;

/// Runs `certificate …`.
pub(crate) fn run(context: &Context, command: &CertificateCommand) -> Result<Outcome> {
    match command {
        CertificateCommand::Show => show(context),
        CertificateCommand::Renew => renew(context),
    }
}

fn show(context: &Context) -> Result<Outcome> {
    let Some(report) = CertificateReport::read(&context.config.tls_folder()) else {
        bail!("no server of this data folder has told about a certificate yet: klantkluis serve");
    };
    let attention = report.attention(SystemClock.now());
    if context.json {
        talk::print_json(&report)?;
    } else {
        for (what, value) in rows(context, &report) {
            talk::print(format!("{what:<26} {value}"))?;
        }
        if let Some(attention) = &attention {
            talk::say(format!("! {}", attention.text.get(context.lang)));
        }
    }
    Ok(Outcome::of_findings(usize::from(attention.is_some())))
}

/// The lines about a certificate; `status` shows them too.
pub(crate) fn rows<'a>(context: &Context, report: &CertificateReport) -> Vec<(&'a str, String)>
where
    'static: 'a,
{
    let moment = |at: Option<TimeMs>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let mut rows = vec![
        (context.text("certificaat voor", "certificate for"), report.names.join(", ")),
        (context.text("certificaat van", "certificate by"), report.issuer.clone()),
        (context.text("certificaat tot", "certificate until"), report.not_after.to_string()),
    ];
    if report.source == "acme" {
        rows.push((context.text("wordt vernieuwd op", "is renewed on"), moment(report.next_renewal)));
    }
    if report.next_try.is_some() {
        rows.push((context.text("nieuwe poging op", "tried again on"), moment(report.next_try)));
    }
    rows
}

/// Asks the server for a renewal, which it notices within two seconds.
fn renew(context: &Context) -> Result<Outcome> {
    let Some(acme) = context.config.acme_options()? else {
        bail!("no certificate is ordered here: set acme.directory in klantkluis.toml");
    };
    let file = acme.folder.join(RENEW_FILE);
    fs::write(&file, b"").with_context(|| {
        format!("cannot write {}; has the server run with these settings?", file.display())
    })?;
    context.done(
        &json!({ "asked": true }),
        "De server is gevraagd nu een nieuw certificaat te bestellen; zie: klantkluis certificate show",
        "The server was asked to order a new certificate now; see: klantkluis certificate show",
    )?;
    Ok(Outcome::Good)
}
