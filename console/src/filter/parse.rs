//! From text to a tree, by descent; what is wrong is said with its column.

use super::{FilterError, MAX_FILTER_CHARS, Node, Order};
use std::iter::Peekable;
use std::vec::IntoIter;

/// Deepest nesting of brackets and `!`: nobody reads more, and the stack stays small.
const MAX_DEPTH: usize = 32;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Is,
    IsNot,
    Order(Order),
    And,
    Or,
    Not,
    Open,
    Close,
}

pub(super) struct Parser<'a> {
    tokens: Peekable<IntoIter<(usize, Token)>>,
    fields: &'a [&'a str],
    /// Where the text ends, for what is missing there.
    end: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &str, fields: &'a [&'a str]) -> Result<Self, FilterError> {
        let end = text.chars().count() + 1;
        if end > MAX_FILTER_CHARS {
            return Err(wrong(MAX_FILTER_CHARS, "a filter ends here at the latest"));
        }
        Ok(Self {
            tokens: tokens(text)?.into_iter().peekable(),
            fields,
            end,
        })
    }

    pub(super) fn parse(mut self) -> Result<Node, FilterError> {
        let node = self.any(0)?;
        match self.tokens.next() {
            None => Ok(node),
            Some((column, Token::Close)) => Err(wrong(column, "this ) closes nothing")),
            Some((column, _)) => Err(wrong(column, "& or | expected")),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all(depth)?];
        while self.takes(&Token::Or) {
            nodes.push(self.all(depth)?);
        }
        Ok(alone(nodes, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut nodes = vec![self.one(depth)?];
        loop {
            let goes_on = match self.tokens.peek() {
                Some((_, Token::And)) => self.tokens.next().is_some(),
                // Two terms side by side are both meant.
                Some((_, Token::Word(_) | Token::Not | Token::Open)) => true,
                _ => false,
            };
            if !goes_on {
                return Ok(alone(nodes, Node::All));
            }
            nodes.push(self.one(depth)?);
        }
    }

    fn one(&mut self, depth: usize) -> Result<Node, FilterError> {
        let Some((column, token)) = self.tokens.next() else {
            return Err(wrong(self.end, "something to look for is missing here"));
        };
        if depth >= MAX_DEPTH {
            return Err(wrong(column, "nested too deep"));
        }
        match token {
            Token::Not => Ok(Node::Not(Box::new(self.one(depth + 1)?))),
            Token::Open => {
                let node = self.any(depth + 1)?;
                if self.takes(&Token::Close) {
                    Ok(node)
                } else {
                    Err(wrong(column, "this ( is never closed"))
                }
            }
            Token::Word(word) => self.term(column, word),
            _ => Err(wrong(column, "a word or a field expected")),
        }
    }

    fn term(&mut self, column: usize, word: String) -> Result<Node, FilterError> {
        let Some((_, Token::Is | Token::IsNot | Token::Order(_))) = self.tokens.peek() else {
            return Ok(Node::Word(word));
        };
        if !self.fields.contains(&word.as_str()) {
            let known = self.fields.join(" ");
            return Err(wrong(
                column,
                &format!("no field `{word}`; there are {known}"),
            ));
        }
        let Some((_, operator)) = self.tokens.next() else {
            return Ok(Node::Word(word));
        };
        let Some((at, Token::Word(value))) = self.tokens.next() else {
            return Err(wrong(self.end, "a value expected after the operator"));
        };
        match operator {
            Token::IsNot => Ok(Node::Not(Box::new(Node::Is {
                field: word,
                text: value,
            }))),
            Token::Order(order) => Ok(Node::Compare {
                field: word,
                order,
                value: figure(at, &value)?,
            }),
            _ => match figure(at, &value) {
                Ok(number) => Ok(Node::Any(vec![
                    Node::Compare {
                        field: word.clone(),
                        order: Order::Equal,
                        value: number,
                    },
                    Node::Is {
                        field: word,
                        text: value,
                    },
                ])),
                Err(_) => Ok(Node::Is {
                    field: word,
                    text: value,
                }),
            },
        }
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        self.tokens.next_if(|(_, token)| token == wanted).is_some()
    }
}

fn alone(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(node)) => node,
        (_, last) => {
            nodes.extend(last);
            many(nodes)
        }
    }
}

/// `2%` is 20 thousandths; `10m` is 600,000 ms; a number alone is itself.
fn figure(column: usize, text: &str) -> Result<f64, FilterError> {
    const UNITS: [(&str, f64); 7] = [
        ("%", 10.0),
        ("ms", 1.0),
        ("s", 1_000.0),
        ("m", 60_000.0),
        ("h", 3_600_000.0),
        ("d", 86_400_000.0),
        ("", 1.0),
    ];
    for (unit, factor) in UNITS {
        if let Some(number) = text.strip_suffix(unit)
            && let Ok(number) = number.parse::<f64>()
            && number.is_finite()
        {
            return Ok(number * factor);
        }
    }
    Err(wrong(column, "a number expected: 3, 2%, 150ms, 10m, 2h"))
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        let column = at + 1;
        let mut doubled = |second: char| chars.next_if(|(_, next)| *next == second).is_some();
        let token = match c {
            ' ' => continue,
            '&' => {
                doubled('&');
                Token::And
            }
            '|' => {
                doubled('|');
                Token::Or
            }
            '(' => Token::Open,
            ')' => Token::Close,
            ':' => Token::Is,
            '=' => {
                doubled('=');
                Token::Is
            }
            '!' if doubled('=') => Token::IsNot,
            '!' => Token::Not,
            '<' if doubled('=') => Token::Order(Order::AtMost),
            '<' => Token::Order(Order::Less),
            '>' if doubled('=') => Token::Order(Order::AtLeast),
            '>' => Token::Order(Order::More),
            '"' => {
                let mut word = String::new();
                loop {
                    match chars.next() {
                        Some((_, '"')) => break Token::Word(word.to_lowercase()),
                        Some((_, c)) => word.push(c),
                        None => return Err(wrong(column, "this \" is never closed")),
                    }
                }
            }
            c => {
                let mut word = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, c)| !" &|()!:=<>\"".contains(*c)) {
                    word.push(c);
                }
                Token::Word(word.to_lowercase())
            }
        };
        tokens.push((column, token));
    }
    Ok(tokens)
}

fn wrong(column: usize, problem: &str) -> FilterError {
    FilterError {
        column,
        problem: problem.to_owned(),
    }
}
