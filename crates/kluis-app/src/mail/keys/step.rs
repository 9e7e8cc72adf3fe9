//! Moves changes of keys on, as far as the DNS and the time allow: by a command, and every hour.

use std::time::Duration;

use kluis_mail::dkim::rotation::{Advice, Rotation, Stage};
use kluis_model::Actor;
use kluis_model::audit::Operation;
use kluis_net::AuditOptions;
use kluis_store::{StoreError, Unit};

use super::stored::{self, KeyChange, change_name};
use super::{MailKeyAlgorithm, MailKeyView, ROTATION, checked_domain, done};
use crate::guard::Ask;
use crate::mail::facts::Fact;
use crate::{App, AppError, SHOP};

/// Steps of one change in one go: there are four from the first to the last.
const STEPS_MAX: usize = 6;
/// Time for the questions about one change.
const DNS_TIME: Duration = Duration::from_secs(15);

impl App {
    /// Looks at the DNS and moves every change of keys on as far as may be; gives the keys as they are then.
    ///
    /// # Errors
    /// Denied, or `Integrity`. That the DNS does not answer is no error: the advice says so.
    pub async fn mail_keys_step(&self, actor: &Actor) -> Result<Vec<MailKeyView>, AppError> {
        self.allow(actor, &Ask::new(Operation::MailChange)).await?;
        for fact in self.facts::<KeyChange>(ROTATION).await? {
            self.step_change(actor, fact, Haste::No).await?;
        }
        self.key_views(actor).await
    }

    /// The same for the one change of a domain and an algorithm, without its present waiting: for a key that leaked. What
    /// must be in the DNS must be there all the same.
    ///
    /// # Errors
    /// Denied, `NotFound` when there is no such key, or `Integrity`.
    pub async fn mail_key_hurry(
        &self,
        actor: &Actor,
        domain: &str,
        algorithm: MailKeyAlgorithm,
    ) -> Result<Vec<MailKeyView>, AppError> {
        self.allow(actor, &Ask::new(Operation::MailChange)).await?;
        let name = change_name(&checked_domain(domain)?, algorithm);
        let fact = self.fact::<KeyChange>(ROTATION, &name).await?.ok_or(AppError::NotFound)?;
        self.step_change(actor, fact, Haste::SkipWaiting).await?;
        self.key_views(actor).await
    }

    /// The hourly look at the changes of keys.
    pub(crate) async fn mail_keys_due(&self) -> Result<(), AppError> {
        let changes = self.facts::<KeyChange>(ROTATION).await?;
        let actor = self.job_actor("mail");
        for fact in changes {
            self.step_change(&actor, fact, Haste::No).await?;
        }
        Ok(())
    }

    async fn step_change(&self, actor: &Actor, fact: Fact<KeyChange>, haste: Haste) -> Result<(), AppError> {
        let begun = &fact.value.rotation;
        let (rotation, advice) = self.step_by_dns(begun, haste).await;
        if rotation == *begun && advice == fact.value.advice {
            return Ok(());
        }
        let mut unit = Unit::new();
        if rotation.stage != begun.stage {
            let reason = match rotation.stage {
                Stage::Publish => "key_set_back",
                Stage::Wait { .. } => "key_seen",
                Stage::Keep { .. } | Stage::Done if rotation.old.is_none() => "key_in_use",
                Stage::Keep { .. } => "key_switched",
                Stage::Revoke => "key_to_revoke",
                Stage::Done => "key_revoked",
            };
            let ask = Ask::new(Operation::MailChange);
            self.add_ok(&mut unit, actor, &ask, &done(reason, &rotation.domain, &rotation.new.selector));
        }
        if rotation.stage == Stage::Done && begun.stage != Stage::Done {
            self.destroy_old(&rotation, &mut unit).await?;
        }
        let value = KeyChange { algorithm: fact.value.algorithm, rotation, advice };
        self.put_fact(&mut unit, (ROTATION, &fact.name), &value, fact.version)?;
        match self.store().commit(unit).await {
            // Another node looked at the same moment; it found the same.
            Err(StoreError::Conflict { .. }) => {}
            other => drop(other?),
        }
        self.inner.mail.signer.clear();
        Ok(())
    }

    /// Takes every step that may be taken now; a DNS that does not answer leaves the change where it is.
    async fn step_by_dns(&self, begun: &Rotation, haste: Haste) -> (Rotation, Advice) {
        let now_s = u64::try_from(self.now().0 / 1_000).unwrap_or(0);
        let settings = self.mail_settings();
        let options = AuditOptions { total: settings.dns.total.min(DNS_TIME), ..settings.dns.clone() };
        let mut rotation = begun.clone();
        let mut may_skip = haste == Haste::SkipWaiting;
        for _ in 0..STEPS_MAX {
            let is_waiting = matches!(rotation.stage, Stage::Wait { .. } | Stage::Keep { .. });
            let asked = if may_skip && is_waiting { rotation.without_waiting() } else { rotation.clone() };
            may_skip &= !is_waiting;
            let found = kluis_net::with_dns(&rotation.domain, &options, |answers| {
                asked.step(now_s, answers).map_err(|question| vec![question])
            });
            let Ok(Some((next, advice))) = found.await else { return (rotation, Advice::AskLater) };
            if next.stage == asked.stage {
                // What was skipped to no effect is not forgotten.
                return (rotation, advice);
            }
            rotation = next;
            if rotation.stage == Stage::Done {
                return (rotation, Advice::Nothing);
            }
        }
        (rotation, Advice::AskLater)
    }

    /// Adds to a unit that the private half of the old key is destroyed.
    async fn destroy_old(&self, rotation: &Rotation, unit: &mut Unit) -> Result<(), AppError> {
        let Some(old) = &rotation.old else { return Ok(()) };
        let Some(mut row) = self.store().mail_key(SHOP, &rotation.domain, &old.selector).await? else {
            return Ok(());
        };
        let before = row.updated;
        row.updated = self.now().max(kluis_model::TimeMs(before.0.saturating_add(1)));
        stored::seal(&*self.keys(SHOP)?, &mut row, None, self.random());
        unit.update_mail_key(&row, before);
        Ok(())
    }
}

/// Whether waiting is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    No,
    SkipWaiting,
}
