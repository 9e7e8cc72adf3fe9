//! The ServerKeyExchange message of SSLv3 to TLS 1.2: whose parameters, and what signs them.

use super::suites::{Auth, Kx, Suite};
use super::wire::Cursor;

/// Parameters of Diffie-Hellman over a prime field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DhParams {
    /// The prime, as sent.
    pub prime: Vec<u8>,
    /// The generator.
    pub generator: Vec<u8>,
    /// The server's public value.
    pub public: Vec<u8>,
}

impl DhParams {
    /// Bits of the prime.
    #[must_use]
    pub fn bits(&self) -> u32 {
        bits_of(&self.prime)
    }
}

/// What a ServerKeyExchange says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyExchange {
    /// The curve (IANA number), for elliptic curves.
    pub named_group: Option<u16>,
    /// Whether the curve is spelled out instead of named (RFC 8422 forbids it).
    pub is_explicit_curve: bool,
    /// The server's point on the curve.
    pub public_point: Vec<u8>,
    /// Parameters over a prime field.
    pub dh: Option<DhParams>,
    /// Bits of the temporary RSA key of export suites.
    pub rsa_export_bits: Option<u32>,
    /// What signs it in TLS 1.2 (`signature_algorithms` number); before that, MD5 and SHA-1 or SHA-1.
    pub signature_scheme: Option<u16>,
    /// The bytes that are signed, after both randoms.
    pub params: Vec<u8>,
    /// The signature; empty for anonymous suites.
    pub signature: Vec<u8>,
}

/// Bits of a big-endian number.
pub(crate) fn bits_of(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    match number.get(zeros) {
        Some(first) => ((number.len() - zeros) as u32).saturating_mul(8) - first.leading_zeros(),
        None => 0,
    }
}

impl KeyExchange {
    /// Reads the body of the message; `None` when it is not what `suite` and `version` promise.
    pub(crate) fn read(body: &[u8], version: u16, suite: &Suite) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let mut out = Self::default();
        let is_psk = matches!(suite.kx, Kx::Psk | Kx::DhePsk | Kx::EcdhePsk | Kx::RsaPsk);
        if is_psk {
            cursor.bytes16()?;
        }
        match suite.kx {
            Kx::Dhe | Kx::DhePsk => out.dh = Some(read_dh(&mut cursor)?),
            Kx::Ecdhe | Kx::EcdhePsk => read_curve(&mut cursor, &mut out)?,
            Kx::Rsa => {
                let modulus = cursor.bytes16()?;
                cursor.bytes16()?;
                out.rsa_export_bits = Some(bits_of(modulus));
            }
            Kx::Srp => {
                let (prime, generator) = (cursor.bytes16()?, cursor.bytes16()?);
                cursor.bytes8()?;
                let public = cursor.bytes16()?;
                out.dh = Some(DhParams {
                    prime: prime.to_vec(),
                    generator: generator.to_vec(),
                    public: public.to_vec(),
                });
            }
            Kx::Psk | Kx::RsaPsk => {}
            _ => {
                out.params = body.to_vec();
                return Some(out);
            }
        }
        out.params = body[..body.len() - cursor.rest().len()].to_vec();
        let is_signed = !is_psk && matches!(suite.auth, Auth::Rsa | Auth::Dss | Auth::Ecdsa);
        if is_signed {
            if version >= 0x0303 {
                out.signature_scheme = Some(cursor.u16()?);
            }
            out.signature = cursor.bytes16()?.to_vec();
        }
        cursor.is_empty().then_some(out)
    }
}

fn read_dh(cursor: &mut Cursor<'_>) -> Option<DhParams> {
    let (prime, generator, public) = (cursor.bytes16()?, cursor.bytes16()?, cursor.bytes16()?);
    Some(DhParams { prime: prime.to_vec(), generator: generator.to_vec(), public: public.to_vec() })
}

