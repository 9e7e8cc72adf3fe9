//! The proof that a domain is one's own: a token from a secret of this computer, and what to publish of it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use kluis_app::{CheckDomain, OwnerPublishes};
use kluis_crypto::{SystemRandom, sha256};
use kluis_model::{Lang, Random};

use super::Place;
use crate::talk;
use crate::wire::{self, Hinted};

/// Bytes of the secret.
const SECRET_BYTES: usize = 32;
/// Bytes of a token; 128 bits cannot be guessed.
const TOKEN_BYTES: usize = 16;
/// Name of the secret's file.
const FILE: &str = "check-secret";

/// The token of a domain: the same every time on this computer, and of use for this domain only.
///
/// # Errors
/// When the secret cannot be kept, or others can read it.
pub(crate) fn token(domain: &CheckDomain, place: &Place) -> Result<String> {
    let folder = folder(place)?;
    let secret = secret(&folder)?;
    let mut bytes = secret.to_vec();
    bytes.extend_from_slice(b" klantkluis owner ");
    bytes.extend_from_slice(domain.as_str().as_bytes());
    let hash = sha256(&bytes);
    Ok(hash[..TOKEN_BYTES].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Says what to publish, and where.
pub(crate) fn explain(publishes: &OwnerPublishes, lang: Lang) {
    let OwnerPublishes { text, record, file } = publishes;
    let say = |nl: &str, en: &str| talk::say(lang.pick(nl, en));
    say(
        "Het bewijs dat het domein van u is, is niet gevonden; naar open bestanden is niet gezocht.",
        "The proof that the domain is yours was not found; open files were not looked for.",
    );
    say("Zet dit in een TXT-record van de DNS:", "Put this into a TXT record of the DNS:");
    talk::say(format!("  {record}  TXT  \"{text}\""));
    say("of in dit bestand op uw site:", "or into this file on your site:");
    talk::say(format!("  {file}"));
    talk::say(format!("  {text}"));
    talk::hint(lang.pick(
        "herhaal de controle als dat gedaan is; het record of bestand mag daarna weer weg",
        "repeat the check when that is done; afterwards the record or file may go",
    ));
}

/// Where this program keeps state: the XDG folder, or the data folder that was named.
fn folder(place: &Place) -> Result<PathBuf> {
    if let Some(data) = &place.data {
        return Ok(data.clone());
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("klantkluis")).ok_or_else(|| {
        Hinted::error(
            place.lang.pick(
                "er is geen map om het geheim van deze computer in te bewaren",
                "there is no folder to keep this computer's secret in",
            ),
            place.lang.pick("noem er een met --data MAP", "name one with --data FOLDER"),
        )
    })
}

/// Reads the secret, or makes it.
fn secret(folder: &Path) -> Result<[u8; SECRET_BYTES]> {
    let path = folder.join(FILE);
    match fs::metadata(&path) {
        Ok(metadata) if wire::others_may_read(&path, &metadata) => {
            bail!("others may read {}; make it yours only: chmod 0600 {0}", path.display());
        }
        Ok(_) => {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            bytes.try_into().ok().with_context(|| {
                format!("{} does not hold {SECRET_BYTES} bytes; remove it to begin anew", path.display())
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            wire::make_private_folder(folder)?;
            let mut secret = [0; SECRET_BYTES];
            SystemRandom.fill(&mut secret);
            wire::write_private(&path, &secret, 0o600)?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
