//! `status`: what the vault holds and what needs attention.

use anyhow::Result;
use kluis_app::{Status, Tone};
use kluis_model::TimeMs;
use kluis_web::CertificateReport;
use serde::Serialize;

use super::{Context, Outcome, Session};
use crate::talk;

/// What the vault says of itself, with the certificate of its server.
#[derive(Serialize)]
struct StatusAnswer {
    #[serde(flatten)]
    status: Status,
    certificate: Option<CertificateReport>,
}

/// Prints counts, keys and what needs attention; exit code 1 when something is wrong.
pub(crate) async fn run(context: &Context, session: &Session) -> Result<Outcome> {
    let mut status = session.vault.app.status(&session.actor).await?;
    let certificate = CertificateReport::read(&context.config.tls_folder());
    let now = session.vault.app.now();
    status.attention.extend(certificate.as_ref().and_then(|report| report.attention(now)));
    let bad = status.attention.iter().filter(|attention| attention.tone == Tone::Bad).count();
    if context.json {
        talk::print_json(&StatusAnswer { status, certificate })?;
        return Ok(Outcome::of_findings(bad));
    }
    let moment = |at: Option<TimeMs>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let rows = [
        (context.text("klanten", "customers"), status.subjects.to_string()),
        (context.text("gewist", "erased"), status.erased.to_string()),
        (context.text("logregels", "log entries"), status.leaves.to_string()),
        (context.text("toegangssleutels", "credentials"), status.credentials.to_string()),
        (context.text("doelen", "purposes"), status.purposes.to_string()),
        (context.text("gegevens in het register", "fields in the register"), status.fields.to_string()),
        (context.text("database", "database"), status.engine.to_owned()),
        (context.text("versleuteling", "encryption"), status.suite.to_owned()),
        (
            context.text("sleutelperiode", "key epoch"),
            format!("{} ({})", status.epoch, moment(status.epoch_created)),
        ),
        (context.text("laatste controlepunt", "newest checkpoint"), moment(status.checkpoint_at)),
        (context.text("laatste back-up", "newest backup"), moment(status.backup_at)),
    ];
    let of_certificate = certificate.iter().flat_map(|report| super::certificate::rows(context, report));
    for (what, value) in rows.into_iter().chain(of_certificate) {
        talk::print(format!("{what:<26} {value}"))?;
    }
    for attention in &status.attention {
        talk::say(format!("! {}", attention.text.get(context.lang)));
    }
    Ok(Outcome::of_findings(bad))
}
