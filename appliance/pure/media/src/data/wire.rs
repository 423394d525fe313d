//! `livekit.DataPacket` on the wire: read without decoding, stamped without re-encoding, so that
//! fields this box does not know survive.
//!
//! Source: livekit/protocol `livekit_models.proto`; field numbers are cross-checked against the
//! crate `livekit-protocol` in the tests. Wire format: protobuf.dev "Encoding".

use crate::Channel;
use crate::plane::SERVER_RPC_PREFIX;
use bytes::Bytes;
use smallvec::SmallVec;

/// Addressees in one message; a message with more is refused as malformed. Each is compared with
/// every participant, so this bounds the work a 64 KiB message can cause.
pub const MAX_DATA_DESTINATIONS: usize = 256;

/// Text streams of this topic are chat messages (`livekit-client`, `LegacyDataTopics`).
const CHAT_TOPIC: &[u8] = b"lk.chat";

/// Field numbers of `DataPacket`.
mod packet {
    pub(super) const KIND: u64 = 1;
    pub(super) const USER: u64 = 2;
    pub(super) const PARTICIPANT_IDENTITY: u64 = 4;
    pub(super) const DESTINATION_IDENTITIES: u64 = 5;
    pub(super) const TRANSCRIPTION: u64 = 7;
    pub(super) const METRICS: u64 = 8;
    pub(super) const CHAT_MESSAGE: u64 = 9;
    pub(super) const RPC_ACK: u64 = 11;
    pub(super) const RPC_RESPONSE: u64 = 12;
    pub(super) const STREAM_HEADER: u64 = 13;
    pub(super) const SEQUENCE: u64 = 16;
    pub(super) const PARTICIPANT_SID: u64 = 17;
}

/// Field numbers of `UserPacket`; those of the sender are deprecated but still read by clients.
mod user {
    pub(super) const PARTICIPANT_SID: u64 = 1;
    pub(super) const DESTINATION_SIDS: u64 = 3;
    pub(super) const PARTICIPANT_IDENTITY: u64 = 5;
    pub(super) const DESTINATION_IDENTITIES: u64 = 6;
    pub(super) const NONCE: u64 = 11;
}

/// `DataStream.Header.topic`.
const HEADER_TOPIC: u64 = 3;

/// `RpcAck.request_id` and `RpcResponse.request_id`.
const RPC_REQUEST_ID: u64 = 1;

/// What routing needs to know of a data packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned<'a> {
    /// 0 when absent.
    pub(crate) sequence: u32,
    /// From the packet and from its `user` part; both lists empty: everyone.
    pub(crate) identities: SmallVec<[&'a [u8]; 4]>,
    /// From `user.destination_sids`.
    pub(crate) sids: SmallVec<[&'a [u8]; 4]>,
    /// `user.nonce`, when it has the 16 bytes it should have.
    pub(crate) nonce: Option<[u8; 16]>,
    /// A chat message: a `ChatMessage` or the start of a chat text stream.
    pub(crate) is_chat: bool,
    /// What somebody said, in writing: from agents only.
    pub(crate) is_transcription: bool,
    /// Client metrics: for those who may have them, not for everyone.
    pub(crate) is_metrics: bool,
    /// An acknowledgement of or an answer to an RPC request of the server's own.
    pub(crate) answers_server: bool,
}

impl Scanned<'_> {
    fn destinations(&self) -> usize {
        self.identities.len() + self.sids.len()
    }
}

/// One field: its number, its value, and its bytes including the tag.
struct Field<'a> {
    number: u64,
    value: Value<'a>,
    raw: &'a [u8],
}

enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// 32 or 64 bits; nothing here has any.
    Fixed,
}

/// Reads a packet; `None` when it is not well-formed or names too many addressees.
pub(crate) fn scan(bytes: &[u8]) -> Option<Scanned<'_>> {
    let mut scanned = Scanned::default();
    for field in Fields(bytes) {
        match field? {
            Field {
                number: packet::SEQUENCE,
                value: Value::Varint(sequence),
                ..
            } => {
                scanned.sequence = sequence as u32;
            }
            Field {
                number: packet::DESTINATION_IDENTITIES,
                value: Value::Bytes(identity),
                ..
            } => {
                scanned.identities.push(identity);
            }
            Field {
                number: packet::USER,
                value: Value::Bytes(user),
                ..
            } => {
                scan_user(user, &mut scanned)?;
            }
            Field {
                number: packet::CHAT_MESSAGE,
                value: Value::Bytes(_),
                ..
            } => {
                scanned.is_chat = true;
            }
            Field {
                number: packet::STREAM_HEADER,
                value: Value::Bytes(header),
                ..
            } => {
                scanned.is_chat |= is_chat_stream(header)?;
            }
            Field {
                number: packet::TRANSCRIPTION,
                value: Value::Bytes(_),
                ..
            } => {
                scanned.is_transcription = true;
            }
            Field {
                number: packet::METRICS,
                value: Value::Bytes(_),
                ..
            } => {
                scanned.is_metrics = true;
            }
            Field {
                number: packet::RPC_ACK | packet::RPC_RESPONSE,
                value: Value::Bytes(answer),
                ..
            } => {
                scanned.answers_server |= answers_server(answer)?;
            }
            _ => {}
        }
        if scanned.destinations() > MAX_DATA_DESTINATIONS {
            return None;
        }
    }
    Some(scanned)
}

