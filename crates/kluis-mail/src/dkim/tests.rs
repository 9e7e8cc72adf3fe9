//! Signing and checking: both ways, with every kind of damage, and what each is called.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::sync::LazyLock;

use kluis_crypto::SystemRandom;
use kluis_crypto::mail::{MailHash, MailHashKind, MailKeyKind, MailPrivateKey};
use proptest::prelude::*;

use super::canon::{self, BodyHash, Canon};
use super::signature::encode_base64;
use super::*;
use crate::dns::{Answer, Question, RecordKind};
use crate::message::{Field, Message};

static RSA: LazyLock<MailPrivateKey> =
    LazyLock::new(|| MailPrivateKey::generate(MailKeyKind::Rsa2048, &SystemRandom).unwrap());
static ED25519: LazyLock<MailPrivateKey> =
    LazyLock::new(|| MailPrivateKey::generate(MailKeyKind::Ed25519, &SystemRandom).unwrap());

const NOW_S: u64 = 1_800_000_000;
const TEXT: &str = "From: Winkel <a@shop.example>\r\nTo: b@klant.example\r\nSubject: Uw bestelling\r\n\
    Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@shop.example>\r\n\r\nBeste klant,\r\n\r\nBedankt.\r\n";

fn question(selector: &str) -> Question {
    Question::new(&format!("{selector}._domainkey.shop.example"), RecordKind::Txt)
}

fn answers() -> HashMap<Question, Answer> {
    let text = |key: &MailPrivateKey| Answer::Txt(vec![key::record(key).unwrap().into_bytes()]);
    HashMap::from([(question("rsa"), text(&RSA)), (question("ed"), text(&ED25519))])
}

fn signer(key: &MailPrivateKey) -> Signer<'_> {
    let selector = if key.is_ed25519() { "ed" } else { "rsa" };
    Signer { domain: "shop.example", selector, key, identity: None, lifetime_s: None }
}

fn signed_by(keys: &[&MailPrivateKey], text: &str) -> String {
    let signers: Vec<Signer<'_>> = keys.iter().map(|key| signer(key)).collect();
    let fields = sign(&Message::read(text.as_bytes()).unwrap(), &signers, NOW_S).unwrap();
    String::from_utf8(fields).unwrap() + text
}

/// The checks of a message; there is no key but ours.
fn checks(text: &[u8]) -> Vec<Check> {
    let Ok(message) = Message::read(text) else { return Vec::new() };
    let mut answers = answers();
    loop {
        match verify(&message, NOW_S as i64, &answers) {
            Ok(report) => return report.checks,
            Err(question) => assert!(answers.insert(question, Answer::NoSuchName).is_none()),
        }
    }
}

fn check(text: &str) -> Check {
    checks(text.as_bytes()).remove(0)
}

/// Signs with chosen tags, which our own signer would never write.
fn signed_with(tags: &str, text: &str) -> String {
    let (header, body) = text.split_once("\r\n\r\n").unwrap();
    let canons = |place: usize| {
        let word = tags.split("c=").nth(1).unwrap_or("simple/simple").split(';').next().unwrap();
        if word.split('/').nth(place) == Some("relaxed") { Canon::Relaxed } else { Canon::Simple }
    };
    let length = tags.split("l=").nth(1).and_then(|rest| rest.split(';').next()?.parse().ok());
    let mut hash = BodyHash::new(canons(1), MailHashKind::Sha256, length);
    hash.update(body.as_bytes());
    let body_hash = encode_base64(hash.finish().digest.as_ref());
    let own =
        format!("DKIM-Signature: v=1; a=ed25519-sha256; d=shop.example; s=ed; {tags} bh={body_hash}; b=");
    let value = &own["DKIM-Signature:".len()..];
    let signature = signature::read(format!("{value}AAAA").as_bytes(), signature::Form::Dkim).unwrap();
    let header = format!("{header}\r\n");
    let message = Message::read(header.as_bytes()).unwrap();
    let field = Field::read(own.as_bytes()).unwrap();
    let nothing = signature::Signature { own: value.len()..value.len(), ..signature };
    let digest = header_digest(message.fields(), &field, &nothing, canons(0));
    format!("{own}{}\r\n{text}", encode_base64(&ED25519.sign(&digest).unwrap()))
}

