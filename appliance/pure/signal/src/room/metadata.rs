//! Names, metadata and attributes: of a participant by itself or by the server API.

use super::Room;
use crate::now::Now;
use crate::{MAX_ATTRIBUTES_BYTES, MAX_METADATA_BYTES, MAX_PARTICIPANT_NAME_BYTES};
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::{RequestResponse, UpdateParticipantMetadata, signal_response::Message};
use std::collections::BTreeMap;
use vocab::ParticipantKey;

/// From this protocol on a client expects an answer to requests that succeeded, too.
///
/// Source: LiveKit `types/protocol_version.go`, `SupportsNonErrorSignalResponse`.
const SUCCESS_ANSWERED_FROM: i32 = 16;

/// Which text is longer than LiveKit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextTooLong {
    /// Over [`MAX_PARTICIPANT_NAME_BYTES`].
    #[error("name exceeds limits")]
    Name,
    /// Over [`MAX_METADATA_BYTES`].
    #[error("metadata exceeds limits")]
    Metadata,
    /// Over [`MAX_ATTRIBUTES_BYTES`].
    #[error("attributes exceed limits")]
    Attributes,
}

/// Whether a participant's texts are within their limits.
pub(super) fn check_texts(
    name: &str,
    metadata: &str,
    attributes: &BTreeMap<String, String>,
) -> Result<(), TextTooLong> {
    let pairs = attributes
        .iter()
        .map(|(key, value)| key.len().saturating_add(value.len()));
    if name.len() > MAX_PARTICIPANT_NAME_BYTES {
        return Err(TextTooLong::Name);
    }
    if metadata.len() > MAX_METADATA_BYTES {
        return Err(TextTooLong::Metadata);
    }
    if pairs.sum::<usize>() > MAX_ATTRIBUTES_BYTES {
        return Err(TextTooLong::Attributes);
    }
    Ok(())
}

/// A change of a participant's texts: what is empty stays, an attribute set to "" is deleted.
pub(super) struct TextChange {
    pub(super) name: String,
    pub(super) metadata: String,
    pub(super) attributes: BTreeMap<String, String>,
}

impl Room {
    /// A client changes its own texts.
    pub(super) fn update_own_metadata(
        &mut self,
        key: ParticipantKey,
        request: UpdateParticipantMetadata,
        now: Now,
    ) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let answers_success = participant.client.protocol >= SUCCESS_ANSWERED_FROM;
        let (reason, message) = if participant.claims.can_update_own_metadata() {
            let change = TextChange {
                name: request.name.clone(),
                metadata: request.metadata.clone(),
                attributes: request.attributes.clone().into_iter().collect(),
            };
            match self.change_texts(key, change) {
                Ok(()) => (Reason::Ok, String::new()),
                Err(too_long) => (Reason::LimitExceeded, too_long.to_string()),
            }
        } else {
            (
                Reason::NotAllowed,
                "does not have permission to update own metadata".into(),
            )
        };
        if reason == Reason::Ok {
            self.announce(key, true);
            self.refresh_token(key, now);
        }
        if reason != Reason::Ok || answers_success {
            let request_id = request.request_id;
            let request = Some(Request::UpdateMetadata(request));
            self.respond(key, request_id, reason, message, request);
        }
    }

    /// Applies a change, all of it or nothing.
    pub(super) fn change_texts(
        &mut self,
        key: ParticipantKey,
        change: TextChange,
    ) -> Result<(), TextTooLong> {
        let Some(participant) = self.roster.get_mut(&key) else {
            return Ok(());
        };
        let claims = &mut participant.claims;
        let mut attributes = claims.attributes.clone();
        for (name, value) in change.attributes {
            if value.is_empty() {
                attributes.remove(&name);
            } else {
                attributes.insert(name, value);
            }
        }
        check_texts(&change.name, &change.metadata, &attributes)?;
        if !change.name.is_empty() {
            claims.name = change.name;
        }
        if !change.metadata.is_empty() {
            claims.metadata = change.metadata;
        }
        claims.attributes = attributes;
        Ok(())
    }

    /// Answers a request.
    pub(super) fn respond(
        &mut self,
        key: ParticipantKey,
        request_id: u32,
        reason: Reason,
        message: String,
        request: Option<Request>,
    ) {
        let response = RequestResponse {
            request_id,
            reason: reason.into(),
            message,
            request,
        };
        self.tell(key, Message::RequestResponse(response));
    }
}
