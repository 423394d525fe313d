//! Coming back on a new WebSocket.

use super::bench::{Bench, all, first, join_of, updates};
use super::sdp::{join_sections, said};
use super::subscribe::unsubscribes;
use crate::join::{Reconnect, SignalVersion};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::simulate_scenario::Scenario;
use livekit_protocol::{
    DataChannelReceiveState, DisconnectReason, SimulateScenario, SyncState, TrackInfo,
    TrackPublishedResponse, TrackSource, UpdateSubscription,
};
use media::plane::MediaCommand;
use std::time::Duration;

#[test]
fn a_resume_begins_with_reconnect_and_tells_the_state() {
    let mut bench = Bench::new();
    bench.progress = 41;
    let alice = bench.join_connected("alice");
    let bob = bench.join_connected("bob");
    bench.join_connected("carol");
    bench.drop_socket(alice);
    bench.says(
        bob,
        Request::Leave(livekit_protocol::LeaveRequest::default()),
    );
    let again = bench.resume("alice", SignalVersion::V0);
    let messages = bench.take(again);
    let Message::Reconnect(reconnect) = &messages[0] else {
        panic!("{messages:?}")
    };
    assert_eq!(reconnect.last_message_seq, 41);
    assert_eq!(reconnect.server_info.as_ref().unwrap().protocol, 17);
    let seen: Vec<_> = updates(&messages)
        .iter()
        .map(|p| (p.identity.clone(), p.state()))
        .collect();
    let want = [
        ("bob", State::Disconnected),
        ("alice", State::Active),
        ("carol", State::Active),
    ];
    assert_eq!(seen, want.map(|(name, state)| (name.to_owned(), state)));
    first!(messages, RoomUpdate);
    first!(messages, Offer);
    let restarts = bench
        .media
        .iter()
        .any(|c| matches!(c, MediaCommand::MakeOffer { change, .. } if change.ice_restart));
    assert!(restarts, "the subscriber connection restarts ICE");
    bench.wait(Duration::from_mins(1));
    assert!(
        bench.room.participant("alice").is_ok(),
        "nobody gives it up any more"
    );
}

#[test]
fn nothing_is_said_before_reconnect() {
    let mut bench = Bench::new();
    bench.join_connected("alice");
    bench.answers = false;
    let again = bench.resume("alice", SignalVersion::V0);
    bench.join("bob");
    assert!(bench.take(again).is_empty(), "held");
    bench.wait(Duration::from_secs(3));
    let messages = bench.take(again);
    assert!(
        matches!(messages[0], Message::Reconnect(_)),
        "the media plane's silence is not fatal"
    );
    assert!(updates(&messages).iter().any(|info| info.identity == "bob"));
}

#[test]
fn an_unknown_participant_is_told_to_join_anew() {
    for (name, identity, sid) in [
        ("nobody", "eve", None),
        ("another presence", "alice", Some("PA_other".to_owned())),
    ] {
        let mut bench = Bench::new();
        bench.join_connected("alice");
        let again = bench.resume_as(identity, sid, SignalVersion::V0);
        let leave = first!(bench.take(again), Leave);
        assert_eq!(leave.action(), Action::Reconnect, "{name}");
        assert_eq!(leave.reason(), DisconnectReason::StateMismatch, "{name}");
        assert_eq!(bench.closed, [again], "{name}");
    }
}

#[test]
fn the_old_socket_is_closed_and_its_end_harms_nobody() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let again = bench.resume("alice", SignalVersion::V0);
    assert_eq!(bench.closed, [alice]);
    bench.drop_socket(alice);
    bench.wait(Duration::from_mins(1));
    assert!(bench.room.participant("alice").is_ok());
    assert!(!bench.take(again).is_empty());
}

#[test]
fn without_media_a_dropped_socket_ends_the_presence_at_once() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let alice = bench.join("alice");
    bench.take(bob);
    bench.drop_socket(alice);
    assert!(bench.room.participant("alice").is_err());
    assert_eq!(updates(&bench.take(bob))[0].state(), State::Disconnected);
}

#[test]
fn with_media_a_dropped_socket_is_waited_for_half_a_minute() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.drop_socket(alice);
    bench.wait(Duration::from_secs(29));
    assert!(bench.room.participant("alice").is_ok());
    bench.wait(Duration::from_secs(2));
    assert!(bench.room.participant("alice").is_err());
}

#[test]
fn sync_state_restores_subscriptions_and_data() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let mic = bench.publish(bob, "mic", TrackSource::Microphone).sid;
    let alice = bench.join_connected("alice");
    bench.drop_socket(alice);
    let again = bench.resume("alice", SignalVersion::V0);
    bench.forget();
    let sync = SyncState {
        subscription: Some(UpdateSubscription {
            track_sids: vec![mic, "TR_gone".into()],
            subscribe: false,
            ..UpdateSubscription::default()
        }),
        datachannel_receive_states: vec![DataChannelReceiveState {
            publisher_sid: "PA_bob".into(),
            last_seq: 9,
        }],
        ..SyncState::default()
    };
    bench.says(again, Request::SyncState(sync));
    assert_eq!(unsubscribes(&bench), 1);
    let replays = bench
        .media
        .iter()
        .any(|c| matches!(c, MediaCommand::ReplayData { seen, .. } if seen[0].1 == 9));
    assert!(replays);
    assert!(
        all!(bench.take(again), SubscriptionResponse).is_empty(),
        "what is gone is no error"
    );
}

