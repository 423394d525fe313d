//! The contract between the control plane and the media plane: values in lanes, nothing shared.
//!
//! Commands are never lost and are applied in order per room. Every command names its room, so
//! that the plane can find the worker that owns it. A command about something that is already
//! gone is ignored: the control plane learns of ends by [`MediaEvent`] and may be a moment behind.

mod path_report;

use crate::packet::{Channel, Kind, Layer, Mid};
use bytes::Bytes;
use vocab::{Bitrate, Identity, ParticipantKey, ParticipantSid, PeerKey, RoomKey, TrackKey};

pub use path_report::{DtlsProgress, MAX_REPORTED_PAIRS, PathKind, PathPair, PathReport};

/// How the ids of the server's own RPC requests begin. What participants answer to such a request
/// goes to control as [`MediaEvent::RpcAnswered`] and to nobody else. A participant that makes
/// up such an id reaches control only, which knows whom it asked.
pub const SERVER_RPC_PREFIX: &str = "SRPC_";

/// The control plane's handle to all workers.
pub trait MediaPlane: Send {
    /// Queues a command for the worker that owns its room; waits when that lane is full.
    fn send(&self, command: MediaCommand);
}

/// From control to media.
#[derive(Debug, Clone)]
#[allow(
    missing_docs,
    reason = "the fields are the keys and specs documented by their types"
)]
pub enum MediaCommand {
    /// Places a room on the least loaded worker.
    OpenRoom { room: RoomKey },
    /// Ends a room: all its peers are closed.
    CloseRoom { room: RoomKey },
    /// Adds a participant, before its peers.
    AddParticipant {
        room: RoomKey,
        participant: ParticipantSpec,
    },
    /// Changes what a participant may do; takes effect on the next packet.
    SetPermissions {
        room: RoomKey,
        participant: ParticipantKey,
        permissions: MediaPermissions,
    },
    /// Changes a participant's part in data that is not for everyone; [`DataRole::default`]
    /// before the first.
    SetDataRole {
        room: RoomKey,
        participant: ParticipantKey,
        role: DataRole,
    },
    /// Removes a participant with its peers, tracks and subscriptions.
    RemoveParticipant {
        room: RoomKey,
        participant: ParticipantKey,
    },
    /// Opens a transport.
    OpenPeer { room: RoomKey, peer: PeerSpec },
    /// Closes a transport (DTLS close, then gone).
    ClosePeer { room: RoomKey, peer: PeerKey },
    /// A client's offer; answered by [`MediaEvent::Answered`].
    AcceptOffer {
        room: RoomKey,
        peer: PeerKey,
        negotiation: u32,
        sdp: String,
    },
    /// Asks for an offer toward the client; answered by [`MediaEvent::Offered`].
    MakeOffer {
        room: RoomKey,
        peer: PeerKey,
        negotiation: u32,
        change: OfferChange,
    },
    /// A client's answer; answered by [`MediaEvent::AnswerAccepted`].
    AcceptAnswer {
        room: RoomKey,
        peer: PeerKey,
        negotiation: u32,
        sdp: String,
    },
    /// One trickled candidate (`candidate:…` line); unusable ones are counted and skipped.
    AddCandidate {
        room: RoomKey,
        peer: PeerKey,
        candidate: String,
    },
    /// A section of a publishing peer now carries this track.
    PublishTrack { room: RoomKey, track: TrackSpec },
    /// The track ends with its subscriptions.
    UnpublishTrack { room: RoomKey, track: TrackKey },
    /// Muted tracks are not forwarded and do not count as lost.
    SetTrackMuted {
        room: RoomKey,
        track: TrackKey,
        muted: bool,
    },
    /// A section of a subscribing peer now shows this track.
    Subscribe {
        room: RoomKey,
        subscription: SubscriptionSpec,
    },
    /// The section is silent again.
    Unsubscribe {
        room: RoomKey,
        subscriber: ParticipantKey,
        track: TrackKey,
    },
    /// The section shows nothing until it is negotiated again; what it shows then is a new stream.
    VacateSection {
        room: RoomKey,
        peer: PeerKey,
        mid: Mid,
    },
    /// What the subscriber wants of the track.
    SetSubscription {
        room: RoomKey,
        subscriber: ParticipantKey,
        track: TrackKey,
        wish: LayerWish,
    },
    /// A data packet of the server's own (already encoded `DataPacket`).
    SendData {
        room: RoomKey,
        to: DataTarget,
        channel: Channel,
        payload: Bytes,
    },
    /// Where the frames of a data track go from now on; to nobody: the track is forgotten.
    RouteDataTrack {
        room: RoomKey,
        route: DataTrackRoute,
    },
    /// After a resume: send again the reliable packets that the subscriber has not seen.
    ReplayData {
        room: RoomKey,
        subscriber: ParticipantKey,
        seen: Vec<(ParticipantSid, u32)>,
    },
    /// Answered by [`MediaEvent::DataProgress`].
    ReportDataProgress {
        room: RoomKey,
        participant: ParticipantKey,
    },
}

