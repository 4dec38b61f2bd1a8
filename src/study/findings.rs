//! What a study found: for each way to score an architecture how far it agrees with retraining.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use crate::numbers::{mean, percent, thousands};
use crate::search::{FinalConfig, Interval, Objective, Score, Variance, kendall};

/// The share of the architectures whose truth is told of those that an estimate has highest.
const TOP: usize = 5;

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The number.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// An architecture of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudiedArch {
    /// Its canonical id.
    pub id: String,
    /// In the native text form.
    pub arch: String,
    /// What each of its nets has right of the images of the truth, by seed.
    pub nets: Vec<NetScore>,
}

/// What a net has right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetScore {
    /// Cross-entropy in nats, summed; none where it is no number.
    pub nll: Option<f64>,
    /// Images that are right.
    pub correct: u64,
    /// All images.
    pub items: u64,
}

/// A way to score architectures before they are trained, or after little training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub about: String,
    /// The score of each architecture, in their order; higher is better.
    pub values: Vec<f64>,
    /// Kendall's τ with the truth.
    pub tau: Option<Band>,
    /// τ as a share of the ceiling; none where that may be 0.
    pub of_ceiling: Option<f64>,
    /// The mean truth of the fifth of the architectures that it has highest.
    pub top: f64,
}

/// What a study found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// The version of this form.
    pub format: u32,
    /// The version of the program.
    pub program: String,
    /// The search space.
    pub space: String,
    /// The fingerprint of the data.
    pub data: String,
    /// The executor.
    pub computed_by: String,
    /// The seed.
    pub seed: u64,
    /// How the nets were trained whose scores are the truth.
    pub recipe: FinalConfig,
    /// Images that the truth was measured on.
    pub truth_images: usize,
    /// Images that all else was scored on.
    pub score_images: usize,
    /// The architectures.
    pub archs: Vec<StudiedArch>,
    /// Of −ln nll, what is architectures' and what is seeds'.
    pub variance: Option<Variance>,
    /// The same of accuracies.
    pub variance_of_accuracy: Option<Variance>,
    /// τ of two truths of half of the seeds each: what no score can be expected to pass.
    pub ceiling: Option<Band>,
    /// The same of accuracies.
    pub ceiling_of_accuracy: Option<Band>,
    /// Every way to score.
    pub estimates: Vec<Estimate>,
}

impl From<Interval> for Band {
    fn from(Interval { mean, low, high }: Interval) -> Self {
        Self { mean, low, high }
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, low, high } = self;
        write!(f, "{mean:+.2} ({low:+.2} to {high:+.2})")
    }
}

impl From<Score> for NetScore {
    fn from(Score { nll, correct, items }: Score) -> Self {
        Self { nll: nll.is_finite().then_some(nll), correct, items }
    }
}

impl StudiedArch {
    /// What the objective makes of each of its nets, by seed.
    pub fn rewards(&self, objective: Objective) -> Vec<f64> {
        let score = |net: &NetScore| objective.reward(Score::kept(net.nll, net.correct, net.items));
        self.nets.iter().map(score).collect()
    }

    /// Its truth: the mean over seeds of −ln nll.
    pub fn truth(&self) -> f64 {
        mean(&self.rewards(Objective::NegLogNll))
    }
}

impl Findings {
    /// The truths of all architectures.
    pub fn truths(&self) -> Vec<f64> {
        self.archs.iter().map(StudiedArch::truth).collect()
    }

    /// Adds an estimate whose `values` are those of the architectures in their order.
    pub fn add(&mut self, name: &str, about: &str, values: Vec<f64>) {
        let truths = self.truths();
        let points: Vec<(f64, f64)> = values.iter().copied().zip(truths.iter().copied()).collect();
        let tau = kendall(&points, self.seed).map(Band::from);
        // A share of what may be nothing says nothing.
        let ceiling = self.ceiling.filter(|ceiling| 0.0 < ceiling.low);
        let of_ceiling = tau.zip(ceiling).map(|(tau, ceiling)| tau.mean / ceiling.mean);
        let mut order: Vec<usize> = (0..values.len()).collect();
        // Stable: among equals in their order.
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let top: Vec<f64> =
            order.iter().take(values.len().div_ceil(TOP)).map(|&place| truths[place]).collect();
        let (name, about) = (name.to_owned(), about.to_owned());
        self.estimates.push(Estimate { name, about, values, tau, of_ceiling, top: mean(&top) });
    }
}

