//! API keys: those of the settings, or the one that the box makes at its first start.

use anyhow::{Context, Result};
use safe::{API_KEY_FILE, api_key};
use settings::{GENERATED_KEY, Settings};

// The settings let a webhook name the key before the safe has made it.
const _: () = assert!(same(
    GENERATED_KEY.as_bytes(),
    safe::API_KEY_NAME.as_bytes()
));

/// Settings with a key in any case. A key is made, once, where the settings have none.
pub(crate) fn complete(mut settings: Settings) -> Result<Settings> {
    if settings.keys.is_empty() {
        let made = api_key(&settings.data).with_context(|| {
            let path = settings.data.join(API_KEY_FILE);
            format!("the box's API key {} cannot be used", path.display())
        })?;
        if made.is_new {
            // Its place, never itself.
            tracing::info!(path = %made.path.display(), "an API key was made");
        }
        settings.keys.insert(GENERATED_KEY.to_owned(), made.secret);
    }
    Ok(settings)
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
