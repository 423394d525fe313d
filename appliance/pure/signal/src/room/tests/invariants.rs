//! Whatever clients say, in whatever order.

use super::bench::{Bench, claims, join_of, request_for, session_offer};
use super::sdp::{data, inactive, join_sections, receive, send_audio, send_video};
use crate::join::{Join, Reconnect, SignalVersion};
use crate::subscription::Place;
use auth::Claims;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    LeaveRequest, MuteTrackRequest, ParticipantPermission, SubscriptionPermission, SyncState,
    TrackSource, UpdateParticipantRequest, UpdateSubscription, UpdateTrackSettings,
};
use media::plane::PeerFailure;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use vocab::SessionKey;

const NAMES: [&str; 4] = ["alice", "bob", "carol", "ghost"];

#[derive(Debug, Clone)]
enum Act {
    Join(usize, bool, bool),
    Connect(usize),
    Fail(usize, bool),
    Resume(usize),
    DropSocket(usize),
    Announce(usize, bool),
    Offer(usize, u8),
    Watch(usize, bool),
    Settings(usize, u32),
    Admit(usize, bool),
    Mute(usize, bool),
    Sync(usize),
    Leave(usize),
    Permit(usize, bool, bool),
    Remove(usize),
    Whip(usize),
    Whep(usize),
    Delete(usize),
    Wait(u64),
    ClientsAnswer(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..NAMES.len();
    prop_oneof![
        4 => (who.clone(), any::<bool>(), any::<bool>()).prop_map(|(w, v1, auto)| Act::Join(w, v1, auto)),
        4 => who.clone().prop_map(Act::Connect),
        1 => (who.clone(), any::<bool>()).prop_map(|(w, closed)| Act::Fail(w, closed)),
        2 => who.clone().prop_map(Act::Resume),
        2 => who.clone().prop_map(Act::DropSocket),
        4 => (who.clone(), any::<bool>()).prop_map(|(w, audio)| Act::Announce(w, audio)),
        6 => (who.clone(), any::<u8>()).prop_map(|(w, shape)| Act::Offer(w, shape)),
        3 => (who.clone(), any::<bool>()).prop_map(|(w, on)| Act::Watch(w, on)),
        1 => (who.clone(), 0..800u32).prop_map(|(w, height)| Act::Settings(w, height)),
        2 => (who.clone(), any::<bool>()).prop_map(|(w, all)| Act::Admit(w, all)),
        1 => (who.clone(), any::<bool>()).prop_map(|(w, muted)| Act::Mute(w, muted)),
        1 => who.clone().prop_map(Act::Sync),
        1 => who.clone().prop_map(Act::Leave),
        2 => (who.clone(), any::<bool>(), any::<bool>()).prop_map(|(w, p, s)| Act::Permit(w, p, s)),
        1 => who.clone().prop_map(Act::Remove),
        1 => who.clone().prop_map(Act::Whip),
        1 => who.clone().prop_map(Act::Whep),
        1 => who.prop_map(Act::Delete),
        2 => (0..40_000u64).prop_map(Act::Wait),
        1 => any::<bool>().prop_map(Act::ClientsAnswer),
    ]
}

fn joining(who: usize, v1: bool, auto: bool) -> Join {
    let version = if v1 {
        SignalVersion::V1
    } else {
        SignalVersion::V0
    };
    let mut join = join_of(NAMES[who], version);
    join.claims = token(who);
    join.auto_subscribe = auto;
    if v1 {
        join.publisher_offer = Some(session_offer(1, &join_sections()));
    }
    join
}

fn token(who: usize) -> Claims {
    let mut token = claims(NAMES[who]);
    token.iat = Some(u64::MAX);
    token.video.hidden = NAMES[who] == "ghost";
    token
}

struct Run {
    bench: Bench,
    sessions: BTreeMap<usize, SessionKey>,
    versions: BTreeMap<String, u32>,
}

impl Run {
    fn act(&mut self, act: Act) {
        match act {
            Act::Join(who, v1, auto) => {
                if let Ok(session) = self.bench.enter(joining(who, v1, auto)) {
                    self.sessions.insert(who, session);
                }
            }
            Act::Resume(who) => {
                let mut join = joining(who, false, true);
                let reason = livekit_protocol::ReconnectReason::RrUnknown;
                join.reconnect = Some(Reconnect { sid: None, reason });
                if let Ok(session) = self.bench.enter(join) {
                    self.sessions.insert(who, session);
                }
            }
            Act::Connect(who) if self.is_here(who) => self.bench.connect(NAMES[who]),
            Act::Fail(who, closed) if self.is_here(who) => {
                let cause = if closed {
                    PeerFailure::ClosedByPeer
                } else {
                    PeerFailure::Dtls
                };
                self.bench.fail(NAMES[who], cause);
            }
            Act::DropSocket(who) => {
                if let Some(session) = self.sessions.remove(&who) {
                    self.bench.drop_socket(session);
                }
            }
            Act::Announce(who, audio) => {
                let (cid, source) = named(audio);
                self.says(who, Request::AddTrack(request_for(cid, source)));
            }
            Act::Offer(who, shape) => {
                self.says(who, Request::Offer(session_offer(2, &shaped(shape))));
            }
            Act::Watch(who, subscribe) => {
                let track_sids = self.all_sids();
                let update = UpdateSubscription {
                    track_sids,
                    subscribe,
                    ..Default::default()
                };
                self.says(who, Request::Subscription(update));
            }
            Act::Settings(who, height) => {
                let track_sids = self.all_sids();
                let settings = UpdateTrackSettings {
                    track_sids,
                    height,
                    ..Default::default()
                };
                self.says(who, Request::TrackSetting(settings));
            }
            Act::Admit(who, all_participants) => {
                let rule = SubscriptionPermission {
                    all_participants,
                    ..Default::default()
                };
                self.says(who, Request::SubscriptionPermission(rule));
            }
            Act::Mute(who, muted) => {
                for sid in self.all_sids() {
                    self.says(who, Request::Mute(MuteTrackRequest { sid, muted }));
                }
            }
            Act::Sync(who) => self.says(who, Request::SyncState(SyncState::default())),
            Act::Leave(who) => self.says(who, Request::Leave(LeaveRequest::default())),
            Act::Permit(who, can_publish, can_subscribe) => {
                let permission = ParticipantPermission {
                    can_publish,
                    can_subscribe,
                    hidden: NAMES[who] == "ghost",
                    ..ParticipantPermission::default()
                };
                let request = UpdateParticipantRequest {
                    identity: NAMES[who].into(),
                    permission: Some(permission),
                    ..UpdateParticipantRequest::default()
                };
                let _ = self.bench.room.update_participant(request, self.bench.now);
                self.bench.drain();
            }
            Act::Remove(who) => {
                let _ = self
                    .bench
                    .room
                    .remove_participant(NAMES[who], 1, self.bench.now);
                self.bench.drain();
            }
            Act::Whip(who) => {
                let session = self.bench.keys.session();
                let offer = super::sdp::description(&[send_audio("0", "a"), send_video("1", "v")]);
                self.bench
                    .room
                    .handle_whip(session, token(who), offer, self.bench.now);
                self.bench.drain();
                self.sessions.insert(who, session);
            }
            Act::Whep(who) => {
                let session = self.bench.keys.session();
                let offer =
                    super::sdp::description(&[receive("0", "audio"), receive("1", "video")]);
                self.bench
                    .room
                    .handle_whep(session, token(who), offer, None, self.bench.now);
                self.bench.drain();
                self.sessions.insert(who, session);
            }
            Act::Delete(who) => {
                if let Some(session) = self.sessions.get(&who) {
                    self.bench.room.handle_delete(*session, self.bench.now);
                    self.bench.drain();
                }
            }
            Act::Wait(millis) => self.bench.wait(Duration::from_millis(millis)),
            Act::ClientsAnswer(answers) => self.bench.clients_answer = answers,
            Act::Connect(_) | Act::Fail(..) => {}
        }
    }

