//! Whatever was recorded: nothing panics, and the cause is that of the earliest stage that fails.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use ringward_attempt::*;
use vocab::{TrackKey, UnixMillis};

fn time() -> impl Strategy<Value = UnixMillis> {
    prop_oneof![Just(0), 0..20_000_u64, Just(u64::MAX)].prop_map(UnixMillis)
}

fn token() -> impl Strategy<Value = Token> {
    let outcome = prop_oneof![
        Just(TokenOutcome::Valid),
        Just(TokenOutcome::Missing),
        Just(TokenOutcome::UnknownKey),
        Just(TokenOutcome::Expired),
        Just(TokenOutcome::NotYet),
    ];
    let number = prop_oneof![Just(i64::MIN), -100..100_i64, Just(i64::MAX)];
    (outcome, option::of(number), any::<bool>()).prop_map(|(outcome, age, always)| Token {
        outcome,
        issuer: None,
        age_secs: age,
        expired_secs: age,
        starts_in_secs: age,
        always_this_old: always,
    })
}

fn admission() -> impl Strategy<Value = Admission> {
    prop_oneof![
        4 => time().prop_map(Admission::Admitted),
        1 => Just(Admission::Locked),
        1 => Just(Admission::Draining),
    ]
}

fn pair() -> impl Strategy<Value = Pair> {
    let protocol = prop_oneof![
        Just(Protocol::Udp),
        Just(Protocol::Tcp),
        Just(Protocol::Turn)
    ];
    (protocol, time(), any::<u32>(), any::<bool>()).prop_map(|(protocol, at, checks, nominated)| {
        Pair {
            remote: ([10, 0, 0, 7], 5_000).into(),
            protocol,
            at,
            checks,
            answered: checks,
            nominated,
        }
    })
}

fn failure() -> impl Strategy<Value = Failure> {
    (0..5, time()).prop_map(|(which, at)| match which {
        0 => Failure::NoPath(at),
        1 => Failure::PathLost(at),
        2 => Failure::Dtls(at),
        3 => Failure::Closed(at),
        _ => Failure::Fault(at),
    })
}

fn dtls() -> impl Strategy<Value = Dtls> {
    (option::of(time()), any::<u32>(), any::<u16>(), 0..2_u32).prop_map(
        |(begun_at, received, size, unreadable)| Dtls {
            begun_at,
            received,
            largest_received: size,
            sent: received,
            largest_sent: size,
            unreadable,
        },
    )
}

prop_compose! {
    fn transport()(
        described_at in option::of(time()),
        udp in 0..2_u8,
        pairs in vec(pair(), 0..4),
        dtls in dtls(),
        connected_at in option::of(time()),
        failure in option::of(failure()),
        packets_down in prop_oneof![Just(0), Just(u64::MAX)],
        down_since in option::of(time()),
        unanswered_since in option::of(time()),
        refused in any::<bool>(),
    ) -> Transport {
        Transport {
            described_at,
            candidates: Candidates { udp, ..Candidates::default() },
            pairs,
            dtls,
            connected_at,
            failure,
            packets_up: packets_down,
            packets_down,
            down_since,
            unanswered_since,
            refused,
            ..Transport::default()
        }
    }
}

prop_compose! {
    fn record()(
        door in prop_oneof![Just(Door::None), Just(Door::Rtc), Just(Door::Whip)],
        at in time(),
        asked_at in option::of(time()),
        open_at in option::of(time()),
        closed in option::of(time()),
        cuts in any::<u32>(),
        stripped in any::<bool>(),
        token in option::of(token()),
        admission in option::of(admission()),
        transports in vec(transport(), 0..3),
        tracks in vec((any::<bool>(), time(), any::<bool>()), 0..3),
        words in btree_set(proptest::sample::select(Word::ALL.as_slice()), 0..4),
        ended in option::of(time()),
        tls in prop_oneof![
            3 => Just(Tls::Plain),
            1 => Just(Tls::Done),
            1 => Just(Tls::Refused(TlsFault::Untrusted)),
        ],
    ) -> Record {
        let mut record = Record::new("CA_1".to_owned(), door, at);
        record.signal = Signal { asked_at, open_at, cuts, stripped, ..Signal::default() };
        record.signal.closed = closed.map(|at| Closed { at, how: Closing::Cut });
        record.token = token;
        record.admission = admission;
        record.transports = transports;
        for (number, (muted, due, flows)) in (0..).zip(tracks) {
            record.media.publish(TrackKey(number), Kind::Audio, muted, due);
            if flows {
                record.media.flows(TrackKey(number), due);
            }
        }
        record.words = words;
        record.ended = ended.map(|at| Ended { at });
        record.tls = tls;
        record
    }
}

proptest! {
    #[test]
    fn the_earliest_stage_that_fails_is_named(record in record(), now in time()) {
        let diagnosis = diagnose(&record, now);
        let order: Vec<Stage> = diagnosis.stages.iter().map(|line| line.stage).collect();
        prop_assert_eq!(order.as_slice(), Stage::ALL.as_slice());
        let failing = diagnosis.stages.iter().find(|line| line.grade == Grade::Fail);
        prop_assert_eq!(
            diagnosis.finding.as_ref().map(|f| (f.stage, f.code)),
            failing.map(|line| (line.stage, line.code.unwrap()))
        );
        for line in &diagnosis.stages {
            // A code belongs to the stage that it is said of.
            if let Some(code) = line.code {
                prop_assert_eq!(code.stage(), line.stage);
            }
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written(record in record()) {
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
