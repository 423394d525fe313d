//! v0: the box's offers to a client, one at a time, and what the client answers.

use super::permission::Verdict;
use super::timers::{NEGOTIATION_TIMEOUT, Timer};
use super::{Participant, Room};
use crate::downstream::Shown;
use crate::now::Now;
use crate::sdp::{Description, Section, edit_offer};
use crate::subscription::Place;
use crate::upstream::needed_codec;
use domain::EndReason;
use livekit_protocol::SessionDescription;
use livekit_protocol::signal_response::Message;
use media::plane::NegotiationFailure;
use media::{Kind, MediaCommand, Mid};
use vocab::{ParticipantKey, PeerKey, TrackKey};

impl Room {
    /// Offers what changed since the last answer, unless an offer is outstanding: then the change
    /// waits for its answer.
    pub(super) fn make_offer(&mut self, key: ParticipantKey, now: Now) {
        let waiting: Vec<Shown> = self
            .waiting(key)
            .iter()
            .filter_map(|waiting| self.shown(waiting.track))
            .collect();
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let is_reachable = participant.session.is_some() && participant.resuming.is_none();
        let Participant {
            down,
            subscriptions,
            ..
        } = participant;
        let Some(down) = down.as_mut().filter(|_| is_reachable) else {
            return;
        };
        let is_over = |track: TrackKey, mid: Mid| {
            subscriptions
                .get(&track)
                .is_none_or(|s| s.place != Place::Live(mid))
        };
        let Some((negotiation, change)) = down.begin(waiting, is_over) else {
            return;
        };
        for track in down.placing() {
            if let Some(subscription) = subscriptions.get_mut(&track) {
                subscription.place = Place::Offered;
            }
        }
        let (room, peer) = (self.key, down.peer);
        self.timers
            .set(Timer::Offer(key), now.instant + NEGOTIATION_TIMEOUT);
        self.command(MediaCommand::MakeOffer {
            room,
            peer,
            negotiation,
            change,
        });
    }

    /// How a section says that it shows a track: Rust's clients need exactly one `|`.
    pub(super) fn shown(&self, track: TrackKey) -> Option<Shown> {
        let publisher = self.roster.get(self.tracks.get(&track)?)?;
        let track = publisher.tracks.get(&track)?;
        Some(Shown {
            track: track.key,
            kind: track.kind,
            stream: match track.stream().filter(|_| self.sync_streams) {
                Some(stream) => format!("{}|{stream}", publisher.sid),
                None => format!("{}|{}", publisher.sid, track.sid),
            },
            sid: track.sid.to_string(),
            stereo: track.is_stereo(),
        })
    }

    /// The media plane wrote our offer.
    pub(super) fn media_offered(
        &mut self,
        peer: PeerKey,
        negotiation: u32,
        sdp: &str,
        mids: &[Mid],
        now: Now,
    ) {
        let Some(key) = self.peers.get(&peer).copied() else {
            return;
        };
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(down) = participant.down.as_mut().filter(|down| down.peer == peer) else {
            return;
        };
        let Some((id, plans, tracks)) = down.offered(negotiation, mids) else {
            return;
        };
        let Ok(sdp) = edit_offer(sdp, &plans) else {
            self.full_reconnect(key, EndReason::StateMismatch, now);
            return;
        };
        let offer = SessionDescription {
            r#type: "offer".into(),
            sdp,
            id,
            mid_to_track_id: tracks
                .into_iter()
                .map(|(mid, sid)| (mid.to_string(), sid))
                .collect(),
        };
        self.tell(key, Message::Offer(offer));
    }

