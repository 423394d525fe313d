//! How many connections there may be, in all and from one address.

use crate::config::ConnectionLimits;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use telemetry::names;

/// Counts connections.
#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: ConnectionLimits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection is closed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Total,
    PerAddress,
}

impl Refused {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Total => "limit",
            Self::PerAddress => "per_address",
        }
    }
}

/// A connection's place; given back when the last clone is dropped. A WebSocket keeps a clone
/// beyond the HTTP connection it grew out of.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "held for its destructor")]
pub struct Permit(Option<Arc<Place>>);

#[derive(Debug)]
struct Place {
    gate: Gate,
    address: IpAddr,
}

impl Gate {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Shared {
            limits,
            counts: Mutex::default(),
        }))
    }

    pub(super) fn admit(&self, remote: IpAddr) -> Result<Permit, Refused> {
        let address = subscriber(remote);
        let limits = self.0.limits;
        let mut counts = self.counts();
        if counts.total >= limits.total {
            return Err(Refused::Total);
        }
        let here = counts.by_address.entry(address).or_default();
        if *here >= limits.per_address {
            return Err(Refused::PerAddress);
        }
        *here += 1;
        counts.total += 1;
        metrics::gauge!(names::HTTP_CONNECTIONS).set(counts.total as f64);
        drop(counts);
        Ok(Permit(Some(Arc::new(Place {
            gate: self.clone(),
            address,
        }))))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// A place that is not counted: on the admin socket.
    pub(super) fn uncounted() -> Self {
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.gate.counts();
        counts.total = counts.total.saturating_sub(1);
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
        metrics::gauge!(names::HTTP_CONNECTIONS).set(counts.total as f64);
    }
}

/// One subscriber's addresses: an IPv4 address, or an IPv6 /64, which one host has at will.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_everybodys_places() {
        let gate = Gate::new(ConnectionLimits {
            total: 3,
            per_address: 2,
        });
        let held = [
            gate.admit(ip("10.0.0.1")).unwrap(),
            gate.admit(ip("10.0.0.1")).unwrap(),
        ];
        assert_eq!(gate.admit(ip("10.0.0.1")).unwrap_err(), Refused::PerAddress);
        assert_eq!(
            gate.admit(ip("::ffff:10.0.0.1")).unwrap_err(),
            Refused::PerAddress
        );
        let other = gate.admit(ip("10.0.0.2")).unwrap();
        assert_eq!(gate.admit(ip("10.0.0.3")).unwrap_err(), Refused::Total);
        drop((held, other));
        assert!(gate.admit(ip("10.0.0.1")).is_ok());
    }

    #[test]
    fn a_place_is_kept_until_its_last_clone_is_gone() {
        let gate = Gate::new(ConnectionLimits {
            total: 1,
            per_address: 1,
        });
        let connection = gate.admit(ip("10.0.0.1")).unwrap();
        let web_socket = connection.clone();
        drop(connection);
        assert_eq!(gate.admit(ip("10.0.0.1")).unwrap_err(), Refused::Total);
        drop(web_socket);
        assert!(gate.admit(ip("10.0.0.1")).is_ok());
        assert!(gate.counts().by_address.is_empty());
    }

    #[test]
    fn an_ipv6_host_is_counted_by_its_network() {
        let gate = Gate::new(ConnectionLimits {
            total: 9,
            per_address: 1,
        });
        let _held = gate.admit(ip("2001:db8::1")).unwrap();
        assert_eq!(
            gate.admit(ip("2001:db8::ffff:2")).unwrap_err(),
            Refused::PerAddress
        );
        assert!(gate.admit(ip("2001:db8:0:1::1")).is_ok());
    }
}
