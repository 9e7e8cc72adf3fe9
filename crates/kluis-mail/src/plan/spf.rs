//! The steps about SPF: one record for every domain of an envelope, and a closed door for domains that never send.

use kluis_model::Text;

use super::services::{SpfWish, Wishes};
use super::{Maker, Step, Subject, registered};
use crate::catalogue;
use crate::spf;
use crate::streams::{GivenKind, GivenRecord, MailStream};

/// Bytes from which a record gets long for answers of the DNS (RFC 7208 §3.4).
const LONG_BYTES: usize = 450;

/// What a domain's record says.
#[derive(Default)]
struct Envelope {
    domain: String,
    terms: Vec<String>,
    streams: Vec<String>,
    todo: Vec<Text>,
}

impl Envelope {
    fn term(&mut self, term: String) {
        if !self.terms.contains(&term) {
            self.terms.push(term);
        }
    }

    fn todo(&mut self, nl: String, en: String) {
        self.todo.push(Text::new(nl, en));
    }
}

impl Maker<'_> {
    /// A step for each domain that stands in an envelope or a From address.
    pub(super) fn spf(&self) -> Vec<Step> {
        let mut envelopes: Vec<Envelope> = Vec::new();
        for stream in &self.setup.streams {
            self.stream(stream, &mut envelopes);
        }
        let given = self.setup.streams.iter().flat_map(|stream| &stream.records);
        for record in given.filter(|record| is_spf(record)) {
            merge(record, of(&mut envelopes, &record.name));
        }
        envelopes.into_iter().filter_map(|envelope| self.envelope(envelope)).collect()
    }

    fn stream(&self, stream: &MailStream, envelopes: &mut Vec<Envelope>) {
        // The name in the From address has a record too: some receivers look at it, and nobody can abuse it then.
        of(envelopes, &stream.from).streams.push(stream.id.clone());
        let path = stream.return_path.as_ref().unwrap_or(&stream.from);
        let envelope = of(envelopes, path);
        if !envelope.streams.contains(&stream.id) {
            envelope.streams.push(stream.id.clone());
        }
        for network in &stream.networks {
            let text = network.to_string();
            let (kind, whole) = if text.contains(':') { ("ip6", "/128") } else { ("ip4", "/32") };
            envelope.term(format!("{kind}:{}", text.strip_suffix(whole).unwrap_or(&text)));
        }
        for id in &stream.services {
            let name = catalogue::find(id).map_or(id.as_str(), |sender| sender.name);
            let has_record = stream.records.iter().any(|record| record.name == *path);
            match Wishes::of(id).spf {
                SpfWish::Include(include) => envelope.term(format!("include:{include}")),
                SpfWish::Own if stream.return_path.is_none() || has_record => {}
                SpfWish::Ask if has_record => {}
                SpfWish::Own => envelope.todo(
                    format!(
                        "Kijk bij {name} welk record zij bij {path} willen (vaak een CNAME), en zet het bij records in mail.toml."
                    ),
                    format!(
                        "Look at {name} which record they want at {path} (often a CNAME), and put it under records in mail.toml."
                    ),
                ),
                SpfWish::Ask => envelope.todo(
                    format!(
                        "Kijk bij {name} of u iets aan het SPF-record moet toevoegen. Zo ja: zet dat record ({path}, txt) bij records in mail.toml; het wordt dan samengevoegd."
                    ),
                    format!(
                        "Look at {name} whether something must be added to the SPF record. If so, put that record ({path}, txt) under records in mail.toml; it is then merged."
                    ),
                ),
            }
        }
        let is_nobody = stream.networks.is_empty() && stream.services.is_empty();
        if stream.is_relayed && !has_way_out(stream) {
            envelope.todo(
                format!("Noem bij stroom \"{}\" de server (servers) of de dienst (services) waarlangs klantkluis verstuurt.", stream.id),
                format!("Name at stream \"{}\" the server (servers) or the service (services) that klantkluis sends through.", stream.id),
            );
        } else if is_nobody {
            envelope.todo(
                format!("Bij stroom \"{}\" staat nog niet wie hem verstuurt: noem diensten (services) of servers.", stream.id),
                format!("Stream \"{}\" does not say yet who sends it: name services or servers.", stream.id),
            );
        }
    }

    fn envelope(&self, envelope: Envelope) -> Option<Step> {
        let Envelope { domain, mut terms, streams, mut todo } = envelope;
        let mut given = self.setup.streams.iter().flat_map(|stream| &stream.records);
        if given.any(|record| record.kind == GivenKind::Cname && record.name == domain) {
            // The service keeps the record behind its alias.
            return None;
        }
        let (is_empty, is_whole) = (terms.is_empty(), todo.is_empty());
        let lookups = terms.iter().filter(|term| costs_lookup(term)).count();
        terms.push("~all".to_owned());
        let value = format!("v=spf1 {}", terms.join(" "));
        if lookups > usize::try_from(spf::LOOKUPS_MAX).unwrap_or(usize::MAX) {
            todo.push(Text::new(
                format!("Dit zijn {lookups} opzoekingen; er mogen er {} zijn. Geef een stroom een eigen subdomein.", spf::LOOKUPS_MAX),
                format!("These are {lookups} look-ups; {} are allowed. Give a stream a subdomain of its own.", spf::LOOKUPS_MAX),
            ));
        }
        if value.len() > LONG_BYTES {
            todo.push(Text::new(
                "Dit record is lang; sommige DNS-servers hebben daar moeite mee. Verdeel de stromen over subdomeinen.",
                "This record is long; some DNS servers have trouble with it. Spread the streams over subdomains.",
            ));
        }
        let title = Text::new(
            format!("Zeg wie er vanaf {domain} mag versturen (SPF)"),
            format!("Say who may send from {domain} (SPF)"),
        );
        let mut step = Step::new(Subject::Spf, title, why(is_empty, is_whole));
        step.stream = (streams.len() == 1).then(|| streams.into_iter().next()).flatten();
        step.records.push(self.text(&domain, value));
        step.todo = todo;
        step.wait = Some(self.dns_wait());
        Some(step)
    }

    /// A step for each domain that never sends.
    pub(super) fn silent(&self) -> Vec<Step> {
        let silent = self.setup.silent.iter();
        silent.map(|domain| {
            let title = Text::new(
                format!("Sluit {domain} af: dit domein verstuurt nooit"),
                format!("Close {domain}: this domain never sends"),
            );
            let why = Text::new(
                "Een domein zonder mail is een geliefde afzender van oplichters. Met deze records weigert elke ontvanger zulke mail meteen. Mail ontvangen kan gewoon nog.",
                "Swindlers like to use a domain without mail. With these records every receiver refuses such mail at once. Receiving mail still works.",
            );
            let mut step = Step::new(Subject::Silent, title, why);
            step.records.push(self.text(domain, "v=spf1 -all"));
            let is_top = registered(domain) == domain;
            let below = if is_top { "; sp=reject; np=reject" } else { "" };
            let value = format!("v=DMARC1; p=reject{below}{}", self.report_tag());
            step.records.push(self.text(&format!("_dmarc.{domain}"), value));
            step
        }).collect()
    }
}

