//! The control plane's state, and the one way into a room.

mod drain;
#[cfg(test)]
mod tests;

use crate::action::{Actions, Desk};
use crate::boundary::contained;
use crate::clock;
use crate::config::ControlConfig;
use crate::ended::Ended;
use crate::exchange::Exchanges;
use crate::lane::{LaneSender, Outbound};
use crate::room::{LiveRoom, Revocations};
use crate::rpc::PendingRpcs;
use crate::staged::{Reply, Saved, Staged};
use crate::status::Health;
use domain::Standing;
use domain::event::{EndReason, Event, EventData};
use domain::second::EndRequests;
use media::{MediaCommand, MediaEvent, MediaPlane};
use signal::{Keys, Now, Room, RoomConfig};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Store, StoreError};
use vocab::{RoomKey, RoomName, SessionKey};

/// How often a commit that failed is tried again.
const RETRY_COMMIT: Duration = Duration::from_secs(1);

/// The control plane. Lives on its thread; use-cases are its methods, in the file of their noun.
pub struct Control {
    pub(crate) config: ControlConfig,
    pub(crate) room_config: Arc<RoomConfig>,
    pub(crate) store: Store,
    media: Box<dyn MediaPlane>,
    pub(crate) health: Arc<Health>,
    pub(crate) keys: Keys,
    pub(crate) rooms: HashMap<RoomKey, LiveRoom>,
    pub(crate) by_name: HashMap<RoomName, RoomKey>,
    pub(crate) sessions: HashMap<SessionKey, Session>,
    pub(crate) exchanges: Exchanges,
    pub(crate) attempts: crate::attempts::Attempts,
    pub(crate) revocations: Revocations,
    pub(crate) rpcs: PendingRpcs,
    pub(crate) actions: Actions,
    pub(crate) desk: Desk,
    /// Ends that wait for a second person. They do not outlive the box, and no room does.
    pub(crate) end_requests: EndRequests,
    pub(crate) ended: Ended,
    /// Holds, blocks and the drain, events of this batch included.
    pub(crate) standing: Standing,
    /// The box is about to stop.
    pub(crate) retiring: bool,
    timers: BTreeSet<(Instant, RoomKey)>,
    staged: Staged,
    /// Sessions whose client reads too slowly, to be told to their rooms.
    cut: Vec<SessionKey>,
    /// Events appended since the start; tells whether a call wrote.
    appended: u64,
    /// Of these, when the last batch was saved.
    committed: u64,
    next_commit: Option<Instant>,
    seed: fastrand::Rng,
}

/// A WebSocket.
pub(crate) struct Session {
    pub(crate) room: RoomKey,
    pub(crate) lane: LaneSender,
}

