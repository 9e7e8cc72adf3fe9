//! Rules about files that lie open on the server, which are looked for only on the owner's word.

use super::shared::{E, EA, say};
use super::web_shared::every;
use crate::facts::{Evidence, ExposedKind};
use crate::finding::{Notes, Part, Platform, Protection, Rule, Severity, Snippet, Words};

const CLOSE: [(Platform, Snippet); 7] = every([
    Snippet::Lines(
        "location ~ /\\.(?!well-known) { deny all; }\nlocation ~* \\.(sql|sqlite|bak|old|swp|zip|tar|gz|log)$ { deny all; }",
    ),
    Snippet::Lines(
        "RedirectMatch 404 /\\.(?!well-known)\nRedirectMatch 404 (?i)\\.(sql|sqlite|bak|old|swp|zip|tar|gz|log)$",
    ),
    Snippet::Lines(
        "@secret path_regexp /\\.(?!well-known)|\\.(sql|sqlite|bak|old|swp|zip|tar|gz|log)$\nrespond @secret 404",
    ),
    say(
        "Zet back-ups buiten de webmap (niet in wp-content) en zet `define('WP_DEBUG_LOG', '/var/log/winkel.log');`.",
        "Keep backups outside the web folder (not in wp-content) and set `define('WP_DEBUG_LOG', '/var/log/shop.log');`.",
    ),
    say(
        "Laat de webserver alleen de map pub/ tonen, niet de map erboven (nginx.conf.sample van Magento doet dat).",
        "Let the web server show only the folder pub/, not the one above it (Magento's nginx.conf.sample does).",
    ),
    say(
        "Verwijder install/, back-ups en .sql-bestanden uit de winkelmap; houd de .htaccess van PrestaShop in app/ en var/.",
        "Remove install/, backups and .sql files from the shop folder; keep PrestaShop's .htaccess in app/ and var/.",
    ),
    say(
        "Vraag: “Kunt u dit bestand nu weghalen en mij uit de logboeken zeggen wie het heeft opgehaald?”",
        "Ask: “Can you remove this file now and tell me from the logs who fetched it?”",
    ),
]);
const LISTING: [(Platform, Snippet); 7] = {
    const HTACCESS: Snippet = say(
        "Zet `Options -Indexes` bovenaan in .htaccess; draait de winkel op nginx, vraag dan uw hoster om `autoindex off`.",
        "Put `Options -Indexes` at the top of .htaccess; when the shop runs on nginx, ask your host for `autoindex off`.",
    );
    every([
        Snippet::Lines("autoindex off;"),
        Snippet::Lines("Options -Indexes"),
        say(
            "Haal het woord `browse` achter `file_server` weg.",
            "Remove the word `browse` behind `file_server`.",
        ),
        HTACCESS,
        HTACCESS,
        HTACCESS,
        say(
            "Vraag: “Kunt u voorkomen dat mijn winkel de inhoud van mappen toont?”",
            "Ask: “Can you keep my shop from showing the contents of folders?”",
        ),
    ])
};
const REPLACE: Words = Words::new(
    "Haal het bestand meteen weg, vervang elk wachtwoord en elke sleutel die erin staat, en kijk in de logboeken wie het \
     ophaalde. Staan er klantgegevens in, dan is het mogelijk een datalek: u hebt 72 uur om het te melden.",
    "Remove the file at once, replace every password and key in it, and look in the logs who fetched it. When customer \
     data is in it, it may be a data breach: you have 72 hours to report it.",
);
const SOURCE: &str = "GDPR art. 32, 33; OWASP WSTG-CONF-04; NCSC-NL webrichtlijn U/PW.03";

/// A rule about one kind of open file.
const fn exposed_rule(
    id: &'static str,
    protections: &'static [Protection],
    severity: Severity,
    title: Words,
    why: Words,
    fix: Words,
    judge: fn(&Evidence, &mut Notes),
) -> Rule {
    Rule {
        id,
        protections,
        severity,
        part: Part::Exposed,
        source: SOURCE,
        title,
        why,
        fix,
        snippets: &CLOSE,
        judge,
    }
}

