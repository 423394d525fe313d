//! What operators do: by id, by role, with a reason, written down before and after.

use crate::harness::{Answer, TestBox, answer_of, creates, joins, request};
use axum::body::Body;
use axum::http::Method;
use media::MediaCommand;
use serde_json::{Value, json};
use vocab::UnixMillis;
use wire::admin::Role;

/// Every verb with a target it fits and the least role that may do it.
const MATRIX: [(&str, &str, Role); 16] = [
    ("end", "room", Role::Operator),
    ("admit", "participant", Role::Operator),
    ("mute", "track", Role::Operator),
    ("hold", "room", Role::Admin),
    ("release", "room", Role::Admin),
    ("purge", "room", Role::Admin),
    ("block_rejoin", "participant", Role::Admin),
    ("drain", "box", Role::Admin),
    ("undrain", "box", Role::Admin),
    ("acknowledge", "alarm", Role::Operator),
    ("silence", "alarm", Role::Operator),
    ("shelve", "alarm", Role::Operator),
    ("unshelve", "alarm", Role::Operator),
    ("unmask", "box", Role::Operator),
    ("arm", "box", Role::Operator),
    ("handover", "box", Role::Operator),
];

#[tokio::test]
async fn an_end_is_written_down_before_and_after_with_its_reason() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    let done = act(&a_box, &on_room("end", &sid)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["outcome"], "done");
    assert_eq!(done.json()["audit"], 1);
    assert_eq!(a_box.admin_get("/admin/rooms/ward").await.status, 404);

    let page = a_box.admin_get("/admin/audit").await.json();
    let entries = page["items"].as_array().unwrap();
    let shown: Vec<[&str; 6]> = entries
        .iter()
        .map(|entry| {
            ["actor", "act", "target", "phase", "reason", "detail"]
                .map(|field| entry[field].as_str().unwrap())
        })
        .collect();
    let kept = "#1: 0 people, 0 tracks; the record is kept";
    assert_eq!(
        shown,
        [
            ["uid:0", "end", &sid, "outcome", "done", kept],
            ["uid:0", "end", &sid, "intent", "test", "a test"],
        ]
    );
    assert_eq!(page["chain"], json!({"verified": 2}));
}

#[tokio::test]
async fn an_action_never_meets_a_newer_life_of_the_same_name() {
    let a_box = TestBox::new();
    let old = a_box.open("ward").await;
    act(&a_box, &on_room("end", &old)).await;
    let new = a_box.open("ward").await;
    assert_ne!(old, new);
    let again = act(&a_box, &on_room("end", &old)).await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["outcome"]),
        (200, &json!("already"))
    );
    let rooms = a_box.admin_get("/admin/rooms").await.json();
    assert_eq!(rooms[0]["sid"], new.as_str(), "it lives on");

    let before = entries(&a_box, "").await.len();
    for target in ["room", "participant", "track"] {
        let body = json!({"verb": "end", "reason": "test",
            "target": {"kind": target, "sid": "XX_never"}});
        assert_eq!(act(&a_box, &body).await.status, 404, "{target}");
    }
    assert_eq!(entries(&a_box, "").await.len(), before, "nothing was tried");
}

#[tokio::test]
async fn the_media_of_an_ended_room_closes_before_anything_else() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    a_box.media.commands.lock().unwrap().clear();
    act(&a_box, &on_room("end", &sid)).await;
    let commands = a_box.media.commands.lock().unwrap();
    assert!(
        matches!(commands.first(), Some(MediaCommand::CloseRoom { .. })),
        "{commands:?}"
    );
}

#[tokio::test]
async fn each_verb_is_refused_below_its_role_and_the_refusal_is_written_down() {
    let a_box = TestBox::new();
    let mut refused = 0;
    for (verb, kind, needs) in MATRIX {
        for role in [Role::Viewer, Role::Operator, Role::Biomedical, Role::Admin] {
            let answer = act_as(&a_box, role, &example(verb, kind)).await;
            let is_refused = answer.status == 403;
            assert_eq!(
                is_refused,
                role < needs,
                "{verb} {role:?}: {}",
                answer.text()
            );
            refused += usize::from(is_refused);
        }
    }
    let facts = entries(&a_box, "").await;
    let written = facts.iter().filter(|e| e["reason"] == "forbidden").count();
    assert_eq!(written, refused);
}

