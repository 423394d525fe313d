//! The loop that joins model, boxes and terminal. Draws at most five times a second.

use crate::action::{Action, Clock, Request};
use crate::chord::Chord;
use crate::client::{Client, OpenError, feed, serve};
use crate::export;
use crate::look::Look;
use crate::model::{Manners, Model};
use crate::screen;
use crate::settings::{Arguments, Place, Settings};
use crate::station::Station;
use crate::terminal::Held;
use crate::update::update;
use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{Event, EventStream, KeyEventKind, MouseButton, MouseEventKind};
use crossterm::execute;
use futures_util::StreamExt;
use jiff::tz::TimeZone;
use ratatui::layout::{Position, Rect};
use std::io::stdout;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// Least time between two drawings: five a second.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// The same over a slow line.
const DRAW_SLOWLY: Duration = Duration::from_secs(1);

/// The beat may be so much early.
const EARLY: Duration = Duration::from_millis(20);

/// What boxes said and nobody has looked at yet; beyond that their streams wait.
const HEARD_WAITING: usize = 1_024;

/// Taken in before drawing goes on, so that a flood of words does not stop the hand.
const HEARD_AT_ONCE: usize = 4_096;

/// What ended the console before it began.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// A way to a box.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The terminal or a signal.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] std::io::Error),
}

/// The ways to all boxes.
pub(crate) struct Ways {
    clients: Vec<Arc<Client>>,
    rooms: Vec<watch::Sender<(Option<String>, u64)>>,
    heard: mpsc::Sender<Action>,
}

impl Ways {
    /// Opens them; each box is heard from now on, for as long as the receiver is held.
    pub(crate) fn open(settings: &Settings) -> Result<(Self, mpsc::Receiver<Action>), OpenError> {
        let (heard, receiver) = mpsc::channel(HEARD_WAITING);
        let mut ways = Self {
            clients: Vec::new(),
            rooms: Vec::new(),
            heard,
        };
        for (index, endpoint) in settings.endpoints.iter().enumerate() {
            let client = Arc::new(Client::open(endpoint)?);
            let (room, wanted) = watch::channel((None, 0));
            tokio::spawn(feed(index, Arc::clone(&client), wanted, ways.heard.clone()));
            ways.clients.push(client);
            ways.rooms.push(room);
        }
        Ok((ways, receiver))
    }

    /// Sends a request on its way; what comes of it is heard later.
    pub(crate) fn send(&self, request: Request) {
        let station = match &request {
            Request::Act { station, .. }
            | Request::HoldCard { station, .. }
            | Request::Audit { station }
            | Request::Events { station, .. }
            | Request::Why { station, .. }
            | Request::Attempts { station, .. }
            | Request::Devices { station, .. }
            | Request::Watch { station, .. }
            | Request::Login { station, .. } => *station,
            Request::Copy(_) | Request::Export { .. } | Request::Redraw | Request::Quit => return,
        };
        if let (Request::Watch { room, .. }, Some(wanted)) = (&request, self.rooms.get(station)) {
            wanted.send_modify(|now| *now = (room.clone(), now.1));
            return;
        }
        let Some(client) = self.clients.get(station).cloned() else {
            return;
        };
        let (heard, again) = (self.heard.clone(), self.rooms.get(station).cloned());
        let logs_in = matches!(request, Request::Login { .. });
        tokio::spawn(async move {
            if let Some(said) = serve(&client, request).await {
                if logs_in && let Some(again) = again {
                    again.send_modify(|now| now.1 += 1);
                }
                // Nobody listens any more when the console leaves.
                let _ = heard.send(Action::Heard(station, said)).await;
            }
        });
    }
}

/// The model of a console that is about to begin.
pub(crate) fn model(settings: &Settings, look: Look, clock: Clock) -> Model {
    let stations = settings.endpoints.iter().map(|endpoint| {
        let accounts = matches!(endpoint.place, Place::Https(_));
        let uid = rustix::process::getuid().as_raw();
        let operator = if accounts {
            endpoint.account.clone()
        } else {
            format!("uid:{uid}")
        };
        Station::new(
            &endpoint.name,
            &endpoint.place.to_string(),
            accounts,
            &operator,
        )
    });
    let manners = Manners {
        look,
        zone: TimeZone::system(),
        lock_after_ms: settings.lock_after_ms,
        keys: settings.keys.clone(),
    };
    // Unlike those of any other console: started at another moment, or as another process.
    let seed = (clock.wall_ms << 20) | u64::from(std::process::id() & 0xF_FFFF);
    Model::new(stations.collect(), manners, clock, seed)
}

