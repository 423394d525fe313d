//! Plain counters of one worker, published once a second.

use crate::relays::Carried;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use net::{DropCause, TRAIN_BUCKETS};
use peer::{EgressCounters, Profile};
use std::time::{Duration, Instant};
use telemetry::names;

/// How often counters become metrics: dashboards look every few seconds.
pub(crate) const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);

/// Most observations of one turn; more would say the same.
const MAX_ARRIVALS: usize = 64;

/// SRTP profiles with their metric labels.
const PROFILES: [(Profile, &str); 3] = [
    (Profile::AeadAes256Gcm, "aes-256-gcm"),
    (Profile::AeadAes128Gcm, "aes-128-gcm"),
    (Profile::Aes128CmSha1_80, "aes-128-cm-sha1-80"),
];

/// What our own egress counts, by metric label, in the order of [`egress_counts`].
const EGRESS: [&str; 13] = [
    "packets",
    "bytes",
    "trains",
    "level_bytes",
    "held",
    "hold_expired",
    "slots_refused",
    "nack_unknown",
    "nack_early",
    "nack_refused",
    "rtcp_in",
    "rtcp_refused",
    "streams_refused",
];

fn egress_counts(egress: &EgressCounters) -> [u64; EGRESS.len()] {
    [
        egress.packets,
        egress.bytes,
        egress.trains,
        egress.level_bytes,
        egress.held,
        egress.hold_expired,
        egress.slots_refused,
        egress.nack_unknown,
        egress.nack_early,
        egress.nack_refused,
        egress.rtcp_in,
        egress.rtcp_refused + egress.rtcp_malformed,
        egress.streams_refused,
    ]
}

/// What the worker itself counts, absolute.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Datagrams from addresses nobody validated, dropped without an answer.
    pub(crate) strangers: u64,
    /// STUN messages with a known ufrag and a wrong integrity.
    pub(crate) forged: u64,
    /// Data messages the rooms refused.
    pub(crate) data_refused: u64,
    /// Datagrams that found no place in the send arena.
    pub(crate) unsent: u64,
    /// DTLS handshake datagrams dropped because too many waited.
    pub(crate) handshakes_dropped: u64,
    /// Of all peers, gone ones included.
    pub(crate) peers: peer::Counters,
    /// Messages to other workers.
    pub(crate) relays: Carried,
}

/// The worker's metrics with cached handles: nothing is looked up per packet.
pub(crate) struct Publisher {
    next: Instant,
    packets_in: Counter,
    bytes_in: Counter,
    packets_out: Counter,
    bytes_out: Counter,
    forwarded: Counter,
    retransmissions: Counter,
    padding_out: Counter,
    padding_in: Counter,
    data_held: Counter,
    protocol_out: [Counter; 3],
    drops: Vec<(&'static str, Counter)>,
    trains: Vec<Counter>,
    egress: Vec<Counter>,
    nonce_alarms: Counter,
    profiles: [Counter; PROFILES.len()],
    latency: Histogram,
    rooms: Gauge,
    peers: Gauge,
    arrivals: Vec<Instant>,
}

impl Publisher {
    pub(crate) fn new(worker: usize, now: Instant) -> Self {
        let worker = worker.to_string();
        let label = || ("worker", worker.clone());
        let own = [
            "stranger",
            "forged",
            "data_refused",
            "arena_full",
            "malformed",
            "codec",
            "unsendable",
            "congested",
            "excess_ssrc",
            "unknown_media",
            "handshake_queue",
            "egress_age",
            "egress_change",
            "egress_drain",
            "egress_unsealed",
            "relay_video",
            "relay_audio",
            "relay_data",
        ];
        let causes = DropCause::ALL.iter().map(|cause| cause.label()).chain(own);
        Self {
            next: now + PUBLISH_INTERVAL,
            packets_in: counter!(names::PACKETS_IN, &[label()]),
            bytes_in: counter!(names::BYTES_IN, &[label()]),
            packets_out: counter!(names::PACKETS_OUT, &[label()]),
            bytes_out: counter!(names::BYTES_OUT, &[label()]),
            forwarded: counter!(names::FORWARDED, &[label()]),
            retransmissions: counter!(names::RETRANSMISSIONS, &[label()]),
            padding_out: counter!(names::PADDING_OUT, &[label()]),
            padding_in: counter!(names::PADDING_IN, &[label()]),
            data_held: counter!(names::DATA_HELD, &[label()]),
            protocol_out: ["rtcp", "dtls", "stun"]
                .map(|kind| counter!(names::PROTOCOL_OUT, &[label(), ("kind", kind.to_owned())])),
            drops: causes
                .map(|cause| {
                    (
                        cause,
                        counter!(names::DROPS, &[label(), ("cause", cause.to_owned())]),
                    )
                })
                .collect(),
            trains: TRAIN_BUCKETS
                .iter()
                .map(|length| counter!(names::TRAINS, &[label(), ("length", (*length).to_owned())]))
                .collect(),
            egress: EGRESS
                .iter()
                .map(|what| counter!(names::EGRESS, &[label(), ("what", (*what).to_owned())]))
                .collect(),
            nonce_alarms: counter!(names::NONCE_ALARMS, &[label()]),
            profiles: PROFILES.map(|(_, name)| {
                let labels = [label(), ("profile", name.to_owned())];
                counter!(names::SRTP_TRANSPORTS, &labels)
            }),
            latency: histogram!(names::FORWARD_SECONDS, &[label()]),
            rooms: gauge!(names::WORKER_ROOMS, &[label()]),
            peers: gauge!(names::WORKER_PEERS, &[label()]),
            arrivals: Vec::with_capacity(MAX_ARRIVALS),
        }
    }

