//! Our own SRTP on str0m's path and keys (`egress.md`).
//!
//! str0m must not send a packet under an SSRC of ours, so it holds no send stream but while it
//! reads or writes a session description: [`Egress::prepare`] declares ours, so that the text
//! repeats them, and [`Egress::refresh`] takes all of them away again.

use super::{Egress, Path, Unsafe, Verdict};
use crate::codec::PayloadTypes;
use crate::counters::Counters;
use crate::departure::Departure;
use crate::section::{Section, extension_ids, payload_types};
use crate::wire::ssrc_of_rtcp;
use egress::{
    Event, Heard, KeyingMaterial, RtcpRefusal, Sender, Slots, StreamConfig, WriteRefusal,
};
use media::packet::SenderReport;
use media::{Kind, Mid, Outgoing};
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::bwe::BweKind;
use str0m::media::Mid as RtcMid;
use str0m::net::Transmit;
use str0m::rtp::Ssrc;
use vocab::Bitrate;

/// Draws of a fresh SSRC: each fails with a probability of some 2^-24 at most.
const SSRC_DRAWS: usize = 16;

/// The media SSRC of a request that never leaves.
const NOBODY: u32 = 0;

/// From NTP's epoch, 1900, to that of [`SenderReport::ntp`], 1970 (RFC 5905 §6, figure 4).
const NTP_TO_UNIX: Duration = Duration::from_hours(613_608);

/// What was told to the client of one section.
#[derive(Debug, Clone, Copy)]
struct Announced {
    mid: Mid,
    rtc_mid: RtcMid,
    ssrc: Ssrc,
    rtx: Option<Ssrc>,
}

/// Our own egress.
pub(crate) struct Own {
    sender: Sender,
    announced: Vec<Announced>,
    streams: Vec<StreamConfig>,
    path: Option<Path>,
    /// Where str0m sent last: only a change of it is news.
    nominated: Option<Path>,
    /// The SSRC that str0m itself reports with.
    reporter: Option<u32>,
    /// With which str0m is asked where it would send; what it says with it never leaves.
    scout: Option<Ssrc>,
    /// Whether the first estimate was told: what the path takes before it was measured. It holds
    /// only for a client that can measure, so it waits for the client's first word.
    estimate: Told,
    stopped: u64,
}

/// What is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    NotYet,
    Due,
    Done,
}

impl Own {
    pub(crate) fn new(seed: u64, epoch: Instant, now: Instant) -> Self {
        let mut sender = Sender::new(seed, now);
        sender.set_epoch(epoch);
        Self {
            sender,
            announced: Vec::new(),
            streams: Vec::new(),
            path: None,
            nominated: None,
            reporter: None,
            scout: None,
            estimate: Told::NotYet,
            stopped: 0,
        }
    }

    /// The client is there.
    fn follow(&mut self, path: Path) {
        self.path = Some(path);
        self.sender.set_remote(path.remote.ip());
    }

    /// Takes every send stream of a section away from str0m and keeps what the client was told.
    fn adopt(&mut self, rtc: &mut Rtc, section: &Section) {
        let mut direct = rtc.direct_api();
        let mut found = Vec::new();
        while let Some(stream) = direct.stream_tx_by_mid(section.rtc_mid, None) {
            let (ssrc, rtx) = (stream.ssrc(), stream.rtx());
            direct.remove_stream_tx(ssrc);
            found.push((ssrc, rtx));
        }
        let known = self.announced.iter().position(|a| a.mid == section.mid);
        let is_told = known
            .and_then(|place| self.announced.get(place))
            .is_some_and(|known| found.iter().any(|(ssrc, _)| *ssrc == known.ssrc));
        let Some((ssrc, rtx)) = found.first().copied().filter(|_| !is_told) else {
            return;
        };
        if let Some(place) = known {
            self.announced.remove(place);
        }
        self.announced.push(Announced {
            mid: section.mid,
            rtc_mid: section.rtc_mid,
            ssrc,
            rtx,
        });
    }

