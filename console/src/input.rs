//! One line being typed.

use crate::chord::{Chord, Code};

/// A line with a cursor; bounded, without control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Input {
    text: String,
    /// In characters.
    cursor: usize,
    /// Most characters it takes.
    most: usize,
}

impl Input {
    /// An empty line of at most `most` characters.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            text: String::new(),
            cursor: 0,
            most,
        }
    }

    /// A line that begins with a text.
    pub(crate) fn with(most: usize, text: &str) -> Self {
        let mut input = Self::new(most);
        input.paste(text);
        input
    }

    /// What is typed so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where the next character goes, in characters.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Replaces what is typed.
    pub(crate) fn set(&mut self, text: &str) {
        *self = Self::with(self.most, text);
    }

    /// Types a text; what does not fit or cannot be shown is left out.
    pub(crate) fn paste(&mut self, text: &str) {
        for c in crate::ingest::text(text)
            .chars()
            .filter(|c| *c != '\u{FFFD}' && *c != '…')
        {
            self.insert(c);
        }
    }

    /// Takes a key; `false` if it is none of the line's.
    pub(crate) fn handle_key(&mut self, chord: Chord) -> bool {
        if let Some(c) = chord.typed() {
            self.insert(c);
            return true;
        }
        match chord.code {
            Code::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.remove();
            }
            Code::Backspace => {}
            Code::Delete => self.remove(),
            Code::Left => self.cursor = self.cursor.saturating_sub(1),
            Code::Right => self.cursor = (self.cursor + 1).min(self.count()),
            Code::Home => self.cursor = 0,
            Code::End => self.cursor = self.count(),
            Code::Char('u') if chord.ctrl => self.set(""),
            _ => return false,
        }
        true
    }

    fn count(&self) -> usize {
        self.text.chars().count()
    }

    fn byte(&self, index: usize) -> usize {
        self.text
            .char_indices()
            .nth(index)
            .map_or(self.text.len(), |(at, _)| at)
    }

    fn insert(&mut self, c: char) {
        if self.count() < self.most {
            self.text.insert(self.byte(self.cursor), c);
            self.cursor += 1;
        }
    }

    fn remove(&mut self) {
        if self.cursor < self.count() {
            self.text.remove(self.byte(self.cursor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_is_bounded_and_shows_nothing_hostile() {
        let mut input = Input::new(4);
        input.paste("a\u{1b}b\u{202e}cdef");
        assert_eq!(input.text(), "abcd");
        input.handle_key(Chord::plain(Code::Home));
        input.handle_key(Chord::plain(Code::Delete));
        input.handle_key(Chord::letter('é'));
        assert_eq!((input.text(), input.cursor()), ("ébcd", 1));
        input.handle_key(Chord::plain(Code::Backspace));
        assert_eq!(input.text(), "bcd");
        assert!(!input.handle_key(Chord::plain(Code::Enter)));
    }
}
