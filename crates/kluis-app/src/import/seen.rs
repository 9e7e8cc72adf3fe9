//! Which customers a file named so far: a table of hash prefixes that stops growing at 32 MiB.

/// Slots at the start.
const SLOTS_MIN: usize = 1 << 12;
/// Slots at most, eight bytes each.
const SLOTS_MAX: usize = 1 << 22;

/// Prefixes of index terms, which are spread evenly. Two terms may share one: a hit means "look", not "known".
pub(super) struct Seen {
    slots: Vec<u64>,
    count: usize,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self { slots: vec![0; SLOTS_MIN], count: 0 }
    }

    /// Adds a term; true when it was there.
    pub(super) fn insert(&mut self, term: &[u8; 16]) -> bool {
        if self.count >= limit(self.slots.len()) && self.slots.len() < SLOTS_MAX {
            self.grow();
        }
        let is_known = !put(&mut self.slots, prefix(term));
        self.count += usize::from(!is_known);
        is_known
    }

    /// Whether little more fits; then the terms must be forgotten, once the database knows them.
    pub(super) fn is_full(&self) -> bool {
        self.slots.len() == SLOTS_MAX && self.count >= limit(SLOTS_MAX)
    }

    fn grow(&mut self) {
        let mut slots = vec![0; self.slots.len() * 2];
        for word in self.slots.iter().filter(|word| **word != 0) {
            put(&mut slots, *word);
        }
        self.slots = slots;
    }
}

const fn limit(slots: usize) -> usize {
    slots / 4 * 3
}

/// The first bytes; nought marks a free slot.
fn prefix(term: &[u8; 16]) -> u64 {
    u64::from_be_bytes(*term.first_chunk().unwrap_or(&[0; 8])).max(1)
}

/// Puts a word into the first free slot from its place on; false when it is there. A quarter of the slots and more
/// are free: a chunk is far smaller than that.
fn put(slots: &mut [u64], word: u64) -> bool {
    let mask = slots.len() - 1;
    let mut place = (word as usize) & mask;
    while slots[place] != 0 {
        if slots[place] == word {
            return false;
        }
        place = (place + 1) & mask;
    }
    slots[place] = word;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(n: u64) -> [u8; 16] {
        let mut term = [0; 16];
        term[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        term
    }

    #[test]
    fn terms_are_known_after_growth() {
        let mut seen = Seen::new();
        for n in 0..100_000 {
            assert!(!seen.insert(&term(n)), "{n} is new");
        }
        for n in 0..100_000 {
            assert!(seen.insert(&term(n)), "{n} is known");
        }
        assert!(!seen.insert(&term(100_000)) && !seen.is_full());
    }

    #[test]
    fn it_is_full_at_its_limit_and_still_answers() {
        let mut seen = Seen::new();
        let mut n = 0;
        while !seen.is_full() {
            seen.insert(&term(n));
            n += 1;
        }
        assert_eq!(n as usize, limit(SLOTS_MAX));
        assert!(seen.insert(&term(0)) && !seen.insert(&term(n)));
        assert_eq!(seen.slots.len(), SLOTS_MAX);
    }
}
