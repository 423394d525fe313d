//! ICE restart of a WHIP or WHEP session (RFC 9725 §4.3.3): the accepted offer is offered once
//! more with the new credentials, and the answer's credentials go back as a fragment.

use super::Room;
use super::exchange::{ExchangeRefusal, PatchExchangeError};
use crate::fragment;
use crate::output::{ExchangeRestart, Output};
use crate::sdp::Description;
use vocab::ParticipantKey;

/// What a PATCH did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patched {
    /// Candidates were taken: 204.
    Trickled,
    /// ICE restarts; one [`Output::Restarted`] follows.
    Restarting,
}

impl Room {
    pub(super) fn restart_exchange(
        &mut self,
        key: ParticipantKey,
        (ufrag, pwd): &(String, String),
        candidates: &[String],
    ) -> Result<Patched, PatchExchangeError> {
        let participant = self.roster.get_mut(&key);
        let up = participant.and_then(|p| p.up.as_mut());
        let up = up.ok_or(PatchExchangeError::NotFound)?;
        if up.is_restarting() {
            return Err(PatchExchangeError::Restarting);
        }
        let offer = fragment::restarted(&up.accepted, (ufrag, pwd), candidates);
        let description = Description::parse(&offer)
            .ok()
            .filter(|description| up.answered && description.ice_ufrag() == Some(ufrag));
        let description = description.ok_or(PatchExchangeError::NothingToRestart)?;
        up.begin_restart(up.ufrag().to_owned());
        self.send_offer(key, 0, offer, description)
            .ok_or(PatchExchangeError::Restarting)?;
        Ok(Patched::Restarting)
    }

    /// The restart is answered or refused; false when there is none.
    pub(super) fn finish_restart(
        &mut self,
        key: ParticipantKey,
        answer: Result<&str, ExchangeRefusal>,
    ) -> bool {
        let Some(participant) = self.roster.get_mut(&key) else {
            return false;
        };
        let up = participant.up.as_mut();
        if !up.is_some_and(|up| up.end_restart(answer.is_err())) {
            return false;
        }
        let Some(session) = participant.session else {
            return true;
        };
        let result = answer.and_then(|sdp| read(sdp).ok_or(ExchangeRefusal::Unavailable));
        self.outputs
            .push_back(Output::Restarted { session, result });
        true
    }

    /// Keeps an exchange's offer, since its client will not repeat it.
    pub(super) fn keep_offer(&mut self, key: ParticipantKey, offer: String) {
        let participant = self.roster.get_mut(&key).filter(|p| !p.link.signals());
        if let Some(up) = participant.and_then(|p| p.up.as_mut()) {
            up.accepted = offer;
        }
    }
}

fn read(answer: &str) -> Option<ExchangeRestart> {
    let description = Description::parse(answer).ok()?;
    Some(ExchangeRestart {
        fragment: fragment::of_answer(answer)?,
        etag: description.ice_ufrag()?.to_owned(),
    })
}
