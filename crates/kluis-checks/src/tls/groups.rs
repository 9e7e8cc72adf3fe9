//! Names, sizes and worth of key exchange groups, and the primes that many servers share.

use kluis_crypto::sha256;

use super::Ncsc;
use super::primes::PRIMES;

/// Number, name, bits. For a hybrid: the bits of its curve. For ML-KEM alone: those of a curve as strong.
#[rustfmt::skip]
const GROUPS: &[(u16, &str, u16)] = &[
    (1, "sect163k1", 163), (2, "sect163r1", 163), (3, "sect163r2", 163), (4, "sect193r1", 193), (5, "sect193r2", 193),
    (6, "sect233k1", 233), (7, "sect233r1", 233), (8, "sect239k1", 239), (9, "sect283k1", 283), (10, "sect283r1", 283),
    (11, "sect409k1", 409), (12, "sect409r1", 409), (13, "sect571k1", 571), (14, "sect571r1", 571),
    (15, "secp160k1", 160), (16, "secp160r1", 160), (17, "secp160r2", 160), (18, "secp192k1", 192),
    (19, "secp192r1", 192), (20, "secp224k1", 224), (21, "secp224r1", 224), (22, "secp256k1", 256),
    (23, "secp256r1", 256), (24, "secp384r1", 384), (25, "secp521r1", 521),
    (26, "brainpoolP256r1", 256), (27, "brainpoolP384r1", 384), (28, "brainpoolP512r1", 512),
    (29, "x25519", 253), (30, "x448", 448),
    (31, "brainpoolP256r1tls13", 256), (32, "brainpoolP384r1tls13", 384), (33, "brainpoolP512r1tls13", 512),
    (34, "GC256A", 256), (35, "GC256B", 256), (36, "GC256C", 256), (37, "GC256D", 256),
    (38, "GC512A", 512), (39, "GC512B", 512), (40, "GC512C", 512), (41, "curveSM2", 256),
    (256, "ffdhe2048", 2048), (257, "ffdhe3072", 3072), (258, "ffdhe4096", 4096), (259, "ffdhe6144", 6144),
    (260, "ffdhe8192", 8192),
    (512, "MLKEM512", 256), (513, "MLKEM768", 384), (514, "MLKEM1024", 512),
    (4587, "SecP256r1MLKEM768", 256), (4588, "X25519MLKEM768", 253), (4589, "SecP384r1MLKEM1024", 384),
    (4590, "curveSM2MLKEM768", 256),
    (25497, "X25519Kyber768Draft00", 253), (25498, "SecP256r1Kyber768Draft00", 256),
];

/// The groups of RFC 7919 over prime fields.
pub const FFDHE: [u16; 5] = [256, 257, 258, 259, 260];

/// The hybrids that guidelines call good: an elliptic curve and ML-KEM together.
pub const HYBRIDS: [u16; 3] = [4588, 4587, 4589];

/// The name in the IANA registry; empty when it has none.
#[must_use]
pub fn name(id: u16) -> &'static str {
    find(id).map_or("", |group| group.1)
}

/// Bits of the field, or of the curve of a hybrid; `None` when the group is not known.
#[must_use]
pub fn bits(id: u16) -> Option<u16> {
    find(id).map(|group| group.2)
}

/// Whether it withstands quantum computers (as far as is known).
#[must_use]
pub fn is_post_quantum(id: u16) -> bool {
    matches!(id, 512..=514 | 4587..=4590 | 25497 | 25498)
}

/// Whether it is over a prime field (RFC 7919).
#[must_use]
pub fn is_ffdhe(id: u16) -> bool {
    FFDHE.contains(&id)
}

/// NCSC-NL 2025-05 §3.3.2 and §3.3.3. Whatever is on none of its lists is insufficient.
#[must_use]
pub fn ncsc(id: u16) -> Ncsc {
    match id {
        4587..=4589 => Ncsc::Good,
        23..=33 => Ncsc::Sufficient,
        21 | 257..=260 => Ncsc::PhaseOut,
        _ => Ncsc::Insufficient,
    }
}

/// Elliptic curves to ask for in TLS 1.2: the usual ones, then the rest of RFC 8422, 7027 and 4492.
pub const PROBED_TLS12: [u16; 30] = [
    29, 23, 24, 25, 30, 22, 26, 27, 28, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3,
    2, 1,
];

