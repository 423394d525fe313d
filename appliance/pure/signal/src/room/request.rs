//! What a client says.

use super::Room;
use super::leave::Farewell;
use crate::now::Now;
use crate::pace::Change;
use crate::participant::Admission;
use domain::EndReason;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_request::Message;
use livekit_protocol::signal_response::Message as Answer;
use livekit_protocol::{Ping, Pong, SignalRequest, SignalTarget, TrickleRequest};
use media::MediaCommand;
use vocab::{ParticipantKey, SessionKey};

impl Room {
    /// A message of a client. Unknown sessions and unknown messages are ignored.
    pub fn handle_request(&mut self, session: SessionKey, request: SignalRequest, now: Now) {
        let Some(key) = self.sessions.get(&session).copied() else {
            return;
        };
        let is_signalling = self.roster.get(&key).is_some_and(|p| p.link.signals());
        let (false, true, Some(message)) = (self.closed, is_signalling, request.message) else {
            return;
        };
        if let Some(change) = change(&message)
            && let Some(participant) = self.roster.get_mut(&key)
            && !participant.pace.admit(change, now.instant)
        {
            self.too_fast(key, message);
            return;
        }
        match message {
            Message::Offer(offer) => self.client_offer(key, offer, now),
            Message::Answer(answer) => self.client_answer(key, answer, now),
            Message::Trickle(trickle) => self.trickle(key, &trickle),
            Message::AddTrack(request) => self.add_track(key, request, now),
            Message::Mute(request) => self.mute_own_track(key, &request, now),
            Message::Subscription(request) => self.change_subscriptions(key, &request, true, now),
            Message::TrackSetting(settings) => self.change_settings(key, &settings),
            Message::Leave(_) => {
                self.remove(key, EndReason::ClientInitiated, Farewell::Silent, now);
            }
            Message::SubscriptionPermission(rule) => {
                self.change_admission(key, Admission::read(rule), now);
            }
            Message::SyncState(state) => self.sync_state(key, state, now),
            Message::Simulate(scenario) => self.simulate(key, scenario, now),
            Message::Ping(_) => self.tell(key, Answer::Pong(millis(now))),
            Message::PingReq(ping) => self.pong(key, ping, now),
            Message::UpdateMetadata(request) => self.update_own_metadata(key, request, now),
            Message::UpdateAudioTrack(request) => self.update_audio_track(key, request),
            Message::UpdateVideoTrack(request) => self.update_video_track(key, request),
            Message::PublishDataTrackRequest(request) => {
                self.publish_data_track(key, request);
            }
            Message::UnpublishDataTrackRequest(request) => {
                self.unpublish_data_track(key, request);
            }
            Message::UpdateDataSubscription(request) => {
                self.update_data_subscription(key, request);
            }
            Message::StoreDataBlobRequest(request) => self.store_data_blob(key, request),
            Message::GetDataBlobRequest(request) => self.get_data_blob(key, &request),
            #[allow(deprecated, reason = "clients of old still say it")]
            Message::UpdateLayers(_) => {}
        }
    }

    /// A change that comes too soon is refused, and nobody else hears of it.
    fn too_fast(&mut self, key: ParticipantKey, message: Message) {
        let (id, request) = match message {
            Message::UpdateMetadata(request) => {
                (request.request_id, Some(Request::UpdateMetadata(request)))
            }
            Message::AddTrack(request) => (0, Some(Request::AddTrack(request))),
            Message::PublishDataTrackRequest(request) => {
                (0, Some(Request::PublishDataTrack(request)))
            }
            Message::UnpublishDataTrackRequest(request) => {
                (0, Some(Request::UnpublishDataTrack(request)))
            }
            Message::Mute(request) => (0, Some(Request::Mute(request))),
            Message::UpdateAudioTrack(request) => (0, Some(Request::UpdateAudioTrack(request))),
            Message::UpdateVideoTrack(request) => (0, Some(Request::UpdateVideoTrack(request))),
            _ => (0, None),
        };
        let message = "too many changes; try again in a second".into();
        self.respond(key, id, Reason::LimitExceeded, message, request);
    }

    fn pong(&mut self, key: ParticipantKey, ping: Ping, now: Now) {
        let pong = Pong {
            last_ping_timestamp: ping.timestamp,
            timestamp: millis(now),
        };
        self.tell(key, Answer::PongResp(pong));
    }

    /// A candidate of the client. Those that come before the first offer wait for it; repeated
    /// ones (one per section) are told once. Unreadable ones are skipped.
    fn trickle(&mut self, key: ParticipantKey, trickle: &TrickleRequest) {
        let Some(candidate) = candidate(&trickle.candidate_init) else {
            return;
        };
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let for_down = trickle.target() == SignalTarget::Subscriber && participant.down.is_some();
        let peer = match (for_down, &mut participant.up, &mut participant.down) {
            (true, _, Some(down)) => down.admits_candidate(&candidate).then_some(down.peer),
            (_, Some(up), _) => up.admits_candidate(&candidate).then_some(up.peer),
            (_, None, _) => {
                let early = &mut participant.early_candidates;
                let fits = candidate.len() <= crate::limits::MAX_CANDIDATE_BYTES;
                if fits
                    && early.len() < crate::limits::MAX_CANDIDATES
                    && !early.contains(&candidate)
                {
                    early.push(candidate);
                }
                return;
            }
        };
        if let Some(peer) = peer {
            self.command(MediaCommand::AddCandidate {
                room: self.key,
                peer,
                candidate,
            });
        }
    }
}

/// What a message changes for everyone in the room.
fn change(message: &Message) -> Option<Change> {
    match message {
        Message::UpdateMetadata(_) => Some(Change::Texts),
        Message::AddTrack(_)
        | Message::PublishDataTrackRequest(_)
        | Message::UnpublishDataTrackRequest(_)
        | Message::Mute(_)
        | Message::SubscriptionPermission(_)
        | Message::UpdateAudioTrack(_)
        | Message::UpdateVideoTrack(_) => Some(Change::Track),
        _ => None,
    }
}

/// The `candidate` of a JSON `RTCIceCandidateInit`; `None` for the end of candidates and for what
/// cannot be read.
fn candidate(init: &str) -> Option<String> {
    let init: serde_json::Value = serde_json::from_str(init).ok()?;
    let candidate = init.get("candidate")?.as_str()?.trim();
    let candidate = candidate.strip_prefix("a=").unwrap_or(candidate);
    (!candidate.is_empty()).then(|| candidate.to_owned())
}

fn millis(now: Now) -> i64 {
    i64::try_from(now.unix.0).unwrap_or(i64::MAX)
}