/// The room is not there, or has just broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Control {
    pub(crate) fn new(
        config: ControlConfig,
        store: Store,
        media: Box<dyn MediaPlane>,
        health: Arc<Health>,
        seed: u64,
    ) -> Self {
        let standing = store.standing().clone();
        health.set_draining(standing.is_draining());
        Self {
            room_config: Arc::new(config.room.clone()),
            attempts: crate::attempts::Attempts::new(config.logbook.clone()),
            config,
            store,
            media,
            health,
            keys: Keys::default(),
            rooms: HashMap::new(),
            by_name: HashMap::new(),
            sessions: HashMap::new(),
            exchanges: Exchanges::default(),
            revocations: Revocations::default(),
            rpcs: PendingRpcs::default(),
            actions: Actions::default(),
            desk: Desk::default(),
            end_requests: EndRequests::default(),
            ended: Ended::default(),
            standing,
            retiring: false,
            timers: BTreeSet::new(),
            staged: Staged::default(),
            cut: Vec::new(),
            appended: 0,
            committed: 0,
            next_commit: None,
            seed: fastrand::Rng::with_seed(seed),
        }
    }

    /// This moment.
    pub(crate) fn now() -> Now {
        clock::now()
    }

    /// A room's seed: decides its ids.
    pub(crate) fn draw_seed(&mut self) -> u64 {
        self.seed.u64(..)
    }

    /// Adds a room and carries out what its birth asks for.
    pub(crate) fn add_room(&mut self, room: Room, now: Now) -> RoomKey {
        let key = room.key();
        self.by_name.insert(room.name().clone(), key);
        self.rooms.insert(key, LiveRoom::new(room, now.unix));
        self.drain(key);
        key
    }

    /// Runs `f` on a room behind the panic boundary, then carries out everything it asks for.
    pub(crate) fn with_room<R>(
        &mut self,
        key: RoomKey,
        f: impl FnOnce(&mut Room) -> R,
    ) -> Result<R, NoRoom> {
        let room = self.rooms.get_mut(&key).ok_or(NoRoom)?;
        let Some(result) = contained(|| f(&mut room.room)) else {
            self.bury(key);
            return Err(NoRoom);
        };
        self.drain(key);
        Ok(result)
    }

    /// Reads a room behind the panic boundary.
    pub(crate) fn read_room<R>(
        &mut self,
        key: RoomKey,
        f: impl FnOnce(&LiveRoom) -> R,
    ) -> Result<R, NoRoom> {
        let room = self.rooms.get(&key).ok_or(NoRoom)?;
        let result = contained(|| f(room));
        result.ok_or_else(|| {
            self.bury(key);
            NoRoom
        })
    }

    pub(crate) fn handle_media(&mut self, event: MediaEvent, now: Now) {
        count_failure(&event);
        self.attempts.note_event(&event);
        let key = room_of(&event);
        // A room that has ended no longer listens; the media plane may be a moment behind.
        let _ = self.with_room(key, |room| room.handle_media(event, now));
    }

    pub(crate) fn until_next_timer(&self, now: Instant, most: Duration) -> Duration {
        if !self.cut.is_empty() {
            return Duration::ZERO;
        }
        let next = self
            .timers
            .first()
            .map(|(at, _)| at.saturating_duration_since(now));
        next.map_or(most, |wait| wait.min(most))
    }

    pub(crate) fn fire_timers(&mut self, now: Now) {
        for session in std::mem::take(&mut self.cut) {
            self.forget_session(session, now);
        }
        // Only what is due now: a room that asks for "at once" is served in the next batch, so
        // that none can hold the thread.
        let due: Vec<RoomKey> = self
            .timers
            .iter()
            .take_while(|(at, _)| *at <= now.instant)
            .map(|(_, key)| *key)
            .collect();
        for key in due {
            self.set_timer(key, None);
            let _ = self.with_room(key, |room| room.handle_timeout(now));
        }
    }

    /// Ends every room because the box stops.
    pub(crate) fn close_all(&mut self, now: Now) {
        let keys: Vec<RoomKey> = self.rooms.keys().copied().collect();
        for key in keys {
            let _ = self.with_room(key, |room| room.close(EndReason::ServerShutdown, now));
        }
        self.health.set_stopping();
    }

    /// Puts the batch on disk, then lets the world see it.
    ///
    /// Media and signalling go out whether or not the disk took the events: calls in progress
    /// are worth more than their record. Only a caller that was promised a record is refused.
    pub(crate) fn commit_and_release(&mut self) {
        let saved = self.commit();
        let staged = std::mem::take(&mut self.staged);
        for command in staged.media {
            self.media.send(command);
        }
        for (session, out) in staged.messages {
            self.deliver(session, out);
        }
        self.finish_actions(saved);
        for reply in staged.replies {
            (reply.release)(if reply.wrote { saved } else { Saved::Yes });
        }
        self.report_counts();
    }

    pub(crate) fn stage_reply(&mut self, reply: Reply) {
        self.staged.replies.push(reply);
    }

    pub(crate) fn stage_message(&mut self, session: SessionKey, out: Outbound) {
        self.staged.messages.push((session, out));
    }

    pub(crate) fn stage_media(&mut self, command: MediaCommand) {
        if let MediaCommand::AddParticipant { room, participant } = &command {
            let session = self.rooms.get(room).map(|live| live.room.sid().clone());
            self.attempts.enter(*room, participant, session.as_ref());
        }
        self.attempts.note_command(&command);
        self.staged.media.push(command);
    }

    /// Tells the media plane at once, before the batch is on disk.
    pub(crate) fn media_now(&self, command: MediaCommand) {
        self.media.send(command);
    }

    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    /// Takes one event into the store's buffer.
    pub(crate) fn append(&mut self, event: &Event) -> Result<(), StoreError> {
        // Counted even when refused: whoever caused it must not hear that it is saved.
        self.appended += 1;
        self.ended.note(event, Instant::now());
        self.standing.apply(event);
        self.end_requests.handle_event(event);
        self.health.set_draining(self.is_draining());
        let appended = self.store.append(event).map(|_| ());
        if let Err(error) = &appended {
            self.health.set_store_problem(Some(error.to_string()));
        }
        appended
    }

    /// Admits only while events can be saved: a presence without a record would break the
    /// journal's promise.
    pub(crate) fn require_store(&self) -> Result<(), NotReady> {
        if self.health.is_ready() {
            Ok(())
        } else {
            Err(NotReady)
        }
    }

    pub(crate) fn set_timer(&mut self, key: RoomKey, at: Option<Instant>) {
        let Some(room) = self.rooms.get_mut(&key) else {
            return;
        };
        if room.wake == at {
            return;
        }
        if let Some(old) = std::mem::replace(&mut room.wake, at) {
            self.timers.remove(&(old, key));
        }
        if let Some(at) = at {
            self.timers.insert((at, key));
        }
    }

    /// Drops a room's place in all tables; its sessions have been told or are told now.
    pub(crate) fn drop_room(&mut self, key: RoomKey) {
        self.set_timer(key, None);
        let Some(room) = self.rooms.remove(&key) else {
            return;
        };
        // The name may already belong to a newer life.
        if self.by_name.get(room.room.name()) == Some(&key) {
            self.by_name.remove(room.room.name());
        }
        let orphans: Vec<SessionKey> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.room == key)
            .map(|(k, _)| *k)
            .collect();
        for session in orphans {
            self.stage_message(session, Outbound::Close);
        }
        self.exchanges.forget_room(key);
        self.rpcs.forget_room(key);
    }

    /// Closes a room whose state machine broke, from what this thread knows of it.
    fn bury(&mut self, key: RoomKey) {
        metrics::counter!("ringward_room_panics_total").increment(1);
        tracing::error!(room = %key, "a room's state machine broke; the room was closed");
        self.close_by_force(key, EndReason::SystemReset);
    }

    /// Ends a room without asking its state machine: everybody is cut off, its record is closed.
    pub(crate) fn close_by_force(&mut self, key: RoomKey, reason: EndReason) {
        let Some(room) = self.rooms.get_mut(&key) else {
            return;
        };
        let events =
            room.roll
                .closing_events(room.room.sid(), room.room.name(), reason, clock::now().unix);
        for event in events {
            // The append has already marked the store as failing where it failed.
            let _ = self.append(&event);
        }
        self.stage_media(MediaCommand::CloseRoom { room: key });
        self.drop_room(key);
    }

    fn deliver(&mut self, session: SessionKey, out: Outbound) {
        let last = matches!(out, Outbound::Close);
        let Some(entry) = self.sessions.get(&session) else {
            return;
        };
        let room = entry.room;
        if entry.lane.push(out).is_err() {
            metrics::counter!("ringward_sessions_cut_total").increment(1);
            tracing::info!(session = %session, room = %room, "a client reads too slowly; closed, it can resume");
            self.cut.push(session);
        } else if last {
            self.sessions.remove(&session);
        }
    }

    fn commit(&mut self) -> Saved {
        let now = Instant::now();
        if self.next_commit.is_some_and(|at| now < at) {
            return Saved::No;
        }
        let health = self.health.clone();
        let result = health.saving(|| self.store.commit());
        metrics::histogram!("ringward_control_commit_seconds").record(now.elapsed());
        match result {
            Ok(()) => {
                self.next_commit = None;
                if std::mem::replace(&mut self.committed, self.appended) != self.appended {
                    self.health.note_commit(now.elapsed(), Instant::now());
                }
                if self.health.set_store_problem(None) {
                    tracing::warn!("events are saved again; newcomers are admitted");
                }
                Saved::Yes
            }
            Err(error) => {
                metrics::counter!("ringward_control_commit_failures_total").increment(1);
                if self.health.set_store_problem(Some(error.to_string())) {
                    tracing::error!(%error, "events are not saved; calls go on, newcomers are refused");
                }
                self.next_commit = Some(now + RETRY_COMMIT);
                Saved::No
            }
        }
    }

    fn report_counts(&self) {
        let (mut participants, mut tracks) = (0, 0);
        for room in self.rooms.values() {
            participants += room.roll.participants();
            tracks += room.roll.tracks();
        }
        self.health.set_counts(
            self.rooms.len() as u64,
            participants as u64,
            tracks as u64,
            self.exchanges.len() as u64,
        );
    }

    /// For [`EventData`] that only this thread knows of.
    pub(crate) fn event_of(room: &Room, data: EventData, now: Now) -> Event {
        Event {
            at: now.unix,
            room: room.sid().clone(),
            room_name: room.name().clone(),
            actor: None,
            peer: None,
            data,
        }
    }
}

