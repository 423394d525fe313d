//! A ward at night, for tests: a box with rooms, devices, alarms and something to explain.
#![expect(
    clippy::unnecessary_wraps,
    reason = "answers are given as they come from a box"
)]

use crate::action::{Action, Clock, Heard, Request};
use crate::keys::KeyMap;
use crate::look::{Colours, Look};
use crate::model::{Manners, Model};
use crate::station::Station;
use crate::update::update;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use wire::admin::*;
use wire::{EventView, Value};

/// 2026-11-27 02:14:07 UTC.
pub(crate) const NOW_MS: u64 = 1_795_745_647_000;

pub(crate) const UNICODE: Look = Look {
    colours: Colours::Many,
    ascii: false,
    contrast: false,
    blink: true,
};
pub(crate) const ASCII: Look = Look {
    colours: Colours::Sixteen,
    ascii: true,
    contrast: false,
    blink: true,
};
pub(crate) const MONO: Look = Look {
    colours: Colours::None,
    ascii: false,
    contrast: false,
    blink: true,
};

pub(crate) fn manners(look: Look) -> Manners {
    Manners {
        look,
        zone: TimeZone::UTC,
        lock_after_ms: 10 * 60_000,
        keys: KeyMap::new(&BTreeMap::new()).expect("the table"),
    }
}

pub(crate) fn clock(after_ms: u64) -> Clock {
    Clock {
        now_ms: 1_000_000 + after_ms,
        wall_ms: NOW_MS + after_ms,
    }
}

/// A console that has heard nothing yet.
pub(crate) fn empty(look: Look) -> Model {
    let station = Station::new("BOX-1", "unix:/run/ringward/admin.sock", false, "mlee");
    Model::new(vec![station], manners(look), clock(0), 7)
}

/// A console in the middle of the night.
pub(crate) fn night(look: Look) -> Model {
    let mut model = empty(look);
    model.started_wall_ms = NOW_MS - 4 * 3_600_000;
    hear(&mut model, Heard::Frame(Box::new(frame(NOW_MS, ward()))));
    hear(&mut model, Heard::Audit(Ok(audit())));
    hear(&mut model, Heard::Events(Ok(events())));
    hear(&mut model, Heard::Devices(Ok(vec![detail(), er()])));
    hear(&mut model, Heard::Attempts(Ok(vec![why().attempt])));
    tick(&mut model, 400);
    model
}

pub(crate) fn hear(model: &mut Model, heard: Heard) -> Vec<Request> {
    update(model, Action::Heard(0, heard))
}

pub(crate) fn tick(model: &mut Model, after_ms: u64) -> Vec<Request> {
    update(model, Action::Tick(clock(after_ms)))
}

/// Presses keys, a tenth of a second apart: `2 j Enter`.
pub(crate) fn press(model: &mut Model, keys: &str) -> Vec<Request> {
    let mut requests = Vec::new();
    for key in keys.split_whitespace() {
        let now_ms = model.clock.now_ms + 100;
        requests.extend(tick(model, now_ms - 1_000_000));
        requests.extend(update(model, Action::Key(key.parse().expect(key))));
    }
    requests
}

/// Types a line into the palette and sends it.
pub(crate) fn say(model: &mut Model, line: &str) -> Vec<Request> {
    update(model, Action::Key(":".parse().expect("a key")));
    update(model, Action::Paste(line.to_owned()));
    update(model, Action::Key("Enter".parse().expect("a key")))
}

/// What the box answers when an action worked.
pub(crate) fn done(detail: &str) -> Result<ActionAnswer, String> {
    Ok(ActionAnswer {
        audit: 88_232,
        outcome: Outcome::Done,
        detail: detail.to_owned(),
        took_ms: 212,
        waits_until_ms: None,
    })
}

/// Arms the console.
pub(crate) fn arm(model: &mut Model) {
    let tag = say(model, "arm")
        .iter()
        .find_map(|request| match request {
            Request::Act { tag, .. } => Some(*tag),
            _ => None,
        })
        .expect("an action");
    hear(
        model,
        Heard::Answer {
            tag,
            answer: done("for 10 minutes"),
        },
    );
    model.toast = None;
}

pub(crate) fn frame(at_ms: u64, change: Change) -> Frame {
    Frame {
        sequence: 1,
        at_ms,
        change,
    }
}

pub(crate) fn snapshot(rooms: Vec<LiveRoom>) -> Change {
    Change::Snapshot {
        role: Role::Admin,
        health: Box::default(),
        rooms,
        alarms: Vec::new(),
        score: AlarmScore::default(),
    }
}

