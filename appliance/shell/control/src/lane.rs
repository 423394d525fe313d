//! The queue from the control thread to one WebSocket: bounded in messages and in bytes.

use livekit_protocol::SignalResponse;
use prost::Message;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, watch};

/// Most messages that wait for one client. A room of 1,000 sends one per change.
pub const MAX_QUEUED_MESSAGES: usize = 1_000;

/// Most bytes that wait for one client (`reliability.md` §3, slow consumer). The first message is
/// exempt: the join response of a large room may be larger than this, and nothing else waits yet.
pub const MAX_QUEUED_BYTES: usize = 1024 * 1024;

/// What a WebSocket is told to do.
#[derive(Debug)]
pub enum Outbound {
    /// Send this.
    Message(Box<SignalResponse>),
    /// Everything is said: close.
    Close,
}

/// What both ends share.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    queued_bytes: AtomicUsize,
}

impl Gauge {
    fn add(&self, bytes: usize) -> usize {
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed)
    }

    fn remove(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The control thread's end.
#[derive(Debug)]
pub(crate) struct LaneSender {
    queue: mpsc::Sender<(Outbound, usize)>,
    gauge: Arc<Gauge>,
    cut: watch::Sender<bool>,
}

/// The WebSocket's end.
#[derive(Debug)]
pub(crate) struct LaneReceiver {
    queue: mpsc::Receiver<(Outbound, usize)>,
    gauge: Arc<Gauge>,
    cut: watch::Receiver<bool>,
    /// Bytes of the message handed out last: they count until the next one is asked for, since
    /// until then they wait in the socket.
    in_flight: usize,
}

/// Tells a WebSocket to hang up at once, even in the middle of a write.
#[derive(Debug, Clone)]
pub struct Cut(watch::Receiver<bool>);

impl Cut {
    /// Completes when the client has been found to read too slowly; else never.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|cut| *cut).await.is_err() {
            // The room has said its last word, which is still to be sent.
            std::future::pending::<()>().await;
        }
    }
}

/// The client reads too slowly, or is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

/// A lane and its two ends.
pub(crate) fn lane() -> (LaneSender, LaneReceiver) {
    let (sender, receiver) = mpsc::channel(MAX_QUEUED_MESSAGES);
    let (cut_sender, cut_receiver) = watch::channel(false);
    let gauge = Arc::new(Gauge::default());
    (
        LaneSender {
            queue: sender,
            gauge: gauge.clone(),
            cut: cut_sender,
        },
        LaneReceiver {
            queue: receiver,
            gauge,
            cut: cut_receiver,
            in_flight: 0,
        },
    )
}

impl LaneSender {
    /// Queues one message, or cuts the lane: the client then resumes with a fresh one.
    pub(crate) fn push(&self, out: Outbound) -> Result<(), TooSlow> {
        let bytes = match &out {
            Outbound::Message(response) => response.encoded_len(),
            Outbound::Close => 0,
        };
        let before = self.gauge.add(bytes);
        let fits = before == 0 || before.saturating_add(bytes) <= MAX_QUEUED_BYTES;
        if fits && self.queue.try_send((out, bytes)).is_ok() {
            return Ok(());
        }
        self.cut.send_replace(true);
        Err(TooSlow)
    }
}

impl LaneReceiver {
    pub(crate) async fn next(&mut self) -> Option<Outbound> {
        self.gauge.remove(std::mem::take(&mut self.in_flight));
        let (out, bytes) = self.queue.recv().await?;
        self.in_flight = bytes;
        Some(out)
    }

    /// What is there, on top of what is being written.
    pub(crate) fn ready(&mut self) -> Option<Outbound> {
        let (out, bytes) = self.queue.try_recv().ok()?;
        self.in_flight += bytes;
        Some(out)
    }

    pub(crate) fn cut(&self) -> Cut {
        Cut(self.cut.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;
    use livekit_protocol::signal_response::Message as Kind;

    fn message(bytes: usize) -> Outbound {
        Outbound::Message(Box::new(SignalResponse {
            message: Some(Kind::RefreshToken("x".repeat(bytes))),
        }))
    }

    #[test]
    fn the_thousandth_message_fits_and_the_next_cuts_the_lane() {
        let (sender, receiver) = lane();
        for _ in 0..MAX_QUEUED_MESSAGES {
            sender.push(message(1)).unwrap();
        }
        assert!(!*receiver.cut.borrow());
        assert_eq!(sender.push(message(1)), Err(TooSlow));
        assert!(*receiver.cut.borrow());
    }

    #[test]
    fn a_mebibyte_fits_and_one_byte_more_cuts_the_lane() {
        // Tag, and the text's and the message's length prefix.
        let framing = message(MAX_QUEUED_BYTES / 2);
        let Outbound::Message(framing) = framing else {
            panic!("a message")
        };
        let overhead = framing.encoded_len() - MAX_QUEUED_BYTES / 2;
        let (sender, receiver) = lane();
        sender
            .push(message(MAX_QUEUED_BYTES / 2 - overhead))
            .unwrap();
        sender
            .push(message(MAX_QUEUED_BYTES / 2 - overhead))
            .unwrap();
        assert!(!*receiver.cut.borrow());
        assert_eq!(sender.push(message(0)), Err(TooSlow));
        assert!(*receiver.cut.borrow());
    }

    #[test]
    fn a_large_first_message_fits() {
        let (sender, _receiver) = lane();
        sender.push(message(MAX_QUEUED_BYTES * 2)).unwrap();
    }

    #[tokio::test]
    async fn bytes_count_until_the_next_message_is_asked_for() {
        let (sender, mut receiver) = lane();
        sender.push(message(MAX_QUEUED_BYTES)).unwrap();
        receiver.next().await.unwrap();
        assert_eq!(
            sender.push(message(1)),
            Err(TooSlow),
            "the first still waits in the socket"
        );
        let (sender, mut receiver) = lane();
        sender.push(message(MAX_QUEUED_BYTES)).unwrap();
        receiver.next().await.unwrap();
        let (again, ()) = tokio::join!(receiver.next(), async {
            tokio::task::yield_now().await;
            sender.push(message(1)).unwrap();
        });
        assert!(again.is_some());
    }

    #[tokio::test]
    async fn what_is_written_together_counts_together() {
        let (sender, mut receiver) = lane();
        sender.push(message(MAX_QUEUED_BYTES / 3)).unwrap();
        sender.push(message(MAX_QUEUED_BYTES / 3)).unwrap();
        receiver.next().await.unwrap();
        assert!(receiver.ready().is_some());
        assert!(receiver.ready().is_none(), "nothing else is there");
        assert_eq!(
            sender.push(message(MAX_QUEUED_BYTES / 2)),
            Err(TooSlow),
            "both wait in the socket"
        );
    }
}
