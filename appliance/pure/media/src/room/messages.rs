//! Data messages: checked, stamped, routed, held.

use super::{Output, Room, timers};
use crate::data::wire::{self, Scanned};
use crate::data::{Held, MAX_DATA_BYTES, Recipients};
use crate::plane::DataTarget;
use crate::relay::RelayedData;
use crate::{Channel, DataRefusal, MediaEvent};
use bytes::Bytes;
use std::time::Instant;
use vocab::{ParticipantKey, ParticipantSid, PeerKey};

impl Room {
    pub(super) fn accept_data(
        &mut self,
        peer: PeerKey,
        channel: Channel,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), DataRefusal> {
        let sender = self
            .roster
            .peer_index(peer)
            .and_then(|index| self.roster.peers.get(index));
        let sender = sender.ok_or(DataRefusal::UnknownPeer)?.participant;
        let known = self
            .roster
            .participants
            .get_mut(sender)
            .ok_or(DataRefusal::UnknownPeer)?;
        known.quality.hear(now);
        if payload.len() > MAX_DATA_BYTES {
            return Err(DataRefusal::TooLarge);
        }
        if !known.permissions.publish_data {
            return Err(DataRefusal::Forbidden);
        }
        let is_paid = match channel {
            Channel::DataTrack => known.track_bucket.take(payload.len(), now),
            Channel::Lossy => known.bucket.take(payload.len(), now),
            // A gap in what SCTP delivered would be a lie: its sender is slowed instead.
            Channel::Reliable => {
                known.bucket.charge(payload.len(), now);
                true
            }
        };
        if !is_paid {
            return Err(DataRefusal::RateLimited);
        }
        let data_role = known.data_role;
        let (key, sid, identity) = (known.key, known.sid.clone(), known.identity.clone());
        if channel == Channel::DataTrack {
            return self.forward_data_track(sender, payload);
        }
        let scanned = wire::scan(payload).ok_or(DataRefusal::Malformed)?;
        let stamped = wire::stamp(payload, channel, sid.as_str(), identity.as_str())
            .ok_or(DataRefusal::Malformed)?;
        if scanned.is_transcription && !data_role.transcribes {
            return Err(DataRefusal::Forbidden);
        }
        self.refuse_duplicates(sender, channel, &scanned, now)?;
        if scanned.is_metrics {
            let recipients = self.metrics_recipients();
            self.deliver(Some(sender), &recipients, channel, &stamped);
            self.relay_data(&RelayedData {
                channel,
                sender: (key, sid),
                sequence: scanned.sequence,
                nonce: scanned.nonce,
                recipients,
                is_held: false,
                payload: stamped,
            });
            return Ok(());
        }
        if scanned.answers_server {
            self.emit(MediaEvent::RpcAnswered {
                room: self.key,
                participant: key,
                packet: Bytes::copy_from_slice(payload),
            });
            return Ok(());
        }
        let recipients = self.recipients(&scanned);
        self.deliver(Some(sender), &recipients, channel, &stamped);
        self.relay_data(&RelayedData {
            channel,
            sender: (key, sid.clone()),
            sequence: scanned.sequence,
            nonce: scanned.nonce,
            recipients: recipients.clone(),
            is_held: channel == Channel::Reliable,
            payload: stamped.clone(),
        });
        if channel == Channel::Reliable {
            self.hold(Held {
                at: now,
                sender: Some((key, sid)),
                sequence: scanned.sequence,
                recipients,
                payload: stamped,
            });
        }
        if scanned.is_chat {
            self.emit(MediaEvent::MessageSent {
                room: self.key,
                participant: key,
            });
        }
        Ok(())
    }

    /// Until when the participant behind this transport must be slowed.
    pub(super) fn slow_until(&self, peer: PeerKey) -> Option<Instant> {
        let index = self.roster.peer_index(peer)?;
        let participant = self.roster.peers.get(index)?.participant;
        let sender = self.roster.participants.get(participant)?;
        sender.bucket.slow_until().max(sender.reader_rests)
    }

    /// A data packet of the server's own; sent as it is, whatever its size.
    pub(super) fn send_data(
        &mut self,
        to: &DataTarget,
        channel: Channel,
        payload: &Bytes,
        now: Instant,
    ) {
        let nonce = wire::scan(payload).and_then(|scanned| scanned.nonce);
        if nonce.is_some_and(|nonce| self.nonces.is_known(nonce, now)) {
            return;
        }
        let recipients = match to {
            DataTarget::All => Recipients::All,
            DataTarget::Some(keys) => Recipients::Some(keys.clone()),
        };
        self.deliver(None, &recipients, channel, payload);
        if channel == Channel::Reliable {
            let payload = payload.clone();
            self.hold(Held {
                at: now,
                sender: None,
                sequence: 0,
                recipients,
                payload,
            });
        }
    }

