//! What str0m says, in the box's terms.

use super::Peer;
use crate::departure::Departure;
use crate::egress::Verdict;
use crate::output::Output;
use crate::receive::{egress_loss, sender_report};
use media::Mid;
use std::time::Instant;
use str0m::Event;
use str0m::net::Transmit;

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
                egress_loss(&stats).map(Output::Loss)
            }
            Event::MediaIngressStats(stats) => self.receiver.ingress_loss(&stats).map(Output::Loss),
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
