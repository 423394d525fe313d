//! Whose datagram is this: by remote address, which ICE has validated, or by STUN ufrag.

use net::SocketIndex;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Remote addresses kept per peer: a client behind several networks has a handful. Beyond it the
/// oldest is forgotten and validated again by its next STUN message.
pub(crate) const MAX_PATHS: usize = 32;

/// ICE credentials kept per peer: the current ones and, during a restart, the ones before.
const MAX_UFRAGS: usize = 3;

/// How long a path stays its peer's after the last datagram: a member of a room who forges
/// another's source address cannot take a path that lives. Clients send at least every 2.5 s
/// (ICE consent, RFC 7675 §5.1, checks each 5 s at most).
const PATH_KEPT: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Owner {
    peer: usize,
    heard: Instant,
}

/// Where a peer's datagrams come from. The maps use `SipHash`: their keys are chosen by strangers.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    by_address: HashMap<(SocketIndex, SocketAddr), Owner>,
    by_ufrag: HashMap<String, usize>,
}

/// A peer's own entries, so that they can be taken back.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    addresses: Vec<(SocketIndex, SocketAddr)>,
    ufrags: Vec<String>,
}

impl Paths {
    /// The socket that this remote address was heard on last.
    pub(crate) fn socket_to(&self, remote: SocketAddr) -> Option<SocketIndex> {
        self.addresses
            .iter()
            .rev()
            .find(|(_, known)| *known == remote)
            .map(|(socket, _)| *socket)
    }
}

impl Demux {
    /// Whose path this is; it was heard of now.
    pub(crate) fn by_address(
        &mut self,
        socket: SocketIndex,
        remote: SocketAddr,
        now: Instant,
    ) -> Option<usize> {
        let owner = self.by_address.get_mut(&(socket, remote))?;
        owner.heard = now;
        Some(owner.peer)
    }

    /// Whose path this is, when that peer still uses it; nothing is noted.
    fn living_owner(&self, path: (SocketIndex, SocketAddr), now: Instant) -> Option<usize> {
        let owner = self.by_address.get(&path)?;
        (now.saturating_duration_since(owner.heard) < PATH_KEPT).then_some(owner.peer)
    }

    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// ICE validated this path for the peer. False: another peer lives on it.
    pub(crate) fn learn(
        &mut self,
        peer: usize,
        paths: &mut Paths,
        path: (SocketIndex, SocketAddr),
        now: Instant,
    ) -> bool {
        if self
            .living_owner(path, now)
            .is_some_and(|owner| owner != peer)
        {
            return false;
        }
        self.by_address.insert(path, Owner { peer, heard: now });
        paths.addresses.retain(|known| *known != path);
        paths.addresses.push(path);
        if paths.addresses.len() > MAX_PATHS {
            let oldest = paths.addresses.remove(0);
            self.forget_address(peer, oldest);
        }
        true
    }

    /// The peer answers to this ufrag from now on.
    pub(crate) fn answer_to(&mut self, peer: usize, paths: &mut Paths, ufrag: String) {
        if ufrag.is_empty() || paths.ufrags.contains(&ufrag) {
            return;
        }
        self.by_ufrag.insert(ufrag.clone(), peer);
        paths.ufrags.push(ufrag);
        if paths.ufrags.len() > MAX_UFRAGS {
            let oldest = paths.ufrags.remove(0);
            self.by_ufrag.remove(&oldest);
        }
    }

    /// The peer is gone.
    pub(crate) fn forget(&mut self, peer: usize, paths: Paths) {
        for path in paths.addresses {
            self.forget_address(peer, path);
        }
        for ufrag in paths.ufrags {
            self.by_ufrag.remove(&ufrag);
        }
    }

    fn forget_address(&mut self, peer: usize, path: (SocketIndex, SocketAddr)) {
        if self
            .by_address
            .get(&path)
            .is_some_and(|owner| owner.peer == peer)
        {
            self.by_address.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKET: SocketIndex = SocketIndex(0);

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_living_path_cannot_be_taken_and_a_dead_one_can() {
        let (mut demux, mut old, mut new) = (Demux::default(), Paths::default(), Paths::default());
        let start = Instant::now();
        assert!(demux.learn(1, &mut old, (SOCKET, addr(5)), start));
        assert!(!demux.learn(2, &mut new, (SOCKET, addr(5)), start + PATH_KEPT / 2));
        let later = start + PATH_KEPT;
        assert!(demux.learn(2, &mut new, (SOCKET, addr(5)), later));
        demux.forget(1, old);
        assert_eq!(demux.by_address(SOCKET, addr(5), later), Some(2));
    }

    #[test]
    fn the_oldest_path_goes_first() {
        let (mut demux, mut paths) = (Demux::default(), Paths::default());
        let now = Instant::now();
        for port in 1..=(MAX_PATHS as u16 + 1) {
            demux.learn(1, &mut paths, (SOCKET, addr(port)), now);
        }
        assert_eq!(demux.by_address(SOCKET, addr(1), now), None);
        assert_eq!(demux.by_address(SOCKET, addr(2), now), Some(1));
        assert_eq!(paths.socket_to(addr(2)), Some(SOCKET));
    }

    #[test]
    fn a_forgotten_peer_leaves_nothing() {
        let (mut demux, mut paths) = (Demux::default(), Paths::default());
        demux.answer_to(3, &mut paths, "abcd".to_owned());
        demux.learn(3, &mut paths, (SOCKET, addr(9)), Instant::now());
        demux.forget(3, paths);
        assert!(demux.by_address.is_empty() && demux.by_ufrag.is_empty());
    }
}
