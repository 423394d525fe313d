//! Between the order to stop and the end: nobody new is admitted, and calls may come to theirs.

use crate::service::{self, Vitals};
use control::{Control, ControlHandle};
use std::time::{Duration, Instant};

/// How often it is asked whether anybody is left.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until nobody is left, for as long as `most`, or until `told_again`: the impatient win.
pub(crate) async fn until_empty(vitals: &Vitals, most: Duration, told_again: impl Future) {
    service::draining(most);
    let ends_by = Instant::now() + most;
    let cause = tokio::select! {
        () = emptied(&vitals.control) => "everybody has gone",
        () = tokio::time::sleep(most) => "its time is over",
        _ = told_again => "told again",
        never = service::watch(vitals, Some(ends_by)) => match never {},
    };
    let participants = vitals.control.status().participants;
    tracing::info!(participants, "drained: {cause}");
}

/// Completes when nobody is left; never while the control thread does not answer.
async fn emptied(control: &ControlHandle) {
    while control.run(Control::prepare_to_stop).await != Ok(0) {
        tokio::time::sleep(LOOK).await;
    }
}
