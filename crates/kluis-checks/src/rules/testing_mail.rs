//! Mail of the shop without a fault.

use core::net::IpAddr;

use super::testing::{HOST, good_chain};
use crate::facts::{
    DkimFacts, DkimKey, DmarcAt, DmarcFacts, DmarcFound, DmarcReports, DnssecState, Evidence, MailFacts,
    MailPolicy, MtaStsFacts, MtaStsPolicy, MxFacts, SmtpFacts, SpfAll, SpfFacts, SpfInclude, SpfNetwork,
    TlsaRecord,
};

/// The mail of the shop, to change it.
pub(crate) fn mail(evidence: &mut Evidence) -> &mut MailFacts {
    evidence.mail.get_or_insert_default()
}

/// Everything published, nothing to mend.
pub(crate) fn good_mail() -> MailFacts {
    MailFacts {
        domain: HOST.into(),
        questions: 90,
        mx: Some(vec![good_mx()]),
        has_null_mx: false,
        mx_dnssec: DnssecState::Secure,
        spf: good_spf(),
        dmarc: good_dmarc(),
        dkim: DkimFacts {
            looked_for: vec!["selector1".into(), "winkel".into()],
            given: 1,
            keys: vec![
                DkimKey { selector: "winkel".into(), kind: "rsa".into(), bits: 2048, ..DkimKey::default() },
                DkimKey {
                    selector: "selector1".into(),
                    kind: "ed25519".into(),
                    bits: 256,
                    ..DkimKey::default()
                },
            ],
            is_whole: true,
            has_wildcard: false,
        },
        mta_sts: MtaStsFacts {
            texts: Some(vec!["v=STSv1; id=20261101".into()]),
            policy: Some(MtaStsPolicy {
                mode: "enforce".into(),
                mx: vec!["mx.winkel.example".into()],
                max_age_s: 604_800,
            }),
            problems: Vec::new(),
        },
        tls_rpt: Some(vec!["v=TLSRPTv1; rua=mailto:tls@winkel.example".into()]),
        bimi: Some(vec!["v=BIMI1; l=https://winkel.example/merk.svg".into()]),
    }
}

fn good_mx() -> MxFacts {
    let chain = good_chain();
    let data = chain.sent[0].spki_sha256.clone();
    MxFacts {
        preference: 10,
        host: "mx.winkel.example".into(),
        addresses: Some(vec![IpAddr::from([192, 0, 2, 25])]),
        alias: None,
        tlsa: Some(vec![TlsaRecord { usage: 3, selector: 1, matching: 1, data }]),
        tlsa_dnssec: DnssecState::Secure,
        smtp: SmtpFacts {
            address: Some(IpAddr::from([192, 0, 2, 25])),
            starttls: Some(true),
            tls: Some("TLSv1.3".into()),
            tls_problem: None,
            is_certificate_good: Some(true),
            chain,
        },
    }
}

fn good_spf() -> SpfFacts {
    let network = |address: [u8; 4], bits, domain: &str| SpfNetwork {
        address: IpAddr::from(address),
        bits,
        domain: domain.into(),
    };
    SpfFacts {
        texts: Some(vec!["v=spf1 ip4:192.0.2.25 include:spf.nieuws.example -all".into()]),
        all: Some(SpfAll::Fail),
        lookups: 1,
        includes: vec![SpfInclude {
            domain: "spf.nieuws.example".into(),
            via: HOST.into(),
            lookups: 1,
            v4_addresses: 256,
            has_record: true,
        }],
        networks: vec![
            network([192, 0, 2, 25], 32, HOST),
            network([198, 51, 100, 0], 24, "spf.nieuws.example"),
        ],
        v4_addresses: 257,
        is_whole: true,
        ..SpfFacts::default()
    }
}

fn good_dmarc() -> DmarcFacts {
    let found = DmarcFound {
        domain: HOST.into(),
        organization: HOST.into(),
        policy: MailPolicy::Reject,
        own: MailPolicy::Reject,
        below: MailPolicy::Reject,
        absent: MailPolicy::Reject,
        is_test: false,
        percent: None,
    };
    DmarcFacts {
        walk: vec![
            DmarcAt {
                name: format!("_dmarc.{HOST}"),
                texts: Some(vec!["v=DMARC1; p=reject; rua=mailto:dmarc@winkel.example".into()]),
                records: 1,
                is_ignored: false,
            },
            DmarcAt { name: "_dmarc.example".into(), texts: Some(Vec::new()), ..DmarcAt::default() },
        ],
        now: Some(found.clone()),
        before: Some(found),
        is_known: true,
        reports: vec![DmarcReports { domain: HOST.into(), is_aggregate: true, ..DmarcReports::default() }],
        remarks: Vec::new(),
    }
}
