//! Whose datagram is this: by remote address, which ICE has validated, or by STUN ufrag.

use net::SocketIndex;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Remote addresses kept per peer: a client behind several networks has a handful. Beyond it the
/// oldest is forgotten and validated again by its next STUN message.
pub(crate) const MAX_PATHS: usize = 32;

/// ICE credentials kept per peer: the current ones and, during a restart, the ones before.
const MAX_UFRAGS: usize = 3;

/// Where a peer's datagrams come from. The maps use `SipHash`: their keys are chosen by strangers.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    by_address: HashMap<(SocketIndex, SocketAddr), usize>,
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
    pub(crate) fn by_address(&self, socket: SocketIndex, remote: SocketAddr) -> Option<usize> {
        self.by_address.get(&(socket, remote)).copied()
    }

    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// ICE validated this path for the peer. A path that was another peer's is this one's now.
    pub(crate) fn learn(
        &mut self,
        peer: usize,
        paths: &mut Paths,
        path: (SocketIndex, SocketAddr),
    ) {
        self.by_address.insert(path, peer);
        paths.addresses.retain(|known| *known != path);
        paths.addresses.push(path);
        if paths.addresses.len() > MAX_PATHS {
            let oldest = paths.addresses.remove(0);
            self.forget_address(peer, oldest);
        }
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
        if self.by_address.get(&path) == Some(&peer) {
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
    fn a_path_that_moved_to_another_peer_is_not_taken_from_it() {
        let (mut demux, mut old, mut new) = (Demux::default(), Paths::default(), Paths::default());
        demux.learn(1, &mut old, (SOCKET, addr(5)));
        demux.learn(2, &mut new, (SOCKET, addr(5)));
        demux.forget(1, old);
        assert_eq!(demux.by_address(SOCKET, addr(5)), Some(2));
    }

    #[test]
    fn the_oldest_path_goes_first() {
        let (mut demux, mut paths) = (Demux::default(), Paths::default());
        for port in 1..=(MAX_PATHS as u16 + 1) {
            demux.learn(1, &mut paths, (SOCKET, addr(port)));
        }
        assert_eq!(demux.by_address(SOCKET, addr(1)), None);
        assert_eq!(demux.by_address(SOCKET, addr(2)), Some(1));
        assert_eq!(paths.socket_to(addr(2)), Some(SOCKET));
    }

    #[test]
    fn a_forgotten_peer_leaves_nothing() {
        let (mut demux, mut paths) = (Demux::default(), Paths::default());
        demux.answer_to(3, &mut paths, "abcd".to_owned());
        demux.learn(3, &mut paths, (SOCKET, addr(9)));
        demux.forget(3, paths);
        assert!(demux.by_address.is_empty() && demux.by_ufrag.is_empty());
    }
}
