//! Nothing is forwarded that somebody may not send, or may not receive.

use super::stage::{ALL, ANA, BEN, CARA, Stage, peer};
use crate::plane::MediaPermissions;
use crate::{Channel, DataRefusal, Kind, MediaCommand};
use vocab::ParticipantKey;

#[test]
fn permissions_hold_from_the_next_packet_on() {
    let forbidden = [
        (
            "the publisher may not publish",
            ANA,
            MediaPermissions {
                publish: false,
                ..ALL
            },
        ),
        (
            "the viewer may not subscribe",
            BEN,
            MediaPermissions {
                subscribe: false,
                ..ALL
            },
        ),
    ];
    for (name, who, permissions) in forbidden {
        for kind in [Kind::Audio, Kind::Video] {
            let mut stage = Stage::new();
            stage.publish(ANA, 1, kind);
            stage.subscribe(BEN, 1);
            stage.send(ANA, 1, None, true);
            stage.permit(who, permissions);
            stage.send(ANA, 1, None, true);
            assert_eq!(stage.sent_to(BEN).count(), 1, "{name}, {kind:?}");
            stage.permit(who, ALL);
            stage.send(ANA, 1, None, true);
            assert_eq!(stage.sent_to(BEN).count(), 2, "{name}, restored, {kind:?}");
        }
    }
}

#[test]
fn a_track_of_a_publisher_without_permission_never_flows() {
    let mut stage = Stage::empty();
    stage.join(
        ANA,
        MediaPermissions {
            publish: false,
            ..ALL
        },
    );
    stage.join(BEN, ALL);
    stage.publish(ANA, 1, Kind::Audio);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, false);
    assert_eq!(stage.sent_to(BEN).count(), 0);
    assert_eq!(stage.room.counters().forbidden, 1);
}

#[test]
fn nothing_is_sent_before_the_transport_is_up() {
    let mut stage = Stage::empty();
    stage.join(ANA, ALL);
    stage.add(BEN, ALL);
    stage.publish(ANA, 1, Kind::Audio);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, false);
    assert_eq!(stage.sent_to(BEN).count(), 0);
    stage.room.handle_connected(peer(BEN), stage.now);
    stage.send(ANA, 1, None, false);
    assert_eq!(stage.sent_to(BEN).count(), 1);
}

#[test]
fn data_needs_its_permission() {
    let mut stage = Stage::new();
    stage.permit(
        ANA,
        MediaPermissions {
            publish_data: false,
            ..ALL
        },
    );
    for channel in [Channel::Reliable, Channel::Lossy, Channel::DataTrack] {
        assert_eq!(stage.data(ANA, channel, &[]), Err(DataRefusal::Forbidden));
    }
    assert_eq!(stage.messages(BEN).len(), 0);
}

#[test]
fn a_transport_carries_only_its_owners_tracks_and_subscriptions() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.command(MediaCommand::Subscribe {
        room: super::stage::ROOM,
        subscription: crate::plane::SubscriptionSpec {
            subscriber: ParticipantKey(BEN),
            peer: peer(CARA),
            mid: super::stage::mid(51),
            track: vocab::TrackKey(1),
        },
    });
    stage.send(ANA, 1, None, false);
    stage.send(BEN, 1, None, false);
    assert!(stage.sent.0.is_empty());
}

#[test]
fn nobody_publishes_on_another_ones_transport() {
    let mut stage = Stage::new();
    stage.command(MediaCommand::PublishTrack {
        room: super::stage::ROOM,
        track: crate::plane::TrackSpec {
            key: vocab::TrackKey(1),
            publisher: ParticipantKey(ANA),
            peer: peer(CARA),
            mid: super::stage::mid(1),
            kind: Kind::Audio,
            muted: false,
            layers: Vec::new(),
        },
    });
    stage.subscribe(BEN, 1);
    stage.send(CARA, 1, None, false);
    assert!(stage.sent.0.is_empty());
}

#[test]
fn a_removed_participant_leaves_nothing_behind() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.publish(BEN, 2, Kind::Audio);
    stage.subscribe(BEN, 1);
    stage.subscribe(ANA, 2);
    stage.command(MediaCommand::RemoveParticipant {
        room: super::stage::ROOM,
        participant: ParticipantKey(ANA),
    });
    stage.send(ANA, 1, None, false);
    stage.send(BEN, 2, None, false);
    assert!(stage.sent.0.is_empty());
    assert_eq!(
        stage.data(ANA, Channel::Lossy, &[]),
        Err(DataRefusal::UnknownPeer)
    );
    assert_eq!(stage.data(BEN, Channel::Lossy, &[]), Ok(()));
    assert_eq!(stage.messages(ANA).len(), 0);
    assert!(stage.room.subscriptions.is_empty());
    assert_eq!(stage.room.tracks.len(), 1);
    assert_eq!(stage.room.roster.peers.len(), 2);
}
