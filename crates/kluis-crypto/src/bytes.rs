//! Small byte buffers: a fixed stack buffer for associated data and a checked reader for hostile input.

/// A byte string of at most `N` bytes on the stack.
pub(crate) struct Stack<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Stack<N> {
    /// Returns an empty buffer.
    pub(crate) fn new() -> Self {
        Self { bytes: [0; N], used: 0 }
    }

    /// Appends `part` as it is. Invariant: callers size `N` for the longest input.
    pub(crate) fn put(&mut self, part: &[u8]) {
        self.bytes[self.used..self.used + part.len()].copy_from_slice(part);
        self.used += part.len();
    }

    /// Appends `part` behind its length in one byte. Invariant: parts are at most 255 bytes.
    pub(crate) fn put_part(&mut self, part: &[u8]) {
        debug_assert!(part.len() <= 255);
        self.put(&[part.len() as u8]);
        self.put(part);
    }

    /// Returns what was put.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl<const N: usize> AsRef<[u8]> for Stack<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

/// Reads big-endian numbers and byte strings; every read past the end is `None`.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Returns a reader at the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        Some(head)
    }

    /// Returns the next `N` bytes as an array.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Returns the next byte.
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Returns the next two bytes as a number.
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Returns the next four bytes as a number.
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Returns the next eight bytes as a signed number.
    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// Returns how many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }
}

/// Decodes hexadecimal test vectors.
#[cfg(test)]
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_default()
}
