//! WHIP and WHEP sessions: a resource per POST, found by an id that cannot be guessed and only
//! with a token of the participant that made it.

mod table;

use crate::control::{Control, NoRoom};
use crate::handle::{CallError, ControlHandle};
use crate::session::OpenSessionError;
use crate::staged::{Reply, Saved};
use auth::Claims;
use logbook::AttemptKey;
use signal::{
    ExchangeAnswer, ExchangeRefusal, ExchangeRestart, PatchExchangeError, Patched, TrickleFragment,
};
use std::time::Duration;
use tokio::sync::oneshot;
use vocab::{ErrorKind, SessionKey};

pub(crate) use table::Exchanges;
use table::{Entry, MAX_EXCHANGES};

/// How long a POST waits for the media plane's answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

/// Which way media flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExchangeKind {
    /// WHIP: the client publishes.
    Publish,
    /// WHEP: the client watches; `source` picks whose tracks.
    Watch {
        /// An identity, or whoever publishes.
        source: Option<String>,
    },
}

/// An answered POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedExchange {
    /// 128 random bits in hexadecimal: the resource's name.
    pub id: String,
    /// The answer and its tag.
    pub answer: ExchangeAnswer,
}

/// Why a POST was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenExchangeError {
    /// The token does not open this room, or the room cannot be made.
    #[error(transparent)]
    Session(#[from] OpenSessionError),
    /// The room or the media plane refused the offer.
    #[error(transparent)]
    Refused(#[from] ExchangeRefusal),
    /// `MAX_EXCHANGES` are open.
    #[error("{MAX_EXCHANGES} WHIP and WHEP sessions are open already")]
    TooMany,
    /// The control thread did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The system's random generator failed.
    #[error("the system's random generator failed")]
    NoRandomness,
}

impl OpenExchangeError {
    /// What the caller can do about it; `Precondition` is 422, `Conflict` 409.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Session(e) => e.kind(),
            Self::Refused(e) => e.kind(),
            Self::TooMany => ErrorKind::Exhausted,
            Self::Call(e) => e.kind(),
            Self::NoRandomness => ErrorKind::Unavailable,
        }
    }
}

/// There is no such resource for this token. The same whether it never existed, has ended or
/// belongs to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session does not exist")]
pub struct ExchangeNotFound;

/// Why a PATCH was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// No such resource for this token.
    #[error(transparent)]
    NotFound(#[from] ExchangeNotFound),
    /// `If-Match` names another ICE session.
    #[error("the entity tag does not match; the session has another one")]
    TagMismatch,
    /// The room refused.
    #[error(transparent)]
    Refused(#[from] PatchExchangeError),
    /// The media plane refused the restart; the session goes on as before.
    #[error(transparent)]
    Restart(#[from] ExchangeRefusal),
    /// The control thread did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ControlHandle {
    /// Opens a WHIP or WHEP session and waits for the media plane's answer. A caller that goes
    /// away meanwhile leaves nothing behind. What follows is noted of `attempt`.
    pub async fn open_exchange(
        &self,
        kind: ExchangeKind,
        room: String,
        claims: Claims,
        offer: String,
        attempt: AttemptKey,
    ) -> Result<OpenedExchange, OpenExchangeError> {
        let mut bits = [0; 16];
        aws_lc_rs::rand::fill(&mut bits).map_err(|_| OpenExchangeError::NoRandomness)?;
        let id = hex(&bits);
        let (control, name) = (self.clone(), id.clone());
        let (mut pending, answered) = self
            .run(move |c| {
                c.attempts.begin(attempt);
                let opened = c.open_exchange(kind, &room, claims, offer, name);
                c.attempts.end();
                let (session, answered) = opened?;
                let pending = Pending {
                    session,
                    control,
                    settled: false,
                };
                Ok::<_, OpenExchangeError>((pending, answered))
            })
            .await??;
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(answer)) => answer?,
            Ok(Err(_)) | Err(_) => return Err(ExchangeRefusal::Unavailable.into()),
        };
        pending.settled = true;
        Ok(OpenedExchange { id, answer })
    }

    /// Trickles candidates (`None`), or restarts ICE and waits for the media plane's answer.
    /// `if_match`: the tag without quotes, or `*`.
    pub async fn patch_exchange(
        &self,
        id: String,
        room: String,
        claims: Claims,
        if_match: String,
        fragment: TrickleFragment,
    ) -> Result<Option<ExchangeRestart>, PatchError> {
        let patch =
            move |c: &mut Control| c.patch_exchange(&id, &room, &claims, &if_match, &fragment);
        let Some(answered) = self.run(patch).await?? else {
            return Ok(None);
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(answer)) => Ok(Some(answer?)),
            // The resource ended meanwhile.
            Ok(Err(_)) => Err(ExchangeNotFound.into()),
            Err(_) => Err(ExchangeRefusal::Unavailable.into()),
        }
    }
}