fn scan_user<'a>(bytes: &'a [u8], scanned: &mut Scanned<'a>) -> Option<()> {
    for field in Fields(bytes) {
        let Field {
            number,
            value: Value::Bytes(value),
            ..
        } = field?
        else {
            continue;
        };
        match number {
            user::DESTINATION_SIDS => scanned.sids.push(value),
            user::DESTINATION_IDENTITIES => scanned.identities.push(value),
            user::NONCE => scanned.nonce = value.try_into().ok(),
            _ => {}
        }
        if scanned.destinations() > MAX_DATA_DESTINATIONS {
            return None;
        }
    }
    Some(())
}

fn is_chat_stream(header: &[u8]) -> Option<bool> {
    let mut is_chat = false;
    for field in Fields(header) {
        if let Field {
            number: HEADER_TOPIC,
            value: Value::Bytes(topic),
            ..
        } = field?
        {
            is_chat = topic == CHAT_TOPIC;
        }
    }
    Some(is_chat)
}

fn answers_server(answer: &[u8]) -> Option<bool> {
    let mut is_ours = false;
    for field in Fields(answer) {
        if let Field {
            number: RPC_REQUEST_ID,
            value: Value::Bytes(id),
            ..
        } = field?
        {
            is_ours = id.starts_with(SERVER_RPC_PREFIX.as_bytes());
        }
    }
    Some(is_ours)
}

/// The packet with the sender it really comes from and the channel it really came on; all other
/// fields byte for byte. `None` when it is not well-formed.
pub(crate) fn stamp(bytes: &[u8], channel: Channel, sid: &str, identity: &str) -> Option<Bytes> {
    let mut stamped = Vec::with_capacity(bytes.len() + 2 * (sid.len() + identity.len()) + 24);
    for field in Fields(bytes) {
        let field = field?;
        match (field.number, &field.value) {
            (packet::KIND | packet::PARTICIPANT_IDENTITY | packet::PARTICIPANT_SID, _) => {}
            (packet::USER, Value::Bytes(user)) => {
                let user = stamp_user(user, sid, identity)?;
                put_bytes(&mut stamped, packet::USER, &user);
            }
            _ => stamped.extend_from_slice(field.raw),
        }
    }
    if channel == Channel::Lossy {
        put_varint(&mut stamped, packet::KIND << 3);
        put_varint(&mut stamped, 1);
    }
    put_bytes(
        &mut stamped,
        packet::PARTICIPANT_IDENTITY,
        identity.as_bytes(),
    );
    put_bytes(&mut stamped, packet::PARTICIPANT_SID, sid.as_bytes());
    Some(stamped.into())
}

fn stamp_user(bytes: &[u8], sid: &str, identity: &str) -> Option<Vec<u8>> {
    let mut stamped = Vec::with_capacity(bytes.len() + sid.len() + identity.len() + 8);
    put_bytes(&mut stamped, user::PARTICIPANT_SID, sid.as_bytes());
    put_bytes(
        &mut stamped,
        user::PARTICIPANT_IDENTITY,
        identity.as_bytes(),
    );
    for field in Fields(bytes) {
        let field = field?;
        if !matches!(
            field.number,
            user::PARTICIPANT_SID | user::PARTICIPANT_IDENTITY
        ) {
            stamped.extend_from_slice(field.raw);
        }
    }
    Some(stamped)
}

/// The fields of a message in order; `None` once for the first that is not well-formed, then the
/// end.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Option<Field<'a>> {
        let start = self.0;
        let tag = self.varint().filter(|tag| u32::try_from(*tag).is_ok())?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            // Groups are not part of proto3.
            _ => return None,
        };
        let raw = start.get(..start.len() - self.0.len())?;
        let number = tag >> 3;
        (number != 0).then_some(Field { number, value, raw })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn put_bytes(to: &mut Vec<u8>, number: u64, value: &[u8]) {
    put_varint(to, number << 3 | 2);
    put_varint(to, value.len() as u64);
    to.extend_from_slice(value);
}

#[cfg(test)]
mod tests;
