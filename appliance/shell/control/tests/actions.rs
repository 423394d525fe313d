//! Actions against a real store: what survives, what is refused when nothing can be written, and
//! who is let in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

extern crate ringward_control as control;

use auth::{Claims, Grants};
use control::action::{
    ActError, Action, AlarmChange, AlarmDesk, AlarmVerdict, Answer, AuditPhase, AuditQuery,
    AuditRecord, DEFAULT_DEADLINE, Operator, Outcome, Reason, Role, StoredAudit, Target, Verb,
};
use control::session::{OpenSession, OpenSessionError};
use control::{ControlConfig, ControlHandle};
use crossbeam_channel::Sender;
use livekit_protocol::CreateRoomRequest;
use logbook::Logbook;
use media::{MediaCommand, MediaEvent, MediaPlane};
use signal::join::{Join, Query};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Store, StoreOptions};
use tempfile::TempDir;
use vocab::{Redacted, RoomSid, UnixMillis};

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<MediaCommand>>>);

impl MediaPlane for Recorder {
    fn send(&self, command: MediaCommand) {
        self.0.lock().unwrap().push(command);
    }
}

struct TestBox {
    control: ControlHandle,
    media: Recorder,
    logbook: Logbook,
    _events: Sender<MediaEvent>,
}

impl TestBox {
    fn start(folder: &Path) -> Self {
        let options = StoreOptions {
            ballast_bytes: 0,
            audit_ballast_bytes: 0,
            ..StoreOptions::default()
        };
        let (store, _) = Store::open_with(folder, UnixMillis(1), &options).unwrap();
        let (events, media_events) = crossbeam_channel::unbounded();
        let media = Recorder::default();
        let logbook = Logbook::detached();
        let config = ControlConfig {
            room: signal::RoomConfig::default(),
            auto_create: true,
            token_key: "devkey".to_owned(),
            token_secret: Redacted::new("secret".to_owned()),
            webhooks: false,
            facts: Vec::new(),
            logbook: logbook.clone(),
        };
        let plane = Box::new(media.clone());
        let control = control::start(config, store, plane, media_events).unwrap();
        Self {
            control,
            media,
            logbook,
            _events: events,
        }
    }

    async fn open(&self, name: &str) -> String {
        let request = CreateRoomRequest {
            name: name.to_owned(),
            ..CreateRoomRequest::default()
        };
        let made = self.control.run(move |c| c.create_room(request)).await;
        made.unwrap().unwrap().sid
    }

    async fn join(&self, room: &str, identity: &str) -> Result<OpenSession, OpenSessionError> {
        self.resume(room, identity, "").await
    }

    async fn resume(
        &self,
        room: &str,
        identity: &str,
        sid: &str,
    ) -> Result<OpenSession, OpenSessionError> {
        let attempt = self.logbook.begin(attempt::Door::Rtc, None);
        let join = join_of(room, identity, sid);
        self.control.open_session(join, attempt).await
    }

    async fn sid_of(&self, room: &str, identity: &str) -> String {
        let (room, identity) = (room.to_owned(), identity.to_owned());
        let found = self.control.run(move |c| c.participant(&room, &identity));
        found.await.unwrap().unwrap().sid
    }

    async fn act(&self, action: Action) -> Result<Answer, ActError> {
        self.act_by("uid:0", action).await
    }

    async fn act_by(&self, name: &str, action: Action) -> Result<Answer, ActError> {
        let by = Operator {
            name: name.to_owned(),
            role: Role::Admin,
        };
        self.control.act(action, by).await
    }

    async fn audit(&self) -> Vec<StoredAudit> {
        let query = AuditQuery {
            limit: 1_000,
            ..AuditQuery::default()
        };
        self.control.audit(query).await.unwrap().0.items
    }

    async fn lives(&self, room: &str) -> bool {
        let room = room.to_owned();
        self.control
            .run(move |c| c.room_now(&room))
            .await
            .unwrap()
            .is_some()
    }
}

