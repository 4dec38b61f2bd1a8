//! Eight hundred workers (NAS, Zoph and Le, 2016, section 4.1: 100 replicas of 8 children) that sleep
//! instead of training, by a clock that is turned on by hand, on the queue and the search that the
//! daemon runs: how old what θ learns from is, and that each child counts once, whoever dies.

mod common;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use enasd::random::{Owner, generator};
use enasd::search::{
    Lease, LocalTrials, Outcome, Phase, Score, Search, SearchConfig, Task, Ticket, TrialPlan,
    TrialTask, Trials,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Workers, as many as the children of all replicas.
const WORKERS: u64 = 800;

/// Epochs of a child; after each the worker renews its lease.
const EPOCHS: u32 = 5;

/// A worker that is silent for so long is taken for dead. The slowest epoch takes half of that.
const PATIENCE: Duration = Duration::from_mins(20);

/// One epoch in so many is a worker's last.
const DEATHS: u32 = 50;

/// Steps of θ.
const STEPS: u64 = 800;

/// What happens next at a worker.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// It asks for work.
    Free,
    /// It has finished this epoch of its child.
    Epoch(u32),
}

struct Cluster {
    queue: LocalTrials,
    leases: BTreeMap<u64, Lease>,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    now: Duration,
    rng: ChaCha8Rng,
    trials: TrialTask,
    deaths: u64,
    /// Results that the queue took, and those that it refused.
    taken: u64,
    refused: u64,
}

impl Cluster {
    fn new(trials: TrialTask) -> Self {
        let events = (0..WORKERS).map(|worker| Reverse((Duration::ZERO, worker, Event::Free)));
        Self {
            queue: LocalTrials::new(PATIENCE),
            leases: BTreeMap::new(),
            events: events.collect(),
            now: Duration::ZERO,
            rng: generator(800, Owner::Split, 0),
            trials,
            deaths: 0,
            taken: 0,
            refused: 0,
        }
    }

    fn submit(&self, plans: Vec<TrialPlan>) {
        for plan in plans {
            self.queue.submit(Ticket { key: self.trials.key(&plan), plan }).unwrap();
        }
    }

    /// An epoch takes one to ten minutes; some workers die in it, and their successors come a while
    /// later. A few of these are not dead at all, and come back when nobody waits for them.
    fn work_on(&mut self, worker: u64, epoch: u32) {
        let minutes = self.rng.random_range(1.0..10.0);
        let mut end = self.now + Duration::from_secs_f64(60.0 * minutes);
        let dies = self.rng.random_range(0..DEATHS) == 0;
        if dies {
            self.deaths += 1;
            end += 2 * PATIENCE;
        }
        let comes_back = dies && self.rng.random_range(0..4) == 0;
        let event = if dies && !comes_back { Event::Free } else { Event::Epoch(epoch) };
        self.events.push(Reverse((end, worker, event)));
    }

    /// Turns the clock to the next event.
    fn turn(&mut self, worth: impl Fn(&TrialPlan) -> Score) {
        let Reverse((now, worker, event)) = self.events.pop().unwrap();
        self.now = now;
        match event {
            Event::Free => {
                if let Some(lease) = self.queue.lease(worker, now).unwrap() {
                    self.leases.insert(worker, lease);
                    self.work_on(worker, 1);
                } else {
                    let later = now + Duration::from_secs(10);
                    self.events.push(Reverse((later, worker, Event::Free)));
                }
            }
            Event::Epoch(epoch) => {
                let lease = self.leases[&worker].clone();
                if epoch < EPOCHS && self.queue.renew(&lease, now).unwrap() {
                    return self.work_on(worker, epoch + 1);
                }
                if epoch == EPOCHS {
                    let is_taken =
                        self.queue.complete(&lease, Ok(worth(&lease.ticket.plan))).unwrap();
                    *(if is_taken { &mut self.taken } else { &mut self.refused }) += 1;
                }
                self.events.push(Reverse((now, worker, Event::Free)));
            }
        }
    }
}