#[tokio::test]
async fn a_held_room_is_not_purged_until_it_is_released() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    assert_eq!(act(&a_box, &on_room("hold", &sid)).await.status, 200);
    assert_eq!(act(&a_box, &on_room("end", &sid)).await.status, 202);
    let second = act_by(&a_box, "mlee", &on_room("end", &sid)).await;
    assert_eq!(second.status, 200, "{}", second.text());
    let again = act(&a_box, &on_room("hold", &sid)).await.json();
    assert_eq!(again["outcome"], "already");

    let held = act(&a_box, &on_room("purge", &sid)).await;
    assert_eq!(held.status, 409);
    assert_eq!(held.header("content-type"), "application/problem+json");
    let held = held.json();
    assert_eq!(
        (&held["outcome"], &held["status"]),
        (&json!("refused"), &json!(409))
    );
    assert!(held["detail"].to_string().contains("held"), "{held}");

    assert_eq!(act(&a_box, &on_room("release", &sid)).await.status, 200);
    let purged = act(&a_box, &on_room("purge", &sid)).await.json();
    assert!(
        purged["detail"]
            .to_string()
            .contains("0 connection records erased"),
        "{purged}"
    );
    // In both journals.
    let events = a_box
        .admin_get("/admin/events?type=room_purged")
        .await
        .json();
    assert_eq!(events["items"][0]["room_sid"], sid.as_str());
    assert_eq!(entries(&a_box, "?act=purge").await.len(), 4);
}

#[tokio::test]
async fn a_held_room_ends_when_two_people_end_it_and_the_record_names_both() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    act(&a_box, &on_room("hold", &sid)).await;
    let first = act_by(&a_box, "mlee", &on_room("end", &sid)).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let first = first.json();
    assert_eq!(first["outcome"], "waiting");
    let room = a_box.admin_get("/admin/rooms/ward").await.json()["room"].clone();
    let shown = json!([{"sid": sid, "by": "mlee", "until_ms": first["waits_until_ms"]}]);
    assert_eq!(room["end_requests"], shown, "everybody sees who waits");

    let again = act_by(&a_box, "mlee", &on_room("end", &sid)).await;
    assert_eq!(again.status, 202);
    let again = again.json();
    assert_eq!(again["waits_until_ms"], first["waits_until_ms"], "{again}");
    assert!(
        again["detail"]
            .as_str()
            .unwrap()
            .contains("nothing is renewed")
    );
    let by_name = request(
        Method::DELETE,
        "/admin/rooms/ward",
        None,
        &[],
        Body::empty(),
    );
    let by_name = answer_of(a_box.admin_router_of("mlee", Role::Admin), by_name).await;
    assert_eq!(by_name.status, 202, "by its name is no way around");
    assert_eq!(a_box.admin_get("/admin/rooms/ward").await.status, 200);

    let second = act_by(&a_box, "jdoe", &on_room("end", &sid)).await;
    assert_eq!(second.status, 200, "{}", second.text());
    assert_eq!(a_box.admin_get("/admin/rooms/ward").await.status, 404);
    let ends = entries(&a_box, "?act=end").await;
    let done = ends.iter().find(|e| e["reason"] == "done").unwrap();
    let detail = done["detail"].as_str().unwrap();
    assert_eq!(done["actor"], "jdoe");
    assert!(
        detail.contains("asked for by mlee (#3), agreed to by jdoe"),
        "{detail}"
    );
    let lapses = ends.iter().filter(|e| e["reason"] == "lapsed").count();
    assert_eq!(lapses, 0, "it was agreed to");
}

