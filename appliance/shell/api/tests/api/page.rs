//! The meeting page.

use crate::harness::{Options, TestBox, request};
use api::MEETING_PAGE;
use axum::body::Body;
use axum::http::{Method, StatusCode};

const BROWSER: [(&str, &str); 1] = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];

#[tokio::test]
async fn every_file_of_the_page_is_served_with_its_type_and_a_policy() {
    let a_box = TestBox::with(Options {
        page: true,
        ..Options::default()
    });
    for (path, content_type, bytes) in MEETING_PAGE {
        let asked = request(Method::GET, path, None, &BROWSER, Body::empty());
        let answer = a_box.send(asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), *content_type, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'"),
            "{path}"
        );
        assert_eq!(answer.body, *bytes, "{path}");
    }
}

#[tokio::test]
async fn programs_get_ok_where_browsers_get_the_page() {
    let a_box = TestBox::with(Options {
        page: true,
        ..Options::default()
    });
    assert_eq!(a_box.get("/", None).await.text(), "OK");
}

#[tokio::test]
async fn the_page_gets_a_join_token_in_development_mode_only() {
    let asked = r#"{"room": "ward", "identity": "web-1", "name": "A"}"#;
    let post = |body: &str| {
        request(
            Method::POST,
            "/dev/token",
            None,
            &[],
            body.to_owned().into(),
        )
    };
    let development = TestBox::with(Options {
        page: true,
        ..Options::default()
    });
    let answer = development.send(post(asked)).await.json();
    let token = answer["token"].as_str().unwrap();
    assert_eq!(
        development.get("/rtc/validate", Some(token)).await.status,
        StatusCode::OK
    );
    let listed = development
        .twirp("ListRooms", token, &serde_json::json!({}))
        .await;
    assert_eq!(
        listed.status,
        StatusCode::UNAUTHORIZED,
        "it joins and nothing else"
    );
    for wrong in ["{", "{}", r#"{"room": "", "identity": "a"}"#] {
        assert_eq!(
            development.send(post(wrong)).await.status,
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }
    assert_eq!(
        TestBox::new().send(post(asked)).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn outside_development_there_is_no_page() {
    let a_box = TestBox::new();
    let answer = a_box
        .send(request(Method::GET, "/", None, &BROWSER, Body::empty()))
        .await;
    assert_eq!(answer.text(), "OK");
    for (path, ..) in MEETING_PAGE.iter().filter(|(path, ..)| *path != "/") {
        assert_eq!(
            a_box.get(path, None).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}
