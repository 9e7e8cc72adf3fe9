//! TLS on the wire, without any cryptography: hellos that ask, a reader of what servers answer, and what it means.
//!
//! `kluis-net` sends the bytes of [`hello`] and feeds the answers to [`flight::Reader`]; [`suites`] and [`groups`] say
//! what the numbers stand for and how good they are.

#[cfg(test)]
pub(crate) mod captures;
pub mod flight;
pub mod groups;
pub mod hello;
mod key_exchange;
mod names;
mod primes;
pub mod suites;
pub(crate) mod wire;

pub use flight::{Flight, FlightError, Reader, ServerHello};
pub use hello::Hello;
pub(crate) use key_exchange::bits_of;
pub use key_exchange::{DhParams, KeyExchange};

/// How NCSC-NL's TLS guidelines (version 2025-05) judge something, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ncsc {
    /// Safe in the long run.
    Good,
    /// Safe now.
    Sufficient,
    /// Still safe, but to be replaced.
    PhaseOut,
    /// Not safe.
    Insufficient,
}
