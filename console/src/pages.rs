//! `--pages DIR` (hidden): the manual page and the shell completions, made of the command line itself.

use clap_complete::Shell;
use std::fs;
use std::io;
use std::path::Path;

/// `man/ringward-console.1` and `completions/…` below the folder.
pub(crate) fn write(command: &mut clap::Command, folder: &Path) -> io::Result<()> {
    let (man, shells) = (folder.join("man"), folder.join("completions"));
    for folder in [&man, &shells] {
        fs::create_dir_all(folder)?;
    }
    clap_mangen::generate_to(command.clone(), &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, command, "ringward-console", &shells)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Arguments;
    use clap::CommandFactory;

    #[test]
    fn every_shell_completes_what_the_manual_page_shows() {
        let folder = tempfile::tempdir().unwrap();
        write(&mut Arguments::command(), folder.path()).unwrap();
        for file in [
            "man/ringward-console.1",
            "completions/ringward-console.bash",
            "completions/_ringward-console",
            "completions/ringward-console.fish",
        ] {
            let text = fs::read_to_string(folder.path().join(file)).unwrap();
            let text = text.replace("\\-", "-");
            assert!(text.contains("no-blink"), "{file}");
        }
        let page = fs::read_to_string(folder.path().join("man/ringward-console.1")).unwrap();
        assert!(!page.contains("pages"), "what is hidden is on the page");
    }
}