#[tokio::test]
async fn holds_blocks_and_the_drain_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let first = TestBox::start(folder.path());
    let sid = first.open("ward").await;
    let _session = first.join("ward", "mallory").await.unwrap();
    let mallory = first.sid_of("ward", "mallory").await;
    let block = Action {
        minutes: Some(30),
        ..action(Verb::BlockRejoin, Target::Participant(mallory.into()))
    };
    for done in [
        action(Verb::Hold, Target::Room(sid.as_str().into())),
        block,
        action(Verb::Drain, Target::Box),
    ] {
        assert_eq!(first.act(done).await.unwrap().outcome, Outcome::Done);
    }
    let before = first.audit().await;
    let left = after_kill(&folder);

    let second = TestBox::start(left.path());
    assert!(second.control.status().draining);
    assert_eq!(second.audit().await, before);
    let purged = second.act(action(Verb::Purge, Target::Room(sid.as_str().into())));
    assert_eq!(purged.await.unwrap().outcome, Outcome::Refused);
    let undrained = second.act(action(Verb::Undrain, Target::Box)).await;
    assert_eq!(undrained.unwrap().outcome, Outcome::Done);
    let refused = second.join("ward", "mallory").await.err();
    assert_eq!(refused, Some(OpenSessionError::Blocked));
    second.join("ward", "alice").await.unwrap();
    second.join("icu", "mallory").await.unwrap();
}

#[tokio::test]
async fn who_is_blocked_stays_inside_and_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let session = a_box.join("ward", "mallory").await.unwrap();
    let sid = a_box.sid_of("ward", "mallory").await;
    let target = Target::Participant(sid.as_str().into());
    a_box
        .act(action(Verb::BlockRejoin, target.clone()))
        .await
        .unwrap();
    let resumed = a_box.resume("ward", "mallory", &sid);
    assert!(resumed.await.is_ok(), "the connection is resumed");
    let again = a_box.join("ward", "mallory").await.err();
    assert_eq!(again, Some(OpenSessionError::Blocked));
    let ended = a_box.act(action(Verb::End, target)).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Done, "{}", ended.detail);
    let again = a_box.join("ward", "mallory").await.err();
    assert_eq!(again, Some(OpenSessionError::Blocked));
    drop(session);
}

#[tokio::test]
async fn a_draining_box_keeps_its_calls_and_admits_nobody_new() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let _session = a_box.join("ward", "alice").await.unwrap();
    let sid = a_box.sid_of("ward", "alice").await;
    a_box.act(action(Verb::Drain, Target::Box)).await.unwrap();
    let resumed = a_box.resume("ward", "alice", &sid);
    assert!(resumed.await.is_ok(), "a resume");
    assert!(
        a_box.join("ward", "alice").await.is_ok(),
        "a client that starts over"
    );
    for room in ["ward", "icu"] {
        let refused = a_box.join(room, "bob").await.err();
        assert_eq!(refused, Some(OpenSessionError::Draining), "{room}");
    }
    assert!(!a_box.lives("icu").await, "no room is made for nobody");
}

