//! What architectures may cost, and what their cost takes of their reward.
//!
//! ```text
//! cost(m)   of the net of m that stands alone with the sizes of `[net]`: parameters and
//!           multiply-adds as they are counted, milliseconds by the table of layers
//! over      cost(m) > limit for any limit that is set: m is drawn again
//! factor    1 − w·max cost(m) / limit over the limits that are set;   R(m, ω) = accuracy · factor,
//!           or what `objective.rs` makes of it for another reward
//! ```
//!
//! As in `MnasNet` (Tan et al., 2019, equation 2) the accuracy is multiplied by what falls with the
//! cost over a target, so that a child that has nothing right gains nothing by being cheap.
//! Departure: theirs is a power, `(cost / target)^w`, which makes the reward of a cheap child more
//! than its accuracy; the line stays between `1 − w` and 1, and is as steep at the target where `w`
//! is small.
//!
//! Draws follow from θ and a generator alone, and so must costs: the clock is not asked, and a table
//! of times is measured before the search and kept with it.

use std::sync::Arc;

use crate::net::{LayerTimes, NetError, NetFamily};
use crate::random::{Owner, generator};
use crate::search::limit::{Limit, TightLimit};
use crate::search::{LimitsConfig, Random, SearchError};
use crate::space::{Arch, Space};

/// Architectures that are drawn at the start to see whether enough are within the limits.
const LOOKED_AT: usize = 1000;

/// How many of these have to be: with fewer, draws that stay a function of their generator would
/// take too many attempts (see `sample.rs`).
const LEAST_WITHIN: usize = 20;

/// What an architecture costs as a net that stands alone with the sizes of `[net]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArchCost {
    /// Trainable values, without those of an auxiliary head.
    pub params: u64,
    /// Multiply-adds of one image's forward pass.
    pub multiply_adds: u64,
    /// Milliseconds of it by the table; none where there is no table.
    pub milliseconds: Option<f64>,
}

/// What architectures may cost.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: LimitsConfig,
    family: Arc<dyn NetFamily>,
    times: Option<Arc<LayerTimes>>,
}

impl Budget {
    /// The limits for architectures that become nets of `family`, whose layers take these times.
    pub fn new(
        limits: LimitsConfig,
        family: Arc<dyn NetFamily>,
        times: Option<Arc<LayerTimes>>,
    ) -> Self {
        Self { limits, family, times }
    }

    /// The weight of costs in the reward.
    pub fn weight(&self) -> f64 {
        self.limits.weight
    }

    /// What `arch` costs.
    pub fn cost(&self, arch: &Arch) -> Result<ArchCost, NetError> {
        let net = self.family.standalone(arch)?;
        let cost = net.cost();
        let milliseconds = self.times.as_ref().and_then(|times| times.milliseconds(&net));
        Ok(ArchCost { params: cost.params, multiply_adds: cost.multiply_adds, milliseconds })
    }

    /// What the cost of `arch` leaves of its reward, 0 to 1, whether or not it is over a limit.
    pub fn factor(&self, arch: &Arch) -> Result<f64, SearchError> {
        if self.limits.weight == 0.0 { Ok(1.0) } else { self.factor_of(self.cost(arch)?) }
    }

    /// The same of an architecture that costs `cost`.
    pub fn factor_of(&self, cost: ArchCost) -> Result<f64, SearchError> {
        if self.limits.weight == 0.0 {
            return Ok(1.0);
        }
        Ok(self.left_by(&self.shares(cost)?))
    }

    /// What the cost of `arch` leaves of its reward, or the first limit that it is over.
    pub fn judge(&self, arch: &Arch) -> Result<Result<f64, Limit>, SearchError> {
        if !self.limits.is_set() {
            return Ok(Ok(1.0));
        }
        let shares = self.shares(self.cost(arch)?)?;
        if let Some((limit, _)) = shares.iter().find(|(_, share)| 1.0 < *share) {
            return Ok(Err(*limit));
        }
        Ok(Ok(self.left_by(&shares)))
    }

    /// What a cost of these shares leaves of a reward.
    fn left_by(&self, shares: &Shares) -> f64 {
        let most = shares.iter().fold(0.0, |most: f64, (_, share)| most.max(*share));
        (1.0 - self.limits.weight * most).max(0.0)
    }

    /// Refuses limits within which next to no architectures of `space` are. Those of time are
    /// looked at only once there is a table.
    pub(super) fn check(&self, space: Space, seed: u64) -> Result<(), SearchError> {
        if !self.limits.is_set() || (0.0 < self.limits.milliseconds && self.times.is_none()) {
            return Ok(());
        }
        // No step of any search has this number.
        let mut rng = generator(seed, Owner::Uniform, u64::MAX);
        let mut costs = Vec::new();
        for rollout in Random::sample(&space.script(), LOOKED_AT, &mut rng) {
            costs.push(self.shares(self.cost(&space.arch(&rollout.choices)?)?)?);
        }
        let is_within = |shares: &&Shares| shares.iter().all(|(_, share)| *share <= 1.0);
        let within = costs.iter().filter(is_within).count();
        if LEAST_WITHIN <= within {
            return Ok(());
        }
        let tight = self.limits().into_iter().enumerate().map(|(place, (limit, value))| {
            let mut found: Vec<f64> = costs.iter().map(|shares| shares[place].1 * value).collect();
            found.sort_by(f64::total_cmp);
            TightLimit { limit, value, tenth: found[LOOKED_AT / 10] }
        });
        let tight = tight.collect();
        Err(SearchError::Limits { within, of: LOOKED_AT, least: LEAST_WITHIN, tight })
    }

    /// The limits that are set, with their values.
    fn limits(&self) -> Vec<(Limit, f64)> {
        let limits = Limit::ALL.map(|limit| (limit, self.value(limit)));
        limits.into_iter().filter(|(_, value)| 0.0 < *value).collect()
    }

    fn value(&self, limit: Limit) -> f64 {
        match limit {
            Limit::Params => self.limits.params as f64,
            Limit::MultiplyAdds => self.limits.multiply_adds as f64,
            Limit::Milliseconds => self.limits.milliseconds,
        }
    }

    /// What share of each limit that is set `cost` is.
    fn shares(&self, cost: ArchCost) -> Result<Shares, SearchError> {
        let share = |(limit, value): (Limit, f64)| {
            let cost = match limit {
                Limit::Params => cost.params as f64,
                Limit::MultiplyAdds => cost.multiply_adds as f64,
                Limit::Milliseconds => cost.milliseconds.ok_or(SearchError::NoTimes)?,
            };
            Ok((limit, cost / value))
        };
        self.limits().into_iter().map(share).collect()
    }
}

/// What share of each limit that is set a cost is.
type Shares = Vec<(Limit, f64)>;