#[test]
fn what_is_signed_passes_and_is_the_same_every_time() {
    let signed = signed_by(&[&RSA, &ED25519], TEXT);
    assert_eq!(signed, signed_by(&[&RSA, &ED25519], TEXT));
    let found = checks(signed.as_bytes());
    let results: Vec<_> = found.iter().map(|check| (check.result, check.reason.clone())).collect();
    assert_eq!(results, [(DkimResult::Pass, None), (DkimResult::Pass, None)]);
    assert!(found.iter().all(|check| check.warnings.is_empty() && check.changes.is_empty()));
    let lines: Vec<&str> = signed.split("\r\n").take_while(|line| !line.starts_with("From:")).collect();
    assert!(lines.iter().all(|line| line.len() <= 78), "{lines:?}");
    let names = &found[0].signature.as_ref().unwrap().names;
    for name in OVERSIGNED {
        let count = names.iter().filter(|found| found == name).count();
        let there = signed.matches(&format!("\r\n{name}: ")).count();
        assert_eq!(count, there + 1, "{name}");
    }
    assert!(found[0].signature.as_ref().unwrap().length.is_none());
    let message = Message::read(signed.as_bytes()).unwrap();
    assert_eq!(questions(&message), [question("rsa"), question("ed")]);
    assert_eq!(verify(&message, 0, &HashMap::<Question, Answer>::new()), Err(question("rsa")));
    let report = verify(&message, NOW_S as i64, &answers()).unwrap();
    assert_eq!(report.passed(), ["shop.example", "shop.example"]);
}

#[test]
fn what_must_not_be_signed_is_not() {
    let one = |text: &str, change: &dyn Fn(&mut Signer<'_>)| {
        let mut signer = signer(&ED25519);
        change(&mut signer);
        sign(&Message::read(text.as_bytes()).unwrap(), &[signer], NOW_S)
    };
    let as_is = |_: &mut Signer<'_>| {};
    assert_eq!(one("To: x@y.example\r\n\r\n", &as_is), Err(SignError::NotOneFrom));
    assert_eq!(one(&format!("From: x@y.example\r\n{TEXT}"), &as_is), Err(SignError::NotOneFrom));
    assert_eq!(one(&TEXT.replace("klant,\r\n", "klant,\n"), &as_is), Err(SignError::LoneLineEnd));
    assert_eq!(one(&TEXT.replace("bestelling", "bestel\rling"), &as_is), Err(SignError::LoneLineEnd));
    let many = format!("{}{TEXT}", "To: x@y.example\r\n".repeat(51));
    assert_eq!(one(&many, &as_is), Err(SignError::TooManyFields));
    assert_eq!(one(TEXT, &|signer| signer.domain = "shop"), Err(SignError::Name));
    assert_eq!(one(TEXT, &|signer| signer.domain = "shop.example; l=0"), Err(SignError::Name));
    assert_eq!(one(TEXT, &|signer| signer.selector = "a\r\nX: y"), Err(SignError::Name));
    assert_eq!(one(TEXT, &|signer| signer.identity = Some("@other.example")), Err(SignError::Name));
    assert_eq!(one(TEXT, &|signer| signer.identity = Some("shop.example")), Err(SignError::Name));
    let good = one(TEXT, &|signer| {
        signer.identity = Some("@mail.shop.example");
        signer.lifetime_s = Some(60);
    });
    let signed = String::from_utf8(good.unwrap()).unwrap() + TEXT;
    let found = check(&signed);
    assert_eq!((found.result, found.signature.unwrap().expires_s), (DkimResult::Pass, Some(NOW_S + 60)));
    let late = verify(&Message::read(signed.as_bytes()).unwrap(), NOW_S as i64 + 61, &answers()).unwrap();
    assert_eq!(late.checks[0].reason, Some(Reason::Expired { at_s: NOW_S + 60 }));
    assert_eq!(late.checks[0].result, DkimResult::Fail);
}

