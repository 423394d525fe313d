//! Number keys of the control plane to small integers of the hot path.

/// Keys in ascending order with the slab index each belongs to. The control plane counts its
/// keys up, so an insert is a push and a look-up a handful of comparisons without hashing;
/// iteration order is the order of creation on every run.
#[derive(Debug)]
pub(crate) struct KeyMap<K>(Vec<(K, usize)>);

impl<K> Default for KeyMap<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + Ord> KeyMap<K> {
    /// The index of `key`.
    pub(crate) fn get(&self, key: K) -> Option<usize> {
        let at = self.0.binary_search_by_key(&key, |(k, _)| *k).ok()?;
        self.0.get(at).map(|(_, index)| *index)
    }

    /// Remembers `key`; an older index is replaced.
    pub(crate) fn insert(&mut self, key: K, index: usize) {
        match self.0.binary_search_by_key(&key, |(k, _)| *k) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = index;
                }
            }
            Err(at) => self.0.insert(at, (key, index)),
        }
    }

    /// Forgets `key`, returning its index.
    pub(crate) fn remove(&mut self, key: K) -> Option<usize> {
        let at = self.0.binary_search_by_key(&key, |(k, _)| *k).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Indices in key order.
    pub(crate) fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().map(|(_, index)| *index)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whatever_the_order_they_came_in() {
        let mut map = KeyMap::default();
        for (key, index) in [(5u64, 0), (1, 1), (9, 2), (5, 3)] {
            map.insert(key, index);
        }
        assert_eq!(map.get(5), Some(3));
        assert_eq!(map.remove(1), Some(1));
        assert_eq!(map.get(1), None);
        assert_eq!(map.indices().collect::<Vec<_>>(), [3, 2]);
        assert_eq!(map.len(), 2);
    }
}
