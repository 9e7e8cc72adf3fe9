//! The steps about what receivers do: reports, the policy of DMARC, TLS for mail to the shop.

use kluis_model::Text;

use super::{Maker, PlannedFile, PlannedKind, PlannedRecord, Stage, Step, Subject, once, registered};
use crate::dmarc::Policy;
use crate::dns::is_within;
use crate::mta_sts::Mode;
use crate::streams::StreamKind;

impl Maker<'_> {
    /// Where reports arrive, and that other domains may send them there.
    pub(super) fn reports(&self) -> Option<Step> {
        let address = self.setup.report_address.as_ref();
        let Some((_, to)) = address.and_then(|address| address.rsplit_once('@')) else {
            let title = Text::new("Kies een adres voor rapporten", "Choose an address for reports");
            let mut step = Step::new(Subject::Reports, title, why_reports());
            step.todo.push(Text::new(
                format!(
                    "Zet in mail.toml bijvoorbeeld: report_address = \"dmarc@rapport.{}\"",
                    self.setup.domain
                ),
                format!(
                    "Put in mail.toml for example: report_address = \"dmarc@rapport.{}\"",
                    self.setup.domain
                ),
            ));
            return Some(step);
        };
        let title = Text::new("Zorg dat rapporten aankomen", "Make sure that reports arrive");
        let mut step = Step::new(Subject::Reports, title, why_reports());
        let address = self.setup.report_address.as_deref().unwrap_or_default();
        let is_mailbox = to == self.setup.domain || self.domains_of_streams().contains(&to);
        match &self.setup.server {
            Some(server) if !is_mailbox => {
                step.records.push(self.record(to, PlannedKind::Mx, format!("10 {server}")));
                step.todo.push(Text::new(
                    format!("Laat poort 25 van {server} open, en noem {address} bij mail.reports in klantkluis.toml."),
                    format!("Leave port 25 of {server} open, and name {address} at mail.reports in klantkluis.toml."),
                ));
            }
            _ => step.todo.push(Text::new(
                format!("Maak een postvak voor {address} en laat klantkluis het lezen (mail.reports.imap in klantkluis.toml), of laat de rapporten direct bij klantkluis aankomen met server = \"…\" in mail.toml."),
                format!("Make a mailbox for {address} and let klantkluis read it (mail.reports.imap in klantkluis.toml), or let the reports come to klantkluis directly with server = \"…\" in mail.toml."),
            )),
        }
        let is_own = self.policy_domains().iter().any(|domain| is_within(to, registered(domain)));
        for domain in self.policy_domains() {
            if registered(domain) == registered(to) {
                continue;
            }
            // RFC 9990 §4: the domain that gets reports of another one must say that it wants them.
            let name = format!("{domain}._report._dmarc.{to}");
            if is_own {
                step.records.push(self.text(&name, "v=DMARC1;"));
            } else {
                step.todo.push(Text::new(
                    format!("Vraag de beheerder van {to} om dit TXT-record, anders stuurt niemand rapporten: {name} met v=DMARC1;"),
                    format!("Ask the keeper of {to} for this TXT record, else nobody sends reports: {name} with v=DMARC1;"),
                ));
            }
        }
        Some(step)
    }

    /// Domains that get a policy, each once: registered ones first, then From domains below them, then silent ones.
    fn policy_domains(&self) -> Vec<&str> {
        let from = self.domains_of_streams();
        let tops = std::iter::once(self.setup.domain.as_str()).chain(from.iter().copied()).map(registered);
        once(tops.chain(from.iter().copied()).chain(self.setup.silent.iter().map(String::as_str)))
    }

    /// A step for each registered domain, and for each From domain below one.
    pub(super) fn dmarc(&self) -> Vec<Step> {
        let silent = |domain: &&str| !self.setup.silent.iter().any(|silent| silent == domain);
        self.policy_domains().into_iter().filter(silent).map(|domain| self.policy(domain)).collect()
    }

    fn policy(&self, domain: &str) -> Step {
        let streams: Vec<_> = self.setup.streams.iter().filter(|stream| stream.from == domain).collect();
        let stage = self.inputs.stages.iter().find(|(known, _)| known == domain);
        let stage = stage.map_or(Stage::FIRST, |(_, stage)| *stage);
        let is_top = registered(domain) == domain;
        let title = Text::new(
            format!("Zeg wat ontvangers met valse mail van {domain} doen (DMARC)"),
            format!("Say what receivers do with forged mail from {domain} (DMARC)"),
        );
        let mut step = Step::new(Subject::Dmarc, title, why_policy(stage, is_top));
        step.stream = streams.first().filter(|_| streams.len() == 1).map(|stream| stream.id.clone());
        step.records.push(self.policy_record(domain, stage, is_top));
        if is_top && streams.is_empty() {
            step.todo.push(Text::new(
                format!("Er is geen stroom die vanaf {domain} zelf verstuurt. Klopt dat? Zet het dan in mail.toml: silent = [\"{domain}\"]. Anders: geef ook die mail een stroom."),
                format!("No stream sends from {domain} itself. If that is right, put it in mail.toml: silent = [\"{domain}\"]. Else give that mail a stream too."),
            ));
        }
        let is_mixed = streams.iter().any(|stream| stream.kind == StreamKind::Office)
            && streams.iter().any(|stream| stream.kind != StreamKind::Office);
        if is_mixed {
            step.todo.push(Text::new(
                format!("Kantoormail en mail van machines komen allebei van {domain}. Geef de laatste liefst een eigen naam, zoals nieuws.{domain}: die kan dan later naar reject, en een slechte naam van de een raakt de ander niet."),
                format!("Office mail and mail of machines both come from {domain}. Better give the latter a name of its own, such as news.{domain}: that can go to reject later, and a bad name of one does not touch the other."),
            ));
        }
        if stage.policy == Policy::None {
            step.wait = Some(Text::new(
                "Kijk minstens 30 dagen naar de rapporten (klantkluis mail dmarc advise zegt wanneer de volgende stap veilig is).",
                "Look at the reports for at least 30 days (klantkluis mail dmarc advise says when the next step is safe).",
            ));
        } else if stage.policy == Policy::Quarantine
            && streams.iter().any(|stream| stream.kind == StreamKind::Office)
        {
            step.wait = Some(Text::new(
                "Laat dit zo: vanaf dit domein schrijven mensen, ook naar mailinglijsten, en die zouden bij reject berichten weigeren (RFC 9989 §7.4).",
                "Leave it like this: people write from this domain, also to mailing lists, and those would refuse messages at reject (RFC 9989 §7.4).",
            ));
        }
        step
    }

    fn policy_record(&self, domain: &str, stage: Stage, is_top: bool) -> PlannedRecord {
        // Names that do not exist never mail. Those that exist and that nobody declared may: reports must tell first.
        let below = match (is_top, stage.policy) {
            (false, _) => "",
            (true, Policy::None) => "; np=reject",
            (true, Policy::Quarantine | Policy::Reject) => "; sp=reject; np=reject",
        };
        let test = if stage.is_test { "; t=y" } else { "" };
        let value = format!("v=DMARC1; p={}{below}{test}{}", stage.policy.word(), self.report_tag());
        self.text(&format!("_dmarc.{domain}"), value)
    }

    /// The tag that says where reports go.
    pub(super) fn report_tag(&self) -> String {
        self.setup
            .report_address
            .as_ref()
            .map_or_else(String::new, |address| format!("; rua=mailto:{address}"))
    }

    /// The policy of MTA-STS.
    pub(super) fn mta_sts(&self) -> Option<Step> {
        let sts = self.setup.mta_sts.as_ref()?;
        let domain = &self.setup.domain;
        let title = Text::new(
            format!("Laat mail aan {domain} alleen versleuteld aankomen (MTA-STS)"),
            format!("Let mail to {domain} arrive encrypted only (MTA-STS)"),
        );
        let mode = match sts.mode {
            Mode::Enforce => Text::new(
                "Een server die dit leest, levert niet af als het certificaat niet klopt.",
                "A server that reads this does not deliver when the certificate is wrong.",
            ),
            Mode::Testing | Mode::None => Text::new(
                "In de proeftijd (testing) wordt alles nog afgeleverd, maar hoort u wat er misgaat. Zet daarna mode = \"enforce\" in mail.toml.",
                "While it is tried out (testing) everything is still delivered, but you hear what goes wrong. Then put mode = \"enforce\" in mail.toml.",
            ),
        };
        let why = Text::new(
            format!(
                "Zonder dit kan iemand op het netwerk de versleuteling van mail aan uw winkel uitzetten. {}",
                mode.nl
            ),
            format!(
                "Without this, somebody on the network can switch off the encryption of mail to your shop. {}",
                mode.en
            ),
        );
        let mut step = Step::new(Subject::MtaSts, title, why);
        let host = format!("mta-sts.{domain}");
        match &self.setup.server {
            Some(server) => step.records.push(self.record(&host, PlannedKind::Cname, server.clone())),
            None => step.todo.push(Text::new(
                format!("Laat {host} wijzen naar de server die het bestand geeft (klantkluis kan dat zelf: zet server = \"…\" in mail.toml)."),
                format!("Let {host} point to the server that serves the file (klantkluis can: put server = \"…\" in mail.toml)."),
            )),
        }
        step.records.push(self.text(&format!("_mta-sts.{domain}"), sts.record()));
        step.files.push(PlannedFile {
            url: format!("https://{host}/.well-known/mta-sts.txt"),
            text: sts.policy_text(),
        });
        step.todo.push(Text::new(
            "Publiceer het TXT-record pas als het bestand op dat adres te zien is.",
            "Publish the TXT record only when the file can be seen at that address.",
        ));
        step.wait = Some(Text::new(
            "Kijk twee weken naar de rapporten over TLS.",
            "Look at the reports about TLS for two weeks.",
        ));
        Some(step)
    }

    /// Reports about TLS.
    pub(super) fn tls_reports(&self) -> Option<Step> {
        let setup = self.setup;
        let address = setup.tls_report_address.as_ref().or(setup.report_address.as_ref())?;
        let title = Text::new(
            format!("Vraag om rapporten over versleuteling van mail aan {} (TLS-RPT)", setup.domain),
            format!("Ask for reports about the encryption of mail to {} (TLS-RPT)", setup.domain),
        );
        let why = Text::new(
            "Zo hoort u het als iemand u geen versleutelde mail kan sturen.",
            "That way you hear when somebody cannot send you encrypted mail.",
        );
        let mut step = Step::new(Subject::TlsReports, title, why);
        let name = format!("_smtp._tls.{}", setup.domain);
        step.records.push(self.text(&name, format!("v=TLSRPTv1; rua=mailto:{address}")));
        Some(step)
    }
}

