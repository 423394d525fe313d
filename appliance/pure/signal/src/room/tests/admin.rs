//! The server API.

use super::bench::{Bench, all, first, join_of, updates};
use super::subscribe::{subscribes, unsubscribes};
use crate::config::{RoomConfig, RoomOptions};
use crate::join::SignalVersion;
use crate::room::{JoinRefusal, MuteTrackError, SendDataError};
use livekit_protocol::request_response::{Reason, Request as Echo};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{
    DataPacket, DisconnectReason, MuteTrackRequest, ParticipantPermission, SendDataRequest,
    TrackSource, UpdateParticipantMetadata, UpdateParticipantRequest, UpdateSubscriptionsRequest,
    data_packet, leave_request::Action,
};
use media::plane::{DataTarget, MediaCommand};
use prost::Message as _;
use std::time::Duration;
use vocab::ErrorKind;

fn everything() -> ParticipantPermission {
    ParticipantPermission {
        can_subscribe: true,
        can_publish: true,
        can_publish_data: true,
        ..ParticipantPermission::default()
    }
}

fn permit(bench: &mut Bench, identity: &str, permission: ParticipantPermission) {
    let request = UpdateParticipantRequest {
        identity: identity.into(),
        permission: Some(permission),
        ..UpdateParticipantRequest::default()
    };
    bench.room.update_participant(request, bench.now).unwrap();
    bench.drain();
}

#[test]
fn a_removed_participant_is_told_and_its_tokens_are_void() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench
        .room
        .remove_participant("alice", 0, bench.now)
        .unwrap();
    bench.drain();
    let leave = first!(bench.take(alice), Leave);
    assert_eq!(
        (leave.action(), leave.reason()),
        (Action::Disconnect, DisconnectReason::ParticipantRemoved)
    );
    assert!(
        bench
            .room
            .remove_participant("alice", 0, bench.now)
            .is_err()
    );
    let mut stale = join_of("alice", SignalVersion::V0);
    stale.claims.iat = Some(bench.now.unix.as_secs() - 1);
    let refusal = bench.enter(stale).unwrap_err();
    assert_eq!(
        (refusal, refusal.kind()),
        (JoinRefusal::TokenRevoked, ErrorKind::Unauthenticated)
    );
    let mut fresh = join_of("alice", SignalVersion::V0);
    fresh.claims.iat = Some(bench.now.unix.as_secs());
    bench
        .enter(fresh)
        .expect("a token made after the revocation");
}

#[test]
fn a_muted_track_cannot_be_unmuted_from_afar() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    let info = bench
        .room
        .mute_track("alice", &sid, true, bench.now)
        .unwrap();
    bench.drain();
    assert!(info.muted);
    let messages = bench.take(alice);
    assert!(first!(messages, Mute).muted && updates(&messages)[0].tracks[0].muted);
    let refusal = bench
        .room
        .mute_track("alice", &sid, false, bench.now)
        .unwrap_err();
    assert_eq!(
        (refusal, refusal.kind()),
        (
            MuteTrackError::RemoteUnmuteDisabled,
            ErrorKind::Precondition
        )
    );
    let unknown = bench
        .room
        .mute_track("alice", "TR_none", true, bench.now)
        .unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
}

#[test]
fn unmuting_from_afar_is_a_matter_of_configuration() {
    let config = RoomConfig {
        remote_unmute: true,
        ..RoomConfig::default()
    };
    let mut bench = Bench::with(config, RoomOptions::default());
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    bench
        .room
        .mute_track("alice", &sid, true, bench.now)
        .unwrap();
    assert!(
        !bench
            .room
            .mute_track("alice", &sid, false, bench.now)
            .unwrap()
            .muted
    );
}

