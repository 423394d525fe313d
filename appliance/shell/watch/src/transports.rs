//! Transports and workers, as the workers say they do.

#[cfg(test)]
mod tests;

use crossbeam_channel::{Receiver, TryRecvError};
use media::{Carrier, Figures, WorkerFigures};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use vocab::PeerKey;

/// Media that came within this counts as flowing: Opus' discontinuous transmission sends a packet
/// every 400 ms, a still screen one every few seconds.
pub const FLOWING: Duration = Duration::from_secs(10);

/// A worker that said nothing for this long does not turn.
pub const WORKER_SILENCE: Duration = Duration::from_secs(5);

/// The client that one of the box's own addresses stands for; `None`: its connection is gone.
pub type ClientOf = Box<dyn Fn(SocketAddr) -> Option<SocketAddr> + Send>;

/// What every worker last said of itself and its transports.
pub struct Transports {
    client_of: ClientOf,
    lanes: Vec<Receiver<WorkerFigures>>,
    workers: Vec<Worker>,
    peers: HashMap<PeerKey, Entry>,
}

/// One worker.
#[derive(Debug, Default)]
struct Worker {
    said: Option<WorkerFigures>,
    /// Counts what it said.
    round: u64,
    forwarded_per_second: u64,
    has_ended: bool,
    heard: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    worker: usize,
    /// Where its client is.
    client: Option<SocketAddr>,
    /// The stand-in that the bridge knew last.
    carried_from: Option<SocketAddr>,
    /// Of the worker, when it last changed.
    round: u64,
    figures: Figures,
    up_kbps: u32,
    down_kbps: u32,
    came: Option<Instant>,
    left: Option<Instant>,
}

/// How one worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerReading {
    /// Share of the last second in which it did not wait; 0 before it has said.
    pub busy_percent: u8,
    /// Rooms, or parts of rooms.
    pub rooms: u32,
    /// Transports.
    pub peers: u32,
    /// Its thread is gone, or has not turned for [`WORKER_SILENCE`].
    pub down: bool,
}

/// How somebody's transports do together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// Over what; `None`: nothing came yet.
    pub carrier: Option<Carrier>,
    /// Where from.
    pub remote: Option<SocketAddr>,
    /// Received in the last second.
    pub up_kbps: u32,
    /// Sent in the last second.
    pub down_kbps: u32,
    /// The worse direction, in thousandths, over five seconds.
    pub loss_permille: Option<u16>,
    /// The worse direction.
    pub jitter: Option<Duration>,
    /// The longer one.
    pub round_trip: Option<Duration>,
    /// Since anything came.
    pub silent: Option<Duration>,
    /// Media came within [`FLOWING`].
    pub is_heard: bool,
    /// Media went there within [`FLOWING`].
    pub is_told: bool,
}

impl Default for Transports {
    fn default() -> Self {
        Self::new(Vec::new(), Box::new(|_| None))
    }
}

impl Transports {
    /// Listens to the workers' lanes, in their order. `client_of` is asked about paths over TCP.
    #[must_use]
    pub fn new(lanes: Vec<Receiver<WorkerFigures>>, client_of: ClientOf) -> Self {
        let workers = lanes.iter().map(|_| Worker::default()).collect();
        Self {
            client_of,
            lanes,
            workers,
            peers: HashMap::new(),
        }
    }

    /// Takes what the workers have said: at most one message each waits.
    pub fn drain(&mut self, now: Instant) {
        for (place, (lane, worker)) in self.lanes.iter().zip(&mut self.workers).enumerate() {
            match lane.try_recv() {
                Ok(said) => worker.take(place, said, &mut self.peers, &self.client_of, now),
                Err(TryRecvError::Empty) => {
                    // A worker that never spoke is as silent as one that stopped.
                    worker.heard.get_or_insert(now);
                }
                Err(TryRecvError::Disconnected) => worker.has_ended = true,
            }
        }
    }

    /// Forgets transports that nobody has any more. Whoever opens a transport knows it before its
    /// worker speaks of it, so that a list made after [`Self::drain`] misses none.
    pub fn keep(&mut self, living: &HashSet<PeerKey>) {
        self.peers.retain(|peer, _| living.contains(peer));
    }

    /// How somebody with these transports does.
    #[must_use]
    pub fn read(&self, peers: &[Option<PeerKey>], now: Instant) -> Reading {
        let entries = peers
            .iter()
            .flatten()
            .filter_map(|peer| self.peers.get(peer));
        entries.fold(Reading::default(), |reading, entry| {
            entry.add_to(reading, &self.workers, now)
        })
    }

    /// Every worker.
    #[must_use]
    pub fn workers(&self, now: Instant) -> Vec<WorkerReading> {
        self.workers.iter().map(|worker| worker.read(now)).collect()
    }

    /// Media packets forwarded per second, by all workers together.
    #[must_use]
    pub fn forwarded_per_second(&self) -> u64 {
        self.workers.iter().map(|w| w.forwarded_per_second).sum()
    }

    /// Datagrams that could not be sent, since the start.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        let said = self.workers.iter().filter_map(|w| w.said.as_ref());
        said.map(|said| said.unsent).sum()
    }

    /// Transports known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }
}

