//! The table of WHIP and WHEP resources.

use super::{Answer, ExchangeNotFound, RestartAnswer};
use std::collections::HashMap;
use tokio::sync::oneshot;
use vocab::{RoomKey, SessionKey};

/// Most WHIP and WHEP sessions at one time: more encoders and players than one box can carry.
pub(crate) const MAX_EXCHANGES: usize = 4_096;

/// One resource.
#[derive(Debug)]
pub(crate) struct Entry {
    session: SessionKey,
    room: RoomKey,
    room_name: String,
    identity: String,
    tag: String,
    waiting: Option<oneshot::Sender<Answer>>,
    restarting: Option<oneshot::Sender<RestartAnswer>>,
}

impl Entry {
    pub(super) fn new(
        session: SessionKey,
        room: RoomKey,
        room_name: &str,
        identity: &str,
        waiting: oneshot::Sender<Answer>,
    ) -> Self {
        Self {
            session,
            room,
            room_name: room_name.to_owned(),
            identity: identity.to_owned(),
            tag: String::new(),
            waiting: Some(waiting),
            restarting: None,
        }
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn room(&self) -> RoomKey {
        self.room
    }
}

/// All resources, by their unguessable id and by their session.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    by_id: HashMap<String, Entry>,
    ids: HashMap<SessionKey, String>,
}

impl Exchanges {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn add(&mut self, id: String, entry: Entry) {
        self.ids.insert(entry.session, id.clone());
        self.by_id.insert(id, entry);
    }

    /// Notes the answer and takes the one who waits for it. A refused resource is forgotten.
    pub(super) fn settle(
        &mut self,
        session: SessionKey,
        result: &Answer,
    ) -> Option<oneshot::Sender<Answer>> {
        let entry = self.by_id.get_mut(self.ids.get(&session)?)?;
        let waiting = entry.waiting.take();
        match result {
            Ok(answer) => entry.tag.clone_from(&answer.etag),
            Err(_) => {
                self.forget(session);
            }
        }
        waiting
    }

    /// Notes who waits for a restart's answer.
    pub(super) fn restart(&mut self, session: SessionKey, waiting: oneshot::Sender<RestartAnswer>) {
        if let Some(entry) = self.ids.get(&session).and_then(|id| self.by_id.get_mut(id)) {
            entry.restarting = Some(waiting);
        }
    }

    /// Notes a restart's answer, whose tag is the resource's from now on, and takes the one who
    /// waits for it. A refused restart changes nothing.
    pub(super) fn settle_restart(
        &mut self,
        session: SessionKey,
        result: &RestartAnswer,
    ) -> Option<oneshot::Sender<RestartAnswer>> {
        let entry = self.by_id.get_mut(self.ids.get(&session)?)?;
        if let Ok(answer) = result {
            entry.tag.clone_from(&answer.etag);
        }
        entry.restarting.take()
    }

    /// The resource, for the participant that made it.
    pub(super) fn find(
        &self,
        id: &str,
        room: &str,
        identity: &str,
    ) -> Result<(SessionKey, &Entry), ExchangeNotFound> {
        self.by_id
            .get(id)
            .filter(|entry| entry.room_name == room && entry.identity == identity)
            .filter(|entry| entry.waiting.is_none())
            .map(|entry| (entry.session, entry))
            .ok_or(ExchangeNotFound)
    }

    pub(crate) fn forget(&mut self, session: SessionKey) -> Option<Entry> {
        let id = self.ids.remove(&session)?;
        self.by_id.remove(&id)
    }

    pub(crate) fn forget_room(&mut self, room: RoomKey) {
        self.by_id.retain(|_, entry| entry.room != room);
        let Self { by_id, ids } = self;
        ids.retain(|_, id| by_id.contains_key(id));
    }
}
