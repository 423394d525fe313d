//! Who may come in, and what they are told first.

use super::leave::Farewell;
use super::metadata::{TextTooLong, check_texts};
use super::timers::{JOIN_TIMEOUT, TOKEN_INTERVAL, Timer};
use super::{Participant, Room};
use crate::data_track::{DataBlobs, DataTracks};
use crate::downstream::Downstream;
use crate::join::{Join, SignalVersion};
use crate::now::Now;
use crate::output::Output;
use crate::pace::Pace;
use crate::participant::{Admission, Link, data_role, is_dependent, media_permissions};
use auth::Claims;
use domain::EndReason;
use livekit_protocol::client_info::Sdk;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{ClientInfo, JoinResponse, ServerInfo, leave_request::Action};
use media::MediaCommand;
use media::plane::{DataRole, ParticipantSpec, PeerRole, PeerSpec};
use std::collections::BTreeMap;
use vocab::{ErrorKind, Identity, ParticipantKey, PeerKey, SessionKey};

/// The protocol the box speaks. From 18 on, single connections have data channels with ids agreed
/// beforehand; what a client is told is the smaller of its own and this (`livekit.md` §2).
pub(super) const PROTOCOL: i32 = 18;
/// From this protocol on a single connection's data channels are negotiated out of band.
const NEGOTIATED_CHANNELS_FROM: i32 = 18;
/// `ping_interval` in seconds; LiveKit's value. Rust's clients need it to be more than zero.
const PING_INTERVAL_SECS: i32 = 5;
/// `ping_timeout` in seconds; LiveKit's value.
const PING_TIMEOUT_SECS: i32 = 15;

/// Why a connection is refused before it is upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefusal {
    /// The room holds as many as it may.
    #[error("the room is full ({max} participants)")]
    Full {
        /// The limit.
        max: u32,
    },
    /// The room admits nobody new.
    #[error("the room is locked")]
    Locked,
    /// The server API removed this identity after the token was issued.
    #[error("the token has been revoked")]
    TokenRevoked,
    /// The token does not let its holder change what the query changes.
    #[error("the token does not allow own metadata to be changed")]
    MetadataNotAllowed,
    /// A text is over its limit.
    #[error(transparent)]
    TooLong(#[from] TextTooLong),
    /// The room has ended.
    #[error("the room has ended")]
    Closed,
}

impl JoinRefusal {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Full { .. } => ErrorKind::Exhausted,
            Self::Locked => ErrorKind::Forbidden,
            Self::TokenRevoked | Self::MetadataNotAllowed => ErrorKind::Unauthenticated,
            Self::TooLong(_) => ErrorKind::Invalid,
            Self::Closed => ErrorKind::Unavailable,
        }
    }
}

/// A participant about to be made.
pub(super) struct Newcomer {
    pub(super) session: SessionKey,
    pub(super) link: Link,
    pub(super) identity: Identity,
    pub(super) claims: Claims,
    pub(super) client: ClientInfo,
    pub(super) ice_lite: bool,
    pub(super) auto_subscribe: bool,
    pub(super) auto_subscribe_data: bool,
}

impl Room {
    /// A new signalling connection, checked but not yet upgraded: its first message
    /// (`join`, `reconnect` or `leave`) is queued when this returns `Ok`, or follows as soon as
    /// the media plane has answered (`reconnect`).
    pub fn handle_join(
        &mut self,
        session: SessionKey,
        mut join: Join,
        now: Now,
    ) -> Result<(), JoinRefusal> {
        if self.closed {
            return Err(JoinRefusal::Closed);
        }
        if let Some(reconnect) = join.reconnect.take() {
            self.resume(session, join, &reconnect, now);
            return Ok(());
        }
        let claims = merged_claims(&mut join)?;
        self.admit(&join.identity, &claims)?;
        let offer = join.publisher_offer.take();
        let tracks = std::mem::take(&mut join.add_tracks);
        let newcomer = Newcomer {
            session,
            link: match join.version {
                SignalVersion::V0 => Link::Dual,
                SignalVersion::V1 => Link::Single,
            },
            identity: join.identity,
            claims,
            client: join.client,
            ice_lite: self.config.ice_lite && !join.disable_ice_lite,
            auto_subscribe: join.auto_subscribe,
            auto_subscribe_data: join.auto_subscribe_data_track.unwrap_or(false),
        };
        let key = self.enter(newcomer, now);
        self.welcome(key, now);
        for request in tracks {
            self.add_track(key, request, now);
        }
        if let Some(offer) = offer {
            self.client_offer(key, offer, now);
        }
        Ok(())
    }

