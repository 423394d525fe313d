//! What rooms ask of the media plane and what it answers, noted of the attempt that it concerns.

use ::media::plane::{ParticipantSpec, PathKind, PathReport, PeerFailure, PeerRole, PeerSpec};
use ::media::{MediaCommand, MediaEvent};
use attempt::{Direction, Ended, Failure, Kind, Pair, Protocol, Record, Transport};
use logbook::{AttemptKey, Logbook};
use std::collections::HashMap;
use vocab::{ParticipantKey, PeerKey, RoomKey, RoomSid, TrackKey, UnixMillis};

/// Who is whose attempt. Keys of all rooms are drawn from one source, and what ends takes its
/// entries with it: the tables are as large as the rooms.
#[derive(Debug)]
pub(crate) struct Attempts {
    logbook: Logbook,
    /// The attempt that is joining in this very call.
    joining: Option<AttemptKey>,
    participants: HashMap<ParticipantKey, (RoomKey, AttemptKey)>,
    peers: HashMap<PeerKey, Place>,
    tracks: HashMap<TrackKey, (ParticipantKey, AttemptKey)>,
}

/// A transport's place.
#[derive(Debug)]
struct Place {
    participant: ParticipantKey,
    attempt: AttemptKey,
    transport: usize,
    /// The client's offer, until it is answered.
    offer: Option<String>,
}

impl Attempts {
    pub(crate) fn new(logbook: Logbook) -> Self {
        Self {
            logbook,
            joining: None,
            participants: HashMap::new(),
            peers: HashMap::new(),
            tracks: HashMap::new(),
        }
    }

    /// Whoever is added until [`Self::end`] is this attempt's.
    pub(crate) fn begin(&mut self, attempt: AttemptKey) {
        self.joining = Some(attempt);
    }

    /// The call is over.
    pub(crate) fn end(&mut self) {
        self.joining = None;
    }

    pub(crate) fn note_command(&mut self, command: &MediaCommand) {
        match command {
            MediaCommand::OpenPeer { peer, .. } => self.open(peer),
            MediaCommand::AcceptOffer { peer, sdp, .. } => {
                if let Some(place) = self.peers.get_mut(peer) {
                    place.offer = Some(sdp.clone());
                }
                self.on(*peer, |transport, _| count_candidates(transport, sdp));
            }
            MediaCommand::MakeOffer { peer, .. } => self.on(*peer, |transport, now| {
                if transport.described_at.is_none() {
                    transport.unanswered_since.get_or_insert(now);
                }
            }),
            MediaCommand::AcceptAnswer { peer, sdp, .. } => {
                self.on(*peer, |transport, _| count_candidates(transport, sdp));
            }
            MediaCommand::AddCandidate {
                peer, candidate, ..
            } => self.on(*peer, |transport, _| transport.candidates.count(candidate)),
            MediaCommand::PublishTrack { track, .. } => {
                let Some((_, attempt)) = self.participants.get(&track.publisher) else {
                    return;
                };
                let attempt = *attempt;
                self.tracks.insert(track.key, (track.publisher, attempt));
                let (key, muted, kind) = (track.key, track.muted, kind(track.kind));
                self.logbook.note(attempt, |record, now| {
                    record.media.publish(key, kind, muted, now);
                });
            }
            MediaCommand::SetTrackMuted { track, muted, .. } => {
                self.on_track(*track, |record, now| record.media.mute(*track, *muted, now));
            }
            MediaCommand::UnpublishTrack { track, .. } => {
                self.on_track(*track, |record, _| record.media.unpublish(*track));
                self.tracks.remove(track);
            }
            MediaCommand::ClosePeer { peer, .. } => {
                self.peers.remove(peer);
            }
            MediaCommand::RemoveParticipant { participant, .. } => self.leave(*participant),
            MediaCommand::CloseRoom { room } => self.close(*room),
            _ => {}
        }
    }

