//! Offers and answers, each by the peer that it is meant for.

use super::Core;
use media::plane::NegotiationFailure;
use media::{MediaCommand, MediaEvent};
use peer::Peer;
use std::time::Instant;

impl Core {
    /// ICE credentials change with a restart, and so does what STUN messages name.
    pub(super) fn refresh_ufrag(&mut self, index: usize) {
        if let Some(entry) = self.peers.get_mut(index) {
            let ufrag = entry.peer.local_ufrag();
            self.demux.answer_to(index, &mut entry.paths, ufrag);
        }
    }

    pub(super) fn negotiate(&mut self, command: MediaCommand, now: Instant) {
        let (room, peer, negotiation) = match &command {
            MediaCommand::AcceptOffer {
                room,
                peer,
                negotiation,
                ..
            }
            | MediaCommand::MakeOffer {
                room,
                peer,
                negotiation,
                ..
            }
            | MediaCommand::AcceptAnswer {
                room,
                peer,
                negotiation,
                ..
            } => (*room, *peer, *negotiation),
            _ => return,
        };
        let index = self.peers.index(peer);
        let outcome = match index.and_then(|index| self.peers.touch(index)) {
            Some(entry) => exchange(&mut entry.peer, command, now),
            None => Err(NegotiationFailure::Closed),
        };
        if let Some(index) = index {
            self.refresh_ufrag(index);
        }
        let mut told = outcome.unwrap_or_else(|cause| MediaEvent::NegotiationFailed {
            room,
            peer,
            negotiation,
            cause,
        });
        if let MediaEvent::Answered { sdp, .. } | MediaEvent::Offered { sdp, .. } = &mut told {
            *sdp = self.sockets.told(std::mem::take(sdp));
        }
        self.emit(told);
    }
}

/// One step of an offer/answer exchange.
fn exchange(
    transport: &mut Peer,
    command: MediaCommand,
    now: Instant,
) -> Result<MediaEvent, NegotiationFailure> {
    match command {
        MediaCommand::AcceptOffer {
            room,
            peer,
            negotiation,
            sdp,
        } => {
            let sdp = transport.accept_offer(&sdp, now)?;
            Ok(MediaEvent::Answered {
                room,
                peer,
                negotiation,
                sdp,
            })
        }
        MediaCommand::MakeOffer {
            room,
            peer,
            negotiation,
            change,
        } => {
            let (sdp, mids) = transport.make_offer(&change, now)?;
            Ok(MediaEvent::Offered {
                room,
                peer,
                negotiation,
                sdp,
                mids,
            })
        }
        MediaCommand::AcceptAnswer {
            room,
            peer,
            negotiation,
            sdp,
        } => {
            transport.accept_answer(&sdp, now)?;
            Ok(MediaEvent::AnswerAccepted {
                room,
                peer,
                negotiation,
            })
        }
        _ => Err(NegotiationFailure::Malformed),
    }
}