#[test]
fn texts_are_changed_where_set_and_attributes_deleted_by_nothing() {
    let mut bench = Bench::new();
    let mut join = join_of("alice", SignalVersion::V0);
    join.claims.attributes = [("a".into(), "1".into()), ("b".into(), "2".into())].into();
    let alice = bench.enter(join).unwrap();
    let bob = bench.join_connected("bob");
    bench.forget();
    let request = UpdateParticipantRequest {
        identity: "alice".into(),
        metadata: "new".into(),
        attributes: [("a".into(), String::new()), ("c".into(), "3".into())].into(),
        ..UpdateParticipantRequest::default()
    };
    let info = bench.room.update_participant(request, bench.now).unwrap();
    bench.drain();
    assert_eq!(
        (info.name.as_str(), info.metadata.as_str()),
        ("name of alice", "new")
    );
    let mut keys: Vec<_> = info.attributes.keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["b", "c"]);
    for session in [alice, bob] {
        assert_eq!(updates(&bench.take(session))[0].metadata, "new");
    }
    assert_eq!(
        bench.tokens[0].1.metadata, "new",
        "the refreshed token says so, too"
    );
    let long = UpdateParticipantRequest {
        identity: "alice".into(),
        metadata: "kept out".into(),
        name: "n".repeat(257),
        ..UpdateParticipantRequest::default()
    };
    assert_eq!(
        bench
            .room
            .update_participant(long, bench.now)
            .unwrap_err()
            .kind(),
        ErrorKind::Invalid
    );
    assert_eq!(bench.info("alice").metadata, "new", "all or nothing");
}

#[test]
fn own_texts_need_permission_and_are_answered() {
    let mut bench = Bench::new();
    let mut join = join_of("alice", SignalVersion::V0);
    let alice = bench.enter(join.clone()).unwrap();
    let request = UpdateParticipantMetadata {
        name: "Alice".into(),
        request_id: 5,
        ..UpdateParticipantMetadata::default()
    };
    bench.says(alice, Request::UpdateMetadata(request.clone()));
    let response = first!(bench.take(alice), RequestResponse);
    assert_eq!(
        (response.request_id, response.reason()),
        (5, Reason::NotAllowed)
    );

    join.claims.video.can_update_own_metadata = Some(true);
    let alice = bench.enter(join).unwrap();
    bench.take(alice);
    bench.says(alice, Request::UpdateMetadata(request));
    let messages = bench.take(alice);
    assert_eq!(first!(messages, RequestResponse).reason(), Reason::Ok);
    assert_eq!(updates(&messages)[0].name, "Alice");
    let long = UpdateParticipantMetadata {
        name: "n".repeat(257),
        ..Default::default()
    };
    bench.says(alice, Request::UpdateMetadata(long));
    assert_eq!(
        first!(bench.take(alice), RequestResponse).reason(),
        Reason::LimitExceeded
    );
}

#[test]
fn changes_that_come_too_fast_are_refused_and_nobody_hears_of_them() {
    let mut bench = Bench::new();
    let mut join = join_of("alice", SignalVersion::V0);
    join.claims.video.can_update_own_metadata = Some(true);
    let alice = bench.enter(join).unwrap();
    let bob = bench.join("bob");
    let renames = |bench: &mut Bench, n: u32| {
        let request = UpdateParticipantMetadata {
            name: format!("Alice {n}"),
            request_id: n,
            ..UpdateParticipantMetadata::default()
        };
        bench.says(alice, Request::UpdateMetadata(request));
        first!(bench.take(alice), RequestResponse)
    };
    for n in 1..=crate::TEXT_CHANGE_BURST {
        assert_eq!(renames(&mut bench, n).reason(), Reason::Ok, "{n}");
    }
    bench.take(bob);
    let refused = renames(&mut bench, 1_000);
    assert_eq!(
        (refused.request_id, refused.reason()),
        (1_000, Reason::LimitExceeded)
    );
    assert_eq!(updates(&bench.take(bob)), []);
    bench.wait(Duration::from_secs(1));
    assert_eq!(renames(&mut bench, 1_001).reason(), Reason::Ok);
    let told = updates(&bench.take(bob));
    assert_eq!(told.last().unwrap().name, "Alice 1001");
}

#[test]
fn agents_write_transcriptions_and_metrics_need_a_grant() {
    let roles = |bench: &Bench| {
        let roles = bench.media.iter().filter_map(|command| match command {
            MediaCommand::SetDataRole { role, .. } => {
                Some((role.transcribes, role.receives_metrics))
            }
            _ => None,
        });
        roles.collect::<Vec<_>>()
    };
    let mut bench = Bench::new();
    bench.join("alice");
    assert_eq!(roles(&bench), [], "nothing special");
    let mut agent = join_of("scribe", SignalVersion::V0);
    agent.claims.kind = "agent".into();
    bench.enter(agent).unwrap();
    assert_eq!(roles(&bench), [(true, false)]);
    bench.media.clear();
    let permission = ParticipantPermission {
        can_subscribe_metrics: true,
        ..everything()
    };
    permit(&mut bench, "alice", permission);
    assert_eq!(roles(&bench), [(false, true)]);
}

