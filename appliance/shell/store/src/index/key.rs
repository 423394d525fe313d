//! Keys of the index: one byte for the table, then texts with their length, then numbers
//! big-endian, so that byte order is the order asked for.

/// A table of the index, its first key byte. Never reused for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Table {
    /// `→` what the index has applied.
    Meta = b'M',
    /// block of sequences `→` earliest and latest time in it.
    Zones = b'Z',
    /// room sid, block of sequences `→` places in it.
    EventsByRoom = b'r',
    /// room name, block of sequences `→` places in it.
    EventsByName = b'n',
    /// actor identity, block of sequences `→` places in it.
    EventsByActor = b'a',
    /// event type, block of sequences `→` places in it.
    EventsByKind = b'k',
    /// opening sequence `→` room.
    Rooms = b'R',
    /// room sid `→` opening sequence.
    RoomBySid = b's',
    /// room name, opening sequence.
    RoomsByName = b'N',
    /// opening sequence of rooms still open.
    OpenRooms = b'o',
    /// joining sequence `→` presence.
    Presences = b'P',
    /// room sid, joining sequence.
    PresencesByRoom = b'q',
    /// identity, joining sequence.
    PresencesByIdentity = b'i',
    /// joining sequence of presences still there.
    OpenPresences = b'p',
}

impl Table {
    /// The table's name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Zones => "zones",
            Self::EventsByRoom => "events_by_room",
            Self::EventsByName => "events_by_name",
            Self::EventsByActor => "events_by_actor",
            Self::EventsByKind => "events_by_kind",
            Self::Rooms => "rooms",
            Self::RoomBySid => "room_by_sid",
            Self::RoomsByName => "rooms_by_name",
            Self::OpenRooms => "open_rooms",
            Self::Presences => "presences",
            Self::PresencesByRoom => "presences_by_room",
            Self::PresencesByIdentity => "presences_by_identity",
            Self::OpenPresences => "open_presences",
        }
    }

    /// The table a key belongs to; [`Self::Meta`] for one of none.
    pub(crate) fn of_key(key: &[u8]) -> Self {
        [
            Self::Zones,
            Self::EventsByRoom,
            Self::EventsByName,
            Self::EventsByActor,
            Self::EventsByKind,
            Self::Rooms,
            Self::RoomBySid,
            Self::RoomsByName,
            Self::OpenRooms,
            Self::Presences,
            Self::PresencesByRoom,
            Self::PresencesByIdentity,
            Self::OpenPresences,
        ]
        .into_iter()
        .find(|table| key.first() == Some(&(*table as u8)))
        .unwrap_or(Self::Meta)
    }

    /// The table's only key.
    pub(crate) fn key(self) -> Vec<u8> {
        vec![self as u8]
    }

    /// The key of `sequence`.
    pub(crate) fn at(self, sequence: u64) -> Vec<u8> {
        self.under(&[]).at(sequence)
    }

    /// The key of a text.
    pub(crate) fn of(self, text: &str) -> Vec<u8> {
        self.text(text).0
    }

    /// All keys of the table.
    pub(crate) fn all(self) -> Prefix {
        self.under(&[])
    }

    /// All keys with this text.
    pub(crate) fn text(self, text: &str) -> Prefix {
        // A record's payload limit keeps texts below 64 KiB; the length in front keeps "a" + "b"
        // from being found under "ab".
        let length = (text.len() as u16).to_be_bytes();
        self.under(&[&length, text.as_bytes()])
    }

    /// All keys with this byte.
    pub(crate) fn byte(self, byte: u8) -> Prefix {
        self.under(&[&[byte]])
    }

    fn under(self, parts: &[&[u8]]) -> Prefix {
        let mut key = self.key();
        for part in parts {
            key.extend_from_slice(part);
        }
        Prefix(key)
    }
}

/// The keys that begin with the same bytes and end in a sequence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Prefix(Vec<u8>);

impl Prefix {
    /// The key of `sequence`.
    pub(crate) fn at(&self, sequence: u64) -> Vec<u8> {
        let mut key = self.0.clone();
        key.extend_from_slice(&sequence.to_be_bytes());
        key
    }
}

/// The sequence a key ends in.
pub(crate) fn sequence(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

const _: () = assert!(
    crate::journal::record::MAX_PAYLOAD_BYTES <= u16::MAX as usize,
    "a text in an event must fit the length in a key"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_sort_by_sequence_and_never_mix_texts(
            (a, b) in ("[a-c]{0,3}", "[a-c]{0,3}"), (m, n) in (any::<u64>(), any::<u64>()),
        ) {
            let prefix = Table::EventsByRoom.text(&a);
            prop_assert_eq!(prefix.at(m).cmp(&prefix.at(n)), m.cmp(&n));
            prop_assert_eq!(sequence(&prefix.at(m)), Some(m));
            let other = Table::EventsByRoom.text(&b).at(n);
            prop_assert_eq!(other.starts_with(&prefix.0), a == b);
        }
    }
}
