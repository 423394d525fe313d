//! What operators do: written down, done, written down again.
//!
//! An action's intent is on disk before anything happens, its outcome after; where the intent
//! cannot be written, nothing happens. The exception breaks the glass: what protects somebody in
//! danger is done all the same, and owed to the journal.
//!
//! A batch of actions costs two syncs of the audit journal, whatever their number: one before all
//! of them, one after what they caused went out.

mod alarm;
mod audit;
mod effect;
pub(crate) mod erasure;
mod pace;
mod queue;
mod remembered;
mod second;

use crate::event::QueryError;
use crate::handle::{CallError, ControlHandle};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use vocab::{ErrorKind, RoomName, UnixMillis};

pub use alarm::{AlarmChange, AlarmDesk, AlarmVerdict};
pub use domain::action::{
    Action, DEFAULT_DEADLINE, InvalidAction, Outcome, Reason, Role, Target, Verb,
};
pub use domain::audit::{AuditPhase, AuditRecord};
pub use domain::second::EndRequest;
pub use pace::{ACTION_BURST, ACTIONS_PER_SECOND};
pub use store::{AuditQuery, Chain, StoredAudit};

pub(crate) use alarm::Desk;
pub(crate) use queue::Actions;

/// What a caller waits for beyond the deadline: the disk, twice.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who acts, as a listener vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// `uid:0`, or an account's name.
    pub name: String,
    /// The most they may do.
    pub role: Role,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its intent's place in the audit journal; 0 while it is owed to it.
    pub audit: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// In one sentence, with what was counted.
    pub detail: String,
    /// From the intent on disk to the last effect.
    pub took: Duration,
    /// Until when somebody else may ask for the same; with [`Outcome::Waiting`].
    pub waits_until: Option<UnixMillis>,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// It is no action that could be tried.
    #[error("{0}")]
    Invalid(InvalidAction),
    /// The role does not reach.
    #[error("{act} needs the role {needs}, and {who} has {has}: ask somebody who has it", act = verb.as_str(), needs = verb.needs().as_str(), has = has.as_str())]
    Forbidden {
        /// What.
        verb: Verb,
        /// Who.
        who: String,
        /// What they have.
        has: Role,
    },
    /// Nothing of that id lives or ended lately.
    #[error("{0} does not exist on this box")]
    NotFound(Target),
    /// The key belongs to another action.
    #[error("the key was used for another action: use a fresh one")]
    KeyReused,
    /// More than anybody does by hand.
    #[error("too many actions: {ACTION_BURST} at once, then {ACTIONS_PER_SECOND} per second")]
    TooMany,
    /// No audit, no action.
    #[error(
        "nothing was done, because the audit journal cannot be written ({0}); end or mute for the reason safety is done all the same"
    )]
    AuditUnwritable(String),
    /// Whether the room ever lived is not known yet.
    #[error("nothing was done: {0}")]
    Past(String),
    /// The control thread did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ActError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::Forbidden { .. } => ErrorKind::Forbidden,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::KeyReused => ErrorKind::Conflict,
            Self::TooMany => ErrorKind::Exhausted,
            Self::AuditUnwritable(_) | Self::Past(_) => ErrorKind::Unavailable,
            Self::Call(e) => e.kind(),
        }
    }
}

/// What the record says of a room that does not live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Past {
    /// It lived under this name, since then and until then, as far as is indexed.
    Lived {
        /// Its name.
        name: RoomName,
        /// When it began.
        from: UnixMillis,
        /// When it ended.
        until: Option<UnixMillis>,
    },
    /// There was none, or it is not a room that is asked about.
    Unknown,
    /// The record cannot be asked now.
    Unreadable(String),
}

pub(crate) type Reply = oneshot::Sender<Result<Answer, ActError>>;

impl ControlHandle {
    /// Does it, with its intent on disk before and its outcome after.
    ///
    /// # Errors
    /// [`ActError`]: nothing was done, but for [`CallError`], where what was done is in the audit
    /// journal.
    pub async fn act(&self, action: Action, by: Operator) -> Result<Answer, ActError> {
        action.check().map_err(ActError::Invalid)?;
        let past = self.past(&action.target).await;
        let patience = action.deadline + PATIENCE;
        let (reply, answered) = oneshot::channel();
        self.run(move |c| c.begin_action(action, by, past, reply))
            .await?;
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CallError::Failed.into()),
            Err(_) => Err(CallError::Busy.into()),
        }
    }

    /// Where alarms are kept. The first one given stays.
    pub fn open_alarm_desk(&self, desk: Arc<dyn AlarmDesk>) {
        self.desk.open(desk);
    }

    async fn past(&self, target: &Target) -> Past {
        let Target::Room(sid) = target else {
            return Past::Unknown;
        };
        match self.room_session(sid.clone()).await {
            Ok(Some(room)) => Past::Lived {
                name: room.name,
                from: room.created_at,
                until: room.destroyed_at,
            },
            Ok(None) => Past::Unknown,
            Err(error @ (QueryError::Read(_) | QueryError::Interrupted)) => {
                Past::Unreadable(error.to_string())
            }
        }
    }
}
