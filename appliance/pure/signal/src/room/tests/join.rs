//! Coming in.

use super::bench::{Bench, all, claims, first, join_of, request_for, session_offer, updates};
use super::sdp::{join_sections, send_audio};
use crate::config::{RoomConfig, RoomOptions};
use crate::join::SignalVersion;
use crate::room::JoinRefusal;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{ClientInfo, DisconnectReason, TrackSource};
use media::plane::{MediaCommand, PeerRole};
use std::time::Duration;

#[test]
fn a_join_response_comes_first_and_says_what_clients_need() {
    let mut bench = Bench::new();
    let session = bench.join("alice");
    let join = bench.joined(session);

    let own = join.participant.unwrap();
    assert!(join.room.unwrap().sid.starts_with("RM_"));
    assert!(own.sid.starts_with("PA_") && own.version > 0 && own.permission.is_some());
    assert_eq!((own.identity.as_str(), own.client_protocol), ("alice", 2));
    assert!(join.subscriber_primary && join.fast_publish);
    assert_eq!((join.ping_interval, join.ping_timeout), (5, 15));
    let server = join.server_info.unwrap();
    assert_eq!(server.protocol, 17, "the smaller of the client's and ours");
    assert!(!server.version.is_empty() && !server.node_id.is_empty());
    let codecs: Vec<_> = join
        .enabled_publish_codecs
        .iter()
        .map(|c| c.mime.as_str())
        .collect();
    assert_eq!(codecs.first(), Some(&"video/VP8"), "video first, VP8 first");
}

