//! `PerformRpc`: the server asks a participant, who answers over its data channel.
//!
//! Source: LiveKit `pkg/rtc/participant.go` `PerformRpc` and `pkg/utils/rpc.go` (codes, words and
//! limits); the ids differ, so that the media plane can tell the answers from others' (see
//! [`SERVER_RPC_PREFIX`]).

use super::Room;
use super::admin::ParticipantNotFound;
use super::timers::Timer;
use crate::keys::RpcKey;
use crate::now::Now;
use crate::output::Output;
use bytes::Bytes;
use livekit_protocol::data_packet::Value;
use livekit_protocol::{DataPacket, PerformRpcRequest, RpcRequest, rpc_response};
use media::plane::{DataTarget, SERVER_RPC_PREFIX};
use media::{Channel, MediaCommand};
use prost::Message as _;
use std::time::Duration;
use vocab::ParticipantKey;

/// Payload of a request or of an answer, in bytes: beyond it the call is refused or failed.
pub const MAX_RPC_PAYLOAD_BYTES: usize = 15_360;
/// Name of a method, in bytes: beyond it the call is refused. `LiveKit`'s clients allow 64.
pub const MAX_RPC_METHOD_BYTES: usize = 256;
/// Calls that wait in one room: beyond it further ones are refused.
pub const MAX_PENDING_RPCS: usize = 1_000;
/// How long an answer is waited for when the caller does not say.
pub const DEFAULT_RPC_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a caller may wait for: longer wishes are cut to this.
pub const MAX_RPC_TIMEOUT: Duration = Duration::from_mins(1);
/// How long the acknowledgement may take, which a client sends before it runs the method
/// (LiveKit's client SDKs wait as long, 7 s, for each other).
pub const RPC_ACK_TIMEOUT: Duration = Duration::from_secs(7);

/// The version of requests whose payload travels in the request itself. Clients that know newer
/// ones serve it too.
const RPC_VERSION: u32 = 1;
/// Longest words of a participant's own error, in bytes; what is longer is cut.
const MAX_RPC_MESSAGE_BYTES: usize = 256;

