//! What happens to a datagram between two simulated sockets.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The first port given to sockets that ask for none (IANA's dynamic range).
const FIRST_DYNAMIC_PORT: u16 = 49_152;

/// How far a reordered datagram falls behind: enough to be overtaken by a frame.
const REORDER_DELAY: Duration = Duration::from_millis(5);

/// Accidents and delay of the whole network. The default loses nothing and is immediate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    /// Datagrams lost, of 1,000.
    pub loss_permille: u32,
    /// Datagrams that arrive twice, of 1,000.
    pub duplicate_permille: u32,
    /// Datagrams that arrive 5 ms late, of 1,000.
    pub reorder_permille: u32,
    /// Time on the way.
    pub latency: Duration,
}

/// One datagram on its way.
pub(super) struct Datagram {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Box<[u8]>,
}

/// The network's state.
pub(super) struct Wire {
    pub(super) now: Duration,
    pub(super) link: Link,
    random: fastrand::Rng,
    /// Per bound address, what is on its way there by time due and order of sending.
    mailboxes: HashMap<SocketAddr, BTreeMap<(Duration, u64), Datagram>>,
    sent: u64,
    next_port: u16,
}

impl Wire {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now: Duration::ZERO,
            link: Link::default(),
            random: fastrand::Rng::with_seed(seed),
            mailboxes: HashMap::new(),
            sent: 0,
            next_port: FIRST_DYNAMIC_PORT,
        }
    }

    pub(super) fn bind(&mut self, mut address: SocketAddr) -> io::Result<SocketAddr> {
        if address.port() == 0 {
            address.set_port(self.next_port);
            self.next_port = self
                .next_port
                .checked_add(1)
                .ok_or(io::ErrorKind::AddrInUse)?;
        }
        if self.mailboxes.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.mailboxes.insert(address, BTreeMap::new());
        Ok(address)
    }

    pub(super) fn unbind(&mut self, address: SocketAddr) {
        self.mailboxes.remove(&address);
    }

    /// False: lost, or nobody is there.
    pub(super) fn send(&mut self, mut datagram: Datagram) -> bool {
        let Some(mailbox) = self.mailbox(datagram.to) else {
            return false;
        };
        datagram.from = seen_from_outside(datagram.from);
        if self.happens(self.link.loss_permille) {
            return false;
        }
        let late = self.happens(self.link.reorder_permille);
        let due = self.now + self.link.latency + if late { REORDER_DELAY } else { Duration::ZERO };
        if self.happens(self.link.duplicate_permille) {
            let Datagram {
                from,
                to,
                ref bytes,
            } = datagram;
            self.post(
                mailbox,
                due,
                Datagram {
                    from,
                    to,
                    bytes: bytes.clone(),
                },
            );
        }
        self.post(mailbox, due, datagram);
        true
    }

    /// The next datagram due for a bound address.
    pub(super) fn receive(&mut self, address: SocketAddr) -> Option<Datagram> {
        let now = self.now;
        let entry = self.mailboxes.get_mut(&address)?.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.mailboxes
            .values()
            .filter_map(|box_| Some(box_.first_key_value()?.0.0))
            .min()
    }

    fn post(&mut self, mailbox: SocketAddr, due: Duration, datagram: Datagram) {
        self.sent += 1;
        let order = self.sent;
        if let Some(mailbox) = self.mailboxes.get_mut(&mailbox) {
            mailbox.insert((due, order), datagram);
        }
    }

    fn happens(&mut self, permille: u32) -> bool {
        permille > 0 && self.random.u32(0..1_000) < permille
    }

    /// The exact address, or the wildcard of its port.
    fn mailbox(&self, to: SocketAddr) -> Option<SocketAddr> {
        let wildcard = match to {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        [to, SocketAddr::new(wildcard, to.port())]
            .into_iter()
            .find(|address| self.mailboxes.contains_key(address))
    }
}

/// A wildcard socket sends from an address that can be answered.
fn seen_from_outside(from: SocketAddr) -> SocketAddr {
    match from.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, from.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, from.port()).into(),
        _ => from,
    }
}
