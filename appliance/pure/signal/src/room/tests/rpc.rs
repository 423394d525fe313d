//! Calls of participants by the server.

use super::bench::Bench;
use crate::keys::RpcKey;
use crate::room::RpcFailure;
use crate::room::rpc::{
    DEFAULT_RPC_TIMEOUT, MAX_PENDING_RPCS, MAX_RPC_METHOD_BYTES, MAX_RPC_PAYLOAD_BYTES,
    MAX_RPC_TIMEOUT, RPC_ACK_TIMEOUT,
};
use livekit_protocol::data_packet::Value;
use livekit_protocol::{
    DataPacket, PerformRpcRequest, RpcAck, RpcError, RpcRequest, RpcResponse, rpc_response,
};
use media::plane::{DataTarget, MediaCommand, SERVER_RPC_PREFIX};
use media::{Channel, MediaEvent};
use prost::Message as _;
use std::time::Duration;

fn call_of(payload: &str) -> PerformRpcRequest {
    PerformRpcRequest {
        room: "ward".into(),
        destination_identity: "ana".into(),
        method: "greet".into(),
        payload: payload.into(),
        response_timeout_ms: 0,
    }
}

fn calls(bench: &mut Bench, request: PerformRpcRequest) -> Result<RpcKey, RpcFailure> {
    let rpc = bench.keys.rpc();
    let started = bench.room.perform_rpc(rpc, request, bench.now);
    bench.drain();
    started.map(|()| rpc)
}

/// The one request that went to somebody.
fn sent(bench: &Bench) -> (DataTarget, DataPacket, RpcRequest) {
    let sent = bench.media.iter().find_map(|command| match command {
        MediaCommand::SendData {
            to,
            channel: Channel::Reliable,
            payload,
            ..
        } => Some((to.clone(), DataPacket::decode(payload.clone()).unwrap())),
        _ => None,
    });
    let (to, packet) = sent.expect("a reliable packet");
    let Some(Value::RpcRequest(request)) = packet.value.clone() else {
        panic!("not a request: {packet:?}");
    };
    (to, packet, request)
}

fn answers(bench: &mut Bench, identity: &str, value: Value) {
    let packet = DataPacket {
        value: Some(value),
        ..DataPacket::default()
    };
    let (room, participant) = (bench.room.key(), bench.key_of(identity));
    bench.media(MediaEvent::RpcAnswered {
        room,
        participant,
        packet: packet.encode_to_vec().into(),
    });
}

fn ack(id: &str) -> Value {
    Value::RpcAck(RpcAck {
        request_id: id.into(),
    })
}

fn response(id: &str, value: rpc_response::Value) -> Value {
    Value::RpcResponse(RpcResponse {
        request_id: id.into(),
        value: Some(value),
    })
}

fn payload(id: &str, text: &str) -> Value {
    response(id, rpc_response::Value::Payload(text.into()))
}

#[test]
fn a_participant_is_asked_and_its_answer_comes_back() {
    let mut bench = Bench::new();
    bench.join_connected("ana");
    bench.forget();
    let rpc = calls(&mut bench, call_of("hello")).unwrap();
    let (to, packet, request) = sent(&bench);
    assert_eq!(to, DataTarget::Some(vec![bench.key_of("ana")]));
    assert_eq!(
        (request.method.as_str(), request.payload.as_str()),
        ("greet", "hello")
    );
    assert_eq!((request.version, request.response_timeout_ms), (1, 10_000));
    assert!(request.id.starts_with(SERVER_RPC_PREFIX));
    assert_eq!(
        packet.participant_identity, request.id,
        "an answer is addressed to it"
    );

    answers(&mut bench, "ana", ack(&request.id));
    bench.wait(RPC_ACK_TIMEOUT);
    assert_eq!(bench.rpcs, [], "acknowledged: the answer may take longer");
    answers(&mut bench, "ana", payload(&request.id, "good day"));
    answers(&mut bench, "ana", payload(&request.id, "twice"));
    bench.wait(DEFAULT_RPC_TIMEOUT);
    assert_eq!(bench.rpcs, [(rpc, Ok("good day".to_owned()))]);
}

#[test]
fn nobody_answers_for_another() {
    let mut bench = Bench::new();
    bench.join_connected("ana");
    bench.join_connected("mallory");
    bench.forget();
    calls(&mut bench, call_of("")).unwrap();
    let id = sent(&bench).2.id;
    answers(&mut bench, "mallory", payload(&id, "forged"));
    answers(&mut bench, "ana", payload("SRPC_other", "stray"));
    assert_eq!(bench.rpcs, []);
    answers(&mut bench, "ana", payload(&id, "own"));
    assert_eq!(bench.rpcs[0].1, Ok("own".to_owned()));
}

