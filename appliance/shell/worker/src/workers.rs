//! Starts and stops the workers.

use crate::load::Load;
use crate::placement::SplitAt;
use crate::plane::{Lane, MAX_QUEUED_COMMANDS, Order, Plane};
use crate::run::{Reports, Worker};
use crate::sockets::Sockets;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use media::{MediaEvent, WorkerFigures};
use net::{Backend, BackendChoice, OpenReactorError, Waker};
use peer::{Certificate, EgressKind, GenerateCertificateError};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

/// How many workers, on which ports and addresses.
#[derive(Debug, Clone)]
pub struct WorkersConfig {
    /// Media threads; at least 1.
    pub count: usize,
    /// UDP port of worker 0; worker `i` has `first_port + i`. 0: any free ports (tests).
    pub first_port: u16,
    /// Addresses to bind.
    pub addresses: Vec<IpAddr>,
    /// Addresses to announce as candidates; empty: the bound ones.
    pub announced: Vec<IpAddr>,
    /// Where the box takes ICE over TCP; named to clients beside the UDP candidates.
    pub tcp: Vec<SocketAddr>,
    /// Which network backend.
    pub backend: BackendChoice,
    /// Who writes RTP toward clients.
    pub egress: EgressKind,
    /// Pin each worker to a core, where allowed.
    pub pin: bool,
    /// From when on a room is continued on another worker.
    pub split: SplitAt,
}

