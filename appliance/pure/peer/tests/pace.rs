//! A client that sends data faster than it may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/link.rs"]
mod link;

use link::{Link, client_config, spec};
use media::Channel;
use media::plane::PeerRole;
use ringward_peer::{EgressKind, Output};
use std::time::{Duration, Instant};
use str0m::Event;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

/// Who writes RTP.
const EGRESS: EgressKind = EgressKind::Own;
const MESSAGE_BYTES: usize = 15_000;
const MESSAGES: u32 = 334;
/// The room's pace, in bytes per second: far below what the client has to say.
const PACE: u64 = 1_000_000;

fn reliable_link() -> (Link, ChannelId) {
    let mut link = Link::new(spec(PeerRole::Single), client_config());
    link.client_offers(|api| {
        api.add_channel_with_config(ChannelConfig {
            label: "_reliable".into(),
            ordered: true,
            reliability: Reliability::Reliable,
            ..ChannelConfig::default()
        })
    });
    link.connect();
    link.run(Duration::from_secs(1));
    let opened = link.events.iter().find_map(|event| match event {
        Event::ChannelOpen(id, _) => Some(*id),
        _ => None,
    });
    (link, opened.expect("an open channel"))
}

fn message(number: u32) -> Vec<u8> {
    let mut message = vec![number as u8; MESSAGE_BYTES];
    message[..4].copy_from_slice(&number.to_be_bytes());
    message
}

/// Takes what arrived, as a room with a pace of its own would.
fn take(link: &mut Link, paid: &mut Instant, arrived: &mut Vec<Vec<u8>>) {
    for output in link.outputs.drain(..) {
        match output {
            Output::Data { channel, payload } => {
                assert_eq!(channel, Channel::Reliable);
                let cost = Duration::from_micros(payload.len() as u64 * 1_000_000 / PACE);
                *paid = (*paid).max(link.now) + cost;
                arrived.push(payload);
                link.peer.hold_data(*paid);
            }
            Output::Failed(cause) => panic!("the peer failed: {cause:?}"),
            _ => {}
        }
    }
}

#[test]
fn five_megabytes_far_above_the_pace_arrive_whole_in_order_and_once() {
    let (mut link, channel) = reliable_link();
    let (mut arrived, mut sent, mut paid) = (Vec::new(), 0, link.now);
    let _ = link.peer.take_counters();
    let start = link.now;
    while arrived.len() < MESSAGES as usize {
        assert!(link.client.is_alive(), "the client gave up");
        while sent < MESSAGES
            && let Some(mut open) = link.client.channel(channel)
            && open.write(true, &message(sent)).unwrap()
        {
            sent += 1;
        }
        link.run(Duration::from_millis(1));
        take(&mut link, &mut paid, &mut arrived);
        let passed = link.now - start;
        assert!(
            passed < Duration::from_mins(1),
            "after {passed:?} {} of {sent} messages",
            arrived.len()
        );
    }
    link.run(Duration::from_secs(10));
    take(&mut link, &mut paid, &mut arrived);
    assert_eq!(arrived.len(), MESSAGES as usize, "nothing twice");
    for (number, payload) in (0..).zip(&arrived) {
        assert_eq!(*payload, message(number), "message {number}");
    }
    let least = u64::from(MESSAGES) * MESSAGE_BYTES as u64 * 1_000 / PACE * 9 / 10;
    assert!(
        paid - start >= Duration::from_millis(least),
        "the client is slowed to the pace: {:?}",
        paid - start
    );
    assert!(link.peer.take_counters().data_held > 0);
}

#[test]
fn what_waits_is_bounded_and_is_read_when_its_time_has_come() {
    let (mut link, channel) = reliable_link();
    let _ = link.peer.take_counters();
    link.outputs.clear();
    link.peer.hold_data(link.now + Duration::from_secs(3));
    let mut open = link.client.channel(channel).unwrap();
    for number in 0..MESSAGES {
        if !open.write(true, &message(number)).unwrap() {
            break;
        }
    }
    link.run(Duration::from_millis(2_900));
    let held = link.peer.take_counters();
    assert!((1..=64).contains(&held.data_held), "{}", held.data_held);
    let is_data = |output: &Output| matches!(output, Output::Data { .. });
    assert!(!link.outputs.iter().any(is_data), "nothing was read");
    link.run(Duration::from_millis(100));
    assert!(link.outputs.iter().any(is_data), "its time has come");
}
