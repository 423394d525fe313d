//! What each route requires. One table, walked by a test that calls every route without a token.

use wire::admin::Role;

/// What a caller must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requires {
    /// Nothing: says nothing about anybody.
    Nothing,
    /// A token with `roomJoin` for the room.
    RoomJoin,
    /// A token with `roomCreate`.
    RoomCreate,
    /// A token with `roomList`.
    RoomList,
    /// A token with `roomAdmin` for the room.
    RoomAdmin,
    /// A token with `roomList`, or with `roomAdmin` for the one room asked about.
    RoomListOrAdmin,
    /// A token with any grant: the service is not there yet.
    AnyToken,
    /// The token that made the resource.
    SameToken,
}

/// A route of the network.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Its method.
    pub method: &'static str,
    /// Its path; braces name what varies.
    pub path: &'static str,
    /// What it requires.
    pub requires: Requires,
}

const fn route(method: &'static str, path: &'static str, requires: Requires) -> Route {
    Route {
        method,
        path,
        requires,
    }
}

/// Every route of [`crate::router`] but the meeting page's: its files and `/dev/token`, which
/// exist in development mode only.
pub const ROUTES: &[Route] = &[
    route("GET", "/", Requires::Nothing),
    route("GET", "/healthz", Requires::Nothing),
    route("GET", "/readyz", Requires::Nothing),
    route("GET", "/metrics", Requires::Nothing),
    route("GET", "/openapi.json", Requires::Nothing),
    route("GET", "/rtc", Requires::RoomJoin),
    route("GET", "/rtc/v1", Requires::RoomJoin),
    route("GET", "/rtc/validate", Requires::RoomJoin),
    route("GET", "/rtc/v1/validate", Requires::RoomJoin),
    route(
        "POST",
        "/twirp/livekit.RoomService/CreateRoom",
        Requires::RoomCreate,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/DeleteRoom",
        Requires::RoomCreate,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/ListRooms",
        Requires::RoomList,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/ListParticipants",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/GetParticipant",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/RemoveParticipant",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/MutePublishedTrack",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/UpdateParticipant",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/UpdateSubscriptions",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/SendData",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/UpdateRoomMetadata",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/PerformRpc",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/ForwardParticipant",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.RoomService/MoveParticipant",
        Requires::RoomAdmin,
    ),
    route(
        "POST",
        "/twirp/livekit.Egress/ListEgress",
        Requires::AnyToken,
    ),
    route(
        "POST",
        "/twirp/livekit.Ingress/ListIngress",
        Requires::AnyToken,
    ),
    route(
        "POST",
        "/twirp/livekit.SIP/ListSIPInboundTrunk",
        Requires::AnyToken,
    ),
    route(
        "POST",
        "/twirp/livekit.AgentDispatchService/ListDispatch",
        Requires::AnyToken,
    ),
    route("POST", "/whip/{room}", Requires::RoomJoin),
    route("GET", "/whip/{room}/{id}", Requires::SameToken),
    route("PATCH", "/whip/{room}/{id}", Requires::SameToken),
    route("DELETE", "/whip/{room}/{id}", Requires::SameToken),
    route("POST", "/whep/{room}", Requires::RoomJoin),
    route("GET", "/whep/{room}", Requires::RoomJoin),
    route("GET", "/whep/{room}/{id}", Requires::SameToken),
    route("PATCH", "/whep/{room}/{id}", Requires::SameToken),
    route("DELETE", "/whep/{room}/{id}", Requires::SameToken),
    route("GET", "/v1/events", Requires::RoomListOrAdmin),
    route("GET", "/v1/rooms/sessions", Requires::RoomListOrAdmin),
    route("GET", "/v1/rooms/sessions/{sid}", Requires::RoomListOrAdmin),
    route("POST", "/v1/rooms/sessions/events", Requires::RoomJoin),
    route("POST", "/v1/rooms/{room}/events", Requires::RoomJoin),
    route("POST", "/v1/rooms/{room}/trouble", Requires::RoomJoin),
    route("PUT", "/v1/rooms/{room}/lock", Requires::RoomAdmin),
    route("DELETE", "/v1/rooms/{room}/lock", Requires::RoomAdmin),
];

/// A route of the operators' router.
#[derive(Debug, Clone, Copy)]
pub struct AdminRoute {
    /// Its method.
    pub method: &'static str,
    /// Its path; braces name what varies.
    pub path: &'static str,
    /// The least role it answers.
    pub requires: Role,
}

const fn admin(method: &'static str, path: &'static str, requires: Role) -> AdminRoute {
    AdminRoute {
        method,
        path,
        requires,
    }
}

/// Every route under `/admin`: none answers anybody whom no listener vouches for. What an action
/// requires depends on its verb (`domain::action::Verb::needs`).
pub const ADMIN_ROUTES: &[AdminRoute] = &[
    admin("GET", "/admin/rooms", Role::Viewer),
    admin("GET", "/admin/rooms/{room}", Role::Viewer),
    admin("DELETE", "/admin/rooms/{room}", Role::Operator),
    admin("PUT", "/admin/rooms/{room}/card", Role::Operator),
    admin("GET", "/admin/events", Role::Viewer),
    admin("GET", "/admin/sessions", Role::Viewer),
    admin("GET", "/admin/sessions/{sid}", Role::Viewer),
    admin("GET", "/admin/status", Role::Viewer),
    admin("GET", "/admin/audit", Role::Viewer),
    admin("GET", "/admin/audit/heads", Role::Viewer),
    admin("POST", "/admin/actions", Role::Operator),
    admin("GET", "/admin/accounts", Role::Admin),
    admin("POST", "/admin/accounts", Role::Admin),
    admin("DELETE", "/admin/accounts/{name}", Role::Admin),
    admin("PUT", "/admin/accounts/{name}/password", Role::Admin),
    admin("POST", "/admin/accounts/{name}/unlock", Role::Admin),
    admin("PUT", "/admin/password", Role::Viewer),
    admin("GET", "/admin/why/{whom}", Role::Viewer),
    admin("GET", "/admin/attempts", Role::Viewer),
    admin("GET", "/admin/health", Role::Viewer),
    admin("GET", "/admin/alarms", Role::Viewer),
];
