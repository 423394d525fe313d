//! The box's own API: events, sessions, reports, locks.

use crate::harness::{TestBox, administers, creates, joins, lists, request};
use axum::http::Method;
use serde_json::{Value, json};

async fn report(a_box: &TestBox, room: &str, token: &str, body: &str) -> (u16, Value) {
    let path = format!("/v1/rooms/{room}/events");
    let body = body.to_owned().into();
    let answer = a_box
        .send(request(Method::POST, &path, Some(token), &[], body))
        .await;
    (
        answer.status.as_u16(),
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        },
    )
}

#[tokio::test]
async fn a_created_room_is_in_the_journal_and_can_be_asked_for() {
    let a_box = TestBox::new();
    for room in ["ward", "icu"] {
        let answer = a_box
            .twirp("CreateRoom", &creates(), &json!({"name": room}))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = a_box
        .get("/v1/events?type=room_created&limit=1", Some(&lists()))
        .await;
    let page = answer.json();
    assert_eq!(page["items"][0]["type"], "room_created", "{page}");
    assert_eq!(page["items"][0]["room"], "ward");
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let next = page["next"].as_str().unwrap();
    let path = format!("/v1/events?type=room_created&cursor={next}");
    let page = a_box.get(&path, Some(&lists())).await.json();
    assert_eq!(page["items"][0]["room"], "icu", "{page}");

    let own = a_box
        .get("/v1/events", Some(&administers("icu")))
        .await
        .json();
    let rooms: Vec<_> = own["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["room"])
        .collect();
    assert!(
        !rooms.is_empty() && rooms.iter().all(|room| *room == "icu"),
        "{own}"
    );
    let foreign = a_box
        .get("/v1/events?room=ward", Some(&administers("icu")))
        .await;
    assert_eq!(foreign.status, 403);

    let sessions = a_box
        .get("/v1/rooms/sessions?room=ward", Some(&lists()))
        .await
        .json();
    let sid = sessions["items"][0]["sid"].as_str().unwrap();
    assert!(sid.starts_with("RM_"), "{sessions}");
    let path = format!("/v1/rooms/sessions/{sid}");
    let one = a_box.get(&path, Some(&administers("ward"))).await.json();
    assert_eq!(one["room"], "ward");
    assert_eq!(
        a_box.get(&path, Some(&administers("icu"))).await.status,
        404
    );
}

#[tokio::test]
async fn a_wrong_question_is_a_problem_that_says_what_is_wrong() {
    let a_box = TestBox::new();
    for (query, says) in [
        ("type=room_exploded", "type"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("order=up", "order"),
        ("from=yesterday", "from"),
        ("cursor=-1", "cursor"),
    ] {
        let answer = a_box
            .get(&format!("/v1/events?{query}"), Some(&lists()))
            .await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.header("content-type"), wire::PROBLEM_JSON, "{query}");
        let problem: wire::Problem = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (problem.kind.as_str(), problem.status),
            ("invalid", 400),
            "{query}"
        );
        assert!(problem.detail.contains(says), "{query}: {}", problem.detail);
    }
}

#[tokio::test]
async fn only_what_a_client_knows_is_taken_from_it() {
    let a_box = TestBox::new();
    let token = joins("ward", "someone");
    let many = json!({"events": vec![json!({"type": "rtt_enabled"}); 33]}).to_string();
    let long =
        json!({"events": [{"type": "p2p_session_ended", "sid": "x".repeat(129)}]}).to_string();
    let huge = "x".repeat(api::config::MAX_BODY_BYTES + 1);
    for (name, body, want) in [
        ("not JSON", "{", 400),
        (
            "a type the box sees itself",
            r#"{"events":[{"type":"occupant_joined"}]}"#,
            400,
        ),
        ("an unknown type", r#"{"events":[{"type":"x"}]}"#, 400),
        (
            "a session without its id",
            r#"{"events":[{"type":"p2p_session_ended"}]}"#,
            400,
        ),
        ("too many", &many, 400),
        ("a text too long", &long, 400),
        ("a body too long", &huge, 400),
        (
            "no such room",
            r#"{"events":[{"type":"rtt_enabled"}]}"#,
            404,
        ),
    ] {
        let (status, body) = report(&a_box, "ward", &token, body).await;
        assert_eq!(status, want, "{name}: {body}");
    }
    a_box
        .twirp("CreateRoom", &creates(), &json!({"name": "ward"}))
        .await;
    let (status, _) = report(
        &a_box,
        "ward",
        &token,
        r#"{"events":[{"type":"rtt_enabled"}]}"#,
    )
    .await;
    assert_eq!(status, 403, "somebody who is not in the room");
}

#[tokio::test]
async fn a_room_can_be_locked_and_unlocked_by_its_administrator() {
    let a_box = TestBox::new();
    let set = async |method: Method, token: String| {
        let asked = request(method, "/v1/rooms/ward/lock", Some(&token), &[], "".into());
        a_box.send(asked).await.status.as_u16()
    };
    assert_eq!(
        set(Method::PUT, administers("ward")).await,
        404,
        "no such room yet"
    );
    a_box
        .twirp("CreateRoom", &creates(), &json!({"name": "ward"}))
        .await;
    assert_eq!(set(Method::PUT, administers("ward")).await, 204);
    assert_eq!(
        a_box.admin_get("/admin/rooms/ward").await.json()["room"]["locked"],
        true
    );
    assert_eq!(set(Method::DELETE, administers("ward")).await, 204);
    let page = a_box
        .get("/v1/events?type=room_locked,room_unlocked", Some(&lists()))
        .await
        .json();
    let types: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["type"].clone())
        .collect();
    assert_eq!(types, ["room_locked", "room_unlocked"]);
}
