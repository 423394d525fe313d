//! The terminal: taken over at the start, given back however the console ends.

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{self, Stdout, Write, stdout};

/// What the screens are drawn on.
pub(crate) type Screen = Terminal<CrosstermBackend<Stdout>>;

/// Takes the terminal over; gives it back when it is dropped.
pub(crate) struct Held {
    pub(crate) screen: Screen,
}

impl Held {
    /// Takes it over. From here on a panic gives it back before it is told.
    pub(crate) fn take(mouse: bool) -> io::Result<Self> {
        tell_panics_afterwards();
        enable_raw_mode()?;
        let mut out = stdout();
        execute!(out, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        if mouse {
            execute!(out, EnableMouseCapture)?;
        }
        Ok(Self {
            screen: Terminal::new(CrosstermBackend::new(out))?,
        })
    }

    /// Takes it over again, after something else had it.
    pub(crate) fn retake(&mut self, mouse: bool) -> io::Result<()> {
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        if mouse {
            execute!(stdout(), EnableMouseCapture)?;
        }
        self.screen.clear()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back; what cannot be written cannot be helped.
pub(crate) fn give_back() {
    let _ = disable_raw_mode();
    let _ = restore(&mut stdout());
}

/// Writes what undoes everything the console ever switched on.
pub(crate) fn restore(out: &mut impl Write) -> io::Result<()> {
    queue!(
        out,
        DisableMouseCapture,
        DisableBracketedPaste,
        ResetColor,
        LeaveAlternateScreen,
        Show
    )?;
    out.flush()
}

/// A panic's message is of our own making, but what it quotes may not be.
fn tell_panics_afterwards() {
    std::panic::set_hook(Box::new(|panic| {
        give_back();
        let said = crate::ingest::text(&panic.to_string());
        let _ = writeln!(
            io::stderr(),
            "ringward-console ended by a mistake of its own: {said}\n\
             Nothing was done on any box by this. Start it again; please report the line above."
        );
    }));
}
