//! Offers and answers. Every session-description step goes through [`Peer::negotiate`].

use crate::candidate::CandidateRefusal;
use crate::channel::configs;
use crate::description::{Description, sections};
use crate::peer::Peer;
use media::plane::{NegotiationFailure, OfferChange, PeerRole};
use media::{Kind, Mid};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid as RtcMid};
use str0m::{Rtc, RtcError};

/// What a peer remembers between descriptions.
#[derive(Default)]
pub(crate) struct Negotiation {
    pending: Option<Pending>,
    remote_ufrag: Option<String>,
    offered: bool,
    pub(crate) allows_mixed_forms: bool,
}

/// An offer of ours that has no answer yet.
struct Pending {
    offer: SdpPendingOffer,
    sections: Vec<(Kind, Mid)>,
}

impl Peer {
    /// Takes a client's offer; the answer as str0m writes it.
    ///
    /// # Errors
    /// [`NegotiationFailure`]. Text that cannot be parsed changes nothing; what str0m refuses
    /// later may leave it half applied, and the client has to open a new transport.
    pub fn accept_offer(&mut self, sdp: &str, now: Instant) -> Result<String, NegotiationFailure> {
        let description = self.describe(sdp)?;
        let offer = parse(|| SdpOffer::from_sdp_string(&description.text))?;
        // str0m voids a pending offer of ours as soon as it sees one of theirs.
        self.negotiation.pending = None;
        self.negotiation.allows_mixed_forms = description.allows_mixed_forms;
        let described = sections(&description.text);
        let answer = self.negotiate(&described, now, |rtc| {
            Ok(rtc.sdp_api().accept_offer(offer)?.to_sdp_string())
        })?;
        self.accepted(&description, now);
        Ok(answer)
    }

    /// Makes an offer; the mids belong to [`OfferChange::add`] in order. An offer that is still
    /// pending is replaced, and the sections it would have added with it. The first offer of a
    /// [`PeerRole::Subscriber`] opens `LiveKit`'s data channels.
    ///
    /// # Errors
    /// [`NegotiationFailure`]; [`NegotiationFailure::Malformed`] when there is nothing to change.
    pub fn make_offer(
        &mut self,
        change: &OfferChange,
        now: Instant,
    ) -> Result<(String, Vec<Mid>), NegotiationFailure> {
        let opens_channels = self.spec().role == PeerRole::Subscriber && !self.negotiation.offered;
        self.negotiation.pending = None;
        let mut made = None;
        // The sections in force stay those of the last answer.
        self.negotiate(&[], now, |rtc| {
            made = offer(rtc, change, opens_channels);
            Ok(())
        })?;
        let (text, offer, mids) = made.ok_or(NegotiationFailure::Malformed)?;
        self.negotiation.offered = true;
        self.negotiation.pending = Some(Pending {
            offer,
            sections: sections(&text),
        });
        Ok((text, mids))
    }

    /// Takes the client's answer to our pending offer.
    ///
    /// # Errors
    /// As [`Self::accept_offer`]; [`NegotiationFailure::NoPendingOffer`] when there is none.
    pub fn accept_answer(&mut self, sdp: &str, now: Instant) -> Result<(), NegotiationFailure> {
        if !self.is_alive() {
            return Err(NegotiationFailure::Closed);
        }
        if self.negotiation.pending.is_none() {
            return Err(NegotiationFailure::NoPendingOffer);
        }
        let description = self.describe(sdp)?;
        let answer = parse(|| SdpAnswer::from_sdp_string(&description.text))?;
        let Some(pending) = self.negotiation.pending.take() else {
            return Err(NegotiationFailure::NoPendingOffer);
        };
        self.negotiation.allows_mixed_forms = description.allows_mixed_forms;
        self.negotiate(&pending.sections, now, |rtc| {
            rtc.sdp_api().accept_answer(pending.offer, answer)
        })?;
        self.accepted(&description, now);
        Ok(())
    }

    /// One trickled candidate (`candidate:…`, with or without `a=`).
    ///
    /// # Errors
    /// Why it is not used; already counted.
    pub fn add_candidate(&mut self, candidate: &str, now: Instant) -> Result<(), CandidateRefusal> {
        #[cfg(feature = "test-hook")]
        if candidate == "test-hook:panic" {
            #[expect(clippy::panic, reason = "that is what the hook is for")]
            self.step(now, |_| panic!("the test asked for it"));
        }
        let outcome = if self.is_alive() {
            self.candidates.admit(candidate)
        } else {
            Err(CandidateRefusal::Closed)
        };
        match outcome {
            Ok(candidate) => {
                self.step(now, |rtc| rtc.add_remote_candidate(candidate));
                Ok(())
            }
            Err(refusal) => {
                self.counters.candidates_refused += 1;
                Err(refusal)
            }
        }
    }

