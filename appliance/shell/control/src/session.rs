//! Signalling sessions: one per WebSocket.

use crate::control::{Control, NoRoom, NotReady, Session};
use crate::handle::{CallError, ControlHandle};
use crate::lane::{Cut, LaneReceiver, Outbound, lane};
use crate::room::{CreateRoomError, RoomNotFound, options_of_token};
use auth::Claims;
use livekit_protocol::SignalRequest;
use logbook::AttemptKey;
use signal::join::Join;
use signal::{JoinRefusal, Now};
use vocab::{ErrorKind, RoomKey, SessionKey};

/// Why a connection is refused before it is upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenSessionError {
    /// The token has no `roomJoin` for this room.
    #[error("permissions denied")]
    NotGranted,
    /// The token names nobody.
    #[error("identity cannot be empty")]
    NoIdentity,
    /// The token was taken back.
    #[error("the token has been revoked")]
    TokenRevoked,
    /// An operator keeps this person out of the room for a while.
    #[error("you may not come back into this room yet")]
    Blocked,
    /// An operator wants nobody new on this box, or it is about to stop.
    #[error("the box is about to be serviced and admits nobody new; try again later")]
    Draining,
    /// Joins do not create rooms here, and nobody created this one.
    #[error(transparent)]
    RoomNotFound(#[from] RoomNotFound),
    /// The room could not be created.
    #[error(transparent)]
    Create(#[from] CreateRoomError),
    /// The room refused.
    #[error(transparent)]
    Refused(#[from] JoinRefusal),
    /// Nothing can be saved.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The control thread did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The room broke.
    #[error("the room has ended; try again")]
    Broken,
}

impl OpenSessionError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotGranted | Self::TokenRevoked => ErrorKind::Unauthenticated,
            Self::NoIdentity => ErrorKind::Invalid,
            Self::RoomNotFound(e) => e.kind(),
            Self::Create(e) => e.kind(),
            Self::Refused(e) => e.kind(),
            Self::Blocked => ErrorKind::Forbidden,
            Self::NotReady(_) | Self::Broken | Self::Draining => ErrorKind::Unavailable,
            Self::Call(e) => e.kind(),
        }
    }
}

impl From<NoRoom> for OpenSessionError {
    fn from(_: NoRoom) -> Self {
        Self::Broken
    }
}

/// An admitted signalling connection. Its first message is already queued. Dropping it tells the
/// room that the connection is gone.
pub struct OpenSession {
    ticket: Ticket,
    lane: LaneReceiver,
}

impl OpenSession {
    /// The next thing to do; `None` when the room has nothing more to say: close.
    pub async fn next(&mut self) -> Option<Outbound> {
        self.lane.next().await
    }

    /// The same, if it is there already.
    pub fn ready(&mut self) -> Option<Outbound> {
        self.lane.ready()
    }

    /// Completes when the client reads too slowly: close at once, even in the middle of a write.
    pub fn cut(&self) -> Cut {
        self.lane.cut()
    }

    /// Hands a client's message to the room. Waits while the box is busy.
    pub async fn request(&self, request: SignalRequest) -> Result<(), CallError> {
        let session = self.ticket.key;
        self.ticket
            .control
            .post(move |c| c.handle_request(session, request))
            .await
    }
}

/// Ends the session when dropped.
struct Ticket {
    key: SessionKey,
    control: ControlHandle,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let session = self.key;
        self.control
            .post_last(move |c| c.forget_session(session, Control::now()));
    }
}

impl ControlHandle {
    /// Admits a connection: creates the room if the box may, joins or resumes, and answers with
    /// the lane whose first message is `join`, `reconnect` or `leave`. What follows is noted of
    /// `attempt`.
    pub async fn open_session(
        &self,
        join: Join,
        attempt: AttemptKey,
    ) -> Result<OpenSession, OpenSessionError> {
        let control = self.clone();
        let opened = self
            .run(move |c| {
                let (key, lane) = c.open_session(join, attempt)?;
                Ok::<_, OpenSessionError>(OpenSession {
                    ticket: Ticket { key, control },
                    lane,
                })
            })
            .await?;
        let outcome = if opened.is_ok() {
            "accepted"
        } else {
            "refused"
        };
        metrics::counter!("ringward_joins_total", "outcome" => outcome).increment(1);
        opened
    }