#[test]
fn a_header_that_is_refolded_still_passes() {
    let signed = signed_by(&[&ED25519], TEXT);
    for (from, to) in [
        ("Subject: Uw bestelling", "SUBJECT :\tUw\r\n  bestelling  "),
        ("klant,\r\n", "klant, \t\r\n"),
        ("Bedankt.\r\n", "Bedankt.\r\n \r\n\r\n"),
        ("\tt=1800000000", " t=1800000000"),
        ("\r\nFrom: ", "\r\nX-Other: x\r\nFrom: "),
    ] {
        let text = signed.replacen(from, to, 1);
        assert_eq!(check(&text).result, DkimResult::Pass, "{from} {:?}", check(&text));
    }
}

fn explained(signed: &str, from: &str, to: &str, reason: &Reason, changes: &[Change]) {
    assert!(signed.contains(from), "{from} in {signed}");
    let found = check(&signed.replacen(from, to, 1));
    assert_eq!((found.result, found.reason.as_ref()), (DkimResult::Fail, Some(reason)), "{from} to {to}");
    assert_eq!(found.changes, changes, "{from} to {to}");
}

#[test]
fn what_happened_to_a_body_is_told() {
    let signed = &signed_by(&[&ED25519], TEXT);
    let body =
        |from: &str, to: &str, changes: &[Change]| explained(signed, from, to, &Reason::BodyChanged, changes);
    let footer = "-- \r\nDe lijst\r\n";
    body("Bedankt.\r\n", &format!("Bedankt.\r\n{footer}"), &[Change::BodyFooter { bytes: 15 }]);
    body("Bedankt.\r\n", &format!("Bedankt.\r\n\r\n{footer}"), &[Change::BodyFooter { bytes: 15 }]);
    body(
        "Beste klant,\r\n",
        "Pas op: extern\r\n\r\nBeste klant,\r\n",
        &[Change::BodyInserted { at: 0, bytes: 18 }],
    );
    body("klant,\r\n\r\n", "klant,\n\n", &[Change::BodyLineEnds]);
    body("Bedankt", "Betaal", &[]);
    body("Beste klant", "BESTE klant", &[]);
    body("Bedankt.\r\n", "", &[]);
    let from_line = &signed_by(&[&ED25519], &TEXT.replace("Bedankt", "From x"));
    explained(from_line, "From x", ">From x", &Reason::BodyChanged, &[Change::BodyFromQuoted]);
    let dots = &signed_by(&[&ED25519], &TEXT.replace("Bedankt", ".x"));
    explained(dots, ".x", "..x", &Reason::BodyChanged, &[Change::BodyDots]);
    explained(dots, ".x", "x", &Reason::BodyChanged, &[]);
    let parts = TEXT.replace("Bedankt.\r\n", "--p\r\n\r\ntext\r\n--p--\r\n");
    let parts = &signed_by(&[&ED25519], &parts);
    let at = parts.find("--p--").unwrap() - parts.find("Beste").unwrap();
    explained(
        parts,
        "--p--",
        "footer\r\n--p--",
        &Reason::BodyChanged,
        &[Change::BodyInserted { at, bytes: 8 }],
    );
    let simple = &signed_with("c=simple/simple; h=from;", TEXT);
    explained(simple, "klant,\r\n", "klant, \r\n", &Reason::BodyChanged, &[Change::BodyBlanks]);
    let lone = &signed_with(
        "c=simple/simple; h=from;",
        &TEXT.replace("klant,\r\n\r\nBedankt.\r\n", "klant,\n\nBedankt.\n"),
    );
    explained(
        lone,
        "klant,\n\nBedankt.\n",
        "klant,\r\n\r\nBedankt.\r\n",
        &Reason::BodyChanged,
        &[Change::BodyLineEnds],
    );
    let crlf = &signed_with("c=simple/simple; h=from;", TEXT);
    explained(
        crlf,
        "klant,\r\n\r\nBedankt.\r\n",
        "klant,\n\nBedankt.\n",
        &Reason::BodyChanged,
        &[Change::BodyLineEnds],
    );
}

