//! A room with a clock, a media plane and a memory.

use super::sdp::{Sec, Sections, answer_to, description, offer_after};
use crate::config::{RoomConfig, RoomOptions};
use crate::join::{Join, Reconnect, SignalVersion};
use crate::keys::{Keys, RpcKey};
use crate::now::Now;
use crate::output::{ExchangeAnswer, ExchangeRestart, Output};
use crate::room::{ExchangeRefusal, JoinRefusal, Room, RpcFailure};
use auth::{Claims, Grants};
use domain::{Event, EventData};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, ClientInfo, JoinResponse, ParticipantInfo, SessionDescription, SignalRequest,
    TrackInfo, TrackSource, TrackType, WebhookEvent,
};
use media::MediaEvent;
use media::plane::{MediaCommand, PeerFailure, PeerRole};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocab::{ParticipantKey, PeerKey, SessionKey, TrackKey, UnixMillis};

pub(super) struct Bench {
    pub(super) room: Room,
    pub(super) now: Now,
    pub(super) keys: Keys,
    /// The media plane answers by itself.
    pub(super) answers: bool,
    /// Clients of v0 answer offers by themselves.
    pub(super) clients_answer: bool,
    pub(super) progress: u32,
    said: BTreeMap<SessionKey, Vec<Message>>,
    pub(super) closed: Vec<SessionKey>,
    pub(super) media: Vec<MediaCommand>,
    pub(super) events: Vec<Event>,
    pub(super) webhooks: Vec<WebhookEvent>,
    pub(super) tokens: Vec<(SessionKey, Claims)>,
    pub(super) exchanges: BTreeMap<SessionKey, Vec<Result<ExchangeAnswer, ExchangeRefusal>>>,
    pub(super) restarts: Vec<(SessionKey, Result<ExchangeRestart, ExchangeRefusal>)>,
    pub(super) rpcs: Vec<(RpcKey, Result<String, RpcFailure>)>,
    pub(super) ended: bool,
    pub(super) offered: BTreeMap<PeerKey, Sections>,
    peers: BTreeMap<PeerKey, (ParticipantKey, PeerRole)>,
    sids: BTreeMap<SessionKey, String>,
    refused: BTreeSet<SessionKey>,
    /// Clients of v0 with an offer they have not answered.
    unanswered: BTreeSet<SessionKey>,
    /// What each client last heard of each presence.
    last_heard: BTreeMap<(SessionKey, String), ParticipantInfo>,
}

pub(super) fn claims(identity: &str) -> Claims {
    Claims {
        sub: identity.into(),
        name: format!("name of {identity}"),
        iat: Some(1_000_000),
        video: Grants {
            room: "ward".into(),
            room_join: true,
            ..Grants::default()
        },
        ..Claims::default()
    }
}

pub(super) fn join_of(identity: &str, version: SignalVersion) -> Join {
    Join {
        claims: claims(identity),
        room: "ward".into(),
        identity: identity.into(),
        client: ClientInfo {
            protocol: 17,
            client_protocol: 2,
            sdk: 1,
            ..ClientInfo::default()
        },
        version,
        auto_subscribe: true,
        auto_subscribe_data_track: None,
        adaptive_stream: false,
        subscriber_allow_pause: None,
        disable_ice_lite: false,
        reconnect: None,
        metadata: None,
        attributes: BTreeMap::new(),
        add_tracks: Vec::new(),
        publisher_offer: None,
        sync_state: None,
    }
}

pub(super) fn request_for(cid: &str, source: TrackSource) -> AddTrackRequest {
    let kind = match source {
        TrackSource::Microphone | TrackSource::ScreenShareAudio => TrackType::Audio,
        _ => TrackType::Video,
    };
    AddTrackRequest {
        cid: cid.into(),
        r#type: kind.into(),
        source: source.into(),
        ..AddTrackRequest::default()
    }
}

