//! The transport a client offers: what is being negotiated and what each section is used for.

use crate::limits::{MAX_CANDIDATE_BYTES, MAX_CANDIDATES, MAX_SECTIONS};
use crate::sdp::{Description, Section, SectionKind};
use media::{Kind, Mid, Rid};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use vocab::{PeerKey, TrackKey};

/// Offers that may wait for their answer at once; clients send one at a time. Beyond it the
/// client's state is not ours any more and it is told to connect anew.
pub(crate) const MAX_OFFERS_WAITING: usize = 4;

/// What a section is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SectionUse {
    /// Data channels.
    Data,
    /// The client would receive here; it was last answered inactive.
    Idle(Kind),
    /// Nothing is shown here any more, but the client still thinks so: it must be answered
    /// inactive once, or libwebrtc fires no track event for what comes next.
    Draining(Kind),
    /// A track is shown here.
    Showing(TrackKey),
    /// A track arrives here.
    Publishing(TrackKey),
    /// Something arrives here that nobody has announced; by its msid's track id.
    Unclaimed(Kind, Option<String>),
    /// Given up by the client.
    Dead,
}

/// An offer that the media plane is answering.
#[derive(Debug)]
pub(crate) struct PendingOffer {
    pub(crate) negotiation: u32,
    /// The client's number for it; the answer repeats it.
    pub(crate) id: u32,
    pub(crate) sdp: String,
    pub(crate) description: Description,
}

/// How many sections the client has been asked for (v1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) audios: usize,
    pub(crate) videos: usize,
}

/// A client-offered transport.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) peer: PeerKey,
    pub(crate) connected: bool,
    /// An answer has been sent.
    pub(crate) answered: bool,
    /// The sections wanted, until an offer brings them.
    pub(crate) asked: Option<Asked>,
    /// Sections in which the client receives, as of its last answered offer.
    pub(crate) receiving: Asked,
    pub(crate) sections: BTreeMap<Mid, SectionUse>,
    /// What arrives in a section: mime type and simulcast streams.
    arriving: BTreeMap<Mid, (String, Vec<Rid>)>,
    /// Codec names the client listed, per section.
    listed: BTreeMap<Mid, Vec<String>>,
    offers: VecDeque<PendingOffer>,
    last_negotiation: u32,
    ufrag: String,
    candidates: BTreeSet<String>,
    /// WHIP and WHEP: the offer that is in force, for an ICE restart to repeat.
    pub(crate) accepted: String,
    /// The client's ufrag before a restart that is not answered yet.
    restarting: Option<String>,
}

impl Upstream {
    /// Nothing negotiated.
    pub(crate) fn new(peer: PeerKey) -> Self {
        Self {
            peer,
            connected: false,
            answered: false,
            asked: None,
            receiving: Asked::default(),
            sections: BTreeMap::new(),
            arriving: BTreeMap::new(),
            listed: BTreeMap::new(),
            offers: VecDeque::new(),
            last_negotiation: 0,
            ufrag: String::new(),
            candidates: BTreeSet::new(),
            accepted: String::new(),
            restarting: None,
        }
    }

    /// The offers from here to the next answer are an ICE restart; `ufrag` is what it leaves.
    pub(crate) fn begin_restart(&mut self, ufrag: String) {
        self.restarting = Some(ufrag);
    }

    /// Whether an ICE restart waits for its answer.
    pub(crate) fn is_restarting(&self) -> bool {
        self.restarting.is_some()
    }

    /// The restart is answered; after a refusal the client's old credentials stay in force. False
    /// when there was none.
    pub(crate) fn end_restart(&mut self, is_refused: bool) -> bool {
        let Some(old) = self.restarting.take() else {
            return false;
        };
        if is_refused {
            self.ufrag = old;
            self.offers.clear();
        }
        true
    }

    /// Remembers an offer; its negotiation's number, or `None` at [`MAX_OFFERS_WAITING`].
    pub(crate) fn offered(
        &mut self,
        id: u32,
        sdp: String,
        description: Description,
    ) -> Option<u32> {
        if self.offers.len() >= MAX_OFFERS_WAITING {
            return None;
        }
        let ufrag = description.ice_ufrag().unwrap_or_default();
        if self.ufrag != ufrag {
            ufrag.clone_into(&mut self.ufrag);
            self.candidates.clear();
        }
        self.last_negotiation = self.last_negotiation.wrapping_add(1);
        let negotiation = self.last_negotiation;
        self.offers.push_back(PendingOffer {
            negotiation,
            id,
            sdp,
            description,
        });
        Some(negotiation)
    }

