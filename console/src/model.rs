//! Everything the console knows. `update` changes it, `render` reads it.

use crate::action::Clock;
use crate::card::Card;
use crate::chord::Chord;
use crate::filter::{Filter, FilterError};
use crate::handover::Handover;
use crate::input::Input;
use crate::keys::KeyMap;
use crate::list::List;
use crate::look::Look;
use crate::picture::Picture;
use crate::screen::Screen;
use crate::station::{Fresh, Station};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::sync::Arc;
use wire::admin::Verb;

/// A word to the operator stays so long.
pub(crate) const TOAST_MS: u64 = 8_000;

/// Most lines noted for a handover: a shift, not a diary.
pub(crate) const MAX_NOTES: usize = 100;

/// The order of the rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    /// What needs somebody first.
    #[default]
    Worst,
    /// By name.
    Name,
    /// The oldest first.
    Age,
    /// The fullest first.
    People,
    /// The worst loss first.
    Loss,
}

impl Sort {
    /// From its word.
    pub(crate) fn parse(word: &str) -> Result<Self, &'static str> {
        Ok(match word {
            "worst" => Self::Worst,
            "name" => Self::Name,
            "age" => Self::Age,
            "people" => Self::People,
            "loss" => Self::Loss,
            _ => return Err("worst, name, age, people or loss"),
        })
    }

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Worst => "worst",
            Self::Name => "name",
            Self::Age => "age",
            Self::People => "people",
            Self::Loss => "loss",
        }
    }
}

/// What lies over the screen and takes the keys.
#[derive(Debug)]
pub(crate) enum Dialog {
    /// The card of an action.
    Card(Box<Card>),
    /// What keys do, scrolled by rows.
    Help(usize),
    /// A command being typed.
    Palette(Input),
    /// A filter being typed, and what is wrong with it.
    Filter(Input, Option<FilterError>),
    /// An account being typed.
    Login(Login),
    /// The shift's summary.
    Handover(Box<Handover>),
    /// Armed, and wants to leave.
    Quit,
    /// Nobody was here for a while.
    Locked,
}

/// An account being typed.
#[derive(Debug)]
pub(crate) struct Login {
    /// Which box.
    pub(crate) station: usize,
    /// The account.
    pub(crate) name: Input,
    /// Shown as stars.
    pub(crate) password: Input,
    /// The password is being typed.
    pub(crate) at_password: bool,
    /// It arms when it is good.
    pub(crate) arm: bool,
    /// It was sent.
    pub(crate) asked: bool,
    /// What the box said.
    pub(crate) said: Option<String>,
}

/// The past, shown.
#[derive(Debug)]
pub(crate) struct Replay {
    /// Which moment, on the box's clock.
    pub(crate) at_ms: u64,
    /// As it was.
    pub(crate) picture: Arc<Picture>,
}

/// An action on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Which box.
    pub(crate) station: usize,
    /// What.
    pub(crate) verb: Verb,
    /// To what, as a person calls it.
    pub(crate) title: String,
}

/// A word to the operator.
#[derive(Debug)]
pub(crate) struct Toast {
    /// What.
    pub(crate) text: String,
    /// It is about something that did not work.
    pub(crate) bad: bool,
    /// When.
    pub(crate) at_ms: u64,
}

/// How the console behaves, from settings and flags.
#[derive(Debug, Clone)]
pub(crate) struct Manners {
    /// What the terminal shows.
    pub(crate) look: Look,
    /// The local time zone.
    pub(crate) zone: TimeZone,
    /// Locks itself after so long without a key.
    pub(crate) lock_after_ms: u64,
    /// What keys do.
    pub(crate) keys: KeyMap,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Model {
    /// Two clocks.
    pub(crate) clock: Clock,
    /// Settings.
    pub(crate) manners: Manners,
    /// Boxes.
    pub(crate) stations: Vec<Station>,
    /// Which of them is shown.
    pub(crate) current: usize,
    /// Which screen.
    pub(crate) screen: Screen,
    /// Screens that Esc leads back to.
    pub(crate) trail: Vec<Screen>,
    /// A cursor per list.
    pub(crate) lists: HashMap<Screen, List>,
    /// A filter per list.
    pub(crate) filters: HashMap<Screen, Filter>,
    /// The order of the rooms.
    pub(crate) sort: Sort,
    /// Which pane of screen 4 has the cursor: the second one.
    pub(crate) second_pane: bool,
    /// Rows that the second pane is scrolled by.
    pub(crate) scroll: usize,
    /// Lies over the screen.
    pub(crate) dialog: Option<Dialog>,
    /// The display stands still.
    pub(crate) frozen: Option<(Arc<Picture>, u64)>,
    /// The past is shown.
    pub(crate) replay: Option<Replay>,
    /// A word to the operator.
    pub(crate) toast: Option<Toast>,
    /// Lines for the handover.
    pub(crate) notes: Vec<String>,
    /// `g` was pressed.
    pub(crate) half: Option<Chord>,
    /// When a key was pressed last.
    pub(crate) key_ms: u64,
    /// When the console was started, on the wall's clock.
    pub(crate) started_wall_ms: u64,
    /// Actions that are on their way, by number.
    pub(crate) pending: HashMap<u64, Pending>,
    /// The next card's number.
    pub(crate) next_tag: u64,
}

impl Model {
    /// A console that knows of boxes and nothing of them yet. `seed` keeps the numbers of its
    /// actions apart from those of other consoles.
    pub(crate) fn new(stations: Vec<Station>, manners: Manners, clock: Clock, seed: u64) -> Self {
        Self {
            clock,
            manners,
            stations,
            current: 0,
            screen: Screen::Overview,
            trail: Vec::new(),
            lists: HashMap::new(),
            filters: HashMap::new(),
            sort: Sort::default(),
            second_pane: false,
            scroll: 0,
            dialog: None,
            frozen: None,
            replay: None,
            toast: None,
            notes: Vec::new(),
            half: None,
            key_ms: clock.now_ms,
            started_wall_ms: clock.wall_ms,
            pending: HashMap::new(),
            next_tag: seed,
        }
    }

