//! Randomness of the operating system through aws-lc's generator, and a buffer for many nonces.

use std::sync::{Mutex, PoisonError};

use kluis_model::Random;
use zeroize::Zeroize;

/// The generator of the running system (aws-lc CTR_DRBG seeded by the operating system).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// Fills `out`.
    ///
    /// # Panics
    /// When the system gives no randomness: going on would reuse nonces.
    fn fill(&self, out: &mut [u8]) {
        // Invariant: aws-lc itself aborts the process when its generator cannot be seeded.
        #[expect(clippy::expect_used, reason = "nothing may be sealed without randomness")]
        aws_lc_rs::rand::fill(out).expect("the operating system gives randomness");
    }
}

/// Bytes fetched at once by [`BufferedRandom`].
const BUFFER_BYTES: usize = 1024;

/// Hands out bytes of `source` from a buffer of 1 KiB, for sealing many cells in one go.
///
/// For nonces, not for keys. Every byte is handed out once and wiped here.
pub struct BufferedRandom<'a> {
    source: &'a dyn Random,
    buffer: Mutex<Buffer>,
}

struct Buffer {
    bytes: [u8; BUFFER_BYTES],
    used: usize,
}

impl<'a> BufferedRandom<'a> {
    /// Returns an empty buffer over `source`; the first use fills it.
    pub fn new(source: &'a dyn Random) -> Self {
        let empty = Buffer { bytes: [0; BUFFER_BYTES], used: BUFFER_BYTES };
        Self { source, buffer: Mutex::new(empty) }
    }
}

impl Random for BufferedRandom<'_> {
    fn fill(&self, out: &mut [u8]) {
        if out.len() > BUFFER_BYTES / 8 {
            return self.source.fill(out);
        }
        // A thread that panicked while holding the lock left `used` at or before unused bytes.
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.used + out.len() > BUFFER_BYTES {
            self.source.fill(&mut buffer.bytes);
            buffer.used = 0;
        }
        let from = buffer.used;
        let to = from + out.len();
        out.copy_from_slice(&buffer.bytes[from..to]);
        buffer.bytes[from..to].zeroize();
        buffer.used = to;
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn buffered_bytes_never_repeat() {
        let random = BufferedRandom::new(&SystemRandom);
        let mut seen = BTreeSet::new();
        for _ in 0..1000 {
            let mut nonce = [0; 12];
            random.fill(&mut nonce);
            assert!(seen.insert(nonce));
        }
        let mut large = [0; 4096];
        random.fill(&mut large);
        assert!(large.iter().any(|byte| *byte != 0));
    }
}
