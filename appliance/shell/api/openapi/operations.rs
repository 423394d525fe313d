//! Every operation of the box.

use super::Schemas;
use serde_json::Value;
use wire::admin::{
    AccountView, ActionAnswer, ActionRequest, AlarmsView, AuditPage, BoxView, Frame, HeadsPage,
    LiveRoom, LoggedIn, Login, NewAccount, NewPassword, OwnPassword, RoomDetail, WhyView,
};
use wire::{EventView, ReportEvents, SessionView, StatusView};

/// One operation.
pub(crate) struct Operation {
    /// In lower case.
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    pub(crate) summary: &'static str,
    /// Name and meaning.
    pub(crate) query: &'static [(&'static str, &'static str)],
    pub(crate) takes: Takes,
    pub(crate) gives: Gives,
}

/// Who may.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    Anybody,
    /// The bearer of an access token.
    Token,
    /// Somebody a listener vouches for.
    Operator,
}

/// A schema, with all that it refers to.
type Schema = fn(&mut Schemas) -> Value;

/// What a request carries.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    Nothing,
    Json(Schema),
    Other(&'static str),
}

/// What an answer carries.
#[derive(Clone, Copy)]
pub(crate) enum Gives {
    Json(Schema),
    Lines(Schema),
    Text(&'static str),
    Created(&'static str),
    Upgrade,
    Nothing,
}

const fn operation(
    method: &'static str,
    path: &'static str,
    who: Who,
    summary: &'static str,
    gives: Gives,
) -> Operation {
    Operation {
        method,
        path,
        who,
        summary,
        query: &[],
        takes: Takes::Nothing,
        gives,
    }
}

impl Operation {
    const fn asks(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }
}

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const PLAIN: &str = "text/plain";
const OBJECT: Takes = Takes::Other("application/json");

/// Questions to the journal.
const EVENTS_QUERY: &[(&str, &str)] = &[
    ("room", "Only of rooms of this name."),
    ("room_sid", "Only of this life of a room."),
    ("actor", "Only by this identity."),
    ("type", "Only of these types, separated by commas."),
    ("from", "Only since, in milliseconds since 1970."),
    ("to", "Only until, in milliseconds since 1970."),
    ("order", "`asc` or `desc`."),
    ("limit", "At most this many, 1 to 1,000."),
    ("cursor", "`next` of the page before."),
];

const SESSIONS_QUERY: &[(&str, &str)] = &[
    ("room", "Only of rooms of this name."),
    (
        "from",
        "Only those that lived since, in milliseconds since 1970.",
    ),
    (
        "to",
        "Only those that lived until, in milliseconds since 1970.",
    ),
    ("limit", "At most this many, 1 to 1,000."),
    ("cursor", "`next` of the page before."),
];

macro_rules! twirp {
    ($path:literal, $summary:literal) => {
        operation(
            "post",
            $path,
            Who::Token,
            $summary,
            Gives::Text("application/json"),
        )
        .takes(OBJECT)
    };
}

/// All of them. A test compares it with the routers.
pub(crate) const OPERATIONS: &[Operation] = &[
    // for everybody
    operation(
        "get",
        "/",
        Who::Anybody,
        "Says that the box is there; in development mode the meeting page.",
        Gives::Text(PLAIN),
    ),
    operation(
        "get",
        "/healthz",
        Who::Anybody,
        "The process answers.",
        Gives::Text(PLAIN),
    ),
    operation(
        "get",
        "/readyz",
        Who::Anybody,
        "Whether newcomers are admitted, and why not.",
        Gives::Text(PLAIN),
    ),
    operation(
        "get",
        "/metrics",
        Who::Anybody,
        "Metrics in Prometheus' text format.",
        Gives::Text(PLAIN),
    ),
    operation(
        "get",
        "/openapi.json",
        Who::Anybody,
        "This document.",
        Gives::Text("application/json"),
    ),
    // LiveKit's signalling
    operation(
        "get",
        "/rtc",
        Who::Token,
        "LiveKit's signalling, with two transports.",
        Gives::Upgrade,
    ),
    operation(
        "get",
        "/rtc/v1",
        Who::Token,
        "LiveKit's signalling, with one transport.",
        Gives::Upgrade,
    ),
    operation(
        "get",
        "/rtc/validate",
        Who::Token,
        "Whether a join would be admitted.",
        Gives::Text(PLAIN),
    ),
    operation(
        "get",
        "/rtc/v1/validate",
        Who::Token,
        "Whether a join would be admitted.",
        Gives::Text(PLAIN),
    ),
    // LiveKit's server API
    twirp!(
        "/twirp/livekit.RoomService/CreateRoom",
        "Makes a room, or returns the one that lives."
    ),
    twirp!("/twirp/livekit.RoomService/DeleteRoom", "Ends a room."),
    twirp!(
        "/twirp/livekit.RoomService/ListRooms",
        "The rooms that live."
    ),
    twirp!(
        "/twirp/livekit.RoomService/ListParticipants",
        "Who is in a room."
    ),
    twirp!("/twirp/livekit.RoomService/GetParticipant", "One of them."),
    twirp!(
        "/twirp/livekit.RoomService/RemoveParticipant",
        "Sends somebody out."
    ),
    twirp!(
        "/twirp/livekit.RoomService/MutePublishedTrack",
        "Mutes a track."
    ),
    twirp!(
        "/twirp/livekit.RoomService/UpdateParticipant",
        "Changes permissions, name, metadata or attributes."
    ),
    twirp!(
        "/twirp/livekit.RoomService/UpdateSubscriptions",
        "Changes what somebody watches."
    ),
    twirp!(
        "/twirp/livekit.RoomService/SendData",
        "Sends data into a room."
    ),
    twirp!(
        "/twirp/livekit.RoomService/UpdateRoomMetadata",
        "Changes a room's metadata."
    ),
    twirp!(
        "/twirp/livekit.RoomService/PerformRpc",
        "Calls a method of a participant."
    ),
    twirp!(
        "/twirp/livekit.RoomService/ForwardParticipant",
        "Not in this box: `unimplemented`."
    ),
    twirp!(
        "/twirp/livekit.RoomService/MoveParticipant",
        "Not in this box: `unimplemented`."
    ),
    twirp!(
        "/twirp/livekit.Egress/ListEgress",
        "Not in this box: `unimplemented`."
    ),
    twirp!(
        "/twirp/livekit.Ingress/ListIngress",
        "Not in this box: `unimplemented`."
    ),
    twirp!(
        "/twirp/livekit.SIP/ListSIPInboundTrunk",
        "Not in this box: `unimplemented`."
    ),
    twirp!(
        "/twirp/livekit.AgentDispatchService/ListDispatch",
        "Not in this box: `unimplemented`."
    ),
    // WHIP and WHEP
    operation(
        "post",
        "/whip/{room}",
        Who::Token,
        "Publishes into a room.",
        Gives::Created(SDP),
    )
    .takes(Takes::Other(SDP)),
    operation(
        "get",
        "/whip/{room}/{id}",
        Who::Token,
        "Whether the session lives.",
        Gives::Nothing,
    ),
    operation(
        "patch",
        "/whip/{room}/{id}",
        Who::Token,
        "More candidates, or an ICE restart.",
        Gives::Nothing,
    )
    .takes(Takes::Other(FRAGMENT)),
    operation(
        "delete",
        "/whip/{room}/{id}",
        Who::Token,
        "Ends the session.",
        Gives::Nothing,
    ),
    operation(
        "post",
        "/whep/{room}",
        Who::Token,
        "Watches a room.",
        Gives::Created(SDP),
    )
    .takes(Takes::Other(SDP)),
    operation(
        "get",
        "/whep/{room}",
        Who::Token,
        "Whether there is something to watch.",
        Gives::Nothing,
    ),
    operation(
        "head",
        "/whep/{room}",
        Who::Token,
        "Whether there is something to watch.",
        Gives::Nothing,
    ),
    operation(
        "get",
        "/whep/{room}/{id}",
        Who::Token,
        "Whether the session lives.",
        Gives::Nothing,
    ),
    operation(
        "patch",
        "/whep/{room}/{id}",
        Who::Token,
        "More candidates, or an ICE restart.",
        Gives::Nothing,
    )
    .takes(Takes::Other(FRAGMENT)),
    operation(
        "delete",
        "/whep/{room}/{id}",
        Who::Token,
        "Ends the session.",
        Gives::Nothing,
    ),
    // the box's own
    operation(
        "get",
        "/v1/events",
        Who::Token,
        "What happened, from the journal.",
        Gives::Json(Schemas::page::<EventView>),
    )
    .asks(EVENTS_QUERY),
    operation(
        "get",
        "/v1/rooms/sessions",
        Who::Token,
        "The lives of rooms.",
        Gives::Json(Schemas::page::<SessionView>),
    )
    .asks(SESSIONS_QUERY),
    operation(
        "get",
        "/v1/rooms/sessions/{sid}",
        Who::Token,
        "One life of a room.",
        Gives::Json(Schemas::of::<SessionView>),
    ),
    operation(
        "post",
        "/v1/rooms/sessions/events",
        Who::Token,
        "Reports what only a client knows, of the token's room.",
        Gives::Nothing,
    )
    .takes(Takes::Json(Schemas::of::<ReportEvents>)),
    operation(
        "post",
        "/v1/rooms/{room}/events",
        Who::Token,
        "Reports what only a client knows.",
        Gives::Nothing,
    )
    .takes(Takes::Json(Schemas::of::<ReportEvents>)),
    operation(
        "put",
        "/v1/rooms/{room}/lock",
        Who::Token,
        "Admits nobody new.",
        Gives::Nothing,
    ),
    operation(
        "delete",
        "/v1/rooms/{room}/lock",
        Who::Token,
        "Admits newcomers again.",
        Gives::Nothing,
    ),
    // the operators'
    operation(
        "get",
        "/admin/stream",
        Who::Operator,
        "A console's subscription: a snapshot, then what changes, once a second.",
        Gives::Lines(Schemas::of::<Frame>),
    )
    .asks(&[("room", "A room to be told in full, by sid.")]),
    operation(
        "get",
        "/admin/rooms",
        Who::Operator,
        "The rooms that live, as of now.",
        Gives::Json(Schemas::list::<LiveRoom>),
    ),
    operation(
        "get",
        "/admin/rooms/{room}",
        Who::Operator,
        "One room with everybody in it, by sid or name.",
        Gives::Json(Schemas::of::<RoomDetail>),
    ),
    operation(
        "delete",
        "/admin/rooms/{room}",
        Who::Operator,
        "Ends a room; its record stays. 202: it is held, and a second person has to ask for it.",
        Gives::Nothing,
    ),
    operation(
        "put",
        "/admin/rooms/{room}/card",
        Who::Operator,
        "A console has a card of the room open; for six seconds, told others as card_holders.",
        Gives::Nothing,
    ),
    operation(
        "get",
        "/admin/health",
        Who::Operator,
        "How the box is.",
        Gives::Json(Schemas::of::<BoxView>),
    ),
    operation(
        "get",
        "/admin/alarms",
        Who::Operator,
        "Technical alarms that are not normal.",
        Gives::Json(Schemas::of::<AlarmsView>),
    ),
    operation(
        "get",
        "/admin/status",
        Who::Operator,
        "How the box is, in short.",
        Gives::Json(Schemas::of::<StatusView>),
    ),
    operation(
        "get",
        "/admin/events",
        Who::Operator,
        "What happened; with `follow=1` one event per line as they are saved.",
        Gives::Json(Schemas::page::<EventView>),
    )
    .asks(EVENTS_QUERY),
    operation(
        "get",
        "/admin/sessions",
        Who::Operator,
        "The lives of rooms.",
        Gives::Json(Schemas::page::<SessionView>),
    )
    .asks(SESSIONS_QUERY),
    operation(
        "get",
        "/admin/sessions/{sid}",
        Who::Operator,
        "One life of a room.",
        Gives::Json(Schemas::of::<SessionView>),
    ),
    operation(
        "post",
        "/admin/login",
        Who::Anybody,
        "Begins a session, over HTTPS only.",
        Gives::Json(Schemas::of::<LoggedIn>),
    )
    .takes(Takes::Json(Schemas::of::<Login>)),
    operation(
        "post",
        "/admin/logout",
        Who::Operator,
        "Ends the session, over HTTPS only.",
        Gives::Nothing,
    ),
    operation(
        "get",
        "/admin/accounts",
        Who::Operator,
        "The accounts of operators.",
        Gives::Json(Schemas::list::<AccountView>),
    ),
    operation(
        "post",
        "/admin/accounts",
        Who::Operator,
        "Makes an account.",
        Gives::Created(PLAIN),
    )
    .takes(Takes::Json(Schemas::of::<NewAccount>)),
    operation(
        "delete",
        "/admin/accounts/{name}",
        Who::Operator,
        "Removes an account and ends its sessions.",
        Gives::Nothing,
    ),
    operation(
        "put",
        "/admin/accounts/{name}/password",
        Who::Operator,
        "Gives an account another password and ends its sessions.",
        Gives::Nothing,
    )
    .takes(Takes::Json(Schemas::of::<NewPassword>)),
    operation(
        "post",
        "/admin/accounts/{name}/unlock",
        Who::Operator,
        "Forgets an account's failed logins.",
        Gives::Nothing,
    ),
    operation(
        "put",
        "/admin/password",
        Who::Operator,
        "Gives one's own account another password and ends its sessions; over HTTPS only.",
        Gives::Nothing,
    )
    .takes(Takes::Json(Schemas::of::<OwnPassword>)),
    operation(
        "post",
        "/v1/rooms/{room}/trouble",
        Who::Token,
        "What only the client knows of its attempt to connect, in a closed set of words.",
        Gives::Nothing,
    )
    .takes(OBJECT),
    operation(
        "get",
        "/admin/why/{whom}",
        Who::Operator,
        "Why somebody cannot connect, by identity or sid.",
        Gives::Json(Schemas::of::<WhyView>),
    ),
    operation(
        "get",
        "/admin/attempts",
        Who::Operator,
        "Attempts to connect, newest first.",
        Gives::Json(Schemas::list::<WhyView>),
    ),
    operation(
        "post",
        "/admin/actions",
        Who::Operator,
        "Does something, written into the audit journal before and after. 202: a second person has to ask for it.",
        Gives::Json(Schemas::of::<ActionAnswer>),
    )
    .takes(Takes::Json(Schemas::of::<ActionRequest>)),
    operation(
        "get",
        "/admin/audit",
        Who::Operator,
        "Who did what, newest first, and how the chain is.",
        Gives::Json(Schemas::of::<AuditPage>),
    ),
    operation(
        "get",
        "/admin/audit/heads",
        Who::Operator,
        "Where the audit journal ended, signed, newest first, and the public key.",
        Gives::Json(Schemas::of::<HeadsPage>),
    ),
];
