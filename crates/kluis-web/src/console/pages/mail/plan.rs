//! The records to publish, in order, and on request how the DNS differs from them.

use kluis_mail::plan::{self, Difference, DifferenceKind, Plan, Step};
use kluis_model::Lang;

use super::BACK;
use crate::console::answer::{Answer, Refusal};
use crate::console::mail_view::{PlanDifference, PlanStep, PlanView, RecordView};
use crate::console::visit::{Posted, Signed};

/// `GET /console/phishing/plan`
pub(crate) async fn page(signed: Signed) -> Answer {
    let view = match make(&signed).await? {
        Some(plan) => view(&plan, signed.visit.lang),
        None => PlanView::default(),
    };
    Ok(signed.page(&signed.frame("mail-plan"), &view))
}

/// `POST /console/phishing/plan`: asks the DNS about the shop's own domains.
pub(crate) async fn compare(Posted { signed, .. }: Posted) -> Answer {
    let Some(plan) = make(&signed).await? else {
        return Ok(crate::console::answer::redirect("/console/phishing/plan"));
    };
    let lang = signed.visit.lang;
    let settings = signed.visit.console.state.app.mail_settings();
    let compared =
        kluis_net::with_dns(&plan.domain, &settings.dns, |answers| plan::diff(&plan, answers)).await;
    let mut view = view(&plan, lang);
    match compared {
        Ok(differences) => {
            let differences = differences.unwrap_or_default();
            view.differences = Some(
                differences.iter().zip(0..).map(|(one, n)| difference(one, n, &plan.domain, lang)).collect(),
            );
        }
        Err(error) => view.problem = Some(error.message(lang)),
    }
    Ok(signed.page(&signed.frame("mail-plan"), &view))
}

async fn make(signed: &Signed) -> Result<Option<Plan>, Refusal> {
    let app = &signed.visit.console.state.app;
    crate::mail_plan::make(app, &signed.actor).await.map_err(|error| signed.fail_at(&error, BACK))
}

fn view(plan: &Plan, lang: Lang) -> PlanView {
    let step = |(step, n): (&Step, usize)| PlanStep {
        title: step.title.get(lang).to_owned(),
        why: step.why.get(lang).to_owned(),
        wait: step.wait.as_ref().map(|wait| wait.get(lang).to_owned()),
        stream: step.stream.clone(),
        records: step
            .records
            .iter()
            .zip(0..)
            .map(|(record, m)| {
                let id = format!("{n}-{m}");
                let mut shown =
                    RecordView::new(id, &plan.domain, record.kind.word(), &record.name, &record.value);
                shown.ttl = Some(i64::from(record.ttl_s));
                shown
            })
            .collect(),
        files: step.files.iter().map(|file| (file.url.clone(), file.text.clone())).collect(),
        todo: step.todo.iter().map(|text| text.get(lang).to_owned()).collect(),
    };
    PlanView {
        domain: Some(plan.domain.clone()),
        steps: plan.steps.iter().zip(0..).map(step).collect(),
        ..PlanView::default()
    }
}

fn difference(one: &Difference, n: usize, zone: &str, lang: Lang) -> PlanDifference {
    let is_unanswered = one.kind == DifferenceKind::Unanswered;
    let record = RecordView::new(format!("d-{n}"), zone, one.record.word(), &one.name, &one.planned);
    PlanDifference {
        tone: match one.kind {
            DifferenceKind::Missing | DifferenceKind::Extra => "bad",
            DifferenceKind::Differs => "warn",
            DifferenceKind::Unanswered => "plain",
        },
        name: one.name.clone(),
        text: one.text.get(lang).to_owned(),
        published: one.published.clone(),
        record: (!is_unanswered && one.kind != DifferenceKind::Extra).then_some(record),
    }
}