#[test]
fn a_flood_of_mutes_is_refused_in_the_words_of_its_request() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    let bob = bench.join("bob");
    let toggles = |bench: &mut Bench, times: u32| {
        for n in 0..times {
            let (sid, muted) = (sid.clone(), n % 2 == 0);
            bench.says(alice, Request::Mute(MuteTrackRequest { sid, muted }));
        }
    };
    toggles(&mut bench, crate::TRACK_CHANGE_BURST - 2);
    bench.take(alice);
    bench.take(bob);
    toggles(&mut bench, 10);
    let refused = all!(bench.take(alice), RequestResponse);
    let echoes = refused.iter().all(|refusal| {
        refusal.reason() == Reason::LimitExceeded && matches!(refusal.request, Some(Echo::Mute(_)))
    });
    assert!(echoes && refused.len() >= 8, "{refused:?}");
    assert!(updates(&bench.take(bob)).len() <= 2);
    bench.says(alice, Request::Ping(1));
    assert_eq!(all!(bench.take(alice), Pong).len(), 1, "and it stays");
}

#[test]
fn a_lost_permission_ends_what_it_allowed() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "cam", TrackSource::Camera).sid;
    let bob = bench.join_connected("bob");
    bench.forget();
    let microphone_only = vec![TrackSource::Microphone.into()];
    permit(
        &mut bench,
        "alice",
        ParticipantPermission {
            can_publish_sources: microphone_only,
            ..everything()
        },
    );
    let messages = bench.take(alice);
    assert_eq!(first!(messages, TrackUnpublished).track_sid, sid);
    assert!(updates(&bench.take(bob)).last().unwrap().tracks.is_empty());
    assert_eq!(bench.tokens.len(), 1);
    assert!(
        bench
            .media
            .iter()
            .any(|c| matches!(c, MediaCommand::SetPermissions { .. }))
    );
}

#[test]
fn watching_stops_and_resumes_with_its_permission() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "cam", TrackSource::Camera);
    bench.join_connected("bob");
    bench.forget();
    permit(
        &mut bench,
        "bob",
        ParticipantPermission {
            can_subscribe: false,
            ..everything()
        },
    );
    assert_eq!(unsubscribes(&bench), 1);
    permit(&mut bench, "bob", everything());
    assert_eq!(subscribes(&bench), 1);
}

#[test]
fn hiding_looks_like_leaving_and_showing_like_joining() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "cam", TrackSource::Camera);
    let bob = bench.join_connected("bob");
    bench.forget();
    permit(
        &mut bench,
        "alice",
        ParticipantPermission {
            hidden: true,
            ..everything()
        },
    );
    let seen = updates(&bench.take(bob));
    assert_eq!(seen.len(), 1);
    assert_eq!(
        seen[0].state(),
        livekit_protocol::participant_info::State::Disconnected
    );
    assert_eq!(unsubscribes(&bench), 1);
    permit(&mut bench, "alice", everything());
    assert_eq!(updates(&bench.take(bob))[0].tracks.len(), 1);
    assert_eq!(subscribes(&bench), 1);
}

#[test]
fn subscriptions_are_changed_from_afar() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "cam", TrackSource::Camera).sid;
    bench.join_connected("bob");
    bench.forget();
    let request = UpdateSubscriptionsRequest {
        identity: "bob".into(),
        track_sids: vec![sid],
        subscribe: false,
        ..UpdateSubscriptionsRequest::default()
    };
    bench
        .room
        .update_subscriptions(&request, bench.now)
        .unwrap();
    bench.drain();
    assert_eq!(unsubscribes(&bench), 1);
}

