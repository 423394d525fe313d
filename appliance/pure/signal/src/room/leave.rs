//! Ends: of a presence and of the room.

use super::timers::{LEAVE_GRACE, RESUME_WINDOW, Timer};
use super::{Participant, Room, facts};
use crate::now::Now;
use crate::output::Output;
use crate::participant::Link;
use domain::{EndReason, EventData};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{DisconnectReason, LeaveRequest, ParticipantInfo};
use media::MediaCommand;
use media::plane::PeerFailure;
use vocab::{ParticipantKey, PeerKey, SessionKey};

/// How a connection is ended from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Closed without a word.
    Silent,
    /// With a `leave` that says what to do next.
    Leave(Action),
}

impl Room {
    /// A WebSocket is gone, whoever closed it. While media runs the participant stays, to be
    /// resumed.
    pub fn handle_closed(&mut self, session: SessionKey, now: Now) {
        let Some(key) = self.sessions.get(&session).copied() else {
            return;
        };
        let Some(participant) = self.roster.get_mut(&key).filter(|p| p.link.signals()) else {
            return;
        };
        self.sessions.remove(&session);
        participant.session = None;
        participant.resuming = None;
        self.timers.clear(Timer::Progress(key));
        if participant.has_media() && !participant.is_going {
            self.timers
                .set(Timer::Resume(key), now.instant + RESUME_WINDOW);
        } else {
            self.remove(key, EndReason::ConnectionLost, Farewell::Silent, now);
        }
    }

    /// Nobody came back in time.
    pub(super) fn given_up(&mut self, key: ParticipantKey, now: Now) {
        self.remove(
            key,
            EndReason::ConnectionLost,
            Farewell::Leave(Action::Reconnect),
            now,
        );
    }

    /// A transport is gone for good. Its client joins anew, unless it closed the transport on
    /// purpose: then its `leave` follows.
    pub(super) fn peer_failed(&mut self, peer: PeerKey, cause: PeerFailure, now: Now) {
        let Some(key) = self.peers.remove(&peer) else {
            return;
        };
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        if let Some(up) = participant.up.as_mut().filter(|up| up.peer == peer) {
            up.connected = false;
        }
        if let Some(down) = participant.down.as_mut().filter(|down| down.peer == peer) {
            down.connected = false;
        }
        if !participant.link.signals() {
            let reason = match (participant.was_active, cause) {
                (_, PeerFailure::ClosedByPeer) => EndReason::ClientInitiated,
                (false, _) => EndReason::JoinFailure,
                (true, _) => EndReason::ConnectionLost,
            };
            self.remove(key, reason, Farewell::Silent, now);
        } else if cause == PeerFailure::ClosedByPeer && participant.session.is_some() {
            participant.is_going = true;
            self.timers
                .set_once(Timer::Gone(key), now.instant + LEAVE_GRACE);
        } else if participant.was_active {
            self.full_reconnect(key, EndReason::ConnectionLost, now);
        } else {
            self.remove(
                key,
                EndReason::JoinFailure,
                Farewell::Leave(Action::Disconnect),
                now,
            );
        }
    }

    /// The client's state and ours do not fit any more: it has to join anew.
    pub(super) fn full_reconnect(&mut self, key: ParticipantKey, reason: EndReason, now: Now) {
        self.remove(key, reason, Farewell::Leave(Action::Reconnect), now);
    }

