//! What only the browser knows, in a closed set of words.

use serde::{Deserialize, Serialize};

/// What a browser may report: no free text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The person, or a policy, refused the camera.
    CameraRefused,
    /// The person, or a policy, refused the microphone.
    MicrophoneRefused,
    /// No camera was found.
    CameraMissing,
    /// No microphone was found.
    MicrophoneMissing,
    /// Another program has the camera, or it does not answer.
    CameraBusy,
    /// Another program has the microphone, or it does not answer.
    MicrophoneBusy,
    /// The page is not served in a secure context: the browser gives it no device.
    InsecurePage,
    /// The page runs inside another app, whose browser has no camera.
    InAppBrowser,
    /// Packets of a picture or a sound arrive and cannot be decoded.
    DecodeFailed,
    /// It works again: what was reported before is over.
    Recovered,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CameraRefused,
        Self::MicrophoneRefused,
        Self::CameraMissing,
        Self::MicrophoneMissing,
        Self::CameraBusy,
        Self::MicrophoneBusy,
        Self::InsecurePage,
        Self::InAppBrowser,
        Self::DecodeFailed,
        Self::Recovered,
    ];

    /// As it is sent and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CameraRefused => "camera_refused",
            Self::MicrophoneRefused => "microphone_refused",
            Self::CameraMissing => "camera_missing",
            Self::MicrophoneMissing => "microphone_missing",
            Self::CameraBusy => "camera_busy",
            Self::MicrophoneBusy => "microphone_busy",
            Self::InsecurePage => "insecure_page",
            Self::InAppBrowser => "in_app_browser",
            Self::DecodeFailed => "decode_failed",
            Self::Recovered => "recovered",
        }
    }

    /// The word that is sent so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }
}
