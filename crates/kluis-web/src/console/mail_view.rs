//! What the pages about mail in the shop's name show: streams, senders, misuse, keys, reports, records to publish.

use serde::Serialize;

use super::mail_chart::Bars;
use super::view::{Choice, Credential, FieldError, View};

/// `/console/phishing`: who sends mail in the shop's name.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct MailView {
    /// The domain of the shop; None while no streams are declared.
    pub(crate) domain: Option<String>,
    /// How it goes as a whole.
    pub(crate) light: Light,
    /// Periods to choose from.
    pub(crate) periods: Vec<Choice>,
    /// Days of the chosen period.
    pub(crate) days: i64,
    /// The one thing to do.
    pub(crate) next: Option<NextAction>,
    /// What would happen if receivers were asked to refuse, in one sentence.
    pub(crate) if_reject: Option<String>,
    /// Streams with how they go.
    pub(crate) streams: Vec<StreamCard>,
    /// Mail a day by kind of sender.
    pub(crate) chart: Option<Bars>,
    /// Who sent, most first.
    pub(crate) senders: Vec<SenderRow>,
    /// Senders that are not shown.
    pub(crate) senders_more: i64,
    /// Mail of strangers in the shop's name.
    pub(crate) misuse: Misuse,
    /// Lookups of each SPF record.
    pub(crate) budgets: Vec<Budget>,
    /// Keys that sign.
    pub(crate) keys: Vec<KeyRow>,
    /// Names that look like the shop's, the worst first.
    pub(crate) lookalikes: Vec<LookalikeRow>,
    /// How many there are.
    pub(crate) lookalikes_total: i64,
    /// Unix ms of looking for them last.
    pub(crate) lookalikes_at: Option<i64>,
    /// How far the policy of each domain is, and what holds it back.
    pub(crate) policies: Vec<PolicyCard>,
    /// What changed in the DNS, newest first.
    pub(crate) changes: Vec<ChangeRow>,
    /// Unix ms of looking at the DNS last.
    pub(crate) dns_at: Option<i64>,
    /// Reports in quarantine.
    pub(crate) quarantine: i64,
    /// Who reported.
    pub(crate) reporters: Vec<String>,
    /// The vault's own part: e-mail addresses under lock.
    pub(crate) vault: VaultPart,
}

/// A traffic light with its sentence.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Light {
    /// `ok`, `warn`, `bad` or `plain`.
    pub(crate) tone: &'static str,
    /// One sentence.
    pub(crate) text: String,
}

/// The DMARC policy of a domain.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PolicyCard {
    /// The domain.
    pub(crate) domain: String,
    /// `ok`, `warn`, `bad` or `plain`.
    pub(crate) tone: &'static str,
    /// Id of the step it is at; None without a policy.
    pub(crate) stage: Option<&'static str>,
    /// Where it stands, in one sentence.
    pub(crate) summary: String,
    /// Steps done of three.
    pub(crate) done: i64,
    /// What it rests on, a sentence each.
    pub(crate) evidence: Vec<String>,
    /// What holds the next step back, a sentence each.
    pub(crate) blockers: Vec<String>,
}

/// A change in the DNS.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChangeRow {
    /// Unix ms of seeing it.
    pub(crate) at: i64,
    /// `ok`, `warn` or `bad`.
    pub(crate) tone: &'static str,
    /// What changed.
    pub(crate) text: String,
}

/// What the vault itself does against phishing.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct VaultPart {
    /// Credentials that may read e-mail addresses.
    pub(crate) readers: Vec<Credential>,
    /// Reads of e-mail addresses in the period.
    pub(crate) reads: i64,
    /// Days of that period.
    pub(crate) days: i64,
}

/// The one thing to do now.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NextAction {
    /// What to do, in a few words.
    pub(crate) title: String,
    /// Why, a sentence each.
    pub(crate) why: Vec<String>,
    /// The record to publish.
    pub(crate) record: Option<RecordView>,
}

