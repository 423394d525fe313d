//! The operators' console of a Ringward box.
//!
//! `update` turns what happened (keys, time, what boxes said) into changes of one model and into
//! requests; `render` draws that model. Both are pure and tested without a terminal; `run` is the
//! thin loop that joins them to one. Texts of strangers are cleaned where they enter (`ingest`)
//! and looked at once more where they leave (`screen::seal`).

mod action;
mod card;
mod chord;
mod client;
mod command;
mod export;
mod filter;
mod guard;
mod handover;
mod headless;
mod history;
mod ingest;
mod input;
mod keys;
mod list;
mod look;
mod model;
mod pages;
mod palette;
mod pen;
mod picture;
mod plain;
mod rows;
mod run;
#[cfg(test)]
mod sample;
mod screen;
mod settings;
mod station;
mod terminal;
mod text;
mod update;

pub use headless::Headless;

use clap::{CommandFactory, Parser};
use settings::{Arguments, Settings};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// The whole program; says its exit code.
///
/// 1 where something given to it is wrong, 3 (with `--plain COMMAND`) where the box cannot be
/// reached; the others are in its `--help`.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(folder) = &arguments.pages {
        return match pages::write(&mut Arguments::command(), folder) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => fail(&format!("{}: {why}", folder.display())),
        };
    }
    if !arguments.plain
        && let Some(code) = guard::run(std::env::args_os().skip(1))
    {
        return code;
    }
    match begin(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(why) => fail(&why),
    }
}

/// The terminal is given back by now: what is said here must be clean like any row.
fn fail(why: &str) -> ExitCode {
    let why = ingest::text(why);
    let _ = writeln!(std::io::stderr(), "ringward-console: {why}");
    ExitCode::FAILURE
}

fn begin(arguments: &Arguments) -> Result<u8, String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let settings = Settings::load(arguments, home).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime could not be started: {error}"))?;
    let ended = runtime.block_on(async {
        if arguments.plain {
            plain::run(arguments, &settings).await
        } else {
            run::run(arguments, &settings).await.map(|()| 0)
        }
    });
    // A thread that still reads standard input must not hold the end up.
    runtime.shutdown_background();
    ended.map_err(|error| error.to_string())
}
