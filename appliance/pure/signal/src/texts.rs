//! How long the texts that people and programs attach may be.

/// `ParticipantInfo.name` (LiveKit's `limit.max_participant_name_length`).
pub const MAX_PARTICIPANT_NAME_BYTES: usize = 256;

/// Metadata of a room or a participant: it is repeated to everyone on each change
/// (LiveKit's `limit.max_metadata_size` is 64 KiB or 512 KiB by edition; the larger is kept).
pub const MAX_METADATA_BYTES: usize = 512 * 1024;

/// All attribute keys and values of one participant (LiveKit's `limit.max_attributes_size`).
pub const MAX_ATTRIBUTES_BYTES: usize = 64 * 1024;

/// One data packet's payload: clients clamp to 64,000 bytes and SCTP peers advertise 64 KiB.
pub const MAX_DATA_BYTES: usize = 64_000;
