//! Data messages: whom they reach, and what of them.
#![allow(deprecated, reason = "clients still read the deprecated fields")]

use super::stage::{ALL, ANA, BEN, CARA, ROOM, Stage, peer};
use crate::data::HOLD_TIME;
use crate::plane::{DataRole, DataTarget, DataTrackRoute};
use crate::{
    Channel, DATA_MESSAGES_PER_SECOND, DATA_TRACK_PACKETS_PER_SECOND, DataRefusal, MAX_DATA_BYTES,
    MediaCommand, MediaEvent,
};
use bytes::Bytes;
use livekit_protocol::{
    ChatMessage, DataPacket, MetricsBatch, RpcAck, RpcResponse, Transcription, UserPacket,
    data_packet,
};
use prost::Message;
use std::time::Duration;
use vocab::ParticipantKey;

fn user(sequence: u32) -> DataPacket {
    DataPacket {
        sequence,
        value: Some(data_packet::Value::User(UserPacket {
            payload: sequence.to_be_bytes().to_vec(),
            ..UserPacket::default()
        })),
        ..DataPacket::default()
    }
}

fn reliable(stage: &mut Stage, sender: u64, packet: &DataPacket) -> Result<(), DataRefusal> {
    stage.data(sender, Channel::Reliable, &packet.encode_to_vec())
}

fn sequences(stage: &Stage, receiver: u64) -> Vec<u32> {
    let messages = stage.messages(receiver);
    messages
        .iter()
        .map(|m| DataPacket::decode(m.clone()).unwrap().sequence)
        .collect()
}

#[test]
fn everyone_but_the_sender_learns_who_sent_it() {
    let mut stage = Stage::new();
    reliable(&mut stage, ANA, &user(1)).unwrap();
    assert_eq!(stage.messages(ANA).len(), 0);
    for receiver in [BEN, CARA] {
        let packet = DataPacket::decode(stage.messages(receiver)[0].clone()).unwrap();
        assert_eq!(packet.participant_sid, "PA_1");
        assert_eq!(packet.participant_identity, "identity-1");
        assert_eq!(packet.sequence, 1);
    }
}

#[test]
fn addressed_data_reaches_those_addressed() {
    let by_identity = DataPacket {
        destination_identities: vec!["identity-3".into()],
        ..user(1)
    };
    let by_sid = DataPacket {
        value: Some(data_packet::Value::User(UserPacket {
            destination_sids: vec!["PA_3".into()],
            ..UserPacket::default()
        })),
        ..user(2)
    };
    let to_nobody = DataPacket {
        destination_identities: vec!["nobody".into()],
        ..user(3)
    };
    let mut stage = Stage::new();
    for packet in [by_identity, by_sid, to_nobody] {
        reliable(&mut stage, ANA, &packet).unwrap();
    }
    assert_eq!(sequences(&stage, CARA), [1, 2]);
    assert_eq!(sequences(&stage, BEN), []);
}

#[test]
fn repeated_reliable_data_is_dropped() {
    let mut stage = Stage::new();
    for (sequence, want) in [
        (1, Ok(())),
        (3, Ok(())),
        (3, Err(DataRefusal::Duplicate)),
        (2, Err(DataRefusal::Duplicate)),
        (4, Ok(())),
        (0, Ok(())),
        (0, Ok(())),
    ] {
        assert_eq!(
            reliable(&mut stage, ANA, &user(sequence)),
            want,
            "{sequence}"
        );
    }
    assert_eq!(
        reliable(&mut stage, BEN, &user(1)),
        Ok(()),
        "senders count for themselves"
    );
    stage.command(MediaCommand::ReportDataProgress {
        room: ROOM,
        participant: ParticipantKey(ANA),
    });
    assert!(matches!(
        stage.events().last(),
        Some(MediaEvent::DataProgress { sequence: 4, .. })
    ));
}

#[test]
fn a_nonce_passes_once_even_from_the_server() {
    let packet = DataPacket {
        value: Some(data_packet::Value::User(UserPacket {
            nonce: vec![9; 16],
            ..UserPacket::default()
        })),
        ..DataPacket::default()
    };
    let mut stage = Stage::new();
    reliable(&mut stage, ANA, &packet).unwrap();
    assert_eq!(
        reliable(&mut stage, ANA, &packet),
        Err(DataRefusal::Duplicate)
    );
    stage.command(MediaCommand::SendData {
        room: ROOM,
        to: DataTarget::All,
        channel: Channel::Reliable,
        payload: packet.encode_to_vec().into(),
    });
    assert_eq!(stage.messages(BEN).len(), 1);
}