/// What the terminal shows, with what the operator wants.
pub(crate) fn look(arguments: &Arguments) -> Look {
    let found = Look::from_environment(|name| std::env::var(name).ok());
    Look {
        colours: arguments.colours.unwrap_or(found.colours),
        ascii: found.ascii || arguments.ascii,
        contrast: arguments.contrast,
        blink: !arguments.no_blink,
    }
}

/// Two clocks from one start.
pub(crate) struct Clocks {
    began: Instant,
}

impl Clocks {
    /// Starts them.
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// Now. The steady one begins at an hour, so that ages can be subtracted from it.
    pub(crate) fn now(&self) -> Clock {
        let steady = Duration::from_hours(1) + self.began.elapsed();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Clock {
            now_ms: steady.as_millis() as u64,
            wall_ms: wall.as_millis() as u64,
        }
    }
}

/// What can wake the loop.
enum Woken {
    Event(Option<std::io::Result<Event>>),
    Heard(Option<Action>),
    Beat,
    Continued,
    Ended,
}

/// Runs until the operator leaves or the terminal is gone.
pub(crate) async fn run(arguments: &Arguments, settings: &Settings) -> Result<(), RunError> {
    let clocks = Clocks::start();
    let mut model = model(settings, look(arguments), clocks.now());
    let (ways, mut heard) = Ways::open(settings)?;
    let mut held = Held::take(arguments.mouse)?;
    let mut events = EventStream::new();
    let mut ends = Ends::watch()?;
    let mut continued = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    let every = if arguments.slow {
        DRAW_SLOWLY
    } else {
        DRAW_EVERY
    };
    let mut beat = tokio::time::interval(every);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut drawn: Option<Instant> = None;
    loop {
        let woken = tokio::select! {
            biased;
            () = ends.ended() => Woken::Ended,
            event = events.next() => Woken::Event(event),
            _ = continued.recv() => Woken::Continued,
            _ = beat.tick() => Woken::Beat,
            action = heard.recv() => Woken::Heard(action),
        };
        let mut requests = Vec::new();
        let mut draws = false;
        match woken {
            Woken::Ended | Woken::Event(None | Some(Err(_))) => return Ok(()),
            Woken::Event(Some(Ok(event))) => {
                let size = held.screen.size()?;
                if let Some(action) = action(event, &model, size.into()) {
                    requests.extend(update(&mut model, Action::Tick(clocks.now())));
                    requests.extend(update(&mut model, action));
                }
                draws = true;
            }
            Woken::Heard(action) => {
                let more = std::iter::from_fn(|| heard.try_recv().ok()).take(HEARD_AT_ONCE);
                for action in action.into_iter().chain(more).collect::<Vec<_>>() {
                    requests.extend(update(&mut model, action));
                }
            }
            Woken::Beat => {
                requests.extend(update(&mut model, Action::Tick(clocks.now())));
                draws = true;
            }
            Woken::Continued => held.retake(arguments.mouse)?,
        }
        for request in requests {
            if matches!(request, Request::Quit) {
                return Ok(());
            }
            carry_out(request, &ways, &mut held, &mut model)?;
        }
        // The beat comes a little early or late; a hand that types must not double it.
        let rested = drawn.is_none_or(|at| at.elapsed() + EARLY >= every);
        if draws && rested {
            held.screen
                .draw(|frame| screen::render(&model, frame.area(), frame.buffer_mut()))?;
            drawn = Some(Instant::now());
        }
    }
}

fn carry_out(
    request: Request,
    ways: &Ways,
    held: &mut Held,
    model: &mut Model,
) -> std::io::Result<()> {
    match request {
        Request::Copy(text) => execute!(stdout(), CopyToClipboard::to_clipboard_from(text))?,
        Request::Redraw => held.screen.clear()?,
        Request::Export { file, title, text } => {
            let noted = export::write(
                file.as_deref(),
                title,
                &model.date(model.clock.wall_ms),
                &text,
            );
            update(model, Action::Noted(noted));
        }
        request => ways.send(request),
    }
    Ok(())
}

fn action(event: Event, model: &Model, area: Rect) -> Option<Action> {
    match event {
        // A key held down is no new decision.
        Event::Key(key) if key.kind == KeyEventKind::Press => {
            Chord::from_event(&key).map(Action::Key)
        }
        Event::Paste(text) => Some(Action::Paste(text)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => Some(Action::Wheel(-1)),
            MouseEventKind::ScrollDown => Some(Action::Wheel(1)),
            MouseEventKind::Down(MouseButton::Left) => {
                let at = Position::new(mouse.column, mouse.row);
                screen::spot(model, area, at).map(Action::Click)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Signals that end the console: asked to, or the terminal is gone.
struct Ends {
    term: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Ends {
    fn watch() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn ended(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
