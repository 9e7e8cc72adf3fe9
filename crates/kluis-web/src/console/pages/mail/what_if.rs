//! What a stricter policy would do: the reports of the last weeks, replayed.

use kluis_app::{AppError, SimulateInput, SimulateView};
use kluis_mail::advice::{ImpactLine, PolicyStep};
use kluis_mail::report::Category;
use kluis_model::Lang;

use super::{BACK, capital, days, periods, sentence, step_word};
use crate::console::answer::{Answer, Refusal};
use crate::console::mail_view::{Light, WhatIf, WhatIfRow, WhatIfView};
use crate::console::view::{Choice, FieldError};
use crate::console::visit::{Form, Posted, Signed};
use crate::console::words::number;

/// Policies that can be tried: a trial has the effect of the step before it.
const POLICIES: [PolicyStep; 3] = [PolicyStep::None, PolicyStep::Quarantine, PolicyStep::Reject];
/// Longest record that is read.
const RECORD_CHARS_MAX: usize = 1_024;
/// Sources that are shown.
const SOURCES_MAX: usize = 100;

/// `GET /console/phishing/what-if`
pub(crate) async fn page(signed: Signed) -> Answer {
    // Refused by the vault itself, which puts it on the record.
    let app = &signed.visit.console.state.app;
    app.authorise(&signed.actor, kluis_model::Operation::MailRead, None)
        .await
        .map_err(|error| signed.fail_at(&error, BACK))?;
    let view = form_view(&signed, PolicyStep::Reject, 30);
    Ok(signed.page(&signed.frame("phishing"), &view))
}

/// `POST /console/phishing/what-if`
pub(crate) async fn replay(Posted { signed, form }: Posted) -> Answer {
    let policy = POLICIES.into_iter().find(|step| step_word(*step) == form.get("policy"));
    let policy = policy.unwrap_or(PolicyStep::Reject);
    let days = days(form.get("days"));
    let text = |name: &str| -> String { form.get(name).chars().take(RECORD_CHARS_MAX).collect() };
    let filled = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let input = SimulateInput { domain: None, policy, record: filled("record"), spf: filled("spf"), days };
    let mut view =
        WhatIfView { record: text("record"), spf: text("spf"), ..form_view(&signed, policy, days) };
    match signed.visit.console.state.app.mail_simulate(&signed.actor, input).await {
        Ok(outcome) => {
            view.outcome = Some(what_if(&outcome, signed.visit.lang));
            Ok(signed.page(&signed.frame("phishing"), &view))
        }
        Err(error) => {
            view.errors = errors(&signed, &form, error)?;
            Ok(signed.again(&signed.frame("phishing"), &view))
        }
    }
}

/// What is wrong with the form, at the field that it is about.
fn errors(signed: &Signed, form: &Form, error: AppError) -> Result<Vec<FieldError>, Refusal> {
    let AppError::Invalid(problems) = &error else { return Err(signed.fail_at(&error, BACK)) };
    let at = |field: &str| match field {
        "spf" if !form.get("spf").is_empty() => "spf",
        "record" if !form.get("record").is_empty() => "record",
        _ => "policy",
    };
    let one = |problem: &kluis_app::FieldProblem| FieldError {
        field: at(&problem.field).to_owned(),
        message: problem.message.get(signed.visit.lang).to_owned(),
    };
    Ok(problems.iter().map(one).collect())
}

fn form_view(signed: &Signed, policy: PolicyStep, days: u32) -> WhatIfView {
    let texts = signed.visit.texts();
    let choice = |step: PolicyStep| Choice {
        id: step_word(step).to_owned(),
        label: format!("{} ({})", texts.get(&format!("mail-stage-{}", step_word(step))), step.words()),
        chosen: step == policy,
    };
    WhatIfView {
        policies: POLICIES.map(choice).to_vec(),
        periods: periods(texts, days),
        ..WhatIfView::default()
    }
}

fn what_if(outcome: &SimulateView, lang: Lang) -> WhatIf {
    let is_own = |line: &&ImpactLine| line.is_declared || line.category == Category::Forwarder;
    let lost = |line: &ImpactLine| line.replayed.rejected.saturating_add(line.replayed.quarantined);
    let lost = outcome.lines.iter().filter(is_own).fold(0_u64, |sum, line| sum.saturating_add(lost(line)));
    let tone = match (outcome.messages, lost) {
        (0, _) => "plain",
        (_, 0) => "ok",
        _ => "warn",
    };
    WhatIf {
        light: Light { tone, text: sentence(outcome.text.get(lang)) },
        record: outcome.record.clone(),
        days: i64::from(outcome.days),
        messages: number(outcome.messages),
        remarks: outcome.remarks.iter().map(|remark| sentence(remark.get(lang))).collect(),
        sources: outcome.lines.iter().take(SOURCES_MAX).map(|line| row(line, lang)).collect(),
    }
}

fn row(line: &ImpactLine, lang: Lang) -> WhatIfRow {
    WhatIfRow {
        name: capital(line.name.get(lang)),
        category: line.category.word(),
        stream: line.stream.clone().unwrap_or_default(),
        messages: number(line.replayed.messages),
        passed: number(line.replayed.passed),
        quarantined: number(line.replayed.quarantined),
        rejected: number(line.replayed.rejected),
        reason: line.why.map(|why| why.words(lang).to_owned()),
    }
}
