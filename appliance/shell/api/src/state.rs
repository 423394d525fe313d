//! What every handler has.

use crate::config::ApiConfig;
use crate::live::Live;
use crate::twirp::Answers;
use control::ControlHandle;
use std::sync::Arc;
use telemetry::Metrics;

/// What every handler has. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) control: ControlHandle,
    pub(crate) metrics: Metrics,
    pub(crate) config: Arc<ApiConfig>,
    /// Answers of the server API that a client may ask for again.
    pub(crate) answers: Arc<Answers>,
    /// The box as operators see it.
    pub(crate) live: Live,
}

impl Api {
    /// Puts the parts together.
    #[must_use]
    pub fn new(config: ApiConfig, control: ControlHandle, metrics: Metrics) -> Self {
        Self {
            control,
            metrics,
            config: Arc::new(config),
            answers: Arc::default(),
            live: Live::unwatched(),
        }
    }

    /// With a watch that looks at the box.
    #[must_use]
    pub fn with_live(self, live: Live) -> Self {
        Self { live, ..self }
    }
}
