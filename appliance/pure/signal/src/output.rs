//! What a room asks of the world around it.

use crate::keys::RpcKey;
use crate::room::{ExchangeRefusal, RpcFailure};
use domain::event::Event;
use livekit_protocol::{SignalResponse, WebhookEvent};
use media::MediaCommand;
use std::time::Instant;
use vocab::SessionKey;

/// One thing to do. Drain [`crate::Room::poll_output`] until [`Output::Wait`] after every input.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "moved once from queue to caller")]
pub enum Output {
    /// A message for one WebSocket.
    Send {
        /// To whom.
        session: SessionKey,
        /// What.
        response: SignalResponse,
    },
    /// Close this WebSocket, or forget this WHIP/WHEP resource, after what was sent before.
    Close {
        /// Which.
        session: SessionKey,
    },
    /// Mint a fresh access token with these claims, valid as `livekit.md` §2 *Tokens* says, and
    /// send it as `refresh_token`.
    Token {
        /// To whom.
        session: SessionKey,
        /// The participant's claims as they stand now; `exp` is the original one.
        claims: Box<auth::Claims>,
    },
    /// For the media plane, in this order.
    Media(MediaCommand),
    /// For the journal.
    Event(Event),
    /// For the outbox.
    Webhook(Box<WebhookEvent>),
    /// The one answer to `handle_whip` or `handle_whep`. After a refusal the session is unknown
    /// to the room.
    Exchange {
        /// The resource.
        session: SessionKey,
        /// Answer or refusal.
        result: Result<ExchangeAnswer, ExchangeRefusal>,
    },
    /// The one answer to a PATCH that restarted ICE. After a refusal the session goes on as
    /// before.
    Restarted {
        /// The resource.
        session: SessionKey,
        /// Answer or refusal.
        result: Result<ExchangeRestart, ExchangeRefusal>,
    },
    /// The one answer to `perform_rpc`.
    Rpc {
        /// The call.
        rpc: RpcKey,
        /// The participant's payload, or why there is none.
        result: Result<String, RpcFailure>,
    },
    /// The room has ended and everything before this was its last: drop it.
    Closed,
    /// Nothing to do before this instant; `None` means before the next input.
    Wait(Option<Instant>),
}

/// The body and tag of a 201.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeAnswer {
    /// `application/sdp`.
    pub sdp: String,
    /// Our ICE ufrag, without quotes: new for each ICE session (RFC 9725 §4.3.1).
    pub etag: String,
}

/// The body and tag of a 200 to an ICE restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeRestart {
    /// `application/trickle-ice-sdpfrag`: our new credentials and candidates.
    pub fragment: String,
    /// Our new ICE ufrag, without quotes.
    pub etag: String,
}
