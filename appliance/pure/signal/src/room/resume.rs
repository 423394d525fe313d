//! A WebSocket comes back to a participant whose media never stopped.

use super::leave::{Farewell, leave_message};
use super::roster::{room_update, update};
use super::timers::{PROGRESS_TIMEOUT, Timer};
use super::{Participant, Room};
use crate::downstream::Downstream;
use crate::join::{Join, Reconnect};
use crate::now::Now;
use crate::output::Output;
use crate::participant::{CutResume, Resuming};
use crate::subscription::Place;
use domain::EndReason;
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DataChannelReceiveState, DisconnectReason, ReconnectResponse, SignalResponse, SyncState,
};
use media::MediaCommand;
use vocab::{ParticipantKey, ParticipantSid, SessionKey};

/// Messages held back until a resume's first message; further ones are lost, and the resume
/// tells the state that they would have changed.
pub(super) const MAX_HELD: usize = 1_000;
/// Publishers in one `sync_state` whose data is sent again; further ones are not. A room holds no
/// more.
const MAX_RECEIVE_STATES: usize = crate::MAX_PARTICIPANTS as usize;

impl Room {
    /// Resumes, or tells the client to join anew.
    pub(super) fn resume(
        &mut self,
        session: SessionKey,
        join: Join,
        reconnect: &Reconnect,
        now: Now,
    ) {
        let key = self.by_identity.get(&join.identity).copied();
        let found = key.filter(|key| self.is_resumable(*key, reconnect.sid.as_ref()));
        let Some(key) = found else {
            let knows_action = join.client.protocol >= 13;
            let reason = DisconnectReason::StateMismatch;
            let leave = leave_message(knows_action, Action::Reconnect, reason);
            let response = SignalResponse {
                message: Some(Message::Leave(leave)),
            };
            self.outputs.push_back(Output::Send { session, response });
            self.outputs.push_back(Output::Close { session });
            return;
        };
        self.attach(key, session);
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        if participant.cut_resume == Some(CutResume::BeforeMessages) {
            participant.cut_resume = None;
            self.detach(key, now);
            return;
        }
        participant.client = join.client;
        participant.resuming = Some(Resuming {
            held: Vec::new(),
            sync: join.sync_state,
        });
        self.timers.clear(Timer::Resume(key));
        self.timers
            .set(Timer::Progress(key), now.instant + PROGRESS_TIMEOUT);
        self.command(MediaCommand::ReportDataProgress {
            room: self.key,
            participant: key,
        });
        if let Some(offer) = join.publisher_offer {
            self.client_offer(key, offer, now);
        }
    }

    fn is_resumable(&self, key: ParticipantKey, sid: Option<&ParticipantSid>) -> bool {
        self.roster.get(&key).is_some_and(|participant| {
            participant.link.signals()
                && participant.state == State::Active
                && !participant.is_going
                && sid.is_none_or(|sid| *sid == participant.sid)
        })
    }

    /// Gives the participant its new WebSocket; the old one is closed.
    fn attach(&mut self, key: ParticipantKey, session: SessionKey) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        if let Some(old) = participant.session.replace(session) {
            self.sessions.remove(&old);
            self.outputs.push_back(Output::Close { session: old });
        }
        self.sessions.insert(session, key);
    }

    /// Closes a WebSocket as if it had dropped.
    fn detach(&mut self, key: ParticipantKey, now: Now) {
        if let Some(session) = self.roster.get(&key).and_then(|p| p.session) {
            self.outputs.push_back(Output::Close { session });
            self.handle_closed(session, now);
        }
    }

    /// The media plane said how far the participant's data came: the resume can begin to speak.
    pub(super) fn finish_resume(&mut self, key: ParticipantKey, last_message_seq: u32, now: Now) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(resuming) = participant.resuming.take() else {
            return;
        };
        let cut = participant.cut_resume.take();
        participant.version = participant.version.saturating_add(1);
        let protocol = participant.client.protocol;
        let own = participant.info();
        self.timers.clear(Timer::Progress(key));
        let response = ReconnectResponse {
            server_info: Some(self.server_info(protocol)),
            last_message_seq,
            ..ReconnectResponse::default()
        };
        self.tell(key, Message::Reconnect(response));
        let mut everyone = self.departed();
        everyone.push(own);
        everyone.append(&mut self.others(key));
        self.tell(key, update(everyone));
        self.tell(key, room_update(self.info()));
        self.tell_data_handles(key);
        for held in resuming
            .held
            .into_iter()
            .filter_map(|response| response.message)
        {
            self.tell(key, held);
        }
        if cut.is_some() {
            self.detach(key, now);
            return;
        }
        self.refresh_token(key, now);
        self.restart_downstream(key);
        if let Some(sync) = resuming.sync {
            self.sync_state(key, sync, now);
        }
        self.pump(key, now);
    }

    /// The subscriber connection is offered anew with fresh ICE credentials (v0). An offer that
    /// was outstanding may have been lost with the old WebSocket.
    pub(super) fn restart_downstream(&mut self, key: ParticipantKey) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        if participant.down.as_mut().is_some_and(Downstream::restart) {
            reset_offered(participant);
            self.timers.clear(Timer::Offer(key));
        }
        if let Some(up) = self.roster.get_mut(&key).and_then(|p| p.up.as_mut()) {
            up.asked = None;
        }
        self.timers.clear(Timer::Ask(key));
    }

    /// What a resumed client says it has.
    pub(super) fn sync_state(&mut self, key: ParticipantKey, sync: SyncState, now: Now) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let mut listed = sync
            .publish_tracks
            .iter()
            .filter_map(|published| published.track.as_ref());
        if listed.any(|track| participant.track_by_sid(&track.sid).is_none()) {
            self.full_reconnect(key, EndReason::StateMismatch, now);
            return;
        }
        if let Some(subscription) = sync.subscription {
            self.change_subscriptions(key, &subscription, false, now);
        }
        self.disable_tracks(key, &sync.track_sids_disabled);
        let states = sync.datachannel_receive_states;
        if !states.is_empty() {
            let seen = states
                .into_iter()
                .take(MAX_RECEIVE_STATES)
                .map(seen)
                .collect();
            let replay = MediaCommand::ReplayData {
                room: self.key,
                subscriber: key,
                seen,
            };
            self.command(replay);
        }
    }

    /// For a client's own tests: goes away without a word, as a node that failed.
    pub(super) fn vanish(&mut self, key: ParticipantKey, now: Now) {
        self.remove(key, EndReason::ConnectionLost, Farewell::Silent, now);
    }
}

fn seen(state: DataChannelReceiveState) -> (ParticipantSid, u32) {
    (state.publisher_sid.into(), state.last_seq)
}

/// What was in a forgotten offer waits again.
fn reset_offered(participant: &mut Participant) {
    for subscription in participant.subscriptions.values_mut() {
        if subscription.place == Place::Offered {
            subscription.place = Place::Waiting;
        }
    }
}
