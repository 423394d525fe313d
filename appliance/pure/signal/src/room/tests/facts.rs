//! What is written down.

use super::bench::{Bench, join_of};
use super::sdp::{data, inactive};
use crate::join::SignalVersion;
use domain::{EndReason, EventData, TrackKind, TrackSource as Source};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{LeaveRequest, MuteTrackRequest, TrackSource};
use media::MediaEvent;
use std::time::Duration;

#[test]
fn a_room_and_its_people_leave_a_trace() {
    let mut bench = Bench::new();
    assert_eq!(bench.event_data(), [EventData::RoomCreated]);
    assert_eq!(bench.webhook_names(), ["room_started"]);
    bench.forget();
    let alice = bench.join("alice");
    assert!(bench.events.is_empty(), "joined is when media is up");
    bench.connect("alice");
    assert_eq!(
        bench.event_data(),
        [EventData::OccupantJoined {
            client: "js".into()
        }]
    );
    assert_eq!(
        bench.events[0].actor.as_ref().unwrap().identity.as_str(),
        "alice"
    );
    assert_eq!(bench.webhook_names(), ["participant_joined"]);
    bench.forget();
    bench.wait(Duration::from_secs(5));
    bench.says(alice, Request::Leave(LeaveRequest::default()));
    let left = EventData::OccupantLeft {
        reason: EndReason::ClientInitiated,
        duration_ms: 5_000,
    };
    assert_eq!(bench.event_data(), [left]);
    assert_eq!(bench.webhook_names(), ["participant_left"]);
    bench.forget();
    bench.room.close(EndReason::RoomDeleted, bench.now);
    bench.drain();
    assert_eq!(
        bench.event_data(),
        [EventData::RoomDestroyed {
            reason: EndReason::RoomDeleted
        }]
    );
    assert_eq!(bench.webhooks[0].event, "room_finished");
    assert_eq!(bench.webhooks[0].room_end_reason, 1);
}

#[test]
fn pauses_of_microphone_and_camera_are_events() {
    for (source, paused, resumed) in [
        (
            TrackSource::Microphone,
            Some(EventData::AudioPaused),
            Some(EventData::AudioResumed),
        ),
        (
            TrackSource::Camera,
            Some(EventData::VideoPaused),
            Some(EventData::VideoResumed),
        ),
        (TrackSource::ScreenShare, None, None),
    ] {
        let mut bench = Bench::new();
        let alice = bench.join_connected("alice");
        let sid = bench.publish(alice, "x", source).sid;
        bench.forget();
        for muted in [true, false] {
            bench.says(
                alice,
                Request::Mute(MuteTrackRequest {
                    sid: sid.clone(),
                    muted,
                }),
            );
        }
        let want: Vec<_> = [paused, resumed].into_iter().flatten().collect();
        assert_eq!(bench.event_data(), want, "{source:?}");
    }
}

#[test]
fn a_shared_screen_begins_and_ends() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.forget();
    let sid = bench.publish(alice, "screen", TrackSource::ScreenShare).sid;
    let published = EventData::TrackPublished {
        track: sid.as_str().into(),
        kind: TrackKind::Video,
        source: Source::ScreenShare,
    };
    assert_eq!(
        bench.event_data(),
        [published, EventData::ScreencaptureStarted]
    );
    assert_eq!(bench.webhooks[0].track.as_ref().unwrap().sid, sid);
    bench.forget();
    bench.offers(alice, 2, &[data("0"), inactive("2", "video")]);
    let unpublished = EventData::TrackUnpublished {
        track: sid.as_str().into(),
    };
    assert_eq!(
        bench.event_data(),
        [EventData::ScreencaptureEnded, unpublished]
    );
}

#[test]
fn a_leaver_ends_its_screen_share() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "screen", TrackSource::ScreenShare);
    bench.forget();
    bench.says(alice, Request::Leave(LeaveRequest::default()));
    assert_eq!(bench.event_data()[0], EventData::ScreencaptureEnded);
    assert_eq!(
        bench.webhook_names(),
        ["track_unpublished", "participant_left"]
    );
}

#[test]
fn messages_and_locks_are_events_without_content() {
    let mut bench = Bench::new();
    bench.join_connected("alice");
    bench.forget();
    let (room, participant) = (bench.room.key(), bench.key_of("alice"));
    bench.media(MediaEvent::MessageSent { room, participant });
    for locked in [true, true, false] {
        bench.room.set_locked(locked, bench.now);
    }
    bench.drain();
    let want = [
        EventData::MessageSent,
        EventData::RoomLocked,
        EventData::RoomUnlocked,
    ];
    assert_eq!(bench.event_data(), want);
}

#[test]
fn webhooks_have_an_id_and_a_time_of_their_own() {
    let mut bench = Bench::new();
    bench.join_connected("alice");
    let ids: std::collections::BTreeSet<_> = bench.webhooks.iter().map(|hook| &hook.id).collect();
    assert_eq!(ids.len(), bench.webhooks.len());
    assert!(
        bench
            .webhooks
            .iter()
            .all(|hook| hook.id.starts_with("EV_") && hook.created_at > 0)
    );
    assert!(bench.webhooks.iter().all(|hook| hook.room.is_some()));
}

#[test]
fn the_same_seed_gives_the_same_sids() {
    let sid = || {
        let mut bench = Bench::new();
        bench.enter(join_of("alice", SignalVersion::V0)).unwrap();
        (bench.room.sid().clone(), bench.info("alice").sid)
    };
    assert_eq!(sid(), sid());
}
