//! Who writes what goes to a client: one interface, two implementations.
//!
//! [`own::Own`] seals beside str0m (`egress.md`); [`plain::Plain`] lets str0m send. Plain is what
//! own is compared with and what a box can be set back to; a transport keeps one kind for life,
//! for both derive nonces from the same keys.

pub(crate) mod own;
pub(crate) mod plain;

use crate::codec::PayloadTypes;
use crate::counters::Counters;
use crate::departure::Departure;
use crate::section::Section;
use egress::{Event, Heard, KeyingMaterial, Slots, WriteRefusal};
use media::packet::SenderReport;
use media::{Mid, Outgoing};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::bwe::BweKind;
use str0m::net::Transmit;
use vocab::Bitrate;

/// Who writes RTP toward clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EgressKind {
    /// str0m: the fallback, and what the other is compared with.
    #[default]
    Plain,
    /// The box, beside str0m.
    Own,
}

/// A local and a remote address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// The local candidate.
    pub local: SocketAddr,
    /// The client's address.
    pub remote: SocketAddr,
}

/// What becomes of a datagram that str0m wants to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It leaves; for a forwarded packet with the arrival of the publisher's.
    Leaves(Option<Instant>),
    /// It must not: its nonce may be ours.
    Stopped,
}

/// SRTP cannot be continued without risking a nonce twice: the transport must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsafe;

/// What sends media to one client.
pub(crate) trait Egress {
    /// Directly before str0m reads or writes a session description.
    fn prepare(&mut self, rtc: &mut Rtc);

    /// Directly after it, whatever became of it.
    fn refresh(
        &mut self,
        rtc: &mut Rtc,
        sections: &[Section],
        allows_mixed_forms: bool,
    ) -> Result<(), Unsafe>;

    /// Takes a packet. What is not taken is counted by the caller.
    fn write(
        &mut self,
        rtc: &mut Rtc,
        packet: &Outgoing<'_>,
        now: Instant,
    ) -> Result<(), WriteRefusal>;

    /// What was written leaves when str0m is given the time.
    fn writes_through_rtc(&self) -> bool;

    /// The numbers of another subscription follow on this section.
    fn restart(&mut self, mid: Mid);

    /// What the section shows next comes under new SSRCs.
    fn vacate(&mut self, rtc: &mut Rtc, section: &Section);

    /// What the box would like to send to this client.
    fn set_desired(&mut self, rtc: &mut Rtc, desired: Bitrate, now: Instant);

    /// str0m's estimate of the path; `None`: not to be told.
    fn read_estimate(&mut self, estimate: BweKind) -> Option<Bitrate>;

    /// Judges a datagram of str0m's.
    fn judge(
        &mut self,
        departure: Departure,
        transmit: &Transmit,
        types: &PayloadTypes,
        now: Instant,
    ) -> Verdict;

    /// Ties a section's RTP clock to its publisher's wall clock.
    fn set_sender_report(&mut self, _report: &SenderReport, _now: Instant) {}

    /// An SRTCP packet, before str0m sees it: what the client says of our streams. What was all
    /// about them str0m need not open once more.
    fn hear(&mut self, _path: Path, _bytes: &[u8], _now: Instant) -> Heard {
        Heard::Part
    }

    /// The client tries this path, and str0m has read its check. A path that is not the one in use
    /// may have become it.
    fn heard_check(&mut self, _rtc: &mut Rtc, _path: Path) {}

    /// str0m found an authentic media packet in what came by this path.
    fn heard_media(&mut self, _path: Path) {}

    /// The keys that DTLS exported.
    fn set_keys(&mut self, _keys: &KeyingMaterial<'_>) -> Result<(), Unsafe> {
        Ok(())
    }

    /// Does what is due.
    fn handle_timeout(&mut self, _now: Instant) {}

    /// The next thing to tell.
    fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When [`Self::handle_timeout`] and [`Self::transmit`] want to be called.
    fn next(&self) -> Option<Instant> {
        None
    }

    /// Where [`Self::transmit`]'s datagrams go; `None`: nowhere yet.
    fn path(&self) -> Option<Path> {
        None
    }

    /// Writes what is due into the slots.
    fn transmit(&mut self, _slots: &mut dyn Slots, _now: Instant) {}

    /// The worst jitter that the client reported since the last call.
    fn take_jitter(&mut self) -> Option<Duration> {
        None
    }

    /// Adds what was counted since the last call.
    fn count(&mut self, _counters: &mut Counters) {}
}