    /// The offer that an answer belongs to; older ones are forgotten.
    pub(crate) fn take_offer(&mut self, negotiation: u32) -> Option<PendingOffer> {
        let at = self
            .offers
            .iter()
            .position(|offer| offer.negotiation == negotiation)?;
        self.offers.drain(..at);
        self.offers.pop_front()
    }

    /// Whether an answer is on its way.
    pub(crate) fn is_negotiating(&self) -> bool {
        !self.offers.is_empty()
    }

    /// The ICE user name fragment of the client's last offer.
    pub(crate) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// Whether a candidate is new and within the limits of one ICE session.
    pub(crate) fn admits_candidate(&mut self, candidate: &str) -> bool {
        candidate.len() <= MAX_CANDIDATE_BYTES
            && self.candidates.len() < MAX_CANDIDATES
            && self.candidates.insert(candidate.to_owned())
    }

    /// What arrives in a section, as last answered.
    pub(crate) fn arriving(&self, mid: Mid) -> (String, Vec<Rid>) {
        self.arriving.get(&mid).cloned().unwrap_or_default()
    }

    /// Records what arrives in a section.
    pub(crate) fn set_arriving(&mut self, mid: Mid, mime: String, rids: Vec<Rid>) {
        self.arriving.insert(mid, (mime, rids));
    }

    /// Records the codecs the client listed in its sections.
    pub(crate) fn set_listed(&mut self, offer: &Description) {
        for section in offer.sections() {
            if let Some(mid) = section.mid() {
                let names = section
                    .formats()
                    .iter()
                    .map(|f| f.name.to_owned())
                    .collect();
                self.listed.insert(mid, names);
            }
        }
    }

    /// Whether the client listed a codec in a section.
    pub(crate) fn lists(&self, mid: Mid, kind: Kind, mime: &str) -> bool {
        let wanted = needed_codec(kind, mime);
        let names = self.listed.get(&mid);
        wanted.is_empty()
            || names.is_some_and(|names| names.iter().any(|n| n.eq_ignore_ascii_case(wanted)))
    }

    /// Sections that can show a track of this kind after one more answer, or two.
    pub(crate) fn free(&self, kind: Kind) -> usize {
        let is_free = |using: &&SectionUse| {
            **using == SectionUse::Idle(kind) || **using == SectionUse::Draining(kind)
        };
        self.sections.values().filter(is_free).count()
    }

    /// Whether the client shows something that has ended.
    pub(crate) fn is_draining(&self) -> bool {
        self.sections
            .values()
            .any(|using| matches!(using, SectionUse::Draining(_)))
    }

    /// Sections that may still be added.
    pub(crate) fn room_for_sections(&self) -> usize {
        MAX_SECTIONS.saturating_sub(self.sections.len())
    }

    /// Sections in which the client receives, by kind.
    pub(crate) fn receiving(description: &Description) -> Asked {
        let count = |kind| {
            let receives = |section: &&Section| {
                section_kind(section) == Some(kind) && section.direction().receives()
            };
            description.sections().iter().filter(receives).count()
        };
        Asked {
            audios: count(Kind::Audio),
            videos: count(Kind::Video),
        }
    }

    /// The track shown in a section is over.
    pub(crate) fn release(&mut self, mid: Mid, kind: Kind) {
        if let Some(using) = self.sections.get_mut(&mid) {
            *using = SectionUse::Draining(kind);
        }
    }
}

/// Audio or video; other sections carry no media.
pub(crate) fn section_kind(section: &Section) -> Option<Kind> {
    match section.kind() {
        SectionKind::Audio => Some(Kind::Audio),
        SectionKind::Video => Some(Kind::Video),
        SectionKind::Application | SectionKind::Other => None,
    }
}

/// The codec name a section must list for a track of this mime type; empty when any will do. RED
/// is asked of Opus, which it wraps: every client that reads RED lists it, and one that does not
/// still lists Opus.
pub(crate) fn needed_codec(kind: Kind, mime: &str) -> &str {
    match (kind, mime.rsplit('/').next().unwrap_or_default()) {
        (Kind::Audio, "red") => "opus",
        (_, name) => name,
    }
}
