#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;

/// What is raised, without the codes' delays: a cause that has not lasted is on its way.
fn raised(observed: &Observed<'_>) -> Vec<String> {
    let board = AlarmBoard::in_memory();
    judge(&board, observed);
    board.observed()
}

fn disk(total_bytes: u64, free_bytes: u64, full_in_days: Option<u32>) -> MachineReading {
    MachineReading {
        disk: Some(DiskView {
            total_bytes,
            free_bytes,
            full_in_days,
        }),
        ..MachineReading::default()
    }
}

fn machine(machine: MachineReading) -> Observed<'static> {
    Observed {
        machine,
        ..Observed::default()
    }
}

fn time(time: TimeService) -> Observed<'static> {
    machine(MachineReading {
        time: Some(time),
        ..MachineReading::default()
    })
}

fn descriptors(open: u64) -> Observed<'static> {
    machine(MachineReading {
        descriptors: Some(open),
        descriptors_max: Some(1_000),
        ..MachineReading::default()
    })
}

#[test]
fn each_machine_fault_is_its_own_alarm_from_its_boundary_on() {
    let drops = |dropped_lately| {
        machine(MachineReading {
            dropped_lately,
            ..MachineReading::default()
        })
    };
    let step = |step_ms| {
        machine(MachineReading {
            step_ms: Some(step_ms),
            ..MachineReading::default()
        })
    };
    for (name, observed, want) in [
        ("nothing is known", Observed::default(), None),
        ("a week left", machine(disk(1_000, 500, Some(7))), None),
        (
            "less than a week",
            machine(disk(1_000, 500, Some(6))),
            Some("DISK-LOW"),
        ),
        ("5 % free", machine(disk(1_000, 50, None)), None),
        (
            "less than 5 %",
            machine(disk(1_000, 49, Some(300))),
            Some("DISK-LOW"),
        ),
        ("89 % of descriptors", descriptors(899), None),
        ("90 % of descriptors", descriptors(900), Some("FDS-LOW")),
        ("a hiccup", drops(DROPS_LATELY - 1), None),
        ("drops", drops(DROPS_LATELY), Some("RECEIVE-DROPS")),
        ("an hour back", step(-3_600_000), Some("CLOCK-STEP")),
        ("half a second off", time(TimeService::Offset(-500.0)), None),
        (
            "more",
            time(TimeService::Offset(500.1)),
            Some("CLOCK-UNSYNCED"),
        ),
        (
            "no server",
            time(TimeService::Unsynchronised),
            Some("CLOCK-UNSYNCED"),
        ),
    ] {
        let want: Vec<String> = want.map(str::to_owned).into_iter().collect();
        assert_eq!(raised(&observed), want, "{name}");
    }
}

#[test]
fn a_worker_that_stopped_is_down_and_not_busy() {
    let worker = |busy_percent, down| WorkerReading {
        busy_percent,
        rooms: 4,
        peers: 9,
        down,
    };
    let workers = [worker(89, false), worker(90, false), worker(100, true)];
    let observed = Observed {
        workers: &workers,
        ..Observed::default()
    };
    assert_eq!(
        raised(&observed),
        ["MEDIA-DOWN:media-2", "MEDIA-BUSY:media-1"]
    );
}

#[test]
fn a_certificate_expires_once_and_is_announced_thirty_days_before() {
    let now_ms: u64 = 1_700_000_000_000;
    for (name, left_ms, want) in [
        ("thirty days", 30 * DAY_MS as i64, None),
        ("less", 30 * DAY_MS as i64 - 1, Some("CERT-30D:web")),
        ("this moment", 0, Some("CERT-30D:web")),
        ("past", -1, Some("CERT-EXPIRED:web")),
    ] {
        let certificates = [CertificateView {
            role: "web".to_owned(),
            subject: "box.hospital.example".to_owned(),
            expires_at_ms: now_ms.wrapping_add_signed(left_ms),
        }];
        let observed = Observed {
            certificates: &certificates,
            now_ms,
            ..Observed::default()
        };
        let want: Vec<String> = want.map(str::to_owned).into_iter().collect();
        assert_eq!(raised(&observed), want, "{name}");
    }
}