#[tokio::test]
async fn a_request_lapses_with_the_hold_and_with_the_room_and_that_is_on_record() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    for (verb, why) in [("release", "held no more"), ("end", "ended otherwise")] {
        act(&a_box, &on_room("hold", &sid)).await;
        assert_eq!(
            act_by(&a_box, "mlee", &on_room("end", &sid)).await.status,
            202
        );
        let mut done = on_room(verb, &sid);
        done["reason"] = json!("safety");
        // Who asked breaks the glass: nobody agreed.
        let router = a_box.admin_router_of("mlee", Role::Admin);
        let done = answer_of(router, posted(done.to_string())).await;
        assert_eq!(done.status, 200, "{verb}: {}", done.text());
        // A batch later.
        a_box.admin_get("/admin/rooms").await;
        let newest = entries(&a_box, "?act=end&limit=2").await;
        let lapsed = newest.iter().find(|e| e["reason"] == "lapsed").unwrap();
        assert_eq!(lapsed["actor"], "system", "{verb}");
        assert!(lapsed["detail"].as_str().unwrap().contains(why), "{lapsed}");
    }
    let again = act_by(&a_box, "jdoe", &on_room("end", &sid)).await.json();
    assert_eq!(again["outcome"], "already");
}

#[tokio::test]
async fn who_has_a_card_open_is_told_to_all_and_to_no_journal() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    let path = format!("/admin/rooms/{sid}/card");
    for (actor, role, status) in [
        ("mlee", Role::Operator, 204),
        ("jdoe", Role::Admin, 204),
        ("guest", Role::Viewer, 403),
    ] {
        let held = request(Method::PUT, &path, None, &[], Body::empty());
        let held = answer_of(a_box.admin_router_of(actor, role), held).await;
        assert_eq!(held.status, status, "{actor}: {}", held.text());
    }
    let rooms = a_box.admin_get("/admin/rooms").await.json();
    assert_eq!(rooms[0]["card_holders"], json!(["jdoe", "mlee"]));
    assert_eq!(entries(&a_box, "").await.len(), 0);
    let long = format!("/admin/rooms/{}/card", "x".repeat(2_000));
    let long = request(Method::PUT, &long, None, &[], Body::empty());
    assert_eq!(answer_of(a_box.admin_router(), long).await.status, 400);
}

#[tokio::test]
async fn a_purge_erases_who_connected_and_says_how_many() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    let logbook = a_box.control.logbook().clone();
    for n in 0..3 {
        let key = logbook.begin(attempt::Door::Rtc, None);
        logbook.note(key, |record, _| {
            record.set_bearer("pat", "ward", true);
            record.set_sid(&format!("PA_{n}"), &sid);
        });
    }
    assert_eq!(act(&a_box, &on_room("end", &sid)).await.status, 200);
    assert_eq!(
        a_box.admin_get(&format!("/admin/why/{sid}")).await.status,
        200
    );

    let purged = act(&a_box, &on_room("purge", &sid)).await.json();
    assert_eq!(purged["outcome"], "done", "{purged}");
    let detail = purged["detail"].to_string();
    assert!(detail.contains("3 connection records erased"), "{detail}");
    let audited = entries(&a_box, "?act=purge").await;
    let phases: Vec<&Value> = audited.iter().map(|entry| &entry["phase"]).collect();
    assert_eq!(phases, ["outcome", "intent"]);
    assert!(audited[0]["detail"].to_string().contains("3 connection"));
    let gone = a_box.admin_get(&format!("/admin/why/{sid}")).await;
    assert_eq!(gone.status, 404);
    assert!(gone.text().contains("was purged"), "{}", gone.text());
    assert_eq!(a_box.admin_get("/admin/why/PA_1").await.status, 404);
}

#[tokio::test]
async fn an_open_room_is_not_purged() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    let open = act(&a_box, &on_room("purge", &sid)).await;
    assert_eq!(open.status, 409, "{}", open.text());
    assert_eq!(a_box.admin_get("/admin/rooms/ward").await.status, 200);
}