/// Why a call has no answer. Written as LiveKit writes it, with its code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcFailure {
    /// Nobody of that identity is in the room.
    #[error(transparent)]
    ParticipantNotFound(#[from] ParticipantNotFound),
    /// Over [`MAX_RPC_PAYLOAD_BYTES`].
    #[error("RpcError 1402: Request payload too large: {0} bytes of {MAX_RPC_PAYLOAD_BYTES}")]
    RequestTooLarge(usize),
    /// Over [`MAX_RPC_METHOD_BYTES`], or empty.
    #[error("the method's name must have 1 to {MAX_RPC_METHOD_BYTES} bytes; it has {0}")]
    BadMethod(usize),
    /// [`MAX_PENDING_RPCS`].
    #[error("{MAX_PENDING_RPCS} calls wait in this room already")]
    TooMany,
    /// No acknowledgement within [`RPC_ACK_TIMEOUT`].
    #[error("RpcError 1501: Connection timeout")]
    ConnectionTimeout,
    /// No answer within the caller's time.
    #[error("RpcError 1502: Response timeout")]
    ResponseTimeout,
    /// The participant left, or the room ended.
    #[error("RpcError 1503: Recipient disconnected")]
    Disconnected,
    /// The answer is over [`MAX_RPC_PAYLOAD_BYTES`], or in a form that was not asked for.
    #[error("RpcError 1504: Response payload too large")]
    ResponseTooLarge,
    /// The participant has no such method.
    #[error("RpcError 1400: Method not supported at destination")]
    UnsupportedMethod,
    /// The participant's own error.
    #[error("RpcError {code}: {words}")]
    Application {
        /// 1500 for an unexpected one, else the method's.
        code: u32,
        /// The method's words, and its data.
        words: String,
    },
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct PendingRpc {
    id: String,
    participant: ParticipantKey,
}

impl Room {
    /// `PerformRpc`: asks a participant. On `Ok`, exactly one [`Output::Rpc`] of that key follows.
    pub fn perform_rpc(
        &mut self,
        rpc: RpcKey,
        request: PerformRpcRequest,
        now: Now,
    ) -> Result<(), RpcFailure> {
        let participant = self.identified(&request.destination_identity)?;
        let (method, payload) = (request.method.len(), request.payload.len());
        if method == 0 || method > MAX_RPC_METHOD_BYTES {
            return Err(RpcFailure::BadMethod(method));
        }
        if payload > MAX_RPC_PAYLOAD_BYTES {
            return Err(RpcFailure::RequestTooLarge(payload));
        }
        if self.rpcs.len() >= MAX_PENDING_RPCS {
            return Err(RpcFailure::TooMany);
        }
        let timeout = match request.response_timeout_ms {
            0 => DEFAULT_RPC_TIMEOUT,
            millis => Duration::from_millis(millis.into()).min(MAX_RPC_TIMEOUT),
        };
        let id = self.new_sid(SERVER_RPC_PREFIX);
        let value = RpcRequest {
            id: id.clone(),
            method: request.method,
            payload: request.payload,
            response_timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            version: RPC_VERSION,
            ..RpcRequest::default()
        };
        // The request's id stands for the caller, so that the answer is addressed to it and to
        // no participant.
        let packet = DataPacket {
            participant_identity: id.clone(),
            destination_identities: vec![request.destination_identity],
            value: Some(Value::RpcRequest(value)),
            ..DataPacket::default()
        };
        self.command(MediaCommand::SendData {
            room: self.key,
            to: DataTarget::Some(vec![participant]),
            channel: Channel::Reliable,
            payload: Bytes::from(packet.encode_to_vec()),
        });
        self.timers
            .set(Timer::RpcResponse(rpc), now.instant + timeout);
        if RPC_ACK_TIMEOUT < timeout {
            self.timers
                .set(Timer::RpcAck(rpc), now.instant + RPC_ACK_TIMEOUT);
        }
        self.rpcs.insert(rpc, PendingRpc { id, participant });
        Ok(())
    }

    /// A participant acknowledged or answered. What answers nothing that waits is ignored, and so
    /// is what comes from somebody else than was asked.
    pub(super) fn rpc_answered(&mut self, from: ParticipantKey, packet: &[u8]) {
        let Ok(packet) = DataPacket::decode(packet) else {
            return;
        };
        match packet.value {
            Some(Value::RpcAck(ack)) => {
                if let Some(rpc) = self.waiting_rpc(from, &ack.request_id) {
                    self.timers.clear(Timer::RpcAck(rpc));
                }
            }
            Some(Value::RpcResponse(response)) => {
                if let Some(rpc) = self.waiting_rpc(from, &response.request_id) {
                    self.end_rpc(rpc, read_response(response.value));
                }
            }
            _ => {}
        }
    }

    fn waiting_rpc(&self, from: ParticipantKey, id: &str) -> Option<RpcKey> {
        let mut waiting = self.rpcs.iter();
        let found = waiting.find(|(_, pending)| pending.participant == from && pending.id == id);
        found.map(|(rpc, _)| *rpc)
    }

    /// Nobody answered in time.
    pub(super) fn rpc_timed_out(&mut self, rpc: RpcKey, failure: RpcFailure) {
        self.end_rpc(rpc, Err(failure));
    }

    /// Whoever was asked is gone.
    pub(super) fn fail_rpcs(&mut self, gone: ParticipantKey) {
        let asked = self.rpcs.iter().filter(|(_, p)| p.participant == gone);
        for rpc in asked.map(|(rpc, _)| *rpc).collect::<Vec<_>>() {
            self.end_rpc(rpc, Err(RpcFailure::Disconnected));
        }
    }

    fn end_rpc(&mut self, rpc: RpcKey, result: Result<String, RpcFailure>) {
        self.timers.clear(Timer::RpcAck(rpc));
        self.timers.clear(Timer::RpcResponse(rpc));
        if self.rpcs.remove(&rpc).is_some() {
            self.outputs.push_back(Output::Rpc { rpc, result });
        }
    }
}

/// What a participant answered.
fn read_response(value: Option<rpc_response::Value>) -> Result<String, RpcFailure> {
    match value {
        Some(rpc_response::Value::Payload(payload)) if payload.len() <= MAX_RPC_PAYLOAD_BYTES => {
            Ok(payload)
        }
        Some(rpc_response::Value::Payload(_) | rpc_response::Value::CompressedPayload(_)) => {
            Err(RpcFailure::ResponseTooLarge)
        }
        Some(rpc_response::Value::Error(error)) => Err(match error.code {
            1_400 => RpcFailure::UnsupportedMethod,
            1_502 => RpcFailure::ResponseTimeout,
            1_504 => RpcFailure::ResponseTooLarge,
            code => {
                let message = cut(&error.message, MAX_RPC_MESSAGE_BYTES);
                let data = cut(&error.data, MAX_RPC_PAYLOAD_BYTES);
                let colon = if data.is_empty() { "" } else { ": " };
                let words = format!("{message}{colon}{data}");
                RpcFailure::Application { code, words }
            }
        }),
        None => Ok(String::new()),
    }
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes))
        .unwrap_or_default()
}
