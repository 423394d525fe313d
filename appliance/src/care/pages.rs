//! `ringward pages DIR`: manual pages and shell completions, made of the command line itself.

use crate::cli::{Cli, PagesArguments};
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use std::fs;

/// `man/*.1`, a page per command that is not hidden, and `completions/…` below the folder.
pub(crate) fn run(arguments: &PagesArguments) -> Result<()> {
    let (man, shells) = (arguments.dir.join("man"), arguments.dir.join("completions"));
    for folder in [&man, &shells] {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} could not be made", folder.display()))?;
    }
    clap_mangen::generate_to(Cli::command(), &man)
        .context("the manual pages could not be written")?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "ringward", &shells)
            .context("the completions could not be written")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_page_and_no_hidden_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_owned();
        run(&PagesArguments { dir: dir.clone() }).unwrap();
        for page in ["ringward.1", "ringward-check.1", "ringward-token-create.1"] {
            let text = fs::read_to_string(dir.join("man").join(page)).unwrap();
            assert!(text.contains(".TH"), "{page}");
        }
        assert!(!dir.join("man/ringward-pages.1").exists());
        for file in ["ringward.bash", "_ringward", "ringward.fish"] {
            assert!(dir.join("completions").join(file).exists(), "{file}");
        }
    }
}
