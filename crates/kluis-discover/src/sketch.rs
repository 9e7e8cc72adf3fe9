//! Counts different values in a kilobyte, whatever their number (HyperLogLog, Flajolet et al. 2007), off by about three per cent.

/// Registers; a power of two.
const REGISTERS: usize = 1 << BITS;
const BITS: u32 = 10;

/// A count of different values.
#[derive(Clone)]
pub(crate) struct Sketch(Box<[u8; REGISTERS]>);

impl core::fmt::Debug for Sketch {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(to, "Sketch({})", self.estimate())
    }
}

impl Sketch {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Box::new([0; REGISTERS]))
    }

    /// Adds a value by its hash.
    pub(crate) fn add(&mut self, hash: u64) {
        let mixed = mix(hash);
        let at = (mixed >> (64 - BITS)) as usize;
        let rank = ((mixed << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
        self.0[at] = self.0[at].max(rank);
    }

    /// About how many.
    pub(crate) fn estimate(&self) -> u64 {
        let m = REGISTERS as f64;
        let zeros = self.0.iter().filter(|register| **register == 0).count();
        let sum: f64 = self.0.iter().map(|register| (-f64::from(*register)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let estimate = if raw <= 2.5 * m && zeros > 0 { m * (m / zeros as f64).ln() } else { raw };
        estimate.round() as u64
    }
}

/// The hash of a value, eight bytes at a time; only good for counting.
pub(crate) fn hash(value: &[u8]) -> u64 {
    let step = |hash: u64, word: u64| (hash.rotate_left(26) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (words, rest) = value.as_chunks::<8>();
    let hash = words.iter().fold(value.len() as u64, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    step(hash, u64::from_le_bytes(last))
}

/// Spreads a hash over all bits (the finaliser of SplitMix64).
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_values_are_counted_once() {
        for count in [0u64, 1, 10, 100, 1_000, 50_000, 1_000_000] {
            let mut sketch = Sketch::new();
            for n in (0..count).chain(0..count.min(100)) {
                sketch.add(hash(n.to_string().as_bytes()));
            }
            let (low, high) = (count as f64 * 0.88, count as f64 * 1.12);
            let estimate = sketch.estimate() as f64;
            assert!(low <= estimate && estimate <= high, "{count}: {estimate}");
        }
    }
}
