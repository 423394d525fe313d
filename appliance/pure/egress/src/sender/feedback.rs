//! What the client reports, and what follows from it.

use super::{Keys, Sender};
use crate::event::Event;
use crate::refusal::RtcpRefusal;
use crate::rtcp::{self, Block};
use congestion::Feedback;
use media::Mid;
use media::packet::LossReport;
use std::time::{Duration, Instant};

/// A packet is sent again at most once per round trip, and not more often than this.
const MIN_RESEND_INTERVAL: Duration = Duration::from_millis(5);
/// The round trip assumed until it is known: libwebrtc's default.
const DEFAULT_ROUND_TRIP: Duration = Duration::from_millis(100);
/// A round trip is believed up to this.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(2);
/// Jitter is believed up to this.
const MAX_JITTER: Duration = Duration::from_secs(10);
/// NACK items of one datagram that are answered: 64 cover up to 1,088 packets, more than is
/// remembered of a stream.
const MAX_NACK_ITEMS: usize = 64;

/// How much of an authentic compound concerned what is sent to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// All of it: nobody else needs to open it.
    All,
    /// Whoever receives from the client has to read it too.
    Part,
}

/// What a report says about one media stream.
struct Reception {
    mid: Mid,
    /// Where it answers a sender report.
    round_trip: Option<Duration>,
}

impl Sender {
    /// Reads a received datagram whose first byte is 128..=191 and whose second is 192..=223:
    /// opens it, answers NACKs, and turns the rest into estimate, losses and keyframe requests.
    /// Says whether anybody else has to read it.
    pub fn handle_rtcp(&mut self, datagram: &[u8], now: Instant) -> Result<Heard, RtcpRefusal> {
        self.seen = now;
        let mut keys = self.keys.take().ok_or(RtcpRefusal::NotConnected)?;
        let result = self.read_rtcp(&mut keys, datagram, now);
        self.keys = Some(keys);
        match result {
            Ok(_) => self.counters.rtcp_in += 1,
            Err(RtcpRefusal::Malformed) => {
                self.counters.rtcp_in += 1;
                self.counters.rtcp_malformed += 1;
            }
            Err(_) => self.counters.rtcp_refused += 1,
        }
        self.ask_controller(now);
        result
    }

    fn read_rtcp(
        &mut self,
        keys: &mut Keys,
        datagram: &[u8],
        now: Instant,
    ) -> Result<Heard, RtcpRefusal> {
        let compound = keys.opener.open(datagram)?;
        let rate = self.controller.retransmission_budget();
        self.repair.refill(rate, now);
        let mut items = 0;
        let mut feedback_read = true;
        let mut worst: Option<u8> = None;
        // Blocks of one datagram come in any order, and mean the same in each.
        let known = self.controller.round_trip();
        let mut least: Option<Duration> = None;
        let mut heard = Heard::All;
        let read = rtcp::read(compound, |block| match block {
            Block::Reception {
                ssrc,
                fraction_lost,
                jitter,
                last_report,
                delay,
            } => {
                self.note_jitter(ssrc, jitter);
                if let Some(told) = self.reception(ssrc, (last_report, delay), now) {
                    worst = worst.max(Some(fraction_lost));
                    least = least.into_iter().chain(told.round_trip).min();
                    self.push_event(Event::Loss(LossReport {
                        mid: told.mid,
                        fraction_lost: f32::from(fraction_lost) / 256.0,
                        round_trip: told.round_trip.or(known),
                    }));
                }
            }
            Block::Nack { ssrc, first, mask } => {
                items += 1;
                self.handle_nack(ssrc, first, mask, items <= MAX_NACK_ITEMS, now);
            }
            Block::TransportWide(fci) => match Feedback::parse(fci) {
                Ok(feedback) => {
                    self.controller.handle_feedback(&feedback, now);
                    self.repair_lost(&feedback, now);
                }
                Err(_) => feedback_read = false,
            },
            Block::ReceiverEstimate(bitrate) => self.controller.handle_remb(bitrate, now),
            Block::Keyframe { ssrc } => {
                if let Some(stream) = self.streams.iter_mut().find(|s| s.config.ssrc == ssrc) {
                    stream.is_known = true;
                    let mid = stream.config.mid;
                    self.push_event(Event::KeyframeRequest { mid });
                }
            }
            Block::Foreign => heard = Heard::Part,
        });
        if let Some(round_trip) = least {
            self.controller.handle_round_trip(round_trip);
        }
        if let Some(worst) = worst {
            self.controller.handle_loss(f32::from(worst) / 256.0, now);
        }
        if read.is_err() || !feedback_read {
            return Err(RtcpRefusal::Malformed);
        }
        Ok(heard)
    }