#[test]
fn a_joiner_gets_what_was_said_since_it_joined_when_its_channel_opens() {
    let mut stage = Stage::new();
    reliable(&mut stage, ANA, &user(1)).unwrap();
    stage.advance(Duration::from_millis(10));
    stage.add(4, ALL);
    reliable(&mut stage, ANA, &user(2)).unwrap();
    stage.advance(HOLD_TIME);
    reliable(&mut stage, ANA, &user(3)).unwrap();
    stage.advance(Duration::from_millis(1));
    assert_eq!(sequences(&stage, 4), []);
    stage
        .room
        .handle_channel_open(peer(4), Channel::Reliable, stage.now);
    stage.drain();
    assert_eq!(
        sequences(&stage, 4),
        [3],
        "1 came before it, 2 is no longer held"
    );
    reliable(&mut stage, ANA, &user(4)).unwrap();
    stage
        .room
        .handle_channel_open(peer(4), Channel::Reliable, stage.now);
    stage.drain();
    assert_eq!(sequences(&stage, 4), [3, 4], "nothing twice");
}

#[test]
fn what_was_said_before_somebody_joined_is_not_for_it() {
    let mut stage = Stage::new();
    reliable(&mut stage, ANA, &user(1)).unwrap();
    stage.advance(Duration::from_millis(10));
    stage.join(4, ALL);
    assert_eq!(sequences(&stage, 4), []);
}

#[test]
fn metrics_are_for_those_who_may_have_them() {
    let mut stage = Stage::new();
    stage.command(MediaCommand::SetDataRole {
        room: ROOM,
        participant: ParticipantKey(CARA),
        role: DataRole {
            receives_metrics: true,
            ..DataRole::default()
        },
    });
    let metrics = DataPacket {
        value: Some(data_packet::Value::Metrics(MetricsBatch::default())),
        ..DataPacket::default()
    };
    assert_eq!(reliable(&mut stage, ANA, &metrics), Ok(()));
    let reached = [BEN, CARA].map(|who| stage.messages(who).len());
    assert_eq!(reached, [0, 1]);
}

#[test]
fn who_waits_hears_what_is_said_to_it_and_nothing_else() {
    let mut stage = Stage::new();
    let role = |waits| MediaCommand::SetDataRole {
        room: ROOM,
        participant: ParticipantKey(CARA),
        role: DataRole {
            waits,
            ..DataRole::default()
        },
    };
    stage.command(role(true));
    reliable(&mut stage, ANA, &user(1)).unwrap();
    let reached = [BEN, CARA].map(|who| stage.messages(who).len());
    assert_eq!(reached, [1, 0]);
    stage.command(MediaCommand::ReplayData {
        room: ROOM,
        subscriber: ParticipantKey(CARA),
        seen: vec![],
    });
    assert_eq!(stage.messages(CARA).len(), 0, "nor on a resume");
    let named = DataPacket {
        destination_identities: vec![format!("identity-{CARA}")],
        ..user(2)
    };
    reliable(&mut stage, ANA, &named).unwrap();
    assert_eq!(stage.messages(CARA).len(), 1);
    stage.command(role(false));
    reliable(&mut stage, ANA, &user(3)).unwrap();
    assert_eq!(stage.messages(CARA).len(), 2, "it was let in");
}

#[test]
fn only_an_agent_writes_what_was_said() {
    let transcription = |sequence| DataPacket {
        sequence,
        value: Some(data_packet::Value::Transcription(Transcription::default())),
        ..DataPacket::default()
    };
    let mut stage = Stage::new();
    let refused = reliable(&mut stage, ANA, &transcription(1));
    assert_eq!(refused, Err(DataRefusal::Forbidden));
    assert_eq!(stage.messages(BEN).len(), 0);
    stage.command(MediaCommand::SetDataRole {
        room: ROOM,
        participant: ParticipantKey(ANA),
        role: DataRole {
            transcribes: true,
            ..DataRole::default()
        },
    });
    assert_eq!(reliable(&mut stage, ANA, &transcription(2)), Ok(()));
    assert_eq!(stage.messages(BEN).len(), 1);
}

