//! `LiveKit`'s data channels on one transport, and what waits to be sent on them.

use bytes::Bytes;
use media::Channel;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

/// Largest data message in bytes, advertised as `a=max-message-size` (`livekit.md` §3).
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// What str0m keeps of unacknowledged data per transport, in bytes. It caps the throughput at
/// this much per round trip: 40 Mbit/s at 50 ms.
pub(crate) const MAX_BUFFERED_BYTES: usize = 256 * 1024;
/// Reliable data that waits for [`MAX_BUFFERED_BYTES`] to have room, in bytes per transport. A
/// client that reads more slowly for longer loses messages (refused, counted): the box does not
/// keep a stalled client's mail without end.
pub(crate) const MAX_QUEUED_DATA_BYTES: usize = 1024 * 1024;
/// From this many waiting bytes on, those who send to the client are slowed.
const BACKLOG_BYTES: usize = MAX_QUEUED_DATA_BYTES / 8;
/// How long they are slowed when the queue is full; with its square when it is less. In each such
/// time some 100 kB arrive, so 3 MB/s stand at a quarter, 0.2 MB/s at the limit.
const LONGEST_REST: Duration = Duration::from_millis(500);
/// A client that has taken nothing for so long slows nobody any more.
const STALL: Duration = Duration::from_secs(1);
/// Most channels a client may open; `LiveKit`'s have three.
const MAX_CHANNELS: usize = 16;
/// str0m tells when its buffer has drained to this, in bytes per channel.
const LOW_WATER_BYTES: usize = MAX_BUFFERED_BYTES / 2;
/// `LiveKit`'s three, with the stream ids of out-of-band negotiation (`livekit.md` §2).
const CHANNELS: [(Channel, &str, u16); 3] = [
    (Channel::Reliable, "_reliable", 100),
    (Channel::Lossy, "_lossy", 101),
    (Channel::DataTrack, "_data_track", 102),
];

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// str0m has it.
    Written,
    /// It waits.
    Queued,
    /// It is dropped.
    Refused,
}

/// The channels of one transport.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    open: Vec<(ChannelId, Option<Channel>)>,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    /// When something that waited was last written, or began to wait.
    progress: Option<Instant>,
    negotiated: bool,
}

impl Channels {
    /// A channel opened; its meaning, or `None` when its label is not one of `LiveKit`'s.
    pub(crate) fn opened(&mut self, rtc: &mut Rtc, id: ChannelId, label: &str) -> Option<Channel> {
        if self.open.len() >= MAX_CHANNELS {
            rtc.direct_api().close_data_channel(id);
            return None;
        }
        let channel = CHANNELS.iter().find(|known| known.1 == label);
        let channel = channel.map(|known| known.0);
        self.open.push((id, channel));
        if let Some(mut opened) = rtc.channel(id) {
            opened.set_buffered_amount_low_threshold(LOW_WATER_BYTES);
        }
        channel
    }

    /// The client closed it.
    pub(crate) fn closed(&mut self, id: ChannelId) {
        self.open.retain(|open| open.0 != id);
    }

    /// Which channel data arrived on.
    pub(crate) fn meaning(&self, id: ChannelId) -> Option<Channel> {
        self.open.iter().find(|open| open.0 == id)?.1
    }

    /// The newest open channel of that meaning: a client that opens a second one uses that.
    fn id(&self, channel: Channel) -> Option<ChannelId> {
        let newest = self.open.iter().rev();
        let mut known = newest.filter(|open| open.1 == Some(channel));
        known.next().map(|open| open.0)
    }

    /// Sends or, for reliable data, queues.
    pub(crate) fn send(
        &mut self,
        rtc: &mut Rtc,
        channel: Channel,
        payload: &[u8],
        now: Instant,
    ) -> Sent {
        let Some(id) = self
            .id(channel)
            .filter(|_| payload.len() <= MAX_MESSAGE_BYTES)
        else {
            return Sent::Refused;
        };
        let must_wait = channel == Channel::Reliable && !self.waiting.is_empty();
        if !must_wait {
            match write(rtc, id, payload) {
                Some(true) => return Sent::Written,
                Some(false) => {}
                None => return Sent::Refused,
            }
        }
        let fits = self.waiting_bytes + payload.len() <= MAX_QUEUED_DATA_BYTES;
        if channel != Channel::Reliable || !fits {
            return Sent::Refused;
        }
        if self.waiting.is_empty() {
            self.progress = Some(now);
        }
        self.waiting_bytes += payload.len();
        self.waiting.push_back(Bytes::copy_from_slice(payload));
        Sent::Queued
    }

    /// Writes what waits, as far as there is room; true when something was written.
    pub(crate) fn write_waiting(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        let mut written = false;
        let id = self.id(Channel::Reliable);
        while let (Some(id), Some(message)) = (id, self.waiting.front()) {
            if write(rtc, id, message) == Some(false) {
                break;
            }
            self.waiting_bytes -= message.len();
            self.waiting.pop_front();
            written = true;
        }
        if written {
            self.progress = Some(now);
        }
        written
    }

    /// How long those who send reliable data are to be slowed; `None`: they need not be.
    pub(crate) fn rest(&self, now: Instant) -> Option<Duration> {
        let taken = self.progress?;
        let is_stalled = now.saturating_duration_since(taken) > STALL;
        if is_stalled || self.waiting_bytes < BACKLOG_BYTES {
            return None;
        }
        let fullness = self.waiting_bytes as f64 / MAX_QUEUED_DATA_BYTES as f64;
        Some(LONGEST_REST.mul_f64(fullness * fullness))
    }

    /// Whether reliable data waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Opens the channels with the ids both sides know, once.
    pub(crate) fn negotiate(&mut self, rtc: &mut Rtc) {
        if !std::mem::replace(&mut self.negotiated, true) {
            for (channel, label, stream) in CHANNELS {
                let mut config = config(channel, label);
                config.negotiated = Some(stream);
                rtc.direct_api().create_data_channel(config);
            }
        }
    }
}

/// The configurations of the channels that the box opens itself.
pub(crate) fn configs() -> impl Iterator<Item = ChannelConfig> {
    CHANNELS.iter().map(|known| config(known.0, known.1))
}

fn config(channel: Channel, label: &str) -> ChannelConfig {
    let reliable = channel == Channel::Reliable;
    ChannelConfig {
        label: label.to_owned(),
        ordered: reliable,
        reliability: if reliable {
            Reliability::Reliable
        } else {
            Reliability::MaxRetransmits { retransmits: 0 }
        },
        ..ChannelConfig::default()
    }
}

/// `Some(false)`: no room now. `None`: never.
fn write(rtc: &mut Rtc, id: ChannelId, payload: &[u8]) -> Option<bool> {
    rtc.channel(id)?.write(true, payload).ok()
}
