//! No allocation per forwarded packet once everything is warm (`style.md`, habit 10).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use net::{BackendChoice, Reactor, SocketIndex};
use ringward_benches::stage::Stage;
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn a_packet_forwarded_to_fifty_allocates_nothing() {
    let mut stage = Stage::new(50);
    for _ in 0..200 {
        stage.frame();
    }
    let packets: Vec<_> = (0..1_000).map(|_| stage.packet()).collect();
    let before = stage.egress.packets;
    let counted = allocation_counter::measure(|| {
        for packet in &packets {
            stage.forward(packet);
        }
    });
    assert_eq!(
        stage.egress.packets - before,
        50_000,
        "the packets must really be forwarded"
    );
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

fn trains(reactor: &mut dyn Reactor, to: &[SocketAddr]) {
    for _ in 0..10 {
        for to in to {
            reactor
                .reserve(SocketIndex(0), *to, 1_200)
                .expect("room")
                .fill(7);
        }
    }
    while reactor
        .turn(Some(Duration::ZERO), &mut |_| ())
        .expect("a turn")
        .received
        > 0
    {}
}

#[test]
fn a_reactors_turn_allocates_nothing() {
    for choice in [BackendChoice::Auto, BackendChoice::Portable] {
        let address = ["127.0.0.1:0".parse().unwrap(); 8];
        let (mut reactor, reason) = net::open(choice, &address).unwrap();
        let to = reactor.local_addrs().to_vec();
        for _ in 0..20 {
            trains(&mut *reactor, &to);
        }
        let before = reactor.counters();
        let counted = allocation_counter::measure(|| {
            for _ in 0..100 {
                trains(&mut *reactor, &to);
            }
        });
        let after = reactor.counters();
        assert_eq!(
            after.datagrams_out - before.datagrams_out,
            8_000,
            "{reason}"
        );
        assert_eq!(after.datagrams_in - before.datagrams_in, 8_000, "{reason}");
        assert_eq!(counted.count_total, 0, "{reason}: {counted:?}");
    }
}