/// τ of the means of one half of the seeds and of the other, averaged over the ways to halve them;
/// its interval is the mean of theirs.
pub(super) fn ceiling(rewards: &[Vec<f64>], seed: u64) -> Option<Band> {
    let seeds = rewards.first()?.len();
    let half = seeds / 2;
    if half == 0 {
        return None;
    }
    let mut found = Vec::new();
    for chosen in 0_u32..1 << seeds {
        let is_first = |place: usize| chosen >> place & 1 == 1;
        // Of two equal halves each way once.
        if chosen.count_ones() as usize != half || 2 * half == seeds && !is_first(0) {
            continue;
        }
        let half_of = |of_arch: &Vec<f64>, first: bool| {
            let values = of_arch.iter().enumerate().filter(|(place, _)| is_first(*place) == first);
            mean(&values.map(|(_, value)| *value).collect::<Vec<_>>())
        };
        let points: Vec<(f64, f64)> =
            rewards.iter().map(|r| (half_of(r, true), half_of(r, false))).collect();
        found.push(kendall(&points, seed)?);
    }
    let of = |end: fn(&Interval) -> f64| mean(&found.iter().map(end).collect::<Vec<_>>());
    Some(Band { mean: of(|i| i.mean), low: of(|i| i.low), high: of(|i| i.high) })
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nets = self.archs.first().map_or(0, |arch| arch.nets.len());
        writeln!(
            f,
            "{} architectures of the space {}, {nets} nets each of {} epochs on {}; truth: the mean of \
             −ln nll on {} images, scores on {} others",
            thousands(self.archs.len() as u64),
            self.space,
            self.recipe.epochs,
            self.computed_by,
            thousands(self.truth_images as u64),
            thousands(self.score_images as u64),
        )?;
        let parts = [
            ("−ln nll", self.variance, self.ceiling, |x: f64| format!("{x:.4}")),
            ("accuracy", self.variance_of_accuracy, self.ceiling_of_accuracy, percent as _),
        ] as [(_, _, _, fn(f64) -> String); 2];
        for (name, variance, ceiling, show) in parts {
            let Some(Variance { mean, between, noise, reliability }) = variance else { continue };
            let (mean, between, noise) = (show(mean), show(between), show(noise));
            let ceiling = ceiling.map_or("not measured".to_owned(), |band| band.to_string());
            writeln!(
                f,
                "{name}: mean {mean}; deviation between architectures {between}, of one net {noise}; \
                 reliability of one net {reliability:.2}; ceiling of τ {ceiling}"
            )?;
        }
        let all = mean(&self.truths());
        let width = self.estimates.iter().map(|e| e.name.chars().count()).max().unwrap_or(8).max(8);
        writeln!(f, "\n{:width$}  {:24}  of ceiling  best fifth", "estimate", "τ (95 %)")?;
        for Estimate { name, about, tau, of_ceiling, top, .. } in &self.estimates {
            let tau = tau.map_or("not measured".to_owned(), |band| band.to_string());
            let share =
                of_ceiling.map_or("-".to_owned(), |share| format!("{:.0} %", 100.0 * share));
            let mut line = String::new();
            write!(line, "{name:width$}  {tau:24}  {share:>10}  {:+10.4}  {about}", top - all)?;
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f, "(best fifth: the mean truth of those it has highest, less that of all)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(archs: usize) -> Findings {
        let net = |nll: f64| NetScore { nll: Some(nll), correct: 60, items: 100 };
        let arch = |n: usize| StudiedArch {
            id: n.to_string(),
            arch: String::new(),
            nets: vec![net(100.0 - n as f64), net(90.0 - n as f64)],
        };
        Findings {
            format: 1,
            program: String::new(),
            space: "micro".into(),
            data: String::new(),
            computed_by: "fast".into(),
            seed: 7,
            recipe: FinalConfig::default(),
            truth_images: 1500,
            score_images: 1500,
            archs: (0..archs).map(arch).collect(),
            variance: None,
            variance_of_accuracy: None,
            ceiling: Some(Band { mean: 0.8, low: 0.7, high: 0.9 }),
            ceiling_of_accuracy: None,
            estimates: Vec::new(),
        }
    }

    #[test]
    fn an_estimate_that_orders_as_the_truth_is_told_with_its_share_of_the_ceiling() {
        let mut found = findings(20);
        found.add("right", "", (0..20).map(f64::from).collect());
        found.add("wrong", "", (0..20).map(|n| -f64::from(n)).collect());
        found.add("constant", "", vec![1.0; 20]);
        let tau = |n: usize| found.estimates[n].tau.map(|band| band.mean);
        assert_eq!((tau(0), tau(1), tau(2)), (Some(1.0), Some(-1.0), None));
        assert!((found.estimates[0].of_ceiling.unwrap() - 1.25).abs() < 1e-12);
        let truths = found.truths();
        assert!((found.estimates[0].top - mean(&truths[16..])).abs() < 1e-12);
        assert!((found.estimates[1].top - mean(&truths[..4])).abs() < 1e-12);
        let mut noise =
            Findings { ceiling: Some(Band { mean: 0.1, low: -0.1, high: 0.3 }), ..findings(20) };
        noise.add("right", "", (0..20).map(f64::from).collect());
        assert_eq!(noise.estimates[0].of_ceiling, None);
        let text = found.to_string();
        assert!(text.contains("right     +1.00 (+1.00 to +1.00)         125 %"), "{text}");
        let read: Findings = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
        assert_eq!(read, found);
    }

    #[test]
    fn the_ceiling_is_of_halves_of_the_seeds() {
        let exact: Vec<Vec<f64>> = (0..12).map(|n| vec![f64::from(n); 3]).collect();
        assert!((ceiling(&exact, 7).unwrap().mean - 1.0).abs() < 1e-12);
        // Two seeds that agree and one that says the opposite: 1 against 2, three ways.
        let mixed: Vec<Vec<f64>> = (0..12).map(f64::from).map(|n| vec![n, n, -0.5 * n]).collect();
        let found = ceiling(&mixed, 7).unwrap().mean;
        assert!((found - 1.0 / 3.0).abs() < 1e-12, "{found}");
        let one: Vec<Vec<f64>> = (0..12).map(f64::from).map(|n| vec![n]).collect();
        assert_eq!(ceiling(&one, 7), None);
    }
}
