//! The architecture that takes the most of something, as far as looking around finds it.

use rand_chacha::ChaCha8Rng;

use crate::search::{PhaseRollout, PolicyConfig, Population, Random, SearchError};
use crate::space::{Arch, Space};

/// Uniform draws that are looked at first.
const FOUNDERS: usize = 16;

/// Changes in one place that are tried after them: a cell has some hundred.
const CHANGES: usize = 1000;

/// The architecture of `space` of which `size` is the largest, among some that are drawn uniformly and
/// those that changes in one place lead to; a function of these and of `rng`.
pub fn largest(
    space: Space,
    rng: &mut ChaCha8Rng,
    mut size: impl FnMut(&Arch) -> Result<u64, SearchError>,
) -> Result<Arch, SearchError> {
    let script = space.script();
    let config = PolicyConfig { population: 1, tournament: 1, ..PolicyConfig::default() };
    let mut population = Population::empty(&config);
    let (mut best, mut most) = (space.first_arch(), 0);
    for draw in 0..FOUNDERS + CHANGES {
        let drawn = if draw < FOUNDERS {
            Random::sample(&script, 1, rng)
        } else {
            population.sample(&script, 1, rng)
        };
        for rollout in drawn {
            let arch = space.arch(&rollout.choices)?;
            let found = size(&arch)?;
            // What is as large may lead to what is larger.
            if most <= found {
                (best, most) = (arch.clone(), found);
                let member = PhaseRollout { arch, log_prob: 0.0, reward: found as f64 };
                population.join(std::iter::once(member));
            }
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use crate::space::{MicroSpace, NasCnn};

    /// The largest of what is a sum over places is the sum of the largest.
    #[test]
    fn it_climbs_to_the_top() {
        for space in [
            Space::Micro(MicroSpace::new(5).unwrap()),
            Space::NasCnn(NasCnn::new(6, true).unwrap()),
        ] {
            let options: Vec<usize> = space.script().options().collect();
            let top: u64 = options.iter().map(|&n| n as u64 - 1).sum();
            let sum = |arch: &Arch| arch.choices().iter().map(|&choice| u64::from(choice)).sum();
            let mut rng = generator(3, Owner::Uniform, 0);
            let found = largest(space, &mut rng, |arch| Ok(sum(arch))).unwrap();
            assert!(top * 9 <= sum(&found) * 10, "{} of {top}", sum(&found));
        }
    }
}
