//! Why there is no audit, and what to do about it.

use std::net::IpAddr;

use kluis_model::Lang;

/// Why there is no audit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// What was given is no host name or address.
    #[error("{name:?} is not a host name")]
    BadName {
        /// What was given, cut at 100 characters.
        name: String,
    },
    /// The name does not exist in the DNS.
    #[error("there is no name {host} in the DNS")]
    NoSuchName {
        /// The host.
        host: String,
    },
    /// The name exists but has no address.
    #[error("{host} has no address in the DNS")]
    NoAddress {
        /// The host.
        host: String,
    },
    /// No name server gave an answer.
    #[error("the DNS gave no answer about {host}: {why}")]
    DnsFailed {
        /// The host.
        host: String,
        /// What went wrong, in English.
        why: String,
    },
    /// The policy forbids the address.
    #[error("{host} leads to {address}, which may not be connected to from here")]
    NotAllowed {
        /// The host.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// Neither port accepts connections.
    #[error("{host} refuses connections on ports {https_port} and {http_port}")]
    Refused {
        /// The host.
        host: String,
        /// The port of HTTPS.
        https_port: u16,
        /// The port of HTTP.
        http_port: u16,
    },
    /// Nothing answered in time.
    #[error("{host} does not answer")]
    TimedOut {
        /// The host.
        host: String,
    },
    /// There is no way to the address from here.
    #[error("there is no way to {host} from here")]
    Unreachable {
        /// The host.
        host: String,
    },
    /// Something answers, but it is neither TLS nor HTTP.
    #[error("port {port} of {host} {}", not_tls(looks_like).1)]
    NotTls {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What it looks like: `ssh`, `smtp`, `garbage`, `closed`.
        looks_like: String,
    },
    /// The options contradict themselves.
    #[error("bad option: {why}")]
    BadOption {
        /// What is wrong, in English.
        why: String,
    },
}

/// What a port does instead of TLS, in Dutch and in English.
fn not_tls(looks_like: &str) -> (&'static str, &'static str) {
    match looks_like {
        "ssh" => ("spreekt SSH en geen HTTPS", "speaks SSH and no HTTPS"),
        "smtp" => ("spreekt SMTP (e-mail) en geen HTTPS", "speaks SMTP (e-mail) and no HTTPS"),
        "http" => ("spreekt HTTP zonder TLS", "speaks HTTP without TLS"),
        "closed" => ("verbreekt elke TLS-verbinding meteen", "closes every TLS connection at once"),
        _ => {
            ("antwoordt iets dat geen TLS en geen HTTP is", "answers something that is neither TLS nor HTTP")
        }
    }
}

impl AuditError {
    /// What is wrong, in a sentence.
    #[must_use]
    pub fn message(&self, lang: Lang) -> String {
        if lang == Lang::En {
            return self.to_string();
        }
        match self {
            Self::BadName { name } => format!("{name:?} is geen domeinnaam"),
            Self::NoSuchName { host } => format!("de naam {host} bestaat niet in de DNS"),
            Self::NoAddress { host } => format!("{host} heeft in de DNS geen adres"),
            Self::DnsFailed { host, why } => format!("de DNS gaf geen antwoord over {host}: {why}"),
            Self::NotAllowed { host, address } => {
                format!(
                    "{host} leidt naar {address}, en daarmee mag vanaf hier geen verbinding worden gemaakt"
                )
            }
            Self::Refused { host, https_port, http_port } => {
                format!("{host} weigert verbindingen op de poorten {https_port} en {http_port}")
            }
            Self::TimedOut { host } => format!("{host} antwoordt niet"),
            Self::Unreachable { host } => format!("er is vanaf hier geen weg naar {host}"),
            Self::NotTls { host, port, looks_like } => {
                format!("poort {port} van {host} {}", not_tls(looks_like).0)
            }
            Self::BadOption { why } => format!("verkeerde optie: {why}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self, lang: Lang) -> &'static str {
        let (nl, en) = match self {
            Self::BadName { .. } => (
                "geef alleen de domeinnaam van de winkel, bijvoorbeeld winkel.example; zonder https:// en zonder pad",
                "give only the domain name of the shop, such as shop.example; without https:// and without a path",
            ),
            Self::NoSuchName { .. } => (
                "controleer de spelling en of de registratie van het domein niet verlopen is; voor een winkel die nog \
                 niet in de DNS staat: --resolve naam:adres",
                "check the spelling and whether the domain's registration has not ended; for a shop that is not in the \
                 DNS yet: --resolve name:address",
            ),
            Self::NoAddress { .. } => (
                "vraag de beheerder van het domein om een A- en een AAAA-record; of geef het adres met --resolve \
                 naam:adres",
                "ask whoever runs the domain for an A and an AAAA record; or give the address with --resolve \
                 name:address",
            ),
            Self::DnsFailed { .. } => (
                "controleer of deze computer internet heeft, probeer een andere naamserver met --dns adres, of probeer \
                 het later nog eens",
                "check whether this computer has internet, try another name server with --dns address, or try again \
                 later",
            ),
            Self::NotAllowed { .. } => (
                "deze server controleert alleen winkels op het openbare internet; voor een winkel in uw eigen netwerk: \
                 klantkluis check op een computer in dat netwerk",
                "this server checks shops on the public internet only; for a shop in your own network: klantkluis \
                 check on a computer in that network",
            ),
            Self::Refused { .. } => (
                "start de webserver en laat de firewall poort 443 en 80 toe; staat hij op een andere poort: --port en \
                 --http-port",
                "start the web server and let the firewall allow ports 443 and 80; if it is on another port: --port \
                 and --http-port",
            ),
            Self::TimedOut { .. } => (
                "controleer of de server aanstaat en of een firewall deze computer niet tegenhoudt, en probeer het nog \
                 eens",
                "check whether the server is up and whether no firewall holds this computer back, and try again",
            ),
            Self::Unreachable { .. } => (
                "controleer of deze computer internet heeft; heeft de winkel alleen IPv6, dan is hier IPv6 nodig",
                "check whether this computer has internet; if the shop has IPv6 only, IPv6 is needed here",
            ),
            Self::NotTls { .. } => (
                "controleer het poortnummer (HTTPS is gewoonlijk poort 443) en of daar TLS aanstaat",
                "check the port number (HTTPS usually is port 443) and whether TLS is on there",
            ),
            Self::BadOption { .. } => ("verbeter de optie", "correct the option"),
        };
        if lang == Lang::En { en } else { nl }
    }
}
