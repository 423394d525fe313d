//! `PerformRpc`: who waits for a participant's answer.

use crate::control::{Control, NoRoom};
use crate::handle::{CallError, ControlHandle};
use crate::room::RoomNotFound;
use crate::staged::Reply;
use livekit_protocol::PerformRpcRequest;
use signal::{RpcFailure, RpcKey};
use std::collections::HashMap;
use tokio::sync::oneshot;
use vocab::RoomKey;

/// Why a call of a participant has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PerformRpcError {
    /// No room of that name lives.
    #[error(transparent)]
    RoomNotFound(#[from] RoomNotFound),
    /// The room refused it, or the participant did not answer.
    #[error(transparent)]
    Failed(#[from] RpcFailure),
    /// The control thread did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<NoRoom> for PerformRpcError {
    fn from(_: NoRoom) -> Self {
        Self::Failed(RpcFailure::Disconnected)
    }
}

type Answer = Result<String, RpcFailure>;

/// The callers, by their call. A room keeps the number of its own below
/// [`signal::MAX_PENDING_RPCS`] and answers each within [`signal::MAX_RPC_TIMEOUT`].
#[derive(Debug, Default)]
pub(crate) struct PendingRpcs(HashMap<RpcKey, (RoomKey, oneshot::Sender<Answer>)>);

impl PendingRpcs {
    /// A room is gone: its callers learn that from the dropped reply.
    pub(crate) fn forget_room(&mut self, room: RoomKey) {
        self.0.retain(|_, (of, _)| *of != room);
    }
}

impl ControlHandle {
    /// Asks a participant and waits for its answer, at most [`signal::MAX_RPC_TIMEOUT`].
    ///
    /// # Errors
    /// [`PerformRpcError`]; the room's own timers end the wait.
    pub async fn perform_rpc(&self, request: PerformRpcRequest) -> Result<String, PerformRpcError> {
        let answered = self.run(move |c| c.perform_rpc(request)).await??;
        // A dropped reply: the room ended with the call in it.
        let answer = answered.await.unwrap_or(Err(RpcFailure::Disconnected));
        Ok(answer?)
    }
}

impl Control {
    fn perform_rpc(
        &mut self,
        request: PerformRpcRequest,
    ) -> Result<oneshot::Receiver<Answer>, PerformRpcError> {
        let key = self.room_key(&request.room)?;
        let (rpc, now) = (self.keys.rpc(), Self::now());
        let (answer, answered) = oneshot::channel();
        self.rpcs.0.insert(rpc, (key, answer));
        let started = self.with_room(key, |room| room.perform_rpc(rpc, request, now));
        if !matches!(started, Ok(Ok(()))) {
            self.rpcs.0.remove(&rpc);
        }
        started??;
        Ok(answered)
    }

    /// The room's one answer to a call.
    pub(crate) fn answer_rpc(&mut self, rpc: RpcKey, result: Answer) {
        let Some((_, waiting)) = self.rpcs.0.remove(&rpc) else {
            return;
        };
        self.stage_reply(Reply {
            release: Box::new(move |_| {
                // A caller that went away needs no answer.
                let _ = waiting.send(result);
            }),
            wrote: false,
        });
    }
}
