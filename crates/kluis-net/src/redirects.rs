//! The way from a URL to a page: redirects are followed by hand, one answer at a time.

use std::collections::BTreeSet;

use kluis_checks::facts::{Cookie, Gap, Hop, HttpState, Redirects};
use kluis_checks::web::{mask_url, read_cookie};
use url::Url;

use crate::connect::ConnectError;
use crate::http::{Answer, Client, HttpError, Request};

/// Redirects followed at most.
pub(crate) const HOPS_MAX: usize = 10;
/// Cookies noted at most, over the whole audit.
pub(crate) const COOKIES_MAX: usize = 300;

/// What a walk came to.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Every answer.
    pub(crate) hops: Vec<Hop>,
    /// The last URL asked and its answer, when there was one that is no redirect.
    pub(crate) last: Option<(Url, Answer)>,
    /// Whether it goes round or on for too long.
    pub(crate) is_endless: bool,
    /// Why it ended early.
    pub(crate) error: Option<HttpError>,
}

impl Walk {
    /// What the first connection showed of its port.
    pub(crate) fn state(&self) -> HttpState {
        if !self.hops.is_empty() {
            return HttpState::Open;
        }
        match &self.error {
            Some(HttpError::Connect(
                ConnectError::Refused | ConnectError::TimedOut | ConnectError::Unreachable,
            )) => HttpState::Closed,
            Some(
                HttpError::NotHttp
                | HttpError::HeadersTooBig
                | HttpError::Closed
                | HttpError::TimedOut
                | HttpError::TooSlow,
            ) => HttpState::Broken,
            Some(HttpError::Tls(_)) => HttpState::Broken,
            _ => HttpState::Unknown,
        }
    }
}

/// Walks from the URL of a request until an answer is no redirect. Cookies of every answer are noted.
pub(crate) async fn walk(client: &mut Client, request: &Request, cookies: &mut Vec<Cookie>) -> Walk {
    let mut walk = Walk::default();
    let mut seen = BTreeSet::new();
    let mut request = request.clone();
    loop {
        // A fragment is not sent, so it makes no other question.
        request.url.set_fragment(None);
        if walk.hops.len() > HOPS_MAX || !seen.insert(request.url.as_str().to_owned()) {
            walk.is_endless = true;
            return walk;
        }
        let answer = match client.get(&request).await {
            Ok(answer) => answer,
            Err(error) => {
                walk.error = Some(error);
                return walk;
            }
        };
        note_cookies(&answer, &request.url, cookies);
        walk.hops.push(answer.hop(&request.url));
        match answer.location(&request.url) {
            Some(next) => request.url = next,
            None => {
                walk.last = Some((request.url, answer));
                return walk;
            }
        }
    }
}

/// The way from one starting URL, as evidence.
pub(crate) async fn redirects(
    client: &mut Client,
    from: Url,
    cookies: &mut Vec<Cookie>,
    gaps: &mut Vec<Gap>,
) -> Redirects {
    let walk = walk(client, &Request::head_of(from.clone()), cookies).await;
    let state = walk.state();
    // A closed port is an answer; anything else that stopped the walk is worth telling.
    if let Some(error) = walk.error.as_ref().filter(|_| state != HttpState::Closed) {
        gaps.push(Gap::new("redirects", format!("{}: {error}", mask_url(from.as_str()))));
    }
    Redirects { from: mask_url(from.as_str()), state, hops: walk.hops, is_endless: walk.is_endless }
}

/// Notes the cookies of an answer, each kind once.
pub(crate) fn note_cookies(answer: &Answer, url: &Url, cookies: &mut Vec<Cookie>) {
    let set_by = mask_url(url.as_str());
    for raw in &answer.set_cookies {
        if cookies.len() >= COOKIES_MAX {
            return;
        }
        let Some(cookie) = read_cookie(raw, &set_by) else { continue };
        // The same cookie set on every page is one cookie; one that is set in another way is another.
        let is_known = cookies.iter().any(|known| {
            Cookie { set_by: String::new(), value_bytes: 0, ..known.clone() }
                == Cookie { set_by: String::new(), value_bytes: 0, ..cookie.clone() }
        });
        if !is_known {
            cookies.push(cookie);
        }
    }
}
