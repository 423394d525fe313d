//! What a token allows, claim by claim, against tables written from `LiveKit`'s documentation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use ringward_auth::{Claims, Source};
use serde_json::{Value, json};

fn claims(video: &Value) -> Claims {
    serde_json::from_value(json!({"iss": "k", "sub": "i", "exp": 1, "video": video})).unwrap()
}

#[test]
fn what_a_token_leaves_unsaid_follows_livekits_defaults() {
    // canPublish, canPublishData, canSubscribe, canUpdateOwnMetadata as written
    // -> may publish, publish data, subscribe, update own metadata
    let (unset, yes, no) = (Value::Null, json!(true), json!(false));
    for (publish, data, subscribe, own, want) in [
        (&unset, &unset, &unset, &unset, [true, true, true, false]),
        (&yes, &unset, &unset, &unset, [true, true, true, false]),
        (&no, &unset, &unset, &unset, [false, false, true, false]),
        (&unset, &yes, &unset, &unset, [true, true, true, false]),
        (&unset, &no, &unset, &unset, [true, false, true, false]),
        (&yes, &no, &unset, &unset, [true, false, true, false]),
        (&no, &yes, &unset, &unset, [false, true, true, false]),
        (&no, &no, &unset, &unset, [false, false, true, false]),
        (&yes, &yes, &yes, &yes, [true, true, true, true]),
        (&no, &no, &no, &no, [false, false, false, false]),
        (&unset, &unset, &no, &yes, [true, true, false, true]),
        (&unset, &unset, &yes, &no, [true, true, true, false]),
    ] {
        let claims = claims(&json!({
            "canPublish": publish, "canPublishData": data,
            "canSubscribe": subscribe, "canUpdateOwnMetadata": own,
        }));
        let got = [
            claims.can_publish(),
            claims.can_publish_data(),
            claims.can_subscribe(),
            claims.can_update_own_metadata(),
        ];
        assert_eq!(
            got, want,
            "publish {publish} data {data} subscribe {subscribe} own {own}"
        );
    }
}

#[test]
fn a_list_of_sources_restricts_and_an_empty_one_does_not() {
    const ALL: [Source; 5] = [
        Source::Unknown,
        Source::Camera,
        Source::Microphone,
        Source::ScreenShare,
        Source::ScreenShareAudio,
    ];
    for (publish, sources, want) in [
        (json!(null), json!(null), [true, true, true, true, true]),
        (json!(null), json!([]), [true, true, true, true, true]),
        (
            json!(true),
            json!(["camera"]),
            [false, true, false, false, false],
        ),
        (
            json!(null),
            json!(["microphone", "camera"]),
            [false, true, true, false, false],
        ),
        (
            json!(null),
            json!(["screen_share"]),
            [false, false, false, true, false],
        ),
        (
            json!(null),
            json!(["screen_share_audio"]),
            [false, false, false, false, true],
        ),
        (
            json!(null),
            json!(["hologram"]),
            [false, false, false, false, false],
        ),
        (
            json!(null),
            json!(["unknown"]),
            [false, false, false, false, false],
        ),
        (
            json!(null),
            json!(["CAMERA"]),
            [false, false, false, false, false],
        ),
        (json!(false), json!([]), [false, false, false, false, false]),
        (
            json!(false),
            json!(["camera"]),
            [false, false, false, false, false],
        ),
    ] {
        let claims = claims(&json!({"canPublish": publish, "canPublishSources": sources}));
        let got = ALL.map(|source| claims.can_publish_source(source));
        assert_eq!(
            got, want,
            "canPublish {publish}, canPublishSources {sources}"
        );
    }
}

#[test]
fn room_rights_hold_for_the_tokens_room_only() {
    for (name, video, join, admin) in [
        (
            "both, same room",
            json!({"room": "a", "roomJoin": true, "roomAdmin": true}),
            true,
            true,
        ),
        (
            "another room",
            json!({"room": "b", "roomJoin": true, "roomAdmin": true}),
            false,
            false,
        ),
        (
            "no room",
            json!({"roomJoin": true, "roomAdmin": true}),
            false,
            false,
        ),
        (
            "only join",
            json!({"room": "a", "roomJoin": true}),
            true,
            false,
        ),
        (
            "only admin",
            json!({"room": "a", "roomAdmin": true}),
            false,
            true,
        ),
        ("only a room", json!({"room": "a"}), false, false),
        ("nothing", json!({}), false, false),
        ("a null grant", Value::Null, false, false),
        (
            "a longer name",
            json!({"room": "a ", "roomJoin": true}),
            false,
            false,
        ),
        (
            "another case",
            json!({"room": "A", "roomJoin": true}),
            false,
            false,
        ),
    ] {
        let claims = claims(&video);
        assert_eq!(claims.room_join_for("a"), join, "{name}: join");
        assert_eq!(claims.room_admin_for("a"), admin, "{name}: admin");
        assert!(
            !claims.room_join_for("") && !claims.room_admin_for(""),
            "{name}: empty name"
        );
    }
}

