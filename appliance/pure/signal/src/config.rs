//! What is the same for every room of the box, and what one room was created with.

use std::time::Duration;

/// The box's side of every room.
#[derive(Debug, Clone)]
pub struct RoomConfig {
    /// How long a room waits for its first participant (LiveKit: 300 s).
    pub empty_timeout: Duration,
    /// How long a room stays after the last participant left (LiveKit: 20 s).
    pub departure_timeout: Duration,
    /// Participants per room unless the room says otherwise; 0 = [`MAX_PARTICIPANTS`] only.
    pub max_participants: u32,
    /// `server_info.node_id`.
    pub node_id: String,
    /// `server_info.region`, may be empty.
    pub region: String,
    /// `server_info.version`: the LiveKit release whose behaviour clients may count on.
    pub version: String,
    /// Mime types publishers may use, video first and VP8 first (`livekit.md` §2).
    pub codecs: Vec<String>,
    /// `a=ice-lite` unless the client asks otherwise.
    pub ice_lite: bool,
    /// Whether the server API may unmute a track (LiveKit's `enable_remote_unmute`, default off).
    pub remote_unmute: bool,
}

/// Most participants in one room whatever the configuration says: every change is told to
/// everyone, so the cost of a join grows with the square of this.
pub const MAX_PARTICIPANTS: u32 = 1_000;

/// SDKs switch features on by the server's version: the Rust core refuses RPC below 1.8.0. This is
/// the LiveKit release this implementation was held against (`livekit.md`).
pub const LIVEKIT_VERSION: &str = "1.13.5";

impl Default for RoomConfig {
    fn default() -> Self {
        Self {
            empty_timeout: Duration::from_mins(5),
            departure_timeout: Duration::from_secs(20),
            max_participants: 0,
            node_id: "ND_ringward".into(),
            region: String::new(),
            version: LIVEKIT_VERSION.into(),
            codecs: [
                "video/VP8",
                "video/H264",
                "video/VP9",
                "video/AV1",
                "audio/opus",
                "audio/red",
            ]
            .map(String::from)
            .into(),
            ice_lite: true,
            remote_unmute: false,
        }
    }
}

/// What a room was created with (`CreateRoomRequest`, or the token's `roomConfig`).
#[derive(Debug, Clone, Default)]
pub struct RoomOptions {
    /// Overrides [`RoomConfig::empty_timeout`].
    pub empty_timeout: Option<Duration>,
    /// Overrides [`RoomConfig::departure_timeout`].
    pub departure_timeout: Option<Duration>,
    /// Overrides [`RoomConfig::max_participants`].
    pub max_participants: Option<u32>,
    /// Shown to everyone in the room.
    pub metadata: String,
    /// A participant's camera and microphone come as one stream, which a browser plays in step
    /// (`sync_streams`). Firefox names the tracks of such a stream itself: its SDK finds none.
    pub sync_streams: bool,
}