/// Why the workers did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartWorkersError {
    /// The sockets or the backend.
    #[error(transparent)]
    Reactor(#[from] OpenReactorError),
    /// The kernel gave no thread.
    #[error("a media thread could not be started ({0}): raise the limit of processes")]
    Thread(#[from] std::io::Error),
    /// A worker ended while it started.
    #[error("a media thread ended while it started; the log above says why")]
    Died,
    /// No randomness for DTLS.
    #[error(transparent)]
    Certificate(#[from] GenerateCertificateError),
}

/// The running workers.
#[derive(Debug)]
pub struct Workers {
    threads: Vec<Running>,
    figures: Vec<Receiver<WorkerFigures>>,
    backend: Backend,
    reason: String,
}

#[derive(Debug)]
struct Running {
    thread: JoinHandle<()>,
    waker: Waker,
    load: Arc<Load>,
    addresses: Vec<SocketAddr>,
}

/// What a worker's thread says once its sockets are open.
struct Ready {
    waker: Waker,
    addresses: Vec<SocketAddr>,
    backend: Backend,
    reason: String,
}

/// Starts the workers; returns when every one has its sockets.
///
/// # Errors
/// [`StartWorkersError`] names the port and what to do about it.
pub fn start(
    config: &WorkersConfig,
    events: &Sender<MediaEvent>,
) -> Result<(Workers, Plane), StartWorkersError> {
    let certificate = Certificate::generate()?;
    let mut workers = Workers {
        threads: Vec::new(),
        figures: Vec::new(),
        backend: Backend::Portable,
        reason: String::new(),
    };
    let mut lanes = Vec::new();
    let (ended_in, ended) = unbounded();
    for index in 0..config.count.max(1) {
        let (orders, waiting) = bounded(MAX_QUEUED_COMMANDS);
        let load = Arc::new(Load::default());
        let (figures_in, figures) = bounded(1);
        workers.figures.push(figures);
        let seat = Seat {
            index,
            config: config.clone(),
            certificate: certificate.clone(),
            orders: waiting,
            reports: Reports {
                events: events.clone(),
                ended: ended_in.clone(),
                figures: figures_in,
            },
            load: load.clone(),
        };
        let (ready_in, ready) = bounded(1);
        let thread = std::thread::Builder::new()
            .name(format!("media-{index}"))
            .spawn(move || seat.occupy(&ready_in))?;
        let ready: Ready = match ready.recv() {
            Ok(Ok(ready)) => ready,
            Ok(Err(error)) => {
                workers.stop();
                return Err(error.into());
            }
            Err(_) => {
                workers.stop();
                return Err(StartWorkersError::Died);
            }
        };
        workers.backend = ready.backend;
        workers.reason = ready.reason;
        lanes.push(Lane {
            orders,
            waker: ready.waker.clone(),
            load: load.clone(),
        });
        let (waker, addresses) = (ready.waker, ready.addresses);
        workers.threads.push(Running {
            thread,
            waker,
            load,
            addresses,
        });
    }
    Ok((workers, Plane::new(lanes, config.split, ended)))
}

/// Everything one thread needs before it has a reactor.
struct Seat {
    index: usize,
    config: WorkersConfig,
    certificate: Certificate,
    orders: Receiver<Order>,
    reports: Reports,
    load: Arc<Load>,
}

impl Seat {
    fn occupy(self, ready: &Sender<Result<Ready, OpenReactorError>>) {
        if self.config.pin {
            pin(self.index);
        }
        let (reactor, reason) = match net::open_with(
            self.config.backend,
            &self.addresses(),
            net::SocketOptions {
                are_reports_apart: true,
                ..net::SocketOptions::default()
            },
        ) {
            Ok(opened) => opened,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let _ = ready.send(Ok(Ready {
            waker: reactor.waker(),
            addresses: reactor.local_addrs().to_vec(),
            backend: reactor.backend(),
            reason: reason.to_string(),
        }));
        let sockets = Sockets::new(
            reactor.local_addrs(),
            &self.config.announced,
            &self.config.tcp,
        );
        let mut worker = Worker::new(
            self.index,
            reactor,
            sockets,
            self.certificate,
            self.reports,
            self.load,
            self.config.egress,
        );
        worker.run(&self.orders);
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        let port = match self.config.first_port {
            0 => 0,
            first => first.saturating_add(u16::try_from(self.index).unwrap_or(u16::MAX)),
        };
        self.config
            .addresses
            .iter()
            .map(|ip| SocketAddr::new(*ip, port))
            .collect()
    }
}

/// A refusal costs speed, not function: containers and seccomp forbid it.
fn pin(index: usize) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    // Core 0 takes most interrupts, so media threads begin after it where there is a choice.
    let pinned = cores
        .get((index + 1) % cores.len().max(1))
        .is_some_and(|core| core_affinity::set_for_current(*core));
    if !pinned {
        tracing::info!(
            worker = index,
            "not pinned to a core: the system does not allow it"
        );
    }
}

impl Workers {
    /// The live network backend.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Which backend and why, in one sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How many workers run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.threads.len()
    }

    /// Where each worker says once a second how it does, worker by worker; empty when it was asked
    /// before. A worker that has ended has disconnected.
    #[must_use]
    pub fn take_figures(&mut self) -> Vec<Receiver<WorkerFigures>> {
        std::mem::take(&mut self.figures)
    }

    /// The UDP addresses, worker by worker.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.threads
            .iter()
            .flat_map(|running| running.addresses.clone())
            .collect()
    }

    /// Watches over the workers' turns, from any thread.
    #[must_use]
    pub fn turns(&self) -> Turns {
        Turns(self.threads.iter().map(|t| t.load.clone()).collect())
    }

    /// Closes every peer with its farewells and joins the threads.
    pub fn stop(self) {
        for running in &self.threads {
            running.load.stop();
            running.waker.wake();
        }
        for running in self.threads {
            if running.thread.join().is_err() {
                tracing::error!("a media thread had panicked");
            }
        }
    }
}

/// How often each worker has turned: a worker whose number stands still for longer than a second
/// is stuck.
#[derive(Debug, Clone)]
pub struct Turns(Vec<Arc<Load>>);

impl Turns {
    /// Turns since the start, worker by worker.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        self.0.iter().map(|load| load.turns()).collect()
    }
}
