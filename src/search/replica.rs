//! Replicas of the policy that draw children, and θ, which learns from theirs as they come (NAS, Zoph
//! and Le, 2016, section 3.2).
//!
//! ```text
//! replica k:  θ_k ← θ   draws m children ─► all are trained ─► g at θ_k ─► θ ← Adam(θ, g) ─┐
//!               ▲────────────────────────── next draw ────────────────────────────────────┘
//! ```
//!
//! Each draw has a number: the first K are those of the replicas in order, and what is drawn once the
//! children of step n were learnt from is number K + n. So all that a search with replicas does is a
//! function of its settings and of the order in which replicas were learnt from, which the history
//! has. With one replica there is one order. Nets may grow with the number of the draw.

use std::collections::VecDeque;

use crate::engine::Snapshot;
use crate::search::{
    Arm, Child, ChildResult, DrawRequest, DrawRule, Drawer, PhaseRollout, Policy, Population,
    SearchError, StrategyKind, Task, TrialPlan, child_plan, draw,
};

/// A replica: who draws, as it was, and what it drew.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    /// The number of the draw.
    pub draw: u64,
    /// Epochs that were finished when it was drawn.
    pub epoch: u64,
    /// Who drew.
    pub drawer: Drawer,
    /// The policy's children, and as many of the control arm's after them.
    pub children: Vec<Child>,
}

/// What a restart needs of a replica: its children are drawn again.
#[derive(Clone, Debug, Default)]
pub struct ReplicaState {
    /// The number of the draw.
    pub draw: u64,
    /// Epochs that were finished when it was drawn.
    pub epoch: u64,
    /// The version of its θ.
    pub policy_version: u64,
    /// Its θ; nothing where no policy draws.
    pub policy: Snapshot,
    /// The population that it draws from, the oldest first, where one evolves.
    pub population: Vec<PhaseRollout>,
    /// What came of its children so far.
    pub results: Vec<Option<ChildResult>>,
}

/// From whose children θ learnt in a step, and what came of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The number of the step.
    pub step: u64,
    /// Whose children.
    pub replica: usize,
    /// Steps of θ since they were drawn.
    pub age: u64,
    /// Whether θ learnt from them: it does not from those that are too old.
    pub is_refused: bool,
    /// What came of each, the policy's before the control arm's.
    pub children: Vec<TrainedChild>,
}

/// What came of a child.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedChild {
    /// The canonical id of its architecture.
    pub arch_id: String,
    /// What came of it.
    pub result: ChildResult,
}

impl Replica {
    /// What `drawer` draws as the draw of this number, after so many epochs.
    pub(super) fn new(
        task: &Task,
        drawer: Drawer,
        number: u64,
        epoch: u64,
    ) -> Result<Self, SearchError> {
        let task = &task.at_draw(number)?;
        let schedule = &task.config.schedule;
        let arms = [
            (Arm::Controller, schedule.rollouts_per_step),
            (Arm::Random, schedule.of_random_arm()),
        ];
        let mut children = Vec::new();
        for (arm, count) in arms {
            let rule = DrawRule::OfArm;
            let request = DrawRequest { arm, count, index: number, epoch, rule };
            let drawn = draw(&drawer, task, task.config.seed, request)?.sampled;
            children.extend(drawn.into_iter().map(|sampled| Child { arm, sampled, result: None }));
        }
        Ok(Self { draw: number, epoch, drawer, children })
    }

    fn from_state(task: &Task, state: &ReplicaState) -> Result<Self, SearchError> {
        let (config, script) = (&task.config.policy, task.space.script());
        let drawer = match config.strategy {
            StrategyKind::Reinforce | StrategyKind::Ppo => {
                let version = state.policy_version;
                Drawer::Policy(
                    Policy::from_snapshot(config, &script, &state.policy, version)?.into(),
                )
            }
            StrategyKind::Evolution => {
                let members = state.population.clone();
                Drawer::Population(Population::of(config, &script, members)?.into())
            }
            StrategyKind::Random => Drawer::Uniform,
        };
        let mut replica = Self::new(task, drawer, state.draw, state.epoch)?;
        for (child, result) in replica.children.iter_mut().zip(&state.results) {
            child.result = *result;
        }
        Ok(replica)
    }

    fn state(&self) -> Result<ReplicaState, SearchError> {
        let (mut policy, mut policy_version, mut population) = (Snapshot::new(), 0, Vec::new());
        match &self.drawer {
            Drawer::Policy(found) => {
                (policy, policy_version) = (found.snapshot()?, found.version());
            }
            Drawer::Population(found) => population = found.members().cloned().collect(),
            Drawer::Uniform => {}
        }
        let results = self.children.iter().map(|child| child.result).collect();
        let (draw, epoch) = (self.draw, self.epoch);
        Ok(ReplicaState { draw, epoch, policy_version, policy, population, results })
    }

