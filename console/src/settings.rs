//! The command line and the settings file. Where both say something, the command line wins.

use crate::keys::{KeyMap, RebindError};
use crate::look::Colours;
use clap::Parser;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where a box listens when nothing is said: as the package installs it.
const INSTALLED_SOCKET: &str = "/run/ringward/admin.sock";

/// The same, as `cargo run` leaves it.
const DEVELOPMENT_SOCKET: &str = "ringward-data/admin.sock";

/// Most boxes watched at once: one subscription each.
const MAX_BOXES: usize = 16;

/// Locks itself after so many minutes, unless told otherwise.
const LOCK_MINUTES: u64 = 10;

/// The operators' console of Ringward boxes.
///
/// Without --box it speaks to the box of this machine. It looks, until `:arm` lets it act for ten
/// minutes. `?` inside shows the keys.
#[derive(Parser, Debug)]
#[command(name = "ringward-console", version, after_help = EXIT_CODES)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help that a terminal shows"
)]
pub(crate) struct Arguments {
    /// A box, repeatable: unix:/run/ringward/admin.sock or https://box.hospital.example
    #[arg(long = "box", value_name = "NAME=PLACE")]
    boxes: Vec<String>,
    /// Settings file [default: ~/.config/ringward/console.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Certificate of the CA that signed the boxes' certificates, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The account that is offered where boxes have accounts
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// With --plain: a file whose first line is that account's password
    #[arg(long, value_name = "FILE", requires = "plain", requires = "account")]
    pub(crate) password_file: Option<PathBuf>,
    /// Lines instead of screens, for screen readers and scripts
    #[arg(long)]
    pub(crate) plain: bool,
    /// One JSON value per line (with --plain and a command)
    #[arg(long, requires = "plain")]
    pub(crate) json: bool,
    /// Colours [default: what the terminal says; NO_COLOR is heeded]
    #[arg(long, value_enum, value_name = "HOW-MANY")]
    pub(crate) colours: Option<Colours>,
    /// Only ASCII characters
    #[arg(long)]
    pub(crate) ascii: bool,
    /// High contrast
    #[arg(long)]
    pub(crate) contrast: bool,
    /// Nothing blinks
    #[arg(long)]
    pub(crate) no_blink: bool,
    /// A click selects a row or a screen, the wheel scrolls; neither ever confirms (and the
    /// terminal's own selection needs Shift)
    #[arg(long)]
    pub(crate) mouse: bool,
    /// Draws once a second, for slow lines
    #[arg(long)]
    pub(crate) slow: bool,
    /// Writes the manual page and shell completions into a folder
    #[arg(long, hide = true, value_name = "DIR")]
    pub(crate) pages: Option<PathBuf>,
    /// With --plain: one command, then leave; without, commands are read line by line
    #[arg(trailing_var_arg = true)]
    pub(crate) command: Vec<String>,
}

const EXIT_CODES: &str = "\
Exit codes with --plain COMMAND: 0 all is well, 1 a ** or * alarm stands or the command was \
refused, 2 a *** alarm stands or the box is not ready, 3 the box cannot be reached.";

/// Where a box is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Its admin socket.
    Socket(PathBuf),
    /// Its HTTPS address.
    Https(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => {
                write!(f, "unix:{}", crate::ingest::text(&path.to_string_lossy()))
            }
            Self::Https(url) => f.write_str(&crate::ingest::text(url)),
        }
    }
}

/// A box to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// As the operator calls it.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) place: Place,
    /// Whose certificates are believed there, beside the system's.
    pub(crate) authority: Option<PathBuf>,
    /// The account that is offered.
    pub(crate) account: String,
}

/// Settings that can be acted on.
#[derive(Debug)]
pub(crate) struct Settings {
    /// At least one.
    pub(crate) endpoints: Vec<Endpoint>,
    /// What keys do.
    pub(crate) keys: KeyMap,
    /// Locks itself after so long.
    pub(crate) lock_after_ms: u64,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file.
    #[error("{file}: {why}")]
    File {
        /// Its name.
        file: String,
        /// What is wrong, with line and column.
        why: String,
    },
    /// A key.
    #[error(transparent)]
    Keys(#[from] RebindError),
    /// A box.
    #[error(
        "--box {0}: a box is NAME=unix:/path/to/admin.sock or NAME=https://host, NAME of at most 32 characters"
    )]
    Place(String),
    /// A name twice.
    #[error("two boxes are called {0}")]
    Twice(String),
    /// Too many.
    #[error("{MAX_BOXES} boxes can be watched at once, {0} are given")]
    TooMany(usize),
}

/// The file as it is written. Never leaves this module.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawFile {
    #[serde(rename = "box")]
    boxes: Vec<RawBox>,
    keys: BTreeMap<String, Keys>,
    lock_minutes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawBox {
    name: String,
    place: String,
    ca: Option<PathBuf>,
    #[serde(default)]
    account: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Several(Vec<String>),
}

impl Settings {
    /// Reads the file, adds what the command line says.
    pub(crate) fn load(
        arguments: &Arguments,
        home: Option<PathBuf>,
    ) -> Result<Self, SettingsError> {
        let raw = match (
            &arguments.config,
            home.map(|home| home.join(".config/ringward/console.toml")),
        ) {
            (Some(file), _) => read(file)?,
            (None, Some(file)) if file.exists() => read(&file)?,
            (None, _) => RawFile::default(),
        };
        Self::compose(raw, arguments)
    }

