//! What comes in and what goes out. `update` turns the one into the other; nothing else does.

use crate::chord::Chord;
use crate::screen::Spot;
use vocab::Redacted;
use wire::EventView;
use wire::admin::{
    ActionAnswer, ActionRequest, AttemptView, AuditPage, Frame, RoomDetail, WhyView,
};

/// What happened.
#[derive(Debug)]
pub(crate) enum Action {
    /// A key went down.
    Key(Chord),
    /// A text was pasted.
    Paste(String),
    /// The wheel of the mouse, in rows.
    Wheel(i32),
    /// The mouse's button went down on something.
    Click(Spot),
    /// Time passed.
    Tick(Clock),
    /// A box said something, or something about the way to it.
    Heard(usize, Heard),
    /// Something this machine was asked for is done, or not.
    Noted(Result<String, String>),
}

/// Two clocks, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Never steps; ages are judged by it.
    pub(crate) now_ms: u64,
    /// Since 1970, for the clock on the screen.
    pub(crate) wall_ms: u64,
}

/// What a box said.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A line of the stream.
    Frame(Box<Frame>),
    /// The stream broke, or could not be opened.
    Lost(String),
    /// It wants an account.
    LoginNeeded(String),
    /// The account is good.
    LoggedIn {
        /// Whose.
        operator: String,
        /// It was asked for in order to arm.
        arm: bool,
    },
    /// It is not.
    LoginRefused(String),
    /// What became of an action.
    Answer {
        /// The card's number.
        tag: u64,
        /// In the box's words, or why there is none.
        answer: Result<ActionAnswer, String>,
    },
    /// The newest of the audit.
    Audit(Result<AuditPage, String>),
    /// The newest events.
    Events(Result<Vec<EventView>, String>),
    /// Why somebody can or cannot connect.
    Why(Result<Box<WhyView>, String>),
    /// Attempts that failed.
    Attempts(Result<Vec<AttemptView>, String>),
    /// Who is in rooms with devices.
    Devices(Result<Vec<RoomDetail>, String>),
}

/// What somebody else has to do: the client of a box, the clipboard, a file.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// `POST /admin/actions`.
    Act {
        /// Which box.
        station: usize,
        /// The card's number.
        tag: u64,
        /// What.
        request: Box<ActionRequest>,
    },
    /// `PUT /admin/rooms/{sid}/card`.
    HoldCard {
        /// Which box.
        station: usize,
        /// Of which room.
        room: String,
    },
    /// `GET /admin/audit`.
    Audit {
        /// Which box.
        station: usize,
    },
    /// `GET /admin/events`, up to a moment of a replay.
    Events {
        /// Which box.
        station: usize,
        /// On its clock; `None` is now.
        to_ms: Option<u64>,
    },
    /// `GET /admin/why/{of}`.
    Why {
        /// Which box.
        station: usize,
        /// Identity, sid or subnet.
        of: String,
    },
    /// `GET /admin/attempts`.
    Attempts {
        /// Which box.
        station: usize,
        /// On its clock.
        since_ms: u64,
    },
    /// `GET /admin/rooms/{sid}` for each.
    Devices {
        /// Which box.
        station: usize,
        /// Rooms.
        sids: Vec<String>,
    },
    /// The stream, with the details of this room.
    Watch {
        /// Which box.
        station: usize,
        /// Its sid.
        room: Option<String>,
    },
    /// `POST /admin/login`.
    Login {
        /// Which box.
        station: usize,
        /// The account.
        name: String,
        /// Never shown, never kept.
        password: Redacted<String>,
        /// In order to arm.
        arm: bool,
    },
    /// To the clipboard.
    Copy(String),
    /// To a file; `None` makes a name.
    Export {
        /// Where to.
        file: Option<String>,
        /// What the name begins with.
        title: &'static str,
        /// What.
        text: String,
    },
    /// The terminal forgot what it showed.
    Redraw,
    /// Leaves.
    Quit,
}
