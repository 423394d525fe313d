//! From queues to slots: what leaves, in which order, how it is sealed.

use super::leaving::{Content, Leaving, OSN_LEN};
use super::overhead::Overhead;
use super::repair::Watched;
use super::{Keys, Sender};
use crate::header::{Header, Values, Writer};
use crate::level::level;
use crate::moment::Moment;
use crate::payload::{Packet, Queued};
use crate::probe::PADDING;
use crate::report::compound_len;
use crate::ring;
use crate::slots::Slots;
use crate::srtp::{Unsealed, write_padding};
use crate::stream::{Gap, Stream};
use crate::vp8;
use congestion::Sent;
use media::Kind;
use std::time::Instant;

/// Padding packets of one call; the rest of a probe is due at once again.
const MAX_PADDING_PACKETS: usize = 64;

/// What only the moment of leaving decides.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    transport_cc: u16,
    abs_send_time: u32,
}

/// No slot was left.
struct Refused;

impl Sender {
    /// Seals everything that is due straight into the slots: reports, audio, what was asked for
    /// again, video by the order of its streams, padding. What finds no slot stays queued.
    pub fn transmit(&mut self, slots: &mut dyn Slots, now: Instant) {
        self.seen = now;
        let Some(keys) = self.keys.take() else {
            return;
        };
        let done = self.send_reports(&keys, slots, now).and_then(|()| {
            let mut batch = std::mem::take(&mut self.batch);
            self.gather(&mut batch, keys.rtp.tag_len(), now);
            level(&mut batch, |leaving| &mut leaving.length);
            let done = self.send_batch(&keys, &batch, slots, now);
            batch.clear();
            self.batch = batch;
            done
        });
        if done
            .and_then(|()| self.send_padding(&keys, slots, now))
            .is_err()
        {
            self.counters.slots_refused += 1;
        }
        self.keys = Some(keys);
    }

    fn send_reports(
        &mut self,
        keys: &Keys,
        slots: &mut dyn Slots,
        now: Instant,
    ) -> Result<(), Refused> {
        if self.report_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        for stream in &mut self.streams {
            if !stream.report.wants(now) {
                continue;
            }
            let (ssrc, cname) = (stream.config.ssrc, &stream.config.cname);
            let len = compound_len(cname);
            let slot = slots
                .reserve(len + keys.rtcp.rtcp_overhead())
                .ok_or(Refused)?;
            self.counters.bytes += slot.len() as u64;
            if let Some(compound) = slot.get_mut(..len) {
                stream
                    .report
                    .write(compound, ssrc, cname, &mut self.random, now);
            }
            if keys
                .rtcp
                .seal_rtcp(slot, (ssrc, stream.report.index))
                .is_err()
            {
                slot.fill(0);
                self.counters.unsealed += 1;
            }
            self.counters.reports += 1;
        }
        self.report_at = self.streams.iter().filter_map(|s| s.report.due).min();
        Ok(())
    }

    /// Everything that may leave now, in order of priority.
    fn gather(&mut self, batch: &mut Vec<Leaving>, tag_len: usize, now: Instant) {
        let rate = self.pacing_rate();
        let mut allowance = rate.map_or(usize::MAX, |rate| self.pacer.allowance(rate, now));
        let overhead = self.overhead;
        let moment = self.moment(now);
        let mut unlimited = usize::MAX;
        for place in self.queued.iter() {
            if let Some(stream) = self.streams.get(place)
                && stream.config.kind == Kind::Audio
            {
                add(batch, place, stream, (tag_len, overhead), &mut unlimited);
            }
        }
        let mut at = 0;
        while let Some(place) = self.resending.next(at) {
            at = place + 1;
            if let Some(stream) = self.streams.get_mut(place) {
                add_resends(
                    batch,
                    place,
                    stream,
                    (tag_len, overhead),
                    &mut allowance,
                    moment,
                );
                self.resending.set(place, !stream.resends.is_empty());
            }
        }
        if !self.beat.strikes(now) {
            return;
        }
        at = 0;
        while let Some(place) = self.queued.next(at) {
            at = place + 1;
            let Some(stream) = self.streams.get_mut(place) else {
                continue;
            };
            if stream.config.kind == Kind::Audio {
                continue;
            }
            let dropped = stream.queue.drop_aged(now);
            self.counters.hold_expired += u64::from(stream.queue.release_expired(now));
            add(batch, place, stream, (tag_len, overhead), &mut allowance);
            if dropped > 0 {
                stream.gap = stream.queue.is_empty().then(Gap::default);
                self.queued.set(place, !stream.queue.is_empty());
                self.queued_packets -= dropped;
                self.counters.dropped_by_age += dropped as u64;
                self.ask_keyframe(place, now);
            }
        }
    }

