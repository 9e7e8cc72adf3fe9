//! The steps about signatures (DKIM): the keys of each stream, and what its services want published.

use kluis_model::Text;

use super::services::Wishes;
use super::spf::is_spf;
use super::{Maker, PlannedKind, Step, Subject, registered};
use crate::streams::{GivenKind, GivenRecord, MailStream};
use crate::{catalogue, dmarc};

impl Maker<'_> {
    /// A step for each stream.
    pub(super) fn signatures(&self) -> Vec<Step> {
        self.setup.streams.iter().map(|stream| self.signature(stream)).collect()
    }

    fn signature(&self, stream: &MailStream) -> Step {
        let title = Text::new(
            format!("Publiceer de sleutels van stroom \"{}\" (DKIM)", stream.id),
            format!("Publish the keys of stream \"{}\" (DKIM)", stream.id),
        );
        let why = Text::new(
            "Met een handtekening bewijst een bericht dat het van u komt, ook als het wordt doorgestuurd. De sleutel om haar te controleren staat in de DNS.",
            "With a signature a message proves that it comes from you, also when it is forwarded. The key to check it stands in the DNS.",
        );
        let mut step = Step::new(Subject::Dkim, title, why);
        step.stream = Some(stream.id.clone());
        let given: Vec<&GivenRecord> = stream.records.iter().filter(|record| is_published(record)).collect();
        for record in &given {
            let kind = match record.kind {
                GivenKind::Cname => PlannedKind::Cname,
                GivenKind::Mx => PlannedKind::Mx,
                GivenKind::Txt => PlannedKind::Txt,
            };
            step.records.push(self.record(&record.name, kind, record.value.clone()));
        }
        self.services(stream, &given, &mut step);
        self.keys(stream, &given, &mut step);
        if !step.records.is_empty() {
            step.wait = Some(Text::new(
                format!("{} Zet daarna pas het ondertekenen aan.", self.dns_wait().nl),
                format!("{} Only then switch on signing.", self.dns_wait().en),
            ));
        }
        step
    }

    fn keys(&self, stream: &MailStream, given: &[&GivenRecord], step: &mut Step) {
        for key in &stream.keys {
            let name = format!("{}._domainkey.{}", key.selector, key.domain);
            if registered(&key.domain) != registered(&stream.from) {
                step.todo.push(Text::new(
                    format!(
                        "Een handtekening van {} bewijst niets over {}; laat ondertekenen met d={}.",
                        key.domain, stream.from, stream.from
                    ),
                    format!(
                        "A signature of {} proves nothing about {}; have it sign with d={}.",
                        key.domain, stream.from, stream.from
                    ),
                ));
            }
            let own = self.inputs.keys.iter().find(|(known, _)| known == key);
            if let Some((_, text)) = own {
                step.records.push(self.text(&name, text.clone()));
            } else if !given.iter().any(|record| record.name == name)
                && !step.records.iter().any(|record| record.name == name)
            {
                step.todo.push(if stream.is_relayed {
                    Text::new(
                        format!("Maak de sleutel met: klantkluis mail dkim keygen {} --selector {}", key.domain, key.selector),
                        format!("Make the key with: klantkluis mail dkim keygen {} --selector {}", key.domain, key.selector),
                    )
                } else {
                    Text::new(
                        format!("Zoek bij wie deze stroom verstuurt het record voor {name} op, en zet het bij records in mail.toml."),
                        format!("Find the record for {name} at whoever sends this stream, and put it under records in mail.toml."),
                    )
                });
            }
        }
        if stream.is_relayed && stream.keys.is_empty() {
            step.todo.push(Text::new(
                format!("Maak een sleutel met: klantkluis mail dkim keygen {}", stream.from),
                format!("Make a key with: klantkluis mail dkim keygen {}", stream.from),
            ));
        }
    }

    /// Aliases that a service wants from every customer; the others it has to be asked for.
    fn services(&self, stream: &MailStream, given: &[&GivenRecord], step: &mut Step) {
        let has_keys =
            !stream.keys.is_empty() || given.iter().any(|record| record.name.contains("._domainkey."));
        for id in &stream.services {
            let name = catalogue::find(id).map_or(id.as_str(), |sender| sender.name);
            let aliases = Wishes::of(id).aliases(&stream.from);
            for (selector, target) in &aliases {
                let name = format!("{selector}._domainkey.{}", stream.from);
                if !given.iter().any(|record| record.name == name) {
                    step.records.push(self.record(&name, PlannedKind::Cname, target.clone()));
                }
            }
            if !aliases.is_empty() {
                step.todo.push(Text::new(
                    format!("Vergelijk deze records met de instellingen van {name} en zet daar het ondertekenen voor {} aan.", stream.from),
                    format!("Compare these records with the settings of {name} and switch on signing for {} there.", stream.from),
                ));
            } else if !has_keys {
                step.todo.push(Text::new(
                    format!("Zet bij {name} het ondertekenen (DKIM) voor {} aan, en zet de records die u daar krijgt bij records in mail.toml.", stream.from),
                    format!("Switch on signing (DKIM) for {} at {name}, and put the records it gives you under records in mail.toml.", stream.from),
                ));
            }
        }
    }
}

/// Whether a record that a service asks for is published as it is: not a policy, which is the shop's own, and not SPF,
/// which is merged.
fn is_published(record: &GivenRecord) -> bool {
    let is_policy = record.kind == GivenKind::Txt && dmarc::is_record(record.value.as_bytes());
    !is_policy && !record.name.starts_with("_dmarc.") && !is_spf(record)
}
