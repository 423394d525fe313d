//! How one transport does: what a worker hands out once a second.

use media::figures::LOSS_WINDOW;
use media::packet::LossReport;
use media::{Carrier, Figures};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Readings that a loss is averaged over, and for which a round trip or jitter counts: one per
/// second.
const READINGS: usize = LOSS_WINDOW.as_secs() as usize;

/// Counts and measures; read once a second.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    remote: Option<SocketAddr>,
    bytes_in: u64,
    bytes_out: u64,
    media_in: u64,
    media_out: u64,
    heard: Option<Instant>,
    /// On the way to us.
    pub(crate) incoming: Loss,
    /// On the way to the client.
    pub(crate) outgoing: Loss,
    jitter: Recent,
    round_trip: Recent,
}

impl Gauge {
    /// A datagram of the client's arrived.
    pub(crate) fn heard(&mut self, remote: SocketAddr, bytes: usize, now: Instant) {
        self.remote = Some(remote);
        self.bytes_in += bytes as u64;
        self.heard = Some(now);
    }

    /// So many bytes left.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.bytes_out += bytes;
    }

    /// So many media packets came, and were taken for sending.
    pub(crate) fn media(&mut self, came: u64, taken: u64) {
        self.media_in += came;
        self.media_out += taken;
    }

    /// A measurement of jitter; the worst of a second counts.
    pub(crate) fn jitter(&mut self, jitter: Duration) {
        self.jitter.worst(jitter);
    }

    /// A measurement of the round trip; the newest counts.
    pub(crate) fn round_trip(&mut self, round_trip: Duration) {
        self.round_trip.newest(round_trip);
    }

    /// What it shows now. A second ends with it.
    pub(crate) fn read(&mut self) -> Figures {
        Figures {
            remote: self.remote,
            carrier: self.remote.map_or(Carrier::Udp, carrier),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            media_in: self.media_in,
            media_out: self.media_out,
            lost_in: self.incoming.read(),
            lost_out: self.outgoing.read(),
            jitter: self.jitter.read(),
            round_trip: self.round_trip.read(),
            heard: self.heard,
        }
    }
}

/// A client over TCP comes from its stand-in.
fn carrier(remote: SocketAddr) -> Carrier {
    if vocab::is_stand_in(remote.ip()) {
        Carrier::Tcp
    } else {
        Carrier::Udp
    }
}

/// Loss in one direction, second by second.
#[derive(Debug, Default)]
pub(crate) struct Loss {
    /// Of the worst section, this second.
    worst: Option<u16>,
    seconds: [Option<u16>; READINGS],
}

impl Loss {
    pub(crate) fn note(&mut self, report: &LossReport) {
        let fraction = report.fraction_lost;
        if fraction.is_finite() {
            let permille = (fraction.clamp(0.0, 1.0) * 1_000.0).round() as u16;
            self.worst = self.worst.max(Some(permille));
        }
    }

    /// The mean of the seconds in which something was said.
    fn read(&mut self) -> Option<u16> {
        self.seconds.rotate_right(1);
        if let Some(first) = self.seconds.first_mut() {
            *first = self.worst.take();
        }
        let said = self.seconds.iter().flatten();
        let (sum, count) = said.fold((0_u32, 0_u32), |(sum, count), permille| {
            (sum + u32::from(*permille), count + 1)
        });
        sum.checked_div(count).map(|mean| mean as u16)
    }
}

/// A measurement that is forgotten when none follows.
#[derive(Debug, Default)]
struct Recent {
    value: Option<Duration>,
    /// Read since it was measured.
    readings: usize,
}

impl Recent {
    fn newest(&mut self, value: Duration) {
        (self.value, self.readings) = (Some(value), 0);
    }

    fn worst(&mut self, value: Duration) {
        if self.readings > 0 || self.value.is_none_or(|known| known < value) {
            self.newest(value);
        }
    }

    fn read(&mut self) -> Option<Duration> {
        self.readings += 1;
        if self.readings > READINGS {
            self.value = None;
        }
        self.value
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        reason = "tests begin somewhere"
    )]

    use super::*;
    use media::Mid;

    fn report(fraction_lost: f32) -> LossReport {
        LossReport {
            mid: Mid::new("0").unwrap(),
            fraction_lost,
            round_trip: None,
        }
    }

    #[test]
    fn what_nobody_measured_is_absent() {
        assert_eq!(Gauge::default().read(), Figures::default());
    }

    #[test]
    fn a_loss_is_the_worst_section_of_each_second_averaged_over_five() {
        let mut loss = Loss::default();
        loss.note(&report(0.1));
        loss.note(&report(0.3));
        assert_eq!(loss.read(), Some(300), "the worst section");
        loss.note(&report(0.0));
        assert_eq!(loss.read(), Some(150), "the mean of two seconds");
        assert_eq!(loss.read(), Some(150), "a second without a report");
        loss.note(&report(f32::NAN));
        assert_eq!(loss.read(), Some(150), "nonsense is no report");
        assert_eq!(loss.read(), Some(150));
        assert_eq!(loss.read(), Some(0), "the first second is past");
        assert_eq!(loss.read(), None, "nothing was said for five seconds");
    }

    #[test]
    fn a_round_trip_is_the_newest_and_jitter_the_worst_until_five_seconds_passed() {
        let ms = Duration::from_millis;
        let mut gauge = Gauge::default();
        gauge.round_trip(ms(90));
        gauge.round_trip(ms(40));
        gauge.jitter(ms(9));
        gauge.jitter(ms(4));
        let read = gauge.read();
        assert_eq!((read.round_trip, read.jitter), (Some(ms(40)), Some(ms(9))));
        gauge.jitter(ms(2));
        assert_eq!(gauge.read().jitter, Some(ms(2)), "another second");
        for _ in 0..3 {
            assert_eq!(gauge.read().round_trip, Some(ms(40)));
        }
        let read = gauge.read();
        assert_eq!((read.round_trip, read.jitter), (None, Some(ms(2))));
    }

    #[test]
    fn bytes_and_the_place_are_those_of_all_datagrams() {
        let (mut gauge, now) = (Gauge::default(), Instant::now());
        gauge.heard("10.0.0.1:1".parse().unwrap(), 100, now);
        let later = now + Duration::from_millis(5);
        gauge.heard("10.0.0.2:2".parse().unwrap(), 50, later);
        gauge.sent(7);
        let read = gauge.read();
        assert_eq!((read.bytes_in, read.bytes_out), (150, 7));
        assert_eq!(read.remote, Some("10.0.0.2:2".parse().unwrap()));
        assert_eq!(read.heard, Some(later));
    }
}
