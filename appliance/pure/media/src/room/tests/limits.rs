//! What happens at each limit, and with keys that nobody knows.

use super::stage::{ALL, ANA, BEN, ROOM, Stage, peer};
use crate::plane::{PeerRole, PeerSpec};
use crate::room::{
    MAX_PEERS_PER_PARTICIPANT, MAX_SUBSCRIPTIONS_PER_PEER, MAX_TRACKS_PER_PARTICIPANT,
};
use crate::{Kind, MediaCommand, Output};
use std::time::Duration;
use vocab::{ParticipantKey, PeerKey, TrackKey};

#[test]
fn tracks_beyond_the_limit_are_not_forwarded() {
    let mut stage = Stage::new();
    for track in 0..=MAX_TRACKS_PER_PARTICIPANT as u64 {
        stage.publish(ANA, track, Kind::Audio);
        stage.subscribe(BEN, track);
    }
    stage.send(ANA, MAX_TRACKS_PER_PARTICIPANT as u64 - 1, None, false);
    assert_eq!(stage.sent_to(BEN).count(), 1);
    stage.send(ANA, MAX_TRACKS_PER_PARTICIPANT as u64, None, false);
    assert_eq!(stage.sent_to(BEN).count(), 1);
}

#[test]
fn subscriptions_beyond_the_limit_are_ignored() {
    let mut stage = Stage::empty();
    stage.join(0, ALL);
    let mut track = 0;
    for publisher in 1.. {
        stage.join(publisher, ALL);
        for _ in 0..MAX_TRACKS_PER_PARTICIPANT {
            stage.publish(publisher, track, Kind::Audio);
            stage.subscribe(0, track);
            track += 1;
        }
        if track > MAX_SUBSCRIPTIONS_PER_PEER as u64 {
            break;
        }
    }
    assert_eq!(stage.room.subscriptions.len(), MAX_SUBSCRIPTIONS_PER_PEER);
}

#[test]
fn transports_beyond_the_limit_are_ignored() {
    let mut stage = Stage::empty();
    stage.add(ANA, ALL);
    for extra in 0..10 {
        stage.command(MediaCommand::OpenPeer {
            room: ROOM,
            peer: PeerSpec {
                key: PeerKey(500 + extra),
                participant: ParticipantKey(ANA),
                role: PeerRole::Publisher,
                ice_lite: true,
                negotiated_channels: false,
            },
        });
    }
    assert_eq!(stage.room.roster.peers.len(), MAX_PEERS_PER_PARTICIPANT);
}

#[test]
fn commands_about_what_is_gone_are_ignored() {
    let mut stage = Stage::empty();
    let (room, track, participant) = (ROOM, TrackKey(9), ParticipantKey(9));
    stage.publish(9, 9, Kind::Video);
    stage.subscribe(9, 9);
    stage.unsubscribe(9, 9);
    stage.mute(9, true);
    stage.permit(9, ALL);
    stage.command(MediaCommand::UnpublishTrack { room, track });
    stage.command(MediaCommand::RemoveParticipant { room, participant });
    stage.command(MediaCommand::ClosePeer {
        room,
        peer: peer(9),
    });
    stage.estimate(9, 1);
    stage.send(9, 9, None, true);
    stage.room.handle_connected(peer(9), stage.now);
    stage.drain();
    assert!(stage.outputs.is_empty() && stage.sent.0.is_empty());
}

#[test]
fn an_empty_room_sleeps() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, false);
    for participant in [1, 2, 3] {
        stage.command(MediaCommand::RemoveParticipant {
            room: ROOM,
            participant: ParticipantKey(participant),
        });
    }
    stage.advance(Duration::from_secs(10));
    assert!(matches!(stage.room.poll_output(), Output::Wait(None)));
}
