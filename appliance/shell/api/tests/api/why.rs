//! Why somebody cannot connect: what is noted, who is told, what browsers may report.

use crate::harness::{Answer, TestBox, joins, lists, request};
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

async fn publish(a_box: &TestBox, room: &str, token: Option<&str>, offer: &'static str) -> Answer {
    let headers = [
        ("content-type", "application/sdp"),
        ("user-agent", "Lavf/61.7"),
    ];
    let path = format!("/whip/{room}");
    a_box
        .send(request(
            Method::POST,
            &path,
            token,
            &headers,
            Body::from(offer),
        ))
        .await
}

async fn report(a_box: &TestBox, room: &str, token: &str, body: &Value) -> Answer {
    let path = format!("/v1/rooms/{room}/trouble");
    let body = Body::from(body.to_string());
    a_box
        .send(request(Method::POST, &path, Some(token), &[], body))
        .await
}

/// The code that the box names for somebody.
async fn named(a_box: &TestBox, whom: &str) -> Value {
    let view = a_box.admin_get(&format!("/admin/why/{whom}")).await.json();
    view["finding"]["code"].clone()
}

#[tokio::test]
async fn operators_are_told_what_the_bearer_is_not() {
    let a_box = TestBox::new();
    let forged = joins("ward", "pat") + "x";
    let answer = publish(&a_box, "ward", Some(&forged), "v=0").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (401, auth::REFUSED_TEXT)
    );
    assert_eq!(publish(&a_box, "ward", None, "v=0").await.status, 401);
    let other = joins("icu", "ada");
    assert_eq!(
        publish(&a_box, "ward", Some(&other), "v=0").await.status,
        403
    );
    assert_eq!(named(&a_box, "pat").await, "SIGNATURE");
    assert_eq!(named(&a_box, "ada").await, "GRANT-MISSING");
    let view = a_box.admin_get("/admin/why/ada").await.json();
    assert_eq!(view["attempt"]["client"], "Lavf 61.7");
    assert_eq!(view["attempt"]["stages"].as_array().map(Vec::len), Some(13));
    let all = a_box.admin_get("/admin/attempts").await.json();
    assert_eq!(all.as_array().map(Vec::len), Some(3), "{all}");
    let missing = a_box
        .admin_get("/admin/attempts?code=token-missing")
        .await
        .json();
    assert_eq!(missing.as_array().map(Vec::len), Some(1), "{missing}");
}

#[tokio::test]
async fn an_offer_that_cannot_be_used_is_named() {
    let a_box = TestBox::new();
    let token = joins("ward", "camera");
    publish(&a_box, "ward", Some(&token), "nonsense").await;
    assert_eq!(named(&a_box, "camera").await, "BAD-REQUEST");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_in_a_sentence() {
    let a_box = TestBox::new();
    for (path, status) in [
        ("/admin/why/nobody", 404),
        ("/admin/attempts?code=NOT-A-CAUSE", 400),
        ("/admin/attempts?subnet=ward", 400),
        ("/admin/attempts?until=7", 400),
        ("/admin/attempts?subnet=10.30.0.0/24&since=0", 200),
    ] {
        assert_eq!(a_box.admin_get(path).await.status, status, "{path}");
        assert_eq!(
            a_box.get(path, Some(&lists())).await.status,
            404,
            "{path} on the network"
        );
    }
}

#[tokio::test]
async fn a_browser_reports_in_words_that_are_known_and_not_without_end() {
    let a_box = TestBox::new();
    let token = joins("ward", "pat");
    let refused = json!({"words": ["camera_refused"]});
    let unheard = report(&a_box, "ward", &token, &refused).await;
    assert_eq!(unheard.status, 404, "there is no attempt to report about");
    // An attempt: it is turned away, which does not matter here.
    publish(&a_box, "ward", Some(&token), "nonsense").await;
    for (body, status) in [
        (json!({"words": ["camera_refused", "\u{1b}[2J"]}), 400),
        (
            json!({"words": ["camera_refused"], "text": "I am Ada"}),
            400,
        ),
        (json!({"words": vec!["camera_refused"; 100]}), 400),
        (json!({}), 400),
        (refused.clone(), 204),
    ] {
        assert_eq!(
            report(&a_box, "ward", &token, &body).await.status,
            status,
            "{body}"
        );
    }
    let foreign = report(&a_box, "icu", &token, &refused).await;
    assert_eq!(foreign.status, 403);
    let view = a_box.admin_get("/admin/why/pat").await.json();
    let browser = &view["attempt"]["stages"][12];
    assert_eq!(browser["evidence"], "the browser reports camera_refused");
    for _ in 1..60 {
        report(&a_box, "ward", &token, &refused).await;
    }
    assert_eq!(report(&a_box, "ward", &token, &refused).await.status, 429);
}
