//! Initial values of parameters, drawn from one seeded generator in the order of the names.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::engine::Snapshot;
use crate::net::{Init, ParamSpec};
use crate::random::truncated_normal;

/// Uniform draws are from minus this to this.
const UNIFORM_RANGE: f64 = 0.04;

/// Draws the values of every parameter, in f32.
pub fn initial_values(
    specs: &BTreeMap<String, ParamSpec>,
    rng: &mut ChaCha8Rng,
) -> Result<Snapshot> {
    let values = specs.iter().map(|(name, spec)| {
        let values: Vec<f32> = match spec.init {
            Init::Ones => vec![1.0; spec.len()],
            Init::Zeros => vec![0.0; spec.len()],
            Init::Uniform => {
                let draw = |_| (UNIFORM_RANGE * (2.0 * rng.random::<f64>() - 1.0)) as f32;
                (0..spec.len()).map(draw).collect()
            }
            Init::HeNormal { fan_in } => {
                let deviation = (2.0 / fan_in as f64).sqrt();
                (0..spec.len()).map(|_| (truncated_normal(rng) * deviation) as f32).collect()
            }
        };
        Ok((name.clone(), Tensor::from_vec(values, spec.dims.as_slice(), &Device::Cpu)?))
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};

    #[test]
    fn he_draws_have_the_deviation_of_a_truncated_normal() {
        let spec = ParamSpec { dims: vec![200, 100], init: Init::HeNormal { fan_in: 50 } };
        let specs = BTreeMap::from([("w".to_owned(), spec)]);
        let values = initial_values(&specs, &mut generator(3, Owner::SharedInit, 0)).unwrap();
        let values: Vec<f32> = values["w"].flatten_all().unwrap().to_vec1().unwrap();
        let square = values.iter().map(|v| f64::from(v * v)).sum::<f64>() / values.len() as f64;
        // Truncation at two deviations leaves 0.8796 of the deviation.
        assert!((square.sqrt() - 0.2 * 0.8796).abs() < 0.003, "{}", square.sqrt());
        assert!(values.iter().all(|v| v.abs() <= 0.4));
    }
}