    fn compose(raw: RawFile, arguments: &Arguments) -> Result<Self, SettingsError> {
        let keys = raw.keys.into_iter().map(|(name, keys)| match keys {
            Keys::One(key) => (name, vec![key]),
            Keys::Several(keys) => (name, keys),
        });
        let keys = KeyMap::new(&keys.collect())?;
        let mut endpoints = Vec::new();
        if arguments.boxes.is_empty() {
            for each in raw.boxes {
                let given = format!("{}={}", each.name, each.place);
                let ca = each.ca.or_else(|| arguments.ca.clone());
                endpoints.push(Endpoint {
                    account: each.account,
                    ..endpoint(&given, ca)?
                });
            }
        }
        for given in &arguments.boxes {
            endpoints.push(endpoint(given, arguments.ca.clone())?);
        }
        if endpoints.is_empty() {
            endpoints.push(this_machine());
        }
        if let Some(account) = &arguments.account {
            let account = crate::ingest::text(account);
            for each in &mut endpoints {
                each.account.clone_from(&account);
            }
        }
        if endpoints.len() > MAX_BOXES {
            return Err(SettingsError::TooMany(endpoints.len()));
        }
        for (index, one) in endpoints.iter().enumerate() {
            if endpoints
                .iter()
                .take(index)
                .any(|other| other.name.eq_ignore_ascii_case(&one.name))
            {
                return Err(SettingsError::Twice(one.name.clone()));
            }
        }
        let lock_after_ms = raw.lock_minutes.unwrap_or(LOCK_MINUTES).clamp(1, 24 * 60) * 60_000;
        Ok(Self {
            endpoints,
            keys,
            lock_after_ms,
        })
    }
}

fn read(file: &std::path::Path) -> Result<RawFile, SettingsError> {
    let wrong = |why: String| SettingsError::File {
        file: crate::ingest::text(&file.to_string_lossy()),
        why: why.trim().to_owned(),
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    toml::from_str(&text).map_err(|error| {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        wrong(format!(
            "line {line}, column {column}: {}",
            crate::ingest::text(error.message())
        ))
    })
}

fn endpoint(given: &str, authority: Option<PathBuf>) -> Result<Endpoint, SettingsError> {
    let wrong = || SettingsError::Place(crate::ingest::text(given));
    let (name, place) = given.split_once('=').ok_or_else(wrong)?;
    let name = crate::ingest::text(name.trim());
    if name.is_empty() || name.chars().count() > 32 {
        return Err(wrong());
    }
    let place = if let Some(path) = place.strip_prefix("unix:") {
        Place::Socket(PathBuf::from(path))
    } else if place.starts_with("https://") && place.len() > "https://".len() {
        Place::Https(place.to_owned())
    } else {
        return Err(wrong());
    };
    Ok(Endpoint {
        name,
        place,
        authority,
        account: String::new(),
    })
}

fn this_machine() -> Endpoint {
    let installed = PathBuf::from(INSTALLED_SOCKET);
    let development = PathBuf::from(DEVELOPMENT_SOCKET);
    let path = if !installed.exists() && development.exists() {
        development
    } else {
        installed
    };
    Endpoint {
        name: "this-box".to_owned(),
        place: Place::Socket(path),
        authority: None,
        account: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compose(file: &str, words: &[&str]) -> Result<Settings, SettingsError> {
        let arguments = Arguments::parse_from(std::iter::once(&"ringward-console").chain(words));
        Settings::compose(toml::from_str(file).expect("TOML"), &arguments)
    }

    #[test]
    fn boxes_come_from_the_command_line_or_the_file() {
        let file = "[[box]]\nname = 'A'\nplace = 'https://a.example'\naccount = 'mlee'\n";
        let settings = compose(file, &[]).expect("settings");
        assert_eq!(
            settings.endpoints[0].place,
            Place::Https("https://a.example".to_owned())
        );
        assert_eq!(settings.endpoints[0].account, "mlee");
        let settings = compose(file, &["--box", "B=unix:/run/b.sock"]).expect("settings");
        assert_eq!(settings.endpoints.len(), 1);
        assert_eq!(settings.endpoints[0].place.to_string(), "unix:/run/b.sock");
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (file, words, says) in [
            ("", &["--box", "B"][..], "NAME=unix:/path"),
            ("", &["--box", "B=http://x"], "NAME=https://host"),
            (
                "",
                &["--box", "B=unix:/a", "--box", "b=unix:/b"],
                "two boxes are called b",
            ),
            ("[keys]\nend = 'x'", &[], "cannot be given away"),
            ("[keys]\nfreeze = ['F5', 'q']", &[], "would be both"),
        ] {
            let error = compose(file, words).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_broken_file_is_said_with_line_and_column() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("console.toml");
        std::fs::write(&file, "lock-minutes = 5\nlock_minutes = 6\n").expect("written");
        let error = read(&file).map(|_| ()).expect_err("broken").to_string();
        assert!(error.contains("line 2, column 1"), "{error}");
    }
}