fn read_curve(cursor: &mut Cursor<'_>, out: &mut KeyExchange) -> Option<()> {
    match cursor.u8()? {
        3 => out.named_group = Some(cursor.u16()?),
        // explicit_prime: p, a, b, base, order, cofactor (RFC 4492 §5.4).
        1 => {
            out.is_explicit_curve = true;
            for _ in 0..6 {
                cursor.bytes8()?;
            }
        }
        // explicit_char2: m, basis, one or three exponents, a, b, base, order, cofactor.
        2 => {
            out.is_explicit_curve = true;
            cursor.u16()?;
            let exponents = if cursor.u8()? == 1 { 1 } else { 3 };
            for _ in 0..exponents + 5 {
                cursor.bytes8()?;
            }
        }
        _ => return None,
    }
    out.public_point = cursor.bytes8()?.to_vec();
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::suites::find;
    use super::*;

    fn read(suite: u32, version: u16, body: &[u8]) -> Option<KeyExchange> {
        KeyExchange::read(body, version, find(suite)?)
    }

    #[test]
    fn dhe_with_a_signature() {
        let params = [0, 2, 0x80, 1, 0, 1, 2, 0, 2, 5, 6];
        let body = [&params[..], &[4, 1, 0, 3, 7, 7, 7]].concat();
        let kx = read(0x009E, 0x0303, &body).unwrap_or_default();
        let dh = DhParams { prime: vec![0x80, 1], generator: vec![2], public: vec![5, 6] };
        assert_eq!((kx.dh.as_ref(), dh.bits()), (Some(&dh), 16));
        assert_eq!((kx.params.as_slice(), kx.signature_scheme), (&params[..], Some(0x0401)));
        assert_eq!(kx.signature, [7, 7, 7]);
        // Before TLS 1.2 there is no number of the algorithm.
        let body = [&params[..], &[0, 3, 7, 7, 7]].concat();
        let kx = read(0x0033, 0x0301, &body).unwrap_or_default();
        assert_eq!((kx.signature_scheme, kx.signature.len()), (None, 3));
        assert_eq!(read(0x0033, 0x0303, &body), None);
    }

    #[test]
    fn export_keys_hints_and_passwords() {
        let body = [&[0, 64][..], &[0x80; 64], &[0, 1, 3], &[0, 2, 9, 9]].concat();
        assert_eq!(read(0x0003, 0x0301, &body).and_then(|kx| kx.rsa_export_bits), Some(512));
        let hint = [0, 1, b'h', 3, 0, 23, 2, 4, 4];
        let kx = read(0xC035, 0x0303, &hint).unwrap_or_default();
        assert_eq!((kx.named_group, kx.signature.len()), (Some(23), 0));
        assert!(read(0x008C, 0x0303, &[0, 1, b'h']).is_some());
        assert_eq!(read(0x008C, 0x0303, &[0, 2, b'h']), None);
        let srp = [&[0, 1, 7, 0, 1, 2, 1, 9, 0, 1, 5][..], &[4, 1, 0, 1, 1]].concat();
        let kx = read(0xC01E, 0x0303, &srp).unwrap_or_default();
        assert_eq!((kx.dh.map(|dh| dh.prime), kx.signature_scheme), (Some(vec![7]), Some(0x0401)));
    }

    #[test]
    fn spelled_out_curves() {
        let prime = [1, 1, 7, 1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 2, 6, 6];
        let kx = read(0xC018, 0x0303, &prime).unwrap_or_default();
        assert!(kx.is_explicit_curve && kx.named_group.is_none());
        assert_eq!(kx.public_point, [6, 6]);
        let short = [2, 0, 163, 1, 1, 3, 1, 1, 1, 2, 1, 3, 1, 4, 1, 9];
        assert!(read(0xC018, 0x0303, &short).is_none(), "no cofactor");
        let binary = [2, 0, 163, 1, 1, 3, 1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 2, 9, 9];
        assert_eq!(read(0xC018, 0x0303, &binary).unwrap_or_default().public_point, [9, 9]);
    }

    #[test]
    fn what_is_cut_or_too_long_is_not_read() {
        let body = [0, 2, 0x80, 1, 0, 1, 2, 0, 2, 5, 6, 4, 1, 0, 3, 7, 7, 7];
        for cut in 0..body.len() {
            assert_eq!(read(0x009E, 0x0303, &body[..cut]), None, "{cut}");
        }
        assert_eq!(read(0x009E, 0x0303, &[&body[..], &[0]].concat()), None);
        assert_eq!(read(0xC02F, 0x0303, &[9, 0, 29, 0]), None);
        assert_eq!(read(0x1301, 0x0304, &[1, 2]).map(|kx| kx.params), Some(vec![1, 2]));
    }

    #[test]
    fn bits_are_counted_without_leading_zeros() {
        assert_eq!(
            [bits_of(&[]), bits_of(&[0, 0]), bits_of(&[0, 1]), bits_of(&[0x80, 0]), bits_of(&[1, 0])],
            [0, 0, 1, 16, 9]
        );
    }
}
