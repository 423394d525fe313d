//! The transport the box offers (v0's subscriber connection): one offer outstanding, changes
//! between two offers told together.

use crate::limits::{MAX_CANDIDATE_BYTES, MAX_CANDIDATES, MAX_SECTIONS};
use crate::sdp::{Description, SectionPlan, SectionRole};
use media::plane::{NewSection, OfferChange};
use media::{Kind, Mid};
use std::collections::{BTreeMap, BTreeSet};
use vocab::{PeerKey, TrackKey};

/// What a section says it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) track: TrackKey,
    pub(crate) kind: Kind,
    /// msid's stream, `PA_…|TR_…`.
    pub(crate) stream: String,
    /// msid's track.
    pub(crate) sid: String,
    pub(crate) stereo: bool,
}

impl Shown {
    fn role(&self) -> SectionRole {
        SectionRole::Subscribe {
            stream: self.stream.clone(),
            track: self.sid.clone(),
            stereo: self.stereo,
        }
    }
}

/// A section as of the last accepted answer.
#[derive(Debug)]
pub(crate) struct DownSection {
    kind: Kind,
    shown: Option<Shown>,
    /// What it showed before it fell silent. The Rust SDK announces no track when the same one
    /// comes back in the section it left, so that section waits for another.
    last: Option<TrackKey>,
    /// Offers in a row in which it was silent.
    silent: u32,
}

/// Offers in a row that may say that a section is silent before a pion client shows nothing in it
/// any more: it closes the section's receiver at each, and makes a new one at the first only.
///
/// Source: pion/webrtc 4.2.17, `SetRemoteDescription` and `configureRTPReceivers`.
const MAX_SILENT_FOR_PION: u32 = 1;

/// Our unanswered offer.
#[derive(Debug)]
pub(crate) struct Outstanding {
    /// Its number for the client, from 1.
    pub(crate) id: u32,
    pub(crate) negotiation: u32,
    /// Sections being added, in order; their mids come with the offer.
    adds: Vec<Shown>,
    reuses: Vec<(Mid, Shown)>,
    drops: Vec<Mid>,
    added: Vec<(Mid, Shown)>,
    sent: bool,
    answer: Option<Description>,
}

/// A box-offered transport.
#[derive(Debug)]
pub(crate) struct Downstream {
    pub(crate) peer: PeerKey,
    pub(crate) connected: bool,
    /// The client is pion (the Go SDK, and what is made with it).
    is_pion: bool,
    /// Wanted with the next offer.
    ice_restart: bool,
    pub(crate) outstanding: Option<Outstanding>,
    sections: BTreeMap<Mid, DownSection>,
    last_id: u32,
    last_negotiation: u32,
    candidates: BTreeSet<String>,
}

impl Downstream {
    /// Nothing offered.
    pub(crate) fn new(peer: PeerKey, is_pion: bool) -> Self {
        Self {
            peer,
            connected: false,
            is_pion,
            ice_restart: false,
            outstanding: None,
            sections: BTreeMap::new(),
            last_id: 0,
            last_negotiation: 0,
            candidates: BTreeSet::new(),
        }
    }

    /// Begins an offer that shows `waiting` and no longer shows what `is_over`; `None` when
    /// nothing changes or an offer is outstanding. The first offer, with the data channels
    /// alone, always has something to say. Tracks beyond [`MAX_SECTIONS`] wait for a section.
    pub(crate) fn begin(
        &mut self,
        waiting: Vec<Shown>,
        is_over: impl Fn(TrackKey, Mid) -> bool,
    ) -> Option<(u32, OfferChange)> {
        if self.outstanding.is_some() {
            return None;
        }
        let mut free: Vec<(Mid, Kind, Option<TrackKey>, bool)> = Vec::new();
        let mut drops = Vec::new();
        for (mid, section) in &self.sections {
            match &section.shown {
                None => {
                    let is_dead = self.is_pion && section.silent > MAX_SILENT_FOR_PION;
                    free.push((*mid, section.kind, section.last, is_dead));
                }
                Some(shown) if is_over(shown.track, *mid) => drops.push(*mid),
                Some(_) => {}
            }
        }
        let mut adds = Vec::new();
        let mut reuses = Vec::new();
        for shown in waiting {
            let has_room = self.sections.len().saturating_add(adds.len()) < MAX_SECTIONS - 1;
            let fits = |(_, kind, last, is_dead): &(Mid, Kind, Option<TrackKey>, bool)| {
                let is_avoided = *last == Some(shown.track) || *is_dead;
                *kind == shown.kind && (!is_avoided || !has_room)
            };
            if let Some(at) = free.iter().position(fits) {
                reuses.push((free.remove(at).0, shown));
            } else if has_room {
                adds.push(shown);
            }
        }
        let is_first = self.last_id == 0;
        let says_nothing = adds.is_empty() && reuses.is_empty() && drops.is_empty();
        if says_nothing && !self.ice_restart && !is_first {
            return None;
        }
        self.last_negotiation = self.last_negotiation.wrapping_add(1);
        self.last_id = self.last_id.saturating_add(1);
        let ice_restart = std::mem::take(&mut self.ice_restart);
        if ice_restart {
            self.candidates.clear();
        }
        let change = OfferChange {
            add: adds.iter().map(new_section).collect(),
            deactivate: drops.clone(),
            reactivate: reuses.iter().map(|(mid, _)| *mid).collect(),
            ice_restart,
        };
        let (id, negotiation) = (self.last_id, self.last_negotiation);
        self.outstanding = Some(Outstanding {
            id,
            negotiation,
            adds,
            reuses,
            drops,
            added: Vec::new(),
            sent: false,
            answer: None,
        });
        Some((negotiation, change))
    }

