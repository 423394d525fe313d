//! The board against a model that thinks in flags instead of states.

use super::*;
use crate::Code::{CertExpired, DiskLow, Loss};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy)]
enum Step {
    Raise(usize),
    Clear(usize),
    Acknowledge(usize),
    Shelve(usize, u64),
    Unshelve(usize),
    Pass(u64),
}

const CODES: [Code; 3] = [Loss, DiskLow, CertExpired];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..CODES.len();
    let step = prop_oneof![
        4 => which.clone().prop_map(Step::Raise),
        3 => which.clone().prop_map(Step::Clear),
        2 => which.clone().prop_map(Step::Acknowledge),
        1 => (which.clone(), 1..=480_u64).prop_map(|(w, minutes)| Step::Shelve(w, minutes)),
        1 => which.prop_map(Step::Unshelve),
        4 => (0..700_u64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..80)
}

/// One alarm as a person would keep it on paper: is it there, does somebody know, is it put away.
#[derive(Debug, Default)]
struct Paper {
    /// What was written down: from which second on the cause was there or not.
    log: Vec<(u64, bool)>,
    there: bool,
    open: bool,
    shelved_until: Option<u64>,
    raises: u32,
}

impl Paper {
    fn write(&mut self, code: Code, is_there: bool, at: u64) {
        if self
            .log
            .last()
            .map_or(is_there, |(_, last)| *last != is_there)
        {
            self.log.push((at, is_there));
        }
        self.look(code, at);
    }

    fn look(&mut self, code: Code, at: u64) {
        if let Some((since, is_there)) = self.log.last().copied() {
            let definition = code.definition();
            let delay = if is_there {
                definition.raise_after
            } else {
                definition.clear_after
            };
            if is_there != self.there && at - since >= delay.as_secs() {
                self.there = is_there;
                if is_there && self.shelved_until.is_none() {
                    self.call();
                }
            }
        }
        if self.shelved_until.is_some_and(|until| until <= at) {
            self.unshelve();
        }
    }

    fn call(&mut self) {
        self.open = true;
        self.raises += 1;
    }

    fn unshelve(&mut self) {
        self.shelved_until = None;
        self.open = false;
        if self.there {
            self.call();
        }
    }

    fn state(&self) -> Option<State> {
        match (self.shelved_until, self.there, self.open) {
            (Some(_), ..) => Some(State::Shelved),
            (None, true, true) => Some(State::Unacknowledged),
            (None, true, false) => Some(State::Acknowledged),
            (None, false, true) => Some(State::Returned),
            (None, false, false) => None,
        }
    }
}

proptest! {
    #[test]
    fn the_board_stands_as_the_model_does(steps in steps()) {
        let (mut board, began) = (Board::default(), start());
        let mut papers = CODES.map(|_| Paper::default());
        let ids = CODES.map(|code| AlarmId::new(code, ""));
        let (mut at, mut told, mut raised) = (0, BTreeMap::new(), [0; CODES.len()]);
        for step in steps {
            let now = began.after(seconds(at));
            match step {
                Step::Raise(which) => {
                    board.raise(CODES[which], "", cause(1), now);
                    papers[which].write(CODES[which], true, at);
                }
                Step::Clear(which) => {
                    board.clear(CODES[which], "", now);
                    papers[which].write(CODES[which], false, at);
                }
                Step::Acknowledge(which) => {
                    let done = board.acknowledge(&ids[which], "mlee", now);
                    let paper = &mut papers[which];
                    prop_assert_eq!(done.is_ok(), !matches!(paper.state(), None | Some(State::Shelved)));
                    paper.open &= done.is_err();
                }
                Step::Shelve(which, minutes) => {
                    let time = seconds(minutes * 60);
                    let done = board.shelve(&ids[which], "mlee", "reason", time, now);
                    prop_assert_eq!(done.is_ok(), papers[which].state().is_some());
                    if done.is_ok() {
                        papers[which].shelved_until = Some(at + minutes * 60);
                    }
                }
                Step::Unshelve(which) => {
                    let done = board.unshelve(&ids[which], now);
                    prop_assert_eq!(done.is_ok(), papers[which].shelved_until.is_some());
                    if done.is_ok() {
                        papers[which].unshelve();
                    }
                }
                Step::Pass(passed) => {
                    // Second by second, as a watcher looks.
                    for _ in 0..passed {
                        at += 1;
                        board.handle_timeout(began.after(seconds(at)));
                        for (paper, code) in papers.iter_mut().zip(CODES) {
                            paper.look(code, at);
                        }
                    }
                }
            }
            for output in said(&mut board) {
                match output {
                    Output::Changed(id) => {
                        told.insert(id.clone(), state(&board, &id));
                    }
                    Output::Gone(id) => {
                        told.remove(&id);
                    }
                    Output::Raised(id) => {
                        raised[ids.iter().position(|known| *known == id).unwrap()] += 1;
                    }
                    Output::Wait(_) => {}
                }
            }
            for ((paper, id), raised) in papers.iter().zip(&ids).zip(raised) {
                prop_assert_eq!(state(&board, id), paper.state(), "{} at {} s: {:?}", id, at, paper);
                prop_assert_eq!(raised, paper.raises, "{} at {} s", id, at);
            }
            let standing: BTreeMap<_, _> =
                board.alarms().map(|alarm| (alarm.id.clone(), Some(alarm.state()))).collect();
            prop_assert_eq!(&told, &standing, "whoever only listens knows as much");
        }
    }
}
