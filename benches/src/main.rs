//! `ringward-load`: joins clients to a server, measures, prints.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to the terminal"
)]

use anyhow::{Context, Result};
use clap::Parser;
use ringward_benches::options::Options;
use ringward_benches::report::Report;
use ringward_benches::run::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    match measured(&Options::parse()) {
        Ok(report) if report.is_sound() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(2),
        Err(error) => {
            eprintln!("ringward-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measured(options: &Options) -> Result<Report> {
    let report = run(options)?;
    print!("{report}");
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, json + "\n").with_context(|| path.display().to_string())?;
    }
    Ok(report)
}
