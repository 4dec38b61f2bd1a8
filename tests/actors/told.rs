//! What a search tells while it runs: how far a derivation is, and what is worth an event.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use actix::{Actor, Context, Handler, System};
use enasd::actors::{Crew, Evaluate, Status};
use enasd::search::{SCORED_AGAIN, Score, SearchError, Until};
use enasd::store::{HistoryReader, history_rows};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::stage::{LIMIT, stage, stage_watched};
use crate::{common, plain};

/// An evaluator that counts the architectures of a derivation one by one, and scores them only once
/// each count was published.
struct OneByOne {
    inner: Crew,
    status: watch::Receiver<Arc<Status>>,
    seen: Arc<Mutex<Vec<(u64, u64)>>>,
}

impl Actor for OneByOne {
    type Context = Context<Self>;
}

impl Handler<Evaluate> for OneByOne {
    type Result = actix::ResponseFuture<Result<Vec<Score>, SearchError>>;

    fn handle(&mut self, message: Evaluate, _: &mut Context<Self>) -> Self::Result {
        let (evaluate, mut status) = (self.inner.evaluate.clone(), self.status.clone());
        let seen = self.seen.clone();
        Box::pin(async move {
            if status.borrow().derivation.is_some() {
                for _ in &message.job.archs {
                    let now = message.scored.fetch_add(1, Ordering::Relaxed) + 1;
                    let told = |s: &Arc<Status>| s.derivation.is_some_and(|d| d.scored == now);
                    let status = timeout(LIMIT, status.wait_for(told)).await.unwrap().unwrap();
                    seen.lock().unwrap().push((now, status.derivation.unwrap().of));
                }
            }
            evaluate.send(Evaluate { scored: Arc::default(), ..message }).await.unwrap()
        })
    }
}

#[test]
fn a_derivation_publishes_how_many_are_scored() {
    let task = common::task(common::tiny_config());
    let (samples, rerank) = (task.config.derive.samples, task.config.derive.rerank);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let seen = Arc::new(Mutex::new(Vec::new()));
    System::new().block_on(async {
        let stage = stage_watched(&task, &path, Until::Cycles(1), |crew, status| {
            let seen = seen.clone();
            let one = OneByOne { inner: crew.clone(), status, seen }.start();
            Crew { evaluate: one.recipient(), ..crew }
        });
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        assert_eq!(stage.status.borrow().derivation, None);
    });
    // Some of the policy's are scored again, and as many as it drew at its start.
    let of = (samples + rerank + SCORED_AGAIN.min(samples) + samples) as u64;
    let expected: Vec<(u64, u64)> = (1..=of).map(|scored| (scored, of)).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
    let records = plain(&task, Until::Cycles(1));
    assert_eq!(common::history(&path), history_rows(&records, &task.config.schedule));
}

/// What a person reads in the morning.
#[test]
fn events_tell_of_the_best_the_verdict_the_cycle_and_the_end() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(2), |crew| crew);
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    let records = plain(&task, Until::Cycles(2));
    let steps = records.len() + 1;
    let reader = HistoryReader::open(&path.join("history.sqlite")).unwrap();
    let events = reader.events(0, 100).unwrap();
    let told = |kind: &str| -> Vec<&str> {
        events.iter().filter(|event| event.kind == kind).map(|e| e.message.as_str()).collect()
    };
    assert_eq!(told("start"), ["the search begins"]);
    assert_eq!(told("stop"), [format!("it stopped before search step {steps}, and all is saved")]);
    let cycles = told("cycle");
    assert_eq!(cycles.len(), 2, "{cycles:?}");
    assert!(
        cycles[0].starts_with("cycle 1 ended; the best architecture so far is m"),
        "{cycles:?}"
    );
    assert!(
        cycles[1].starts_with("cycle 2 ended; the best architecture so far is m"),
        "{cycles:?}"
    );
    // Each of two cycles ends with draws of the policy as it is and as it was.
    for cycle in cycles {
        assert!(cycle.contains("than the untrained policy's: "), "{cycle}");
    }
    let best = told("best");
    let first = " validation images with the shared weights; the first of this search";
    assert!(best[0].contains(first), "{best:?}");
    // Two cycles of tiny.toml have six θ steps each: the tenth brings the first verdict.
    let verdict = told("verdict");
    assert!(
        verdict[0].contains("random") && verdict[0].ends_with("not measured yet"),
        "{verdict:?}"
    );
}
