//! DKIM a second on one core beside the raw RSA operation of the same library, and beside dkimpy.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use kluis_crypto::SystemRandom;
use kluis_crypto::mail::{MailHash, MailHashKind, MailKeyKind, MailPrivateKey};
use kluis_mail::dkim::{self, DkimResult, Signer, key};
use kluis_mail::dns::{Answer, Question, RecordKind};
use kluis_mail::message::Message;

use super::{Line, peers, rate};

/// Bytes of the body: an order mail with some HTML.
const BODY_BYTES: usize = 10_000;
const NOW_S: u64 = 1_795_000_000;

fn message() -> Vec<u8> {
    let mut message = b"From: Winkel <bestelling@winkel.test>\r\nTo: klant@voorbeeld.test\r\nSubject: Uw bestelling 12345\r\n\
        Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <12345@winkel.test>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n"
        .to_vec();
    while message.len() < BODY_BYTES {
        message
            .extend_from_slice(b"<p>Dank u wel voor uw bestelling; wij pakken haar vandaag nog in.</p>\r\n");
    }
    message
}

pub(super) fn run() -> Result<Vec<Line>> {
    let key = MailPrivateKey::generate(MailKeyKind::Rsa2048, &SystemRandom)?;
    let record = key::record(&key)?;
    let bytes = message();
    let signer =
        Signer { domain: "winkel.test", selector: "s1", key: &key, identity: None, lifetime_s: None };
    let fields = dkim::sign(&Message::read(&bytes)?, &[signer], NOW_S)?;
    let signed = [&fields[..], &bytes].concat();
    let question = Question::new("s1._domainkey.winkel.test", RecordKind::Txt);
    let answers = HashMap::from([(question, Answer::Txt(vec![record.clone().into_bytes()]))]);
    let verify = || -> Result<bool> {
        let report = dkim::verify(&Message::read(&signed)?, NOW_S as i64, &answers).ok().context("asked")?;
        Ok(report.checks.iter().all(|check| check.result == DkimResult::Pass))
    };
    ensure!(verify()?, "our own signature does not pass");
    let verifying = rate(|| u64::from(verify().is_ok()));
    let signing = rate(|| {
        let message = Message::read(&bytes);
        u64::from(message.is_ok_and(|message| dkim::sign(&message, &[signer], NOW_S).is_ok()))
    });

    let mut hash = MailHash::new(MailHashKind::Sha256);
    hash.update(b"the same work without mail around it");
    let digest = hash.finish();
    let signature = key.sign(&digest).context("no signature")?;
    let public = key::read(record.as_bytes())?.key()?.context("no key")?;
    let raw_verifying = rate(|| u64::from(public.verify(&digest, &signature)));
    let raw_both = rate(|| {
        let mut hash = MailHash::new(MailHashKind::Sha256);
        hash.update(std::hint::black_box(&bytes));
        std::hint::black_box(hash.finish());
        u64::from(public.verify(&digest, &signature))
    });
    let raw_signing = rate(|| u64::from(key.sign(&digest).is_some()));

    let folder = tempfile::tempdir_in(".")?;
    fs::write(folder.path().join("signed.eml"), &signed)?;
    fs::write(folder.path().join("key.txt"), &record)?;
    let peer = peers::number(&peers::run("dkim", folder.path())?, "per_second")?;
    let share = |ours: f64, raw: f64| format!("{:.0}% of the raw rate", ours / raw * 100.0);
    Ok(vec![
        Line::rate("DKIM verify, RSA-2048, 10 kB", "klantkluis", verifying, share(verifying, raw_both)),
        Line::rate(
            "DKIM verify, RSA-2048, 10 kB",
            "raw RSA and SHA-256 of 10 kB",
            raw_both,
            "the same library, one core",
        ),
        Line::rate("DKIM verify, RSA-2048, 10 kB", "raw RSA (aws-lc)", raw_verifying, "one core"),
        Line::rate("DKIM verify, RSA-2048, 10 kB", "dkimpy", peer, "the same message"),
        Line::rate("DKIM sign, RSA-2048, 10 kB", "klantkluis", signing, share(signing, raw_signing)),
        Line::rate("DKIM sign, RSA-2048, 10 kB", "raw RSA (aws-lc)", raw_signing, "one core"),
    ])
}
