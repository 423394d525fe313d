//! Which peer a datagram goes to, and which datagrams nobody gets.

use super::Core;
use crate::handshakes::Waiting;
use crate::stun::{self, Verdict};
use net::{Received, SocketIndex};
use peer::is_dtls;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a turn spends on handshakes before it looks for media again; the last datagram may take a
/// millisecond more.
const HANDSHAKE_TIME: Duration = Duration::from_millis(2);

impl Core {
    /// A datagram goes to the peer whose path ICE has validated, or that its STUN ufrag names and
    /// whose integrity holds. Everybody else gets no answer (`reliability.md` F4, A6).
    pub(super) fn handle_datagram(&mut self, received: Received<'_>, now: Instant) {
        let Received {
            socket,
            remote,
            bytes,
        } = received;
        let Some(local) = self.sockets.candidate_of(socket) else {
            return;
        };
        let known = self.demux.by_address(socket, remote, now);
        let named = stun::local_ufrag(bytes).and_then(|ufrag| self.demux.by_ufrag(ufrag));
        let index = match (known, named) {
            (Some(known), None) => known,
            (Some(known), Some(named)) if known == named => known,
            (_, Some(named)) => {
                if !self.validate(named, (socket, remote), local, bytes, now) {
                    return;
                }
                named
            }
            (None, None) => {
                self.tally.strangers += 1;
                return;
            }
        };
        if is_dtls(bytes) && self.waits(index, &received) {
            return;
        }
        if let Some(entry) = self.peers.touch(index) {
            entry.watch.heard(remote, bytes);
            entry.peer.handle_datagram(local, remote, bytes, now);
        }
    }

    /// A handshake waits until the media that came with it has left.
    fn waits(&mut self, index: usize, received: &Received<'_>) -> bool {
        let Some(entry) = self.peers.get(index) else {
            return true;
        };
        if entry.peer.is_connected() {
            return false;
        }
        let is_kept = self.handshakes.defer(Waiting {
            index,
            key: entry.key,
            socket: received.socket,
            remote: received.remote,
            bytes: received.bytes.into(),
        });
        self.tally.handshakes_dropped += u64::from(!is_kept);
        true
    }

    /// Handshakes wait.
    pub(super) fn has_handshakes(&self) -> bool {
        !self.handshakes.is_empty()
    }

    /// Goes on with handshakes for [`HANDSHAKE_TIME`]; true when more wait.
    pub(super) fn run_handshakes(&mut self, now: Instant) -> bool {
        if !self.has_handshakes() {
            return false;
        }
        let began = Instant::now();
        while let Some(waiting) = self.handshakes.pop() {
            let Some(local) = self.sockets.candidate_of(waiting.socket) else {
                continue;
            };
            let meant = self.peers.index(waiting.key) == Some(waiting.index);
            if let Some(entry) = self.peers.touch(waiting.index).filter(|_| meant) {
                let (remote, bytes) = (waiting.remote, &waiting.bytes);
                entry.watch.heard(remote, bytes);
                entry.peer.handle_datagram(local, remote, bytes, now);
            }
            if began.elapsed() >= HANDSHAKE_TIME {
                break;
            }
        }
        !self.handshakes.is_empty()
    }

    fn validate(
        &mut self,
        index: usize,
        path: (SocketIndex, SocketAddr),
        local: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        let Some(entry) = self.peers.get_mut(index) else {
            return false;
        };
        let accepts = || entry.peer.accepts(local, path.1, bytes, now);
        match self.gate.judge(path.1.ip(), bytes, accepts, now) {
            Verdict::Authentic => {}
            Verdict::Forged => {
                self.tally.forged += 1;
                return false;
            }
            Verdict::Unheard => {
                self.tally.strangers += 1;
                return false;
            }
        }
        self.demux.learn(index, &mut entry.paths, path, now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;
    use crate::load::Load;
    use crate::plane::Order;
    use crate::run::Reports;
    use crate::sockets::Sockets;
    use crate::stun::tests::message;
    use media::MediaCommand;
    use media::plane::{PeerRole, PeerSpec};
    use peer::{Certificate, EgressKind};
    use std::sync::Arc;
    use vocab::{ParticipantKey, PeerKey, RoomKey};

    #[test]
    fn a_stranger_who_knows_a_name_but_no_password_is_counted_and_reaches_nobody() {
        let address: SocketAddr = "192.0.2.1:7882".parse().unwrap();
        let certificate = Certificate::generate().unwrap();
        let (events, _said) = crossbeam_channel::unbounded();
        let (ended, _) = crossbeam_channel::unbounded();
        let (figures, _) = crossbeam_channel::bounded(1);
        let reports = Reports {
            events,
            ended,
            figures,
        };
        let sockets = Sockets::new(&[address], &[], &[]);
        let load = Arc::new(Load::default());
        let mut core = Core::new(0, sockets, certificate, reports, load, EgressKind::Own);
        let (now, room, key) = (Instant::now(), RoomKey(1), PeerKey(7));
        let (commands, queue) = crossbeam_channel::unbounded();
        let peer = PeerSpec {
            key,
            participant: ParticipantKey(3),
            role: PeerRole::Single,
            ice_lite: true,
            negotiated_channels: false,
        };
        for command in [
            MediaCommand::OpenRoom { room },
            MediaCommand::OpenPeer { room, peer },
        ] {
            commands.send(Order::Command(command)).unwrap();
        }
        core.run_commands(&queue, now);
        while core.peers.next_touched().is_some() {}
        let index = core.peers.index(key).unwrap();
        let ufrag = core.peers.get_mut(index).unwrap().peer.local_ufrag();

        let bytes = message(format!("{ufrag}:stranger").as_bytes());
        let remote = "198.51.100.7:5000".parse().unwrap();
        let socket = SocketIndex(0);
        core.handle_datagram(
            Received {
                socket,
                remote,
                bytes: &bytes,
            },
            now,
        );

        assert_eq!(core.tally.forged, 1);
        assert_eq!(core.peers.next_touched(), None, "the peer hears nothing");
        assert_eq!(core.demux.by_address(socket, remote, now), None);
    }
}
