//! WHIP and WHEP: one offer, one answer, no signalling connection (`livekit.md` §11).

use super::join::Newcomer;
use super::leave::Farewell;
use super::permission::Verdict;
use super::restart::Patched;
use super::timers::{EXCHANGE_TIMEOUT, Timer};
use super::{Participant, Room};
use crate::now::Now;
use crate::output::{ExchangeAnswer, Output};
use crate::participant::Link;
use crate::sdp::{Description, Direction, Section};
use crate::subscription::Subscription;
use crate::upstream::{SectionUse, section_kind};
use auth::{Claims, Source};
use domain::EndReason;
use livekit_protocol::{AddTrackRequest, ClientInfo, TrackSource, TrackType};
use media::plane::NegotiationFailure;
use media::{Kind, MediaCommand, Mid};
use std::collections::BTreeMap;
use vocab::{ErrorKind, Identity, MAX_NAME_BYTES, ParticipantKey, SessionKey, TrackKey};

/// Sections of one kind that a WHIP offer may send: a camera and three more views.
const MAX_WHIP_SECTIONS: usize = 4;

/// Why an offer by WHIP or WHEP was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeRefusal {
    /// Not SDP, or not SDP that WebRTC can use: 400.
    #[error("the offer could not be read as a session description")]
    Malformed,
    /// SDP that fits no rule of the exchange (nothing to send, too many tracks): 422.
    #[error("the offer must hold {wanted}")]
    Unsupported {
        /// What it must hold.
        wanted: &'static str,
    },
    /// The token does not grant it.
    #[error("the token does not grant {0}")]
    NotGranted(&'static str),
    /// Nobody publishes (WHEP): 409 and `Retry-After`.
    #[error("nothing is published in this room yet")]
    NoLiveSource,
    /// The room refuses newcomers.
    #[error(transparent)]
    Join(#[from] super::JoinRefusal),
    /// The media plane did not answer in time, or ended the transport.
    #[error("the media plane could not answer the offer")]
    Unavailable,
}

impl ExchangeRefusal {
    /// What the caller can do about it. `Precondition` is 422, `Conflict` 409.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed => ErrorKind::Invalid,
            Self::Unsupported { .. } => ErrorKind::Precondition,
            Self::NotGranted(_) => ErrorKind::Forbidden,
            Self::NoLiveSource => ErrorKind::Conflict,
            Self::Join(refusal) => refusal.kind(),
            Self::Unavailable => ErrorKind::Unavailable,
        }
    }
}

/// Why a PATCH was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatchExchangeError {
    /// The resource is gone.
    #[error("the session has ended")]
    NotFound,
    /// An earlier restart waits for its answer: 409.
    #[error("an ICE restart is under way; wait for its answer")]
    Restarting,
    /// The first offer is not answered yet, or holds no media: nothing to restart (422).
    #[error("there is no ICE session to restart; post a new offer instead")]
    NothingToRestart,
}

impl PatchExchangeError {
    /// What the caller can do about it. `Precondition` is 422.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Restarting => ErrorKind::Conflict,
            Self::NothingToRestart => ErrorKind::Precondition,
        }
    }
}

/// A trickled piece of SDP, already parsed.
#[derive(Debug, Clone, Default)]
pub struct TrickleFragment {
    /// The fragment's `ice-ufrag` and `ice-pwd`, where given.
    pub credentials: Option<(String, String)>,
    /// `candidate:…` lines, without `a=`.
    pub candidates: Vec<String>,
}

impl Room {
    /// A WHIP offer: a participant that publishes what the offer sends, the first sound as its
    /// microphone, the first picture as its camera. Answered by exactly one
    /// [`Output::Exchange`].
    pub fn handle_whip(&mut self, session: SessionKey, claims: Claims, offer: String, now: Now) {
        if let Err(refusal) = self.try_whip(session, claims, offer, now) {
            self.outputs.push_back(Output::Exchange {
                session,
                result: Err(refusal),
            });
        }
    }

    /// A WHEP offer; `source` picks whose tracks (`?identity=`), otherwise those of the first who
    /// publishes a picture, or sound. When they end, others of the kind take their place in the same
    /// sections; a section that had nothing to show at first stays inactive. Answered by exactly one [`Output::Exchange`].
    pub fn handle_whep(
        &mut self,
        session: SessionKey,
        claims: Claims,
        offer: String,
        source: Option<&str>,
        now: Now,
    ) {
        if let Err(refusal) = self.try_whep(session, claims, offer, source, now) {
            self.outputs.push_back(Output::Exchange {
                session,
                result: Err(refusal),
            });
        }
    }

