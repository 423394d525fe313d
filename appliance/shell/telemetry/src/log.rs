//! The log: one line per record on standard error.

use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

/// The environment variable that sets what is logged (`info`, `debug,str0m=warn`, …).
pub const LOG_VARIABLE: &str = "RINGWARD_LOG";

/// What is logged when nobody asks: state changes of the box; str0m and sled only when they warn.
pub const DEFAULT_FILTER: &str = "info,str0m=warn,is=warn,sled=warn,hyper=warn,rustls=warn";

/// Libraries that print what people write to each other: each message as it was sent. They are
/// kept at `info` whatever is asked for (promise P24).
const INDISCREET: &[&str] = &["tungstenite", "tokio_tungstenite"];

/// How the log looks.
#[derive(Debug, Clone, Default)]
pub struct LogConfig {
    /// One JSON object per line; otherwise text.
    pub json: bool,
    /// The filter from the configuration file; `RINGWARD_LOG` wins over it.
    pub filter: Option<String>,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InstallLogError {
    /// The filter has a mistake.
    #[error(
        "the log filter {filter:?} is not valid ({cause}); a right one is \"info\" or \"debug,str0m=warn\""
    )]
    Filter {
        /// The filter as given.
        filter: String,
        /// What the parser says.
        cause: tracing_subscriber::filter::ParseError,
    },
    /// Another subscriber is already in place.
    #[error("a log is already installed in this process")]
    AlreadyInstalled,
}

/// Installs the process-wide log.
pub fn install_log(config: &LogConfig) -> Result<(), InstallLogError> {
    let asked = std::env::var(LOG_VARIABLE)
        .ok()
        .filter(|text| !text.is_empty());
    let filter = parse_filter(asked.or_else(|| config.filter.clone()))?;
    let discreet = filter_fn(|metadata| {
        LevelFilter::INFO >= *metadata.level() || !is_indiscreet(metadata.target())
    });
    let filter = filter.and(discreet.with_max_level_hint(LevelFilter::TRACE));
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(true);
    let layer = if config.json {
        layer.json().boxed()
    } else {
        layer
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .boxed()
    };
    registry()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|_| InstallLogError::AlreadyInstalled)
}

fn is_indiscreet(target: &str) -> bool {
    INDISCREET.iter().any(|library| {
        target
            .strip_prefix(library)
            .is_some_and(|module| module.is_empty() || module.starts_with("::"))
    })
}

fn parse_filter(asked: Option<String>) -> Result<EnvFilter, InstallLogError> {
    let text = asked.unwrap_or_else(|| DEFAULT_FILTER.to_owned());
    EnvFilter::builder()
        .parse(&text)
        .map_err(|cause| InstallLogError::Filter {
            filter: text,
            cause,
        })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    #[test]
    fn a_wrong_filter_is_named_with_a_right_one() {
        let said = parse_filter(Some("ringward=loud!".to_owned()))
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("ringward=loud!") && said.contains("\"info\""),
            "{said}"
        );
    }

    #[test]
    fn a_library_that_prints_messages_is_known_with_its_modules_alone() {
        for (target, want) in [
            ("tungstenite", true),
            ("tungstenite::protocol", true),
            ("tokio_tungstenite::compat", true),
            ("tungstenites", false),
            ("ringward", false),
        ] {
            assert_eq!(is_indiscreet(target), want, "{target}");
        }
    }

    #[test]
    fn the_default_filter_is_valid() {
        assert!(parse_filter(None).is_ok());
    }
}