#[tokio::test]
async fn without_an_audit_journal_only_what_protects_somebody_is_done() {
    let folder = damaged_audit().await;
    let a_box = TestBox::start(folder.path());
    let problem = a_box.control.status().audit_problem;
    assert!(problem.is_some(), "it is said before anybody needs it");
    let sid = a_box.open("ward").await;
    let on_ward = |verb, reason| Action {
        reason,
        ..action(verb, Target::Room(sid.as_str().into()))
    };
    for (verb, reason) in [
        (Verb::End, Reason::Requested),
        (Verb::End, Reason::Abuse),
        (Verb::Hold, Reason::Safety),
        (Verb::Purge, Reason::Safety),
    ] {
        let refused = a_box.act(on_ward(verb, reason)).await.unwrap_err();
        assert!(
            matches!(refused, ActError::AuditUnwritable(_)),
            "{verb:?} {reason:?}: {refused}"
        );
        assert!(a_box.lives("ward").await, "{verb:?} {reason:?}");
    }
    let fact = AuditRecord::fact("night", "login", "box", "");
    a_box.control.note_fact(fact).await.unwrap_err();

    let done = a_box.act(on_ward(Verb::End, Reason::Safety)).await.unwrap();
    assert_eq!((done.outcome, done.audit), (Outcome::Done, 0));
    assert!(done.detail.contains("owed"), "{}", done.detail);
    assert!(!a_box.lives("ward").await);
    let status = a_box.control.status();
    assert!(status.audit_problem.is_some(), "the alarm AUDIT-UNWRITABLE");
    assert!(status.ready, "calls go on, newcomers are admitted");
    a_box.join("ward", "alice").await.unwrap();
}

#[tokio::test]
async fn nobody_in_a_held_room_is_ended_by_one_person() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let _session = a_box.join("ward", "alice").await.unwrap();
    let room = a_box.open("ward").await;
    let alice = a_box.sid_of("ward", "alice").await;
    let end = || action(Verb::End, Target::Participant(alice.as_str().into()));
    let hold = action(Verb::Hold, Target::Room(room.as_str().into()));
    a_box.act(hold).await.unwrap();
    let first = a_box.act_by("mlee", end()).await.unwrap();
    assert_eq!(first.outcome, Outcome::Waiting, "{}", first.detail);
    assert_eq!(a_box.sid_of("ward", "alice").await, alice, "she is inside");
    let whole = action(Verb::End, Target::Room(room.as_str().into()));
    let other = a_box.act_by("jdoe", whole).await.unwrap();
    assert_eq!(other.outcome, Outcome::Waiting, "that is another End");
    let second = a_box.act_by("jdoe", end()).await.unwrap();
    assert_eq!(second.outcome, Outcome::Done, "{}", second.detail);
}

#[tokio::test]
async fn only_who_waits_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let _session = a_box.join("ward", "alice").await.unwrap();
    let alice = Target::Participant(a_box.sid_of("ward", "alice").await.as_str().into());
    let admit = || action(Verb::Admit, alice.clone());
    let inside = a_box.act(admit()).await.unwrap();
    assert_eq!(inside.outcome, Outcome::Already, "{}", inside.detail);
    a_box.act(action(Verb::End, alice.clone())).await.unwrap();
    // She never had a transport, so nothing is remembered of her.
    let gone = a_box.act(admit()).await;
    assert!(matches!(gone, Err(ActError::NotFound(_))), "{gone:?}");
}

#[tokio::test]
async fn for_safety_one_person_is_enough_and_an_alarm_tells_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let desk = Arc::new(OneAlarm::default());
    a_box.control.open_alarm_desk(desk.clone());
    let end = |sid: &str| Action {
        reason: Reason::Safety,
        ..action(Verb::End, Target::Room(sid.into()))
    };
    for (name, held, asked, broken) in [
        ("not held", false, None, false),
        ("held", true, None, true),
        (
            "held, and asked for by the same person",
            true,
            Some("mlee"),
            true,
        ),
        ("held, and asked for by another", true, Some("jdoe"), false),
    ] {
        let sid = a_box.open("ward").await;
        let room = Target::Room(sid.as_str().into());
        if held {
            a_box.act(action(Verb::Hold, room.clone())).await.unwrap();
        }
        if let Some(by) = asked {
            let first = a_box.act_by(by, action(Verb::End, room)).await.unwrap();
            assert_eq!(first.outcome, Outcome::Waiting, "{name}");
        }
        let done = a_box.act_by("mlee", end(&sid)).await.unwrap();
        assert_eq!(done.outcome, Outcome::Done, "{name}: {}", done.detail);
        let told = std::mem::take(&mut *desk.1.lock().unwrap());
        let want = broken.then(|| (RoomSid::new(sid.as_str()), done.audit));
        assert_eq!(told, Vec::from_iter(want), "{name}");
    }
}

