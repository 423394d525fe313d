//! Whether queues grow: arrival groups, their delay gradient, the over-use detector.

pub(crate) mod group;
pub(crate) mod queue;
pub(crate) mod trendline;

/// What the delay gradient says of the bottleneck's queue (draft-ietf-rmcat-gcc-02 §5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Usage {
    /// The queue stays as it is.
    #[default]
    Normal,
    /// The queue grows.
    Over,
    /// The queue drains.
    Under,
}
