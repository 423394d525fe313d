//! The one table of keys: what handles them, what help shows, what may be changed.

use crate::chord::{Chord, Code, NoSuchKey};
use crate::command::Command;
use crate::screen::Screen;
use std::collections::{BTreeMap, HashMap};

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Its name in the settings file.
    pub(crate) name: &'static str,
    /// Keys as they come out of the box.
    pub(crate) keys: &'static [&'static str],
    /// What it does, for help.
    pub(crate) help: &'static str,
    /// Where help shows it.
    pub(crate) group: Group,
    /// May be given other keys.
    pub(crate) rebindable: bool,
    command: fn() -> Command,
}

/// Headings of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Moving about.
    Move,
    /// Looking closer.
    Look,
    /// Acting; armed only.
    Act,
    /// The console itself.
    Console,
}

impl Group {
    /// In the order in which help shows them.
    pub(crate) const ALL: [(Self, &'static str); 4] = [
        (Self::Move, "MOVE"),
        (Self::Look, "LOOK"),
        (Self::Act, "ACT (after :arm)"),
        (Self::Console, "CONSOLE"),
    ];
}

macro_rules! bindings {
    ($($group:ident $name:literal [$($key:literal)+] $help:literal $(($fixed:ident))? => $command:expr;)+) => {
        /// Every key of the console. A letter means one thing on all screens.
        pub(crate) const BINDINGS: &[Binding] = &[$(Binding {
            name: $name,
            keys: &[$($key),+],
            help: $help,
            group: Group::$group,
            rebindable: !bindings!(@fixed $($fixed)?),
            command: || $command,
        }),+];
    };
    (@fixed fixed) => { true };
    (@fixed) => { false };
}

bindings! {
    Move "overview" ["1"] "overview" => Command::Show(Screen::Overview);
    Move "rooms" ["2"] "rooms" => Command::Show(Screen::Rooms);
    Move "room" ["3"] "the room opened last" => Command::Show(Screen::Room);
    Move "devices" ["4"] "devices and diagnostics" => Command::Show(Screen::Devices);
    Move "events" ["5"] "events and audit" => Command::Show(Screen::Events);
    Move "box" ["6"] "box health" => Command::Show(Screen::Health);
    Move "open" ["Enter"] "open what the cursor is on" => Command::Open;
    Move "back" ["Esc"] "back" => Command::Back;
    Move "pane" ["Tab" "h" "l" "Left" "Right"] "the pane beside" => Command::NextPane;
    Move "up" ["k" "Up"] "up" => Command::Move(-1);
    Move "down" ["j" "Down"] "down" => Command::Move(1);
    Move "page-up" ["PgUp" "Ctrl-B"] "a page up" => Command::Page(-1);
    Move "page-down" ["PgDn" "Ctrl-F"] "a page down" => Command::Page(1);
    Move "top" ["Home"] "the first row (also g g)" => Command::Top;
    Move "bottom" ["G" "End"] "the last row" => Command::Bottom;
    Move "next-match" ["n"] "the next match of the filter" => Command::Move(1);
    Move "previous-match" ["N"] "the match before" => Command::Move(-1);

    Look "filter" ["/"] "filter: ward:ICU & loss>2% & !rec" => Command::Filter(None);
    Look "why" ["d"] "why can it (not) connect" => Command::Why;
    Look "why-subnet" ["D"] "the same for its subnet" => Command::WhySubnet;
    Look "freeze" ["Space"] "freeze the display, go on" => Command::Freeze;
    Look "replay-back" ["["] "replay: back" => Command::ReplayBack;
    Look "replay-forward" ["]"] "replay: forward, to the present" => Command::ReplayForward;
    Look "unmask" ["U"] "names for 60 s (audited)" => Command::Unmask;
    Look "copy" ["y"] "copy the row (masked)" => Command::Copy;
    Look "export" ["e"] "export the screen (masked)" => Command::Export(None);

    Act "end" ["X"] "the card that ends a room, person, track" (fixed) => Command::End;
    Act "confirm" ["Ctrl-Y"] "confirm a card; nothing else does" (fixed) => Command::Confirm;
    Act "acknowledge" ["a"] "acknowledge the alarm" => Command::Acknowledge;
    Act "silence" ["s"] "silence the alarm for 2 min" => Command::Silence;
    Act "shelve" ["S"] "shelve the alarm, with a reason" => Command::Shelve;
    Act "admit" ["w"] "admit who waits" => Command::Admit;
    Act "mute" ["t"] "mute the track" => Command::Mute;

    Console "palette" [":"] "a command; Tab completes" => Command::Palette;
    Console "help" ["?" "F1"] "this" => Command::Help;
    Console "handover" ["H"] "hand the shift over" => Command::Handover;
    Console "refresh" ["R"] "ask anew" => Command::Refresh;
    Console "redraw" ["Ctrl-L"] "draw everything anew" => Command::Redraw;
    Console "quit" ["q"] "leave; asks if armed" => Command::Quit;
}

/// Which key does what, with the operator's changes.
#[derive(Debug, Clone)]
pub(crate) struct KeyMap {
    by_chord: HashMap<Chord, usize>,
    by_binding: Vec<Vec<Chord>>,
}

/// Why the settings' keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RebindError {
    /// No such row.
    #[error("[keys] has no `{0}`; `?` in the console lists the names")]
    NoSuchName(String),
    /// No such key.
    #[error("[keys] {name}: {error}")]
    NoSuchKey {
        /// The row.
        name: String,
        /// What is wrong.
        error: NoSuchKey,
    },
    /// Ending somebody is the same two keys everywhere.
    #[error("[keys] {0}: X and Ctrl-Y cannot be given away: they mean the same on every console")]
    Fixed(String),
    /// One key, two meanings.
    #[error("[keys] {key} would be both `{one}` and `{other}`")]
    Taken {
        /// The key.
        key: String,
        /// A row.
        one: String,
        /// Another.
        other: String,
    },
}