/// A DNS record to copy.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RecordView {
    /// Makes the ids of its fields unlike others on the page.
    pub(crate) id: String,
    /// `TXT`, `CNAME`, `MX` or `A`.
    pub(crate) kind: String,
    /// The whole name.
    pub(crate) name: String,
    /// The name as most providers want it: without the domain; `@` for the domain itself.
    pub(crate) host: String,
    /// The value in one piece.
    pub(crate) value: String,
    /// Seconds that it may be remembered.
    pub(crate) ttl: Option<i64>,
}

impl RecordView {
    /// A record below a domain.
    pub(crate) fn new(id: String, domain: &str, kind: &str, name: &str, value: &str) -> Self {
        let name = name.trim_end_matches('.');
        let host = match name.strip_suffix(domain) {
            Some("") => "@".to_owned(),
            Some(host) => host.strip_suffix('.').unwrap_or(name).to_owned(),
            None => name.to_owned(),
        };
        Self { id, kind: kind.to_owned(), name: name.to_owned(), host, value: value.to_owned(), ttl: None }
    }
}

/// A stream of mail.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StreamCard {
    /// Its short name.
    pub(crate) id: String,
    /// `shop`, `newsletter` or `office`.
    pub(crate) kind: &'static str,
    /// The domain of its From addresses.
    pub(crate) domain: String,
    /// How it goes.
    pub(crate) light: Light,
    /// Messages in the period.
    pub(crate) messages: i64,
    /// Share with a good signature, in words.
    pub(crate) signed_share: Option<String>,
    /// What was compared with the relay's own counts, in a sentence.
    pub(crate) reconciled: Option<String>,
    /// More that is known, a sentence each.
    pub(crate) facts: Vec<String>,
}

/// A sender in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SenderRow {
    /// Its page, without the path.
    pub(crate) key: String,
    /// Its name.
    pub(crate) name: String,
    /// What it is, such as software for newsletters.
    pub(crate) kind: Option<String>,
    /// `own`, `service`, `forwarder`, `unknown` or `misuse`.
    pub(crate) category: &'static str,
    /// Whether the shop declared it.
    pub(crate) is_declared: bool,
    /// Messages in the period.
    pub(crate) messages: i64,
    /// Share that proved to be the shop's, in words.
    pub(crate) passed_share: String,
    /// `ok`, `warn` or `bad` for that share.
    pub(crate) tone: &'static str,
    /// Streams it sent for.
    pub(crate) streams: Vec<String>,
    /// A tiny drawing: the `d` of a path in 100 by 24.
    pub(crate) spark: String,
}

/// Mail of strangers in the shop's name.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Misuse {
    /// Messages in the period.
    pub(crate) messages: i64,
    /// Refused by receivers.
    pub(crate) rejected: i64,
    /// Put in the spam folder.
    pub(crate) quarantined: i64,
    /// Delivered all the same.
    pub(crate) delivered: i64,
    /// A bar a day.
    pub(crate) chart: Option<Bars>,
}

/// Lookups of an SPF record.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Budget {
    /// The domain of the record.
    pub(crate) domain: String,
    /// Lookups that it needs.
    pub(crate) used: i64,
    /// Lookups that receivers make at most.
    pub(crate) max: i64,
    /// `ok`, `warn` or `bad`.
    pub(crate) tone: &'static str,
    /// A cell for each lookup and each that is left.
    pub(crate) cells: Vec<BudgetCell>,
    /// What each part costs, most first: its name and how many.
    pub(crate) parts: Vec<(String, i64)>,
    /// There is no record.
    pub(crate) is_absent: bool,
}

/// A cell of the bar of a budget.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BudgetCell {
    /// From the left.
    pub(crate) x: i64,
    /// `used`, `over` or `free`.
    pub(crate) kind: &'static str,
}

impl Budget {
    /// A bar of so many of so many.
    pub(crate) fn new(domain: String, used: i64, max: i64, parts: Vec<(String, i64)>) -> Self {
        let cell = |n: i64| BudgetCell {
            x: n * 20,
            kind: if n >= used {
                "free"
            } else if n >= max {
                "over"
            } else {
                "used"
            },
        };
        let tone = if used > max {
            "bad"
        } else if used * 10 >= max * 8 {
            "warn"
        } else {
            "ok"
        };
        let cells = (0..used.clamp(max, max * 2)).map(cell).collect();
        Self { domain, used, max, tone, cells, parts, is_absent: false }
    }
}

