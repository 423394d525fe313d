//! Where an installed box has its settings and its data: what commands mean when nothing is named.

use std::path::{Path, PathBuf};

/// Settings of the package.
const CONFIG: &str = "/etc/ringward/ringward.toml";

/// Data folder of the package.
const DATA: &str = "/var/lib/ringward";

/// Data folder of a box in development.
const DEVELOPMENT_DATA: &str = "ringward-data";

/// The named settings, or those of the installed box.
pub(crate) fn config(named: Option<&Path>) -> Option<PathBuf> {
    let installed = || Path::new(CONFIG).exists().then(|| PathBuf::from(CONFIG));
    named.map(Path::to_owned).or_else(installed)
}

/// The named data folder, or that of the installed box, or of one in development.
pub(crate) fn data(named: Option<&Path>) -> PathBuf {
    named.map_or_else(
        || {
            let is_installed = Path::new(DATA).is_dir();
            PathBuf::from(if is_installed { DATA } else { DEVELOPMENT_DATA })
        },
        Path::to_owned,
    )
}
