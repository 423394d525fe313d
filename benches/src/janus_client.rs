//! Signalling with Janus' video room plugin, told to the media thread in `LiveKit`'s words.
//!
//! The media threads know one protocol. What Janus says (JSON over a WebSocket, one session and
//! one handle per client) is translated: a joined publisher is a `JoinResponse`, a `jsep` is an
//! offer or an answer. Source: the Janus API and video room documentation, version 1.1.

use crate::options::{Options, Participant};
use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::{
    JoinResponse, SessionDescription, signal_request::Message as Request,
    signal_response::Message as Response,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How often a session says that it lives; Janus gives up after 60 s.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// What a room accepts from a publisher, in bit/s: more than any load.
const MAX_BITRATE: u64 = 1_000_000_000;

/// Runs one client's signalling until the media thread has gone.
///
/// # Errors
/// Janus refuses something, or goes away.
pub async fn run(
    options: &Options,
    participant: Participant,
    mut requests: UnboundedReceiver<Request>,
    mut respond: impl FnMut(Response),
) -> Result<()> {
    let mut talk = Conversation::begin(&options.url).await?;
    let room = room(options, participant.room);
    if participant.publishes {
        talk.enter(room, participant).await?;
        respond(Response::Join(JoinResponse::default()));
    } else {
        respond(Response::Join(JoinResponse::default()));
        let offer = talk
            .subscribe(room, feeds(options, participant.room))
            .await?;
        respond(Response::Offer(offer));
    }
    let mut keepalive = tokio::time::interval(KEEPALIVE);
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(Request::Offer(offer)) => {
                    let publish = json!({ "request": "publish" });
                    let reply = talk.message(publish, Some(("offer", &offer.sdp))).await?;
                    respond(Response::Answer(description(&reply)?));
                }
                Some(Request::Answer(answer)) => {
                    let start = json!({ "request": "start" });
                    talk.message(start, Some(("answer", &answer.sdp))).await?;
                }
                Some(_) => {}
                None => break,
            },
            _ = keepalive.tick() => {
                talk.send(json!({ "janus": "keepalive", "transaction": "alive" })).await?;
            }
            event = talk.read() => {
                if event?["janus"] == "hangup" {
                    bail!("Janus hung up");
                }
            }
        }
    }
    // The run is over: whether Janus still hears the goodbye changes nothing.
    let _ = talk.socket.close(None).await;
    Ok(())
}

/// A number per room: Janus' rooms have no names.
fn room(options: &Options, room: u32) -> u32 {
    let name = options.room.bytes();
    let hash = name.fold(0_u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    (hash >> 8) + 1 + room
}

/// A publisher's number in Janus: 0 is none.
fn feed(participant: Participant) -> u32 {
    participant.number + 1
}

fn feeds(options: &Options, room: u32) -> Vec<u32> {
    let all = options.participants().into_iter();
    let publishers = all.filter(|other| other.room == room && other.publishes);
    publishers.map(feed).collect()
}

struct Conversation {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<u64>,
    handle: Option<u64>,
    transactions: u64,
}

impl Conversation {
    /// A session with one handle of the plugin.
    async fn begin(url: &str) -> Result<Self> {
        let mut request = url.into_client_request()?;
        let protocol = HeaderValue::from_static("janus-protocol");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let connected = connect_async(request).await;
        let (socket, _) = connected.context("Janus cannot be reached: is it running?")?;
        let mut talk = Self {
            socket,
            session: None,
            handle: None,
            transactions: 0,
        };
        talk.session = talk.call(json!({ "janus": "create" })).await?["data"]["id"].as_u64();
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        talk.handle = talk.call(attach).await?["data"]["id"].as_u64();
        Ok(talk)
    }

    /// Joins as a publisher, in a room that the first one makes.
    async fn enter(&mut self, room: u32, participant: Participant) -> Result<()> {
        let create = json!({
            "request": "create", "room": room, "publishers": 1_000, "videocodec": "vp8",
            "bitrate": MAX_BITRATE, "notify_joining": false, "permanent": false,
        });
        // All but the first are told that the room exists.
        let _ = self.message(create, None).await;
        let join = json!({
            "request": "join", "ptype": "publisher", "room": room, "id": feed(participant),
        });
        self.message(join, None).await?;
        Ok(())
    }

    async fn subscribe(&mut self, room: u32, feeds: Vec<u32>) -> Result<SessionDescription> {
        let streams: Vec<Value> = feeds
            .into_iter()
            .map(|feed| json!({ "feed": feed }))
            .collect();
        let join = json!({
            "request": "join", "ptype": "subscriber", "room": room, "streams": streams,
        });
        description(&self.message(join, None).await?)
    }

    async fn message(&mut self, body: Value, jsep: Option<(&str, &str)>) -> Result<Value> {
        let mut message = json!({ "janus": "message", "body": body });
        if let Some((kind, sdp)) = jsep {
            message["jsep"] = json!({ "type": kind, "sdp": sdp });
        }
        let reply = self.call(message).await?;
        let data = &reply["plugindata"]["data"];
        if let Some(error) = data["error"].as_str() {
            bail!("the video room refuses: {error}");
        }
        Ok(reply)
    }

    /// Sends a request and waits for what it led to.
    async fn call(&mut self, mut request: Value) -> Result<Value> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        request["transaction"] = transaction.clone().into();
        self.send(request).await?;
        loop {
            let reply = self.read().await?;
            if reply["transaction"] != transaction.as_str() || reply["janus"] == "ack" {
                continue;
            }
            if reply["janus"] == "error" {
                bail!("Janus refuses: {}", reply["error"]["reason"]);
            }
            return Ok(reply);
        }
    }

    async fn send(&mut self, mut request: Value) -> Result<()> {
        if let Some(session) = self.session {
            request["session_id"] = session.into();
        }
        if let (Some(handle), false) = (self.handle, request["janus"] == "keepalive") {
            request["handle_id"] = handle.into();
        }
        let text = Message::text(request.to_string());
        self.socket
            .send(text)
            .await
            .context("the connection to Janus")
    }

    /// May be dropped while it waits: a message is taken as a whole or not at all.
    async fn read(&mut self) -> Result<Value> {
        loop {
            let message = self
                .socket
                .next()
                .await
                .context("Janus closed the connection")??;
            if let Message::Text(text) = message {
                return serde_json::from_str(text.as_str()).context("Janus' JSON");
            }
        }
    }
}

fn description(reply: &Value) -> Result<SessionDescription> {
    let jsep = &reply["jsep"];
    let (Some(kind), Some(sdp)) = (jsep["type"].as_str(), jsep["sdp"].as_str()) else {
        bail!("Janus sent no session description: {reply}");
    };
    Ok(SessionDescription {
        r#type: kind.into(),
        sdp: sdp.into(),
        ..SessionDescription::default()
    })
}