    /// Whether somebody may come in. Who is inside already may always come in again.
    pub(super) fn admit(&self, identity: &Identity, claims: &Claims) -> Result<(), JoinRefusal> {
        if self.closed {
            return Err(JoinRefusal::Closed);
        }
        if self
            .revoked
            .get(identity)
            .is_some_and(|before| claims.is_revoked_by(*before))
        {
            return Err(JoinRefusal::TokenRevoked);
        }
        if self.by_identity.contains_key(identity) {
            return Ok(());
        }
        if self.locked {
            return Err(JoinRefusal::Locked);
        }
        let counted = self.roster.values().filter(|p| !p.is_dependent()).count() as u32;
        let everyone = self.roster.len() as u32;
        match self.max_participants {
            max if max > 0 && counted >= max && !is_dependent(claims) => {
                Err(JoinRefusal::Full { max })
            }
            _ if everyone >= crate::MAX_PARTICIPANTS => Err(JoinRefusal::Full {
                max: crate::MAX_PARTICIPANTS,
            }),
            _ => Ok(()),
        }
    }

    /// Makes the participant; whoever had its identity goes.
    pub(super) fn enter(&mut self, newcomer: Newcomer, now: Now) -> ParticipantKey {
        if let Some(old) = self.by_identity.get(&newcomer.identity).copied() {
            let farewell = Farewell::Leave(Action::Disconnect);
            self.remove(old, EndReason::DuplicateIdentity, farewell, now);
        }
        let key = self.keys.participant();
        let participant = Participant {
            subscriber_primary: newcomer.link == Link::Dual && newcomer.claims.can_subscribe(),
            key,
            sid: self.new_sid("PA_").into(),
            identity: newcomer.identity.clone(),
            claims: newcomer.claims,
            client: newcomer.client,
            link: newcomer.link,
            state: State::Joining,
            version: 1,
            joined_at: now.unix,
            was_active: false,
            session: Some(newcomer.session),
            resuming: None,
            cut_resume: None,
            ice_lite: newcomer.ice_lite,
            auto_subscribe: newcomer.auto_subscribe,
            up: None,
            down: None,
            early_candidates: Vec::new(),
            is_going: false,
            tracks: BTreeMap::new(),
            queued: Vec::new(),
            subscriptions: BTreeMap::new(),
            data: DataTracks::new(newcomer.auto_subscribe_data),
            blobs: DataBlobs::default(),
            admission: Admission::default(),
            pace: Pace::new(now.instant),
            quality: None,
            source: None,
        };
        self.command(MediaCommand::AddParticipant {
            room: self.key,
            participant: ParticipantSpec {
                key,
                sid: participant.sid.clone(),
                identity: participant.identity.clone(),
                permissions: media_permissions(&participant.claims),
            },
        });
        if !participant.is_dependent() {
            self.timers.clear(Timer::Empty);
        }
        self.by_identity.insert(newcomer.identity, key);
        self.sessions.insert(newcomer.session, key);
        let is_special = data_role(&participant.claims) != DataRole::default();
        self.roster.insert(key, participant);
        if is_special {
            self.tell_data_role(key);
        }
        self.timers
            .set(Timer::Join(key), now.instant + JOIN_TIMEOUT);
        self.counts_changed(now);
        key
    }

