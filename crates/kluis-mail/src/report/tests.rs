//! Who sent it, what is counted, and what a new policy would do: rows as receivers report them.
#![expect(clippy::unwrap_used, reason = "tests")]

use core::net::IpAddr;
use std::collections::HashMap;

use super::*;
use crate::dmarc;

fn known() -> Known {
    Known {
        streams: vec![
            Stream { id: "winkel".to_owned(), domain: "shop.example".to_owned() },
            Stream { id: "nieuws".to_owned(), domain: "nieuws.shop.example".to_owned() },
        ],
        networks: vec!["192.0.2.0/28".parse().unwrap()],
        services: vec!["microsoft-365".to_owned()],
    }
}

/// A row from 203.0.113.9; `dkim` and `spf` are `domain=result`, evaluated by relaxed alignment with the shop.
fn row(dkim: &[&str], spf: &str) -> Row {
    let result = |text: &str| match text {
        "pass" => AuthResult::Pass,
        "softfail" => AuthResult::SoftFail,
        _ => AuthResult::Fail,
    };
    let is_own = |domain: &str| domain == "shop.example" || domain.ends_with(".shop.example");
    let dkim_auth: Vec<DkimAuth> = dkim
        .iter()
        .map(|text| text.split_once('=').unwrap())
        .map(|(domain, outcome)| DkimAuth {
            domain: domain.to_owned(),
            selector: None,
            result: result(outcome),
        })
        .collect();
    let (domain, outcome) = spf.split_once('=').unwrap();
    let spf_auth =
        vec![SpfAuth { domain: domain.to_owned(), scope: SpfScope::MailFrom, result: result(outcome) }];
    let evaluated = |is_pass: bool| if is_pass { Evaluated::Pass } else { Evaluated::Fail };
    Row {
        source: "203.0.113.9".parse().unwrap(),
        count: 10,
        disposition: Disposition::None,
        dkim: evaluated(dkim_auth.iter().any(|auth| is_own(&auth.domain) && auth.result == AuthResult::Pass)),
        spf: evaluated(is_own(domain) && outcome == "pass"),
        reasons: Vec::new(),
        header_from: "shop.example".to_owned(),
        envelope_from: Some(domain.to_owned()),
        envelope_to: None,
        dkim_auth,
        spf_auth,
    }
}

fn check(row: &Row, ptr: Option<&str>, category: Category, sender: Option<&str>, evidence: Evidence) {
    let who = classify(row, ptr, &known());
    let found = (who.category, who.sender.map(|sender| sender.id), who.evidence);
    assert_eq!(found, (category, sender, evidence), "{row:?}");
}

#[test]
fn who_it_was() {
    let mut own = row(&[], "shop.example=pass");
    check(&own, None, Category::Own, None, Evidence::Nothing);
    own.source = "192.0.2.5".parse().unwrap();
    check(&own, None, Category::Own, None, Evidence::OwnNetwork);
    // Amazon signs twice; its envelope is its own.
    let ses = row(&["shop.example=pass", "amazonses.com=pass"], "eu-west-1.amazonses.com=pass");
    check(&ses, None, Category::Service, Some("amazon-ses"), Evidence::Spf);
    // The same mail passed on by somebody: SPF fails, both signatures hold.
    let passed_on = row(&["shop.example=pass", "amazonses.com=pass"], "eu-west-1.amazonses.com=softfail");
    check(&passed_on, None, Category::Forwarder, None, Evidence::Dkim);
    check(&row(&["shop.example=pass"], "shop.example=fail"), None, Category::Forwarder, None, Evidence::Dkim);
    let rewritten = row(&["shop.example=pass"], "forwarder.example=pass");
    check(&rewritten, None, Category::Forwarder, None, Evidence::Dkim);
    let by_google = row(&["shop.example=pass"], "shop.example=fail");
    check(
        &by_google,
        Some("mail-it1-f201.google.com"),
        Category::Forwarder,
        Some("google-workspace"),
        Evidence::Dkim,
    );
}

