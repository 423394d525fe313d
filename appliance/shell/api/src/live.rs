//! The box as operators see it, looked at once a second whatever the number of consoles.
//!
//! One task, [`Watch`], takes what the workers say, asks the control thread for the rooms and the
//! kernel for the machine, lets the rules raise alarms, and puts all of it into one `Picture`.
//! Consoles hold the picture they have seen and are sent what is different in the newest: nothing
//! queues for a console, however slow, and none costs the others anything.

mod cards;
mod flags;
mod health;
mod picture;
mod room;
mod subscription;
mod watch;

pub(crate) use subscription::Subscription;
pub use watch::{Certificates, Watch, WatchConfig, WebhooksProbe};

use ::watch::{AlarmBoard, Transports};
use axum::body::Bytes;
use cards::Cards;
use control::live::{Closely, RoomNow};
use control::{CallError, ControlHandle};
use picture::Picture;
use room::{About, Seen};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as latest};
use wire::admin::{AlarmView, BoxView, LiveRoom, Role, RoomDetail};

/// Most consoles at one time: a hospital's night shift, twice.
pub const MAX_CONSOLES: usize = 16;

/// Longest room id that a console may ask for.
const MAX_ROOM_BYTES: usize = vocab::MAX_NAME_BYTES;

/// What handlers ask. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    alarms: AlarmBoard,
    transports: Mutex<Transports>,
    /// Rooms that consoles look into, by sid, and how many do.
    wanted: Mutex<BTreeMap<String, usize>>,
    /// Cards that consoles have open.
    cards: Mutex<Cards>,
    consoles: Arc<Semaphore>,
    pictures: latest::Receiver<Option<Arc<Picture>>>,
}

/// A console more than [`MAX_CONSOLES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubscribeError {
    /// All places are taken.
    #[error("{MAX_CONSOLES} consoles watch this box already: close one of them")]
    TooMany,
    /// Nobody's room is called so.
    #[error("room: longer than any room's id")]
    Room,
}

impl SubscribeError {
    pub(crate) fn kind(self) -> vocab::ErrorKind {
        match self {
            Self::TooMany => vocab::ErrorKind::Exhausted,
            Self::Room => vocab::ErrorKind::Invalid,
        }
    }
}

impl Live {
    fn new(
        alarms: AlarmBoard,
        transports: Transports,
        pictures: latest::Receiver<Option<Arc<Picture>>>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                alarms,
                transports: Mutex::new(transports),
                wanted: Mutex::default(),
                cards: Mutex::default(),
                consoles: Arc::new(Semaphore::new(MAX_CONSOLES)),
                pictures,
            }),
        }
    }

    /// A box that nobody watches: rooms and alarms are told when asked for, the machine and the
    /// stream are not.
    pub(crate) fn unwatched() -> Self {
        let (_, pictures) = latest::channel(None);
        Self::new(AlarmBoard::in_memory(), Transports::default(), pictures)
    }

    /// The technical alarms.
    #[must_use]
    pub fn alarms(&self) -> &AlarmBoard {
        &self.shared.alarms
    }

    /// Every room that lives, as of now.
    pub(crate) async fn rooms(&self, control: &ControlHandle) -> Result<Vec<LiveRoom>, CallError> {
        let rooms = control.run(|c| c.rooms_now(&Closely::default())).await?;
        let about = self.shared.about(&self.shared.alarms.alarms());
        let now = ::watch::now();
        let transports = self.shared.transports();
        let lines = rooms
            .iter()
            .map(|room| Seen::new(room, &transports, now).line(&about));
        Ok(lines.collect())
    }

    /// One room with everybody in it, as of now; `None`: there is none of that sid or name.
    pub(crate) async fn room(
        &self,
        control: &ControlHandle,
        sid_or_name: String,
    ) -> Result<Option<RoomDetail>, CallError> {
        let room: Option<RoomNow> = control.run(move |c| c.room_now(&sid_or_name)).await?;
        let about = self.shared.about(&self.shared.alarms.alarms());
        let (now, transports) = (::watch::now(), self.shared.transports());
        Ok(room.map(|room| Seen::new(&room, &transports, now).detail(&about)))
    }

    /// How the box is, as of the last second; `None`: it has not been looked at yet.
    pub(crate) fn health(&self) -> Option<BoxView> {
        let picture = self.shared.pictures.borrow();
        picture.as_ref().map(|picture| picture.health.clone())
    }

    /// Every alarm that is not normal, most urgent first.
    pub(crate) fn standing(&self) -> Vec<AlarmView> {
        self.shared.alarms.alarms()
    }

    /// A console has a card of the room open.
    pub(crate) fn hold_card(&self, room: &str, by: &str) -> Result<(), SubscribeError> {
        if room.len() > MAX_ROOM_BYTES {
            return Err(SubscribeError::Room);
        }
        self.shared.cards().hold(room, by, Instant::now());
        Ok(())
    }

    /// A console's place.
    pub(crate) fn subscribe(
        &self,
        role: Role,
        room: Option<String>,
    ) -> Result<Subscription, SubscribeError> {
        if room
            .as_ref()
            .is_some_and(|room| room.len() > MAX_ROOM_BYTES)
        {
            return Err(SubscribeError::Room);
        }
        let place = self.shared.consoles.clone().try_acquire_owned();
        let place = place.map_err(|_| SubscribeError::TooMany)?;
        let wish = room.map(|room| Wish::new(self.shared.clone(), room));
        let pictures = self.shared.pictures.clone();
        Ok(Subscription::new(role, wish, pictures, place))
    }
}

/// A console looks into a room; dropped, it does no longer.
pub(crate) struct Wish {
    shared: Arc<Shared>,
    room: String,
}

impl Wish {
    fn new(shared: Arc<Shared>, room: String) -> Self {
        *shared.wanted().entry(room.clone()).or_default() += 1;
        Self { shared, room }
    }

    fn room(&self) -> &str {
        &self.room
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        let mut wanted = self.shared.wanted();
        if let Some(count) = wanted.get_mut(&self.room) {
            *count -= 1;
            if *count == 0 {
                wanted.remove(&self.room);
            }
        }
    }
}

impl Shared {
    fn transports(&self) -> MutexGuard<'_, Transports> {
        let transports = self.transports.lock();
        transports.unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of rooms beside themselves.
    fn about(&self, alarms: &[AlarmView]) -> About {
        About::new(alarms, self.cards().open(Instant::now()))
    }

    fn cards(&self) -> MutexGuard<'_, Cards> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A console's place among [`MAX_CONSOLES`].
type Place = OwnedSemaphorePermit;

/// JSON that was written once and is sent to everybody.
type Written = Bytes;
