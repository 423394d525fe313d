//! The box's side of one client: frames, audio, pacer, probes, repair.

use crate::link::{Datagram, MS, Micros, Part};
use ringward_congestion::{Content, Controller, Feedback, Probe, Sent};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use vocab::Bitrate;

pub(crate) const PACKET: usize = 1_200;
const PADDING: usize = 300;
const AUDIO: usize = 150;
const AUDIO_INTERVAL: Micros = 20 * MS;

/// 30 frames a second.
pub(crate) const FRAME_INTERVAL: Micros = 33_333;

/// What the box sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stream {
    /// Video whose rate follows the estimate up to this many bits per second, and audio.
    Elastic(f64),
    /// Frames of so many packets whatever the estimate says, repaired on request.
    Frames(u8),
    /// Audio only.
    Audio,
    /// Nothing.
    Idle,
}

pub(crate) struct Sender {
    pub(crate) controller: Controller,
    pub(crate) stream: Stream,
    pub(crate) zero: Instant,
    pub(crate) sequence: u64,
    next_frame: Micros,
    next_audio: Micros,
    frame: u64,
    queue: VecDeque<(usize, Option<Part>, Content)>,
    credit: f64,
    probe: Option<(Probe, usize, usize, Micros)>,
    repair: f64,
    repaired: BTreeMap<Part, Micros>,
    pub(crate) frames: u64,
    pub(crate) retransmitted: u64,
    pub(crate) retransmitted_bytes: usize,
    pub(crate) media_bytes: usize,
    pub(crate) probes: Vec<(Micros, f64)>,
    pub(crate) calls: u64,
}

impl Sender {
    pub(crate) fn new(stream: Stream, zero: Instant, start: Micros) -> Self {
        let at = zero + Duration::from_micros(start.unsigned_abs());
        let mut sender = Self {
            controller: Controller::new(at),
            stream,
            zero,
            sequence: 1,
            next_frame: start,
            next_audio: start,
            frame: 0,
            queue: VecDeque::new(),
            credit: 0.0,
            probe: None,
            repair: 0.0,
            repaired: BTreeMap::new(),
            frames: 0,
            retransmitted: 0,
            retransmitted_bytes: 0,
            media_bytes: 0,
            probes: Vec::new(),
            calls: 0,
        };
        sender.set_stream(stream, start);
        sender
    }

    pub(crate) fn set_stream(&mut self, stream: Stream, now: Micros) {
        self.stream = stream;
        self.next_frame = self.next_frame.max(now);
        self.next_audio = self.next_audio.max(now);
        let desired = match stream {
            Stream::Elastic(rate) => rate,
            Stream::Frames(packets) => f64::from(packets) * PACKET as f64 * 8.0 * 30.0,
            Stream::Audio => 60_000.0,
            Stream::Idle => 0.0,
        };
        let now = self.instant(now);
        self.controller.set_desired(Bitrate(desired as u64), now);
    }

    pub(crate) fn instant(&self, now: Micros) -> Instant {
        self.zero + Duration::from_micros(now.unsigned_abs())
    }

    pub(crate) fn feedback(&mut self, fci: &[u8], now: Micros) {
        let feedback = Feedback::parse(fci).unwrap();
        let now = self.instant(now);
        self.controller.handle_feedback(&feedback, now);
    }

    /// The receiver asks for a packet again.
    pub(crate) fn repair(&mut self, part: Part, round_trip: Micros, now: Micros) {
        let recent = self
            .repaired
            .get(&part)
            .is_some_and(|at| now - at < round_trip);
        if recent || self.repair < PACKET as f64 {
            return;
        }
        self.repair -= PACKET as f64;
        self.repaired.insert(part, now);
        self.queue
            .push_front((PACKET, Some(part), Content::Retransmission));
    }

