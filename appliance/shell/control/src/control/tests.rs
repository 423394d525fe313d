//! The panic boundary around a room.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::lane::lane;
use domain::event::EventType;
use livekit_protocol::CreateRoomRequest;
use std::sync::Mutex;
use store::{EventQuery, StoreOptions};
use vocab::{Redacted, UnixMillis};

/// What was staged has been delivered before this is waited for: only a bug takes as long.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<MediaCommand>>>);

impl MediaPlane for Recorder {
    fn send(&self, command: MediaCommand) {
        self.0.lock().unwrap().push(command);
    }
}

fn control(folder: &std::path::Path, media: Recorder) -> Control {
    let options = StoreOptions {
        ballast_bytes: 0,
        ..StoreOptions::default()
    };
    let (store, _) = Store::open_with(folder, UnixMillis(1), &options).unwrap();
    let config = ControlConfig {
        room: RoomConfig::default(),
        auto_create: true,
        token_key: "devkey".to_owned(),
        token_secret: Redacted::new("secret".to_owned()),
        webhooks: false,
        facts: Vec::new(),
        logbook: logbook::Logbook::detached(),
    };
    Control::new(
        config,
        store,
        Box::new(media),
        Arc::new(Health::new(UnixMillis(1))),
        1,
    )
}

fn create(control: &mut Control, name: &str) -> RoomKey {
    let request = CreateRoomRequest {
        name: name.to_owned(),
        ..CreateRoomRequest::default()
    };
    control.create_room(request).unwrap();
    control.room_key(name).unwrap()
}

#[tokio::test]
async fn a_room_that_panics_is_closed_with_its_record_and_the_others_live() {
    let folder = tempfile::tempdir().unwrap();
    let media = Recorder::default();
    let mut control = control(folder.path(), media.clone());
    let (broken, sound) = (
        create(&mut control, "broken"),
        create(&mut control, "sound"),
    );
    let (sender, mut receiver) = lane();
    let session = control.keys.session();
    control.sessions.insert(
        session,
        Session {
            room: broken,
            lane: sender,
        },
    );
    control.commit_and_release();

    let result = control.with_room(broken, |_| -> () { panic!("on purpose") });
    assert_eq!(result, Err(NoRoom));
    control.commit_and_release();

    assert_eq!(control.room_key("sound"), Ok(sound));
    assert!(control.room_key("broken").is_err());
    let told = tokio::time::timeout(TOLD_WITHIN, receiver.next()).await;
    assert!(matches!(told, Ok(Some(Outbound::Close))), "{told:?}");
    let closed = |command: &MediaCommand| matches!(command, MediaCommand::CloseRoom { room } if *room == broken);
    assert!(media.0.lock().unwrap().iter().any(closed));
    let query = EventQuery {
        kinds: vec![EventType::RoomDestroyed],
        ..EventQuery::default()
    };
    let ended = control.store.reader().events(&query).unwrap().items;
    assert_eq!(ended.len(), 1);
    assert_eq!(
        ended[0].event.data,
        EventData::RoomDestroyed {
            reason: EndReason::SystemReset
        }
    );

    let again = create(&mut control, "broken");
    assert_ne!(again, broken, "a new life of the name");
}
