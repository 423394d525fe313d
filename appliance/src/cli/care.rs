//! Commands of whoever installs the box and looks after it.

use super::BoxArguments;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct CheckArguments {
    /// Settings file [default: /etc/ringward/ringward.toml if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Data folder, instead of the settings'
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Prints one JSON object instead of the report
    #[arg(long, conflicts_with = "apply")]
    pub(crate) json: bool,
    /// Writes the report into FILE, and FILE.json for programs
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    pub(crate) report: Option<PathBuf>,
    /// Writes what the profile wants (sysctl.d, limits of the unit) and says what it wrote
    #[arg(long)]
    pub(crate) apply: bool,
    /// With --apply: below this folder instead of /, for an image being made
    #[arg(long, value_name = "DIR", requires = "apply")]
    pub(crate) root: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct BackupArguments {
    /// Folder to make; it must not exist, or be empty
    #[arg(value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Data folder [default: /var/lib/ringward if there is one, else ringward-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct RestoreArguments {
    /// Folder that `ringward backup` made
    #[arg(value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Data folder, absent or empty [default: /var/lib/ringward if there is one, else ringward-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct PagesArguments {
    /// Folder to write into
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Args)]
pub(crate) struct ForecastArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
}
