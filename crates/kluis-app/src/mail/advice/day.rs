//! The daily job: looks at the DNS, remembers it, and writes one digest when something must be done.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluis_crypto::PiiBytes;
use kluis_mail::advice::{ChangeKind, Digest, DigestItem, DnsChange, DomainDns, Due, Light, digest};
use kluis_mail::streams::{MailSetup, MailStream};
use kluis_model::audit::Operation;
use kluis_model::{Actor, JobId, Lang, PiiText, Text, TimeMs};
use kluis_store::{StoreError, Unit};
use serde::{Deserialize, Serialize};

use super::overview::{budgets, gone};
use super::{
    ADVICE_DAYS, DIGEST, DNS, DnsFact, Known, MailDigestView, MailLookalikeView, POLICY, PolicyFact,
    SeenChange, advices, look,
};
use crate::guard::{Ask, Done};
use crate::mail::keys::{MailKeyTodo, MailKeyView};
use crate::mail::queue::{Outgoing, ReportWish};
use crate::status::{Attention, Tone};
use crate::{App, AppError};

/// The fact of the last digest.
pub(super) const LAST: &str = "last";
/// The fact of the last look.
const LOOKED: &str = "looked";
/// Changes that are remembered of a domain.
const CHANGES_MAX: usize = 100;
/// How long a change is remembered.
const CHANGES_KEPT_DAYS: i64 = 30;
/// How long a change that nobody planned stays a point of the digest.
const CHANGES_OPEN_DAYS: i64 = 7;
/// A digest that still says the same is mailed again after so many days.
const AGAIN_DAYS: i64 = 7;
/// Points on the status page.
const ATTENTION_MAX: usize = 5;
/// How old a digest may be on the status page; it is written every day.
const ATTENTION_BELIEVED: Duration = Duration::from_secs(3 * 86_400);
/// Points of a lookalike from which on it is a point of the digest.
const LOOKALIKE_POINTS: u8 = 70;
/// Bytes of a line of base64 in a mail.
const LINE_BYTES: usize = 76;
const DAY_MS: i64 = 86_400_000;

/// When the DNS was looked at last.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Looked {
    day: i64,
}

impl App {
    /// The daily job: does nothing when it ran today, on this node or another, or no streams are declared.
    pub(crate) async fn mail_day_due(&self) -> Result<(), AppError> {
        if self.mail_settings().setup.is_none() {
            return Ok(());
        }
        let actor = self.job_actor("mail");
        let looked = self.fact::<Looked>(DIGEST, LOOKED).await?;
        if looked.is_none_or(|looked| looked.value.day < self.now().day()) {
            self.mail_day(&actor).await?;
        }
        self.mail_digest(&actor).await
    }

