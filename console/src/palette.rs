//! Commands by word, with completion: the palette of the screens and the lines of plain mode.

use crate::command::Command;
use crate::screen::Screen;

/// One word of the palette.
pub(crate) struct Word {
    /// As it is typed.
    pub(crate) name: &'static str,
    /// What follows it; empty if nothing.
    pub(crate) arguments: &'static str,
    /// What it does.
    pub(crate) help: &'static str,
    make: fn(&str) -> Result<Command, &'static str>,
}

macro_rules! words {
    ($($name:literal $arguments:literal $help:literal => $make:expr;)+) => {
        /// Every word, in the order of help.
        pub(crate) const WORDS: &[Word] = &[$(Word {
            name: $name,
            arguments: $arguments,
            help: $help,
            make: $make,
        }),+];
    };
}

words! {
    "overview" "" "alarms and figures" => |_| Ok(Command::Show(Screen::Overview));
    "rooms" "[FILTER]" "the rooms, filtered" => |rest| Ok(if rest.is_empty() {
        Command::Show(Screen::Rooms)
    } else {
        Command::Filter(Some(rest.to_owned()))
    });
    "room" "NAME|SID" "who is in a room" => |rest| Ok(if rest.is_empty() {
        Command::Show(Screen::Room)
    } else {
        Command::Room(rest.to_owned())
    });
    "devices" "" "devices and diagnostics" => |_| Ok(Command::Show(Screen::Devices));
    "events" "" "events and audit" => |_| Ok(Command::Show(Screen::Events));
    "audit" "" "events and audit" => |_| Ok(Command::Show(Screen::Events));
    "health" "" "how the box is" => |_| Ok(Command::Show(Screen::Health));
    "why" "IDENTITY|SID|SUBNET" "why somebody can or cannot connect" => |rest| Ok(if rest.is_empty() {
        Command::Why
    } else {
        Command::WhyOf(rest.to_owned())
    });
    "filter" "FILTER" "what the list shows; empty shows all" => |rest| Ok(Command::Filter(Some(rest.to_owned())));
    "sort" "worst|name|age|people|loss" "the order of the rooms" => |rest| {
        crate::model::Sort::parse(rest).map(|_| Command::Sort(rest.to_owned()))
    };
    "box" "NAME" "another box" => |rest| named(rest).map(Command::Box);
    "arm" "" "allow actions for ten minutes (audited)" => |_| Ok(Command::Arm);
    "disarm" "" "read-only again" => |_| Ok(Command::Disarm);
    "end" "" "the card that ends what the cursor is on" => |_| Ok(Command::End);
    "end-room" "" "the card that ends the room that is shown" => |_| Ok(Command::EndRoom);
    "block" "" "ended people stay out for a while" => |_| Ok(Command::Block);
    "hold" "" "forbid Purge of the room's record" => |_| Ok(Command::Hold);
    "release" "" "take the Hold back" => |_| Ok(Command::Release);
    "purge" "" "erase the session's connection records" => |_| Ok(Command::Purge);
    "drain" "" "admit nobody new" => |_| Ok(Command::Drain);
    "undrain" "" "admit again" => |_| Ok(Command::Undrain);
    "ack" "" "acknowledge the alarm" => |_| Ok(Command::Acknowledge);
    "silence" "" "the alarm does not blink for 2 min" => |_| Ok(Command::Silence);
    "shelve" "" "put the alarm away, with a reason" => |_| Ok(Command::Shelve);
    "unshelve" "" "take the alarm back" => |_| Ok(Command::Unshelve);
    "admit" "" "let in who waits" => |_| Ok(Command::Admit);
    "mute" "" "mute the track" => |_| Ok(Command::Mute);
    "unmask" "" "names for 60 s (audited)" => |_| Ok(Command::Unmask);
    "freeze" "" "the display stands still, or goes on" => |_| Ok(Command::Freeze);
    "replay" "HH:MM|20m" "an earlier moment" => |rest| named(rest).map(Command::ReplayAt);
    "live" "" "the present" => |_| Ok(Command::Live);
    "note" "TEXT" "a line for the handover" => |rest| named(rest).map(Command::Note);
    "handover" "" "hand the shift over" => |_| Ok(Command::Handover);
    "copy" "" "the row to the clipboard (masked)" => |_| Ok(Command::Copy);
    "export" "[FILE]" "the screen to a file (masked)" => |rest| Ok(Command::Export(
        (!rest.is_empty()).then(|| rest.to_owned())
    ));
    "login" "" "with an operator's account" => |_| Ok(Command::Login);
    "lock" "" "hide everything personal until somebody is back" => |_| Ok(Command::Lock);
    "refresh" "" "ask anew" => |_| Ok(Command::Refresh);
    "help" "" "keys and commands" => |_| Ok(Command::Help);
    "quit" "" "leave" => |_| Ok(Command::Quit);
}