pub(crate) fn room(sid: &str, name: &str) -> LiveRoom {
    LiveRoom {
        sid: sid.to_owned(),
        name: name.to_owned(),
        created_at_ms: NOW_MS - 42 * 60_000,
        people: 2,
        devices: 0,
        waiting: 0,
        path: Some(Path::Udp),
        loss_permille: Some(0),
        rtt_ms: Some(18),
        recording: false,
        hold: false,
        locked: false,
        alarm: None,
        flags: Vec::new(),
        ward: name.split_once('-').map(|(ward, _)| ward.to_owned()),
        end_requests: Vec::new(),
        card_holders: Vec::new(),
    }
}

fn ward() -> Change {
    let mut rooms = vec![
        LiveRoom {
            people: 3,
            devices: 2,
            loss_permille: Some(4),
            recording: true,
            alarm: Some("LOSS:RM_aaaaaaaa7F3A".to_owned()),
            ..room("RM_aaaaaaaa7F3A", "ICU-07")
        },
        LiveRoom {
            created_at_ms: NOW_MS - 70 * 60_000,
            devices: 1,
            waiting: 1,
            path: Some(Path::TurnTls),
            loss_permille: Some(32),
            rtt_ms: Some(92),
            flags: vec!["poor".to_owned()],
            ..room("RM_aaaaaaaa91C0", "ER-2")
        },
        LiveRoom {
            created_at_ms: NOW_MS - 451 * 60_000,
            people: 0,
            devices: 1,
            path: None,
            loss_permille: None,
            rtt_ms: None,
            flags: vec!["empty".to_owned()],
            ..room("RM_aaaaaaaa22B8", "CONS-5")
        },
    ];
    rooms.extend((1..=11).map(|n| LiveRoom {
        created_at_ms: NOW_MS - n * 7 * 60_000,
        rtt_ms: Some(10 + n as u32),
        ..room(&format!("RM_aaaaaaaaW{n:03}"), &format!("WARD-{n}"))
    }));
    Change::Snapshot {
        role: Role::Admin,
        health: Box::new(health()),
        rooms,
        alarms: alarms(),
        score: AlarmScore {
            per_hour: 4,
            per_ten_minutes: 2,
            chattering: 0,
            stale: 1,
        },
    }
}

pub(crate) fn alarms() -> Vec<AlarmView> {
    vec![
        alarm(
            "AUDIT-UNWRITABLE",
            "box",
            Priority::High,
            AlarmState::Unacknowledged,
            3,
        ),
        AlarmView {
            cause: "5 of 6 clients of this subnet cannot reach the box over UDP".to_owned(),
            consequence: "their media goes through TLS, with more delay, or not at all".to_owned(),
            action: "D for the line to forward to the network team".to_owned(),
            by: Some("mlee".to_owned()),
            count: 5,
            ..alarm(
                "UDP-BLOCK",
                "10.30.0.0/24",
                Priority::Medium,
                AlarmState::Acknowledged,
                16,
            )
        },
        AlarmView {
            cause: "more than 5 % loss for 30 s".to_owned(),
            action: "look at the worst participant of the room".to_owned(),
            ..alarm(
                "LOSS",
                "RM_aaaaaaaa7F3A",
                Priority::Medium,
                AlarmState::Returned,
                9,
            )
        },
        AlarmView {
            cause: "the last backup is 30 h old".to_owned(),
            action: "look at the backup's journal".to_owned(),
            until_ms: Some(NOW_MS + 3_600_000),
            by: Some("mlee".to_owned()),
            ..alarm(
                "BACKUP-LATE",
                "box",
                Priority::Low,
                AlarmState::Shelved,
                200,
            )
        },
    ]
}

pub(crate) fn alarm(
    code: &str,
    subject: &str,
    priority: Priority,
    state: AlarmState,
    minutes: u64,
) -> AlarmView {
    AlarmView {
        id: format!("{code}:{subject}"),
        code: code.to_owned(),
        priority,
        subject: subject.to_owned(),
        state,
        raised_at_ms: NOW_MS - minutes * 60_000,
        cause: "the audit journal could not be synced".to_owned(),
        consequence: "no operator can end anything except in an emergency".to_owned(),
        action: "free disk space, then look at screen 6".to_owned(),
        time_allowed_s: 600,
        by: None,
        reason: None,
        silenced_until_ms: None,
        until_ms: None,
        count: 1,
    }
}