    /// The first messages of a joined client.
    fn welcome(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let response = JoinResponse {
            room: Some(self.info()),
            participant: Some(participant.info()),
            other_participants: self.others(key),
            server_version: self.config.version.clone(),
            server_region: self.config.region.clone(),
            subscriber_primary: participant.subscriber_primary,
            ping_interval: PING_INTERVAL_SECS,
            ping_timeout: PING_TIMEOUT_SECS,
            server_info: Some(self.server_info(participant.client.protocol)),
            enabled_publish_codecs: self.codecs(),
            fast_publish: participant.link == Link::Dual && participant.claims.can_publish(),
            ..JoinResponse::default()
        };
        let is_dual = participant.link == Link::Dual;
        self.tell(key, Message::Join(response));
        self.refresh_token(key, now);
        self.become_joined(key);
        self.want_everything(key);
        self.reconcile_data(key);
        if is_dual {
            let peer = self.open_peer(key, PeerRole::Subscriber);
            if let Some(participant) = self.roster.get_mut(&key) {
                participant.down = Some(Downstream::new(peer, participant.client.sdk() == Sdk::Go));
            }
        }
        self.pump(key, now);
    }

    /// JOINING is over; others hear of it.
    pub(super) fn become_joined(&mut self, key: ParticipantKey) {
        if let Some(participant) = self.roster.get_mut(&key) {
            participant.state = State::Joined;
        }
        self.announce(key, false);
    }

    /// `server_info` for a client of this protocol.
    pub(super) fn server_info(&self, client_protocol: i32) -> ServerInfo {
        ServerInfo {
            version: self.config.version.clone(),
            protocol: client_protocol.min(PROTOCOL),
            region: self.config.region.clone(),
            node_id: self.config.node_id.clone(),
            ..ServerInfo::default()
        }
    }

    /// Opens a transport on the media plane.
    pub(super) fn open_peer(&mut self, key: ParticipantKey, role: PeerRole) -> PeerKey {
        let peer = self.keys.peer();
        self.peers.insert(peer, key);
        let participant = self.roster.get(&key);
        let protocol = participant.map_or(0, |p| p.client.protocol).min(PROTOCOL);
        let spec = PeerSpec {
            key: peer,
            participant: key,
            role,
            ice_lite: participant.is_some_and(|p| p.ice_lite),
            negotiated_channels: role == PeerRole::Single && protocol >= NEGOTIATED_CHANNELS_FROM,
        };
        self.command(MediaCommand::OpenPeer {
            room: self.key,
            peer: spec,
        });
        peer
    }

    /// Has a fresh token minted, now and every [`TOKEN_INTERVAL`].
    pub(super) fn refresh_token(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.roster.get(&key).filter(|p| p.link.signals()) else {
            return;
        };
        self.timers
            .set(Timer::Token(key), now.instant + TOKEN_INTERVAL);
        if let (Some(session), None) = (participant.session, &participant.resuming) {
            let claims = Box::new(participant.claims.clone());
            self.outputs.push_back(Output::Token { session, claims });
        }
    }

    /// It never connected.
    pub(super) fn join_timed_out(&mut self, key: ParticipantKey, now: Now) {
        self.remove(
            key,
            EndReason::JoinFailure,
            Farewell::Leave(Action::Disconnect),
            now,
        );
    }
}

/// The token's claims with what the query changes of them, within limits.
fn merged_claims(join: &mut Join) -> Result<Claims, JoinRefusal> {
    let mut claims = join.claims.clone();
    let overwrites = join.metadata.is_some() || !join.attributes.is_empty();
    if overwrites && !claims.can_update_own_metadata() {
        return Err(JoinRefusal::MetadataNotAllowed);
    }
    if let Some(metadata) = join.metadata.take() {
        claims.metadata = metadata;
    }
    claims.attributes.append(&mut join.attributes);
    claims.sub = join.identity.to_string();
    check_texts(&claims.name, &claims.metadata, &claims.attributes)?;
    Ok(claims)
}
