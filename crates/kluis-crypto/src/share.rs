//! The text of one share of the root key, as a person keeps it on paper: `kluis-share-<set>-<index>-<hex>`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::digest::sha256_parts;
use crate::secret::Secret;
use crate::shamir::{Point, SHARES_MAX};

/// First words of every share.
const PREFIX: &str = "kluis-share-";
/// Longest text that is looked at, in bytes; a real share has 95 at most.
const TEXT_BYTES_MAX: usize = 256;

/// One person's share: worthless alone, zeroised on drop, `Debug` prints no content.
pub struct Share {
    set: [u8; 4],
    point: Point,
}

/// Why a text is not a share. Never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ShareProblem {
    /// The text does not begin with `kluis-share-` or misses a part.
    #[error("not a share: expected kluis-share-<set>-<number>-<72 hexadecimal digits>")]
    Format,
    /// The share's number is not 1..=16.
    #[error("the share's number must be 1 to 16")]
    Number,
    /// The checksum differs: a character was mistyped.
    #[error("the share's checksum is wrong: a character was mistyped or left out")]
    Checksum,
}

/// Which line of several is not a share, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ShareLineProblem {
    /// Line number, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: ShareProblem,
}

impl Share {
    /// Returns share `point` of set `set`.
    pub(crate) fn new(set: [u8; 4], point: Point) -> Self {
        Self { set, point }
    }

    /// Returns the number of the set this share was issued in, as 8 hexadecimal digits.
    pub fn set(&self) -> String {
        hex::encode(self.set)
    }

    /// Returns the share's number within its set, from 1.
    pub fn number(&self) -> u8 {
        self.point.x
    }

    /// Returns the set's raw number.
    pub(crate) fn set_bytes(&self) -> [u8; 4] {
        self.set
    }

    /// Returns a copy of the point for combining.
    pub(crate) fn point(&self) -> Point {
        Point { x: self.point.x, values: self.point.values.clone() }
    }

    /// Returns the text to print; it is secret and wiped when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        let digits = Zeroizing::new(hex::encode(self.point.values.expose()));
        let checksum = hex::encode(self.checksum());
        text.push_str(PREFIX);
        for part in [self.set().as_str(), "-", &self.point.x.to_string(), "-", &digits, &checksum] {
            text.push_str(part);
        }
        text
    }

    /// Parses one share per non-empty line and names the line that is mistyped.
    pub fn parse_lines(text: &str) -> Result<Vec<Self>, ShareLineProblem> {
        let mut shares = Vec::new();
        for (place, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let parsed = parse(line.trim());
            let line = place + 1;
            shares.push(parsed.map_err(|problem| ShareLineProblem { line, problem })?);
        }
        Ok(shares)
    }

    fn checksum(&self) -> [u8; 4] {
        let hash = sha256_parts(&[b"kluis share", &self.set, &[self.point.x], self.point.values.expose()]);
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

impl FromStr for Share {
    type Err = ShareProblem;

    /// Parses one share; blanks around it and upper case are accepted.
    fn from_str(text: &str) -> Result<Self, ShareProblem> {
        parse(text.trim())
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({}-{}-***)", self.set(), self.point.x)
    }
}

/// Parses one trimmed line.
fn parse(text: &str) -> Result<Share, ShareProblem> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ShareProblem::Format);
    }
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let rest = lower.strip_prefix(PREFIX).ok_or(ShareProblem::Format)?;
    let mut parts = rest.split('-');
    let (Some(set), Some(number), Some(digits), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ShareProblem::Format);
    };
    let mut set_bytes = [0; 4];
    hex::decode_to_slice(set, &mut set_bytes).map_err(|_| ShareProblem::Format)?;
    if number.is_empty() || number.len() > 2 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ShareProblem::Format);
    }
    let x: u8 = number.parse().map_err(|_| ShareProblem::Number)?;
    if x == 0 || x > SHARES_MAX || number.starts_with('0') {
        return Err(ShareProblem::Number);
    }
    let mut values = Secret::<36>::zeroed();
    hex::decode_to_slice(digits, values.expose_mut()).map_err(|_| ShareProblem::Format)?;
    let (secret, checksum) = values.expose().split_at(32);
    let values = Secret::from_slice(secret).ok_or(ShareProblem::Format)?;
    let share = Share { set: set_bytes, point: Point { x, values } };
    if share.checksum() != checksum {
        return Err(ShareProblem::Checksum);
    }
    Ok(share)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Share {
        let point = Point { x: 3, values: Secret::from_bytes(&[0xa5; 32]) };
        Share::new([1, 2, 3, 4], point)
    }

    #[test]
    fn text_round_trip() {
        let text = example().to_text();
        assert!(text.starts_with("kluis-share-01020304-3-a5a5"));
        let again: Share = text.to_uppercase().parse().unwrap();
        assert_eq!(*again.to_text(), *text);
        assert_eq!((again.set().as_str(), again.number()), ("01020304", 3));
        assert_eq!(format!("{again:?}"), "Share(01020304-3-***)");
    }

    #[test]
    fn hostile_text_is_refused() {
        let text = example().to_text().to_string();
        let long = "a".repeat(1000);
        for bad in [
            "",
            "kluis-share-",
            "kluis-share-01020304-3",
            "kluis-share-0102030-3-00",
            "kluis-share-zz020304-3-00",
            &text[1..],
            &text[..text.len() - 1],
            &text.replace("-3-", "--"),
            &text.replace("-3-", "-+3-"),
            &text.replace("-3-", "-é-"),
            &format!("{text}-"),
            &format!("{text}00"),
            &long,
        ] {
            assert_eq!(bad.parse::<Share>().unwrap_err(), ShareProblem::Format, "{bad}");
        }
        for bad in ["-0-", "-17-", "-99-", "-03-"] {
            let bad = text.replace("-3-", bad);
            assert_eq!(bad.parse::<Share>().unwrap_err(), ShareProblem::Number, "{bad}");
        }
        for bad in [text.replace("-3-", "-4-"), text.replace("01020304", "01020305")] {
            assert_eq!(bad.parse::<Share>().unwrap_err(), ShareProblem::Checksum, "{bad}");
        }
    }

    #[test]
    fn the_mistyped_line_is_named() {
        let good = example().to_text().to_string();
        let bad = good.replace("a5a5", "a5a6");
        let problem = Share::parse_lines(&format!("{good}\n\n  {bad}\n")).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "line 3: the share's checksum is wrong: a character was mistyped or left out"
        );
        assert_eq!(Share::parse_lines(&format!("\n{good}\r\n{good}\n")).unwrap().len(), 2);
        assert!(Share::parse_lines(" \n").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn every_single_typo_is_found(place in 20usize..94, digit in 0u8..16) {
            let text = example().to_text().to_string();
            let mut bytes = text.clone().into_bytes();
            prop_assume!(bytes[place] != b'-');
            let typo = b"0123456789abcdef"[usize::from(digit)];
            prop_assume!(bytes[place] != typo);
            bytes[place] = typo;
            let typed = String::from_utf8(bytes).unwrap();
            prop_assert!(typed.parse::<Share>().is_err());
        }

        #[test]
        fn any_text_is_survived(text in ".{0,300}") {
            prop_assert!(text.parse::<Share>().is_err());
        }
    }
}
