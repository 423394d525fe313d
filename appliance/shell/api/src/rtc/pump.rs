//! One WebSocket: messages in, messages out, and when to hang up.

use super::frame::{self, Framing};
use super::pace::Pace;
use crate::attempts::Attempt;
use crate::listen::Permit;
use attempt::Closing;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use control::session::OpenSession;
use control::{Cut, Outbound};
use futures_util::SinkExt;
use std::time::{Duration, Instant};
use telemetry::names;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often the box pings at the WebSocket level (`livekit.md` §1).
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long a client may be silent. A live one answers each ping and sends its own every 5 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Messages written before the client is listened to again.
const MAX_WORDS: usize = 64;

/// How long one message may take to be written: a socket whose client does not read is full.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the closing handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The room has nothing more to say: 1000.
    Said,
    /// The client closed or vanished.
    Client,
    /// The connection was gone without the client's word.
    Cut,
    /// Not a `SignalRequest`: 1008, because clients then start afresh instead of resuming.
    Malformed,
    /// Over 2 MiB: 1009.
    TooLarge,
    /// Broken WebSocket framing: 1002.
    Protocol,
    /// Faster than [`Pace`]: 1008.
    TooFast,
    /// It reads too slowly: 1013, it may resume.
    TooSlow,
    /// Silent for [`IDLE_TIMEOUT`]: 1001.
    Idle,
    /// The box is stopping: 1001.
    Stopped,
}

impl End {
    /// The close code, the words with it and the counter's label; `None`: nothing is left to say.
    fn frame(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Said => (close_code::NORMAL, "done"),
            Self::Client | Self::Cut => return None,
            Self::Malformed => (close_code::POLICY, "malformed"),
            Self::TooLarge => (close_code::SIZE, "too_large"),
            Self::Protocol => (close_code::PROTOCOL, "protocol"),
            Self::TooFast => (close_code::POLICY, "too_fast"),
            Self::TooSlow => (close_code::AGAIN, "too_slow"),
            Self::Idle => (close_code::AWAY, "idle"),
            Self::Stopped => (close_code::AWAY, "stopped"),
        })
    }
}

impl End {
    /// As it is noted.
    fn closing(self) -> Closing {
        match self {
            Self::Said | Self::Client | Self::Stopped => Closing::Said,
            Self::Cut => Closing::Cut,
            Self::Idle | Self::TooSlow => Closing::Idle,
            Self::Malformed | Self::TooLarge | Self::Protocol | Self::TooFast => Closing::Refused,
        }
    }
}

/// Runs one connection to its end. Dropping the session tells the room.
pub(super) async fn run(
    mut socket: WebSocket,
    session: OpenSession,
    permit: Option<Permit>,
    attempt: Attempt,
) {
    metrics::gauge!(names::WEBSOCKETS).increment(1.0);
    attempt.opened();
    let end = Pump {
        session,
        framing: Framing::default(),
        pace: Pace::new(Instant::now()),
        is_heard: false,
    }
    .run(&mut socket, &attempt)
    .await;
    attempt.closed(end.closing());
    if let Some((code, label)) = end.frame() {
        metrics::counter!(names::WEBSOCKET_CLOSED, "cause" => label).increment(1);
        let frame = CloseFrame {
            code,
            reason: label.into(),
        };
        // The client may be gone or deaf: then there is nobody to tell.
        let _ = timeout(CLOSE_TIMEOUT, close(&mut socket, frame)).await;
    }
    metrics::gauge!(names::WEBSOCKETS).decrement(1.0);
    drop(permit);
}

/// Sends the close frame and reads until the client has answered it, so that the kernel does
/// not reset the connection under the frame.
async fn close(socket: &mut WebSocket, frame: CloseFrame) {
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

struct Pump {
    session: OpenSession,
    framing: Framing,
    pace: Pace,
    /// The client has said something.
    is_heard: bool,
}

impl Pump {
    async fn run(mut self, socket: &mut WebSocket, attempt: &Attempt) -> End {
        let mut cut = self.session.cut();
        let mut cut_in_write = cut.clone();
        let mut ping = interval(PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut heard_at = Instant::now();
        loop {
            let ended = tokio::select! {
                biased;
                () = cut.wait() => Some(End::TooSlow),
                out = self.session.next() => match out {
                    Some(out) => self.say(out, socket, &mut cut_in_write).await.err(),
                    None => Some(End::Said),
                },
                message = socket.recv() => {
                    heard_at = Instant::now();
                    match message {
                        Some(Ok(message)) => {
                            if !std::mem::replace(&mut self.is_heard, true) {
                                attempt.heard();
                            }
                            self.handle(message).await.err()
                        }
                        Some(Err(error)) => Some(end_of(error)),
                        None => Some(End::Cut),
                    }
                }
                _ = ping.tick() => {
                    if heard_at.elapsed() > IDLE_TIMEOUT {
                        Some(End::Idle)
                    } else {
                        let ping = Message::Ping(Vec::new().into());
                        written(socket.send(ping), &mut cut_in_write).await.err()
                    }
                }
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    /// Writes everything that is there to say as one: while many join a room, a system call and a
    /// TCP segment for each word would be a third of what their joins cost.
    async fn say(
        &mut self,
        first: Outbound,
        socket: &mut WebSocket,
        cut: &mut Cut,
    ) -> Result<(), End> {
        let (mut next, mut words, mut said) = (Some(first), 0, Ok(()));
        while let Some(out) = next.take() {
            let Outbound::Message(response) = out else {
                said = Err(End::Said);
                break;
            };
            metrics::counter!(names::WEBSOCKET_MESSAGES, "direction" => "out").increment(1);
            if let Some(message) = frame::write(self.framing, &response) {
                written(socket.feed(message), cut).await?;
            }
            words += 1;
            if words < MAX_WORDS {
                next = self.session.ready();
            }
        }
        written(socket.flush(), cut).await?;
        said
    }

    async fn handle(&mut self, message: Message) -> Result<(), End> {
        let now = Instant::now();
        let request = match message {
            Message::Binary(bytes) => {
                self.framing = Framing::Protobuf;
                frame::read_binary(&bytes)
            }
            Message::Text(text) => {
                self.framing = Framing::Json;
                frame::read_text(&text)
            }
            Message::Ping(_) | Message::Pong(_) => {
                return if self.pace.admit_control(now) {
                    Ok(())
                } else {
                    Err(End::TooFast)
                };
            }
            Message::Close(_) => return Err(End::Client),
        };
        metrics::counter!(names::WEBSOCKET_MESSAGES, "direction" => "in").increment(1);
        if !self.pace.admit_message(now) {
            return Err(End::TooFast);
        }
        let request = request.map_err(|_| End::Malformed)?;
        self.session
            .request(request)
            .await
            .map_err(|_| End::Stopped)
    }
}

/// Waits for a write; gives up when the client does not read it or its queue overflows.
async fn written(
    write: impl Future<Output = Result<(), axum::Error>>,
    cut: &mut Cut,
) -> Result<(), End> {
    tokio::select! {
        biased;
        sent = timeout(WRITE_TIMEOUT, write) => match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Cut),
            Err(_) => Err(End::TooSlow),
        },
        () = cut.wait() => Err(End::TooSlow),
    }
}

/// What a read error means.
fn end_of(error: axum::Error) -> End {
    use tungstenite::Error;
    match error.into_inner().downcast_ref::<Error>() {
        Some(Error::Capacity(_)) => End::TooLarge,
        Some(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
            End::Cut
        }
        Some(Error::Protocol(_) | Error::Utf8(_)) => End::Protocol,
        _ => End::Cut,
    }
}
