#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn next(section: &mut Continuity, sequence: u64) -> Option<u64> {
    section.place(sequence).map(|place| place.number)
}

#[test]
fn a_second_subscription_follows_the_first() {
    let mut section = Continuity::default();
    assert_eq!(next(&mut section, 100), Some(100));
    assert_eq!(next(&mut section, 102), Some(102));
    let late = section.place(101).unwrap();
    assert_eq!((late.number, late.is_late), (101, true), "late, but new");
    section.restart();
    assert_eq!(next(&mut section, 7), Some(103));
    assert_eq!(next(&mut section, 8), Some(104));
    assert_eq!(next(&mut section, 7), None, "used");
    assert_eq!(
        next(&mut section, 6),
        None,
        "belongs to the first subscription"
    );
}

#[test]
fn an_unannounced_subscription_goes_on_too() {
    for first in [1_u64, 30_000] {
        let mut section = Continuity::default();
        assert_eq!(next(&mut section, 15_000), Some(15_000));
        assert_eq!(next(&mut section, first), Some(15_001), "{first}");
        assert_eq!(next(&mut section, first + 1), Some(15_002), "{first}");
    }
}

#[test]
fn a_first_number_is_small_and_not_zero() {
    for first in [0, 1, 32_768, 65_536, 70_000, u64::MAX] {
        let mut section = Continuity::default();
        let number = next(&mut section, first).unwrap();
        assert!((1..=MAX_FIRST).contains(&number), "{first}");
        assert_eq!(next(&mut section, first.wrapping_add(1)), Some(number + 1));
    }
}

#[test]
fn a_resumed_section_goes_on_above_its_mark() {
    let mut section = Continuity::after(200_000);
    assert_eq!(next(&mut section, 17), Some(200_001));
    let mut last = Continuity::after(MAX_INDEX);
    assert_eq!(next(&mut last, 17), None, "48 bits are used up");
}

proptest! {
    #[test]
    fn numbers_follow_their_subscription_and_are_used_once(
        steps in proptest::collection::vec((-1_100_i64..8_192, proptest::bool::weighted(0.02)), 1..600),
        first in 0_u64..70_000,
    ) {
        let mut section = Continuity::default();
        let mut used = HashSet::new();
        let start = first.cast_signed() + 2_000;
        let mut sequence = start;
        let mut offset = None;
        for (step, restart) in steps {
            if restart {
                section.restart();
                sequence = start;
                offset = None;
            }
            let at = sequence + if offset.is_none() { 0 } else { step };
            sequence = sequence.max(at);
            if let Some(number) = next(&mut section, at.cast_unsigned()) {
                prop_assert!(used.insert(number), "{} twice", number);
                let distance = number.cast_signed() - at;
                prop_assert_eq!(*offset.get_or_insert(distance), distance, "gaps stay gaps");
            }
        }
    }
}
