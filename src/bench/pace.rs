//! How long one kind of work took, and what that is in items and arithmetic.

use std::time::Duration;

use serde::Serialize;

/// How long one kind of work took, over several repetitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pace {
    /// The middle one; the mean of the two middle ones where their number is even.
    pub median_ms: f64,
    /// The shortest.
    pub min_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Images or words a second, at the median.
    pub items_per_second: f64,
    /// 10⁹ additions and multiplications a second, at the median.
    pub gflops: f64,
    /// `gflops` over the machine's peak.
    pub peak_share: f64,
}

/// What one repetition does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Work {
    pub(super) items: usize,
    /// Additions and multiplications.
    pub(super) flop: f64,
}

impl Pace {
    /// The pace of `work` that took `times`, of which there is at least one.
    pub(super) fn of(times: &[Duration], work: Work, peak_gflops: f64) -> Self {
        let mut ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        ms.sort_by(f64::total_cmp);
        let (below, above) = (ms[(ms.len() - 1) / 2], ms[ms.len() / 2]);
        let median_ms = f64::midpoint(below, above);
        let gflops = work.flop / median_ms * 1e-6;
        Self {
            median_ms,
            min_ms: ms[0],
            max_ms: ms[ms.len() - 1],
            items_per_second: work.items as f64 / median_ms * 1e3,
            gflops,
            peak_share: gflops / peak_gflops,
        }
    }
}
