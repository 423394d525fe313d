//! Every route of the network with what it requires, called without that.

use crate::harness::{TestBox, administers, answer_of, creates, joins, lists, request, token};
use api::access::{ADMIN_ROUTES, AdminRoute, ROUTES, Requires, Route};
use auth::Grants;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use wire::admin::Role;

fn call(route: &Route, token: Option<&str>) -> axum::http::Request<Body> {
    let path = route
        .path
        .replace("{room}", "ward")
        .replace("{id}", &"0".repeat(32));
    let path = path.replace("{sid}", "RM_none");
    let content_type = match (route.method, path.as_str()) {
        ("PATCH", _) => "application/trickle-ice-sdpfrag",
        (_, path) if path.starts_with("/whip") || path.starts_with("/whep") => "application/sdp",
        _ => "application/json",
    };
    // What names a room in any of the Twirp requests.
    let body = r#"{"room":"ward"}"#;
    let method: Method = route.method.parse().unwrap();
    let mut headers = vec![("content-type", content_type)];
    if path.starts_with("/rtc") && !path.ends_with("validate") {
        headers.extend([
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]);
    }
    request(method, &path, token, &headers, body.into())
}

#[tokio::test]
async fn every_route_but_the_open_ones_refuses_without_a_token() {
    let a_box = TestBox::new();
    let served = a_box.serve(api::ConnectionLimits::default()).await;
    for route in ROUTES {
        let answer = if route.path.starts_with("/rtc") && !route.path.ends_with("validate") {
            // An upgrade needs a connection.
            raw_status(served.address, route.path, None).await
        } else {
            a_box.send(call(route, None)).await.status
        };
        if route.requires == Requires::Nothing {
            assert_eq!(answer, StatusCode::OK, "{route:?}");
        } else {
            assert_eq!(answer, StatusCode::UNAUTHORIZED, "{route:?}");
        }
    }
}

