//! Rooms and presences as the events tell them.
//!
//! Whatever order events come in, the outcome is defined: a room that is not open is opened by its
//! creation or by a join, everything else about it or about an absent participant changes nothing.
//! `store/open_rooms.rs` follows the same rule without an index.

use crate::query::{MAX_TRACKS, Presence, RoomSession, StoredEvent, TrackRecord};
use domain::event::Actor;
use domain::{EndReason, EventData};
use std::collections::{BTreeMap, BTreeSet};
use vocab::{ParticipantSid, RoomSid, UnixMillis};

type PresenceKey = (RoomSid, ParticipantSid);

/// What is open, and what changed since it was last saved.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Sessions {
    rooms: BTreeMap<RoomSid, RoomSession>,
    presences: BTreeMap<PresenceKey, Presence>,
    changed_rooms: BTreeSet<RoomSid>,
    changed_presences: BTreeSet<PresenceKey>,
    /// Ended since the last save.
    ended_rooms: BTreeMap<RoomSid, RoomSession>,
    ended_presences: Vec<Presence>,
}

/// Rows to save.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) rooms: Vec<RoomSession>,
    pub(crate) presences: Vec<Presence>,
}

/// Whether this opens a room that is not open.
pub(crate) fn opens_room(data: &EventData) -> bool {
    matches!(
        data,
        EventData::RoomCreated | EventData::OccupantJoined { .. }
    )
}

impl Sessions {
    /// What a saved index says is open.
    pub(crate) fn restore(rooms: Vec<RoomSession>, presences: Vec<Presence>) -> Self {
        let rooms = rooms
            .into_iter()
            .map(|room| (room.sid.clone(), room))
            .collect();
        let presences = presences
            .into_iter()
            .map(|p| ((p.room.clone(), p.sid.clone()), p))
            .collect();
        Self {
            rooms,
            presences,
            ..Self::default()
        }
    }

    /// Applies one event. `saved` finds a room that is not open.
    pub(crate) fn apply<E>(
        &mut self,
        stored: &StoredEvent,
        saved: impl FnOnce(&RoomSid) -> Result<Option<RoomSession>, E>,
    ) -> Result<(), E> {
        let event = &stored.event;
        if opens_room(&event.data) && !self.rooms.contains_key(&event.room) {
            let ended = self.ended_rooms.get(&event.room).cloned();
            let known = ended.map_or_else(|| saved(&event.room), |room| Ok(Some(room)))?;
            self.open_room(stored, known);
        }
        let actor = event.actor.as_ref();
        match &event.data {
            EventData::RoomDestroyed { reason } => self.end_room(&event.room, *reason, event.at),
            EventData::RoomLocked => self.with_room(&event.room, |room| room.locked = true),
            EventData::RoomUnlocked => self.with_room(&event.room, |room| room.locked = false),
            EventData::OccupantJoined { client } => self.join(stored, actor, client),
            EventData::OccupantLeft {
                reason,
                duration_ms,
            } => {
                if let Some(actor) = actor {
                    let key = (event.room.clone(), actor.sid.clone());
                    self.leave(&key, *reason, event.at, Some(*duration_ms));
                }
            }
            EventData::TrackPublished {
                track,
                kind,
                source,
            } => {
                let record = TrackRecord {
                    sid: track.clone(),
                    kind: *kind,
                    source: *source,
                    published_at: event.at,
                    unpublished_at: None,
                };
                self.with_presence(&event.room, actor, |presence| {
                    if presence.tracks.len() < MAX_TRACKS {
                        presence.tracks.push(record);
                    }
                });
            }
            EventData::TrackUnpublished { track } => {
                self.with_presence(&event.room, actor, |presence| {
                    let live = presence
                        .tracks
                        .iter_mut()
                        .find(|t| t.sid == *track && t.unpublished_at.is_none());
                    if let Some(live) = live {
                        live.unpublished_at = Some(event.at);
                    }
                });
            }
            EventData::RoomCreated
            | EventData::MessageSent
            | EventData::ScreencaptureStarted
            | EventData::ScreencaptureEnded
            | EventData::AudioPaused
            | EventData::AudioResumed
            | EventData::VideoPaused
            | EventData::VideoResumed
            | EventData::RttEnabled
            | EventData::RttDisabled
            | EventData::P2pSessionStarted { .. }
            | EventData::P2pSessionEnded { .. }
            | EventData::P2pSessionStats { .. }
            | EventData::SystemReset
            | EventData::RoomHeld
            | EventData::RoomReleased
            | EventData::RoomPurged
            | EventData::RejoinBlocked { .. }
            | EventData::DrainStarted
            | EventData::DrainEnded
            | EventData::AuditNoted { .. } => {}
        }
        Ok(())
    }

