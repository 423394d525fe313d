#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::arena::CHUNKS;

const SOCKET: SocketIndex = SocketIndex(0);

fn to(number: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], number))
}

/// A queue whose sends end as the test says, with the lengths of what was sent.
struct Bench {
    trains: Trains,
    counters: Counters,
    /// Every datagram sent, by destination port: its first byte.
    sent: Vec<(u16, u8)>,
    /// Every train sent: port and length.
    lengths: Vec<(u16, u32)>,
    next: u8,
}

impl Bench {
    fn new() -> Self {
        Self {
            trains: Trains::new(),
            counters: Counters::default(),
            sent: Vec::new(),
            lengths: Vec::new(),
            next: 0,
        }
    }

    /// Reserves a datagram and numbers it.
    fn put(&mut self, port: u16, len: usize) -> bool {
        let Some(span) = self.trains.reserve(SOCKET, to(port), len) else {
            return false;
        };
        self.trains.slice_mut(span)[0] = self.next;
        self.next = self.next.wrapping_add(1);
        true
    }

    /// One round of sends; `outcome` is asked with position and train.
    fn round(&mut self, mut outcome: impl FnMut(usize, Attempt) -> Outcome) -> (bool, SocketSet) {
        let mut staged = Vec::new();
        let more = self.trains.stage(|_| true, &mut staged, usize::MAX);
        for (position, train) in staged.iter().enumerate() {
            let attempt = self.trains.attempt(*train);
            let outcome = outcome(position, attempt);
            self.trains.note(*train, outcome);
            if outcome == Outcome::Sent {
                self.lengths.push((attempt.to.port(), attempt.datagrams));
                let segment = attempt.segment.map_or(usize::MAX, usize::from);
                for span in attempt.spans() {
                    for bytes in self.trains.slice(*span).chunks(segment) {
                        self.sent.push((attempt.to.port(), bytes[0]));
                    }
                }
            }
        }
        (more, self.trains.settle(&mut staged, &mut self.counters))
    }

    fn send_all(&mut self) {
        while self.round(|_, _| Outcome::Sent).0 {}
    }

    fn order(&self, port: u16) -> Vec<u8> {
        self.sent
            .iter()
            .filter(|(to, _)| *to == port)
            .map(|(_, number)| *number)
            .collect()
    }
}

fn fail(errno: i32) -> Outcome {
    Outcome::Failed(errno)
}

#[test]
fn a_shorter_datagram_ends_its_train_and_a_longer_one_begins_another() {
    for (name, lengths, want) in [
        ("equal ones", &[100, 100, 100][..], &[3][..]),
        ("a short last one", &[100, 100, 40], &[3]),
        ("nothing behind the short one", &[100, 40, 40], &[2, 1]),
        (
            "small packets first, as libwebrtc cuts frames",
            &[99, 100, 100],
            &[1, 2],
        ),
    ] {
        let mut bench = Bench::new();
        for len in lengths {
            assert!(bench.put(1, *len));
        }
        bench.send_all();
        let got: Vec<u32> = bench.lengths.iter().map(|(_, length)| *length).collect();
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn interleaved_destinations_form_trains_of_their_own() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        for port in 1..=50 {
            assert!(bench.put(port, 1_200));
        }
    }
    bench.send_all();
    assert_eq!(bench.lengths.len(), 50);
    assert!(bench.lengths.iter().all(|(_, length)| *length == 10));
    assert_eq!(bench.counters.train_lengths, [0, 0, 0, 50, 0, 0]);
}

#[test]
fn a_train_ends_at_the_kernels_limits() {
    let mut bench = Bench::new();
    for _ in 0..200 {
        assert!(bench.put(1, 100));
    }
    for _ in 0..100 {
        assert!(bench.put(2, 1_400));
    }
    bench.send_all();
    let longest = |port| {
        bench
            .lengths
            .iter()
            .filter(|(to, _)| *to == port)
            .map(|(_, n)| *n)
            .max()
    };
    assert_eq!(longest(1), Some(64));
    assert_eq!(longest(2), Some(46), "46 × 1,400 is the last below 65,000");
}

#[test]
fn everything_is_free_again_after_it_was_sent() {
    let mut bench = Bench::new();
    for round in 0..20_u16 {
        for number in 0..300_u16 {
            assert!(bench.put(number % (7 + round), 300 + usize::from(number % 5) * 400));
        }
        bench.send_all();
    }
    assert_eq!(bench.trains.arena.free_chunks(), CHUNKS);
    assert_eq!(bench.trains.free.len(), MAX_TRAINS);
}

#[test]
fn a_full_arena_says_no_and_recovers() {
    let mut bench = Bench::new();
    let taken = (0..u16::MAX)
        .take_while(|port| bench.put(*port, 1_200))
        .count();
    assert_eq!(taken, CHUNKS);
    bench.send_all();
    assert!(bench.put(1, 1_200));
}

