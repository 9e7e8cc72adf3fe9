//! Looks for files that should not be open: only for proven owners, only their first bytes, and never by status alone.

use std::net::IpAddr;

use kluis_checks::facts::{Exposed, Gap, WebFacts};
use kluis_checks::web::exposed::{
    FIRST_BYTES, PATHS, Sample, can_look, looks_like_soft_404, names_for, recognise,
};
use url::Url;

use crate::connect::ConnectError;
use crate::http::{Answer, Client, HttpError, Request};

/// Paths tried at most.
const PATHS_MAX: usize = 120;
/// Failures after which looking ends.
const FAILURES_MAX: u32 = 5;

/// Looks at the address for which the proof holds; `salt` makes the two paths that surely do not exist.
pub(crate) async fn look(
    host: &str,
    at: (&Url, IpAddr),
    salt: &str,
    client: &mut Client,
    facts: &mut WebFacts,
    gaps: &mut Vec<Gap>,
) {
    let mut baseline = Vec::new();
    for path in [format!("/klantkluis-{salt}"), format!("/{salt}/klantkluis.sql")] {
        match first_bytes(at, &path, client).await {
            Ok(answer) => baseline.push(answer),
            Err(error) => {
                gaps.push(gap(format!("paths that do not exist could not be asked: {error}")));
                return;
            }
        }
    }
    let samples: Vec<Sample<'_>> = baseline.iter().map(sample).collect();
    if !can_look(&samples) {
        facts.exposed_looked = Some(false);
        return;
    }
    facts.exposed_looked = Some(true);
    let mut failures = 0;
    let named = names_for(host);
    let paths = PATHS.iter().map(|probe| probe.path).chain(named.iter().map(String::as_str));
    for (done, path) in paths.take(PATHS_MAX).enumerate() {
        let answer = match first_bytes(at, path, client).await {
            Ok(answer) => answer,
            Err(HttpError::Connect(error @ (ConnectError::NoneLeft | ConnectError::Over))) => {
                gaps.push(gap(format!("stopped after {done} paths: {error}")));
                return;
            }
            Err(error) => {
                failures += 1;
                if failures >= FAILURES_MAX {
                    gaps.push(gap(format!("stopped after {done} paths: {error}")));
                    return;
                }
                continue;
            }
        };
        if !matches!(answer.status, 200 | 206) || looks_like_soft_404(&samples, &sample(&answer)) {
            continue;
        }
        if let Some((kind, signature)) = recognise(path, &answer.body) {
            let (path, signature) = (path.to_owned(), signature.to_owned());
            facts.exposed.push(Exposed { kind, path, signature, bytes: size(&answer) });
        }
    }
}

/// Asks for the first bytes only; when a server sends more all the same, the connection is closed.
async fn first_bytes(
    (origin, address): (&Url, IpAddr),
    path: &str,
    client: &mut Client,
) -> Result<Answer, HttpError> {
    let url = origin.join(path).map_err(|_| HttpError::BadUrl)?;
    let mut request = Request::small(url, FIRST_BYTES);
    request.address = Some(address);
    request.headers.push(("range", format!("bytes=0-{}", FIRST_BYTES - 1)));
    client.get(&request).await
}

fn sample(answer: &Answer) -> Sample<'_> {
    Sample {
        status: answer.status,
        content_type: answer.header("content-type").unwrap_or_default(),
        location: answer.header("location"),
        first: &answer.body,
    }
}

/// The size of the whole file: from `Content-Range` of a part, or `Content-Length` of the whole.
fn size(answer: &Answer) -> Option<u64> {
    match answer.status {
        206 => answer.header("content-range")?.rsplit_once('/')?.1.trim().parse().ok(),
        _ => answer.header("content-length")?.trim().parse().ok(),
    }
}

fn gap(why: String) -> Gap {
    Gap::new("exposed", why)
}
