//! `a=rid` (RFC 8851) and `a=simulcast` (RFC 8853).

/// An `a=rid` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RidLine<'a> {
    /// `q`, `h`, `f` in `LiveKit`.
    pub id: &'a str,
    /// Seen from the description's author.
    pub direction: RidDirection,
    /// What follows, as written (`pt=…;max-width=…`).
    pub restrictions: &'a str,
}

/// Who sends a simulcast stream, seen from the description's author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RidDirection {
    /// The author.
    Send,
    /// The other side.
    Recv,
}

/// `a=simulcast`, seen from the description's author. Of alternatives the first is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulcast<'a> {
    /// Streams the author sends, in its order.
    pub send: Vec<SimulcastRid<'a>>,
    /// Streams the author receives, in its order.
    pub recv: Vec<SimulcastRid<'a>>,
}

/// One stream of `a=simulcast`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulcastRid<'a> {
    /// Its `rid`.
    pub id: &'a str,
    /// Written with `~`: it starts paused.
    pub paused: bool,
}

impl<'a> RidLine<'a> {
    pub(super) fn read(value: &'a str) -> Option<Self> {
        let (id, rest) = value.split_once(' ')?;
        let (direction, restrictions) = rest.split_once(' ').unwrap_or((rest, ""));
        let direction = match direction {
            "send" => RidDirection::Send,
            "recv" => RidDirection::Recv,
            _ => return None,
        };
        Some(Self {
            id,
            direction,
            restrictions,
        })
    }
}

impl<'a> Simulcast<'a> {
    pub(super) fn read(value: &'a str) -> Self {
        let mut simulcast = Self::default();
        let mut words = value.split_ascii_whitespace();
        while let (Some(direction), Some(list)) = (words.next(), words.next()) {
            let streams = list.split(';').filter_map(SimulcastRid::read).collect();
            match direction {
                "send" => simulcast.send = streams,
                "recv" => simulcast.recv = streams,
                _ => {}
            }
        }
        simulcast
    }
}

impl<'a> SimulcastRid<'a> {
    fn read(alternatives: &'a str) -> Option<Self> {
        let first = alternatives.split(',').next()?;
        let id = first.strip_prefix('~').unwrap_or(first);
        (!id.is_empty()).then_some(Self {
            id,
            paused: id.len() != first.len(),
        })
    }
}
