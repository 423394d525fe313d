//! The boundary around str0m: what goes wrong inside ends this peer and nothing else.

use super::Peer;
use crate::egress::Egress;
use crate::output::Output;
use media::plane::PeerFailure;
use std::panic::{AssertUnwindSafe, catch_unwind};
use str0m::{Rtc, RtcError};

/// Classes of the DTLS library's errors after which a handshake cannot be completed.
const FATAL_DTLS_ERRORS: [&str; 3] = ["certificate error", "crypto error", "security error"];

impl Peer {
    /// Runs one call into str0m. `None`: it panicked, or the peer is dead already.
    pub(crate) fn guard<T>(rtc: &mut Option<Rtc>, call: impl FnOnce(&mut Rtc) -> T) -> Option<T> {
        let rtc = rtc.as_mut()?;
        catch_unwind(AssertUnwindSafe(|| call(rtc))).ok()
    }

    /// Runs one call into the egress of a living peer. A panic ends the peer.
    pub(super) fn guard_egress<T>(&mut self, call: impl FnOnce(&mut dyn Egress) -> T) -> Option<T> {
        let egress = &mut self.egress;
        let done = Self::guard(&mut self.rtc, |_| call(&mut **egress));
        if done.is_none() {
            self.end_by_fault();
        }
        done
    }

    pub(crate) fn end_by_fault(&mut self) {
        self.end(PeerFailure::Fault);
    }

    pub(super) fn end(&mut self, cause: PeerFailure) {
        if self.rtc.take().map(discard).is_some() {
            self.outputs.push_back(Output::Failed(cause));
        }
    }
}

/// What a faulty `Rtc` does when it is dropped is its own affair too.
pub(super) fn discard(rtc: Rtc) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(rtc)));
}

/// Whether the DTLS library refused what the client sent for good: nothing that follows could
/// complete the handshake. str0m hands its errors on as text; its other classes (a full queue, a
/// message out of turn) are survived, for a stranger's junk can cause them.
pub(super) fn ends_handshake(error: &RtcError) -> bool {
    let RtcError::Dtls(error) = error else {
        return false;
    };
    let text = error.to_string();
    FATAL_DTLS_ERRORS.iter().any(|class| text.contains(class))
}

pub(super) fn cause(error: &RtcError) -> PeerFailure {
    match error {
        RtcError::Dtls(_) | RtcError::RemoteSdp(_) => PeerFailure::Dtls,
        _ => PeerFailure::Fault,
    }
}