    /// Looks at the DNS of the shop's domains, remembers what changed, and gives what must be done; nothing when all is
    /// well.
    ///
    /// # Errors
    /// Denied, `Invalid` while no streams are declared, or `Integrity`.
    pub async fn mail_day(&self, actor: &Actor) -> Result<Option<MailDigestView>, AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let known = self.mail_known().await?.ok_or_else(super::no_streams)?;
        let keys = self.mail_keys(actor).await?;
        let now = self.look(&known.setup, &keys).await;
        if now.values().all(DomainDns::is_unanswered) {
            // Nothing was learned: it is tried again in an hour.
            return Ok(None);
        }
        let now = look::filled(now, &known);
        let changed = self.dns_changes(&known, &keys, &now).await;
        let sources = self.mail_sources(actor, ADVICE_DAYS).await?;
        let mut policies = self.policies(actor, &known, &now).await?;
        let advices = advices(&known, &now, &policies, &sources);
        for advice in &advices {
            if let Some(policy) = policies.get_mut(&advice.domain) {
                policy.advised =
                    advice.next.as_ref().map(|next| next.value.clone()).or(policy.advised.take());
            }
        }
        let seen = self.seen_changes(&known, changed);
        let all: Vec<SeenChange> = seen.values().flatten().cloned().collect();
        let open: Vec<DnsChange> = open_changes(&all, self.now());
        let due = Due {
            advices: &advices,
            changes: &open,
            budgets: &budgets(&now),
            gone: &gone(&known.setup, &now, &keys),
            others: others(
                &keys,
                self.mail_quarantine_list(actor).await?.len(),
                &self.mail_lookalikes_seen().await?,
            ),
        };
        let found = digest(&due);
        let view = self.remember(actor, &ask, Looks { known: &known, now, seen, policies, found }).await?;
        Ok(Some(view).filter(|view| !view.items.is_empty()))
    }

    /// The changes of each domain with those of now, newest first.
    fn seen_changes(&self, known: &Known, changed: Vec<DnsChange>) -> BTreeMap<String, Vec<SeenChange>> {
        let at = self.now();
        let mut all: BTreeMap<String, Vec<SeenChange>> = BTreeMap::new();
        for change in changed {
            all.entry(change.domain.clone()).or_default().push(SeenChange { at, change });
        }
        for (domain, fact) in &known.dns {
            all.entry(domain.clone()).or_default().extend(fact.value.changes.iter().cloned());
        }
        for changes in all.values_mut() {
            changes.retain(|seen| at.0 - seen.at.0 < CHANGES_KEPT_DAYS * DAY_MS);
            changes.truncate(CHANGES_MAX);
        }
        all
    }

    /// Writes everything in one unit; when another node was quicker, what it wrote is as good.
    async fn remember(
        &self,
        actor: &Actor,
        ask: &Ask<'_>,
        looks: Looks<'_>,
    ) -> Result<MailDigestView, AppError> {
        let Looks { known, now, mut seen, policies, found } = looks;
        let at = self.now();
        let mut unit = Unit::new();
        for (domain, dns) in now {
            let changes = seen.remove(&domain).unwrap_or_default();
            let version = known.dns.get(&domain).map_or(0, |fact| fact.version);
            let fact = DnsFact { dns, changes };
            self.put_fact(&mut unit, (DNS, &domain), &fact, version)?;
        }
        for (domain, policy) in policies {
            let before = known.policies.get(&domain);
            if before.is_none_or(|before| before.value != policy) {
                let version = before.map_or(0, |fact| fact.version);
                self.put_fact(&mut unit, (POLICY, &domain), &policy, version)?;
            }
        }
        let looked = self.fact::<Looked>(DIGEST, LOOKED).await?;
        let version = looked.map_or(0, |fact| fact.version);
        self.put_fact(&mut unit, (DIGEST, LOOKED), &Looked { day: at.day() }, version)?;
        let last = self.fact::<MailDigestView>(DIGEST, LAST).await?;
        let view = digest_view(found, last.as_ref().map(|fact| &fact.value), at);
        let version = last.map_or(0, |fact| fact.version);
        self.put_fact(&mut unit, (DIGEST, LAST), &view, version)?;
        let done = Done { count: view.items.len() as u64, reason: Some("mail_looked"), ..Done::default() };
        self.add_ok(&mut unit, actor, ask, &done);
        match self.store().commit(unit).await {
            Err(StoreError::Conflict { what }) if what == "mail_fact" => {}
            other => drop(other?),
        }
        Ok(view)
    }

    /// Mails the last digest when that is set and was not done yet.
    async fn mail_digest(&self, actor: &Actor) -> Result<(), AppError> {
        let settings = self.mail_settings();
        let (Some(to), Some(setup)) = (&settings.digest_to, &settings.setup) else { return Ok(()) };
        let Some(fact) = self.fact::<MailDigestView>(DIGEST, LAST).await? else { return Ok(()) };
        if fact.value.items.is_empty() || fact.value.mailed.is_some() {
            return Ok(());
        }
        let signer = self.mail_signer().await?;
        let Some(stream) =
            setup.streams.iter().find(|stream| stream.is_relayed && signer.can_sign(&stream.from))
        else {
            tracing::warn!("mail.digest_to is set, but no stream of the relay has a key that signs");
            return Ok(());
        };
        let at = self.now();
        let message = digest_message(setup, stream, to, &fact.value, JobId::generate(at, self.random()));
        let signed = signer.sign(message.as_bytes(), at).map_err(AppError::internal)?;
        let bytes = [signed.fields.as_slice(), message.as_bytes()].concat();
        // First noted, then handed over: of two nodes one mails it, and a crash in between loses a mail that the
        // console shows all the same.
        let view = MailDigestView { mailed: Some(at), ..fact.value.clone() };
        let mut unit = Unit::new();
        self.put_fact(&mut unit, (DIGEST, LAST), &view, fact.version)?;
        match self.store().commit(unit).await {
            Err(StoreError::Conflict { what }) if what == "mail_fact" => return Ok(()),
            other => drop(other?),
        }
        let mail = Outgoing {
            stream: stream.id.clone(),
            mail_from: PiiText::new(sender(stream)),
            recipients: vec![PiiText::new(to.clone()).into()],
            message: PiiBytes::new(bytes),
            at,
            reports: ReportWish::default(),
        };
        let queued = self.mail_enqueue(actor, mail).await;
        if queued.is_err() {
            // A full queue, for one: it is tried again in an hour.
            let mut unit = Unit::new();
            self.put_fact(&mut unit, (DIGEST, LAST), &fact.value, fact.version + 1)?;
            self.store().commit(unit).await?;
        }
        queued.map(|_| ())
    }

    /// What must be done about mail, for the status page.
    pub(crate) async fn mail_attention(&self) -> Result<Vec<Attention>, AppError> {
        let Some(fact) = self.fact::<MailDigestView>(DIGEST, LAST).await? else { return Ok(Vec::new()) };
        if self.now().since(fact.updated) > ATTENTION_BELIEVED {
            // Nobody looks any more: no streams are declared, or no server runs.
            return Ok(Vec::new());
        }
        let of_item = |item: &DigestItem| Attention {
            id: "mail",
            tone: if item.light == Light::Red { Tone::Bad } else { Tone::Warn },
            text: item.text.clone(),
        };
        Ok(fact.value.items.iter().take(ATTENTION_MAX).map(of_item).collect())
    }
}