    fn try_whip(
        &mut self,
        session: SessionKey,
        claims: Claims,
        offer: String,
        now: Now,
    ) -> Result<(), ExchangeRefusal> {
        if !claims.can_publish() {
            return Err(ExchangeRefusal::NotGranted("canPublish"));
        }
        let description = Description::parse(&offer).map_err(|_| ExchangeRefusal::Malformed)?;
        let requests = whip_requests(&description)?;
        let sources = requests
            .iter()
            .map(|(_, _, request)| Source::from_number(request.source));
        for source in sources {
            if !claims.can_publish_source(source) {
                return Err(ExchangeRefusal::NotGranted("canPublishSources"));
            }
        }
        let key = self.enter_exchange(session, Link::Whip, claims, None, now)?;
        let mut uses = Vec::new();
        for (mid, kind, request) in requests {
            let track = self.new_track(key, kind, request);
            uses.push((mid, SectionUse::Publishing(track)));
        }
        self.open_exchange(key, offer, description, uses, now)
    }

    fn try_whep(
        &mut self,
        session: SessionKey,
        claims: Claims,
        offer: String,
        source: Option<&str>,
        now: Now,
    ) -> Result<(), ExchangeRefusal> {
        if !claims.can_subscribe() {
            return Err(ExchangeRefusal::NotGranted("canSubscribe"));
        }
        let description = Description::parse(&offer).map_err(|_| ExchangeRefusal::Malformed)?;
        let receives = |section: &Section| {
            section_kind(section).is_some()
                && !section.is_rejected()
                && section.direction().receives()
        };
        if !description.sections().iter().any(receives) {
            let wanted = "an audio or video section that is received";
            return Err(ExchangeRefusal::Unsupported { wanted });
        }
        let source = source
            .filter(|identity| !identity.is_empty())
            .map(Identity::from);
        let identity = claims.identity().to_owned();
        if !self.has_live_source(&identity, source.as_ref()) {
            return Err(ExchangeRefusal::NoLiveSource);
        }
        let key = self.enter_exchange(session, Link::Whep, claims, source, now)?;
        for (publisher, track, kind) in self.picks(key) {
            if let Some(watcher) = self.roster.get_mut(&key) {
                watcher
                    .subscriptions
                    .insert(track, Subscription::new(track, publisher, kind));
            }
        }
        self.open_exchange(key, offer, description, Vec::new(), now)
    }

    fn enter_exchange(
        &mut self,
        session: SessionKey,
        link: Link,
        mut claims: Claims,
        source: Option<Identity>,
        now: Now,
    ) -> Result<ParticipantKey, ExchangeRefusal> {
        let identity = Identity::from(claims.identity());
        if identity.as_str().is_empty() || identity.as_str().len() > MAX_NAME_BYTES {
            return Err(ExchangeRefusal::NotGranted("an identity"));
        }
        claims.sub = identity.to_string();
        super::metadata::check_texts(&claims.name, &claims.metadata, &claims.attributes)
            .map_err(super::JoinRefusal::from)?;
        self.admit(&identity, &claims)?;
        let newcomer = Newcomer {
            session,
            link,
            identity,
            claims,
            client: ClientInfo::default(),
            ice_lite: self.config.ice_lite,
            auto_subscribe: false,
            auto_subscribe_data: false,
        };
        let key = self.enter(newcomer, now);
        if let Some(participant) = self.roster.get_mut(&key) {
            participant.source = source;
        }
        self.become_joined(key);
        Ok(key)
    }

    fn open_exchange(
        &mut self,
        key: ParticipantKey,
        offer: String,
        description: Description,
        uses: Vec<(Mid, SectionUse)>,
        now: Now,
    ) -> Result<(), ExchangeRefusal> {
        self.timers
            .set(Timer::Exchange(key), now.instant + EXCHANGE_TIMEOUT);
        self.send_offer(key, 0, offer, description)
            .ok_or(ExchangeRefusal::Unavailable)?;
        if let Some(up) = self.roster.get_mut(&key).and_then(|p| p.up.as_mut()) {
            up.sections.extend(uses);
        }
        Ok(())
    }

