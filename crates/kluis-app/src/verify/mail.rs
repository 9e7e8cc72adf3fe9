//! What is stored about mail is what the vault wrote: signing keys, and the changes that say which of them sign.

use super::{Check, FindingKind};
use crate::AppError;
use crate::mail::{KEYS_MAX, KeyChange, ROTATION, mail_key_agrees};

impl Check<'_> {
    /// Every signing key is whole and opens, and the keys that changes name are there.
    pub(crate) async fn read_mail_keys(&mut self) -> Result<(), AppError> {
        let shop = self.actor.shop;
        let keys = self.app.keys(shop)?;
        // Changes first: a key that is made meanwhile is more than they name, never less.
        let changes = self.app.facts::<KeyChange>(ROTATION).await?;
        let rows = self.app.store().mail_keys(shop, KEYS_MAX).await?;
        for row in rows.iter().filter(|row| !mail_key_agrees(&keys, row)) {
            self.findings.add(FindingKind::MailWrong, format!("mail_key {}/{}", row.domain, row.selector));
        }
        for change in &changes {
            let rotation = &change.value.rotation;
            let places = rotation.old.iter().chain([&rotation.new]);
            for place in places {
                let is_there = rows.iter().any(|row| {
                    row.domain == rotation.domain
                        && row.selector == place.selector
                        && row.public == place.record
                });
                if !is_there {
                    let name = format!("mail_key {}/{}", rotation.domain, place.selector);
                    self.findings.add(FindingKind::MailWrong, name);
                }
            }
        }
        Ok(())
    }
}
