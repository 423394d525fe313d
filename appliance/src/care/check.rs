//! `ringward check`: whether this machine is one for a box.

mod certificate;

use crate::cli::CheckArguments;
use crate::moment;
use crate::{addresses, boot, installed};
use anyhow::{Context, Result};
use preflight::{Code, Finding, Grade, Plan, Report, Style, Wrote};
use settings::{Flags, Settings};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

/// 0: pass, 1: something to mend, 2: a box would not do what it promises here.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn run(arguments: &CheckArguments) -> Result<ExitCode> {
    let config = installed::config(arguments.config.as_deref());
    let settings = Settings::load(Flags {
        config: config.clone(),
        data: arguments.data.clone(),
        ..Flags::default()
    });
    if arguments.apply {
        let profile = settings
            .context("the profile is named in the settings")?
            .profile;
        let root = arguments.root.as_deref().unwrap_or(Path::new("/"));
        for wrote in preflight::apply(&profile, root)? {
            println!("{}", told(&wrote));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let report = report(settings, config.as_deref())?;
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    let is_terminal = std::io::stdout().is_terminal();
    let style = Style::of_terminal(is_terminal, columns.or_else(width));
    if arguments.json {
        println!("{}", report.json());
    } else {
        print(&report.text(&style));
    }
    if let Some(path) = &arguments.report {
        save(&report, path)?;
    }
    Ok(ExitCode::from(match report.grade() {
        Grade::Pass => 0,
        Grade::Warn => 1,
        Grade::Fail => 2,
    }))
}

/// Of the terminal on standard output.
fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// A reader that went away ends nothing.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn report(
    settings: Result<Settings, settings::SettingsError>,
    config: Option<&Path>,
) -> Result<Report> {
    let place = config.map_or_else(
        || "no settings file: development mode".to_owned(),
        |path| format!("{} is understood", path.display()),
    );
    let (settings, mut findings) = match settings {
        Ok(settings) => (settings, vec![Finding::pass(Code::Settings, place)]),
        Err(error) => {
            let remedy = "mend the settings; what follows is judged by the defaults";
            let finding = Finding::fail(Code::Settings, error.to_string(), remedy);
            (Settings::load(Flags::default())?, vec![finding])
        }
    };
    findings.extend(preflight::run(&plan(&settings)?));
    findings.extend(certificate::look(&settings, boot::now()?));
    let mut report = Report {
        host: host(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: moment::text(boot::now()?.0),
        profile: settings.profile.name.clone(),
        findings,
    };
    report.sort();
    Ok(report)
}

fn plan(settings: &Settings) -> Result<Plan> {
    let workers = boot::worker_count(settings);
    let mut own = addresses::own()?;
    own.retain(|address| settings.development || !address.is_loopback());
    let ports = (0..workers).filter_map(|worker| {
        let worker = u16::try_from(worker).ok()?;
        settings.udp_port.checked_add(worker)
    });
    let udp = ports.flat_map(|port| own.iter().map(move |ip| SocketAddr::new(*ip, port)));
    Ok(Plan {
        profile: settings.profile.clone(),
        data: settings.data.clone(),
        tcp: [&settings.http[..], &settings.https, &settings.ice_tcp].concat(),
        udp: udp.collect(),
        workers,
    })
}

fn host() -> String {
    let name = rustix::system::uname();
    vocab::DisplayText::new(&name.nodename().to_string_lossy()).to_string()
}

/// `FILE` for people, `FILE.json` for programs.
#[expect(clippy::print_stderr, reason = "said beside the report")]
fn save(report: &Report, path: &Path) -> Result<()> {
    let mut json = path.as_os_str().to_owned();
    json.push(".json");
    for (path, text) in [
        (path, report.text(&Style::plain())),
        (Path::new(&json), report.json() + "\n"),
    ] {
        std::fs::write(path, text)
            .with_context(|| format!("the report {} could not be written", path.display()))?;
        eprintln!("written: {}", path.display());
    }
    Ok(())
}

fn told(wrote: &Wrote) -> String {
    match wrote {
        Wrote::File(path) => format!("written    {}", path.display()),
        Wrote::Unchanged(path) => format!("unchanged  {}", path.display()),
        Wrote::Set(name, value) => format!("set now    {name} = {value}"),
        Wrote::Later(name, why) => {
            format!("not now    {name}: {why}; it is set at the next start of the machine")
        }
    }
}
