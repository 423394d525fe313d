//! A media thread: one reactor, one socket per peer connection, many clients.

use crate::client::{Addresses, Client, Side};
use crate::options::{Options, Participant};
use crate::stamp::Epoch;
use crate::subscriber::Window;
use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender};
use livekit_protocol::{signal_request::Message as Request, signal_response::Message as Response};
use net::{Counters, Reactor, Received, SocketIndex, Waker};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// The longest a thread waits without anything due.
const MAX_WAIT: Duration = Duration::from_millis(50);

/// Failures kept for the report; the rest are only counted.
const MAX_FAILURES: usize = 20;

/// What all threads of a run share.
pub struct Shared {
    /// What stamps count from.
    pub epoch: Epoch,
    /// What is measured.
    pub window: Window,
    /// (publisher, subscriber) pairs with a first packet.
    pub flows: AtomicU64,
    /// Publishers whose connection is up.
    pub publishing: AtomicU64,
    /// Ends the threads.
    pub stop: AtomicBool,
    failures: Mutex<Vec<String>>,
    failed: AtomicU64,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            epoch: Epoch::begin(),
            window: Window::default(),
            flows: AtomicU64::new(0),
            publishing: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            failures: Mutex::new(Vec::new()),
            failed: AtomicU64::new(0),
        }
    }
}

impl Shared {
    /// Notes that a client is out of the game.
    pub fn fail(&self, participant: Participant, error: &anyhow::Error) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut failures) = self.failures.lock()
            && failures.len() < MAX_FAILURES
        {
            failures.push(format!("client {}: {error:#}", participant.number));
        }
    }

    /// How many clients failed, and the first reasons.
    pub fn failures(&self) -> (u64, Vec<String>) {
        let reasons = self
            .failures
            .lock()
            .map(|reasons| reasons.clone())
            .unwrap_or_default();
        (self.failed.load(Ordering::Relaxed), reasons)
    }
}

/// From the signalling tasks to a media thread. Clients are named by their place in its list.
pub enum Command {
    /// The client begins to join; answers go to this channel.
    Join {
        /// Which.
        client: usize,
        /// Where its requests go.
        requests: UnboundedSender<Request>,
    },
    /// The server said something.
    Signal {
        /// To which.
        client: usize,
        /// What.
        message: Box<Response>,
    },
}

/// A running thread, from outside.
pub struct Handle {
    /// Its inbox.
    pub commands: Sender<Command>,
    /// To be used after each command.
    pub waker: Waker,
    /// Which backend it runs on and why.
    pub backend: String,
}

/// What a thread brings home.
pub struct Finished {
    /// Its clients with their tallies.
    pub clients: Vec<Client>,
    /// Its reactor's counts.
    pub counters: Counters,
}

/// The most sockets a client takes.
pub fn sockets(participant: Participant) -> usize {
    1 + usize::from(participant.publishes)
}

struct Driver<'a> {
    reactor: Box<dyn Reactor>,
    clients: Vec<Client>,
    links: Vec<Option<Link>>,
    /// Per socket: whose it is.
    owners: Vec<(usize, Side)>,
    commands: Receiver<Command>,
    shared: &'a Shared,
}

/// A client that takes part.
struct Link {
    requests: UnboundedSender<Request>,
    begun: Instant,
}

/// Runs a media thread until [`Shared::stop`]; `ready` is told when it can take commands.
///
/// # Errors
/// The sockets or the reactor.
pub fn run(
    options: &Options,
    participants: &[Participant],
    shared: &Shared,
    ready: &Sender<Handle>,
) -> Result<Finished> {
    let count = participants.iter().copied().map(sockets).sum();
    let addresses = vec![SocketAddr::new(options.bind, 0); count];
    let (reactor, reason) = net::open(options.net.into(), &addresses)?;
    let (sender, commands) = crossbeam_channel::unbounded();
    let (clients, owners) = clients(options, participants, reactor.local_addrs());
    let handle = Handle {
        commands: sender,
        waker: reactor.waker(),
        backend: reason.to_string(),
    };
    ready.send(handle).context("the run is over")?;
    let links = clients.iter().map(|_| None).collect();
    let mut driver = Driver {
        reactor,
        clients,
        links,
        owners,
        commands,
        shared,
    };
    while !shared.stop.load(Ordering::Relaxed) {
        driver.step(options.spin)?;
    }
    let counters = driver.reactor.counters();
    Ok(Finished {
        clients: driver.clients,
        counters,
    })
}