#[test]
fn each_box_wide_right_is_its_own_and_off_by_default() {
    let rights = |c: &Claims| {
        [
            c.room_create(),
            c.room_list(),
            c.room_record(),
            c.ingress_admin(),
        ]
    };
    for (name, want) in [
        ("roomCreate", [true, false, false, false]),
        ("roomList", [false, true, false, false]),
        ("roomRecord", [false, false, true, false]),
        ("ingressAdmin", [false, false, false, true]),
        ("roomJoin", [false; 4]),
    ] {
        assert_eq!(rights(&claims(&json!({name: true}))), want, "{name}");
        assert_eq!(
            rights(&claims(&json!({name: false}))),
            [false; 4],
            "{name} false"
        );
    }
}

#[test]
fn moving_needs_the_right_room_and_the_right_destination() {
    let claims = claims(&json!({"room": "a", "roomAdmin": true, "destinationRoom": "b"}));
    assert!(claims.video.can_move("a", "b"));
    assert!(!claims.video.can_move("a", "c"));
    assert!(!claims.video.can_move("b", "a"));
    assert!(!claims.video.can_move("a", ""));
}

#[test]
fn sub_names_the_bearer_and_jti_when_there_is_none() {
    for (sub, jti, want) in [
        ("s", "j", "s"),
        ("s", "", "s"),
        ("", "j", "j"),
        ("", "", ""),
    ] {
        let claims = Claims {
            sub: sub.into(),
            jti: jti.into(),
            ..Claims::default()
        };
        assert_eq!(claims.identity(), want, "sub {sub:?} jti {jti:?}");
    }
}

#[test]
fn tokens_made_before_a_revocation_are_revoked() {
    for (iat, nbf, revoked) in [
        (Some(99), None, true),
        (Some(100), None, false),
        (Some(101), Some(1), false),
        (None, Some(99), true),
        (None, Some(100), false),
        (None, None, true),
    ] {
        let claims = Claims {
            iat,
            nbf,
            ..Claims::default()
        };
        assert_eq!(
            claims.is_revoked_by(100),
            revoked,
            "iat {iat:?} nbf {nbf:?}"
        );
    }
}

#[test]
fn every_claim_is_read_and_written_by_its_livekit_name() {
    let written = json!({
        "iss": "key", "sub": "i", "jti": "j", "exp": 5, "nbf": 3, "iat": 4, "name": "n",
        "kind": "agent", "kindDetails": ["forwarded"], "metadata": "m",
        "attributes": {"a": "b"}, "sha256": "h", "roomConfig": {"maxParticipants": 3},
        "roomPreset": "p",
        "video": {
            "room": "r", "roomJoin": true, "roomCreate": true, "roomList": true,
            "roomAdmin": true, "roomRecord": true, "ingressAdmin": true, "canPublish": false,
            "canSubscribe": false, "canPublishData": true, "canPublishSources": ["camera"],
            "canUpdateOwnMetadata": true, "canSubscribeMetrics": true,
            "canManageAgentSession": true, "hidden": true, "recorder": true, "agent": true,
            "destinationRoom": "d",
        },
        "sip": {"admin": true, "call": true},
    });
    let claims: Claims = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&claims).unwrap(), written);
}

#[test]
fn a_source_keeps_livekits_numbers() {
    for (number, source) in [
        (0, Source::Unknown),
        (1, Source::Camera),
        (2, Source::Microphone),
        (3, Source::ScreenShare),
        (4, Source::ScreenShareAudio),
    ] {
        assert_eq!(Source::from_number(number), source);
        assert_eq!(source.number(), number);
    }
    assert_eq!(Source::from_number(-1), Source::Unknown);
    assert_eq!(Source::from_number(5), Source::Unknown);
}

#[test]
fn debug_output_holds_no_personal_text() {
    let claims = Claims {
        name: "Zoe Patient".into(),
        metadata: "diagnosis".into(),
        attributes: [("phone".to_owned(), "555".to_owned())].into(),
        ..Claims::default()
    };
    let shown = format!("{claims:?}");
    for secret in ["Zoe", "diagnosis", "phone", "555"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
