//! Everything that leaves to one client.

mod drain;
mod feedback;
mod leaving;
mod negotiation;
mod overhead;
mod repair;
mod transmit;

pub use feedback::Heard;

use crate::beat::Beat;
use crate::bits::Bits;
use crate::counters::Counters;
use crate::event::Event;
use crate::header::can_describe;
use crate::keying::KeyingMaterial;
use crate::ledger::Ledger;
use crate::moment::Moment;
use crate::pacer::{Pacer, Repair};
use crate::payload::{Packet, Queued};
use crate::probe::ActiveProbe;
use crate::refusal::{KeyRefusal, WriteRefusal};
use crate::report;
use crate::ring;
use crate::srtcp::Opener;
use crate::srtp::{Cipher, Direction};
use crate::stream::{Gap, Stream};
use aws_lc_rs::digest::{SHA256, digest};
use congestion::Controller;
use leaving::Leaving;
use media::{Kind, Mid, Outgoing};
use overhead::Overhead;
use repair::{Second, Watched};
use std::collections::VecDeque;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocab::Bitrate;

/// Longest payload in bytes: more than an Ethernet frame carries.
const MAX_PAYLOAD_BYTES: usize = 1_600;
/// Most packets that wait for one client: 1.2 MB, more than a second at 8 Mbit/s. What comes on
/// top is refused with the rest of its frame, and a keyframe asked for.
pub(crate) const MAX_QUEUED_PACKETS: usize = 1_024;
/// Audio has this much room of its own: 2.5 s of one microphone.
const MAX_QUEUED_AUDIO: usize = 128;
/// Times one transport is keyed. DTLS keys it once; nothing is known to do so again.
const MAX_KEYINGS: usize = 8;
/// Events that wait; beyond it the oldest is forgotten. The caller drains them once per turn.
const MAX_EVENTS: usize = 256;
/// Probes that wait; the controller asks for two or three at once.
const MAX_PROBES: usize = 4;
/// What was dropped here asks for a keyframe at most this often.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);

/// Everything that leaves to one client.
///
/// After any `handle_*`, `set_*`, `restart` or `write`, call [`Self::transmit`] (once per loop
/// turn is enough), drain [`Self::poll_event`], and come back at [`Self::next`].
pub struct Sender {
    epoch: Instant,
    random: fastrand::Rng,
    keys: Option<Box<Keys>>,
    /// Digests of all keying material there was.
    fingerprints: Vec<[u8; 32]>,
    /// In order of priority.
    streams: Vec<Stream>,
    /// Their places, by section.
    places: Vec<(Mid, usize)>,
    ledger: Ledger,
    /// Streams with queued packets, and with packets to send again.
    queued: Bits,
    resending: Bits,
    queued_packets: usize,
    batch: Vec<Leaving>,
    controller: Controller,
    pacer: Pacer,
    beat: Beat,
    repair: Repair,
    probes: VecDeque<ActiveProbe>,
    /// In rising order.
    watched: VecDeque<Watched>,
    /// In the order in which they are due.
    seconds: VecDeque<Second>,
    /// No video is taken: the path's queue empties.
    is_draining: bool,
    overhead: Overhead,
    /// The next transport-wide number; RTP packets of all streams share it.
    transport_number: u64,
    /// The client tells what arrived; without it there is nothing to pace by.
    has_transport_cc: bool,
    /// Some stream can be padded, and some that can has sent.
    can_pad: bool,
    has_begun: bool,
    estimate: Bitrate,
    /// When the first sender report is due.
    report_at: Option<Instant>,
    /// When the memories of silent streams are looked through.
    tidy_at: Option<Instant>,
    /// The last time that was told.
    seen: Instant,
    /// The worst that a client reported since it was last asked for.
    jitter: Option<Duration>,
    events: VecDeque<Event>,
    counters: Counters,
}

/// What seals and opens.
pub(crate) struct Keys {
    pub(crate) rtp: Cipher,
    pub(crate) rtcp: Cipher,
    pub(crate) opener: Opener,
}

