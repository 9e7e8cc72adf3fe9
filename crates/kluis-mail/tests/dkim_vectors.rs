//! The files of the dkimpy test suite, and the example of RFC 8463: what each must give.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kluis_crypto::mail::{MailKeyProblem, MailPrivateKey};
use kluis_crypto::{Secret, SecretText};
use kluis_mail::dkim::key::{self, KeyProblem, KeyRemark};
use kluis_mail::dkim::{Check, DkimResult, Reason, Signer, Warning, sign, verify};
use kluis_mail::dns::{Answer, Question, RecordKind};
use kluis_mail::message::{Message, mailboxes, with_crlf};
use kluis_mail::{arc, arc::ChainResult};

const FOOTBALL_ED25519: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const GMAIL: &str = "k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1Kd87/UeJjenpabgbFwh\
    +eBCsSTrqmwIYYvywlbhbqoo2DymndFkbjOVIPIldNs/m40KF+yzMn1skyoxcTUGCQ\
    s8g3FgD2Ap3ZB5DekAo5wMmk4wimDO+U8QzI3SD07y2+07wlNWwIt8svnxgdxGkVbb\
    hzY8i+RQ9DpSVpPbF7ykQxtKXkv/ahW3KjViiAH+ghvvIhkx4xYSIc9oSwVmAl5Oct\
    MEeWUwg8Istjqz8BZeTWbf41fbNhte7Y+YqZOwq1Sd0DbvYAD9NOZK9vlfuac0598H\
    Y+vtSBczUiKERHv1yRbcaQtZFh5wtiRrN04BLUTD21MycBX5jYchHjPY/wIDAQAB";

/// The public vectors beside the project, or where `KLUIS_VECTORS` says.
fn vector(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let root: PathBuf =
        root.join(std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned()));
    std::fs::read(root.join("dkim").join(name)).unwrap()
}

fn zone(records: &[(&str, &[u8])]) -> HashMap<Question, Answer> {
    let one = |(name, text): &(&str, &[u8])| {
        (Question::new(&name.replace('@', "._domainkey."), RecordKind::Txt), Answer::Txt(vec![text.to_vec()]))
    };
    records.iter().map(one).collect()
}

fn checks(file: &[u8], records: &[(&str, &[u8])]) -> Vec<Check> {
    let bytes = with_crlf(file);
    verify(&Message::read(&bytes).unwrap(), 1_800_000_000, &zone(records)).unwrap().checks
}

#[test]
fn signed_messages_of_the_suite_pass() {
    let rsa = vector("test.txt");
    let football: &[(&str, &[u8])] = &[
        ("test@football.example.com", &rsa),
        ("brisbane@football.example.com", FOOTBALL_ED25519.as_bytes()),
    ];
    for (file, records, count) in [
        ("rfc6376.signed.msg", football, 2),
        ("rfc6376.signed.rsa.msg", football, 1),
        ("ed25519test2.msg", &[("sed@test.ex", &vector("eximtest.dns")[..])], 1),
        ("test2.message", &[("20120113@gmail.com", GMAIL.as_bytes())], 1),
    ] {
        let checks = checks(&vector(file), records);
        assert_eq!(checks.len(), count, "{file}");
        for check in checks {
            assert_eq!((check.result, check.reason), (DkimResult::Pass, None), "{file}");
        }
    }
}

#[test]
fn damaged_messages_and_keys_of_the_suite_fail() {
    let check = |file: &str, record: &[u8]| {
        let records = &[("test@football.example.com", record), ("test@attacker.com", record)];
        checks(&vector(file), records).remove(0)
    };
    let baddomain = check("test.message.baddomain", &vector("test.txt"));
    assert!(
        matches!(baddomain.reason, Some(Reason::Malformed(_))) && baddomain.result == DkimResult::Neutral
    );
    let without_time = check("rfc6376.signed.no_t.msg", &vector("test.txt"));
    assert_eq!(without_time.reason, Some(Reason::HeaderChanged));
    assert_eq!(without_time.signature.unwrap().expires_s, Some(100_000_000_000));
    let signed = "rfc6376.signed.rsa.msg";
    assert_eq!(check(signed, &vector("test2.txt")).result, DkimResult::Pass);
    for (record, wanted) in [
        (vector("badversion.txt"), Reason::BadKey(KeyProblem::Version)),
        (vector("badk.txt"), Reason::BadKey(KeyProblem::Kind)),
        (vector("test_tlsrpt.txt"), Reason::NotForMail),
        (FOOTBALL_ED25519.into(), Reason::OtherKind),
        (vector("1024_testkey_wo_markers.pub.txt"), Reason::HeaderChanged),
        (b"v=DKIM1; p=".to_vec(), Reason::Revoked),
    ] {
        let found = check(signed, &record);
        assert_eq!(found.reason, Some(wanted), "{}", String::from_utf8_lossy(&record));
    }
    assert_ne!(check(signed, &vector("test_bad.txt")).result, DkimResult::Pass);
    // dkimpy: the dnsfunc6 of its tests, a key with a broken encoding.
    let defect =
        b"k=rsa; p=MFwwDQYJKoZIhvNAQEBBQADSwAwSAJBANmBe10IgY+u7h3enWTukkqtUD5PR52Tb/mPfjC0QJTocVBq6Za/PlzfV\
        +Py92VaCak19F4WrbVTK5Gg5tW220MCAwEAAQ==";
    assert!(matches!(check(signed, defect).reason, Some(Reason::BadKey(KeyProblem::Key { .. }))));
    let small =
        b"k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANmBe10IgY+u7h3enWTukkqtUD5PR52Tb/mPfjC0QJTocVBq6Za/PlzfV\
        +Py92VaCak19F4WrbVTK5Gg5tW220MCAwEAAQ==";
    let found = check(signed, small);
    assert_eq!((found.result, found.reason), (DkimResult::Policy, Some(Reason::SmallKey { bits: 512 })));
}