    /// What a block says about one of our media streams; `None`: it is about none of them.
    fn reception(
        &mut self,
        ssrc: u32,
        (last_report, delay): (u32, u32),
        now: Instant,
    ) -> Option<Reception> {
        let mut streams = self.streams.iter_mut();
        let stream = streams.find(|s| s.config.ssrc == ssrc)?;
        stream.is_known = true;
        let measured = stream.report.round_trip(last_report, delay, now);
        Some(Reception {
            mid: stream.config.mid,
            round_trip: measured.filter(|trip| *trip <= MAX_ROUND_TRIP),
        })
    }

    /// Remembers the worst jitter until it is asked for. Anything above [`MAX_JITTER`] is no
    /// measurement.
    fn note_jitter(&mut self, ssrc: u32, ticks: u32) {
        let Some(stream) = self.streams.iter().find(|s| s.config.ssrc == ssrc) else {
            return;
        };
        let rate = stream.report.clock_rate();
        let jitter = Duration::from_micros(u64::from(ticks) * 1_000_000 / u64::from(rate));
        if jitter <= MAX_JITTER {
            self.jitter = self.jitter.max(Some(jitter));
        }
    }

    fn handle_nack(&mut self, ssrc: u32, first: u16, mask: u16, is_answered: bool, now: Instant) {
        let place = self.streams.iter().position(|s| s.config.ssrc == ssrc);
        let asked = 1 + u64::from(mask.count_ones());
        let Some(place) = place else {
            self.counters.nack_unknown += asked;
            return;
        };
        if let Some(stream) = self.streams.get_mut(place) {
            stream.is_known = true;
        }
        if !is_answered {
            self.counters.nack_refused += asked;
            return;
        }
        self.resend(place, first, now);
        for bit in 0..16 {
            if mask & (1 << bit) != 0 {
                self.resend(place, first.wrapping_add(bit + 1), now);
            }
        }
    }

    /// Queues a packet to be sent again, if it is remembered and may be. A media SSRC is never
    /// sealed again: without a retransmission stream nothing is remembered.
    fn resend(&mut self, place: usize, sequence: u16, now: Instant) {
        let round_trip = self.controller.round_trip().unwrap_or(DEFAULT_ROUND_TRIP);
        let interval = round_trip.max(MIN_RESEND_INTERVAL);
        let moment = self.moment(now);
        let Some(stream) = self.streams.get_mut(place) else {
            return;
        };
        let number = stream.continuity.highest().and_then(|highest| {
            let behind = (highest as u16).wrapping_sub(sequence);
            highest.checked_sub(u64::from(behind))
        });
        let sent = number.and_then(|number| stream.ring.get(number, moment));
        let (Some(number), Some(sent), true) = (number, sent, stream.config.sending) else {
            self.counters.nack_unknown += 1;
            return;
        };
        let passed = sent.resent_at.map(|at| moment.since(at));
        if passed.is_some_and(|passed| passed < interval) {
            self.counters.nack_early += 1;
            return;
        }
        self.queue_resend(place, number, now);
    }
}
