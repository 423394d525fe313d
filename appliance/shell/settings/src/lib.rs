//! Settings from file and flags; a wrong value is shown where it stands.

mod file;
mod place;
mod settings;
mod tls;

pub use file::{Backend, Egress, FileSettings};
pub use place::SettingsError;
pub use settings::{
    DEVELOPMENT_KEY, DEVELOPMENT_SECRET, Flags, GENERATED_KEY, Settings, WebhookSettings,
};
pub use tls::{FileTls, PlainHttp, TlsSettings};
