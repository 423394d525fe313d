//! What can be asked of the index, and what comes back.

use domain::{EndReason, Event, EventType, TrackKind, TrackSource};
use serde::{Deserialize, Serialize};
use vocab::{Identity, ParticipantSid, RoomName, RoomSid, TrackSid, UnixMillis};

/// Most items on one page. A larger `limit` is lowered to this, so that one question never
/// holds more than a few megabytes.
pub const MAX_PAGE: usize = 1_000;

/// Which events; `Default` is all of them, oldest first, [`MAX_PAGE`] per page.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// Only of this room's life.
    pub room: Option<RoomSid>,
    /// Only of rooms with this name.
    pub room_name: Option<RoomName>,
    /// Only by this actor.
    pub actor: Option<Identity>,
    /// Only of these types; empty means all.
    pub kinds: Vec<EventType>,
    /// Only at or after this time.
    pub from: Option<UnixMillis>,
    /// Only before this time.
    pub to: Option<UnixMillis>,
    /// The last page's [`Page::next`] (or, to follow, the last sequence seen); exclusive.
    pub after: Option<u64>,
    /// Items per page, at most [`MAX_PAGE`]; 0 means [`MAX_PAGE`].
    pub limit: usize,
    /// Latest sequence first.
    pub newest_first: bool,
}

/// Which rooms; `Default` is all of them in the order they opened.
#[derive(Debug, Clone, Default)]
pub struct SessionQuery {
    /// Only rooms with this name.
    pub name: Option<RoomName>,
    /// `Some(true)`: only open rooms; `Some(false)`: only ended ones.
    pub open: Option<bool>,
    /// Only rooms that were open at or after this time.
    pub from: Option<UnixMillis>,
    /// Only rooms that opened before this time.
    pub to: Option<UnixMillis>,
    /// The last page's [`Page::next`]; exclusive.
    pub after: Option<u64>,
    /// Items per page, at most [`MAX_PAGE`]; 0 means [`MAX_PAGE`].
    pub limit: usize,
    /// Latest opened first.
    pub newest_first: bool,
    /// Fill [`RoomSession::participants`] (at most [`MAX_PAGE`] per room).
    pub participants: bool,
}

/// Which presences; `Default` is all of them in the order they joined.
#[derive(Debug, Clone, Default)]
pub struct PresenceQuery {
    /// Only in this room's life.
    pub room: Option<RoomSid>,
    /// Only of this identity.
    pub identity: Option<Identity>,
    /// `Some(true)`: only those still there; `Some(false)`: only those that left.
    pub open: Option<bool>,
    /// Only presences that lasted until this time or longer.
    pub from: Option<UnixMillis>,
    /// Only presences that began before this time.
    pub to: Option<UnixMillis>,
    /// The last page's [`Page::next`]; exclusive.
    pub after: Option<u64>,
    /// Items per page, at most [`MAX_PAGE`]; 0 means [`MAX_PAGE`].
    pub limit: usize,
    /// Latest joined first.
    pub newest_first: bool,
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What matched, in the order asked for. May be shorter than the limit, even empty, while
    /// [`Self::next`] says there is more: one question examines a bounded number of entries.
    pub items: Vec<T>,
    /// Where the next page starts (`after`); `None`: nothing is left.
    pub next: Option<u64>,
}

/// An event with its place in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Its place: 1 is the first event of this box, without gaps.
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// One room's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSession {
    /// The life's id.
    pub sid: RoomSid,
    /// The room's name.
    pub name: RoomName,
    /// Sequence of the event that opened it: its place in pages.
    pub sequence: u64,
    /// When it opened.
    pub created_at: UnixMillis,
    /// When it ended; `None` while it lives.
    pub destroyed_at: Option<UnixMillis>,
    /// Why it ended; `None` while it lives.
    pub reason: Option<EndReason>,
    /// Whether newcomers were refused last.
    pub locked: bool,
    /// Joins over its whole life.
    pub joins: u64,
    /// Participants there now; 0 once it ended.
    pub present: u64,
    /// Its presences in the order they joined, at most [`MAX_PAGE`]. Filled by
    /// [`crate::Reader::room`], and by [`crate::Reader::rooms`] on request.
    pub participants: Vec<Presence>,
}

/// One participant's connection, from join to leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The room's life.
    pub room: RoomSid,
    /// The room's name.
    pub room_name: RoomName,
    /// Whose.
    pub identity: Identity,
    /// The presence's id.
    pub sid: ParticipantSid,
    /// Sequence of its join: its place in pages.
    pub sequence: u64,
    /// The client's kind (`js`, `python`, `whip` …); empty if unknown.
    pub client: String,
    /// When it joined.
    pub joined_at: UnixMillis,
    /// When it left; `None` while it is there.
    pub left_at: Option<UnixMillis>,
    /// Its length in milliseconds; `None` while it is there.
    pub duration_ms: Option<u64>,
    /// Why it ended; `None` while it is there.
    pub reason: Option<EndReason>,
    /// What it published, in order; at most [`MAX_TRACKS`].
    pub tracks: Vec<TrackRecord>,
}

/// Most tracks remembered per presence. Later ones stay in the journal and are not listed here:
/// a client that republishes forever must not grow a row forever.
pub const MAX_TRACKS: usize = 256;

/// One published track, from publish to unpublish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackRecord {
    /// Which.
    pub sid: TrackSid,
    /// Audio or video.
    pub kind: TrackKind,
    /// Camera, microphone, screen.
    pub source: TrackSource,
    /// When it was published.
    pub published_at: UnixMillis,
    /// When it ended; `None` while it lives.
    pub unpublished_at: Option<UnixMillis>,
}
