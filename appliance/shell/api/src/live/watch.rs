//! The one task that looks at the box, once a second.

use super::health::{Hour, Known};
use super::picture::{Picture, Sight};
use super::room::{About, Seen};
use super::{Live, Shared};
use control::ControlHandle;
use control::live::{Closely, RoomNow};
use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch as latest;
use tokio::time::MissedTickBehavior;
use watch::{AlarmBoard, Machine, MachineReading, Observed, Transports, judge};
use wire::admin::{CertificateView, RoomDetail};

/// How often the box is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Webhooks that wait longer without one being delivered are stuck; the alarm adds its own delay.
const WEBHOOKS_STUCK: Duration = Duration::from_secs(30);

/// How many webhooks wait, and which is the first of them.
pub type WebhooksProbe = Box<dyn Fn() -> (u64, u64) + Send + Sync>;

/// How the box's certificates are.
#[derive(Debug, Default)]
pub struct Certificates {
    /// Those in use.
    pub in_use: Vec<CertificateView>,
    /// Why clients refuse the one of the web now; `None`: they do not.
    pub invalid: Option<String>,
    /// Why a newer one is not used; `None`: there is none.
    pub refused: Option<String>,
}

/// What the watch is told at the start: plain facts, and whom to ask.
pub struct WatchConfig {
    /// The machine's host name.
    pub name: String,
    /// The daemon's version.
    pub version: String,
    /// The data folder.
    pub data: PathBuf,
    /// Ports of the media threads.
    pub udp_ports: Vec<u16>,
    /// Everything that is listened on: `7880/tcp`, `7882/udp`, …
    pub ports: Vec<String>,
    /// Network backend and why.
    pub backend: String,
    /// Why `io_uring` is not used although it may be.
    pub ring_refused: Option<String>,
    /// Waiting webhooks; `None`: no receiver is configured.
    pub webhooks: Option<WebhooksProbe>,
    /// Certificates, as they are now.
    pub certificates: Box<dyn Fn() -> Certificates + Send + Sync>,
    /// When the newest backup was made, in milliseconds since 1970. May wait for the disk.
    pub backup: Box<dyn Fn() -> Option<u64> + Send + Sync>,
}

/// Looks at the box. [`Self::run`] it, and hand its [`Live`] to the API.
pub struct Watch {
    config: Arc<WatchConfig>,
    control: ControlHandle,
    shared: Arc<Shared>,
    machine: Option<Machine>,
    pictures: latest::Sender<Option<Arc<Picture>>>,
    hour: Hour,
    webhooks: Stuck,
}

/// Since when the same webhook is the first.
#[derive(Debug, Default)]
struct Stuck {
    first: Option<(u64, Instant)>,
}

impl Watch {
    /// A watch over the box behind `control`.
    #[must_use]
    pub fn new(
        config: WatchConfig,
        control: ControlHandle,
        alarms: AlarmBoard,
        transports: Transports,
    ) -> (Self, Live) {
        let (pictures, seen) = latest::channel(None);
        let live = Live::new(alarms, transports, seen);
        let watch = Self {
            machine: Some(Machine::new(config.data.clone(), config.udp_ports.clone())),
            config: Arc::new(config),
            control,
            shared: live.shared.clone(),
            pictures,
            hour: Hour::default(),
            webhooks: Stuck::default(),
        };
        (watch, live)
    }

