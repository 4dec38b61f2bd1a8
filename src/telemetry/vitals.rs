//! Signs of life of the actors, and the rule by which one of them is stalled.
//!
//! An actor gives a sign when it is asked while idle, when it finishes a pass, and when it
//! answers. Whoever has work under way has to give one from time to time; whoever has none is well.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::label::Actor;

/// The actors that answer; the controller asks, and its own work is what the others wait for.
const WORKERS: [Actor; 5] =
    [Actor::Trainer, Actor::Evaluator, Actor::Sampler, Actor::Trials, Actor::Keeper];

/// Who gives no sign of life, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Who.
    pub actor: Actor,
    /// Since the last sign.
    pub age: Duration,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, age) = (self.actor.name(), self.age.as_secs_f64());
        write!(f, "the {name} has shown no sign of life for {age:.1} s")
    }
}

/// The signs of life of all actors.
#[derive(Debug)]
pub(super) struct Vitals {
    start: Instant,
    actors: [Vital; Actor::NAMES.len()],
}

#[derive(Debug, Default)]
struct Vital {
    /// Messages sent whose answers were not taken.
    under_way: AtomicUsize,
    /// When the last sign came, in milliseconds since the start.
    sign_ms: AtomicU64,
}

/// An actor at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sign {
    actor: Actor,
    busy: bool,
    age: Duration,
}

impl Vitals {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), actors: Default::default() }
    }

    /// A message is sent to `actor`.
    pub(super) fn asked(&self, actor: Actor) {
        // Asking one that is busy is no sign of its life.
        if self.actors[actor.place()].under_way.fetch_add(1, Ordering::Relaxed) == 0 {
            self.sign(actor);
        }
    }

    /// An answer of `actor` is taken.
    pub(super) fn answered(&self, actor: Actor) {
        self.sign(actor);
        self.actors[actor.place()].under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// `actor` works.
    pub(super) fn sign(&self, actor: Actor) {
        let ms = self.start.elapsed().as_millis() as u64;
        self.actors[actor.place()].sign_ms.store(ms, Ordering::Relaxed);
    }

    /// Who is stalled: see [`stalled`].
    pub(super) fn stalled(&self, resting: bool, patience: Duration) -> Option<Stall> {
        let now = self.start.elapsed();
        let signs = WORKERS.map(|actor| {
            let Vital { under_way, sign_ms } = &self.actors[actor.place()];
            let sign = Duration::from_millis(sign_ms.load(Ordering::Relaxed));
            let busy = under_way.load(Ordering::Relaxed) != 0;
            Sign { actor, busy, age: now.saturating_sub(sign) }
        });
        stalled(&signs, resting, patience)
    }
}

/// The rule: one that has work must have given a sign within `patience`, but for the keeper: the
/// search goes on while its disk hangs, and a restart mends no disk. Where nobody has work and
/// the search does not rest, it is the controller that asks nothing.
fn stalled(signs: &[Sign], resting: bool, patience: Duration) -> Option<Stall> {
    let busy = signs.iter().filter(|sign| sign.busy && sign.actor != Actor::Keeper);
    let late = busy.filter(|sign| patience <= sign.age);
    if let Some(late) = late.max_by_key(|sign| sign.age) {
        return Some(Stall { actor: late.actor, age: late.age });
    }
    if resting || signs.iter().any(|sign| sign.busy) {
        return None;
    }
    let age = signs.iter().map(|sign| sign.age).min().unwrap_or_default();
    (patience <= age).then_some(Stall { actor: Actor::Controller, age })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Actor::{Controller, Evaluator, Keeper, Sampler, Trainer};

    const PATIENCE: Duration = Duration::from_mins(1);

    /// Who is stalled when these are busy, each with the age of its last sign in seconds.
    fn of(busy: &[(Actor, u64)], resting: bool, idle_age: u64) -> Option<Actor> {
        let signs = WORKERS.map(|actor| {
            let found = busy.iter().find(|(name, _)| *name == actor);
            let age = found.map_or(idle_age, |(_, age)| *age);
            Sign { actor, busy: found.is_some(), age: Duration::from_secs(age) }
        });
        stalled(&signs, resting, PATIENCE).map(|stall| stall.actor)
    }

    #[test]
    fn one_that_works_and_shows_it_is_well() {
        assert_eq!(of(&[(Trainer, 59)], false, 0), None);
        assert_eq!(of(&[(Evaluator, 3), (Keeper, 100)], false, 1000), None);
    }

    #[test]
    fn a_trainer_that_hangs_is_stalled_whatever_others_do() {
        assert_eq!(of(&[(Trainer, 60)], false, 0), Some(Trainer));
        assert_eq!(of(&[(Trainer, 60), (Evaluator, 0), (Sampler, 1)], false, 0), Some(Trainer));
        assert_eq!(of(&[(Trainer, 60)], true, 0), Some(Trainer));
    }

    #[test]
    fn a_disk_that_hangs_is_no_reason_for_a_restart() {
        assert_eq!(of(&[(Keeper, 100_000)], false, 100_000), None);
        assert_eq!(of(&[(Keeper, 100_000), (Trainer, 60)], false, 0), Some(Trainer));
    }

    #[test]
    fn rest_is_well_and_silence_is_not() {
        assert_eq!(of(&[], true, 100_000), None);
        assert_eq!(of(&[], false, 59), None);
        assert_eq!(of(&[], false, 60), Some(Controller));
    }

    #[test]
    fn asking_one_that_hangs_is_no_sign_of_its_life() {
        let vitals = Vitals::new();
        vitals.asked(Trainer);
        std::thread::sleep(Duration::from_millis(20));
        vitals.asked(Trainer);
        let patience = Duration::from_millis(20);
        assert_eq!(vitals.stalled(false, patience).map(|stall| stall.actor), Some(Trainer));
        vitals.sign(Trainer);
        assert_eq!(vitals.stalled(false, PATIENCE), None);
        vitals.answered(Trainer);
        vitals.answered(Trainer);
        assert_eq!(vitals.stalled(true, Duration::ZERO), None);
    }
}