/// The box admits nobody now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the box admits nobody now: its events cannot be saved, or it is stopping")]
pub struct NotReady;

fn room_of(event: &MediaEvent) -> RoomKey {
    match event {
        MediaEvent::Answered { room, .. }
        | MediaEvent::Offered { room, .. }
        | MediaEvent::AnswerAccepted { room, .. }
        | MediaEvent::NegotiationFailed { room, .. }
        | MediaEvent::PeerConnected { room, .. }
        | MediaEvent::PeerFailed { room, .. }
        | MediaEvent::PathSeen { room, .. }
        | MediaEvent::TrackFlowing { room, .. }
        | MediaEvent::DemandChanged { room, .. }
        | MediaEvent::StreamStateChanged { room, .. }
        | MediaEvent::SpeakersChanged { room, .. }
        | MediaEvent::QualityChanged { room, .. }
        | MediaEvent::MessageSent { room, .. }
        | MediaEvent::RpcAnswered { room, .. }
        | MediaEvent::DataProgress { room, .. } => *room,
    }
}

fn count_failure(event: &MediaEvent) {
    use media::plane::{NegotiationFailure, PeerFailure};
    match event {
        MediaEvent::PeerFailed { cause, .. } => {
            let cause = match cause {
                PeerFailure::IceTimeout => "ice_timeout",
                PeerFailure::IceDisconnected => "ice_disconnected",
                PeerFailure::Dtls => "dtls",
                PeerFailure::ClosedByPeer => "closed_by_peer",
                PeerFailure::Fault => "fault",
            };
            metrics::counter!("ringward_peer_failures_total", "cause" => cause).increment(1);
        }
        MediaEvent::NegotiationFailed { cause, .. } => {
            let cause = match cause {
                NegotiationFailure::Malformed => "malformed",
                NegotiationFailure::TooLarge => "too_large",
                NegotiationFailure::NoPendingOffer => "no_pending_offer",
                NegotiationFailure::Closed => "closed",
            };
            metrics::counter!("ringward_negotiation_failures_total", "cause" => cause).increment(1);
        }
        _ => {}
    }
}
