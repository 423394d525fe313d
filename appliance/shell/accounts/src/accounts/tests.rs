#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::account::WrongAccountName;

const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "staple of another kind";
const WALL: UnixMillis = UnixMillis(1_795_737_600_000);

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn here() -> IpAddr {
    IpAddr::from([10, 0, 0, 1])
}

async fn with_amara(folder: &Path) -> Accounts {
    let accounts = Accounts::open(folder).unwrap();
    accounts
        .add(name("amara"), Role::Operator, PASSWORD.to_owned(), WALL)
        .await
        .unwrap();
    accounts
}

async fn log_in(
    accounts: &Accounts,
    name: &str,
    password: &str,
    now: Instant,
) -> Result<LoggedIn, LoginRefused> {
    accounts
        .login(name, password, here(), WALL, now)
        .await
        .map(|(_, logged_in)| logged_in)
}

#[tokio::test]
async fn an_account_logs_in_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = with_amara(folder.path()).await;
    let now = Instant::now();
    let session = log_in(&accounts, "Amara", PASSWORD, now).await.unwrap();
    let whose = accounts.session(&session.token, now).unwrap();
    assert_eq!((whose.name.as_str(), whose.role), ("amara", Role::Operator));
    drop(accounts);
    let again = Accounts::open(folder.path()).unwrap();
    assert!(
        again.session(&session.token, now).is_none(),
        "sessions are in memory only"
    );
    assert!(log_in(&again, "amara", PASSWORD, now).await.is_ok());
    let kept = std::fs::read_to_string(folder.path().join(ACCOUNTS_FILE)).unwrap();
    assert!(
        kept.contains("$argon2id$") && !kept.contains(PASSWORD),
        "{kept}"
    );
}

#[tokio::test]
async fn an_unknown_name_is_answered_and_locked_out_as_a_known_one() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = with_amara(folder.path()).await;
    let now = Instant::now();
    let mut answers = Vec::new();
    for name in ["amara", "nobody"] {
        let mut said = Vec::new();
        for _ in 0..6 {
            said.push(log_in(&accounts, name, "wrong", now).await.unwrap_err());
        }
        answers.push(said);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][4], LoginRefused::Wrong { locked: true });
    assert_eq!(answers[0][5], LoginRefused::Wait(Duration::from_secs(30)));
    let right = log_in(&accounts, "amara", PASSWORD, now).await;
    assert!(matches!(right, Err(LoginRefused::Wait(_))), "locked out");
    let elsewhere = accounts
        .login("amara", PASSWORD, [10, 0, 0, 2].into(), WALL, now)
        .await;
    assert!(elsewhere.is_ok(), "from another address");
    accounts.unlock(&name("amara")).unwrap();
    assert!(log_in(&accounts, "amara", PASSWORD, now).await.is_ok());
}

#[tokio::test]
async fn a_changed_password_and_a_removed_account_end_their_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = with_amara(folder.path()).await;
    let now = Instant::now();
    let session = log_in(&accounts, "amara", PASSWORD, now).await.unwrap();
    accounts
        .set_password(&name("amara"), OTHER.to_owned(), WALL)
        .await
        .unwrap();
    assert!(accounts.session(&session.token, now).is_none());
    assert!(log_in(&accounts, "amara", PASSWORD, now).await.is_err());
    let session = log_in(&accounts, "amara", OTHER, now).await.unwrap();
    accounts.remove(&name("amara")).await.unwrap();
    assert!(accounts.session(&session.token, now).is_none());
    assert!(log_in(&accounts, "amara", OTHER, now).await.is_err());
    assert!(accounts.list(now).is_empty());
}

#[tokio::test]
async fn what_cannot_be_saved_is_not_so() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("data");
    std::fs::create_dir(&inside).unwrap();
    let accounts = with_amara(&inside).await;
    std::fs::remove_dir_all(&inside).unwrap();
    let now = Instant::now();
    let failed = accounts.remove(&name("amara")).await;
    assert!(matches!(failed, Err(ChangeAccountError::File(_))));
    assert!(log_in(&accounts, "amara", PASSWORD, now).await.is_ok());
}

