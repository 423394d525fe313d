//! The slope of queueing delay over the last groups, and the detector that judges it.
//!
//! Source: libwebrtc's publicly described trendline estimator (a least-squares line instead of
//! the draft's Kalman filter); detector and adaptive threshold: draft-ietf-rmcat-gcc-02 §5.4.

use super::Usage;
use super::group::Spacing;
use crate::clock::{Micros, SECOND};
use std::collections::VecDeque;

/// Groups the line is drawn through.
const WINDOW: usize = 20;

/// Weight of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;

/// Makes the slope comparable with the threshold of the draft, …
const GAIN: f64 = 4.0;

/// … together with the number of groups, of which so many count.
const MAX_GROUPS: f64 = 60.0;

/// The draft's `del_var_th(0)`, in ms.
const THRESHOLD: f64 = 12.5;

/// The threshold stays in this range, in ms (draft §5.4).
const THRESHOLD_RANGE: (f64, f64) = (6.0, 600.0);

/// How fast the threshold follows a slope above it (`K_u`), per ms …
const RISE: f64 = 0.0087;

/// … and below it (`K_d`).
const FALL: f64 = 0.039;

/// A slope further above the threshold does not move it: sudden capacity drops must stay seen.
const MAX_ADAPT: f64 = 15.0;

/// The queue must grow for this long, in ms (`overuse_time_th`).
const OVERUSE_TIME: f64 = 10.0;

/// Nothing is concluded from groups further apart: the sender paused.
const MAX_STEP_MS: f64 = 100.0;

#[derive(Debug)]
pub(crate) struct Trendline {
    points: VecDeque<(f64, f64)>,
    zero: Option<Micros>,
    groups: f64,
    accumulated: f64,
    smoothed: f64,
    previous_trend: f64,
    threshold: f64,
    threshold_at: Option<Micros>,
    over_time: Option<f64>,
    over_groups: u32,
    usage: Usage,
}

impl Trendline {
    pub(crate) fn new() -> Self {
        Self {
            points: VecDeque::with_capacity(WINDOW),
            zero: None,
            groups: 0.0,
            accumulated: 0.0,
            smoothed: 0.0,
            previous_trend: 0.0,
            threshold: THRESHOLD,
            threshold_at: None,
            over_time: None,
            over_groups: 0,
            usage: Usage::Normal,
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// Forgets the past, after the receiver's clock jumped.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }

    pub(crate) fn handle_spacing(&mut self, spacing: Spacing) {
        let zero = *self.zero.get_or_insert(spacing.at);
        let growth = ms(spacing.arrived - spacing.sent);
        self.groups = (self.groups + 1.0).min(1_000.0);
        self.accumulated += growth;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        if self.points.len() == WINDOW {
            self.points.pop_front();
        }
        self.points
            .push_back((ms(spacing.at - zero), self.smoothed));
        let slope = if self.points.len() == WINDOW {
            slope(&self.points).unwrap_or(self.previous_trend)
        } else {
            0.0
        };
        self.judge(slope, ms(spacing.sent), spacing.at);
    }

    fn judge(&mut self, slope: f64, step: f64, at: Micros) {
        if self.points.len() < WINDOW {
            self.usage = Usage::Normal;
            return;
        }
        let trend = slope * self.groups.min(MAX_GROUPS) * GAIN;
        if trend > self.threshold {
            let time = match self.over_time {
                None => step / 2.0,
                Some(time) => time + step,
            };
            self.over_time = Some(time);
            self.over_groups += 1;
            if time > OVERUSE_TIME && self.over_groups > 1 && slope >= self.previous_trend {
                self.over_time = Some(0.0);
                self.over_groups = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_time = None;
            self.over_groups = 0;
            self.usage = if trend < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.previous_trend = slope;
        self.adapt(trend, at);
    }

    /// Follows the slope, so that a path with jitter or a competing loss-based flow does not
    /// read as overuse for ever (draft §5.4).
    fn adapt(&mut self, trend: f64, at: Micros) {
        let elapsed = self
            .threshold_at
            .replace(at)
            .map_or(0.0, |before| ms((at - before).clamp(0, SECOND)));
        let excess = trend.abs() - self.threshold;
        if excess > MAX_ADAPT {
            return;
        }
        let speed = if excess < 0.0 { FALL } else { RISE };
        let (low, high) = THRESHOLD_RANGE;
        self.threshold =
            (self.threshold + speed * excess * elapsed.min(MAX_STEP_MS)).clamp(low, high);
    }
}

fn ms(micros: Micros) -> f64 {
    micros as f64 / 1_000.0
}

/// Least squares; `None` if all points share one time.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (up, down) = points.iter().fold((0.0, 0.0), |(up, down), (x, y)| {
        let dx = x - mean_x;
        (up + dx * (y - mean_y), down + dx * dx)
    });
    (down > 0.0).then_some(up / down)
}