pub(super) fn session_offer(id: u32, sections: &[Sec]) -> SessionDescription {
    SessionDescription {
        r#type: "offer".into(),
        sdp: description(sections),
        id,
        ..SessionDescription::default()
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(RoomConfig::default(), RoomOptions::default())
    }

    pub(super) fn with(config: RoomConfig, options: RoomOptions) -> Self {
        let keys = Keys::default();
        let now = Now {
            instant: Instant::now(),
            unix: UnixMillis(1_700_000_000_000),
        };
        let room = Room::new(
            keys.room(),
            "ward".into(),
            options,
            Arc::new(config),
            keys.clone(),
            7,
            now,
        );
        let mut bench = Self {
            room,
            now,
            keys,
            answers: true,
            clients_answer: true,
            progress: 0,
            said: BTreeMap::new(),
            closed: Vec::new(),
            media: Vec::new(),
            events: Vec::new(),
            webhooks: Vec::new(),
            tokens: Vec::new(),
            exchanges: BTreeMap::new(),
            restarts: Vec::new(),
            rpcs: Vec::new(),
            ended: false,
            offered: BTreeMap::new(),
            peers: BTreeMap::new(),
            sids: BTreeMap::new(),
            refused: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            last_heard: BTreeMap::new(),
        };
        bench.drain();
        bench
    }

    /// A v0 client that is in.
    pub(super) fn join(&mut self, identity: &str) -> SessionKey {
        self.enter(join_of(identity, SignalVersion::V0)).unwrap()
    }

    /// A v1 client that is in, with three and three sections to receive in.
    pub(super) fn join_single(&mut self, identity: &str) -> SessionKey {
        let mut join = join_of(identity, SignalVersion::V1);
        join.publisher_offer = Some(session_offer(1, &super::sdp::join_sections()));
        self.enter(join).unwrap()
    }

    /// A client whose transports are up.
    pub(super) fn join_connected(&mut self, identity: &str) -> SessionKey {
        let session = self.join(identity);
        self.connect(identity);
        session
    }

    pub(super) fn enter(&mut self, join: Join) -> Result<SessionKey, JoinRefusal> {
        let session = self.keys.session();
        let outcome = self.room.handle_join(session, join, self.now);
        if outcome.is_err() {
            self.refused.insert(session);
        }
        self.drain();
        outcome.map(|()| session)
    }

    /// Comes back on a new WebSocket.
    pub(super) fn resume(&mut self, identity: &str, version: SignalVersion) -> SessionKey {
        let sid = self.info(identity).sid;
        self.resume_as(identity, Some(sid), version)
    }

    pub(super) fn resume_as(
        &mut self,
        identity: &str,
        sid: Option<String>,
        version: SignalVersion,
    ) -> SessionKey {
        let mut join = join_of(identity, version);
        let reason = livekit_protocol::ReconnectReason::RrSignalDisconnected;
        join.reconnect = Some(Reconnect {
            sid: sid.map(Into::into),
            reason,
        });
        self.enter(join).unwrap()
    }

    pub(super) fn says(&mut self, session: SessionKey, message: Request) {
        if matches!(message, Request::Answer(_)) {
            self.unanswered.remove(&session);
        }
        let request = SignalRequest {
            message: Some(message),
        };
        self.room.handle_request(session, request, self.now);
        self.drain();
    }

    pub(super) fn offers(&mut self, session: SessionKey, id: u32, sections: &[Sec]) {
        self.says(session, Request::Offer(session_offer(id, sections)));
    }

    /// Announces and negotiates one more track in a v0 connection.
    pub(super) fn publish(
        &mut self,
        session: SessionKey,
        cid: &str,
        source: TrackSource,
    ) -> TrackInfo {
        self.says(session, Request::AddTrack(request_for(cid, source)));
        let section = match source {
            TrackSource::Microphone | TrackSource::ScreenShareAudio => {
                super::sdp::send_audio("1", cid)
            }
            _ => super::sdp::send_video("2", cid),
        };
        self.offers(session, 1, &[super::sdp::data("0"), section]);
        let info = self
            .take(session)
            .into_iter()
            .find_map(|message| match message {
                Message::TrackPublished(published) => published.track,
                _ => None,
            });
        info.expect("the track was accepted")
    }

    pub(super) fn media(&mut self, event: MediaEvent) {
        self.room.handle_media(event, self.now);
        self.drain();
    }

    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now.after(time);
        while let Some(at) = self.next_wake().filter(|at| *at <= end.instant) {
            let step = at.saturating_duration_since(self.now.instant);
            self.now = self.now.after(step);
            self.room.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn next_wake(&mut self) -> Option<Instant> {
        match self.room.poll_output() {
            Output::Wait(at) => at,
            other => panic!("not drained: {other:?}"),
        }
    }

    pub(super) fn drop_socket(&mut self, session: SessionKey) {
        self.room.handle_closed(session, self.now);
        self.drain();
    }

    /// All transports of a participant are up.
    pub(super) fn connect(&mut self, identity: &str) {
        for peer in self.peers_of(identity) {
            self.media(MediaEvent::PeerConnected {
                room: self.room.key(),
                peer,
            });
        }
    }

    pub(super) fn fail(&mut self, identity: &str, cause: PeerFailure) {
        for peer in self.peers_of(identity) {
            self.media(MediaEvent::PeerFailed {
                room: self.room.key(),
                peer,
                cause,
            });
        }
    }

    pub(super) fn key_of(&self, identity: &str) -> ParticipantKey {
        *self.room.by_identity.get(identity).expect("is here")
    }

    pub(super) fn peers_of(&self, identity: &str) -> Vec<PeerKey> {
        let key = self.key_of(identity);
        self.peers
            .iter()
            .filter(|(_, (owner, _))| *owner == key)
            .map(|(peer, _)| *peer)
            .collect()
    }

    pub(super) fn track_of(&self, sid: &str) -> TrackKey {
        let found = self.room.roster.values().find_map(|p| p.track_by_sid(sid));
        found.expect("the track is there").key
    }

    pub(super) fn info(&self, identity: &str) -> ParticipantInfo {
        self.room.participant(identity).unwrap()
    }

    /// What was said to a client since it was last asked.
    pub(super) fn take(&mut self, session: SessionKey) -> Vec<Message> {
        self.said.remove(&session).unwrap_or_default()
    }

    pub(super) fn forget(&mut self) {
        self.said.clear();
        self.media.clear();
        self.events.clear();
        self.webhooks.clear();
        self.tokens.clear();
    }

    pub(super) fn joined(&mut self, session: SessionKey) -> JoinResponse {
        match self.take(session).into_iter().next() {
            Some(Message::Join(join)) => join,
            other => panic!("not a join: {other:?}"),
        }
    }

    pub(super) fn event_data(&self) -> Vec<EventData> {
        self.events.iter().map(|event| event.data.clone()).collect()
    }

    pub(super) fn webhook_names(&self) -> Vec<&str> {
        self.webhooks
            .iter()
            .map(|hook| hook.event.as_str())
            .collect()
    }

    pub(super) fn drain(&mut self) {
        loop {
            match self.room.poll_output() {
                Output::Wait(_) => break,
                Output::Send { session, response } => {
                    self.heard(session, response.message.unwrap());
                }
                Output::Close { session } => self.closed.push(session),
                Output::Token { session, claims } => {
                    assert!(
                        !self.closed.contains(&session),
                        "a token for a closed session"
                    );
                    self.tokens.push((session, *claims));
                }
                Output::Media(command) => {
                    self.media.push(command.clone());
                    self.obey(command);
                }
                Output::Event(event) => self.events.push(event),
                Output::Webhook(hook) => self.webhooks.push(*hook),
                Output::Exchange { session, result } => {
                    self.exchanges.entry(session).or_default().push(result);
                }
                Output::Restarted { session, result } => self.restarts.push((session, result)),
                Output::Rpc { rpc, result } => self.rpcs.push((rpc, result)),
                Output::Closed => self.ended = true,
            }
        }
    }

    fn heard(&mut self, session: SessionKey, message: Message) {
        assert!(
            !self.closed.contains(&session),
            "said to a closed session: {message:?}"
        );
        assert!(
            !self.refused.contains(&session),
            "said to a refused session: {message:?}"
        );
        assert!(!self.ended, "said after the end: {message:?}");
        if let Message::Join(join) = &message {
            let sid = join.participant.as_ref().unwrap().sid.clone();
            self.sids.insert(session, sid);
        }
        if let Message::Offer(_) = &message {
            assert!(self.unanswered.insert(session), "two offers outstanding");
        }
        self.check_versions(session, &message);
        let answer = match &message {
            Message::Offer(offer) if self.clients_answer => Some(SessionDescription {
                r#type: "answer".into(),
                sdp: answer_to(&offer.sdp),
                id: offer.id,
                ..SessionDescription::default()
            }),
            _ => None,
        };
        self.said.entry(session).or_default().push(message);
        if let Some(answer) = answer {
            self.unanswered.remove(&session);
            let request = SignalRequest {
                message: Some(Request::Answer(answer)),
            };
            self.room.handle_request(session, request, self.now);
        }
    }

    /// For one client a presence's version rises with every change.
    fn check_versions(&mut self, session: SessionKey, message: &Message) {
        let infos = match message {
            Message::Update(update) => update.participants.clone(),
            Message::Join(join) => join.other_participants.clone(),
            _ => return,
        };
        for info in infos {
            let heard = self
                .last_heard
                .insert((session, info.sid.clone()), info.clone());
            if let Some(before) = heard {
                assert!(
                    info == before || info.version > before.version,
                    "{before:?} {info:?}"
                );
            }
        }
    }

    fn obey(&mut self, command: MediaCommand) {
        let now = self.now;
        match command {
            MediaCommand::OpenPeer { peer, .. } => {
                self.peers.insert(peer.key, (peer.participant, peer.role));
            }
            MediaCommand::AcceptOffer {
                room,
                peer,
                negotiation,
                sdp,
            } if self.answers => {
                let sdp = answer_to(&sdp);
                self.room.handle_media(
                    MediaEvent::Answered {
                        room,
                        peer,
                        negotiation,
                        sdp,
                    },
                    now,
                );
            }
            MediaCommand::MakeOffer {
                room,
                peer,
                negotiation,
                change,
            } if self.answers => {
                let sections = self.offered.entry(peer).or_default();
                let (sdp, mids) = offer_after(sections, &change);
                let event = MediaEvent::Offered {
                    room,
                    peer,
                    negotiation,
                    sdp,
                    mids,
                };
                self.room.handle_media(event, now);
            }
            MediaCommand::AcceptAnswer {
                room,
                peer,
                negotiation,
                ..
            } if self.answers => {
                let event = MediaEvent::AnswerAccepted {
                    room,
                    peer,
                    negotiation,
                };
                self.room.handle_media(event, now);
            }
            MediaCommand::ReportDataProgress { room, participant } if self.answers => {
                let sequence = self.progress;
                let event = MediaEvent::DataProgress {
                    room,
                    participant,
                    sequence,
                };
                self.room.handle_media(event, now);
            }
            _ => {}
        }
    }
}

/// The participants of all updates, in order.
pub(super) fn updates(messages: &[Message]) -> Vec<ParticipantInfo> {
    let updates = messages.iter().filter_map(|message| match message {
        Message::Update(update) => Some(update.participants.clone()),
        _ => None,
    });
    updates.flatten().collect()
}

/// The first message of a kind.
macro_rules! first {
    ($messages:expr, $kind:ident) => {
        $messages
            .iter()
            .find_map(|message| match message {
                livekit_protocol::signal_response::Message::$kind(inner) => Some(inner.clone()),
                _ => None,
            })
            .expect(concat!("no ", stringify!($kind)))
    };
}
pub(super) use first;

/// All messages of a kind.
macro_rules! all {
    ($messages:expr, $kind:ident) => {
        $messages
            .iter()
            .filter_map(|message| match message {
                livekit_protocol::signal_response::Message::$kind(inner) => Some(inner.clone()),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
}
pub(super) use all;
