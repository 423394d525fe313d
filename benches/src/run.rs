//! A whole run: join, wait until everything flows, measure, collect.

use crate::driver::{self, Command, Finished, Handle, Shared};
use crate::options::{Options, Participant};
use crate::process::Sample;
use crate::report::{Measurement, Report};
use crate::{signal_client, token};
use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc};

/// Clients that join at the same time: a ward arriving, not an attack.
const JOINING_AT_ONCE: usize = 16;

/// How long packets of the window may be on their way after its end.
const LATE: Duration = Duration::from_secs(1);

/// How often progress is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// A client that failed stays that long in the way of the others at most.
const JOIN_LIMIT: Duration = Duration::from_secs(10);

/// Runs what the options say.
///
/// # Errors
/// Nothing could be measured: the server cannot be reached, refuses, or forwards nothing.
pub fn run(options: &Options) -> Result<Report> {
    options.check().map_err(anyhow::Error::msg)?;
    let before = options.pid.map(Sample::of).transpose()?;
    let shared = Arc::new(Shared::default());
    let mut threads = Threads::start(options, &shared)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the signalling threads")?;
    join(options, &shared, &threads, &runtime)?;
    let joined = options.pid.map(Sample::of).transpose()?;
    std::thread::sleep(Duration::from_secs(options.settle));
    let measurement = measure(options, &shared)?;
    std::thread::sleep(LATE);
    let finished = threads.finish(&shared)?;
    runtime.shutdown_background();
    let backend = threads.backend.clone();
    Ok(Report::new(
        options,
        before,
        joined,
        &measurement,
        &finished,
        shared.failures(),
        backend,
    ))
}

/// Publishers first, so that the others' first packet does not wait for them.
fn join(
    options: &Options,
    shared: &Arc<Shared>,
    threads: &Threads,
    runtime: &Runtime,
) -> Result<()> {
    let gate = Arc::new(Semaphore::new(JOINING_AT_ONCE));
    let deadline = Instant::now() + options.patience();
    let enter = |publishes: bool| {
        for seat in threads
            .seats
            .iter()
            .filter(|seat| seat.participant.publishes == publishes)
        {
            runtime.spawn(sign_in(
                options.clone(),
                seat.clone(),
                shared.clone(),
                gate.clone(),
            ));
        }
    };
    enter(true);
    let publishers = u64::from(options.publishers);
    let publishing = || shared.publishing.load(Ordering::Relaxed);
    wait_for(deadline, shared, || publishing() >= publishers);
    if publishing() < publishers {
        bail!(
            "{} of {publishers} publishers connected{}",
            publishing(),
            explain(shared)
        );
    }
    enter(false);
    let flows = || shared.flows.load(Ordering::Relaxed);
    wait_for(deadline, shared, || flows() >= options.pairs());
    if flows() == 0 && options.pairs() > 0 {
        bail!("no subscriber received anything{}", explain(shared));
    }
    Ok(())
}

/// Until it is true, time is over or a client failed.
fn wait_for(deadline: Instant, shared: &Shared, done: impl Fn() -> bool) {
    while !done() && Instant::now() < deadline && shared.failures().0 == 0 {
        std::thread::sleep(GLANCE);
    }
}

fn explain(shared: &Shared) -> String {
    let (count, reasons) = shared.failures();
    if count == 0 {
        return " in time".into();
    }
    format!("; {count} clients failed:\n  {}", reasons.join("\n  "))
}

fn measure(options: &Options, shared: &Shared) -> Result<Measurement> {
    let length = Duration::from_secs(options.seconds);
    let start = shared.epoch.at(Instant::now());
    shared.window.set(start, start + length);
    let before = options.pid.map(Sample::of).transpose()?;
    let generator = Sample::of(std::process::id())?;
    std::thread::sleep(length);
    let after = options.pid.map(Sample::of).transpose()?;
    let generator_cpu = Sample::of(std::process::id())?
        .cpu
        .saturating_sub(generator.cpu);
    Ok(Measurement {
        length,
        server: before.zip(after),
        generator_cpu,
    })
}

/// One client's place in the run.
#[derive(Clone)]
struct Seat {
    participant: Participant,
    /// Its place in its thread's list.
    client: usize,
    commands: crossbeam_channel::Sender<Command>,
    waker: net::Waker,
}

struct Threads {
    seats: Vec<Seat>,
    running: Vec<JoinHandle<Result<Finished>>>,
    backend: String,
}

impl Threads {
    /// Deals the clients out to threads, no more than a reactor has sockets.
    fn start(options: &Options, shared: &Arc<Shared>) -> Result<Self> {
        let participants = options.participants();
        let sockets: usize = participants.iter().copied().map(driver::sockets).sum();
        let count = options.threads.max(sockets.div_ceil(net::MAX_SOCKETS - 1));
        let mut started = Self {
            seats: Vec::new(),
            running: Vec::new(),
            backend: String::new(),
        };
        for thread in 0..count {
            let own: Vec<Participant> = participants
                .iter()
                .copied()
                .skip(thread)
                .step_by(count)
                .collect();
            let (ready, handles) = crossbeam_channel::bounded(1);
            let (options, shared, clients) = (options.clone(), shared.clone(), own.clone());
            started.running.push(std::thread::spawn(move || {
                driver::run(&options, &clients, &shared, &ready)
            }));
            let Ok(handle) = handles.recv() else {
                let failed = started.running.pop().and_then(|thread| thread.join().ok());
                return match failed {
                    Some(Err(error)) => Err(error.context("a media thread")),
                    _ => bail!("a media thread ended before it began"),
                };
            };
            started.seat(&handle, &own);
        }
        Ok(started)
    }

    fn seat(&mut self, handle: &Handle, participants: &[Participant]) {
        self.backend.clone_from(&handle.backend);
        self.seats.extend(
            participants
                .iter()
                .enumerate()
                .map(|(client, participant)| Seat {
                    participant: *participant,
                    client,
                    commands: handle.commands.clone(),
                    waker: handle.waker.clone(),
                }),
        );
    }

    fn finish(&mut self, shared: &Shared) -> Result<Vec<Finished>> {
        shared.stop.store(true, Ordering::Relaxed);
        self.running
            .drain(..)
            .map(|thread| match thread.join() {
                Ok(finished) => finished,
                Err(_) => bail!("a media thread panicked"),
            })
            .collect()
    }
}

/// One client's signalling. The gate is held until the server's first message.
async fn sign_in(options: Options, seat: Seat, shared: Arc<Shared>, gate: Arc<Semaphore>) {
    let Ok(permit) = gate.acquire_owned().await else {
        return;
    };
    let mut permit = Some(permit);
    let send = |command| {
        // The media thread is gone when the run is over.
        let _ = seat.commands.send(command);
        seat.waker.wake();
    };
    let (requests, outbox) = mpsc::unbounded_channel();
    send(Command::Join {
        client: seat.client,
        requests,
    });
    let token = token::mint(&options, seat.participant);
    let talk = signal_client::run(&options.url, &token, outbox, |message| {
        permit.take();
        send(Command::Signal {
            client: seat.client,
            message: Box::new(message),
        });
    });
    let limit =
        JOIN_LIMIT + options.patience() + Duration::from_secs(options.seconds + options.settle);
    match tokio::time::timeout(limit, talk).await {
        Ok(Err(error)) if !shared.stop.load(Ordering::Relaxed) => {
            shared.fail(seat.participant, &error);
        }
        _ => {}
    }
}