    /// A client answers our offer. An answer to no offer of ours is ignored.
    pub(super) fn client_answer(
        &mut self,
        key: ParticipantKey,
        answer: SessionDescription,
        now: Now,
    ) {
        let Some(down) = self.roster.get_mut(&key).and_then(|p| p.down.as_mut()) else {
            return;
        };
        let Ok(description) = Description::parse(&answer.sdp) else {
            self.full_reconnect(key, EndReason::StateMismatch, now);
            return;
        };
        let Some(negotiation) = down.answered(answer.id, description) else {
            return;
        };
        let (room, peer) = (self.key, down.peer);
        self.command(MediaCommand::AcceptAnswer {
            room,
            peer,
            negotiation,
            sdp: answer.sdp,
        });
    }

    /// The client's answer fits: what it accepted starts to flow.
    pub(super) fn media_accepted(&mut self, peer: PeerKey, negotiation: u32, now: Now) {
        let Some(key) = self.peers.get(&peer).copied() else {
            return;
        };
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(down) = participant.down.as_mut().filter(|down| down.peer == peer) else {
            return;
        };
        let Some((placed, answer)) = down.accepted(negotiation) else {
            return;
        };
        self.timers.clear(Timer::Offer(key));
        for (mid, shown) in placed {
            self.place(key, mid, &shown, answer.section(mid));
        }
        self.pump(key, now);
    }

    /// One newly shown section: started, refused, or over before it began (the next offer says
    /// so).
    fn place(&mut self, key: ParticipantKey, mid: Mid, shown: &Shown, section: Option<&Section>) {
        let Some(watcher) = self.roster.get(&key) else {
            return;
        };
        let Some(subscription) = watcher.subscriptions.get(&shown.track) else {
            return;
        };
        if !matches!(subscription.place, Place::Offered | Place::Waiting)
            || self.may_watch(watcher, subscription.publisher, shown.track) != Verdict::Allowed
        {
            return;
        }
        let mime = self.mime(shown.track);
        let takes = section.is_some_and(|section| {
            !section.is_rejected()
                && section.direction().receives()
                && can_decode(section, shown.kind, &mime)
        });
        if takes {
            self.start(key, shown.track, mid);
        } else {
            self.refuse(key, shown.track);
        }
    }

    /// Descriptions could not be used. The media plane is unchanged, the client is not: it has
    /// to join anew. A fault of an exchange is its answer.
    pub(super) fn negotiation_failed(
        &mut self,
        peer: PeerKey,
        negotiation: u32,
        cause: NegotiationFailure,
        now: Now,
    ) {
        let Some(key) = self.peers.get(&peer).copied() else {
            return;
        };
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        if !participant.link.signals() {
            self.exchange_failed(key, cause, now);
            return;
        }
        let is_of_down = participant
            .down
            .as_ref()
            .is_some_and(|down| down.peer == peer);
        let is_stale = is_of_down
            && participant
                .down
                .as_ref()
                .and_then(|down| down.outstanding.as_ref())
                .is_none_or(|offer| offer.negotiation != negotiation);
        if cause != NegotiationFailure::Closed && !is_stale {
            self.full_reconnect(key, EndReason::StateMismatch, now);
        }
    }

    /// The client did not answer our offer, or did not offer when asked. Without a WebSocket it
    /// cannot; its resume begins anew.
    pub(super) fn negotiation_timed_out(&mut self, key: ParticipantKey, timer: Timer, now: Now) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let is_reachable = participant.session.is_some() && participant.resuming.is_none();
        let is_unanswered = match timer {
            Timer::Offer(_) => participant
                .down
                .as_ref()
                .is_some_and(|d| d.outstanding.is_some()),
            _ => participant.up.as_ref().is_some_and(|up| up.asked.is_some()),
        };
        if is_reachable && is_unanswered && !participant.is_going {
            self.full_reconnect(key, EndReason::StateMismatch, now);
        }
    }
}

/// Whether a section lists the codec of a track.
fn can_decode(section: &Section, kind: Kind, mime: &str) -> bool {
    let wanted = needed_codec(kind, mime);
    wanted.is_empty() || section.formats().iter().any(|format| format.is(wanted))
}