#[tokio::test]
async fn the_same_key_is_the_same_action() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    let mut end = on_room("end", &sid);
    end["key"] = json!("3f2b");
    let first = act(&a_box, &end).await.json();
    let again = act(&a_box, &end).await.json();
    assert_eq!((&first["outcome"], &first), (&json!("done"), &again));
    assert_eq!(entries(&a_box, "").await.len(), 2, "done once");
    end["verb"] = json!("hold");
    assert_eq!(act(&a_box, &end).await.status, 409);
}

#[tokio::test]
async fn two_at_once_with_one_key_are_one() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    let mut end = on_room("end", &sid);
    end["key"] = json!("3f2b");
    let tries = (0..20).map(|_| act(&a_box, &end));
    let answers = futures_util::future::join_all(tries).await;
    for answer in &answers {
        assert_eq!(answer.json(), answers[0].json());
    }
    assert_eq!(entries(&a_box, "").await.len(), 2);
}

#[tokio::test]
async fn what_is_no_action_is_refused_without_repeating_it() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    let with = |field: &str, value: Value| {
        let mut body = on_room("end", &sid);
        body[field] = value;
        body.to_string()
    };
    for (name, body) in [
        ("half of it", r#"{"verb":"end","tar"#.to_owned()),
        ("nothing", String::new()),
        ("an unknown verb", with("verb", json!("explode"))),
        ("a long note", with("note", json!("x".repeat(201)))),
        ("an escape sequence", with("note", json!("secret\u{1b}[2J"))),
        ("other without a note", {
            let mut body = on_room("end", &sid);
            body["reason"] = json!("other");
            body["note"] = json!("");
            body.to_string()
        }),
        ("an hour to wait", with("deadline_ms", json!(3_600_000))),
        (
            "another thing's target",
            with("target", json!({"kind": "box"})),
        ),
        ("a megabyte", format!("{{}}{}", " ".repeat(1024 * 1024))),
        ("deep", "[".repeat(8_000)),
    ] {
        let answer = send(&a_box, Role::Admin, body).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{name}");
    }
    assert_eq!(entries(&a_box, "").await.len(), 0);
    assert_eq!(a_box.admin_get("/admin/rooms/ward").await.status, 200);
}

#[tokio::test]
async fn a_flood_is_refused_and_what_cannot_wait_is_still_done() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    let unmask = json!({"verb": "unmask", "target": {"kind": "box"}, "reason": "test"});
    let mut refused = 0;
    for _ in 0..400 {
        refused += usize::from(act(&a_box, &unmask).await.status == 429);
    }
    assert!(refused > 100, "{refused}");
    let mut end = on_room("end", &sid);
    end["reason"] = json!("safety");
    assert_eq!(act(&a_box, &end).await.status, 200);
}

#[tokio::test]
async fn a_draining_box_admits_nobody_new_and_says_when_to_come_back() {
    let a_box = TestBox::new();
    let drain = json!({"verb": "drain", "target": {"kind": "box"}, "reason": "maintenance"});
    assert_eq!(act(&a_box, &drain).await.json()["outcome"], "done");
    assert_eq!(act(&a_box, &drain).await.json()["outcome"], "already");
    let token = joins("ward", "nurse");
    let path = format!("/rtc/validate?access_token={token}");
    let refused = a_box.get(&path, None).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "30");
    let whip = [("content-type", "application/sdp")];
    let offer = request(
        Method::POST,
        "/whip/ward",
        Some(&token),
        &whip,
        "v=0".into(),
    );
    assert_eq!(a_box.send(offer).await.status, 503);
    let ready = a_box.get("/readyz", None).await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("drains"), "{}", ready.text());

    let undrain = json!({"verb": "undrain", "target": {"kind": "box"}, "reason": "maintenance"});
    assert_eq!(act(&a_box, &undrain).await.json()["outcome"], "done");
    assert_eq!(a_box.get(&path, None).await.status, 200);
    assert_eq!(a_box.get("/readyz", None).await.status, 200);
}