/// What a look found.
struct Looks<'a> {
    known: &'a Known,
    now: BTreeMap<String, DomainDns>,
    seen: BTreeMap<String, Vec<SeenChange>>,
    policies: BTreeMap<String, PolicyFact>,
    found: Option<Digest>,
}

/// The digest to keep: the one before, as long as it says the same and is not a week old.
fn digest_view(found: Option<Digest>, last: Option<&MailDigestView>, at: TimeMs) -> MailDigestView {
    let Some(digest) = found else { return MailDigestView { at, mailed: None, items: Vec::new() } };
    let same = last.filter(|last| digest.is_same(&last.items) && at.0 - last.at.0 < AGAIN_DAYS * DAY_MS);
    match same {
        // The words may have changed: a day more, a message more.
        Some(last) => MailDigestView { at: last.at, mailed: last.mailed, items: digest.items },
        None => MailDigestView { at, mailed: None, items: digest.items },
    }
}

/// What a change is about, so that a later one at the same name answers it.
fn about(change: &DnsChange) -> (&str, u8) {
    let group = match change.kind {
        ChangeKind::Spf | ChangeKind::SpfGone | ChangeKind::SpfSeveral => 0,
        ChangeKind::SpfGrew => 1,
        ChangeKind::SpfBudget => 2,
        ChangeKind::Dmarc | ChangeKind::DmarcMilder | ChangeKind::DmarcGone => 3,
        ChangeKind::KeyGone | ChangeKind::KeyChanged | ChangeKind::KeyNew => 4,
        ChangeKind::Mx | ChangeKind::MxUnknown => 5,
        ChangeKind::MtaSts => 6,
        ChangeKind::TlsRpt => 7,
    };
    (&change.name, group)
}

