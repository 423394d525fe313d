#![allow(
    clippy::disallowed_methods,
    clippy::unchecked_time_subtraction,
    reason = "tests begin somewhere"
)]

use super::*;
use crate::event::{Actor, EndReason};
use proptest::prelude::*;

const PEOPLE: [&str; 3] = ["mlee", "jdoe", "uid:0"];

fn request(target: usize, by: &str) -> EndRequest {
    EndRequest {
        target: Target::Room(format!("RM_{target}").as_str().into()),
        room: format!("RM_{target}").as_str().into(),
        by: by.to_owned(),
        intent: Some(1),
        at: UnixMillis(0),
    }
}

fn event(target: usize, data: EventData, left: Option<&str>) -> Event {
    Event {
        at: UnixMillis(1),
        room: request(target, "").room,
        room_name: "ward".into(),
        actor: left.map(|sid| Actor {
            identity: "somebody".into(),
            sid: sid.into(),
        }),
        peer: None,
        data,
    }
}

fn lapsed(requests: &mut EndRequests) -> Vec<(EndRequest, Lapse)> {
    std::iter::from_fn(|| requests.poll_lapsed()).collect()
}

#[test]
fn a_second_person_is_somebody_else_within_five_minutes() {
    let (began, second) = (Instant::now(), Duration::from_secs(1));
    for (name, by, after, want) in [
        ("at once", "jdoe", Duration::ZERO, true),
        ("in time", "jdoe", SECOND_PERSON - second, true),
        ("too late", "jdoe", SECOND_PERSON, false),
        ("the same person", "mlee", Duration::ZERO, false),
    ] {
        let mut requests = EndRequests::default();
        assert_eq!(requests.ask(request(1, "mlee"), began), Verdict::Asked);
        let verdict = requests.ask(request(1, by), began + after);
        assert_eq!(matches!(verdict, Verdict::Agreed(_)), want, "{name}");
    }
}

#[test]
fn asking_again_renews_nothing() {
    let (mut requests, began) = (EndRequests::default(), Instant::now());
    requests.ask(request(1, "mlee"), began);
    for second in 0..300 {
        let verdict = requests.ask(request(1, "mlee"), began + Duration::from_secs(second));
        assert!(matches!(verdict, Verdict::Again(_)), "{second}");
    }
    let late = requests.ask(request(1, "jdoe"), began + SECOND_PERSON);
    assert_eq!(late, Verdict::Asked, "the first one lapsed");
    assert_eq!(
        lapsed(&mut requests),
        [(request(1, "mlee"), Lapse::TooLate)]
    );
}

#[test]
fn what_needs_no_second_person_any_more_lapses_and_nothing_else_does() {
    let left = || EventData::OccupantLeft {
        reason: EndReason::ClientInitiated,
        duration_ms: 1,
    };
    let destroyed = || EventData::RoomDestroyed {
        reason: EndReason::RoomEmpty,
    };
    for (name, event, want) in [
        (
            "released",
            event(1, EventData::RoomReleased, None),
            Some(Lapse::Released),
        ),
        ("ended", event(1, destroyed(), None), Some(Lapse::Ended)),
        ("left", event(1, left(), Some("PA_1")), Some(Lapse::Ended)),
        ("somebody else left", event(1, left(), Some("PA_2")), None),
        ("another room", event(2, destroyed(), None), None),
        ("held again", event(1, EventData::RoomHeld, None), None),
    ] {
        let mut requests = EndRequests::default();
        let person = EndRequest {
            target: Target::Participant("PA_1".into()),
            ..request(1, "mlee")
        };
        requests.ask(person.clone(), Instant::now());
        requests.handle_event(&event);
        let lapsed: Vec<_> = lapsed(&mut requests)
            .into_iter()
            .map(|(_, why)| why)
            .collect();
        assert_eq!(lapsed.first().copied(), want, "{name}");
        assert_eq!(
            requests.of_room(&person.room).count(),
            usize::from(want.is_none()),
            "{name}"
        );
    }
}

#[test]
fn more_than_there_is_room_for_is_refused_and_what_waits_is_still_agreed_to() {
    let (mut requests, now) = (EndRequests::default(), Instant::now());
    for target in 0..MAX_END_REQUESTS {
        assert_eq!(requests.ask(request(target, "mlee"), now), Verdict::Asked);
    }
    let more = request(MAX_END_REQUESTS, "mlee");
    assert_eq!(requests.ask(more, now), Verdict::TooMany);
    let agreed = requests.ask(request(7, "jdoe"), now);
    assert_eq!(agreed, Verdict::Agreed(request(7, "mlee")));
}

/// What happens to the machine and to its model.
#[derive(Debug, Clone)]
enum Step {
    Ask { target: usize, by: usize },
    Release(usize),
    Pass(Duration),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3usize, 0..PEOPLE.len()).prop_map(|(target, by)| Step::Ask { target, by }),
        1 => (0..3usize).prop_map(Step::Release),
        3 => (0..200u64).prop_map(|seconds| Step::Pass(Duration::from_secs(seconds))),
    ];
    proptest::collection::vec(step, 1..60)
}

/// One line per thing, in words that are easy to believe: who asked, and when.
#[derive(Default)]
struct Model([Option<(usize, Duration)>; 3]);

impl Model {
    fn ask(&mut self, target: usize, by: usize, at: Duration) -> &'static str {
        let open = self.0[target].filter(|(_, asked)| at - *asked < SECOND_PERSON);
        self.0[target] = match open {
            Some((before, _)) if before != by => None,
            Some(open) => Some(open),
            None => Some((by, at)),
        };
        match open {
            Some((before, _)) if before == by => "again",
            Some(_) => "agreed",
            None => "asked",
        }
    }

    fn waiting(&self, at: Duration) -> usize {
        let open = self.0.iter().flatten();
        open.filter(|(_, asked)| at - *asked < SECOND_PERSON)
            .count()
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does_and_each_request_ends_once(steps in steps()) {
        let (mut requests, mut model) = (EndRequests::default(), Model::default());
        let (began, mut at) = (Instant::now(), Duration::ZERO);
        let (mut asked, mut ended) = (0, 0);
        for step in steps {
            match step {
                Step::Ask { target, by } => {
                    let verdict = requests.ask(request(target, PEOPLE[by]), began + at);
                    let said = match &verdict {
                        Verdict::Asked => "asked",
                        Verdict::Again(_) => "again",
                        Verdict::Agreed(first) => {
                            prop_assert_ne!(&first.by, PEOPLE[by]);
                            "agreed"
                        }
                        Verdict::TooMany => "too many",
                    };
                    prop_assert_eq!(said, model.ask(target, by, at));
                    asked += usize::from(said == "asked");
                    ended += usize::from(said == "agreed");
                }
                Step::Release(target) => {
                    requests.handle_timeout(began + at);
                    requests.handle_event(&event(target, EventData::RoomReleased, None));
                    model.0[target] = None;
                }
                Step::Pass(time) => {
                    at += time;
                    requests.handle_timeout(began + at);
                }
            }
            ended += lapsed(&mut requests).len();
            prop_assert_eq!(requests.waiting.len(), model.waiting(at));
            prop_assert_eq!(asked, ended + requests.waiting.len());
        }
    }
}
