//! The RTCP that a receiver of media sends: receiver reports, transport feedback, NACKs.

use std::time::{Duration, Instant};

/// RTCP packet types and formats (RFC 3550 §6.4.2, RFC 4585 §6.2.1, transport-cc draft §3.1).
const RECEIVER_REPORT: u8 = 201;
const TRANSPORT_FEEDBACK: u8 = 205;
const FORMAT_NACK: u8 = 1;
const FORMAT_TRANSPORT: u8 = 15;

/// Reports that fit into one packet: the count has five bits (RFC 3550 §6.4.2).
const MAX_BLOCKS: usize = 31;

/// Units of the transport feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
const REFERENCE: Duration = Duration::from_millis(64);
const DELTA_MICROS: i64 = 250;

/// Statuses in one feedback packet: with two bytes each it stays below an MTU.
const MAX_STATUSES: usize = 500;

/// The longest run that one chunk names: 13 bits.
const MAX_RUN: usize = 0x1FFF;

/// Statuses in a chunk of two bits each.
const VECTOR: usize = 7;

/// What a receiver tells of one stream (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Lost since the last report, of 256.
    pub fraction: u8,
    /// Lost in all, 24 bits.
    pub lost: u32,
    /// Highest sequence number with its cycles.
    pub highest: u32,
    /// Interarrival jitter in ticks.
    pub jitter: u32,
    /// Middle of the last sender report's NTP time, 0: none yet.
    pub last_report: u32,
    /// Time since it came, in 1/65,536 s.
    pub delay: u32,
}

/// Appends receiver reports on all streams; one without blocks when there are none.
pub fn write_reports(sender: u32, blocks: &[ReportBlock], packet: &mut Vec<u8>) {
    let groups = blocks.chunks(MAX_BLOCKS);
    let empty = blocks.is_empty().then_some([].as_slice());
    for group in groups.chain(empty) {
        head(
            packet,
            group.len() as u8,
            RECEIVER_REPORT,
            1 + 6 * group.len(),
        );
        packet.extend_from_slice(&sender.to_be_bytes());
        for block in group {
            let lost = u32::from(block.fraction) << 24 | block.lost & 0x00FF_FFFF;
            for word in [
                block.ssrc,
                lost,
                block.highest,
                block.jitter,
                block.last_report,
                block.delay,
            ] {
                packet.extend_from_slice(&word.to_be_bytes());
            }
        }
    }
}

/// Appends a request for these packets of one stream, ascending.
pub fn write_nack(sender: u32, media: u32, sequences: &[u16], packet: &mut Vec<u8>) {
    let mut entries: Vec<(u16, u16)> = Vec::new();
    for sequence in sequences {
        match entries.last_mut() {
            Some((first, bits)) if (1..=16).contains(&sequence.wrapping_sub(*first)) => {
                *bits |= 1 << (sequence.wrapping_sub(*first) - 1);
            }
            _ => entries.push((*sequence, 0)),
        }
    }
    head(packet, FORMAT_NACK, TRANSPORT_FEEDBACK, 2 + entries.len());
    packet.extend_from_slice(&sender.to_be_bytes());
    packet.extend_from_slice(&media.to_be_bytes());
    for (first, bits) in entries {
        packet.extend_from_slice(&first.to_be_bytes());
        packet.extend_from_slice(&bits.to_be_bytes());
    }
}

/// When packets came, by their transport-wide sequence numbers.
#[derive(Debug)]
pub struct Arrivals {
    origin: Instant,
    /// Not yet reported: extended number and arrival.
    pending: Vec<(u64, Instant)>,
    /// Everything below was reported as received or missing.
    next: Option<u64>,
    reports: u8,
}

