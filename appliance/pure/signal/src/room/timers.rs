//! What has to happen by itself, and when.

use crate::keys::RpcKey;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use vocab::ParticipantKey;

/// How long a participant may be here without a media connection (LiveKit: one minute).
pub(crate) const JOIN_TIMEOUT: Duration = Duration::from_mins(1);
/// How long media may run without a WebSocket before the participant is given up. LiveKit's
/// clients retry for longer, and then join anew.
pub(crate) const RESUME_WINDOW: Duration = Duration::from_secs(30);
/// A negotiation without answer for this long is dead (`livekit.md` §2 *Answers and ids*).
pub(crate) const NEGOTIATION_TIMEOUT: Duration = Duration::from_secs(15);
/// A client's `leave` may arrive this much after its DTLS close (`livekit.md` §2 *Leave*).
pub(crate) const LEAVE_GRACE: Duration = Duration::from_secs(5);
/// Between two `refresh_token` (`livekit.md` §2 *Tokens*).
pub(crate) const TOKEN_INTERVAL: Duration = Duration::from_mins(5);
/// How long a resume waits for the media plane's data sequence. A client waits 5 s for its first
/// message; without the sequence it sends again what it kept, and duplicates are dropped.
pub(crate) const PROGRESS_TIMEOUT: Duration = Duration::from_secs(2);
/// Changes of the room's counts are told together (LiveKit: every 5 s).
pub(crate) const ROOM_UPDATE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a WHIP or WHEP request waits for its answer.
pub(crate) const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(7);

/// A thing that happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Nobody came, or nobody came back.
    Empty,
    /// Counts changed.
    RoomUpdate,
    /// [`JOIN_TIMEOUT`].
    Join(ParticipantKey),
    /// [`RESUME_WINDOW`].
    Resume(ParticipantKey),
    /// Our offer is unanswered.
    Offer(ParticipantKey),
    /// Our wish for an offer is unanswered.
    Ask(ParticipantKey),
    /// [`LEAVE_GRACE`].
    Gone(ParticipantKey),
    /// [`TOKEN_INTERVAL`].
    Token(ParticipantKey),
    /// [`PROGRESS_TIMEOUT`].
    Progress(ParticipantKey),
    /// A simulated speaker falls silent.
    Speaker(ParticipantKey),
    /// [`EXCHANGE_TIMEOUT`].
    Exchange(ParticipantKey),
    /// A call is not acknowledged.
    RpcAck(RpcKey),
    /// A call is not answered.
    RpcResponse(RpcKey),
}

/// Each timer at most once, soonest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    at: BTreeMap<Timer, Instant>,
    queue: BTreeSet<(Instant, Timer)>,
}

impl Timers {
    /// Sets it, or moves it.
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.clear(timer);
        self.at.insert(timer, at);
        self.queue.insert((at, timer));
    }

    /// Sets it unless it runs already.
    pub(crate) fn set_once(&mut self, timer: Timer, at: Instant) {
        if !self.at.contains_key(&timer) {
            self.set(timer, at);
        }
    }

    /// Forgets it.
    pub(crate) fn clear(&mut self, timer: Timer) {
        if let Some(at) = self.at.remove(&timer) {
            self.queue.remove(&(at, timer));
        }
    }

    /// Forgets all of a participant's.
    pub(crate) fn clear_participant(&mut self, key: ParticipantKey) {
        for timer in [
            Timer::Join(key),
            Timer::Resume(key),
            Timer::Offer(key),
            Timer::Ask(key),
            Timer::Gone(key),
            Timer::Token(key),
            Timer::Progress(key),
            Timer::Speaker(key),
            Timer::Exchange(key),
        ] {
            self.clear(timer);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear_all(&mut self) {
        self.at.clear();
        self.queue.clear();
    }

    /// The soonest.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The next one that is due; it is forgotten.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = *self.queue.first()?;
        (at <= now).then(|| {
            self.clear(timer);
            timer
        })
    }
}