pub(crate) const RULES: &[Rule] = &[
    exposed_rule(
        "exposed-git",
        EA,
        Severity::Critical,
        Words::new("De broncode van de winkel ligt open (.git)", "The shop's source code lies open (.git)"),
        Words::new(
            "Iedereen kan de hele broncode en haar geschiedenis ophalen, vaak met wachtwoorden erin.",
            "Anybody can fetch the whole source code and its history, often with passwords in it.",
        ),
        REPLACE,
        |evidence, notes| each(evidence, notes, ExposedKind::Git),
    ),
    exposed_rule(
        "exposed-env",
        EA,
        Severity::Critical,
        Words::new("Instellingen met wachtwoorden liggen open", "Settings with passwords lie open"),
        Words::new(
            "Met deze wachtwoorden kan een aanvaller in uw database, mail of betaaldienst, en zo bij alle klanten.",
            "With these passwords an attacker gets into your database, mail or payment service, and so to all customers.",
        ),
        REPLACE,
        |evidence, notes| each(evidence, notes, ExposedKind::Env),
    ),
    exposed_rule(
        "exposed-dump",
        E,
        Severity::Critical,
        Words::new("Een kopie van de database ligt open", "A copy of the database lies open"),
        Words::new(
            "Namen, adressen, bestellingen en wachtwoorden van al uw klanten zijn voor iedereen te downloaden.",
            "Names, addresses, orders and passwords of all your customers can be downloaded by anybody.",
        ),
        REPLACE,
        |evidence, notes| each(evidence, notes, ExposedKind::Dump),
    ),
    exposed_rule(
        "exposed-backup",
        EA,
        Severity::Critical,
        Words::new("Een back-up van de winkel ligt open", "A backup of the shop lies open"),
        Words::new(
            "In een back-up zit alles: instellingen, wachtwoorden en vaak de gegevens van klanten.",
            "A backup holds everything: settings, passwords and often the data of customers.",
        ),
        REPLACE,
        |evidence, notes| each(evidence, notes, ExposedKind::Backup),
    ),
    exposed_rule(
        "exposed-info",
        E,
        Severity::Medium,
        Words::new("Een technische pagina ligt open", "A technical page lies open"),
        Words::new(
            "phpinfo of een serverstatus vertelt aanvallers welke software er draait, en soms welke adressen klanten \
             opvragen.",
            "phpinfo or a server status tells attackers which software runs, and sometimes which addresses customers ask for.",
        ),
        Words::new(
            "Verwijder de pagina, of maak die alleen vanaf uw eigen netwerk bereikbaar.",
            "Remove the page, or let it be opened from inside only.",
        ),
        |evidence, notes| each(evidence, notes, ExposedKind::Info),
    ),
    Rule {
        snippets: &LISTING,
        ..exposed_rule(
            "dir-listing",
            E,
            Severity::Medium,
            Words::new("De server toont de inhoud van een map", "The server shows the contents of a folder"),
            Words::new(
                "Iedereen ziet welke bestanden er staan: facturen, uploads van klanten, vergeten back-ups.",
                "Anybody sees which files are there: invoices, uploads of customers, forgotten backups.",
            ),
            Words::new(
                "Zet het tonen van mappen uit: `autoindex off` (nginx), `Options -Indexes` (Apache), geen `browse` (Caddy).",
                "Switch folder listings off: `autoindex off` (nginx), `Options -Indexes` (Apache), no `browse` (Caddy).",
            ),
            |evidence, notes| each(evidence, notes, ExposedKind::Listing),
        )
    },
    exposed_rule(
        "exposed-other",
        E,
        Severity::Medium,
        Words::new(
            "Een bestand dat niet voor bezoekers is, ligt open",
            "A file that is not for visitors lies open",
        ),
        Words::new(
            "Logboeken en restbestanden verraden namen van bestanden, fouten en soms gegevens van klanten.",
            "Logs and leftovers give away names of files, errors and sometimes data of customers.",
        ),
        Words::new(
            "Verwijder het bestand, of houd het buiten de webmap.",
            "Remove the file, or keep it outside the web folder.",
        ),
        |evidence, notes| each(evidence, notes, ExposedKind::Other),
    ),
];

fn each(evidence: &Evidence, notes: &mut Notes, kind: ExposedKind) {
    for file in evidence.web.exposed.iter().filter(|file| file.kind == kind) {
        let bytes = file.bytes.map(|bytes| format!(" ({bytes} bytes)")).unwrap_or_default();
        notes.seen(&file.path, format!("{}{bytes}", file.signature));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Exposed;
    use crate::rules::testing::{check, check_seen, check_silent};

    #[test]
    fn each_kind_has_its_own_finding() {
        let with = |kind: ExposedKind| {
            move |e: &mut Evidence| {
                let signature = "ref: refs/".to_owned();
                e.web.exposed.push(Exposed { kind, path: "/x".to_owned(), signature, bytes: Some(23) });
            }
        };
        let kinds = [
            ("exposed-git", ExposedKind::Git, Severity::Critical),
            ("exposed-env", ExposedKind::Env, Severity::Critical),
            ("exposed-dump", ExposedKind::Dump, Severity::Critical),
            ("exposed-backup", ExposedKind::Backup, Severity::Critical),
            ("exposed-info", ExposedKind::Info, Severity::Medium),
            ("dir-listing", ExposedKind::Listing, Severity::Medium),
            ("exposed-other", ExposedKind::Other, Severity::Medium),
        ];
        assert_eq!(kinds.len(), RULES.len());
        for (id, kind, severity) in kinds {
            check(id, with(kind), severity);
            for (_, other, _) in kinds.iter().filter(|(_, other, _)| *other != kind) {
                check_silent(id, with(*other));
            }
        }
        check_seen("exposed-git", with(ExposedKind::Git), "/x: ref: refs/ (23 bytes)");
        check_silent("exposed-git", |e| e.web.exposed_looked = Some(true));
    }
}
