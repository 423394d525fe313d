//! The network between clients and the box: every fate follows from the seed.
//!
//! What happens to a datagram depends on the seed, its link and *which* datagram it is (the RTP
//! sequence number, else a count per kind), never on how many others were drawn before: str0m
//! walks hash maps, so the order within one instant differs from run to run.
//!
//! STUN and the DTLS handshake are delayed but not impaired: their retransmission timers hold
//! random jitter that cannot be seeded.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

/// Delay of every datagram in each direction.
pub const LATENCY: Duration = Duration::from_millis(20);
/// Reordered datagrams arrive this much later.
pub const REORDER_DELAY: Duration = Duration::from_millis(15);
/// Duplicates arrive this much later than the original.
const DUPLICATE_DELAY: Duration = Duration::from_millis(7);
/// Payload types that the clients send media with; what else looks like RTP is resent or probes.
const MEDIA_TYPES: [u8; 3] = [96, 111, 63];

/// How bad the network is, in per mille of datagrams and direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Impairment {
    /// Never arrive.
    pub loss: u32,
    /// Arrive late.
    pub reorder: u32,
    /// Arrive twice.
    pub duplicate: u32,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Client to box.
    Up,
    /// Box to client.
    Down,
}

/// A datagram that has arrived.
#[derive(Debug)]
pub struct Arrived {
    /// The client at the one end.
    pub client: usize,
    /// The direction.
    pub way: Way,
    /// The whole datagram.
    pub bytes: Vec<u8>,
}

/// What kind of datagram it is, as far as its fate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Stun,
    Handshake,
    Application,
    Rtcp,
    Rtp { payload_type: u8, sequence: u16 },
    OtherRtp { payload_type: u8 },
}

/// All datagrams under way.
#[derive(Debug)]
pub struct Network {
    seed: u64,
    /// May be changed while running.
    pub impairment: Impairment,
    under_way: BinaryHeap<Reverse<(Instant, u64)>>,
    datagrams: BTreeMap<u64, Arrived>,
    counts: BTreeMap<(usize, Way, Kind), u64>,
    next: u64,
}

impl Network {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            impairment: Impairment::default(),
            under_way: BinaryHeap::new(),
            datagrams: BTreeMap::new(),
            counts: BTreeMap::new(),
            next: 0,
        }
    }

    /// Accepts a datagram; it arrives never, once or twice.
    pub fn send(&mut self, client: usize, way: Way, bytes: Vec<u8>, now: Instant) {
        let kind = Kind::of(&bytes);
        let count = self.counts.entry((client, way, kind)).or_default();
        *count += 1;
        let mut fate = fastrand::Rng::with_seed(mix(self.seed, client, way, kind, *count));
        if matches!(kind, Kind::Stun | Kind::Handshake) {
            self.deliver(client, way, bytes, now + LATENCY);
            return;
        }
        let mut happens = |per_mille: u32| fate.u32(0..1_000) < per_mille;
        if happens(self.impairment.loss) {
            return;
        }
        let late = if happens(self.impairment.reorder) {
            REORDER_DELAY
        } else {
            Duration::ZERO
        };
        if happens(self.impairment.duplicate) {
            self.deliver(client, way, bytes.clone(), now + LATENCY + DUPLICATE_DELAY);
        }
        self.deliver(client, way, bytes, now + LATENCY + late);
    }

    /// When the next datagram arrives.
    pub fn due(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse((at, _))| *at)
    }

    /// The next datagram that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Arrived> {
        let Reverse((at, id)) = *self.under_way.peek()?;
        if at > now {
            return None;
        }
        self.under_way.pop();
        self.datagrams.remove(&id)
    }

    fn deliver(&mut self, client: usize, way: Way, bytes: Vec<u8>, at: Instant) {
        self.next += 1;
        self.under_way.push(Reverse((at, self.next)));
        self.datagrams
            .insert(self.next, Arrived { client, way, bytes });
    }
}

impl Kind {
    fn of(bytes: &[u8]) -> Self {
        match *bytes {
            [128..=191, second, s0, s1, ..] if !(192..=223).contains(&second) => {
                let payload_type = second & 0x7F;
                if MEDIA_TYPES.contains(&payload_type) {
                    Self::Rtp {
                        payload_type,
                        sequence: u16::from_be_bytes([s0, s1]),
                    }
                } else {
                    Self::OtherRtp { payload_type }
                }
            }
            [128..=191, ..] => Self::Rtcp,
            [23, ..] => Self::Application,
            [20..=63, ..] => Self::Handshake,
            _ => Self::Stun,
        }
    }
}

/// A seed for one datagram's fate.
fn mix(seed: u64, client: usize, way: Way, kind: Kind, count: u64) -> u64 {
    let kind = match kind {
        Kind::Stun => 1,
        Kind::Handshake => 2,
        Kind::Application => 3,
        Kind::Rtcp => 4,
        Kind::Rtp {
            payload_type,
            sequence,
        } => 1 << 32 | u64::from(payload_type) << 16 | u64::from(sequence),
        Kind::OtherRtp { payload_type } => 1 << 33 | u64::from(payload_type),
    };
    let parts = [client as u64, way as u64, kind, count];
    parts.into_iter().fold(seed, |hash, part| {
        // The finaliser of SplitMix64: every bit of every part reaches every bit.
        let mut x = hash.wrapping_add(part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(sequence: u16) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        vec![0x80, 96, high, low]
    }

    fn arriving(order: impl Iterator<Item = u16>) -> Vec<u16> {
        let now = Instant::now();
        let mut network = Network::new(7);
        network.impairment.loss = 300;
        for sequence in order {
            network.send(0, Way::Up, media(sequence), now);
        }
        let mut arrived: Vec<u16> = std::iter::from_fn(|| network.receive(now + LATENCY))
            .map(|a| u16::from_be_bytes([a.bytes[2], a.bytes[3]]))
            .collect();
        arrived.sort_unstable();
        arrived
    }

    #[test]
    fn a_datagrams_fate_does_not_depend_on_the_others() {
        let arrived = arriving(0..1_000);
        assert_eq!(arrived, arriving((0..1_000).rev()));
        assert!((600..800).contains(&arrived.len()), "{}", arrived.len());
    }
}
