//! When a transport counts as up, as late and as lost.

use media::plane::PeerFailure;
use std::time::{Duration, Instant};
use str0m::IceConnectionState;

/// From the first complete negotiation until ICE and DTLS are up (`LiveKit`'s clients give up
/// after 15 s too).
pub(crate) const ICE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a transport that was up may be without a path. str0m calls a path dead 15 s after
/// the client's last check; with this a network pause of 15 s ends nothing.
pub(crate) const ICE_GRACE: Duration = Duration::from_secs(5);

/// The progress of one transport.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    connected: bool,
    has_path: bool,
    deadline: Option<Instant>,
}

impl Liveness {
    /// ICE and DTLS are up, or were.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Both descriptions are known; the client may begin.
    pub(crate) fn negotiated(&mut self, now: Instant) {
        if !self.connected && self.deadline.is_none() {
            self.deadline = Some(now + ICE_TIMEOUT);
        }
    }

    pub(crate) fn connected(&mut self) {
        self.connected = true;
        self.has_path = true;
        self.deadline = None;
    }

    pub(crate) fn ice(&mut self, state: IceConnectionState, now: Instant) {
        self.has_path = matches!(
            state,
            IceConnectionState::Connected | IceConnectionState::Completed
        );
        if !self.connected {
            return;
        }
        if self.has_path {
            self.deadline = None;
        } else if self.deadline.is_none() {
            self.deadline = Some(now + ICE_GRACE);
        }
    }

    /// When [`Self::verdict`] may change by itself.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Why the transport has to end now.
    pub(crate) fn verdict(&self, now: Instant) -> Option<PeerFailure> {
        self.deadline.filter(|deadline| *deadline <= now)?;
        Some(match (self.connected, self.has_path) {
            (true, _) => PeerFailure::IceDisconnected,
            (false, true) => PeerFailure::Dtls,
            (false, false) => PeerFailure::IceTimeout,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests start somewhere")]
    use super::*;
    use IceConnectionState::{Completed, Disconnected};

    #[test]
    fn each_delay_has_its_cause() {
        let start = Instant::now();
        let late = start + ICE_TIMEOUT;

        let mut silent = Liveness::default();
        assert_eq!(silent.verdict(late), None, "nothing was negotiated");
        silent.negotiated(start);
        silent.negotiated(late);
        assert_eq!(silent.verdict(start), None);
        assert_eq!(silent.verdict(late), Some(PeerFailure::IceTimeout));

        let mut no_dtls = Liveness::default();
        no_dtls.negotiated(start);
        no_dtls.ice(Completed, start);
        assert_eq!(no_dtls.verdict(late), Some(PeerFailure::Dtls));

        let mut lost = Liveness::default();
        lost.negotiated(start);
        lost.connected();
        assert_eq!(lost.verdict(late), None);
        lost.ice(Disconnected, late);
        assert_eq!(lost.verdict(late), None);
        assert_eq!(
            lost.verdict(late + ICE_GRACE),
            Some(PeerFailure::IceDisconnected)
        );
        lost.ice(Completed, late);
        assert_eq!(lost.verdict(late + ICE_GRACE), None, "it came back");
    }
}
