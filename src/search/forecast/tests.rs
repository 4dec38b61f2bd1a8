//! The forecast against what it must find: operations that matter, and nothing where there is nothing.

use super::*;
use crate::net::{Input, NetConfig, Shape, family};
use crate::random::{Owner, generator};
use crate::search::{LimitsConfig, Random};
use crate::space::{MicroSpace, Space, SpaceConfig, SpaceKind};
use rand::RngExt;

fn budget(space: Space) -> Budget {
    let input = Input::Image { shape: Shape { channels: 1, height: 12, width: 12 }, classes: 3 };
    let family = family(space, &NetConfig { channels: 2, ..NetConfig::default() }, input).unwrap();
    Budget::new(LimitsConfig::default(), family, None)
}

fn archs(space: Space, n: usize, index: u64) -> Vec<Arch> {
    let mut rng = generator(7, Owner::Study, index);
    let rollouts = Random::sample(&space.script(), n, &mut rng);
    rollouts.iter().map(|rollout| space.arch(&rollout.choices).unwrap()).collect()
}

/// How many links of a cell have the operation 1, less those that have 3.
fn worth(arch: &Arch) -> f64 {
    let links = arch.sketch().into_iter().flat_map(|sketch| sketch.links);
    let worth = |op| match op {
        Some(1) => 0.1,
        Some(3) => -0.1,
        _ => 0.0,
    };
    links.map(|link| worth(link.op)).sum()
}

fn known(space: Space, archs: &[Arch], worth: impl Fn(&Arch) -> f64) -> Vec<(Features, f64)> {
    let budget = budget(space);
    let pair = |arch: &Arch| (Features::of(arch, &budget, None).unwrap(), worth(arch));
    archs.iter().map(pair).collect()
}

#[test]
fn what_an_operation_is_worth_is_found_and_holds_for_others() {
    let space = Space::Micro(MicroSpace::new(4).unwrap());
    let forecast = Forecast::fit(&known(space, &archs(space, 80, 0), worth)).unwrap();
    assert!(0.7 < forecast.tau().unwrap(), "{:?}", forecast.tau());
    let points: Vec<(f64, f64)> = known(space, &archs(space, 40, 1), worth)
        .iter()
        .map(|(features, worth)| (forecast.of(features), *worth))
        .collect();
    let found = tau(&points).unwrap();
    assert!(0.7 < found, "{found}");
}

#[test]
fn noise_is_forecast_by_nothing() {
    let space = Space::Micro(MicroSpace::new(4).unwrap());
    let mut rng = generator(7, Owner::Study, 9);
    let noise: Vec<f64> = (0..80).map(|_| rng.random()).collect();
    let mut next = noise.iter();
    let archs = archs(space, 80, 0);
    let budget = budget(space);
    let pairs: Vec<_> = archs
        .iter()
        .map(|arch| (Features::of(arch, &budget, None).unwrap(), *next.next().unwrap()))
        .collect();
    let tau = Forecast::fit(&pairs).unwrap().tau().unwrap();
    assert!(tau.abs() < 0.25, "{tau}");
}

#[test]
fn those_left_out_are_forecast_as_if_they_had_never_been_there() {
    let space = Space::Micro(MicroSpace::new(3).unwrap());
    let all = known(space, &archs(space, 44, 0), worth);
    let scales = scales(&all);
    let rows: Vec<_> = all.iter().map(|(features, _)| standardized(features, &scales)).collect();
    let kernel = |rows: &[Vec<Vec<f64>>]| -> Vec<Vec<f64>> {
        rows.iter().map(|a| rows.iter().map(|b| product(a, b)).collect()).collect()
    };
    let values: Vec<f64> = all.iter().map(|(_, value)| *value).collect();
    let found = left_out(&kernel(&rows), &values, 0.3);
    for place in [0, 20, 43] {
        let (mut others, mut rest) = (rows.clone(), values.clone());
        let (own, _) = (others.remove(place), rest.remove(place));
        let without = left_out(&kernel(&others), &rest, 0.3);
        let forecast: f64 =
            others.iter().zip(&without.weights).map(|(row, w)| w * product(row, &own)).sum();
        assert!((forecast - found.forecast[place]).abs() < 1e-9, "{place}");
    }
}

#[test]
fn whole_nets_have_features_too_and_a_shared_score_is_one() {
    let config = SpaceConfig { kind: SpaceKind::WholeNet, layers: 4, ..SpaceConfig::default() };
    let space = Space::new(&config).unwrap();
    let archs = archs(space, 60, 0);
    let shared = |arch: &Arch| worth_of_net(arch) * 3.0;
    let budget = budget(space);
    let pairs: Vec<_> = archs
        .iter()
        .map(|arch| {
            let features = Features::of(arch, &budget, Some(shared(arch))).unwrap();
            (features, worth_of_net(arch))
        })
        .collect();
    let forecast = Forecast::fit(&pairs).unwrap();
    assert!(0.7 < forecast.tau().unwrap(), "{:?}", forecast.tau());
    assert!(Forecast::fit(&pairs[..MIN_FORECAST - 1]).is_none());
}

/// A number that no count of operations tells.
fn worth_of_net(arch: &Arch) -> f64 {
    let hash = arch
        .choices()
        .iter()
        .fold(7_u64, |hash, &choice| (hash ^ u64::from(choice + 1)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 40) as f64 / (1_u64 << 24) as f64
}