    /// The channel of a joiner is open: it gets what was sent to it since it joined and is still
    /// held.
    pub(super) fn open_channel(&mut self, peer: PeerKey, channel: Channel, now: Instant) {
        let Some(entry) = self.roster.peer_mut(peer) else {
            return;
        };
        let (was_open, owner) = (entry.is_open(channel), entry.participant);
        entry.open_channel(channel);
        if was_open || !entry.is_downstream() || channel != Channel::Reliable {
            return;
        }
        let Some(participant) = self.roster.participants.get(owner) else {
            return;
        };
        let (key, joined) = (participant.key, participant.joined);
        self.replay(peer, key, now, |held| held.at >= joined);
    }

    /// After a resume: what the subscriber has not seen. Messages without a sequence are not
    /// repeated, because nobody could tell the copy.
    pub(super) fn replay_data(
        &mut self,
        subscriber: ParticipantKey,
        seen: &[(ParticipantSid, u32)],
        now: Instant,
    ) {
        let Some(index) = self.roster.participant_index(subscriber) else {
            return;
        };
        let Some(peer) = self.roster.data_peer(index, Channel::Reliable) else {
            return;
        };
        self.replay(peer, subscriber, now, |held| {
            let Some((_, sid)) = &held.sender else {
                return false;
            };
            let last = seen
                .iter()
                .find(|(known, _)| known == sid)
                .map_or(0, |(_, last)| *last);
            held.sequence > last
        });
    }

    fn replay(
        &mut self,
        peer: PeerKey,
        to: ParticipantKey,
        now: Instant,
        is_missing: impl Fn(&Held) -> bool,
    ) {
        self.held.expire(now);
        let reader = self.roster.participant_index(to);
        let Some(reader) = reader.and_then(|index| self.roster.participants.get(index)) else {
            return;
        };
        for held in self.held.iter() {
            let is_own = held
                .sender
                .as_ref()
                .is_some_and(|(sender, _)| *sender == to);
            if !is_own && reader.hears(&held.recipients) && is_missing(held) {
                let (channel, payload) = (Channel::Reliable, held.payload.clone());
                self.outputs.push_back(Output::Data {
                    peer,
                    channel,
                    payload,
                });
            }
        }
    }

    fn refuse_duplicates(
        &mut self,
        sender: usize,
        channel: Channel,
        scanned: &Scanned<'_>,
        now: Instant,
    ) -> Result<(), DataRefusal> {
        if let Some(participant) = self.roster.participants.get_mut(sender)
            && channel == Channel::Reliable
            && scanned.sequence != 0
        {
            if scanned.sequence <= participant.data_sequence {
                return Err(DataRefusal::Duplicate);
            }
            participant.data_sequence = scanned.sequence;
        }
        match scanned.nonce {
            Some(nonce) if self.nonces.is_known(nonce, now) => Err(DataRefusal::Duplicate),
            _ => Ok(()),
        }
    }

    /// Everyone who may have metrics.
    fn metrics_recipients(&self) -> Recipients {
        let indices = self.roster.participant_indices();
        let participants = indices.filter_map(|index| self.roster.participants.get(index));
        let receiving = participants.filter(|participant| participant.data_role.receives_metrics);
        Recipients::Some(receiving.map(|participant| participant.key).collect())
    }

    /// Everyone whom the packet names, or everyone.
    fn recipients(&self, scanned: &Scanned<'_>) -> Recipients {
        if scanned.identities.is_empty() && scanned.sids.is_empty() {
            return Recipients::All;
        }
        let indices = self.roster.participant_indices();
        let participants = indices.filter_map(|index| self.roster.participants.get(index));
        let named = participants.filter(|participant| {
            scanned
                .identities
                .contains(&participant.identity.as_str().as_bytes())
                || scanned.sids.contains(&participant.sid.as_str().as_bytes())
        });
        Recipients::Some(named.map(|participant| participant.key).collect())
    }

    pub(super) fn deliver(
        &mut self,
        sender: Option<usize>,
        recipients: &Recipients,
        channel: Channel,
        payload: &Bytes,
    ) {
        let mut rests = None;
        for index in self.roster.participant_indices() {
            let Some(participant) = self.roster.participants.get(index) else {
                continue;
            };
            if sender == Some(index) || !participant.hears(recipients) {
                continue;
            }
            if let Some(peer) = self.roster.data_peer(index, channel) {
                if channel == Channel::Reliable {
                    let entry = self.roster.peer_index(peer);
                    let entry = entry.and_then(|index| self.roster.peers.get(index));
                    rests = rests.max(entry.and_then(|entry| entry.data_rests));
                }
                self.outputs.push_back(Output::Data {
                    peer,
                    channel,
                    payload: payload.clone(),
                });
            }
        }
        let sender = sender.and_then(|index| self.roster.participants.get_mut(index));
        if let Some(sender) = sender {
            sender.reader_rests = sender.reader_rests.max(rests);
        }
    }

    pub(super) fn hold(&mut self, message: Held) {
        self.held.hold(message);
        self.timers.held = timers::earliest(self.timers.held, self.held.due());
    }
}