#[tokio::test]
async fn the_audit_is_asked_by_who_what_and_when() {
    let a_box = TestBox::new();
    let sid = a_box.open("ward").await;
    act(&a_box, &on_room("hold", &sid)).await;
    act_as(&a_box, Role::Viewer, &on_room("end", &sid)).await;
    act(&a_box, &on_room("end", &sid)).await;
    assert_eq!(entries(&a_box, "?act=end").await.len(), 3);
    assert_eq!(entries(&a_box, "?act=end&limit=1").await.len(), 1);
    assert_eq!(entries(&a_box, "?actor=nobody").await.len(), 0);
    assert_eq!(entries(&a_box, &format!("?target={sid}")).await.len(), 5);
    assert_eq!(entries(&a_box, "?since_ms=99999999999999").await.len(), 0);
    assert_eq!(entries(&a_box, "?cursor=3").await.len(), 2);
    assert_eq!(a_box.admin_get("/admin/audit?limit=0").await.status, 400);
    assert_eq!(a_box.admin_get("/admin/audit?cursor=x").await.status, 400);
}

#[tokio::test]
async fn the_end_of_the_audit_journal_is_shown_signed_with_the_key_that_proves_it() {
    let a_box = TestBox::new();
    assert_eq!(a_box.control.audit_head().await, None, "nothing was done");
    let sid = a_box.open("ward").await;
    act(&a_box, &on_room("end", &sid)).await;
    let head = a_box.control.audit_head().await.unwrap();
    a_box.heads.note(head, UnixMillis(7));

    let page = a_box.admin_get("/admin/audit/heads").await.json();
    let key = heads::PublicKey::parse(page["public_key"].as_str().unwrap()).unwrap();
    assert_eq!(page["box_id"], key.box_id());
    let shown = &page["items"][0];
    assert_eq!(
        (&shown["sequence"], &shown["at_ms"]),
        (&json!(2), &json!(7))
    );
    let proved = heads::check(shown["signed"].as_str().unwrap(), &key).unwrap();
    assert_eq!(proved[0].head(), head);
    assert_eq!(shown["hash"], proved[0].hash_text());
    let none = a_box.admin_get("/admin/audit/heads?limit=0").await;
    assert_eq!(none.status, 400);
}

fn on_room(verb: &str, sid: &str) -> Value {
    json!({"verb": verb, "target": {"kind": "room", "sid": sid}, "reason": "test", "note": "a test"})
}

fn example(verb: &str, kind: &str) -> Value {
    let mut target = json!({"kind": kind});
    match kind {
        "box" => {}
        "alarm" => target["id"] = json!("CERT-EXPIRED"),
        _ => target["sid"] = json!("XX_never"),
    }
    json!({"verb": verb, "target": target, "reason": "test"})
}

async fn act(a_box: &TestBox, body: &Value) -> Answer {
    act_as(a_box, Role::Admin, body).await
}

async fn act_as(a_box: &TestBox, role: Role, body: &Value) -> Answer {
    send(a_box, role, body.to_string()).await
}

async fn act_by(a_box: &TestBox, actor: &str, body: &Value) -> Answer {
    let router = a_box.admin_router_of(actor, Role::Operator);
    answer_of(router, posted(body.to_string())).await
}

async fn send(a_box: &TestBox, role: Role, body: String) -> Answer {
    answer_of(a_box.admin_router_for(role), posted(body)).await
}

fn posted(body: String) -> axum::http::Request<Body> {
    let json = [("content-type", "application/json")];
    request(
        Method::POST,
        "/admin/actions",
        None,
        &json,
        Body::from(body),
    )
}

async fn entries(a_box: &TestBox, query: &str) -> Vec<Value> {
    let page = a_box.admin_get(&format!("/admin/audit{query}")).await;
    page.json()["items"].as_array().unwrap().clone()
}

impl TestBox {
    /// Makes a room and returns its sid.
    async fn open(&self, name: &str) -> String {
        let made = self
            .twirp("CreateRoom", &creates(), &json!({"name": name}))
            .await;
        made.json()["sid"].as_str().unwrap().to_owned()
    }
}
