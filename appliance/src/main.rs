//! Ringward: compose, start, stop. No decisions.

mod admin;
mod banner;
mod boot;
mod cli;
mod events;
mod rooms;
mod stopped;
mod token;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or_default() {
        Command::Serve(arguments) => boot::serve(arguments),
        Command::Token(command) => token::run(command),
        Command::Rooms(arguments) => rooms::run(&arguments),
        Command::Events(arguments) => events::run(&arguments),
        Command::Store(command) => stopped::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence per cause, never a backtrace: the reader is an administrator.
            say(&format!("ringward: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last words of a command belong on its terminal"
)]
fn say(text: &str) {
    eprintln!("{text}");
}
