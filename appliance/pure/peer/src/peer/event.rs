//! What str0m says, in the box's terms.

use super::Peer;
use crate::departure::Departure;
use crate::output::Output;
use crate::receive::{egress_loss, sender_report};
use media::{Codec, Mid};
use std::time::Instant;
use str0m::Event;
use str0m::bwe::BweKind;
use str0m::net::Transmit;
use vocab::Bitrate;

impl Peer {
    pub(super) fn transmit(&mut self, transmit: Transmit, now: Instant) {
        let bytes: Vec<u8> = transmit.contents.into();
        let departure = Departure::of(&bytes, &self.sections.types);
        self.repeats.count(departure, &mut self.counters);
        let arrival = if let Departure::Media(pt) = departure {
            let codec = self.sections.types.codec(pt);
            let is_audio = matches!(codec, Some(Codec::Opus | Codec::Red));
            self.transit.sent(is_audio, now)
        } else {
            None
        };
        self.outputs.push_back(Output::Transmit {
            local: transmit.source,
            remote: transmit.destination,
            bytes,
            arrival,
        });
    }

    pub(super) fn handle_event(&mut self, event: Event, now: Instant) {
        let output = match event {
            Event::RtpPacket(packet) => self.read_packet(packet).map(Output::Packet),
            Event::SenderFeedback(feedback) => sender_report(&feedback).map(Output::SenderReport),
            Event::KeyframeRequest(request) => {
                Mid::new(&request.mid).map(|mid| Output::KeyframeRequest { mid })
            }
            Event::EgressBitrateEstimate(estimate) => self.read_estimate(estimate),
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

    /// Transport-wide feedback where the client gives it, else its own estimate (REMB).
    fn read_estimate(&mut self, estimate: BweKind) -> Option<Output> {
        let bitrate = match estimate {
            BweKind::Twcc {
                estimate,
                can_probe,
            } => {
                self.has_transport_feedback = can_probe;
                can_probe.then_some(estimate)
            }
            BweKind::Remb { estimate, .. } if !self.has_transport_feedback => Some(estimate),
            _ => None,
        }?;
        Some(Output::Estimate(Bitrate(bitrate.as_u64())))
    }
}