#[test]
fn messages_of_the_suite_without_a_usable_signature_are_read() {
    for (file, fields, signatures) in [
        ("test.message", 7, 0),
        ("test_extra.message", 7, 0),
        ("test_nofrom.message", 5, 0),
        ("ed25519test.msg", 7, 0),
        ("rfc6376.msg", 5, 0),
        ("rfc6376.w1258.msg", 5, 0),
        ("message.mbox", 0, 1),
    ] {
        let bytes = vector(file);
        let bytes = with_crlf(&bytes);
        let message = Message::read(&bytes).unwrap();
        assert!(fields == 0 || message.fields().len() == fields, "{file}: {}", message.fields().len());
        assert_eq!(message.named("dkim-signature").count(), signatures, "{file}");
        let mailboxes: usize =
            message.named("from").map(|field| mailboxes(field.value()).unwrap().len()).sum();
        assert_eq!(mailboxes, usize::from(file != "test_nofrom.message"), "{file}");
        if signatures == 1 {
            let gone = HashMap::from([(
                Question::new("2007-00._domainkey.kitterman.com", RecordKind::Txt),
                Answer::NoSuchName,
            )]);
            let found = verify(&message, 0, &gone).unwrap().checks.remove(0);
            assert!(matches!(found.reason, Some(Reason::NoKey(_))), "{found:?}");
        }
    }
}

#[test]
fn every_form_of_key_of_the_suite_is_read() {
    for (file, bits, is_pkcs1) in [
        ("1024_testkey_wo_markers.pub.txt", 1024, false),
        ("1024_testkey_wo_markers.pub.rsa.txt", 1024, true),
        ("2048_testkey_wo_markers.pub.txt", 2048, false),
        ("2048_testkey_wo_markers.pub.rsa.txt", 2048, true),
        ("2048_testkey_PKCS8.key.pub.txt", 2048, false),
    ] {
        let record = key::read(&vector(file)).unwrap();
        assert_eq!(record.key().unwrap().unwrap().bits(), bits, "{file}");
        assert_eq!(record.remarks.contains(&KeyRemark::Pkcs1), is_pkcs1, "{file}");
        assert_eq!(record.remarks.contains(&KeyRemark::Small), bits < 2048, "{file}");
        assert!(record.remarks.contains(&KeyRemark::Granularity), "{file}");
    }
}

fn private(file: &str) -> Result<MailPrivateKey, MailKeyProblem> {
    MailPrivateKey::from_pem(&SecretText::new(String::from_utf8(vector(file)).unwrap()))
}

