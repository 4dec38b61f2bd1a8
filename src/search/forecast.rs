//! The forecast: what an architecture will be worth once retrained, by all that were retrained here.
//!
//! Kernel ridge regression on what an architecture is made of (the path encoding of BANANAS, White et
//! al., 2021, with counts and sizes beside it), and on its shared score:
//!
//! ```text
//! y        mean reward of the nets of an architecture, less the mean of all that were trained as long
//! K        Σ over groups g of features  X_g·X_gᵀ / |g|            every feature standardized
//! ŷ        K·(K + λ)⁻¹·y            λ by the least error of those that are left out, one by one
//! ```
//!
//! An architecture that is left out is forecast by all the others at no cost,
//! `y_i − ŷ_i / (1 − H_ii)` with `H = K·(K + λ)⁻¹`, which says how far the forecast is to be believed.

use std::collections::BTreeMap;

use crate::net::NetError;
use crate::numbers::{deviation, mean};
use crate::search::Budget;
use crate::search::rank_correlation::tau;
use crate::space::{Arch, Sketch, VertexRole};

/// Architectures below which nothing is forecast.
pub const MIN_FORECAST: usize = 40;

/// Operations of a way from an input to the output that is a feature, at most.
const MAX_PATH: usize = 3;

/// What is tried for λ: the kernel's entries are about 1 for each group.
const RIDGES: [f64; 6] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// What is known of an architecture before it is trained: groups of features by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Features([BTreeMap<String, f64>; Self::GROUPS]);

impl Features {
    const GROUPS: usize = 4;

    /// The features of `arch`, with its reward with the shared weights where there is one.
    pub fn of(arch: &Arch, budget: &Budget, shared: Option<f64>) -> Result<Self, NetError> {
        let cost = budget.cost(arch)?;
        let ln = |number: u64| (number.max(1) as f64).ln();
        let sizes = [("params", ln(cost.params)), ("multiply_adds", ln(cost.multiply_adds))];
        let (mut counts, mut paths) = (BTreeMap::new(), BTreeMap::new());
        for (part, sketch) in arch.sketch().iter().enumerate() {
            count(part, sketch, &mut counts);
            let inputs = sketch.vertices.iter().take_while(|v| v.role == VertexRole::Input);
            for input in 0..inputs.count() {
                walk(sketch, input, &format!("{part}:{input}"), 0, &mut paths);
            }
        }
        let sizes = sizes.map(|(name, value)| (name.to_owned(), value)).into();
        let shared = shared.map(|reward| ("shared".to_owned(), reward)).into_iter().collect();
        Ok(Self([counts, paths, sizes, shared]))
    }
}

/// How often each operation is used, and what is read how often.
fn count(part: usize, sketch: &Sketch, counts: &mut BTreeMap<String, f64>) {
    let mut add = |name: String| *counts.entry(format!("{part}:{name}")).or_default() += 1.0;
    for op in sketch.vertices.iter().filter_map(|vertex| vertex.op) {
        add(format!("op {op}"));
    }
    for link in &sketch.links {
        let op = link.op.map_or(String::new(), |op| format!("op {op}"));
        let is_input = sketch.vertices[link.from].role == VertexRole::Input;
        let from = if is_input { link.from.to_string() } else { "node".to_owned() };
        add(format!("from {from} {op}"));
        if !op.is_empty() {
            add(op);
        }
        if link.to == sketch.output() {
            add("end".to_owned());
        }
    }
    *counts.entry(format!("{part}:depth")).or_default() += sketch.depths()[sketch.output()] as f64;
}

/// The ways from `vertex` to the output, by the operations on them.
fn walk(
    sketch: &Sketch,
    vertex: usize,
    path: &str,
    length: usize,
    paths: &mut BTreeMap<String, f64>,
) {
    if vertex == sketch.output() {
        *paths.entry(path.to_owned()).or_default() += 1.0;
        return;
    }
    for link in sketch.links.iter().filter(|link| link.from == vertex) {
        let op = link.op.or(sketch.vertices[link.to].op);
        let step = op.map_or(String::new(), |op| format!(".{op}"));
        let length = length + usize::from(op.is_some());
        if length <= MAX_PATH {
            walk(sketch, link.to, &format!("{path}{step}"), length, paths);
        }
    }
}

/// The mean and the deviation of the features of a group, by name.
type Scales = BTreeMap<String, (f64, f64)>;

/// What is forecast from.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// By group and name: the mean and the deviation of a feature that varies.
    scales: [Scales; Features::GROUPS],
    known: Vec<Vec<Vec<f64>>>,
    /// `(K + λ)⁻¹·y`
    weights: Vec<f64>,
    /// What was forecast of each by all the others.
    left_out: Vec<f64>,
    /// Kendall's τ of that with what they were worth.
    tau: Option<f64>,
}

