//! Texts to files: never over another, readable by the operator alone.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Writes a text; says where it lies, or why it does not.
pub(crate) fn write(
    file: Option<&str>,
    title: &str,
    date: &str,
    text: &str,
) -> Result<String, String> {
    let stamp: String = date.chars().filter(char::is_ascii_digit).collect();
    let path = match file {
        Some(file) => PathBuf::from(file),
        None => unused(title, &stamp),
    };
    let shown = crate::ingest::text(&path.to_string_lossy());
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(format!(
            "saved (masked): {}",
            absolute(&path).unwrap_or(shown)
        )),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(format!(
            "{shown} exists and is not written over; :export OTHER-NAME"
        )),
        Err(error) => Err(format!(
            "{shown} could not be written: {error}; :export FILE names another place"
        )),
    }
}

/// A name in the present folder that is not taken.
fn unused(title: &str, stamp: &str) -> PathBuf {
    let name = |n: u32| match n {
        0 => format!("ringward-{title}-{stamp}.txt"),
        n => format!("ringward-{title}-{stamp}-{n}.txt"),
    };
    let free = (0..100)
        .map(|n| PathBuf::from(name(n)))
        .find(|path| !path.exists());
    free.unwrap_or_else(|| PathBuf::from(name(0)))
}

fn absolute(path: &std::path::Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    Some(crate::ingest::text(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn nothing_is_written_over_and_nobody_else_may_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.txt");
        let name = file.to_string_lossy().into_owned();
        write(Some(&name), "rooms", "", "one").expect("written");
        let error = write(Some(&name), "rooms", "", "two").expect_err("refused");
        assert!(error.contains("not written over"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "one");
        let mode = std::fs::metadata(&file)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
