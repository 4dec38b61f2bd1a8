//! Kendall's rank correlation: whether shared scores order architectures as retraining does.
//!
//! ```text
//! τ_b = (concordant − discordant) / √((n₀ − ties_x)·(n₀ − ties_y)),   n₀ = n(n − 1)/2
//! ```
//!
//! Beside it stands its ceiling, τ between two retrainings of the same architectures with
//! different seeds: no score can agree with retraining more than retraining agrees with itself.
//! The intervals are the percentile bootstrap over architectures.

use rand::RngExt;

use crate::random::{Owner, generator};
use crate::search::{Interval, Retrained, SearchConfig};

/// Fewer architectures than this are not correlated: the bootstrap of a handful is far too sure.
pub const MIN_ARCHS: usize = 8;

/// Resamples: enough that the ends of the interval are not the whim of a few of them.
const RESAMPLES: usize = 1000;

/// Resamples below the interval, and above it: 2.5 % each.
const TAIL: usize = RESAMPLES / 40;

/// How far shared scores agree with retraining.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RankCorrelation {
    /// Architectures that were retrained.
    pub archs: usize,
    /// τ between the shared score and the mean over seeds; none below [`MIN_ARCHS`].
    pub tau: Option<Interval>,
    /// τ between the first two seeds; none below [`MIN_ARCHS`].
    pub ceiling: Option<Interval>,
}

impl RankCorrelation {
    /// Of all that were retrained in a search with these settings. Where the control arm has an ω of
    /// its own, shared scores of one ω alone are compared with each other.
    pub fn of(retrained: &[Retrained], config: &SearchConfig) -> Self {
        let (seed, schedule) = (config.seed, &config.schedule);
        // Of those that were trained alike, and to the end.
        let retrained: Vec<&Retrained> = retrained.iter().filter(|one| one.is_whole).collect();
        let of_omega =
            |one: &&Retrained| (schedule.has_own_omega(one.arm), (one.shared, one.mean()));
        let shared: Vec<(bool, (f64, f64))> = retrained.iter().map(of_omega).collect();
        let seeds: Vec<(f64, f64)> = retrained
            .iter()
            .filter_map(|one| Some((*one.rewards.first()?, *one.rewards.get(1)?)))
            .collect();
        let (tau, ceiling) = (kendall_within(&shared, seed), kendall(&seeds, seed));
        Self { archs: retrained.len(), tau, ceiling }
    }
}

/// `τ_b` of the points with its 95 % interval; none below [`MIN_ARCHS`], and where all are equal in
/// one of the two.
pub fn kendall(points: &[(f64, f64)], seed: u64) -> Option<Interval> {
    kendall_within(&of_one_group(points), seed)
}

/// The same of the pairs of points that are of one group.
fn kendall_within<G: Copy + PartialEq>(points: &[(G, (f64, f64))], seed: u64) -> Option<Interval> {
    let n = points.len();
    if n < MIN_ARCHS {
        return None;
    }
    let mean = tau_within(points)?;
    let mut rng = generator(seed, Owner::RankCorrelation, n as u64);
    let mut resample =
        || -> Vec<(G, (f64, f64))> { (0..n).map(|_| points[rng.random_range(0..n)]).collect() };
    // A resample of ties alone has none.
    let tau = |points: &[_]| tau_within(points).unwrap_or(0.0);
    let mut found: Vec<f64> = (0..RESAMPLES).map(|_| tau(&resample())).collect();
    found.sort_by(f64::total_cmp);
    Some(Interval { mean, low: found[TAIL], high: found[RESAMPLES - 1 - TAIL] })
}

/// `τ_b` of the points; nothing where all are equal in one of the two.
pub(super) fn tau(points: &[(f64, f64)]) -> Option<f64> {
    tau_within(&of_one_group(points))
}

fn of_one_group(points: &[(f64, f64)]) -> Vec<((), (f64, f64))> {
    points.iter().map(|&point| ((), point)).collect()
}

/// The same of the pairs of points that are of one group.
fn tau_within<G: PartialEq>(points: &[(G, (f64, f64))]) -> Option<f64> {
    let (mut sum, mut differ_x, mut differ_y) = (0.0, 0.0_f64, 0.0_f64);
    for (place, (group, a)) in points.iter().enumerate() {
        for (_, b) in points[..place].iter().filter(|(other, _)| other == group) {
            let (x, y) = (order(a.0, b.0), order(a.1, b.1));
            sum += x * y;
            differ_x += x.abs();
            differ_y += y.abs();
        }
    }
    let most = (differ_x * differ_y).sqrt();
    (0.0 < most).then(|| sum / most)
}

/// 1, 0 or −1.
fn order(a: f64, b: f64) -> f64 {
    f64::from(i8::from(b < a) - i8::from(a < b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Arm;

    #[test]
    fn tau_is_that_of_scipy() {
        // scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]) is -0.47140452079103173.
        let points = [(12.0, 1.0), (2.0, 4.0), (1.0, 7.0), (12.0, 1.0), (2.0, 0.0)];
        let found = tau(&points).unwrap();
        assert!((found + 0.471_404_520_791_031_73).abs() < 1e-12, "{found}");
        assert_eq!(tau(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(tau(&[]), None);
    }

    /// Twenty architectures, drawn by the policy and by nobody in turns, each worth more than the one
    /// before.
    fn retrained(shared: fn(usize) -> f64) -> Vec<Retrained> {
        let one = |n: usize| Retrained {
            id: n.to_string(),
            arm: if n.is_multiple_of(2) { Arm::Derive } else { Arm::Random },
            cycle: 0,
            shared: shared(n),
            rewards: vec![n as f64, n as f64 + 0.1],
            epochs: 8,
            first: None,
            is_whole: true,
        };
        (0..20).map(one).collect()
    }

    fn of(retrained: &[Retrained]) -> RankCorrelation {
        RankCorrelation::of(retrained, &SearchConfig { seed: 7, ..SearchConfig::default() })
    }

    #[test]
    fn scores_of_two_omegas_are_not_compared_with_each_other() {
        let retrained = retrained(|n| n as f64 + if n.is_multiple_of(2) { 100.0 } else { 0.0 });
        let of_one = of(&retrained).tau.unwrap().mean;
        assert!(of_one < 0.6, "{of_one}");
        let mut config = SearchConfig::default();
        config.schedule.control_steps = config.schedule.shared_steps;
        let found = RankCorrelation::of(&retrained, &config);
        assert_eq!((found.archs, found.tau.unwrap().mean.to_bits()), (20, 1.0_f64.to_bits()));
    }

    #[test]
    fn scores_that_order_alike_correlate_and_noise_does_not() {
        let alike = of(&retrained(|n| n as f64));
        let Interval { mean, low, .. } = alike.tau.unwrap();
        assert_eq!((mean.to_bits(), alike.archs), (1.0_f64.to_bits(), 20));
        assert!(0.9 < low && 0.999 < alike.ceiling.unwrap().mean, "{alike:?}");
        let noise = of(&retrained(|n| (n * 9 % 20) as f64)).tau.unwrap();
        assert!(noise.low < 0.0 && 0.0 < noise.high, "{noise:?}");
        assert_eq!(of(&retrained(|_| 0.0)[..7]).tau, None);
    }
}