#[test]
fn services_and_strangers() {
    // A newsletter without a signature of the shop, known by its signature, envelope or server.
    check(
        &row(&["mailplus.nl=pass"], "x.example=fail"),
        None,
        Category::Service,
        Some("spotler"),
        Evidence::Dkim,
    );
    check(
        &row(&[], "bounce.flowmailer.net=pass"),
        None,
        Category::Service,
        Some("flowmailer"),
        Evidence::Spf,
    );
    check(
        &row(&[], "x.example=fail"),
        Some("mail5.atl11.MCSV.net"),
        Category::Service,
        Some("mailchimp"),
        Evidence::Ptr,
    );
    let mut sendgrid = row(&[], "shop.example=fail");
    sendgrid.source = "167.89.69.24".parse().unwrap();
    check(&sendgrid, None, Category::Service, Some("sendgrid"), Evidence::Network);
    // A service that signs for the shop, with an envelope of the shop whose SPF forgets it.
    let forgot = row(&["shop.example=pass"], "shop.example=fail");
    check(&forgot, Some("o1.sendgrid.net"), Category::Service, Some("sendgrid"), Evidence::Ptr);
    // Somebody's machine at a host is not the host; one that the shop allows is.
    check(&row(&[], "x.example=fail"), Some("vps-1.ovh.net"), Category::Misuse, Some("ovh"), Evidence::Ptr);
    check(
        &row(&[], "shop.example=pass"),
        Some("vps-1.ovh.net"),
        Category::Service,
        Some("ovh"),
        Evidence::Ptr,
    );
    let office = row(&["shop.onmicrosoft.com=pass"], "x.example=fail");
    check(&office, None, Category::Service, Some("microsoft-365"), Evidence::Dkim);
    check(&row(&[], "stranger.example=pass"), None, Category::Unknown, None, Evidence::Nothing);
    check(
        &row(&["stranger.example=pass"], "x.example=fail"),
        None,
        Category::Unknown,
        None,
        Evidence::Nothing,
    );
    check(&row(&["mailplus.nl=fail"], "mailplus.nl=fail"), None, Category::Misuse, None, Evidence::Nothing);
    let mut list = row(&["shop.example=pass"], "sendgrid.net=pass");
    list.reasons.push(Reason { kind: ReasonKind::MailingList, comment: String::new() });
    check(&list, None, Category::Forwarder, None, Evidence::Dkim);
}

#[test]
fn streams_by_longest_domain() {
    let known = known();
    assert_eq!(known.stream_of("shop.example"), Some(0));
    assert_eq!(known.stream_of("a.nieuws.shop.example"), Some(1));
    for other in ["", "example", "myshop.example", "shop.example.evil.example"] {
        assert_eq!(known.stream_of(other), None, "{other}");
    }
    let odd =
        Known { streams: vec![Stream { id: String::new(), domain: String::new() }], ..Known::default() };
    assert_eq!(odd.stream_of(""), None);
}

#[test]
fn networks() {
    let network: Network = "192.0.2.77/24".parse().unwrap();
    assert_eq!(network.to_string(), "192.0.2.0/24");
    assert!(
        network.contains("192.0.2.255".parse().unwrap()) && !network.contains("192.0.3.0".parse().unwrap())
    );
    assert!(!network.contains("::ffff:192.0.2.1".parse().unwrap()));
    let all: Network = "0.0.0.0/0".parse().unwrap();
    assert!(all.contains("255.255.255.255".parse().unwrap()));
    assert_eq!("2001:db8::1".parse::<Network>().unwrap().to_string(), "2001:db8::1/128");
    assert_eq!(Network::around("2001:db8:1:2::3".parse().unwrap()).to_string(), "2001:db8:1::/48");
    for wrong in ["", "/", "192.0.2.0/33", "192.0.2/24", "::/129", "192.0.2.0/-1", "192.0.2.0/24/1"] {
        assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
    }
}

fn report(rows: Vec<Row>, begin_s: i64) -> AggregateReport {
    AggregateReport {
        org: "A.example".to_owned(),
        begin_s,
        end_s: begin_s + 86_399,
        rows,
        ..AggregateReport::default()
    }
}

