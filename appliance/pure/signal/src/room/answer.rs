//! A client's offer, and our answer: which section publishes which track, which one shows which.

use super::subscribe::Waiting;
use super::timers::Timer;
use super::{Participant, Room};
use crate::now::Now;
use crate::participant::Link;
use crate::sdp::{
    Description, Direction, RidDirection, Section, SectionKind, SectionPlan, SectionRole,
    edit_answer,
};
use crate::subscription::Place;
use crate::track::mime_of_section;
use crate::upstream::{SectionUse, Upstream, section_kind};
use domain::EndReason;
use livekit_protocol::SessionDescription;
use livekit_protocol::signal_response::Message;
use media::plane::PeerRole;
use media::{Kind, MediaCommand, Mid, Rid};
use std::collections::BTreeMap;
use vocab::{ParticipantKey, PeerKey, TrackKey};

/// What an offer changes.
#[derive(Debug, Default)]
struct Changes {
    published: Vec<(TrackKey, Mid)>,
    ended: Vec<TrackKey>,
    shown: Vec<(TrackKey, Mid)>,
    lost: Vec<TrackKey>,
    refused: Vec<TrackKey>,
}

impl Room {
    /// A client offers. The transport is opened with the first offer: one that is never offered
    /// (v0 without publishing) never is.
    pub(super) fn client_offer(
        &mut self,
        key: ParticipantKey,
        offer: SessionDescription,
        now: Now,
    ) {
        let Ok(description) = Description::parse(&offer.sdp) else {
            self.full_reconnect(key, EndReason::StateMismatch, now);
            return;
        };
        if self
            .send_offer(key, offer.id, offer.sdp, description)
            .is_none()
        {
            self.full_reconnect(key, EndReason::StateMismatch, now);
        }
    }

    /// Hands an offer to the media plane; `None` when too many wait already.
    pub(super) fn send_offer(
        &mut self,
        key: ParticipantKey,
        id: u32,
        sdp: String,
        description: Description,
    ) -> Option<()> {
        let link = self.roster.get(&key)?.link;
        if self.roster.get(&key)?.up.is_none() {
            let peer = self.open_peer(key, role_of(link));
            self.roster.get_mut(&key)?.up = Some(Upstream::new(peer));
        }
        let participant = self.roster.get_mut(&key)?;
        let early = std::mem::take(&mut participant.early_candidates);
        let up = participant.up.as_mut()?;
        let negotiation = up.offered(id, sdp.clone(), description)?;
        let early: Vec<String> = early
            .into_iter()
            .filter(|c| up.admits_candidate(c))
            .collect();
        let (room, peer) = (self.key, up.peer);
        self.command(MediaCommand::AcceptOffer {
            room,
            peer,
            negotiation,
            sdp,
        });
        for candidate in early {
            self.command(MediaCommand::AddCandidate {
                room,
                peer,
                candidate,
            });
        }
        Some(())
    }

    /// The media plane answered: the answer is edited for this client, sent, and takes effect.
    pub(super) fn media_answered(&mut self, peer: PeerKey, negotiation: u32, sdp: &str, now: Now) {
        let Some(key) = self.peers.get(&peer).copied() else {
            return;
        };
        let waiting = self.waiting(key);
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(up) = participant.up.as_mut().filter(|up| up.peer == peer) else {
            return;
        };
        let Some(offer) = up.take_offer(negotiation) else {
            return;
        };
        up.set_listed(&offer.description);
        let changes = use_sections(participant, &offer.description, &waiting);
        let (plans, tracks) = self.plan(key, &offer.description);
        let Ok(answer) = edit_answer(sdp, &offer.sdp, &plans) else {
            self.refuse_offer(key, now);
            return;
        };
        self.note_answer(key, &offer.description, &answer);
        self.keep_offer(key, offer.sdp);
        self.send_answer(key, offer.id, answer, tracks);
        self.apply(key, changes, now);
    }

