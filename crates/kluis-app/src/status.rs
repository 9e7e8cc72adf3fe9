//! What the vault holds and what a person should look at; and the little of it that anybody may know.

use std::time::{Duration, Instant};

use kluis_crypto::{EPOCH_PERIOD_MS, KeyringFile, SlotKind};
use kluis_model::{Actor, Operation, ShopId, Text, TimeMs};
use kluis_store::Counts;
use parking_lot::Mutex;
use serde::Serialize;

use crate::check::LastCheck;
use crate::guard::Ask;
use crate::keys::{read_keyring, suite_name};
use crate::{App, AppError, SHOP, meta};

/// A key epoch older than this means that the monthly housekeeping does not run.
const EPOCH_LATE_MS: i64 = EPOCH_PERIOD_MS + 2 * DAY_MS;
/// A log that grew for so long without a checkpoint is not protected.
const CHECKPOINT_LATE_MS: i64 = 15 * 60_000;
/// Backups older than this are worth a word.
const BACKUP_LATE_MS: i64 = 7 * DAY_MS;
/// So much waiting work means that nobody works it off.
const OUTBOX_LONG: u64 = 1_000;
const DAY_MS: i64 = 86_400_000;
/// How old counts on the public page may be.
const COUNTS_BELIEVED: Duration = Duration::from_secs(3);
/// The file in the data folder that holds the first credential when nobody sat at the terminal.
const FIRST_CREDENTIAL: &str = "first-credential";

/// The counts that were taken last.
#[derive(Default)]
pub(crate) struct RecentCounts {
    known: Mutex<Option<(ShopId, Instant, Counts)>>,
}

/// How pressing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Soon.
    Warn,
    /// Now.
    Bad,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attention {
    /// The word for programs.
    pub id: &'static str,
    /// How pressing.
    pub tone: Tone,
    /// What and what to do.
    pub text: Text,
}

/// What the vault holds, for staff.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The name of the shop.
    pub shop: String,
    /// Customers.
    pub subjects: u64,
    /// Erased customers.
    pub erased: u64,
    /// Entries in all logs.
    pub leaves: u64,
    /// Credentials that are not revoked.
    pub credentials: u64,
    /// Purposes in the register.
    pub purposes: u64,
    /// Fields in the register.
    pub fields: u64,
    /// The database.
    pub engine: &'static str,
    /// The node that answers.
    pub node: String,
    /// The cipher of new cells.
    pub suite: &'static str,
    /// The newest key epoch.
    pub epoch: u32,
    /// When it began.
    pub epoch_created: Option<TimeMs>,
    /// When this node's log was signed last.
    pub checkpoint_at: Option<TimeMs>,
    /// When a backup was made last.
    pub backup_at: Option<TimeMs>,
    /// When the vault was verified last.
    pub verified_at: Option<TimeMs>,
    /// What that found.
    pub verified_findings: u64,
    /// Whether the keys are not in memory; then this cannot be asked.
    pub sealed: bool,
    /// Whether names can be searched already.
    pub search_ready: bool,
    /// Work waiting.
    pub outbox: u64,
    /// The newest finished check of the shop's HTTPS.
    pub check: Option<LastCheck>,
    /// What needs attention, most pressing first.
    pub attention: Vec<Attention>,
}

/// Counts for the public page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PublicCounts {
    /// Customers.
    pub subjects: u64,
    /// Erased customers.
    pub erased: u64,
    /// Purposes in the register.
    pub purposes: u64,
    /// Fields in the register.
    pub fields: u64,
    /// Entries in all logs.
    pub leaves: u64,
    /// Credentials that are not revoked.
    pub credentials: u64,
}

/// What anybody may know.
#[derive(Debug, Clone, Serialize)]
pub struct PublicStatus {
    /// Whether the keys are not in memory.
    pub sealed: bool,
    /// Counts; none while sealed.
    pub counts: Option<PublicCounts>,
    /// When this node's log was signed last.
    pub checkpoint_at: Option<TimeMs>,
    /// Letter of the grade of the shop's HTTPS, and when it was checked; only of a domain in the settings.
    pub check: Option<(String, TimeMs)>,
}

