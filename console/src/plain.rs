//! Lines instead of screens: for screen readers, and with a command for scripts.
//!
//! The same words as in the palette, over the same model; what screens draw is said row by row.
//! Changes of alarms are said as they come.

mod act;
mod speak;

use crate::action::{Action, Request};
use crate::command::Command;
use crate::model::Model;
use crate::palette::{self, WORDS};
use crate::picture::is_new;
use crate::run::{Clocks, RunError, Ways, look, model};
use crate::screen::Screen;
use crate::settings::{Arguments, Settings};
use crate::station::Link;
use crate::update::update;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::time::Duration;
use tokio::sync::mpsc;
use vocab::Redacted;
use wire::admin::Priority;

/// A box that has said nothing for so long cannot be reached, to a script.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// An answer to a question is waited for so long.
const ANSWER: Duration = Duration::from_secs(15);

/// All is well; something stands; something stands that cannot wait; the box cannot be reached.
const WELL: u8 = 0;
const WARNING: u8 = 1;
const CRITICAL: u8 = 2;
const UNREACHABLE: u8 = 3;

/// A console without screens.
struct Plain {
    model: Model,
    ways: Ways,
    heard: mpsc::Receiver<Action>,
    clocks: Clocks,
    json: bool,
    /// What is typed; closed at once where there is only one command.
    lines: mpsc::Receiver<String>,
    /// Alarms already said.
    said: BTreeSet<String>,
}

/// Runs one command, or commands from standard input until that ends. Says the exit code.
pub(crate) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, RunError> {
    let clocks = Clocks::start();
    let mut look = look(arguments);
    look.ascii = true;
    let model = model(settings, look, clocks.now());
    let (ways, heard) = Ways::open(settings)?;
    let json = arguments.json;
    let lines = typed(arguments.command.is_empty());
    let mut plain = Plain {
        model,
        ways,
        heard,
        clocks,
        json,
        lines,
        said: BTreeSet::new(),
    };
    if let Some(file) = &arguments.password_file {
        let text = std::fs::read_to_string(file)?;
        let password = text.lines().next().unwrap_or_default().to_owned();
        if !plain.log_in(password, false).await? {
            return Ok(UNREACHABLE);
        }
    }
    if arguments.command.is_empty() {
        plain.converse().await?;
        return Ok(WELL);
    }
    plain.once(&arguments.command.join(" ")).await
}

impl Plain {
    async fn once(&mut self, line: &str) -> Result<u8, RunError> {
        if !self
            .until(FIRST_WORD, |model| model.station().heard_ms.is_some())
            .await
        {
            let why = match &self.model.station().link {
                Link::Down { why, .. } | Link::Login { why } => why.clone(),
                _ => "it does not answer".to_owned(),
            };
            complain(&format!("{}: {why}", self.model.station().name))?;
            return Ok(UNREACHABLE);
        }
        let worked = self.obey(line).await?;
        Ok(if worked { self.verdict() } else { WARNING })
    }

    /// What a monitoring system should make of the box.
    fn verdict(&self) -> u8 {
        let picture = &self.model.station().live;
        match picture.alarm_counts() {
            [0, 0, 0] if picture.health.ready || picture.health.draining => WELL,
            [0, _, _] if picture.health.ready || picture.health.draining => WARNING,
            _ => CRITICAL,
        }
    }

