//! Composes the box, runs it until it is told to stop, takes it apart again.

use crate::addresses;
use crate::admin::SOCKET_NAME;
use crate::banner::{self, Opened};
use crate::cli::ServeArguments;
use crate::desk::Desk;
use crate::drain;
use crate::heads;
use crate::ledger;
use crate::listeners::{self, Inherited};
use crate::service::{self, Vitals};
use crate::watching;
use crate::{descriptors, keys, tls};
use ::tls::Tls;
use ::watch::AlarmBoard;
use accounts::Accounts;
use anyhow::{Context, Result, bail};
use api::{Api, ApiConfig, ConnectionLimits};
use control::{ControlConfig, ControlHandle};
use edge::Bridge;
use logbook::Logbook;
use settings::{Backend, DEVELOPMENT_KEY, Egress, PlainHttp, Settings};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Recovery, Store, StoreOptions};
use telemetry::{LogConfig, Metrics};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use vocab::UnixMillis;
use webhooks::{Webhooks, WebhooksConfig};
use worker::{BackendChoice, EgressKind, SplitAt, WorkersConfig};

/// Threads for HTTP and WebSocket: signalling is small, the cores belong to media.
const HTTP_THREADS: usize = 2;

/// Where attempts to connect are kept, inside the data folder.
const ATTEMPTS_FOLDER: &str = "attempts";

/// A stop that takes longer than this, once calls have had their time, is cut off.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_millis(1_800);

/// Runs the box until SIGINT or SIGTERM.
pub(crate) fn serve(arguments: ServeArguments) -> Result<()> {
    let inherited = Inherited::take();
    let settings = Settings::load(arguments.into())?;
    telemetry::install_log(&LogConfig::default())?;
    let descriptors = descriptors::raise()?;
    let metrics = telemetry::install_metrics()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(HTTP_THREADS)
        .enable_all()
        .build()
        .context("the HTTP threads could not be started")?;
    let outcome = runtime.block_on(run(&settings, inherited, metrics, descriptors));
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}

async fn run(
    settings: &Settings,
    mut inherited: Inherited,
    metrics: Metrics,
    descriptors: u64,
) -> Result<()> {
    let mut signals = Signals::watch()?;
    let listeners = Listeners {
        http: listeners::bind(&settings.http, &mut inherited, "--http").await?,
        https: listeners::bind(&settings.https, &mut inherited, "--https").await?,
        ice_tcp: listeners::bind(&settings.ice_tcp, &mut inherited, "--ice-tcp").await?,
    };
    inherited.close_rest();
    let (store, recovery) = open_store(settings)?;
    say_recovered(&recovery);
    // Both may write into the data folder, which is this process' alone from here on.
    let settings = &keys::complete(settings.clone())?;
    let tls = tls::open(settings)?;
    let (events_in, events) = crossbeam_channel::unbounded();
    let (mut workers, plane) = worker::start(&workers_config(settings, &listeners)?, &events_in)?;
    let opened = Opened {
        http: addresses(&listeners.http),
        https: addresses(&listeners.https),
        ice_tcp: addresses(&listeners.ice_tcp),
        certificates: tls.as_ref().map_or_else(Vec::new, |tls| tls.certificates()),
        udp: workers.local_addrs(),
        backend: workers.reason().to_owned(),
        workers: workers.count(),
    };
    let outbox = store.outbox_reader();
    let logbook = Logbook::open(&settings.data.join(ATTEMPTS_FOLDER))?;
    let control = control::start(
        control_config(settings, &opened, logbook.clone())?,
        store,
        Box::new(plane),
        events,
    )?;
    let (stop, stopping) = watch::channel(false);
    let alarms = AlarmBoard::open(&settings.data);
    control.open_alarm_desk(Arc::new(Desk(alarms.clone())));
    let doors = Doors {
        listeners,
        tls,
        bridge: Bridge::new(&opened.udp),
    };
    let (watch, live) = watching::over(
        settings,
        &opened,
        &mut workers,
        outbox.clone(),
        &control,
        alarms.clone(),
        &doors,
    );
    let heads = heads::open(&settings.data)?;
    let api = open_api(settings, &control, metrics)?
        .with_live(live)
        .with_heads(heads.clone());
    let mut tasks = serve_http(settings, doors, api, &control, descriptors, &stopping)?;
    tasks.spawn(watch.run(until(stopping.clone())));
    ledger::note_made_good(&control).await;
    ledger::keep(alarms, control.clone(), until(stopping.clone()), &mut tasks);
    if let Some(heads) = heads.clone() {
        heads::keep(heads, control.clone(), until(stopping.clone()), &mut tasks);
    }
    serve_webhooks(settings, outbox, &stopping, &mut tasks)?;
    announce(settings, &opened);
    let vitals = Vitals {
        workers: workers.turns(),
        control: control.clone(),
    };
    service::ready(&control.status());
    let order = tokio::select! {
        order = signals.received() => order,
        never = service::watch(&vitals, None) => match never {},
    };
    if order == Order::Terminate && !settings.drain.is_zero() {
        drain::until_empty(&vitals, settings.drain, signals.received()).await;
    }
    tracing::info!("stopping");
    service::stopping();
    stop.send_replace(true);
    let stopped = async {
        control.stop().await;
        if let Some(heads) = &heads {
            heads::note(heads, &control).await;
        }
        while tasks.join_next().await.is_some() {}
    };
    tokio::select! {
        stopped = tokio::time::timeout(STOP_TIMEOUT, stopped) => {
            if stopped.is_err() {
                tracing::warn!("stopped with connections still open");
            }
        }
        _ = signals.received() => tracing::warn!("told again: stopped at once"),
    }
    workers.stop();
    logbook.flush();
    Ok(())
}

