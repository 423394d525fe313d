//! The stream of one box, opened again and again for ever.

use super::{AskError, Client};
use crate::action::{Action, Heard};
use crate::ingest;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use wire::admin::Frame;

/// First wait before another try, doubled up to [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait: an operator watches a box come back.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Reads the stream of box `index` until the console leaves. `room` is the one whose people are
/// wanted; when it changes the stream is opened anew. A login changes it too.
pub(crate) async fn feed(
    index: usize,
    client: Arc<Client>,
    mut room: watch::Receiver<(Option<String>, u64)>,
    heard: mpsc::Sender<Action>,
) {
    let mut wait = FIRST_WAIT;
    loop {
        let wanted = room.borrow_and_update().0.clone();
        let ended = tokio::select! {
            ended = follow(index, &client, wanted, &heard, &mut wait) => ended,
            changed = room.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let (said, login) = match ended {
            Ok(Gone) => return,
            Err(AskError::Unauthenticated(why)) => (Heard::LoginNeeded(why), true),
            Err(error) => (Heard::Lost(error.to_string()), false),
        };
        if heard.send(Action::Heard(index, said)).await.is_err() {
            return;
        }
        // Without an account there is nothing to try; a login says so through `room`.
        let pause = if login { Duration::from_hours(1) } else { wait };
        tokio::select! {
            () = tokio::time::sleep(pause) => wait = (wait * 2).min(MAX_WAIT),
            changed = room.changed() => if changed.is_err() { return },
        }
    }
}

/// The console left.
struct Gone;

async fn follow(
    index: usize,
    client: &Client,
    room: Option<String>,
    heard: &mpsc::Sender<Action>,
    wait: &mut Duration,
) -> Result<Gone, AskError> {
    let query: Vec<(&str, String)> = room.into_iter().map(|sid| ("room", sid)).collect();
    let mut lines = client.lines(&["admin", "stream"], &query).await?;
    loop {
        let line = lines.next().await?;
        let frame: Frame = ingest::value(&line)?;
        *wait = FIRST_WAIT;
        let said = Action::Heard(index, Heard::Frame(Box::new(frame)));
        // A full lane holds the stream back; the box then sends a new snapshot instead.
        if heard.send(said).await.is_err() {
            return Ok(Gone);
        }
    }
}
