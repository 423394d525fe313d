//! `ringward ca`: the internal CA of a box, and what client machines need of it.

use crate::cli::{CaArguments, CaCommand, ExportFormat};
use crate::installed;
use crate::tls::{authority_folder, own_names};
use anyhow::{Context, Result};
use safe::create_private;
use settings::{Flags, Settings, TlsSettings};
use std::path::{Path, PathBuf};
use tls::{Authority, DeviceSerial, GUIDE, mobileconfig};

/// Runs one command.
pub(crate) fn run(command: &CaCommand) -> Result<()> {
    match command {
        CaCommand::Init(arguments) => init(arguments),
        CaCommand::Device { at, serial, out } => device(at, serial, out.as_deref()),
        CaCommand::Export { at, format, out } => export(at, *format, out.as_deref()),
    }
}

#[expect(clippy::print_stdout, reason = "a command's result")]
fn init(arguments: &CaArguments) -> Result<()> {
    let settings = settings(arguments)?;
    let extra = match &settings.tls {
        Some(TlsSettings::InternalCa { names }) => names.clone(),
        _ => Vec::new(),
    };
    let names = own_names(&extra, &settings.announce);
    std::fs::create_dir_all(&settings.data)
        .with_context(|| format!("{} cannot be made", settings.data.display()))?;
    let folder = authority_folder(&settings.data);
    let authority = Authority::init(&folder, &names, crate::boot::now()?)?;
    let shown: Vec<_> = names.iter().map(ToString::to_string).collect();
    println!("made {} in {}", authority.facts().subject, folder.display());
    println!("it signs for {} and private addresses", shown.join(", "));
    println!("SHA-256 {}", authority.fingerprint());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command's result")]
fn device(at: &CaArguments, serial: &DeviceSerial, out: Option<&Path>) -> Result<()> {
    let issued = open(at)?.device(serial, crate::boot::now()?)?;
    let path = out.map_or_else(
        || PathBuf::from(format!("{}.pem", serial.as_str())),
        Path::to_owned,
    );
    create_private(&path, issued.pem.expose().as_bytes())?;
    println!(
        "{}: key, certificate and CA of device {}, valid until {}",
        path.display(),
        serial.as_str(),
        crate::moment::text(issued.expires_at.0)
    );
    println!("Move it to the device and delete it here: the box keeps no copy.");
    Ok(())
}

/// The certificate goes to a file or to standard output, alone; how to roll it out to the person.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's result"
)]
fn export(at: &CaArguments, format: ExportFormat, out: Option<&Path>) -> Result<()> {
    let authority = open(at)?;
    let text = match format {
        ExportFormat::Pem => authority.certificate_pem(),
        ExportFormat::Mobileconfig => {
            mobileconfig(&authority.facts().subject, authority.certificate_der())
        }
    };
    match out {
        Some(path) => {
            std::fs::write(path, text)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            println!("{}", path.display());
        }
        None => print!("{text}"),
    }
    eprintln!(
        "\n{}\nSHA-256 {}\nvalid until {}\n\n{GUIDE}",
        authority.facts().subject,
        authority.fingerprint(),
        crate::moment::text(authority.facts().expires_at.0)
    );
    Ok(())
}

fn open(arguments: &CaArguments) -> Result<Authority> {
    let data = settings(arguments)?.data;
    Ok(Authority::open(&authority_folder(&data))?)
}

fn settings(arguments: &CaArguments) -> Result<Settings> {
    let flags = Flags {
        config: installed::config(arguments.config.as_deref()),
        data: arguments.data.clone(),
        ..Flags::default()
    };
    Ok(Settings::load(flags)?)
}
