//! Rows of datagrams of one length: what the kernel sends as one `UDP_SEGMENT` train.
//!
//! Packets of a frame differ by a byte or two; a little RTP padding makes them one train, and a
//! train costs little more than a packet (`performance.md`, Design 1).

use crate::srtp::MAX_PADDING;

/// Padding may cost this share of a train: 1/33, 3 %.
const MAX_WASTE_SHARE: usize = 33;
/// So little padding per packet is always worth it: encoders cut frames into packets that differ
/// by one byte.
const FREE_PADDING: usize = 2;
/// Segments of one send: `UDP_MAX_SEGMENTS` of the oldest kernels in use.
const MAX_TRAIN: usize = 64;
/// Bytes of one send: a UDP datagram's limit, which holds for the whole train.
const MAX_TRAIN_BYTES: usize = 65_000;

/// The length a packet has, and the one it leaves with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Length {
    /// Without padding.
    pub(crate) own: usize,
    /// With it.
    pub(crate) level: usize,
    /// First of its train.
    pub(crate) starts: bool,
}

impl Length {
    pub(crate) fn new(own: usize) -> Self {
        Self {
            own,
            level: own,
            starts: true,
        }
    }

    pub(crate) fn padding(&self) -> usize {
        self.level.saturating_sub(self.own)
    }
}

/// Gives each packet its level; order stays. Every train but its last packet has one length, and
/// the last is not longer.
pub(crate) fn level<T>(packets: &mut [T], length: impl Fn(&mut T) -> &mut Length) {
    let mut rest = packets;
    while !rest.is_empty() {
        let train = Train::longest(rest, &length);
        let (row, behind) = rest.split_at_mut(train.count.max(1));
        let last = row.len() - 1;
        for (place, packet) in row.iter_mut().enumerate() {
            let length = length(packet);
            length.starts = place == 0;
            length.level = if place == last {
                length.own
            } else {
                train.longest
            };
        }
        rest = behind;
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Train {
    count: usize,
    longest: usize,
    /// Of all but the last.
    shortest: usize,
    bytes: usize,
    last: usize,
}

impl Train {
    /// The longest row at the front that is worth its padding.
    fn longest<T>(packets: &mut [T], length: &impl Fn(&mut T) -> &mut Length) -> Self {
        let mut train = Self {
            shortest: usize::MAX,
            ..Self::default()
        };
        for packet in packets {
            let longer = train.with(length(packet).own);
            if longer.count > 1 && !longer.pays() {
                break;
            }
            train = longer;
        }
        train
    }

    fn with(self, own: usize) -> Self {
        Self {
            count: self.count + 1,
            longest: self.longest.max(own),
            shortest: if self.count == 0 {
                usize::MAX
            } else {
                self.shortest.min(self.last)
            },
            bytes: self.bytes + own,
            last: own,
        }
    }

    fn pays(&self) -> bool {
        let deepest = self.longest.saturating_sub(self.shortest);
        let inner = self.bytes - self.last;
        let waste = (self.longest * (self.count - 1)).saturating_sub(inner);
        self.count <= MAX_TRAIN
            && self.longest * self.count <= MAX_TRAIN_BYTES
            && deepest <= MAX_PADDING
            && (deepest <= FREE_PADDING || waste * MAX_WASTE_SHARE <= self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leveled(lens: &[usize]) -> Vec<Length> {
        let mut all: Vec<Length> = lens.iter().copied().map(Length::new).collect();
        level(&mut all, |length| length);
        all
    }

    fn trains(lens: &[usize]) -> usize {
        leveled(lens).iter().filter(|length| length.starts).count()
    }

    #[test]
    fn a_frame_whose_packets_differ_by_a_byte_is_one_train() {
        assert_eq!(trains(&[1_100, 1_100, 1_101, 1_101]), 1);
        assert_eq!(
            trains(&[1_200, 1_200, 1_200, 310]),
            1,
            "the last is shorter"
        );
        assert_eq!(trains(&[100, 101]), 1, "a byte is free");
        assert_eq!(trains(&[90, 1_200, 1_200]), 2, "audio does not grow");
        assert_eq!(trains(&[1_200, 1_200, 300, 1_200]), 2, "nor a short end");
        assert_eq!(trains(&[1_200; 100]), 2, "the kernel's limit");
    }

    proptest! {
        #[test]
        fn every_train_has_one_length_and_little_padding(
            lens in proptest::collection::vec(prop_oneof![1_190_usize..1_202, 60_usize..1_400], 1..150)
        ) {
            let all = leveled(&lens);
            prop_assert_eq!(all.len(), lens.len());
            let mut rows: Vec<Vec<Length>> = Vec::new();
            for (length, own) in all.iter().zip(&lens) {
                prop_assert_eq!(length.own, *own);
                prop_assert!(length.level >= length.own);
                prop_assert!(length.padding() <= MAX_PADDING);
                if length.starts { rows.push(Vec::new()); }
                if let Some(row) = rows.last_mut() { row.push(*length); }
            }
            for row in rows {
                let first = row[0].level;
                let (last, inner) = row.split_last().expect("rows have packets");
                prop_assert!(inner.iter().all(|length| length.level == first));
                prop_assert!(last.level <= first || inner.is_empty());
                prop_assert!(row.len() <= MAX_TRAIN);
                let waste: usize = row.iter().map(Length::padding).sum();
                let bytes: usize = row.iter().map(|length| length.own).sum();
                let free = row.iter().all(|length| length.padding() <= FREE_PADDING);
                prop_assert!(free || waste * MAX_WASTE_SHARE <= bytes, "{} of {}", waste, bytes);
            }
        }
    }
}