/// Opens the store. Rooms that the last run left open are closed, and webhooks say so.
fn open_store(settings: &Settings) -> Result<(Store, Recovery)> {
    let webhooks = settings.webhook.is_some();
    let options = StoreOptions::default();
    Store::open_telling(&settings.data, now()?, &options, &mut |closed| {
        if webhooks {
            control::reset::farewell(closed)
        } else {
            Vec::new()
        }
    })
    .with_context(|| format!("the data folder {} cannot be used", settings.data.display()))
}

/// One line of what a start found; what is lost or damaged is a warning.
fn say_recovered(recovery: &Recovery) {
    tracing::info!(
        events = recovery.last_sequence,
        rooms_closed = recovery.closed.len(),
        webhooks_waiting = recovery.outbox_waiting,
        "store opened"
    );
    if recovery.lost > 0 || recovery.restored > 0 || recovery.outbox_damaged_bytes > 0 {
        tracing::warn!(
            lost = recovery.lost,
            restored = recovery.restored,
            outbox_damaged_bytes = recovery.outbox_damaged_bytes,
            "the disk returned less than was acknowledged: check it; `ringward store verify` says where"
        );
    }
}

/// Everything that TCP connections need.
pub(crate) struct Doors {
    listeners: Listeners,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) bridge: Bridge,
}

/// What was bound before anything else: a taken port should not cost a recovery.
struct Listeners {
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    ice_tcp: Vec<TcpListener>,
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners
        .iter()
        .filter_map(|l| l.local_addr().ok())
        .collect()
}

fn workers_config(settings: &Settings, listeners: &Listeners) -> Result<WorkersConfig> {
    Ok(WorkersConfig {
        count: worker_count(settings),
        first_port: settings.udp_port,
        addresses: own_addresses(settings.development)?,
        announced: settings.announce.clone(),
        tcp: [addresses(&listeners.https), addresses(&listeners.ice_tcp)].concat(),
        backend: match settings.net {
            Backend::Auto => BackendChoice::Auto,
            Backend::Uring => BackendChoice::Uring,
            Backend::Portable => BackendChoice::Portable,
        },
        egress: match settings.egress {
            Egress::Own => EgressKind::Own,
            Egress::Plain => EgressKind::Plain,
        },
        pin: settings.profile.pin,
        split: SplitAt::default(),
    })
}

/// One media thread per core, less one for everything else.
pub(crate) fn worker_count(settings: &Settings) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    settings
        .workers
        .or(settings.profile.media_cores.map(NonZeroUsize::get))
        .unwrap_or(cores.saturating_sub(1).max(1))
}

/// Every address a client could reach; in development also loopback: a browser on this machine
/// is a client.
pub(crate) fn own_addresses(development: bool) -> Result<Vec<IpAddr>> {
    let mut addresses = addresses::own()?;
    addresses.retain(|address| development || !address.is_loopback());
    if addresses.is_empty() {
        bail!("this machine has no network address; bring an interface up (`ip link set lo up`)");
    }
    Ok(addresses)
}

fn control_config(settings: &Settings, opened: &Opened, logbook: Logbook) -> Result<ControlConfig> {
    let signing = if settings.development {
        Some(DEVELOPMENT_KEY)
    } else {
        None
    };
    let (key, secret) = signing
        .and_then(|key| settings.keys.get_key_value(key))
        .or_else(|| settings.keys.first_key_value())
        .context("no API key")?;
    let per_room = settings.profile.participants_per_room_max.get();
    Ok(ControlConfig {
        room: signal::RoomConfig {
            max_participants: u32::try_from(per_room).unwrap_or(u32::MAX),
            ..signal::RoomConfig::default()
        },
        auto_create: true,
        token_key: key.clone(),
        token_secret: secret.clone(),
        webhooks: settings.webhook.is_some(),
        facts: vec![
            ("network".to_owned(), opened.backend.clone()),
            ("workers".to_owned(), opened.workers.to_string()),
            ("data".to_owned(), settings.data.display().to_string()),
            ("profile".to_owned(), settings.profile.name.clone()),
        ],
        logbook,
    })
}