#[test]
fn after_a_resume_only_unseen_messages_are_repeated() {
    let mut stage = Stage::new();
    for sequence in 1..=4 {
        reliable(&mut stage, ANA, &user(sequence)).unwrap();
    }
    reliable(&mut stage, CARA, &user(1)).unwrap();
    reliable(&mut stage, BEN, &user(1)).unwrap();
    stage.forget();
    stage.command(MediaCommand::ReplayData {
        room: ROOM,
        subscriber: ParticipantKey(BEN),
        seen: vec![("PA_1".into(), 2)],
    });
    assert_eq!(
        sequences(&stage, BEN),
        [3, 4, 1],
        "its own are not repeated"
    );
}

#[test]
fn chat_is_counted_and_not_read() {
    let mut stage = Stage::new();
    let chat = DataPacket {
        value: Some(data_packet::Value::ChatMessage(ChatMessage {
            message: "hello".into(),
            ..ChatMessage::default()
        })),
        ..DataPacket::default()
    };
    reliable(&mut stage, ANA, &chat).unwrap();
    reliable(&mut stage, ANA, &user(1)).unwrap();
    let sent: Vec<_> = stage
        .events()
        .filter(|event| {
            matches!(
                event,
                MediaEvent::MessageSent {
                    participant: ParticipantKey(ANA),
                    ..
                }
            )
        })
        .collect();
    assert_eq!(sent.len(), 1);
}

#[test]
fn size_form_and_rate_are_limited() {
    let mut stage = Stage::new();
    let padded = |bytes: usize| {
        let mut packet = vec![0xFA, 0x07, 0, 0, 0];
        let length = bytes - packet.len();
        packet[2] = (length & 0x7F) as u8 | 0x80;
        packet[3] = (length >> 7 & 0x7F) as u8 | 0x80;
        packet[4] = (length >> 14) as u8;
        packet.resize(bytes, 0);
        packet
    };
    assert_eq!(
        stage.data(ANA, Channel::Lossy, &padded(MAX_DATA_BYTES)),
        Ok(())
    );
    assert_eq!(
        stage.data(ANA, Channel::Lossy, &padded(MAX_DATA_BYTES + 1)),
        Err(DataRefusal::TooLarge)
    );
    assert_eq!(
        stage.data(ANA, Channel::Lossy, &[0x0B]),
        Err(DataRefusal::Malformed)
    );
    for _ in 2..DATA_MESSAGES_PER_SECOND {
        assert_eq!(stage.data(ANA, Channel::Lossy, &[]), Ok(()));
    }
    assert_eq!(
        stage.data(ANA, Channel::Lossy, &[]),
        Err(DataRefusal::RateLimited)
    );
    assert_eq!(
        stage.data(BEN, Channel::Lossy, &[]),
        Ok(()),
        "another sender"
    );
}

#[test]
fn a_reliable_message_is_never_refused_for_its_pace_but_slows_its_sender() {
    let mut stage = Stage::new();
    let ana = peer(ANA);
    for _ in 0..DATA_MESSAGES_PER_SECOND / 2 {
        assert_eq!(stage.data(ANA, Channel::Reliable, &[]), Ok(()));
    }
    assert_eq!(stage.room.slow_data_until(ana), None);
    for _ in 0..DATA_MESSAGES_PER_SECOND {
        assert_eq!(stage.data(ANA, Channel::Reliable, &[]), Ok(()));
    }
    // Half a second's messages are owed, a tenth stays for lossy ones.
    let paid = stage.now + Duration::from_millis(600);
    assert_eq!(stage.room.slow_data_until(ana), Some(paid));
    assert_eq!(
        stage.messages(BEN).len(),
        3 * DATA_MESSAGES_PER_SECOND as usize / 2
    );
    assert_eq!(
        stage.data(ANA, Channel::Lossy, &[]),
        Err(DataRefusal::RateLimited)
    );
    assert_eq!(stage.room.slow_data_until(peer(BEN)), None);
}

#[test]
fn who_sends_to_a_slow_reader_is_slowed_and_nobody_else() {
    let mut stage = Stage::new();
    let until = stage.now + Duration::from_millis(100);
    stage.room.handle_data_backlog(peer(BEN), until);
    assert_eq!(stage.room.slow_data_until(peer(ANA)), None);
    assert_eq!(stage.data(ANA, Channel::Lossy, &[]), Ok(()));
    assert_eq!(stage.room.slow_data_until(peer(ANA)), None);
    assert_eq!(stage.data(BEN, Channel::Reliable, &[]), Ok(()));
    assert_eq!(stage.room.slow_data_until(peer(BEN)), None);
    assert_eq!(stage.data(ANA, Channel::Reliable, &[]), Ok(()));
    assert_eq!(stage.room.slow_data_until(peer(ANA)), Some(until));
}

