//! The steps of a search whose children are trained from scratch: which are to be trained, what θ
//! learns from those of a replica, and which of a cycle's are the best.

use crate::search::replica::Replica;
use crate::search::steps::Learnt;
use crate::search::{
    Applied, Arm, BestArch, BestArchs, BestChange, Candidate, Cause, ChildResult, Diagnosis,
    LearnReport, Outcome, Row, Scored, Search, SearchError, StepRecord, TrainedChild, TrialPlan,
    child_plan,
};

impl Search {
    /// The trials of all children that are not trained, those that were drawn first before others.
    pub fn pending_children(&self) -> Vec<TrialPlan> {
        self.replicas.pending(&self.task)
    }

    /// The trials of the best children of the cycle, whose nets may be wanted.
    pub fn kept_children(&self) -> Vec<TrialPlan> {
        let all = self.of_cycle.iter().flat_map(BestArchs::archs);
        all.map(|best| child_plan(&self.task, best.arch.clone())).collect()
    }

    /// Takes note of what came of a child; one that nobody waits for is none.
    pub fn child_trained(&mut self, plan: &TrialPlan, result: ChildResult) {
        self.replicas.trained(plan, result);
    }

    /// The replica from whose children θ is to learn now; nothing as long as none has all of its
    /// children trained.
    pub fn ready_replica(&mut self) -> Option<usize> {
        let step = self.number();
        self.replicas.ready(step)
    }

    /// Updates θ with what the children of this replica came to, all of which are trained, unless
    /// they are too old; and has it draw the next.
    pub fn finish_children(&mut self, place: usize) -> Result<StepRecord, SearchError> {
        let (objective, config) = (self.task.objective, self.task.config.trial);
        let replica = self.replicas.get(place).clone();
        let age = self.replicas.age(replica.draw);
        let is_refused = config.max_age < age;
        let trained = replica.children.iter().filter_map(|child| {
            Some(TrainedChild { arch_id: child.sampled.arch.id(), result: child.result? })
        });
        let (step, children) = (self.number(), trained.collect());
        let applied = Applied { step, replica: place, age, is_refused, children };
        let mut of_arms: [Vec<Scored>; 2] = Default::default();
        for (place, arm) in [Arm::Controller, Arm::Random].into_iter().enumerate() {
            for child in replica.children.iter().filter(|child| child.arm == arm) {
                let scored = child.scored(objective, &config);
                if matches!(child.result, Some(Ok(_))) {
                    self.offer_to_cycle(place, &scored);
                }
                of_arms[place].push(scored);
            }
        }
        let [policy, random] = of_arms;
        let report = if is_refused {
            LearnReport::without_update(&policy)?
        } else {
            // What θ as it is drew is learnt from as in any other search.
            let by = replica.drawer.policy().filter(|_| 0 < age);
            self.strategy.learn_by(&policy, self.policy_step(replica.epoch), by)?
        };
        let next = self.replicas.next_draw();
        let epoch = self.place.next(&self.task.config.schedule).epoch;
        let next = Replica::new(&self.task, self.strategy.drawer(), next, epoch)?;
        self.replicas.replace(place, next);
        self.compare(Learnt { policy, report }, random, Some(applied))
    }

    /// Offers a child of an arm to the best of the cycle.
    fn offer_to_cycle(&mut self, arm: usize, &Scored { ref sampled, score, reward }: &Scored) {
        let (cycle, step) = (self.place.cycle(&self.task.config.schedule), self.number());
        let best = BestArch { arch: sampled.arch.clone(), score, reward, cycle, step };
        let keep = self.kept_of_cycle();
        self.of_cycle[arm].offer(vec![best], keep);
    }

    /// How many of a cycle's children are to be remembered: those that may be retrained, or be
    /// among the best.
    fn kept_of_cycle(&self) -> usize {
        let config = &self.task.config;
        config.finals.rungs()[0].archs.max(config.derive.keep)
    }

    /// Chooses the best of the cycle's children, and begins a promotion of the best of both arms. A
    /// cycle all of whose children failed chooses none; it is an error where no earlier one chose any.
    pub fn finish_choose(&mut self) -> Result<StepRecord, SearchError> {
        let is_empty = self.of_cycle.iter().all(|of_arm| of_arm.archs().is_empty());
        if is_empty && self.best.archs().is_empty() {
            return Err(SearchError::AllFailed {
                cycle: self.place.cycle(&self.task.config.schedule),
            });
        }
        let [policy, random] = std::mem::take(&mut self.of_cycle);
        let recipe = self.task.config.finals;
        let arms = [(Arm::Derive, &policy), (Arm::Random, &random)];
        let candidates = arms.iter().flat_map(|&(arm, best)| {
            let best = best.archs().iter().take(recipe.rungs()[0].archs);
            best.map(move |best| Candidate::unscored(best.arch.clone(), arm, best.score, &recipe))
        });
        self.finals.under_way = self.promotion_of(Cause::Cycle, recipe, candidates.collect());
        self.diagnosis = Diagnosis::default();
        let row = |arm, best: &BestArch| {
            let (arch, reward) = (best.arch.clone(), Some(best.reward));
            Row { arm, arch, log_prob: None, entropy: None, reward }
        };
        // In the order of the history: the control arm's before those that are derived.
        let chosen = arms
            .iter()
            .rev()
            .flat_map(|&(arm, best)| best.archs().iter().map(move |b| row(arm, b)));
        let rows = chosen.collect();
        let change = self.keep(policy);
        Ok(self.finish(rows, Outcome::Derive(change)))
    }

    /// Offers the policy's children to the best of the search.
    fn keep(&mut self, of_cycle: BestArchs) -> BestChange {
        let step = self.number();
        let chosen = of_cycle.archs().iter().map(|best| BestArch { step, ..best.clone() });
        self.best.offer(chosen.collect(), self.task.config.derive.keep)
    }
}
