//! What a route is, as data, and how a request finds its own.

use std::future::Future;
use std::pin::Pin;

use axum::body::Body;
use axum::http::{Method, Response};
use kluis_model::Operation;
use serde_json::Value;

use super::call::Call;
use super::problem::Problem;

/// What a handler gives back.
pub(crate) type Answered = Result<Response<Body>, Problem>;
/// What answers a call.
pub(crate) type Handler = fn(Call) -> Handling;
/// A handler at work.
pub(crate) type Handling = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Public,
    /// Whoever's grant includes the operation.
    Operation(Operation),
}

/// The methods that routes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// The method's word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether a request of this method is for a route of this verb; HEAD is GET without the body (RFC 9110 §9.3.2).
    fn takes(self, method: &Method) -> bool {
        method.as_str() == self.word() || (self == Self::Get && method == Method::HEAD)
    }
}

/// What a route takes as its body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    /// No body.
    Nothing,
    /// JSON of a named schema.
    Json(&'static str),
    /// Lines of JSON, each of a named schema.
    Lines(&'static str),
    /// Text of one of these media types.
    Text(&'static [&'static str]),
    /// A file with reports, of one of these media types, larger than other bodies may be.
    Reports(&'static [&'static str]),
}

impl Takes {
    /// The media types of the body.
    pub(crate) fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Nothing => &[],
            Self::Json(_) => &["application/json"],
            Self::Lines(_) => super::bulk::LINES,
            Self::Text(media_types) | Self::Reports(media_types) => media_types,
        }
    }
}

/// What a route gives when all goes well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gives {
    pub(crate) status: u16,
    /// Empty when there is no body.
    pub(crate) media_type: &'static str,
    /// The schema of a JSON body; empty for other bodies.
    pub(crate) schema: &'static str,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Query,
    Header,
}

/// A parameter in the query or a header; those in the path follow from the path.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) is_required: bool,
    pub(crate) about: &'static str,
    pub(crate) schema: fn() -> Value,
}

/// One route.
pub(crate) struct Route {
    pub(crate) verb: Verb,
    /// `{name}` stands for one segment, `{*name}` for all that follow.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) takes: Takes,
    pub(crate) gives: &'static [Gives],
    /// Statuses of problems beyond those that every route of its kind has.
    pub(crate) problems: &'static [u16],
    pub(crate) handler: Handler,
}

/// Most parameters of a path.
const PARAMS_MAX: usize = 4;

/// Where the parameters of a path stand in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Params {
    at: [(u32, u32); PARAMS_MAX],
    count: usize,
}

impl Params {
    /// The parameter with this number, from 0, in its path.
    pub(crate) fn get<'a>(&self, path: &'a str, number: usize) -> &'a str {
        let (from, to) = self.at.get(number).copied().unwrap_or_default();
        path.get(from as usize..to as usize).unwrap_or_default()
    }

    fn push(&mut self, from: usize, to: usize) {
        if let (Some(slot), Ok(from), Ok(to)) =
            (self.at.get_mut(self.count), u32::try_from(from), u32::try_from(to))
        {
            *slot = (from, to);
            self.count += 1;
        }
    }
}

#[derive(Debug)]
enum Segment {
    Literal(&'static str),
    One,
    Rest,
}

/// Every route, ready to be found.
pub(crate) struct Table {
    routes: Vec<(Vec<Segment>, &'static Route)>,
}

/// What a request is for.
pub(crate) enum Found {
    /// This route.
    Route(&'static Route, Params),
    /// A path that takes other methods.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

impl Table {
    /// Takes the routes apart.
    pub(crate) fn new(routes: &'static [Route]) -> Self {
        let segment = |part: &'static str| match part.strip_prefix('{') {
            None => Segment::Literal(part),
            Some(name) if name.starts_with('*') => Segment::Rest,
            Some(_) => Segment::One,
        };
        let apart = |route: &'static Route| (route.path.split('/').skip(1).map(segment).collect(), route);
        Self { routes: routes.iter().map(apart).collect() }
    }

    /// Finds the route of a request.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Found {
        let mut allow: Vec<&str> = Vec::new();
        for (segments, route) in &self.routes {
            let Some(params) = match_path(segments, path) else { continue };
            if route.verb.takes(method) {
                return Found::Route(route, params);
            }
            if !allow.contains(&route.verb.word()) {
                allow.push(route.verb.word());
                if route.verb == Verb::Get {
                    allow.push("HEAD");
                }
            }
        }
        if allow.is_empty() { Found::Nothing } else { Found::OtherMethods(allow.join(", ")) }
    }
}

fn match_path(segments: &[Segment], path: &str) -> Option<Params> {
    let mut params = Params::default();
    let mut at = 1;
    if !path.starts_with('/') {
        return None;
    }
    for segment in segments {
        if at > path.len() {
            return None;
        }
        let rest = &path[at..];
        let length = rest.find('/').unwrap_or(rest.len());
        match segment {
            Segment::Literal(literal) if rest[..length] != **literal => return None,
            Segment::Literal(_) => {}
            Segment::One if length == 0 => return None,
            Segment::One => params.push(at, at + length),
            Segment::Rest if rest.is_empty() => return None,
            Segment::Rest => {
                params.push(at, path.len());
                return Some(params);
            }
        }
        at += length + 1;
    }
    (at == path.len() + 1).then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &'static str) -> Vec<Segment> {
        let part = |part: &'static str| match part {
            "{*rest}" => Segment::Rest,
            "{one}" => Segment::One,
            literal => Segment::Literal(literal),
        };
        path.split('/').skip(1).map(part).collect()
    }

    #[test]
    fn paths_match_whole_and_parameters_are_never_empty() {
        let check = |pattern: &'static str, path: &str, expected: Option<&[&str]>| {
            let found = match_path(&segments(pattern), path);
            let params = found
                .map(|params| (0..params.count).map(|n| params.get(path, n).to_owned()).collect::<Vec<_>>());
            assert_eq!(
                params.as_deref(),
                expected.map(|e| e.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).as_deref(),
                "{pattern} {path}"
            );
        };
        check("/v1/a", "/v1/a", Some(&[]));
        check("/v1/a/{one}", "/v1/a/7", Some(&["7"]));
        check("/v1/a/{one}/b", "/v1/a/é/b", Some(&["é"]));
        check("/v1/{one}/t/{one}/{*rest}", "/v1/x/t/0/x001/067.p/3", Some(&["x", "0", "x001/067.p/3"]));
        for path in ["/v1/a/", "/v1/a", "/v1/a/7/", "/v1/a/7/b", "v1/a/7", "", "/", "//a/7", "/v1//7"] {
            check("/v1/a/{one}", path, None);
        }
        check("/v1/t/{*rest}", "/v1/t/", None);
        check("/v1/t/{*rest}", "/v1/t", None);
    }
}
