//! Who is carried now: as many as there are connections.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use telemetry::names;

type Known = HashMap<SocketAddr, SocketAddr>;

/// Each client's own address by the one that stands for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Clients(Arc<Mutex<Known>>);

/// A client that is carried; dropped, it is no longer.
pub(super) struct Carried {
    clients: Clients,
    stand_in: SocketAddr,
}

impl Clients {
    pub(super) fn add(&self, stand_in: SocketAddr, client: SocketAddr) -> Carried {
        self.change(|known| known.insert(stand_in, client));
        Carried {
            clients: self.clone(),
            stand_in,
        }
    }

    pub(super) fn find(&self, stand_in: SocketAddr) -> Option<SocketAddr> {
        self.lock().get(&stand_in).copied()
    }

    fn change(&self, change: impl FnOnce(&mut Known) -> Option<SocketAddr>) {
        let mut known = self.lock();
        change(&mut known);
        metrics::gauge!(names::ICE_TCP_CONNECTIONS).set(known.len() as f64);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.clients.change(|known| known.remove(&self.stand_in));
    }
}
