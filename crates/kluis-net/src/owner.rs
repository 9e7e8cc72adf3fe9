//! Proof that the one who asks for an audit owns the domain: a TXT record or a file, with a token they were given.

use std::net::IpAddr;

use kluis_checks::facts::OwnerProof;
use url::Url;

use crate::dns::{Dns, domain};
use crate::http::{Client, Request};

/// What stands before the token.
const PREFIX: &str = "klantkluis-owner=";
/// What stands before the registrable domain in the name of the TXT record.
const RECORD: &str = "_klantkluis";
/// Path of the file.
const FILE: &str = "/.well-known/klantkluis-owner.txt";
/// Bytes of the file that are read.
const FILE_BYTES_MAX: usize = 4096;
/// Addresses of the host that are tried at most.
const TRIED_MAX: usize = 2;
/// Characters of a token at least, so that no record or file matches by chance.
pub(crate) const TOKEN_CHARS_MIN: usize = 16;

/// What an owner publishes in one of two places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerPlaces {
    /// The text to publish.
    pub text: String,
    /// The name of the TXT record that may hold it.
    pub record: String,
    /// The address of the file that may hold it as a line.
    pub file: String,
}

/// What to publish, and where, to show that a host is one's own.
#[must_use]
pub fn owner_places(host: &str, token: &str) -> OwnerPlaces {
    OwnerPlaces {
        text: format!("{PREFIX}{token}"),
        record: format!("{RECORD}.{}", domain(host)),
        file: format!("https://{host}{FILE}"),
    }
}

/// What was found, and at which address it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) proof: OwnerProof,
    /// The address of the server that may be looked at; nothing when none answered.
    pub(crate) address: Option<IpAddr>,
    /// What is missing from a proof, for people.
    pub(crate) why: &'static str,
}

/// Looks for `klantkluis-owner=<token>`: in a TXT record of `_klantkluis.<registrable domain>`, or as a line of
/// `/.well-known/klantkluis-owner.txt`, served by the host itself without a redirect.
///
/// A record only says that the name is theirs, and a name can point at anybody's server: it counts when the server shows
/// a good certificate for the name. A file counts at the address that served it, so that no other answer of the DNS puts
/// another server in its place.
pub(crate) async fn find(
    host: &str,
    token: &str,
    (origin, addresses): (&Url, &[IpAddr]),
    dns: Option<&Dns>,
    client: &mut Client,
) -> Found {
    const NONE: &str = "the proof that the domain is yours was not found";
    let mut found = Found { proof: OwnerProof::Missing, address: None, why: NONE };
    let Ok(url) = origin.join(FILE) else { return found };
    let mut request = Request::small(url, FILE_BYTES_MAX);
    let mut answer = None;
    for address in addresses.iter().take(TRIED_MAX) {
        request.address = Some(*address);
        if let Ok(answered) = client.get(&request).await {
            (answer, found.address) = (Some(answered), Some(*address));
            break;
        }
    }
    let Some(answer) = answer else { return found };
    let wanted = format!("{PREFIX}{token}");
    let has_record = match dns {
        Some(dns) => {
            let texts = dns.texts(&format!("{RECORD}.{}", domain(host))).await;
            texts.iter().any(|text| text.trim() == wanted)
        }
        None => false,
    };
    if has_record && answer.is_certificate_good == Some(true) {
        found.proof = OwnerProof::Dns;
    } else if answer.status == 200 && answer.text().lines().any(|line| line.trim() == wanted) {
        found.proof = OwnerProof::File;
    } else if has_record {
        found.why = "the record that proves the domain yours was found, but the server shows no good certificate for it: \
                     publish the file";
    }
    found
}
