//! How each worker says what its transports carry.

use crate::stage::{DEADLINE, PACKETS, Seat, Stage, stop};
use crossbeam_channel::Receiver;
use media::{Carrier, Figures, WorkerFigures};
use ringward_worker::BackendChoice;
use std::collections::HashMap;
use std::time::Instant;
use vocab::{PeerKey, RoomKey};

/// What was handed out so far, by transport.
#[derive(Default)]
struct Seen {
    figures: HashMap<PeerKey, Figures>,
    last: Option<WorkerFigures>,
}

impl Seen {
    fn take(&mut self, lane: &Receiver<WorkerFigures>) {
        let said = lane.recv_timeout(DEADLINE);
        let said = said.expect("a worker speaks once a second");
        for told in &said.changed {
            self.figures.insert(told.peer, told.figures);
        }
        self.last = Some(said);
    }

    fn last(&self) -> &WorkerFigures {
        self.last.as_ref().expect("taken before")
    }

    fn of(&self, seat: &Seat) -> Figures {
        self.figures.get(&seat.peer()).copied().unwrap_or_default()
    }
}

#[test]
fn figures_say_what_came_what_left_and_from_where() {
    let mut stage = Stage::new(BackendChoice::Portable, 1);
    let lane = stage.workers.take_figures().remove(0);
    assert!(stage.workers.take_figures().is_empty(), "taken once");
    let room = stage.open_room(1);
    let began = Instant::now();
    let [mut speaker, mut listener] = stage.call(room, 10);
    stage.converse(&mut [&mut speaker], &mut [&mut listener]);

    let mut seen = Seen::default();
    let carries = |figures: Figures| figures.bytes_in > 0 && figures.bytes_out > 0;
    seen.take(&lane);
    while !carries(seen.of(&speaker)) || seen.last().forwarded < PACKETS as u64 {
        seen.take(&lane);
    }
    for (seat, name) in [(&speaker, "speaker"), (&listener, "listener")] {
        let figures = seen.of(seat);
        assert!(carries(figures), "{name}: {figures:?}");
        assert_eq!(figures.remote, Some(seat.client.address()), "{name}");
        assert_eq!(figures.carrier, Carrier::Udp);
        assert!(figures.heard.unwrap() >= began, "{name}");
    }
    let told = seen
        .last()
        .changed
        .iter()
        .all(|told| told.room == RoomKey(1));
    assert!(told, "{:?}", seen.last());
    assert_eq!(
        (seen.last().worker, seen.last().rooms, seen.last().peers),
        (0, 1, 2)
    );
    stop(stage.workers);
}

/// A control plane that does not look costs the worker nothing and misses nothing.
#[test]
fn what_nobody_takes_does_not_queue_and_the_next_is_the_newest() {
    let mut stage = Stage::new(BackendChoice::Portable, 1);
    let lane = stage.workers.take_figures().remove(0);
    let room = stage.open_room(1);
    let [mut speaker, mut listener] = stage.call(room, 10);
    stage.play_until(
        "the lane is full",
        &mut [&mut speaker],
        &mut [&mut listener],
        |_, _| lane.is_full(),
    );
    let queued = lane.len();
    // More than the worker's second passes while the lane is full.
    let full_since = Instant::now();
    stage.play_until(
        "the worker had something to say again",
        &mut [&mut speaker],
        &mut [&mut listener],
        |_, _| full_since.elapsed().as_millis() > 2_100,
    );
    assert_eq!((queued, lane.len()), (1, 1));

    let mut seen = Seen::default();
    seen.take(&lane);
    let old = seen.of(&speaker);
    seen.take(&lane);
    let new = seen.of(&speaker);
    assert!(new.bytes_in > old.bytes_in, "{old:?} {new:?}");
    assert!(new.heard.unwrap() > full_since, "{new:?}");
    stop(stage.workers);
}

#[test]
fn a_transport_that_carries_nothing_is_not_told_again() {
    let mut stage = Stage::new(BackendChoice::Portable, 1);
    let lane = stage.workers.take_figures().remove(0);
    let room = stage.open_room(1);
    let [_speaker, _listener] = stage.call(room, 10);
    // Nobody steps the clients any more: not even their checks arrive.
    let mut seen = Seen::default();
    let mut quiet = 0;
    let end = Instant::now() + DEADLINE;
    while quiet < 2 {
        assert!(Instant::now() < end, "{:?}", seen.last);
        seen.take(&lane);
        quiet = if seen.last().changed.is_empty() {
            quiet + 1
        } else {
            0
        };
    }
    assert_eq!(seen.last().peers, 2, "they are still there");
    stop(stage.workers);
}

#[test]
fn a_worker_that_ended_has_disconnected() {
    let mut stage = Stage::new(BackendChoice::Portable, 1);
    let lane = stage.workers.take_figures().remove(0);
    stop(stage.workers);
    let end = Instant::now() + DEADLINE;
    while lane.recv_deadline(end).is_ok() {}
    assert!(Instant::now() < end, "disconnected, not silent");
}