/// A signing key.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KeyRow {
    /// `d=`.
    pub(crate) domain: String,
    /// `s=`.
    pub(crate) selector: String,
    /// `rsa2048` or `ed25519`.
    pub(crate) kind: String,
    /// Unix ms of making it.
    pub(crate) created: i64,
    /// Whole days since.
    pub(crate) age_days: i64,
    /// Id of its state.
    pub(crate) state: String,
    /// `ok`, `warn`, `bad` or `plain`.
    pub(crate) tone: &'static str,
    /// What to do, in words.
    pub(crate) advice: String,
    /// The record that belongs to it, while it must stand in the DNS.
    pub(crate) record: Option<RecordView>,
}

/// A name that looks like the shop's.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LookalikeRow {
    /// The name as it is registered.
    pub(crate) domain: String,
    /// The name as it is seen, when that differs.
    pub(crate) shown: Option<String>,
    /// 0 to 100.
    pub(crate) points: i64,
    /// `ok`, `warn` or `bad`.
    pub(crate) tone: &'static str,
    /// What stands out, a few words each.
    pub(crate) reasons: Vec<String>,
    /// Not there the time before.
    pub(crate) is_new: bool,
}

/// `/console/phishing/senders/{key}`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SenderView {
    /// The sender.
    pub(crate) sender: SenderRow,
    /// Periods to choose from.
    pub(crate) periods: Vec<Choice>,
    /// Days of the period.
    pub(crate) days: i64,
    /// A bar a day: proved or not.
    pub(crate) chart: Option<Bars>,
    /// Numbers for each stream.
    pub(crate) streams: Vec<SenderStream>,
    /// What to do, a sentence each.
    pub(crate) advice: Vec<String>,
    /// This person may say that it is not the shop's.
    pub(crate) may_disown: bool,
}

/// What a sender sent for one stream.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SenderStream {
    /// The stream; empty: none.
    pub(crate) stream: String,
    /// All.
    pub(crate) messages: i64,
    /// Proved to be the shop's.
    pub(crate) passed: i64,
    /// With a good signature.
    pub(crate) dkim: i64,
    /// From a server that may.
    pub(crate) spf: i64,
    /// In the spam folder.
    pub(crate) quarantined: i64,
    /// Refused.
    pub(crate) rejected: i64,
}

/// `/console/phishing/reports`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ReportsView {
    /// Reports, newest first.
    pub(crate) reports: Vec<ReportRow>,
    /// Largest file in MiB.
    pub(crate) file_mib_max: i64,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
    /// What the file that was just sent held.
    pub(crate) taken: Option<Taken>,
    /// This person may add reports.
    pub(crate) may_change: bool,
    /// Things in quarantine.
    pub(crate) quarantine: i64,
}

/// What a file held.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Taken {
    /// Reports that were new.
    pub(crate) new: i64,
    /// Reports that were there already.
    pub(crate) known: i64,
    /// Reports about TLS among them.
    pub(crate) tls: i64,
    /// Things that could not be read, with why.
    pub(crate) quarantined: Vec<String>,
    /// Reports with personal data that were not kept.
    pub(crate) refused: i64,
}

/// A report in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportRow {
    /// Its id.
    pub(crate) id: String,
    /// `aggregate` or `tls`.
    pub(crate) kind: String,
    /// Who reported.
    pub(crate) org: String,
    /// About which domain.
    pub(crate) domain: String,
    /// Unix ms of its beginning.
    pub(crate) begin: i64,
    /// Unix ms of its end.
    pub(crate) end: i64,
    /// Messages in it.
    pub(crate) messages: i64,
}

/// `/console/phishing/reports/{id}`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportView {
    /// The report.
    pub(crate) report: ReportRow,
    /// Its rows, most messages first.
    pub(crate) rows: Vec<ReportLine>,
    /// Rows that are not shown.
    pub(crate) more: i64,
    /// What was odd about it, a sentence each.
    pub(crate) problems: Vec<String>,
    /// Connections of a report about TLS: went well, failed.
    pub(crate) tls: Option<(i64, i64)>,
}