impl MediaCommand {
    /// The room it is about.
    pub fn room(&self) -> RoomKey {
        match self {
            Self::OpenRoom { room }
            | Self::CloseRoom { room }
            | Self::AddParticipant { room, .. }
            | Self::SetPermissions { room, .. }
            | Self::SetDataRole { room, .. }
            | Self::RemoveParticipant { room, .. }
            | Self::OpenPeer { room, .. }
            | Self::ClosePeer { room, .. }
            | Self::AcceptOffer { room, .. }
            | Self::MakeOffer { room, .. }
            | Self::AcceptAnswer { room, .. }
            | Self::AddCandidate { room, .. }
            | Self::PublishTrack { room, .. }
            | Self::UnpublishTrack { room, .. }
            | Self::SetTrackMuted { room, .. }
            | Self::Subscribe { room, .. }
            | Self::Unsubscribe { room, .. }
            | Self::VacateSection { room, .. }
            | Self::SetSubscription { room, .. }
            | Self::SendData { room, .. }
            | Self::RouteDataTrack { room, .. }
            | Self::ReplayData { room, .. }
            | Self::ReportDataProgress { room, .. } => *room,
        }
    }
}

/// A participant as the media plane knows it.
#[derive(Debug, Clone)]
pub struct ParticipantSpec {
    /// Its key.
    pub key: ParticipantKey,
    /// Stamped on its data packets.
    pub sid: ParticipantSid,
    /// Stamped on its data packets; addresses data to it.
    pub identity: Identity,
    /// What it may do.
    pub permissions: MediaPermissions,
}

/// The permissions that the media plane enforces packet by packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaPermissions {
    /// Packets of its tracks are forwarded.
    pub publish: bool,
    /// Packets are forwarded to it.
    pub subscribe: bool,
    /// Its data packets are forwarded.
    pub publish_data: bool,
}

/// A participant's part in data that is not for everyone (`livekit.md` §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DataRole {
    /// Its transcriptions are forwarded: it is an agent.
    pub transcribes: bool,
    /// Clients' metrics are forwarded to it (`canSubscribeMetrics`).
    pub receives_metrics: bool,
    /// It waits to be let in: what is said to everyone is not for it, what names it is.
    pub waits: bool,
}

/// One transport of a participant.
#[derive(Debug, Clone)]
pub struct PeerSpec {
    /// Its key.
    pub key: PeerKey,
    /// Whose it is.
    pub participant: ParticipantKey,
    /// What it carries.
    pub role: PeerRole,
    /// `a=ice-lite` in our SDP.
    pub ice_lite: bool,
    /// Data channels are negotiated out of band with ids 100 to 102 (protocol ≥ 18).
    pub negotiated_channels: bool,
}

/// What a transport carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerRole {
    /// `LiveKit` v1: both directions, the client offers.
    Single,
    /// `LiveKit` v0 upstream: the client offers.
    Publisher,
    /// `LiveKit` v0 downstream: the box offers and opens the data channels.
    Subscriber,
    /// WHIP: upstream, one offer, no data channels.
    Whip,
    /// WHEP: downstream, one client offer, no data channels.
    Whep,
}

/// What changes in an offer of ours.
#[derive(Debug, Clone, Default)]
pub struct OfferChange {
    /// New send-only sections, in order; their mids come back in the same order.
    pub add: Vec<NewSection>,
    /// Sections that become inactive.
    pub deactivate: Vec<Mid>,
    /// Inactive sections of the same kind that become send-only again.
    pub reactivate: Vec<Mid>,
    /// New ICE credentials.
    pub ice_restart: bool,
}

/// A send-only section to be added.
#[derive(Debug, Clone)]
pub struct NewSection {
    /// Audio or video.
    pub kind: Kind,
    /// msid's stream part.
    pub stream: String,
    /// msid's track part.
    pub track: String,
}

/// A published track.
#[derive(Debug, Clone)]
pub struct TrackSpec {
    /// Its key.
    pub key: TrackKey,
    /// Whose it is.
    pub publisher: ParticipantKey,
    /// The transport it arrives on.
    pub peer: PeerKey,
    /// The section it arrives in.
    pub mid: Mid,
    /// Audio or video.
    pub kind: Kind,
    /// Starts muted.
    pub muted: bool,
    /// What the publisher announced, lowest first; empty for audio.
    pub layers: Vec<LayerSpec>,
}

/// One announced simulcast layer. `bitrate` is the announced maximum and may be zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerSpec {
    /// Which.
    pub layer: Layer,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Announced maximum, 0 if unknown.
    pub bitrate: Bitrate,
}

/// A subscription in a negotiated section.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionSpec {
    /// Who watches.
    pub subscriber: ParticipantKey,
    /// On which transport.
    pub peer: PeerKey,
    /// In which section.
    pub mid: Mid,
    /// What.
    pub track: TrackKey,
}