    fn says(&mut self, who: usize, message: Request) {
        if let Some(session) = self.sessions.get(&who) {
            self.bench.says(*session, message);
        }
    }

    fn is_here(&self, who: usize) -> bool {
        self.bench.room.participant(NAMES[who]).is_ok()
    }

    fn all_sids(&self) -> Vec<String> {
        let participants = self.bench.room.participants();
        participants
            .into_iter()
            .flat_map(|p| p.tracks)
            .map(|track| track.sid)
            .collect()
    }

    /// What was said fits what may be said.
    fn check_said(&mut self) {
        let ghost = self.sessions.get(&3).copied();
        for session in self.sessions.values().copied().collect::<Vec<_>>() {
            for message in self.bench.take(session) {
                self.check_message(&message, Some(session) == ghost);
            }
        }
    }

    fn check_message(&mut self, message: &Message, is_ghost: bool) {
        let infos = match message {
            Message::Update(update) => update.participants.clone(),
            Message::Join(join) => join.other_participants.clone(),
            _ => Vec::new(),
        };
        for info in infos {
            assert!(
                is_ghost || info.identity != "ghost",
                "a hidden participant was announced"
            );
            let known = self.versions.entry(info.sid.clone()).or_default();
            assert!(info.version > 0);
            *known = (*known).max(info.version);
        }
    }

