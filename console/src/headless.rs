//! The console without a terminal, for measurements.

use crate::action::{Action, Heard};
use crate::keys::KeyMap;
use crate::look::{Colours, Look};
use crate::model::{Manners, Model};
use crate::run::Clocks;
use crate::station::Station;
use crate::update::update;
use crate::{ingest, screen};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use std::collections::BTreeMap;

/// A console that hears lines, takes keys and draws, all without a terminal or a box.
pub struct Headless {
    model: Model,
    clocks: Clocks,
}

impl Headless {
    /// A console in 256 colours that has heard nothing; `None` if its own keys are at odds.
    #[must_use]
    pub fn new() -> Option<Self> {
        let manners = Manners {
            look: Look {
                colours: Colours::Many,
                ascii: false,
                contrast: false,
                blink: true,
            },
            zone: TimeZone::UTC,
            lock_after_ms: u64::MAX,
            keys: KeyMap::new(&BTreeMap::new()).ok()?,
        };
        let clocks = Clocks::start();
        let station = Station::new("BOX-1", "unix:/run/ringward/admin.sock", false, "uid:0");
        Some(Self {
            model: Model::new(vec![station], manners, clocks.now(), 0),
            clocks,
        })
    }

    /// Takes in one line of `GET /admin/stream`; `false` if it is none.
    pub fn hear(&mut self, line: &[u8]) -> bool {
        let Ok(frame) = ingest::value(line) else {
            return false;
        };
        update(
            &mut self.model,
            Action::Heard(0, Heard::Frame(Box::new(frame))),
        );
        true
    }

    /// Presses a key by its name (`2`, `Ctrl-Y`, `PgDn`), and lets time pass.
    pub fn press(&mut self, key: &str) {
        update(&mut self.model, Action::Tick(self.clocks.now()));
        if let Ok(chord) = key.parse() {
            update(&mut self.model, Action::Key(chord));
        }
    }

    /// What happens five times a second: time passes, lists are sorted, everything is drawn.
    pub fn beat(&mut self, buf: &mut Buffer) {
        update(&mut self.model, Action::Tick(self.clocks.now()));
        buf.reset();
        screen::render(&self.model, buf.area, buf);
    }
}