    fn is_trained(&self) -> bool {
        self.children.iter().all(|child| child.result.is_some())
    }
}

/// All replicas.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    all: Vec<Replica>,
    /// Those whose children are all trained, in the order in which that was heard.
    trained: VecDeque<usize>,
    /// What was applied by a search that got further, from the next step on.
    replay: VecDeque<Applied>,
}

impl Replicas {
    /// The replicas at the start of a search.
    pub(super) fn initial(task: &Task, drawer: &Drawer) -> Result<Vec<ReplicaState>, SearchError> {
        let replicas = 0..task.config.trial.replicas as u64;
        let first = |number| Replica::new(task, drawer.clone(), number, 0)?.state();
        replicas.map(first).collect()
    }

    pub(super) fn from_states(task: &Task, states: &[ReplicaState]) -> Result<Self, SearchError> {
        let all = states.iter().map(|state| Replica::from_state(task, state));
        let all: Vec<Replica> = all.collect::<Result<_, _>>()?;
        let trained = (0..all.len()).filter(|&place| all[place].is_trained()).collect();
        Ok(Self { all, trained, replay: VecDeque::new() })
    }

    pub(super) fn states(&self) -> Result<Vec<ReplicaState>, SearchError> {
        self.all.iter().map(Replica::state).collect()
    }

    /// Takes what an earlier search of this state applied, oldest first; `step` comes next.
    pub(super) fn replay(&mut self, applied: &[Applied], step: u64) {
        self.replay = applied.iter().filter(|applied| step <= applied.step).cloned().collect();
    }

    /// The trials of all children that are not trained, those that were drawn first before others.
    pub(super) fn pending(&self, task: &Task) -> Vec<TrialPlan> {
        let mut replicas: Vec<&Replica> = self.all.iter().collect();
        replicas.sort_by_key(|replica| replica.draw);
        let mut pending: Vec<TrialPlan> = Vec::new();
        for child in replicas.into_iter().flat_map(|replica| &replica.children) {
            let arch = &child.sampled.arch;
            let is_new = child.result.is_none() && pending.iter().all(|plan| plan.arch != *arch);
            if is_new {
                pending.push(child_plan(task, arch.clone()));
            }
        }
        pending
    }

    /// Takes note of what came of a child, of whichever replicas it is.
    pub(super) fn trained(&mut self, plan: &TrialPlan, result: ChildResult) {
        for (place, replica) in self.all.iter_mut().enumerate() {
            let was_trained = replica.is_trained();
            for child in &mut replica.children {
                if child.result.is_none() && child.sampled.arch == plan.arch {
                    child.result = Some(result);
                }
            }
            if !was_trained && replica.is_trained() {
                self.trained.push_back(place);
            }
        }
    }

    /// The replica from whose children θ learns at `step`, if all of them are trained; that of a
    /// search that got further, where there was one.
    pub(super) fn ready(&mut self, step: u64) -> Option<usize> {
        if let Some(replica) = self.replayed(step) {
            return Some(replica);
        }
        // What does not fit is of no use, and neither is what came after it.
        self.replay.clear();
        self.trained.front().copied()
    }

    /// The replica that a search that got further learnt from at `step`, whose children now have the
    /// results that they had there; nothing where these are others.
    fn replayed(&mut self, step: u64) -> Option<usize> {
        let Applied { replica, ref children, .. } =
            *self.replay.front().filter(|applied| applied.step == step)?;
        let found = self.all.get_mut(replica)?;
        let drawn = found.children.iter().map(|child| child.sampled.arch.id());
        if !drawn.eq(children.iter().map(|child| child.arch_id.clone())) {
            return None;
        }
        for (child, known) in found.children.iter_mut().zip(children) {
            child.result = Some(known.result);
        }
        Some(replica)
    }

    /// The number of the next draw.
    pub(super) fn next_draw(&self) -> u64 {
        1 + self.all.iter().map(|replica| replica.draw).max().unwrap_or_default()
    }

    /// Puts what `place` draws next where that was which θ has learnt from.
    pub(super) fn replace(&mut self, place: usize, next: Replica) {
        self.replay.pop_front();
        self.trained.retain(|&trained| trained != place);
        self.all[place] = next;
    }

    /// What `place` drew.
    pub(super) fn get(&self, place: usize) -> &Replica {
        &self.all[place]
    }

    /// Steps of θ since the draw of this number, before the step that comes next.
    pub(super) fn age(&self, draw: u64) -> u64 {
        let count = self.all.len() as u64;
        let applied = |next: u64| next.saturating_sub(count);
        applied(self.next_draw()) - applied(draw + 1)
    }
}