    fn send_batch(
        &mut self,
        keys: &Keys,
        batch: &[Leaving],
        slots: &mut dyn Slots,
        now: Instant,
    ) -> Result<(), Refused> {
        let abs_send_time = self.abs_send_time(now);
        let moment = self.moment(now);
        for leaving in batch {
            let slot = slots.reserve(leaving.length.level).ok_or(Refused)?;
            let stamp = Stamp {
                transport_cc: self.transport_number as u16,
                abs_send_time,
            };
            let Some(stream) = self.streams.get_mut(leaving.place) else {
                slot.fill(0);
                continue;
            };
            let (sealed, content, watched, arrival) = match leaving.content {
                Content::Media => {
                    let Some(queued) = stream.queue.pop() else {
                        slot.fill(0);
                        continue;
                    };
                    self.queued_packets -= 1;
                    let sealed = seal_media(keys, stream, &queued, leaving, slot, stamp);
                    let Queued {
                        packet,
                        number,
                        arrival,
                        ..
                    } = queued;
                    let octets = packet.payload().len();
                    let mut watched = None;
                    if stream.report.handle_sent(octets, now) {
                        self.report_at = Some(now);
                    }
                    if let Some(rtx_pt) = packet.rtx_pt
                        && stream.config.rtx.is_some()
                        && stream.config.kind == Kind::Video
                    {
                        stream.last = Some((packet.timestamp, rtx_pt.get()));
                        self.has_begun = true;
                        watched = Some(number);
                        stream.ring.insert(number, packet, moment);
                        if self.tidy_at.is_none() {
                            self.tidy_at = Some(now + ring::MAX_AGE);
                        }
                    }
                    if stream.queue.is_empty() {
                        self.queued.set(leaving.place, false);
                    }
                    self.counters.packets += 1;
                    (sealed, congestion::Content::Media, watched, Some(arrival))
                }
                Content::Resend(number) => {
                    stream.resends.pop_front();
                    let sealed = seal_resend(keys, stream, number, leaving, slot, stamp, moment);
                    if stream.resends.is_empty() {
                        self.resending.set(leaving.place, false);
                    }
                    self.counters.retransmissions += 1;
                    let content = congestion::Content::Retransmission;
                    (sealed, content, Some(number), None)
                }
            };
            if sealed.is_err() {
                // Zeros are no SRTP; the client drops them.
                slot.fill(0);
                self.counters.unsealed += 1;
            }
            let is_numbered = stream.config.extensions.transport_cc.is_some();
            if let Some(arrival) = arrival {
                slots.carries(arrival);
            }
            if let Some(number) = watched.filter(|_| is_numbered) {
                self.watch(Watched {
                    transport: self.transport_number,
                    place: leaving.place,
                    number,
                    left_at: moment,
                    is_repair: arrival.is_none(),
                });
            }
            self.counters.trains += u64::from(leaving.length.starts);
            self.counters.level_bytes += leaving.length.padding() as u64;
            self.note_sent(leaving.length.level, content, is_numbered, now);
        }
        Ok(())
    }

