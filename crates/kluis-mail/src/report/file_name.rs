//! The file name of an aggregate report (RFC 7489 §7.2.1.1, RFC 9990): `receiver!domain!begin!end[!id].xml[.gz]`.

use super::text;

/// What a file name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// Who reports; may be empty.
    pub receiver: String,
    /// The domain that is reported about.
    pub domain: String,
    /// Unix seconds.
    pub begin_s: i64,
    /// Unix seconds.
    pub end_s: i64,
    /// A mark of the reporter.
    pub id: Option<String>,
}

impl FileName {
    /// Reads a file name, `None` when it is not of this form; ends `.xml`, `.json`, `.gz`, `.zip` fall off in any case.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        let mut stem = text::cut(name.trim(), 1_000);
        'ends: loop {
            for end in [".xml", ".json", ".gz", ".zip"] {
                let at = stem.len().saturating_sub(end.len());
                if stem.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(end)) {
                    stem = &stem[..at];
                    continue 'ends;
                }
            }
            break;
        }
        let mut parts = stem.split('!');
        let receiver = text::domain(parts.next()?);
        let domain = text::domain(parts.next()?);
        let begin_s = text::moment(parts.next()?)?;
        let end_s = text::moment(parts.next()?)?;
        let id = parts.next().filter(|id| !id.is_empty()).map(str::to_owned);
        (parts.next().is_none() && domain.contains('.')).then_some(Self {
            receiver,
            domain,
            begin_s,
            end_s,
            id,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names() {
        let name = FileName::read("fastmail.com!example.com!1516060800!1516147199!102675056.xml.gz").unwrap();
        assert_eq!((name.receiver.as_str(), name.domain.as_str()), ("fastmail.com", "example.com"));
        assert_eq!(
            (name.begin_s, name.end_s, name.id.as_deref()),
            (1_516_060_800, 1_516_147_199, Some("102675056"))
        );
        let name = FileName::read("!example.com!1538204542!1538463818.xml").unwrap();
        assert!(name.receiver.is_empty() && name.id.is_none());
        assert!(FileName::read("a.example!shop.example!1!2.XML.ZIP").is_some());
        for wrong in [
            "",
            "report.xml",
            "a!b!c!d",
            "a!b.example!1",
            "a!b.example!1!x.xml",
            "a!b.example!1!2!3!4.xml",
            "a!b!1!2",
            "!!!!",
            "a!b.example!-1!2.xml",
        ] {
            assert!(FileName::read(wrong).is_none(), "{wrong}");
        }
    }
}