/// Changes of the last week that nobody planned and that were not taken back; `all` in any order.
pub(super) fn open_changes(all: &[SeenChange], now: TimeMs) -> Vec<DnsChange> {
    let mut all: Vec<&SeenChange> =
        all.iter().filter(|seen| now.0 - seen.at.0 < CHANGES_OPEN_DAYS * DAY_MS).collect();
    all.sort_by_key(|seen| seen.at);
    let mut open: Vec<DnsChange> = Vec::new();
    for seen in all {
        let earlier = open.iter().position(|change| about(change) == about(&seen.change));
        let before = match earlier {
            Some(at) => open.remove(at).before,
            None => seen.change.before.clone(),
        };
        if before != seen.change.after && !seen.change.is_planned {
            open.push(DnsChange { before, ..seen.change.clone() });
        }
    }
    open
}

/// Points about keys, reports that could not be read and new lookalikes.
pub(super) fn others(
    keys: &[MailKeyView],
    quarantined: usize,
    lookalikes: &[MailLookalikeView],
) -> Vec<DigestItem> {
    let mut items: Vec<DigestItem> = keys.iter().filter_map(key_item).collect();
    if quarantined > 0 {
        items.push(DigestItem {
            id: "quarantine".to_owned(),
            light: Light::Amber,
            text: Text::new(
                format!("{quarantined} rapporten konden niet worden gelezen."),
                format!("{quarantined} reports could not be read."),
            ),
            todo: Some(Text::new(
                "Bekijk wat niet te lezen was, in de console of met: klantkluis mail report quarantine list.",
                "Look at what could not be read, in the console or by: klantkluis mail report quarantine list.",
            )),
            record: None,
        });
    }
    let is_due = |view: &&MailLookalikeView| view.is_new && view.points >= LOOKALIKE_POINTS;
    items.extend(lookalikes.iter().filter(is_due).map(|view| DigestItem {
        id: format!("lookalike {}", view.domain),
        light: Light::Amber,
        text: Text::new(
            format!("Er is een naam bij gekomen die op de uwe lijkt: {}.", view.domain),
            format!("A name that looks like yours has come up: {}.", view.domain),
        ),
        todo: Some(Text::new(
            "Bekijk hem op de pagina Phishing; meld misbruik bij de registrar.",
            "Look at it on the page Phishing; report misuse to the registrar.",
        )),
        record: None,
    }));
    items
}

fn key_item(key: &MailKeyView) -> Option<DigestItem> {
    let (word, light) = match &key.todo {
        MailKeyTodo::Restore { .. } => ("restore", Light::Red),
        MailKeyTodo::Publish { .. } => ("publish", Light::Amber),
        MailKeyTodo::Remove { .. } => ("remove", Light::Amber),
        MailKeyTodo::Rotate => ("rotate", Light::Amber),
        MailKeyTodo::Nothing | MailKeyTodo::Wait { .. } | MailKeyTodo::AskLater => return None,
    };
    let name = &key.name;
    Some(DigestItem {
        id: format!("rotation {word} {name}"),
        light,
        text: Text::new(
            format!("DKIM-sleutel {name}: {}.", key.state_text.nl),
            format!("DKIM key {name}: {}.", key.state_text.en),
        ),
        todo: Some(key.advice.clone()),
        record: None,
    })
}

fn sender(stream: &MailStream) -> String {
    format!("klantkluis@{}", stream.from)
}

/// The mail of a digest: plain text, Dutch first, English below.
fn digest_message(
    setup: &MailSetup,
    stream: &MailStream,
    to: &str,
    view: &MailDigestView,
    id: JobId,
) -> String {
    let digest = Digest { items: view.items.clone() };
    let mut body = digest.body(Lang::Nl);
    body.push_str("\n-- \nEnglish\n\n");
    body.push_str(&digest.body(Lang::En));
    let body = STANDARD.encode(body.replace('\n', "\r\n"));
    let mut lines = String::new();
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE_BYTES));
        lines.push_str(line);
        lines.push_str("\r\n");
        rest = more;
    }
    let subject = digest.subject(&setup.domain).nl;
    let to: String = to.chars().filter(|c| !c.is_control()).collect();
    format!(
        "From: Klantkluis <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{id}@{domain}>\r\n\
         Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{lines}",
        from = sender(stream),
        date = kluis_mail::bounce::date(id.time()),
        domain = stream.from,
    )
}
