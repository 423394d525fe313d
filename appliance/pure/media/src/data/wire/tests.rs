//! Cross-checks against `livekit-protocol`'s own encoding.
#![allow(
    deprecated,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests; deprecated fields are still read by clients"
)]

use super::*;
use livekit_protocol::{
    ChatMessage, DataPacket, MetricsBatch, UserPacket, data_packet, data_stream,
};
use proptest::prelude::*;
use prost::Message;

fn packet(value: data_packet::Value) -> DataPacket {
    DataPacket {
        value: Some(value),
        ..DataPacket::default()
    }
}

fn user_packet() -> UserPacket {
    UserPacket {
        participant_sid: "PA_forged".into(),
        participant_identity: "forged".into(),
        payload: b"hello".to_vec(),
        destination_sids: vec!["PA_1".into()],
        destination_identities: vec!["ana".into()],
        topic: Some("t".into()),
        nonce: vec![7; 16],
        ..UserPacket::default()
    }
}

#[test]
fn everything_that_decides_the_route_is_read() {
    let encoded = DataPacket {
        sequence: 70_000,
        destination_identities: vec!["ben".into()],
        ..packet(data_packet::Value::User(user_packet()))
    }
    .encode_to_vec();
    let scanned = scan(&encoded).unwrap();
    assert_eq!(scanned.sequence, 70_000);
    assert_eq!(scanned.sids.as_slice(), [b"PA_1"]);
    let mut identities = scanned.identities.to_vec();
    identities.sort_unstable();
    assert_eq!(identities, [b"ana", b"ben"]);
    assert_eq!(scanned.nonce, Some([7; 16]));
}

#[test]
fn chat_and_metrics_are_told_from_the_rest() {
    use data_packet::Value;
    let header = |topic: &str| {
        Value::StreamHeader(data_stream::Header {
            topic: topic.into(),
            ..Default::default()
        })
    };
    for (name, value, is_chat, is_metrics) in [
        (
            "a chat message",
            Value::ChatMessage(ChatMessage::default()),
            true,
            false,
        ),
        ("a chat text stream", header("lk.chat"), true, false),
        ("another text stream", header("lk.chats"), false, false),
        ("a user packet", Value::User(user_packet()), false, false),
        (
            "metrics",
            Value::Metrics(MetricsBatch::default()),
            false,
            true,
        ),
    ] {
        let encoded = packet(value).encode_to_vec();
        let scanned = scan(&encoded).unwrap();
        assert_eq!(
            (scanned.is_chat, scanned.is_metrics),
            (is_chat, is_metrics),
            "{name}"
        );
    }
}

#[test]
fn the_sender_cannot_lie_about_itself_or_the_channel() {
    let forged = DataPacket {
        kind: data_packet::Kind::Lossy.into(),
        participant_identity: "forged".into(),
        participant_sid: "PA_forged".into(),
        sequence: 9,
        ..packet(data_packet::Value::User(user_packet()))
    };
    let stamped = stamp(
        &forged.encode_to_vec(),
        Channel::Reliable,
        "PA_true",
        "true",
    )
    .unwrap();
    assert!(
        !stamped.windows(6).any(|w| w == b"forged"),
        "nothing forged is left on the wire"
    );
    let decoded = DataPacket::decode(stamped).unwrap();
    let want = DataPacket {
        kind: data_packet::Kind::Reliable.into(),
        participant_identity: "true".into(),
        participant_sid: "PA_true".into(),
        sequence: 9,
        ..packet(data_packet::Value::User(UserPacket {
            participant_sid: "PA_true".into(),
            participant_identity: "true".into(),
            ..user_packet()
        }))
    };
    assert_eq!(decoded, want);
}

#[test]
fn the_lossy_channel_is_named() {
    let encoded = packet(data_packet::Value::ChatMessage(ChatMessage::default())).encode_to_vec();
    let decoded = DataPacket::decode(stamp(&encoded, Channel::Lossy, "PA", "i").unwrap()).unwrap();
    assert_eq!(decoded.kind, data_packet::Kind::Lossy as i32);
}

#[test]
fn unknown_fields_survive() {
    let mut encoded = packet(data_packet::Value::User(user_packet())).encode_to_vec();
    put_bytes(&mut encoded, 4_000, b"from the future");
    let stamped = stamp(&encoded, Channel::Reliable, "PA", "i").unwrap();
    assert!(stamped.windows(15).any(|w| w == b"from the future"));
}

#[test]
fn too_many_addressees_are_refused() {
    let to = |count: usize| {
        let destination_identities = vec!["a".to_owned(); count];
        DataPacket {
            destination_identities,
            ..DataPacket::default()
        }
        .encode_to_vec()
    };
    assert!(scan(&to(MAX_DATA_DESTINATIONS)).is_some());
    assert!(scan(&to(MAX_DATA_DESTINATIONS + 1)).is_none());
}

#[test]
fn what_is_not_protobuf_is_refused() {
    for (name, bytes) in [
        ("a cut length", &[0x12, 0x05, 0x00][..]),
        ("a varint without end", &[0x80; 11]),
        ("field number 0", &[0x02, 0x00]),
        ("a group", &[0x0B]),
        (
            "a length beyond memory",
            &[0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        ),
    ] {
        assert_eq!(scan(bytes), None, "{name}");
        assert_eq!(stamp(bytes, Channel::Reliable, "PA", "i"), None, "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_alike(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let stamped = stamp(&bytes, Channel::Reliable, "PA", "i");
        if scan(&bytes).is_some() {
            let stamped = stamped.unwrap();
            prop_assert!(scan(&stamped).is_some());
            prop_assert_eq!(scan(&bytes), scan(&stamped));
            prop_assert_eq!(stamp(&stamped, Channel::Reliable, "PA", "i"), Some(stamped));
        }
    }
}
