//! The control thread against a real store and real rooms; the media plane only records.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

extern crate ringward_control as control;

use control::event::{EndReason, EventData, EventQuery, EventType};
use control::{CallError, ControlConfig, ControlHandle};
use crossbeam_channel::Sender;
use livekit_protocol::CreateRoomRequest;
use media::{MediaCommand, MediaEvent, MediaPlane};
use std::path::Path;
use std::sync::{Arc, Mutex};
use store::{Store, StoreOptions};
use tempfile::TempDir;
use vocab::{Redacted, UnixMillis};

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<MediaCommand>>>);

impl MediaPlane for Recorder {
    fn send(&self, command: MediaCommand) {
        self.0.lock().unwrap().push(command);
    }
}

struct Plane {
    control: ControlHandle,
    media: Recorder,
    _events: Sender<MediaEvent>,
    folder: TempDir,
}

/// Small enough that a few hundred events fill a journal file.
const SEGMENT_BYTES: u64 = 4 * 1024;

fn open(folder: &Path) -> Store {
    let options = StoreOptions {
        segment_bytes: SEGMENT_BYTES,
        ballast_bytes: 0,
        ..StoreOptions::default()
    };
    Store::open_with(folder, UnixMillis(1), &options).unwrap().0
}

fn start() -> Plane {
    let folder = tempfile::tempdir().unwrap();
    let (events, media_events) = crossbeam_channel::unbounded();
    let media = Recorder::default();
    let config = ControlConfig {
        room: signal::RoomConfig::default(),
        auto_create: true,
        token_key: "devkey".to_owned(),
        token_secret: Redacted::new("secret".to_owned()),
        webhooks: true,
        facts: Vec::new(),
        logbook: logbook::Logbook::detached(),
    };
    let plane = Box::new(media.clone());
    let control = control::start(config, open(folder.path()), plane, media_events).unwrap();
    Plane {
        control,
        media,
        _events: events,
        folder,
    }
}

impl Plane {
    async fn create(&self, name: &str) -> Result<String, String> {
        let request = CreateRoomRequest {
            name: name.to_owned(),
            ..Default::default()
        };
        let created = self.control.run(move |c| c.create_room(request)).await;
        let created = created.map_err(|error| error.to_string())?;
        created
            .map(|room| room.sid)
            .map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn an_answer_is_a_promise_that_survives_the_process() {
    let plane = start();
    let sid = plane.create("ward").await.unwrap();
    assert_eq!(rooms_on_disk(&plane, EventType::RoomCreated), [sid]);
}

#[tokio::test]
async fn the_media_plane_hears_of_a_room_once_it_is_saved() {
    let plane = start();
    plane.create("ward").await.unwrap();
    let commands = plane.media.0.lock().unwrap();
    assert!(
        matches!(commands.first(), Some(MediaCommand::OpenRoom { .. })),
        "{commands:?}"
    );
}

/// A journal that cannot grow: calls that wrote are refused, newcomers too, and it says so;
/// what needs no record goes on.
#[tokio::test]
async fn a_broken_disk_refuses_newcomers_and_says_so() {
    let plane = start();
    plane.create("ward").await.unwrap();
    assert!(plane.control.status().ready);
    std::fs::remove_dir_all(plane.folder.path().join("journal")).unwrap();
    let mut refused = None;
    for n in 0..500 {
        let lock = plane
            .control
            .run(move |c| c.set_room_locked("ward", n % 2 == 0))
            .await;
        if lock.is_err() {
            refused = Some(lock);
            break;
        }
    }
    assert_eq!(refused.expect("a refusal"), Err(CallError::NotSaved));
    let status = plane.control.status();
    assert!(!status.ready && status.problems.len() == 1, "{status:?}");
    let newcomer = plane.create("icu").await.unwrap_err();
    assert!(newcomer.contains("admits nobody"), "{newcomer}");
    let rooms = plane.control.run(|c| c.list_rooms(&[])).await.unwrap();
    assert_eq!(rooms.len(), 1, "reading goes on");
}

#[tokio::test]
async fn a_use_case_that_panics_fails_its_caller_alone() {
    let plane = start();
    let broken = plane.control.run(|_| -> () { panic!("on purpose") }).await;
    assert_eq!(broken, Err(CallError::Failed));
    plane.create("ward").await.unwrap();
}

#[tokio::test]
async fn stopping_closes_every_room_on_disk_and_refuses_what_comes_later() {
    let plane = start();
    let sid = plane.create("ward").await.unwrap();
    plane.control.stop().await;
    plane.control.stop().await;
    assert_eq!(plane.control.run(|_| ()).await, Err(CallError::Stopped));
    assert_eq!(rooms_on_disk(&plane, EventType::RoomDestroyed), [sid]);
}

/// The rooms that events of this kind are about, read as a killed process would leave them: from
/// a copy of the journal as it is at this moment.
fn rooms_on_disk(plane: &Plane, kind: EventType) -> Vec<String> {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(
        &plane.folder.path().join("journal"),
        &copy.path().join("journal"),
    );
    let query = EventQuery {
        kinds: vec![kind],
        ..EventQuery::default()
    };
    let page = open(copy.path()).reader().events(&query).unwrap();
    let reset = EventData::RoomDestroyed {
        reason: EndReason::SystemReset,
    };
    let own = page.items.iter().filter(|e| e.event.data != reset);
    own.map(|e| e.event.room.to_string()).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
