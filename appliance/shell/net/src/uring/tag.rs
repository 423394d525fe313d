//! What a completion belongs to, in the 64 bits that the kernel hands back.

use crate::reactor::SocketIndex;

/// A request's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// A socket's multishot receive.
    Receive(SocketIndex),
    /// The waker's read.
    Wake,
    /// The send buffer of a socket has room again.
    Writable(SocketIndex),
    /// A train; only failures complete.
    Send { train: u16, generation: u16 },
    /// The end of everything, when the reactor closes.
    Cancel,
}

impl Tag {
    pub(super) fn encode(self) -> u64 {
        let (kind, generation, index) = match self {
            Self::Receive(socket) => (0, 0, u16::from(socket.0)),
            Self::Wake => (1, 0, 0),
            Self::Writable(socket) => (2, 0, u16::from(socket.0)),
            Self::Send { train, generation } => (3, generation, train),
            Self::Cancel => (4, 0, 0),
        };
        kind << 32 | u64::from(generation) << 16 | u64::from(index)
    }

    pub(super) fn decode(bits: u64) -> Option<Self> {
        let index = bits as u16;
        let socket = SocketIndex(bits as u8);
        match bits >> 32 {
            0 => Some(Self::Receive(socket)),
            1 => Some(Self::Wake),
            2 => Some(Self::Writable(socket)),
            3 => Some(Self::Send {
                train: index,
                generation: (bits >> 16) as u16,
            }),
            4 => Some(Self::Cancel),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_as_it_went() {
        for tag in [
            Tag::Receive(SocketIndex(15)),
            Tag::Wake,
            Tag::Writable(SocketIndex(3)),
            Tag::Send {
                train: 1_023,
                generation: u16::MAX,
            },
            Tag::Cancel,
        ] {
            assert_eq!(Tag::decode(tag.encode()), Some(tag));
        }
    }
}