#[tokio::test]
async fn every_route_refuses_a_token_with_every_grant_but_its_own() {
    let a_box = TestBox::new();
    let for_ward = || Grants {
        room: "ward".to_owned(),
        ..Grants::default()
    };
    for route in ROUTES {
        let grants = match route.requires {
            Requires::Nothing | Requires::AnyToken => continue,
            Requires::RoomJoin | Requires::SameToken => Grants {
                room_create: true,
                room_list: true,
                room_admin: true,
                ..for_ward()
            },
            Requires::RoomCreate => Grants {
                room_join: true,
                room_list: true,
                room_admin: true,
                ..for_ward()
            },
            Requires::RoomList => Grants {
                room_join: true,
                room_create: true,
                room_admin: true,
                ..for_ward()
            },
            Requires::RoomAdmin => Grants {
                room_join: true,
                room_create: true,
                room_list: true,
                ..for_ward()
            },
            Requires::RoomListOrAdmin => Grants {
                room_join: true,
                room_create: true,
                ..for_ward()
            },
        };
        if route.path.starts_with("/rtc") && !route.path.ends_with("validate") {
            continue; // `validate` makes the same checks
        }
        let answer = a_box
            .send(call(route, Some(&token("someone", grants))))
            .await;
        assert!(
            matches!(
                answer.status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            ),
            "{route:?}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn a_grant_for_one_room_opens_no_other() {
    let a_box = TestBox::new();
    for route in ROUTES {
        let foreign = match route.requires {
            Requires::RoomJoin | Requires::SameToken => joins("icu", "someone"),
            Requires::RoomAdmin => administers("icu"),
            _ => continue,
        };
        if route.path.starts_with("/rtc") {
            continue; // the room is the token's: there is no other to name
        }
        let answer = a_box.send(call(route, Some(&foreign))).await;
        assert!(
            matches!(
                answer.status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            ),
            "{route:?}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn the_right_grant_passes_the_gate() {
    let a_box = TestBox::new();
    for route in ROUTES {
        let token = match route.requires {
            Requires::Nothing | Requires::SameToken => continue,
            Requires::RoomJoin => joins("ward", "someone"),
            Requires::RoomCreate => creates(),
            Requires::RoomList | Requires::AnyToken => lists(),
            Requires::RoomListOrAdmin if route.path.contains("{sid}") => lists(),
            Requires::RoomAdmin | Requires::RoomListOrAdmin => administers("ward"),
        };
        // Their destination needs a grant of its own; an upgrade needs a connection.
        let apart = ["ForwardParticipant", "MoveParticipant", "/rtc/v1"];
        if apart.iter().any(|name| route.path.contains(name)) || route.path == "/rtc" {
            continue;
        }
        let answer = a_box.send(call(route, Some(&token))).await;
        assert!(
            !matches!(answer.status, StatusCode::UNAUTHORIZED)
                && (answer.status != StatusCode::FORBIDDEN || route.path.ends_with("/events")),
            "{route:?}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

#[tokio::test]
async fn no_admin_route_answers_whom_no_listener_vouches_for() {
    let a_box = TestBox::new();
    for route in ADMIN_ROUTES {
        for token in [None, Some(lists()), Some(administers("ward"))] {
            let answer = answer_of(a_box.bare_admin_router(), ask(route, token.as_deref())).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{route:?}");
        }
    }
}

#[tokio::test]
async fn every_admin_route_refuses_a_role_below_its_own_and_no_other() {
    let a_box = TestBox::new();
    for route in ADMIN_ROUTES {
        for role in [Role::Viewer, Role::Operator, Role::Biomedical, Role::Admin] {
            let answer = answer_of(a_box.admin_router_for(role), ask(route, None)).await;
            let is_refused = answer.status == StatusCode::FORBIDDEN;
            let text = answer.text();
            assert_eq!(
                is_refused,
                role < route.requires,
                "{route:?} {role:?}: {text}"
            );
        }
    }
}

/// A request that is right but for what it names.
fn ask(route: &AdminRoute, token: Option<&str>) -> axum::http::Request<Body> {
    let path = route
        .path
        .replace("{room}", "ward")
        .replace("{sid}", "RM_none");
    let body = match route.path {
        "/admin/actions" => {
            r#"{"verb":"end","reason":"test","target":{"kind":"room","sid":"RM_none"}}"#
        }
        _ => "",
    };
    let method: Method = route.method.parse().unwrap();
    let json = [("content-type", "application/json")];
    request(method, &path, token, &json, body.into())
}

#[tokio::test]
async fn every_bad_token_gets_the_same_answer() {
    let a_box = TestBox::new();
    let good = joins("ward", "someone");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let flipped = signature.chars().rev().collect::<String>();
    let other_key = auth::mint(&auth::Claims::default(), "otherkey", "secret");
    let no_expiry = auth::mint(&auth::Claims::default(), "devkey", "secret");
    for (name, bad) in [
        ("a changed signature", format!("{head}.{flipped}")),
        ("no signature", format!("{head}.")),
        ("an unknown key", other_key),
        ("no expiry", no_expiry),
        ("no token at all", "x".to_owned()),
        ("a huge one", "x".repeat(70_000)),
    ] {
        for path in ["/rtc/validate", "/v1/events", "/whep/ward"] {
            let answer = a_box.get(path, Some(&bad)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} at {path}");
            assert!(
                answer.text().contains(auth::REFUSED_TEXT),
                "{name} at {path}"
            );
        }
        let answer = a_box.twirp("ListRooms", &bad, &serde_json::json!({})).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (401, auth::REFUSED_TEXT),
            "{name}"
        );
    }
}

async fn raw_status(address: std::net::SocketAddr, path: &str, token: Option<&str>) -> StatusCode {
    use tokio_tungstenite::tungstenite::Error;
    let query = token
        .map(|token| format!("?access_token={token}"))
        .unwrap_or_default();
    match tokio_tungstenite::connect_async(format!("ws://{address}{path}{query}")).await {
        Ok((_, response)) => StatusCode::from_u16(response.status().as_u16()).unwrap(),
        Err(Error::Http(response)) => StatusCode::from_u16(response.status().as_u16()).unwrap(),
        Err(error) => panic!("{error}"),
    }
}
