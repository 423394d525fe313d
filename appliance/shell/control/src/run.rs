//! The thread: wait, run a batch, save it, release what it caused.

use crate::action::Desk;
use crate::action::erasure::Erased;
use crate::boundary::{contained, random_u64};
use crate::clock;
use crate::config::ControlConfig;
use crate::control::Control;
use crate::handle::{Call, ControlHandle, Input, MAX_PENDING_CALLS};
use crate::staged::Reply;
use crate::status::Health;
use crossbeam_channel::{Receiver, RecvTimeoutError, never, select, unbounded};
use media::{MediaEvent, MediaPlane};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use tokio::sync::{Semaphore, watch};

/// Most inputs run between two commits: bounds the wait of the first answer in a batch.
const MAX_BATCH: usize = 256;

/// How long to wait at most when no room has a timer, and how often a full disk is tried again.
const IDLE_WAIT: Duration = Duration::from_secs(1);

/// Why the control thread could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartControlError {
    /// The kernel gave no thread.
    #[error("the control thread could not be started ({0}): raise the limit of processes")]
    Thread(#[from] std::io::Error),
    /// The system's random generator failed: no room could get an unguessable id.
    #[error("the system's random generator failed; check /dev/urandom")]
    NoRandomness,
}

/// Starts the control thread. `media_events` must be unbounded or drained by nobody else: the
/// thread both sends to the media plane and receives from it, and must not wait on itself.
pub fn start(
    config: ControlConfig,
    mut store: Store,
    media: Box<dyn MediaPlane>,
    media_events: Receiver<MediaEvent>,
) -> Result<ControlHandle, StartControlError> {
    let (inputs, waiting) = unbounded();
    let (stopped_sender, stopped) = watch::channel(false);
    let permits = Arc::new(Semaphore::new(MAX_PENDING_CALLS));
    let health = Arc::new(Health::new(clock::now().unix));
    let seed = random_u64().ok_or(StartControlError::NoRandomness)?;
    let handle = ControlHandle {
        inputs,
        permits: permits.clone(),
        reader: store.reader(),
        health: health.clone(),
        audit: store.audit().reader(),
        desk: Desk::default(),
        stopped,
        logbook: config.logbook.clone(),
    };
    let mut control = Control::new(config, store, media, health, seed);
    control.desk = handle.desk.clone();
    let audit = control.store.audit().problem();
    control.tell_audit(audit);
    std::thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || {
            let mut thread = Thread {
                inputs: waiting,
                erased: control.actions.erasures.waiting.clone(),
                control,
                media_events,
                media_gone: false,
            };
            thread.run();
            permits.close();
            stopped_sender.send_replace(true);
        })?;
    Ok(handle)
}

/// The thread's own state.
struct Thread {
    control: Control,
    inputs: Receiver<Input>,
    media_events: Receiver<MediaEvent>,
    erased: Receiver<Erased>,
    /// All workers have stopped: that channel would be ready forever.
    media_gone: bool,
}

/// What woke the thread.
enum Woken {
    Input(Input),
    Media(MediaEvent),
    Erased(Box<Erased>),
    Timer,
    /// Nobody is left to call.
    Abandoned,
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    Stop,
}

impl Thread {
    fn run(&mut self) {
        loop {
            self.control.health.turned();
            let woken = self.wait();
            let began = Instant::now();
            let (next, items) = self.batch(woken);
            if next == Next::Stop {
                self.control.close_all(clock::now());
            }
            self.control.fire_timers(clock::now());
            self.control.lapse_end_requests();
            self.control.perform_actions();
            metrics::histogram!("ringward_control_batch_items").record(items as f64);
            metrics::histogram!("ringward_control_batch_seconds").record(began.elapsed());
            self.control.commit_and_release();
            if next == Next::Stop {
                return;
            }
        }
    }

    /// Waits for an input, a media event or the next timer.
    fn wait(&mut self) -> Woken {
        let wait = self.control.until_next_timer(Instant::now(), IDLE_WAIT);
        let silent = never();
        let media_events = if self.media_gone {
            &silent
        } else {
            &self.media_events
        };
        let woken = select! {
            recv(self.inputs) -> input => input.map_or(Woken::Abandoned, Woken::Input),
            recv(media_events) -> event => {
                if let Ok(event) = event {
                    Woken::Media(event)
                } else {
                    self.media_gone = true;
                    Woken::Timer
                }
            }
            recv(self.erased) -> erased => erased.map_or(Woken::Timer, |erased| Woken::Erased(Box::new(erased))),
            default(wait) => Woken::Timer,
        };
        woken
    }

    /// Runs what woke the thread and what else is waiting, media first: it is the past.
    fn batch(&mut self, woken: Woken) -> (Next, usize) {
        let mut items = 1;
        match woken {
            Woken::Input(Input::Stop) | Woken::Abandoned => return (Next::Stop, items),
            Woken::Input(Input::Call(call)) => self.call(call),
            Woken::Media(event) => self.control.handle_media(event, clock::now()),
            Woken::Erased(erased) => self.control.finish_erasure(*erased),
            Woken::Timer => {}
        }
        while items < MAX_BATCH {
            let mut idle = true;
            if let Ok(event) = self.media_events.try_recv() {
                self.control.handle_media(event, clock::now());
                (items, idle) = (items + 1, false);
            }
            match self.inputs.recv_timeout(Duration::ZERO) {
                Ok(Input::Call(call)) => {
                    self.call(call);
                    (items, idle) = (items + 1, false);
                }
                Ok(Input::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    return (Next::Stop, items);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if idle {
                break;
            }
        }
        (Next::Continue, items)
    }

    /// Runs one call. A use-case that panics outside a room answers nobody; its caller learns
    /// that from the dropped reply.
    fn call(&mut self, call: Call) {
        metrics::counter!("ringward_control_calls_total").increment(1);
        let before = self.control.appended();
        let Some(release) = contained(|| (call.run)(&mut self.control)) else {
            tracing::error!("a use-case panicked; its caller was told that it failed");
            return;
        };
        let wrote = self.control.appended() != before;
        self.control.stage_reply(Reply { release, wrote });
    }
}

const _: () = assert!(MAX_BATCH <= MAX_PENDING_CALLS);
