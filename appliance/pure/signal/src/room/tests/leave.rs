//! Going, and how the room ends.

use super::bench::{Bench, first, join_of};
use crate::join::SignalVersion;
use domain::EndReason;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::simulate_scenario::Scenario;
use livekit_protocol::{DisconnectReason, LeaveRequest, SimulateScenario};
use media::plane::{MediaCommand, PeerFailure};
use std::time::Duration;

#[test]
fn a_leave_speaks_the_language_of_the_clients_age() {
    for (protocol, action, can_reconnect) in [
        (13, Action::Reconnect, false),
        (12, Action::Disconnect, true),
    ] {
        let mut bench = Bench::new();
        let mut join = join_of("alice", SignalVersion::V0);
        join.client.protocol = protocol;
        let alice = bench.enter(join).unwrap();
        bench.connect("alice");
        let scenario = Some(Scenario::LeaveRequestFullReconnect(true));
        bench.says(alice, Request::Simulate(SimulateScenario { scenario }));
        let leave = first!(bench.take(alice), Leave);
        assert_eq!(
            (leave.action(), leave.can_reconnect),
            (action, can_reconnect)
        );
        assert!(bench.closed.contains(&alice));
    }
}

#[test]
fn simulated_ends_are_real() {
    for (name, scenario, want) in [
        (
            "server leave",
            Scenario::ServerLeave(true),
            Some(Action::Disconnect),
        ),
        ("node failure", Scenario::NodeFailure(true), None),
        ("migration", Scenario::Migration(true), None),
    ] {
        let mut bench = Bench::new();
        let alice = bench.join_connected("alice");
        bench.take(alice);
        bench.says(
            alice,
            Request::Simulate(SimulateScenario {
                scenario: Some(scenario),
            }),
        );
        let messages = bench.take(alice);
        let leave = super::bench::all!(messages, Leave)
            .first()
            .map(LeaveRequest::action);
        assert_eq!(leave, want, "{name}");
        assert!(bench.closed.contains(&alice), "{name}");
        assert!(bench.room.participant("alice").is_err(), "{name}");
    }
}

#[test]
fn another_candidate_protocol_is_looked_for_by_an_ice_restart() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.forget();
    let scenario = Some(Scenario::SwitchCandidateProtocol(0));
    bench.says(alice, Request::Simulate(SimulateScenario { scenario }));
    let restarts = bench.media.iter().any(
        |command| matches!(command, MediaCommand::MakeOffer { change, .. } if change.ice_restart),
    );
    assert!(restarts, "{:?}", bench.media);
    assert_eq!(bench.closed, []);
}

#[test]
fn a_simulated_speaker_speaks_and_falls_silent() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.take(alice);
    let scenario = Some(Scenario::SpeakerUpdate(3));
    bench.says(alice, Request::Simulate(SimulateScenario { scenario }));
    assert!(first!(bench.take(alice), SpeakersChanged).speakers[0].active);
    bench.wait(Duration::from_secs(4));
    let silent = first!(bench.take(alice), SpeakersChanged)
        .speakers
        .remove(0);
    assert!(!silent.active && silent.level == 0.0);
}

#[test]
fn a_client_that_closes_its_transport_is_given_time_to_say_goodbye() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.take(alice);
    bench.fail("alice", PeerFailure::ClosedByPeer);
    assert!(bench.take(alice).is_empty());
    bench.says(alice, Request::Leave(LeaveRequest::default()));
    assert!(bench.closed.contains(&alice) && bench.take(alice).is_empty());

    let bob = bench.join_connected("bob");
    bench.take(bob);
    bench.fail("bob", PeerFailure::ClosedByPeer);
    bench.wait(Duration::from_secs(6));
    assert_eq!(first!(bench.take(bob), Leave).action(), Action::Reconnect);
}

#[test]
fn a_lost_transport_means_a_full_reconnect() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.fail("alice", PeerFailure::IceDisconnected);
    let leave = first!(bench.take(alice), Leave);
    assert_eq!(
        (leave.action(), leave.reason()),
        (Action::Reconnect, DisconnectReason::ConnectionTimeout)
    );
    assert!(bench.room.participant("alice").is_err());
}

#[test]
fn a_transport_that_never_came_up_is_a_join_failure() {
    let mut bench = Bench::new();
    let alice = bench.join("alice");
    bench.fail("alice", PeerFailure::IceTimeout);
    let leave = first!(bench.take(alice), Leave);
    assert_eq!(
        (leave.action(), leave.reason()),
        (Action::Disconnect, DisconnectReason::JoinFailure)
    );
}

#[test]
fn an_empty_room_ends_by_itself() {
    let mut bench = Bench::new();
    bench.wait(Duration::from_secs(299));
    assert!(!bench.ended, "nobody came yet");
    let alice = bench.join_connected("alice");
    bench.wait(Duration::from_secs(400));
    assert!(!bench.ended, "somebody is here");
    bench.says(alice, Request::Leave(LeaveRequest::default()));
    bench.wait(Duration::from_secs(19));
    assert!(!bench.ended);
    bench.wait(Duration::from_secs(2));
    assert!(bench.ended && bench.room.is_closed());
    assert!(
        bench
            .media
            .iter()
            .any(|c| matches!(c, MediaCommand::CloseRoom { .. }))
    );
    assert_eq!(bench.webhook_names().last(), Some(&"room_finished"));
}

#[test]
fn agents_do_not_keep_a_room_open() {
    let mut bench = Bench::new();
    let mut agent = join_of("agent", SignalVersion::V0);
    agent.claims.kind = "agent".into();
    bench.enter(agent).unwrap();
    bench.connect("agent");
    let alice = bench.join_connected("alice");
    bench.says(alice, Request::Leave(LeaveRequest::default()));
    bench.wait(Duration::from_secs(21));
    assert!(bench.ended);
}

#[test]
fn a_deleted_room_says_so_and_a_stopping_box_asks_to_come_back() {
    for (reason, action, word) in [
        (
            EndReason::RoomDeleted,
            Action::Disconnect,
            DisconnectReason::RoomDeleted,
        ),
        (
            EndReason::ServerShutdown,
            Action::Reconnect,
            DisconnectReason::ServerShutdown,
        ),
    ] {
        let mut bench = Bench::new();
        let alice = bench.join_connected("alice");
        bench.room.close(reason, bench.now);
        bench.drain();
        let leave = first!(bench.take(alice), Leave);
        assert_eq!((leave.action(), leave.reason()), (action, word));
        assert!(bench.ended && bench.closed.contains(&alice));
        bench.says(alice, Request::Ping(1));
        assert!(
            bench.enter(join_of("late", SignalVersion::V0)).is_err(),
            "nobody comes in any more"
        );
    }
}
