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
use std::sync::atomic::{AtomicBool, Ordering};

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
        TAKEN.store(true, Ordering::SeqCst);
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

/// It is ours: giving it back twice would put the cursor over what was said in between.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back, once; what cannot be written cannot be helped.
pub(crate) fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    use std::io::Read;

    /// Set for the copy of this program that takes a terminal and panics in it.
    const PANICS: &str = "RINGWARD_CONSOLE_TEST_PANICS";

    /// Where it is set, this test is that copy.
    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        if std::env::var_os(PANICS).is_some() {
            let _held = Held::take(true).expect("a terminal");
            panic!("hostile \u{1b}]0;x\u{7} words");
        }
        let pair = native_pty_system()
            .openpty(PtySize::default())
            .expect("a pty");
        let before = pair
            .master
            .get_termios()
            .map(|termios| format!("{termios:?}"));
        let mut again = CommandBuilder::new(std::env::current_exe().expect("this program"));
        again.args([
            "--exact",
            "terminal::tests::a_panic_gives_the_terminal_back_before_it_is_told",
        ]);
        again.arg("--nocapture");
        again.env(PANICS, "1");
        let mut child = pair.slave.spawn_command(again).expect("a copy");
        drop(pair.slave);
        let mut bytes = Vec::new();
        // The kernel ends the reading with EIO once the copy is gone.
        let _ = pair
            .master
            .try_clone_reader()
            .expect("a reader")
            .read_to_end(&mut bytes);
        assert!(!child.wait().expect("ended").success(), "it panicked");
        let mut parser = vt100::Parser::new(24, 200, 0);
        parser.process(&bytes);
        let screen = parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        let text = String::from_utf8_lossy(&bytes);
        let gone = text.rfind("\u{1b}[?1049l").expect("it left the screen");
        let told = text.find("a mistake of its own").expect("it was told");
        assert!(gone < told, "given back first, and once");
        assert!(!text.contains("\u{1b}]0;"), "what it quotes is clean");
        assert_eq!(
            pair.master
                .get_termios()
                .map(|termios| format!("{termios:?}")),
            before
        );
    }
}
