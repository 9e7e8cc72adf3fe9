//! JSON in and out: bodies read strictly and with errors that never repeat a value, answers written from `Pii`.

use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use kluis_model::PiiText;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::problem::Problem;

/// Deepest nesting of a body.
pub(crate) const DEPTH_MAX: usize = 16;
/// Most members of a map of fields.
pub(crate) const FIELDS_MAX: usize = 300;

/// Reads a body that must be one JSON value of this type.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if is_deeper_than(bytes, DEPTH_MAX) {
        return Err(Problem::BadRequest(format!("The JSON is nested deeper than {DEPTH_MAX}.").into()));
    }
    serde_json::from_slice(bytes).map_err(|error| fault(&error))
}

/// Whether brackets outside strings nest deeper than this.
fn is_deeper_than(bytes: &[u8], depth_max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What is wrong with a body, by place and kind; serde's own text may hold a value and is not passed on.
fn fault(error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    if !error.is_data() {
        return Problem::BadRequest(format!("The body is not valid JSON at {place}.").into());
    }
    let text = error.to_string();
    let named = |prefix: &str| {
        let rest = text.strip_prefix(prefix)?;
        rest.split('`').nth(1).filter(|name| is_plain_name(name)).map(str::to_owned)
    };
    let what: Cow<'static, str> = if let Some(name) = named("missing field ") {
        format!("The key {name} is missing").into()
    } else if let Some(name) = named("duplicate field ") {
        format!("The key {name} stands there twice").into()
    } else if text.starts_with(TWICE) {
        "A key stands there twice".into()
    } else if text.starts_with(TOO_MANY) {
        format!("There are more than {FIELDS_MAX} fields").into()
    } else if text.starts_with("unknown field ") {
        "There is a key that is not known here".into()
    } else {
        "A value has the wrong type or form".into()
    };
    Problem::Unprocessable(format!("{what}, at {place}.").into())
}

fn is_plain_name(name: &str) -> bool {
    name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

const TWICE: &str = "a key twice";
const TOO_MANY: &str = "too many keys";

/// The members of a JSON object in their order, each name once.
#[derive(Debug, Default)]
pub(crate) struct Members<T>(pub(crate) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reading<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reading<T> {
            type Value = Members<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
                let mut members: Vec<(String, T)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if members.len() >= FIELDS_MAX {
                        return Err(A::Error::custom(TOO_MANY));
                    }
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(TWICE));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Reading(std::marker::PhantomData))
    }
}

/// JSON being written; wiped when the answer has been sent.
pub(crate) struct Writer {
    out: Zeroizing<Vec<u8>>,
}

impl Writer {
    /// Room for so many bytes, so that no outgrown copy is left behind.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Zeroizing::new(Vec::with_capacity(bytes)) }
    }

    /// Writes bytes of JSON as they are.
    pub(crate) fn raw(&mut self, json: &str) -> &mut Self {
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    /// Writes a number.
    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0_u8; 20];
        let (mut at, mut rest) = (digits.len(), number);
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
        self
    }

    /// Writes a string with what JSON escapes (RFC 8259 §7).
    pub(crate) fn string(&mut self, text: &str) -> &mut Self {
        self.out.push(b'"');
        let bytes = text.as_bytes();
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
                continue;
            }
            self.out.extend_from_slice(&bytes[from..at]);
            from = at + 1;
            match byte {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                control => {
                    const DIGITS: &[u8; 16] = b"0123456789abcdef";
                    self.out.extend_from_slice(b"\\u00");
                    self.out.push(DIGITS[usize::from(control >> 4)]);
                    self.out.push(DIGITS[usize::from(control & 15)]);
                }
            }
        }
        self.out.extend_from_slice(&bytes[from..]);
        self.out.push(b'"');
        self
    }

    /// Writes a personal value: the one place where the API puts plaintext into an answer.
    pub(crate) fn pii(&mut self, text: &PiiText) -> &mut Self {
        self.string(text.expose())
    }

    /// Writes what a value says of itself, which needs no escaping: an id, a time.
    pub(crate) fn value_display(&mut self, value: impl fmt::Display) -> &mut Self {
        use std::io::Write;
        // Invariant: writing into memory cannot fail.
        let _ = write!(&mut *self.out, "{value}");
        self
    }

    /// Writes any value that holds nothing personal.
    pub(crate) fn value(&mut self, value: &impl Serialize) -> &mut Self {
        // Invariant: writing plain data with string keys into memory cannot fail.
        let _ = serde_json::to_writer(&mut *self.out, value);
        self
    }

    /// The bytes, wiped when the last clone is gone.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self.out)
    }

    /// The whole answer.
    pub(crate) fn answer(self, status: StatusCode) -> Response<Body> {
        with_type(status, "application/json", Body::from(self.into_bytes()))
    }
}

