//! Names that look like the shop's: those that exist, and looking for them when a person asks.

use std::time::Duration;

use kluis_app::{AppError, LookalikeFound, LookalikeView};
use kluis_model::{Lang, Operation};
use kluis_net::LookalikePace;

use super::{BACK, points_tone};
use crate::console::answer::{Answer, redirect};
use crate::console::mail_view::{LookalikeRow, LookalikesView};
use crate::console::visit::{Posted, Signed};
use crate::console::words::number;

/// This page.
const HERE: &str = "/console/phishing/lookalikes";
/// Seconds after which a look that goes on is looked at again.
const REFRESH_S: u32 = 5;
/// How often and how long it is waited for a look to begin.
const BEGIN_TRIES: u32 = 50;
const BEGIN_WAIT: Duration = Duration::from_millis(20);
/// Names that are shown.
const ROWS_MAX: usize = 100;

/// `GET /console/phishing/lookalikes`
pub(crate) async fn page(signed: Signed) -> Answer {
    let app = &signed.visit.console.state.app;
    let (actor, lang) = (&signed.actor, signed.visit.lang);
    let fail = |error: AppError| signed.fail_at(&error, BACK);
    let views = app.lookalikes(actor).await.map_err(fail)?;
    let running = app.lookalikes_running(actor).await.map_err(fail)?;
    let domain = own_domain(&signed);
    let progress = domain.as_ref().and_then(|domain| running.get(domain));
    let view = domain.as_ref().and_then(|domain| views.iter().find(|view| view.domain == *domain));
    let is_running = progress.is_some_and(|progress| progress.problem.is_none());
    let mut frame = signed.frame("mail-lookalikes");
    frame.refresh_s = is_running.then_some(REFRESH_S);
    let shown = LookalikesView {
        domain,
        rows: view.map(|view| rows(view, lang)).unwrap_or_default(),
        at: view.map(|view| view.at.0),
        tried: view.map_or(0, |view| number(view.tried)),
        is_running,
        percent: progress
            .map(|progress| number(progress.done.saturating_mul(100) / progress.total.max(1)).min(100)),
        problem: progress
            .and_then(|progress| progress.problem.as_ref())
            .map(|problem| problem.get(lang).to_owned()),
        may_change: signed.actor.grant.allows_operation(Operation::MailChange),
    };
    Ok(signed.page(&frame, &shown))
}

/// `POST /console/phishing/lookalikes`: asks the DNS because a person wants it.
pub(crate) async fn start(Posted { signed, .. }: Posted) -> Answer {
    if let Some(domain) = own_domain(&signed) {
        let app = &signed.visit.console.state.app;
        let begun = app.lookalike_start(&signed.actor, &domain, LookalikePace::default()).await;
        begun.map_err(|error| signed.fail_at(&error, HERE))?;
        wait_for_begin(&signed, &domain).await;
    }
    Ok(redirect(HERE))
}

/// Waits a moment until the look is under way, so that the page after this one shows it.
async fn wait_for_begin(signed: &Signed, domain: &str) {
    for _ in 0..BEGIN_TRIES {
        match signed.visit.console.state.app.lookalikes_running(&signed.actor).await {
            Ok(running) if !running.contains_key(domain) => tokio::time::sleep(BEGIN_WAIT).await,
            _ => return,
        }
    }
}

/// The registered domain of the shop.
fn own_domain(signed: &Signed) -> Option<String> {
    let settings = signed.visit.console.state.app.mail_settings();
    settings.setup.as_ref().and_then(|setup| kluis_mail::lookalike::registered(&setup.domain))
}

fn rows(view: &LookalikeView, lang: Lang) -> Vec<LookalikeRow> {
    let row = |found: &LookalikeFound| LookalikeRow {
        domain: found.candidate.domain.clone(),
        shown: (found.candidate.unicode != found.candidate.domain).then(|| found.candidate.unicode.clone()),
        points: i64::from(found.points),
        tone: points_tone(found.points),
        reasons: found.reasons.iter().map(|reason| reason.get(lang).to_owned()).collect(),
        is_new: view.new.contains(&found.candidate.domain),
    };
    view.found.iter().take(ROWS_MAX).map(row).collect()
}
