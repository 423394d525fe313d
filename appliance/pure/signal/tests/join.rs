//! What clients say when they connect, in both protocols.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use auth::{Claims, Grants};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use livekit_protocol::wrapped_join_request::Compression;
use livekit_protocol::{
    AddTrackRequest, ClientInfo, ConnectionSettings, JoinRequest, ReconnectReason,
    SessionDescription, SyncState, WrappedJoinRequest, client_info,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use prost::Message;
use ringward_signal::join::{
    ClientText, Join, ParseJoinError, ParseQueryError, Query, SignalVersion,
};
use ringward_signal::limits::{
    MAX_CLIENT_TEXT_BYTES, MAX_JOIN_REQUEST_BYTES, MAX_JOIN_TRACKS, MAX_QUERY_BYTES,
    MAX_QUERY_PARAMETERS, MAX_SDP_BYTES,
};
use ringward_signal::{MAX_ATTRIBUTES_BYTES, MAX_METADATA_BYTES};
use std::io::Write;
use vocab::{ErrorKind, MAX_NAME_BYTES, ParticipantSid};

fn claims() -> Claims {
    Claims {
        sub: "nurse-1".into(),
        video: Grants {
            room: "ward-3".into(),
            room_join: true,
            can_update_own_metadata: Some(true),
            ..Grants::default()
        },
        ..Claims::default()
    }
}

fn without_own_metadata() -> Claims {
    let mut claims = claims();
    claims.video.can_update_own_metadata = None;
    claims
}

fn v0(query: &str) -> Result<Join, ParseJoinError> {
    Join::from_v0_query(claims(), &Query::parse(query)?)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn wrapped(compression: Compression, join_request: Vec<u8>) -> String {
    let wrapped = WrappedJoinRequest {
        compression: compression.into(),
        join_request,
    };
    URL_SAFE.encode(wrapped.encode_to_vec())
}

fn v1(request: &JoinRequest) -> Result<Join, ParseJoinError> {
    Join::from_v1(
        claims(),
        &wrapped(Compression::Gzip, gzip(&request.encode_to_vec())),
    )
}

/// What livekit-client 2.23 sends to `/rtc`, its token left out.
const JS_QUERY: &str = "access_token=x&auto_subscribe=1&sdk=js&version=2.23.0&protocol=17&\
    device_model=&browser=Chrome&browser_version=156.0.0&os=Linux&os_version=&network=wifi&\
    client_protocol=1&capabilities=CAP_PACKET_TRAILER,CAP_NEW,CAP_COMPRESSION_DEFLATE_RAW&\
    adaptive_stream=1&disable_ice_lite=0";

#[test]
fn a_v0_query_says_what_the_client_is_and_wants() {
    let join = v0(JS_QUERY).unwrap();
    assert_eq!(join.version, SignalVersion::V0);
    assert_eq!(
        (join.room.as_str(), join.identity.as_str()),
        ("ward-3", "nurse-1")
    );
    assert!(join.auto_subscribe && join.adaptive_stream && !join.disable_ice_lite);
    assert_eq!(
        (join.subscriber_allow_pause, join.auto_subscribe_data_track),
        (None, None)
    );
    assert_eq!(join.reconnect, None);
    assert_eq!(
        join.client,
        ClientInfo {
            sdk: client_info::Sdk::Js.into(),
            version: "2.23.0".into(),
            protocol: 17,
            os: "Linux".into(),
            browser: "Chrome".into(),
            browser_version: "156.0.0".into(),
            network: "wifi".into(),
            client_protocol: 1,
            capabilities: vec![1, 2],
            ..ClientInfo::default()
        }
    );
}

#[test]
fn each_flag_of_a_v0_query_is_read() {
    let flags = |query: &str| {
        let join = v0(query).unwrap();
        (
            join.auto_subscribe,
            join.auto_subscribe_data_track,
            join.adaptive_stream,
            join.subscriber_allow_pause,
            join.disable_ice_lite,
        )
    };
    for (query, want) in [
        ("", (true, None, false, None, false)),
        ("auto_subscribe=", (true, None, false, None, false)),
        ("auto_subscribe=0", (false, None, false, None, false)),
        ("auto_subscribe=false", (false, None, false, None, false)),
        ("auto_subscribe=true", (true, None, false, None, false)),
        (
            "auto_subscribe_data_track=1",
            (true, Some(true), false, None, false),
        ),
        (
            "auto_subscribe_data_track=0",
            (true, Some(false), false, None, false),
        ),
        ("adaptive_stream=True", (true, None, true, None, false)),
        (
            "subscriber_allow_pause=0",
            (true, None, false, Some(false), false),
        ),
        (
            "subscriber_allow_pause=1",
            (true, None, false, Some(true), false),
        ),
        ("disable_ice_lite=1", (true, None, false, None, true)),
        (
            "auto_subscribe=0&auto_subscribe=1",
            (false, None, false, None, false),
        ),
    ] {
        assert_eq!(flags(query), want, "{query:?}");
    }
}

#[test]
fn a_v0_resume_names_whose_and_why() {
    for (query, want) in [
        ("reconnect=0&sid=PA_x", None),
        ("sid=PA_x", None),
        (
            "reconnect=1&sid=PA_x",
            Some((Some("PA_x"), ReconnectReason::RrUnknown)),
        ),
        ("reconnect=true", Some((None, ReconnectReason::RrUnknown))),
        (
            "reconnect=1&sid=PA_x&reconnect_reason=3",
            Some((Some("PA_x"), ReconnectReason::RrSubscriberFailed)),
        ),
        (
            "reconnect=1&reconnect_reason=99",
            Some((None, ReconnectReason::RrUnknown)),
        ),
    ] {
        let reconnect = v0(query).unwrap().reconnect;
        let got = reconnect
            .as_ref()
            .map(|r| (r.sid.as_ref().map(ParticipantSid::as_str), r.reason));
        assert_eq!(got, want, "{query}");
    }
}

#[test]
fn sdk_words_are_livekits() {
    for (word, want) in [
        ("js", client_info::Sdk::Js),
        ("ios", client_info::Sdk::Swift),
        ("swift", client_info::Sdk::Swift),
        ("reactnative", client_info::Sdk::ReactNative),
        ("unityweb", client_info::Sdk::UnityWeb),
        ("python", client_info::Sdk::Python),
        ("node", client_info::Sdk::Node),
        ("esp32", client_info::Sdk::Esp32),
        ("", client_info::Sdk::Unknown),
        ("toaster", client_info::Sdk::Unknown),
    ] {
        assert_eq!(
            v0(&format!("sdk={word}")).unwrap().client.sdk(),
            want,
            "{word:?}"
        );
    }
}

#[test]
fn attributes_of_a_v0_query_are_base64url_of_json() {
    let json = r#"{"bed":"4","état":"ok"}"#;
    for (name, text) in [
        ("unpadded", URL_SAFE_NO_PAD.encode(json)),
        ("padded", URL_SAFE.encode(json).replace('=', "%3D")),
    ] {
        let join = v0(&format!("attributes={text}")).unwrap();
        assert_eq!(
            join.attributes.get("bed").map(String::as_str),
            Some("4"),
            "{name}"
        );
        assert_eq!(
            join.attributes.get("état").map(String::as_str),
            Some("ok"),
            "{name}"
        );
    }
    for (name, text) in [
        ("not base64", "!!".to_owned()),
        ("not JSON", URL_SAFE_NO_PAD.encode("hello")),
        ("a list", URL_SAFE_NO_PAD.encode("[]")),
        ("numbers", URL_SAFE_NO_PAD.encode(r#"{"a":1}"#)),
    ] {
        let refused = v0(&format!("attributes={text}")).unwrap_err();
        assert_eq!(refused, ParseJoinError::BadAttributes, "{name}");
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{name}");
    }
}

#[test]
fn the_token_alone_says_who_may_join_where() {
    let with = |change: fn(&mut Claims)| {
        let mut claims = claims();
        change(&mut claims);
        Join::from_v0_query(
            claims,
            &Query::parse("room=elsewhere&identity=boss").unwrap(),
        )
    };
    for (name, result, want) in [
        (
            "no roomJoin",
            with(|c| c.video.room_join = false),
            (ParseJoinError::NotAllowed, ErrorKind::Unauthenticated),
        ),
        (
            "no identity",
            with(|c| c.sub.clear()),
            (ParseJoinError::NoIdentity, ErrorKind::Invalid),
        ),
        (
            "no room",
            with(|c| c.video.room.clear()),
            (ParseJoinError::NoRoom, ErrorKind::Invalid),
        ),
        (
            "a long identity",
            with(|c| c.sub = "x".repeat(MAX_NAME_BYTES + 1)),
            (
                ParseJoinError::TooLong(ClientText::Identity),
                ErrorKind::Invalid,
            ),
        ),
        (
            "a long room",
            with(|c| c.video.room = "x".repeat(MAX_NAME_BYTES + 1)),
            (
                ParseJoinError::TooLong(ClientText::Room),
                ErrorKind::Invalid,
            ),
        ),
    ] {
        let refused = result.unwrap_err();
        assert_eq!((refused, refused.kind()), want, "{name}");
    }
    let join = with(|_| ()).unwrap();
    assert_eq!(
        (join.room.as_str(), join.identity.as_str()),
        ("ward-3", "nurse-1")
    );
    let join = with(|c| c.sub = "x".repeat(MAX_NAME_BYTES)).unwrap();
    assert_eq!(join.identity.as_str().len(), MAX_NAME_BYTES);
}

#[test]
fn a_publishing_connection_has_its_own_identity_and_no_subscriptions() {
    let join = v0("publish=screen").unwrap();
    assert_eq!(join.identity.as_str(), "nurse-1#screen");
    assert!(!join.claims.can_subscribe());
    let mut claims = claims();
    claims.video.can_publish = Some(false);
    let refused = Join::from_v0_query(claims, &Query::parse("publish=screen").unwrap());
    assert_eq!(refused.unwrap_err(), ParseJoinError::NotAllowed);
    let long = "x".repeat(MAX_NAME_BYTES);
    let refused = v0(&format!("publish={long}")).unwrap_err();
    assert_eq!(refused, ParseJoinError::TooLong(ClientText::Identity));
}

fn full_request() -> JoinRequest {
    JoinRequest {
        client_info: Some(ClientInfo {
            sdk: client_info::Sdk::Python.into(),
            protocol: 18,
            ..ClientInfo::default()
        }),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: false,
            adaptive_stream: true,
            subscriber_allow_pause: Some(true),
            disable_ice_lite: true,
            auto_subscribe_data_track: Some(false),
        }),
        metadata: "m".into(),
        participant_attributes: [("bed".to_owned(), "4".to_owned())].into(),
        add_track_requests: vec![AddTrackRequest {
            cid: "c".into(),
            ..AddTrackRequest::default()
        }],
        publisher_offer: Some(SessionDescription {
            r#type: "offer".into(),
            sdp: "v=0\r\n".into(),
            id: 1,
            ..SessionDescription::default()
        }),
        reconnect: true,
        reconnect_reason: ReconnectReason::RrPublisherFailed.into(),
        participant_sid: "PA_x".into(),
        sync_state: Some(SyncState {
            track_sids_disabled: vec!["TR_x".into()],
            ..SyncState::default()
        }),
    }
}

#[test]
fn a_v1_request_is_read_in_every_wrapping() {
    let bytes = full_request().encode_to_vec();
    let plain = wrapped(Compression::None, bytes.clone());
    let packed = wrapped(Compression::Gzip, gzip(&bytes));
    for (name, text) in [
        ("plain", plain.clone()),
        ("plain, unpadded", plain.trim_end_matches('=').to_owned()),
        ("gzip", packed.clone()),
        ("gzip, unpadded", packed.trim_end_matches('=').to_owned()),
    ] {
        let join = Join::from_v1(claims(), &text).unwrap();
        assert_eq!(join.version, SignalVersion::V1, "{name}");
        assert!(
            !join.auto_subscribe && join.adaptive_stream && join.disable_ice_lite,
            "{name}"
        );
        assert_eq!(join.subscriber_allow_pause, Some(true), "{name}");
        assert_eq!(join.auto_subscribe_data_track, Some(false), "{name}");
        assert_eq!(join.client.protocol, 18, "{name}");
        assert_eq!(join.metadata.as_deref(), Some("m"), "{name}");
        assert_eq!(
            join.attributes.get("bed").map(String::as_str),
            Some("4"),
            "{name}"
        );
        assert_eq!(join.add_tracks.len(), 1, "{name}");
        assert_eq!(
            join.publisher_offer.as_ref().map(|o| o.id),
            Some(1),
            "{name}"
        );
        assert_eq!(
            join.sync_state.as_ref().unwrap().track_sids_disabled,
            ["TR_x"],
            "{name}"
        );
        let reconnect = join.reconnect.unwrap();
        assert_eq!(
            reconnect.sid.as_ref().map(ParticipantSid::as_str),
            Some("PA_x"),
            "{name}"
        );
        assert_eq!(
            reconnect.reason,
            ReconnectReason::RrPublisherFailed,
            "{name}"
        );
    }
}

#[test]
fn an_empty_v1_request_has_livekits_defaults() {
    let join = v1(&JoinRequest::default()).unwrap();
    assert!(join.auto_subscribe && !join.adaptive_stream && !join.disable_ice_lite);
    assert_eq!((join.reconnect, join.metadata), (None, None));
    assert!(join.attributes.is_empty() && join.publisher_offer.is_none());
}

#[test]
fn either_path_reads_a_join_request() {
    let text = wrapped(Compression::Gzip, gzip(&full_request().encode_to_vec()));
    let query = Query::parse(&format!("access_token=x&join_request={text}")).unwrap();
    for join in [
        Join::from_v0_query(claims(), &query),
        Join::from_v1_query(claims(), &query),
    ] {
        assert_eq!(join.unwrap().version, SignalVersion::V1);
    }
    let escaped = text.replace('=', "%3D");
    let query = Query::parse(&format!("join_request={escaped}&publish=screen")).unwrap();
    let join = Join::from_v1_query(claims(), &query).unwrap();
    assert_eq!(join.identity.as_str(), "nurse-1#screen");

    let query = Query::parse("access_token=x").unwrap();
    let refused = Join::from_v1_query(claims(), &query).unwrap_err();
    assert_eq!(
        (refused, refused.kind()),
        (ParseJoinError::NoJoinRequest, ErrorKind::Invalid)
    );
}

#[test]
fn a_broken_join_request_is_refused_by_its_cause() {
    let unknown = WrappedJoinRequest {
        compression: 7,
        join_request: Vec::new(),
    };
    let mut cut = gzip(&full_request().encode_to_vec());
    cut.truncate(cut.len() / 2);
    let standard = STANDARD.encode([0xfb, 0xff, 0xfe]);
    for (name, text, want) in [
        ("a space", "a b".to_owned(), ParseJoinError::NotBase64),
        ("the other alphabet", standard, ParseJoinError::NotBase64),
        (
            "no protobuf",
            URL_SAFE.encode([0xff; 9]),
            ParseJoinError::NotDecodable,
        ),
        (
            "no protobuf inside",
            wrapped(Compression::None, vec![0xff; 9]),
            ParseJoinError::NotDecodable,
        ),
        (
            "no gzip inside",
            wrapped(Compression::Gzip, vec![1; 9]),
            ParseJoinError::NotInflatable,
        ),
        (
            "half a gzip",
            wrapped(Compression::Gzip, cut),
            ParseJoinError::NotInflatable,
        ),
        (
            "another compression",
            URL_SAFE.encode(unknown.encode_to_vec()),
            ParseJoinError::UnknownCompression,
        ),
        (
            "too long a text",
            "A".repeat(MAX_QUERY_BYTES + 1),
            ParseJoinError::JoinRequestTooLarge,
        ),
    ] {
        let refused = Join::from_v1(claims(), &text).unwrap_err();
        assert_eq!(
            (refused, refused.kind()),
            (want, ErrorKind::Invalid),
            "{name}"
        );
    }
}

#[test]
fn a_compression_bomb_stops_at_the_limit() {
    // Field 15 is unknown to JoinRequest and skipped when decoded.
    let padded = |bytes: usize| {
        let filler = vec![0; bytes - 4];
        let mut request = vec![0x7a];
        prost::encoding::encode_varint(filler.len() as u64, &mut request);
        request.extend(filler);
        assert_eq!(request.len(), bytes);
        Join::from_v1(claims(), &wrapped(Compression::Gzip, gzip(&request)))
    };
    assert!(padded(MAX_JOIN_REQUEST_BYTES).is_ok());
    let refused = padded(MAX_JOIN_REQUEST_BYTES + 1).unwrap_err();
    assert_eq!(refused, ParseJoinError::JoinRequestTooLarge);

    // Spoiled at its end: whoever inflates it all finds that out, whoever stops does not.
    let mut bomb = gzip(&vec![0; 32 * 1024 * 1024]);
    let end = bomb.len() - 1;
    bomb[end] ^= 1;
    let bomb = wrapped(Compression::Gzip, bomb);
    assert!(bomb.len() < MAX_QUERY_BYTES, "the bomb fits into a query");
    let refused = Join::from_v1(claims(), &bomb).unwrap_err();
    assert_eq!(refused, ParseJoinError::JoinRequestTooLarge);
}

#[test]
fn own_metadata_and_attributes_need_the_right_to_change_them() {
    let attributes = [("a".to_owned(), "b".to_owned())].into();
    for (name, request, allowed) in [
        ("neither", JoinRequest::default(), true),
        (
            "metadata",
            JoinRequest {
                metadata: "m".into(),
                ..JoinRequest::default()
            },
            false,
        ),
        (
            "attributes",
            JoinRequest {
                participant_attributes: attributes,
                ..JoinRequest::default()
            },
            false,
        ),
    ] {
        let text = wrapped(Compression::None, request.encode_to_vec());
        let refused = Join::from_v1(without_own_metadata(), &text).err();
        assert_eq!(refused.is_none(), allowed, "{name}");
        assert!(
            Join::from_v1(claims(), &text).is_ok(),
            "{name} with the right"
        );
        if let Some(refused) = refused {
            assert_eq!(refused.kind(), ErrorKind::Unauthenticated, "{name}");
            assert_eq!(refused.to_string(), "permissions denied", "{name}");
        }
    }
    let query = Query::parse(&format!(
        "attributes={}",
        URL_SAFE_NO_PAD.encode(r#"{"a":"b"}"#)
    ));
    let refused = Join::from_v0_query(without_own_metadata(), &query.unwrap()).unwrap_err();
    assert_eq!(refused, ParseJoinError::NotAllowed);
}

#[test]
fn each_text_is_read_at_its_limit_and_refused_one_byte_beyond() {
    let empty = JoinRequest::default;
    let metadata = |bytes| JoinRequest {
        metadata: "x".repeat(bytes),
        ..empty()
    };
    let attributes = |bytes: usize| JoinRequest {
        participant_attributes: [("key".to_owned(), "x".repeat(bytes - 3))].into(),
        ..empty()
    };
    let offer = |bytes| JoinRequest {
        publisher_offer: Some(SessionDescription {
            sdp: "x".repeat(bytes),
            ..SessionDescription::default()
        }),
        ..empty()
    };
    let tracks = |count| JoinRequest {
        add_track_requests: vec![AddTrackRequest::default(); count],
        ..empty()
    };
    for (name, at, over, want) in [
        (
            "metadata",
            metadata(MAX_METADATA_BYTES),
            metadata(MAX_METADATA_BYTES + 1),
            ParseJoinError::TooLong(ClientText::Metadata),
        ),
        (
            "attributes",
            attributes(MAX_ATTRIBUTES_BYTES),
            attributes(MAX_ATTRIBUTES_BYTES + 1),
            ParseJoinError::TooLong(ClientText::Attributes),
        ),
        (
            "offer",
            offer(MAX_SDP_BYTES),
            offer(MAX_SDP_BYTES + 1),
            ParseJoinError::TooLong(ClientText::Offer),
        ),
        (
            "tracks",
            tracks(MAX_JOIN_TRACKS),
            tracks(MAX_JOIN_TRACKS + 1),
            ParseJoinError::TooManyTracks,
        ),
    ] {
        assert!(v1(&at).is_ok(), "{name}");
        assert_eq!(v1(&over).unwrap_err(), want, "{name}");
    }
}

#[test]
fn what_a_client_says_of_itself_is_cut_not_refused() {
    let mut request = full_request();
    let client = request.client_info.as_mut().unwrap();
    client.os = "é".repeat(MAX_CLIENT_TEXT_BYTES);
    client.capabilities = vec![1; 1000];
    let client = v1(&request).unwrap().client;
    assert_eq!(client.os.len(), MAX_CLIENT_TEXT_BYTES);
    assert_eq!(
        client.capabilities.len(),
        ringward_signal::limits::MAX_CAPABILITIES
    );
}

#[test]
fn a_query_is_form_encoded() {
    let query = Query::parse("a=1&b=x%20y+z&&c&d=%C3%A9&a=2&%65=f").unwrap();
    for (name, want) in [
        ("a", Some("1")),
        ("b", Some("x y z")),
        ("c", Some("")),
        ("d", Some("é")),
        ("e", Some("f")),
        ("f", None),
    ] {
        assert_eq!(query.get(name), want, "{name}");
    }
    for (text, want) in [
        ("a=%", ParseQueryError::NotDecodable),
        ("a=%4", ParseQueryError::NotDecodable),
        ("a=%zz", ParseQueryError::NotDecodable),
        ("a=%+1", ParseQueryError::NotDecodable),
        ("a=%ff", ParseQueryError::NotDecodable),
    ] {
        assert_eq!(Query::parse(text).err(), Some(want), "{text}");
    }
    assert!(Query::parse(&"a".repeat(MAX_QUERY_BYTES)).is_ok());
    let over = "a".repeat(MAX_QUERY_BYTES + 1);
    assert_eq!(Query::parse(&over).err(), Some(ParseQueryError::TooLong));
    assert!(Query::parse(&"a&".repeat(MAX_QUERY_PARAMETERS)).is_ok());
    let over = "a&".repeat(MAX_QUERY_PARAMETERS + 1);
    assert_eq!(
        Query::parse(&over).err(),
        Some(ParseQueryError::TooManyParameters)
    );
}

#[test]
fn debug_output_holds_no_personal_text() {
    let mut request = full_request();
    request.metadata = "diagnosis".into();
    let shown = format!("{:?}", v1(&request).unwrap());
    assert!(
        !shown.contains("diagnosis") && !shown.contains("bed"),
        "{shown}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000,
        rng_seed: RngSeed::Fixed(55),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn fuzz_any_query_is_read_or_refused(query in "([a-z_]{0,12}=?[%+a-zA-Z0-9é=]{0,12}&?){0,12}") {
        let _ = v0(&query);
    }

    #[test]
    fn fuzz_any_bytes_as_join_request_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        compressed in any::<bool>(),
    ) {
        let _ = Join::from_v1(claims(), &URL_SAFE.encode(&bytes));
        let compression = if compressed { Compression::Gzip } else { Compression::None };
        let _ = Join::from_v1(claims(), &wrapped(compression, bytes));
    }

    #[test]
    fn fuzz_a_changed_join_request_never_panics(at in 0_usize..400, with in any::<u8>(), cut in 0_usize..4) {
        let mut bytes = full_request().encode_to_vec();
        let at = at % bytes.len();
        bytes[at] = with;
        bytes.drain(at..(at + cut).min(bytes.len()));
        let mut packed = gzip(&bytes);
        let _ = Join::from_v1(claims(), &wrapped(Compression::None, bytes));
        let at = at % packed.len();
        packed[at] ^= with;
        let _ = Join::from_v1(claims(), &wrapped(Compression::Gzip, packed));
    }

    #[test]
    fn what_is_percent_encoded_comes_back(text in ".{0,40}") {
        let encoded: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let query = Query::parse(&format!("x={}", encoded.concat())).unwrap();
        prop_assert_eq!(query.get("x"), Some(text.as_str()));
    }
}