impl App {
    /// What the vault holds and what needs attention; nothing about a person.
    ///
    /// # Errors
    /// `Denied`, `Sealed`, or when the database does not answer.
    pub async fn status(&self, actor: &Actor) -> Result<Status, AppError> {
        self.allow(actor, &Ask::new(Operation::Status)).await?;
        let keys = self.keys(actor.shop)?;
        let counts = self.store().counts(actor.shop).await?;
        let register = self.register();
        let epochs = self.unsealed()?.keyring.epochs(actor.shop);
        let checkpoint = self.store().latest_checkpoint(self.node()).await?;
        let verified = self.verified().await?;
        let mut status = Status {
            shop: self.shop_name().await?,
            subjects: counts.subjects,
            erased: counts.erased,
            leaves: counts.leaves,
            credentials: counts.credentials,
            purposes: register.purposes().count() as u64,
            fields: register.fields().count() as u64,
            engine: self.store().engine().name(),
            node: self.node().to_owned(),
            suite: suite_name(keys.suite()),
            epoch: keys.epoch(),
            epoch_created: epochs.last().map(|epoch| epoch.created),
            checkpoint_at: checkpoint.as_ref().map(|row| row.time),
            backup_at: self.backup_at().await?,
            verified_at: verified.map(|(at, _)| at),
            verified_findings: verified.map_or(0, |(_, findings)| findings),
            sealed: false,
            search_ready: self.inner.search.is_ready(actor.shop),
            outbox: self.store().outbox_depth().await?,
            check: self.newest_check().await?,
            attention: Vec::new(),
        };
        let signed = checkpoint.map_or(0, |row| row.size);
        status.attention = self.attention(&status, signed).await?;
        Ok(status)
    }

    /// Whether the vault is open, and counts; anybody may ask.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn public_status(&self) -> Result<PublicStatus, AppError> {
        let checkpoint = self.store().latest_checkpoint(self.node()).await?;
        let checkpoint_at = checkpoint.map(|row| row.time);
        if !self.is_unsealed() {
            return Ok(PublicStatus { sealed: true, counts: None, checkpoint_at, check: None });
        }
        let counts = self.recent_counts(SHOP).await?;
        let register = self.register();
        let counts = PublicCounts {
            subjects: counts.subjects,
            erased: counts.erased,
            purposes: register.purposes().count() as u64,
            fields: register.fields().count() as u64,
            leaves: counts.leaves,
            credentials: counts.credentials,
        };
        let check = self.public_check().await?.map(|check| (check.grade, check.at));
        Ok(PublicStatus { sealed: false, counts: Some(counts), checkpoint_at, check })
    }

    /// Whether the database answers, for health checks.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), AppError> {
        Ok(self.store().ping().await?)
    }

    /// The version of the database's schema.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema_version(&self) -> Result<i64, AppError> {
        Ok(self.store().schema_version().await?)
    }

    /// Which database it is.
    #[must_use]
    pub fn engine(&self) -> kluis_store::Engine {
        self.store().engine()
    }

    /// The counts, at most a few seconds old: counting millions takes up to a second, and anybody
    /// may ask for the public page.
    pub(crate) async fn recent_counts(&self, shop: ShopId) -> Result<Counts, AppError> {
        let known = *self.inner.recent_counts.known.lock();
        if let Some((of, at, counts)) = known
            && of == shop
            && at.elapsed() < COUNTS_BELIEVED
        {
            return Ok(counts);
        }
        let counts = self.store().counts(shop).await?;
        *self.inner.recent_counts.known.lock() = Some((shop, Instant::now(), counts));
        Ok(counts)
    }

    /// When the vault was verified last and how many findings there were.
    async fn verified(&self) -> Result<Option<(TimeMs, u64)>, AppError> {
        let bytes = self.store().meta(meta::VERIFIED).await?.unwrap_or_default();
        let Some((at, findings)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
        let findings = findings.try_into().map_or(0, u64::from_be_bytes);
        Ok(Some((TimeMs(i64::from_be_bytes(*at)), findings)))
    }

    /// When a backup was made last, by what the database remembers.
    async fn backup_at(&self) -> Result<Option<TimeMs>, AppError> {
        let bytes = self.store().meta(meta::BACKUP_AT).await?;
        let number = bytes.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
        Ok(number.map(TimeMs))
    }

    /// What a person should look at, most pressing first.
    async fn attention(&self, status: &Status, signed: u64) -> Result<Vec<Attention>, AppError> {
        let now = self.now();
        let since = |at: Option<TimeMs>| at.map_or(i64::MAX, |at| now.0.saturating_sub(at.0));
        let head = self.store().log_head(self.node()).await?.map_or(0, |head| head.size);
        let incomplete = self.store().incomplete_erasures().await?.len();
        let slots = KeyringFile::parse(&read_keyring(&self.inner.keyring_path)?).map(|file| file.slots());
        let only_key_file =
            slots.is_ok_and(|slots| slots.iter().all(|slot| slot.kind() == SlotKind::KeyFile));
        let checks = [
            (since(self.inner.metrics.integrity_failed()) < DAY_MS, Tone::Bad, INTEGRITY),
            (status.verified_findings > 0, Tone::Bad, FINDINGS),
            (self.inner.watch.has_other_root(), Tone::Bad, OTHER_ROOT),
            (head > signed && since(status.checkpoint_at) > CHECKPOINT_LATE_MS, Tone::Bad, CHECKPOINT),
            (incomplete > 0, Tone::Warn, ERASURES),
            (status.outbox > OUTBOX_LONG, Tone::Warn, OUTBOX),
            (since(status.epoch_created) > EPOCH_LATE_MS, Tone::Warn, EPOCH),
            (status.subjects > 0 && since(status.backup_at) > BACKUP_LATE_MS, Tone::Warn, BACKUP),
            (self.inner.data_dir.join(FIRST_CREDENTIAL).exists(), Tone::Warn, FIRST),
            (only_key_file, Tone::Warn, KEY_FILE),
        ];
        let listed = checks.into_iter().filter(|(is_so, _, _)| *is_so);
        let mut found: Vec<Attention> =
            listed.map(|(_, tone, (id, nl, en))| Attention { id, tone, text: Text::new(nl, en) }).collect();
        found.extend(self.check_attention().await?);
        found.extend(self.mail_attention().await?);
        Ok(found)
    }
}

