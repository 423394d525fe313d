//! Sender reports: what ties a stream's clock to its publisher's (RFC 3550 §6.4.1).

use crate::header::Writer;
use media::Kind;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Time between reports of a stream that sends. libwebrtc synchronises audio and video from the
/// second report on.
/// Not always the same, so that streams do not report in step.
const INTERVAL_MS: RangeInclusive<u64> = 900..=1_100;
/// A report that is due leaves with the stream's next packets; when none come for so long, alone: a
/// turn of its own costs more than the report.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);
/// Reports remembered, to measure the round trip when one is answered.
const REMEMBERED: usize = 4;
/// Sender report without report blocks, in bytes.
const REPORT_LEN: usize = 28;
/// Source description: header, SSRC, item type and length.
const DESCRIPTION_LEN: usize = 10;
/// SRTCP indices have 31 bits (RFC 3711 §3.4): 68 years of reports.
const MAX_INDEX: u32 = (1 << 31) - 1;
const SENDER_REPORT: u8 = 200;
const SOURCE_DESCRIPTION: u8 = 202;
const CNAME: u8 = 1;

/// What a stream reports, and when.
#[derive(Debug)]
pub(crate) struct Report {
    clock_rate: u32,
    pair: Option<Pair>,
    /// When the next report is due; `None` while the stream is silent.
    pub(crate) due: Option<Instant>,
    /// The stream sent since its last report.
    has_sent: bool,
    packets: u32,
    octets: u32,
    /// The highest SRTCP index used.
    pub(crate) index: u32,
    sent: [Option<(u32, Instant)>; REMEMBERED],
}

/// The publisher's clocks at one instant.
#[derive(Debug, Clone, Copy)]
struct Pair {
    ntp: Duration,
    timestamp: u32,
    at: Instant,
}

impl Report {
    /// Goes on behind an index that was used.
    pub(crate) fn after(index: u32, kind: Kind) -> Self {
        Self {
            clock_rate: match kind {
                Kind::Audio => 48_000,
                Kind::Video => 90_000,
            },
            pair: None,
            due: None,
            has_sent: false,
            packets: 0,
            octets: 0,
            index,
            sent: [None; REMEMBERED],
        }
    }

    /// Ticks per second of the stream's clock.
    pub(crate) fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    pub(crate) fn set_pair(&mut self, ntp: Duration, timestamp: u32, at: Instant) {
        self.pair = Some(Pair { ntp, timestamp, at });
    }

    /// Another publisher's clock follows.
    pub(crate) fn forget_pair(&mut self) {
        self.pair = None;
    }

    /// A media packet left; whether a first report is now due.
    pub(crate) fn handle_sent(&mut self, octets: usize, now: Instant) -> bool {
        self.has_sent = true;
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(octets as u32);
        let begins = self.pair.is_some() && self.due.is_none();
        if begins {
            self.due = Some(now);
        }
        begins
    }

    /// Whether a report is to be written now. A silent stream's timer ends here.
    pub(crate) fn wants(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        let wants = self.has_sent && self.pair.is_some() && self.index < MAX_INDEX;
        if !wants {
            self.due = None;
        }
        wants
    }

    /// Writes a compound of exactly [`compound_len`] bytes and takes the next index.
    pub(crate) fn write(
        &mut self,
        place: &mut [u8],
        ssrc: u32,
        cname: &str,
        random: &mut fastrand::Rng,
        now: Instant,
    ) {
        let Some(pair) = self.pair else {
            return;
        };
        let passed = now.saturating_duration_since(pair.at);
        let ntp = ntp_time(pair.ntp + passed);
        let ticks = passed.as_micros() * u128::from(self.clock_rate) / 1_000_000;
        let description = place.len().saturating_sub(REPORT_LEN);
        let mut writer = Writer { rest: place };
        writer.put(&[0x80, SENDER_REPORT, 0, (REPORT_LEN / 4 - 1) as u8]);
        writer.put(&ssrc.to_be_bytes());
        writer.put(&ntp.to_be_bytes());
        writer.put(&pair.timestamp.wrapping_add(ticks as u32).to_be_bytes());
        writer.put(&self.packets.to_be_bytes());
        writer.put(&self.octets.to_be_bytes());
        writer.put(&[0x81, SOURCE_DESCRIPTION]);
        writer.put(&((description / 4).saturating_sub(1) as u16).to_be_bytes());
        writer.put(&ssrc.to_be_bytes());
        writer.put(&[CNAME, cname.len() as u8]);
        writer.put(cname.as_bytes());
        writer.rest.fill(0);
        self.index += 1;
        self.sent.rotate_right(1);
        if let Some(first) = self.sent.first_mut() {
            *first = Some(((ntp >> 16) as u32, now));
        }
        self.has_sent = false;
        self.due = Some(now + Duration::from_millis(random.u64(INTERVAL_MS)));
    }

