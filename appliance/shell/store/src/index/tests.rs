//! The index against plain filters over plain vectors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::journal::{Journal, JournalOptions};
use crate::samples::event;
use crate::vfs::simulated::SimulatedDisk;
use domain::{EndReason, Event, EventData, EventType};
use proptest::prelude::*;
use std::sync::OnceLock;
use tempfile::TempDir;
use vocab::UnixMillis;

/// Enough for several zones.
const EVENTS: u64 = 3_000;

#[test]
fn however_events_are_grouped_the_index_is_the_same() {
    let all = stored(600);
    let (_keep, mut whole) = empty();
    whole.apply(&all).unwrap();
    for seed in [1, 2, 3] {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (folder, mut index) = empty();
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (group, later) = rest.split_at(rng.usize(1..=rest.len().min(40)));
            index.apply(group).unwrap();
            rest = later;
            if rng.u8(..) < 20 {
                index.flush().unwrap();
                drop(index);
                index = Index::open(folder.path(), CACHE_BYTES, log()).unwrap();
            }
        }
        assert_eq!(index.dump(), whole.dump(), "seed {seed}");
        assert_eq!(index.sessions(), whole.sessions(), "seed {seed}");
    }
}

#[test]
fn a_failed_apply_is_undone_by_reloading() {
    let all = stored(200);
    let (_keep, mut whole) = empty();
    whole.apply(&all).unwrap();
    let (_folder, mut index) = empty();
    index.apply(&all[..100]).unwrap();
    // What a failure leaves: the sessions have moved on, the batch was never saved.
    for (stored, _) in &all[100..150] {
        index
            .sessions
            .apply(stored, |_| Ok::<_, ReadError>(None))
            .unwrap();
    }
    index.stale = true;
    index.apply(&all[100..]).unwrap();
    assert_eq!(index.dump(), whole.dump());
}

#[test]
fn a_presence_tells_its_length_its_tracks_and_its_end() {
    let (_folder, mut index) = empty();
    // `samples`: room 0, events 0, 3, 6 … of kinds 0, 1, 2 …
    let all: Vec<_> = stored(100).into_iter().collect();
    index.apply(&all).unwrap();
    let open = query_rooms(
        &index.db,
        &SessionQuery {
            open: Some(true),
            ..SessionQuery::default()
        },
    );
    let room = open.unwrap().items.remove(0);
    let full = query_room(&index.db, &room.sid).unwrap().unwrap();
    assert_eq!(full.participants.len() as u64, room.joins);
    let left: Vec<_> = full
        .participants
        .iter()
        .filter(|p| p.left_at.is_some())
        .collect();
    for presence in left {
        assert!(presence.duration_ms.is_some() && presence.reason.is_some());
        assert!(
            presence
                .tracks
                .iter()
                .all(|track| track.unpublished_at.is_some())
        );
    }
}