fn task() -> Task {
    let text = "[space]\nkind = \"nas_cnn\"\nlayers = 6\nstrides = true\n[policy]\nhidden = 35\n\
                learning_rate = 0.0006\nskip_weight = 0.0\n[schedule]\nshared_steps = 0\n\
                rollouts_per_step = 8\ncontroller_steps = 16\nrandom_arm = false\n\
                epochs_per_cycle = 10\n[score]\nestimator = \"stand-alone\"\n\
                [trial]\nreplicas = 100\nmax_age = 150\n[final]\ncandidates = 0\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, text).unwrap();
    let loaded = enasd::config::Config::load(Some(&file), std::iter::empty(), &[]).unwrap();
    let search: SearchConfig = loaded.config.search;
    common::task(search)
}

/// The wider its filters, the better.
fn worth(plan: &TrialPlan) -> Score {
    let sum: u32 = plan.arch.choices().iter().sum();
    Score { nll: 100.0 * (-f64::from(sum) / 20.0).exp(), correct: 0, items: 100 }
}

/// Has θ learn from every replica whose children are all trained. Returns whether there was one.
fn learn(search: &mut Search, ages: &mut Vec<u64>, rewards: &mut Vec<f64>) -> bool {
    let before = ages.len();
    while let Some(replica) = search.ready_replica() {
        let record = search.finish_children(replica).unwrap();
        let Outcome::Controller(report) = record.outcome else { unreachable!() };
        let applied = report.applied.unwrap();
        assert_eq!(applied.children.len(), 8);
        ages.push(applied.age);
        rewards.push(report.learn.mean_reward);
        if search.place().phase == Phase::Derive {
            search.finish_choose().unwrap();
        }
    }
    before < ages.len()
}

#[test]
fn eight_hundred_workers_that_die_at_random_count_for_each_child_once() {
    let task = task();
    let mut search = Search::new(task.clone(), &Search::initial_state(&task).unwrap()).unwrap();
    let mut cluster = Cluster::new(TrialTask::new(&task, ""));
    let (mut ages, mut rewards, mut results) = (Vec::new(), Vec::new(), 0);
    let start = Instant::now();
    cluster.submit(search.pending_children());
    while (ages.len() as u64) < STEPS {
        cluster.turn(worth);
        while let Some((ticket, result)) = cluster.queue.result().unwrap() {
            results += 1;
            search.child_trained(&ticket.plan, result);
        }
        if learn(&mut search, &mut ages, &mut rewards) {
            cluster.submit(search.pending_children());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let Cluster { deaths, taken, refused, now, .. } = cluster;
    // Whatever the workers did, a result was heard once for each that the queue took, and each child
    // of a step is one draw's: 8 a step, and those under way.
    assert_eq!(results, taken);
    assert!(0 < deaths && 0 < refused, "{deaths} deaths, {refused} results of the dead");
    let drawn = 8 * (STEPS + 100);
    assert!(8 * STEPS <= taken && taken <= drawn, "{taken} of {drawn}");
    ages.sort_unstable();
    let of = |share: f64| ages[(share * (ages.len() - 1) as f64) as usize];
    let mean = ages.iter().sum::<u64>() as f64 / ages.len() as f64;
    let [early, late] = [&rewards[..100], &rewards[rewards.len() - 100..]]
        .map(|rewards| rewards.iter().sum::<f64>() / 100.0);
    println!(
        "{taken} children by {WORKERS} workers in {:.1} hours of theirs and {seconds:.1} s of ours, \
         {:.0} children an hour; {deaths} workers died, {refused} came back with results that no \
         longer counted; age of what θ learnt from: mean {mean:.1}, median {}, 95 % {}, most {}; \
         reward {early:.4}, then {late:.4}",
        now.as_secs_f64() / 3600.0,
        taken as f64 / now.as_secs_f64() * 3600.0,
        of(0.5),
        of(0.95),
        of(1.0)
    );
    // A hundred replicas take turns.
    assert!((50.0..150.0).contains(&mean), "{mean}");
    assert!(early < late, "it learnt nothing: {early}, then {late}");
}