    /// One turn; what leaves now.
    pub(crate) fn run(&mut self, flow: usize, now: Micros, step: Micros) -> Vec<Datagram> {
        let at = self.instant(now);
        if self.controller.next().is_some_and(|due| due <= at) {
            self.calls += 1;
            self.controller.handle_timeout(at);
            if let Some(probe) = self.controller.poll_probe(at) {
                self.probes.push((now, probe.rate.0 as f64));
                self.probe = Some((probe, 0, 0, now));
            }
        }
        let budget = self.controller.retransmission_budget().0 as f64 / 8.0;
        self.repair = (self.repair + budget * step as f64 / 1e6).min((budget / 4.0).max(2_400.0));
        self.produce(now);
        let mut out = Vec::new();
        self.send_paced(flow, now, step, &mut out);
        self.send_probe(flow, now, &mut out);
        out
    }

    fn produce(&mut self, now: Micros) {
        let audio = matches!(self.stream, Stream::Elastic(_) | Stream::Audio);
        while audio && self.next_audio <= now {
            self.next_audio += AUDIO_INTERVAL;
            self.queue.push_front((AUDIO, None, Content::Media));
        }
        while self.next_frame <= now {
            self.next_frame += FRAME_INTERVAL;
            match self.stream {
                Stream::Elastic(most) => {
                    let spare: f64 = 0.95 * self.controller.estimate().0 as f64 - 60_000.0;
                    let bytes = (spare.min(most).max(0.0) / 240.0) as usize;
                    self.push_frame(bytes);
                }
                Stream::Frames(parts) => self.push_parts(parts),
                Stream::Audio | Stream::Idle => {}
            }
        }
    }

    fn push_frame(&mut self, mut bytes: usize) {
        // A sender that cannot follow drops whole frames.
        if self.queue.len() > 200 {
            return;
        }
        while bytes > 0 {
            let size = bytes.min(PACKET);
            bytes -= size;
            self.queue.push_back((size.max(60), None, Content::Media));
        }
    }

    fn push_parts(&mut self, parts: u8) {
        for index in 0..parts {
            let frame = self.frame;
            let part = Part {
                frame,
                index,
                parts,
            };
            self.queue.push_back((PACKET, Some(part), Content::Media));
        }
        self.frame += 1;
        self.frames += 1;
    }

    fn send_paced(&mut self, flow: usize, now: Micros, step: Micros, out: &mut Vec<Datagram>) {
        let pace = self.controller.pacing_rate().0 as f64;
        self.credit += pace * step as f64 / 8e6;
        while let Some((bytes, part, content)) = self.queue.front().copied() {
            if self.credit <= 0.0 {
                return;
            }
            self.credit -= bytes as f64;
            self.queue.pop_front();
            out.push(self.packet(flow, bytes, part, content, now));
        }
        self.credit = self.credit.min(0.0);
    }

    /// Padding that tops up what media sends to the probe's rate.
    fn send_probe(&mut self, flow: usize, now: Micros, out: &mut Vec<Datagram>) {
        while let Some((probe, bytes, packets, since)) = self.probe {
            if bytes >= probe.bytes && packets >= probe.packets {
                self.probe = None;
                return;
            }
            if bytes as f64 > probe.rate.0 as f64 / 8e6 * (now - since) as f64 {
                return;
            }
            let size = if probe.bytes > 20 * PADDING {
                PACKET
            } else {
                PADDING
            };
            out.push(self.packet(flow, size, None, Content::Padding, now));
        }
    }

    fn packet(
        &mut self,
        flow: usize,
        bytes: usize,
        frame: Option<Part>,
        content: Content,
        now: Micros,
    ) -> Datagram {
        let sequence = self.sequence;
        self.sequence += 1;
        match content {
            Content::Media => self.media_bytes += bytes,
            Content::Retransmission => {
                self.retransmitted += 1;
                self.retransmitted_bytes += bytes;
            }
            Content::Padding => {}
        }
        let cluster = self.probe.as_mut().map(|(probe, sent, packets, _)| {
            *sent += bytes;
            *packets += 1;
            probe.cluster
        });
        let at = self.instant(now);
        self.controller.handle_sent(Sent {
            sequence,
            bytes,
            at,
            content,
            cluster,
        });
        Datagram {
            flow,
            sequence,
            bytes,
            frame,
        }
    }
}
