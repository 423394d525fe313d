//! `ringward account`: who may operate the box over HTTPS.

use crate::admin::{Admin, block_on};
use crate::cli::{AccountCommand, AccountRole, BoxArguments};
use anyhow::{Context, Result, bail};
use reqwest::Method;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Write};
use vocab::{DisplayText, Redacted};
use wire::admin::{AccountView, NewAccount, NewPassword, Role};

/// Longest line that is read as a password, in bytes; the box says what is too long.
const MAX_LINE_BYTES: u64 = 4 * 1024;

/// Runs one command on the running box, which writes it into its audit journal.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn run(command: &AccountCommand) -> Result<()> {
    match command {
        AccountCommand::Add { at, name, role } => {
            let password = new_password(name)?.expose().clone();
            let new = NewAccount {
                name: name.clone(),
                role: Role::from(*role),
                password,
            };
            block_on(async {
                Admin::at(at)?
                    .change(Method::POST, "/admin/accounts", &new)
                    .await
            })?;
            println!("account {} was made", DisplayText::new(name));
        }
        AccountCommand::List { at } => list(at)?,
        AccountCommand::Remove { at, name } => {
            block_on(async {
                Admin::at(at)?
                    .change(Method::DELETE, &path(name, ""), &())
                    .await
            })?;
            println!(
                "account {} is gone, its sessions are over",
                DisplayText::new(name)
            );
        }
        AccountCommand::Password { at, name } => {
            let password = new_password(name)?.expose().clone();
            let new = NewPassword { password };
            block_on(async {
                Admin::at(at)?
                    .change(Method::PUT, &path(name, "/password"), &new)
                    .await
            })?;
            println!(
                "account {} has another password, its sessions are over",
                DisplayText::new(name)
            );
        }
        AccountCommand::Unlock { at, name } => {
            let unlock = path(name, "/unlock");
            block_on(async { Admin::at(at)?.change(Method::POST, &unlock, &()).await })?;
            println!("account {} may log in again", DisplayText::new(name));
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command's result")]
fn list(at: &BoxArguments) -> Result<()> {
    let accounts: Vec<AccountView> = block_on(async {
        let answer = Admin::at(at)?.get("/admin/accounts", &[]).await?;
        Ok(serde_json::from_value(answer)?)
    })?;
    if at.json {
        for account in &accounts {
            println!("{}", serde_json::to_string(account)?);
        }
        return Ok(());
    }
    println!(
        "{:<32} {:<10} {:>8} {:>6}  PASSWORD SET",
        "ACCOUNT", "ROLE", "SESSIONS", "LOCKED"
    );
    for account in &accounts {
        println!(
            "{:<32} {:<10} {:>8} {:>6}  {}",
            DisplayText::new(&account.name),
            AccountRole::from(account.role).word(),
            account.sessions,
            account.locked_out,
            crate::moment::text(account.password_at_ms),
        );
    }
    Ok(())
}

/// A name goes into a path; the box says which names there can be.
fn path(name: &str, rest: &str) -> String {
    format!("/admin/accounts/{name}{rest}")
}

/// A password from the terminal, twice and unseen, or one line of standard input. Never from an
/// argument, which every user of the machine can read.
fn new_password(name: &str) -> Result<Redacted<String>> {
    if !std::io::stdin().is_terminal() {
        return line().context("the password is read from standard input");
    }
    let first = asked(&format!("Password of {}: ", DisplayText::new(name)))?;
    if first != asked("Again: ")? {
        bail!("these were two different passwords: nothing was changed");
    }
    Ok(first)
}

fn asked(question: &str) -> Result<Redacted<String>> {
    let mut error = std::io::stderr();
    write!(error, "{question}").and_then(|()| error.flush())?;
    let _unseen = Unseen::begin().context("the terminal cannot hide a password")?;
    let typed = line();
    let _ = writeln!(error);
    typed
}

fn line() -> Result<Redacted<String>> {
    let mut text = String::new();
    std::io::Read::take(std::io::stdin().lock(), MAX_LINE_BYTES)
        .read_line(&mut text)
        .context("no password could be read")?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        bail!("no password: nothing was changed");
    }
    Ok(Redacted::new(text.to_owned()))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}