/// Whether it is known through which server or service the relay sends.
fn has_way_out(stream: &MailStream) -> bool {
    let passes_on = |id: &String| {
        let kind = catalogue::find(id).map(|sender| sender.kind);
        matches!(kind, Some(catalogue::Kind::Relay | catalogue::Kind::Office | catalogue::Kind::Host))
    };
    !stream.networks.is_empty() || stream.services.iter().any(passes_on)
}

fn why(is_empty: bool, is_whole: bool) -> Text {
    if !is_whole {
        return Text::new(
            "Ontvangers vergelijken de server die aflevert met deze lijst. Zij is nog niet af: los eerst op wat bij → staat en publiceer haar dan pas, in plaats van een SPF-record dat er al staat.",
            "Receivers compare the delivering server with this list. It is not complete yet: first settle what stands at → and only then publish it, in place of an SPF record that is there already.",
        );
    }
    if is_empty {
        return Text::new(
            "Hier staat niemand in, omdat de diensten een eigen envelopdomein gebruiken en u met een handtekening (DKIM) laat zien dat de mail van u is.",
            "Nobody stands in it, because the services use an envelope domain of their own and a signature (DKIM) shows that the mail is yours.",
        );
    }
    Text::new(
        "Ontvangers vergelijken de server die aflevert met deze lijst. Er mag maar één SPF-record zijn: staat er al een, vervang dat. Het eindigt op ~all (\"waarschijnlijk vals\") en niet op -all (\"vals\"), omdat doorgestuurde mail anders geweigerd wordt voordat de handtekening is bekeken; DMARC doet straks het weigeren. Staat er al -all, dan mag dat blijven.",
        "Receivers compare the delivering server with this list. There may be only one SPF record: if there is one, replace it. It ends with ~all (\"probably forged\") and not with -all (\"forged\"), because forwarded mail would be refused before its signature is looked at; DMARC will do the refusing. If -all is there already, it may stay.",
    )
}

/// The entry of a domain.
fn of<'a>(envelopes: &'a mut Vec<Envelope>, domain: &str) -> &'a mut Envelope {
    let at = envelopes.iter().position(|envelope| envelope.domain == domain).unwrap_or_else(|| {
        envelopes.push(Envelope { domain: domain.to_owned(), ..Envelope::default() });
        envelopes.len() - 1
    });
    &mut envelopes[at]
}

/// Whether a service asks for an SPF record, which is merged with ours.
pub(super) fn is_spf(record: &GivenRecord) -> bool {
    record.kind == GivenKind::Txt
        && matches!(spf::version(record.value.as_bytes()), Some((spf::Version::Spf1, _)))
}

/// Takes what an SPF record of a service allows into ours.
fn merge(record: &GivenRecord, envelope: &mut Envelope) {
    let name = &record.name;
    let Ok(read) = spf::read(record.value.as_bytes()) else {
        return envelope.todo(
            format!("Het SPF-record dat bij records voor {name} staat, is fout; neem het over zoals de dienst het toont."),
            format!("The SPF record under records for {name} is wrong; copy it as the service shows it."),
        );
    };
    let allowed = read.directives.iter().filter(|directive| directive.qualifier == spf::Qualifier::Pass);
    for directive in allowed.filter(|directive| directive.mechanism != spf::Mechanism::All) {
        let term = record.value.get(directive.span.clone()).unwrap_or_default();
        envelope.term(term.trim_start_matches('+').to_owned());
    }
    if let Some((target, _)) = &read.redirect
        && let Some(target) = target.literal()
    {
        envelope.term(format!("include:{target}"));
    }
}

fn costs_lookup(term: &str) -> bool {
    let name = term.split([':', '/']).next().unwrap_or_default().to_ascii_lowercase();
    ["include", "a", "mx", "ptr", "exists"].contains(&name.as_str())
}
