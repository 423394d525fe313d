//! Which candidate a socket stands for, and which socket a candidate leaves from.

use crate::tcp::TcpCandidates;
use net::SocketIndex;
use std::net::{IpAddr, SocketAddr};

/// The worker's sockets with the addresses that clients know them by.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// Per socket: the candidate that its datagrams belong to.
    known_as: Vec<SocketAddr>,
    /// Written into every session description.
    candidates: Vec<SocketAddr>,
    /// Beside them.
    tcp: TcpCandidates,
}

impl Sockets {
    /// With announced addresses (a 1:1 NAT before the box) clients know only those.
    pub(crate) fn new(bound: &[SocketAddr], announced: &[IpAddr], tcp: &[SocketAddr]) -> Self {
        let known_as: Vec<_> = bound
            .iter()
            .map(|addr| announced_for(*addr, announced))
            .collect();
        let candidates = if announced.is_empty() {
            bound.to_vec()
        } else {
            let port = bound.first().map_or(0, SocketAddr::port);
            announced
                .iter()
                .map(|ip| SocketAddr::new(*ip, port))
                .collect()
        };
        let tcp = TcpCandidates::new(&candidates, tcp, !announced.is_empty());
        Self {
            known_as,
            candidates,
            tcp,
        }
    }

    /// A session description with the candidates that only its text names.
    pub(crate) fn told(&self, sdp: String) -> String {
        self.tcp.add_to(sdp)
    }

    pub(crate) fn candidates(&self) -> &[SocketAddr] {
        &self.candidates
    }

    /// The candidate that a datagram on this socket was sent to.
    pub(crate) fn candidate_of(&self, socket: SocketIndex) -> Option<SocketAddr> {
        self.known_as.get(usize::from(socket.0)).copied()
    }

    /// The socket behind a candidate, for a destination nothing came from yet.
    pub(crate) fn socket_of(&self, candidate: SocketAddr) -> Option<SocketIndex> {
        let exact = self.known_as.iter().position(|known| *known == candidate);
        let index = exact.or_else(|| {
            self.known_as
                .iter()
                .position(|known| known.is_ipv4() == candidate.is_ipv4())
        })?;
        u8::try_from(index).ok().map(SocketIndex)
    }
}

/// The announced address that a bound one hides behind: itself if announced, else the first of its
/// family.
fn announced_for(bound: SocketAddr, announced: &[IpAddr]) -> SocketAddr {
    let behind = if announced.contains(&bound.ip()) {
        None
    } else {
        announced.iter().find(|ip| ip.is_ipv4() == bound.is_ipv4())
    };
    behind.map_or(bound, |ip| SocketAddr::new(*ip, bound.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn clients_behind_a_nat_learn_only_the_announced_address() {
        let sockets = Sockets::new(
            &[addr("10.0.0.5:7882"), addr("[::1]:7882")],
            &["192.0.2.1".parse().unwrap()],
            &[],
        );
        assert_eq!(sockets.candidates(), [addr("192.0.2.1:7882")]);
        assert_eq!(
            sockets.candidate_of(SocketIndex(0)),
            Some(addr("192.0.2.1:7882"))
        );
        assert_eq!(
            sockets.candidate_of(SocketIndex(1)),
            Some(addr("[::1]:7882"))
        );
        assert_eq!(
            sockets.socket_of(addr("192.0.2.1:7882")),
            Some(SocketIndex(0))
        );
    }

    #[test]
    fn without_announced_addresses_each_socket_is_its_own_candidate() {
        let sockets = Sockets::new(&[addr("127.0.0.1:1"), addr("10.0.0.5:1")], &[], &[]);
        assert_eq!(sockets.socket_of(addr("10.0.0.5:1")), Some(SocketIndex(1)));
        assert_eq!(sockets.candidates().len(), 2);
    }
}
