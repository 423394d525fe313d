//! Signed webhooks from a durable, ordered outbox.
//!
//! [`Webhooks::run`] takes entries from the store's outbox in order and posts each to every
//! configured URL until all have answered 2xx; only then is it erased. A receiver that is down
//! delays its own webhooks, never those of another receiver, and loses none.

mod backoff;
mod delivery;
mod target;
mod token;
mod webhooks;

pub use delivery::DEFAULT_TIMEOUT;
pub use target::{ConfigureWebhooksError, MAX_URLS};
pub use token::TOKEN_LIFE_SECS;
pub use webhooks::{Webhooks, WebhooksConfig};
