//! Who has a card of a room open: two operators about the same session are to know of each other.
//!
//! Nothing follows from it but a line on others' cards, so it is kept in memory, for seconds, and is
//! in no journal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a card is shown after its console last said that it is open: three times its beat.
const CARD_LASTS: Duration = Duration::from_secs(6);

/// Most cards at one time: four for each console. Beyond it the oldest word is forgotten.
const MAX_CARDS: usize = 4 * super::MAX_CONSOLES;

/// Room and operator.
type Card = (String, String);

/// Cards that are open, by room and operator, and when that was said last.
#[derive(Debug, Default)]
pub(super) struct Cards(BTreeMap<Card, Instant>);

impl Cards {
    /// A console says that a card is open.
    pub(super) fn hold(&mut self, room: &str, by: &str, now: Instant) {
        self.0.insert((room.to_owned(), by.to_owned()), now);
        if self.0.len() > MAX_CARDS {
            let oldest = self.0.iter().min_by_key(|(_, said)| **said);
            if let Some(card) = oldest.map(|(card, _)| card.clone()) {
                self.0.remove(&card);
            }
        }
    }

    /// Who has one open, by room.
    pub(super) fn open(&mut self, now: Instant) -> BTreeMap<String, BTreeSet<String>> {
        self.0
            .retain(|_, said| now.saturating_duration_since(*said) < CARD_LASTS);
        let mut open: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (room, by) in self.0.keys() {
            open.entry(room.clone()).or_default().insert(by.clone());
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_open_while_its_console_says_so() {
        let (mut cards, began) = (Cards::default(), Instant::now());
        cards.hold("RM_1", "mlee", began);
        cards.hold("RM_1", "jdoe", began + Duration::from_secs(3));
        let mut of = |seconds| {
            let open = cards.open(began + Duration::from_secs(seconds));
            open.get("RM_1").cloned().unwrap_or_default().into_iter()
        };
        assert_eq!(of(5).collect::<Vec<_>>(), ["jdoe", "mlee"]);
        assert_eq!(of(6).collect::<Vec<_>>(), ["jdoe"]);
        assert_eq!(of(9).len(), 0);
        assert!(cards.0.is_empty(), "it is forgotten");
    }

    #[test]
    fn a_crowd_of_cards_takes_no_memory_and_the_newest_stay() {
        let (mut cards, began) = (Cards::default(), Instant::now());
        for n in 0..10 * MAX_CARDS as u64 {
            cards.hold(&n.to_string(), "mlee", began + Duration::from_nanos(n));
        }
        assert_eq!(cards.0.len(), MAX_CARDS);
        let newest = (10 * MAX_CARDS - 1).to_string();
        assert!(cards.open(began).contains_key(&newest));
    }
}