#[test]
fn what_happened_to_a_header_is_told() {
    let signed = &signed_by(&[&RSA], &TEXT.replace("From:", "Reply-To: r@shop.example\r\nFrom:"));
    let header = |from: &str, to: &str, changes: &[Change]| {
        explained(signed, from, to, &Reason::HeaderChanged, changes)
    };
    let tag = |tag: &str| Change::SubjectTagged { tag: tag.to_owned() };
    let added = |name: &str| Change::FieldAdded { name: name.to_owned() };
    header("Subject: Uw", "Subject: [lijst] Uw", &[tag("[lijst]")]);
    header("Subject: Uw", "Subject: ***SPAM*** Uw", &[tag("***SPAM***")]);
    header("Subject: Uw", "Subject: {Spam?} Uw", &[tag("{Spam?}")]);
    header("Subject: Uw", "Subject: EXTERN: Uw", &[tag("EXTERN:")]);
    header("Subject: Uw", "Subject: Geen", &[]);
    header("To: b@", "Cc: x@y.example\r\nTo: b@", &[added("Cc")]);
    header("Date: T", "List-Unsubscribe: <https://x.example>\r\nDate: T", &[added("List-Unsubscribe")]);
    header("Message-ID: <1", "Message-ID: <2", &[]);
    header("Date: Tue", "X: Tue", &[]);
    let list = "From: Winkel via Lijst <lijst@list.example>\r\nX-Original-From: Winkel <a@shop.example>";
    let from = Change::FromReplaced { original: "X-Original-From".to_owned() };
    header("From: Winkel <a@shop.example>", list, std::slice::from_ref(&from));
    let both = format!("{list}\r\nCc: x@y.example");
    header("From: Winkel <a@shop.example>", &both, &[from.clone(), added("Cc")]);
    let three = signed.replacen("Subject: Uw", "Subject: [l] Uw", 1);
    let found = check(&three.replacen("From: Winkel <a@shop.example>", &both, 1));
    assert_eq!(found.changes, [tag("[l]"), from, added("Cc")]);
    let re = &signed_by(&[&ED25519], &TEXT.replace("Subject: ", "Subject: Re: "));
    explained(re, "Re: Uw", "Re: [lijst] Uw", &Reason::HeaderChanged, &[tag("[lijst]")]);
    let simple = &signed_with("c=simple/simple; h=from:subject;", TEXT);
    explained(simple, "Subject: Uw b", "Subject: Uw\r\n b", &Reason::HeaderChanged, &[Change::HeaderBlanks]);
    let found = check(
        &signed.replacen("Subject: Uw", "Subject: [l] Uw", 1).replace("Bedankt.\r\n", "Bedankt.\r\nx\r\n"),
    );
    assert_eq!(found.reason, Some(Reason::BothChanged));
    assert_eq!(found.changes, [Change::BodyFooter { bytes: 3 }, tag("[l]")]);
}

#[test]
fn a_length_leaves_the_end_unsigned_and_says_so() {
    let signed = signed_with("c=relaxed/relaxed; h=from; l=14;", TEXT);
    let found = check(&signed);
    assert_eq!(found.result, DkimResult::Pass);
    assert!(found.warnings.contains(&Warning::PartOfBody { unsigned: 12 }), "{:?}", found.warnings);
    assert_eq!(check(&signed.replace("Bedankt", "Betaal nu")).result, DkimResult::Pass);
    assert_eq!(check(&signed.replace("Beste", "Boze")).reason, Some(Reason::BodyChanged));
    let long = signed_with("c=relaxed/relaxed; h=from; l=27;", TEXT);
    assert_eq!((check(&long).result, check(&long).reason), (DkimResult::Fail, Some(Reason::BodyShorter)));
    let none = signed_with("h=from; l=0;", TEXT);
    assert!(check(&none).warnings.contains(&Warning::PartOfBody { unsigned: 26 }));
}