#[test]
fn a_dual_client_gets_an_offer_with_id_one_at_once() {
    let mut bench = Bench::new();
    bench.clients_answer = false;
    let session = bench.join("alice");
    let messages = bench.take(session);
    assert!(matches!(messages[0], Message::Join(_)));
    let offer = first!(messages, Offer);
    assert_eq!((offer.id, offer.r#type.as_str()), (1, "offer"));
}

#[test]
fn a_single_client_is_answered_and_never_offered() {
    let mut bench = Bench::new();
    let session = bench.join_single("alice");
    let messages = bench.take(session);
    let join = first!(messages, Join);
    assert!(!join.subscriber_primary && !join.fast_publish);
    assert!(all!(messages, Offer).is_empty());
    let answer = first!(messages, Answer);
    assert_eq!((answer.id, answer.r#type.as_str()), (1, "answer"));
    for mid in ["0", "3"] {
        assert_eq!(
            super::sdp::said(&answer.sdp, mid).0,
            crate::sdp::Direction::Inactive,
            "an unused section"
        );
    }
}

#[test]
fn tracks_within_a_join_are_accepted_after_it() {
    let mut bench = Bench::new();
    let mut join = join_of("alice", SignalVersion::V1);
    let mut sections = join_sections();
    sections.push(send_audio("7", "mic"));
    join.publisher_offer = Some(session_offer(1, &sections));
    join.add_tracks = vec![request_for("mic", TrackSource::Microphone)];
    let session = bench.enter(join).unwrap();
    let messages = bench.take(session);
    assert!(matches!(messages[0], Message::Join(_)));
    assert_eq!(first!(messages, TrackPublished).cid, "mic");
    assert_eq!(
        bench.info("alice").tracks.len(),
        1,
        "negotiated with the join's offer"
    );
}

#[test]
fn negotiated_channels_are_for_single_connections_of_protocol_eighteen() {
    for (name, version, protocol, want) in [
        ("single, 18", SignalVersion::V1, 18, true),
        ("single, newer", SignalVersion::V1, 19, true),
        ("single, 17", SignalVersion::V1, 17, false),
        ("dual, 18", SignalVersion::V0, 18, false),
    ] {
        let mut bench = Bench::new();
        let mut join = join_of("alice", version);
        join.client = ClientInfo {
            protocol,
            ..ClientInfo::default()
        };
        join.publisher_offer = Some(session_offer(1, &join_sections()));
        let session = bench.enter(join).unwrap();
        assert_eq!(
            bench.joined(session).server_info.unwrap().protocol,
            protocol.min(18),
            "{name}"
        );
        let negotiated = bench.media.iter().any(|command| {
            matches!(command, MediaCommand::OpenPeer { peer, .. } if peer.negotiated_channels)
        });
        assert_eq!(negotiated, want, "{name}");
    }
}

#[test]
fn a_client_may_switch_ice_lite_off() {
    for (disable, want) in [(false, true), (true, false)] {
        let mut bench = Bench::new();
        let mut join = join_of("alice", SignalVersion::V0);
        join.disable_ice_lite = disable;
        bench.enter(join).unwrap();
        let lite = bench.media.iter().find_map(|command| match command {
            MediaCommand::OpenPeer { peer, .. } if peer.role == PeerRole::Subscriber => {
                Some(peer.ice_lite)
            }
            _ => None,
        });
        assert_eq!(lite, Some(want));
    }
}

#[test]
fn a_client_that_may_not_subscribe_has_its_publisher_connection_as_primary() {
    let mut bench = Bench::new();
    let mut join = join_of("alice", SignalVersion::V0);
    join.claims.video.can_subscribe = Some(false);
    let session = bench.enter(join).unwrap();
    assert!(!bench.joined(session).subscriber_primary);
    bench.connect("alice");
    assert_eq!(
        bench.info("alice").state(),
        State::Joined,
        "the subscriber connection alone"
    );
    bench.offers(session, 1, &[super::sdp::data("0")]);
    bench.connect("alice");
    assert_eq!(bench.info("alice").state(), State::Active);
}

#[test]
fn others_hear_of_joined_and_active_with_rising_versions() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.take(alice);
    let bob = bench.join("bob");
    bench.connect("bob");
    let seen = updates(&bench.take(alice));
    let states: Vec<_> = seen
        .iter()
        .map(|info| (info.identity.as_str(), info.state()))
        .collect();
    assert_eq!(states, [("bob", State::Joined), ("bob", State::Active)]);
    assert!(seen[0].version < seen[1].version);
    let join = bench.joined(bob);
    assert_eq!(join.other_participants.len(), 1);
    assert_eq!(join.participant.unwrap().state(), State::Joining);
}

#[test]
fn what_a_client_can_do_is_copied_for_its_peers() {
    let mut bench = Bench::new();
    let mut join = join_of("alice", SignalVersion::V0);
    join.client.capabilities = vec![1, 2];
    bench.enter(join).unwrap();
    let info = bench.info("alice");
    assert_eq!((info.client_protocol, info.capabilities), (2, vec![1, 2]));
}

#[test]
fn a_second_connection_of_an_identity_replaces_the_first() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let first = bench.join_connected("alice");
    bench.take(first);
    bench.take(bob);
    let second = bench.join("alice");
    let leave = first!(bench.take(first), Leave);
    assert_eq!(leave.reason(), DisconnectReason::DuplicateIdentity);
    assert_eq!(
        leave.action(),
        livekit_protocol::leave_request::Action::Disconnect
    );
    assert!(bench.closed.contains(&first) && !bench.closed.contains(&second));
    let seen = updates(&bench.take(bob));
    assert_eq!(seen[0].state(), State::Disconnected);
    assert_eq!(
        seen[0].disconnect_reason(),
        DisconnectReason::DuplicateIdentity
    );
    assert_eq!(seen[1].state(), State::Joined);
    assert_ne!(seen[0].sid, seen[1].sid, "sids are never reused");
    assert_eq!(bench.room.participants().len(), 2);
}

#[test]
fn a_full_room_refuses_newcomers_but_not_those_inside() {
    let options = RoomOptions {
        max_participants: Some(1),
        ..RoomOptions::default()
    };
    let mut bench = Bench::with(RoomConfig::default(), options);
    bench.join("alice");
    let refusal = bench.enter(join_of("bob", SignalVersion::V0)).unwrap_err();
    assert_eq!(refusal, JoinRefusal::Full { max: 1 });
    let mut agent = join_of("agent", SignalVersion::V0);
    agent.claims.kind = "agent".into();
    bench.enter(agent).expect("agents do not count");
    bench
        .enter(join_of("alice", SignalVersion::V0))
        .expect("the same identity replaces itself");
}

#[test]
fn a_locked_room_refuses_newcomers_but_not_those_inside() {
    let mut bench = Bench::new();
    bench.join("alice");
    bench.room.set_locked(true, bench.now);
    assert_eq!(
        bench.enter(join_of("bob", SignalVersion::V0)),
        Err(JoinRefusal::Locked)
    );
    bench
        .enter(join_of("alice", SignalVersion::V0))
        .expect("comes back");
    bench.room.set_locked(false, bench.now);
    bench
        .enter(join_of("bob", SignalVersion::V0))
        .expect("unlocked");
}

#[test]
fn own_texts_in_a_query_need_permission_and_fit_their_limits() {
    let mut bench = Bench::new();
    let mut join = join_of("alice", SignalVersion::V0);
    join.metadata = Some("m".into());
    assert_eq!(
        bench.enter(join.clone()),
        Err(JoinRefusal::MetadataNotAllowed)
    );
    join.claims.video.can_update_own_metadata = Some(true);
    join.claims.attributes.insert("kept".into(), "1".into());
    join.attributes.insert("new".into(), "2".into());
    bench.enter(join.clone()).unwrap();
    let info = bench.info("alice");
    assert_eq!((info.metadata.as_str(), info.attributes.len()), ("m", 2));
    join.claims.name = "x".repeat(257);
    assert!(matches!(bench.enter(join), Err(JoinRefusal::TooLong(_))));
}

#[test]
fn hidden_participants_see_and_are_not_seen() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.take(alice);
    let mut join = join_of("ghost", SignalVersion::V0);
    join.claims.video.hidden = true;
    let ghost = bench.enter(join).unwrap();
    bench.connect("ghost");
    bench.publish(ghost, "cam", TrackSource::Camera);
    let others = bench.room.info().num_participants;
    assert_eq!(others, 1);
    let bob = bench.join("bob");
    assert_eq!(bench.joined(bob).other_participants.len(), 1);
    bench.drop_socket(ghost);
    bench.wait(Duration::from_secs(31));
    let seen = updates(&bench.take(alice));
    assert!(seen.iter().all(|info| info.identity != "ghost"), "{seen:?}");
    assert!(bench.room.participant("ghost").is_err());
}

#[test]
fn a_token_is_refreshed_after_the_join_and_every_five_minutes() {
    let mut bench = Bench::new();
    let session = bench.join_connected("alice");
    assert_eq!(bench.tokens.len(), 1);
    bench.wait(Duration::from_secs(301));
    assert_eq!(bench.tokens.len(), 2);
    let (to, token) = &bench.tokens[1];
    assert_eq!((*to, token), (session, &claims("alice")));
}

#[test]
fn who_never_connects_is_removed_after_a_minute() {
    let mut bench = Bench::new();
    let session = bench.join("alice");
    bench.wait(Duration::from_secs(59));
    assert!(bench.room.participant("alice").is_ok());
    bench.wait(Duration::from_secs(2));
    assert!(bench.room.participant("alice").is_err());
    let leave = first!(bench.take(session), Leave);
    assert_eq!(leave.reason(), DisconnectReason::JoinFailure);
    assert!(
        bench
            .webhook_names()
            .contains(&"participant_connection_aborted")
    );
}