    /// What changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let changed_rooms = std::mem::take(&mut self.changed_rooms);
        let changed_presences = std::mem::take(&mut self.changed_presences);
        let mut rooms: Vec<_> = std::mem::take(&mut self.ended_rooms)
            .into_values()
            .collect();
        let mut presences = std::mem::take(&mut self.ended_presences);
        rooms.extend(
            changed_rooms
                .iter()
                .filter_map(|key| self.rooms.get(key))
                .cloned(),
        );
        presences.extend(
            changed_presences
                .iter()
                .filter_map(|key| self.presences.get(key))
                .cloned(),
        );
        Changes { rooms, presences }
    }

    /// Rooms still open.
    #[cfg(test)]
    pub(crate) fn open_rooms(&self) -> impl Iterator<Item = &RoomSession> {
        self.rooms.values()
    }

    /// Presences still open in a room.
    pub(crate) fn presences_of(&self, sid: &RoomSid) -> impl Iterator<Item = &Presence> {
        let first = (sid.clone(), ParticipantSid::new(""));
        self.presences
            .range(first..)
            .map(|(_, p)| p)
            .take_while(move |p| p.room == *sid)
    }

    fn open_room(&mut self, stored: &StoredEvent, known: Option<RoomSession>) {
        let event = &stored.event;
        let room = match known {
            Some(mut room) => {
                (room.destroyed_at, room.reason) = (None, None);
                room
            }
            None => RoomSession {
                sid: event.room.clone(),
                name: event.room_name.clone(),
                sequence: stored.sequence,
                created_at: event.at,
                destroyed_at: None,
                reason: None,
                locked: false,
                joins: 0,
                present: 0,
                participants: Vec::new(),
            },
        };
        self.ended_rooms.remove(&event.room);
        self.changed_rooms.insert(event.room.clone());
        self.rooms.insert(event.room.clone(), room);
    }

    fn end_room(&mut self, sid: &RoomSid, reason: EndReason, at: UnixMillis) {
        let still_there: Vec<_> = self
            .presences_of(sid)
            .map(|p| (p.room.clone(), p.sid.clone()))
            .collect();
        for key in &still_there {
            self.leave(key, reason, at, None);
        }
        if let Some(mut room) = self.rooms.remove(sid) {
            room.destroyed_at = Some(at);
            room.reason = Some(reason);
            self.ended_rooms.insert(sid.clone(), room);
        }
    }

    fn join(&mut self, stored: &StoredEvent, actor: Option<&Actor>, client: &str) {
        let event = &stored.event;
        let Some(actor) = actor else { return };
        let key = (event.room.clone(), actor.sid.clone());
        if self.presences.contains_key(&key) {
            return;
        }
        self.with_room(&event.room, |room| {
            room.joins += 1;
            room.present += 1;
        });
        self.changed_presences.insert(key.clone());
        let presence = Presence {
            room: event.room.clone(),
            room_name: event.room_name.clone(),
            identity: actor.identity.clone(),
            sid: actor.sid.clone(),
            sequence: stored.sequence,
            client: client.to_owned(),
            joined_at: event.at,
            left_at: None,
            duration_ms: None,
            reason: None,
            tracks: Vec::new(),
        };
        self.presences.insert(key, presence);
    }

    fn leave(&mut self, key: &PresenceKey, reason: EndReason, at: UnixMillis, lasted: Option<u64>) {
        let Some(mut presence) = self.presences.remove(key) else {
            return;
        };
        presence.left_at = Some(at);
        presence.duration_ms = Some(lasted.unwrap_or(at.0.saturating_sub(presence.joined_at.0)));
        presence.reason = Some(reason);
        for track in presence
            .tracks
            .iter_mut()
            .filter(|t| t.unpublished_at.is_none())
        {
            track.unpublished_at = Some(at);
        }
        self.ended_presences.push(presence);
        self.with_room(&key.0, |room| room.present = room.present.saturating_sub(1));
    }

    fn with_room(&mut self, sid: &RoomSid, change: impl FnOnce(&mut RoomSession)) {
        if let Some(room) = self.rooms.get_mut(sid) {
            change(room);
            self.changed_rooms.insert(sid.clone());
        }
    }

    fn with_presence(
        &mut self,
        room: &RoomSid,
        actor: Option<&Actor>,
        change: impl FnOnce(&mut Presence),
    ) {
        let Some(actor) = actor else { return };
        let key = (room.clone(), actor.sid.clone());
        if let Some(presence) = self.presences.get_mut(&key) {
            change(presence);
            self.changed_presences.insert(key);
        }
    }
}