#[tokio::test]
async fn past_its_deadline_an_end_is_forced_and_still_has_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let mut session = a_box.join("ward", "alice").await.unwrap();
    let sid = a_box.open("ward").await;
    let end = Action {
        deadline: Duration::ZERO,
        ..action(Verb::End, Target::Room(sid.as_str().into()))
    };
    let forced = a_box.act(end).await.unwrap();
    assert_eq!(forced.outcome, Outcome::Forced, "{}", forced.detail);
    let closes = |c: &MediaCommand| matches!(c, MediaCommand::CloseRoom { .. });
    assert!(a_box.media.0.lock().unwrap().iter().any(closes));
    while session.next().await.is_some() {}
    wait_for_index(&a_box).await;
    let past = a_box
        .control
        .room_session(sid.as_str().into())
        .await
        .unwrap();
    assert!(past.unwrap().destroyed_at.is_some());
    let [outcome, intent] = &a_box.audit().await[..] else {
        panic!("an intent and its outcome");
    };
    let halves = (intent.record.phase, outcome.record.phase);
    assert_eq!(halves, (AuditPhase::Intent, AuditPhase::Outcome));
    assert_eq!(outcome.record.of, Some(intent.sequence));
    let words = (&*intent.record.reason, &*outcome.record.reason);
    assert_eq!(words, ("test", "forced"));
}

#[tokio::test]
async fn a_room_of_an_earlier_run_has_ended_already() {
    let folder = tempfile::tempdir().unwrap();
    let first = TestBox::start(folder.path());
    let sid = first.open("ward").await;
    let left = after_kill(&folder);
    let second = TestBox::start(left.path());
    wait_for_index(&second).await;
    let ended = second.act(action(Verb::End, Target::Room(sid.as_str().into())));
    assert_eq!(ended.await.unwrap().outcome, Outcome::Already);
    let never = second
        .act(action(Verb::End, Target::Room("RM_never".into())))
        .await;
    assert!(matches!(never, Err(ActError::NotFound(_))), "{never:?}");
}

#[tokio::test]
async fn a_fact_is_answered_with_its_place_once_it_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let fact = AuditRecord {
        reason: "refused".to_owned(),
        ..AuditRecord::fact("night", "login", "box", "third try")
    };
    assert_eq!(a_box.control.note_fact(fact.clone()).await.unwrap(), 1);
    assert_eq!(a_box.control.note_fact(fact).await.unwrap(), 2);
    let entry = a_box.audit().await.remove(0);
    assert_eq!(entry.record.phase, AuditPhase::Fact);
    assert_eq!(
        (&*entry.record.reason, &*entry.record.detail),
        ("refused", "third try")
    );
}

/// The disk fails between an intent, a login beside it, and their common commit: neither is done,
/// neither is on record, and whom it was about stays.
#[tokio::test]
async fn a_login_and_an_intent_share_the_fate_of_their_commit() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let _session = a_box.join("ward", "alice").await.unwrap();
    let alice = a_box.sid_of("ward", "alice").await;
    // Entries are taken, their first file cannot be made.
    std::fs::remove_dir_all(folder.path().join("audit")).unwrap();
    // Both are in one batch: the thread is held until they wait.
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let holding = a_box.control.run(move |_| held.recv());
    let login = a_box
        .control
        .note_fact(AuditRecord::fact("night", "login", "box", ""));
    let end = a_box.act(action(
        Verb::End,
        Target::Participant(alice.as_str().into()),
    ));
    let release = async { let_go.send(()).unwrap() };
    let (_, login, end, ()) = tokio::join!(biased; holding, login, end, release);

    assert!(
        matches!(login, Err(control::note::NoteFactError::Unwritable(_))),
        "{login:?}"
    );
    assert!(matches!(end, Err(ActError::AuditUnwritable(_))), "{end:?}");
    assert_eq!(a_box.sid_of("ward", "alice").await, alice, "she is inside");
    assert!(a_box.control.status().audit_problem.is_some());
    assert_eq!(a_box.audit().await, []);
    let left = after_kill(&folder);
    std::fs::create_dir_all(left.path().join("audit")).unwrap();
    assert_eq!(TestBox::start(left.path()).audit().await, []);
}

