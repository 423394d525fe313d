//! A box made of its admin API alone: real HTTP over a real Unix socket.

use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wire::Page;
use wire::admin::*;

/// What the box shows and what it was asked to do.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) rooms: Vec<LiveRoom>,
    pub(crate) alarms: Vec<AlarmView>,
    pub(crate) acted: Vec<ActionRequest>,
    /// It serves nobody new: it starts, or something is wrong with it.
    pub(crate) not_ready: bool,
    /// It was told to admit nobody new.
    pub(crate) draining: bool,
}

/// A running box; gone when it is dropped.
pub(crate) struct FakeBox {
    pub(crate) world: Arc<Mutex<World>>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl FakeBox {
    /// Starts one behind this socket.
    pub(crate) fn start(socket: &Path, world: World) -> Self {
        let world = Arc::new(Mutex::new(world));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let _ = std::fs::remove_file(socket);
        let std_listener = std::os::unix::net::UnixListener::bind(socket).expect("a socket");
        std_listener.set_nonblocking(true).expect("non-blocking");
        let app = router(Arc::clone(&world));
        runtime.spawn(async move {
            let listener = tokio::net::UnixListener::from_std(std_listener).expect("a listener");
            axum::serve(listener, app).await.expect("serving");
        });
        Self {
            world,
            runtime: Some(runtime),
        }
    }

    /// What it was asked to do so far.
    pub(crate) fn acted(&self) -> Vec<ActionRequest> {
        self.world.lock().expect("the world").acted.clone()
    }
}

impl Drop for FakeBox {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

type Shared = State<Arc<Mutex<World>>>;

fn router(world: Arc<Mutex<World>>) -> Router {
    Router::new()
        .route("/admin/stream", get(stream))
        .route("/admin/actions", post(act))
        .route("/admin/audit", get(audit))
        .route(
            "/admin/events",
            get(|| async {
                Json(Page::<wire::EventView> {
                    items: Vec::new(),
                    next: None,
                })
            }),
        )
        .route(
            "/admin/attempts",
            get(|| async { Json(Vec::<AttemptView>::new()) }),
        )
        .route("/admin/rooms/{sid}", get(room))
        .with_state(world)
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_millis() as u64
}

async fn stream(State(world): Shared, Query(query): Query<HashMap<String, String>>) -> Body {
    let wanted = query.get("room").cloned();
    let mut sequence = 0;
    let lines = futures_util::stream::unfold((), move |()| {
        let (world, wanted) = (Arc::clone(&world), wanted.clone());
        sequence += 1;
        async move {
            if sequence > 1 {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Some((
                Ok::<_, Infallible>(Bytes::from(lines(&world, wanted.as_deref(), sequence))),
                (),
            ))
        }
    });
    Body::from_stream(lines)
}

fn lines(world: &Mutex<World>, wanted: Option<&str>, sequence: u64) -> Vec<u8> {
    let world = world.lock().expect("the world");
    let health = Box::new(BoxView {
        name: "fake".to_owned(),
        ready: !world.not_ready && !world.draining,
        draining: world.draining,
        ..BoxView::default()
    });
    let mut changes = vec![if sequence == 1 {
        Change::Snapshot {
            role: Role::Admin,
            health,
            rooms: world.rooms.clone(),
            alarms: world.alarms.clone(),
            score: AlarmScore::default(),
        }
    } else {
        Change::Box { health }
    }];
    let room = world
        .rooms
        .iter()
        .find(|room| Some(room.sid.as_str()) == wanted);
    changes.extend(room.map(|room| Change::Detail {
        detail: Box::new(RoomDetail {
            room: room.clone(),
            participants: vec![participant()],
        }),
    }));
    let mut bytes = Vec::new();
    for change in changes {
        let frame = Frame {
            sequence,
            at_ms: now_ms(),
            change,
        };
        bytes.extend(serde_json::to_vec(&frame).expect("JSON"));
        bytes.push(b'\n');
    }
    bytes
}

async fn act(State(world): Shared, Json(request): Json<ActionRequest>) -> Json<ActionAnswer> {
    let mut world = world.lock().expect("the world");
    world.acted.push(request);
    let audit = world.acted.len() as u64;
    Json(ActionAnswer {
        audit,
        outcome: Outcome::Done,
        detail: "as asked".to_owned(),
        took_ms: 3,
        waits_until_ms: None,
    })
}

async fn audit(State(world): Shared) -> Json<AuditPage> {
    let world = world.lock().expect("the world");
    let items = world
        .acted
        .iter()
        .enumerate()
        .map(|(index, request)| AuditEntry {
            sequence: index as u64 + 1,
            at_ms: now_ms(),
            actor: "uid:0".to_owned(),
            act: format!("{:?}", request.verb).to_lowercase(),
            target: format!("{:?}", request.target),
            phase: AuditPhase::Outcome,
            reason: "done".to_owned(),
            detail: request.note.clone(),
        });
    let verified = world.acted.len() as u64;
    Json(AuditPage {
        items: items.rev().collect(),
        next: None,
        chain: ChainView {
            verified,
            problem: None,
        },
    })
}

async fn room(State(world): Shared, UrlPath(sid): UrlPath<String>) -> Json<RoomDetail> {
    let world = world.lock().expect("the world");
    let room = world.rooms.iter().find(|room| room.sid == sid).cloned();
    let room = room.unwrap_or_else(|| self::live_room("RM_gone", "gone"));
    Json(RoomDetail {
        room,
        participants: vec![participant()],
    })
}

fn participant() -> LiveParticipant {
    LiveParticipant {
        sid: "PA_aaaaaaaa4711".to_owned(),
        identity: "pat-4711".to_owned(),
        role: "standard".to_owned(),
        state: "active".to_owned(),
        joined_at_ms: now_ms(),
        path: wire::admin::Path::Udp,
        up_kbps: 800,
        down_kbps: 0,
        loss_permille: Some(0),
        jitter_ms: Some(1),
        rtt_ms: Some(12),
        silent_ms: Some(10),
        quality: Some("excellent".to_owned()),
        tracks: Vec::new(),
    }
}

/// A room with somebody in it.
pub(crate) fn live_room(sid: &str, name: &str) -> LiveRoom {
    LiveRoom {
        sid: sid.to_owned(),
        name: name.to_owned(),
        created_at_ms: now_ms(),
        people: 1,
        devices: 0,
        waiting: 0,
        path: Some(wire::admin::Path::Udp),
        loss_permille: Some(0),
        rtt_ms: Some(12),
        recording: false,
        hold: false,
        locked: false,
        alarm: None,
        flags: Vec::new(),
        ward: None,
        end_requests: Vec::new(),
        card_holders: Vec::new(),
    }
}

/// An alarm that nobody has acknowledged.
pub(crate) fn alarm(priority: Priority) -> AlarmView {
    AlarmView {
        id: "DISK-LOW:box".to_owned(),
        code: "DISK-LOW".to_owned(),
        priority,
        subject: "box".to_owned(),
        state: AlarmState::Unacknowledged,
        raised_at_ms: now_ms(),
        cause: "the disk is nearly full".to_owned(),
        consequence: "nothing can be kept".to_owned(),
        action: "free some".to_owned(),
        time_allowed_s: 600,
        by: None,
        reason: None,
        silenced_until_ms: None,
        until_ms: None,
        count: 1,
    }
}
