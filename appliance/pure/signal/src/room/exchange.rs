//! WHIP and WHEP: one offer, one answer, no signalling connection (`livekit.md` §11).

use super::Room;
use crate::now::Now;
use vocab::{ErrorKind, SessionKey};

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
    /// The fragment's ICE credentials are new: a restart, which the box does not do (422).
    #[error("ICE restart is not supported; post a new offer instead")]
    RestartUnsupported,
}

impl PatchExchangeError {
    /// What the caller can do about it. `Precondition` is 422.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::RestartUnsupported => ErrorKind::Precondition,
        }
    }
}

/// A trickled piece of SDP, already parsed.
#[derive(Debug, Clone, Default)]
pub struct TrickleFragment {
    /// The fragment's `ice-ufrag`, where given.
    pub ufrag: Option<String>,
    /// `candidate:…` lines, without `a=`.
    pub candidates: Vec<String>,
}

impl Room {
    /// A WHIP offer. Answered by exactly one [`crate::Output::Exchange`].
    pub fn handle_whip(
        &mut self,
        _session: SessionKey,
        _claims: auth::Claims,
        _offer: String,
        _now: Now,
    ) {
    }

    /// A WHEP offer; `source` picks whose tracks (`?identity=`), otherwise the first live ones.
    /// Answered by exactly one [`crate::Output::Exchange`].
    pub fn handle_whep(
        &mut self,
        _session: SessionKey,
        _claims: auth::Claims,
        _offer: String,
        _source: Option<&str>,
        _now: Now,
    ) {
    }

    /// A PATCH with candidates.
    pub fn handle_patch(
        &mut self,
        _session: SessionKey,
        _fragment: &TrickleFragment,
        _now: Now,
    ) -> Result<(), PatchExchangeError> {
        Err(PatchExchangeError::NotFound)
    }

    /// A DELETE. False when the resource is already gone.
    pub fn handle_delete(&mut self, _session: SessionKey, _now: Now) -> bool {
        false
    }
}
