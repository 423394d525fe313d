//! The accounts of a box.

use crate::account::{Account, AccountName};
use crate::file::{self, ACCOUNTS_FILE, ReadError};
use crate::lockout::{Lockout, Source};
use crate::password::{self, HashError, WeakPassword};
use crate::session::{IDLE, MAX_AGE, Sessions};
use safe::{PrivateFileError, RandomError, secret_text};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as Turn, Semaphore};
use tokio::task::spawn_blocking;
use vocab::{ErrorKind, UnixMillis};
use wire::admin::{AccountView, LoggedIn, Role};

/// Most accounts; operators of one hospital are dozens.
pub const MAX_ACCOUNTS: usize = 256;

/// Passwords that are hashed at a time: each takes 19 MiB and tens of milliseconds of a core that
/// signalling needs, too.
const MAX_HASHING: usize = 2;

/// Logins that wait for their turn, those at it included. Beyond it a login is told to come again.
const MAX_WAITING: usize = 16;

/// The accounts of a box: one file, and what is in memory of them.
pub struct Accounts {
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Changes go one after the other, each from what the one before left on disk.
    changing: Turn<()>,
    waiting: Semaphore,
    hashing: Semaphore,
    /// A hash that no password opens: what an unknown name costs.
    nobody: String,
    /// The cost of each password that was looked at, in order.
    #[cfg(test)]
    work: Mutex<Vec<String>>,
}

struct Inner {
    accounts: Vec<Account>,
    sessions: Sessions,
    lockout: Lockout,
}

/// Whose session a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The account.
    pub name: AccountName,
    /// What it may do.
    pub role: Role,
}

/// Why the accounts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenAccountsError {
    /// The file.
    #[error("the operators' accounts cannot be used: {0}")]
    File(String),
    /// No hash could be made.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// No such account, or another password: who asks does not learn which.
    #[error("name or password is wrong")]
    Wrong {
        /// This failure locked the name out from there.
        locked: bool,
    },
    /// Too many failures from there.
    #[error("too many failed logins from this address: wait {} s", .0.as_secs())]
    Wait(Duration),
    /// Too many logins at a time.
    #[error("too many logins at a time: try again in a moment")]
    Busy,
    /// The kernel gives no random numbers.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Why a password was not changed by its owner.
#[derive(Debug, thiserror::Error)]
pub enum ChangeOwnPasswordError {
    /// The present one was not proved.
    #[error(transparent)]
    Refused(#[from] LoginRefused),
    /// The new one was not taken.
    #[error(transparent)]
    Change(#[from] ChangeAccountError),
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeAccountError {
    /// There is one of that name.
    #[error(
        "there is an account {0} already: `ringward account password {0}` gives it another password"
    )]
    Exists(AccountName),
    /// There is none of that name.
    #[error("there is no account {0}")]
    Missing(AccountName),
    /// As many as there may be.
    #[error("there are {MAX_ACCOUNTS} accounts, as many as there may be: remove one first")]
    Full,
    /// The password is none.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Too many passwords are being hashed.
    #[error("too many passwords at a time: try again in a moment")]
    Busy,
    /// It could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// It could not be saved; everything is as it was.
    #[error("the change was not saved: {0}")]
    File(#[from] PrivateFileError),
}

impl ChangeAccountError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Exists(_) => ErrorKind::Conflict,
            Self::Missing(_) => ErrorKind::NotFound,
            Self::Full | Self::Busy => ErrorKind::Exhausted,
            Self::Weak(_) => ErrorKind::Invalid,
            Self::Hash(_) | Self::File(_) => ErrorKind::Unavailable,
        }
    }
}

impl Accounts {
    /// Reads the accounts of a data folder; there may be none.
    ///
    /// # Errors
    /// [`OpenAccountsError`]: a damaged file is not taken for an empty one.
    pub fn open(data: &Path) -> Result<Self, OpenAccountsError> {
        let path = data.join(ACCOUNTS_FILE);
        let accounts = file::read(&path)
            .map_err(|error: ReadError| OpenAccountsError::File(error.to_string()))?;
        let nobody = secret_text().map_err(HashError::from)?;
        Ok(Self {
            path,
            inner: Mutex::new(Inner {
                accounts,
                sessions: Sessions::default(),
                lockout: Lockout::default(),
            }),
            changing: Turn::new(()),
            waiting: Semaphore::new(MAX_WAITING),
            hashing: Semaphore::new(MAX_HASHING),
            nobody: password::hash(nobody.expose())?,
            #[cfg(test)]
            work: Mutex::default(),
        })
    }