fn open_api(settings: &Settings, control: &ControlHandle, metrics: Metrics) -> Result<Api> {
    let config = ApiConfig {
        keys: keys(settings)?,
        page: if settings.meeting_page {
            api::MEETING_PAGE
        } else {
            &[]
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let accounts = Arc::new(Accounts::open(&settings.data)?);
    Ok(Api::new(config, control.clone(), metrics, accounts))
}

fn serve_http(
    settings: &Settings,
    doors: Doors,
    api: Api,
    control: &ControlHandle,
    descriptors: u64,
    stopping: &watch::Receiver<bool>,
) -> Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    let socket = settings.data.join(SOCKET_NAME);
    let admin = api::bind_unix(&socket)?;
    tasks.spawn(api::serve_unix(
        admin,
        api::admin_router(api.clone()),
        until(stopping.clone()),
    ));
    let limits = limits(descriptors, &doors.listeners);
    doors.open(settings, (&api, control), limits, stopping, &mut tasks)?;
    Ok(tasks)
}

impl Doors {
    /// Serves on every listener.
    fn open(
        self,
        settings: &Settings,
        (api, control): (&Api, &ControlHandle),
        limits: ConnectionLimits,
        stopping: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<()> {
        let stop = || until(stopping.clone());
        let https = addresses(&self.listeners.https);
        let lead = api::redirect_router(https.first().map(SocketAddr::port).unwrap_or_default());
        let plain = match settings.plain_http {
            PlainHttp::Serve => api::router(api.clone()),
            PlainHttp::Redirect => lead.clone(),
        };
        for listener in self.listeners.http {
            let logbook = control.logbook().clone();
            let plain = plain.clone();
            tasks.spawn(api::serve_tcp(listener, plain, limits, logbook, stop()));
        }
        for listener in self.listeners.ice_tcp {
            let bridge = self.bridge.clone();
            tasks.spawn(api::serve_ice(listener, bridge, limits, stop()));
        }
        if let Some(tls) = &self.tls {
            for listener in self.listeners.https {
                tasks.spawn(api::serve_tls(
                    listener,
                    tls.config(),
                    api::https_router(api.clone()),
                    api::Others {
                        plain: lead.clone(),
                        bridge: self.bridge.clone(),
                    },
                    limits,
                    refusals(control, tls.clone()),
                    stop(),
                ));
            }
        }
        if !settings.development || self.tls.is_some() {
            tls::watch(self.tls, stop(), tasks)?;
        }
        Ok(())
    }
}

/// Handshakes that come to nothing are attempts to connect.
fn refusals(control: &ControlHandle, tls: Arc<Tls>) -> api::Refusals {
    api::Refusals {
        logbook: control.logbook().clone(),
        is_expired: Arc::new(move || now().is_ok_and(|now| tls.complaint(now).is_some())),
    }
}

/// All listeners share what descriptors there are. A connection of ICE over TCP takes two.
fn limits(descriptors: u64, listeners: &Listeners) -> ConnectionLimits {
    let usual = ConnectionLimits::default();
    let shares = listeners.http.len() + 2 * (listeners.https.len() + listeners.ice_tcp.len());
    ConnectionLimits {
        total: usual
            .total
            .min(descriptors::connections(descriptors) / shares.max(1)),
        ..usual
    }
}

fn serve_webhooks(
    settings: &Settings,
    outbox: store::OutboxReader,
    stopping: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<()> {
    let Some(webhook) = &settings.webhook else {
        return Ok(());
    };
    let secret = settings
        .keys
        .get(&webhook.key)
        .context("the webhook's key has no secret")?;
    let config = WebhooksConfig::new(webhook.urls.clone(), webhook.key.clone(), secret.clone());
    let webhooks = Webhooks::new(config, outbox)?;
    tasks.spawn(webhooks.run(until(stopping.clone())));
    Ok(())
}

fn keys(settings: &Settings) -> Result<auth::Keys> {
    let mut keys = auth::Keys::new();
    for (key, secret) in &settings.keys {
        keys.add(key, secret.expose())?;
    }
    Ok(keys)
}

async fn until(mut stopping: watch::Receiver<bool>) {
    // A dropped sender means that the daemon is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Who wants the box to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Ctrl-C: somebody sits in front of it and waits.
    Interrupt,
    /// A service manager, which gives calls their time.
    Terminate,
}

/// SIGINT and SIGTERM, watched from the beginning: a stop during the start is a stop as well.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn watch() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?,
            terminate: signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?,
        })
    }

    async fn received(&mut self) -> Order {
        tokio::select! {
            _ = self.interrupt.recv() => Order::Interrupt,
            _ = self.terminate.recv() => Order::Terminate,
        }
    }
}

/// The banner is for the person who started the box; a terminal that is gone ends nothing.
fn announce(settings: &Settings, opened: &Opened) {
    let _ = writeln!(std::io::stdout(), "{}", banner::text(settings, opened));
}

pub(crate) fn now() -> Result<UnixMillis> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    Ok(UnixMillis(
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
    ))
}
