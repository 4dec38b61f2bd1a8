//! The average of a net's weights over its last steps: nt-ASGD (Merity et al., 2018, algorithm 1), as
//! nets of words are trained.
//!
//! ```text
//! v_t   the cross-entropy on the validation split after epoch t
//! v_t > min(v_1 … v_{t−n})            averages from the next step on, T steps by the end:
//! w̄ = (w_1 + … + w_T) / T             is measured and shipped, while w goes on
//! ```

use crate::engine::{Params, Snapshot};
use crate::search::SearchError;

/// How far the averaging of a net's weights has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Averaging {
    /// The mean cross-entropy on the validation split after each epoch, in nats.
    pub valid: Vec<f64>,
    /// Steps whose weights are averaged; none before the trigger.
    pub steps: Option<u64>,
}

impl Averaging {
    /// Takes note of what the net has of the validation split after an epoch; averages from now on
    /// where that is worse than the best of all but the last `patience` before.
    pub(super) fn measured(&mut self, nll: f64, patience: u64) {
        let before = self.valid.len().saturating_sub(patience as usize);
        let best = self.valid[..before].iter().copied().fold(f64::INFINITY, f64::min);
        if self.steps.is_none() && best < nll {
            self.steps = Some(0);
        }
        self.valid.push(nll);
    }

    /// Takes the weights of one more step into `average`, if they are averaged.
    pub(super) fn step(
        &mut self,
        average: &mut Snapshot,
        params: &Params,
    ) -> Result<(), SearchError> {
        let Some(steps) = &mut self.steps else { return Ok(()) };
        *steps += 1;
        let share = 1.0 / *steps as f64;
        for (name, weight) in params.snapshot()? {
            let mean = match average.get(&name) {
                Some(mean) => (mean + ((weight - mean)? * share)?)?,
                None => weight,
            };
            average.insert(name, mean);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn averaging_begins_where_the_last_epochs_brought_nothing() {
        let begins = |valid: &[f64], patience| {
            let mut averaging = Averaging::default();
            valid.iter().position(|&nll| {
                averaging.measured(nll, patience);
                averaging.steps.is_some()
            })
        };
        assert_eq!(begins(&[5.0, 4.0, 3.0, 2.9], 2), None);
        // The best of all but the last two is compared with.
        assert_eq!(begins(&[5.0, 4.0, 4.5, 4.6, 4.4], 2), Some(4));
        assert_eq!(begins(&[5.0, 4.0, 4.5, 4.6], 1), Some(3));
    }

    #[test]
    fn the_average_is_the_mean_of_the_weights_of_all_its_steps() {
        let mut averaging = Averaging { valid: Vec::new(), steps: Some(0) };
        let mut average = Snapshot::new();
        for value in [1.0_f32, 4.0, 7.0] {
            let weight = Tensor::new(&[value, -value], &Device::Cpu).unwrap();
            let weights = [("w".to_owned(), weight)].into_iter().collect();
            let params = Params::from_tensors(&weights, &Device::Cpu).unwrap();
            averaging.step(&mut average, &params).unwrap();
        }
        assert_eq!(average["w"].to_vec1::<f32>().unwrap(), [4.0, -4.0]);
    }
}
