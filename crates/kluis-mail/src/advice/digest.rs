//! The digest: everything that must be done about mail today, or nothing.

use kluis_model::{Lang, Text};
use serde::{Deserialize, Serialize};

use super::Light;
use super::gather::SpfBudget;
use super::policy::{Advice, NextKind, NextRecord};
use super::snapshot::DnsChange;
use super::words::both;
use crate::streams::KeyUse;

/// Points in a digest.
const ITEMS_MAX: usize = 20;

/// What may have to be done.
#[derive(Debug, Clone, Default)]
pub struct Due<'a> {
    /// Advice for the domains.
    pub advices: &'a [Advice],
    /// Changes in the DNS since the look before.
    pub changes: &'a [DnsChange],
    /// Cost of SPF.
    pub budgets: &'a [SpfBudget],
    /// Keys that streams use and that are not in the DNS.
    pub gone: &'a [KeyUse],
    /// Other points, such as an old key, new lookalikes or reports in quarantine.
    pub others: Vec<DigestItem>,
}

/// A point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestItem {
    /// What it is about, the same as long as it is the same: `policy shop.nl quarantine`.
    pub id: String,
    /// How pressing.
    pub light: Light,
    /// What is the matter.
    pub text: Text,
    /// What to do.
    pub todo: Option<Text>,
    /// The record to publish.
    pub record: Option<NextRecord>,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The points, most pressing first, at most 20.
    pub items: Vec<DigestItem>,
}

/// Collects what must be done; `None` when there is nothing.
#[must_use]
pub fn digest(due: &Due<'_>) -> Option<Digest> {
    let mut items: Vec<DigestItem> = Vec::new();
    items.extend(due.gone.iter().map(gone));
    items.extend(due.changes.iter().filter(|change| change.light >= Light::Amber).map(changed));
    items.extend(due.advices.iter().filter_map(advised));
    items.extend(due.budgets.iter().filter(|budget| budget.light >= Light::Amber).map(budget));
    items.extend(due.others.iter().cloned());
    items.sort_by_key(|item| core::cmp::Reverse(item.light));
    items.truncate(ITEMS_MAX);
    (!items.is_empty()).then_some(Digest { items })
}

fn gone(key: &KeyUse) -> DigestItem {
    let name = format!("{}._domainkey.{}", key.selector, key.domain);
    DigestItem {
        id: format!("key {name}"),
        light: Light::Red,
        text: Text::new(
            format!("De DKIM-sleutel {name} staat niet in de DNS."),
            format!("The DKIM key {name} is not in the DNS."),
        ),
        todo: Some(Text::new(
            "Zet het record terug; tot dan zijn handtekeningen van deze stroom niets waard.",
            "Put the record back; until then signatures of this stream are worth nothing.",
        )),
        record: None,
    }
}

fn changed(change: &DnsChange) -> DigestItem {
    DigestItem {
        id: format!("dns {} {:?} {}", change.name, change.kind, change.after.as_deref().unwrap_or("-")),
        light: change.light,
        text: change.text.clone(),
        todo: change.todo.clone(),
        record: None,
    }
}

fn advised(advice: &Advice) -> Option<DigestItem> {
    let next = advice.next.as_ref()?;
    // A record of its own may wait; it is on the page.
    if next.kind == NextKind::OwnRecord {
        return None;
    }
    Some(DigestItem {
        id: format!("policy {} {}", advice.domain, next.value),
        light: advice.light.max(Light::Amber),
        text: advice.summary.clone(),
        todo: Some(next.text.clone()),
        record: Some(next.clone()),
    })
}

fn budget(budget: &SpfBudget) -> DigestItem {
    let (domain, lookups) = (&budget.domain, budget.lookups);
    let text = if budget.records.len() > 1 {
        Text::new(
            format!("{domain} heeft meer dan één SPF-record; daardoor telt geen enkel record."),
            format!("{domain} has more than one SPF record; therefore none of them counts."),
        )
    } else {
        Text::new(
            format!("SPF van {domain} kost {lookups} van de {} zoekacties.", budget.lookups_max),
            format!("SPF of {domain} costs {lookups} of {} look-ups.", budget.lookups_max),
        )
    };
    DigestItem {
        id: format!("spf {domain}"),
        light: budget.light,
        text,
        todo: Some(Text::new(
            "Kijk met `klantkluis mail spf budget` welke diensten u kunt weghalen of op een eigen subdomein kunt zetten.",
            "See with `klantkluis mail spf budget` which services you can remove or move to a subdomain of their own.",
        )),
        record: None,
    }
}

impl Digest {
    /// Whether another says the same.
    #[must_use]
    pub fn is_same(&self, items: &[DigestItem]) -> bool {
        let ids = |items: &[DigestItem]| {
            let mut ids: Vec<String> = items.iter().map(|item| item.id.clone()).collect();
            ids.sort();
            ids
        };
        ids(&self.items) == ids(items)
    }

    /// The subject of the mail.
    #[must_use]
    pub fn subject(&self, domain: &str) -> Text {
        let count = self.items.len();
        both(|lang| match (lang, count) {
            (Lang::Nl, 1) => format!("Mail van {domain}: 1 punt vraagt uw aandacht"),
            (Lang::Nl, _) => format!("Mail van {domain}: {count} punten vragen uw aandacht"),
            (Lang::En, 1) => format!("Mail of {domain}: 1 point needs your attention"),
            (Lang::En, _) => format!("Mail of {domain}: {count} points need your attention"),
        })
    }

    /// The text of the mail in a language, lines ending in LF, without control characters.
    #[must_use]
    pub fn body(&self, lang: Lang) -> String {
        let mut text = String::new();
        for (at, item) in self.items.iter().enumerate() {
            let mark = if item.light == Light::Red { lang.pick(" [dringend]", " [urgent]") } else { "" };
            push(&mut text, &format!("{}.{mark} {}", at + 1, item.text.get(lang)));
            if let Some(todo) = &item.todo {
                push(&mut text, &format!("   {}", todo.get(lang)));
            }
            if let Some(record) = &item.record {
                push(&mut text, &format!("   {} {}", record.name, record.record_type));
                push(&mut text, &format!("   {}", record.value));
            }
            text.push('\n');
        }
        push(
            &mut text,
            lang.pick(
                "Alles staat ook in de console onder Phishing. U krijgt deze mail alleen als er iets te doen is.",
                "Everything is in the console too, under Phishing. You get this mail only when something must be done.",
            ),
        );
        text
    }
}

/// A line without control characters.
fn push(text: &mut String, line: &str) {
    text.extend(line.chars().filter(|c| !c.is_control()));
    text.push('\n');
}