fn health() -> BoxView {
    BoxView {
        name: "box-1".to_owned(),
        version: "0.1.0".to_owned(),
        started_at_ms: NOW_MS - 41 * 86_400_000,
        ready: true,
        draining: false,
        problems: vec!["the audit journal could not be synced".to_owned()],
        backend: "io_uring".to_owned(),
        cores: vec![
            CoreView {
                busy_percent: 31,
                peers: 40,
                rooms: 8,
            },
            CoreView {
                busy_percent: 44,
                peers: 21,
                rooms: 6,
            },
        ],
        cpu_percent: 75,
        memory_bytes: 640 << 20,
        descriptors: 212,
        descriptors_max: 65_536,
        rooms: 14,
        participants: 27,
        packets_per_second: 18_400,
        dropped_in: 0,
        dropped_out: 0,
        disk: Some(DiskView {
            total_bytes: 500 << 30,
            free_bytes: 145 << 30,
            full_in_days: Some(19),
        }),
        fsync_p99_ms: Some(6.1),
        certificates: vec![
            CertificateView {
                role: "web".to_owned(),
                subject: "box-1.hospital.example".to_owned(),
                expires_at_ms: NOW_MS + 61 * 86_400_000,
            },
            CertificateView {
                role: "ca".to_owned(),
                subject: "Ringward internal CA".to_owned(),
                expires_at_ms: NOW_MS + 20 * 86_400_000,
            },
        ],
        clock_offset_ms: Some(0.2),
        backup_at_ms: Some(NOW_MS - 30 * 3_600_000),
        webhooks_waiting: 2,
        events: 88_412,
        ports: vec![
            "443/tcp".to_owned(),
            "7882/udp".to_owned(),
            "7883/udp".to_owned(),
        ],
        paths: [19, 4, 4],
        hour: (0..60)
            .map(|n| if n < 8 { 0 } else { 8 + (n * 7 % 11) })
            .collect(),
    }
}

pub(crate) fn participant(sid: &str, identity: &str, role: &str) -> LiveParticipant {
    LiveParticipant {
        sid: sid.to_owned(),
        identity: identity.to_owned(),
        role: role.to_owned(),
        state: "active".to_owned(),
        joined_at_ms: NOW_MS - 41 * 60_000,
        path: Path::Udp,
        up_kbps: 1_800,
        down_kbps: 3_100,
        loss_permille: Some(2),
        jitter_ms: Some(4),
        rtt_ms: Some(18),
        silent_ms: Some(30),
        quality: Some("excellent".to_owned()),
        tracks: Vec::new(),
    }
}

fn track(sid: &str, source: &str, mime_type: &str, width: u32, height: u32) -> LiveTrack {
    LiveTrack {
        sid: sid.to_owned(),
        source: source.to_owned(),
        kind: if height > 0 { "video" } else { "audio" }.to_owned(),
        mime_type: mime_type.to_owned(),
        muted: false,
        width,
        height,
    }
}

/// The intensive care room with everybody in it.
pub(crate) fn detail() -> RoomDetail {
    let Change::Snapshot { rooms, .. } = ward() else {
        unreachable!("a snapshot")
    };
    RoomDetail {
        room: rooms.into_iter().next().expect("a room"),
        participants: vec![
            LiveParticipant {
                tracks: vec![
                    track("TR_aaaaaaaacam1", "camera", "video/VP8", 1_280, 720),
                    track("TR_aaaaaaaamic1", "microphone", "audio/opus", 0, 0),
                ],
                ..participant("PA_aaaaaaaadr44", "dr-4410", "standard")
            },
            LiveParticipant {
                path: Path::TurnTls,
                up_kbps: 420,
                down_kbps: 900,
                loss_permille: Some(61),
                jitter_ms: Some(21),
                quality: Some("poor".to_owned()),
                tracks: vec![LiveTrack {
                    muted: true,
                    ..track("TR_aaaaaaaamic2", "microphone", "audio/opus", 0, 0)
                }],
                ..participant("PA_aaaaaaaapt47", "pat-4711", "standard")
            },
            LiveParticipant {
                up_kbps: 4_200,
                down_kbps: 0,
                tracks: vec![track(
                    "TR_aaaaaaaascop",
                    "camera",
                    "video/H264",
                    1_920,
                    1_080,
                )],
                ..participant("PA_aaaaaaaaotos", "otoscope-03", "device")
            },
            LiveParticipant {
                up_kbps: 0,
                down_kbps: 0,
                silent_ms: Some(6_200),
                quality: None,
                ..participant("PA_aaaaaaaaspo2", "spo2-14", "device")
            },
        ],
    }
}