type Words = (&'static str, &'static str, &'static str);

const INTEGRITY: Words = (
    "integrity",
    "Gegevens klopten niet met hun zegel. Controleer de kluis: klantkluis verify.",
    "Data did not agree with its seal. Check the vault: klantkluis verify.",
);
const FINDINGS: Words = (
    "findings",
    "De laatste controle vond iets dat niet klopt: klantkluis verify.",
    "The last verification found something that does not agree: klantkluis verify.",
);
const OTHER_ROOT: Words = (
    "other_root",
    "De sleutelbos is opnieuw verzegeld. Start deze server opnieuw.",
    "The keyring was sealed anew. Restart this server.",
);
const CHECKPOINT: Words = (
    "checkpoint_late",
    "Het logboek groeit, maar wordt niet ondertekend. Kijk in de serverlog.",
    "The log grows but is not signed. Look at the server's log.",
);
const ERASURES: Words = (
    "erasures_open",
    "Een wissing is nog niet voltooid; dat gebeurt vanzelf zodra er schijfruimte is.",
    "An erasure is not complete; it will be as soon as there is disk space.",
);
const OUTBOX: Words =
    ("outbox_long", "Er wacht veel werk. Draait de server?", "Much work is waiting. Is the server running?");
const EPOCH: Words = (
    "epoch_late",
    "De sleutels zijn langer dan een maand niet vernieuwd: klantkluis key epoch.",
    "The keys were not renewed for more than a month: klantkluis key epoch.",
);
const BACKUP: Words = (
    "backup_late",
    "Er is deze week geen back-up gemaakt: klantkluis backup.",
    "No backup was made this week: klantkluis backup.",
);
const FIRST: Words = (
    "first_credential",
    "De eerste toegangssleutel staat nog in een bestand. Bewaar hem op een veilige plek en verwijder het bestand.",
    "The first credential is still in a file. Keep it safely and delete the file.",
);
const KEY_FILE: Words = (
    "only_key_file",
    "Alleen het sleutelbestand opent de kluis. Maak ook delen of een wachtwoordzin: klantkluis key shares.",
    "Only the key file opens the vault. Make shares or a passphrase too: klantkluis key shares.",
);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{Vault, local};

    #[tokio::test(flavor = "multi_thread")]
    async fn what_needs_attention_is_named_and_goes_away() {
        let (vault, _) = Vault::with_customers(2).await;
        let ids = async || -> Vec<&'static str> {
            let status = vault.app.status(&local()).await.unwrap();
            status.attention.into_iter().map(|attention| attention.id).collect()
        };
        assert_eq!(ids().await, ["backup_late", "only_key_file"]);
        vault.app.backup(&local(), Vec::new(), &|_| {}).await.unwrap();
        vault.app.key_shares(&local(), 2, 3).await.unwrap();
        assert_eq!(ids().await, [""; 0]);
        std::fs::write(vault.dir.path().join(FIRST_CREDENTIAL), "kks_").unwrap();
        vault.clock.advance(Duration::from_secs(86_400 * 33));
        assert_eq!(ids().await, ["checkpoint_late", "epoch_late", "backup_late", "first_credential"]);
        vault.app.verify(&local(), &|_| {}).await.unwrap();
        let status = vault.app.status(&local()).await.unwrap();
        assert_eq!((status.verified_at, status.verified_findings), (Some(vault.app.now()), 0));
        assert_eq!((status.shop.as_str(), status.subjects, status.engine), ("Winkel", 2, "SQLite"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn anybody_learns_counts_only_and_nothing_while_sealed() {
        let (vault, _) = Vault::with_customers(2).await;
        let open = vault.app.public_status().await.unwrap();
        assert_eq!((open.sealed, open.counts.unwrap().subjects), (false, 2));
        vault.app.seal();
        let sealed = vault.app.public_status().await.unwrap();
        assert!(sealed.sealed && sealed.counts.is_none());
        assert!(matches!(vault.app.status(&local()).await, Err(AppError::Sealed)));
    }
}
