//! Signalling over real WebSockets.

use crate::harness::{
    CLIENT, Options, Served, TestBox, administers, creates, joins, lists, request,
};
use api::ConnectionLimits;
use axum::body::Body;
use axum::http::Method;
use control::event::{EventQuery, EventType};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::signal_response::Message as Said;
use livekit_protocol::{SignalRequest, SignalResponse, signal_request};
use media::{MediaCommand, MediaEvent};
use prost::Message as _;
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(served: &Served, token: &str, more: &str) -> Result<Socket, (u16, String)> {
    let url = format!(
        "ws://{}/rtc?access_token={token}&{CLIENT}{more}",
        served.address
    );
    match connect_async(url).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
        }
        Err(error) => panic!("{error}"),
    }
}

/// The next protobuf message, pings left out.
async fn next(socket: &mut Socket) -> Said {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
        match message.expect("a message").unwrap().unwrap() {
            Message::Binary(bytes) => {
                return SignalResponse::decode(bytes).unwrap().message.unwrap();
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Reads on until `wanted` finds what it looks for.
async fn until<T>(socket: &mut Socket, wanted: impl Fn(Said) -> Option<T>) -> T {
    loop {
        if let Some(found) = wanted(next(socket).await) {
            return found;
        }
    }
}

async fn closed(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        match tokio::time::timeout(Duration::from_secs(20), socket.next())
            .await
            .expect("an end")
        {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

fn binary(message: signal_request::Message) -> Message {
    Message::Binary(
        SignalRequest {
            message: Some(message),
        }
        .encode_to_vec()
        .into(),
    )
}

#[tokio::test]
async fn the_first_message_is_the_join() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let mut socket = connect(&served, &joins("ward", "alice"), "").await.unwrap();
    let Said::Join(join) = next(&mut socket).await else {
        panic!("not a join")
    };
    assert_eq!(join.room.unwrap().name, "ward");
    let participant = join.participant.unwrap();
    assert_eq!(participant.identity, "alice");
    assert!(participant.sid.starts_with("PA_"));
    assert!(join.ping_interval > 0 && join.ping_timeout > 0);

    let listed = json!({"room": "ward"});
    let listed = a_box
        .twirp("ListParticipants", &administers("ward"), &listed)
        .await
        .json();
    assert_eq!(listed["participants"][0]["identity"], "alice", "{listed}");
}

#[tokio::test]
async fn a_bearer_header_serves_as_well_as_the_query() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let url = format!("ws://{}//rtc?{CLIENT}", served.address);
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {}", joins("ward", "alice"));
    request
        .headers_mut()
        .insert("authorization", bearer.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    assert!(matches!(next(&mut socket).await, Said::Join(_)));
}

#[tokio::test]
async fn pings_are_answered_in_the_framing_they_came_in() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let mut socket = connect(&served, &joins("ward", "alice"), "").await.unwrap();
    assert!(matches!(next(&mut socket).await, Said::Join(_)));
    socket
        .send(binary(signal_request::Message::Ping(42)))
        .await
        .unwrap();
    until(&mut socket, |said| {
        matches!(said, Said::Pong(_)).then_some(())
    })
    .await;
    socket
        .send(Message::Text(r#"{"ping":"42"}"#.into()))
        .await
        .unwrap();
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                if json["pong"].is_string() {
                    break;
                }
            }
            Message::Binary(bytes) => {
                let said = SignalResponse::decode(bytes).unwrap().message;
                assert!(!matches!(said, Some(Said::Pong(_))), "in the wrong framing");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_refusal_is_a_status_before_the_upgrade_and_the_same_at_validate() {
    let strict = TestBox::with(Options {
        auto_create: false,
        ..Options::default()
    });
    let full = TestBox::with(Options {
        max_participants: 1,
        ..Options::default()
    });
    let locked = TestBox::new();
    locked
        .twirp("CreateRoom", &creates(), &json!({"name": "ward"}))
        .await;
    locked
        .control
        .run(|c| c.set_room_locked("ward", true))
        .await
        .unwrap()
        .unwrap();

    let served = strict.serve(ConnectionLimits::default()).await;
    let refused = connect(&served, &joins("ward", "alice"), "")
        .await
        .unwrap_err();
    assert_eq!(refused, (404, "requested room does not exist".to_owned()));
    let validated = strict
        .get("/rtc/validate", Some(&joins("ward", "alice")))
        .await;
    assert_eq!(
        (validated.status.as_u16(), validated.text()),
        (404, "requested room does not exist")
    );

    for (name, token, want) in [
        ("no roomJoin", administers("ward"), 401),
        ("no identity", joins("ward", ""), 400),
        ("no room", joins("", "alice"), 400),
    ] {
        let served = locked.serve(ConnectionLimits::default()).await;
        let (status, _) = connect(&served, &token, "").await.unwrap_err();
        assert_eq!(status, want, "{name}");
        let validated = locked
            .get(&format!("/rtc/validate?access_token={token}"), None)
            .await;
        assert_eq!(validated.status.as_u16(), want, "{name} at validate");
    }

    let served = full.serve(ConnectionLimits::default()).await;
    let mut alice = connect(&served, &joins("ward", "alice"), "").await.unwrap();
    assert!(matches!(next(&mut alice).await, Said::Join(_)));
    let (status, _) = connect(&served, &joins("ward", "bob"), "")
        .await
        .unwrap_err();
    assert_eq!(status, 503);

    let served = locked.serve(ConnectionLimits::default()).await;
    let (status, _) = connect(&served, &joins("ward", "bob"), "")
        .await
        .unwrap_err();
    assert_eq!(status, 403);
}

#[tokio::test]
async fn what_is_no_websocket_is_not_found() {
    let a_box = TestBox::new();
    for path in ["/rtc", "/rtc/v1"] {
        assert_eq!(
            a_box.get(path, Some(&joins("ward", "alice"))).await.status,
            404,
            "{path}"
        );
    }
    let answer = a_box
        .get("/rtc/v1/validate", Some(&joins("ward", "alice")))
        .await;
    assert_eq!(answer.status, 400, "v1 without its join request");
}

#[tokio::test]
async fn bad_messages_end_their_own_session_and_nobody_elses() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let mut bystander = connect(&served, &joins("ward", "bob"), "").await.unwrap();
    assert!(matches!(next(&mut bystander).await, Said::Join(_)));
    let over = vec![0; signal::limits::MAX_MESSAGE_BYTES + 1];
    for (name, message, want) in [
        (
            "no protobuf",
            Message::Binary(vec![0xff; 10].into()),
            CloseCode::Policy,
        ),
        ("no JSON", Message::Text("{".into()), CloseCode::Policy),
        ("too large", Message::Binary(over.into()), CloseCode::Size),
    ] {
        let mut socket = connect(&served, &joins("ward", "alice"), "").await.unwrap();
        assert!(matches!(next(&mut socket).await, Said::Join(_)), "{name}");
        socket.send(message).await.unwrap();
        assert_eq!(closed(&mut socket).await, Some(want), "{name}");
    }
    bystander
        .send(binary(signal_request::Message::Ping(1)))
        .await
        .unwrap();
    until(&mut bystander, |said| {
        matches!(said, Said::Pong(_)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_pings_or_messages_ends_the_session() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    for (name, message) in [
        ("WebSocket pings", Message::Ping(Vec::new().into())),
        ("messages", binary(signal_request::Message::Ping(1))),
    ] {
        let mut socket = connect(&served, &joins("ward", "alice"), "").await.unwrap();
        assert!(matches!(next(&mut socket).await, Said::Join(_)), "{name}");
        let (mut sink, mut stream) = socket.split();
        let flood = async {
            for _ in 0..10_000 {
                if sink.send(message.clone()).await.is_err() {
                    break;
                }
            }
        };
        let end = async {
            loop {
                match stream.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        let ((), code) = tokio::join!(flood, end);
        // The close frame may be lost under the flood; the end may not.
        assert!(
            matches!(code, None | Some(CloseCode::Policy)),
            "{name}: {code:?}"
        );
    }
}

/// A client that never reads is cut; the others' messages do not wait for it.
#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_the_others_go_on() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let mut deaf = connect(&served, &joins("ward", "deaf"), "").await.unwrap();
    assert!(matches!(next(&mut deaf).await, Said::Join(_)));
    let mut reader = connect(&served, &joins("ward", "reader"), "")
        .await
        .unwrap();
    assert!(matches!(next(&mut reader).await, Said::Join(_)));
    let admin = administers("ward");
    let change = async {
        for n in 0..60 {
            let metadata = format!("{n}{}", "x".repeat(400 * 1024));
            let body = json!({"room": "ward", "metadata": metadata});
            assert_eq!(
                a_box
                    .twirp("UpdateRoomMetadata", &admin, &body)
                    .await
                    .status,
                200
            );
        }
        a_box
            .twirp(
                "UpdateRoomMetadata",
                &admin,
                &json!({"room": "ward", "metadata": "last"}),
            )
            .await;
    };
    let last = until(&mut reader, |said| match said {
        Said::RoomUpdate(update) => update
            .room
            .filter(|room| room.metadata == "last")
            .map(|_| ()),
        _ => None,
    });
    let ((), ()) = tokio::join!(change, last);
    // What had been sent before the cut may still be read; then the connection ends.
    closed(&mut deaf).await;
}

#[tokio::test]
async fn a_deleted_room_says_goodbye_before_it_closes() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let mut socket = connect(&served, &joins("ward", "alice"), "").await.unwrap();
    assert!(matches!(next(&mut socket).await, Said::Join(_)));
    a_box
        .twirp("DeleteRoom", &creates(), &json!({"room": "ward"}))
        .await;
    let reason = until(&mut socket, |said| match said {
        Said::Leave(leave) => Some(leave.reason()),
        _ => None,
    });
    assert_eq!(
        reason.await,
        livekit_protocol::DisconnectReason::RoomDeleted
    );
    assert_eq!(closed(&mut socket).await, Some(CloseCode::Normal));
}

#[tokio::test]
async fn a_stopping_box_tells_everyone() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let mut socket = connect(&served, &joins("ward", "alice"), "").await.unwrap();
    assert!(matches!(next(&mut socket).await, Said::Join(_)));
    a_box.control.stop().await;
    let reason = until(&mut socket, |said| match said {
        Said::Leave(leave) => Some(leave.reason()),
        _ => None,
    });
    assert_eq!(
        reason.await,
        livekit_protocol::DisconnectReason::ServerShutdown
    );
    closed(&mut socket).await;
    let ready = a_box.get("/readyz", None).await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("stopping"), "{}", ready.text());
    assert_eq!(a_box.get("/healthz", None).await.status, 200);
}

/// The whole way of a participant: joined, connected, reporting, gone; all of it on disk.
#[tokio::test]
async fn a_connected_participant_reports_and_leaves_a_record() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let token = joins("ward", "alice");
    let mut socket = connect(&served, &token, "").await.unwrap();
    assert!(matches!(next(&mut socket).await, Said::Join(_)));
    let opened = {
        let commands = a_box.media.commands.lock().unwrap();
        let peers = commands.iter().filter_map(|command| match command {
            MediaCommand::OpenPeer { room, peer, .. } => Some((*room, peer.key)),
            _ => None,
        });
        peers.collect::<Vec<_>>()
    };
    for (room, peer) in opened {
        a_box
            .media
            .events
            .send(MediaEvent::PeerConnected { room, peer })
            .unwrap();
    }
    let types = async || {
        let page = a_box.get("/v1/events", Some(&lists())).await.json();
        let items = page["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|e| e["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    until_saved(&a_box, "occupant_joined").await;
    let report = r#"{"events":[{"type":"peer_session_added","sid":"s1","peer":"bob"}]}"#;
    let path = "/v1/rooms/ward/events";
    let reported = a_box
        .send(request(
            Method::POST,
            path,
            Some(&token),
            &[],
            report.into(),
        ))
        .await;
    assert_eq!(reported.status, 204, "{}", reported.text());
    let leave = signal_request::Message::Leave(livekit_protocol::LeaveRequest::default());
    socket.send(binary(leave)).await.unwrap();
    closed(&mut socket).await;
    until_saved(&a_box, "occupant_left").await;
    assert_eq!(
        types().await,
        [
            "room_created",
            "occupant_joined",
            "p2p_session_started",
            "occupant_left"
        ]
    );
    let page = a_box
        .get(
            "/v1/events?actor=alice&type=p2p_session_started",
            Some(&lists()),
        )
        .await;
    let event = page.json()["items"][0].clone();
    assert_eq!(
        (&event["peer"], &event["data"]["sid"]),
        (&json!("bob"), &json!("s1")),
        "{event}"
    );
    let sessions = a_box.get("/v1/rooms/sessions", Some(&lists())).await.json();
    let presence = &sessions["items"][0]["participants"][0];
    assert_eq!(presence["identity"], "alice", "{sessions}");
    assert!(presence["duration_ms"].is_number(), "{sessions}");
}

/// Waits until an event of that type can be read.
async fn until_saved(a_box: &TestBox, event_type: &str) {
    let query = EventQuery {
        kinds: vec![EventType::parse(event_type).unwrap()],
        ..EventQuery::default()
    };
    let page = a_box
        .control
        .follow_events(query, Duration::from_secs(20))
        .await
        .unwrap();
    assert!(!page.items.is_empty(), "{event_type} was not saved");
}

/// A13: neither tokens nor identities are told back.
#[tokio::test]
async fn refusals_repeat_neither_token_nor_identity() {
    let a_box = TestBox::new();
    let token = joins("", "alice-secret");
    for path in ["/rtc/validate", "/v1/events", "/whep/ward"] {
        let asked = request(Method::GET, path, Some(&token), &[], Body::empty());
        let answer = a_box.send(asked).await;
        let said = format!("{:?}{}", answer.headers, answer.text());
        assert!(
            !said.contains("alice-secret") && !said.contains(&token),
            "{path}: {said}"
        );
    }
}