    /// The answer is ready.
    pub(super) fn exchange_answered(&mut self, key: ParticipantKey, sdp: String) {
        self.timers.clear(Timer::Exchange(key));
        if self.finish_restart(key, Ok(&sdp)) {
            return;
        }
        let Some(session) = self.roster.get(&key).and_then(|p| p.session) else {
            return;
        };
        let description = Description::parse(&sdp).ok();
        let etag = description
            .as_ref()
            .and_then(Description::ice_ufrag)
            .unwrap_or_default();
        let answer = ExchangeAnswer {
            etag: etag.to_owned(),
            sdp,
        };
        self.outputs.push_back(Output::Exchange {
            session,
            result: Ok(answer),
        });
    }

    /// The offer could not be answered.
    pub(super) fn exchange_failed(
        &mut self,
        key: ParticipantKey,
        cause: NegotiationFailure,
        now: Now,
    ) {
        let refusal = match cause {
            NegotiationFailure::Malformed | NegotiationFailure::TooLarge => {
                ExchangeRefusal::Malformed
            }
            NegotiationFailure::NoPendingOffer | NegotiationFailure::Closed => {
                ExchangeRefusal::Unavailable
            }
        };
        if self.finish_restart(key, Err(refusal.clone())) {
            return;
        }
        self.refuse_exchange(key, refusal);
        self.remove(key, EndReason::JoinFailure, Farewell::Silent, now);
    }

    pub(super) fn exchange_timed_out(&mut self, key: ParticipantKey, now: Now) {
        self.remove(key, EndReason::JoinFailure, Farewell::Silent, now);
    }

    /// A presence ends: an exchange that still waits for its answer gets one.
    pub(super) fn refuse_pending_exchange(&mut self, key: ParticipantKey) {
        self.refuse_exchange(key, ExchangeRefusal::Unavailable);
    }

