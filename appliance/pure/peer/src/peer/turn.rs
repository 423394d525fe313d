//! One step of str0m, and everything that follows from it.

use super::Peer;
use super::fault::cause;
use media::plane::PeerFailure;
use std::time::{Duration, Instant};
use str0m::{Input, Output as RtcOutput, Rtc};

/// Outputs of str0m after one mutation, beyond which it is taken to be caught in a loop
/// (`reliability.md` F6). The largest honest burst, a keyframe to be resent, has some hundred.
const MAX_OUTPUTS_PER_STEP: usize = 10_000;
/// Times that str0m may ask for the very instant that was just given to it.
const MAX_SETTLING_STEPS: usize = 8;
/// A peer is not woken more often than this: a timer that does not move costs a thousand turns a
/// second, not a core.
pub(super) const MIN_WAIT: Duration = Duration::from_millis(1);

impl Peer {
    /// One mutation of str0m and everything that follows from it.
    pub(crate) fn step<T>(&mut self, now: Instant, step: impl FnOnce(&mut Rtc) -> T) {
        self.settle_writes();
        if self.rtc.is_some() && Self::guard(&mut self.rtc, step).is_none() {
            self.end_by_fault();
        }
        self.settle(now);
    }

    pub(crate) fn settle_writes(&mut self) {
        if let Some(now) = self.unsettled.take() {
            self.settle(now);
        }
    }

    /// Gives str0m the time and drains it, until it asks for a later one.
    pub(crate) fn settle(&mut self, now: Instant) {
        for _ in 0..MAX_SETTLING_STEPS {
            let timed = Self::guard(&mut self.rtc, |rtc| rtc.handle_input(Input::Timeout(now)));
            if timed.is_none() {
                self.end_by_fault();
                return;
            }
            self.drain(now);
            if self.wait.is_none_or(|wait| wait > now) {
                return;
            }
        }
        self.wait = Some(now + MIN_WAIT);
    }

    /// Polls str0m until it has nothing left. Data that waited for room follows.
    pub(super) fn drain(&mut self, now: Instant) {
        loop {
            self.poll_rtc(now);
            if !self.channels.is_waiting() || !self.is_alive() {
                break;
            }
            let channels = &mut self.channels;
            match Self::guard(&mut self.rtc, |rtc| channels.write_waiting(rtc, now)) {
                Some(true) => {}
                Some(false) => break,
                None => {
                    self.end_by_fault();
                    break;
                }
            }
        }
    }

    fn poll_rtc(&mut self, now: Instant) {
        for _ in 0..MAX_OUTPUTS_PER_STEP {
            match Self::guard(&mut self.rtc, Rtc::poll_output) {
                Some(Ok(RtcOutput::Timeout(wait))) => {
                    self.wait = Some(wait);
                    self.after_poll();
                    return;
                }
                Some(Ok(RtcOutput::Transmit(transmit))) => self.pass_on(transmit, now),
                Some(Ok(RtcOutput::Event(event))) => self.handle_event(event, now),
                Some(Err(error)) => {
                    self.end(cause(&error));
                    return;
                }
                None => {
                    self.end_by_fault();
                    return;
                }
            }
        }
        self.end(PeerFailure::Fault);
    }

    /// str0m ends itself on a fingerprint that does not match, and on the client's farewell.
    fn after_poll(&mut self) {
        let is_alive = self.rtc.as_ref().is_some_and(Rtc::is_alive);
        if self.farewell_seen {
            self.end(PeerFailure::ClosedByPeer);
        } else if !is_alive && self.rtc.is_some() {
            self.end(PeerFailure::Dtls);
        }
    }
}
