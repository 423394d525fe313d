//! What str0m says, in the box's terms.

use super::Peer;
use crate::departure::Departure;
use crate::egress::Verdict;
use crate::output::Output;
use crate::receive::{egress_loss, sender_report};
use media::packet::LossReport;
use media::{Kind, Mid};
use std::time::{Duration, Instant};
use str0m::Event;
use str0m::net::Transmit;
use str0m::stats::MediaEgressStats;

/// Ticks of Opus' clock per second (RFC 7587 §4.1).
const AUDIO_CLOCK: u64 = 48_000;
/// Ticks of every video codec's clock per second (RFC 3551 §5).
const VIDEO_CLOCK: u64 = 90_000;
/// Jitter is believed up to this.
const MAX_JITTER: Duration = Duration::from_secs(10);

impl Peer {
    pub(super) fn pass_on(&mut self, transmit: Transmit, now: Instant) {
        let types = &self.sections.types;
        let departure = Departure::of(&transmit.contents, types);
        let arrival = match self.egress.judge(departure, &transmit, types, now) {
            Verdict::Leaves(arrival) => arrival,
            // Counted where it was judged: an alarm, not a loss.
            Verdict::Stopped => return,
        };
        self.repeats.count(departure, &mut self.counters);
        self.gauge.sent(transmit.contents.len() as u64);
        self.outputs.push_back(Output::Transmit {
            local: transmit.source,
            remote: transmit.destination,
            bytes: transmit.contents.into(),
            arrival,
        });
    }

    pub(super) fn handle_event(&mut self, event: Event, now: Instant) {
        let output = match event {
            Event::RtpPacket(packet) => {
                self.heard_media = true;
                self.read_packet(packet).map(Output::Packet)
            }
            Event::SenderFeedback(feedback) => sender_report(&feedback).map(Output::SenderReport),
            Event::KeyframeRequest(request) => {
                Mid::new(&request.mid).map(|mid| Output::KeyframeRequest { mid })
            }
            Event::EgressBitrateEstimate(estimate) => {
                let estimate = self.egress.read_estimate(estimate);
                estimate.map(Output::Estimate)
            }
            Event::MediaEgressStats(stats) => {
                if let Some(mid) = Mid::new(&stats.mid) {
                    let counters = &mut self.counters;
                    let (packets, taken) = (stats.packets, stats.timestamp);
                    self.repeats.settle(mid, packets, taken, counters);
                }
                self.note_reported_jitter(&stats);
                let report = egress_loss(&stats);
                if let Some(report) = &report {
                    self.note_sent_loss(report);
                }
                report.map(Output::Loss)
            }
            Event::MediaIngressStats(stats) => {
                let report = self.receiver.ingress_loss(&stats);
                if let Some(report) = &report {
                    self.gauge.incoming.note(report);
                    self.note_jitter(&stats.mid, stats.jitter);
                    if let Some(round_trip) = report.round_trip {
                        self.gauge.round_trip(round_trip);
                    }
                }
                report.map(Output::Loss)
            }
            Event::PeerStats(stats) => {
                let pair = stats.selected_candidate_pair;
                if let Some(round_trip) = pair.and_then(|pair| pair.current_round_trip_time) {
                    self.gauge.round_trip(round_trip);
                }
                None
            }
            Event::Connected => {
                self.liveness.connected();
                Some(Output::Connected)
            }
            Event::IceConnectionStateChange(state) => {
                self.liveness.ice(state, now);
                None
            }
            Event::ChannelOpen(id, label) => {
                let channels = &mut self.channels;
                let opened = Self::guard(&mut self.rtc, |rtc| channels.opened(rtc, id, &label));
                opened.flatten().map(Output::ChannelOpen)
            }
            Event::ChannelClose(id) => {
                self.channels.closed(id);
                None
            }
            Event::ChannelData(data) => {
                let channel = self.channels.meaning(data.id);
                self.counters.data_unknown += u64::from(channel.is_none());
                channel.map(|channel| Output::Data {
                    channel,
                    payload: data.data,
                })
            }
            Event::Closed => {
                self.farewell_seen = true;
                None
            }
            _ => None,
        };
        self.outputs.extend(output);
    }

    /// A client reports what it lost of what it was sent.
    pub(super) fn note_sent_loss(&mut self, report: &LossReport) {
        self.reported = true;
        self.gauge.outgoing.note(report);
        if let Some(round_trip) = report.round_trip {
            self.gauge.round_trip(round_trip);
        }
    }

    fn note_reported_jitter(&mut self, stats: &MediaEgressStats) {
        if let (Some(_), Some(remote)) = (stats.loss, &stats.remote) {
            self.note_jitter(&stats.mid, remote.jitter);
        }
    }

    /// Jitter in ticks of the section's clock.
    fn note_jitter(&mut self, mid: &str, ticks: u32) {
        let section = Mid::new(mid).and_then(|mid| self.sections.find(mid));
        let rate = match section.map(|section| section.kind) {
            Some(Kind::Audio) => AUDIO_CLOCK,
            Some(Kind::Video) => VIDEO_CLOCK,
            None => return,
        };
        let jitter = Duration::from_micros(u64::from(ticks) * 1_000_000 / rate);
        if jitter <= MAX_JITTER {
            self.gauge.jitter(jitter);
        }
    }

    fn read_packet(&mut self, packet: str0m::rtp::RtpPacket) -> Option<media::Packet> {
        let (receiver, counters) = (&mut self.receiver, &mut self.counters);
        let types = &self.sections.types;
        Self::guard(&mut self.rtc, |rtc| {
            receiver.packet(rtc, types, packet, counters)
        })
        .flatten()
    }

    /// Takes the keys of a handshake that has just completed. Keys that cannot be used leave no
    /// way to protect what is sent.
    pub(super) fn take_keys(&mut self) {
        let Some(exported) = self.exporter.take() else {
            return;
        };
        self.profile = Some(exported.profile());
        let egress = &mut self.egress;
        let taken = Self::guard(&mut self.rtc, |_| egress.set_keys(&exported.keys()));
        if !matches!(taken, Some(Ok(()))) {
            self.end_by_fault();
        }
    }
}

impl From<::egress::Event> for Output {
    fn from(event: ::egress::Event) -> Self {
        use ::egress::Event;
        match event {
            Event::KeyframeRequest { mid } => Self::KeyframeRequest { mid },
            Event::Estimate(estimate) => Self::Estimate(estimate),
            Event::Loss(report) => Self::Loss(report),
        }
    }
}