fn er() -> RoomDetail {
    let Change::Snapshot { rooms, .. } = ward() else {
        unreachable!("a snapshot")
    };
    RoomDetail {
        room: rooms.into_iter().nth(1).expect("a room"),
        participants: vec![LiveParticipant {
            up_kbps: 128,
            ..participant("PA_aaaaaaaastet", "steth-09", "device")
        }],
    }
}

fn audit() -> AuditPage {
    let entry = |sequence, minutes: u64, act: &str, phase, reason: &str, detail: &str| AuditEntry {
        sequence,
        at_ms: NOW_MS - minutes * 60_000,
        actor: if phase == AuditPhase::Outcome {
            "system"
        } else {
            "mlee"
        }
        .to_owned(),
        act: act.to_owned(),
        target: "RM_aaaaaaaa88D1".to_owned(),
        phase,
        reason: reason.to_owned(),
        detail: detail.to_owned(),
    };
    AuditPage {
        items: vec![
            entry(
                88_231,
                5,
                "end",
                AuditPhase::Outcome,
                "done",
                "3 transports in 212 ms, record kept",
            ),
            entry(88_230, 5, "end", AuditPhase::Intent, "stuck_empty", ""),
            entry(88_229, 6, "arm", AuditPhase::Fact, "requested", "10 min"),
        ],
        next: None,
        chain: ChainView {
            verified: 88_231,
            problem: None,
        },
    }
}

fn events() -> Vec<EventView> {
    let event = |sequence, minutes: u64, kind: &str, actor: &str| EventView {
        sequence,
        at_ms: NOW_MS - minutes * 60_000,
        event_type: kind.to_owned(),
        room: "ICU-07".to_owned(),
        room_sid: "RM_aaaaaaaa7F3A".to_owned(),
        actor: Some(actor.to_owned()),
        actor_sid: Some("PA_aaaaaaaapt47".to_owned()),
        peer: None,
        data: BTreeMap::from([("source".to_owned(), Value::Text("camera".to_owned()))]),
    };
    vec![
        event(412, 2, "video_paused", "pat-4711"),
        event(411, 30, "occupant_joined", "pat-4711"),
        event(410, 41, "occupant_joined", "dr-4410"),
    ]
}

pub(crate) fn why() -> WhyView {
    let stage = |stage, grade, evidence: &str| StageView {
        stage,
        grade,
        evidence: evidence.to_owned(),
    };
    WhyView {
        attempt: AttemptView {
            id: "CA_aaaaaaaa0001".to_owned(),
            at_ms: NOW_MS - 120_000,
            identity: Some("pat-4712".to_owned()),
            room: Some("ICU-07".to_owned()),
            sid: Some("PA_aaaaaaaapt48".to_owned()),
            remote: "10.30.0.17".to_owned(),
            subnet: "10.30.0.0/24".to_owned(),
            client: Some("chromium 156".to_owned()),
            device: Some("iPad".to_owned()),
            stages: vec![
                stage(Stage::Reach, Grade::Pass, "from 10.30.0.17"),
                stage(Stage::Tls, Grade::Pass, "TLS 1.3"),
                stage(Stage::Signal, Grade::Pass, ""),
                stage(Stage::Token, Grade::Pass, "clock +0.3 s"),
                stage(Stage::Admission, Grade::Pass, ""),
                stage(Stage::Codec, Grade::Pass, "opus, VP8"),
                stage(
                    Stage::Udp,
                    Grade::Warn,
                    "no check from 10.30.0.0/24 reached 7882/udp in 10 s",
                ),
                stage(Stage::Tcp, Grade::Skip, ""),
                stage(Stage::Turn, Grade::Pass, "443"),
                stage(Stage::Dtls, Grade::Pass, ""),
                stage(Stage::Up, Grade::Fail, "0 packets in 10 s"),
                stage(Stage::Down, Grade::Skip, ""),
                stage(Stage::Client, Grade::Fail, "NotAllowedError for the camera"),
            ],
        },
        finding: Some(Finding {
            code: "PERMISSION-REFUSED".to_owned(),
            stage: Stage::Client,
            evidence: "the browser says that the camera was refused".to_owned(),
            say: "Tap aA in the address line, then Website Settings, then Camera: Allow."
                .to_owned(),
            network: "nothing for the network team: the path over TLS works".to_owned(),
        }),
        groups: vec![Group {
            by: "subnet".to_owned(),
            value: "10.30.0.0/24".to_owned(),
            failed: 5,
            of: 6,
        }],
    }
}
