//! What the server says about its certificate to whoever asks from another process: `certificate.json` in the TLS folder.

use std::path::Path;

use kluis_app::{Attention, Tone};
use kluis_model::{Text, TimeMs};
use serde::{Deserialize, Serialize};

use super::CertificateError;
use super::authority::write;
use crate::options::CertificateSource;
use crate::state::{CertificateState, Renewal};

/// The file's name.
const FILE: &str = "certificate.json";
/// Most bytes of the file that are read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The certificate of the server and how its renewal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// `own`, `files` or `acme`.
    pub source: String,
    /// Names it is valid for.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// From when it is valid.
    pub not_before: TimeMs,
    /// Until when it is valid.
    pub not_after: TimeMs,
    /// Issued by the vault's own authority, which browsers do not know.
    pub is_local: bool,
    /// When it is renewed, where that is ours to do.
    pub next_renewal: Option<TimeMs>,
    /// When a failed attempt is repeated.
    pub next_try: Option<TimeMs>,
    /// Why the last attempt to get or read a new one failed.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<TimeMs>,
}

impl CertificateReport {
    pub(crate) fn new(source: &CertificateSource, shown: &CertificateState, renewal: &Renewal) -> Self {
        let source = match source {
            CertificateSource::Own => "own",
            CertificateSource::Files { .. } => "files",
            CertificateSource::Acme(_) => "acme",
        };
        Self {
            source: source.to_owned(),
            names: shown.names.clone(),
            issuer: shown.issuer.clone(),
            not_before: shown.not_before,
            not_after: shown.not_after,
            is_local: shown.is_local,
            next_renewal: renewal.next,
            next_try: renewal.next_try,
            last_error: renewal.failed.as_ref().map(|(text, _)| text.clone()),
            last_error_at: renewal.failed.as_ref().map(|(_, at)| *at),
        }
    }

    /// What the server of this TLS folder said last; `None` when it never ran, or the file cannot be read.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        let file = folder.join(FILE);
        let is_small = std::fs::metadata(&file).is_ok_and(|found| found.len() <= FILE_BYTES_MAX);
        let bytes = is_small.then(|| std::fs::read(&file).ok()).flatten()?;
        serde_json::from_slice(&bytes).ok()
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), CertificateError> {
        let file = folder.join(FILE);
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| CertificateError::new(&file, error))?;
        write(&file, &bytes, 0o600)
    }

    /// What a person should look at: it has ended, it was not renewed, or less than a third of its life is left and
    /// nothing is going to renew it.
    #[must_use]
    pub fn attention(&self, now: TimeMs) -> Option<Attention> {
        let left_ms = self.not_after.0.saturating_sub(now.0);
        let life_ms = self.not_after.0.saturating_sub(self.not_before.0);
        let is_short = left_ms < life_ms / 3;
        if left_ms <= 0 {
            return Some(attention("certificate_ended", Tone::Bad, ENDED));
        }
        if let Some(error) = &self.last_error {
            let tone = if is_short { Tone::Bad } else { Tone::Warn };
            let text = Text::new(
                format!("Het certificaat is niet vernieuwd: {error}"),
                format!("The certificate was not renewed: {error}"),
            );
            return Some(Attention { id: "certificate_not_renewed", tone, text });
        }
        // The own authority renews by itself; whoever has a date for it will too.
        let is_cared_for = self.source == "own" || self.next_renewal.is_some_and(|at| at > now);
        (is_short && !is_cared_for).then(|| attention("certificate_soon", Tone::Warn, SOON))
    }
}

const ENDED: (&str, &str) = (
    "Het certificaat van de kluis is verlopen; browsers weigeren de verbinding.",
    "The certificate of the vault has ended; browsers refuse the connection.",
);
const SOON: (&str, &str) = (
    "Het certificaat van de kluis loopt bijna af en wordt niet vernieuwd.",
    "The certificate of the vault ends soon and is not renewed.",
);

fn attention(id: &'static str, tone: Tone, (nl, en): (&str, &str)) -> Attention {
    Attention { id, tone, text: Text::new(nl, en) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn report() -> CertificateReport {
        CertificateReport {
            source: "acme".into(),
            names: vec!["winkel.example".into()],
            issuer: "CA".into(),
            not_before: TimeMs(0),
            not_after: TimeMs(90 * DAY_MS),
            is_local: false,
            next_renewal: Some(TimeMs(60 * DAY_MS)),
            next_try: None,
            last_error: None,
            last_error_at: None,
        }
    }

    fn id(report: &CertificateReport, day: i64) -> Option<(&'static str, Tone)> {
        report.attention(TimeMs(day * DAY_MS)).map(|attention| (attention.id, attention.tone))
    }

    #[test]
    fn only_what_goes_wrong_asks_for_attention() {
        let good = report();
        assert_eq!((id(&good, 1), id(&good, 60)), (None, None));
        assert_eq!(id(&good, 61), Some(("certificate_soon", Tone::Warn)));
        assert_eq!(id(&good, 90), Some(("certificate_ended", Tone::Bad)));
        let later = CertificateReport { next_renewal: Some(TimeMs(80 * DAY_MS)), ..report() };
        assert_eq!((id(&later, 70), id(&later, 81)), (None, Some(("certificate_soon", Tone::Warn))));
        let own = CertificateReport { source: "own".into(), next_renewal: None, ..report() };
        assert_eq!(id(&own, 70), None);
        let files = CertificateReport { source: "files".into(), next_renewal: None, ..report() };
        assert_eq!((id(&files, 59), id(&files, 61)), (None, Some(("certificate_soon", Tone::Warn))));
        let failed = CertificateReport { last_error: Some("no".into()), ..report() };
        assert_eq!(id(&failed, 1), Some(("certificate_not_renewed", Tone::Warn)));
        assert_eq!(id(&failed, 61), Some(("certificate_not_renewed", Tone::Bad)));
    }

    #[test]
    fn it_comes_back_from_its_file_and_nonsense_does_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(CertificateReport::read(folder.path()), None);
        report().write(folder.path()).unwrap();
        assert_eq!(CertificateReport::read(folder.path()), Some(report()));
        for broken in ["", "{}", "[1]", &"x".repeat(70_000)] {
            std::fs::write(folder.path().join(FILE), broken).unwrap();
            assert_eq!(CertificateReport::read(folder.path()), None);
        }
    }
}
