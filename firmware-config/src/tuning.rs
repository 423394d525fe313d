//! What a profile asks of the operating system, each with its reason.

use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// Most kernel settings in a profile; more is a mistake of format.
const MAX_SYSCTLS: usize = 64;

/// Groups of kernel settings that a box may ask for: network, memory, files. Nothing of `kernel.`
/// but the ring's switch.
const GROUPS: [&str; 4] = ["net.", "vm.", "fs.", "kernel.io_uring_disabled"];

/// A settings file: what the operating system is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// Kernel settings.
    pub sysctls: Vec<Sysctl>,
    /// `LimitNOFILE=` of the service.
    pub open_files: Limit,
}

/// One kernel setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    /// `net.core.rmem_max`, …
    pub name: String,
    /// What is written.
    pub value: u64,
    /// Whether more than it does as well, or less.
    pub bound: Bound,
    /// Why, in one line.
    pub reason: String,
}

/// Which other values do as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The value or more.
    AtLeast,
    /// The value or less.
    AtMost,
}

/// A limit of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What is written.
    pub value: u64,
    /// Why, in one line.
    pub reason: String,
}

impl Sysctl {
    /// Whether the present value does.
    #[must_use]
    pub fn is_met_by(&self, now: u64) -> bool {
        match self.bound {
            Bound::AtLeast => now >= self.value,
            Bound::AtMost => now <= self.value,
        }
    }

    /// `at least 8388608`
    #[must_use]
    pub fn want(&self) -> String {
        match self.bound {
            Bound::AtLeast => format!("at least {}", self.value),
            Bound::AtMost => format!("at most {}", self.value),
        }
    }
}

/// `[tuning]` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawTuning {
    open_files: RawLimit,
    #[serde(default)]
    sysctl: Vec<RawSysctl>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSysctl {
    name: Spanned<String>,
    at_least: Option<u64>,
    at_most: Option<u64>,
    reason: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawLimit {
    value: Spanned<u64>,
    reason: Spanned<String>,
}

/// A broken rule and where.
type Broken = (Range<usize>, String);

impl RawTuning {
    pub(crate) fn meant(self) -> Result<Tuning, Broken> {
        if let Some(excess) = self.sysctl.get(MAX_SYSCTLS) {
            let message = format!("at most {MAX_SYSCTLS} kernel settings");
            return Err((excess.name.span(), message));
        }
        let sysctls = self.sysctl.into_iter().map(RawSysctl::meant);
        Ok(Tuning {
            sysctls: sysctls.collect::<Result<_, _>>()?,
            open_files: self.open_files.meant()?,
        })
    }
}

impl RawSysctl {
    fn meant(self) -> Result<Sysctl, Broken> {
        let (value, bound) = match (self.at_least, self.at_most) {
            (Some(value), None) => (value, Bound::AtLeast),
            (None, Some(value)) => (value, Bound::AtMost),
            _ => {
                let message = "write either at-least or at-most".to_owned();
                return Err((self.name.span(), message));
            }
        };
        Ok(Sysctl {
            name: name(self.name)?,
            value,
            bound,
            reason: reason(self.reason)?,
        })
    }
}

impl RawLimit {
    fn meant(self) -> Result<Limit, Broken> {
        // Fewer keep the daemon from starting; more than the kernel's own most is refused by it.
        if !(256..=1_048_576).contains(self.value.get_ref()) {
            let message = "write a number from 256 to 1048576".to_owned();
            return Err((self.value.span(), message));
        }
        Ok(Limit {
            value: self.value.into_inner(),
            reason: reason(self.reason)?,
        })
    }
}

/// A name becomes a path below `/proc/sys`: nothing but the groups a box has business with.
fn name(name: Spanned<String>) -> Result<String, Broken> {
    let text = name.get_ref();
    let is_word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    if GROUPS.iter().any(|group| text.starts_with(group)) && text.split('.').all(is_word) {
        return Ok(name.into_inner());
    }
    let message = format!("write a kernel setting of {}", GROUPS.join(", "));
    Err((name.span(), message))
}

/// It is written into files as a comment: one line.
fn reason(reason: Spanned<String>) -> Result<String, Broken> {
    let text = reason.get_ref();
    if !text.trim().is_empty() && text.len() <= 200 && !text.contains(char::is_control) {
        return Ok(reason.into_inner());
    }
    let message = "say why in one line of at most 200 bytes".to_owned();
    Err((reason.span(), message))
}
