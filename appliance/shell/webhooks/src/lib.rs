//! Signed webhooks from a durable, ordered outbox.