    /// A packet that arrived then is on its way into the send arena.
    pub(crate) fn forwarded(&mut self, arrival: Instant) {
        if self.arrivals.last() != Some(&arrival) && self.arrivals.len() < MAX_ARRIVALS {
            self.arrivals.push(arrival);
        }
    }

    /// A transport came up, with this protection.
    pub(crate) fn connected(&self, profile: Option<Profile>) {
        let known = PROFILES.iter().position(|(p, _)| Some(*p) == profile);
        if let Some(metric) = known.and_then(|place| self.profiles.get(place)) {
            metric.increment(1);
        }
    }

    /// The turn's packets left at `now`. What arrived together and left together is one
    /// observation: a histogram takes one push per observation, 4 % of a core's forwarding when
    /// every packet is one.
    pub(crate) fn flushed(&mut self, now: Instant) {
        for arrival in self.arrivals.drain(..) {
            let latency = now.saturating_duration_since(arrival);
            self.latency.record(latency.as_secs_f64());
        }
    }

    pub(crate) fn has_forwarded(&self) -> bool {
        !self.arrivals.is_empty()
    }

    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    pub(crate) fn publish(
        &mut self,
        net: &net::Counters,
        tally: &Tally,
        (rooms, peers): (usize, usize),
        now: Instant,
    ) {
        self.next = now + PUBLISH_INTERVAL;
        self.packets_in.absolute(net.datagrams_in);
        self.bytes_in.absolute(net.bytes_in);
        self.packets_out.absolute(net.datagrams_out);
        self.bytes_out.absolute(net.bytes_out);
        self.forwarded.absolute(tally.peers.packets_out);
        self.retransmissions.absolute(tally.peers.retransmissions);
        self.padding_out.absolute(tally.peers.padding_out);
        self.padding_in.absolute(tally.peers.padding_in);
        let data_held = tally.peers.data_held + tally.peers.data_overheld;
        self.data_held.absolute(data_held);
        let protocol = [
            tally.peers.rtcp_out,
            tally.peers.dtls_out,
            tally.peers.stun_out,
        ];
        for (count, metric) in protocol.iter().zip(&self.protocol_out) {
            metric.absolute(*count);
        }
        self.rooms.set(rooms as f64);
        self.peers.set(peers as f64);
        for (count, metric) in net.train_lengths.iter().zip(&self.trains) {
            metric.absolute(*count);
        }
        self.nonce_alarms.absolute(tally.peers.nonce_alarms);
        for (count, metric) in egress_counts(&tally.peers.egress).iter().zip(&self.egress) {
            metric.absolute(*count);
        }
        let own = [
            tally.strangers,
            tally.forged,
            tally.data_refused + tally.peers.data_refused + tally.peers.data_unknown,
            tally.unsent,
            tally.peers.malformed_in,
            tally.peers.codec_out,
            tally.peers.unsendable_out + tally.peers.repeated_out,
            tally.peers.congested_out,
            tally.peers.excess_ssrc,
            tally.peers.unknown_in,
            tally.handshakes_dropped,
            tally.peers.egress.dropped_by_age,
            tally.peers.egress.dropped_by_change,
            tally.peers.egress.dropped_by_drain,
            tally.peers.egress.unsealed,
            tally.relays.video_dropped,
            tally.relays.audio_dropped,
            tally.relays.data_dropped,
        ];
        for (count, (_, metric)) in net.drops.iter().chain(&own).zip(&self.drops) {
            metric.absolute(*count);
        }
    }
}