#[test]
fn fields_count_from_the_bottom_and_unsigned_ones_are_named() {
    let twice = TEXT.replace("Subject:", "X: 1\r\nX: 2\r\nSubject:");
    let signed = signed_with("h=from:x:x:x;", &twice);
    assert_eq!(check(&signed).result, DkimResult::Pass);
    assert_eq!(check(&signed.replace("X: 1\r\nX: 2", "X: 2\r\nX: 1")).reason, Some(Reason::HeaderChanged));
    assert_eq!(check(&signed.replace("X: 1", "X: 0\r\nX: 1")).reason, Some(Reason::HeaderChanged));
    let once = signed_with("h=from:x;", &twice);
    assert_eq!(check(&once.replace("X: 1", "X: 9")).result, DkimResult::Pass);
    assert_eq!(check(&once.replace("X: 2", "X: 9")).reason, Some(Reason::HeaderChanged));
    let missing = |name: &str| Warning::NotSigned(name.to_owned());
    assert_eq!(check(&once).warnings, [missing("Subject"), missing("To"), missing("Date")]);
    let two = check(&once.replacen("\r\nFrom:", "\r\nFrom: ceo@shop.example\r\nFrom:", 1));
    assert_eq!((two.result, two.reason), (DkimResult::Policy, Some(Reason::SeveralFrom)));
    let future = check(&signed_with(&format!("h=from; t={};", NOW_S + 301), TEXT));
    assert!(future.warnings.contains(&Warning::FromFuture { at_s: NOW_S + 301 }));
    // The signature under test is not among the fields it names.
    assert_eq!(check(&signed_with("h=from:dkim-signature;", TEXT)).result, DkimResult::Pass);
}

#[test]
fn a_key_must_be_there_and_fit() {
    let signed = signed_by(&[&ED25519], TEXT);
    let message = Message::read(signed.as_bytes()).unwrap();
    let record = key::record(&ED25519).unwrap();
    let rsa = key::record(&RSA).unwrap();
    let text = |text: &str| Answer::Txt(text.split('|').map(|text| text.as_bytes().to_vec()).collect());
    let strict = record.replacen("k=", "t=s; k=", 1);
    for (answer, result, reason) in [
        (Answer::Failed, DkimResult::TempError, Some(Reason::Unanswered(question("ed")))),
        (Answer::NoSuchName, DkimResult::PermError, Some(Reason::NoKey(question("ed")))),
        (Answer::Txt(Vec::new()), DkimResult::PermError, Some(Reason::NoKey(question("ed")))),
        (text("v=DKIM1; k=ed25519; p="), DkimResult::PermError, Some(Reason::Revoked)),
        (text(&rsa), DkimResult::PermError, Some(Reason::OtherKind)),
        (text(&record.replacen("k=", "h=sha1; k=", 1)), DkimResult::PermError, Some(Reason::HashNotAllowed)),
        (text(&record.replacen("k=", "s=other; k=", 1)), DkimResult::PermError, Some(Reason::NotForMail)),
        (text("v=DKIM1; k=ed25519; p=AAAA"), DkimResult::PermError, None),
        (text(&format!("hello|{record}")), DkimResult::Pass, None),
        (text(&strict), DkimResult::Pass, None),
    ] {
        let found = verify(&message, 0, &HashMap::from([(question("ed"), answer)])).unwrap().checks.remove(0);
        assert_eq!(found.result, result, "{reason:?}");
        assert!(reason.is_none() || found.reason == reason, "{:?}", found.reason);
    }
    let mut below = signer(&ED25519);
    below.identity = Some("@mail.shop.example");
    let below = [sign(&Message::read(TEXT.as_bytes()).unwrap(), &[below], 0).unwrap(), TEXT.into()].concat();
    let answers = HashMap::from([(question("ed"), text(&strict))]);
    let found = verify(&Message::read(&below).unwrap(), 0, &answers).unwrap().checks.remove(0);
    assert_eq!(found.reason, Some(Reason::IdentityNotExact));
    let test = HashMap::from([(question("ed"), text(&record.replacen("k=", "t=y; k=", 1)))]);
    let found = verify(&message, 0, &test).unwrap().checks.remove(0);
    assert!(found.warnings.contains(&Warning::TestMode) && found.result == DkimResult::Pass);
}

