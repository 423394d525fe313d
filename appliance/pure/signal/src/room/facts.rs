//! What is written down: events for the journal, webhooks for the outbox, sids.

use super::Room;
use crate::now::Now;
use crate::output::Output;
use crate::participant::Participant;
use crate::track::Track;
use domain::event::Actor;
use domain::{EndReason, Event, EventData, TrackKind, TrackSource};
use livekit_protocol::{ParticipantInfo, RoomEndReason, TrackInfo, WebhookEvent};
use media::Kind;
use vocab::{ParticipantKey, TrackKey};

/// LiveKit's alphabet for ids: letters and digits that are not mistaken for each other.
///
/// Source: lithammer/shortuuid, its default alphabet.
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Random characters of a sid: 57^12 leaves no room for chance.
const SID_CHARS: usize = 12;

/// A new sid with this prefix.
pub(super) fn sid(rng: &mut fastrand::Rng, prefix: &str) -> String {
    let chars = (0..SID_CHARS).filter_map(|_| ALPHABET.get(rng.usize(..ALPHABET.len())));
    prefix
        .chars()
        .chain(chars.map(|byte| char::from(*byte)))
        .collect()
}

impl Room {
    pub(super) fn new_sid(&mut self, prefix: &str) -> String {
        sid(&mut self.rng, prefix)
    }

    /// Journals what a participant did.
    pub(super) fn record(&mut self, key: ParticipantKey, data: EventData, now: Now) {
        if let Some(actor) = self.roster.get(&key).map(actor) {
            self.journal(Some(actor), data, now);
        }
    }

    pub(super) fn journal(&mut self, actor: Option<Actor>, data: EventData, now: Now) {
        self.outputs.push_back(Output::Event(Event {
            at: now.unix,
            room: self.sid.clone(),
            room_name: self.name.clone(),
            actor,
            peer: None,
            data,
        }));
    }

    /// Queues a webhook about the room, a participant or one of its tracks.
    pub(super) fn webhook(
        &mut self,
        event: &str,
        participant: Option<ParticipantInfo>,
        track: Option<TrackInfo>,
        now: Now,
    ) {
        let event = WebhookEvent {
            event: event.into(),
            room: Some(self.info()),
            participant,
            track,
            id: self.new_sid("EV_"),
            created_at: i64::try_from(now.unix.as_secs()).unwrap_or(i64::MAX),
            ..WebhookEvent::default()
        };
        self.outputs.push_back(Output::Webhook(Box::new(event)));
    }

    pub(super) fn record_opened(&mut self, now: Now) {
        self.journal(None, EventData::RoomCreated, now);
        self.webhook("room_started", None, None, now);
    }

    pub(super) fn record_closed(&mut self, reason: EndReason, now: Now) {
        let ended = match reason {
            EndReason::RoomDeleted => RoomEndReason::RoomEndApiDelete,
            EndReason::RoomEmpty => RoomEndReason::RoomEndIdleTimeout,
            EndReason::ServerShutdown => RoomEndReason::RoomEndServerShutdown,
            _ => RoomEndReason::RoomEndUnknown,
        };
        self.journal(None, EventData::RoomDestroyed { reason }, now);
        self.webhook("room_finished", None, None, now);
        if let Some(Output::Webhook(event)) = self.outputs.back_mut() {
            event.room_end_reason = ended.into();
        }
    }

    /// A track's section is negotiated.
    pub(super) fn record_published(&mut self, key: ParticipantKey, track: TrackKey, now: Now) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let Some(track) = participant.tracks.get(&track) else {
            return;
        };
        let (info, track_info) = (participant.info(), track.info.clone());
        let is_screen = track.is_screen();
        let data = EventData::TrackPublished {
            track: track.sid.clone(),
            kind: journal_kind(track.kind),
            source: journal_source(track),
        };
        self.record(key, data, now);
        if is_screen {
            self.record(key, EventData::ScreencaptureStarted, now);
        }
        self.webhook("track_published", Some(info), Some(track_info), now);
    }

    /// A published track is over.
    pub(super) fn record_unpublished(&mut self, key: ParticipantKey, track: &Track, now: Now) {
        if track.is_screen() {
            self.record(key, EventData::ScreencaptureEnded, now);
        }
        self.record(
            key,
            EventData::TrackUnpublished {
                track: track.sid.clone(),
            },
            now,
        );
        let info = self.roster.get(&key).map(Participant::info);
        self.webhook("track_unpublished", info, Some(track.info.clone()), now);
    }
}

/// A participant in the journal.
pub(super) fn actor(participant: &Participant) -> Actor {
    Actor {
        identity: participant.identity.clone(),
        sid: participant.sid.clone(),
    }
}

fn journal_kind(kind: Kind) -> TrackKind {
    match kind {
        Kind::Audio => TrackKind::Audio,
        Kind::Video => TrackKind::Video,
    }
}

fn journal_source(track: &Track) -> TrackSource {
    use livekit_protocol::TrackSource as Wire;
    match track.info.source() {
        Wire::Unknown => TrackSource::Unknown,
        Wire::Camera => TrackSource::Camera,
        Wire::Microphone => TrackSource::Microphone,
        Wire::ScreenShare => TrackSource::ScreenShare,
        Wire::ScreenShareAudio => TrackSource::ScreenShareAudio,
    }
}
