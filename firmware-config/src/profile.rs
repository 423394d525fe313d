//! A box profile: raw as written, then meant.

use crate::tuning::{RawTuning, Tuning};
use serde::Deserialize;
use std::num::NonZeroUsize;

/// Profiles that ship with the box, by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("development", include_str!("../profiles/development.toml")),
    ("rack", include_str!("../profiles/rack.toml")),
];

/// More media cores than any machine this is built for; a larger number is a typing error.
const MAX_MEDIA_CORES: usize = 64;

/// A box profile that can be acted on: every rule below already holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Media threads; `None` = one per core, less one for everything else.
    pub media_cores: Option<NonZeroUsize>,
    /// Whether media threads are pinned to cores where the system allows it.
    pub pin: bool,
    /// Rooms that may live at once; one more is refused.
    pub rooms_max: NonZeroUsize,
    /// Participants in one room; one more is refused.
    pub participants_per_room_max: NonZeroUsize,
    /// What the operating system is asked for.
    pub tuning: Tuning,
}

/// A box profile as written in `profiles/*.toml`. Never leaves this module.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawProfile {
    name: String,
    media_cores: Option<usize>,
    pin: bool,
    rooms_max: usize,
    participants_per_room_max: usize,
    tuning: RawTuning,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, an unknown field, or a value of the wrong kind; carries line and column.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// `media-cores` outside 1 to 64.
    #[error(
        "media-cores = {0}: write a number from 1 to {MAX_MEDIA_CORES}, or leave it out for one per spare core"
    )]
    MediaCores(usize),
    /// A maximum of zero admits nobody.
    #[error("{0} = 0 admits nobody: write at least 1")]
    Zero(&'static str),
    /// A rule of `[tuning]` that the format cannot hold.
    #[error("line {line}, column {column}: {message}")]
    Tuning {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What would be right.
        message: String,
    },
    /// No such built-in profile.
    #[error("there is no profile {0:?}: choose one of {known}", known = Profile::names().join(", "))]
    Unknown(String),
}

impl Profile {
    /// The names of the built-in profiles.
    pub fn names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    /// A built-in profile.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`] names the profiles there are.
    pub fn built_in(name: &str) -> Result<Self, ProfileError> {
        let (_, text) = BUILT_IN
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| ProfileError::Unknown(name.to_owned()))?;
        Self::parse(text)
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// The first rule the file breaks; [`ProfileError::Syntax`] carries line and column.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let raw: RawProfile = toml::from_str(text)?;
        Ok(Self {
            name: raw.name,
            media_cores: raw.media_cores.map(media_cores).transpose()?,
            pin: raw.pin,
            rooms_max: at_least_one("rooms-max", raw.rooms_max)?,
            participants_per_room_max: at_least_one(
                "participants-per-room-max",
                raw.participants_per_room_max,
            )?,
            tuning: raw
                .tuning
                .meant()
                .map_err(|(span, message)| place(text, span.start, message))?,
        })
    }
}

fn place(text: &str, at: usize, message: String) -> ProfileError {
    let before = text.get(..at).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    ProfileError::Tuning {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        message,
    }
}

fn media_cores(cores: usize) -> Result<NonZeroUsize, ProfileError> {
    NonZeroUsize::new(cores)
        .filter(|cores| cores.get() <= MAX_MEDIA_CORES)
        .ok_or(ProfileError::MediaCores(cores))
}

fn at_least_one(field: &'static str, value: usize) -> Result<NonZeroUsize, ProfileError> {
    NonZeroUsize::new(value).ok_or(ProfileError::Zero(field))
}