#[test]
fn private_keys_of_the_suite_sign_for_their_records() {
    let bytes = vector("rfc6376.msg");
    let bytes = with_crlf(&bytes);
    for (file, records) in [
        ("2048_testkey.key", &["2048_testkey_wo_markers.pub.txt", "2048_testkey_wo_markers.pub.rsa.txt"][..]),
        ("2048_testkey_PKCS8.key", &["2048_testkey_PKCS8.key.pub.txt"]),
    ] {
        let key = private(file).unwrap();
        let signer =
            Signer { domain: "example.com", selector: "test", key: &key, identity: None, lifetime_s: None };
        let message = Message::read(&bytes).unwrap();
        let signed = [sign(&message, &[signer], 1).unwrap(), bytes.to_vec()].concat();
        for record in records {
            let found = checks(&signed, &[("test@example.com", &vector(record))]).remove(0);
            assert_eq!(found.result, DkimResult::Pass, "{record}");
            assert_eq!(found.warnings.contains(&Warning::Pkcs1Key), record.contains(".rsa."));
        }
    }
    for small in ["1024_testkey.key", "test.private", "test2.private"] {
        assert_eq!(private(small).err(), Some(MailKeyProblem::TooSmall), "{small}");
    }
    for (file, record) in [("ed25519test.key", "ed25519test.dns"), ("rfc8032_7_1.key", "")] {
        use base64::Engine;
        let seed = String::from_utf8(vector(file)).unwrap();
        let seed = base64::engine::general_purpose::STANDARD.decode(seed.trim()).unwrap();
        let key = MailPrivateKey::from_seed(&Secret::from_slice(&seed).unwrap()).unwrap();
        let wanted = if record.is_empty() { FOOTBALL_ED25519.into() } else { vector(record) };
        let wanted = key::read(wanted.trim_ascii()).unwrap().public;
        assert_eq!(key::read(key::record(&key).unwrap().as_bytes()).unwrap().public, wanted, "{file}");
    }
}

/// RFC 8463 appendix A.3.
const RFC_8463: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.

";

#[test]
fn the_example_of_rfc_8463_passes() {
    let rsa = vector("test.txt");
    let records: &[(&str, &[u8])] = &[
        ("test@football.example.com", &rsa),
        ("brisbane@football.example.com", FOOTBALL_ED25519.as_bytes()),
    ];
    let found = checks(RFC_8463.as_bytes(), records);
    assert_eq!(
        found.iter().map(|check| check.result).collect::<Vec<_>>(),
        [DkimResult::Pass; 2],
        "{found:?}"
    );
    assert_eq!(
        found[1].warnings,
        [Warning::ShortKey { bits: 1024 }, Warning::NotSigned("To".to_owned())][..1]
    );
    let changed = RFC_8463.replace("hungry", "thirsty");
    let found = checks(changed.as_bytes(), records);
    assert!(found.iter().all(|check| check.reason == Some(Reason::BodyChanged)));
}

/// The set that dkimpy's own test makes with its 1024-bit key, and the one with `h=` in a seal that must fail.
#[test]
fn the_arc_set_of_the_suite_passes() {
    let set = "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=example.com; s=test; t=12345;\r\n b=MBw2+L1/4PuYWJlt1tZlDtbOvyfbyH2t2N6DinFV/BIaB2LqbDKTYjXXk9HuuK1/qEkTd\r\n TxCYScIrtVO7pFbGiSawMuLatVzHNCqTURa1zBTXr2mKW1hgdmrtMMUcMVCYxr1AJpu6IYX\r\n VMIoOAn7tIDdO0VLokK6FnIXTWEAplQ=\r\nARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=example.com; s=test; t=12345; h=message-id : date : from : to :\r\n subject : from; bh=wE7NXSkgnx9PGiavN4OZhJztvkqPDlemV3OGuEnLwNo=;\r\n b=a0f6qc3k9eECTSR155A0TQS+LjqPFWfI/brQBA83EUz00SNxj1wmWykvs1hhBVeM0r1kE\r\n Qc6CKbzRYaBNSiFj4q8JBpRIujLz1qLyGmPuAI6ddu/Z/1hQxgpVcp/odmI1UMV2R+d+yQ7\r\n tUp3EQxF/GYNt22rV4rNmDmANZVqJ90=\r\nARC-Authentication-Results: i=1; lists.example.org; arc=none;\r\n  spf=pass smtp.mfrom=jqd@d1.example;\r\n  dkim=pass (1024-bit key) header.i=@d1.example;\r\n  dmarc=pass\r\n";
    let answers = zone(&[("test@example.com", &vector("test.txt"))]);
    let chain = |text: &[u8]| arc::evaluate(&Message::read(text).unwrap(), &answers).unwrap();
    let body = with_crlf(&vector("test.message")).into_owned();
    let good = [set.as_bytes(), &body].concat();
    let found = chain(&good);
    assert_eq!((found.result, &found.problem), (ChainResult::Pass, &None));
    assert!(found.sets[0].results.starts_with("lists.example.org; arc=none;"));
    let forbidden = set.replacen("t=12345;", "t=12345; h=from;", 1);
    assert_eq!(chain(&[forbidden.as_bytes(), &body].concat()).result, ChainResult::Fail);
    assert_eq!(chain(&[set.as_bytes(), &body, b"x"].concat()).result, ChainResult::Fail);
    assert_eq!(
        chain(&[set.replace("dmarc=pass", "dmarc=fail").as_bytes(), &body].concat()).result,
        ChainResult::Fail
    );
}
