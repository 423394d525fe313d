//! A set of small numbers, walked in order.

/// Which streams have something to send; walking it costs nothing for those that have not.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// Empties it and makes room for `count` numbers.
    pub(crate) fn reset(&mut self, count: usize) {
        self.words.clear();
        self.words.resize(count.div_ceil(64), 0);
    }

    pub(crate) fn set(&mut self, place: usize, value: bool) {
        if let Some(word) = self.words.get_mut(place / 64) {
            let bit = 1 << (place % 64);
            *word = if value { *word | bit } else { *word & !bit };
        }
    }

    /// The first number in the set that is at least `from`.
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        let first = from / 64;
        self.words
            .iter()
            .enumerate()
            .skip(first)
            .find_map(|(at, word)| {
                let mask = if at == first {
                    u64::MAX << (from % 64)
                } else {
                    u64::MAX
                };
                let word = word & mask;
                (word != 0).then(|| at * 64 + word.trailing_zeros() as usize)
            })
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let place = self.next(from)?;
            from = place + 1;
            Some(place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_order() {
        let mut bits = Bits::default();
        bits.reset(200);
        for place in [199, 3, 64, 63, 128] {
            bits.set(place, true);
        }
        bits.set(128, false);
        bits.set(10_000, true);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [3, 63, 64, 199]);
    }
}