#[test]
fn a_published_track_that_is_unknown_needs_a_full_reconnect() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.drop_socket(alice);
    let again = bench.resume("alice", SignalVersion::V0);
    let track = Some(TrackInfo {
        sid: "TR_lost".into(),
        ..TrackInfo::default()
    });
    let published = TrackPublishedResponse {
        cid: "x".into(),
        track,
    };
    let sync = SyncState {
        publish_tracks: vec![published],
        ..SyncState::default()
    };
    bench.says(again, Request::SyncState(sync));
    assert_eq!(first!(bench.take(again), Leave).action(), Action::Reconnect);
}

#[test]
fn a_single_connection_resumes_with_its_sections_as_they_were() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let mic = bench.publish(bob, "mic", TrackSource::Microphone).sid;
    let alice = bench.join_single("alice");
    bench.connect("alice");
    bench.drop_socket(alice);
    let again = bench.resume("alice", SignalVersion::V1);
    bench.offers(again, 2, &join_sections());
    let answer = first!(bench.take(again), Answer);
    assert_eq!(answer.mid_to_track_id.get("0"), Some(&mic));
    assert!(said(&answer.sdp, "0").1.unwrap().ends_with(&mic));
}

#[test]
fn an_offer_lost_with_the_old_socket_is_made_anew() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.clients_answer = false;
    let bob = bench.join_connected("bob");
    bench.take(alice);
    bench.publish(bob, "mic", TrackSource::Microphone);
    first!(bench.take(alice), Offer);
    bench.drop_socket(alice);
    let again = bench.resume("alice", SignalVersion::V0);
    let offer = first!(bench.take(again), Offer);
    assert_eq!(offer.mid_to_track_id.len(), 1);
}

#[test]
fn a_client_can_ask_for_a_resume_that_is_cut_short() {
    for (name, scenario, first_message) in [
        (
            "before messages",
            Scenario::DisconnectSignalOnResumeNoMessages(true),
            false,
        ),
        (
            "after messages",
            Scenario::DisconnectSignalOnResume(true),
            true,
        ),
    ] {
        let mut bench = Bench::new();
        let alice = bench.join_connected("alice");
        bench.says(
            alice,
            Request::Simulate(SimulateScenario {
                scenario: Some(scenario),
            }),
        );
        bench.drop_socket(alice);
        let cut = bench.resume("alice", SignalVersion::V0);
        assert_eq!(!bench.take(cut).is_empty(), first_message, "{name}");
        assert!(bench.closed.contains(&cut), "{name}");
        let again = bench.resume("alice", SignalVersion::V0);
        assert!(
            matches!(bench.take(again)[0], Message::Reconnect(_)),
            "{name}: the next one holds"
        );
    }
}

#[test]
fn an_older_client_without_sid_resumes_by_identity() {
    let mut bench = Bench::new();
    bench.join_connected("alice");
    let mut join = join_of("alice", SignalVersion::V0);
    let reason = livekit_protocol::ReconnectReason::RrUnknown;
    join.reconnect = Some(Reconnect { sid: None, reason });
    let again = bench.enter(join).unwrap();
    assert!(matches!(bench.take(again)[0], Message::Reconnect(_)));
}

#[test]
fn an_answer_that_is_being_applied_is_waited_for() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let bob = bench.join_connected("bob");
    bench.take(alice);
    bench.clients_answer = false;
    bench.publish(bob, "mic", TrackSource::Microphone);
    let offer = first!(bench.take(alice), Offer);
    bench.answers = false;
    let answer = livekit_protocol::SessionDescription {
        sdp: super::sdp::answer_to(&offer.sdp),
        id: offer.id,
        ..livekit_protocol::SessionDescription::default()
    };
    bench.says(alice, Request::Answer(answer));
    bench.drop_socket(alice);
    let again = bench.resume("alice", SignalVersion::V0);
    bench.answers = true;
    bench.wait(Duration::from_secs(3));
    assert!(
        all!(bench.take(again), Offer).is_empty(),
        "the media plane still applies the answer"
    );
    let negotiation = bench
        .media
        .iter()
        .rev()
        .find_map(|command| match command {
            MediaCommand::AcceptAnswer {
                room,
                peer,
                negotiation,
                ..
            } => Some((*room, *peer, *negotiation)),
            _ => None,
        })
        .unwrap();
    let (room, peer, negotiation) = negotiation;
    bench.media(media::MediaEvent::AnswerAccepted {
        room,
        peer,
        negotiation,
    });
    let offer = first!(bench.take(again), Offer);
    assert_eq!(offer.mid_to_track_id.len(), 1, "the track is shown, once");
    assert!(!offer.sdp.contains("a=mid:s1"));
}
