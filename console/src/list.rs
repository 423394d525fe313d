//! A list under a cursor. The cursor follows what it is on, never a row; while somebody works in
//! the list, rows keep their places however the figures change.

/// So long after the last key in a list its order stays.
const HOLD_MS: u64 = 15_000;

/// So long after the cursor had to move by itself nothing is done to what it is on now: the hand
/// meant what was there before.
const STARTLED_MS: u64 = 1_500;

/// A list's cursor and order.
#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    /// What the cursor is on, by id.
    selected: Option<String>,
    /// Ids in the order shown.
    order: Vec<String>,
    /// When a key last moved in it.
    touched_ms: Option<u64>,
    /// When the cursor last had to move because its row was gone.
    jumped_ms: Option<u64>,
}

impl List {
    /// Takes the ids in their right order. Held, known ids keep their places, new ones come last.
    pub(crate) fn set(&mut self, ids: Vec<String>, held: bool, now_ms: u64) {
        let held = held || self.touched_ms.is_some_and(|at| now_ms < at + HOLD_MS);
        let place = self.place();
        if held && !self.order.is_empty() {
            let wanted: std::collections::HashSet<&str> = ids.iter().map(String::as_str).collect();
            let mut order: Vec<String> = self
                .order
                .iter()
                .filter(|id| wanted.contains(id.as_str()))
                .cloned()
                .collect();
            let known: std::collections::HashSet<String> = order.iter().cloned().collect();
            order.extend(ids.into_iter().filter(|id| !known.contains(id)));
            self.order = order;
        } else {
            self.order = ids;
        }
        if self.index().is_none() {
            // What it was on is gone: the cursor stays where it was, on what is there now.
            let last = self.order.len().saturating_sub(1);
            if self.selected.is_some() {
                self.jumped_ms = Some(now_ms);
            }
            self.selected = self.order.get(place.min(last)).cloned();
        }
    }

    fn place(&self) -> usize {
        self.index().unwrap_or(0)
    }

    /// Ids in the order shown.
    pub(crate) fn order(&self) -> &[String] {
        &self.order
    }

    /// What the cursor is on.
    pub(crate) fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// The cursor's row.
    pub(crate) fn index(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.order.iter().position(|id| id == selected)
    }

    /// The cursor has just moved by itself.
    pub(crate) fn is_startled(&self, now_ms: u64) -> bool {
        self.jumped_ms.is_some_and(|at| now_ms < at + STARTLED_MS)
    }

    /// Puts the cursor on an id.
    pub(crate) fn select(&mut self, id: &str, now_ms: u64) {
        self.selected = Some(id.to_owned());
        self.touched_ms = Some(now_ms);
        self.jumped_ms = None;
    }

    /// Moves the cursor by rows; it stops at both ends.
    pub(crate) fn step(&mut self, rows: i64, now_ms: u64) {
        let last = self.order.len().saturating_sub(1) as i64;
        let to = (self.place() as i64).saturating_add(rows).clamp(0, last);
        self.selected = self.order.get(to as usize).cloned();
        self.touched_ms = Some(now_ms);
        self.jumped_ms = None;
    }

    /// Nobody works in it any more.
    pub(crate) fn let_go(&mut self) {
        self.touched_ms = None;
    }

    /// The first row shown in `height` rows, so that the cursor is among them.
    pub(crate) fn first_row(&self, height: usize) -> usize {
        let place = self.place();
        let most = self.order.len().saturating_sub(height);
        place.saturating_sub(height / 2).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_cursor_follows_its_id_when_rows_move() {
        let mut list = List::default();
        list.set(ids("a b c"), false, 0);
        list.step(1, 0);
        list.set(ids("c a b"), false, HOLD_MS);
        assert_eq!((list.selected(), list.index()), (Some("b"), Some(2)));
    }

    #[test]
    fn rows_keep_their_places_while_somebody_works() {
        let mut list = List::default();
        list.set(ids("a b c"), false, 0);
        list.step(0, 1_000);
        list.set(ids("d c b"), false, 1_000 + HOLD_MS - 1);
        assert_eq!(list.order(), ids("b c d"));
        list.set(ids("d c b"), false, 1_000 + HOLD_MS);
        assert_eq!(list.order(), ids("d c b"));
        list.set(ids("b c d"), true, 1_000 + HOLD_MS);
        assert_eq!(list.order(), ids("d c b"), "a dialog holds it too");
    }

    #[test]
    fn where_the_row_is_gone_the_cursor_stays_in_its_place() {
        let mut list = List::default();
        list.set(ids("a b c"), false, 0);
        list.step(2, 0);
        list.set(ids("a b"), false, HOLD_MS);
        assert_eq!(list.selected(), Some("b"));
        assert!(list.is_startled(HOLD_MS + STARTLED_MS - 1));
        assert!(!list.is_startled(HOLD_MS + STARTLED_MS));
        list.set(ids(""), false, HOLD_MS);
        assert_eq!(list.selected(), None);
        list.step(1, 0);
        assert_eq!(list.selected(), None);
    }
}