#[test]
fn a_room_from_creation_to_destruction() {
    let join = |client: &str| EventData::OccupantJoined {
        client: client.to_owned(),
    };
    let publish = |track: &str| EventData::TrackPublished {
        track: track.into(),
        kind: domain::TrackKind::Audio,
        source: domain::TrackSource::Microphone,
    };
    let left = EventData::OccupantLeft {
        reason: EndReason::ConnectionLost,
        duration_ms: 41,
    };
    let gone = EventData::RoomDestroyed {
        reason: EndReason::RoomDeleted,
    };
    let facts = [
        (100, None, EventData::RoomCreated),
        (110, Some("a"), join("js")),
        (120, Some("b"), join("whip")),
        (130, Some("a"), publish("TR_1")),
        (140, Some("b"), publish("TR_2")),
        (145, None, EventData::RoomLocked),
        (
            150,
            Some("a"),
            EventData::TrackUnpublished {
                track: "TR_1".into(),
            },
        ),
        (151, Some("a"), left.clone()),
        (152, Some("a"), left),
        (200, None, gone),
        (210, Some("b"), EventData::AudioPaused),
    ];
    let (_folder, mut index) = empty();
    let events: Vec<_> = facts
        .into_iter()
        .zip(1..)
        .map(|((at, who, data), sequence)| {
            let actor = who.map(|who| domain::event::Actor {
                identity: who.into(),
                sid: format!("PA_{who}").into(),
            });
            let event = Event {
                at: UnixMillis(at),
                room: "RM_1".into(),
                room_name: "ward".into(),
                actor,
                peer: None,
                data,
            };
            (StoredEvent { sequence, event }, [0; 32])
        })
        .collect();
    index.apply(&events[..6]).unwrap();
    let room = query_room(&index.db, &"RM_1".into()).unwrap().unwrap();
    assert_eq!(
        (room.present, room.joins, room.locked, room.destroyed_at),
        (2, 2, true, None)
    );

    index.apply(&events[6..]).unwrap();
    let room = query_room(&index.db, &"RM_1".into()).unwrap().unwrap();
    assert_eq!((room.present, room.joins), (0, 2));
    assert_eq!(room.destroyed_at, Some(UnixMillis(200)));
    assert_eq!(room.reason, Some(EndReason::RoomDeleted));
    let [a, b] = room.participants.as_slice() else {
        panic!("two presences")
    };
    assert_eq!(
        (a.client.as_str(), a.duration_ms, a.reason),
        ("js", Some(41), Some(EndReason::ConnectionLost))
    );
    assert_eq!(a.tracks[0].unpublished_at, Some(UnixMillis(150)));
    // The room took `b` with it.
    assert_eq!(
        (b.left_at, b.duration_ms, b.reason),
        (
            Some(UnixMillis(200)),
            Some(80),
            Some(EndReason::RoomDeleted)
        )
    );
    assert_eq!(b.tracks[0].unpublished_at, Some(UnixMillis(200)));
    assert_eq!(index.sessions().open_rooms().count(), 0);
}

#[test]
fn a_moment_is_found_wherever_in_its_block_it_lies() {
    let (index, events, _, _) = filled();
    for block in events.chunk_by(|a, b| a.sequence / 1_024 == b.sequence / 1_024) {
        let times = || block.iter().map(|stored| stored.event.at);
        let edges = [
            times().min(),
            times().max(),
            times().next(),
            times().next_back(),
        ];
        for at in edges.into_iter().flatten() {
            for newest_first in [false, true] {
                let to = Some(UnixMillis(at.0 + 1));
                let query = EventQuery {
                    from: Some(at),
                    to,
                    newest_first,
                    ..EventQuery::default()
                };
                let want = events.iter().filter(|stored| stored.event.at == at).count();
                let found = all_pages(MAX, None, |after| {
                    query_events(
                        &index.view(),
                        &EventQuery {
                            after,
                            ..query.clone()
                        },
                    )
                    .unwrap()
                });
                assert_eq!(found.len(), want, "{at}");
            }
        }
    }
}

#[test]
fn leaping_over_blocks_never_leaps_over_their_edges() {
    let (folder, _) = empty();
    let mut all = stored(2_100);
    for (stored, _) in &mut all {
        stored.event.at = UnixMillis(stored.sequence);
    }
    let log = journal(all.iter().map(|(stored, _)| stored.event.clone()));
    let path = folder.path().join("other");
    let mut index = Index::open(&path, CACHE_BYTES, log).unwrap();
    index.apply(&all).unwrap();
    for sequence in [1, 1_023, 1_024, 1_025, 2_047, 2_048, 2_100] {
        for newest_first in [false, true] {
            let (from, to) = (Some(UnixMillis(sequence)), Some(UnixMillis(sequence + 1)));
            let query = EventQuery {
                from,
                to,
                newest_first,
                ..EventQuery::default()
            };
            let found = all_pages(MAX, None, |after| {
                query_events(
                    &index.view(),
                    &EventQuery {
                        after,
                        ..query.clone()
                    },
                )
                .unwrap()
            });
            let found: Vec<_> = found.iter().map(|stored| stored.sequence).collect();
            assert_eq!(found, [sequence]);
        }
    }
}

