//! A table of a small space: every architecture trained from scratch and measured, for searches that
//! look scores up instead of training ([`Table`](crate::search::Table)).
//!
//! ```text
//! # how and of what it was made
//! arch,score,accuracy,score_1,…,params,multiply_adds
//! "normal=[…] reduction=[…]",0.78,0.83,0.77,…
//! ```

use std::fmt;

use crate::numbers::mean;
use crate::search::{Objective, Score, Task, TrialPlan, TrialTask};
use crate::space::Arch;
use crate::study::trainings::Trainings;
use crate::study::{Ground, Progress, StudyError};

/// What was measured of every architecture of a space.
#[derive(Clone, Debug)]
pub struct Tabulated {
    /// How and of what it was made, a line each.
    pub about: Vec<String>,
    /// Each architecture in the order of canonical spellings, with its nets' scores.
    archs: Vec<(Arch, Vec<Score>, [u64; 2])>,
}

/// Trains every architecture of the configured space that is within the limits as `[final]` has it,
/// with as many seeds as `ground` says, and measures each net on the validation split. What was
/// measured is kept, and not measured again.
pub fn tabulate(ground: &Ground, told: &mut dyn FnMut(Progress)) -> Result<Tabulated, StudyError> {
    let (dataset, data) = ground.images()?;
    let images = dataset.sizes().valid;
    let task = Task::new(ground.config.clone(), dataset, ground.exec.clone())?;
    let mut archs = Vec::new();
    for arch in task.space.every_arch()? {
        if task.budget.judge(&arch)?.is_ok() {
            archs.push(arch);
        }
    }
    let (recipe, trials) = (ground.config.finals, TrialTask::new(&task, &data));
    trials.check(task.space, &recipe)?;
    let plans = archs.iter().flat_map(|arch| {
        (0..ground.seeds).map(|seed| TrialPlan { arch: arch.clone(), seed, recipe })
    });
    let plans: Vec<TrialPlan> = plans.collect();
    let folder = ground.folder.join("tabulated");
    let threads = ground.threads;
    let trainings = Trainings { task: &trials, folder: &folder, keeps: false, threads };
    let scores = trainings.scores("nets of the table", &plans, told)?;
    let costs = plans.iter().step_by(ground.seeds as usize).map(|plan| {
        let cost = trials.cost(plan)?;
        Ok::<_, StudyError>([cost.params, cost.multiply_adds])
    });
    let costs = costs.collect::<Result<Vec<_>, _>>()?;
    let nets = scores.chunks_exact(ground.seeds as usize).map(<[Score]>::to_vec);
    let about = vec![
        format!(
            "Every architecture of {}{}: each trained from scratch with {} seeds, measured on {images} \
             validation images that no net was trained on.",
            task.space,
            if ground.config.limits.is_set() { " within the limits" } else { "" },
            ground.seeds
        ),
        "score: the mean over the seeds of -ln(cross-entropy in nats); accuracy: the mean share of \
         the images that is right."
            .to_owned(),
        format!(
            "By enasd {} on {}, `enasd tabulate`, seed {}, data {data}.",
            env!("CARGO_PKG_VERSION"),
            ground.exec.name(),
            ground.config.seed
        ),
        format!("Trained as {}", serde_json::to_string(&recipe).map_err(StudyError::Json)?),
    ];
    let archs = archs.into_iter().zip(nets).zip(costs);
    Ok(Tabulated { about, archs: archs.map(|((arch, nets), cost)| (arch, nets, cost)).collect() })
}

impl Tabulated {
    /// The table as a file of comma-separated values.
    pub fn csv(&self) -> Result<Vec<u8>, StudyError> {
        let seeds = self.archs.first().map_or(0, |(_, nets, _)| nets.len());
        let mut columns = ["arch", "score", "accuracy"].map(str::to_owned).to_vec();
        columns.extend((1..=seeds).map(|seed| format!("score_{seed}")));
        columns.extend(["params", "multiply_adds"].map(str::to_owned));
        let mut text: Vec<u8> =
            self.about.iter().flat_map(|line| format!("# {line}\n").into_bytes()).collect();
        let mut writer = csv::Writer::from_writer(&mut text);
        writer.write_record(&columns)?;
        for (arch, nets, cost) in &self.archs {
            let logs = rewards(Objective::NegLogNll, nets);
            let mut row = vec![arch.to_string(), format!("{:.6}", mean(&logs))];
            row.push(format!("{:.5}", mean(&rewards(Objective::Accuracy, nets))));
            row.extend(logs.iter().map(|log| format!("{log:.5}")));
            row.extend(cost.map(|cost| cost.to_string()));
            writer.write_record(&row)?;
        }
        writer.flush().map_err(csv::Error::from)?;
        drop(writer);
        Ok(text)
    }
}

fn rewards(objective: Objective, nets: &[Score]) -> Vec<f64> {
    nets.iter().map(|&score| objective.reward(score)).collect()
}

/// How many there are, and the best of them.
impl fmt::Display for Tabulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} architectures", self.archs.len())?;
        let log = |nets: &[Score]| mean(&rewards(Objective::NegLogNll, nets));
        let mut order: Vec<(f64, &Arch)> =
            self.archs.iter().map(|(arch, nets, _)| (log(nets), arch)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (score, arch) in order.iter().take(5) {
            writeln!(f, "{score:+.4}  {arch}")?;
        }
        let all = self.archs.iter().flat_map(|(_, nets, _)| rewards(Objective::NegLogNll, nets));
        let all: Vec<f64> = all.collect();
        let lost = all.iter().filter(|reward| **reward <= -Objective::MAX_NLL.ln()).count();
        if 0 < lost {
            writeln!(
                f,
                "{lost} of {} nets have a cross-entropy of {} nats or more, or none, and count as \
                 such: lower `final.learning_rate_max`",
                all.len(),
                Objective::MAX_NLL
            )?;
        }
        Ok(())
    }
}