    async fn converse(&mut self) -> Result<(), RunError> {
        say("Ringward console, plain lines. Not a patient alarm system. help lists the commands.")?;
        self.until(FIRST_WORD, |model| model.station().heard_ms.is_some())
            .await;
        let mut beat = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                line = self.lines.recv() => {
                    let Some(line) = line else { return Ok(()) };
                    if line.trim() == "quit" || line.trim() == "q" {
                        return Ok(());
                    }
                    if !line.trim().is_empty() {
                        self.obey(&line).await?;
                    }
                }
                action = self.heard.recv() => self.take(action),
                _ = beat.tick() => self.tick(),
            }
            self.announce()?;
        }
    }

    /// Does what a line says; `false` if that could not be.
    async fn obey(&mut self, line: &str) -> Result<bool, RunError> {
        // What is typed is said again where it is wrong.
        let line = &*crate::ingest::text(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first() == Some(&"help") {
            for word in WORDS {
                say(&format!("{} {}: {}", word.name, word.arguments, word.help))?;
            }
            say(act::USAGE)?;
            return Ok(true);
        }
        let asks = words.first() == Some(&"arm") && self.model.station().accounts;
        if asks || words.first() == Some(&"login") {
            return self.ask_account(words.get(1).copied(), asks).await;
        }
        if act::is_one(&words) {
            return match act::request(&mut self.model, &words) {
                Ok(request) => self.act(request).await,
                Err(why) => complain(&why).map(|()| false),
            };
        }
        let command = match palette::parse(line) {
            Ok(command) => command,
            Err(why) => return complain(&why).map(|()| false),
        };
        self.model.toast = None;
        self.command(line, command).await
    }

    async fn command(&mut self, line: &str, command: Command) -> Result<bool, RunError> {
        let acts = matches!(command, Command::Arm | Command::Unmask);
        let shows = matches!(
            command,
            Command::Show(_)
                | Command::Filter(_)
                | Command::Room(_)
                | Command::WhyOf(_)
                | Command::Refresh
        );
        if matches!(command, Command::Filter(_)) {
            self.model.screen = Screen::Rooms;
        }
        let requests = self.type_in(line);
        if acts && let Some(request) = requests.iter().find(|r| matches!(r, Request::Act { .. })) {
            let request = request.clone();
            return self.act(request).await;
        }
        for request in requests {
            self.ways.send(request);
        }
        if let Some(toast) = self.model.toast.take() {
            if toast.bad {
                return complain(&toast.text).map(|()| false);
            }
            say(&toast.text)?;
        }
        if shows {
            self.model.station_mut().forget_answers();
            self.tick();
            let screen = self.model.screen;
            self.until(ANSWER, |model| speak::is_there(model, screen))
                .await;
            self.tick();
            for row in speak::rows(&mut self.model, self.json) {
                say(&row)?;
            }
        }
        Ok(true)
    }

    /// Asks for name and password, one line each.
    async fn ask_account(&mut self, name: Option<&str>, arm: bool) -> Result<bool, RunError> {
        if !self.model.station().accounts {
            return complain("this box knows you by your user id; there is nothing to log in to")
                .map(|()| false);
        }
        if let Some(name) = name {
            name.clone_into(&mut self.model.station_mut().operator);
        }
        if self.model.station().operator.is_empty() {
            return complain("login NAME").map(|()| false);
        }
        say(&format!("Password of {}:", self.model.station().operator))?;
        let quiet = Quiet::start();
        let line = self.lines.recv().await;
        drop(quiet);
        match line {
            Some(password) => self.log_in(password, arm).await,
            None => Ok(false),
        }
    }

    async fn log_in(&mut self, password: String, arm: bool) -> Result<bool, RunError> {
        self.model.toast = None;
        let (station, name) = (self.model.current, self.model.station().operator.clone());
        let password = Redacted::new(password);
        self.ways.send(Request::Login {
            station,
            name,
            password,
            arm,
        });
        self.until(ANSWER, |model| model.toast.is_some()).await;
        match self.model.toast.take() {
            Some(toast) if toast.bad => complain(&toast.text).map(|()| false),
            Some(toast) => say(&toast.text).map(|()| true),
            None => complain("the box does not answer").map(|()| false),
        }
    }

    /// The palette's own way, so that both do the same.
    fn type_in(&mut self, line: &str) -> Vec<Request> {
        let key = |text: &str| text.parse().map(Action::Key).ok();
        let mut requests = Vec::new();
        for action in [key(":"), Some(Action::Paste(line.to_owned())), key("Enter")] {
            requests.extend(
                action
                    .into_iter()
                    .flat_map(|action| update(&mut self.model, action)),
            );
        }
        self.model.dialog = None;
        requests
    }

    async fn act(&mut self, request: Request) -> Result<bool, RunError> {
        let Request::Act { tag, .. } = &request else {
            return Ok(false);
        };
        let tag = *tag;
        self.ways.send(request);
        if !self
            .until(ANSWER, |model| !model.pending.contains_key(&tag))
            .await
        {
            complain("no answer: whether it was done is not known; audit tells")?;
            return Ok(false);
        }
        let Some(toast) = self.model.toast.take() else {
            return Ok(true);
        };
        if toast.bad {
            complain(&toast.text)?;
        } else {
            say(&toast.text)?;
        }
        Ok(!toast.bad)
    }

    /// Listens until something is so; `false` if it never was.
    async fn until(&mut self, most: Duration, so: impl Fn(&Model) -> bool) -> bool {
        let heard = async {
            while !so(&self.model) {
                let action = self.heard.recv().await;
                self.take(action);
            }
        };
        tokio::time::timeout(most, heard).await.is_ok()
    }

    fn take(&mut self, action: Option<Action>) {
        let Some(action) = action else { return };
        update(&mut self.model, Action::Tick(self.clocks.now()));
        let requests = update(&mut self.model, action);
        // What a screen would ask in a window is asked for in lines.
        self.model.dialog = None;
        for request in requests {
            self.ways.send(request);
        }
    }

    fn tick(&mut self) {
        // Lines are typed by somebody or something that is there: nothing locks itself.
        self.model.key_ms = self.clocks.now().now_ms;
        let requests = update(&mut self.model, Action::Tick(self.clocks.now()));
        for request in requests {
            self.ways.send(request);
        }
    }

    /// Says alarms that are new, and those that are gone.
    fn announce(&mut self) -> Result<(), RunError> {
        let picture = &self.model.station().live;
        let new = picture
            .alarms_in_order()
            .into_iter()
            .filter(|alarm| is_new(alarm.state));
        let now: BTreeSet<String> = new.clone().map(|alarm| alarm.id.clone()).collect();
        for alarm in new.filter(|alarm| !self.said.contains(&alarm.id)) {
            let word = match alarm.priority {
                Priority::High => "high",
                Priority::Medium => "medium",
                Priority::Low => "low",
            };
            say(&format!(
                "ALARM {word} {} {}: {} Do: {}",
                alarm.code, alarm.subject, alarm.cause, alarm.action
            ))?;
        }
        for gone in self
            .said
            .iter()
            .filter(|id| !picture.alarms.contains_key(*id))
        {
            say(&format!("ALARM gone {gone}"))?;
        }
        self.said = now;
        Ok(())
    }
}

/// Standard input, line by line.
fn typed(wanted: bool) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel::<String>(16);
    if wanted {
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
    }
    lines
}

/// A terminal that does not show what is typed, until this is dropped.
struct Quiet(Option<Termios>);

impl Quiet {
    fn start() -> Self {
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet);
        }
        Self(before)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

fn say(line: &str) -> Result<(), RunError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

fn complain(line: &str) -> Result<(), RunError> {
    writeln!(std::io::stderr(), "{line}")?;
    Ok(())
}