#[derive(Default)]
struct OneAlarm(Mutex<Vec<AlarmChange>>, Mutex<Vec<(RoomSid, u64)>>);

impl AlarmDesk for OneAlarm {
    fn change(&self, change: &AlarmChange) -> AlarmVerdict {
        if change.id != "CERT-EXPIRED" {
            return AlarmVerdict::Unknown;
        }
        self.0.lock().unwrap().push(change.clone());
        AlarmVerdict::Done("acknowledged".to_owned())
    }

    fn glass_broken(&self, room: &RoomSid, audit: u64) {
        self.1.lock().unwrap().push((room.clone(), audit));
    }
}

#[tokio::test]
async fn alarms_are_changed_after_the_intent_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    let ack = |id: &str| action(Verb::Acknowledge, Target::Alarm(id.to_owned()));
    let nobody = a_box.act(ack("CERT-EXPIRED")).await.unwrap();
    assert_eq!(nobody.outcome, Outcome::Refused, "{}", nobody.detail);
    let desk = Arc::new(OneAlarm::default());
    a_box.control.open_alarm_desk(desk.clone());
    let done = a_box.act(ack("CERT-EXPIRED")).await.unwrap();
    assert_eq!(done.outcome, Outcome::Done);
    assert_eq!(
        a_box.act(ack("GONE")).await.unwrap().outcome,
        Outcome::Already
    );
    assert_eq!(desk.0.lock().unwrap()[0].by, "uid:0");
}

fn action(verb: Verb, target: Target) -> Action {
    Action {
        verb,
        target,
        reason: Reason::Test,
        note: String::new(),
        deadline: DEFAULT_DEADLINE,
        key: None,
        minutes: None,
    }
}

/// A join; with a sid, the resume of that presence.
fn join_of(room: &str, identity: &str, sid: &str) -> Join {
    let claims = Claims {
        sub: identity.to_owned(),
        video: Grants {
            room: room.to_owned(),
            room_join: true,
            ..Grants::default()
        },
        ..Claims::default()
    };
    let resume = if sid.is_empty() {
        String::new()
    } else {
        format!("&reconnect=1&sid={sid}")
    };
    let query = format!("auto_subscribe=1&sdk=js&version=2.0.0&protocol=15{resume}");
    Join::from_v0_query(claims, &Query::parse(&query).unwrap()).unwrap()
}

/// An audit journal with a rotten record before a good one.
async fn damaged_audit() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let a_box = TestBox::start(folder.path());
    for _ in 0..3 {
        let arm = action(Verb::Arm, Target::Box);
        a_box.act(arm).await.unwrap();
    }
    let folder = after_kill(&folder);
    let file = folder.path().join("audit").join(format!("{:020}.log", 1));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[64 + 64 + 3] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    folder
}

/// As the disk is at this moment, which is all that a kill leaves.
fn after_kill(folder: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_files(folder.path(), copy.path());
    copy
}

async fn wait_for_index(a_box: &TestBox) {
    let reader = a_box.control.reader().clone();
    let wait = move || reader.wait_for_index(Duration::from_mins(1));
    tokio::task::spawn_blocking(wait).await.unwrap();
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        // The index is rebuilt; a copy of a live one would be torn.
        match entry.file_name().to_str().unwrap() {
            "index" | "lock" => {}
            _ if entry.file_type().unwrap().is_dir() => {
                std::fs::create_dir(&target).unwrap();
                copy_files(&entry.path(), &target);
            }
            _ => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
