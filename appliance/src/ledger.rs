//! What the box itself does and sees, on its way into the audit journal.

use control::ControlHandle;
use control::action::AuditRecord;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use watch::{AlarmBoard, Entry, Ledger, Priority};

/// How often the board is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// After a refusal by the disk. Each try is also what notices that the disk takes entries again.
const RETRY: Duration = Duration::from_secs(10);

/// Writes down what alarms come and go until `stop` completes.
pub(crate) fn keep(
    alarms: AlarmBoard,
    control: ControlHandle,
    stop: impl Future<Output = ()> + Send + 'static,
    tasks: &mut JoinSet<()>,
) {
    let keeping = async move {
        let mut ledger = Ledger::new(Instant::now());
        let mut retry_at = Instant::now();
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            ledger.handle_news(alarms.take_news(), Instant::now());
            if retry_at <= Instant::now() && !write(&mut ledger, &control).await {
                retry_at = Instant::now() + RETRY;
            }
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = keeping => {}
            () = stop => {}
        }
    });
}

/// What was ordered before this start and done by it: the audit journal has its intent, and now its
/// end.
pub(crate) async fn note_made_good(control: &ControlHandle) {
    for (session, attempts) in control.logbook().made_good() {
        let detail = format!("finished at this start: {attempts} connection records erased");
        let fact = AuditRecord::fact("system", "purge", session, &detail);
        if let Err(error) = control.note_fact(fact).await {
            tracing::warn!(session, %error, "{detail}; the audit journal does not have it");
        }
    }
}

/// Writes what may be written now; false when the journal refused.
async fn write(ledger: &mut Ledger, control: &ControlHandle) -> bool {
    while let Some(entry) = ledger.next(Instant::now()) {
        if control.note_fact(fact(&entry)).await.is_err() {
            return false;
        }
        ledger.written(&entry, Instant::now());
    }
    true
}

fn fact(entry: &Entry) -> AuditRecord {
    let act = if entry.stands {
        "alarm_raised"
    } else {
        "alarm_returned"
    };
    let detail = match entry.raises {
        0 | 1 => String::new(),
        raises => format!("raised {raises} times since the last entry"),
    };
    let reason = match entry.priority {
        Priority::High => "high",
        Priority::Medium => "medium",
        Priority::Low => "low",
    };
    AuditRecord {
        reason: reason.to_owned(),
        ..AuditRecord::fact("system", act, &entry.id, &detail)
    }
}
