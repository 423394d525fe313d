//! A media thread: one reactor, one socket per peer connection, many clients.

use crate::client::{Addresses, Client, Conduct, Side};
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

/// Datagrams that share a clock read.
const DATAGRAMS_PER_CLOCK: u32 = 8;

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
    /// Subscribers with a whole frame.
    pub framed: AtomicU64,
    /// Publishers whose connection is up.
    pub publishing: AtomicU64,
    /// Nobody sleeps any more.
    pub spins: AtomicBool,
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
            framed: AtomicU64::new(0),
            publishing: AtomicU64::new(0),
            spins: AtomicBool::new(false),
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
    /// Per client: when something is due, if it takes part.
    dues: Vec<Option<Instant>>,
    /// Clients whose state changed since the last look.
    touched: Vec<usize>,
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
    (participants, conduct): (&[Participant], &Conduct),
    shared: &Shared,
    ready: &Sender<Handle>,
) -> Result<Finished> {
    let count = participants.iter().copied().map(sockets).sum();
    let addresses = vec![SocketAddr::new(options.bind, 0); count];
    let (reactor, reason) = net::open(options.net.into(), &addresses)?;
    let (sender, commands) = crossbeam_channel::unbounded();
    let (clients, owners) = clients(participants, conduct, reactor.local_addrs());
    let handle = Handle {
        commands: sender,
        waker: reactor.waker(),
        backend: reason.to_string(),
    };
    ready.send(handle).context("the run is over")?;
    let links = clients.iter().map(|_| None).collect();
    let dues = vec![None; clients.len()];
    let mut driver = Driver {
        reactor,
        clients,
        links,
        owners,
        dues,
        touched: Vec::new(),
        commands,
        shared,
    };
    while !shared.stop.load(Ordering::Relaxed) {
        driver.step()?;
    }
    let counters = driver.reactor.counters();
    Ok(Finished {
        clients: driver.clients,
        counters,
    })
}

/// The clients, and per socket whose it is.
fn clients(
    participants: &[Participant],
    conduct: &Conduct,
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
        clients.push(Client::new(*participant, addresses, conduct.clone()));
    }
    (clients, owners)
}

impl Driver<'_> {
    fn step(&mut self) -> Result<()> {
        let spin = self.shared.spins.load(Ordering::Relaxed);
        while let Ok(command) = self.commands.try_recv() {
            self.handle_command(command);
        }
        self.send();
        let wait = self.handle_timeouts();
        let timeout = if spin { Duration::ZERO } else { wait };
        self.receive(timeout)?;
        self.send();
        Ok(())
    }

    fn handle_command(&mut self, command: Command) {
        let (Command::Join { client, .. } | Command::Signal { client, .. }) = &command;
        self.touched.push(*client);
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
        let now = Instant::now();
        for place in 0..self.dues.len() {
            if self.dues[place].is_some_and(|due| due <= now) {
                let context = (self.shared.epoch, &self.shared.window);
                if let Err(error) = self.clients[place].handle_timeout(context.0, context.1, now) {
                    self.fail(place, &error);
                }
                self.touched.push(place);
            }
        }
        self.send();
        let next = self.dues.iter().flatten().min();
        next.map_or(MAX_WAIT, |due| {
            due.saturating_duration_since(now).min(MAX_WAIT)
        })
    }

    fn receive(&mut self, timeout: Duration) -> Result<()> {
        let Self {
            reactor,
            clients,
            links,
            owners,
            touched,
            shared,
            ..
        } = self;
        let (mut now, mut taken) = (Instant::now(), 0_u32);
        reactor.turn(Some(timeout), &mut |datagram: Received<'_>| {
            // A clock read costs as much as counting a packet: a few share one.
            if taken.is_multiple_of(DATAGRAMS_PER_CLOCK) {
                now = Instant::now();
            }
            taken += 1;
            let Some((place, side)) = owners.get(usize::from(datagram.socket.0)) else {
                return;
            };
            let Some(link) = &links[*place] else { return };
            let client = &mut clients[*place];
            let context = (shared.epoch, &shared.window);
            let progress =
                client.handle_datagram(*side, datagram.remote, datagram.bytes, context, now);
            if !progress.is_quiet {
                touched.push(*place);
            }
            if progress.publishing {
                shared.publishing.fetch_add(1, Ordering::Relaxed);
            }
            let since = now.saturating_duration_since(link.begun);
            if progress.flows > 0 {
                shared.flows.fetch_add(progress.flows, Ordering::Relaxed);
                client.joined_in.get_or_insert(since);
            }
            if progress.frame && client.framed_in.is_none() {
                client.framed_in = Some(since);
                shared.framed.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(())
    }

    /// Sends what the touched clients have to say, and asks when they want to be called again.
    fn send(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        let now = Instant::now();
        for place in touched.drain(..) {
            let first = self.owners.partition_point(|(owner, _)| *owner < place);
            let own = self.owners[first..]
                .iter()
                .take_while(|owner| owner.0 == place);
            for (socket, (_, side)) in own.enumerate() {
                for (to, bytes) in self.clients[place].take_outgoing(*side) {
                    let index = SocketIndex((first + socket) as u8);
                    // A full arena is counted by the reactor and shows as loss.
                    if let Some(room) = self.reactor.reserve(index, to, bytes.len()) {
                        room.copy_from_slice(&bytes);
                    }
                }
            }
            let joined = self.links[place].is_some();
            self.dues[place] = self.clients[place].wait(now).filter(|_| joined);
        }
        self.touched = touched;
    }

    fn fail(&mut self, client: usize, error: &anyhow::Error) {
        if self.links[client].take().is_some() {
            self.shared.fail(self.clients[client].participant(), error);
        }
    }
}