#[test]
fn sent_data_is_a_user_packet_with_sequence_zero() {
    let mut bench = Bench::new();
    bench.join_connected("alice");
    bench.join_connected("bob");
    bench.forget();
    let request = SendDataRequest {
        data: b"hello".to_vec(),
        kind: data_packet::Kind::Reliable.into(),
        destination_identities: vec!["bob".into(), "nobody".into()],
        topic: Some("t".into()),
        nonce: vec![1; 16],
        ..SendDataRequest::default()
    };
    for _ in 0..2 {
        bench.room.send_data(request.clone(), bench.now).unwrap();
    }
    bench.drain();
    assert_eq!(bench.media.len(), 1, "the nonce was seen");
    let MediaCommand::SendData { to, payload, .. } = bench.media[0].clone() else {
        panic!()
    };
    assert_eq!(to, DataTarget::Some(vec![bench.key_of("bob")]));
    let packet = DataPacket::decode(payload).unwrap();
    assert_eq!((packet.sequence, packet.participant_sid.as_str()), (0, ""));
    let Some(data_packet::Value::User(user)) = packet.value else {
        panic!()
    };
    assert_eq!(
        (user.payload.as_slice(), user.topic.as_deref()),
        (&b"hello"[..], Some("t"))
    );
    let bad = SendDataRequest {
        nonce: vec![1],
        ..SendDataRequest::default()
    };
    assert_eq!(
        bench.room.send_data(bad, bench.now),
        Err(SendDataError::Nonce(1))
    );
    let large = SendDataRequest {
        data: vec![0; 64_001],
        ..SendDataRequest::default()
    };
    assert_eq!(
        bench.room.send_data(large, bench.now),
        Err(SendDataError::TooLarge(64_001))
    );
}

#[test]
fn the_rooms_metadata_is_told_at_once_and_its_counts_soon() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.wait(Duration::from_secs(2));
    bench.take(alice);
    bench.room.update_metadata("m".into(), bench.now).unwrap();
    bench.drain();
    assert_eq!(
        first!(bench.take(alice), RoomUpdate).room.unwrap().metadata,
        "m"
    );
    bench.join_connected("bob");
    assert!(all!(bench.take(alice), RoomUpdate).is_empty());
    bench.wait(Duration::from_secs(2));
    let updates = all!(bench.take(alice), RoomUpdate);
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].room.as_ref().unwrap().num_participants, 2);
    assert!(
        bench
            .room
            .update_metadata("m".repeat(512 * 1024 + 1), bench.now)
            .is_err()
    );
}

#[test]
fn pings_are_answered_in_both_ages_of_the_protocol() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.take(alice);
    bench.says(alice, Request::Ping(7));
    let ping = livekit_protocol::Ping {
        timestamp: 9,
        rtt: 0,
    };
    bench.says(alice, Request::PingReq(ping));
    let messages = bench.take(alice);
    assert_eq!(first!(messages, Pong), 1_700_000_000_000);
    assert_eq!(first!(messages, PongResp).last_ping_timestamp, 9);
}

#[test]
fn candidates_are_passed_on_once_even_before_the_offer() {
    let mut bench = Bench::new();
    let alice = bench.join("alice");
    bench.forget();
    let trickle = |target: i32, candidate: &str| {
        Request::Trickle(livekit_protocol::TrickleRequest {
            candidate_init: serde_json::json!({ "candidate": candidate, "sdpMid": "0" })
                .to_string(),
            target,
            r#final: false,
        })
    };
    for candidate in ["candidate:1 a", "candidate:1 a", "candidate:2 b", ""] {
        bench.says(alice, trickle(0, candidate));
    }
    let candidates = |bench: &Bench| {
        bench
            .media
            .iter()
            .filter(|c| matches!(c, MediaCommand::AddCandidate { .. }))
            .count()
    };
    assert_eq!(candidates(&bench), 0, "they wait for the offer");
    bench.offers(alice, 1, &[super::sdp::data("0")]);
    assert_eq!(candidates(&bench), 2);
    bench.says(alice, trickle(0, "candidate:2 b"));
    bench.says(alice, trickle(1, "candidate:2 b"));
    bench.says(
        alice,
        Request::Trickle(livekit_protocol::TrickleRequest::default()),
    );
    assert_eq!(candidates(&bench), 3, "once per transport");
    let offer = bench
        .media
        .iter()
        .position(|c| matches!(c, MediaCommand::AcceptOffer { .. }));
    let first = bench
        .media
        .iter()
        .position(|c| matches!(c, MediaCommand::AddCandidate { .. }));
    assert!(offer < first);
}
