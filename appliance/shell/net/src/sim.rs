//! An in-memory network for tests: one thread, one seed, no clock.
//!
//! Time stands still unless [`Network::advance`] moves it. Trains form, keep their order and are
//! counted as on the real reactors.

mod link;

use crate::counters::{Counters, DropCause};
use crate::reactor::{
    Backend, OpenReactorError, Reactor, ReactorError, Received, SocketIndex, Turn, check,
};
use crate::socket::check_count;
use crate::train::Trains;
use crate::waker::Waker;
pub use link::Link;
use link::{Datagram, Wire};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// The network that simulated reactors are plugged into. Clones are the same network.
#[derive(Clone)]
pub struct Network(Rc<RefCell<Wire>>);

impl Network {
    /// A network whose accidents all follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Wire::new(seed))))
    }

    /// Changes what happens to datagrams from now on.
    pub fn set_link(&self, link: Link) {
        self.0.borrow_mut().link = link;
    }

    /// Moves time: what is due by then can be received.
    pub fn advance(&self, by: Duration) {
        self.0.borrow_mut().now += by;
    }

    /// Time since the network began.
    pub fn now(&self) -> Duration {
        self.0.borrow().now
    }

    /// When the next datagram is due, if one is on its way.
    pub fn next_due(&self) -> Option<Duration> {
        self.0.borrow().next_due()
    }

    /// Opens a reactor on these addresses; port 0 and equal addresses are handled as a kernel does.
    ///
    /// # Errors
    /// [`OpenReactorError`] as [`open`](crate::open) returns it.
    pub fn open(&self, addrs: &[SocketAddr]) -> Result<SimReactor, OpenReactorError> {
        check_count(addrs)?;
        let mut wire = self.0.borrow_mut();
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in addrs {
            match wire.bind(*address) {
                Ok(bound) => addresses.push(bound),
                Err(source) => {
                    for bound in &addresses {
                        wire.unbind(*bound);
                    }
                    return Err(OpenReactorError::Bind {
                        address: *address,
                        source,
                    });
                }
            }
        }
        drop(wire);
        Ok(SimReactor {
            network: self.clone(),
            addresses,
            trains: Trains::new(),
            staged: Vec::new(),
            waker: Waker::without_event(),
            counters: Counters::default(),
        })
    }
}

/// A reactor on a [`Network`]. Never waits: a turn hands over what is due and returns.
pub struct SimReactor {
    network: Network,
    addresses: Vec<SocketAddr>,
    trains: Trains,
    staged: Vec<u16>,
    waker: Waker,
    counters: Counters,
}

impl SimReactor {
    fn send_staged(&mut self) {
        let mut wire = self.network.0.borrow_mut();
        for train in &self.staged {
            let attempt = self.trains.attempt(*train);
            let from = self.addresses[usize::from(attempt.socket.0)];
            let segment = attempt.segment.map_or(usize::MAX, usize::from);
            for span in attempt.spans() {
                for bytes in self.trains.slice(*span).chunks(segment) {
                    if !wire.send(Datagram {
                        from,
                        to: attempt.to,
                        bytes: bytes.into(),
                    }) {
                        self.counters.count_drop(DropCause::SimulatedLoss, 1);
                    }
                }
            }
        }
    }
}

impl Reactor for SimReactor {
    fn turn(
        &mut self,
        _timeout: Option<Duration>,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<Turn, ReactorError> {
        self.flush()?;
        let mut turn = Turn {
            woken: self.waker.take(),
            received: 0,
        };
        for (index, address) in self.addresses.iter().enumerate() {
            loop {
                let due = self.network.0.borrow_mut().receive(*address);
                let Some(datagram) = due else { break };
                turn.received += 1;
                self.counters.trains_in += 1;
                self.counters.datagrams_in += 1;
                self.counters.bytes_in += datagram.bytes.len() as u64;
                receive(Received {
                    socket: SocketIndex(index as u8),
                    remote: datagram.from,
                    bytes: &datagram.bytes,
                });
            }
        }
        Ok(turn)
    }

    fn reserve(&mut self, socket: SocketIndex, to: SocketAddr, len: usize) -> Option<&mut [u8]> {
        if let Err(cause) = check(&self.addresses, socket, to, len) {
            self.counters.count_drop(cause, 1);
            return None;
        }
        let mut span = self.trains.reserve(socket, to, len);
        if span.is_none() {
            // Cannot fail: there is no kernel in it.
            let _ = self.flush();
            span = self.trains.reserve(socket, to, len);
        }
        if span.is_none() {
            self.counters.count_drop(DropCause::ArenaFull, 1);
        }
        span.map(|span| self.trains.slice_mut(span))
    }

    fn flush(&mut self) -> Result<(), ReactorError> {
        loop {
            let more = self.trains.stage(|_| true, &mut self.staged, usize::MAX);
            self.send_staged();
            self.trains.settle(&mut self.staged, &mut self.counters);
            if !more {
                return Ok(());
            }
        }
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }

    fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn backend(&self) -> Backend {
        Backend::Sim
    }
}

impl Drop for SimReactor {
    fn drop(&mut self) {
        let mut wire = self.network.0.borrow_mut();
        for address in &self.addresses {
            wire.unbind(*address);
        }
    }
}