    fn refuse_offer(&mut self, key: ParticipantKey, now: Now) {
        if self.roster.get(&key).is_some_and(|p| p.link.signals()) {
            self.full_reconnect(key, EndReason::StateMismatch, now);
        } else {
            self.exchange_failed(key, media::plane::NegotiationFailure::Malformed, now);
        }
    }

    /// What each section of the answer is to say, and which track is where.
    fn plan(
        &self,
        key: ParticipantKey,
        offer: &Description,
    ) -> (Vec<SectionPlan>, BTreeMap<Mid, String>) {
        let mut plans = Vec::new();
        let mut tracks = BTreeMap::new();
        let Some(participant) = self.roster.get(&key) else {
            return (plans, tracks);
        };
        let Some(up) = &participant.up else {
            return (plans, tracks);
        };
        for mid in offer.sections().iter().filter_map(Section::mid) {
            let role = match up.sections.get(&mid) {
                Some(SectionUse::Data) | None => SectionRole::Keep,
                Some(SectionUse::Publishing(track)) => participant
                    .tracks
                    .get(track)
                    .map_or(SectionRole::Inactive, crate::track::Track::publish_role),
                Some(SectionUse::Unclaimed(..)) => SectionRole::Publish {
                    first_codec: None,
                    red: false,
                    stereo: false,
                    dtx: true,
                },
                Some(SectionUse::Showing(track)) => match self.shown(*track) {
                    Some(shown) => {
                        tracks.insert(mid, shown.sid.clone());
                        SectionRole::Subscribe {
                            stream: stream_for(participant, shown.stream),
                            track: shown.sid,
                            stereo: shown.stereo,
                        }
                    }
                    None => SectionRole::Inactive,
                },
                Some(SectionUse::Idle(_) | SectionUse::Draining(_) | SectionUse::Dead) => {
                    SectionRole::Inactive
                }
            };
            plans.push(SectionPlan { mid, role });
        }
        (plans, tracks)
    }

    /// Remembers what the answer settled.
    fn note_answer(&mut self, key: ParticipantKey, offer: &Description, answer: &str) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let is_final = participant.link == Link::Whep;
        let Some(up) = participant.up.as_mut() else {
            return;
        };
        let answer = Description::parse(answer).ok();
        for section in offer
            .sections()
            .iter()
            .filter(|section| section.direction().sends())
        {
            let (Some(mid), Some(kind)) = (section.mid(), section_kind(section)) else {
                continue;
            };
            let answered = answer.as_ref().and_then(|answer| answer.section(mid));
            let mime = answered
                .map(|section| mime_of_section(kind, section))
                .unwrap_or_default();
            up.set_arriving(mid, mime, sent_rids(section));
        }
        for using in up.sections.values_mut() {
            match *using {
                SectionUse::Draining(kind) => *using = SectionUse::Idle(kind),
                // There is no second answer that could make it active.
                SectionUse::Idle(_) if is_final => *using = SectionUse::Dead,
                _ => {}
            }
        }
        up.answered = true;
        up.receiving = Upstream::receiving(offer);
        let has = up.receiving;
        let is_met = |asked: &mut crate::upstream::Asked| {
            has.audios >= asked.audios && has.videos >= asked.videos
        };
        if up.asked.take_if(is_met).is_some() {
            self.timers.clear(Timer::Ask(key));
        }
    }

    fn send_answer(
        &mut self,
        key: ParticipantKey,
        id: u32,
        sdp: String,
        tracks: BTreeMap<Mid, String>,
    ) {
        if !self.roster.get(&key).is_some_and(|p| p.link.signals()) {
            self.exchange_answered(key, sdp);
            return;
        }
        let answer = SessionDescription {
            r#type: "answer".into(),
            sdp,
            id,
            mid_to_track_id: tracks
                .into_iter()
                .map(|(mid, sid)| (mid.to_string(), sid))
                .collect(),
        };
        self.tell(key, Message::Answer(answer));
    }

    fn apply(&mut self, key: ParticipantKey, changes: Changes, now: Now) {
        for track in changes.lost {
            self.lose_section(key, track);
        }
        for track in changes.ended {
            self.end_track(key, track, now);
        }
        for (track, mid) in changes.published {
            let up = self.roster.get(&key).and_then(|p| p.up.as_ref());
            let Some((mime, rids)) = up.map(|up| up.arriving(mid)) else {
                continue;
            };
            self.publish(key, track, mid, mime, &rids, now);
        }
        for (track, mid) in changes.shown {
            self.start(key, track, mid);
        }
        for track in changes.refused {
            self.refuse(key, track);
        }
        self.pump(key, now);
    }

    /// The client uses a section differently that showed a track: the track waits for another.
    fn lose_section(&mut self, key: ParticipantKey, track: TrackKey) {
        let Some(watcher) = self.roster.get_mut(&key) else {
            return;
        };
        if let Some(subscription) = watcher.subscriptions.get_mut(&track) {
            subscription.place = Place::Waiting;
            let room = self.key;
            self.command(MediaCommand::Unsubscribe {
                room,
                subscriber: key,
                track,
            });
        }
    }
}

