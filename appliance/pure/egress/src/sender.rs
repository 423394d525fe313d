//! Everything that leaves to one client.

use crate::counters::Counters;
use crate::event::Event;
use crate::keying::KeyingMaterial;
use crate::refusal::{KeyRefusal, RtcpRefusal, WriteRefusal};
use crate::slots::Slots;
use crate::stream::StreamConfig;
use media::{Mid, Outgoing};
use std::time::{Duration, Instant};
use vocab::Bitrate;

/// Everything that leaves to one client.
///
/// After any `handle_*`, `set_*`, `restart` or `write`, call [`Self::transmit`] (once per loop
/// turn is enough), drain [`Self::poll_event`], and come back at [`Self::next`].
pub struct Sender {
    counters: Counters,
}

impl Sender {
    /// A client that has no keys and no streams. `seed` decides first numbers of retransmission
    /// streams and the jitter of reports.
    pub fn new(_seed: u64, _now: Instant) -> Self {
        Self {
            counters: Counters::default(),
        }
    }
    /// Takes the keys DTLS exported. The same again changes nothing; others reset all indices.
    pub fn set_keys(&mut self, keys: &KeyingMaterial<'_>) -> Result<(), KeyRefusal> {
        keys.split().map(|_| ())
    }
    /// The sections as negotiated, in the order of their priority. What is missing is forgotten,
    /// but for its indices.
    pub fn set_streams(&mut self, _streams: &[StreamConfig]) {}
    /// Another subscription's numbers follow on this section.
    pub fn restart(&mut self, _mid: Mid) {}
    /// Whether this SSRC is, or was under these keys, one of ours: nobody else may send with it.
    pub fn owns(&self, _ssrc: u32) -> bool {
        false
    }
    /// Queues a packet.
    pub fn write(&mut self, _packet: &Outgoing<'_>, _now: Instant) -> Result<(), WriteRefusal> {
        Err(WriteRefusal::NotConnected)
    }
    /// Ties the section's RTP clock to the publisher's wall clock at `now`.
    pub fn set_sender_report(&mut self, _mid: Mid, _ntp: Duration, _timestamp: u32, _now: Instant) {
    }
    /// Reads a received datagram whose first byte is 128..=191 and whose second is 192..=223.
    pub fn handle_rtcp(&mut self, _datagram: &[u8], _now: Instant) -> Result<(), RtcpRefusal> {
        Err(RtcpRefusal::NotConnected)
    }
    /// What the room would like to send to this client.
    pub fn set_desired(&mut self, _desired: Bitrate, _now: Instant) {}
    /// Does what is due at `now`; call it at [`Self::next`], before [`Self::transmit`].
    pub fn handle_timeout(&mut self, _now: Instant) {}
    /// Seals everything that is due straight into the slots.
    pub fn transmit(&mut self, _slots: &mut dyn Slots, _now: Instant) {}
    /// The next event, until `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }
    /// When [`Self::handle_timeout`] and [`Self::transmit`] want to be called; `None` when idle.
    pub fn next(&self) -> Option<Instant> {
        None
    }
    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
    /// What was counted since the last call.
    pub fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }
}
