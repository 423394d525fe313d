//! The network between clients and the box: every fate follows from the seed.
//!
//! What happens to a datagram depends on the seed, its link and *which* datagram it is (stream and
//! RTP sequence number, a count per resent stream, else the time), never on how many others were
//! drawn before: str0m walks hash maps, so the order within one instant, and what shares an RTCP
//! datagram, differ from run to run. For the same reason streams are known by names given in
//! [`Network::name_stream`], not by their random SSRCs.
//!
//! STUN and the DTLS handshake are delayed but not impaired: their retransmission timers hold
//! random jitter that cannot be seeded.

pub mod link;

use link::{Link, LinkSpec};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Delay of every datagram in each direction.
pub const LATENCY: Duration = Duration::from_millis(20);
/// Reordered datagrams arrive this much later.
pub const REORDER_DELAY: Duration = Duration::from_millis(15);
/// Duplicates arrive this much later than the original.
const DUPLICATE_DELAY: Duration = Duration::from_millis(7);

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
    /// RTP of no stream: padding that probes for bandwidth.
    Probe,
    /// Resent packets are counted: their own numbers begin at random.
    Rtp {
        stream: u64,
        sequence: Option<u16>,
    },
}

/// All datagrams under way.
#[derive(Debug)]
pub struct Network {
    seed: u64,
    start: Instant,
    /// May be changed while running.
    pub impairment: Impairment,
    /// By arrival, link and order of sending; of one instant, resent packets come last and by
    /// stream, because their order across streams is str0m's hash map's.
    under_way: BTreeMap<(Instant, usize, Way, u64, u64), Arrived>,
    counts: BTreeMap<(usize, Way, Kind), u64>,
    streams: BTreeMap<u32, Stream>,
    links: Vec<Link>,
    /// Which link a client's datagrams pass, if any.
    routes: BTreeMap<(usize, Way), usize>,
    next: u64,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    name: u64,
    is_resend: bool,
}

impl Network {
    /// An empty one.
    pub fn new(seed: u64, start: Instant) -> Self {
        Self {
            seed,
            start,
            impairment: Impairment::default(),
            under_way: BTreeMap::new(),
            counts: BTreeMap::new(),
            streams: BTreeMap::new(),
            links: Vec::new(),
            routes: BTreeMap::new(),
            next: 0,
        }
    }

    /// Gives the stream of an SSRC a name that is the same in every run.
    pub fn name_stream(&mut self, ssrc: u32, name: u64, is_resend: bool) {
        self.streams.insert(ssrc, Stream { name, is_resend });
    }

    /// Builds a link; its index.
    pub fn add_link(&mut self, spec: LinkSpec, now: Instant) -> usize {
        self.links.push(Link::new(spec, now));
        self.links.len() - 1
    }

    /// A link by its index.
    pub fn link(&mut self, index: usize) -> &mut Link {
        &mut self.links[index]
    }

    /// What a client sends or is sent passes this link instead of the common network.
    pub fn route(&mut self, client: usize, way: Way, link: usize) {
        self.routes.insert((client, way), link);
    }

    /// Accepts a datagram; it arrives never, once or twice.
    pub fn send(&mut self, client: usize, way: Way, bytes: Vec<u8>, now: Instant) {
        let kind = self.kind(&bytes);
        let number = if let Kind::Rtp { .. } = kind {
            let count = self.counts.entry((client, way, kind)).or_default();
            *count += 1;
            *count
        } else {
            (now - self.start).as_micros() as u64
        };
        let which = mix(self.seed, client, way, kind, number);
        let mut fate = fastrand::Rng::with_seed(which);
        if matches!(kind, Kind::Stun | Kind::Handshake) {
            self.deliver(Arrived { client, way, bytes }, now + LATENCY, kind);
            return;
        }
        let route = self.routes.get(&(client, way)).copied();
        let link = route.and_then(|route| self.links.get_mut(route));
        let (impairment, jitter, arrival) = match link {
            None => (self.impairment, Duration::ZERO, now + LATENCY),
            Some(link) => {
                let spec = link.spec();
                let Some(at) = link.pass(bytes.len(), now) else {
                    return;
                };
                (spec.impairment, spec.jitter, at)
            }
        };
        let mut happens = |per_mille: u32| fate.u32(0..1_000) < per_mille;
        if happens(impairment.loss) {
            return;
        }
        let late = if happens(impairment.reorder) {
            REORDER_DELAY
        } else {
            Duration::ZERO
        };
        let doubled = happens(impairment.duplicate);
        let arrival = arrival + jitter.mul_f64(if jitter.is_zero() { 0.0 } else { fate.f64() });
        if doubled {
            let bytes = bytes.clone();
            self.deliver(
                Arrived { client, way, bytes },
                arrival + DUPLICATE_DELAY,
                kind,
            );
        }
        self.deliver(Arrived { client, way, bytes }, arrival + late, kind);
    }

    /// When the next datagram arrives.
    pub fn due(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, ..)| *at)
    }

    /// The next datagram that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Arrived> {
        let next = self.under_way.first_entry()?;
        (next.key().0 <= now).then(|| next.remove())
    }

    fn deliver(&mut self, arrived: Arrived, at: Instant, kind: Kind) {
        self.next += 1;
        let last = match kind {
            Kind::Rtp {
                stream,
                sequence: None,
            } => stream + 1,
            _ => 0,
        };
        let place = (at, arrived.client, arrived.way, last, self.next);
        self.under_way.insert(place, arrived);
    }

    fn kind(&self, bytes: &[u8]) -> Kind {
        match *bytes {
            [128..=191, 192..=223, ..] => Kind::Rtcp,
            [128..=191, _, s0, s1, _, _, _, _, a, b, c, d, ..] => {
                let sequence = u16::from_be_bytes([s0, s1]);
                match self.streams.get(&u32::from_be_bytes([a, b, c, d])) {
                    Some(Stream {
                        name,
                        is_resend: false,
                    }) => Kind::Rtp {
                        stream: *name,
                        sequence: Some(sequence),
                    },
                    Some(Stream { name, .. }) => Kind::Rtp {
                        stream: *name,
                        sequence: None,
                    },
                    None => Kind::Probe,
                }
            }
            [23, ..] => Kind::Application,
            [20..=63, ..] => Kind::Handshake,
            _ => Kind::Stun,
        }
    }
}

/// A seed for one datagram's fate.
fn mix(seed: u64, client: usize, way: Way, kind: Kind, number: u64) -> u64 {
    let kind = match kind {
        Kind::Stun => 1,
        Kind::Handshake => 2,
        Kind::Application => 3,
        Kind::Rtcp => 4,
        Kind::Probe => 5,
        Kind::Rtp { stream, sequence } => {
            1 << 63 | stream << 20 | sequence.map_or(1 << 16, u64::from)
        }
    };
    let parts = [client as u64, way as u64, kind, number];
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
        vec![0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 5]
    }

    fn arriving(order: impl Iterator<Item = u16>) -> Vec<u16> {
        let now = Instant::now();
        let mut network = Network::new(7, now);
        network.impairment.loss = 300;
        network.name_stream(5, 1, false);
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