    /// The checks of [`Self::open_session`] that need no join: `/rtc/validate`.
    pub async fn check_session(&self, join: Join) -> Result<(), OpenSessionError> {
        self.run(move |c| c.check_session(&join)).await?
    }
}

impl Control {
    fn open_session(
        &mut self,
        join: Join,
        attempt: AttemptKey,
    ) -> Result<(SessionKey, LaneReceiver), OpenSessionError> {
        self.check_session(&join)?;
        let key = self.room_for_join(join.room.as_str(), &join.claims)?;
        let session = self.keys.session();
        let (sender, receiver) = lane();
        self.sessions.insert(
            session,
            Session {
                room: key,
                lane: sender,
            },
        );
        let now = Self::now();
        self.attempts.begin(attempt);
        let joined = self.with_room(key, |room| room.handle_join(session, join, now));
        self.attempts.end();
        match joined {
            Ok(Ok(())) => Ok((session, receiver)),
            Ok(Err(refusal)) => {
                self.sessions.remove(&session);
                Err(refusal.into())
            }
            Err(broken) => {
                self.sessions.remove(&session);
                Err(broken.into())
            }
        }
    }

    fn check_session(&self, join: &Join) -> Result<(), OpenSessionError> {
        self.authorise_join(join.room.as_str(), &join.claims)?;
        let resumes = join.reconnect.is_some();
        self.admit_newcomer(join.room.as_str(), join.claims.identity(), resumes)?;
        if !self.config.auto_create {
            self.room_key(join.room.as_str())?;
        }
        self.require_store()?;
        Ok(())
    }

    /// Whether this token opens this room, whatever the room says.
    pub(crate) fn authorise_join(
        &self,
        room: &str,
        claims: &Claims,
    ) -> Result<(), OpenSessionError> {
        if !claims.room_join_for(room) {
            return Err(OpenSessionError::NotGranted);
        }
        if claims.identity().is_empty() {
            return Err(OpenSessionError::NoIdentity);
        }
        if self.revocations.covers(room, claims) {
            return Err(OpenSessionError::TokenRevoked);
        }
        Ok(())
    }

    /// Whether operators let somebody in: neither a block nor a drain concerns who is inside and
    /// resumes; a drain lets those return whose connection died.
    pub(crate) fn admit_newcomer(
        &self,
        room: &str,
        identity: &str,
        resumes: bool,
    ) -> Result<(), OpenSessionError> {
        let now = Self::now();
        let live = self
            .room_key(room)
            .ok()
            .and_then(|key| self.rooms.get(&key));
        let is_inside = live.is_some_and(|live| live.room.holds(identity));
        if is_inside && resumes {
            return Ok(());
        }
        if self
            .standing
            .blocked_until(room, identity, now.unix)
            .is_some()
        {
            return Err(OpenSessionError::Blocked);
        }
        if !self.is_draining() || is_inside {
            return Ok(());
        }
        if live.is_some() && self.ended.may_return(room, identity, now.instant) {
            return Ok(());
        }
        Err(OpenSessionError::Draining)
    }

    /// The living room of that name, or a new one with what the token says of it.
    pub(crate) fn room_for_join(
        &mut self,
        room: &str,
        claims: &Claims,
    ) -> Result<RoomKey, OpenSessionError> {
        match self.room_key(room) {
            Ok(key) => Ok(key),
            Err(_) if self.config.auto_create => {
                Ok(self.make_room(room, options_of_token(claims))?)
            }
            Err(missing) => Err(missing.into()),
        }
    }

    fn handle_request(&mut self, session: SessionKey, request: SignalRequest) {
        let Some(room) = self.sessions.get(&session).map(|s| s.room) else {
            return;
        };
        let now = Self::now();
        // A room that broke has already closed this session.
        let _ = self.with_room(room, |room| room.handle_request(session, request, now));
    }

    /// The WebSocket is gone, whoever closed it; tells the room once.
    pub(crate) fn forget_session(&mut self, session: SessionKey, now: Now) {
        let Some(entry) = self.sessions.remove(&session) else {
            return;
        };
        let _ = self.with_room(entry.room, |room| room.handle_closed(session, now));
    }
}