impl KeyMap {
    /// The table with the operator's changes: name → keys.
    pub(crate) fn new(changes: &BTreeMap<String, Vec<String>>) -> Result<Self, RebindError> {
        for name in changes.keys() {
            match BINDINGS.iter().find(|binding| binding.name == name) {
                None => return Err(RebindError::NoSuchName(name.clone())),
                Some(binding) if !binding.rebindable => {
                    return Err(RebindError::Fixed(name.clone()));
                }
                Some(_) => {}
            }
        }
        let mut map = Self {
            by_chord: HashMap::new(),
            by_binding: Vec::new(),
        };
        for (index, binding) in BINDINGS.iter().enumerate() {
            let chords = chords(binding, changes.get(binding.name))?;
            for chord in &chords {
                if let Some(taken) = map.by_chord.insert(*chord, index) {
                    return Err(taken_twice(*chord, taken, index));
                }
            }
            map.by_binding.push(chords);
        }
        Ok(map)
    }

    /// What the key does.
    pub(crate) fn command(&self, chord: Chord) -> Option<Command> {
        let index = self.by_chord.get(&chord)?;
        BINDINGS.get(*index).map(|binding| (binding.command)())
    }

    /// The keys of a row, as help shows them.
    pub(crate) fn keys(&self, name: &str) -> String {
        let index = BINDINGS.iter().position(|binding| binding.name == name);
        let chords = index.and_then(|index| self.by_binding.get(index));
        let names: Vec<String> = chords.into_iter().flatten().map(Chord::to_string).collect();
        names.join(" ")
    }

    /// The first key of a row, for the line at the bottom.
    pub(crate) fn key(&self, name: &str) -> String {
        self.keys(name)
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}

fn chords(binding: &Binding, change: Option<&Vec<String>>) -> Result<Vec<Chord>, RebindError> {
    let named = |name: &str| {
        name.parse::<Chord>()
            .map_err(|error| RebindError::NoSuchKey {
                name: binding.name.to_owned(),
                error,
            })
    };
    match change {
        Some(keys) => keys.iter().map(|key| named(key)).collect(),
        None => binding.keys.iter().map(|key| named(key)).collect(),
    }
}

fn taken_twice(chord: Chord, one: usize, other: usize) -> RebindError {
    let name = |index: usize| {
        BINDINGS
            .get(index)
            .map_or(String::new(), |b| b.name.to_owned())
    };
    let (one, other) = (name(one), name(other));
    let fixed = |name: &str| name == "end" || name == "confirm";
    if fixed(&one) || fixed(&other) {
        return RebindError::Fixed(if fixed(&one) { other } else { one });
    }
    RebindError::Taken {
        key: chord.to_string(),
        one,
        other,
    }
}

/// The first key of the pair that goes to the top.
pub(crate) const PREFIX: Chord = Chord::plain(Code::Char('g'));

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, keys: &[&str]) -> BTreeMap<String, Vec<String>> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        BTreeMap::from([(name.to_owned(), keys)])
    }

    #[test]
    fn every_key_of_the_table_means_one_thing() {
        let map = KeyMap::new(&BTreeMap::new()).expect("no key twice");
        assert!(map.command(PREFIX).is_none(), "g is the first half of g g");
        for binding in BINDINGS {
            assert!(!map.keys(binding.name).is_empty(), "{}", binding.name);
        }
    }

    #[test]
    fn no_twin_of_the_ending_key_ends_anybody() {
        let map = KeyMap::new(&BTreeMap::new()).expect("a map");
        let ends =
            |command: Option<Command>| matches!(command, Some(Command::End | Command::Confirm));
        for code in ('!'..='~').map(Code::Char) {
            for (ctrl, alt) in [(false, false), (true, false), (false, true), (true, true)] {
                let chord = Chord { code, ctrl, alt };
                let meant = ["X", "Ctrl-Y"].contains(&chord.to_string().as_str())
                    && (chord.code == Code::Char('X') || chord.code == Code::Char('y'));
                assert_eq!(ends(map.command(chord)), meant, "{chord}");
            }
        }
    }

    #[test]
    fn keys_can_be_given_away_except_the_two_that_end() {
        let map = KeyMap::new(&change("freeze", &["F5"])).expect("a map");
        assert_eq!(
            map.command("F5".parse().expect("a key")),
            Some(Command::Freeze)
        );
        assert_eq!(map.command("Space".parse().expect("a key")), None);
        for (name, keys, says) in [
            ("end", &["x"][..], "cannot be given away"),
            ("freeze", &["X"], "cannot be given away"),
            ("freeze", &["Ctrl-Y"], "cannot be given away"),
            ("freeze", &["q"], "both `freeze` and `quit`"),
            ("freeze", &["F99"], "is no key"),
            ("fly", &["f"], "has no `fly`"),
        ] {
            let error = KeyMap::new(&change(name, keys))
                .expect_err(name)
                .to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
