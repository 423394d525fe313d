//! What every handler has.

use crate::config::ApiConfig;
use crate::live::Live;
use crate::twirp::Answers;
use accounts::Accounts;
use control::ControlHandle;
use heads::Heads;
use std::sync::Arc;
use telemetry::Metrics;

/// What every handler has. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) control: ControlHandle,
    pub(crate) metrics: Metrics,
    /// Who may log in over HTTPS.
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) config: Arc<ApiConfig>,
    /// Answers of the server API that a client may ask for again.
    pub(crate) answers: Arc<Answers>,
    /// The box as operators see it.
    pub(crate) live: Live,
    /// What signs the audit journal's heads, if there is a key.
    pub(crate) heads: Option<Heads>,
}

impl Api {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        config: ApiConfig,
        control: ControlHandle,
        metrics: Metrics,
        accounts: Arc<Accounts>,
    ) -> Self {
        Self {
            control,
            metrics,
            accounts,
            config: Arc::new(config),
            answers: Arc::default(),
            live: Live::unwatched(),
            heads: None,
        }
    }

    /// With a watch that looks at the box.
    #[must_use]
    pub fn with_live(self, live: Live) -> Self {
        Self { live, ..self }
    }

    /// With what signs the audit journal's heads.
    #[must_use]
    pub fn with_heads(self, heads: Option<Heads>) -> Self {
        Self { heads, ..self }
    }
}