/// Groups to ask for in TLS 1.3, as browsers rank them: hybrids with ML-KEM first, then curves, then the rest.
pub const PROBED_TLS13: [u16; 22] = [
    4588, 4587, 4589, 29, 23, 24, 25, 30, 31, 32, 33, 256, 257, 258, 259, 260, 512, 513, 514, 25497, 41, 4590,
];

/// The name of a prime that many servers share, such as `modp1024`, `ffdhe2048`, `apache1024` or `java768`.
#[must_use]
pub fn known_prime(prime: &[u8]) -> Option<&'static str> {
    let hash = prime_sha256(prime);
    PRIMES.iter().find(|(known, _)| *known == hash).map(|(_, name)| *name)
}

/// SHA-256 of the prime without leading zeros, hexadecimal.
#[must_use]
pub fn prime_sha256(prime: &[u8]) -> String {
    let zeros = prime.iter().take_while(|byte| **byte == 0).count();
    hex::encode(sha256(&prime[zeros..]))
}

/// NCSC-NL 2025-05 §3.3.3 about a prime by its name ([`known_prime`]): only the groups of RFC 7919 from 3072 bits on are
/// to be phased out, others and those without a name insufficient.
#[must_use]
pub fn ncsc_prime(name: Option<&str>) -> Ncsc {
    match name {
        Some("ffdhe3072" | "ffdhe4096" | "ffdhe6144" | "ffdhe8192") => Ncsc::PhaseOut,
        _ => Ncsc::Insufficient,
    }
}

