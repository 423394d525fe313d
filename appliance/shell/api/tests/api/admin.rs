//! The operators' socket.

use crate::harness::{TestBox, creates};
use futures_util::StreamExt;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tower::ServiceExt;

mod actions;

#[tokio::test]
async fn rooms_and_status_are_told_without_a_token() {
    let a_box = TestBox::new();
    assert_eq!(a_box.admin_get("/admin/rooms").await.json(), json!([]));
    a_box
        .twirp(
            "CreateRoom",
            &creates(),
            &json!({"name": "ward", "maxParticipants": 3}),
        )
        .await;
    let rooms = a_box.admin_get("/admin/rooms").await.json();
    assert_eq!(rooms[0]["name"], "ward");
    assert_eq!(
        (&rooms[0]["people"], &rooms[0]["flags"]),
        (&json!(0), &json!(["empty"]))
    );
    let by_name = a_box.admin_get("/admin/rooms/ward").await.json();
    assert_eq!(by_name["room"], rooms[0]);
    let sid = rooms[0]["sid"].as_str().unwrap();
    let by_sid = a_box.admin_get(&format!("/admin/rooms/{sid}")).await.json();
    assert_eq!(by_sid, by_name);
    assert_eq!(a_box.admin_get("/admin/rooms/icu").await.status, 404);
    let status = a_box.admin_get("/admin/status").await.json();
    assert_eq!(status["ready"], true, "{status}");
    assert_eq!(status["rooms"], 1);
    assert_eq!(status["version"], "0.0.0-test");
    assert_eq!(status["facts"], json!([["network", "none"]]));
}

#[tokio::test]
async fn the_network_does_not_see_the_admin_routes() {
    let a_box = TestBox::new();
    for path in [
        "/admin/rooms",
        "/admin/status",
        "/admin/events",
        "/admin/sessions",
    ] {
        assert_eq!(a_box.get(path, None).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn events_are_followed_line_by_line_as_they_are_saved() {
    let a_box = TestBox::new();
    let request = axum::http::Request::get("/admin/events?follow=1&type=room_created")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = a_box.admin_router().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/jsonl");
    let mut lines = response.into_body().into_data_stream();
    let (token, room) = (creates(), json!({"name": "ward"}));
    let (line, _) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(20), lines.next()),
        a_box.twirp("CreateRoom", &token, &room),
    );
    let line = line.expect("a line").unwrap().unwrap();
    let event: wire::EventView = serde_json::from_slice(&line).unwrap();
    assert_eq!(
        (event.event_type.as_str(), event.room.as_str()),
        ("room_created", "ward")
    );
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_answers() {
    let a_box = TestBox::new();
    let path = a_box.folder().join("admin.sock");
    let listener = api::bind_unix(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let served = tokio::spawn(api::serve_unix(
        listener,
        a_box.bare_admin_router(),
        std::future::pending(),
    ));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let head = "GET /admin/status HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let taken = api::bind_unix(&path).unwrap_err();
    assert!(
        matches!(taken, api::BindAdminError::InUse { .. }),
        "{taken}"
    );
    served.abort();
    let _ = served.await;
    assert!(
        api::bind_unix(&path).is_ok(),
        "a socket nobody answers on is replaced"
    );
}

#[tokio::test]
async fn a_file_in_the_sockets_place_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    std::fs::write(&path, "precious").unwrap();
    let refused = api::bind_unix(&path).unwrap_err();
    assert!(
        matches!(refused, api::BindAdminError::NotASocket { .. }),
        "{refused}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