#[test]
fn a_value_of_another_schema_is_refused_by_table_and_key() {
    let (_folder, mut index) = empty();
    index.apply(&stored(1)).unwrap();
    let key = Table::Rooms.at(1);
    let mut value = index.db.get(&key).unwrap().unwrap().to_vec();
    value[0] = SCHEMA + 1;
    index.db.insert(&key, value).unwrap();
    let error = query_rooms(&index.db, &SessionQuery::default()).unwrap_err();
    assert!(
        matches!(error, ReadError::Corrupt { table: "rooms", .. }),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]
    #[test]
    fn pages_of_events_are_the_naive_filter_in_slices(query in event_query()) {
        let (index, events, _, _) = filled();
        let mut want: Vec<_> = events.iter().filter(|e| fits(&query, e)).cloned().collect();
        if query.newest_first {
            want.reverse();
        }
        prop_assert_eq!(all_pages(query.limit, query.after, |after| {
            query_events(&index.view(), &EventQuery { after, ..query.clone() }).unwrap()
        }), want);
    }

    #[test]
    fn pages_of_rooms_and_presences_are_the_naive_filter_in_slices(
        (name, identity, open) in (any::<bool>(), any::<bool>(), proptest::option::of(any::<bool>())),
        (from, to) in (time(), time()), limit in 1..20usize, newest_first in any::<bool>(),
    ) {
        let (index, _, rooms, presences) = filled();
        let overlaps = |began: UnixMillis, ended: Option<UnixMillis>| {
            from.is_none_or(|f| ended.is_none_or(|e| e >= f)) && to.is_none_or(|t| began < t)
        };
        let query = SessionQuery {
            name: name.then(|| "ward-1".into()), open, from, to, limit, newest_first, ..SessionQuery::default()
        };
        let mut want: Vec<_> = rooms.iter().filter(|r| {
            (!name || r.name.as_str() == "ward-1") && open.is_none_or(|o| o == r.destroyed_at.is_none())
                && overlaps(r.created_at, r.destroyed_at)
        }).cloned().collect();
        if newest_first {
            want.reverse();
        }
        prop_assert_eq!(all_pages(limit, None, |after| {
            query_rooms(&index.db, &SessionQuery { after, ..query.clone() }).unwrap()
        }), want);

        let query = PresenceQuery {
            room: name.then(|| "RM_1_3".into()), identity: identity.then(|| "person-2".into()),
            open, from, to, limit, newest_first, ..PresenceQuery::default()
        };
        let mut want: Vec<_> = presences.iter().filter(|p| {
            (!name || p.room.as_str() == "RM_1_3") && (!identity || p.identity.as_str() == "person-2")
                && open.is_none_or(|o| o == p.left_at.is_none()) && overlaps(p.joined_at, p.left_at)
        }).cloned().collect();
        if newest_first {
            want.reverse();
        }
        prop_assert_eq!(all_pages(limit, None, |after| {
            query_presences(&index.db, &PresenceQuery { after, ..query.clone() }).unwrap()
        }), want);
    }
}

fn time() -> impl Strategy<Value = Option<UnixMillis>> {
    proptest::option::of((0..EVENTS * 11).prop_map(|t| UnixMillis(1_700_000_000_000 + t)))
}

fn event_query() -> impl Strategy<Value = EventQuery> {
    let text = |list: &'static [&'static str]| {
        proptest::option::weighted(0.3, proptest::sample::select(list))
    };
    (
        (
            text(&["RM_1_3", "RM_0_29", "RM_9"]),
            text(&["ward-1", "ward"]),
            text(&["person-2", "nobody"]),
        ),
        proptest::sample::subsequence(EventType::ALL, 0..4),
        (time(), time()),
        proptest::option::weighted(0.3, 0..EVENTS + 10),
        (1..400usize, any::<bool>()),
    )
        .prop_map(
            |((room, name, actor), kinds, (from, to), after, (limit, newest_first))| EventQuery {
                room: room.map(Into::into),
                room_name: name.map(Into::into),
                actor: actor.map(Into::into),
                kinds,
                from,
                to,
                after,
                limit,
                newest_first,
            },
        )
}

