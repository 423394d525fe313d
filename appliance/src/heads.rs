//! Signing where the audit journal ends, once a minute while it grows, at each start and each clean
//! end.

use crate::boot::now;
use ::heads::Heads;
use anyhow::Result;
use control::ControlHandle;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Between two heads while entries come: what a kill leaves unsigned, and what a box that somebody
/// breaks into has told others before (`reliability.md` G18).
const INTERVAL: Duration = Duration::from_mins(1);

/// What signs. A disk that takes no new key ends no start: then nothing is signed, and the log says
/// so. A key that others can read, or that is none, does.
pub(crate) fn open(data: &Path) -> Result<Option<Heads>> {
    match Heads::open(data) {
        Ok(heads) => Ok(Some(heads)),
        Err(error) if error.is_of_the_disk() => {
            tracing::error!(%error, "heads of the audit journal are not signed in this run");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Signs until `stop` completes.
pub(crate) fn keep(
    heads: Heads,
    control: ControlHandle,
    stop: impl Future<Output = ()> + Send + 'static,
    tasks: &mut JoinSet<()>,
) {
    let keeping = async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            note(&heads, &control).await;
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = keeping => {}
            () = stop => {}
        }
    });
}

/// Signs the end as it is now, if it is a new one.
pub(crate) async fn note(heads: &Heads, control: &ControlHandle) {
    let Some(head) = control.audit_head().await else {
        return;
    };
    let heads = heads.clone();
    let Ok(now) = now() else { return };
    // Signed and synced where a slow disk holds up nobody.
    let _ = tokio::task::spawn_blocking(move || heads.note(head, now)).await;
}
