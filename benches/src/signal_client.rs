//! The signalling connection: protobuf over a WebSocket (`livekit.md` §1, version 0).

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::{
    Ping, SignalRequest, SignalResponse, signal_request::Message as Request,
    signal_response::Message as Response,
};
use prost::Message as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};

/// How often the server hears from a client; it waits for 15 s.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// The protocol version spoken: two peer connections, offers from both sides.
const PROTOCOL: u32 = 15;

/// Runs one client's signalling: hands on what the server says, sends what the media thread says,
/// until that one has gone.
///
/// # Errors
/// The server refuses the connection, ends it, or sends what cannot be read.
pub async fn run(
    url: &str,
    token: &str,
    mut requests: UnboundedReceiver<Request>,
    mut respond: impl FnMut(Response),
) -> Result<()> {
    let url = format!(
        "{}/rtc?access_token={token}&protocol={PROTOCOL}&auto_subscribe=1&sdk=go&version=2.0.0",
        url.trim_end_matches('/')
    );
    let (mut socket, _) = connect_async(url).await.map_err(refusal)?;
    let mut ping = tokio::time::interval(PING_INTERVAL);
    loop {
        let request = tokio::select! {
            request = requests.recv() => match request {
                Some(request) => request,
                None => break,
            },
            _ = ping.tick() => Request::PingReq(Ping { timestamp: unix_millis(), rtt: 0 }),
            message = socket.next() => {
                let message = message.context("the server closed the signalling connection")??;
                if let Some(response) = read(message)? {
                    respond(response);
                }
                continue;
            }
        };
        let bytes = SignalRequest {
            message: Some(request),
        }
        .encode_to_vec();
        socket
            .send(Message::binary(bytes))
            .await
            .context("signalling connection")?;
    }
    // The run is over: whether the server still hears the goodbye changes nothing.
    let _ = socket.close(None).await;
    Ok(())
}

fn read(message: Message) -> Result<Option<Response>> {
    match message {
        Message::Binary(bytes) => Ok(SignalResponse::decode(bytes)
            .context("a signalling message")?
            .message),
        Message::Close(_) => bail!("the server closed the signalling connection"),
        _ => Ok(None),
    }
}

/// A refused upgrade with what the server says about it.
fn refusal(error: Error) -> anyhow::Error {
    match error {
        Error::Http(response) => {
            let body = response
                .body()
                .as_deref()
                .map(String::from_utf8_lossy)
                .unwrap_or_default();
            anyhow::anyhow!(
                "the server refused to let a client in: {} {body}",
                response.status()
            )
        }
        error => anyhow::Error::new(error).context("the server cannot be reached: is it running?"),
    }
}

fn unix_millis() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
