//! What a participant publishes and watches of data tracks, and the blobs it keeps for others.

use livekit_protocol::data_blob_key::Key;
use livekit_protocol::data_track_frame_encoding::Value as FrameEncoding;
use livekit_protocol::data_track_schema_encoding::Value as SchemaEncoding;
use livekit_protocol::{DataBlob, DataBlobKey, DataTrackInfo, DataTrackSchemaId};
use std::collections::BTreeMap;
use vocab::ParticipantKey;

/// Data tracks a participant may publish: beyond it one more is refused with `LIMIT_EXCEEDED`.
/// All of them stand in every update about the participant.
pub(crate) const MAX_DATA_TRACKS_PER_PARTICIPANT: usize = 64;
/// Tracks whose subscription a participant decided itself: further decisions are ignored.
const MAX_ASKED: usize = 4_096;
/// A name of a data track or of a schema, in characters (`livekit_rtc.proto`).
const MAX_NAME_CHARS: usize = 256;
/// The name of an encoding of one's own, in characters (`livekit_models.proto`).
const MAX_ENCODING_CHARS: usize = 32;
/// Key of a blob, in bytes. Source: `LiveKit` server 1.13, `max_data_blob_key_length`.
const MAX_BLOB_KEY_BYTES: usize = 256;
/// Blobs of a participant with their keys, in bytes: beyond it one more is refused with
/// `LIMIT_EXCEEDED`. Source: `LiveKit` server 1.13, `max_data_blobs_size`.
const MAX_BLOBS_BYTES: usize = 64_000;

/// A participant's part in data tracks.
#[derive(Debug, Default)]
pub(crate) struct DataTracks {
    /// What it publishes, by the handle it chose.
    pub(crate) published: BTreeMap<u16, DataTrackInfo>,
    /// Watches every data track unless it said otherwise.
    pub(crate) automatic: bool,
    /// What it watches (publisher and the publisher's handle), each with the handle it knows.
    pub(crate) watched: BTreeMap<(ParticipantKey, u16), Watched>,
    asked: BTreeMap<String, bool>,
    last_handle: u16,
}

/// A data track that somebody watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) handle: u16,
    pub(crate) sid: String,
}

impl DataTracks {
    /// Nothing yet.
    pub(crate) fn new(automatic: bool) -> Self {
        Self {
            automatic,
            ..Self::default()
        }
    }

    /// Notes what it decided about a track, by sid; the track may still be unknown.
    pub(crate) fn ask(&mut self, sid: String, subscribe: bool) {
        if self.asked.len() < MAX_ASKED || self.asked.contains_key(&sid) {
            self.asked.insert(sid, subscribe);
        }
    }

    /// Whether it wants the track.
    pub(crate) fn wants(&self, sid: &str) -> bool {
        self.asked.get(sid).copied().unwrap_or(self.automatic)
    }

    /// The track is over: nothing decided about it matters any more.
    pub(crate) fn forget(&mut self, sid: &str) {
        self.asked.remove(sid);
    }

    /// The handle for the next track it watches: never 0, and not one in use.
    pub(crate) fn next_handle(&mut self) -> u16 {
        loop {
            self.last_handle = self.last_handle.wrapping_add(1);
            let handle = self.last_handle;
            let is_used = self.watched.values().any(|seen| seen.handle == handle);
            if handle != 0 && !is_used {
                return handle;
            }
        }
    }
}

/// Whether a name may be given to a data track.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS
}

/// Whether what describes the frames of a data track can be read by others.
pub(crate) fn is_described(info: &DataTrackInfo) -> bool {
    let encoding = info.frame_encoding.as_ref().and_then(|e| e.value.as_ref());
    let encoding = match encoding {
        Some(FrameEncoding::Custom(name)) => is_encoding(name),
        Some(FrameEncoding::WellKnown(_)) | None => true,
    };
    encoding && info.schema.as_ref().is_none_or(is_schema)
}

fn is_schema(schema: &DataTrackSchemaId) -> bool {
    let encoding = schema.encoding.as_ref().and_then(|e| e.value.as_ref());
    let encoding = match encoding {
        Some(SchemaEncoding::Custom(name)) => is_encoding(name),
        Some(SchemaEncoding::WellKnown(_)) | None => true,
    };
    encoding && is_name(&schema.name)
}

fn is_encoding(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= MAX_ENCODING_CHARS
}

/// What a participant keeps for others to ask for: descriptions of its data, mostly.
#[derive(Debug, Default)]
pub(crate) struct DataBlobs(Vec<(DataBlobKey, Vec<u8>)>);

/// Why a blob is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreBlobError {
    /// Key or contents are missing, or the key cannot be one.
    #[error("a blob needs a key of at most {MAX_BLOB_KEY_BYTES} bytes and contents")]
    Invalid,
    /// There is no room for it.
    #[error("the blobs of a participant may have {MAX_BLOBS_BYTES} bytes together")]
    TooMuch,
}

impl DataBlobs {
    /// Keeps a blob, in place of the one of the same key.
    pub(crate) fn store(&mut self, blob: DataBlob) -> Result<(), StoreBlobError> {
        let key = blob.key.ok_or(StoreBlobError::Invalid)?;
        let is_key = match &key.key {
            Some(Key::Generic(name)) => !name.is_empty(),
            Some(Key::SchemaId(schema)) => is_schema(schema),
            None => false,
        };
        if !is_key || key_bytes(&key) > MAX_BLOB_KEY_BYTES || blob.contents.is_empty() {
            return Err(StoreBlobError::Invalid);
        }
        let others = self.0.iter().filter(|(known, _)| *known != key);
        let kept: usize = others
            .map(|(key, bytes)| key_bytes(key) + bytes.len())
            .sum();
        if kept + key_bytes(&key) + blob.contents.len() > MAX_BLOBS_BYTES {
            return Err(StoreBlobError::TooMuch);
        }
        self.0.retain(|(known, _)| *known != key);
        self.0.push((key, blob.contents));
        Ok(())
    }

    /// The blob of that key.
    pub(crate) fn get(&self, wanted: &DataBlobKey) -> Option<DataBlob> {
        let (key, contents) = self.0.iter().find(|(key, _)| key == wanted)?;
        Some(DataBlob {
            key: Some(key.clone()),
            contents: contents.clone(),
        })
    }
}

fn key_bytes(key: &DataBlobKey) -> usize {
    match &key.key {
        Some(Key::Generic(name)) => name.len(),
        Some(Key::SchemaId(schema)) => schema.name.len(),
        None => 0,
    }
}