/// The clients, and per socket whose it is.
fn clients(
    options: &Options,
    participants: &[Participant],
    locals: &[SocketAddr],
) -> (Vec<Client>, Vec<(usize, Side)>) {
    let mut owners = Vec::new();
    let mut locals = locals.iter().copied();
    let mut clients = Vec::new();
    for (place, participant) in participants.iter().enumerate() {
        let Some(subscribe) = locals.next() else {
            break;
        };
        owners.push((place, Side::Subscribe));
        let publish = if participant.publishes {
            locals.next()
        } else {
            None
        };
        if publish.is_some() {
            owners.push((place, Side::Publish));
        }
        let addresses = Addresses { publish, subscribe };
        clients.push(Client::new(*participant, addresses, options.pattern()));
    }
    (clients, owners)
}

impl Driver<'_> {
    fn step(&mut self, spin: bool) -> Result<()> {
        while let Ok(command) = self.commands.try_recv() {
            self.handle_command(command);
        }
        let wait = self.handle_timeouts();
        self.send();
        let timeout = if spin { Duration::ZERO } else { wait };
        self.receive(timeout)?;
        self.send();
        Ok(())
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Join { client, requests } => {
                self.links[client] = Some(Link {
                    requests,
                    begun: Instant::now(),
                });
            }
            Command::Signal { client, message } => {
                match self.clients[client].handle_signal(*message, Instant::now()) {
                    Ok(requests) => {
                        let Some(link) = &self.links[client] else {
                            return;
                        };
                        for request in requests {
                            // A connection that is gone has reported itself.
                            let _ = link.requests.send(request);
                        }
                    }
                    Err(error) => self.fail(client, &error),
                }
            }
        }
    }

    /// Returns how long nothing is due.
    fn handle_timeouts(&mut self) -> Duration {
        let mut wait = MAX_WAIT;
        for place in 0..self.clients.len() {
            if self.links[place].is_none() {
                continue;
            }
            let now = Instant::now();
            let client = &mut self.clients[place];
            if client.wait(now).is_some_and(|due| due <= now)
                && let Err(error) =
                    client.handle_timeout(self.shared.epoch, &self.shared.window, now)
            {
                self.fail(place, &error);
                continue;
            }
            if let Some(due) = self.clients[place].wait(now) {
                wait = wait.min(due.saturating_duration_since(now));
            }
        }
        wait
    }

    fn receive(&mut self, timeout: Duration) -> Result<()> {
        let Self {
            reactor,
            clients,
            links,
            owners,
            shared,
            ..
        } = self;
        reactor.turn(Some(timeout), &mut |datagram: Received<'_>| {
            let now = Instant::now();
            let Some((place, side)) = owners.get(usize::from(datagram.socket.0)) else {
                return;
            };
            let Some(link) = &links[*place] else { return };
            let client = &mut clients[*place];
            let context = (shared.epoch, &shared.window);
            let progress =
                client.handle_datagram(*side, datagram.remote, datagram.bytes, context, now);
            if progress.publishing {
                shared.publishing.fetch_add(1, Ordering::Relaxed);
            }
            if progress.flows > 0 {
                shared.flows.fetch_add(progress.flows, Ordering::Relaxed);
                client
                    .joined_in
                    .get_or_insert(now.saturating_duration_since(link.begun));
            }
        })?;
        Ok(())
    }

    fn send(&mut self) {
        for (socket, (place, side)) in self.owners.iter().enumerate() {
            for (to, bytes) in self.clients[*place].take_outgoing(*side) {
                // A full arena is counted by the reactor and shows as loss.
                if let Some(room) = self
                    .reactor
                    .reserve(SocketIndex(socket as u8), to, bytes.len())
                {
                    room.copy_from_slice(&bytes);
                }
            }
        }
    }

    fn fail(&mut self, client: usize, error: &anyhow::Error) {
        if self.links[client].take().is_some() {
            self.shared.fail(self.clients[client].participant(), error);
        }
    }
}
