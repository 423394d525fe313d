//! Cross-origin access, slashes and what every answer carries.

use crate::harness::{Options, TestBox, joins, request};
use axum::body::Body;
use axum::http::{Method, StatusCode};

#[tokio::test]
async fn every_status_of_validate_can_be_read_from_any_origin() {
    let a_box = TestBox::new();
    let good = joins("ward", "someone");
    for (token, want) in [(None, 401), (Some("bad"), 401), (Some(good.as_str()), 200)] {
        for path in ["/rtc/validate", "//rtc/validate"] {
            let answer = a_box.get(path, token).await;
            assert_eq!(answer.status.as_u16(), want, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("access-control-expose-headers"), "*");
        }
    }
}

#[tokio::test]
async fn a_page_is_allowed_by_the_name_of_its_origin() {
    let from = [("origin", "https://example.org")];
    let a_box = TestBox::new();
    for (method, path) in [(Method::POST, "/"), (Method::GET, "/rtc/validate")] {
        let asked = request(method, path, None, &from, Body::empty());
        let answer = a_box.send(asked).await;
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, "https://example.org", "{path}");
        assert_eq!(answer.header("vary"), "Origin", "caches keep answers apart");
    }
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token() {
    let a_box = TestBox::new();
    let asked = [
        ("origin", "https://example.org"),
        ("access-control-request-method", "PATCH"),
        (
            "access-control-request-headers",
            "authorization,content-type,if-match",
        ),
    ];
    for path in [
        "/rtc",
        "/twirp/livekit.RoomService/ListRooms",
        "/whip/ward",
        "/whip/ward/0",
    ] {
        let answer = a_box
            .send(request(Method::OPTIONS, path, None, &asked, Body::empty()))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://example.org",
            "{path}"
        );
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "authorization,content-type,if-match",
            "{path}"
        );
        for method in ["OPTIONS", "HEAD", "GET", "POST", "PATCH", "DELETE"] {
            assert!(
                answer
                    .header("access-control-allow-methods")
                    .contains(method),
                "{path}"
            );
        }
        assert_eq!(answer.header("access-control-max-age"), "86400", "{path}");
        let accepts = if path.starts_with("/whip") {
            "application/sdp"
        } else {
            ""
        };
        assert_eq!(answer.header("accept-post"), accepts, "{path}");
    }
}

/// A28: a hostile page can make the browser ask, but has no token, and nothing else counts.
#[tokio::test]
async fn a_foreign_page_has_no_way_in_without_a_token() {
    let a_box = TestBox::with(Options {
        page: true,
        ..Options::default()
    });
    let good = joins("ward", "someone");
    let foreign = [
        ("origin", "https://evil.example"),
        ("host", "192.0.2.7:7880"),
        ("cookie", "access_token=stolen; session=1"),
    ];
    let ask = async |method: Method, path: &str, token: Option<&str>, body: &'static str| {
        let asked = request(method, path, token, &foreign, Body::from(body));
        a_box.send(asked).await
    };
    for path in ["/rtc/validate", "/whep/ward", "/v1/events"] {
        let answer = ask(Method::GET, path, None, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.header("set-cookie"), "", "{path}");
        let scheme = answer.header("www-authenticate");
        assert!(matches!(scheme, "" | "Bearer"), "{path}: {scheme}");
    }
    let answer = ask(Method::GET, "/rtc/validate", Some(&good), "").await;
    assert_eq!(answer.status, StatusCode::OK, "pages live elsewhere");
    assert_eq!(answer.header("set-cookie"), "");

    let who = r#"{"room": "ward", "identity": "web-1"}"#;
    let answer = ask(Method::POST, "/dev/token", None, who).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.text(), "");
    let own = [
        ("origin", "http://192.0.2.7:7880"),
        ("host", "192.0.2.7:7880"),
    ];
    let asked = request(Method::POST, "/dev/token", None, &own, Body::from(who));
    assert_eq!(a_box.send(asked).await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_not_for_other_origins() {
    let answer = TestBox::new().get("/metrics", None).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn reachability_is_answered_to_get_and_head() {
    let a_box = TestBox::new();
    let answer = a_box.get("/", None).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "OK"));
    let answer = a_box
        .send(request(Method::HEAD, "/", None, &[], Body::empty()))
        .await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(
        a_box.get("/settings/regions", None).await.status,
        StatusCode::NOT_FOUND
    );
}