/// What a subscriber wants of a track (`UpdateTrackSettings`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerWish {
    /// False: nothing is sent, the section stays.
    pub enabled: bool,
    /// The best layer it has use for.
    pub highest: Layer,
    /// 0 = default; larger is served first when bandwidth is short.
    pub priority: u32,
}

impl Default for LayerWish {
    fn default() -> Self {
        Self {
            enabled: true,
            highest: Layer::High,
            priority: 0,
        }
    }
}

/// The way of one data track's packets: each viewer knows the track by a handle of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTrackRoute {
    /// Whose it is.
    pub publisher: ParticipantKey,
    /// What the publisher writes into the packets.
    pub handle: u16,
    /// Who gets them, and what each is to read in them.
    pub viewers: Vec<(ParticipantKey, u16)>,
}

/// To whom a data packet of the server goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataTarget {
    /// Everyone who may receive.
    All,
    /// These.
    Some(Vec<ParticipantKey>),
}

/// From media to control.
#[derive(Debug, Clone)]
#[allow(
    missing_docs,
    reason = "the fields are the keys and specs documented by their types"
)]
pub enum MediaEvent {
    /// Our answer, as str0m wrote it: msids, codec order and unused slots are still to be edited.
    Answered {
        room: RoomKey,
        peer: PeerKey,
        negotiation: u32,
        sdp: String,
    },
    /// Our offer; `mids` belong to [`OfferChange::add`] in order.
    Offered {
        room: RoomKey,
        peer: PeerKey,
        negotiation: u32,
        sdp: String,
        mids: Vec<Mid>,
    },
    /// The client's answer fits.
    AnswerAccepted {
        room: RoomKey,
        peer: PeerKey,
        negotiation: u32,
    },
    /// SDP that could not be used; the peer is unchanged.
    NegotiationFailed {
        room: RoomKey,
        peer: PeerKey,
        negotiation: u32,
        cause: NegotiationFailure,
    },
    /// ICE and DTLS are up.
    PeerConnected { room: RoomKey, peer: PeerKey },
    /// The transport is gone; it is already removed.
    PeerFailed {
        room: RoomKey,
        peer: PeerKey,
        cause: PeerFailure,
    },
    /// How far a transport has come.
    PathSeen {
        room: RoomKey,
        peer: PeerKey,
        report: Box<PathReport>,
    },
    /// First media packet of a track.
    TrackFlowing { room: RoomKey, track: TrackKey },
    /// The layers that anybody wants changed (dynacast).
    DemandChanged {
        room: RoomKey,
        track: TrackKey,
        wanted: [bool; 3],
    },
    /// The box stopped or resumed a subscription for want of bandwidth.
    StreamStateChanged {
        room: RoomKey,
        subscriber: ParticipantKey,
        track: TrackKey,
        active: bool,
    },
    /// Speakers whose state or level changed since the last report.
    SpeakersChanged {
        room: RoomKey,
        changed: Vec<Speaker>,
    },
    /// Quality of one participant's connection changed.
    QualityChanged {
        room: RoomKey,
        participant: ParticipantKey,
        quality: Quality,
        score: f32,
    },
    /// A chat message went through (its text is nobody's business).
    MessageSent {
        room: RoomKey,
        participant: ParticipantKey,
    },
    /// A participant acknowledged or answered an RPC request of the server's own
    /// ([`SERVER_RPC_PREFIX`]); `packet` is its `DataPacket` as it came, at most
    /// [`crate::MAX_DATA_BYTES`].
    RpcAnswered {
        room: RoomKey,
        participant: ParticipantKey,
        packet: Bytes,
    },
    /// The highest reliable data sequence received from a participant, 0 if none.
    DataProgress {
        room: RoomKey,
        participant: ParticipantKey,
        sequence: u32,
    },
}

/// Why SDP could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationFailure {
    /// Not SDP, or not SDP that WebRTC can use.
    #[error("the session description could not be read")]
    Malformed,
    /// Larger than `MAX_SDP_BYTES` or with more than `MAX_SECTIONS` media sections.
    #[error("the session description is larger than the box accepts")]
    TooLarge,
    /// An answer without an offer, or to an older offer.
    #[error("the answer belongs to no pending offer")]
    NoPendingOffer,
    /// The peer is gone.
    #[error("the peer is closed")]
    Closed,
}

/// Why a transport ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerFailure {
    /// No candidate pair ever worked, within `ICE_TIMEOUT`.
    IceTimeout,
    /// The path died and did not come back.
    IceDisconnected,
    /// The DTLS handshake failed.
    Dtls,
    /// The client closed it.
    ClosedByPeer,
    /// str0m returned an error or did not settle; that peer alone is ended.
    Fault,
}

/// One participant's voice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speaker {
    /// Who.
    pub participant: ParticipantKey,
    /// 0.0 to 1.0, linear; 0.0 when no longer active.
    pub level: f32,
    /// Speaking.
    pub active: bool,
}

/// Connection quality, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Nothing arrives although something should.
    Lost,
    /// Unpleasant.
    Poor,
    /// Good.
    Good,
    /// Nothing to complain of.
    Excellent,
}