    /// The box that is shown.
    #[expect(
        clippy::indexing_slicing,
        reason = "there is at least one box, and `current` is one of them"
    )]
    pub(crate) fn station(&self) -> &Station {
        &self.stations[self.current]
    }

    /// The same, to be changed.
    #[expect(
        clippy::indexing_slicing,
        reason = "there is at least one box, and `current` is one of them"
    )]
    pub(crate) fn station_mut(&mut self) -> &mut Station {
        &mut self.stations[self.current]
    }

    /// What the screens show: the past, what was frozen, or the present.
    pub(crate) fn picture(&self) -> &Picture {
        match (&self.replay, &self.frozen) {
            (Some(replay), _) => &replay.picture,
            (None, Some((picture, _))) => picture,
            (None, None) => &self.station().live,
        }
    }

    /// The screens show the present.
    pub(crate) fn is_live(&self) -> bool {
        self.replay.is_none() && self.frozen.is_none()
    }

    /// How old what is shown is. What stands still by wish does not grow old.
    pub(crate) fn fresh(&self) -> Fresh {
        if self.is_live() {
            self.station().fresh(self.clock.now_ms)
        } else {
            Fresh::Live
        }
    }

    /// The box's clock at the moment that is shown.
    pub(crate) fn shown_at_ms(&self) -> u64 {
        if self.is_live() {
            self.station().clock_ms(self.clock.now_ms)
        } else {
            self.picture().at_ms
        }
    }

    /// Since `at_ms` on the box's clock, at the moment that is shown.
    pub(crate) fn since(&self, at_ms: u64) -> u64 {
        self.shown_at_ms().saturating_sub(at_ms)
    }

    /// The cursor of the screen's list.
    pub(crate) fn list(&self) -> Option<&List> {
        self.lists.get(&self.screen)
    }

    /// The filter of the screen's list.
    pub(crate) fn filter(&self) -> Option<&Filter> {
        self.filters
            .get(&self.screen)
            .filter(|filter| !filter.is_empty())
    }

    /// A person as the operator may see them now.
    pub(crate) fn person(&self, identity: &str, role: &str) -> String {
        if role == "device" || self.shows_names() {
            identity.to_owned()
        } else {
            crate::text::masked(identity)
        }
    }

    /// A room's name as the operator may see it now.
    pub(crate) fn room_name(&self, name: &str) -> String {
        if self.shows_names() {
            name.to_owned()
        } else {
            crate::text::masked_room(name)
        }
    }

    fn shows_names(&self) -> bool {
        let locked = matches!(self.dialog, Some(Dialog::Locked));
        self.station().unmasked(self.clock.now_ms) && !locked
    }

    /// A time of the box on the operator's clock, `HH:MM:SS`.
    pub(crate) fn time(&self, at_ms: u64) -> String {
        self.local(at_ms, "%H:%M:%S")
    }

    /// The same without seconds.
    pub(crate) fn minute(&self, at_ms: u64) -> String {
        self.local(at_ms, "%H:%M")
    }

    /// With the day.
    pub(crate) fn date(&self, at_ms: u64) -> String {
        self.local(at_ms, "%Y-%m-%d %H:%M")
    }

    fn local(&self, at_ms: u64, format: &str) -> String {
        i64::try_from(at_ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .map_or_else(
                || crate::text::UNKNOWN.to_owned(),
                |at| {
                    at.to_zoned(self.manners.zone.clone())
                        .strftime(format)
                        .to_string()
                },
            )
    }

    /// Says something to the operator.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast {
            text: text.into(),
            bad: false,
            at_ms: self.clock.now_ms,
        });
    }

    /// Says what did not work.
    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast {
            text: text.into(),
            bad: true,
            at_ms: self.clock.now_ms,
        });
    }
}