impl Forecast {
    /// From architectures with what each was worth; none below [`MIN_FORECAST`].
    pub fn fit(known: &[(Features, f64)]) -> Option<Self> {
        if known.len() < MIN_FORECAST {
            return None;
        }
        let scales = scales(known);
        let rows: Vec<Vec<Vec<f64>>> =
            known.iter().map(|(features, _)| standardized(features, &scales)).collect();
        let values: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
        let kernel: Vec<Vec<f64>> =
            rows.iter().map(|a| rows.iter().map(|b| product(a, b)).collect()).collect();
        let tried = RIDGES.map(|ridge| left_out(&kernel, &values, ridge));
        let best = tried.into_iter().min_by(|a, b| a.error.total_cmp(&b.error))?;
        let points: Vec<(f64, f64)> = best.forecast.iter().copied().zip(values).collect();
        let tau = tau(&points);
        let Ridge { forecast: left_out, weights, .. } = best;
        Some(Self { scales, known: rows, weights, left_out, tau })
    }

    /// What an architecture will be worth, but for a constant.
    pub fn of(&self, features: &Features) -> f64 {
        let row = standardized(features, &self.scales);
        self.known.iter().zip(&self.weights).map(|(known, w)| w * product(known, &row)).sum()
    }

    /// What was forecast of each architecture by all the others, in their order.
    pub fn left_out(&self) -> &[f64] {
        &self.left_out
    }

    /// Kendall's τ of what was forecast of those left out, one by one, with what they were worth.
    pub fn tau(&self) -> Option<f64> {
        self.tau
    }
}

/// The mean and the deviation of each feature that varies.
fn scales(known: &[(Features, f64)]) -> [Scales; Features::GROUPS] {
    std::array::from_fn(|group| {
        let names = known.iter().flat_map(|(features, _)| features.0[group].keys());
        let names: std::collections::BTreeSet<&String> = names.collect();
        let scale = |name: &String| {
            let value = |(features, _): &(Features, f64)| {
                features.0[group].get(name).copied().unwrap_or_default()
            };
            let values: Vec<f64> = known.iter().map(value).collect();
            let deviation = deviation(&values).filter(|found| 1e-9 < *found)?;
            Some((name.clone(), (mean(&values), deviation)))
        };
        names.into_iter().filter_map(scale).collect()
    })
}

/// The features by group, each less its mean and by its deviation.
fn standardized(features: &Features, scales: &[Scales; Features::GROUPS]) -> Vec<Vec<f64>> {
    let of_group = |(found, scales): (&BTreeMap<String, f64>, &Scales)| {
        let value = |(name, (mean, deviation)): (&String, &(f64, f64))| {
            (found.get(name).copied().unwrap_or_default() - mean) / deviation
        };
        scales.iter().map(value).collect()
    };
    features.0.iter().zip(scales).map(of_group).collect()
}

fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let of_group = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / a.len().max(1) as f64
    };
    a.iter().zip(b).map(of_group).sum()
}

/// A ridge, as it forecasts those that are left out.
struct Ridge {
    error: f64,
    forecast: Vec<f64>,
    weights: Vec<f64>,
}

fn left_out(kernel: &[Vec<f64>], values: &[f64], ridge: f64) -> Ridge {
    let inverse = inverse(kernel, ridge);
    let weights: Vec<f64> =
        inverse.iter().map(|row| row.iter().zip(values).map(|(a, y)| a * y).sum()).collect();
    // With (K + λ)⁻¹ = C: y_i − ŷ_i = (C·y)_i / C_ii for the one that is left out.
    let residuals = weights.iter().enumerate().map(|(place, w)| w / inverse[place][place]);
    let residuals: Vec<f64> = residuals.collect();
    let forecast = values.iter().zip(&residuals).map(|(value, off)| value - off).collect();
    Ridge { error: residuals.iter().map(|off| off * off).sum(), forecast, weights }
}

/// `(K + λ)⁻¹` of a symmetric positive matrix K, by Gauss and Jordan without pivots, which such a
/// matrix does not need.
fn inverse(kernel: &[Vec<f64>], ridge: f64) -> Vec<Vec<f64>> {
    let n = kernel.len();
    let row = |(place, row): (usize, &Vec<f64>)| {
        let mut row = row.clone();
        row[place] += ridge;
        row.extend((0..n).map(|column| if column == place { 1.0 } else { 0.0 }));
        row
    };
    let mut rows: Vec<Vec<f64>> = kernel.iter().enumerate().map(row).collect();
    for pivot in 0..n {
        let by = rows[pivot][pivot];
        rows[pivot].iter_mut().for_each(|value| *value /= by);
        let own = rows[pivot].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(place, _)| *place != pivot) {
            let factor = row[pivot];
            if factor != 0.0 {
                row.iter_mut().zip(&own).for_each(|(value, own)| *value -= factor * own);
            }
        }
    }
    rows.into_iter().map(|mut row| row.split_off(n)).collect()
}

#[cfg(test)]
mod tests;
