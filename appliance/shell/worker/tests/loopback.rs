//! Workers on loopback with both reactors: calls between real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/client.rs"]
mod client;
#[path = "suite/figures.rs"]
mod figures;
#[path = "support/stage.rs"]
mod stage;

use crossbeam_channel::{RecvTimeoutError, unbounded};
use media::plane::{PeerFailure, PeerRole};
use media::{MediaCommand, MediaPlane};
use ringward_worker::{BackendChoice, WorkersConfig, start};
use stage::{DEADLINE, Stage, config, said_by, stop};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::UdpSocket;

macro_rules! with_both_reactors {
    ($($claim:ident),* $(,)?) => {
        mod portable {
            $(#[test] fn $claim() { super::$claim(super::BackendChoice::Portable); })*
        }
        mod uring {
            $(#[test] fn $claim() { super::$claim(super::BackendChoice::Uring); })*
        }
    };
}

with_both_reactors!(
    a_packet_reaches_the_subscriber_of_its_track,
    a_room_never_hears_another,
    strangers_get_no_answer_and_disturb_nobody,
    rooms_spread_over_the_workers,
    a_broken_peer_ends_alone,
    stopping_joins_the_threads_and_frees_the_port,
    a_taken_port_is_named,
);

fn a_packet_reaches_the_subscriber_of_its_track(backend: BackendChoice) {
    let mut stage = Stage::new(backend, 1);
    let room = stage.open_room(1);
    let [mut speaker, mut listener] = stage.call(room, 10);
    stage.converse(&mut [&mut speaker], &mut [&mut listener]);
    let said = said_by(speaker.key);
    assert!(listener.client.heard(0).iter().all(|heard| *heard == said));
    assert!(listener.client.heard(1).is_empty());
    assert_eq!(stage.failed(), []);
    stop(stage.workers);
}

/// Even when a subscription names a track of the other room.
fn a_room_never_hears_another(backend: BackendChoice) {
    let mut stage = Stage::new(backend, 1);
    let rooms = [stage.open_room(1), stage.open_room(2)];
    let [mut speaker, mut listener] = stage.call(rooms[0], 10);
    let [mut other_speaker, mut other_listener] = stage.call(rooms[1], 20);
    stage.subscribe(&listener, 1, &other_speaker);
    stage.subscribe(&other_listener, 1, &speaker);
    stage.converse(
        &mut [&mut speaker, &mut other_speaker],
        &mut [&mut listener, &mut other_listener],
    );
    for (listener, speaker) in [(&listener, &speaker), (&other_listener, &other_speaker)] {
        let said = said_by(speaker.key);
        let received = &listener.client.received;
        assert!(received.iter().all(|(_, heard)| **heard == said));
        assert!(listener.client.heard(1).is_empty());
    }
    stop(stage.workers);
}

fn strangers_get_no_answer_and_disturb_nobody(backend: BackendChoice) {
    let mut stage = Stage::new(backend, 1);
    let room = stage.open_room(1);
    let [mut speaker, mut listener] = stage.call(room, 10);
    stage.converse(&mut [&mut speaker], &mut [&mut listener]);

    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let forged = format!("{}:mine", listener.client.box_ufrag());
    let datagrams = [
        binding_request("nobody:mine"),
        binding_request(&forged),
        // A DTLS record header around a ClientHello header (RFC 6347 §4.3.1), cut short.
        [
            &[22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 1][..],
            &[0; 39],
        ]
        .concat(),
        // RTP: version 2, payload type 111.
        [&[0x80, 111, 0, 1][..], &[0; 60]].concat(),
        Vec::new(),
        vec![0xff; 1_400],
    ];
    for bytes in &datagrams {
        stranger
            .send_to(bytes, listener.client.box_address())
            .unwrap();
    }

    // What was sent later through the same socket has been answered now.
    stage.converse(&mut [&mut speaker], &mut [&mut listener]);
    assert_eq!(stage.failed(), []);
    stranger.set_nonblocking(true).unwrap();
    let answer = stranger.recv_from(&mut [0; 2_048]);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::WouldBlock);
    stop(stage.workers);
}

/// A STUN binding request (RFC 8489 §5) with a USERNAME and an integrity that is wrong.
fn binding_request(username: &str) -> Vec<u8> {
    let padded = username.len().next_multiple_of(4);
    let mut attributes = vec![0, 6, 0, username.len() as u8];
    attributes.extend(username.bytes());
    attributes.resize(4 + padded, 0);
    attributes.extend([0, 8, 0, 20]);
    attributes.extend([9; 20]);
    let mut bytes = vec![0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xA4, 0x42];
    bytes.extend([7; 12]);
    bytes.extend(attributes);
    bytes
}

fn rooms_spread_over_the_workers(backend: BackendChoice) {
    let mut stage = Stage::new(backend, 2);
    let rooms = [stage.open_room(1), stage.open_room(2)];
    let [mut speaker, mut listener] = stage.call(rooms[0], 10);
    let [mut other_speaker, mut other_listener] = stage.call(rooms[1], 20);
    stage.converse(
        &mut [&mut speaker, &mut other_speaker],
        &mut [&mut listener, &mut other_listener],
    );
    let seats = [&speaker, &listener, &other_speaker, &other_listener];
    let [a, b, c, d] = seats.map(|seat| seat.client.box_address());
    assert_eq!((a, c), (b, d), "a room has one worker");
    let bound = BTreeSet::from_iter(stage.workers.local_addrs());
    assert_eq!(BTreeSet::from([a, c]), bound);
    stop(stage.workers);
}

fn a_broken_peer_ends_alone(backend: BackendChoice) {
    let mut stage = Stage::new(backend, 1);
    let room = stage.open_room(1);
    let [mut speaker, mut listener] = stage.call(room, 10);
    let mut victim = stage.join(room, 30, PeerRole::Whep, 1);
    stage.subscribe(&victim, 0, &speaker);
    stage.converse(&mut [&mut speaker], &mut [&mut listener, &mut victim]);

    let fault = (victim.peer(), PeerFailure::Fault);
    stage.plane.send(MediaCommand::AddCandidate {
        room,
        peer: victim.peer(),
        candidate: "test-hook:panic".to_owned(),
    });
    stage.play_until(
        "the broken peer fails",
        &mut [&mut speaker],
        &mut [&mut listener],
        |stage, _| stage.failed().contains(&fault),
    );
    stage.converse(&mut [&mut speaker], &mut [&mut listener]);
    assert_eq!(stage.failed(), [fault]);
    stop(stage.workers);
}

fn stopping_joins_the_threads_and_frees_the_port(backend: BackendChoice) {
    let mut stage = Stage::new(backend, 2);
    let room = stage.open_room(1);
    let call = stage.call(room, 10);
    let Stage {
        workers, events, ..
    } = stage;
    let ports = workers.local_addrs();
    assert_eq!(ports.len(), 2);
    stop(workers);
    while let Ok(event) = events.try_recv() {
        drop(event);
    }
    let last = events.recv_timeout(DEADLINE);
    assert!(matches!(last, Err(RecvTimeoutError::Disconnected)));
    for port in ports {
        UdpSocket::bind(port).unwrap();
    }
    drop(call);
}

fn a_taken_port_is_named(backend: BackendChoice) {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = WorkersConfig {
        first_port: port,
        ..config(backend, 1)
    };
    let error = start(&config, &unbounded().0).unwrap_err().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
}