    /// What is held fits what may be held.
    fn check_state(&self) {
        let room = &self.bench.room;
        for watcher in room.roster.values() {
            for subscription in watcher.subscriptions.values() {
                let owner = &room.roster[&subscription.publisher];
                let track = &owner.tracks[&subscription.track];
                assert!(track.mid.is_some(), "a wish for a track nobody knows");
                if matches!(subscription.place, Place::Live(_)) {
                    let admits = owner.admission.admits(
                        watcher.sid.as_str(),
                        watcher.identity.as_str(),
                        track.sid.as_str(),
                    );
                    assert!(admits && watcher.claims.can_subscribe() && !owner.is_hidden());
                }
            }
            for track in watcher.published() {
                let source = auth::Source::from_number(track.info.source);
                assert!(
                    watcher.claims.can_publish_source(source),
                    "published without permission"
                );
                assert_eq!(room.tracks.get(&track.key), Some(&watcher.key));
            }
            assert_eq!(room.by_identity.get(&watcher.identity), Some(&watcher.key));
        }
        for (track, owner) in &room.tracks {
            assert_eq!(
                room.by_sid.get(&room.roster[owner].tracks[track].sid),
                Some(track)
            );
        }
        for (session, key) in &room.sessions {
            assert_eq!(room.roster[key].session, Some(*session));
            assert!(!self.bench.closed.contains(session));
        }
        assert!(room.peers.values().all(|key| room.roster.contains_key(key)));
        assert_eq!(room.by_sid.len(), room.tracks.len());
        assert!(room.changed.is_empty(), "wishes were left undone");
    }
}

fn named(audio: bool) -> (&'static str, TrackSource) {
    if audio {
        ("mic", TrackSource::Microphone)
    } else {
        ("cam", TrackSource::Camera)
    }
}

/// Sections 0 to 5 receive, 6 is data, 7 and 8 send or not.
fn shaped(shape: u8) -> Vec<super::sdp::Sec> {
    let mut sections = if shape & 1 == 0 {
        join_sections()
    } else {
        vec![data("6")]
    };
    sections.push(match shape >> 1 & 3 {
        0 => send_audio("7", "mic"),
        1 => inactive("7", "audio"),
        2 => receive("7", "audio"),
        _ => send_audio("7", "unknown"),
    });
    sections.push(match shape >> 3 & 3 {
        0 => send_video("8", "cam"),
        1 => inactive("8", "video"),
        2 => receive("8", "video"),
        _ => send_video("8", "unknown"),
    });
    sections
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_requests_breaks_the_rules(acts in prop::collection::vec(act(), 1..60)) {
        let mut run = Run {
            bench: Bench::new(),
            sessions: BTreeMap::new(),
            versions: BTreeMap::new(),
        };
        for act in acts {
            run.act(act);
            run.check_said();
            if !run.bench.ended {
                run.check_state();
            }
        }
    }
}