    /// The only way to str0m's session-description calls: what they leave behind, whether they
    /// succeed or not, is read at once, before str0m could send anything, and the peer is drained.
    /// A panic, or an egress that is no longer safe, ends the peer.
    ///
    /// `described` are the sections that the description names.
    fn negotiate<T>(
        &mut self,
        described: &[(Kind, Mid)],
        now: Instant,
        change: impl FnOnce(&mut Rtc) -> Result<T, RtcError>,
    ) -> Result<T, NegotiationFailure> {
        if !self.is_alive() {
            return Err(NegotiationFailure::Closed);
        }
        self.settle_writes();
        let (sections, egress) = (&mut self.sections, &mut self.egress);
        let mixed = self.negotiation.allows_mixed_forms;
        let outcome = Self::guard(&mut self.rtc, |rtc| {
            egress.prepare(rtc);
            let outcome = change(rtc);
            sections.refresh(rtc, described);
            let refreshed = egress.refresh(rtc, sections.all(), mixed);
            refreshed.map(|()| outcome)
        });
        self.receiver.forget_streams();
        let Some(Ok(outcome)) = outcome else {
            self.end_by_fault();
            return Err(NegotiationFailure::Malformed);
        };
        self.settle(now);
        match outcome {
            Ok(value) if self.is_alive() => Ok(value),
            Ok(_) | Err(RtcError::RemoteSdp(_) | RtcError::Sdp(_)) => {
                Err(NegotiationFailure::Malformed)
            }
            Err(RtcError::ChangesOutOfOrder) => Err(NegotiationFailure::NoPendingOffer),
            Err(_) => Err(NegotiationFailure::Malformed),
        }
    }

    fn describe(&mut self, sdp: &str) -> Result<Description, NegotiationFailure> {
        if !self.is_alive() {
            return Err(NegotiationFailure::Closed);
        }
        let ufrag = self.negotiation.remote_ufrag.as_deref();
        let description = Description::read(sdp, &mut self.candidates, ufrag)?;
        self.counters.candidates_refused += description.refused;
        Ok(description)
    }

    /// Both descriptions are in force.
    fn accepted(&mut self, description: &Description, now: Instant) {
        self.negotiation.remote_ufrag.clone_from(&description.ufrag);
        self.liveness.negotiated(now);
        if description.has_channels && self.spec().negotiated_channels {
            let channels = &mut self.channels;
            if Self::guard(&mut self.rtc, |rtc| channels.negotiate(rtc)).is_none() {
                self.end_by_fault();
            }
            self.settle(now);
        }
    }
}

/// A foreign parser over foreign bytes: any failure is the client's, none is ours.
fn parse<T, E>(parse: impl FnOnce() -> Result<T, E>) -> Result<T, NegotiationFailure> {
    catch_unwind(AssertUnwindSafe(parse))
        .ok()
        .and_then(Result::ok)
        .ok_or(NegotiationFailure::Malformed)
}

fn offer(
    rtc: &mut Rtc,
    change: &OfferChange,
    opens_channels: bool,
) -> Option<(String, SdpPendingOffer, Vec<Mid>)> {
    let mut changes = rtc.sdp_api();
    if opens_channels {
        for config in configs() {
            changes.add_channel_with_config(config);
        }
    }
    let mids = change.add.iter().map(|section| {
        let kind = match section.kind {
            Kind::Audio => MediaKind::Audio,
            Kind::Video => MediaKind::Video,
        };
        let (stream, track) = (section.stream.clone(), section.track.clone());
        let mid = changes.add_media(kind, Direction::SendOnly, Some(stream), Some(track), None);
        Mid::new(&mid)
    });
    let mids: Option<Vec<Mid>> = mids.collect();
    for mid in &change.deactivate {
        changes.set_direction(RtcMid::from(mid.as_str()), Direction::Inactive);
    }
    for mid in &change.reactivate {
        changes.set_direction(RtcMid::from(mid.as_str()), Direction::SendOnly);
    }
    if change.ice_restart {
        changes.ice_restart(true);
    }
    let (offer, pending) = changes.apply()?;
    Some((offer.to_sdp_string(), pending, mids?))
}
