//! Which arm is better once retrained: the best of the policy's candidates against the best of as
//! many uniform draws, on the same test images or the same test text.
//!
//! For one promotion, with `a_i` and `b_i` the share of each arm's nets (one a seed) that have
//! image `i` right; or, of text, what each arm's nets have of the negated cross-entropy of its block
//! `i` on average, in nats for each word of an even block:
//!
//! ```text
//! d = mean_i (a_i − b_i)
//! s² = var_i (a_i − b_i) / images or blocks  +  σ²·(1/seeds_a + 1/seeds_b)
//! ```
//!
//! with `σ` the deviation between seeds, pooled over all candidates of the promotion. Over several
//! promotions `d` is the mean of theirs, and `s` the larger of what their own `s` and what their
//! spread give. The interval has the quantile of Student's t; one pair of architectures says
//! nothing of how the next pair will differ, which is why the number of pairs is told with it.

use crate::data::NetResult;
use crate::search::{Interval, Verdict};

/// The difference of both arms' choices in one promotion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The cycle, counted from 0.
    pub cycle: u64,
    /// Test accuracy of the policy's choice less that of the random arm's, each averaged over its
    /// seeds; of text, the logarithm of the random arm's perplexity less that of the policy's.
    pub difference: f64,
    /// The standard error of the difference; none where it cannot be told.
    pub error: Option<f64>,
    /// Its degrees of freedom.
    pub freedom: usize,
}

/// Both arms over all promotions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PairReport {
    /// Promotions that were compared.
    pub pairs: usize,
    /// The mean difference with its 95 % interval.
    pub interval: Option<Interval>,
}

impl Pair {
    /// Compares the nets of both choices, one for each seed; `seed_deviation` is that of
    /// what is compared between seeds with its degrees of freedom. Nothing where there is nothing to
    /// compare.
    pub fn new(
        cycle: u64,
        [policy, random]: [&[NetResult]; 2],
        seed_deviation: Option<(f64, usize)>,
    ) -> Option<Self> {
        let differences: Vec<f64> =
            evidence(policy)?.iter().zip(evidence(random)?).map(|(a, b)| a - b).collect();
        let n = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / n;
        // Of one image no variance can be told.
        if differences.len() < 2 {
            return None;
        }
        let squares = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>();
        let of_images = squares / (n - 1.0) / n;
        let error = seed_deviation.map(|(deviation, _)| {
            let seeds = 1.0 / policy.len() as f64 + 1.0 / random.len() as f64;
            (of_images + deviation.powi(2) * seeds).sqrt()
        });
        let freedom = seed_deviation.map_or(0, |(_, freedom)| freedom);
        Some(Self { cycle, difference: mean, error, freedom })
    }
}

/// What `nets` have on average of each image or block of text; nothing where one has no numbers.
fn evidence(nets: &[NetResult]) -> Option<Vec<f64>> {
    let first = nets.first()?;
    if first.right.is_empty() { negated(nets) } else { shares(nets) }
}

/// The mean over `nets` of each block's negated cross-entropy, so that their mean is that of a word.
fn negated(nets: &[NetResult]) -> Option<Vec<f64>> {
    let n_blocks = nets.first().map(|net| net.blocks.len()).filter(|&n| 0 < n)?;
    let even = |net: &NetResult| net.items as f64 / n_blocks as f64;
    let of_block = |at: usize| {
        let sum = nets.iter().map(|net| Some(-net.blocks.get(at)?.0 / even(net)));
        Some(sum.sum::<Option<f64>>()? / nets.len() as f64)
    };
    (0..n_blocks).map(of_block).collect()
}

/// The share of `nets` that have each image right.
fn shares(nets: &[NetResult]) -> Option<Vec<f64>> {
    let images: Vec<Vec<bool>> = nets.iter().map(NetResult::images).collect();
    let first = images.first()?;
    let share = |at: usize| {
        let right = images.iter().filter(|net| net.get(at) == Some(&true)).count();
        right as f64 / images.len() as f64
    };
    Some((0..first.len()).map(share).collect())
}

