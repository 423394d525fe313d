//! One WebRTC peer: str0m on one side, the media plane on the other.