    fn send_padding(
        &mut self,
        keys: &Keys,
        slots: &mut dyn Slots,
        now: Instant,
    ) -> Result<(), Refused> {
        for _ in 0..MAX_PADDING_PACKETS {
            let Some(probe) = self.probes.front() else {
                return Ok(());
            };
            if probe.is_done() {
                self.probes.pop_front();
                if let Some(next) = self.probes.front_mut() {
                    next.next = now;
                }
                continue;
            }
            if probe.next > now {
                return Ok(());
            }
            let stamp = Stamp {
                transport_cc: self.transport_number as u16,
                abs_send_time: self.abs_send_time(now),
            };
            let mut streams = self.streams.iter_mut();
            let Some(stream) = streams.find(|s| s.can_resend() && s.last.is_some()) else {
                self.probes.clear();
                return Ok(());
            };
            let values = stamp.on(Values {
                mid: stream.announced_mid(),
                ..Values::default()
            });
            let plan = values.plan(&stream.config.extensions);
            let header = plan.header_len();
            let len = header + PADDING + keys.rtp.tag_len();
            let slot = slots.reserve(len).ok_or(Refused)?;
            let (timestamp, pt) = stream.last.unwrap_or_default();
            let number = stream.rtx_number + 1;
            let ssrc = stream.config.rtx.unwrap_or_default();
            let head = Header {
                pt,
                marker: false,
                padded: true,
                sequence: number as u16,
                timestamp,
                ssrc,
                values,
            };
            let (front, rest) = slot.split_at_mut_checked(header).ok_or(Refused)?;
            head.write(&stream.config.extensions, plan, front);
            write_padding(rest.get_mut(..PADDING).unwrap_or_default());
            stream.rtx_number = number;
            if keys
                .rtp
                .seal_rtp_in_place(slot, header, (ssrc, number))
                .is_err()
            {
                slot.fill(0);
                self.counters.unsealed += 1;
            }
            let is_numbered = stream.config.extensions.transport_cc.is_some();
            self.counters.probes += 1;
            self.note_sent(len, congestion::Content::Padding, is_numbered, now);
        }
        Ok(())
    }

    /// Tells pacer, probe and controller.
    fn note_sent(
        &mut self,
        len: usize,
        content: congestion::Content,
        is_numbered: bool,
        now: Instant,
    ) {
        let bytes = self.overhead.on_wire(len);
        self.counters.bytes += len as u64;
        // Padding leaves when nothing else waits, at the pace of its probe.
        if content != congestion::Content::Padding
            && let Some(rate) = self.pacing_rate()
        {
            self.pacer.charge(bytes, rate, now);
        }
        let mut cluster = None;
        if let Some(probe) = self.probes.front_mut().filter(|probe| !probe.is_done()) {
            cluster = Some(probe.cluster());
            probe.handle_sent(bytes, now);
        }
        if is_numbered {
            self.controller.handle_sent(Sent {
                sequence: self.transport_number,
                bytes,
                at: now,
                content,
                cluster,
            });
            self.transport_number += 1;
        }
    }

    /// 6.18 fixed point seconds, 24 bits.
    fn abs_send_time(&self, now: Instant) -> u32 {
        let passed = now.saturating_duration_since(self.epoch).as_nanos();
        ((passed << 18) / 1_000_000_000) as u32 & 0xff_ffff
    }
}

/// Adds what the stream's queue has ready, as far as the allowance reaches.
fn add(
    batch: &mut Vec<Leaving>,
    place: usize,
    stream: &Stream,
    (tag_len, overhead): (usize, Overhead),
    allowance: &mut usize,
) {
    for queued in stream.queue.ready() {
        if *allowance == 0 {
            return;
        }
        let leaving = Leaving::new(place, stream, &queued.packet, Content::Media, tag_len);
        *allowance = allowance.saturating_sub(overhead.on_wire(leaving.length.own));
        batch.push(leaving);
    }
}

