//! The join request of `/rtc/v1`.

use super::refusal::ParseJoinError;
use super::{Join, Reconnect, SignalVersion};
use crate::limits::{MAX_JOIN_REQUEST_BYTES, MAX_QUERY_BYTES};
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::GzDecoder;
use livekit_protocol::wrapped_join_request::Compression;
use livekit_protocol::{JoinRequest, ReconnectReason, WrappedJoinRequest};
use prost::Message;
use std::io::Read;
use vocab::ParticipantSid;

/// Clients pad or do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Fields and defaults as in `LiveKit`'s `rtcservice.go`.
pub(super) fn read(claims: auth::Claims, text: &str) -> Result<Join, ParseJoinError> {
    let mut join = Join::bare(claims, SignalVersion::V1)?;
    let request = unwrap(text)?;
    if let Some(settings) = request.connection_settings {
        join.auto_subscribe = settings.auto_subscribe;
        join.auto_subscribe_data_track = settings.auto_subscribe_data_track;
        join.adaptive_stream = settings.adaptive_stream;
        join.subscriber_allow_pause = settings.subscriber_allow_pause;
        join.disable_ice_lite = settings.disable_ice_lite;
    }
    let sid = request.participant_sid;
    join.reconnect = request.reconnect.then(|| Reconnect {
        sid: (!sid.is_empty()).then(|| ParticipantSid::from(sid)),
        reason: ReconnectReason::try_from(request.reconnect_reason)
            .unwrap_or(ReconnectReason::RrUnknown),
    });
    join.client = request.client_info.unwrap_or_default();
    join.metadata = Some(request.metadata).filter(|metadata| !metadata.is_empty());
    join.attributes = request.participant_attributes.into_iter().collect();
    join.add_tracks = request.add_track_requests;
    join.publisher_offer = request.publisher_offer;
    join.sync_state = request.sync_state;
    Ok(join)
}

fn unwrap(text: &str) -> Result<JoinRequest, ParseJoinError> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(ParseJoinError::JoinRequestTooLarge);
    }
    let bytes = decode_base64(text).ok_or(ParseJoinError::NotBase64)?;
    let wrapped =
        WrappedJoinRequest::decode(bytes.as_slice()).map_err(|_| ParseJoinError::NotDecodable)?;
    let request = match Compression::try_from(wrapped.compression) {
        Ok(Compression::None) => wrapped.join_request,
        Ok(Compression::Gzip) => inflate(&wrapped.join_request)?,
        Err(_) => return Err(ParseJoinError::UnknownCompression),
    };
    JoinRequest::decode(request.as_slice()).map_err(|_| ParseJoinError::NotDecodable)
}

/// Inflates at most one byte more than allowed: enough to know that there is more.
fn inflate(packed: &[u8]) -> Result<Vec<u8>, ParseJoinError> {
    let limit = MAX_JOIN_REQUEST_BYTES as u64 + 1;
    let mut inflated = Vec::new();
    GzDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut inflated)
        .map_err(|_| ParseJoinError::NotInflatable)?;
    if inflated.len() > MAX_JOIN_REQUEST_BYTES {
        return Err(ParseJoinError::JoinRequestTooLarge);
    }
    Ok(inflated)
}