#[tokio::test]
async fn changes_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = with_amara(folder.path()).await;
    let again = accounts
        .add(name("AMARA"), Role::Admin, OTHER.to_owned(), WALL)
        .await;
    assert!(matches!(again, Err(ChangeAccountError::Exists(_))));
    let weak = accounts
        .add(name("ben"), Role::Viewer, "short".to_owned(), WALL)
        .await;
    assert!(matches!(weak, Err(ChangeAccountError::Weak(_))));
    let missing = accounts.remove(&name("ben")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    for wrong in ["", "-a", "a b", "a\u{202e}b", "../x", &"x".repeat(33)] {
        assert_eq!(
            wrong.parse::<AccountName>(),
            Err(WrongAccountName),
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn a_damaged_file_is_not_taken_for_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(with_amara(folder.path()).await);
    let path = folder.path().join(ACCOUNTS_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    for spoiled in [
        &text[..text.len() / 2],
        &text.replace("\"version\": 1", "\"version\": 2"),
        "",
    ] {
        std::fs::write(&path, spoiled).unwrap();
        let shown = Accounts::open(folder.path()).err().unwrap().to_string();
        assert!(
            shown.contains(ACCOUNTS_FILE) && shown.contains("backup"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_flood_of_logins_is_told_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = std::sync::Arc::new(with_amara(folder.path()).await);
    let now = Instant::now();
    let mut flood = tokio::task::JoinSet::new();
    for n in 0..u32::try_from(MAX_WAITING).unwrap() * 2 {
        let accounts = accounts.clone();
        let from = IpAddr::V4((0x0a00_0100 + n).into());
        flood.spawn(async move { accounts.login("amara", "wrong", from, WALL, now).await });
    }
    let answers = flood.join_all().await;
    let busy = answers
        .iter()
        .filter(|a| matches!(a, Err(LoginRefused::Busy)))
        .count();
    assert_eq!(busy, MAX_WAITING);
}

/// By what is computed, not by the clock: a busy machine says nothing of it.
#[tokio::test]
async fn an_unknown_name_costs_the_work_of_a_wrong_password() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = with_amara(folder.path()).await;
    let mut work = Vec::new();
    for (name, password) in [
        ("amara", "wrong"),
        ("nobody", "wrong"),
        ("no name at all \u{202e}", "wrong"),
        ("nobody", ""),
        ("nobody", &"x".repeat(10_000)),
        ("amara", PASSWORD),
    ] {
        let _ = log_in(&accounts, name, password, Instant::now()).await;
        work.push(std::mem::take(&mut *accounts.work.lock().unwrap()));
    }
    let once = ["argon2id$v=19$m=19456,t=2,p=1".to_owned()];
    for (case, done) in work.iter().enumerate() {
        assert_eq!(done, &once, "case {case}");
    }
}

#[tokio::test]
async fn who_knows_the_present_password_may_give_another() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = with_amara(folder.path()).await;
    let (amara, now) = (name("amara"), Instant::now());
    let session = log_in(&accounts, "amara", PASSWORD, now).await.unwrap();
    let change = |present: &'static str, new: &str| {
        accounts.change_own_password(&amara, present, new.to_owned(), here(), (WALL, now))
    };
    let weak = change(PASSWORD, "short").await;
    assert!(
        matches!(
            weak,
            Err(ChangeOwnPasswordError::Change(ChangeAccountError::Weak(_)))
        ),
        "{weak:?}"
    );
    for _ in 0..4 {
        let wrong = change("wrong", OTHER).await;
        assert!(
            matches!(
                wrong,
                Err(ChangeOwnPasswordError::Refused(LoginRefused::Wrong {
                    locked: false
                }))
            ),
            "{wrong:?}"
        );
    }
    assert!(
        accounts.session(&session.token, now).is_some(),
        "nothing changed"
    );
    change(PASSWORD, OTHER).await.unwrap();
    assert!(accounts.session(&session.token, now).is_none());
    assert!(log_in(&accounts, "amara", PASSWORD, now).await.is_err());
    assert!(log_in(&accounts, "amara", OTHER, now).await.is_ok());
    // A session that was left open is no way to try passwords.
    for _ in 0..5 {
        let _ = change("wrong", PASSWORD).await;
    }
    let held = change(OTHER, PASSWORD).await;
    assert!(
        matches!(
            held,
            Err(ChangeOwnPasswordError::Refused(LoginRefused::Wait(_)))
        ),
        "{held:?}"
    );
}
