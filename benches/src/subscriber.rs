//! What one subscriber received.

use crate::histogram::Histogram;
use crate::stamp::{Epoch, Stamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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

/// Which packets of one publisher came; one bit each.
#[derive(Debug, Default)]
struct Seen {
    words: Vec<u64>,
}

impl Seen {
    /// False: it was there before.
    fn insert(&mut self, sequence: u64) -> bool {
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
#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: u32,
    lowest: u64,
    highest: u64,
    received: u64,
}

/// The tally of one subscriber.
#[derive(Debug, Default)]
pub struct Subscriber {
    publishers: HashMap<u32, Seen>,
    streams: Vec<Stream>,
    /// Packets sent in the window that arrived, each once.
    pub delivered: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// Packets of the window that arrived again.
    pub duplicates: u64,
    /// From handing to the publisher's sender to reading the subscriber's datagram.
    pub latency: Histogram,
    /// Packets without a stamp: probes, padding.
    pub foreign: u64,
}

impl Subscriber {
    /// Takes one packet with its SSRC and extended sequence number. True: the first one of its
    /// publisher.
    pub fn handle_packet(
        &mut self,
        (ssrc, sequence): (u32, u64),
        payload: &[u8],
        epoch: Epoch,
        window: &Window,
        arrival: Instant,
    ) -> bool {
        let Some(stamp) = Stamp::read(payload) else {
            self.foreign += 1;
            return false;
        };
        let first = !self.publishers.contains_key(&stamp.publisher);
        let new = self
            .publishers
            .entry(stamp.publisher)
            .or_default()
            .insert(stamp.sequence);
        if window.contains(stamp.sent_at) {
            if new {
                self.delivered += 1;
                self.bytes += payload.len() as u64;
                self.note(ssrc, sequence);
                self.latency
                    .record(epoch.at(arrival).saturating_sub(stamp.sent_at));
            } else {
                self.duplicates += 1;
            }
        }
        first
    }

    /// Packets that the server sent, by their numbers, and that never arrived.
    pub fn missing(&self) -> u64 {
        let sent = |stream: &Stream| stream.highest - stream.lowest + 1;
        self.streams
            .iter()
            .map(|stream| sent(stream).saturating_sub(stream.received))
            .sum()
    }

    fn note(&mut self, ssrc: u32, sequence: u64) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) else {
            self.streams.push(Stream {
                ssrc,
                lowest: sequence,
                highest: sequence,
                received: 1,
            });
            return;
        };
        stream.lowest = stream.lowest.min(sequence);
        stream.highest = stream.highest.max(sequence);
        stream.received += 1;
    }

    /// Publishers seen.
    pub fn publishers(&self) -> usize {
        self.publishers.len()
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
                publisher: 3,
                sequence,
                sent_at,
            }
            .write(&mut payload);
            subscriber.handle_packet((1, 70_000 + sequence), &payload, epoch, &window, now)
        };
        assert!(take(0, 1), "the first packet of a publisher is reported");
        window.set(Duration::from_secs(2), Duration::from_secs(4));
        assert!(!take(1, 2));
        take(900, 3);
        take(900, 3);
        take(901, 4);
        assert_eq!((subscriber.delivered, subscriber.duplicates), (2, 1));
        assert_eq!((subscriber.bytes, subscriber.latency.total()), (128, 2));
        assert_eq!(subscriber.publishers(), 1);
        assert_eq!(subscriber.missing(), 898, "from 1 to 900, two came");
        subscriber.handle_packet((1, 1), &[0; 64], epoch, &window, now);
        assert_eq!(subscriber.foreign, 1);
    }
}
