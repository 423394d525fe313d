//! Operators over HTTPS: logging in, what a session opens, and what it does not.

use crate::harness::{Answer, TestBox, answer_of, request};
use api::Remote;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use domain::audit::AuditRecord;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use store::AuditQuery;
use tower::ServiceExt;
use vocab::UnixMillis;
use wire::admin::Role;

const PASSWORD: &str = "correct horse battery";

struct Https {
    a_box: TestBox,
}

impl Https {
    /// A box with an account of each role, named like it.
    async fn new() -> Self {
        let https = Self {
            a_box: TestBox::new(),
        };
        for role in ["viewer", "operator", "biomedical", "admin"] {
            let new = json!({ "name": role, "role": role, "password": PASSWORD });
            let made = https.on_socket(Method::POST, "/admin/accounts", &new).await;
            assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        }
        https
    }

    async fn on_socket(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.a_box
            .admin_send(request(method, path, None, &[], body.to_string().into()))
            .await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let body = if body.is_null() {
            Body::empty()
        } else {
            body.to_string().into()
        };
        let mut request = request(method, path, token, headers, body);
        request
            .extensions_mut()
            .insert(Remote(IpAddr::from([10, 0, 0, 1])));
        answer_of(self.a_box.https_router(), request).await
    }

    async fn login(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "name": name, "password": password });
        self.send(Method::POST, "/admin/login", None, &[], &body)
            .await
    }

    async fn token(&self, name: &str) -> String {
        let answer = self.login(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Of a session that began then, without a request since.
    async fn token_of(&self, began: Instant) -> String {
        let (from, wall) = (IpAddr::from([10, 0, 0, 1]), UnixMillis(0));
        let login = self
            .a_box
            .accounts
            .login("viewer", PASSWORD, from, wall, began);
        login.await.unwrap().1.token
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.send(Method::GET, path, token, &[], &Value::Null).await
    }

    /// Acts of the audit journal, newest first, as `actor act target reason`.
    async fn audited(&self) -> Vec<String> {
        let reader = self
            .a_box
            .control
            .run(control::Control::audit_reader)
            .await
            .unwrap();
        let all = AuditQuery {
            limit: 100,
            ..AuditQuery::default()
        };
        let entries = reader.page(&all).unwrap().items.into_iter();
        entries
            .map(|entry| {
                let AuditRecord {
                    actor,
                    act,
                    target,
                    reason,
                    ..
                } = entry.record;
                format!("{actor} {act} {target} {reason}")
            })
            .collect()
    }
}

/// Every route that only an operator may use, and the least role that it answers.
const OPERATORS: &[(&str, &str, Role)] = &[
    ("GET", "/admin/rooms", Role::Viewer),
    ("GET", "/admin/rooms/x", Role::Viewer),
    ("DELETE", "/admin/rooms/x", Role::Operator),
    ("GET", "/admin/events", Role::Viewer),
    ("GET", "/admin/sessions", Role::Viewer),
    ("GET", "/admin/sessions/RM_x", Role::Viewer),
    ("GET", "/admin/status", Role::Viewer),
    ("GET", "/admin/accounts", Role::Admin),
    ("POST", "/admin/accounts", Role::Admin),
    ("DELETE", "/admin/accounts/nobody", Role::Admin),
    ("PUT", "/admin/accounts/nobody/password", Role::Admin),
    ("POST", "/admin/accounts/nobody/unlock", Role::Admin),
    ("PUT", "/admin/password", Role::Viewer),
    ("GET", "/admin/why/nobody", Role::Viewer),
    ("GET", "/admin/attempts", Role::Viewer),
    ("GET", "/admin/health", Role::Viewer),
    ("GET", "/admin/alarms", Role::Viewer),
];

fn method(text: &str) -> Method {
    text.parse().unwrap()
}

#[tokio::test]
async fn without_a_session_everything_is_the_same_401() {
    let https = Https::new().await;
    let over = https.token("admin").await;
    https
        .send(
            Method::POST,
            "/admin/logout",
            Some(&over),
            &[],
            &Value::Null,
        )
        .await;
    let foreign = crate::harness::joins("ward", "someone");
    let mut bodies = Vec::new();
    for (word, path, _) in OPERATORS {
        for token in [None, Some("x"), Some(&*over), Some(&*foreign)] {
            let answer = https.send(method(word), path, token, &[], &json!({})).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {token:?}");
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn a_session_is_over_when_it_was_idle_and_at_the_end_of_a_shift() {
    const SHIFT: u64 = 12 * 60;
    let https = Https::new().await;
    let now = Instant::now();
    let ago = |minutes| now.checked_sub(Duration::from_mins(minutes)).unwrap();
    for (name, began, is_used, wants) in [
        ("nearly idle", 14, false, StatusCode::OK),
        ("idle", 15, false, StatusCode::UNAUTHORIZED),
        ("used for nearly a shift", SHIFT - 1, true, StatusCode::OK),
        ("used for a shift", SHIFT, true, StatusCode::UNAUTHORIZED),
    ] {
        let token = https.token_of(ago(began)).await;
        for used in (1..began).rev().step_by(14).filter(|_| is_used) {
            let session = https.a_box.accounts.session(&token, ago(used));
            assert!(session.is_some(), "{name}: {used} minutes ago");
        }
        let answer = https.get("/admin/rooms", Some(&token)).await;
        assert_eq!(answer.status, wants, "{name}: {}", answer.text());
        // What has been looked at is a request: the next look is no other.
        let again = https.get("/admin/rooms", Some(&token)).await;
        assert_eq!(again.status, wants, "{name}, again");
    }
}

#[tokio::test]
async fn the_operators_face_is_not_on_the_plain_listener() {
    let https = Https::new().await;
    let token = https.token("admin").await;
    let login = ("POST", "/admin/login", Role::Viewer);
    for (word, path, _) in OPERATORS.iter().chain(&[login]) {
        let asked = request(method(word), path, Some(&token), &[], Body::empty());
        assert_eq!(
            https.a_box.send(asked).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

/// A28.
#[tokio::test]
async fn a_page_of_another_origin_gets_403_before_anything_is_looked_at() {
    let https = Https::new().await;
    let token = https.token("admin").await;
    let foreign = [("origin", "https://evil.example"), ("host", "box")];
    let right = json!({ "name": "admin", "password": PASSWORD });
    let answer = https
        .send(Method::POST, "/admin/login", None, &foreign, &right)
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    for (word, path, _) in OPERATORS {
        let answer = https
            .send(method(word), path, Some(&token), &foreign, &json!({}))
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    let own = [("origin", "https://box"), ("host", "box")];
    let answer = https
        .send(Method::POST, "/admin/login", None, &own, &right)
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn each_role_may_do_what_it_may_and_no_more() {
    let https = Https::new().await;
    for (name, role) in [
        ("viewer", Role::Viewer),
        ("operator", Role::Operator),
        ("biomedical", Role::Biomedical),
        ("admin", Role::Admin),
    ] {
        let token = https.token(name).await;
        for (word, path, needed) in OPERATORS {
            let answer = https
                .send(method(word), path, Some(&token), &[], &json!({}))
                .await;
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{name} {path}");
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, role < *needed, "{name} {path}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn wrong_logins_are_answered_alike_and_then_have_to_wait() {
    let https = Https::new().await;
    for name in ["viewer", "nobody", "\u{202e}"] {
        let mut bodies = Vec::new();
        for _ in 0..5 {
            let answer = https.login(name, "wrong").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name:?}");
            bodies.push(answer.body);
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{name:?}");
        let waits = https.login(name, PASSWORD).await;
        assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS, "{name:?}");
        let seconds: u64 = waits.header("retry-after").parse().unwrap();
        assert!((25..=30).contains(&seconds), "{name:?}: {seconds}");
    }
    let lines = https.audited().await;
    assert!(
        lines.contains(&"viewer lock_out box refused".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"unknown lock_out box refused".to_owned()),
        "{lines:?}"
    );
    let unlocked = https
        .on_socket(Method::POST, "/admin/accounts/viewer/unlock", &json!(null))
        .await;
    assert_eq!(unlocked.status, StatusCode::NO_CONTENT);
    https.token("viewer").await;
}

#[tokio::test]
async fn a_removed_account_and_a_changed_password_end_their_sessions_at_once() {
    let https = Https::new().await;
    let (admin, viewer, operator) = (
        https.token("admin").await,
        https.token("viewer").await,
        https.token("operator").await,
    );
    let removed = https
        .send(
            Method::DELETE,
            "/admin/accounts/viewer",
            Some(&admin),
            &[],
            &Value::Null,
        )
        .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let other = json!({ "password": "staple of another kind" });
    let changed = https
        .send(
            Method::PUT,
            "/admin/accounts/operator/password",
            Some(&admin),
            &[],
            &other,
        )
        .await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    for token in [viewer, operator] {
        let answer = https.get("/admin/rooms", Some(&token)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let lines = https.audited().await;
    for want in [
        "admin login box ok",
        "admin account_remove viewer asked",
        "admin account_remove viewer done",
        "admin account_password operator done",
    ] {
        assert!(
            lines.iter().any(|line| line == want),
            "no {want:?} in {lines:?}"
        );
    }
}

/// The lines of an answer that goes on.
async fn open(router: axum::Router, path: &str, token: &str) -> axum::body::BodyDataStream {
    let asked = request(Method::GET, path, Some(token), &[], Body::empty());
    let answer = router.oneshot(asked).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.into_body().into_data_stream()
}

#[tokio::test]
async fn what_a_session_watches_ends_with_it() {
    let mut watched = crate::live::watched();
    let router = api::https_router(watched.a_box.api().with_live(watched.live.clone()));
    let account = "/admin/accounts";
    let new = json!({ "name": "viewer", "role": "viewer", "password": PASSWORD });
    let add = request(Method::POST, account, None, &[], new.to_string().into());
    assert_eq!(
        watched.a_box.admin_send(add).await.status,
        StatusCode::CREATED
    );
    let given = json!({ "name": "viewer", "password": PASSWORD }).to_string();
    let mut login = request(Method::POST, "/admin/login", None, &[], given.into());
    let from = Remote(IpAddr::from([10, 0, 0, 1]));
    login.extensions_mut().insert(from);
    let answer = answer_of(router.clone(), login).await.json();
    let token = answer["token"].as_str().unwrap();

    let mut live = open(router.clone(), "/admin/stream", token).await;
    let mut events = open(router, "/admin/events?follow=1", token).await;
    watched.create("ward").await;
    watched.watch.look().await;
    assert!(live.next().await.is_some() && events.next().await.is_some());

    let path = "/admin/accounts/viewer";
    let remove = request(Method::DELETE, path, None, &[], Body::empty());
    assert_eq!(
        watched.a_box.admin_send(remove).await.status,
        StatusCode::NO_CONTENT
    );
    watched.create("another ward").await;
    watched.watch.look().await;
    assert!(live.next().await.is_none() && events.next().await.is_none());
}

#[tokio::test]
async fn an_account_that_cannot_be_is_refused_with_what_would_be_right() {
    let https = Https::new().await;
    for (name, password, status, want) in [
        ("ben", "short", StatusCode::BAD_REQUEST, "12 to 128"),
        (
            "two words",
            PASSWORD,
            StatusCode::BAD_REQUEST,
            "letters, digits",
        ),
        (
            "viewer",
            PASSWORD,
            StatusCode::CONFLICT,
            "ringward account password",
        ),
    ] {
        let new = json!({ "name": name, "role": "viewer", "password": password });
        let answer = https.on_socket(Method::POST, "/admin/accounts", &new).await;
        assert_eq!(answer.status, status, "{name}");
        assert!(answer.text().contains(want), "{}", answer.text());
        assert!(!answer.text().contains(PASSWORD), "{}", answer.text());
    }
    let rubbish = r#"{"name": "ben", "password": "secret words here", "role": "king"}"#;
    let asked = request(Method::POST, "/admin/accounts", None, &[], rubbish.into());
    let answer = https.a_box.admin_send(asked).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(!answer.text().contains("secret words"), "{}", answer.text());
}

#[tokio::test]
async fn an_operator_gives_himself_another_password_and_that_is_on_record() {
    const OTHER: &str = "staple of another kind";
    let https = Https::new().await;
    let token = https.token("operator").await;
    let put = |present: &str, token: String| {
        let body = json!({ "present": present, "password": OTHER });
        let https = &https;
        async move {
            https
                .send(Method::PUT, "/admin/password", Some(&token), &[], &body)
                .await
        }
    };
    let wrong = put("not that one at all", token.clone()).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN, "{}", wrong.text());
    let done = put(PASSWORD, token.clone()).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.text());
    let over = https.get("/admin/rooms", Some(&token)).await;
    assert_eq!(over.status, StatusCode::UNAUTHORIZED, "its sessions ended");
    assert_eq!(https.login("operator", PASSWORD).await.status, 401);
    assert_eq!(https.login("operator", OTHER).await.status, 200);
    let audited = https.audited().await;
    let own: Vec<&str> = audited
        .iter()
        .filter(|line| line.contains("own_password"))
        .map(String::as_str)
        .collect();
    let want = ["done", "asked", "refused", "asked"]
        .map(|word| format!("operator own_password operator {word}"));
    assert_eq!(own, want);

    let body = json!({ "present": PASSWORD, "password": OTHER });
    let on_socket = https.on_socket(Method::PUT, "/admin/password", &body).await;
    assert_eq!(
        on_socket.status,
        StatusCode::NOT_FOUND,
        "{}",
        on_socket.text()
    );
}