/// A row of a report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportLine {
    /// The server's address.
    pub(crate) source: String,
    /// Who that is.
    pub(crate) name: String,
    /// `own`, `service`, `forwarder`, `unknown` or `misuse`.
    pub(crate) category: &'static str,
    /// Messages.
    pub(crate) messages: i64,
    /// The From domain.
    pub(crate) from: String,
    /// An aligned signature passed.
    pub(crate) dkim: bool,
    /// An aligned SPF passed.
    pub(crate) spf: bool,
    /// `none`, `quarantine`, `reject` or `pass`.
    pub(crate) disposition: &'static str,
}

/// `/console/phishing/quarantine`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct QuarantineView {
    /// What could not be read, newest first.
    pub(crate) items: Vec<QuarantineRow>,
    /// This person may try again and delete.
    pub(crate) may_change: bool,
}

/// Something that could not be read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct QuarantineRow {
    /// Its id.
    pub(crate) id: String,
    /// Unix ms of its arrival.
    pub(crate) at: i64,
    /// How it came.
    pub(crate) source: String,
    /// Why it cannot be read.
    pub(crate) reason: String,
    /// Bytes.
    pub(crate) size: i64,
}

/// `/console/phishing/keys`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct KeysView {
    /// The keys.
    pub(crate) keys: Vec<KeyRow>,
    /// Domains to make a key for.
    pub(crate) domains: Vec<Choice>,
    /// Kinds of keys.
    pub(crate) kinds: Vec<Choice>,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
    /// This person may make keys.
    pub(crate) may_change: bool,
}

/// `/console/phishing/plan`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct PlanView {
    /// The domain of the shop; None while no streams are declared.
    pub(crate) domain: Option<String>,
    /// Steps in order.
    pub(crate) steps: Vec<PlanStep>,
    /// How the DNS differs from it; None while it was not asked.
    pub(crate) differences: Option<Vec<PlanDifference>>,
    /// Why the DNS could not be asked.
    pub(crate) problem: Option<String>,
}

/// Something in the DNS that is not as planned.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlanDifference {
    /// `warn`, `bad` or `plain`.
    pub(crate) tone: &'static str,
    /// At which name.
    pub(crate) name: String,
    /// What it means and what to do.
    pub(crate) text: String,
    /// What stands there now.
    pub(crate) published: Vec<String>,
    /// What should stand there.
    pub(crate) record: Option<RecordView>,
}

/// A step of the plan.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlanStep {
    /// What to do.
    pub(crate) title: String,
    /// Why.
    pub(crate) why: String,
    /// How long to wait before the next.
    pub(crate) wait: Option<String>,
    /// The stream that it is for.
    pub(crate) stream: Option<String>,
    /// Records to publish.
    pub(crate) records: Vec<RecordView>,
    /// Texts that are no record, such as a policy file: their place and what they hold.
    pub(crate) files: Vec<(String, String)>,
    /// What somebody must find out or switch on first, a sentence each.
    pub(crate) todo: Vec<String>,
}

/// `/console/phishing/what-if`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct WhatIfView {
    /// Policies to choose from.
    pub(crate) policies: Vec<Choice>,
    /// Periods to choose from.
    pub(crate) periods: Vec<Choice>,
    /// A record of one's own, as typed.
    pub(crate) record: String,
    /// A new SPF record, as typed.
    pub(crate) spf: String,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
    /// What would happen; None before it was asked.
    pub(crate) outcome: Option<WhatIf>,
}

/// What would happen under a policy.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct WhatIf {
    /// In one sentence.
    pub(crate) light: Light,
    /// The record that was tried.
    pub(crate) record: String,
    /// Days that were replayed.
    pub(crate) days: i64,
    /// Messages that were replayed.
    pub(crate) messages: i64,
    /// What to keep in mind, a sentence each.
    pub(crate) remarks: Vec<String>,
    /// Sources that would lose messages, most first.
    pub(crate) sources: Vec<WhatIfRow>,
}

