//! The rest of the box's end of the control thread.

use crate::action::Desk;
use crate::control::Control;
use crate::staged::{Release, Saved};
use crate::status::Health;
use crossbeam_channel::Sender;
use logbook::Logbook;
use std::sync::Arc;
use std::time::Duration;
use store::{AuditReader, Reader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use vocab::ErrorKind;

/// Most calls that wait for the control thread. At some 20 µs each the last waits under 100 ms,
/// not counting commits.
pub(crate) const MAX_PENDING_CALLS: usize = 4_096;

/// How long a caller waits for a place in the queue before it is told that the box is busy.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a caller waits for its answer. A commit on a slow disk takes tenths of a second.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// One thing to run on the control thread.
pub(crate) enum Input {
    /// Run this.
    Call(Call),
    /// End every room, save, and stop.
    Stop,
}

/// A use-case with its arguments.
pub(crate) struct Call {
    pub(crate) run: Box<dyn FnOnce(&mut Control) -> Release + Send>,
    /// Its place in the queue, given back when it ran.
    pub(crate) _permit: Option<OwnedSemaphorePermit>,
}

/// Why a call was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Too much waits.
    #[error("the box is busy; try again in a moment")]
    Busy,
    /// The box is stopping.
    #[error("the box is stopping; try again when it runs again")]
    Stopped,
    /// It was done, but is not on disk: after a crash it may not have happened.
    #[error("the change could not be saved; free disk space or check the disk")]
    NotSaved,
    /// The use-case itself broke.
    #[error("the request failed inside the box")]
    Failed,
}

impl CallError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

/// Runs use-cases on the control thread. Cheap to clone; the thread outlives all handles.
#[derive(Clone)]
pub struct ControlHandle {
    pub(crate) inputs: Sender<Input>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) reader: Reader,
    pub(crate) health: Arc<Health>,
    pub(crate) audit: AuditReader,
    pub(crate) desk: Desk,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) logbook: Logbook,
}

impl ControlHandle {
    /// Runs `f` on the control thread; answers once what it did is on disk.
    pub async fn run<R, F>(&self, f: F) -> Result<R, CallError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Control) -> R + Send + 'static,
    {
        let permit = self.place().await?;
        let (answer, answered) = oneshot::channel();
        let call = Call {
            run: Box::new(move |control| {
                let result = f(control);
                Box::new(move |saved| {
                    // A caller that went away needs no answer.
                    let _ = answer.send(match saved {
                        Saved::Yes => Ok(result),
                        Saved::No => Err(CallError::NotSaved),
                    });
                })
            }),
            _permit: Some(permit),
        };
        self.inputs
            .send(Input::Call(call))
            .map_err(|_| CallError::Stopped)?;
        match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) if *self.stopped.borrow() => Err(CallError::Stopped),
            Ok(Err(_)) => Err(CallError::Failed),
            Err(_) => Err(CallError::Busy),
        }
    }

    /// Runs `f` on the control thread without waiting for it to run. Waits for a place in the
    /// queue, so that one fast sender is slowed down instead of filling memory.
    pub async fn post<F>(&self, f: F) -> Result<(), CallError>
    where
        F: FnOnce(&mut Control) + Send + 'static,
    {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| CallError::Stopped)?;
        self.send(f, Some(permit))
    }

    /// Runs `f` on the control thread, from a destructor: takes no place, never waits. Only for
    /// what happens once per connection.
    pub(crate) fn post_last<F>(&self, f: F)
    where
        F: FnOnce(&mut Control) + Send + 'static,
    {
        // A thread that has stopped has already forgotten what this would have ended.
        let _ = self.send(f, None);
    }

    /// Where attempts to connect are noted, and asked about.
    #[must_use]
    pub fn logbook(&self) -> &Logbook {
        &self.logbook
    }

    /// Answers what is on disk, from any thread.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Ends every room with `SERVER_SHUTDOWN`, saves, stops the thread. Completes when it has
    /// stopped; calling it again waits for the same end.
    pub async fn stop(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that the thread has already stopped.
        let _ = self.inputs.send(Input::Stop);
        let _ = stopped.wait_for(|done| *done).await;
    }

    fn send<F>(&self, f: F, permit: Option<OwnedSemaphorePermit>) -> Result<(), CallError>
    where
        F: FnOnce(&mut Control) + Send + 'static,
    {
        let call = Call {
            run: Box::new(move |control| {
                f(control);
                Box::new(|_| {})
            }),
            _permit: permit,
        };
        self.inputs
            .send(Input::Call(call))
            .map_err(|_| CallError::Stopped)
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, CallError> {
        let place = tokio::time::timeout(QUEUE_TIMEOUT, self.permits.clone().acquire_owned()).await;
        let refused = match place {
            Ok(Ok(permit)) => return Ok(permit),
            Ok(Err(_)) => CallError::Stopped,
            Err(_) => CallError::Busy,
        };
        let cause = if refused == CallError::Busy {
            "busy"
        } else {
            "stopped"
        };
        metrics::counter!("ringward_control_refused_total", "cause" => cause).increment(1);
        Err(refused)
    }
}
