//! The journal, its sled index and the webhook outbox.