#[test]
fn counts_by_day_stream_and_source() {
    let mut rejected = row(&[], "x.example=fail");
    rejected.disposition = Disposition::Reject;
    let mut letter = row(&["shop.example=pass"], "bounce.flowmailer.net=pass");
    letter.header_from = "nieuws.shop.example".to_owned();
    let rows = vec![row(&["shop.example=pass"], "shop.example=pass"), rejected, letter];
    let mut fold = Fold::new();
    fold.add(&report(rows.clone(), 1_700_000_000), &HashMap::new(), &known());
    fold.add(&report(rows, 1_700_000_000 + 86_400), &HashMap::new(), &known());
    let groups = fold.groups();
    assert_eq!((groups.len(), fold.reports(), fold.reporters().len()), (6, 2, 1));
    let total = |key: &dyn Fn(&FoldKey) -> bool| -> u64 {
        groups.iter().filter(|(group, _)| key(group)).map(|(_, counts)| counts.messages).sum()
    };
    assert_eq!(total(&|key| key.stream == Some(1) && key.sender == Some("flowmailer")), 20);
    assert_eq!(total(&|key| key.category == Category::Misuse && key.network.is_none()), 20);
    let own = groups.iter().find(|(key, _)| key.category == Category::Own).unwrap();
    assert_eq!(own.0.network.unwrap().to_string(), "203.0.113.0/24");
    assert_eq!(*own.1, Counts { messages: 10, passed: 10, dkim: 10, spf: 10, ..Counts::default() });
    let misuse = groups.iter().find(|(key, _)| key.category == Category::Misuse).unwrap();
    assert_eq!((misuse.1.rejected, misuse.1.passed), (10, 0));
    assert_eq!(misuse.0.day, 19_676);
}

#[test]
fn a_flood_of_sources_and_days_stays_bounded() {
    let mut fold = Fold::new();
    for day in 0..300 {
        let rows = (0..500_u32).map(|at| Row {
            source: IpAddr::from((0x0a00_0000 + day * 0x20_0000 + at * 256).to_be_bytes()),
            ..row(&["stranger.example=pass"], "x.example=fail")
        });
        fold.add(&report(rows.collect(), i64::from(day) * 86_400), &HashMap::new(), &known());
    }
    let messages: u64 = fold.groups().values().map(|counts| counts.messages).sum();
    assert!(fold.groups().len() <= 20_000);
    assert_eq!(messages + fold.rest().messages, 300 * 500 * 10);
    let mut huge = row(&[], "x.example=fail");
    huge.count = u64::MAX;
    let odd = AggregateReport {
        begin_s: i64::MIN,
        end_s: i64::MAX,
        rows: vec![huge.clone(), huge],
        ..report(Vec::new(), 0)
    };
    fold.add(&odd, &HashMap::new(), &known());
    assert_eq!(fold.reports(), 301);
}

fn replay(rows: &[Row], record: &str) -> Vec<SourceOutcome> {
    let record = dmarc::read(record.as_bytes()).unwrap();
    let proposed = Proposed {
        domain: "shop.example",
        record: &record,
        spf: None,
        is_nonexistent: &|name| name.starts_with("nobody."),
        organization: None,
    };
    simulate(rows, &proposed, &known(), &HashMap::new())
}

#[test]
fn a_stricter_policy_is_replayed() {
    let mut below = row(&[], "x.example=fail");
    below.header_from = "nobody.shop.example".to_owned();
    let mut other = row(&[], "x.example=fail");
    other.header_from = "other.example".to_owned();
    let rows = [
        row(&["shop.example=pass"], "shop.example=fail"),
        row(&["mailplus.nl=pass"], "mailplus.nl=pass"),
        row(&[], "x.example=fail"),
        below,
        other,
    ];
    let outcomes = replay(&rows, "v=DMARC1; p=reject; sp=none; np=quarantine");
    let of =
        |category: Category| outcomes.iter().find(|outcome| outcome.category == category).unwrap().replayed;
    assert_eq!(of(Category::Forwarder), Replayed { messages: 10, passed: 10, ..Replayed::default() });
    assert_eq!(
        of(Category::Service),
        Replayed { messages: 10, rejected: 10, foreign: 10, ..Replayed::default() }
    );
    assert_eq!(
        of(Category::Misuse),
        Replayed { messages: 20, rejected: 10, quarantined: 10, unsigned: 20, ..Replayed::default() }
    );
    assert_eq!(outcomes[0].category, Category::Misuse);
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.replayed.messages).sum::<u64>(),
        40,
        "another domain is left out"
    );
    let rehearsal = replay(&rows[1..2], "v=DMARC1; p=reject; t=y")[0].replayed;
    assert_eq!((rehearsal.quarantined, rehearsal.rejected), (10, 0));
    let half = replay(&rows[1..2], "v=DMARC1; p=reject; pct=25")[0].replayed;
    assert_eq!((half.rejected, half.quarantined), (3, 7));
    assert_eq!(replay(&rows[1..2], "v=DMARC1; p=none")[0].replayed.delivered, 10);
}

