//! What one subscriber received.

use crate::histogram::Histogram;
use crate::stamp::{Epoch, Source, Stamp};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Simulcast layers that are told apart.
pub const MAX_LAYERS: usize = 3;

/// When the measurement runs: packets *sent* in it are counted, whenever they arrive.
#[derive(Debug)]
pub struct Window {
    /// Nanoseconds since the epoch.
    start: AtomicU64,
    end: AtomicU64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            start: AtomicU64::new(u64::MAX),
            end: AtomicU64::new(u64::MAX),
        }
    }
}

impl Window {
    /// Opens the window, for all threads.
    pub fn set(&self, start: Duration, end: Duration) {
        self.end.store(end.as_nanos() as u64, Ordering::Relaxed);
        self.start.store(start.as_nanos() as u64, Ordering::Release);
    }

    /// Whether something sent then is measured.
    pub fn contains(&self, sent_at: Duration) -> bool {
        let sent = sent_at.as_nanos() as u64;
        sent >= self.start.load(Ordering::Acquire) && sent < self.end.load(Ordering::Relaxed)
    }
}

/// Which packets of one stream came; one bit each.
#[derive(Debug, Default)]
pub struct Seen {
    words: Vec<u64>,
}

impl Seen {
    /// False: it was there before.
    pub fn insert(&mut self, sequence: u64) -> bool {
        let (word, bit) = ((sequence / 64) as usize, 1 << (sequence % 64));
        if word >= self.words.len() {
            self.words.resize(word + 64, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        new
    }
}

/// The numbers that the server gave to the packets of one stream of the window.
#[derive(Debug, Clone, Copy, Default)]
pub struct Numbers {
    lowest: u64,
    highest: u64,
    received: u64,
}

impl Numbers {
    /// A packet of the window with its extended number.
    pub fn note(&mut self, number: u64) {
        if self.received == 0 {
            (self.lowest, self.highest) = (number, number);
        }
        self.lowest = self.lowest.min(number);
        self.highest = self.highest.max(number);
        self.received += 1;
    }

    /// Numbers between the lowest and the highest that never came.
    pub fn missing(&self) -> u64 {
        let sent = self.highest - self.lowest + u64::from(self.received > 0);
        sent.saturating_sub(self.received)
    }
}

/// The tally of one subscriber.
#[derive(Debug, Default)]
pub struct Subscriber {
    sources: HashMap<u32, Seen>,
    flows: HashSet<u32>,
    streams: HashMap<u32, Numbers>,
    /// Packets sent in the window that arrived, each once.
    pub delivered: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// Packets of the window that arrived again.
    pub duplicates: u64,
    /// Packets of the window that came as retransmissions (counted by lean subscribers).
    pub recovered: u64,
    /// From handing to the publisher's sender to reading the subscriber's datagram.
    pub latency: Histogram,
    /// The same of frames' last packets.
    pub frame_latency: Histogram,
    /// Packets of the window by simulcast layer, among those that were opened.
    pub layers: [u64; MAX_LAYERS],
    /// Packets without a stamp: probes, padding.
    pub foreign: u64,
}

impl Subscriber {
    /// Takes one packet with its SSRC and extended sequence number. True: the first one of its
    /// publisher's track.
    pub fn handle_packet(
        &mut self,
        (ssrc, sequence): (u32, u64),
        (payload, marker): (&[u8], bool),
        (epoch, window): (Epoch, &Window),
        arrival: Instant,
    ) -> bool {
        let Some(stamp) = Stamp::read(payload) else {
            self.foreign += 1;
            // It has taken a number all the same.
            if window.contains(epoch.at(arrival))
                && let Some(numbers) = self.streams.get_mut(&ssrc)
            {
                numbers.note(sequence);
            }
            return false;
        };
        let seen = self.sources.entry(stamp.source).or_default();
        let new = seen.insert(stamp.sequence);
        if !new {
            self.duplicates += u64::from(window.contains(stamp.sent_at));
            return false;
        }
        if window.contains(stamp.sent_at) {
            self.count(payload.len());
            self.streams.entry(ssrc).or_default().note(sequence);
        }
        self.note_stamp(&stamp, marker, (epoch, window), arrival)
    }

    /// One packet of the window more.
    pub fn count(&mut self, payload_bytes: usize) {
        self.delivered += 1;
        self.bytes += payload_bytes as u64;
    }

    /// What an opened packet tells. True: the first one of its publisher's track.
    pub fn note_stamp(
        &mut self,
        stamp: &Stamp,
        marker: bool,
        (epoch, window): (Epoch, &Window),
        arrival: Instant,
    ) -> bool {
        if window.contains(stamp.sent_at) {
            let latency = epoch.at(arrival).saturating_sub(stamp.sent_at);
            self.latency.record(latency);
            let source = Source::of(stamp.source);
            if marker && !source.audio {
                self.frame_latency.record(latency);
            }
            let layer = usize::from(source.layer);
            if let Some(count) = self.layers.get_mut(layer).filter(|_| !source.audio) {
                *count += 1;
            }
        }
        self.flows.insert(stamp.flow())
    }

    /// Packets that the server sent, by their numbers, and that never arrived.
    pub fn missing(&self) -> u64 {
        self.streams.values().map(Numbers::missing).sum()
    }

    /// Tracks seen.
    pub fn flows(&self) -> usize {
        self.flows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packets_sent_in_the_window_count_and_each_once() {
        let (epoch, window) = (Epoch::begin(), Window::default());
        let now = Instant::now() + Duration::from_secs(10);
        let mut subscriber = Subscriber::default();
        let mut take = |sequence, seconds| {
            let mut payload = [0; 64];
            let sent_at = Duration::from_secs(seconds);
            Stamp {
                source: 3,
                sequence,
                sent_at,
            }
            .write(&mut payload);
            let context = (epoch, &window);
            subscriber.handle_packet((1, 70_000 + sequence), (&payload, true), context, now)
        };
        assert!(take(0, 1), "the first packet of a publisher is reported");
        window.set(Duration::from_secs(2), Duration::from_secs(4));
        assert!(!take(1, 2));
        take(900, 3);
        take(900, 3);
        take(901, 4);
        assert_eq!((subscriber.delivered, subscriber.duplicates), (2, 1));
        assert_eq!((subscriber.bytes, subscriber.latency.total()), (128, 2));
        assert_eq!(subscriber.flows(), 1);
        assert_eq!(
            (subscriber.frame_latency.total(), subscriber.layers[0]),
            (2, 2)
        );
        assert_eq!(subscriber.missing(), 898, "from 1 to 900, two came");
        subscriber.handle_packet((1, 70_002), (&[0; 64], false), (epoch, &window), now);
        assert_eq!(subscriber.foreign, 1);
        assert_eq!(subscriber.missing(), 898, "it came 6 s after the window");
    }
}