    /// Looks once a second until `stop` completes; then every subscription ends.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut ticks = tokio::time::interval(INTERVAL);
        // A second that was missed is past.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => self.look().await,
            }
        }
    }

    /// Looks at the box now.
    pub async fn look(&mut self) {
        let began = Instant::now();
        let (machine, backup_at_ms) = self.look_at_machine().await;
        let wanted: Vec<String> = self.shared.wanted().keys().cloned().collect();
        self.shared.transports().drain(Instant::now());
        let rooms = self
            .control
            .run(move |c| c.rooms_now(&Closely(wanted)))
            .await;
        // A control thread that does not answer in time is said by the status; rooms stay as they
        // were seen last, with the age of that picture.
        if let Ok(rooms) = rooms {
            let picture = self.picture(&rooms, &machine, backup_at_ms);
            self.pictures.send_replace(Some(Arc::new(picture)));
        }
        metrics::histogram!(telemetry::names::WATCH_SECONDS).record(began.elapsed());
    }

    /// The machine, and when the newest backup was made.
    async fn look_at_machine(&mut self) -> (MachineReading, Option<u64>) {
        let Some(mut machine) = self.machine.take() else {
            return (MachineReading::default(), None);
        };
        let config = self.config.clone();
        // The kernel and the disk may take their time.
        let looked = tokio::task::spawn_blocking(move || {
            let reading = machine.read(watch::now());
            (machine, (reading, (config.backup)()))
        });
        let (machine, seen) = match looked.await {
            Ok(looked) => looked,
            // It panicked: begin anew.
            Err(_) => (
                Machine::new(self.config.data.clone(), self.config.udp_ports.clone()),
                (MachineReading::default(), None),
            ),
        };
        self.machine = Some(machine);
        seen
    }

    fn picture(
        &mut self,
        rooms: &[RoomNow],
        machine: &MachineReading,
        backup_at_ms: Option<u64>,
    ) -> Picture {
        let now = watch::now();
        let shared = self.shared.clone();
        let mut transports = shared.transports();
        transports.keep(&living(rooms));
        let seen: Vec<Seen<'_>> = rooms
            .iter()
            .map(|room| Seen::new(room, &transports, now))
            .collect();
        let mut losses = BTreeMap::new();
        for subnet in seen.iter().flat_map(Seen::lossy) {
            *losses.entry(subnet).or_default() += 1;
        }
        let blocked = self.control.logbook().blocked().into_iter();
        let blocked = blocked.map(|blocked| (blocked.subnet.to_string(), blocked.failed));
        let certificates = (self.config.certificates)();
        let status = self.control.status();
        let present = rooms.iter().map(|room| room.present.len()).sum::<usize>();
        let participants = u32::try_from(present).unwrap_or(u32::MAX);
        self.hour.note(participants, now.instant);
        let (waiting, stuck) = self
            .webhooks
            .look(self.config.webhooks.as_ref(), now.instant);
        let known = Known {
            config: &self.config,
            status: &status,
            fsync_p99: self.control.commit_p99(),
            events: self.control.last_sequence(),
            machine,
            transports: &transports,
            participants,
            webhooks_waiting: waiting,
            certificates: &certificates.in_use,
            backup_at_ms,
            hour: &self.hour,
        };
        let health = known.view(seen.iter().flat_map(Seen::paths), now);
        let alarms = &self.shared.alarms;
        judge(
            alarms,
            &Observed {
                store_unwritable: status.store_problem.as_deref(),
                store_damaged: status.store_damaged.as_deref(),
                audit_unwritable: status.audit_problem.as_deref(),
                workers: &transports.workers(now.instant),
                machine: machine.clone(),
                losses,
                blocked: blocked.collect(),
                ring_refused: self.config.ring_refused.as_deref(),
                webhooks_stuck: stuck,
                certificates: &certificates.in_use,
                certificate_invalid: certificates.invalid.as_deref(),
                certificate_refused: certificates.refused.as_deref(),
                backup_at_ms,
                now_ms: now.unix.0,
            },
        );
        let standing = alarms.alarms();
        let about = self.shared.about(&standing);
        let details = self.details(&seen, rooms, &about);
        let sight = Sight {
            at_ms: now.unix.0,
            health,
            rooms: seen.iter().map(|room| room.line(&about)).collect(),
            alarms: standing,
            score: alarms.score(),
            details,
        };
        let before = self.pictures.borrow();
        Picture::new(sight, before.as_deref())
    }

    fn details(
        &self,
        seen: &[Seen<'_>],
        rooms: &[RoomNow],
        about: &About,
    ) -> BTreeMap<String, RoomDetail> {
        let wanted = self.shared.wanted();
        let found = wanted.keys().filter_map(|asked| {
            let is_meant =
                |room: &RoomNow| room.sid.as_str() == asked || room.name.as_str() == asked;
            let place = rooms.iter().position(is_meant)?;
            Some((asked.clone(), seen.get(place)?.detail(about)))
        });
        found.collect()
    }
}

fn living(rooms: &[RoomNow]) -> HashSet<vocab::PeerKey> {
    let present = rooms.iter().flat_map(|room| &room.present);
    present
        .flat_map(|present| present.peers)
        .flatten()
        .collect()
}

impl Stuck {
    /// How many webhooks wait, and the same when none was delivered for [`WEBHOOKS_STUCK`].
    fn look(&mut self, probe: Option<&WebhooksProbe>, now: Instant) -> (u64, Option<u64>) {
        let Some(probe) = probe else {
            return (0, None);
        };
        let (waiting, first) = probe();
        let since = match self.first {
            Some((known, since)) if known == first && waiting > 0 => since,
            _ => now,
        };
        self.first = Some((first, since));
        let is_stuck = waiting > 0 && now.saturating_duration_since(since) >= WEBHOOKS_STUCK;
        (waiting, is_stuck.then_some(waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn webhooks_are_stuck_when_the_first_stays_the_first() {
        let first = Arc::new(AtomicU64::new(1));
        let asked = first.clone();
        let probe: WebhooksProbe = Box::new(move || {
            let first = asked.load(Ordering::Relaxed);
            (10 - first, first)
        });
        let (mut stuck, start) = (Stuck::default(), Instant::now());
        let mut look =
            |seconds: u64| stuck.look(Some(&probe), start + Duration::from_secs(seconds));
        assert_eq!(look(0), (9, None));
        assert_eq!(look(29), (9, None));
        assert_eq!(look(30), (9, Some(9)));
        first.store(2, Ordering::Relaxed);
        assert_eq!(look(31), (8, None), "one was delivered");
        first.store(10, Ordering::Relaxed);
        assert_eq!(look(100), (0, None), "none waits");
        assert_eq!(stuck.look(None, start), (0, None), "no receiver");
    }
}
