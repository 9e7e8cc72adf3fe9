//! What services ask a shop to publish: the part of an SPF record, and aliases for keys; data in a plain table.

/// What a service asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wishes {
    /// For the domain of the envelope.
    pub(super) spf: SpfWish,
    keys: &'static str,
}

/// What a service asks of the SPF record of an envelope's domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpfWish {
    /// To include this name.
    Include(&'static str),
    /// Nothing: it has an envelope domain of its own.
    Own,
    /// It tells its customer.
    Ask,
}

impl Wishes {
    /// What a service asks for; one that is not in the table has to be asked.
    pub(super) fn of(id: &str) -> Self {
        let lines = include_str!("services.txt").lines();
        lines.filter_map(line).find(|(known, _)| *known == id).map_or(ASK, |(_, wishes)| wishes)
    }

    /// Selectors and targets of its keys for a domain, as far as they are the same for every customer.
    pub(super) fn aliases(&self, domain: &str) -> Vec<(&'static str, String)> {
        let pairs = self.keys.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(selector, target)| (selector, target.replace("{domain}", domain))).collect()
    }
}

const ASK: Wishes = Wishes { spf: SpfWish::Ask, keys: "ask" };

fn line(text: &'static str) -> Option<(&'static str, Wishes)> {
    let (id, rest) = text.split_once('|')?;
    let (spf, keys) = rest.split_once('|')?;
    let spf = match spf {
        "own" => SpfWish::Own,
        "ask" => SpfWish::Ask,
        name => SpfWish::Include(name),
    };
    (!id.starts_with('#')).then_some((id, Wishes { spf, keys }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashSet;

    use super::*;
    use crate::catalogue;

    #[test]
    fn every_line_is_about_a_service_of_the_catalogue_and_its_own_domains() {
        let lines = include_str!("services.txt").lines();
        let mut seen = HashSet::new();
        for text in lines.filter(|text| !text.is_empty() && !text.starts_with('#')) {
            let (id, wishes) = line(text).unwrap();
            assert!(catalogue::find(id).is_some() && seen.insert(id), "{id}");
            if let SpfWish::Include(name) = wishes.spf {
                crate::spf::read(format!("v=spf1 include:{name} ~all").as_bytes()).unwrap();
                let owner = catalogue::by_spf(name).map(|sender| sender.id);
                assert!(owner == Some(id) || id == "resend", "{id} {name} {owner:?}");
            }
            let aliases = wishes.aliases("winkel.example");
            assert!(!aliases.is_empty() || wishes.keys == "ask", "{id}");
            for (selector, target) in aliases {
                assert!(crate::streams::read_selector(selector).is_some() && target.contains('.'), "{id}");
            }
        }
        assert!(seen.len() >= 40);
        assert_eq!(Wishes::of("zzz"), ASK);
    }
}