impl PairReport {
    /// What all `pairs` say together.
    pub fn of(pairs: &[Pair]) -> Self {
        let n = pairs.len();
        if n == 0 {
            return Self::default();
        }
        let mean = pairs.iter().map(|pair| pair.difference).sum::<f64>() / n as f64;
        let own = pairs.iter().map(|pair| Some(pair.error?.powi(2))).sum::<Option<f64>>();
        let own = own.map(|sum| sum.sqrt() / n as f64);
        let spread = (1 < n).then(|| {
            let squares = pairs.iter().map(|pair| (pair.difference - mean).powi(2)).sum::<f64>();
            (squares / (n - 1) as f64 / n as f64).sqrt()
        });
        let freedom = pairs.iter().map(|pair| pair.freedom).sum::<usize>() + n - 1;
        let error = match (own, spread) {
            (Some(own), Some(spread)) => Some(own.max(spread)),
            (one, other) => one.or(other),
        };
        let error = error.map(|error| (error, freedom));
        let interval = error.map(|error| {
            let width = width(error);
            Interval { mean, low: mean - width, high: mean + width }
        });
        Self { pairs: n, interval }
    }

    /// What the interval says.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.interval)
    }
}

/// Half of the 95 % interval of an error with so many degrees of freedom.
fn width((error, freedom): (f64, usize)) -> f64 {
    error * t_quantile(freedom)
}

/// The 97.5 % quantile of Student's t: exact to 1 % (the series of Cornish and Fisher from 3 on).
pub(super) fn t_quantile(freedom: usize) -> f64 {
    const NORMAL: f64 = 1.959_964;
    match freedom {
        0 | 1 => 12.706,
        2 => 4.303,
        freedom => {
            let (z, f) = (NORMAL, freedom as f64);
            z + (z.powi(3) + z) / (4.0 * f)
                + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * f * f)
                + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z)
                    / (384.0 * f.powi(3))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(right: &[bool]) -> NetResult {
        NetResult::new(0.0, right)
    }

    #[test]
    fn students_t_has_the_published_quantiles() {
        for (freedom, expected) in
            [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (10, 2.228), (100, 1.984)]
        {
            let found = t_quantile(freedom);
            assert!((found / expected - 1.0).abs() < 0.01, "{freedom}: {found}, not {expected}");
        }
    }

    #[test]
    fn a_pair_is_compared_image_by_image_over_its_seeds() {
        let policy = [net(&[true, true, false, false]), net(&[true, true, true, false])];
        let random = [net(&[true, false, false, false]), net(&[true, false, false, false])];
        let pair = Pair::new(3, [&policy, &random], Some((0.1, 4))).unwrap();
        // Differences of the images: 0, 1, 0.5, 0.
        assert!((pair.difference - 0.375).abs() < 1e-12, "{pair:?}");
        let of_images = (0.140_625 + 0.390_625 + 0.015_625 + 0.140_625) / 3.0 / 4.0;
        let error = (of_images + 0.01_f64).sqrt();
        assert!((pair.error.unwrap() - error).abs() < 1e-12, "{pair:?}, not {error}");
        assert_eq!((pair.cycle, pair.freedom), (3, 4));
        assert_eq!(Pair::new(3, [&policy, &[]], Some((0.1, 4))), None);
    }

    #[test]
    fn one_seed_says_nothing_of_noise() {
        let nets = [net(&[true, false, true])];
        let pair = Pair::new(0, [&nets, &nets], None).unwrap();
        assert_eq!((pair.difference, pair.error), (0.0, None));
        let report = PairReport::of(&[pair]);
        assert_eq!((report.pairs, report.verdict()), (1, Verdict::NotMeasured));
    }

    #[test]
    fn pairs_that_differ_widen_the_interval() {
        let pair = |difference| Pair { cycle: 0, difference, error: Some(0.01), freedom: 100 };
        let alike = PairReport::of(&[pair(0.05); 4]);
        assert_eq!(alike.verdict(), Verdict::Better);
        let apart = PairReport::of(&[pair(0.30), pair(-0.20), pair(0.20), pair(-0.10)]);
        assert_eq!(apart.verdict(), Verdict::NotYetBetter);
        let [alike, apart] = [alike, apart].map(|report| report.interval.unwrap());
        assert!((alike.mean - apart.mean).abs() < 1e-12);
        assert!((alike.high - alike.low - 2.0 * 0.005 * 1.966).abs() < 1e-4, "{alike:?}");
        assert!(0.4 < apart.high - apart.low, "{apart:?}");
        assert_eq!(PairReport::of(&[]).verdict(), Verdict::NotMeasured);
    }
}