impl Arrivals {
    /// Nothing came yet.
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            pending: Vec::new(),
            next: None,
            reports: 0,
        }
    }

    /// A packet came.
    pub fn note(&mut self, number: u16, now: Instant) {
        // One cycle ahead, so that what is late at the very beginning stays above zero.
        let near = self.pending.last().map(|(last, _)| *last).or(self.next);
        let near = near.unwrap_or(1 << 16 | u64::from(number));
        let step = i64::from(number.wrapping_sub(near as u16) as i16);
        self.pending.push((near.saturating_add_signed(step), now));
    }

    /// Something is to be reported.
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Appends one feedback packet on the oldest arrivals; false when there are none.
    pub fn write(&mut self, sender: u32, media: u32, packet: &mut Vec<u8>) -> bool {
        self.pending.sort_unstable();
        let Some(&(lowest, _)) = self.pending.first() else {
            return false;
        };
        // What comes late gets a report of its own: one from there on would call missing what
        // an earlier one has told of.
        let late = self.next.is_some_and(|next| lowest < next);
        let base = self.next.filter(|_| !late).unwrap_or(lowest);
        let base = base.max(lowest.saturating_sub(MAX_STATUSES as u64 - 1));
        let count = if late {
            let run = self.pending.iter().zip(lowest..);
            run.take_while(|((number, _), next)| number == next).count()
        } else {
            let end = base + MAX_STATUSES as u64;
            self.pending.partition_point(|(number, _)| *number < end)
        };
        let told: Vec<_> = self.pending.drain(..count).collect();
        let last = told.last().map_or(base, |(number, _)| *number);
        self.next = Some(self.next.unwrap_or_default().max(last + 1));
        self.encode(base, &told, (sender, media), packet);
        true
    }

    fn encode(
        &mut self,
        base: u64,
        told: &[(u64, Instant)],
        (sender, media): (u32, u32),
        packet: &mut Vec<u8>,
    ) {
        let since = |at: Instant| at.saturating_duration_since(self.origin).as_micros() as i64;
        let earliest = told.iter().map(|(_, at)| since(*at)).min().unwrap_or(0);
        let reference = earliest / REFERENCE.as_micros() as i64;
        let mut before = reference * REFERENCE.as_micros() as i64 / DELTA_MICROS;
        let (mut symbols, mut deltas) = (Vec::new(), Vec::new());
        for (number, at) in told {
            let place = (number - base) as usize;
            if place < symbols.len() {
                continue;
            }
            symbols.resize(place, 0);
            let ticks = since(*at) / DELTA_MICROS;
            let delta = ticks - before;
            before = ticks;
            if let Ok(small) = u8::try_from(delta) {
                symbols.push(1);
                deltas.push(small);
            } else {
                symbols.push(2);
                let large = delta.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
                deltas.extend_from_slice(&large.to_be_bytes());
            }
        }
        let chunks = chunks(&symbols);
        let body = 2 * chunks.len() + deltas.len();
        let words = 4 + body.div_ceil(4);
        head(packet, FORMAT_TRANSPORT, TRANSPORT_FEEDBACK, words);
        packet.extend_from_slice(&sender.to_be_bytes());
        packet.extend_from_slice(&media.to_be_bytes());
        packet.extend_from_slice(&(base as u16).to_be_bytes());
        packet.extend_from_slice(&(symbols.len() as u16).to_be_bytes());
        packet.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
        packet.push(self.reports);
        self.reports = self.reports.wrapping_add(1);
        for chunk in chunks {
            packet.extend_from_slice(&chunk.to_be_bytes());
        }
        packet.extend_from_slice(&deltas);
        packet.resize(packet.len() + body.div_ceil(4) * 4 - body, 0);
    }
}

/// Runs of one symbol where they are long, else vectors of seven (draft §3.1.3, §3.1.4).
fn chunks(symbols: &[u16]) -> Vec<u16> {
    let mut chunks = Vec::new();
    let mut rest = symbols;
    while let Some(symbol) = rest.first() {
        let run = rest.iter().take_while(|other| *other == symbol).count();
        let taken = if run >= VECTOR {
            chunks.push(symbol << 13 | run.min(MAX_RUN) as u16);
            run.min(MAX_RUN)
        } else {
            let taken = rest.len().min(VECTOR);
            let vector = rest.iter().take(taken).enumerate();
            let bits = |(place, symbol): (usize, &u16)| symbol << (12 - 2 * place);
            chunks.push(0xC000 | vector.map(bits).sum::<u16>());
            taken
        };
        rest = &rest[taken..];
    }
    chunks
}