    /// The tracks of the outstanding offer that were not in the one before.
    pub(crate) fn placing(&self) -> impl Iterator<Item = TrackKey> {
        let outstanding = self.outstanding.iter();
        outstanding.flat_map(|offer| {
            let reused = offer.reuses.iter().map(|(_, shown)| shown.track);
            offer.adds.iter().map(|shown| shown.track).chain(reused)
        })
    }

    /// The media plane wrote the offer: the client's number for it, what every section is to
    /// say, and which track is where. `None` when it is not the outstanding one.
    pub(crate) fn offered(
        &mut self,
        negotiation: u32,
        mids: &[Mid],
    ) -> Option<(u32, Vec<SectionPlan>, BTreeMap<Mid, String>)> {
        let offer = self
            .outstanding
            .as_mut()
            .filter(|offer| offer.negotiation == negotiation)?;
        offer.added = mids
            .iter()
            .copied()
            .zip(std::mem::take(&mut offer.adds))
            .collect();
        offer.sent = true;
        let mut plans = Vec::new();
        let mut tracks = BTreeMap::new();
        let mut plan = |mid: Mid, shown: Option<&Shown>| {
            let role = shown.map_or(SectionRole::Inactive, Shown::role);
            plans.push(SectionPlan { mid, role });
            if let Some(shown) = shown {
                tracks.insert(mid, shown.sid.clone());
            }
        };
        for (mid, section) in &self.sections {
            let reused = offer.reuses.iter().find(|(reused, _)| reused == mid);
            let kept = section
                .shown
                .as_ref()
                .filter(|_| !offer.drops.contains(mid));
            plan(*mid, reused.map(|(_, shown)| shown).or(kept));
        }
        for (mid, shown) in &offer.added {
            plan(*mid, Some(shown));
        }
        Some((offer.id, plans, tracks))
    }

    /// The client answered. Rust's clients answer every offer with id 0. The negotiation's
    /// number, or `None` when the answer belongs to no offer of ours.
    pub(crate) fn answered(&mut self, id: u32, answer: Description) -> Option<u32> {
        let offer = self.outstanding.as_mut()?;
        let fits = offer.sent && offer.answer.is_none() && (id == 0 || id == offer.id);
        fits.then(|| {
            offer.answer = Some(answer);
            offer.negotiation
        })
    }

    /// Forgets an offer that the client may never have seen, and asks for new ICE credentials. One
    /// whose answer is with the media plane already is waited for; the restart follows it. True
    /// when an offer was forgotten.
    pub(crate) fn restart(&mut self) -> bool {
        self.ice_restart = true;
        self.outstanding
            .take_if(|offer| offer.answer.is_none())
            .is_some()
    }

    /// The answer fits: what is newly shown, each with the client's section.
    pub(crate) fn accepted(
        &mut self,
        negotiation: u32,
    ) -> Option<(Vec<(Mid, Shown)>, Description)> {
        let offer = self
            .outstanding
            .take_if(|offer| offer.negotiation == negotiation)?;
        for section in self.sections.values_mut().filter(|s| s.shown.is_none()) {
            section.silent = section.silent.saturating_add(1);
        }
        for mid in offer.drops {
            if let Some(section) = self.sections.get_mut(&mid) {
                section.last = section.shown.take().map(|shown| shown.track);
                section.silent = 1;
            }
        }
        let placed: Vec<(Mid, Shown)> = offer.reuses.into_iter().chain(offer.added).collect();
        for (mid, shown) in &placed {
            let (kind, shown) = (shown.kind, Some(shown.clone()));
            let section = DownSection {
                kind,
                shown,
                last: None,
                silent: 0,
            };
            self.sections.insert(*mid, section);
        }
        Some((placed, offer.answer?))
    }

    /// Whether a candidate is new and within the limits of one ICE session.
    pub(crate) fn admits_candidate(&mut self, candidate: &str) -> bool {
        candidate.len() <= MAX_CANDIDATE_BYTES
            && self.candidates.len() < MAX_CANDIDATES
            && self.candidates.insert(candidate.to_owned())
    }
}

fn new_section(shown: &Shown) -> NewSection {
    NewSection {
        kind: shown.kind,
        stream: shown.stream.clone(),
        track: shown.sid.clone(),
    }
}
