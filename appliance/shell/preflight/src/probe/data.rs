//! The data folder: there, and nobody else's.

use crate::finding::{Code, Finding};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(crate) struct Data {
    path: String,
    state: State,
}

enum State {
    /// Not there; the start makes it.
    Missing,
    NotAFolder,
    There {
        mode: u32,
    },
    Unreadable(String),
}

pub(crate) fn measure(path: &Path) -> Data {
    let state = match fs::metadata(path) {
        Ok(found) if found.is_dir() => State::There { mode: found.mode() },
        Ok(_) => State::NotAFolder,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::Missing,
        Err(error) => State::Unreadable(error.to_string()),
    };
    Data {
        path: path.display().to_string(),
        state,
    }
}

pub(crate) fn judge(data: &Data) -> Finding {
    let path = &data.path;
    match &data.state {
        State::Missing => Finding::pass(Code::Data, format!("{path} will be made at the start")),
        State::There { mode } if mode & 0o007 != 0 => Finding::warn(
            Code::Data,
            format!(
                "{path} is open to every user of this machine (mode {:o})",
                mode & 0o777
            ),
            format!("`chmod o-rwx {path}`"),
        ),
        State::There { mode } => {
            Finding::pass(Code::Data, format!("{path}, mode {:o}", mode & 0o777))
        }
        State::NotAFolder => Finding::fail(
            Code::Data,
            format!("{path} is no folder"),
            "name a folder: data = \"/var/lib/ringward\" in the settings",
        ),
        State::Unreadable(why) => Finding::fail(
            Code::Data,
            format!("{path}: {why}"),
            "run the check as root, or as the service's user",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn a_folder_is_the_boxs_alone() {
        for (name, state, want) in [
            ("missing", State::Missing, Grade::Pass),
            ("its own", State::There { mode: 0o40_750 }, Grade::Pass),
            (
                "readable by all",
                State::There { mode: 0o40_751 },
                Grade::Warn,
            ),
            ("a file", State::NotAFolder, Grade::Fail),
            (
                "hidden",
                State::Unreadable("EACCES".to_owned()),
                Grade::Fail,
            ),
        ] {
            let path = "/var/lib/ringward".to_owned();
            assert_eq!(judge(&Data { path, state }).grade, want, "{name}");
        }
    }
}
