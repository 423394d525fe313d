//! The filter language: `ward:ICU & loss>2% & !rec`.
//!
//! A word alone is looked for in every text; `field:text` and `field=text` in one (`!=` the
//! opposite); `field>2%`, `age<10m` compare figures; `rec`, `hold` and other yes-or-no fields
//! stand alone. `&` binds tighter than `|`, `!` tightest, `( )` group. Parsing and matching take
//! time linear in what they read: there are no patterns that could explode.

mod parse;

use crate::filter::parse::Parser;

/// Longest filter, in characters: one line of a wide terminal.
pub(crate) const MAX_FILTER_CHARS: usize = 200;

/// What a row knows by the name of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fact {
    /// A text.
    Text(String),
    /// A figure in the field's base unit: milliseconds, thousandths, pieces.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Several words.
    Words(Vec<String>),
    /// The field exists, the row does not know it (now).
    Unknown,
}

/// A row that a filter looks at.
pub(crate) trait Subject {
    /// What the row knows by this name; `None` if it has no such field.
    fn fact(&self, field: &str) -> Option<Fact>;
    /// Every text of the row, for words that name no field.
    fn texts(&self) -> Vec<&str>;
}

/// Why a filter is not one, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {problem}")]
pub(crate) struct FilterError {
    /// Counted from 1.
    pub(crate) column: usize,
    /// In a few words, with what would be right.
    pub(crate) problem: String,
}

/// A filter that can be asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Filter {
    text: String,
    root: Option<Node>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Word(String),
    Is {
        field: String,
        text: String,
    },
    Compare {
        field: String,
        order: Order,
        value: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Filter {
    /// Reads a filter; `fields` are the names that rows of this screen have.
    pub(crate) fn parse(text: &str, fields: &[&str]) -> Result<Self, FilterError> {
        let text = text.trim();
        let root = if text.is_empty() {
            None
        } else {
            Some(Parser::new(text, fields)?.parse()?)
        };
        Ok(Self {
            text: text.to_owned(),
            root,
        })
    }

    /// As it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Nothing is filtered.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The row stays.
    pub(crate) fn matches(&self, row: &impl Subject) -> bool {
        self.root.as_ref().is_none_or(|root| root.matches(row))
    }
}

impl Node {
    fn matches(&self, row: &impl Subject) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(row)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(row)),
            Self::Not(node) => !node.matches(row),
            Self::Word(word) => match row.fact(word) {
                Some(Fact::Flag(set)) => set,
                _ => row.texts().iter().any(|text| contains(text, word)),
            },
            Self::Is { field, text } => row.fact(field).is_some_and(|fact| fact.is(text)),
            Self::Compare {
                field,
                order,
                value,
            } => match row.fact(field) {
                Some(Fact::Number(number)) => order.holds(number, *value),
                _ => false,
            },
        }
    }
}

impl Fact {
    fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Text(text) => contains(text, wanted),
            Self::Words(words) => {
                if wanted == "none" {
                    words.is_empty()
                } else {
                    words.iter().any(|word| contains(word, wanted))
                }
            }
            Self::Flag(set) => matches!(
                (wanted, set),
                ("yes" | "on" | "true", true) | ("no" | "off" | "false", false)
            ),
            Self::Number(number) => wanted.parse() == Ok(*number),
            Self::Unknown => wanted == "none",
        }
    }
}

impl Order {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => (left - right).abs() < f64::EPSILON,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

/// Regardless of case; `wanted` is in lower case already.
fn contains(text: &str, wanted: &str) -> bool {
    text.to_lowercase().contains(wanted)
}

#[cfg(test)]
mod tests;