/// The common header (RFC 3550 §6.4.1); `words` follow it.
fn head(packet: &mut Vec<u8>, count: u8, kind: u8, words: usize) {
    packet.extend_from_slice(&[0x80 | count, kind]);
    packet.extend_from_slice(&(words as u16).to_be_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use str0m::rtp::rtcp::{Nack, ReceiverReport, Twcc};

    const HEADER: usize = 4;

    #[test]
    fn transport_feedback_tells_what_came_when_and_what_is_missing() {
        let begun = Instant::now();
        let mut arrivals = Arrivals::new(begun);
        let millis = |at| begun + Duration::from_millis(at);
        // Over the wrap of the number, two missing, one late, one after a long silence.
        let came: Vec<(u16, u64)> = vec![
            (65_530, 1_000),
            (65_531, 1_000),
            (65_532, 1_001),
            (65_535, 1_002),
            (0, 1_003),
            (2, 1_005),
            (1, 1_004),
            (3, 3_000),
        ];
        for (number, at) in &came {
            arrivals.note(*number, millis(*at));
        }
        let mut packet = Vec::new();
        assert!(arrivals.write(7, 9, &mut packet));
        assert_eq!(packet.len() % 4, 0);
        let words = u16::from_be_bytes([packet[2], packet[3]]);
        assert_eq!(packet.len(), 4 + 4 * usize::from(words));
        let twcc = Twcc::try_from(&packet[HEADER..]).unwrap();
        assert_eq!((twcc.base_seq, twcc.status_count), (65_530, 10));
        assert_eq!((*twcc.sender_ssrc, *twcc.ssrc), (7, 9));
        let told: Vec<(u16, bool)> = twcc
            .into_iter(begun, 65_530.into())
            .map(|(number, _, at)| (*number as u16, at.is_some()))
            .collect();
        let missing: Vec<u16> = told
            .iter()
            .filter(|told| !told.1)
            .map(|told| told.0)
            .collect();
        assert_eq!(told.len(), 10);
        assert_eq!(missing, [65_533, 65_534]);
        assert!(!arrivals.write(7, 9, &mut packet), "told once");
        arrivals.note(6, millis(3_001));
        packet.clear();
        assert!(arrivals.write(7, 9, &mut packet));
        let twcc = Twcc::try_from(&packet[HEADER..]).unwrap();
        assert_eq!(
            (twcc.base_seq, twcc.status_count, twcc.feedback_count),
            (4, 3, 1),
            "what is missing between two reports belongs to the second"
        );
    }

    #[test]
    fn arrival_times_survive_the_encoding_to_a_quarter_millisecond() {
        let begun = Instant::now();
        let mut arrivals = Arrivals::new(begun);
        let at = |n: u64| Duration::from_micros(5_000_000 + n * 700 + n % 3 * 90);
        for n in 0..900_u64 {
            arrivals.note(n as u16, begun + at(n));
        }
        let mut seen = 0;
        let mut packet = Vec::new();
        while arrivals.write(1, 2, &mut packet) {
            assert!(packet.len() < 1_200, "{} bytes", packet.len());
            let twcc = Twcc::try_from(&packet[HEADER..]).unwrap();
            let base = u64::from(twcc.base_seq);
            for (number, _, time) in twcc.into_iter(begun, base.into()) {
                let (time, truth) = (time.unwrap(), begun + at(*number));
                let error = truth.saturating_duration_since(time);
                assert!(
                    time <= truth && error <= Duration::from_micros(250),
                    "{error:?}"
                );
                seen += 1;
            }
            packet.clear();
        }
        assert_eq!(seen, 900);
    }

    #[test]
    fn nacks_and_reports_are_read_as_they_were_meant() {
        let mut packet = Vec::new();
        write_nack(7, 9, &[65_534, 65_535, 10, 14, 40], &mut packet);
        let nack = Nack::try_from(&packet[HEADER..]).unwrap();
        let entries: Vec<_> = nack.reports.iter().map(|e| (e.pid, e.blp)).collect();
        assert_eq!(entries, [(65_534, 1 | 1 << 11 | 1 << 15), (40, 0)]);
        let block = ReportBlock {
            ssrc: 9,
            fraction: 12,
            lost: 345,
            highest: 70_000,
            jitter: 8,
            last_report: 0xAABB_CCDD,
            delay: 65_536,
        };
        packet.clear();
        write_reports(7, &[block; 33], &mut packet);
        let report = ReceiverReport::try_from(&packet[HEADER..]).unwrap();
        let first = report.reports.iter().next().unwrap();
        assert_eq!((*first.ssrc, first.packets_lost), (9, 345));
        assert_eq!((first.fraction_lost, first.max_seq), (12, 70_000));
        assert_eq!(first.last_sr_time, 0xAABB_CCDD);
        assert_eq!(packet.len(), 2 * 8 + 33 * 24, "31 and 2");
    }
}
