//! Frames of the milter protocol: a length of four bytes, a letter, and what belongs to it.

use core::net::IpAddr;

use super::MilterError;

/// Bytes of a frame: a header field of Postfix has at most 100 KiB, a piece of a body 64 KiB.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Macros of one frame that are looked at.
const MACROS_MAX: usize = 100;

/// What a mail server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// What it can do: version, actions, steps.
    Negotiate { version: u32, actions: u32, steps: u32 },
    /// Macros for the command with a letter.
    Macros { of: u8, list: &'a [u8] },
    /// A client connects.
    Connect(Peer),
    /// A message begins.
    Mail,
    /// A receiver of the message, as written.
    Recipient(&'a [u8]),
    /// HELO, DATA, or a command that it does not know.
    Other(u8),
    /// A header field: name and value.
    Header(&'a [u8], &'a [u8]),
    /// The header is over.
    HeaderEnd,
    /// A piece of the body.
    Body(&'a [u8]),
    /// The message is over; perhaps with its last piece.
    BodyEnd(&'a [u8]),
    /// The message is given up.
    Abort,
    /// The connection is over; a new client may follow on it.
    Quit { is_reused: bool },
}

/// From where a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// From an address.
    Address(IpAddr),
    /// From this machine, by a socket in the file system.
    Local,
    /// From nobody knows where.
    Unknown,
}

/// Splits off the first frame: how long it is with its length, and what it says; `None` while it is not whole.
///
/// # Errors
/// What is no frame of this protocol.
pub(super) fn first(bytes: &[u8]) -> Result<Option<(usize, Command<'_>)>, MilterError> {
    let Some((head, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    // Invariant: a length above the limit is refused before anything waits for it.
    let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
    if length == 0 || length > FRAME_BYTES_MAX {
        return Err(MilterError::Length);
    }
    let Some(frame) = rest.get(..length) else { return Ok(None) };
    Ok(Some((4 + length, command(frame[0], &frame[1..])?)))
}

fn command(letter: u8, data: &[u8]) -> Result<Command<'_>, MilterError> {
    let broken = || MilterError::Frame { letter };
    Ok(match letter {
        b'O' => {
            let number = |at: usize| data.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
            let (version, actions, steps) =
                number(0).zip(number(4)).zip(number(8)).map(|((a, b), c)| (a, b, c)).ok_or_else(broken)?;
            Command::Negotiate { version, actions, steps }
        }
        b'D' => {
            let (of, list) = data.split_first().ok_or_else(broken)?;
            Command::Macros { of: *of, list }
        }
        b'C' => Command::Connect(peer(data).ok_or_else(broken)?),
        b'M' => Command::Mail,
        b'R' => Command::Recipient(text(data).ok_or_else(broken)?.0),
        b'H' | b'T' | b'U' => Command::Other(letter),
        b'L' => {
            let (name, rest) = text(data).ok_or_else(broken)?;
            let (value, rest) = text(rest).ok_or_else(broken)?;
            if !rest.is_empty() {
                return Err(broken());
            }
            Command::Header(name, value)
        }
        b'N' => Command::HeaderEnd,
        b'B' => Command::Body(data),
        b'E' => Command::BodyEnd(data),
        b'A' => Command::Abort,
        b'Q' => Command::Quit { is_reused: false },
        b'K' => Command::Quit { is_reused: true },
        _ => return Err(MilterError::Unknown { letter }),
    })
}

/// A host name, the letter of a family and, unless that is unknown, a port and an address.
fn peer(data: &[u8]) -> Option<Peer> {
    let (_, rest) = text(data)?;
    let (family, rest) = rest.split_first()?;
    match family {
        b'U' => Some(Peer::Unknown),
        b'L' => Some(Peer::Local),
        b'4' | b'6' => {
            let (address, _) = text(rest.get(2..)?)?;
            let address = std::str::from_utf8(address).ok()?;
            let address = address.strip_prefix("IPv6:").unwrap_or(address);
            // A server may name an address that it could not read; then nobody knows it.
            Some(
                address
                    .parse()
                    .map_or(Peer::Unknown, |address: IpAddr| Peer::Address(address.to_canonical())),
            )
        }
        _ => None,
    }
}

/// A text up to its zero byte, and what follows.
fn text(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, data)?;
    Some((&data[..end], &data[end + 1..]))
}

/// The macros of a frame: names without braces, and values.
pub(super) fn macros(list: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let (name, after) = text(rest)?;
        let (value, after) = text(after)?;
        rest = after;
        let bare = name.strip_prefix(b"{").and_then(|name| name.strip_suffix(b"}")).unwrap_or(name);
        Some((bare, value))
    })
    .take(MACROS_MAX)
}

/// Adds a frame to what is to be sent.
pub(super) fn put(out: &mut Vec<u8>, letter: u8, parts: &[&[u8]]) {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    out.push(letter);
    for part in parts {
        out.extend_from_slice(part);
    }
}