fn why_reports() -> Text {
    Text::new(
        "Ontvangers sturen elke dag een overzicht van wie er in uw naam mailt. Daarin staan serveradressen en aantallen, geen berichten.",
        "Receivers send an overview of who mails in your name every day. It holds addresses of servers and counts, no messages.",
    )
}

fn why_policy(stage: Stage, is_top: bool) -> Text {
    let (nl, en) = match stage.policy {
        Policy::None => (
            "Met p=none verandert er nog niets, maar ontvangers gaan rapporteren. Is uw record al strenger, laat het dan zo.",
            "With p=none nothing changes yet, but receivers start to report. If your record is stricter already, leave it.",
        ),
        Policy::Quarantine => {
            ("Valse mail belandt nu bij de ongewenste mail.", "Forged mail now lands in the junk folder.")
        }
        Policy::Reject => ("Valse mail wordt nu geweigerd.", "Forged mail is refused now."),
    };
    let (below_nl, below_en) = if is_top {
        (
            " Namen onder dit domein die niet in mail.toml staan, worden meteen beschermd (sp en np): verstuurt er nog iets vanaf zo'n naam, geef die dan eerst een stroom.",
            " Names below this domain that are not in mail.toml are protected at once (sp and np): if something still sends from such a name, give it a stream first.",
        )
    } else {
        ("", "")
    };
    Text::new(format!("{nl}{below_nl}"), format!("{en}{below_en}"))
}
