//! Every metric of the box in one table: name, kind, help.
//!
//! Labels are small closed sets (a cause, a worker's number, a method), never a person or a room.

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Distribution over the buckets of [`BUCKETS`].
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in Prometheus.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it tells an operator; unit and labels included.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:literal: $help:literal;)*) => {
        /// The names, for the code that counts.
        #[allow(clippy::doc_markdown, reason = "the helps are read in Prometheus, not in rustdoc")]
        pub mod names {
            $(#[doc = $help] pub const $constant: &str = $name;)*
        }

        /// All metrics of the box.
        pub const METRICS: &[Metric] = &[
            $(Metric { name: $name, kind: Kind::$kind, help: $help },)*
        ];
    };
}

metrics! {
    // api
    HTTP_CONNECTIONS = Gauge "ringward_http_connections":
        "Open TCP connections, WebSockets included";
    HTTP_REFUSED = Counter "ringward_http_refused_total":
        "Connections closed at once, by cause (limit, per_address, accept_error) or before a request (silent, tls_timeout, tls_untrusted, tls)";
    ICE_TCP_CONNECTIONS = Gauge "ringward_ice_tcp_connections":
        "Clients whose media comes over TCP";
    ICE_TCP_CLOSED = Counter "ringward_ice_tcp_closed_total":
        "ICE-TCP connections that ended, by cause (gone, foreign, unanswered, silent, stalled, no_socket, stopping)";
    ICE_TCP_SHED = Counter "ringward_ice_tcp_shed_total":
        "Datagrams to slow ICE-TCP clients that were shed, by kind (picture, voice)";
    CERTIFICATE_EXPIRES = Gauge "ringward_certificate_expires_seconds":
        "When a certificate in use ends, in seconds since 1970, by role (web, ca)";
    CERTIFICATES_REFUSED = Counter "ringward_certificates_refused_total":
        "New certificates that were not taken because they are broken or not valid now";
    HTTP_REQUESTS = Counter "ringward_http_requests_total":
        "Answered requests, by route and status class";
    HTTP_PANICS = Counter "ringward_http_panics_total":
        "Requests whose handler panicked; each was answered 500";
    HTTP_SECONDS = Histogram "ringward_http_request_seconds":
        "Time from request head to response head, by route";
    ADMIN_REFUSED = Counter "ringward_admin_refused_total":
        "Admin socket connections closed because of their user id";
    LOGINS = Counter "ringward_logins_total":
        "Logins of operators over HTTPS, by outcome (ok, wrong, locked, wait, busy, random)";
    TOKENS_REFUSED = Counter "ringward_tokens_refused_total":
        "Access tokens refused, by cause";
    WEBSOCKETS = Gauge "ringward_websockets":
        "Open signalling connections";
    WEBSOCKET_MESSAGES = Counter "ringward_websocket_messages_total":
        "Signalling messages, by direction (in, out)";
    WEBSOCKET_CLOSED = Counter "ringward_websocket_closed_total":
        "Signalling connections closed by the box, by cause";

    // worker
    PACKETS_IN = Counter "ringward_packets_in_total":
        "Datagrams received, by worker";
    BYTES_IN = Counter "ringward_bytes_in_total":
        "Bytes of datagrams received, by worker";
    PACKETS_OUT = Counter "ringward_packets_out_total":
        "Datagrams sent, by worker: forwarded, retransmissions, padding and protocol packets together";
    BYTES_OUT = Counter "ringward_bytes_out_total":
        "Bytes of datagrams sent, by worker";
    FORWARDED = Counter "ringward_packets_forwarded_total":
        "Media packets sent to subscribers for the first time, by worker";
    RETRANSMISSIONS = Counter "ringward_retransmissions_total":
        "Packets sent again because a subscriber asked, by worker; known some seconds later";
    PADDING_OUT = Counter "ringward_padding_out_total":
        "Packets sent to probe a path's bandwidth, empty or repeated, by worker; repeats are known some seconds later";
    PROTOCOL_OUT = Counter "ringward_protocol_packets_out_total":
        "Datagrams sent that are no media, by worker and kind (rtcp, dtls, stun)";
    DATA_HELD = Counter "ringward_data_held_total":
        "Datagrams of senders of data who are slowed that waited, or were left to SCTP to send again, by worker";
    PADDING_IN = Counter "ringward_padding_in_total":
        "Empty packets of publishers that probe their path, not forwarded, by worker";
    DROPS = Counter "ringward_drops_total":
        "What was not received, forwarded or sent, by worker and cause";
    TRAINS = Counter "ringward_trains_out_total":
        "Sends by number of datagrams in them, by worker: longer trains cost less";
    EGRESS = Counter "ringward_egress_total":
        "What the box's own egress did, by worker and what (packets, trains, held frames, refused requests)";
    NONCE_ALARMS = Counter "ringward_nonce_alarms_total":
        "Datagrams stopped because they would have used a nonce of our own streams, by worker: must stay 0";
    SRTP_TRANSPORTS = Counter "ringward_srtp_transports_total":
        "Transports that came up, by worker and SRTP profile";
    FORWARD_SECONDS = Histogram "ringward_forward_seconds":
        "From reading media to handing it to the kernel, by worker: one observation for what came and left together";
    WORKER_ROOMS = Gauge "ringward_worker_rooms":
        "Rooms, by worker";
    WORKER_PEERS = Gauge "ringward_worker_peers":
        "WebRTC transports, by worker";

    // watch
    ALARMS_RAISED = Counter "ringward_alarms_raised_total":
        "Technical alarms raised, by code";
    WATCH_SECONDS = Histogram "ringward_watch_seconds":
        "Time to look at all rooms, transports and the machine, once a second";

    // control
    CONTROL_CALLS = Counter "ringward_control_calls_total":
        "Calls run on the control thread";
    CONTROL_BATCH = Histogram "ringward_control_batch_items":
        "Calls and media events run between two commits";
    CONTROL_BATCH_SECONDS = Histogram "ringward_control_batch_seconds":
        "Time to run one batch, without its commit";
    COMMIT_SECONDS = Histogram "ringward_control_commit_seconds":
        "Time to put one batch on disk";
    COMMIT_FAILURES = Counter "ringward_control_commit_failures_total":
        "Batches that were not saved";
    CONTROL_REFUSED = Counter "ringward_control_refused_total":
        "Calls refused before they ran, by cause (busy, stopped)";
    ROOM_PANICS = Counter "ringward_room_panics_total":
        "Rooms closed because their state machine panicked";
    JOINS = Counter "ringward_joins_total":
        "Joins, by outcome (accepted, resumed, refused)";
    SESSIONS_CUT = Counter "ringward_sessions_cut_total":
        "Signalling sessions closed because their client read too slowly";
    WEBHOOKS_DROPPED = Counter "ringward_webhooks_dropped_total":
        "Webhooks not queued because the outbox was full";
    ROOMS = Gauge "ringward_rooms":
        "Rooms that live now";
    PARTICIPANTS = Gauge "ringward_participants":
        "Participants that are present now";
    TRACKS = Gauge "ringward_tracks":
        "Tracks published now";
    EXCHANGES = Gauge "ringward_whip_whep_sessions":
        "Open WHIP and WHEP sessions";
    STORE_DEGRADED = Gauge "ringward_store_degraded":
        "1 while nothing can be saved and newcomers are refused";
    PEER_FAILURES = Counter "ringward_peer_failures_total":
        "Transports that ended, by cause (ice_timeout, ice_disconnected, dtls, closed_by_peer, fault)";
    NEGOTIATION_FAILURES = Counter "ringward_negotiation_failures_total":
        "Session descriptions that could not be used, by cause";

    // store
    JOURNAL_FSYNC_SECONDS = Histogram "ringward_journal_fsync_seconds":
        "Time for one sync of the journal to reach the disk";
    JOURNAL_DAMAGED = Gauge "ringward_journal_damaged":
        "1 when an older journal file was found damaged";
    INDEX_BEHIND = Gauge "ringward_index_behind":
        "1 while the index lacks events that the journal has";
    OUTBOX_ENTRIES = Gauge "ringward_outbox_entries":
        "Webhooks waiting for delivery";
    OUTBOX_BYTES = Gauge "ringward_outbox_bytes":
        "Bytes of webhooks waiting for delivery";
    OUTBOX_REFUSED = Counter "ringward_outbox_refused_total":
        "Webhooks refused by the outbox: it was full, or one was too large";
    OUTBOX_DAMAGED = Counter "ringward_outbox_damaged_total":
        "Damaged places in the outbox that were skipped";

    // webhooks
    WEBHOOKS_DELIVERED = Counter "ringward_webhooks_delivered_total":
        "Webhooks accepted by a receiver";
    WEBHOOK_FAILURES = Counter "ringward_webhook_failures_total":
        "Attempts to deliver a webhook that failed, by cause";
    WEBHOOK_SECONDS = Histogram "ringward_webhook_seconds":
        "Time of one attempt to deliver a webhook";
}

/// Milliseconds to seconds: for what should take well under a second.
const FAST_SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// Microseconds to a tenth of a second: what forwarding takes.
const MICRO_SECONDS: &[f64] = &[
    0.00001, 0.000_025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1,
];

/// Powers of two up to the largest batch.
const ITEMS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The buckets of each histogram, rising.
pub const BUCKETS: &[(&str, &[f64])] = &[
    (names::FORWARD_SECONDS, MICRO_SECONDS),
    (names::HTTP_SECONDS, FAST_SECONDS),
    (names::CONTROL_BATCH, ITEMS),
    (names::CONTROL_BATCH_SECONDS, FAST_SECONDS),
    (names::COMMIT_SECONDS, FAST_SECONDS),
    (names::JOURNAL_FSYNC_SECONDS, FAST_SECONDS),
    (names::WEBHOOK_SECONDS, FAST_SECONDS),
    (names::WATCH_SECONDS, FAST_SECONDS),
];
