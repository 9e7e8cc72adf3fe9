//! IP addresses in one spelling: dotted decimal without leading zeros, RFC 5952 for version 6.

use core::net::IpAddr;

use super::{ValueProblem, line};

/// Returns the canonical address; an IPv4 address written inside an IPv6 address is taken out.
pub(super) fn normalise(raw: &str) -> Result<String, ValueProblem> {
    let line = line(raw, 64)?;
    let address: IpAddr = line.parse().map_err(|_| ValueProblem::Malformed)?;
    Ok(address.to_canonical().to_string())
}