/// A source and what would happen to its messages.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WhatIfRow {
    /// Its name.
    pub(crate) name: String,
    /// `own`, `service`, `forwarder`, `unknown` or `misuse`.
    pub(crate) category: &'static str,
    /// The stream; empty: none.
    pub(crate) stream: String,
    /// All.
    pub(crate) messages: i64,
    /// Would pass.
    pub(crate) passed: i64,
    /// Would be put in the spam folder.
    pub(crate) quarantined: i64,
    /// Would be refused.
    pub(crate) rejected: i64,
    /// Why, in a few words.
    pub(crate) reason: Option<String>,
}

/// `/console/phishing/lookalikes`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct LookalikesView {
    /// The domain that they look like; None while no streams are declared.
    pub(crate) domain: Option<String>,
    /// Names that exist, the worst first.
    pub(crate) rows: Vec<LookalikeRow>,
    /// Unix ms of looking last.
    pub(crate) at: Option<i64>,
    /// How many names were tried.
    pub(crate) tried: i64,
    /// Is being looked for now.
    pub(crate) is_running: bool,
    /// How far that is.
    pub(crate) percent: Option<i64>,
    /// Why looking failed.
    pub(crate) problem: Option<String>,
    /// This person may look.
    pub(crate) may_change: bool,
}

/// `/console/phishing/queue`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct QueueView {
    /// Messages that wait.
    pub(crate) waiting: i64,
    /// Messages that are held.
    pub(crate) held: i64,
    /// Unix ms of the oldest.
    pub(crate) oldest: Option<i64>,
    /// Bytes of all.
    pub(crate) bytes: i64,
    /// Messages that wait, oldest first.
    pub(crate) rows: Vec<QueueRow>,
    /// This person may try again and throw away.
    pub(crate) may_change: bool,
}

/// A message that waits.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct QueueRow {
    /// Its id.
    pub(crate) id: String,
    /// The stream.
    pub(crate) stream: String,
    /// Where it goes, as far as that says nothing about a person.
    pub(crate) receiver: String,
    /// Unix ms of its arrival.
    pub(crate) at: i64,
    /// Unix ms of the next try.
    pub(crate) due: i64,
    /// Tries so far.
    pub(crate) attempts: i64,
    /// What the mail server answered the last time.
    pub(crate) last: Option<String>,
    /// `waiting`, `sending` or `held`.
    pub(crate) state: &'static str,
}

/// Ties view models to their templates.
macro_rules! templates {
    ($($view:ty => $template:literal),+ $(,)?) => {
        $(impl View for $view { const TEMPLATE: &'static str = $template; })+
    };
}
templates! {
    MailView => "mail.html",
    SenderView => "mail_sender.html",
    ReportsView => "mail_reports.html",
    ReportView => "mail_report.html",
    QuarantineView => "mail_quarantine.html",
    KeysView => "mail_keys.html",
    PlanView => "mail_plan.html",
    WhatIfView => "mail_what_if.html",
    LookalikesView => "mail_lookalikes.html",
    QueueView => "mail_queue.html",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_a_provider_wants_them() {
        let host = |name: &str| RecordView::new(String::new(), "winkel.example", "TXT", name, "x").host;
        assert_eq!(host("_dmarc.winkel.example."), "_dmarc");
        assert_eq!(host("kk1._domainkey.nieuws.winkel.example"), "kk1._domainkey.nieuws");
        assert_eq!(host("winkel.example"), "@");
        for other in ["andere.example", "mijnwinkel.example"] {
            assert_eq!(host(other), other);
        }
    }

    #[test]
    fn a_budget_has_a_cell_for_each_lookup() {
        for (used, tone, cells) in [
            (0, "ok", 10),
            (7, "ok", 10),
            (8, "warn", 10),
            (10, "warn", 10),
            (13, "bad", 13),
            (999, "bad", 20),
        ] {
            let budget = Budget::new("winkel.example".into(), used, 10, Vec::new());
            assert_eq!((budget.tone, budget.cells.len()), (tone, cells), "{used}");
            let count = |kind: &str| budget.cells.iter().filter(|cell| cell.kind == kind).count();
            assert_eq!(count("used") + count("over") + count("free"), cells);
            assert_eq!(count("over"), cells - 10);
        }
    }
}