fn role_of(link: Link) -> PeerRole {
    match link {
        Link::Dual => PeerRole::Publisher,
        Link::Single => PeerRole::Single,
        Link::Whip => PeerRole::Whip,
        Link::Whep => PeerRole::Whep,
    }
}

/// WHEP wants one stream for all sections; LiveKit's clients one per track.
fn stream_for(watcher: &Participant, per_track: String) -> String {
    match watcher.link {
        Link::Whep => watcher.sid.to_string(),
        Link::Dual | Link::Single | Link::Whip => per_track,
    }
}

/// Decides anew what every section of an offer is used for.
fn use_sections(
    participant: &mut Participant,
    offer: &Description,
    waiting: &[Waiting],
) -> Changes {
    let mut changes = Changes::default();
    let mut unclaimed = Vec::new();
    for section in offer.sections() {
        let Some(mid) = section.mid() else { continue };
        let before = participant
            .up
            .as_ref()
            .and_then(|up| up.sections.get(&mid).cloned());
        let is_new = !matches!(before, Some(SectionUse::Unclaimed(..)));
        let using = use_section(participant, section, mid, before, &mut changes);
        if is_new && matches!(using, SectionUse::Unclaimed(..)) {
            unclaimed.push(mid);
        }
        if let Some(up) = &mut participant.up {
            up.sections.insert(mid, using);
        }
    }
    claim_by_kind(participant, offer, unclaimed, &mut changes);
    if matches!(participant.link, Link::Single | Link::Whep) {
        show_waiting(participant, offer, waiting, &mut changes);
    }
    changes
}

fn use_section(
    participant: &Participant,
    section: &Section,
    mid: Mid,
    before: Option<SectionUse>,
    changes: &mut Changes,
) -> SectionUse {
    let Some(kind) = section_kind(section) else {
        return match section.kind() {
            SectionKind::Application => SectionUse::Data,
            _ => SectionUse::Dead,
        };
    };
    let direction = if section.is_rejected() {
        Direction::Inactive
    } else {
        section.direction()
    };
    if direction.sends() {
        if let Some(SectionUse::Showing(track)) = before {
            changes.lost.push(track);
        }
        return arriving_use(participant, section, kind, mid, before, changes);
    }
    match before {
        Some(SectionUse::Publishing(track)) => {
            changes.ended.push(track);
            free_use(direction, kind)
        }
        Some(SectionUse::Showing(track)) => {
            let is_live = participant
                .subscriptions
                .get(&track)
                .is_some_and(|subscription| subscription.place == Place::Live(mid));
            if is_live && direction.receives() {
                SectionUse::Showing(track)
            } else if is_live {
                changes.lost.push(track);
                SectionUse::Dead
            } else {
                SectionUse::Draining(kind)
            }
        }
        Some(SectionUse::Draining(kind)) if direction.receives() => SectionUse::Draining(kind),
        _ => free_use(direction, kind),
    }
}

