//! `ringward token create`: mints a token with the box's own keys.

use crate::cli::{TokenArguments, TokenCommand};
use crate::installed;
use anyhow::{Context, Result, bail};
use auth::{Claims, Grants, Source};
use settings::{Flags, Settings};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use vocab::{MAX_NAME_BYTES, Redacted};

/// Prints the token, and nothing else, so that `$(ringward token create …)` works.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn run(command: TokenCommand) -> Result<()> {
    let TokenCommand::Create(arguments) = command;
    let (key, secret) = signing_key(&arguments)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let claims = claims(&arguments, &key, now)?;
    let token = auth::mint(&claims, &key, secret.expose());
    if arguments.json {
        println!(
            "{}",
            serde_json::json!({ "token": token, "expires_at": claims.exp })
        );
    } else {
        println!("{token}");
    }
    Ok(())
}

fn signing_key(arguments: &TokenArguments) -> Result<(String, Redacted<String>)> {
    let flags = Flags {
        config: installed::config(arguments.config.as_deref()),
        ..Flags::default()
    };
    let keys = crate::keys::complete(Settings::load(flags)?)?.keys;
    let found = match &arguments.key {
        Some(key) => keys.get_key_value(key),
        None => keys.first_key_value(),
    };
    let Some((key, secret)) = found else {
        bail!(
            "there is no such key; the settings have {}",
            keys.into_keys().collect::<Vec<_>>().join(", ")
        );
    };
    Ok((key.clone(), secret.clone()))
}

fn claims(arguments: &TokenArguments, key: &str, now: Duration) -> Result<Claims> {
    named("room", &arguments.room)?;
    named("identity", &arguments.identity)?;
    let made = now.as_secs();
    Ok(Claims {
        iss: key.to_owned(),
        sub: arguments.identity.clone(),
        name: arguments.name.clone().unwrap_or_default(),
        iat: Some(made),
        nbf: Some(made),
        exp: Some(made + arguments.minutes * 60),
        video: Grants {
            room: arguments.room.clone(),
            room_join: true,
            room_admin: arguments.admin,
            room_create: arguments.admin,
            room_list: arguments.admin,
            hidden: arguments.hidden,
            can_publish: denied(arguments.no_publish),
            can_subscribe: denied(arguments.no_subscribe),
            can_publish_data: denied(arguments.no_data),
            can_update_own_metadata: arguments.own_metadata.then_some(true),
            can_publish_sources: sources(&arguments.sources)?,
            ..Grants::default()
        },
        ..Claims::default()
    })
}

/// Unset means allowed, as LiveKit's servers read it.
fn denied(flag: bool) -> Option<bool> {
    flag.then_some(false)
}

fn named(flag: &str, text: &str) -> Result<()> {
    if text.is_empty() || text.len() > MAX_NAME_BYTES {
        bail!(
            "--{flag}: write 1 to {MAX_NAME_BYTES} bytes, not {}",
            text.len()
        );
    }
    Ok(())
}

fn sources(words: &[String]) -> Result<Vec<Source>> {
    words
        .iter()
        .map(|word| match Source::from_word(word) {
            Source::Unknown => {
                let known: Vec<_> = Source::NAMED.iter().map(|source| source.word()).collect();
                bail!("--sources: {word:?} is none of {}", known.join(", "))
            }
            source => Ok(source),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn parsed(arguments: &[&str]) -> TokenArguments {
        let mut line = vec![
            "ringward",
            "token",
            "create",
            "--room",
            "ward",
            "--identity",
            "nurse",
        ];
        line.extend(arguments);
        match Cli::parse_from(line).command {
            Some(Command::Token(TokenCommand::Create(arguments))) => arguments,
            _ => panic!("not a token command"),
        }
    }

    #[test]
    fn a_minted_token_says_what_the_flags_said() {
        for (name, flags, publish, subscribe, data, hidden, admin) in [
            ("nothing denied", &[][..], true, true, true, false, false),
            (
                "no publishing denies data too",
                &["--no-publish"],
                false,
                true,
                false,
                false,
                false,
            ),
            (
                "a listener",
                &["--no-publish", "--no-data"],
                false,
                true,
                false,
                false,
                false,
            ),
            (
                "a feed",
                &["--no-subscribe"],
                true,
                false,
                true,
                false,
                false,
            ),
            ("an observer", &["--hidden"], true, true, true, true, false),
            (
                "an administrator",
                &["--admin"],
                true,
                true,
                true,
                false,
                true,
            ),
        ] {
            let claims = claims(&parsed(flags), "k", Duration::from_secs(1_000)).unwrap();
            assert_eq!(claims.can_publish(), publish, "{name}");
            assert_eq!(claims.can_subscribe(), subscribe, "{name}");
            assert_eq!(claims.can_publish_data(), data, "{name}");
            assert_eq!(claims.video.hidden, hidden, "{name}");
            assert_eq!(claims.room_admin_for("ward"), admin, "{name}");
            assert!(
                claims.room_join_for("ward") && !claims.room_join_for("other"),
                "{name}"
            );
            assert_eq!(claims.exp, Some(1_000 + 6 * 3_600), "{name}");
        }
    }

    #[test]
    fn an_unknown_source_is_answered_with_the_known_ones() {
        let error = claims(
            &parsed(&["--sources", "camera,window"]),
            "k",
            Duration::ZERO,
        );
        let shown = error.unwrap_err().to_string();
        assert!(
            shown.contains("window") && shown.contains("screen_share"),
            "{shown}"
        );
    }
}