/// An exchange whose caller has not been answered yet: ended when the caller goes away.
struct Pending {
    session: SessionKey,
    control: ControlHandle,
    settled: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.settled {
            let session = self.session;
            self.control.post_last(move |c| c.end_exchange(session));
        }
    }
}

type Answer = Result<ExchangeAnswer, ExchangeRefusal>;
type RestartAnswer = Result<ExchangeRestart, ExchangeRefusal>;

impl Control {
    fn open_exchange(
        &mut self,
        kind: ExchangeKind,
        room: &str,
        claims: Claims,
        offer: String,
        id: String,
    ) -> Result<(SessionKey, oneshot::Receiver<Answer>), OpenExchangeError> {
        self.authorise_join(room, &claims)?;
        self.admit_newcomer(room, claims.identity(), false)?;
        self.require_store().map_err(OpenSessionError::from)?;
        if self.exchanges.len() >= MAX_EXCHANGES {
            return Err(OpenExchangeError::TooMany);
        }
        let key = self.room_for_join(room, &claims)?;
        let session = self.keys.session();
        let (answer, answered) = oneshot::channel();
        let entry = Entry::new(session, key, room, claims.identity(), answer);
        self.exchanges.add(id, entry);
        let now = Self::now();
        let started = self.with_room(key, |room| match &kind {
            ExchangeKind::Publish => room.handle_whip(session, claims, offer, now),
            ExchangeKind::Watch { source } => {
                room.handle_whep(session, claims, offer, source.as_deref(), now);
            }
        });
        if started == Err(NoRoom) {
            self.exchanges.forget(session);
            return Err(ExchangeRefusal::Unavailable.into());
        }
        Ok((session, answered))
    }

    /// The room's one answer to an offer; the caller gets it once the batch is on disk.
    pub(crate) fn answer_exchange(&mut self, session: SessionKey, result: Answer) {
        let Some(waiting) = self.exchanges.settle(session, &result) else {
            return;
        };
        self.stage_reply(Reply {
            release: Box::new(move |saved| {
                let _ = waiting.send(match saved {
                    Saved::Yes => result,
                    Saved::No => Err(ExchangeRefusal::Unavailable),
                });
            }),
            wrote: true,
        });
    }

    /// Whether the resource exists for this token; its tag.
    pub fn exchange_tag(
        &self,
        id: &str,
        room: &str,
        claims: &Claims,
    ) -> Result<String, ExchangeNotFound> {
        self.exchanges
            .find(id, room, claims.identity())
            .map(|(_, entry)| entry.tag().to_owned())
    }

    fn patch_exchange(
        &mut self,
        id: &str,
        room: &str,
        claims: &Claims,
        if_match: &str,
        fragment: &TrickleFragment,
    ) -> Result<Option<oneshot::Receiver<RestartAnswer>>, PatchError> {
        let (session, entry) = self.exchanges.find(id, room, claims.identity())?;
        if if_match != "*" && if_match != entry.tag() {
            return Err(PatchError::TagMismatch);
        }
        let key = entry.room();
        let now = Self::now();
        let patched = self
            .with_room(key, |room| room.handle_patch(session, fragment, now))
            .map_err(|NoRoom| ExchangeNotFound)??;
        Ok(match patched {
            Patched::Trickled => None,
            // The media plane is told at the end of the batch: it cannot have answered yet.
            Patched::Restarting => {
                let (answer, answered) = oneshot::channel();
                self.exchanges.restart(session, answer);
                Some(answered)
            }
        })
    }

    /// The room's one answer to a restart.
    pub(crate) fn answer_restart(&mut self, session: SessionKey, result: RestartAnswer) {
        if let Some(waiting) = self.exchanges.settle_restart(session, &result) {
            self.stage_reply(Reply {
                release: Box::new(move |_| {
                    // A caller that went away needs no answer.
                    let _ = waiting.send(result);
                }),
                wrote: false,
            });
        }
    }

    /// Ends a resource.
    pub fn delete_exchange(
        &mut self,
        id: &str,
        room: &str,
        claims: &Claims,
    ) -> Result<(), ExchangeNotFound> {
        let (session, _) = self.exchanges.find(id, room, claims.identity())?;
        self.end_exchange(session);
        Ok(())
    }

    fn end_exchange(&mut self, session: SessionKey) {
        let Some(entry) = self.exchanges.forget(session) else {
            return;
        };
        let now = Self::now();
        let _ = self.with_room(entry.room(), |room| room.handle_delete(session, now));
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
