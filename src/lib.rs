//! enasd: a daemon that searches for neural network architectures with ENAS (Pham et al., 2018,
//! *Efficient Neural Architecture Search via Parameter Sharing*).
//!
//! # Three ideas
//!
//! 1. **All children share ω.** A *child* is one architecture run with its part of one large set
//!    of weights ω. So an architecture is scored by forward passes instead of a training of its
//!    own. Such a score ranks children; it is not what a child reaches when it is trained alone.
//! 2. **θ learns which to build.** A space is a script of decisions ([`space::Script`]). The policy
//!    π(m; θ), an LSTM, answers it one decision after the other and so draws an architecture m;
//!    REINFORCE makes the decisions likelier that led to high scores. ω and θ learn in turns.
//! 3. **All of it is exact and honest.** Every random number is a function of the seed, of its owner
//!    and of a counter ([`random`]), and a checkpoint holds all that the next step depends on: a
//!    search that was killed at any moment goes on bit for bit as if it had not been. Beside the
//!    policy a random arm is scored on the same images, with the same weights or with its own, and as
//!    many of its best are retrained as of the policy's; the daemon says in words which scores higher
//!    with the shared weights, which is better once retrained, and whether the policy's draws score
//!    higher than those of the untrained policy ([`search::Verdict`]).
//!
//! # The picture
//!
//! A layer uses those below it and no others; `tests/architecture.rs` has the table and checks it.
//!
//! ```text
//! bin/ enasd, enasctl      arguments, and what is printed
//! daemon    config         the only wiring;  settings with their sources
//! api                      a Unix socket: HTTP and JSON
//! actors    telemetry      who does it;  metrics and logs
//! ───────────────────────  below here: no actors, no sockets, no metrics
//! store     bench          what survives;  timings
//! search    export         policy, REINFORCE, schedule, the plain loop;  drawings, model files
//! engine    data           executors and SGD;  images and batches
//! net                      a child as a graph of layers: plain data
//! space     random         what can be searched;  generators
//! setting   printable      what a setting takes;  foreign text made fit to print
//! numbers                  numbers as people read them
//! ```
//!
//! When it runs, one actor decides, three serve, and one writes. Each has a thread of its own, and
//! only the controller asks:
//!
//! ```text
//! enasctl ─► api ── commands ──► Controller (θ, the schedule) ──► status, metrics
//!                                 │         │          │       └─► Keeper     the files
//!                              Sampler   Trainer   Evaluator
//!                            copy of θ    owns ω    reads ω
//! ```
//!
//! # The plain loop
//!
//! The actors only spread over threads what [`search::run`] does on one; a test requires the same
//! history of both, bit for bit. Without its bookkeeping it is:
//!
//! ```text
//! until the end, by what the schedule says is next:
//!   ω step   draw m ~ π;  train m's part of ω on the next training batch
//!   θ step   draw from π, and as many uniformly;  score both on one validation batch;
//!            θ learns from the scores of its own
//!   derive   draw many;  score them on one batch, and the best again on the whole validation
//!            split;  keep the best of all cycles
//!   promote  train the best from scratch, and as many of uniform draws;  measure the best of each
//!            arm once on the test split;  keep the champion
//! ```
//!
//! A search of two cycles that is stopped in between, and what comes of each step:
//!
//! ```no_run
//! use enasd::search::{Search, SearchError, SearchState, Task, Until, run};
//!
//! fn two_cycles(task: &Task) -> Result<SearchState, SearchError> {
//!     let start = Search::initial_state(task)?;
//!     let middle = run(task.clone(), &start, Until::Cycles(1), |step| println!("{step:?}"))?;
//!     run(task.clone(), &middle, Until::Cycles(2), |step| println!("{step:?}"))
//! }
//! ```
//!
//! A [`search::Task`] is the settings, the images, the nets and what computes them; `tests/common`
//! makes a small one.
//!
//! # Where to start reading
//!
//! 1. `space/script.rs` and `space/whole_net.rs`: what a decision is, and a space made of them.
//! 2. `net/whole_net.rs`: how an architecture becomes a [`net::Net`].
//! 3. `search/run.rs`, then `steps.rs` and `schedule.rs` beside it: the whole search.
//! 4. `search/reinforce.rs` and `walk.rs`: how θ learns; `shared.rs` and `shared_weights.rs`: how ω
//!    does, and how children are scored.
//! 5. `engine/executor.rs`: what an executor promises; `cpu_exec/mod.rs` is the fast one.
//! 6. `store/mod.rs`: what is on disk, and why a crash loses nothing of it.
//! 7. `actors/driver.rs`: the loop again, with threads, commands and a disk that may hang.
//! 8. `daemon/mod.rs`: how it is put together, and what it does when something goes wrong.
//!
//! # Words
//!
//! | Word | What it is | Type |
//! |---|---|---|
//! | architecture, m | the answers to a space's script | [`space::Arch`] |
//! | child | an architecture with its part of ω | [`net::Net`] and [`engine::Params`] |
//! | ω | the weights that all children share | [`search::SharedState`] |
//! | policy, θ | the LSTM that draws architectures, and its parameters | [`search::Policy`] |
//! | rollout | one drawn architecture with its log probability | [`search::Rollout`] |
//! | score, reward | what was measured of a child; what of it θ is to raise | [`search::Score`], [`search::Objective`] |
//! | phase, step | what goes on; one update of ω or of θ, or one derivation | [`search::Phase`] |
//! | epoch, cycle | an ω phase and a θ phase, counted from the start of the search; some epochs and a derivation | [`search::Place`] |
//! | derive | to choose the best of many rollouts | [`search::BestArchs`] |
//! | trial, promotion | the training of one net from scratch; that of the best of both arms | [`search::Trial`], [`search::Promotion`] |
//! | champion | the best so far once retrained | [`search::Champion`] |
//! | snapshot, checkpoint | a copy in memory; a folder on disk | [`engine::Snapshot`], [`store::Checkpoints`] |
//!
//! # How to add something
//!
//! Each page lists the files to edit, in order: an operation or a space in [`space`], a metric in
//! [`telemetry`], a command in [`api`], a setting in [`config`].

pub mod actors;
pub mod api;
pub mod bench;
pub mod config;
pub mod daemon;
pub mod data;
pub mod engine;
pub mod export;
pub mod manual;
pub mod net;
pub mod numbers;
pub mod printable;
pub mod random;
pub mod search;
pub mod setting;
pub mod space;
pub mod store;
pub mod study;
pub mod telemetry;