#[test]
fn what_the_store_the_ring_webhooks_and_backups_say_is_raised() {
    let now_ms: u64 = 1_700_000_000_000;
    let observed = Observed {
        store_unwritable: Some("no space left"),
        store_damaged: Some("2 events are gone"),
        audit_unwritable: Some("no space left"),
        certificate_refused: Some("web.key does not belong"),
        ring_refused: Some("seccomp forbids it"),
        webhooks_stuck: Some(3),
        backup_at_ms: Some(now_ms - 27 * HOUR_MS),
        now_ms,
        ..Observed::default()
    };
    let want = [
        "AUDIT-UNWRITABLE",
        "STORE-UNWRITABLE",
        "CERT-REFUSED",
        "STORE-DAMAGED",
        "BACKUP-LATE",
        "RING-FALLBACK",
        "WEBHOOKS-LATE",
    ];
    assert_eq!(raised(&observed), want);
    let fresh = Observed {
        backup_at_ms: Some(now_ms - 26 * HOUR_MS),
        now_ms,
        ..Observed::default()
    };
    assert_eq!(raised(&fresh), [""; 0]);
}

#[test]
fn people_who_lose_packets_are_one_alarm_per_network() {
    let board = AlarmBoard::in_memory();
    let observed = |losses: &[(&str, u32)]| Observed {
        losses: losses
            .iter()
            .map(|(net, count)| ((*net).to_owned(), *count))
            .collect(),
        ..Observed::default()
    };
    judge(
        &board,
        &observed(&[("10.30.0.0/24", 5), ("10.31.0.0/24", 1)]),
    );
    assert_eq!(board.observed(), ["LOSS:10.30.0.0/24", "LOSS:10.31.0.0/24"]);
    judge(&board, &observed(&[("10.31.0.0/24", 1)]));
    assert_eq!(board.observed(), ["LOSS:10.31.0.0/24"]);
}

#[test]
fn a_network_without_udp_is_one_alarm_until_somebody_gets_through() {
    let board = AlarmBoard::in_memory();
    let observed = |blocked: &[(&str, u32)]| Observed {
        blocked: blocked
            .iter()
            .map(|(net, count)| ((*net).to_owned(), *count))
            .collect(),
        ..Observed::default()
    };
    judge(&board, &observed(&[("10.30.0.0/24", 5)]));
    assert_eq!(board.observed(), ["UDP-BLOCK:10.30.0.0/24"]);
    judge(&board, &observed(&[]));
    assert_eq!(board.observed(), [""; 0]);
}

#[test]
fn a_certificate_whose_time_has_not_come_is_refused_by_clients_too() {
    let certificates = [CertificateView {
        role: "web".to_owned(),
        subject: "box".to_owned(),
        expires_at_ms: u64::MAX,
    }];
    let observed = Observed {
        certificates: &certificates,
        certificate_invalid: Some("is not valid yet"),
        ..Observed::default()
    };
    assert_eq!(raised(&observed), ["CERT-EXPIRED:web"]);
}

#[test]
fn what_lasts_is_told_in_the_same_words() {
    // An alarm whose words change every second would be sent to every console every second.
    let board = AlarmBoard::in_memory();
    let expiring = |left_ms: u64| {
        [CertificateView {
            role: "web".to_owned(),
            subject: "box".to_owned(),
            expires_at_ms: 1_000 + left_ms,
        }]
    };
    let mut told = Vec::new();
    for second in 0..3 {
        let certificates = expiring(5 * DAY_MS - second);
        let observed = Observed {
            certificates: &certificates,
            now_ms: 1_000,
            ..Observed::default()
        };
        judge(&board, &observed);
        told.push(board.alarms());
    }
    assert_eq!(told.len(), 3);
    let [first, second, third] = told.try_into().unwrap_or_else(|_| panic!("three"));
    assert_eq!(second, third);
    assert_eq!(first.len(), 1);
}
