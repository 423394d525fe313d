//! A box without media workers.

use accounts::Accounts;
use api::{Api, ApiConfig, ConnectionLimits, MEETING_PAGE, OperatorIdentity};
use auth::{Claims, Grants, Keys};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::{Extension, Router};
use control::{ControlConfig, ControlHandle};
use heads::Heads;
use media::{MediaCommand, MediaEvent, MediaPlane};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use store::{Store, StoreOptions};
use telemetry::Metrics;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt;
use vocab::{Redacted, UnixMillis};
use wire::admin::Role;

pub(crate) const KEY: &str = "devkey";
pub(crate) const SECRET: &str = "secret";

/// Remembers what it is told and answers offers if asked to.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) commands: Arc<Mutex<Vec<MediaCommand>>>,
    pub(crate) events: crossbeam_channel::Sender<MediaEvent>,
    answer: Option<&'static str>,
}

impl MediaPlane for Recorder {
    fn send(&self, command: MediaCommand) {
        if let (
            Some(sdp),
            MediaCommand::AcceptOffer {
                room,
                peer,
                negotiation,
                ..
            },
        ) = (self.answer, &command)
        {
            let answered = MediaEvent::Answered {
                room: *room,
                peer: *peer,
                negotiation: *negotiation,
                sdp: sdp.to_owned(),
            };
            // The box may be stopping.
            let _ = self.events.send(answered);
        }
        self.commands.lock().unwrap().push(command);
    }
}

/// How a box differs from the usual one.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) auto_create: bool,
    pub(crate) page: bool,
    pub(crate) answer: Option<&'static str>,
    pub(crate) max_participants: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auto_create: true,
            page: false,
            answer: None,
            max_participants: 0,
        }
    }
}

/// A box: dropping it stops it.
pub(crate) struct TestBox {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) control: ControlHandle,
    pub(crate) media: Recorder,
    pub(crate) heads: Heads,
    api: Api,
    folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl TestBox {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let small = StoreOptions {
            ballast_bytes: 0,
            ..StoreOptions::default()
        };
        let (store, _) = Store::open_with(folder.path(), now(), &small).unwrap();
        let (events, media_events) = crossbeam_channel::unbounded();
        let media = Recorder {
            commands: Arc::default(),
            events: events.clone(),
            answer: options.answer,
        };
        let room = signal::RoomConfig {
            max_participants: options.max_participants,
            ..signal::RoomConfig::default()
        };
        let config = ControlConfig {
            room,
            auto_create: options.auto_create,
            token_key: KEY.to_owned(),
            token_secret: Redacted::new(SECRET.to_owned()),
            webhooks: true,
            facts: vec![("network".to_owned(), "none".to_owned())],
            logbook: logbook::Logbook::detached(),
        };
        let control = control::start(config, store, Box::new(media.clone()), media_events).unwrap();
        let mut keys = Keys::new();
        keys.add(KEY, SECRET).unwrap();
        let config = ApiConfig {
            keys,
            page: if options.page { MEETING_PAGE } else { &[] },
            version: "0.0.0-test".to_owned(),
        };
        let accounts = Arc::new(Accounts::open(folder.path()).unwrap());
        let heads = Heads::open(folder.path()).unwrap();
        let detached = Metrics::detached();
        let api = Api::new(config, control.clone(), detached, accounts.clone())
            .with_heads(Some(heads.clone()));
        Self {
            accounts,
            control,
            media,
            heads,
            api,
            folder,
        }
    }

    pub(crate) fn router(&self) -> Router {
        api::router(self.api.clone())
    }

    /// The operators' router as the admin socket serves it to root.
    pub(crate) fn admin_router(&self) -> Router {
        self.admin_router_for(Role::Admin)
    }

    /// The operators' router behind a listener that vouches for somebody with `role`.
    pub(crate) fn admin_router_for(&self, role: Role) -> Router {
        self.admin_router_of("uid:0", role)
    }

    /// The operators' router behind a listener that vouches for this one.
    pub(crate) fn admin_router_of(&self, actor: &str, role: Role) -> Router {
        let actor = actor.to_owned();
        self.bare_admin_router()
            .layer(Extension(OperatorIdentity { actor, role }))
    }

    /// The operators' router without a listener that vouches for anybody.
    pub(crate) fn bare_admin_router(&self) -> Router {
        api::admin_router(self.api.clone())
    }

    pub(crate) fn api(&self) -> Api {
        self.api.clone()
    }

    /// What is served over TLS.
    pub(crate) fn https_router(&self) -> Router {
        api::https_router(self.api.clone())
    }

    /// Sends one request to the admin socket's router, as root.
    pub(crate) async fn admin_send(&self, request: Request<Body>) -> Answer {
        answer_of(self.admin_router(), request).await
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Sends one request to the network's router.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        answer_of(self.router(), request).await
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.send(request(Method::GET, path, token, &[], Body::empty()))
            .await
    }

    pub(crate) async fn admin_get(&self, path: &str) -> Answer {
        answer_of(
            self.admin_router(),
            request(Method::GET, path, None, &[], Body::empty()),
        )
        .await
    }

    /// A JSON call of `RoomService`.
    pub(crate) async fn twirp(
        &self,
        method: &str,
        token: &str,
        body: &serde_json::Value,
    ) -> Answer {
        let path = format!("/twirp/livekit.RoomService/{method}");
        let json = [("content-type", "application/json")];
        self.send(request(
            Method::POST,
            &path,
            Some(token),
            &json,
            body.to_string().into(),
        ))
        .await
    }

    /// Serves on loopback until the returned guard is dropped.
    pub(crate) async fn serve(&self, limits: ConnectionLimits) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let logbook = self.control.logbook().clone();
        let serving = api::serve_tcp(listener, self.router(), limits, logbook, async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(serving);
        Served {
            address,
            stop: Some(stop),
            task,
        }
    }
}

/// A served box's address.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Served {
    /// Stops accepting and waits for the end.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap();
    }
}

pub(crate) async fn answer_of(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 64 * 1024 * 1024).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.into(),
    }
}

pub(crate) fn request(
    method: Method,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Body,
) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        builder = builder.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap()
}

pub(crate) fn now() -> UnixMillis {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMillis(since_1970.as_millis().try_into().unwrap())
}

/// A token for an hour.
pub(crate) fn token(identity: &str, video: Grants) -> String {
    let claims = Claims {
        sub: identity.to_owned(),
        nbf: Some(now().as_secs() - 10),
        exp: Some(now().as_secs() + 3_600),
        video,
        ..Claims::default()
    };
    auth::mint(&claims, KEY, SECRET)
}

pub(crate) fn joins(room: &str, identity: &str) -> String {
    token(
        identity,
        Grants {
            room: room.to_owned(),
            room_join: true,
            ..Grants::default()
        },
    )
}

pub(crate) fn administers(room: &str) -> String {
    token(
        "admin",
        Grants {
            room: room.to_owned(),
            room_admin: true,
            ..Grants::default()
        },
    )
}

pub(crate) fn creates() -> String {
    token(
        "creator",
        Grants {
            room_create: true,
            ..Grants::default()
        },
    )
}

pub(crate) fn lists() -> String {
    token(
        "lister",
        Grants {
            room_list: true,
            ..Grants::default()
        },
    )
}

/// What a JavaScript client of protocol 15 says of itself.
pub(crate) const CLIENT: &str = "auto_subscribe=1&sdk=js&version=2.0.0&protocol=15";