#[test]
fn a_data_track_reaches_its_viewers_under_their_own_handles() {
    let mut stage = Stage::new();
    let packet = |handle: u8| [b"\x18\0\0", &[handle][..], b"\0\x01\0\x02\0\0\0\x03frame"].concat();
    let route = |handle, viewers: &[(u64, u16)]| MediaCommand::RouteDataTrack {
        room: ROOM,
        route: DataTrackRoute {
            publisher: ParticipantKey(ANA),
            handle,
            viewers: viewers
                .iter()
                .map(|(viewer, handle)| (ParticipantKey(*viewer), *handle))
                .collect(),
        },
    };
    stage.command(route(7, &[(BEN, 1)]));
    stage.command(route(8, &[(BEN, 2), (CARA, 1), (999, 5)]));
    for handle in [7, 8, 9] {
        stage
            .data(ANA, Channel::DataTrack, &packet(handle))
            .unwrap();
    }
    assert_eq!(stage.messages(BEN), [packet(1), packet(2)]);
    assert_eq!(stage.messages(CARA), [packet(1)]);
    stage.outputs.clear();
    stage.data(BEN, Channel::DataTrack, &packet(7)).unwrap();
    assert_eq!(stage.outputs.len(), 0, "a handle is its publisher's");
    stage.command(route(8, &[(BEN, 2)]));
    stage.command(route(7, &[]));
    for handle in [7, 8] {
        stage
            .data(ANA, Channel::DataTrack, &packet(handle))
            .unwrap();
    }
    assert_eq!(stage.messages(BEN), [packet(2)]);
    assert_eq!(stage.messages(CARA).len(), 0);
    assert_eq!(
        stage.data(ANA, Channel::DataTrack, &packet(8)[..11]),
        Err(DataRefusal::Malformed)
    );
}

#[test]
fn a_stream_of_frames_does_not_silence_what_its_sender_says() {
    let mut stage = Stage::new();
    let frame = [0; 1_200];
    for _ in 0..DATA_TRACK_PACKETS_PER_SECOND {
        assert_eq!(stage.data(ANA, Channel::DataTrack, &frame), Ok(()));
    }
    assert_eq!(
        stage.data(ANA, Channel::DataTrack, &frame),
        Err(DataRefusal::RateLimited)
    );
    assert_eq!(stage.data(ANA, Channel::Lossy, &[]), Ok(()));
}

#[test]
fn the_server_addresses_whom_it_wants() {
    let mut stage = Stage::new();
    stage.command(MediaCommand::SendData {
        room: ROOM,
        to: DataTarget::Some(vec![ParticipantKey(CARA)]),
        channel: Channel::Lossy,
        payload: Bytes::from_static(b"\x08\x01"),
    });
    assert_eq!(stage.messages(CARA), [Bytes::from_static(b"\x08\x01")]);
    assert_eq!(stage.messages(BEN).len(), 0);
}

#[test]
fn what_answers_the_server_reaches_the_server_alone() {
    let ack = |id: &str| {
        data_packet::Value::RpcAck(RpcAck {
            request_id: id.into(),
        })
    };
    let response = |id: &str| {
        data_packet::Value::RpcResponse(RpcResponse {
            request_id: id.into(),
            value: None,
        })
    };
    for (sequence, value, is_ours) in [
        (1, ack("SRPC_1"), true),
        (2, response("SRPC_1"), true),
        (3, ack("1SRPC_"), false),
        (4, response("a6b0"), false),
    ] {
        let mut stage = Stage::new();
        let packet = DataPacket {
            sequence,
            value: Some(value),
            ..DataPacket::default()
        };
        reliable(&mut stage, BEN, &packet).unwrap();
        let told = stage.events().any(|event| {
            matches!(event, MediaEvent::RpcAnswered { room: ROOM, participant: ParticipantKey(BEN), packet: p }
                if *p == packet.encode_to_vec())
        });
        assert_eq!(
            (told, stage.messages(ANA).len()),
            (is_ours, usize::from(!is_ours)),
            "{sequence}"
        );
    }
}