    /// What was negotiated for a section that has a stream.
    fn stream(&self, rtc: &Rtc, section: &Section, mixed: bool) -> Option<StreamConfig> {
        let announced = self.announced.iter().find(|a| a.mid == section.mid)?;
        let media = rtc.media(section.rtc_mid)?;
        Some(StreamConfig {
            mid: section.mid,
            kind: section.kind,
            ssrc: *announced.ssrc,
            rtx: announced.rtx.map(|ssrc| *ssrc),
            cname: media.cname().to_owned(),
            sending: media.direction().is_sending() && !media.disabled(),
            payload_types: payload_types(rtc, media),
            extensions: extension_ids(media.remote_extmap()),
            allows_mixed_forms: mixed,
        })
    }

    fn is_announced(&self, ssrc: u32) -> bool {
        let is = |own: Ssrc| *own == ssrc;
        self.announced
            .iter()
            .any(|a| is(a.ssrc) || a.rtx.is_some_and(is))
    }

    /// An SSRC that nobody on this transport has or had.
    fn fresh(&self, rtc: &mut Rtc) -> Option<Ssrc> {
        let direct = rtc.direct_api();
        let is_free = |ssrc: &Ssrc| {
            !self.sender.owns(**ssrc)
                && !self.is_announced(**ssrc)
                && self.reporter != Some(**ssrc)
                && self.scout != Some(*ssrc)
        };
        (0..SSRC_DRAWS).map(|_| direct.new_ssrc()).find(is_free)
    }

    /// We were given an SSRC that str0m has sealed with.
    fn is_disputed(&self) -> bool {
        let mut theirs = [self.reporter, self.scout.map(|ssrc| *ssrc)].into_iter();
        theirs.any(|ssrc| ssrc.is_some_and(|ssrc| self.is_announced(ssrc)))
    }
}

impl Egress for Own {
    fn prepare(&mut self, rtc: &mut Rtc) {
        self.announced.retain(|a| rtc.media(a.rtc_mid).is_some());
        for announced in &self.announced {
            let Announced {
                rtc_mid, ssrc, rtx, ..
            } = *announced;
            rtc.direct_api().declare_stream_tx(ssrc, rtx, rtc_mid, None);
        }
    }

    fn refresh(
        &mut self,
        rtc: &mut Rtc,
        sections: &[Section],
        allows_mixed_forms: bool,
    ) -> Result<(), Unsafe> {
        for section in sections {
            self.adopt(rtc, section);
        }
        let mut direct = rtc.direct_api();
        let is_left = |s: &Section| direct.stream_tx_by_mid(s.rtc_mid, None).is_some();
        if sections.iter().any(is_left) || self.is_disputed() {
            return Err(Unsafe);
        }
        self.streams = sections
            .iter()
            .filter_map(|section| self.stream(rtc, section, allows_mixed_forms))
            .collect();
        // Audio goes first where there is not room for all.
        self.streams
            .sort_by_key(|stream| stream.kind == Kind::Video);
        self.sender.set_streams(&self.streams);
        Ok(())
    }

    fn write(
        &mut self,
        _rtc: &mut Rtc,
        packet: &Outgoing<'_>,
        now: Instant,
    ) -> Result<(), WriteRefusal> {
        self.sender.write(packet, now)
    }

    fn writes_through_rtc(&self) -> bool {
        false
    }

    fn restart(&mut self, mid: Mid) {
        self.sender.restart(mid);
    }

    fn vacate(&mut self, rtc: &mut Rtc, section: &Section) {
        let Some(place) = self.announced.iter().position(|a| a.mid == section.mid) else {
            return;
        };
        let (Some(ssrc), Some(rtx)) = (self.fresh(rtc), self.fresh(rtc)) else {
            return;
        };
        let Some(announced) = self.announced.get_mut(place).filter(|_| ssrc != rtx) else {
            return;
        };
        announced.ssrc = ssrc;
        announced.rtx = announced.rtx.map(|_| rtx);
        let announced = *announced;
        if let Some(stream) = self.streams.iter_mut().find(|s| s.mid == section.mid) {
            stream.ssrc = *announced.ssrc;
            stream.rtx = announced.rtx.map(|ssrc| *ssrc);
        }
        self.sender.set_streams(&self.streams);
    }

    fn set_desired(&mut self, _rtc: &mut Rtc, desired: Bitrate, now: Instant) {
        self.sender.set_desired(desired, now);
    }

    /// str0m sends nothing it could estimate from.
    fn read_estimate(&mut self, _estimate: BweKind) -> Option<Bitrate> {
        None
    }

