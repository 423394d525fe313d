//! One signalling message per WebSocket message: protobuf in binary frames, proto3 JSON in text
//! frames.

use axum::extract::ws::Message;
use livekit_protocol::{SignalRequest, SignalResponse};
use prost::Message as _;

/// How a client writes, and is therefore written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Framing {
    /// Every current SDK.
    #[default]
    Protobuf,
    /// Legacy.
    Json,
}

/// A message that is no `SignalRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

pub(super) fn read_binary(bytes: &[u8]) -> Result<SignalRequest, Malformed> {
    SignalRequest::decode(bytes).map_err(|_| Malformed)
}

pub(super) fn read_text(text: &str) -> Result<SignalRequest, Malformed> {
    serde_json::from_str(text).map_err(|_| Malformed)
}

pub(super) fn write(framing: Framing, response: &SignalResponse) -> Option<Message> {
    match framing {
        Framing::Protobuf => Some(Message::Binary(response.encode_to_vec().into())),
        Framing::Json => serde_json::to_string(response)
            .ok()
            .map(|text| Message::Text(text.into())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;
    use livekit_protocol::{signal_request, signal_response};

    #[test]
    fn both_framings_say_the_same() {
        let want = SignalRequest {
            message: Some(signal_request::Message::Ping(7)),
        };
        assert_eq!(read_binary(&want.encode_to_vec()), Ok(want.clone()));
        assert_eq!(read_text(r#"{"ping":"7"}"#), Ok(want));
        let pong = SignalResponse {
            message: Some(signal_response::Message::Pong(7)),
        };
        assert_eq!(
            write(Framing::Json, &pong),
            Some(Message::Text(r#"{"pong":"7"}"#.into()))
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (name, result) in [
            ("a truncated field", read_binary(&[0x0a, 0x05, 0x01])),
            ("not JSON", read_text("{")),
            ("a wrong type", read_text(r#"{"ping":{}}"#)),
            ("a tower of arrays", read_text(&"[".repeat(100_000))),
        ] {
            assert_eq!(result, Err(Malformed), "{name}");
        }
    }
}