impl Worker {
    fn take(
        &mut self,
        place: usize,
        said: WorkerFigures,
        peers: &mut HashMap<PeerKey, Entry>,
        client_of: &ClientOf,
        now: Instant,
    ) {
        let passed = self.said.as_ref().map(|before| {
            let forwarded = said.forwarded.saturating_sub(before.forwarded);
            (said.at.saturating_duration_since(before.at), forwarded)
        });
        let passed = passed.filter(|(passed, _)| !passed.is_zero());
        self.forwarded_per_second =
            passed.map_or(0, |(passed, forwarded)| per_second(forwarded, passed));
        let passed = passed.map(|(passed, _)| passed);
        self.round += 1;
        self.heard = Some(now);
        for told in &said.changed {
            let entry = peers.entry(told.peer).or_insert_with(|| Entry {
                worker: place,
                client: None,
                carried_from: None,
                round: self.round,
                figures: Figures::default(),
                up_kbps: 0,
                down_kbps: 0,
                came: None,
                left: None,
            });
            entry.take(told.figures, passed, now);
            entry.find_client(client_of);
            entry.round = self.round;
        }
        self.said = Some(WorkerFigures {
            changed: Vec::new(),
            ..said
        });
    }

    fn read(&self, now: Instant) -> WorkerReading {
        let silent = self.heard.map(|at| now.saturating_duration_since(at));
        let is_silent = silent.is_some_and(|silent| silent > WORKER_SILENCE);
        let said = self.said.as_ref();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        WorkerReading {
            busy_percent: said.map_or(0, |said| said.busy_percent),
            rooms: said.map_or(0, |said| count(said.rooms)),
            peers: said.map_or(0, |said| count(said.peers)),
            down: self.has_ended || is_silent,
        }
    }
}

impl Entry {
    fn take(&mut self, new: Figures, passed: Option<Duration>, now: Instant) {
        let old = self.figures;
        let kbps = |new: u64, old: u64| {
            let bytes = new.saturating_sub(old);
            // The first second of a transport: all it has carried.
            let passed = passed.unwrap_or(Duration::from_secs(1));
            u32::try_from(per_second(bytes * 8, passed).div_ceil(1_000)).unwrap_or(u32::MAX)
        };
        self.up_kbps = kbps(new.bytes_in, old.bytes_in);
        self.down_kbps = kbps(new.bytes_out, old.bytes_out);
        if new.media_in > old.media_in {
            self.came = Some(now);
        }
        if new.media_out > old.media_out {
            self.left = Some(now);
        }
        self.figures = new;
    }

    /// A connection that is gone by now leaves its client where it was. On a box without IPv4 every
    /// stand-in is `::1`, as a browser on this machine is: then only the bridge knows who is carried.
    fn find_client(&mut self, client_of: &ClientOf) {
        let remote = self.figures.remote;
        let is_here = |remote: &SocketAddr| remote.ip().to_canonical().is_loopback();
        let carried = remote.filter(is_here).and_then(client_of);
        if carried.is_some() {
            self.carried_from = remote;
        }
        if remote.is_some() && self.carried_from == remote {
            self.figures.carrier = Carrier::Tcp;
        }
        let found = match self.figures.carrier {
            Carrier::Udp => remote,
            Carrier::Tcp => carried,
        };
        self.client = found.or(self.client);
    }

    fn add_to(&self, reading: Reading, workers: &[Worker], now: Instant) -> Reading {
        let figures = &self.figures;
        // What a worker does not mention has carried nothing since.
        let round = workers.get(self.worker).map(|worker| worker.round);
        let (up, down) = if round == Some(self.round) {
            (self.up_kbps, self.down_kbps)
        } else {
            (0, 0)
        };
        let silent = figures.heard.map(|at| now.saturating_duration_since(at));
        let flows =
            |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) <= FLOWING);
        let carrier = figures.remote.map(|_| figures.carrier);
        Reading {
            // Any that is not UDP is worth knowing.
            carrier: match (reading.carrier, carrier) {
                (Some(Carrier::Tcp), _) | (_, Some(Carrier::Tcp)) => Some(Carrier::Tcp),
                (known, new) => known.or(new),
            },
            remote: reading.remote.or(self.client),
            up_kbps: reading.up_kbps.saturating_add(up),
            down_kbps: reading.down_kbps.saturating_add(down),
            loss_permille: reading
                .loss_permille
                .max(figures.lost_in)
                .max(figures.lost_out),
            jitter: reading.jitter.max(figures.jitter),
            round_trip: reading.round_trip.max(figures.round_trip),
            silent: match (reading.silent, silent) {
                (Some(known), Some(new)) => Some(known.min(new)),
                (known, new) => known.or(new),
            },
            is_heard: reading.is_heard || flows(self.came),
            is_told: reading.is_told || flows(self.left),
        }
    }
}

fn per_second(count: u64, passed: Duration) -> u64 {
    let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / millis
}

/// The network that one cause is looked for in: /24 or /64 of an address.
#[must_use]
pub fn subnet(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", std::net::Ipv6Addr::from_bits(network))
        }
    }
}
