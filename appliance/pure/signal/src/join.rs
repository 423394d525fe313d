//! What a client says when it connects: the query of `/rtc` (v0) or the join request of
//! `/rtc/v1`, checked against its token.

mod query;
mod refusal;
mod v0;
mod v1;

pub use query::{ParseQueryError, Query};
pub use refusal::{ClientText, ParseJoinError};

use crate::limits::{MAX_CAPABILITIES, MAX_CLIENT_TEXT_BYTES, MAX_JOIN_TRACKS, MAX_SDP_BYTES};
use crate::{MAX_ATTRIBUTES_BYTES, MAX_METADATA_BYTES};
use livekit_protocol::{
    AddTrackRequest, ClientInfo, ReconnectReason, SessionDescription, SyncState,
};
use std::collections::BTreeMap;
use std::fmt;
use vocab::{Identity, MAX_NAME_BYTES, ParticipantSid, RoomName};

/// A join that its token allows and whose texts are within their limits.
///
/// `Debug` shows ids only.
#[derive(Clone)]
pub struct Join {
    /// What the bearer may do. With the query's `publish` the right to subscribe is taken away.
    pub claims: auth::Claims,
    /// The token's room; a query cannot choose another.
    pub room: RoomName,
    /// The token's identity; with the query's `publish`, `#` and its value appended.
    pub identity: Identity,
    /// What the client says it is. `address` is not known here and stays as it came.
    pub client: ClientInfo,
    /// Which protocol of joining it speaks.
    pub version: SignalVersion,
    /// Subscribe to every track.
    pub auto_subscribe: bool,
    /// Subscribe to every data track; unset: as `LiveKit` decides.
    pub auto_subscribe_data_track: Option<bool>,
    /// The client picks layers by what it shows.
    pub adaptive_stream: bool,
    /// Subscriptions may be paused for want of bandwidth; unset: as the box decides.
    pub subscriber_allow_pause: Option<bool>,
    /// The client wants a full ICE agent on our side.
    pub disable_ice_lite: bool,
    /// It was here before and wants to go on.
    pub reconnect: Option<Reconnect>,
    /// Replaces the token's metadata.
    pub metadata: Option<String>,
    /// Replace the token's attributes of the same key.
    pub attributes: BTreeMap<String, String>,
    /// Tracks to be published (v1).
    pub add_tracks: Vec<AddTrackRequest>,
    /// The offer of the one peer connection (v1).
    pub publisher_offer: Option<SessionDescription>,
    /// What it had, when it reconnects (v1; v0 sends it as a message).
    pub sync_state: Option<SyncState>,
}

/// How a client joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalVersion {
    /// `/rtc`: one peer connection up and one down.
    V0,
    /// `/rtc/v1`: one peer connection, the client offers.
    V1,
}

/// A resume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    /// Whose: empty in very old clients, which the identity then finds.
    pub sid: Option<ParticipantSid>,
    /// Why.
    pub reason: ReconnectReason,
}

impl Join {
    /// Reads the query of `/rtc`. With a `join_request` in it, it is read as v1, as `LiveKit` does.
    pub fn from_v0_query(claims: auth::Claims, query: &Query) -> Result<Self, ParseJoinError> {
        if query.get("join_request").is_some() {
            Self::from_v1_query(claims, query)
        } else {
            v0::read(claims, query)?.checked()
        }
    }

    /// Reads the query of `/rtc/v1`.
    pub fn from_v1_query(claims: auth::Claims, query: &Query) -> Result<Self, ParseJoinError> {
        let text = query
            .get("join_request")
            .ok_or(ParseJoinError::NoJoinRequest)?;
        let join = v1::read(claims, text)?;
        match query.get("publish").filter(|publish| !publish.is_empty()) {
            Some(publish) => join.publishing_only(publish)?.checked(),
            None => join.checked(),
        }
    }

    /// Reads a join request alone: base64url of a `WrappedJoinRequest`.
    pub fn from_v1(claims: auth::Claims, join_request: &str) -> Result<Self, ParseJoinError> {
        v1::read(claims, join_request)?.checked()
    }

    /// A join with nothing said, if the token allows joining its room at all.
    fn bare(claims: auth::Claims, version: SignalVersion) -> Result<Self, ParseJoinError> {
        if !claims.video.room_join {
            return Err(ParseJoinError::NotAllowed);
        }
        if claims.identity().is_empty() {
            return Err(ParseJoinError::NoIdentity);
        }
        if claims.video.room.is_empty() {
            return Err(ParseJoinError::NoRoom);
        }
        Ok(Self {
            room: RoomName::from(claims.video.room.as_str()),
            identity: Identity::from(claims.identity()),
            claims,
            client: ClientInfo::default(),
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
        })
    }

    /// A second, publish-only connection of somebody who is already in the room (`publish=…`).
    fn publishing_only(mut self, name: &str) -> Result<Self, ParseJoinError> {
        if !self.claims.can_publish() {
            return Err(ParseJoinError::NotAllowed);
        }
        self.claims.video.can_subscribe = Some(false);
        self.identity = Identity::from(format!("{}#{name}", self.identity));
        Ok(self)
    }

    fn checked(mut self) -> Result<Self, ParseJoinError> {
        let over = |bytes: usize, max: usize| bytes > max;
        let overwrites = self.metadata.is_some() || !self.attributes.is_empty();
        if overwrites && !self.claims.can_update_own_metadata() {
            return Err(ParseJoinError::NotAllowed);
        }
        if over(self.identity.as_str().len(), MAX_NAME_BYTES) {
            return Err(ParseJoinError::TooLong(ClientText::Identity));
        }
        if over(self.room.as_str().len(), MAX_NAME_BYTES) {
            return Err(ParseJoinError::TooLong(ClientText::Room));
        }
        if over(
            self.metadata.as_ref().map_or(0, String::len),
            MAX_METADATA_BYTES,
        ) {
            return Err(ParseJoinError::TooLong(ClientText::Metadata));
        }
        if over(attribute_bytes(&self.attributes), MAX_ATTRIBUTES_BYTES) {
            return Err(ParseJoinError::TooLong(ClientText::Attributes));
        }
        if over(
            self.publisher_offer
                .as_ref()
                .map_or(0, |offer| offer.sdp.len()),
            MAX_SDP_BYTES,
        ) {
            return Err(ParseJoinError::TooLong(ClientText::Offer));
        }
        if over(self.add_tracks.len(), MAX_JOIN_TRACKS) {
            return Err(ParseJoinError::TooManyTracks);
        }
        bound_client(&mut self.client);
        Ok(self)
    }
}

fn attribute_bytes(attributes: &BTreeMap<String, String>) -> usize {
    attributes
        .iter()
        .map(|(key, value)| key.len().saturating_add(value.len()))
        .sum()
}

/// Cuts what a client says of itself to what is ever shown or counted.
fn bound_client(client: &mut ClientInfo) {
    let texts = [
        &mut client.version,
        &mut client.os,
        &mut client.os_version,
        &mut client.device_model,
        &mut client.browser,
        &mut client.browser_version,
        &mut client.address,
        &mut client.network,
        &mut client.other_sdks,
    ];
    for text in texts {
        text.truncate(text.floor_char_boundary(MAX_CLIENT_TEXT_BYTES));
    }
    client.capabilities.truncate(MAX_CAPABILITIES);
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join")
            .field("room", &self.room)
            .field("identity", &self.identity)
            .field("version", &self.version)
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}