fn named(rest: &str) -> Result<String, &'static str> {
    if rest.is_empty() {
        Err("something must follow it")
    } else {
        Ok(rest.to_owned())
    }
}

/// What a line asks for; a word may be shortened as long as it is clear.
pub(crate) fn parse(line: &str) -> Result<Command, String> {
    let line = line.trim().trim_start_matches(':');
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let word = match WORDS.iter().find(|word| word.name == name) {
        Some(word) => word,
        None => match &matching(name)[..] {
            [only] => only,
            [] => return Err(format!("no command `{name}`; `?` lists them")),
            several => {
                let names: Vec<&str> = several.iter().map(|word| word.name).collect();
                return Err(format!("`{name}` could be {}", names.join(", ")));
            }
        },
    };
    let usage = |problem| format!("{} {}: {problem}", word.name, word.arguments);
    (word.make)(rest.trim()).map_err(usage)
}

/// Words that begin like this.
pub(crate) fn matching(start: &str) -> Vec<&'static Word> {
    WORDS
        .iter()
        .filter(|word| !start.is_empty() && word.name.starts_with(start))
        .collect()
}

/// What Tab makes of a line: as much as all matching words share; names where a name follows.
pub(crate) fn complete(line: &str, names: &dyn Fn(&str) -> Vec<String>) -> String {
    let Some((word, rest)) = line.split_once(' ') else {
        let words: Vec<&str> = matching(line).iter().map(|word| word.name).collect();
        let done = shared(&words).unwrap_or(line.to_owned());
        return if words.len() == 1 {
            format!("{done} ")
        } else {
            done
        };
    };
    let candidates = names(word);
    let fitting: Vec<&str> = candidates
        .iter()
        .map(String::as_str)
        .filter(|n| n.starts_with(rest))
        .collect();
    shared(&fitting).map_or_else(|| line.to_owned(), |done| format!("{word} {done}"))
}

fn shared(words: &[&str]) -> Option<String> {
    let (first, others) = words.split_first()?;
    let mut end = first.len();
    for word in others {
        end = first
            .char_indices()
            .zip(word.chars())
            .find(|((_, a), b)| a != b)
            .map_or(word.len().min(end), |((at, _), _)| at.min(end));
    }
    first.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_shortened_while_they_are_clear() {
        assert_eq!(parse(":arm"), Ok(Command::Arm));
        assert_eq!(parse("und"), Ok(Command::Undrain));
        assert_eq!(
            parse("why nurse-3"),
            Ok(Command::WhyOf("nurse-3".to_owned()))
        );
        assert_eq!(parse("end"), Ok(Command::End), "a whole word is clear");
        for (line, says) in [
            ("xyz", "no command `xyz`"),
            ("un", "could be undrain, unshelve, unmask"),
            ("box", "something must follow"),
            ("", "no command"),
            ("sort sideways", "worst"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn tab_completes_as_far_as_it_is_clear() {
        let names = |word: &str| match word {
            "box" => vec!["BOX-1".to_owned(), "BOX-2".to_owned()],
            _ => Vec::new(),
        };
        for (line, want) in [
            ("hando", "handover "),
            ("he", "he"),
            ("un", "un"),
            ("box B", "box BOX-"),
            ("box BOX-2", "box BOX-2"),
            ("zzz", "zzz"),
            ("note ab", "note ab"),
        ] {
            assert_eq!(complete(line, &names), want, "{line}");
        }
    }

    #[test]
    fn no_word_is_there_twice() {
        for (index, word) in WORDS.iter().enumerate() {
            assert!(
                WORDS[..index].iter().all(|before| before.name != word.name),
                "{}",
                word.name
            );
        }
    }
}
