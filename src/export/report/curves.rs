//! The search over time, as points of an epoch or of an hour, or of more of them each: however long
//! it was, a plot has room for so many.

/// Points that a plot has at most: one for every second pixel would say no more.
const MAX_POINTS: usize = 240;

/// The 97.5 % quantile of the normal distribution.
const NORMAL: f64 = 1.96;

/// Numbers, as their count, sum and sum of squares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
}

/// What was measured in one epoch or hour, or in some that follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CurvePoint {
    /// The first of its steps, counted from 0.
    pub first_step: u64,
    /// The last of them.
    pub last_step: u64,
    /// Rewards of the policy.
    pub policy: Moments,
    /// Rewards of the random arm.
    pub random: Moments,
    /// Entropies of the policy's architectures in nats.
    pub entropy: Moments,
    /// Losses of ω's steps in nats.
    pub loss: Moments,
    /// The highest reward.
    pub best: Option<f64>,
}

/// Points in the order of the search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    points: Vec<CurvePoint>,
    /// Added points that the last one holds.
    in_last: usize,
    /// Added points that each other one holds; none before the first.
    in_each: usize,
}

impl Moments {
    /// Adds a number.
    pub fn add(&mut self, value: f64) {
        self.merge(Self { count: 1, sum: value, squares: value * value });
    }

    /// Adds what another has; nothing where that is not finite.
    pub fn merge(&mut self, other: Self) {
        if other.sum.is_finite() && other.squares.is_finite() {
            self.count += other.count;
            self.sum += other.sum;
            self.squares += other.squares;
        }
    }

    /// Their mean, where there are any.
    pub fn mean(self) -> Option<f64> {
        (0 < self.count).then(|| self.sum / self.count as f64)
    }

    /// The 95 % interval of the mean, where there are two or more.
    pub fn interval(self) -> Option<(f64, f64)> {
        let (n, mean) = (self.count as f64, self.mean()?);
        let variance = (self.squares - n * mean * mean).max(0.0) / (n - 1.0);
        let width = NORMAL * (variance / n).sqrt();
        (1 < self.count).then_some((mean - width, mean + width))
    }
}

impl CurvePoint {
    /// Takes a reward for the highest, where it is.
    pub fn raise(&mut self, reward: f64) {
        self.best = Some(self.best.map_or(reward, |best| best.max(reward)));
    }

    /// The middle of its steps.
    pub fn step(&self) -> f64 {
        f64::midpoint(self.first_step as f64, self.last_step as f64)
    }

    fn merge(&mut self, other: &Self) {
        self.first_step = self.first_step.min(other.first_step);
        self.last_step = self.last_step.max(other.last_step);
        self.policy.merge(other.policy);
        self.random.merge(other.random);
        self.entropy.merge(other.entropy);
        self.loss.merge(other.loss);
        other.best.into_iter().for_each(|best| self.raise(best));
    }
}

impl Curves {
    /// Adds a point behind those that are there. Where there are too many, neighbors become one.
    pub fn add(&mut self, point: &CurvePoint) {
        match self.points.last_mut() {
            Some(last) if self.in_last < self.in_each => {
                last.merge(point);
                self.in_last += 1;
            }
            _ => {
                self.halve();
                self.points.push(*point);
                (self.in_last, self.in_each) = (1, self.in_each.max(1));
            }
        }
    }

    /// The points.
    pub fn points(&self) -> &[CurvePoint] {
        &self.points
    }

    fn halve(&mut self) {
        if self.points.len() < MAX_POINTS {
            return;
        }
        let pairs = self.points.chunks(2).map(|pair| {
            let mut merged = pair[0];
            pair[1..].iter().for_each(|other| merged.merge(other));
            merged
        });
        self.points = pairs.collect();
        self.in_each *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for &value in values {
            moments.add(value);
        }
        moments
    }

    #[test]
    fn a_mean_has_its_interval() {
        let found = moments(&[0.5, 0.7, 0.6]);
        assert!((found.mean().unwrap() - 0.6).abs() < 1e-12);
        let (low, high) = found.interval().unwrap();
        let width = 1.96 * 0.1 / 3.0_f64.sqrt();
        assert!((0.6 - low - width).abs() < 1e-9 && (high - 0.6 - width).abs() < 1e-9);
        assert_eq!(moments(&[0.5]).interval(), None);
        assert_eq!((moments(&[]).mean(), moments(&[]).interval()), (None, None));
        assert_eq!(moments(&[0.5, f64::NAN, f64::INFINITY]), moments(&[0.5]));
    }

    /// Nothing is lost, whatever was merged, and the order stays.
    #[test]
    fn any_number_of_epochs_fits_a_plot() {
        for n in [1, 7, 240, 241, 1000, 12_345_u32] {
            let mut curves = Curves::default();
            for step in 0..n {
                let mut point = CurvePoint {
                    first_step: step.into(),
                    last_step: step.into(),
                    policy: moments(&[0.5]),
                    ..CurvePoint::default()
                };
                point.raise(f64::from(step));
                curves.add(&point);
            }
            let points = curves.points();
            assert!((1..=MAX_POINTS).contains(&points.len()), "{n}: {}", points.len());
            assert!(n < 240 || MAX_POINTS / 2 <= points.len(), "{n}: {}", points.len());
            assert_eq!(points.iter().map(|point| point.policy.count).sum::<u64>(), u64::from(n));
            assert!(points.windows(2).all(|two| two[0].last_step + 1 == two[1].first_step));
            assert_eq!(points.last().unwrap().best, Some(f64::from(n - 1)));
        }
    }
}