#[test]
fn alignment_and_a_new_spf_record_are_replayed() {
    let below = row(&["mail.shop.example=pass"], "bounce.shop.example=fail");
    let strict = replay(std::slice::from_ref(&below), "v=DMARC1; p=reject; adkim=s")[0].replayed;
    assert_eq!(strict.rejected, 10);
    assert_eq!(replay(std::slice::from_ref(&below), "v=DMARC1; p=reject")[0].replayed.passed, 10);
    let record = dmarc::read(b"v=DMARC1; p=reject; adkim=s").unwrap();
    let allows = |address: IpAddr, domain: &str| {
        (domain == "bounce.shop.example").then(|| Network::around(address).to_string() == "203.0.113.0/24")
    };
    let proposed = Proposed {
        domain: "shop.example",
        record: &record,
        spf: Some(&allows),
        is_nonexistent: &|_| false,
        organization: None,
    };
    let outcomes = simulate([&below], &proposed, &known(), &HashMap::new());
    assert_eq!(outcomes[0].replayed.passed, 10);
    let mut excused = row(&[], "x.example=fail");
    excused.reasons.push(Reason { kind: ReasonKind::LocalPolicy, comment: "arc=pass".to_owned() });
    let replayed = replay(&[excused], "v=DMARC1; p=quarantine")[0].replayed;
    assert_eq!((replayed.quarantined, replayed.excused), (10, 10));
    // By the tree walk, a department with `psd=n` is an organization of its own.
    let walk = |domain: &str| {
        let own = domain.ends_with("bounce.shop.example");
        if own { "bounce.shop.example" } else { "shop.example" }.to_owned()
    };
    let apart = Row {
        header_from: "shop.example".to_owned(),
        ..row(&["bounce.shop.example=pass"], "x.example=fail")
    };
    let by_walk = Proposed { spf: None, organization: Some(&walk), ..proposed };
    let relaxed = dmarc::read(b"v=DMARC1; p=reject").unwrap();
    let by_walk = Proposed { record: &relaxed, ..by_walk };
    let replayed = simulate([&apart], &by_walk, &known(), &HashMap::new())[0].replayed;
    assert_eq!((replayed.rejected, replayed.foreign), (10, 10));
    let by_list = Proposed { organization: None, ..by_walk };
    assert_eq!(simulate([&apart], &by_list, &known(), &HashMap::new())[0].replayed.passed, 10);
    let broken = replay(&[row(&["shop.example=fail"], "x.example=fail")], "v=DMARC1; p=reject")[0].replayed;
    assert_eq!((broken.rejected, broken.broken), (10, 10));
    // A public suffix does not bind two shops together.
    let neighbour =
        Row { header_from: "shop.example".to_owned(), ..row(&["other.example=pass"], "x.example=fail") };
    assert_eq!(replay(&[neighbour], "v=DMARC1; p=reject")[0].replayed.rejected, 10);
}

#[test]
fn messages_in_both_languages() {
    use kluis_model::Lang;
    for refusal in [Refusal::Empty, Refusal::Bomb, Refusal::Entities, Refusal::Json { line: 2, column: 7 }] {
        assert_ne!(refusal.message(Lang::Nl), refusal.message(Lang::En));
    }
    assert_eq!(
        Refusal::Json { line: 2, column: 7 }.message(Lang::Nl),
        "De JSON klopt niet op regel 2, teken 7."
    );
    assert_ne!(ProblemKind::Truncated.message(Lang::Nl), ProblemKind::Truncated.message(Lang::En));
}

#[test]
fn a_refusal_is_found_again_by_its_text() {
    for refusal in [Refusal::Empty, Refusal::Bomb, Refusal::Entities, Refusal::Json { line: 3, column: 70 }] {
        assert_eq!(Refusal::from_text(&refusal.to_string()), Some(refusal));
    }
    for other in ["", "it is", "the JSON is wrong at line 3", "the JSON is wrong at line x, column 1"] {
        assert_eq!(Refusal::from_text(other), None, "{other}");
    }
}