/// An answer of plain data.
pub(crate) fn answer(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut writer = Writer::with_capacity(512);
    writer.value(value);
    writer.answer(status)
}

/// An answer with a body of this media type.
pub(crate) fn with_type(status: StatusCode, media_type: &'static str, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        #[expect(dead_code, reason = "read for its form only")]
        fields: Members<PiiText>,
        #[serde(default)]
        #[expect(dead_code, reason = "read for its form only")]
        limit: Option<u32>,
    }

    fn refusal(text: &str) -> (u16, String) {
        match parse::<Input>(text.as_bytes()).unwrap_err() {
            Problem::BadRequest(detail) => (400, detail.into_owned()),
            Problem::Unprocessable(detail) => (422, detail.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn faults_have_a_place_and_never_a_value() {
        let cases = [
            ("", 400, "not valid JSON"),
            ("{", 400, "line 1, column 1"),
            ("{\"fields\":{\"email\":\"noor@geheim.example\",}}", 400, "not valid JSON"),
            ("{\"fields\":{}} geheim", 400, "not valid JSON"),
            ("{}", 422, "key fields is missing"),
            ("{\"fields\":{},\"fields\":{}}", 422, "key fields stands there twice"),
            ("{\"fields\":{\"a\":\"geheim\",\"a\":\"geheim\"}}", 422, "A key stands there twice"),
            ("{\"fields\":{},\"geheim\":1}", 422, "not known here"),
            ("{\"fields\":\"geheim\"}", 422, "wrong type"),
            ("{\"fields\":{\"email\":7}}", 422, "wrong type"),
            ("{\"fields\":{},\n\"limit\":\"geheim, expected x\"}", 422, "line 2"),
            ("[]", 422, "wrong type"),
            ("\"geheim\"", 422, "wrong type"),
            ("7", 422, "wrong type"),
        ];
        for (text, status, says) in cases {
            let (got, detail) = refusal(text);
            assert_eq!(got, status, "{text}: {detail}");
            assert!(detail.contains(says) && !detail.contains("geheim"), "{text}: {detail}");
        }
    }

    #[test]
    fn nesting_and_numbers_of_members_are_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(!is_deeper_than(nested(16).as_bytes(), 16) && is_deeper_than(nested(17).as_bytes(), 16));
        assert!(!is_deeper_than(b"\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"", 16));
        assert_eq!(refusal(&nested(5000)).0, 400);
        let many: String = (0..=FIELDS_MAX).map(|n| format!("\"f{n}\":\"\",")).collect();
        let (_, detail) = refusal(&format!("{{\"fields\":{{{}}}}}", many.trim_end_matches(',')));
        assert!(detail.contains("more than 300"), "{detail}");
    }

    proptest! {
        #[test]
        fn strings_are_read_back_as_they_were(text in "\\PC*|[\\x00-\\x7f]*", number: u64) {
            let mut writer = Writer::with_capacity(16);
            writer.raw("[").string(&text).raw(",").number(number).raw("]");
            let back: (String, u64) = serde_json::from_slice(&writer.into_bytes()).unwrap();
            prop_assert_eq!(back, (text, number));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = parse::<Input>(&bytes);
        }
    }
}