#[test]
fn only_so_many_signatures_are_looked_at() {
    let signed = signed_by(&[&ED25519], TEXT);
    let field = &signed[..signed.len() - TEXT.len()];
    let many = format!("{}DKIM-Signature: nonsense\r\n{TEXT}", field.repeat(SIGNATURES_MAX));
    let report = verify(&Message::read(many.as_bytes()).unwrap(), NOW_S as i64, &answers()).unwrap();
    assert_eq!((report.checks.len(), report.skipped), (SIGNATURES_MAX, 1));
    assert!(report.checks.iter().all(|check| check.result == DkimResult::Pass));
    let nonsense = check(&format!("DKIM-Signature: nonsense\r\n{TEXT}"));
    assert_eq!((nonsense.result, nonsense.result.word()), (DkimResult::Neutral, "neutral"));
}

/// A body of 50 MB in one line, and the worst header that is read, broken so that it is explained too.
#[test]
fn hostile_sizes_end() {
    let mut line = signed_by(&[&ED25519], TEXT).into_bytes();
    line.resize(line.len() + 50 * 1024 * 1024, b' ');
    line.extend_from_slice(b"x");
    assert_eq!(checks(&line)[0].reason, Some(Reason::BodyChanged));
    let lines = format!("{}{}", signed_by(&[&ED25519], TEXT), "x\r\n".repeat(200_000));
    assert_eq!(check(&lines).changes, []);
    let names = "x:".repeat(490);
    let own = format!(
        "DKIM-Signature: v=1; a=ed25519-sha256; d=shop.example; s=ed; h={names}from; bh=AAAA; b=AAAA\r\n"
    );
    let fields = format!("X: {}\r\n", "y".repeat(400)).repeat(4900);
    let bomb = format!("{}{fields}{TEXT}", own.repeat(20));
    assert_eq!(checks(bomb.as_bytes()).len(), SIGNATURES_MAX);
}

proptest! {
    #[test]
    fn signed_passes_and_one_bit_breaks_it(
        subject in "[A-Za-z]{1,12}( [a-z]{1,8}){0,3}",
        body in "([a-z.]{0,9}( [a-z]{1,5}){0,2}\r\n){0,5}[a-z]{0,4}",
        place in any::<prop::sample::Index>(),
        bit in 0u32..8,
    ) {
        let text = TEXT.replace("Uw bestelling", &subject);
        let text = format!("{}\r\n\r\n{body}", text.split_once("\r\n\r\n").unwrap().0);
        let mut signed = signed_by(&[&ED25519], &text).into_bytes();
        prop_assert_eq!(checks(&signed)[0].result, DkimResult::Pass);
        let at = place.index(signed.len());
        let message = Message::read(&signed).unwrap();
        let mut begin = 0;
        let is_name = message.fields().iter().any(|field| {
            let name = begin..begin + field.name().len();
            begin += field.raw().len();
            name.contains(&at)
        });
        // The case of a name does not count when relaxed.
        prop_assume!(!(is_name && bit == 5));
        signed[at] ^= 1 << bit;
        prop_assert!(checks(&signed).iter().all(|check| check.result != DkimResult::Pass), "byte {at} bit {bit}");
    }

    #[test]
    fn any_text_is_checked_without_panic(
        tags in proptest::collection::vec("(v=1|a=rsa-sha256|a=ed25519-sha256|c=relaxed|d=shop.example|s=ed|h=from|h=:|bh=AA|b=[A-Z+/=]{0,9}|b=|l=[0-9]{1,30}|i=.{0,3}@shop.example|x=.{0,3}|.{0,9})", 0..12),
        header in "(From: .{0,9}\r\n|DKIM-Signature: b=\r\n| .{0,5}\r\n){0,4}",
        record in proptest::collection::vec("(v=DKIM1|k=rsa|k=ed25519|p=[A-Za-z+/=]{0,30}|t=[ys:]{0,4}|h=.{0,5}|.{0,5})", 0..6),
    ) {
        let text = format!("DKIM-Signature: {}\r\n{header}\r\nbody", tags.join("; "));
        let answers = HashMap::from([(question("ed"), Answer::Txt(vec![record.join(";").into_bytes()]))]);
        if let Ok(message) = Message::read(text.as_bytes()) {
            let checked = verify(&message, 0, &answers);
            prop_assert!(checked.is_err() || checked.unwrap().passed().is_empty());
        }
    }

    #[test]
    fn every_pair_of_canonical_forms_signs_and_passes(header in any::<bool>(), body in any::<bool>(), text in "([ a\t]{0,6}\r\n){0,6}[ a]{0,3}") {
        let word = |is_relaxed| if is_relaxed { "relaxed" } else { "simple" };
        let tags = format!("c={}/{}; h=from:to:subject;", word(header), word(body));
        let message = format!("{}\r\n\r\n{text}", TEXT.split_once("\r\n\r\n").unwrap().0);
        let found = check(&signed_with(&tags, &message));
        prop_assert_eq!((found.result, found.reason), (DkimResult::Pass, None));
    }
}