impl Sender {
    /// A client that has no keys and no streams. `seed` decides first numbers of retransmission
    /// streams and the jitter of reports.
    pub fn new(seed: u64, now: Instant) -> Self {
        let controller = Controller::new(now);
        Self {
            epoch: now,
            random: fastrand::Rng::with_seed(seed),
            keys: None,
            fingerprints: Vec::new(),
            streams: Vec::new(),
            places: Vec::new(),
            ledger: Ledger::default(),
            queued: Bits::default(),
            resending: Bits::default(),
            queued_packets: 0,
            batch: Vec::new(),
            estimate: controller.estimate(),
            controller,
            pacer: Pacer::new(now),
            beat: Beat::new(now),
            repair: Repair::new(now),
            probes: VecDeque::new(),
            watched: VecDeque::new(),
            seconds: VecDeque::new(),
            is_draining: false,
            overhead: Overhead::default(),
            transport_number: 1,
            has_transport_cc: false,
            can_pad: false,
            has_begun: false,
            report_at: None,
            tidy_at: None,
            seen: now,
            jitter: None,
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// The beat on which pictures of many tracks leave goes on since `epoch`: clients that share it
    /// are served in one turn.
    pub fn set_epoch(&mut self, epoch: Instant) {
        self.beat = Beat::new(epoch);
    }

    /// Takes the keys DTLS exported. The same again change nothing; others reset all indices and
    /// drop what is queued under the old.
    pub fn set_keys(&mut self, keys: &KeyingMaterial<'_>) -> Result<(), KeyRefusal> {
        let (ours, theirs) = keys.split()?;
        let fingerprint = digest(&SHA256, keys.material);
        let fingerprint = fingerprint.as_ref().first_chunk::<32>();
        let fingerprint = *fingerprint.ok_or(KeyRefusal::Library)?;
        match self.fingerprints.iter().position(|f| *f == fingerprint) {
            Some(place) if place + 1 == self.fingerprints.len() => return Ok(()),
            Some(_) => return Err(KeyRefusal::Used),
            None if self.fingerprints.len() >= MAX_KEYINGS => return Err(KeyRefusal::TooMany),
            None => {}
        }
        let new = Keys {
            rtp: Cipher::new(keys.profile, &ours, Direction::Rtp)?,
            rtcp: Cipher::new(keys.profile, &ours, Direction::Rtcp)?,
            opener: Opener::new(Cipher::new(keys.profile, &theirs, Direction::Rtcp)?),
        };
        self.fingerprints.push(fingerprint);
        self.keys = Some(Box::new(new));
        for place in 0..self.streams.len() {
            self.drop_queue(place);
        }
        self.ledger.reset();
        for stream in &mut self.streams {
            stream.reset(&mut self.random);
        }
        self.resending.reset(self.streams.len());
        Ok(())
    }

    /// Whether keys are there: packets can be written.
    pub fn is_keyed(&self) -> bool {
        self.keys.is_some()
    }

    /// Another subscription's numbers follow on this section.
    pub fn restart(&mut self, mid: Mid) {
        if let Some(stream) = self
            .place(mid)
            .and_then(|place| self.streams.get_mut(place))
        {
            stream.continuity.restart();
            stream.gap = stream.gap.map(|_| Gap::default());
            stream.queue.release();
            stream.report.forget_pair();
        }
    }

    /// Whether this SSRC is one of ours, or was at any time of this transport: nobody else may
    /// send with it.
    pub fn owns(&self, ssrc: u32) -> bool {
        self.ledger.knows(ssrc) || self.streams.iter().any(|stream| stream.has(ssrc))
    }

    /// Queues a packet. Audio leaves with the next [`Self::transmit`], video with its frame.
    pub fn write(&mut self, packet: &Outgoing<'_>, now: Instant) -> Result<(), WriteRefusal> {
        self.seen = now;
        let result = self.queue(packet, now);
        match result {
            Ok(()) => {}
            Err(WriteRefusal::NotConnected) => self.counters.unconnected += 1,
            Err(WriteRefusal::NotSending) => self.counters.not_sending += 1,
            Err(WriteRefusal::Codec) => self.counters.codec += 1,
            Err(WriteRefusal::TooLong) => self.counters.too_long += 1,
            Err(WriteRefusal::Repeated) => self.counters.repeated += 1,
            Err(WriteRefusal::Congested) => self.counters.congested += 1,
        }
        result
    }

    /// Ties the section's RTP clock to the publisher's wall clock at `now`: `ntp` since 1900,
    /// `timestamp` as this client sees the section.
    pub fn set_sender_report(&mut self, mid: Mid, ntp: Duration, timestamp: u32, now: Instant) {
        self.seen = now;
        if let Some(stream) = self
            .place(mid)
            .and_then(|place| self.streams.get_mut(place))
        {
            stream.report.set_pair(ntp, timestamp, now);
        }
    }

    /// What the room would like to send to this client.
    pub fn set_desired(&mut self, desired: Bitrate, now: Instant) {
        self.seen = now;
        self.controller.set_desired(desired, now);
        self.ask_controller(now);
    }

    /// Does what is due at `now`; call it at [`Self::next`], before [`Self::transmit`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.seen = now;
        if self.controller.next().is_some_and(|next| next <= now) {
            self.controller.handle_timeout(now);
        }
        self.ask_controller(now);
        self.repeat_seconds(now);
        if self.tidy_at.is_some_and(|at| at <= now) {
            self.forget_silent(now);
        }
    }

    /// The next event, until `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] and [`Self::transmit`] want to be called; `None` when idle.
    pub fn next(&self) -> Option<Instant> {
        self.keys.as_ref()?;
        // What is still due behind `handle_timeout` is a probe that waits for a packet.
        let is_due = |at: &Instant| *at > self.seen || !self.probes_wait();
        let controller = self.controller.next().filter(is_due);
        let probe = self.probes.front().map(|probe| probe.next);
        let resends = self.resending.next(0).map(|_| self.free_at());
        let second = self.seconds.front().map(|second| second.at);
        let queues = self.queued.iter().filter_map(|place| self.due(place));
        let report = self.report_at.map(|at| at + report::PATIENCE);
        let own = [second, report, self.tidy_at];
        [controller, probe, resends]
            .into_iter()
            .chain(own)
            .flatten()
            .chain(queues)
            .min()
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What was counted since the last call.
    pub fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// The worst interarrival jitter the client reported since this was last asked.
    pub fn take_jitter(&mut self) -> Option<Duration> {
        self.jitter.take()
    }

    /// What the path takes.
    pub fn estimate(&self) -> Bitrate {
        self.controller.estimate()
    }

    /// The smoothed round trip, once known.
    pub fn round_trip(&self) -> Option<Duration> {
        self.controller.round_trip()
    }

    fn queue(&mut self, outgoing: &Outgoing<'_>, now: Instant) -> Result<(), WriteRefusal> {
        if self.keys.is_none() {
            return Err(WriteRefusal::NotConnected);
        }
        let place = self.place(outgoing.mid).ok_or(WriteRefusal::NotSending)?;
        let queued_packets = self.queued_packets;
        let stream = self.streams.get_mut(place);
        let stream = stream.filter(|stream| stream.config.sending);
        let stream = stream.ok_or(WriteRefusal::NotSending)?;
        if outgoing.payload.len() > MAX_PAYLOAD_BYTES {
            return Err(WriteRefusal::TooLong);
        }
        let (types, body) = stream.coded(outgoing).ok_or(WriteRefusal::Codec)?;
        let is_audio = stream.config.kind == Kind::Audio;
        let room = if is_audio {
            stream.queue.len() < MAX_QUEUED_AUDIO
        } else {
            queued_packets < MAX_QUEUED_PACKETS
        };
        if !is_audio {
            if self.is_draining || !room {
                stream.gap.get_or_insert_default();
            }
            let (sequence, starts) = (outgoing.sequence, outgoing.starts_keyframe);
            let can_begin = starts && room && !self.is_draining;
            if stream.queue.refuses(outgoing.timestamp) || stream.is_cut_off(sequence, can_begin) {
                if !self.is_draining {
                    self.ask_keyframe(place, now);
                }
                return Err(WriteRefusal::Congested);
            }
        } else if !room {
            return Err(WriteRefusal::Congested);
        }
        let position = stream.continuity.place(outgoing.sequence);
        let position = position.ok_or(WriteRefusal::Repeated)?;
        let allows = stream.config.allows_mixed_forms;
        let describes = stream.config.extensions.dependency_descriptor.is_some();
        let descriptor = outgoing.extensions.dependency_descriptor.as_ref();
        let packet = Packet {
            payload: Arc::clone(outgoing.payload),
            descriptor: descriptor
                .filter(|bytes| describes && can_describe(bytes, allows))
                .cloned(),
            timestamp: outgoing.timestamp,
            body,
            pt: types.pt,
            rtx_pt: types.rtx.and_then(NonZeroU8::new),
            marker: outgoing.marker,
            starts_keyframe: outgoing.starts_keyframe,
        };
        let ends = is_audio || outgoing.marker || position.is_late;
        let queued = Queued {
            packet,
            number: position.number,
            arrival: outgoing.arrival,
            written: now,
        };
        stream.queue.push(queued, ends, now);
        self.counters.held += u64::from(!ends);
        if ends && !is_audio {
            self.beat.ready(now);
        }
        self.queued_packets += 1;
        self.queued.set(place, true);
        Ok(())
    }

    /// A time as it is kept per packet.
    fn moment(&self, at: Instant) -> Moment {
        Moment::new(self.epoch, at)
    }

    /// A stream's place, by its section.
    fn place(&self, mid: Mid) -> Option<usize> {
        let found = self.places.binary_search_by_key(&mid, |(mid, _)| *mid);
        found
            .ok()
            .and_then(|found| self.places.get(found))
            .map(|(_, place)| *place)
    }

    fn ask_keyframe(&mut self, place: usize, now: Instant) {
        let Some(stream) = self.streams.get_mut(place) else {
            return;
        };
        let passed = stream
            .keyframe_at
            .map(|at| now.saturating_duration_since(at));
        if stream.config.kind == Kind::Video
            && passed.is_none_or(|passed| passed >= KEYFRAME_INTERVAL)
        {
            stream.keyframe_at = Some(now);
            let mid = stream.config.mid;
            self.push_event(Event::KeyframeRequest { mid });
        }
    }

    fn push_event(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Takes what the controller has to say.
    fn ask_controller(&mut self, now: Instant) {
        self.follow_drain(now);
        let estimate = self.controller.estimate();
        if estimate != self.estimate {
            self.estimate = estimate;
            self.push_event(Event::Estimate(estimate));
        }
        if self.probes_wait() {
            return;
        }
        while let Some(probe) = self.controller.poll_probe(now) {
            if self.can_pad && self.probes.len() < MAX_PROBES {
                self.probes.push_back(ActiveProbe::new(probe, now));
            }
        }
    }

    /// Before the first packet padding would have no timestamp: probes wait in the controller.
    fn probes_wait(&self) -> bool {
        self.can_pad && !self.has_begun
    }

    /// Lets payloads go that nobody will ask for any more.
    fn forget_silent(&mut self, now: Instant) {
        self.tidy_at = None;
        let moment = self.moment(now);
        for stream in &mut self.streams {
            let Some(newest) = stream.ring.newest() else {
                continue;
            };
            if moment.since(newest) >= ring::MAX_AGE {
                stream.ring.clear();
            } else {
                self.tidy_at = Some(now + ring::MAX_AGE);
            }
        }
    }

    fn pacing_rate(&self) -> Option<Bitrate> {
        self.has_transport_cc.then(|| self.controller.pacing_rate())
    }

    /// When the pacer lets the next burst go.
    fn free_at(&self) -> Instant {
        if self.has_transport_cc {
            self.pacer.free_at().max(self.seen)
        } else {
            self.seen
        }
    }

    /// When something of this stream's queue leaves.
    fn due(&self, place: usize) -> Option<Instant> {
        let stream = self.streams.get(place)?;
        let beat = self.beat.due();
        if !stream.queue.has_ready() {
            return Some(stream.queue.held_until()?).max(beat);
        }
        match stream.config.kind {
            Kind::Audio => Some(self.seen),
            Kind::Video => Some(self.free_at()).max(beat),
        }
    }
}

#[cfg(test)]
mod tests;
