//! Which addresses an audit may connect to, so that nobody can use it to look into a private network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which networks may be connected to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NetworkPolicy {
    /// Any address: somebody audits from their own computer. When the host asked for is on the public network, so must
    /// everything be that it leads to.
    #[default]
    Any,
    /// Only the public network, and only ports 80, 443 and the ones asked for: audits that a server does for others.
    PublicOnly,
}

/// Whether an address is on the public network: not loopback, private, link-local, shared (RFC 6598), multicast,
/// documentation, benchmarking, reserved or unspecified (IANA special-purpose registries, RFC 6890), also when the
/// address only wraps such an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let is_special = match (a, b, c) {
        // "This network", private, loopback, multicast and everything above.
        (0 | 10 | 127 | 224..=255, _, _) => true,
        // Shared address space of carriers.
        (100, 64..=127, _) => true,
        // Link-local, where clouds keep their metadata.
        (169, 254, _) => true,
        // Two addresses of 192.0.0.0/24 are anycast and public (RFC 7723, RFC 8155); they serve no shop.
        (172, 16..=31, _) | (192, 168, _) | (192, 0, 0) => true,
        // Documentation and benchmarking.
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) | (198, 18 | 19, _) => true,
        // 6to4 relays (RFC 7526), AS112 and AMT.
        (192, 88, 99) | (192, 31, 196) | (192, 52, 193) | (192, 175, 48) => true,
        // Wire servers of a cloud answer on an address that looks public.
        (168, 63, 129) => d == 16,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (s[0], s[1], s[2]) {
        // NAT64 of RFC 6052: the well-known prefix, whose last 32 bits are the IPv4 address.
        (0x64, 0xff9b, 0) if s[3..6] == [0, 0, 0] => is_public_v4(v4(s[6], s[7])),
        // Teredo: server and obfuscated client.
        (0x2001, 0, _) => is_public_v4(v4(s[2], s[3])) && is_public_v4(v4(!s[6], !s[7])),
        // 6to4.
        (0x2002, _, _) => is_public_v4(v4(s[1], s[2])),
        // Other special assignments under 2001::/23, ORCHID, benchmarking, and documentation.
        (0x2001, 0..=0x01ff | 0x0db8, _) => false,
        (0x3fff, 0..=0x0fff, _) => false,
        // Only 2000::/3 is assigned to the public network; mapped and compatible addresses, unique-local, link-local,
        // site-local, multicast, loopback and unspecified all are outside.
        (0x2000..=0x3fff, _, _) => !is_isatap(s),
        _ => false,
    }
}

/// ISATAP (RFC 5214 §6.1) carries an IPv4 address in its interface identifier: refused when that is not public.
fn is_isatap(s: [u16; 8]) -> bool {
    matches!(s[4], 0 | 0x0200)
        && s[5] == 0x5efe
        && !is_public_v4(Ipv4Addr::from((u32::from(s[6]) << 16) | u32::from(s[7])))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn addresses_of_the_public_network_are_allowed() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.254",
            "168.63.129.17",
            "2a00:1450:4001::1",
            "2606:4700::1111",
            "2002:0808:0808::1",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_of_no_public_network_are_refused_in_every_spelling() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "64:ff9b:0:1::808:808",
            "100::1",
            "2001::1",
            "2001:0:0a00:1::1",
            "2001:0:808:808:0:0:f5ff:fffe",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:0a00:0001::1",
            "2002:7f00:1::1",
            "2002:c0a8:101::1",
            "3fff::1",
            "2a00:1450::5efe:a00:1",
            "2a00:1450::200:5efe:7f00:1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
