//! What a byte is to the scanner, looked up in one table.

/// A digit.
pub(crate) const DIGIT: u8 = 1;
/// A capital letter.
pub(crate) const UPPER: u8 = 2;
/// A small letter.
pub(crate) const LOWER: u8 = 4;
/// A byte of a character beyond ASCII; counts as a letter.
pub(crate) const HIGH: u8 = 8;
/// A mark at which something may begin or stand in the middle: `@`, `$`, `+`, `:`.
pub(crate) const MARK: u8 = 16;
/// Whatever words are made of.
pub(crate) const WORD: u8 = DIGIT | UPPER | LOWER | HIGH;

/// The class of every byte.
pub(crate) const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            b'@' | b'$' | b'+' | b':' => MARK,
            0x80.. => HIGH,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// The class of a byte.
pub(crate) fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// Whether a byte is part of a word.
pub(crate) fn is_word(byte: u8) -> bool {
    class(byte) & WORD != 0
}

/// Whether a byte is a digit.
pub(crate) fn is_digit(byte: u8) -> bool {
    class(byte) & DIGIT != 0
}

/// Whether a byte is a capital letter of ASCII.
pub(crate) fn is_upper(byte: u8) -> bool {
    class(byte) & UPPER != 0
}