fn fits(query: &EventQuery, stored: &StoredEvent) -> bool {
    let StoredEvent { sequence, event } = stored;
    let after = query.after.is_none_or(|after| {
        if query.newest_first {
            *sequence < after
        } else {
            *sequence > after
        }
    });
    after
        && query.room.as_ref().is_none_or(|room| *room == event.room)
        && query
            .room_name
            .as_ref()
            .is_none_or(|name| *name == event.room_name)
        && query
            .actor
            .as_ref()
            .is_none_or(|who| event.actor.as_ref().is_some_and(|a| a.identity == *who))
        && (query.kinds.is_empty() || query.kinds.contains(&event.data.event_type()))
        && query.from.is_none_or(|from| event.at >= from)
        && query.to.is_none_or(|to| event.at < to)
}

/// Follows `next` to the end; every page keeps to the limit.
fn all_pages<T>(
    limit: usize,
    start: Option<u64>,
    mut ask: impl FnMut(Option<u64>) -> Page<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    let mut after = start;
    loop {
        let page = ask(after);
        assert!(page.items.len() <= limit);
        all.extend(page.items);
        let Some(next) = page.next else { return all };
        assert_ne!(Some(next), after, "a page must get on");
        after = Some(next);
    }
}

type Filled = (Index, Vec<StoredEvent>, Vec<RoomSession>, Vec<Presence>);

/// One index of [`EVENTS`] for all properties, with what is in it.
fn filled() -> &'static Filled {
    static FILLED: OnceLock<(TempDir, Filled)> = OnceLock::new();
    &FILLED
        .get_or_init(|| {
            let (folder, mut index) = empty();
            let events = stored(EVENTS);
            index.apply(&events).unwrap();
            let rooms = all_pages(MAX, None, |after| {
                query_rooms(
                    &index.db,
                    &SessionQuery {
                        after,
                        ..SessionQuery::default()
                    },
                )
                .unwrap()
            });
            let presences = all_pages(MAX, None, |after| {
                query_presences(
                    &index.db,
                    &PresenceQuery {
                        after,
                        ..PresenceQuery::default()
                    },
                )
                .unwrap()
            });
            assert!(
                rooms.len() > 50 && presences.len() > 50,
                "{} {}",
                rooms.len(),
                presences.len()
            );
            (
                folder,
                (
                    index,
                    events.into_iter().map(|(e, _)| e).collect(),
                    rooms,
                    presences,
                ),
            )
        })
        .1
}

const MAX: usize = crate::query::MAX_PAGE;

fn empty() -> (TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path(), CACHE_BYTES, log()).unwrap();
    (folder, index)
}

/// A journal of the first [`EVENTS`] samples.
fn log() -> Arc<Log> {
    static LOG: OnceLock<Arc<Log>> = OnceLock::new();
    LOG.get_or_init(|| journal((0..EVENTS).map(event))).clone()
}

fn journal(events: impl Iterator<Item = domain::Event>) -> Arc<Log> {
    let options = JournalOptions {
        dir: "/j".into(),
        ballast: "/ballast".into(),
        segment_bytes: 64 * 1024,
        ballast_bytes: 0,
    };
    let disk = Arc::new(SimulatedDisk::default());
    let (mut journal, _) = Journal::open(disk, options).unwrap();
    for (event, n) in events.zip(1..) {
        journal.append(&event).unwrap();
        if n % 100 == 0 {
            journal.commit().unwrap();
        }
    }
    journal.commit().unwrap();
    journal.log().clone()
}

fn stored(count: u64) -> Vec<(StoredEvent, Hash)> {
    (1..=count)
        .map(|n| {
            (
                StoredEvent {
                    sequence: n,
                    event: event(n - 1),
                },
                [n as u8; 32],
            )
        })
        .collect()
}