fn add_resends(
    batch: &mut Vec<Leaving>,
    place: usize,
    stream: &mut Stream,
    (tag_len, overhead): (usize, Overhead),
    allowance: &mut usize,
    now: Moment,
) {
    let ring = &stream.ring;
    stream
        .resends
        .retain(|number| ring.peek(*number, now).is_some());
    for number in &stream.resends {
        let Some(packet) = stream.ring.peek(*number, now).filter(|_| *allowance > 0) else {
            return;
        };
        let leaving = Leaving::new(place, stream, packet, Content::Resend(*number), tag_len);
        *allowance = allowance.saturating_sub(overhead.on_wire(leaving.length.own));
        batch.push(leaving);
    }
}

fn seal_media(
    keys: &Keys,
    stream: &Stream,
    queued: &Queued,
    leaving: &Leaving,
    slot: &mut [u8],
    stamp: Stamp,
) -> Result<(), Unsealed> {
    let padding = leaving.length.padding();
    let ssrc = stream.config.ssrc;
    let (packet, number) = (&queued.packet, queued.number);
    let header = leaving.plan.header_len();
    let head = Header {
        pt: packet.pt,
        marker: packet.marker,
        padded: padding > 0,
        sequence: number as u16,
        timestamp: packet.timestamp,
        ssrc,
        values: stamp.on(Values::of(packet, stream.announced_mid())),
    };
    let (front, body) = slot.split_at_mut_checked(header).ok_or(Unsealed)?;
    head.write(&stream.config.extensions, leaving.plan, front);
    let index = (ssrc, number);
    if packet.vp8().is_none() {
        return keys
            .rtp
            .seal_rtp(slot, header, packet.payload(), padding, index);
    }
    write_body(packet, body, padding)?;
    keys.rtp.seal_rtp_in_place(slot, header, index)
}

fn seal_resend(
    keys: &Keys,
    stream: &mut Stream,
    number: u64,
    leaving: &Leaving,
    slot: &mut [u8],
    stamp: Stamp,
    now: Moment,
) -> Result<(), Unsealed> {
    let padding = leaving.length.padding();
    let ssrc = stream.config.rtx.ok_or(Unsealed)?;
    let rtx_number = stream.rtx_number + 1;
    let header = leaving.plan.header_len();
    let sent = stream.ring.get(number, now).ok_or(Unsealed)?;
    let packet = &sent.packet;
    let mid = (!stream.is_known).then_some(&stream.config.mid);
    let head = Header {
        pt: packet.rtx_pt.ok_or(Unsealed)?.get(),
        marker: packet.marker,
        padded: padding > 0,
        sequence: rtx_number as u16,
        timestamp: packet.timestamp,
        ssrc,
        values: stamp.on(Values::of(packet, mid)),
    };
    let (front, body) = slot.split_at_mut_checked(header).ok_or(Unsealed)?;
    head.write(&stream.config.extensions, leaving.plan, front);
    let mut writer = Writer { rest: body };
    writer.put(&(number as u16).to_be_bytes());
    let body = writer.rest;
    write_body(packet, body, padding)?;
    stream.rtx_number = rtx_number;
    debug_assert_eq!(OSN_LEN, size_of::<u16>());
    keys.rtp.seal_rtp_in_place(slot, header, (ssrc, rtx_number))
}

/// The payload with its running numbers changed, and its padding.
fn write_body(packet: &Packet, body: &mut [u8], padding: usize) -> Result<(), Unsealed> {
    let payload = packet.payload();
    let (place, rest) = body.split_at_mut_checked(payload.len()).ok_or(Unsealed)?;
    place.copy_from_slice(payload);
    if let Some(rewrite) = packet.vp8() {
        vp8::patch(place, rewrite);
    }
    write_padding(rest.get_mut(..padding).ok_or(Unsealed)?);
    Ok(())
}

impl Stamp {
    fn on(self, values: Values<'_>) -> Values<'_> {
        Values {
            transport_cc: self.transport_cc,
            abs_send_time: self.abs_send_time,
            ..values
        }
    }
}