    /// The round trip of the report that a receiver last saw (LSR), `delay` (DLSR, in 1/65,536 s)
    /// before it answered.
    pub(crate) fn round_trip(&self, last: u32, delay: u32, now: Instant) -> Option<Duration> {
        let mut sent = self.sent.iter().flatten();
        let (_, at) = sent.find(|(ntp, _)| *ntp == last && last != 0)?;
        let delay = Duration::from_nanos(u64::from(delay) * 1_000_000_000 / 65_536);
        Some(now.saturating_duration_since(*at).saturating_sub(delay))
    }
}

/// Sender report and source description, in bytes.
pub(crate) fn compound_len(cname: &str) -> usize {
    // The item list ends with at least one zero (RFC 3550 §6.5).
    REPORT_LEN + (DESCRIPTION_LEN + cname.len() + 1).next_multiple_of(4)
}

/// 32.32 fixed point seconds.
fn ntp_time(since_epoch: Duration) -> u64 {
    let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
    since_epoch.as_secs() << 32 | fraction
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin at some instant")]

    use super::*;

    #[test]
    fn a_report_says_the_publishers_time_and_measures_the_round_trip() {
        let start = Instant::now();
        let mut report = Report::after(0, Kind::Video);
        report.set_pair(Duration::from_millis(10_500), 1_000, start);
        assert!(report.handle_sent(100, start));
        let now = start + Duration::from_millis(250);
        assert!(report.wants(now));
        let mut bytes = vec![0xff; compound_len("abc")];
        report.write(&mut bytes, 7, "abc", &mut fastrand::Rng::with_seed(1), now);
        let head = [0x80, 200, 0, 6, 0, 0, 0, 7, 0, 0, 0, 10, 0xc0, 0, 0, 0];
        assert_eq!(bytes.get(..16), Some(&head[..]));
        assert_eq!(bytes.get(16..20), Some(&23_500_u32.to_be_bytes()[..]));
        assert_eq!(bytes.get(20..28), Some(&[0, 0, 0, 1, 0, 0, 0, 100][..]));
        let description = [0x81, 202, 0, 3, 0, 0, 0, 7, 1, 3, b'a', b'b', b'c', 0, 0, 0];
        assert_eq!(bytes.get(28..), Some(&description[..]));
        let (last, delay) = (0x000a_c000, 65_536 / 10);
        let answered = now + Duration::from_millis(140);
        let round_trip = report.round_trip(last, delay, answered);
        assert_eq!(round_trip.map(|trip| trip.as_millis()), Some(40));
        assert_eq!(report.round_trip(0, delay, answered), None, "none seen yet");
    }

    #[test]
    fn a_silent_stream_reports_no_more() {
        let start = Instant::now();
        let mut report = Report::after(0, Kind::Audio);
        report.set_pair(Duration::from_secs(1), 0, start);
        report.handle_sent(1, start);
        let mut bytes = vec![0; compound_len("")];
        report.write(&mut bytes, 7, "", &mut fastrand::Rng::with_seed(1), start);
        assert_eq!(report.index, 1);
        assert!(report.due.is_some());
        assert!(!report.wants(start + Duration::from_secs(2)));
        assert_eq!(report.due, None);
    }
}
