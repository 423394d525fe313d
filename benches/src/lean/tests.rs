#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::publisher::Pattern;
use crate::track::{Lane, Plan, Script};
use crate::transport::Transport;
use std::net::SocketAddr;

/// Packets of one frame of [`plan`].
const BURST: u64 = 10;

struct Call {
    publisher: Transport,
    subscriber: Transport,
    lean: Lean,
    tally: Subscriber,
    lane: Lane,
    epoch: Epoch,
    window: Window,
    now: Instant,
    /// Media datagrams on their way so far, and which of them get lost.
    media: u64,
    lost: Vec<u64>,
}

impl Call {
    /// Both ends connected: str0m sends, the lean receiver takes what is media.
    fn connect(lost: &[u64]) -> Self {
        let mut now = Instant::now();
        let mut publisher = Transport::new(address(1), now).unwrap();
        let mut subscriber = Transport::new(address(2), now).unwrap();
        subscriber.is_mute = true;
        let plan = plan();
        let tracks = [("track".to_owned(), &plan)];
        let offer = publisher.offer(&tracks, now).unwrap();
        let answer = subscriber.accept_offer(&offer, now).unwrap();
        publisher.accept_answer(&answer, now).unwrap();
        let mut lean = Lean::new(subscriber.keys.clone(), now);
        lean.set_negotiated(subscriber.negotiated());
        let window = Window::default();
        window.set(Duration::ZERO, Duration::from_hours(1));
        let lane = Lane::of(&plan, 7).remove(0);
        let mut call = Self {
            publisher,
            subscriber,
            lean,
            tally: Subscriber::default(),
            lane,
            epoch: Epoch::begin(),
            window,
            now,
            media: 0,
            lost: lost.to_vec(),
        };
        while !(call.publisher.is_connected() && call.subscriber.is_connected()) {
            now += Duration::from_millis(10);
            call.pass(now);
        }
        call.lean.set_negotiated(call.subscriber.negotiated());
        call
    }

    /// Time passes, and everything that is under way arrives.
    fn pass(&mut self, now: Instant) {
        self.now = now;
        self.publisher.handle_timeout(now);
        self.subscriber.handle_timeout(now);
        if self.lean.wait() <= now {
            let reports = self.lean.handle_timeout(now).into_iter();
            let to = address(1);
            self.subscriber
                .outgoing
                .extend(reports.map(|report| (to, report)));
        }
        loop {
            let there = std::mem::take(&mut self.publisher.outgoing);
            let back = std::mem::take(&mut self.subscriber.outgoing);
            if there.is_empty() && back.is_empty() {
                return;
            }
            for (_, bytes) in there {
                self.deliver(&bytes);
            }
            for (_, bytes) in back {
                self.publisher.handle_datagram(address(2), &bytes, now);
            }
        }
    }

    fn deliver(&mut self, bytes: &[u8]) {
        if is_media(bytes) == Some(false) {
            self.media += 1;
            if self.lost.contains(&(self.media - 1)) {
                return;
            }
        }
        let context = (self.epoch, &self.window);
        let taken = self
            .lean
            .handle_datagram(bytes, &mut self.tally, context, self.now);
        if taken.is_none() {
            self.subscriber.handle_datagram(address(1), bytes, self.now);
        }
    }

    fn publish(&mut self, frames: u64) {
        for _ in 0..frames {
            let due = self.lane.due(self.now);
            self.pass(due);
            let packets = self.lane.take_due(self.epoch, due);
            self.publisher.write((0, None), packets, due).unwrap();
            self.pass(due);
        }
    }
}

#[test]
fn a_lean_subscriber_counts_every_packet_and_opens_a_sample() {
    let mut call = Call::connect(&[]);
    call.publish(300);
    assert_eq!(call.tally.delivered, 300 * BURST);
    assert_eq!((call.lean.missing(), call.tally.duplicates), (0, 0));
    assert_eq!((call.lean.undecryptable, call.tally.foreign), (0, 0));
    let opened = call.tally.latency.total();
    assert!((176..=260).contains(&opened), "{opened} of 3000");
    assert!(call.tally.frame_latency.total() >= 75);
    assert!(call.lean.profile().is_some());
    assert!(call.lean.reported > 0, "transport feedback was sent");
}

#[test]
fn what_is_lost_is_asked_for_and_comes_again() {
    let mut call = Call::connect(&[15, 16, 17, 140]);
    call.publish(60);
    assert_eq!(call.lean.missing(), 0, "every gap was filled");
    assert_eq!(call.tally.recovered, 4);
    assert_eq!(call.tally.delivered, 60 * BURST);
}

#[test]
fn a_retransmission_that_never_comes_is_a_loss() {
    let lost: Vec<u64> = (0..2_000).filter(|n| n % 50 == 30).collect();
    let mut call = Call::connect(&lost);
    call.lean.handle_timeout(call.now);
    call.lean.set_negotiated(Negotiated::default());
    call.publish(60);
    assert_eq!(
        call.tally.recovered, 0,
        "it cannot tell retransmissions any more"
    );
    assert!(call.lean.missing() > 0);
}

fn plan() -> Plan {
    let pattern = Pattern {
        rate: 300,
        burst: BURST as u32,
        packet_bytes: 1_200,
    };
    Plan {
        audio: false,
        layers: vec![(None, Script::Pattern(pattern))],
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