    pub(crate) fn note_event(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Answered { peer, sdp, .. } => {
                let offer = self
                    .peers
                    .get_mut(peer)
                    .and_then(|place| place.offer.take());
                self.on(*peer, |transport, now| {
                    if let Some(offer) = &offer {
                        transport.sections = attempt::sections(offer, sdp);
                    }
                    transport.refused = false;
                    transport.set_local(attempt::candidates_of(sdp));
                    transport.described(now);
                });
            }
            MediaEvent::Offered { peer, sdp, .. } => {
                self.on(*peer, |transport, _| {
                    transport.set_local(attempt::candidates_of(sdp));
                });
            }
            MediaEvent::AnswerAccepted { peer, .. } => {
                self.on(*peer, Transport::described);
            }
            MediaEvent::NegotiationFailed { peer, .. } => {
                self.on(*peer, |transport, _| transport.refused = true);
            }
            MediaEvent::PeerConnected { peer, .. } => self.on(*peer, |transport, now| {
                transport.connected_at.get_or_insert(now);
            }),
            MediaEvent::PeerFailed { peer, cause, .. } => {
                self.on(*peer, |transport, now| {
                    transport.failure = Some(failure(*cause, now));
                });
                self.peers.remove(peer);
            }
            MediaEvent::PathSeen { peer, report, .. } => {
                self.on(*peer, |transport, now| merge(transport, report, now));
            }
            MediaEvent::TrackFlowing { track, .. } => {
                self.on_track(*track, |record, now| record.media.flows(*track, now));
            }
            _ => {}
        }
    }

    /// The attempt that joins became a participant of this room, in this life of it.
    pub(crate) fn enter(
        &mut self,
        room: RoomKey,
        participant: &ParticipantSpec,
        session: Option<&RoomSid>,
    ) {
        let Some(attempt) = self.joining else { return };
        self.participants.insert(participant.key, (room, attempt));
        self.logbook.note(attempt, |record, now| {
            record.set_sid(
                participant.sid.as_str(),
                session.map_or("", |sid| sid.as_str()),
            );
            record.admission = Some(attempt::Admission::Admitted(now));
        });
    }

    fn open(&mut self, peer: &PeerSpec) {
        let Some((_, attempt)) = self.participants.get(&peer.participant) else {
            return;
        };
        let (attempt, mut place) = (*attempt, None);
        let transport = Transport {
            direction: direction(peer.role),
            ..Transport::default()
        };
        self.logbook
            .note(attempt, |record, _| place = record.add_transport(transport));
        if let Some(transport) = place {
            let place = Place {
                participant: peer.participant,
                attempt,
                transport,
                offer: None,
            };
            self.peers.insert(peer.key, place);
        }
    }

    fn leave(&mut self, participant: ParticipantKey) {
        if let Some((_, attempt)) = self.participants.remove(&participant) {
            self.logbook.note(attempt, |record, now| {
                record.ended.get_or_insert(Ended { at: now });
            });
        }
        self.peers
            .retain(|_, place| place.participant != participant);
        self.tracks.retain(|_, (owner, _)| *owner != participant);
    }

    /// A room that broke asks for nothing else.
    fn close(&mut self, room: RoomKey) {
        let left = self.participants.iter().filter(|(_, (of, _))| *of == room);
        for participant in left.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.leave(participant);
        }
    }

    fn on(&self, peer: PeerKey, note: impl FnOnce(&mut Transport, UnixMillis)) {
        let Some(place) = self.peers.get(&peer) else {
            return;
        };
        self.logbook.note(place.attempt, |record, now| {
            if let Some(transport) = record.transports.get_mut(place.transport) {
                note(transport, now);
            }
        });
    }

    fn on_track(&self, track: TrackKey, note: impl FnOnce(&mut Record, UnixMillis)) {
        if let Some((_, attempt)) = self.tracks.get(&track) {
            self.logbook.note(*attempt, note);
        }
    }
}

fn merge(transport: &mut Transport, report: &PathReport, now: UnixMillis) {
    for seen in report.pairs.iter().take(attempt::MAX_PAIRS) {
        let known = transport
            .pairs
            .iter()
            .find(|pair| pair.remote == seen.remote);
        let pair = Pair {
            remote: seen.remote,
            protocol: match seen.kind {
                PathKind::Udp => Protocol::Udp,
                PathKind::Tcp => Protocol::Tcp,
            },
            at: known.map_or(now, |pair| pair.at),
            checks: seen.checks,
            answered: seen.answered,
            nominated: seen.nominated,
        };
        transport.pairs.retain(|pair| pair.remote != seen.remote);
        transport.pairs.push(pair);
    }
    let dtls = &mut transport.dtls;
    let has_begun = report.dtls.received > 0 || report.dtls.sent > 0;
    dtls.begun_at = dtls.begun_at.or(has_begun.then_some(now));
    dtls.received = report.dtls.received;
    dtls.largest_received = report.dtls.largest_received;
    dtls.sent = report.dtls.sent;
    dtls.largest_sent = report.dtls.largest_sent;
    dtls.unreadable = report.dtls.unreadable;
    transport.packets_up = report.packets_up;
    transport.packets_down = report.packets_down;
    if report.packets_down > 0 {
        transport.down_since.get_or_insert(now);
    }
    transport.reported |= report.reported;
}

fn count_candidates(transport: &mut Transport, sdp: &str) {
    // A description repeats them with every section; the first is enough.
    transport.candidates = attempt::Candidates::default();
    let mut seen: Vec<&str> = Vec::new();
    for line in sdp.lines().filter(|line| line.starts_with("a=candidate:")) {
        if !seen.contains(&line) && seen.len() < MAX_CANDIDATES_READ {
            seen.push(line);
            transport.candidates.count(line);
        }
    }
}

/// Most candidate lines of one description that are looked at; more say nothing new.
const MAX_CANDIDATES_READ: usize = 64;

fn direction(role: PeerRole) -> Direction {
    match role {
        PeerRole::Single => Direction::Both,
        PeerRole::Publisher | PeerRole::Whip => Direction::Up,
        PeerRole::Subscriber | PeerRole::Whep => Direction::Down,
    }
}

fn kind(kind: ::media::Kind) -> Kind {
    match kind {
        ::media::Kind::Audio => Kind::Audio,
        ::media::Kind::Video => Kind::Video,
    }
}

fn failure(cause: PeerFailure, now: UnixMillis) -> Failure {
    match cause {
        PeerFailure::IceTimeout => Failure::NoPath(now),
        PeerFailure::IceDisconnected => Failure::PathLost(now),
        PeerFailure::Dtls => Failure::Dtls(now),
        PeerFailure::ClosedByPeer => Failure::Closed(now),
        PeerFailure::Fault => Failure::Fault(now),
    }
}
