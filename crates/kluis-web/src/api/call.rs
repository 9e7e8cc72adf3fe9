//! One request on its way through a handler: who asks, what stands in path, query, headers and body.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::http::request;
use bytes::Bytes;
use kluis_app::App;
use kluis_model::{Actor, FieldName, Lang, PurposeId, RequestId, SubjectId};
use serde::de::DeserializeOwned;

use super::json;
use super::problem::Problem;
use super::route::{Params, Place, Route};
use crate::state::WebState;

/// Most fields that one request names.
const FIELDS_MAX: usize = 300;

/// One request with its actor.
pub(crate) struct Call {
    pub(crate) state: Arc<WebState>,
    pub(crate) route: &'static Route,
    pub(crate) parts: request::Parts,
    /// The whole body of a route that takes JSON or text.
    pub(crate) bytes: Bytes,
    /// The body of a route that takes lines.
    pub(crate) body: Body,
    pub(crate) params: Params,
    pub(crate) request: RequestId,
    pub(crate) actor: Option<Actor>,
}

impl Call {
    /// The vault.
    pub(crate) fn app(&self) -> &App {
        &self.state.app
    }

    /// Who asks; nobody on a public route.
    pub(crate) fn actor(&self) -> Result<&Actor, Problem> {
        self.actor.as_ref().ok_or(Problem::Unauthorized { was_shown: false })
    }

    /// A parameter of the path, counted from 0.
    pub(crate) fn param(&self, number: usize) -> &str {
        self.params.get(self.parts.uri.path(), number)
    }

    /// An id in the path; what is no id names nothing.
    pub(crate) fn id<T: FromStr>(&self, number: usize) -> Result<T, Problem> {
        self.param(number).parse().map_err(|_| Problem::NotFound)
    }

    /// The customer in the path.
    pub(crate) fn subject(&self) -> Result<SubjectId, Problem> {
        self.id(0)
    }

    /// The query, which names each known parameter at most once.
    pub(crate) fn query(&self) -> Result<Query<'_>, Problem> {
        let names = self.route.parameters.iter().filter(|p| p.place == Place::Query).map(|p| p.name);
        Query::parse(self.parts.uri.query().unwrap_or_default(), names)
    }

    /// A header's value as text; more than one of it, or bytes that are no text, cannot be read.
    pub(crate) fn header(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.parts.headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        match (value.to_str(), values.next()) {
            (Ok(text), None) => Ok(Some(text)),
            _ => Err(Problem::BadRequest(format!("The header {name} cannot be read.").into())),
        }
    }

    /// The whole body, which must be JSON of this type.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::parse(&self.bytes)
    }

    /// The language of texts for people: English unless Dutch is asked for first.
    pub(crate) fn lang(&self) -> Lang {
        lang_of(&self.parts.headers)
    }
}

/// The language that an `Accept-Language` asks for first.
pub(crate) fn lang_of(headers: &axum::http::HeaderMap) -> Lang {
    let asked =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_dutch = asked.get(..2).is_some_and(|first| first.eq_ignore_ascii_case("nl"));
    if is_dutch { Lang::Nl } else { Lang::En }
}

/// The parameters of a query.
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    fn parse(text: &'a str, known: impl Iterator<Item = &'static str> + Clone) -> Result<Self, Problem> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            let Some(known) = known.clone().find(|known| *known == name) else {
                return Err(Problem::BadRequest("The query has a parameter that is not known here.".into()));
            };
            if pairs.iter().any(|(earlier, _)| *earlier == name) {
                return Err(Problem::BadRequest(
                    format!("The query parameter {known} stands there twice.").into(),
                ));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// A parameter's value; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_ref())
            .filter(|value| !value.is_empty())
    }

    /// A parameter read as a type.
    pub(crate) fn parsed<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Problem> {
        let wrong = || Problem::BadRequest(format!("The query parameter {name} has the wrong form.").into());
        self.get(name).map(|value| value.parse().map_err(|_| wrong())).transpose()
    }

    /// A number within bounds.
    pub(crate) fn number(&self, name: &'static str, usual: u32, max: u32) -> Result<u32, Problem> {
        let number = self.parsed(name)?.unwrap_or(usual);
        if (1..=max).contains(&number) {
            return Ok(number);
        }
        Err(Problem::BadRequest(format!("The query parameter {name} takes 1 to {max}.").into()))
    }

    /// The purpose, without which nothing is read.
    pub(crate) fn purpose(&self) -> Result<PurposeId, Problem> {
        self.parsed("purpose")?
            .ok_or_else(|| Problem::BadRequest("Name the purpose of reading: ?purpose=…".into()))
    }

    /// The fields asked for, or `None` for all of the purpose.
    pub(crate) fn fields(&self) -> Result<Option<Vec<FieldName>>, Problem> {
        let Some(list) = self.get("fields") else { return Ok(None) };
        let wrong = |_| {
            Problem::BadRequest("The query parameter fields takes field names with commas between.".into())
        };
        let fields: Vec<FieldName> =
            list.split(',').map(str::parse).collect::<Result<_, _>>().map_err(wrong)?;
        if fields.len() > FIELDS_MAX {
            return Err(Problem::BadRequest(format!("At most {FIELDS_MAX} fields are taken.").into()));
        }
        Ok(Some(fields))
    }
}

/// Undoes percent-encoding and `+`.
fn decode(text: &str) -> Result<Cow<'_, str>, Problem> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let wrong = || Problem::BadRequest("The query is not percent-encoded UTF-8.".into());
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut digit = || {
                    let digit = char::from(bytes.next()?).to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                out.push(high << 4 | low);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use axum::http::HeaderMap;

    fn parse(text: &str) -> Result<Query<'_>, Problem> {
        Query::parse(text, ["purpose", "fields", "limit"].into_iter())
    }

    #[test]
    fn a_query_names_each_known_parameter_once() {
        let query = parse("purpose=order&fields=email%2Ccity&&limit=").unwrap();
        assert_eq!(query.purpose().unwrap().as_str(), "order");
        assert_eq!(query.fields().unwrap().unwrap().len(), 2);
        assert_eq!(query.number("limit", 7, 10).unwrap(), 7);
        assert!(parse("").unwrap().purpose().is_err());
        for wrong in [
            "purpos=order",
            "purpose=a&purpose=b",
            "purpose=%",
            "purpose=%4",
            "purpose=%zz",
            "purpose=%ff",
            "%2",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["limit=0", "limit=11", "limit=x", "limit=-1"] {
            assert!(parse(wrong).unwrap().number("limit", 7, 10).is_err(), "{wrong}");
        }
        for wrong in ["fields=,", "fields=Email", "fields=a b", "fields=email,"] {
            assert!(parse(wrong).unwrap().fields().is_err(), "{wrong}");
        }
        assert!(parse("purpose=Geen Doel").unwrap().purpose().is_err());
    }

    #[test]
    fn dutch_is_spoken_when_asked_first() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, value.parse().unwrap());
            lang_of(&headers)
        };
        assert_eq!(check("nl-NL,nl;q=0.9,en;q=0.8"), Lang::Nl);
        assert_eq!(check("en,nl;q=0.5"), Lang::En);
        assert_eq!(check("*"), Lang::En);
        assert_eq!(lang_of(&HeaderMap::new()), Lang::En);
    }
}
