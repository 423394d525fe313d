//! Ringward: compose, start, stop. No decisions.

mod account;
mod addresses;
mod admin;
mod attempts;
mod audit;
mod banner;
mod boot;
mod ca;
mod care;
mod cli;
mod descriptors;
mod desk;
mod drain;
mod events;
mod grade;
mod heads;
mod health;
mod installed;
mod keys;
mod ledger;
mod listeners;
mod moment;
mod operate;
mod rooms;
mod service;
mod shown;
mod stopped;
mod tls;
mod token;
mod watching;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    // The first thing of all: whoever speaks TLS later finds the cryptography chosen.
    ::tls::install_provider();
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or_default() {
        Command::Serve(arguments) => boot::serve(arguments),
        Command::Why(arguments) => match attempts::run(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Backup(arguments) => care::backup::backup(&arguments),
        Command::Restore(arguments) => care::backup::restore(&arguments),
        Command::Forecast(arguments) => care::forecast::run(&arguments),
        Command::Pages(arguments) => care::pages::run(&arguments),
        Command::Check(arguments) => {
            return care::check::run(&arguments).unwrap_or_else(|error| failed(&error));
        }
        Command::Token(command) => token::run(command),
        Command::Rooms(arguments) => return asked(rooms::list(&arguments)),
        Command::Room(arguments) => return asked(rooms::one(&arguments)),
        Command::Alarms(arguments) => return asked(health::alarms(&arguments)),
        Command::Health(arguments) => return asked(health::health(&arguments)),
        Command::Status(arguments) => return asked(health::status(&arguments)),
        Command::Events(arguments) => events::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::End(arguments) => operate::end(&arguments),
        Command::Admit(arguments) => operate::admit(&arguments),
        Command::Drain(arguments) => operate::drain(&arguments),
        Command::Undrain(arguments) => operate::undrain(&arguments),
        Command::Store(command) => stopped::run(&command),
        Command::Ca(command) => ca::run(&command),
        Command::Account(command) => account::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Never a backtrace: the reader is an administrator.
fn failed(error: &anyhow::Error) -> ExitCode {
    say(&format!("ringward: {}", sentence(error)));
    ExitCode::FAILURE
}

/// The exit code of a question that monitoring asks.
fn asked(outcome: anyhow::Result<grade::Grade>) -> ExitCode {
    grade::exit(outcome, |error| {
        say(&format!("ringward: {}", sentence(error)));
    })
}

/// What happened, from the outside in. A cause that its effect has already told, or that tells its
/// effect again, is not said twice.
fn sentence(error: &anyhow::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.last().is_some_and(|last| cause.starts_with(last)) {
            said.pop();
        }
        if !said.iter().any(|before| before.contains(&cause)) {
            said.push(cause);
        }
    }
    said.join(": ")
}

#[expect(
    clippy::print_stderr,
    reason = "the last words of a command belong on its terminal"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_twice() {
        for (name, causes, want) in [
            ("one", &["no key"][..], "no key"),
            ("two facts", &["no room", "disk full"], "disk full: no room"),
            (
                "a cause that its effect tells",
                &["EPERM", "the folder cannot be used (EPERM)"],
                "the folder cannot be used (EPERM)",
            ),
            (
                "a cause that tells its effect",
                &[
                    "the folder cannot be used (EPERM)",
                    "the folder cannot be used",
                ],
                "the folder cannot be used (EPERM)",
            ),
        ] {
            let mut error = anyhow::anyhow!("{}", causes[0]);
            for effect in &causes[1..] {
                error = error.context((*effect).to_owned());
            }
            assert_eq!(sentence(&error), want, "{name}");
        }
    }
}
