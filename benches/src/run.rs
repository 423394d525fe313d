//! A whole run: join, wait until everything flows, measure, collect.

use crate::client::Conduct;
use crate::driver::{self, Command, Finished, Handle, Shared};
use crate::machine::Machine;
use crate::metrics::Metrics;
use crate::options::{Options, Participant, Protocol};
use crate::process::{Sample, machine_cpu};
use crate::report::{Joining, Measurement, Report};
use crate::track::Plan;
use crate::{janus_client, signal_client, token, trace};
use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc};

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
    let conduct = conduct(options)?;
    let machine = Machine::describe(options.pid);
    let before = options.pid.map(Sample::of).transpose()?;
    let shared = Arc::new(Shared::default());
    let mut threads = Threads::start(options, &conduct, &shared)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the signalling threads")?;
    let joining = join(options, &conduct, &shared, &threads, &runtime, before)?;
    shared.spins.store(options.spin, Ordering::Relaxed);
    std::thread::sleep(Duration::from_secs(options.settle));
    let measurement = measure(options, &shared)?;
    std::thread::sleep(LATE);
    let finished = threads.finish(&shared)?;
    runtime.shutdown_background();
    let backend = threads.backend.clone();
    let failures = shared.failures();
    Ok(Report::new(
        options,
        machine,
        &joining,
        &measurement,
        &finished,
        failures,
        backend,
    ))
}

fn conduct(options: &Options) -> Result<Conduct> {
    let trace = match &options.trace {
        Some(path) => {
            let name = || path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(name)?;
            trace::read(&text, options.uplink).with_context(name)?
        }
        None => Vec::new(),
    };
    let plans = Plan::of(options, &trace);
    if plans.is_empty() {
        bail!("the trace has no such media: nothing would be sent");
    }
    Ok(Conduct {
        plans: plans.into(),
        thumbnails: options.thumbnails,
    })
}

/// Publishers first, so that the others' first packet does not wait for them.
fn join(
    options: &Options,
    conduct: &Conduct,
    shared: &Arc<Shared>,
    threads: &Threads,
    runtime: &Runtime,
    before: Option<Sample>,
) -> Result<Joining> {
    let gate = Arc::new(Semaphore::new(options.joining));
    let deadline = Instant::now() + options.patience();
    let enter = |publishes: bool| {
        let seats = threads.seats.iter();
        let apart = if publishes { 0 } else { options.apart };
        for (number, seat) in (0..).zip(seats.filter(|s| s.participant.publishes == publishes)) {
            let turn = Duration::from_millis(apart * number);
            let joining = sign_in(options.clone(), seat.clone(), shared.clone(), gate.clone());
            runtime.spawn(async move {
                tokio::time::sleep(turn).await;
                joining.await;
            });
        }
    };
    enter(true);
    let publishers = u64::from(options.rooms * options.publishers);
    let publishing = || shared.publishing.load(Ordering::Relaxed);
    wait_for(deadline, shared, || publishing() >= publishers);
    if publishing() < publishers {
        bail!(
            "{} of {publishers} publishers connected{}",
            publishing(),
            explain(shared)
        );
    }
    let published = options.pid.map(Sample::of).transpose()?;
    let begun = Instant::now();
    enter(false);
    let flows = || shared.flows.load(Ordering::Relaxed);
    let wanted = options.pairs() * conduct.plans.len() as u64;
    wait_for(deadline, shared, || flows() >= wanted);
    if flows() == 0 && options.pairs() > 0 {
        bail!("no subscriber received anything{}", explain(shared));
    }
    Ok(Joining {
        before,
        published,
        joined: options.pid.map(Sample::of).transpose()?,
        took: begun.elapsed(),
        flows: (flows(), wanted),
    })
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
    let look = || options.metrics.as_deref().map(Metrics::fetch).transpose();
    let metrics = look()?;
    let before = options.pid.map(Sample::of).transpose()?;
    let generator = Sample::of(std::process::id())?;
    let machine = machine_cpu();
    std::thread::sleep(length);
    let after = options.pid.map(Sample::of).transpose()?;
    let generator_cpu = Sample::of(std::process::id())?
        .cpu
        .saturating_sub(generator.cpu);
    let now = machine_cpu();
    let server_cpu = before
        .zip(after)
        .map(|(before, after)| after.cpu.saturating_sub(before.cpu));
    let own = generator_cpu + server_cpu.unwrap_or_default();
    Ok(Measurement {
        length,
        others_cpu: now.0.saturating_sub(machine.0).saturating_sub(own),
        stolen_cpu: now.1.saturating_sub(machine.1),
        server: before.zip(after),
        trains: metrics
            .zip(look()?)
            .and_then(|(before, after)| after.since(&before)),
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
    fn start(options: &Options, conduct: &Conduct, shared: &Arc<Shared>) -> Result<Self> {
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
            let conduct = conduct.clone();
            started.running.push(std::thread::spawn(move || {
                driver::run(&options, (&clients, &conduct), &shared, &ready)
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
    let respond = |message| {
        permit.take();
        send(Command::Signal {
            client: seat.client,
            message: Box::new(message),
        });
    };
    let limit =
        JOIN_LIMIT + options.patience() + Duration::from_secs(options.seconds + options.settle);
    let talk = async {
        match options.protocol {
            Protocol::Livekit => {
                let token = token::mint(&options, seat.participant);
                signal_client::run(&options.url, &token, outbox, respond).await
            }
            Protocol::Janus => janus_client::run(&options, seat.participant, outbox, respond).await,
        }
    };
    match tokio::time::timeout(limit, talk).await {
        Ok(Err(error)) if !shared.stop.load(Ordering::Relaxed) => {
            shared.fail(seat.participant, &error);
        }
        _ => {}
    }
}