/// How fast a check is beside the bare signature; run with
/// `cargo test --release -p kluis-mail --lib dkim::tests::speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a check"]
fn speed() {
    let body = "Een regel van een gewone bestelmail.\r\n".repeat(100);
    let text = format!("{}\r\n\r\n{body}", TEXT.split_once("\r\n\r\n").unwrap().0);
    let time = |what: &str, work: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        let mut rounds = 0;
        while start.elapsed().as_millis() < 1000 {
            work();
            rounds += 1;
        }
        eprintln!("{what:<44} {:>8.0}/s", f64::from(rounds) / start.elapsed().as_secs_f64());
    };
    let answers = answers();
    for key in [&*RSA, &*ED25519] {
        let signed = signed_by(&[key], &text);
        let name = if key.is_ed25519() { "Ed25519" } else { "RSA-2048" };
        time(&format!("{name}: check a message of {} bytes", signed.len()), &mut || {
            let report = verify(&Message::read(signed.as_bytes()).unwrap(), NOW_S as i64, &answers).unwrap();
            assert_eq!(report.checks[0].result, DkimResult::Pass);
        });
        let mut hash = MailHash::new(MailHashKind::Sha256);
        hash.update(b"x");
        let digest = hash.finish();
        let signature = key.sign(&digest).unwrap();
        let public = key::read(key::record(key).unwrap().as_bytes()).unwrap().key().unwrap().unwrap();
        time(&format!("{name}: bare signature"), &mut || assert!(public.verify(&digest, &signature)));
        time(&format!("{name}: sign a message"), &mut || drop(signed_by(&[key], &text)));
    }
    let mut relaxed = BodyHash::new(Canon::Relaxed, MailHashKind::Sha256, None);
    let start = std::time::Instant::now();
    (0..20_000).for_each(|_| relaxed.update(body.as_bytes()));
    let bytes = relaxed.finish().bytes;
    eprintln!("relaxed body and SHA-256: {:.0} MB/s", bytes as f64 / 1e6 / start.elapsed().as_secs_f64());
    let mut canon = canon::BodyCanon::new(Canon::Relaxed);
    let start = std::time::Instant::now();
    let mut count = 0;
    (0..20_000).for_each(|_| canon.update(body.as_bytes(), &mut |bytes| count += bytes.len()));
    eprintln!("relaxed body alone: {:.0} MB/s", count as f64 / 1e6 / start.elapsed().as_secs_f64());
}