fn free_use(direction: Direction, kind: Kind) -> SectionUse {
    if direction.receives() {
        SectionUse::Idle(kind)
    } else {
        SectionUse::Dead
    }
}

/// A section the client sends in: the track it carries already, the one its msid names, or none
/// that is known.
fn arriving_use(
    participant: &Participant,
    section: &Section,
    kind: Kind,
    mid: Mid,
    before: Option<SectionUse>,
    changes: &mut Changes,
) -> SectionUse {
    let cid = section
        .msid()
        .and_then(|msid| msid.track)
        .map(str::to_owned);
    let named = cid.as_deref().and_then(|cid| {
        let is_named = |track: &&crate::track::Track| {
            track.kind == kind
                && track.mid.is_none()
                && track.is_called(cid)
                && changes
                    .published
                    .iter()
                    .all(|(published, _)| *published != track.key)
        };
        participant
            .tracks
            .values()
            .find(is_named)
            .map(|track| track.key)
    });
    let carried = match before {
        Some(SectionUse::Publishing(track)) => participant.tracks.get(&track),
        _ => None,
    };
    match (carried, named) {
        (Some(track), named) if track.mid.is_none() || named.is_none() => {
            if track.mid.is_none() {
                changes.published.push((track.key, mid));
            }
            SectionUse::Publishing(track.key)
        }
        (carried, Some(track)) => {
            changes.ended.extend(carried.map(|carried| carried.key));
            changes.published.push((track, mid));
            SectionUse::Publishing(track)
        }
        (_, None) => SectionUse::Unclaimed(kind, cid),
    }
}

/// Sections whose msid names no requested track belong to the first requests of their kind.
fn claim_by_kind(
    participant: &mut Participant,
    offer: &Description,
    unclaimed: Vec<Mid>,
    changes: &mut Changes,
) {
    for mid in unclaimed {
        let Some(section) = offer.section(mid) else {
            continue;
        };
        let kind = section_kind(section);
        let is_free = |track: &&mut crate::track::Track| {
            Some(track.kind) == kind
                && track.mid.is_none()
                && changes
                    .published
                    .iter()
                    .all(|(published, _)| *published != track.key)
        };
        let Some(track) = participant.tracks.values_mut().find(is_free) else {
            continue;
        };
        if let Some(cid) = section.msid().and_then(|msid| msid.track) {
            track.set_sdp_cid(cid);
        }
        changes.published.push((track.key, mid));
        let using = SectionUse::Publishing(track.key);
        if let Some(up) = &mut participant.up {
            up.sections.insert(mid, using);
        }
    }
}

/// Puts waiting tracks into free sections, in the order of the offer.
fn show_waiting(
    participant: &mut Participant,
    offer: &Description,
    waiting: &[Waiting],
    changes: &mut Changes,
) {
    let Some(up) = &mut participant.up else {
        return;
    };
    for Waiting { track, kind, mime } in waiting {
        let mids = || offer.sections().iter().filter_map(Section::mid);
        let idle = || mids().filter(|mid| up.sections.get(mid) == Some(&SectionUse::Idle(*kind)));
        let fitting = idle().find(|mid| up.lists(*mid, *kind, mime));
        match fitting {
            Some(mid) => {
                up.sections.insert(mid, SectionUse::Showing(*track));
                changes.shown.push((*track, mid));
            }
            None if idle().next().is_some() => changes.refused.push(*track),
            None => {}
        }
    }
}

/// The simulcast streams a section sends, by name.
fn sent_rids(section: &Section) -> Vec<Rid> {
    section
        .rids()
        .filter(|rid| rid.direction == RidDirection::Send)
        .filter_map(|rid| Rid::new(rid.id))
        .collect()
}