#[test]
fn the_first_train_to_a_destination_is_not_overtaken_when_it_is_refused() {
    let mut bench = Bench::new();
    for len in [100, 100, 100, 200, 200] {
        bench.put(1, len);
    }
    for _ in 0..100 {
        let (more, _) = bench.round(|_, attempt| match attempt.segment {
            Some(_) => fail(libc::EIO),
            None => Outcome::Sent,
        });
        if !more && bench.sent.len() == 5 {
            break;
        }
    }
    assert_eq!(bench.order(1), [0, 1, 2, 3, 4]);
    assert_eq!(
        bench.counters.train_refusals, 1,
        "remembered after the first"
    );
    assert_eq!(bench.counters.datagrams_out, 5);
    assert_eq!(bench.counters.dropped_total(), 0);
    bench.put(1, 100);
    bench.put(1, 100);
    bench.send_all();
    assert_eq!(
        bench.lengths[5..],
        [(1, 1), (1, 1)],
        "no trains to it any more"
    );
}

#[test]
fn a_full_send_buffer_is_tried_again_in_order() {
    let mut bench = Bench::new();
    for len in [100, 200, 300] {
        bench.put(1, len);
    }
    let (_, full) = bench.round(|_, _| fail(libc::EAGAIN));
    assert!(full.contains(SOCKET));
    bench.put(1, 400);
    bench.send_all();
    assert_eq!(bench.order(1), [0, 1, 2, 3]);
    assert_eq!(bench.counters.dropped_total(), 0);
}

#[test]
fn what_would_be_overtaken_is_dropped_instead() {
    let mut bench = Bench::new();
    for len in [100, 200, 300] {
        bench.put(1, len);
    }
    bench.put(2, 100);
    bench.round(|position, _| {
        if position == 0 {
            fail(libc::ENOBUFS)
        } else {
            Outcome::Sent
        }
    });
    bench.send_all();
    assert_eq!(bench.order(1), [1, 2]);
    assert_eq!(bench.counters.dropped(DropCause::SendBufferFull), 1);
}

#[test]
fn a_buffer_that_stays_full_is_not_tried_for_ever() {
    let mut bench = Bench::new();
    bench.put(1, 100);
    for _ in 0..MAX_ATTEMPTS {
        bench.round(|_, _| fail(libc::EAGAIN));
    }
    assert_eq!(bench.counters.dropped(DropCause::SendBufferFull), 1);
    assert_eq!(bench.trains.free.len(), MAX_TRAINS);
}

#[test]
fn an_unreachable_destination_costs_only_its_own_datagrams() {
    let mut bench = Bench::new();
    for port in [1, 2, 3] {
        bench.put(port, 100);
        bench.put(port, 100);
    }
    bench.round(|_, attempt| match attempt.to.port() {
        2 => fail(libc::ENETUNREACH),
        _ => Outcome::Sent,
    });
    assert_eq!(bench.counters.dropped(DropCause::Unreachable), 2);
    assert_eq!(bench.counters.datagrams_out, 4);
    bench.put(3, 100);
    bench.send_all();
    assert_eq!(bench.order(3).len(), 3);
}

#[test]
fn trains_in_flight_survive_the_forgetting_of_idle_destinations() {
    let mut bench = Bench::new();
    bench.put(9_999, 100);
    bench.send_all();
    bench.put(5, 100);
    let mut staged = Vec::new();
    bench.trains.stage(|_| true, &mut staged, usize::MAX);
    bench.put(6, 100);
    for number in 0..destination::MAX_DESTINATIONS as u16 {
        bench.put(10_000 + number, 100);
        let mut others = Vec::new();
        if number % 100 == 0 {
            bench.trains.stage(|_| true, &mut others, usize::MAX);
            bench.trains.settle(&mut others, &mut bench.counters);
        }
    }
    assert_eq!(bench.trains.attempt(staged[0]).to, to(5));
    bench.trains.settle(&mut staged, &mut bench.counters);
    bench.send_all();
    assert_eq!(bench.trains.free.len(), MAX_TRAINS);
    assert_eq!(bench.trains.arena.free_chunks(), CHUNKS);
}

#[test]
fn a_stalled_sockets_queue_can_be_given_up() {
    let mut bench = Bench::new();
    for len in [100, 200, 300] {
        bench.put(1, len);
    }
    let (_, full) = bench.round(|_, _| fail(libc::EAGAIN));
    bench.trains.drop_queued(full, &mut bench.counters);
    assert_eq!(bench.counters.dropped(DropCause::SendBufferFull), 3);
    assert_eq!(bench.trains.free.len(), MAX_TRAINS);
    assert_eq!(bench.trains.arena.free_chunks(), CHUNKS);
}