    /// The safety net: a nonce that str0m used twice is harmless as long as the second ciphertext
    /// never leaves (`egress.md` §4).
    fn judge(
        &mut self,
        departure: Departure,
        transmit: &Transmit,
        _types: &PayloadTypes,
        _now: Instant,
    ) -> Verdict {
        match departure {
            Departure::Stun => return Verdict::Leaves(None),
            Departure::Media(_) | Departure::Repeat | Departure::Padding => {
                self.stopped += 1;
                return Verdict::Stopped;
            }
            Departure::Rtcp => {
                let ssrc = ssrc_of_rtcp(&transmit.contents);
                if ssrc.is_none_or(|ssrc| self.sender.owns(ssrc) || self.is_announced(ssrc)) {
                    self.stopped += 1;
                    return Verdict::Stopped;
                }
                if ssrc != self.scout.map(|ssrc| *ssrc) {
                    self.reporter = ssrc;
                }
            }
            Departure::Dtls => {}
        }
        let path = Path {
            local: transmit.source,
            remote: transmit.destination,
        };
        if self.nominated.replace(path) != Some(path) {
            self.follow(path);
        }
        let scout = self.scout.map(|ssrc| *ssrc);
        if departure == Departure::Rtcp && scout == ssrc_of_rtcp(&transmit.contents) {
            return Verdict::Stopped;
        }
        Verdict::Leaves(None)
    }

    fn set_sender_report(&mut self, report: &SenderReport, now: Instant) {
        let SenderReport {
            mid,
            ntp,
            timestamp,
            ..
        } = *report;
        self.sender
            .set_sender_report(mid, ntp + NTP_TO_UNIX, timestamp, now);
    }

    fn hear(&mut self, path: Path, bytes: &[u8], now: Instant) -> Heard {
        let heard = self.sender.handle_rtcp(bytes, now);
        // What is authentic and new came from where the client is now.
        if matches!(heard, Ok(_) | Err(RtcpRefusal::Malformed)) {
            self.follow(path);
            let measures = |stream: &StreamConfig| stream.extensions.transport_cc.is_some();
            if self.estimate == Told::NotYet && self.streams.iter().any(measures) {
                self.estimate = Told::Due;
            }
        }
        heard.unwrap_or(Heard::Part)
    }

    /// Without send streams str0m says nothing that would show where it sends since an ICE restart
    /// (`egress.md` §5, trap 5), and a viewer's report may be seconds away. So it is given a
    /// report to make, whose address is read and which is then thrown away.
    fn heard_check(&mut self, rtc: &mut Rtc, path: Path) {
        if self.path == Some(path) || !self.sender.is_keyed() {
            return;
        }
        let Some(scout) = self.scout.or_else(|| self.fresh(rtc)) else {
            return;
        };
        self.scout = Some(scout);
        rtc.direct_api().send_pli_feedback(scout, NOBODY.into());
    }

    fn heard_media(&mut self, path: Path) {
        self.follow(path);
    }

    fn set_keys(&mut self, keys: &KeyingMaterial<'_>) -> Result<(), Unsafe> {
        self.sender.set_keys(keys).map_err(|_| Unsafe)
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.sender.next().is_some_and(|next| next <= now) {
            self.sender.handle_timeout(now);
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        if self.estimate == Told::Due {
            self.estimate = Told::Done;
            return Some(Event::Estimate(self.sender.estimate()));
        }
        self.sender.poll_event()
    }

    fn next(&self) -> Option<Instant> {
        self.sender.next()
    }

    fn path(&self) -> Option<Path> {
        self.path
    }

    fn transmit(&mut self, slots: &mut dyn Slots, now: Instant) {
        self.sender.transmit(slots, now);
    }

    fn take_jitter(&mut self) -> Option<Duration> {
        self.sender.take_jitter()
    }

    fn count(&mut self, counters: &mut Counters) {
        counters.nonce_alarms += std::mem::take(&mut self.stopped);
        let sent = self.sender.take_counters();
        counters.retransmissions += sent.retransmissions;
        counters.padding_out += sent.probes;
        counters.rtcp_out += sent.reports;
        counters.egress.add(&sent);
    }
}

#[cfg(test)]
mod tests;
