//! How the keyring can be opened: a new root key, a new passphrase, shares, a copy of the sealed file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use kluis_crypto::{KeyringError, KeyringFile, RootKey, SecretText, SlotDescription};
use kluis_model::audit::Operation;
use kluis_model::{Actor, PiiText};

use super::{SlotView, keyring_problem, lock, read_keyring};
use crate::guard::Ask;
use crate::open::{argon2_cost, blocking, check_passphrase, keyring_error};
use crate::{App, AppError, SealWith, Unsealed};

/// Fewest and most people among whom the root key is shared.
const SHARES: std::ops::RangeInclusive<u8> = 2..=16;

impl App {
    /// Replaces the root key: everything that opened the keyring before stops doing so, also old
    /// copies of it are of no use with the new key file or passphrase; shares must be issued anew.
    ///
    /// # Errors
    /// `Denied`, `Invalid` for a poor passphrase, or when the file cannot be written.
    pub async fn key_rotate_root(&self, actor: &Actor, seal: SealWith) -> Result<(), AppError> {
        self.allow(actor, &Ask::new(Operation::KeyChange)).await?;
        if let SealWith::Passphrase(text) = &seal {
            check_passphrase(text)?;
        }
        self.key_leaf(actor, "root_replaced", 1).await?;
        let held = self.unsealed()?;
        let root = RootKey::generate(self.random());
        // Argon2 runs before the lock is taken; what is sealed under it is read anew inside.
        let draft = KeyringFile::create(&held.keyring, &root, self.random());
        let (mut file, root) = self.sealed_with(draft, root, seal).await?;
        let path = &self.inner.keyring_path;
        let _lock = lock(path)?;
        let current = KeyringFile::parse(&read_keyring(path)?).map_err(keyring_problem)?;
        let keyring = current.unlock_root(&held.root).map_err(keyring_problem)?;
        super::refuse_older(&keyring, &held.keyring)?;
        file.update(&keyring, &root, self.random()).map_err(keyring_problem)?;
        crate::keys_file::replace_secret_file(path, &file.to_bytes())
            .map_err(|error| keyring_error(&error))?;
        self.inner.watch.saw(super::Watch::stamp(path));
        *self.inner.unsealed.write() = Some(std::sync::Arc::new(Unsealed { keyring, root }));
        Ok(())
    }

    /// Sets a new passphrase; the one before no longer opens the keyring.
    ///
    /// # Errors
    /// `Denied`, `Invalid` for a poor passphrase, or when the file cannot be written.
    pub async fn key_passphrase(&self, actor: &Actor, new: PiiText) -> Result<(), AppError> {
        self.allow(actor, &Ask::new(Operation::KeyChange)).await?;
        check_passphrase(&new)?;
        self.key_leaf(actor, "passphrase_set", 1).await?;
        let app = self.clone();
        let passphrase = SecretText::from(new.into_exposed());
        blocking(move || {
            app.change_keyring(|_, file, root| {
                file.add_passphrase(root, &passphrase, argon2_cost(), app.random()).map_err(keyring_problem)
            })
        })
        .await
    }

    /// Issues `n` shares of which `k` open the vault together; shares issued before stop working.
    ///
    /// # Errors
    /// `Denied`, `Invalid` unless 2 ≤ k ≤ n ≤ 16, or when the file cannot be written.
    pub async fn key_shares(&self, actor: &Actor, k: u8, n: u8) -> Result<Vec<PiiText>, AppError> {
        self.allow(actor, &Ask::new(Operation::KeyChange)).await?;
        if !SHARES.contains(&k) || !SHARES.contains(&n) || k > n {
            return Err(AppError::invalid(
                "shares",
                "Kies 2 tot 16 delen, waarvan er minstens 2 nodig zijn.",
                "Choose 2 to 16 shares, of which at least 2 are needed.",
            ));
        }
        self.key_leaf(actor, "shares_issued", u64::from(n)).await?;
        let shares = self.change_keyring(|_, file, root| {
            file.add_shares(root, k, n, self.random()).map_err(keyring_problem)
        })?;
        Ok(shares.iter().map(|share| PiiText::new(share.to_text().to_string())).collect())
    }

    /// Replaces the key that signs checkpoints and receipts; the old public key still verifies
    /// what it signed.
    ///
    /// # Errors
    /// `Denied`, or when the file cannot be written.
    pub async fn key_rotate_signing(&self, actor: &Actor) -> Result<(), AppError> {
        self.allow(actor, &Ask::new(Operation::KeyChange)).await?;
        self.key_leaf(actor, "signing_key_replaced", 1).await?;
        self.make_checkpoint().await?;
        let (now, random) = (self.now(), self.random());
        self.change_keyring(|keyring, _, _| {
            keyring.rotate_signing(now, random);
            Ok(())
        })?;
        self.make_checkpoint().await?;
        Ok(())
    }

    /// Copies the sealed keyring to a new file with mode 0600; an existing file is never overwritten.
    ///
    /// # Errors
    /// `Denied`, `Conflict` when the file exists, or when it cannot be written.
    pub async fn key_backup(&self, actor: &Actor, path: &Path) -> Result<(), AppError> {
        self.allow(actor, &Ask::new(Operation::KeyRead)).await?;
        let done = crate::guard::Done { reason: Some("keyring_copied"), ..Default::default() };
        let ask = Ask::new(Operation::KeyRead);
        self.write_leaf(actor, &ask, kluis_model::Outcome::Ok, &done).await?;
        let bytes = read_keyring(&self.inner.keyring_path)?;
        KeyringFile::parse(&bytes).map_err(keyring_problem)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = match options.open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(AppError::Conflict { what: "file".into() });
            }
            other => other.map_err(|error| keyring_error(&error))?,
        };
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|error| keyring_error(&error))
    }
}

/// A slot as people see it.
pub(crate) fn view(slot: SlotDescription) -> SlotView {
    let kind = slot.kind().id().to_owned();
    let detail = match slot {
        SlotDescription::Shares { needed, issued, .. } => format!("{needed} of {issued}"),
        SlotDescription::Passphrase { .. } => "Argon2id".to_owned(),
        SlotDescription::KeyFile => "32 bytes".to_owned(),
    };
    SlotView { kind, detail }
}

/// What a keyring problem means for whoever wants to open it.
pub(crate) fn problem(problem: KeyringError) -> AppError {
    match problem {
        KeyringError::WrongPassphrase
        | KeyringError::WrongKeyFile
        | KeyringError::WrongShares
        | KeyringError::OtherShareSet
        | KeyringError::NoSlot(_)
        | KeyringError::WrongRoot => AppError::WrongKey,
        KeyringError::TooFewShares { .. } | KeyringError::ShareCount => {
            AppError::invalid("shares", "Er zijn meer of andere delen nodig.", &problem.to_string())
        }
        KeyringError::Malformed | KeyringError::Changed => AppError::integrity(format!("keyring: {problem}")),
        KeyringError::Version => AppError::Unavailable { what: format!("the keyring file: {problem}") },
        KeyringError::Cost | KeyringError::LastSlot | KeyringError::Memory | KeyringError::TooLarge => {
            AppError::internal(problem)
        }
    }
}
