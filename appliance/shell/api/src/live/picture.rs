//! The box in one second: what every console is told about, written once.

use super::Written;
use serde::Serialize;
use std::collections::BTreeMap;
use wire::admin::{AlarmScore, AlarmView, BoxView, LiveRoom, RoomDetail};

/// Everything that was so in one second.
#[derive(Debug)]
pub(super) struct Picture {
    /// Rises by one per picture.
    pub(super) number: u64,
    pub(super) at_ms: u64,
    pub(super) health: BoxView,
    pub(super) box_json: Written,
    /// By sid.
    pub(super) rooms: Vec<Line<LiveRoom>>,
    /// By id.
    pub(super) alarms: Vec<Line<AlarmView>>,
    pub(super) score: AlarmScore,
    pub(super) score_json: Written,
    /// Of the rooms that consoles look into, by what they asked for.
    pub(super) details: BTreeMap<String, Written>,
}

/// A thing with an id, and its JSON.
#[derive(Debug, Clone)]
pub(super) struct Line<T> {
    pub(super) id: String,
    view: T,
    pub(super) json: Written,
}

/// What differs of two sorted lists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference<'a> {
    /// It is new or different.
    Changed(&'a Written),
    /// It is gone.
    Gone(&'a str),
}

/// What a picture is made of.
pub(super) struct Sight {
    pub(super) at_ms: u64,
    pub(super) health: BoxView,
    pub(super) rooms: Vec<LiveRoom>,
    pub(super) alarms: Vec<AlarmView>,
    pub(super) score: AlarmScore,
    pub(super) details: BTreeMap<String, RoomDetail>,
}

impl Picture {
    /// The next one. What is as it was before is not written again.
    pub(super) fn new(sight: Sight, before: Option<&Self>) -> Self {
        let rooms_before = before.map_or(&[][..], |before| &before.rooms);
        let alarms_before = before.map_or(&[][..], |before| &before.alarms);
        let details = sight.details.iter();
        Self {
            number: before.map_or(0, |before| before.number + 1),
            at_ms: sight.at_ms,
            box_json: written(&sight.health),
            health: sight.health,
            rooms: lines(sight.rooms, rooms_before, |room| &room.sid),
            alarms: lines(sight.alarms, alarms_before, |alarm| &alarm.id),
            score_json: written(&sight.score),
            score: sight.score,
            details: details
                .map(|(asked, detail)| (asked.clone(), written(detail)))
                .collect(),
        }
    }
}

fn lines<T: PartialEq + Serialize>(
    mut views: Vec<T>,
    before: &[Line<T>],
    id: fn(&T) -> &String,
) -> Vec<Line<T>> {
    views.sort_unstable_by(|a, b| id(a).cmp(id(b)));
    let mut before = before.iter().peekable();
    let lines = views.into_iter().map(|view| {
        let id = id(&view).clone();
        while before.next_if(|old| old.id < id).is_some() {}
        let same = before.next_if(|old| old.id == id && old.view == view);
        let json = same.map_or_else(|| written(&view), |old| old.json.clone());
        Line { id, view, json }
    });
    lines.collect()
}

fn written(value: &impl Serialize) -> Written {
    // Strings and finite numbers: writing them cannot fail.
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// What is different in the newer of two lists. Lines that were taken over are the same without
/// being looked at.
pub(super) fn differences<'a, T>(
    old: &'a [Line<T>],
    new: &'a [Line<T>],
    mut tell: impl FnMut(Difference<'a>),
) {
    let mut old = old.iter().peekable();
    for line in new {
        while let Some(gone) = old.next_if(|old| old.id < line.id) {
            tell(Difference::Gone(&gone.id));
        }
        let known = old.next_if(|old| old.id == line.id);
        let is_same = known.is_some_and(|known| {
            std::ptr::eq(known.json.as_ptr(), line.json.as_ptr()) || known.json == line.json
        });
        if !is_same {
            tell(Difference::Changed(&line.json));
        }
    }
    for gone in old {
        tell(Difference::Gone(&gone.id));
    }
}
