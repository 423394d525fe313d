//! `RoomService` in both encodings, and its errors.

use crate::harness::{Answer, TestBox, administers, creates, joins, lists, request, token};
use auth::Grants;
use axum::http::Method;
use livekit_protocol as proto;
use prost::Message;
use serde_json::{Value, json};

const PROTOBUF: [(&str, &str); 1] = [("content-type", "application/protobuf")];

async fn protobuf(a_box: &TestBox, method: &str, token: &str, body: Vec<u8>) -> Answer {
    let path = format!("/twirp/livekit.RoomService/{method}");
    a_box
        .send(request(
            Method::POST,
            &path,
            Some(token),
            &PROTOBUF,
            body.into(),
        ))
        .await
}

fn error_of(answer: &Answer) -> (u16, String, String) {
    assert_eq!(answer.header("content-type"), "application/json");
    let json = answer.json();
    assert!(json["meta"].is_object(), "{json}");
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    (answer.status.as_u16(), text("code"), text("msg"))
}

#[tokio::test]
async fn a_room_is_created_listed_changed_and_deleted_in_json() {
    let a_box = TestBox::new();
    let asked = json!({
        "name": "ward", "emptyTimeout": 60, "departure_timeout": 5, "maxParticipants": 7,
        "metadata": "m", "unknown": true,
    });
    let created = a_box.twirp("CreateRoom", &creates(), &asked).await;
    assert_eq!(created.header("content-type"), "application/json");
    let room = created.json();
    assert!(room["sid"].as_str().unwrap().starts_with("RM_"), "{room}");
    assert_eq!(room["name"], "ward");
    assert_eq!(room["emptyTimeout"], 60);
    assert_eq!(room["departureTimeout"], 5);
    assert_eq!(room["maxParticipants"], 7);
    assert_eq!(room["metadata"], "m");

    let again = a_box.twirp("CreateRoom", &creates(), &asked).await.json();
    assert_eq!(again["sid"], room["sid"], "it lives already");

    a_box
        .twirp("CreateRoom", &creates(), &json!({"name": "icu"}))
        .await;
    let names = async |body: Value| {
        let list = a_box.twirp("ListRooms", &lists(), &body).await.json();
        let rooms = list["rooms"].as_array().cloned().unwrap_or_default();
        rooms
            .iter()
            .map(|room| room["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(json!({})).await, ["ward", "icu"]);
    assert_eq!(names(json!({"names": ["icu", "none"]})).await, ["icu"]);

    let changed = json!({"room": "ward", "metadata": "n"});
    let changed = a_box
        .twirp("UpdateRoomMetadata", &administers("ward"), &changed)
        .await
        .json();
    assert_eq!(changed["metadata"], "n");

    let deleted = a_box
        .twirp("DeleteRoom", &creates(), &json!({"room": "ward"}))
        .await;
    assert_eq!((deleted.status.as_u16(), deleted.text()), (200, "{}"));
    assert_eq!(names(json!({})).await, ["icu"]);
}

#[tokio::test]
async fn the_same_in_protobuf_where_an_empty_body_is_all_defaults() {
    let a_box = TestBox::new();
    let asked = proto::CreateRoomRequest {
        name: "ward".into(),
        ..Default::default()
    };
    let answer = protobuf(&a_box, "CreateRoom", &creates(), asked.encode_to_vec()).await;
    assert_eq!(answer.header("content-type"), "application/protobuf");
    let room = proto::Room::decode(answer.body.as_slice()).unwrap();
    assert_eq!(room.name, "ward");
    let answer = protobuf(&a_box, "ListRooms", &lists(), Vec::new()).await;
    let list = proto::ListRoomsResponse::decode(answer.body.as_slice()).unwrap();
    assert_eq!(list.rooms.len(), 1);
}

/// `X-Livekit-Request-Id`: the repetition of a call is answered and not carried out again.
#[tokio::test]
async fn a_repeated_request_id_is_the_same_call() {
    let a_box = TestBox::new();
    let create = async |id: &str, token: &str, metadata: &str| {
        let body = json!({"name": "ward", "metadata": metadata}).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("x-livekit-request-id", id),
        ];
        let path = "/twirp/livekit.RoomService/CreateRoom";
        let asked = request(Method::POST, path, Some(token), &headers, body.into());
        a_box.send(asked).await
    };
    let creator = creates();
    let first = create("a", &creator, "one").await.json();
    let delete = json!({"room": "ward"});
    a_box.twirp("DeleteRoom", &creator, &delete).await;
    let again = create("a", &creator, "one").await;
    assert_eq!(again.header("content-type"), "application/json");
    assert_eq!(again.json(), first, "answered");
    let rooms = a_box.twirp("ListRooms", &lists(), &json!({})).await.json();
    assert_eq!(rooms, json!({}), "and not made again");

    let other = create("a", &creator, "two").await.json();
    assert_ne!(other["sid"], first["sid"], "another body is another call");
    let refused = create("a", &joins("ward", "x"), "one").await;
    assert_eq!(refused.status, 401, "the key is no permission");
}

#[tokio::test]
async fn errors_have_twirps_code_status_and_livekits_words() {
    let a_box = TestBox::new();
    a_box
        .twirp("CreateRoom", &creates(), &json!({"name": "ward"}))
        .await;
    let ward = administers("ward");
    let long = "x".repeat(257);
    let metadata = "x".repeat(512 * 1024 + 1);
    for (method, token, body, code, status, says) in [
        (
            "CreateRoom",
            &lists(),
            json!({"name": "x"}),
            "unauthenticated",
            401,
            "permissions denied",
        ),
        (
            "CreateRoom",
            &creates(),
            json!({}),
            "invalid_argument",
            400,
            "name",
        ),
        (
            "CreateRoom",
            &creates(),
            json!({"name": long}),
            "invalid_argument",
            400,
            "name",
        ),
        (
            "CreateRoom",
            &creates(),
            json!({"name": "x", "metadata": metadata}),
            "invalid_argument",
            400,
            "metadata",
        ),
        (
            "CreateRoom",
            &creates(),
            json!({"name": 5}),
            "malformed",
            400,
            "json",
        ),
        (
            "DeleteRoom",
            &creates(),
            json!({"room": "x"}),
            "not_found",
            404,
            "requested room does not exist",
        ),
        (
            "GetParticipant",
            &ward,
            json!({"room": "ward", "identity": "x"}),
            "not_found",
            404,
            "participant does not exist",
        ),
        (
            "RemoveParticipant",
            &ward,
            json!({"room": "ward", "identity": "x"}),
            "not_found",
            404,
            "participant",
        ),
        (
            "MutePublishedTrack",
            &ward,
            json!({"room": "ward", "identity": "x", "trackSid": "TR_"}),
            "not_found",
            404,
            "",
        ),
        (
            "UpdateParticipant",
            &ward,
            json!({"room": "ward", "identity": "x"}),
            "not_found",
            404,
            "",
        ),
        (
            "UpdateSubscriptions",
            &ward,
            json!({"room": "ward", "identity": "x"}),
            "not_found",
            404,
            "",
        ),
        (
            "SendData",
            &ward,
            json!({"room": "ward", "data": "eA==", "nonce": "eA=="}),
            "invalid_argument",
            400,
            "16-bytes",
        ),
        (
            "SendData",
            &administers("icu"),
            json!({"room": "icu"}),
            "not_found",
            404,
            "requested room does not exist",
        ),
        (
            "PerformRpc",
            &ward,
            json!({"room": "ward", "destinationIdentity": "nobody", "method": "greet"}),
            "not_found",
            404,
            "participant does not exist",
        ),
        ("Nothing", &ward, json!({}), "bad_route", 404, "no handler"),
    ] {
        let answer = a_box.twirp(method, token, &body).await;
        let (got_status, got_code, message) = error_of(&answer);
        assert_eq!(
            (got_status, got_code.as_str()),
            (status, code),
            "{method}: {message}"
        );
        assert!(message.contains(says), "{method}: {message}");
    }
}

#[tokio::test]
async fn a_room_that_does_not_live_has_nobody_in_it() {
    let a_box = TestBox::new();
    let answer = a_box
        .twirp(
            "ListParticipants",
            &administers("icu"),
            &json!({"room": "icu"}),
        )
        .await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
}

#[tokio::test]
async fn what_livekit_has_and_the_box_has_not_is_unimplemented() {
    let a_box = TestBox::new();
    let json = [("content-type", "application/json")];
    for target in [
        "livekit.Egress/ListEgress",
        "livekit.Ingress/CreateIngress",
        "livekit.SIP/ListSIPInboundTrunk",
        "livekit.AgentDispatchService/ListDispatch",
    ] {
        let path = format!("/twirp/{target}");
        let asked = request(Method::POST, &path, Some(&lists()), &json, "{}".into());
        let (status, code, _) = error_of(&a_box.send(asked).await);
        assert_eq!((status, code.as_str()), (501, "unimplemented"), "{target}");
    }
    let may_move = Grants {
        room: "ward".into(),
        room_admin: true,
        destination_room: "icu".into(),
        ..Grants::default()
    };
    let body = json!({"room": "ward", "identity": "x", "destinationRoom": "icu"});
    for method in ["ForwardParticipant", "MoveParticipant"] {
        let answer = a_box
            .twirp(method, &token("admin", may_move.clone()), &body)
            .await;
        assert_eq!(error_of(&answer).1, "unimplemented", "{method}");
    }
}

#[tokio::test]
async fn bad_routes_are_told_apart() {
    let a_box = TestBox::new();
    for (method, path, content_type, says) in [
        (
            Method::GET,
            "/twirp/livekit.RoomService/ListRooms",
            "application/json",
            "unsupported method",
        ),
        (
            Method::POST,
            "/twirp/livekit.RoomService/ListRooms",
            "text/plain",
            "unexpected Content-Type",
        ),
        (
            Method::POST,
            "/twirp/other.Service/ListRooms",
            "application/json",
            "no handler",
        ),
        (
            Method::POST,
            "/twirp/livekit.RoomService",
            "application/json",
            "no handler",
        ),
    ] {
        let headers = [("content-type", content_type)];
        let asked = request(method, path, Some(&lists()), &headers, "{}".into());
        let (status, code, message) = error_of(&a_box.send(asked).await);
        assert_eq!((status, code.as_str()), (404, "bad_route"), "{path}");
        assert!(message.contains(says), "{path}: {message}");
    }
}

#[tokio::test]
async fn a_body_of_ten_mebibytes_is_read_and_a_larger_one_is_not() {
    let a_box = TestBox::new();
    let at_limit = vec![b' '; api::config::MAX_TWIRP_BYTES - 2];
    let at_limit = [at_limit.as_slice(), b"{}"].concat();
    let json = [("content-type", "application/json")];
    let path = "/twirp/livekit.RoomService/ListRooms";
    let over = [at_limit.as_slice(), b" "].concat();
    let asked = request(Method::POST, path, Some(&lists()), &json, at_limit.into());
    assert_eq!(a_box.send(asked).await.status, 200);
    let asked = request(Method::POST, path, Some(&lists()), &json, over.into());
    assert_eq!(a_box.send(asked).await.status, 413);
}

#[tokio::test]
async fn content_types_are_matched_by_their_type_alone() {
    let a_box = TestBox::new();
    let path = "/twirp/livekit.RoomService/ListRooms";
    let headers = [("content-type", "application/json;charset=UTF-8")];
    let asked = request(Method::POST, path, Some(&lists()), &headers, "{}".into());
    assert_eq!(a_box.send(asked).await.status, 200);
}

#[tokio::test]
async fn a_join_token_administers_nothing() {
    let a_box = TestBox::new();
    let answer = a_box
        .twirp(
            "ListParticipants",
            &joins("ward", "x"),
            &json!({"room": "ward"}),
        )
        .await;
    assert_eq!(error_of(&answer).1, "unauthenticated");
}