fn find(id: u16) -> Option<&'static (u16, &'static str, u16)> {
    GROUPS.iter().find(|group| group.0 == id)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::tls::bits_of;

    /// As OpenSSL 3.0 prints them, and as they were published.
    #[rustfmt::skip]
    const KNOWN: [(&str, &str); 7] = [
        ("ffdhe2048", "\
            FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF9\
            7D2FE363630C75D8F681B202AEC4617AD3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935\
            984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94BB2C8E3FB\
            B96ADAB760D7F4681D4F42A3DE394DF4AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61\
            9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005C58EF1837D1683B2C6F34A26C1B2EFFA\
            886B423861285C97FFFFFFFFFFFFFFFF"),
        ("ffdhe3072", "\
            FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF9\
            7D2FE363630C75D8F681B202AEC4617AD3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935\
            984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94BB2C8E3FB\
            B96ADAB760D7F4681D4F42A3DE394DF4AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61\
            9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005C58EF1837D1683B2C6F34A26C1B2EFFA\
            886B4238611FCFDCDE355B3B6519035BBC34F4DEF99C023861B46FC9D6E6C9077AD91D2691F7F7EE598CB0FAC186D91C\
            AEFE130985139270B4130C93BC437944F4FD4452E2D74DD364F2E21E71F54BFF5CAE82AB9C9DF69EE86D2BC522363A0D\
            ABC521979B0DEADA1DBF9A42D5C4484E0ABCD06BFA53DDEF3C1B20EE3FD59D7C25E41D2B66C62E37FFFFFFFFFFFFFFFF"),
        ("modp1536", "\
            FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
            EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
            EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
            83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF"),
        ("modp768", "\
            FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
            EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A3620FFFFFFFFFFFFFFFF"),
        ("java768", "\
            E9E642599D355F37C97FFD3567120B8E25C9CD43E927B3A9670FBEC5D890141922D2C3B3AD2480093799869D1E846AAB\
            49FAB0AD26D2CE6A22219D470BCE7D777D4A21FBE9C270B57F607002F3CEF8393694CF45EE3688C11A8C56AB127A3DAF"),
        ("nginx1024", "\
            BBBC2DCAD84674907C43FCF580E9CFDBD958A3F568B42D4B08EED4EB0FB3504C6C030276E710800C5CCBBAA8922614C5\
            BEECA565A5FDF1D287A2BC049BE6778060E91A92A757E3048F68B076F7D36CC8F29BA5DF81DC2CA725ECE66270CC9A50\
            35D8CECEEF9EA0274A63AB1E58FAFD4988D0F65D146757DA071DF045CFE16B9B"),
        ("apache512", "\
            D4BCD52406F69B35994B88DE5DB89682C8157F62D8F33633EE5772F11F05AB22D6B5145B9F241E5ACC31FF090A4BC711\
            48976F76795094E71E7903529F5A824B"),
    ];

    #[test]
    fn primes_are_recognised() {
        for (name, hex) in KNOWN {
            let prime = hex::decode(hex).unwrap();
            assert_eq!(known_prime(&prime), Some(name));
            assert_eq!(known_prime(&[&[0, 0], prime.as_slice()].concat()), Some(name), "with leading zeros");
            assert_eq!(name.trim_start_matches(char::is_alphabetic), bits_of(&prime).to_string());
            let mut other = prime.clone();
            *other.last_mut().unwrap() ^= 2;
            assert_eq!(known_prime(&other), None);
            assert_eq!(known_prime(&prime[..prime.len() - 1]), None);
        }
        assert_eq!(known_prime(&[]), None);
    }

    #[test]
    fn primes_are_judged() {
        let check = |name: &str, class| {
            let (_, hex) = KNOWN.iter().find(|(known, _)| *known == name).unwrap();
            assert_eq!(ncsc_prime(known_prime(&hex::decode(hex).unwrap())), class, "{name}");
        };
        check("ffdhe3072", Ncsc::PhaseOut);
        check("ffdhe2048", Ncsc::Insufficient);
        check("modp1536", Ncsc::Insufficient);
        assert_eq!(ncsc_prime(known_prime(&[0xFF; 1024])), Ncsc::Insufficient, "self-made");
    }

    #[test]
    fn the_table_of_primes_is_sound() {
        for (index, (hash, name)) in PRIMES.iter().enumerate() {
            assert_eq!(hex::decode(hash).unwrap().len(), 32, "{name}");
            assert!(PRIMES[..index].iter().all(|(other, _)| other != hash), "{name} twice");
            assert!(name.chars().all(|char| char.is_ascii_alphanumeric() || char == '-'), "{name}");
        }
        for name in ["modp8192", "ffdhe8192", "rfc5114-2048-256", "java1024", "apache1024"] {
            assert!(PRIMES.iter().any(|(_, known)| *known == name), "{name}");
        }
    }

    #[test]
    fn groups_are_judged() {
        let check = |id: u16, known: &str, class, post_quantum: bool| {
            assert_eq!((name(id), ncsc(id), is_post_quantum(id)), (known, class, post_quantum));
        };
        check(4588, "X25519MLKEM768", Ncsc::Good, true);
        check(4587, "SecP256r1MLKEM768", Ncsc::Good, true);
        check(4589, "SecP384r1MLKEM1024", Ncsc::Good, true);
        check(29, "x25519", Ncsc::Sufficient, false);
        check(23, "secp256r1", Ncsc::Sufficient, false);
        check(28, "brainpoolP512r1", Ncsc::Sufficient, false);
        check(21, "secp224r1", Ncsc::PhaseOut, false);
        check(257, "ffdhe3072", Ncsc::PhaseOut, false);
        check(256, "ffdhe2048", Ncsc::Insufficient, false);
        check(22, "secp256k1", Ncsc::Insufficient, false);
        check(19, "secp192r1", Ncsc::Insufficient, false);
        check(513, "MLKEM768", Ncsc::Insufficient, true);
        check(25497, "X25519Kyber768Draft00", Ncsc::Insufficient, true);
        check(0x1A1A, "", Ncsc::Insufficient, false);
        assert!(is_ffdhe(260) && !is_ffdhe(261) && !is_ffdhe(29));
        assert_eq!((bits(24), bits(258), bits(0x1A1A)), (Some(384), Some(4096), None));
    }

    #[test]
    fn every_probed_group_has_a_name() {
        for list in [PROBED_TLS12.to_vec(), PROBED_TLS13.to_vec(), FFDHE.to_vec(), HYBRIDS.to_vec()] {
            let mut sorted = list.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), list.len());
            assert!(list.iter().all(|id| !name(*id).is_empty() && bits(*id).is_some()));
        }
        assert!(HYBRIDS.iter().all(|id| ncsc(*id) == Ncsc::Good && is_post_quantum(*id)));
    }
}
