//! Reliable messages kept for a moment, for those whose channel is not open yet.

use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use vocab::{ParticipantKey, ParticipantSid};

/// How long a reliable message is kept (livekit-server keeps 2 s).
pub const HOLD_TIME: Duration = Duration::from_secs(2);
/// Bytes kept per room; beyond it the oldest message is let go.
pub const MAX_HELD_BYTES: usize = 4 * 1024 * 1024;
/// Messages kept per room; beyond it the oldest is let go.
pub const MAX_HELD_MESSAGES: usize = 4_096;

/// To whom a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipients {
    /// Everyone but the sender.
    All,
    /// These, whoever is still there.
    Some(Vec<ParticipantKey>),
}

impl Recipients {
    /// Whether `participant` is one.
    pub(crate) fn include(&self, participant: ParticipantKey) -> bool {
        match self {
            Self::All => true,
            Self::Some(keys) => keys.contains(&participant),
        }
    }
}

/// One message as it went out.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) at: Instant,
    /// `None`: the server itself.
    pub(crate) sender: Option<(ParticipantKey, ParticipantSid)>,
    /// 0: the sender does not count.
    pub(crate) sequence: u32,
    pub(crate) recipients: Recipients,
    pub(crate) payload: Bytes,
}

/// The last [`HOLD_TIME`] of a room's reliable messages, oldest first.
#[derive(Debug, Default)]
pub(crate) struct HeldMessages {
    messages: VecDeque<Held>,
    bytes: usize,
}

impl HeldMessages {
    /// Keeps a message, letting go of what is too old or too much.
    pub(crate) fn hold(&mut self, message: Held) {
        self.expire(message.at);
        self.bytes += message.payload.len();
        self.messages.push_back(message);
        while self.bytes > MAX_HELD_BYTES || self.messages.len() > MAX_HELD_MESSAGES {
            self.drop_oldest();
        }
    }

    /// Lets go of what is older than [`HOLD_TIME`].
    pub(crate) fn expire(&mut self, now: Instant) {
        let old = |m: &Held| now.saturating_duration_since(m.at) > HOLD_TIME;
        while self.messages.front().is_some_and(old) {
            self.drop_oldest();
        }
    }

    /// What is still held, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.messages.iter()
    }

    /// When the oldest message is to be let go.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.messages
            .front()
            .map(|m| m.at + HOLD_TIME + Duration::from_millis(1))
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.messages.pop_front() {
            self.bytes -= oldest.payload.len();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    fn message(at: Instant, bytes: usize) -> Held {
        Held {
            at,
            sender: None,
            sequence: 0,
            recipients: Recipients::All,
            payload: Bytes::from(vec![0; bytes]),
        }
    }

    #[test]
    fn messages_are_held_for_two_seconds() {
        let (mut held, start) = (HeldMessages::default(), Instant::now());
        held.hold(message(start, 1));
        held.expire(start + HOLD_TIME);
        assert_eq!(held.iter().count(), 1);
        held.expire(start + HOLD_TIME + Duration::from_millis(1));
        assert_eq!(held.iter().count(), 0);
    }

    #[test]
    fn at_either_limit_the_oldest_goes() {
        let (mut held, start) = (HeldMessages::default(), Instant::now());
        for _ in 0..=MAX_HELD_MESSAGES {
            held.hold(message(start, 1));
        }
        assert_eq!(held.iter().count(), MAX_HELD_MESSAGES);
        for _ in 0..=MAX_HELD_BYTES / 65_536 {
            held.hold(message(start, 65_536));
        }
        assert_eq!(held.bytes, MAX_HELD_BYTES);
        assert_eq!(held.iter().count(), MAX_HELD_BYTES / 65_536);
    }
}