    fn refuse_exchange(&mut self, key: ParticipantKey, refusal: ExchangeRefusal) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let is_answered = participant.up.as_ref().is_some_and(|up| up.answered);
        if participant.link.signals() || is_answered {
            return;
        }
        if let Some(session) = participant.session.take() {
            self.sessions.remove(&session);
            self.outputs.push_back(Output::Exchange {
                session,
                result: Err(refusal),
            });
        }
    }

    /// A PATCH with candidates, or with new ICE credentials: a restart.
    pub fn handle_patch(
        &mut self,
        session: SessionKey,
        fragment: &TrickleFragment,
        _now: Now,
    ) -> Result<Patched, PatchExchangeError> {
        let key = self.sessions.get(&session).copied();
        let key = key.ok_or(PatchExchangeError::NotFound)?;
        let owner = self.roster.get_mut(&key);
        let up = owner
            .filter(|p| !p.link.signals())
            .and_then(|p| p.up.as_mut());
        let up = up.ok_or(PatchExchangeError::NotFound)?;
        if let Some(credentials) = &fragment.credentials
            && credentials.0 != up.ufrag()
        {
            return self.restart_exchange(key, credentials, &fragment.candidates);
        }
        let (room, peer) = (self.key, up.peer);
        let new: Vec<_> = fragment
            .candidates
            .iter()
            .filter(|c| up.admits_candidate(c))
            .cloned()
            .collect();
        for candidate in new {
            self.command(MediaCommand::AddCandidate {
                room,
                peer,
                candidate,
            });
        }
        Ok(Patched::Trickled)
    }

    /// Whether somebody else publishes something that this identity may watch.
    fn has_live_source(&self, own: &str, source: Option<&Identity>) -> bool {
        let admits = |p: &Participant| {
            p.published()
                .any(|track| p.admission.admits("", own, track.sid.as_str()))
        };
        self.roster.values().any(|p| {
            p.identity.as_str() != own
                && !p.is_hidden()
                && source.is_none_or(|source| *source == p.identity)
                && admits(p)
        })
    }

    /// What a WHEP viewer watches: one picture and one sound of one publisher. It keeps to the
    /// one it watches; else the one it asked for, else the first with a picture, else with sound.
    fn picks(&self, key: ParticipantKey) -> Vec<(ParticipantKey, TrackKey, Kind)> {
        let Some(watcher) = self.roster.get(&key) else {
            return Vec::new();
        };
        let current = watcher.subscriptions.values().map(|s| s.publisher).next();
        let mut candidates: BTreeMap<ParticipantKey, Vec<(TrackKey, Kind)>> = BTreeMap::new();
        for (track, publisher) in &self.tracks {
            let Some(owner) = self.roster.get(publisher).filter(|p| p.key != key) else {
                continue;
            };
            let is_wanted = watcher
                .source
                .as_ref()
                .is_none_or(|source| *source == owner.identity);
            let is_allowed = self.may_watch(watcher, *publisher, *track) == Verdict::Allowed;
            if let (true, true, Some(track)) = (is_wanted, is_allowed, owner.tracks.get(track)) {
                candidates
                    .entry(*publisher)
                    .or_default()
                    .push((track.key, track.kind));
            }
        }
        let has_picture =
            |tracks: &Vec<(TrackKey, Kind)>| tracks.iter().any(|t| t.1 == Kind::Video);
        let chosen = current
            .filter(|publisher| candidates.contains_key(publisher))
            .or_else(|| {
                candidates
                    .iter()
                    .find(|(_, tracks)| has_picture(tracks))
                    .map(|c| *c.0)
            })
            .or_else(|| candidates.keys().next().copied());
        let Some((publisher, tracks)) = chosen.and_then(|p| Some((p, candidates.get(&p)?))) else {
            return Vec::new();
        };
        let first = |kind| {
            tracks
                .iter()
                .find(move |(_, k)| *k == kind)
                .map(|(t, _)| (publisher, *t, kind))
        };
        [first(Kind::Video), first(Kind::Audio)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Shows a WHEP viewer what it may watch, in the sections that are free.
    pub(super) fn fill_whep(&mut self, key: ParticipantKey) {
        let picks = self.picks(key);
        for (publisher, track, kind) in picks {
            let mime = self.mime(track);
            let Some(Participant {
                up: Some(up),
                subscriptions,
                ..
            }) = self.roster.get_mut(&key)
            else {
                return;
            };
            let idle = |(_, using): &(&Mid, &SectionUse)| **using == SectionUse::Idle(kind);
            let free = up.sections.iter().filter(idle).map(|(mid, _)| *mid);
            let free = free.into_iter().find(|mid| up.lists(*mid, kind, &mime));
            let is_watching_kind = subscriptions
                .values()
                .any(|s| s.kind == kind && s.mid().is_some());
            if let (true, false, Some(mid)) = (up.answered, is_watching_kind, free) {
                up.sections.insert(mid, SectionUse::Showing(track));
                subscriptions.insert(track, Subscription::new(track, publisher, kind));
                self.start(key, track, mid);
            }
        }
    }
}

/// The tracks that a WHIP offer sends, as a LiveKit client would have requested them.
fn whip_requests(
    offer: &Description,
) -> Result<Vec<(Mid, Kind, AddTrackRequest)>, ExchangeRefusal> {
    let mut requests: Vec<(Mid, Kind, AddTrackRequest)> = Vec::new();
    for section in offer
        .sections()
        .iter()
        .filter(|section| !section.is_rejected())
    {
        let (Some(mid), Some(kind)) = (section.mid(), section_kind(section)) else {
            continue;
        };
        if !matches!(
            section.direction(),
            Direction::SendOnly | Direction::SendRecv
        ) {
            continue;
        }
        let earlier = requests.iter().filter(|(_, k, _)| *k == kind).count();
        if earlier == MAX_WHIP_SECTIONS {
            return Err(ExchangeRefusal::Unsupported {
                wanted: "at most four tracks of a kind",
            });
        }
        requests.push((mid, kind, whip_request(mid, kind, earlier == 0)));
    }
    if requests.is_empty() {
        let wanted = "an audio or video section that is sent";
        return Err(ExchangeRefusal::Unsupported { wanted });
    }
    Ok(requests)
}

fn whip_request(mid: Mid, kind: Kind, is_first: bool) -> AddTrackRequest {
    let (r#type, source) = match kind {
        Kind::Audio => (TrackType::Audio, TrackSource::Microphone),
        Kind::Video => (TrackType::Video, TrackSource::Camera),
    };
    let source = if is_first {
        source
    } else {
        TrackSource::Unknown
    };
    AddTrackRequest {
        cid: format!("whip-{mid}"),
        r#type: r#type.into(),
        source: source.into(),
        disable_red: true,
        ..AddTrackRequest::default()
    }
}