#[test]
fn silence_ends_in_the_timeout_that_comes_first() {
    for (name, millis, acknowledges, after, want) in [
        (
            "deaf",
            0,
            false,
            RPC_ACK_TIMEOUT,
            RpcFailure::ConnectionTimeout,
        ),
        (
            "slow",
            0,
            true,
            DEFAULT_RPC_TIMEOUT,
            RpcFailure::ResponseTimeout,
        ),
        (
            "impatient",
            500,
            false,
            Duration::from_millis(500),
            RpcFailure::ResponseTimeout,
        ),
        (
            "patient",
            u32::MAX,
            true,
            MAX_RPC_TIMEOUT,
            RpcFailure::ResponseTimeout,
        ),
    ] {
        let mut bench = Bench::new();
        bench.join_connected("ana");
        bench.forget();
        let request = PerformRpcRequest {
            response_timeout_ms: millis,
            ..call_of("")
        };
        let rpc = calls(&mut bench, request).unwrap();
        if acknowledges {
            let id = sent(&bench).2.id;
            answers(&mut bench, "ana", ack(&id));
        }
        bench.wait(after.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(bench.rpcs, [], "{name}");
        bench.wait(Duration::from_millis(1));
        assert_eq!(bench.rpcs, [(rpc, Err(want))], "{name}");
        bench.wait(MAX_RPC_TIMEOUT);
        assert_eq!(bench.rpcs.len(), 1, "{name}: answered once");
    }
}

#[test]
fn who_leaves_ends_the_calls_to_it() {
    let mut bench = Bench::new();
    bench.join_connected("ana");
    bench.join_connected("ben");
    let rpc = calls(&mut bench, call_of("")).unwrap();
    bench.room.remove_participant("ben", 0, bench.now).unwrap();
    bench.drain();
    assert_eq!(bench.rpcs, []);
    bench.room.remove_participant("ana", 0, bench.now).unwrap();
    bench.drain();
    assert_eq!(bench.rpcs, [(rpc, Err(RpcFailure::Disconnected))]);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let mut bench = Bench::new();
    bench.join_connected("ana");
    let long = |bytes| "x".repeat(bytes);
    calls(&mut bench, call_of(&long(MAX_RPC_PAYLOAD_BYTES))).expect("at the limit");
    let too_large = calls(&mut bench, call_of(&long(MAX_RPC_PAYLOAD_BYTES + 1)));
    let bytes = MAX_RPC_PAYLOAD_BYTES + 1;
    assert_eq!(too_large, Err(RpcFailure::RequestTooLarge(bytes)));
    for bytes in [0, MAX_RPC_METHOD_BYTES + 1] {
        let request = PerformRpcRequest {
            method: long(bytes),
            ..call_of("")
        };
        assert_eq!(
            calls(&mut bench, request),
            Err(RpcFailure::BadMethod(bytes))
        );
    }
    let stranger = PerformRpcRequest {
        destination_identity: "nobody".into(),
        ..call_of("")
    };
    let refused = calls(&mut bench, stranger).unwrap_err();
    assert!(matches!(refused, RpcFailure::ParticipantNotFound(_)));
    for _ in 1..MAX_PENDING_RPCS {
        calls(&mut bench, call_of("")).expect("below the limit");
    }
    assert_eq!(calls(&mut bench, call_of("")), Err(RpcFailure::TooMany));
}

#[test]
fn a_participants_error_is_told_in_its_words() {
    let error = |code, message: &str, data: &str| {
        rpc_response::Value::Error(RpcError {
            code,
            message: message.into(),
            data: data.into(),
        })
    };
    for (value, want) in [
        (
            error(1_400, "unsupported", ""),
            "RpcError 1400: Method not supported at destination",
        ),
        (error(101, "no", ""), "RpcError 101: no"),
        (error(101, "no", "because"), "RpcError 101: no: because"),
        (
            rpc_response::Value::Payload("x".repeat(MAX_RPC_PAYLOAD_BYTES + 1)),
            "RpcError 1504: Response payload too large",
        ),
        (
            rpc_response::Value::CompressedPayload(vec![1]),
            "RpcError 1504: Response payload too large",
        ),
    ] {
        let mut bench = Bench::new();
        bench.join_connected("ana");
        bench.forget();
        calls(&mut bench, call_of("")).unwrap();
        let id = sent(&bench).2.id;
        answers(&mut bench, "ana", response(&id, value));
        let failure = bench.rpcs[0].1.clone().unwrap_err();
        assert_eq!(failure.to_string(), want);
    }
}