    /// Begins a session. `from` is where the request came from.
    ///
    /// An unknown name takes the same way as a known one: it is hashed for, and locked out.
    ///
    /// # Errors
    /// [`LoginRefused`].
    pub async fn login(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
        wall: UnixMillis,
        now: Instant,
    ) -> Result<(Session, LoggedIn), LoginRefused> {
        let token = secret_text()?;
        let begin = |inner: &mut Inner, found: Account| {
            let session = Session {
                name: found.name,
                role: found.role,
            };
            let (name, role) = (session.name.clone(), session.role);
            inner.sessions.begin(token.expose(), name, role, now);
            session
        };
        let session = self.proved(name, password, from, now, begin).await?;
        let logged_in = LoggedIn {
            token: token.expose().clone(),
            role: session.role,
            idle_ms: millis(IDLE),
            ends_at_ms: wall.0.saturating_add(millis(MAX_AGE)),
        };
        Ok((session, logged_in))
    }

    /// Gives an account another password because its owner knows the present one, and ends its
    /// sessions. A wrong one counts as a failed login: a session that was left open is no way to try
    /// passwords.
    ///
    /// # Errors
    /// [`ChangeOwnPasswordError`].
    pub async fn change_own_password(
        &self,
        name: &AccountName,
        present: &str,
        new: String,
        from: IpAddr,
        (wall, now): (UnixMillis, Instant),
    ) -> Result<(), ChangeOwnPasswordError> {
        self.proved(name.as_str(), present, from, now, |_, _| ())
            .await?;
        Ok(self.set_password(name, new, wall).await?)
    }

    /// Does `then` with the account that has this password.
    async fn proved<R>(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
        now: Instant,
        then: impl FnOnce(&mut Inner, Account) -> R,
    ) -> Result<R, LoginRefused> {
        // A name that cannot be one is an unknown one; so is the case of its letters.
        let name = bounded(name);
        let source = Source::from(from);
        if let Some(wait) = self.inner().lockout.wait(&name, source, now) {
            return Err(LoginRefused::Wait(wait));
        }
        let account = self.account(&name);
        let hash = account.as_ref().map_or(&self.nobody, |a| &a.hash).clone();
        let is_right = self.is_password(password, hash).await?;
        let mut inner = self.inner();
        // Read again: it may have been removed, or given another password, meanwhile.
        let same = |kept: &&Account| account.as_ref().is_some_and(|a| a.hash == kept.hash);
        let found = inner.accounts.iter().find(same).filter(|_| is_right);
        let Some(found) = found.cloned() else {
            let locked = inner.lockout.fail(&name, source, now);
            return Err(LoginRefused::Wrong { locked });
        };
        inner.lockout.succeed(&name, source);
        Ok(then(&mut inner, found))
    }

    async fn is_password(&self, password: &str, hash: String) -> Result<bool, LoginRefused> {
        let password = bounded_password(password);
        #[cfg(test)]
        self.work.lock().unwrap().push(password::cost(&hash));
        self.hashing(move || password::verify(&password, &hash))
            .await
            .ok_or(LoginRefused::Busy)
    }

    /// Whose session a token is; `None` for unknown and ended ones alike. Prolongs it.
    #[must_use]
    pub fn session(&self, token: &str, now: Instant) -> Option<Session> {
        let (name, role) = self.inner().sessions.find(token, now)?;
        Some(Session { name, role })
    }

    /// Ends a session.
    pub fn logout(&self, token: &str) {
        self.inner().sessions.end(token);
    }

    /// All accounts, by name.
    #[must_use]
    pub fn list(&self, now: Instant) -> Vec<AccountView> {
        let inner = self.inner();
        let view = |account: &Account| AccountView {
            name: account.name.to_string(),
            role: account.role,
            created_at_ms: account.created_at_ms,
            password_at_ms: account.password_at_ms,
            sessions: count(inner.sessions.count(&account.name, now)),
            locked_out: count(inner.lockout.locked(account.name.as_str(), now)),
        };
        let mut views: Vec<_> = inner.accounts.iter().map(view).collect();
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }

    /// Makes an account; on `Ok` it is on disk.
    ///
    /// # Errors
    /// [`ChangeAccountError`].
    pub async fn add(
        &self,
        name: AccountName,
        role: Role,
        password: String,
        now: UnixMillis,
    ) -> Result<(), ChangeAccountError> {
        let hash = self.hash(&name, password).await?;
        self.change(|accounts| {
            if accounts.iter().any(|account| account.name == name) {
                return Err(ChangeAccountError::Exists(name.clone()));
            }
            if accounts.len() >= MAX_ACCOUNTS {
                return Err(ChangeAccountError::Full);
            }
            accounts.push(Account::new(name.clone(), role, hash, now));
            Ok(())
        })
        .await
    }

    /// Gives an account another password and ends its sessions.
    ///
    /// # Errors
    /// [`ChangeAccountError`].
    pub async fn set_password(
        &self,
        name: &AccountName,
        password: String,
        now: UnixMillis,
    ) -> Result<(), ChangeAccountError> {
        let hash = self.hash(name, password).await?;
        self.change(|accounts| {
            let account = find(accounts, name)?;
            account.hash = hash;
            account.password_at_ms = now.0;
            Ok(())
        })
        .await?;
        self.forget(name);
        Ok(())
    }

    /// Removes an account and ends its sessions.
    ///
    /// # Errors
    /// [`ChangeAccountError`].
    pub async fn remove(&self, name: &AccountName) -> Result<(), ChangeAccountError> {
        self.change(|accounts| {
            find(accounts, name)?;
            accounts.retain(|account| account.name != *name);
            Ok(())
        })
        .await?;
        self.forget(name);
        Ok(())
    }

    /// Forgets the failed logins of an account.
    ///
    /// # Errors
    /// [`ChangeAccountError::Missing`].
    pub fn unlock(&self, name: &AccountName) -> Result<(), ChangeAccountError> {
        let mut inner = self.inner();
        find(&mut inner.accounts, name)?;
        inner.lockout.unlock(name.as_str());
        Ok(())
    }

    fn forget(&self, name: &AccountName) {
        let mut inner = self.inner();
        inner.sessions.end_of(name);
        inner.lockout.unlock(name.as_str());
    }

    fn account(&self, name: &str) -> Option<Account> {
        let inner = self.inner();
        inner
            .accounts
            .iter()
            .find(|a| a.name.as_str() == name)
            .cloned()
    }

    async fn hash(
        &self,
        name: &AccountName,
        password: String,
    ) -> Result<String, ChangeAccountError> {
        password::judge(&password, name.as_str())?;
        let hashed = self.hashing(move || password::hash(&password)).await;
        Ok(hashed.ok_or(ChangeAccountError::Busy)??)
    }

    /// Does what takes a core, apart from the threads that serve; `None` when too many wait.
    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _place = self.waiting.try_acquire().ok()?;
        let _turn = self.hashing.acquire().await.ok()?;
        spawn_blocking(work).await.ok()
    }

    /// Saves first: memory never knows what the disk does not.
    async fn change(
        &self,
        change: impl FnOnce(&mut Vec<Account>) -> Result<(), ChangeAccountError>,
    ) -> Result<(), ChangeAccountError> {
        let _turn = self.changing.lock().await;
        let mut accounts = self.inner().accounts.clone();
        change(&mut accounts)?;
        let (path, kept) = (self.path.clone(), accounts.clone());
        // The disk may be slow; a thread that panicked has saved nothing that is known of.
        let saved = spawn_blocking(move || file::write(&path, &kept)).await;
        saved.map_err(|_| ChangeAccountError::Busy)??;
        self.inner().accounts = accounts;
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(
    accounts: &'a mut [Account],
    name: &AccountName,
) -> Result<&'a mut Account, ChangeAccountError> {
    accounts
        .iter_mut()
        .find(|account| account.name == *name)
        .ok_or_else(|| ChangeAccountError::Missing(name.clone()))
}

/// What a stranger calls himself, as far as an account's name can go: the lock-out keeps it.
fn bounded(name: &str) -> String {
    name.parse::<AccountName>()
        .map_or_else(|_| String::new(), |name| name.as_str().to_owned())
}

/// Longer than any password is wrong; hashing less of it is cheaper and as wrong.
fn bounded_password(password: &str) -> String {
    password
        .chars()
        .take(password::MAX_PASSWORD_CHARS + 1)
        .collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
