//! Found by id and by nothing else.

use super::bench::{Bench, all, first, join_of};
use crate::join::SignalVersion;
use auth::Grants;
use domain::{EndReason, EventData};
use livekit_protocol::TrackSource;
use livekit_protocol::leave_request::Action;
use media::plane::MediaCommand;

#[test]
fn an_ended_presence_is_gone_and_the_newer_one_of_the_same_identity_stays() {
    let mut bench = Bench::new();
    bench.join_connected("alice");
    let old = bench.info("alice").sid;
    let found = bench.room.find_presence(&old).unwrap();
    assert_eq!(found.identity.as_str(), "alice");

    let again = bench.join_connected("alice");
    bench.take(again);
    assert_eq!(bench.room.find_presence(&old), None, "it was replaced");
    let now = bench.now;
    bench.room.end_presence(found.key, now);
    bench.drain();
    assert!(bench.room.holds("alice"));
    assert!(all!(bench.take(again), Leave).is_empty());

    let sid = bench.info("alice").sid;
    let newer = bench.room.find_presence(&sid).unwrap();
    bench.room.end_presence(newer.key, now);
    bench.drain();
    assert!(!bench.room.holds("alice"));
    let leave = first!(bench.take(again), Leave);
    assert_eq!(leave.action(), Action::Disconnect);
    let ended = EventData::OccupantLeft {
        reason: EndReason::ParticipantRemoved,
        duration_ms: 0,
    };
    assert!(bench.event_data().contains(&ended));
    // Its token was not taken back: to end somebody is not to keep them out.
    bench.join_connected("alice");
}

#[test]
fn a_track_is_muted_and_ended_by_its_own_id() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "cam", TrackSource::Camera).sid;
    let other = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    assert_eq!(bench.room.sizes(), (1, 2));
    bench.forget();
    let now = bench.now;
    let found = bench.room.find_track(&sid).unwrap();
    assert!(!found.muted);
    bench.room.mute_published(&sid, &found, now);
    bench.drain();
    assert!(first!(bench.take(alice), Mute).muted);
    assert!(bench.room.find_track(&sid).unwrap().muted);
    assert!(!bench.room.find_track(&other).unwrap().muted);

    bench.room.end_published(&found, now);
    bench.drain();
    assert_eq!(first!(bench.take(alice), TrackUnpublished).track_sid, sid);
    let unpublished = |c: &MediaCommand| matches!(c, MediaCommand::UnpublishTrack { track, .. } if *track == found.key);
    assert!(bench.media.iter().any(unpublished));
    assert_eq!(bench.room.find_track(&sid), None);
    assert_eq!(bench.room.sizes(), (1, 1));
}

#[test]
fn who_may_neither_publish_nor_watch_waits_and_is_let_in() {
    let grants = |publish: bool, subscribe: bool| Grants {
        can_publish: Some(publish),
        can_subscribe: Some(subscribe),
        ..Grants::default()
    };
    let texter = Grants {
        can_publish_data: Some(true),
        ..grants(false, false)
    };
    let hidden = Grants {
        hidden: true,
        ..grants(false, false)
    };
    let recorder = Grants {
        recorder: true,
        ..grants(false, false)
    };
    let agent = Grants {
        agent: true,
        ..grants(false, false)
    };
    let mut bench = Bench::new();
    for (name, video, waits) in [
        ("waiter", grants(false, false), true),
        ("texter", texter, true),
        ("listener", grants(false, true), false),
        ("speaker", grants(true, false), false),
        ("ghost", hidden, false),
        ("recorder", recorder, false),
        ("agent", agent, false),
    ] {
        let mut join = join_of(name, SignalVersion::V0);
        join.claims.video = Grants {
            room: join.claims.video.room.clone(),
            room_join: true,
            ..video
        };
        bench.enter(join).unwrap();
        let sid = bench.info(name).sid;
        let found = bench.room.find_presence(&sid).unwrap();
        assert_eq!(found.waits, waits, "{name}");
    }
    let sid = bench.info("waiter").sid;
    let found = bench.room.find_presence(&sid).unwrap();
    let now = bench.now;
    bench.forget();
    bench.room.let_in(found.key, now);
    bench.drain();
    assert!(!bench.room.find_presence(&sid).unwrap().waits);
    let may = bench.info("waiter").permission.unwrap();
    assert!(may.can_publish && may.can_publish_data && may.can_subscribe && !may.hidden);
    assert!(
        bench.tokens[0].1.can_publish(),
        "its next token says so, too"
    );
    let is_told = |command: &MediaCommand| {
        matches!(command, MediaCommand::SetPermissions { permissions, .. }
            if permissions.publish && permissions.subscribe && permissions.publish_data)
    };
    assert!(bench.media.iter().any(is_told), "{:?}", bench.media);
}
