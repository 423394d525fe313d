//! Events: asked of the index from any thread, and reported by clients.

use crate::control::Control;
use crate::handle::{CallError, ControlHandle};
use crate::room::RoomNotFound;
use auth::Claims;
use std::time::Duration;
use store::ReadError;
use vocab::{ErrorKind, Identity, RoomSid};

pub use domain::event::{Actor, EndReason, Event, EventData, EventType, TrackKind, TrackSource};
pub use store::{
    EventQuery, MAX_PAGE, Page, Presence, RoomSession, SessionQuery, StoredEvent, TrackRecord,
};

/// Most events in one report.
pub const MAX_REPORTED: usize = 32;

/// Longest id or name inside a reported event, in bytes.
pub const MAX_REPORTED_TEXT_BYTES: usize = 128;

/// Most measurements in one reported event.
pub const MAX_REPORTED_VALUES: usize = 32;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The index.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The thread that asked it ended.
    #[error("the question was not answered; ask again")]
    Interrupted,
}

impl QueryError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

/// What a client reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The other side.
    pub peer: Option<Identity>,
    /// What.
    pub data: EventData,
}

/// Why a report was refused; nothing of it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportEventsError {
    /// The token does not open this room.
    #[error("the token does not open this room")]
    NotGranted,
    /// No room of that name lives.
    #[error(transparent)]
    RoomNotFound(#[from] RoomNotFound),
    /// The reporter is not in the room.
    #[error("the reporter is not in the room")]
    NotPresent,
    /// The box sees this itself; clients do not report it.
    #[error("clients do not report {0}")]
    NotReported(&'static str),
    /// More than [`MAX_REPORTED`] at once.
    #[error("a report holds at most {MAX_REPORTED} events")]
    TooMany,
    /// A text over [`MAX_REPORTED_TEXT_BYTES`] or over [`MAX_REPORTED_VALUES`] measurements.
    #[error("a reported event is larger than the box keeps")]
    TooLarge,
    /// The journal did not take it.
    #[error("the events could not be saved")]
    NotSaved,
    /// The control thread did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ReportEventsError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotGranted | Self::NotPresent => ErrorKind::Forbidden,
            Self::RoomNotFound(e) => e.kind(),
            Self::NotReported(_) | Self::TooMany | Self::TooLarge => ErrorKind::Invalid,
            Self::NotSaved => ErrorKind::Unavailable,
            Self::Call(e) => e.kind(),
        }
    }
}

impl ControlHandle {
    /// Events by room, actor, type and time, paged.
    pub async fn events(&self, query: EventQuery) -> Result<Page<StoredEvent>, QueryError> {
        self.ask(move |reader| reader.events(&query)).await
    }

    /// As [`Self::events`], but when nothing matches yet, waits for more, at most `patience`.
    pub async fn follow_events(
        &self,
        mut query: EventQuery,
        patience: Duration,
    ) -> Result<Page<StoredEvent>, QueryError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let seen = self.reader.last_sequence();
            let page = self.events(query.clone()).await?;
            if !page.items.is_empty() {
                return Ok(page);
            }
            // What was examined in vain need not be examined again.
            query.after = page.next.or(query.after.max(Some(seen)));
            let more = page.next.is_some();
            if !more
                && tokio::time::timeout_at(deadline, self.reader.after(seen))
                    .await
                    .is_err()
            {
                return Ok(Page {
                    items: Vec::new(),
                    next: query.after,
                });
            }
        }
    }

    /// The last event that can be read.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.reader.last_sequence()
    }

    /// Rooms' lives, paged.
    pub async fn room_sessions(
        &self,
        query: SessionQuery,
    ) -> Result<Page<RoomSession>, QueryError> {
        self.ask(move |reader| reader.rooms(&query)).await
    }

    /// One room's life with its presences.
    pub async fn room_session(&self, sid: RoomSid) -> Result<Option<RoomSession>, QueryError> {
        self.ask(move |reader| reader.room(&sid)).await
    }

    /// Keeps what a participant reports of itself; answered once it is on disk.
    pub async fn report_events(
        &self,
        room: String,
        claims: Claims,
        reports: Vec<Report>,
    ) -> Result<usize, ReportEventsError> {
        self.run(move |c| c.report_events(&room, &claims, reports))
            .await?
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&store::Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let reader = self.reader.clone();
        tokio::task::spawn_blocking(move || question(&reader))
            .await
            .map_err(|_| QueryError::Interrupted)?
            .map_err(QueryError::Read)
    }
}

impl Control {
    fn report_events(
        &mut self,
        room: &str,
        claims: &Claims,
        reports: Vec<Report>,
    ) -> Result<usize, ReportEventsError> {
        self.authorise_join(room, claims)
            .map_err(|_| ReportEventsError::NotGranted)?;
        check_reports(&reports)?;
        let key = self.room_key(room)?;
        let now = Self::now();
        let Some(live) = self.rooms.get(&key) else {
            return Err(RoomNotFound.into());
        };
        let actor = live
            .roll
            .actor(claims.identity())
            .ok_or(ReportEventsError::NotPresent)?;
        let events: Vec<Event> = reports
            .into_iter()
            .map(|report| Event {
                actor: Some(actor.clone()),
                peer: report.peer,
                ..Self::event_of(&live.room, report.data, now)
            })
            .collect();
        for event in &events {
            self.append(event)
                .map_err(|_| ReportEventsError::NotSaved)?;
        }
        Ok(events.len())
    }
}

fn check_reports(reports: &[Report]) -> Result<(), ReportEventsError> {
    if reports.len() > MAX_REPORTED {
        return Err(ReportEventsError::TooMany);
    }
    for report in reports {
        let texts = match &report.data {
            EventData::RttEnabled | EventData::RttDisabled => vec![],
            EventData::P2pSessionStarted { sid, .. } | EventData::P2pSessionEnded { sid } => {
                vec![sid]
            }
            EventData::P2pSessionStats { sid, name, values } => {
                if values.len() > MAX_REPORTED_VALUES {
                    return Err(ReportEventsError::TooLarge);
                }
                values
                    .iter()
                    .map(|(name, _)| name)
                    .chain([sid, name])
                    .collect()
            }
            seen => return Err(ReportEventsError::NotReported(seen.event_type().as_str())),
        };
        let peer = report.peer.as_ref().map_or(0, |peer| peer.as_str().len());
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        if longest > MAX_REPORTED_TEXT_BYTES || peer > vocab::MAX_NAME_BYTES {
            return Err(ReportEventsError::TooLarge);
        }
    }
    Ok(())
}
