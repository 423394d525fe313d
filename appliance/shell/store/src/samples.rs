//! Events for tests: every kind, a few rooms and people, times that step back now and then.

use domain::event::Actor;
use domain::{EndReason, Event, EventData, TrackKind, TrackSource};
use vocab::UnixMillis;

/// The `n`th sample: the same `n` is always the same event.
pub(crate) fn event(n: u64) -> Event {
    let room = n % 3;
    let person = n / 3 % 4;
    let track = format!("TR_{}", n / 12 % 3);
    let data = match n / 3 % 13 {
        0 => EventData::RoomCreated,
        1 | 2 => EventData::OccupantJoined {
            client: "js".to_owned(),
        },
        3 => EventData::TrackPublished {
            track: track.into(),
            kind: TrackKind::Video,
            source: TrackSource::Camera,
        },
        4 => EventData::MessageSent,
        5 => EventData::TrackUnpublished {
            track: track.into(),
        },
        6 => EventData::AudioPaused,
        7 => EventData::OccupantLeft {
            reason: EndReason::ClientInitiated,
            duration_ms: n,
        },
        8 => EventData::RoomLocked,
        9 => EventData::P2pSessionStats {
            sid: "P2P".to_owned(),
            name: "ice-connected".to_owned(),
            values: vec![("rtt".to_owned(), -5)],
        },
        10 => EventData::RoomUnlocked,
        11 => EventData::ScreencaptureStarted,
        _ => EventData::RoomDestroyed {
            reason: EndReason::RoomEmpty,
        },
    };
    let whole_room = matches!(
        data,
        EventData::RoomCreated | EventData::RoomDestroyed { .. }
    );
    let actor = Actor {
        identity: format!("person-{person}").into(),
        sid: format!("PA_{person}_{}", n / 40).into(),
    };
    Event {
        at: UnixMillis(1_700_000_000_000 + n * 10 - (n % 7) * 300),
        room: format!("RM_{room}_{}", n / 100).into(),
        room_name: format!("ward-{room}").into(),
        actor: (!whole_room).then_some(actor),
        peer: n.is_multiple_of(5).then(|| "person-9".into()),
        data,
    }
}