    /// Ends a presence: its connection, its tracks, its transports, and everyone hears of it.
    pub(super) fn remove(
        &mut self,
        key: ParticipantKey,
        reason: EndReason,
        farewell: Farewell,
        now: Now,
    ) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let is_signalling = participant.link.signals();
        if let (true, Farewell::Leave(action)) = (is_signalling, farewell) {
            let leave = leave(participant, action, reason);
            self.say_leave(key, leave);
        }
        self.refuse_pending_exchange(key);
        self.fail_rpcs(key);
        let published: Vec<_> = self
            .roster
            .get(&key)
            .into_iter()
            .flat_map(Participant::published)
            .map(|t| t.key)
            .collect();
        for track in &published {
            self.forget_track(key, *track, now);
        }
        let Some(mut participant) = self.roster.remove(&key) else {
            return;
        };
        if self.by_identity.get(&participant.identity) == Some(&key) {
            self.by_identity.remove(&participant.identity);
        }
        if let Some(session) = participant.session.take() {
            self.sessions.remove(&session);
            self.outputs.push_back(Output::Close { session });
        }
        self.peers.retain(|_, owner| *owner != key);
        self.timers.clear_participant(key);
        self.command(MediaCommand::RemoveParticipant {
            room: self.key,
            participant: key,
        });
        self.leave_data(&participant);
        participant.data.published.clear();
        participant.state = State::Disconnected;
        participant.version = participant.version.saturating_add(1);
        participant.tracks.clear();
        let info = ParticipantInfo {
            disconnect_reason: disconnect_reason(reason).into(),
            ..participant.info()
        };
        self.record_left(&participant, info.clone(), reason, now);
        if !participant.is_hidden() {
            self.tell_others(key, &info);
            self.remember_departed(info, now);
        }
        self.pump_changed(now);
        self.counts_changed(now);
        self.start_emptying(now);
    }

    fn record_left(
        &mut self,
        participant: &Participant,
        info: ParticipantInfo,
        reason: EndReason,
        now: Now,
    ) {
        if !participant.was_active {
            self.webhook("participant_connection_aborted", Some(info), None, now);
            return;
        }
        let duration_ms = now.unix.0.saturating_sub(participant.joined_at.0);
        let actor = facts::actor(participant);
        self.journal(
            Some(actor),
            EventData::OccupantLeft {
                reason,
                duration_ms,
            },
            now,
        );
        self.webhook("participant_left", Some(info), None, now);
    }

    fn start_emptying(&mut self, now: Now) {
        let is_occupied = self.roster.values().any(|p| !p.is_dependent());
        if !is_occupied && !self.closed {
            self.timers
                .set_once(Timer::Empty, now.instant + self.departure_timeout);
        }
    }

    /// A `leave` goes out even when a resume holds everything else back.
    pub(super) fn say_leave(&mut self, key: ParticipantKey, leave: LeaveRequest) {
        if let Some(participant) = self.roster.get_mut(&key) {
            participant.resuming = None;
        }
        self.tell(key, Message::Leave(leave));
    }

    /// Ends the room (`DeleteRoom`: [`EndReason::RoomDeleted`]; a stopping box:
    /// [`EndReason::ServerShutdown`], whose clients come back by themselves).
    pub fn close(&mut self, reason: EndReason, now: Now) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let action = match reason {
            EndReason::ServerShutdown => Action::Reconnect,
            _ => Action::Disconnect,
        };
        for key in self.roster.keys().copied().collect::<Vec<_>>() {
            self.remove(key, reason, Farewell::Leave(action), now);
        }
        self.timers.clear_all();
        self.record_closed(reason, now);
        self.command(MediaCommand::CloseRoom { room: self.key });
        self.outputs.push_back(Output::Closed);
    }

    /// A DELETE of a WHIP or WHEP resource. False when it is already gone.
    pub fn handle_delete(&mut self, session: SessionKey, now: Now) -> bool {
        let key = self.sessions.get(&session).copied();
        let owner = key.filter(|key| {
            let link = self.roster.get(key).map(|p| p.link);
            matches!(link, Some(Link::Whip | Link::Whep))
        });
        if let Some(key) = owner {
            self.remove(key, EndReason::ClientInitiated, Farewell::Silent, now);
        }
        owner.is_some()
    }
}

/// A `leave` in the words of the client's age: `action` from protocol 13 on, `can_reconnect`
/// before.
pub(super) fn leave(participant: &Participant, action: Action, reason: EndReason) -> LeaveRequest {
    leave_message(
        participant.knows_leave_action(),
        action,
        disconnect_reason(reason),
    )
}

/// See [`leave`].
pub(super) fn leave_message(
    knows_action: bool,
    action: Action,
    reason: DisconnectReason,
) -> LeaveRequest {
    LeaveRequest {
        can_reconnect: !knows_action && action != Action::Disconnect,
        action: if knows_action {
            action
        } else {
            Action::Disconnect
        }
        .into(),
        reason: reason.into(),
        regions: None,
    }
}

/// LiveKit's word for a reason.
pub(super) fn disconnect_reason(reason: EndReason) -> DisconnectReason {
    match reason {
        EndReason::ClientInitiated => DisconnectReason::ClientInitiated,
        EndReason::DuplicateIdentity => DisconnectReason::DuplicateIdentity,
        EndReason::ServerShutdown | EndReason::SystemReset => DisconnectReason::ServerShutdown,
        EndReason::ParticipantRemoved => DisconnectReason::ParticipantRemoved,
        EndReason::RoomDeleted => DisconnectReason::RoomDeleted,
        EndReason::RoomEmpty => DisconnectReason::RoomClosed,
        EndReason::StateMismatch => DisconnectReason::StateMismatch,
        EndReason::JoinFailure => DisconnectReason::JoinFailure,
        EndReason::ConnectionLost => DisconnectReason::ConnectionTimeout,
    }
}
